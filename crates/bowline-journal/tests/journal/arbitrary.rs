//! Arbitrary bytes in place of a journal: opening, checking, dumping and repairing may refuse, never panic, and take no more
//! memory than the files are long.

use bowline_journal::{Journal, MemoryDisk, check, dump, repair};

use crate::world::{Chance, World, options};

/// Whatever is on the disk: all ways to read it come back.
fn read_every_way(disk: &MemoryDisk) -> bool {
    drop(check(&disk.after_kill()));
    drop(dump(&disk.after_kill(), &mut |_| Ok(())));
    drop(repair(disk.after_kill(), &options(8)));
    let opened = Journal::open(disk.after_kill(), options(9), &mut |_| Ok(()));
    if let Ok((mut journal, _)) = opened {
        // What opens can be used, and opens again.
        journal.claims_complete();
        drop(journal.commit());
        drop(journal.chores());
        return true;
    }
    false
}

#[test]
fn random_files_never_panic() {
    let mut chance = Chance(21);
    for _ in 0..300 {
        let disk = MemoryDisk::new();
        for number in 0..chance.below(4) {
            let class = ["seg", "cold", "snap", "hole", "tmp", "x"][chance.below(6) as usize];
            let length = chance.below(20_000) as usize;
            let mut bytes: Vec<u8> = (0..length).map(|_| chance.next() as u8).collect();
            if chance.below(2) == 0 && bytes.len() > 8 {
                bytes[..8].copy_from_slice(b"bowlineJ");
            }
            disk.put(&format!("{number:010}.{class}"), bytes);
        }
        read_every_way(&disk);
    }
}

/// A store with a bit of everything in it.
fn seed_store(chance: &mut Chance) -> MemoryDisk {
    let mut world = World::new(options(chance.next()));
    for _ in 0..150 + chance.below(250) {
        world.step(chance);
    }
    world.disk.after_kill()
}

fn mutate(disk: &MemoryDisk, chance: &mut Chance) {
    let names = disk.names();
    let name = &names[chance.below(names.len() as u64) as usize];
    let other = &names[chance.below(names.len() as u64) as usize];
    let Some(mut bytes) = disk.bytes(name).filter(|bytes| !bytes.is_empty()) else {
        return;
    };
    let length = bytes.len() as u64;
    match chance.below(7) {
        0 => bytes[chance.below(length) as usize] ^= 1 << chance.below(8),
        1 => bytes.truncate(chance.below(length) as usize),
        2 => {
            let at = (chance.below(length) & !511) as usize;
            let end = (at + 512).min(bytes.len());
            bytes[at..end].fill(0);
        }
        3 => {
            // A sector from elsewhere.
            let Some(from) = disk.bytes(other) else {
                return;
            };
            let at = (chance.below(length) & !511) as usize;
            let end = (at + 512).min(bytes.len()).min(from.len());
            if at < end {
                bytes[at..end].copy_from_slice(&from[at..end]);
            }
        }
        4 => {
            disk.unput(name);
            return;
        }
        5 => {
            // Under another number, or as another kind of file.
            disk.put(&format!("{:010}.seg", chance.below(30)), bytes);
            return;
        }
        _ => bytes.extend((0..chance.below(2000)).map(|_| chance.next() as u8)),
    }
    disk.put(name, bytes);
}

#[test]
fn mutated_stores_never_panic() {
    let mut chance = Chance(22);
    let mut opened = 0;
    for _ in 0..12 {
        let store = seed_store(&mut chance);
        for _ in 0..40 {
            let disk = store.after_kill();
            for _ in 0..=chance.below(3) {
                mutate(&disk, &mut chance);
            }
            opened += u32::from(read_every_way(&disk));
        }
    }
    assert!(opened > 20, "{opened}");
}

#[test]
fn headers_that_verify_but_lie_never_panic() {
    // The checksum of a header is no secret: any field may hold anything.
    let mut chance = Chance(23);
    for _ in 0..12 {
        let store = seed_store(&mut chance);
        for _ in 0..60 {
            let disk = store.after_kill();
            let names = disk.names();
            let name = &names[chance.below(names.len() as u64) as usize];
            let Some(mut bytes) = disk.bytes(name).filter(|bytes| bytes.len() >= 4096) else {
                continue;
            };
            let field = [12, 20, 40, 48, 56, 64, 72, 80, 88][chance.below(9) as usize];
            let value = match chance.below(3) {
                0 => chance.next(),
                1 => u64::from_le_bytes(bytes[64..72].try_into().unwrap()) + chance.below(9000),
                _ => chance.below(1 << 36) & !511,
            };
            bytes[field..field + 8].copy_from_slice(&value.to_le_bytes());
            let sum = crc32c::crc32c(&bytes[..508]).to_le_bytes();
            bytes[508..512].copy_from_slice(&sum);
            disk.put(name, bytes);
            read_every_way(&disk);
        }
    }
}
