//! Calls that fail: an input/output error or a full disk at every call, and a disk that really fills up.

use std::collections::BTreeSet;

use bowline_journal::{AppendError, Fault, MemoryDisk, Options, Space};

use crate::crash::{history, moving_history};
use crate::world::{Chance, Model, World, judge, options};

type History = fn(&mut World);

const HISTORIES: [History; 2] = [history, moving_history];

/// The indices of the calls of a clean run, and of those that commits made.
fn clean_run(history: History) -> (u64, BTreeSet<u64>) {
    let disk = MemoryDisk::new();
    let mut world = World::open(disk.clone(), options(1), Model::default()).unwrap();
    history(&mut world);
    assert!(world.journal.latched().is_none());
    (disk.counts().calls, world.commit_calls)
}

#[test]
fn after_an_input_output_error_nothing_is_acknowledged() {
    for history in HISTORIES {
        let (calls, _) = clean_run(history);
        let mut chance = Chance(3);
        for call in 0..calls {
            let disk = MemoryDisk::new();
            disk.fail_call(call, Fault::Io);
            let opened = World::open(disk.clone(), options(1), Model::default());
            let Ok(mut world) = opened else {
                judge(disk.after_kill(), 2, &Model::default());
                continue;
            };
            world.fault_call = Some(call);
            // `World` asserts that what is committed stays as it was from the fault on.
            history(&mut world);
            assert!(world.journal.latched().is_some(), "call {call}");
            let refused = world.put(10);
            assert!(
                matches!(refused, Err(AppendError::Latched(_))),
                "call {call}"
            );
            assert!(world.journal.settle().is_err());
            let counts = disk.counts();
            assert!(world.journal.commit().is_err() && world.journal.chore_begin().is_none());
            assert_eq!(
                counts,
                disk.counts(),
                "a journal that stopped touches nothing"
            );
            // The page cache of the next process may hold what the disk does not: see `judge`.
            judge(disk.after_kill(), 2, &world.model);
            judge(disk.after_power_cut(&mut || false), 3, &world.model);
            judge(
                disk.after_power_cut(&mut || chance.below(2) == 0),
                4,
                &world.model,
            );
        }
    }
}

#[test]
fn a_full_disk_stops_the_journal_only_on_the_commit_path() {
    for history in HISTORIES {
        let (calls, commit_calls) = clean_run(history);
        let opening = {
            let disk = MemoryDisk::new();
            World::open(disk.clone(), options(1), Model::default()).unwrap();
            disk.counts().calls
        };
        let mut survived = 0;
        for call in 0..calls {
            let disk = MemoryDisk::new();
            disk.fail_call(call, Fault::Full);
            let opened = World::open(disk.clone(), options(1), Model::default());
            let Ok(mut world) = opened else {
                assert!(call < opening);
                judge(disk.after_kill(), 2, &Model::default());
                continue;
            };
            history(&mut world);
            judge(disk.after_kill(), 2, &world.model);
            judge(disk.after_power_cut(&mut || false), 3, &world.model);
            if commit_calls.contains(&call) {
                assert!(
                    world.journal.latched().is_some(),
                    "call {call} was of a commit"
                );
                continue;
            }
            survived += 1;
            assert!(
                world.journal.latched().is_none(),
                "call {call} was of housekeeping"
            );
            assert_eq!(world.model.committed, world.model.operations.len());
            world.chores();
            assert_eq!(world.journal.space(), Space::Ample);
            world.put(3000).unwrap();
            world.commit();
            world.read_all();
        }
        assert!(survived > 20, "{survived}");
    }
}

#[test]
fn a_disk_that_fills_up_refuses_early_and_resumes() {
    for by_quota in [false, true] {
        let bytes = 5 * (16 << 10);
        let options = Options {
            bytes_max: if by_quota { bytes } else { u64::MAX },
            free_bytes_min: 8 << 10,
            ..options(1)
        };
        let mut world = World::new(options);
        world
            .disk
            .set_capacity((!by_quota).then_some(bytes + (20 << 10)));
        world.chores();
        let mut taken = 0;
        while world.journal.space() == Space::Ample {
            world.put(1000).unwrap();
            world.commit();
            world.chores();
            taken += 1;
            assert!(taken < 200, "it never fills up");
        }
        // What was on its way when it became known still finds room, for a whole segment.
        for _ in 0..7 {
            world.put(1000).unwrap();
        }
        while world.put(1000).is_ok() {}
        assert!(matches!(world.put(1000), Err(AppendError::NoRoom)));
        world.commit();
        // What settles things has the reserve, and delivery goes on.
        world.read_all();
        for _ in 0..15 {
            world.drop_oldest().unwrap();
            world.commit();
        }
        world.chores();
        assert_eq!(world.journal.space(), Space::Low);
        // A snapshot still fits, and gives the space back that was settled.
        assert!(world.snapshot());
        world.chores();
        while world.journal.space() == Space::Low {
            world.drop_oldest().unwrap();
            world.commit();
            if world.journal.snapshot_due() {
                assert!(world.snapshot());
            }
            world.chores();
        }
        assert!(world.live.len() > 10, "long before everything is settled");
        world.put(1000).unwrap();
        world.commit();
        world.read_all();
        assert!(world.journal.latched().is_none());
        judge(world.disk.after_kill(), 5, &world.model);
    }
}

#[test]
fn space_made_by_others_ends_the_refusal() {
    let mut world = World::new(options(1));
    world.disk.set_capacity(Some(40 << 10));
    world.chores();
    assert_eq!(world.journal.space(), Space::Low);
    world.disk.set_capacity(None);
    world.chores();
    assert_eq!(world.journal.space(), Space::Ample);
    assert_eq!(world.journal.stats().spares, 2);
}

#[test]
fn a_full_disk_can_be_opened_again_on_its_spare() {
    let mut world = World::new(options(1));
    world.chores();
    world.put(1000).unwrap();
    world.commit();
    let disk = world.disk.after_kill();
    disk.set_capacity(Some(disk.used_bytes()));
    let world = World::open(disk, options(2), world.model).unwrap();
    assert_eq!(world.journal.stats().log_segments, 3);
}

#[test]
fn a_segment_that_a_failed_chore_left_does_not_hide_the_log_behind_it() {
    let mut world = World::new(options(1));
    world.chores();
    let before = world.disk.names();
    // Only the last sync of the directory fails, and cleaning up does not last either.
    world.put(9000).unwrap();
    world.put(9000).unwrap();
    world.commit();
    world.witness();
    let disk = world.disk.clone();
    let mut chore = world.journal.chore_begin().unwrap();
    let calls = {
        // Renaming is the last call but one; find it on a disk of its own.
        let trial = disk.after_kill();
        let mut other = World::open(trial.clone(), options(2), world.model.clone()).unwrap();
        other.chores();
        other.put(9000).unwrap();
        other.put(9000).unwrap();
        other.commit();
        let mut chore = other.journal.chore_begin().unwrap();
        let from = trial.counts().calls;
        chore.perform().unwrap();
        trial.counts().calls - from
    };
    disk.fail_call(disk.counts().calls + calls - 1, Fault::Full);
    let result = chore.perform();
    assert!(result.is_err());
    let left: Vec<_> = disk
        .names()
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    let [left] = &left[..] else {
        panic!("{left:?}")
    };
    let bytes = disk.bytes(left).unwrap();
    assert!(!world.journal.chore_done(chore, result).unwrap());
    for _ in 0..4 {
        world.chores();
        world.put(9000).unwrap();
        world.commit();
    }
    assert!(!disk.names().contains(left), "it is cleaned up");
    let disk = disk.after_kill();
    disk.put(left, bytes);
    judge(disk, 3, &world.model);
}
