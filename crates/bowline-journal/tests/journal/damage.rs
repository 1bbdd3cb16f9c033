//! Bytes that rot: below the newest witness opening refuses and names the place; in the unwitnessed tail it drops and says so.

use bowline_journal::{
    Class, Dropped, Entry, Item, Journal, Location, Lsn, MemoryDisk, OpenError, Repaired, check,
    dump, repair,
};

use crate::world::{Model, World, options};

/// A store with a snapshot, old segments with live messages, and some segments of log behind it, all witnessed.
fn store() -> World {
    let mut world = World::new(options(1));
    for _ in 0..20 {
        world.put(700).unwrap();
        world.put(30).unwrap();
        world.commit();
        world.chores();
    }
    assert!(world.snapshot());
    for _ in 0..24 {
        world.put(900).unwrap();
        world.commit();
        world.drop_oldest().unwrap();
        world.put(40).unwrap();
        world.commit();
        world.chores();
    }
    world.witness();
    world
}

/// A frame as `dump` tells it.
#[derive(Clone, Debug)]
struct Frame {
    file: String,
    class: Class,
    position: Lsn,
    sequence: u64,
    /// Offset behind its body.
    end: u64,
    records: u32,
}

fn frames(disk: &MemoryDisk) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut open = (String::new(), Class::Log);
    dump(disk, &mut |item| {
        match item {
            Item::File { name, class, .. } => open = (name.to_owned(), class),
            Item::Frame {
                position,
                sequence,
                bytes,
                records,
                sound,
                ..
            } => {
                assert!(sound);
                let end = u64::from(position.offset()) + 48 + u64::from(bytes);
                let (file, class) = open.clone();
                frames.push(Frame {
                    file,
                    class,
                    position,
                    sequence,
                    end,
                    records,
                });
            }
            Item::Record { .. } => {}
            Item::BadFile { .. } => panic!("{item:?}"),
        }
        Ok(())
    })
    .unwrap();
    frames
}

/// Position of the first frame that replay reads.
fn replay(disk: &MemoryDisk) -> Lsn {
    let mut start = Lsn::ZERO;
    dump(disk, &mut |item| {
        if let Item::File { replay, .. } = item {
            start = start.max(replay);
        }
        Ok(())
    })
    .unwrap();
    start
}

fn flipped(disk: &MemoryDisk, file: &str, bit: u64) -> MemoryDisk {
    let disk = disk.after_kill();
    let mut bytes = disk.bytes(file).unwrap();
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    disk.put(file, bytes);
    disk
}

fn zeroed(disk: &MemoryDisk, file: &str, page: usize) -> MemoryDisk {
    let disk = disk.after_kill();
    let mut bytes = disk.bytes(file).unwrap();
    let end = (page + 4096).min(bytes.len());
    bytes[page..end].fill(0);
    disk.put(file, bytes);
    disk
}

#[track_caller]
fn refusal(disk: &MemoryDisk, model: &Model) -> (String, u64) {
    match World::open(disk.after_kill(), options(9), model.clone()) {
        Err(OpenError::Damaged(damage)) => {
            let report = check(&disk.after_kill()).unwrap();
            assert_eq!(
                report.refusal.as_ref(),
                Some(&damage),
                "check says what opening says"
            );
            assert!(!report.is_sound());
            (damage.file, damage.offset)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened in spite of damage"),
    }
}

#[test]
fn a_flipped_bit_below_the_witness_refuses_and_names_the_place() {
    let world = store();
    let disk = world.disk.after_kill();
    let start = replay(&disk);
    let witnessed: Vec<Frame> = frames(&disk)
        .into_iter()
        .filter(|frame| frame.class == Class::Log && frame.position >= start && frame.records > 0)
        .collect();
    assert!(
        witnessed.len() > 40
            && witnessed
                .iter()
                .any(|f| f.position.number() != start.number())
    );
    for (index, frame) in witnessed.iter().enumerate() {
        let from = u64::from(frame.position.offset());
        // Every bit of some headers, of the others and of the bodies a few.
        let stride = if index % 16 == 0 { 1 } else { 61 };
        let header = (from * 8..(from + 48) * 8).step_by(stride);
        let body = ((from + 48) * 8..frame.end * 8).step_by(1009);
        for bit in header.chain(body) {
            let (file, offset) = refusal(&flipped(&disk, &frame.file, bit), &world.model);
            assert_eq!(
                (file.as_str(), offset),
                (frame.file.as_str(), from),
                "bit {bit}"
            );
        }
    }
}

#[test]
fn a_zeroed_page_below_the_witness_refuses_and_names_the_place() {
    let world = store();
    let disk = world.disk.after_kill();
    let start = replay(&disk);
    let all = frames(&disk);
    let mut tried = 0;
    for file in disk.names().iter().filter(|name| name.ends_with(".seg")) {
        for page in (4096..16 << 10).step_by(4096) {
            let first = all.iter().find(|frame| {
                let from = u64::from(frame.position.offset());
                let hit = from < page as u64 + 4096 && frame.end > page as u64;
                &frame.file == file && hit && frame.position >= start && frame.records > 0
            });
            let Some(first) = first else { continue };
            tried += 1;
            let (named, offset) = refusal(&zeroed(&disk, file, page), &world.model);
            assert_eq!(&named, file);
            assert_eq!(
                offset,
                u64::from(first.position.offset()),
                "page {page} of {file}"
            );
        }
        let (named, offset) = refusal(&zeroed(&disk, file, 0), &world.model);
        assert_eq!((&named, offset), (file, 0));
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn a_segment_or_snapshot_that_is_missing_refuses() {
    let world = store();
    let start = replay(&world.disk.after_kill());
    let names = world.disk.names();
    let needed = names.iter().filter(|name| {
        let number: u32 = name.split('.').next().unwrap().parse().unwrap();
        name.ends_with(".snap") || number >= start.number()
    });
    // The last two are spares: nobody misses them.
    let needed: Vec<_> = needed.collect();
    for file in &needed[..needed.len() - 2] {
        let disk = world.disk.after_kill();
        disk.unput(file);
        refusal(&disk, &world.model);
    }
}

#[test]
fn a_damaged_snapshot_refuses_when_the_log_before_it_is_gone() {
    let world = store();
    let disk = world.disk.after_kill();
    let file = disk
        .names()
        .into_iter()
        .find(|name| name.ends_with(".snap"))
        .unwrap();
    let length = disk.bytes(&file).unwrap().len() as u64;
    let last = frames(&disk)
        .into_iter()
        .rfind(|frame| frame.file == file)
        .unwrap();
    assert_eq!(last.end.next_multiple_of(512), length);
    for bit in (0..512 * 8)
        .step_by(11)
        .chain((4096 * 8..last.end * 8).step_by(331))
    {
        let (named, _) = refusal(&flipped(&disk, &file, bit), &world.model);
        assert_eq!(named, file, "bit {bit}");
    }
    let shorter = disk.after_kill();
    shorter.put(
        &file,
        disk.bytes(&file).unwrap()[..last.position.offset() as usize].to_vec(),
    );
    refusal(&shorter, &world.model);
}

#[test]
fn a_damaged_snapshot_does_not_matter_while_the_log_is_whole() {
    let mut world = World::new(options(1));
    for _ in 0..5 {
        world.put(100).unwrap();
    }
    assert!(world.snapshot());
    world.put(100).unwrap();
    world.commit();
    world.witness();
    let file = world
        .disk
        .names()
        .into_iter()
        .find(|name| name.ends_with(".snap"))
        .unwrap();
    let disk = flipped(&world.disk, &file, 4200 * 8);
    let mut again = World::open(disk, options(2), world.model).unwrap();
    again.read_all();
    assert_eq!(again.recovered.unusable_snapshot.unwrap().file, file);
    assert_eq!(
        (again.recovered.snapshot, again.recovered.records),
        (None, 6)
    );
}

/// A store whose last frame was written and not synced, in a new or a recycled segment.
fn with_unsynced_tail(recycled: bool) -> (World, Frame) {
    let mut world = World::new(options(1));
    if recycled {
        world = store();
        for _ in 0..3 {
            while world.drop_oldest().is_ok() && !world.live.is_empty() {}
            world.snapshot();
            world.chores();
            for _ in 0..12 {
                world.put(900).unwrap();
                world.commit();
            }
        }
    }
    world.put(2000).unwrap();
    world.commit();
    world.witness();
    world.put(1500).unwrap();
    let commit = world.journal.commit_begin().unwrap();
    commit.perform().unwrap();
    let last = frames(&world.disk.after_kill())
        .into_iter()
        .max_by_key(|frame| frame.sequence);
    (world, last.unwrap())
}

#[test]
fn a_flipped_bit_in_the_unwitnessed_tail_is_dropped_and_reported() {
    for recycled in [false, true] {
        let (world, last) = with_unsynced_tail(recycled);
        let committed = world.model.committed;
        let from = u64::from(last.position.offset());
        for bit in (from * 8..(from + 48) * 8).chain(((from + 48) * 8..last.end * 8).step_by(97)) {
            let disk = flipped(&world.disk, &last.file, bit);
            let report = check(&disk).unwrap();
            assert!(report.is_sound(), "bit {bit}: {report:?}");
            let again = World::open(disk, options(9), world.model.clone()).unwrap();
            assert_eq!(again.model.operations.len(), committed);
            let Some(Dropped {
                file,
                offset,
                bytes,
            }) = again.recovered.dropped
            else {
                panic!("recycled {recycled}, bit {bit}: nothing was reported")
            };
            assert_eq!((file.as_str(), offset), (last.file.as_str(), from));
            assert!(bytes > 0 && report.dropped.unwrap().bytes == bytes);
        }
        // Without a flip the tail is kept: it is whole.
        let again = World::open(world.disk.after_kill(), options(9), world.model.clone()).unwrap();
        assert_eq!(again.model.operations.len(), committed + 1);
        assert_eq!(again.recovered.dropped, None);
    }
}

#[test]
fn a_zeroed_page_in_the_unwitnessed_tail_is_dropped() {
    for recycled in [false, true] {
        let (world, last) = with_unsynced_tail(recycled);
        let from = last.position.offset() as usize;
        let disk = zeroed(&world.disk, &last.file, from);
        let again = World::open(disk, options(9), world.model.clone()).unwrap();
        assert_eq!(again.model.operations.len(), world.model.committed);
    }
}

#[test]
fn a_bit_flipped_in_a_live_message_is_seen_when_it_is_read() {
    let world = store();
    let start = replay(&world.disk.after_kill());
    let (message, location) = world.live.iter().next().map(|(m, l)| (*m, *l)).unwrap();
    assert!(location.lsn < start, "in a segment that is not replayed");
    let offset = u64::from(location.lsn.offset());
    let file = format!("{:010}.seg", location.lsn.number());
    for bit in (offset * 8..(offset + 12 + u64::from(location.len)) * 8).step_by(29) {
        let disk = flipped(&world.disk, &file, bit);
        let report = check(&disk).unwrap();
        assert!(report.refusal.is_none() && report.damage.iter().any(|damage| damage.file == file));
        let mut again = World::open(disk, options(9), world.model.clone()).unwrap();
        let mut buffer = Vec::new();
        let error = again
            .journal
            .read(again.live[&message], &mut buffer)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{file}` is damaged at offset {offset}: a live record does not verify")
        );
    }
}

/// The operations that an opening tells, without judging them.
fn told(disk: &MemoryDisk) -> Vec<u64> {
    let mut told = Vec::new();
    Journal::open(disk.after_kill(), options(77), &mut |entry| {
        if let Entry::Record { bytes, .. } = entry {
            told.push(u64::from_le_bytes(bytes[..8].try_into().unwrap()));
        }
        Ok(())
    })
    .unwrap();
    told
}

#[test]
fn repair_gives_up_exactly_what_cannot_be_read() {
    let world = store();
    let disk = world.disk.after_kill();
    let all = told(&disk);
    let start = replay(&disk);
    let log: Vec<Frame> = frames(&disk)
        .into_iter()
        .filter(|frame| frame.class == Class::Log && frame.position >= start)
        .collect();
    let full: Vec<&Frame> = log.iter().filter(|frame| frame.records > 0).collect();
    for (index, frame) in full.iter().enumerate() {
        let disk = flipped(
            &disk,
            &frame.file,
            (u64::from(frame.position.offset()) + 20) * 8,
        );
        let done = repair(disk.clone(), &options(50)).unwrap();
        let [Repaired::FramesLost(hole)] = &done[..] else {
            panic!("{done:?}")
        };
        assert_eq!(
            (hole.from_sequence, hole.to_sequence),
            (frame.sequence, frame.sequence + 1)
        );
        let left = told(&disk);
        let lost: Vec<_> = all
            .iter()
            .filter(|operation| !left.contains(operation))
            .collect();
        assert!(
            !lost.is_empty() && lost.len() <= frame.records as usize,
            "frame {index}: {lost:?}"
        );
        assert!(left.is_sorted(), "the rest in order");
        // It stays so, also after the next recovery, and a second repair has nothing to do.
        let (journal, _) = Journal::open(disk.clone(), options(51), &mut |_| Ok(())).unwrap();
        drop(journal);
        assert_eq!(told(&disk), left);
        assert!(repair(disk.clone(), &options(52)).unwrap().is_empty());
    }
}

#[test]
fn repair_restores_headers_and_salvages_snapshots() {
    let world = store();
    let disk = world.disk.after_kill();
    for file in disk.names().iter().filter(|name| *name != "lock") {
        let disk = flipped(&disk, file, 100);
        let done = repair(disk.clone(), &options(50)).unwrap();
        assert_eq!(done, [Repaired::HeaderRestored { file: file.clone() }]);
        let mut again = World::open(disk, options(51), world.model.clone()).unwrap();
        again.read_all();
    }
    let file = disk
        .names()
        .into_iter()
        .find(|name| name.ends_with(".snap"))
        .unwrap();
    let disk = flipped(&disk, &file, 4200 * 8);
    let done = repair(disk.clone(), &options(50)).unwrap();
    assert!(
        matches!(&done[..], [Repaired::SnapshotPartsLost { kept: 0, .. }]),
        "{done:?}"
    );
    let all = told(&world.disk.after_kill());
    assert_eq!(told(&disk), all);
}

#[test]
fn repair_of_a_lost_segment_keeps_what_comes_before_and_after() {
    let world = store();
    let disk = world.disk.after_kill();
    let all = told(&disk);
    let start = replay(&disk);
    for number in start.number()
        ..=frames(&disk)
            .iter()
            .map(|f| f.position.number())
            .max()
            .unwrap()
    {
        let file = format!("{number:010}.seg");
        let Some(mut bytes) = disk.bytes(&file) else {
            continue;
        };
        bytes[..4096].fill(0);
        let disk = disk.after_kill();
        disk.put(&file, bytes);
        let done = repair(disk.clone(), &options(50));
        if number == start.number() {
            // Where replay begins is gone with it: nothing tells what the rest builds on.
            assert!(matches!(done, Err(OpenError::Damaged(_))), "{done:?}");
            continue;
        }
        let done = done.unwrap();
        assert!(
            matches!(
                &done[..],
                [Repaired::FilePutAside { .. }, Repaired::FramesLost(_)]
            ),
            "{done:?}"
        );
        let left = told(&disk);
        assert!(left.len() < all.len() && left.is_sorted());
        assert!(disk.names().contains(&format!("{file}.damaged")));
    }
}

#[test]
fn check_and_dump_change_nothing_and_need_the_lock() {
    let world = store();
    assert!(matches!(check(&world.disk), Err(OpenError::Locked)));
    assert!(matches!(
        dump(&world.disk, &mut |_| Ok(())),
        Err(OpenError::Locked)
    ));
    let disk = world.disk.after_kill();
    let report = check(&disk).unwrap();
    assert!(report.is_sound() && report.dropped.is_none(), "{report:?}");
    let mut live = Vec::new();
    dump(&disk, &mut |item| {
        if let Item::Record {
            location,
            live: true,
            ..
        } = item
        {
            live.push(location);
        }
        Ok(())
    })
    .unwrap();
    let held: Vec<Location> = world.live.values().copied().collect();
    assert!(held.iter().all(|location| live.contains(location)));
    assert_eq!((disk.counts().writes, disk.counts().syncs), (0, 0));
    let sum: u64 = report.files.iter().map(|file| file.records).sum();
    assert!(sum as usize >= world.model.operations.len());
    assert_eq!(report.files[0].writer, "bowline-test 1.2.3");
}
