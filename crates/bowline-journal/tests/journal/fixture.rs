//! A store as version 1 of the format wrote it, kept for ever: whatever comes later must read it.
//!
//! The files in `tests/fixture/v1` were written once by `build` and are never changed. A later version of the format adds a directory.

use bowline_journal::{
    Class, Entry, Item, Journal, Location, MemoryDisk, Moved, Options, Record, check, dump, repair,
};

use crate::world::options;

const FILES: [(&str, &[u8]); 7] = [
    (
        "0000000007.seg",
        include_bytes!("../fixture/v1/0000000007.seg"),
    ),
    (
        "0000000008.seg",
        include_bytes!("../fixture/v1/0000000008.seg"),
    ),
    (
        "0000000010.snap",
        include_bytes!("../fixture/v1/0000000010.snap"),
    ),
    (
        "0000000011.cold",
        include_bytes!("../fixture/v1/0000000011.cold"),
    ),
    (
        "0000000012.seg",
        include_bytes!("../fixture/v1/0000000012.seg"),
    ),
    (
        "0000000013.hole",
        include_bytes!("../fixture/v1/0000000013.hole"),
    ),
    (
        "0000000014.seg",
        include_bytes!("../fixture/v1/0000000014.seg"),
    ),
];

fn fixture() -> MemoryDisk {
    let disk = MemoryDisk::new();
    for (name, bytes) in FILES {
        disk.put(name, bytes.to_vec());
    }
    disk
}

fn version_1(salt: u64) -> Options {
    Options {
        writer: "bowline 0.1.0".to_owned(),
        ..options(salt)
    }
}

fn open(disk: &MemoryDisk, salt: u64) -> Journal<MemoryDisk> {
    Journal::open(disk.clone(), version_1(salt), &mut |_| Ok(()))
        .unwrap()
        .0
}

fn append(journal: &mut Journal<MemoryDisk>, kind: u8, live: bool, bytes: &[u8]) -> Location {
    journal
        .append(Record {
            kind,
            live,
            parts: &[bytes],
        })
        .unwrap()
}

/// Writes such a store: a snapshot, survivors that were moved, a tail that a recovery copied, accepted damage.
fn build() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk, 1);
    journal.claims_complete();
    let mut live = Vec::new();
    for number in 0..7_u8 {
        live.push(append(&mut journal, 1, true, &[number; 6000]));
        live.push(append(&mut journal, 1, true, &[number + 100; 5000]));
        journal.commit().unwrap();
        journal.chores().unwrap();
    }
    append(&mut journal, 2, false, b"most of them are settled");
    for (index, location) in live.iter().enumerate() {
        if index != 3 && index != 10 {
            journal.retire(*location).unwrap();
        }
    }
    let mut snapshot = journal.snapshot_begin().unwrap();
    snapshot.write(3, &[b"state: ", b"two are live"]).unwrap();
    journal.commit().unwrap();
    assert!(journal.snapshot_ready(&mut snapshot));
    let published = snapshot.publish();
    journal.snapshot_done(snapshot, published).unwrap();
    let mut evacuation = journal.evacuation_begin().unwrap();
    while !evacuation.step(1 << 20).unwrap() {}
    let copied = journal.evacuation_copied(evacuation, Ok(())).unwrap();
    assert_eq!(copied.moves.len(), 2);
    journal.evacuation_adopted().unwrap();
    journal.commit().unwrap();
    journal.chores().unwrap();
    append(&mut journal, 2, false, b"this commit will be damaged");
    journal.commit().unwrap();
    append(&mut journal, 2, false, b"in the tail, ");
    append(&mut journal, 1, true, b"which a recovery copies");
    journal.commit().unwrap();
    drop(journal);

    drop(open(&disk.after_kill(), 2));
    let disk = disk.after_kill();
    drop(open(&disk, 2));
    let (name, mut bytes, place) = disk
        .names()
        .into_iter()
        .filter_map(|name| Some((name.clone(), disk.bytes(&name)?)))
        .find_map(|(name, bytes)| {
            let place = bytes
                .windows(14)
                .position(|bytes| bytes == b"will be damage")?;
            Some((name, bytes, place))
        })
        .unwrap();
    bytes[place] ^= 1;
    disk.put(&name, bytes);
    assert_eq!(repair(disk.clone(), &version_1(3)).unwrap().len(), 1);
    let mut journal = open(&disk, 4);
    append(&mut journal, 2, false, b"the last");
    journal.settle().unwrap();
    drop(journal);
    disk.after_kill()
}

/// What an opening tells, without locations.
fn told(disk: &MemoryDisk) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
    let mut told = Vec::new();
    Journal::open(disk.after_kill(), version_1(99), &mut |entry| {
        told.push(match entry {
            Entry::Snapshot { kind, bytes } => format!("snapshot {kind}: {}", text(bytes)),
            Entry::Record {
                kind, live, bytes, ..
            } => {
                format!(
                    "{} {kind}: {}",
                    if live { "live" } else { "log" },
                    text(bytes)
                )
            }
            Entry::Moved(Moved { from, to }) => format!("moved {} of {}", from.len, to.len),
        });
        Ok(())
    })
    .unwrap();
    told
}

const TOLD: [&str; 6] = [
    "snapshot 3: state: two are live",
    "moved 5000 of 5000",
    "moved 6000 of 6000",
    "log 2: in the tail, ",
    "live 1: which a recovery copies",
    "log 2: the last",
];

#[test]
fn version_1_is_read() {
    assert_eq!(told(&fixture()), TOLD);
    let report = check(&fixture()).unwrap();
    assert_eq!(report.refusal, None);
    assert!(
        report
            .files
            .iter()
            .all(|file| file.writer == "bowline 0.1.0")
    );
    // The accepted damage is still there to be seen.
    assert_eq!(report.damage.len(), 1);
}

#[test]
fn live_records_of_version_1_read_back() {
    let mut moves = Vec::new();
    let (mut journal, _) = Journal::open(fixture(), version_1(99), &mut |entry| {
        if let Entry::Moved(moved) = entry {
            moves.push(moved);
        }
        Ok(())
    })
    .unwrap();
    let mut buffer = Vec::new();
    for (moved, byte) in moves.iter().zip([101_u8, 5]) {
        journal.claim(moved.to).unwrap();
        let (kind, bytes) = journal.read(moved.to, &mut buffer).unwrap();
        assert_eq!((kind, bytes), (1, &vec![byte; moved.to.len as usize][..]));
    }
}

#[test]
fn every_kind_of_file_is_in_the_fixture_and_what_is_built_today_reads_the_same() {
    for disk in [fixture(), build()] {
        assert_eq!(told(&disk), TOLD);
        let mut classes = Vec::new();
        dump(&disk, &mut |item| {
            if let Item::File { class, .. } = item {
                classes.push(class);
            }
            Ok(())
        })
        .unwrap();
        for class in [Class::Log, Class::Cold, Class::Snapshot, Class::RepairNote] {
            assert!(classes.contains(&class), "{class:?}");
        }
    }
}
