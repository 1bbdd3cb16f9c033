//! Space comes back, in any order, and what a recycled segment held before is never taken for data.

use bowline_journal::{Class, Item, Stats, dump};

use crate::world::{Chance, World, judge, options};

const SEGMENT: u64 = 16 << 10;

/// What the broker would do after each commit.
fn housekeeping(world: &mut World) {
    world.chores();
    if world.journal.snapshot_due() {
        assert!(world.snapshot());
        world.evacuate_around(|_| {});
        world.commit();
        world.chores();
    }
}

#[test]
fn everything_comes_back_when_everything_is_settled() {
    let mut world = World::new(options(1));
    for _ in 0..300 {
        world.put(500).unwrap();
        world.commit();
        housekeeping(&mut world);
    }
    let full = world.journal.stats();
    assert!(full.segment_bytes > 300 * 500 && full.live_records == 300);
    while !world.live.is_empty() {
        world.drop_oldest().unwrap();
        world.commit();
        world.chores();
    }
    world.snapshot();
    world.chores();
    let empty = world.journal.stats();
    assert_eq!((empty.live_records, empty.live_bytes), (0, 0));
    // The one that is written and the spares.
    assert_eq!(
        (empty.log_segments, empty.cold_segments, empty.spares),
        (3, 0, 2)
    );
    assert_eq!(empty.segment_bytes, 3 * SEGMENT);
    judge(world.disk.after_kill(), 2, &world.model);
}

/// Many short-lived messages and some that stay: the greatest the segments became.
fn peak(keep_one_in: u64, messages: u64) -> (Stats, u64, u64) {
    let mut world = World::new(options(3));
    let mut peak_bytes = 0;
    let mut moved_bytes = 0;
    for round in 0..messages {
        let message = world.put(300).unwrap();
        if round % 4 == 3 {
            world.commit();
            let gone = world
                .live
                .keys()
                .filter(|old| **old < message && **old % keep_one_in != 0);
            for gone in gone.copied().collect::<Vec<_>>() {
                world.drop_message(gone).unwrap();
            }
            let before: u64 = world.disk.counts().bytes_written;
            housekeeping(&mut world);
            moved_bytes += world.disk.counts().bytes_written - before;
        }
        peak_bytes = peak_bytes.max(world.journal.stats().segment_bytes);
    }
    world.commit();
    world.read_all();
    let stats = world.journal.stats();
    judge(world.disk.after_kill(), 4, &world.model);
    (stats, peak_bytes, moved_bytes)
}

#[test]
fn few_old_messages_pin_about_their_own_bytes() {
    let (stats, peak_bytes, _) = peak(101, 3000);
    // Logged were 60 segments. What stays is small; the rest is the log since the last snapshot.
    assert!(stats.live_records >= 15, "{stats:?}");
    assert!(
        peak_bytes <= 14 * SEGMENT,
        "{} segments",
        peak_bytes / SEGMENT
    );
}

#[test]
fn one_message_in_twenty_that_stays_costs_a_few_times_its_bytes() {
    let (stats, peak_bytes, _) = peak(20, 4000);
    assert!(
        stats.live_records >= 100 && stats.cold_segments >= 1,
        "{stats:?}"
    );
    assert!(
        peak_bytes <= 2 * stats.live_bytes + 14 * SEGMENT,
        "{peak_bytes} for {stats:?}"
    );
}

#[test]
fn segments_are_recycled_only_when_what_emptied_them_is_durable() {
    let mut world = World::new(options(1));
    for _ in 0..40 {
        world.put(700).unwrap();
        world.commit();
        world.chores();
    }
    world.snapshot();
    world.chores();
    let before = world.journal.stats();
    while !world.live.is_empty() {
        world.drop_oldest().unwrap();
    }
    // The drops are staged, not committed: a crash now must find all messages.
    world.chores();
    assert_eq!(world.journal.stats().log_segments, before.log_segments);
    judge(world.disk.after_power_cut(&mut || false), 2, &world.model);
    world.commit();
    world.chores();
    assert!(world.journal.stats().log_segments < before.log_segments);
    judge(world.disk.after_power_cut(&mut || false), 3, &world.model);
}

#[test]
fn a_segment_that_is_read_is_not_recycled() {
    let mut world = World::new(options(1));
    for _ in 0..40 {
        world.put(700).unwrap();
        world.commit();
        world.chores();
    }
    world.snapshot();
    let (message, location) = world.live.iter().next().map(|(m, l)| (*m, *l)).unwrap();
    let reading = world.journal.reading(location).unwrap();
    while !world.live.is_empty() {
        world.drop_oldest().unwrap();
    }
    world.commit();
    world.snapshot();
    // Whatever is recycled now is written over.
    for _ in 0..60 {
        world.chores();
        world.put(700).unwrap();
        world.commit();
        world.drop_oldest().unwrap();
    }
    let mut buffer = Vec::new();
    let (_, bytes) = reading.perform(&mut buffer).unwrap();
    assert_eq!(bytes[8..16], message.to_le_bytes());
    world.commit();
    world.snapshot();
    world.chores();
    let held = world.journal.stats().log_segments;
    drop(reading);
    world.chores();
    assert_eq!(world.journal.stats().log_segments, held - 1);
}

#[test]
fn frames_of_a_former_life_never_verify() {
    let mut world = World::new(options(1));
    let mut chance = Chance(5);
    for _ in 0..400 {
        world.put(chance.below(900) as usize).unwrap();
        world.commit();
        world.drop_oldest().unwrap();
        housekeeping(&mut world);
    }
    // Segments that were just recycled are full of whole old frames and show none.
    let disk = world.disk.after_kill();
    let mut frames = Vec::new();
    let mut reused = 0;
    dump(&disk, &mut |item| {
        match item {
            Item::File {
                name,
                class: Class::Log,
                ..
            } => {
                frames.push(0);
                let bytes = disk.bytes(name).unwrap();
                let old = bytes
                    .chunks(512)
                    .filter(|sector| sector.starts_with(b"BWLF"))
                    .count();
                reused += usize::from(old > 5);
            }
            Item::Frame { .. } => *frames.last_mut().unwrap() += 1,
            Item::File { .. } | Item::BadFile { .. } | Item::Record { .. } => {}
        }
        Ok(())
    })
    .unwrap();
    assert!(
        reused >= 2 && frames.iter().rev().take(2).all(|count| *count == 0),
        "{frames:?}"
    );
    judge(disk, 2, &world.model);
}

#[test]
fn a_message_costs_its_bytes_and_little_more() {
    let mut world = World::new(options(1));
    let before = world.disk.counts().bytes_written;
    for _ in 0..8 {
        world.put(256).unwrap();
    }
    world.commit();
    let written = world.disk.counts().bytes_written - before;
    // 48 for the frame, 12 for each record, 16 of the test itself, rounded to the sector.
    assert_eq!(
        written,
        (48 + 8 * (12 + 16 + 256_u64)).next_multiple_of(512)
    );
}

/// Many messages of which one in seven stays, in segments behind a snapshot.
fn sparse() -> World {
    let mut world = World::new(options(1));
    for _ in 0..60 {
        world.put(2000).unwrap();
        world.commit();
        world.chores();
    }
    let many: Vec<u64> = world
        .live
        .keys()
        .copied()
        .filter(|message| message % 7 != 0)
        .collect();
    for message in many {
        world.drop_message(message).unwrap();
    }
    world.commit();
    assert!(world.snapshot());
    world
}

#[test]
fn what_is_settled_while_it_is_moved_leaves_nothing_behind() {
    let mut world = sparse();
    let moved = world.evacuate_around(|world| {
        // By their old locations, which are still the only ones that the caller knows.
        world.read_all();
        for message in [7, 14, 21] {
            world.drop_message(message).unwrap();
        }
    });
    assert_eq!(moved, 8);
    world.commit();
    world.read_all();
    assert_eq!(world.journal.stats().live_records, 5);
    while !world.live.is_empty() {
        world.drop_oldest().unwrap();
    }
    world.commit();
    world.snapshot();
    world.chores();
    let stats = world.journal.stats();
    assert_eq!(
        (stats.live_records, stats.cold_segments, stats.log_segments),
        (0, 0, 3)
    );
}

#[test]
fn a_scrub_finds_what_is_damaged_and_live() {
    let mut world = sparse();
    let scrub = |world: &World| {
        let (mut number, mut segments) = (0, 0);
        while let Some(mut scrub) = world.journal.scrub_begin(number) {
            while !scrub.step(1000).unwrap() {}
            if let Some(damage) = scrub.damage() {
                return Err(damage.clone());
            }
            number = scrub.number();
            segments += 1;
        }
        Ok(segments)
    };
    assert!(scrub(&world).unwrap() > 4);
    world.evacuate_around(|_| {});
    world.commit();
    assert_eq!(scrub(&world).unwrap(), 1);
    let location = world.live[&21];
    let file = format!("{:010}.cold", location.lsn.number());
    let disk = world.disk.after_kill();
    let mut bytes = disk.bytes(&file).unwrap();
    bytes[location.lsn.offset() as usize + 30] ^= 4;
    disk.put(&file, bytes);
    let mut world = World::open(disk, options(2), world.model).unwrap();
    let damage = scrub(&world).unwrap_err();
    assert_eq!(damage.file, file);
    assert!(damage.offset <= location.lsn.offset().into());
    world.drop_message(21).unwrap();
    world.commit();
    // Nobody needs it any more; its neighbours in the same frame are still not to be read.
    assert!(scrub(&world).is_err());
    while !world.live.is_empty() {
        world.drop_oldest().unwrap();
    }
    assert_eq!(scrub(&world), Ok(0));
}
