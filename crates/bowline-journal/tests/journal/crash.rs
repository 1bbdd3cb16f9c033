//! Power cuts: at every call of a history, with every subset of what was not synced where that is feasible; also inside recovery.

use bowline_journal::{Durability, Fault, MemoryDisk, Options};

use crate::world::{Chance, Model, World, judge, judge_with, options};

/// Up to this many undecided things every subset is tried.
const EXHAUSTIVE_MAX: usize = 6;
const SAMPLES: u64 = 10;

/// Disks that a power cut can leave: all if they are few, else none kept, all kept, and some at random.
fn power_cuts(disk: &MemoryDisk, chance: &mut Chance) -> Vec<MemoryDisk> {
    let undecided = disk.undecided();
    if undecided <= EXHAUSTIVE_MAX {
        let all = 0..1_u32 << undecided;
        return all
            .map(|choice| {
                let mut bit = 0;
                disk.after_power_cut(&mut || {
                    bit += 1;
                    choice >> (bit - 1) & 1 == 1
                })
            })
            .collect();
    }
    let mut cuts = vec![
        disk.after_power_cut(&mut || false),
        disk.after_power_cut(&mut || true),
    ];
    for _ in 0..SAMPLES {
        // Sometimes nearly all is kept, sometimes nearly nothing.
        let odds = 1 + chance.below(9);
        cuts.push(disk.after_power_cut(&mut || chance.below(10) < odds));
    }
    cuts
}

/// A short history that meets: groups, rolling over, retiring, a snapshot with changes during it, recycling, a large record.
pub(crate) fn history(world: &mut World) {
    for round in 0..5 {
        for len in [10, 400, 900] {
            drop(world.put(len));
        }
        world.commit();
        drop(world.put(200 + round));
        drop(world.drop_oldest());
        world.commit();
        if round == 1 {
            world.witness();
        }
        if round == 2 {
            world.snapshot_around(|world| drop(world.put(300)));
        }
        world.chores();
    }
    drop(world.put(9000));
    world.commit();
    for _ in 0..18 {
        drop(world.drop_oldest());
    }
    world.snapshot();
    world.chores();
    drop(world.put(9000));
    world.commit();
}

/// A history that moves survivors: many messages of which few stay, then a snapshot, and changes between copy and adoption.
pub(crate) fn moving_history(world: &mut World) {
    for _ in 0..14 {
        for _ in 0..4 {
            drop(world.put(2000));
        }
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
        drop(world.drop_message(message));
    }
    world.commit();
    world.snapshot();
    world.evacuation_call = world.disk.counts().calls;
    let moved = world.evacuate_around(|world| {
        drop(world.put(100));
        drop(world.drop_message(14));
        world.commit();
    });
    world.moved += moved;
    world.commit();
    world.chores();
    drop(world.drop_message(21));
    drop(world.put(100));
    world.commit();
    world.snapshot();
    world.chores();
}

/// Runs a history on a disk that loses power at a call; gives what is left of the program, unless it was not even opened.
fn run_until(
    disk: &MemoryDisk,
    call: u64,
    options: Options,
    model: &Model,
    history: impl Fn(&mut World),
) -> Option<World> {
    disk.fail_call(call, Fault::PowerCut);
    let mut world = World::open(disk.clone(), options, model.clone()).ok()?;
    history(&mut world);
    Some(world)
}

/// Cuts the power at each call of a history from `from` on, in every way that is feasible.
fn cut_everywhere(from: u64, least_cuts: u64, history: impl Fn(&mut World)) {
    let whole = MemoryDisk::new();
    let world = run_until(&whole, u64::MAX, options(1), &Model::default(), &history).unwrap();
    assert_eq!(world.model.committed, world.model.operations.len());
    let calls = whole.counts().calls;
    let mut chance = Chance(7);
    let mut cuts = 0;
    for call in from..calls {
        let disk = MemoryDisk::new();
        let world = run_until(&disk, call, options(1), &Model::default(), &history);
        let model = world.map_or_else(Model::default, |world| world.model);
        for cut in power_cuts(&disk, &mut chance) {
            cuts += 1;
            judge(cut, 1000 + cuts, &model);
        }
        judge(disk.after_kill(), 1, &model);
    }
    assert!(cuts >= least_cuts, "{cuts} of {calls} calls");
}

#[test]
fn every_power_cut_of_a_short_history_keeps_what_was_committed() {
    cut_everywhere(0, 400, history);
}

#[test]
fn every_power_cut_around_an_evacuation_keeps_what_was_committed() {
    let disk = MemoryDisk::new();
    let world = run_until(
        &disk,
        u64::MAX,
        options(1),
        &Model::default(),
        moving_history,
    );
    let world = world.unwrap();
    assert!(world.moved >= 6);
    cut_everywhere(world.evacuation_call, 200, moving_history);
}

#[test]
fn a_power_cut_in_recovery_loses_nothing() {
    let mut chance = Chance(11);
    let whole = MemoryDisk::new();
    run_until(&whole, u64::MAX, options(1), &Model::default(), history);
    let calls = whole.counts().calls;
    for call in (0..calls).step_by(7) {
        let disk = MemoryDisk::new();
        let world = run_until(&disk, call, options(1), &Model::default(), history);
        let model = world.map_or_else(Model::default, |world| world.model);
        for first in power_cuts(&disk, &mut chance).into_iter().take(3) {
            let opening = first.after_kill();
            World::open(opening.clone(), options(2), model.clone()).unwrap();
            for inner in 0..opening.counts().calls {
                let second = first.after_kill();
                run_until(&second, inner, options(2), &model, |_| {});
                for third in power_cuts(&second, &mut chance).into_iter().take(4) {
                    judge(third, 3, &model);
                }
            }
        }
    }
}

/// A long life of crashes, kills and clean stops under random steps.
fn long_life(seed: u64, lives: u64, durability: Durability) {
    let mut chance = Chance(seed);
    let mut disk = MemoryDisk::new();
    let mut model = Model::default();
    for life in 0..lives {
        let options = Options {
            durability,
            ..options(seed << 32 | life)
        };
        let mut world = World::open(disk.clone(), options.clone(), model.clone()).unwrap();
        world.read_all();
        if chance.below(4) > 0 {
            let call = disk.counts().calls + chance.below(300);
            disk.fail_call(call, Fault::PowerCut);
        }
        for _ in 0..chance.below(200) {
            world.step(&mut chance);
        }
        if chance.below(5) == 0 {
            drop(world.journal.settle());
            world.note_committed();
        }
        model = world.model.clone();
        let odds = chance.below(11);
        disk = match (durability, chance.below(3)) {
            (Durability::Os, 0) => {
                // What was only written may be lost, but nothing in its middle.
                let cut = world.disk.after_power_cut(&mut || chance.below(10) < odds);
                model.committed = 0;
                cut
            }
            (Durability::Disk, 0 | 1) => {
                let cut = world.disk.after_power_cut(&mut || chance.below(10) < odds);
                judge_with(cut.after_kill(), &options, &model);
                cut
            }
            (Durability::Os | Durability::Disk, _) => world.disk.after_kill(),
        };
    }
}

#[test]
fn long_lives_with_power_cuts_lose_nothing_that_was_committed() {
    for seed in 1..=20 {
        long_life(seed, 25, Durability::Disk);
    }
}

#[test]
fn with_durability_os_a_kill_loses_nothing_and_a_power_cut_leaves_a_prefix() {
    for seed in 100..=110 {
        long_life(seed, 25, Durability::Os);
    }
}
