//! The ordinary ways: what a caller sees when nothing fails.

use bowline_journal::{
    AppendError, Chore, Commit, Entry, Evacuation, Journal, Location, Lsn, MemoryDisk, OpenError,
    Options, OsDisk, OsFile, ReadError, Reading, Record, Scrub, SnapshotWriter, check,
};

use crate::world::{Model, World, judge, options};

#[test]
fn what_was_committed_comes_back_in_order() {
    let mut world = World::new(options(1));
    assert!(world.recovered.created);
    for len in [8, 100, 3000, 20] {
        world.put(len).unwrap();
    }
    world.drop_message(2).unwrap();
    world.commit();
    world.witness();
    assert_eq!(world.model.committed, 5);
    world.read_all();
    let again = judge(world.disk.after_kill(), 2, &world.model);
    assert_eq!(again.live.len(), 3);
    assert_eq!(again.recovered.dropped, None);
    assert!(!again.recovered.created);
}

#[test]
fn a_second_opening_is_refused_while_the_first_is_there() {
    let world = World::new(options(1));
    let second = World::open(world.disk.clone(), options(2), Model::default());
    assert!(matches!(second, Err(OpenError::Locked)));
    let disk = world.disk.clone();
    drop(world);
    World::open(disk, options(3), Model::default()).unwrap();
}

#[test]
fn records_gather_while_a_commit_is_under_way() {
    let mut world = World::new(options(1));
    world.put(100).unwrap();
    let commit = world.journal.commit_begin().unwrap();
    let before = world.disk.counts();
    world.put(100).unwrap();
    world.put(100).unwrap();
    assert!(
        world.journal.commit_begin().is_none(),
        "one commit at a time"
    );
    assert!(!world.journal.witness_due());
    let result = commit.perform();
    world.journal.commit_done(commit, result).unwrap();
    world.note_committed();
    assert_eq!(world.model.committed, 1);
    world.commit();
    assert_eq!(world.model.committed, 3);
    let after = world.disk.counts();
    assert_eq!(
        (after.writes - before.writes, after.syncs - before.syncs),
        (2, 2)
    );
    assert!(world.journal.witness_due());
    world.witness();
    assert!(!world.journal.witness_due());
    world.read_all();
}

#[test]
fn a_group_is_one_frame_or_nothing() {
    let (mut journal, _) = Journal::open(MemoryDisk::new(), options(1), &mut |_| Ok(())).unwrap();
    let bytes = [7; 2000];
    let record = Record {
        kind: 9,
        live: true,
        parts: &[&bytes],
    };
    let small = Record {
        kind: 9,
        live: false,
        parts: &[&bytes[..3]],
    };
    let mut locations = Vec::new();
    // Alone they would share frames; a group of four does not fit into what is left of the first.
    journal.append_group(&[record], &mut locations).unwrap();
    journal
        .append_group(&[small, record, record, small], &mut locations)
        .unwrap();
    let commit = journal.commit_begin().unwrap();
    let result = commit.perform();
    let committed = journal.commit_done(commit, result).unwrap();
    assert!(locations[0].lsn < committed);
    assert!(
        locations[1..]
            .iter()
            .all(|location| location.lsn >= committed)
    );
    journal.commit().unwrap();
    assert!(
        locations
            .iter()
            .all(|location| location.lsn < journal.committed())
    );

    let large = vec![0; 16 << 10];
    let large = Record {
        kind: 9,
        live: true,
        parts: &[&large],
    };
    let refused = journal.append_group(&[small, large], &mut locations);
    assert!(matches!(
        refused,
        Err(AppendError::TooLarge { max: 12_240, .. })
    ));
    let reserved = Record { kind: 240, ..small };
    assert!(matches!(
        journal.append(reserved),
        Err(AppendError::ReservedKind(240))
    ));
    assert_eq!(locations.len(), 5);
    assert_eq!(journal.head(), journal.committed());
}

#[test]
fn only_live_committed_records_are_read() {
    let mut world = World::new(options(1));
    let message = world.put(50).unwrap();
    let location = world.live[&message];
    let mut buffer = Vec::new();
    assert!(matches!(
        world.journal.reading(location),
        Err(ReadError::NotCommitted(_))
    ));
    world.commit();
    world.journal.read(location, &mut buffer).unwrap();
    for nowhere in [Lsn::ZERO, Lsn::new(1, 8192), Lsn::new(99, 4096)] {
        let nowhere = Location {
            lsn: nowhere,
            len: 10,
        };
        assert!(matches!(
            world.journal.reading(nowhere),
            Err(ReadError::NotLive(_))
        ));
        assert!(world.journal.retire(nowhere).is_err());
    }
    // A length that is not the record's is noticed.
    let longer = Location {
        len: location.len + 1,
        ..location
    };
    let read = world.journal.read(longer, &mut buffer);
    assert!(matches!(read, Err(ReadError::Damaged(_))));
    world.drop_message(message).unwrap();
    assert!(matches!(
        world.journal.reading(location),
        Err(ReadError::NotLive(_))
    ));
    assert!(world.journal.retire(location).is_err(), "retired twice");
}

#[test]
fn claims_that_cannot_be_are_refused() {
    let mut world = World::new(options(1));
    let message = world.put(50).unwrap();
    world.commit();
    let location = world.live[&message];
    let disk = world.disk.after_kill();
    let (mut journal, _) = Journal::open(disk, options(2), &mut |_| Ok(())).unwrap();
    for lsn in [
        Lsn::ZERO,
        Lsn::new(77, 4096),
        Lsn::new(1, 100),
        Lsn::new(1, 16 << 10),
    ] {
        assert!(journal.claim(Location { lsn, len: 50 }).is_err(), "{lsn}");
    }
    journal.claim(location).unwrap();
    assert!(journal.claim(location).is_err(), "claimed twice");
}

#[test]
fn an_unknown_kind_refuses_and_names_the_writer() {
    let mut world = World::new(options(1));
    world.put(50).unwrap();
    world.commit();
    world
        .journal
        .append(Record {
            kind: 77,
            live: false,
            parts: &[b"?"],
        })
        .unwrap();
    world.commit();
    world.witness();
    let error = World::open(world.disk.after_kill(), options(2), world.model).unwrap_err();
    assert_eq!(
        error.to_string(),
        "record of kind 77 in `0000000001.seg` at offset 4656, written by bowline-test 1.2.3, is not understood: kind 77 is not one of this program"
    );
    assert_eq!(
        error.hint(),
        "start the version that wrote it, or a later one"
    );
}

#[test]
fn two_stores_in_one_directory_are_refused() {
    let first = World::new(options(1));
    let second = World::new(Options {
        store: [9; 16],
        ..options(2)
    });
    first.disk.put(
        "0000000009.seg",
        second.disk.bytes("0000000001.seg").unwrap(),
    );
    let error = World::open(first.disk.after_kill(), options(3), Model::default()).unwrap_err();
    assert!(
        matches!(error, OpenError::Damaged(_)),
        "another number than its name: {error}"
    );

    let disk = MemoryDisk::new();
    let mut salt = 9;
    while !disk.names().contains(&"0000000002.seg".to_owned()) {
        salt += 1;
        let options = Options {
            store: [9; 16],
            ..options(salt)
        };
        Journal::open(disk.clone(), options, &mut |_| Ok(())).unwrap();
    }
    first.disk.unput("0000000009.seg");
    first
        .disk
        .put("0000000002.seg", disk.bytes("0000000002.seg").unwrap());
    let error = World::open(first.disk.after_kill(), options(3), Model::default()).unwrap_err();
    assert!(
        matches!(&error, OpenError::Mixed { file } if file == "0000000002.seg"),
        "{error}"
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for bad in [
        Options {
            align_bytes: 1024,
            ..options(1)
        },
        Options {
            segment_bytes: 16_385,
            ..options(1)
        },
        Options {
            segment_bytes: 8192,
            ..options(1)
        },
    ] {
        let opened = Journal::open(MemoryDisk::new(), bad, &mut |_| Ok(()));
        assert!(matches!(opened, Err(OpenError::Options(_))));
    }
}

#[test]
fn segments_of_another_size_and_alignment_are_still_read() {
    let mut world = World::new(options(1));
    for _ in 0..30 {
        world.put(600).unwrap();
        world.commit();
        world.chores();
    }
    let other = Options {
        segment_bytes: 64 << 10,
        align_bytes: 4096,
        ..options(2)
    };
    let mut world = World::open(world.disk.after_kill(), other, world.model).unwrap();
    world.read_all();
    for _ in 0..50 {
        world.put(6000).unwrap();
        world.drop_oldest().unwrap();
        world.commit();
        world.chores();
    }
    world.snapshot();
    world.chores();
    let mut world = World::open(world.disk.after_kill(), options(3), world.model).unwrap();
    world.read_all();
}

#[test]
fn nothing_is_told_that_the_snapshot_covers() {
    let mut world = World::new(options(1));
    for _ in 0..10 {
        world.put(100).unwrap();
    }
    assert!(world.snapshot_around(|world| {
        world.put(100).unwrap();
        world.drop_oldest().unwrap();
    }));
    world.put(100).unwrap();
    world.commit();
    let mut told = Vec::new();
    Journal::open(world.disk.after_kill(), options(2), &mut |entry| {
        told.push(match entry {
            Entry::Snapshot { kind, .. } => ("snapshot", kind),
            Entry::Record { kind, .. } => ("log", kind),
            Entry::Moved(_) => ("moved", 0),
        });
        Ok(())
    })
    .unwrap();
    let mut expected = vec![("snapshot", 3)];
    expected.extend([("snapshot", 4); 10]);
    expected.extend([("log", 1), ("log", 2), ("log", 1)]);
    assert_eq!(told, expected);
}

#[test]
fn what_is_handed_out_may_go_to_another_thread() {
    fn may_go<T: Send>() {}
    may_go::<Journal<OsDisk>>();
    may_go::<Commit<OsFile>>();
    may_go::<Reading<OsFile>>();
    may_go::<Scrub<OsFile>>();
    may_go::<Chore<OsDisk>>();
    may_go::<SnapshotWriter<OsDisk>>();
    may_go::<Evacuation<OsDisk>>();
}

#[test]
fn a_real_directory_keeps_what_was_committed() {
    let directory = std::env::temp_dir().join(format!("bowline-journal-{}", std::process::id()));
    let disk = || OsDisk::new(&directory).unwrap();
    let (mut journal, recovered) = Journal::open(disk(), options(1), &mut |_| Ok(())).unwrap();
    assert!(recovered.created);
    journal.claims_complete();
    let mut locations = Vec::new();
    for number in 0..40_u8 {
        let bytes = [number; 900];
        locations.push(
            journal
                .append(Record {
                    kind: 1,
                    live: true,
                    parts: &[&bytes],
                })
                .unwrap(),
        );
        journal.commit().unwrap();
        journal.chores().unwrap();
    }
    journal.settle().unwrap();
    let second = Journal::open(disk(), options(2), &mut |_| Ok(()));
    assert!(matches!(second, Err(OpenError::Locked)));
    drop(journal);
    assert!(check(&disk()).unwrap().is_sound());
    let mut told = 0;
    let (mut journal, _) = Journal::open(disk(), options(2), &mut |entry| {
        told += u32::from(matches!(entry, Entry::Record { .. }));
        Ok(())
    })
    .unwrap();
    assert_eq!(told, 40);
    let mut buffer = Vec::new();
    for (number, location) in (0..40_u8).zip(&locations) {
        journal.claim(*location).unwrap();
        assert_eq!(
            journal.read(*location, &mut buffer).unwrap(),
            (1, &[number; 900][..])
        );
    }
    drop(journal);
    std::fs::remove_dir_all(&directory).unwrap();
}
