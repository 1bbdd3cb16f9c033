//! The wheel against a sorted list.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::Timers;

/// SplitMix64: enough chance for a test, and the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// From now to 2^`bits` milliseconds, short spans as likely as long ones.
    fn span_ms(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits);
        self.below(1 << bits)
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What the wheel should do: timers sorted by instant and order of arming.
#[derive(Default)]
struct Sorted {
    present_ms: u64,
    armed: BTreeMap<(u64, u32), u32>,
    count: u32,
}

impl Sorted {
    fn arm(&mut self, at_ms: u64, timer: u32) {
        self.count += 1;
        self.armed
            .insert((at_ms.max(self.present_ms), self.count), timer);
    }

    fn pop_due(&mut self, now_ms: u64) -> Option<u32> {
        match self.armed.first_entry() {
            Some(first) if first.key().0 <= now_ms => {
                self.present_ms = first.key().0;
                Some(first.remove())
            }
            Some(_) | None => {
                self.present_ms = self.present_ms.max(now_ms);
                None
            }
        }
    }
}

fn due(timers: &mut Timers<u32>, now_ms: u64) -> Vec<u32> {
    core::iter::from_fn(|| timers.pop_due(now_ms)).collect()
}

#[test]
fn fires_at_its_instant_and_not_before() {
    let delays = [
        0,
        1,
        10,
        63,
        64,
        65,
        4095,
        4096,
        90_000,
        DAY_MS,
        7 * DAY_MS,
        u64::MAX / 2,
    ];
    for start in [0, 1, 63, 64, 1_000_003, 1_790_000_000_000] {
        for delay in delays {
            let mut timers = Timers::new();
            assert_eq!(timers.pop_due(start), None);
            let at = start + delay;
            timers.arm(at, 1);
            assert_eq!(timers.next_due_ms(), Some(at));
            if delay > 0 {
                assert_eq!(timers.pop_due(at - 1), None, "{start} + {delay}");
                assert_eq!(timers.next_due_ms(), Some(at));
            }
            assert_eq!(timers.pop_due(at), Some(1), "{start} + {delay}");
            assert_eq!((timers.next_due_ms(), timers.len()), (None, 0));
        }
    }
}

#[test]
fn equal_instants_fire_in_the_order_of_arming() {
    let mut timers = Timers::new();
    timers.arm(5000, 1);
    timers.arm(5000, 2);
    // The present comes closer: these are put into an inner ring, where the others arrive later.
    assert_eq!(due(&mut timers, 4900), []);
    timers.arm(5000, 3);
    timers.arm(4999, 4);
    assert_eq!(due(&mut timers, 4999), [4]);
    timers.arm(5000, 5);
    assert_eq!(due(&mut timers, 10 * DAY_MS), [1, 2, 3, 5]);
}

#[test]
fn what_has_passed_counts_as_the_present() {
    let mut timers = Timers::new();
    timers.arm(300, 1);
    timers.arm(500, 2);
    assert_eq!(timers.pop_due(1000), Some(1));
    timers.arm(400, 3);
    timers.arm(100, 4);
    assert_eq!(due(&mut timers, 1000), [4, 3, 2]);
    timers.arm(0, 5);
    assert_eq!(timers.next_due_ms(), Some(1000));
    assert_eq!(
        due(&mut timers, 999),
        [],
        "a clock that went back makes nothing fire early"
    );
    assert_eq!(due(&mut timers, 1000), [5]);
}

#[test]
fn the_end_of_time_is_an_instant_like_any_other() {
    let mut timers = Timers::new();
    timers.arm(u64::MAX, 1);
    timers.arm(u64::MAX - 1, 2);
    assert_eq!(due(&mut timers, u64::MAX - 2), []);
    assert_eq!(due(&mut timers, u64::MAX), [2, 1]);
    timers.arm(3, 3);
    assert_eq!(due(&mut timers, u64::MAX), [3]);
}

#[test]
fn agrees_with_a_sorted_list() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let mut timers = Timers::new();
        let mut expected = Sorted::default();
        let mut now_ms = chance.span_ms(45);
        for step in 0..400 {
            match chance.below(6) {
                0..=2 => {
                    let at_ms = now_ms.saturating_sub(10) + chance.span_ms(34);
                    timers.arm(at_ms, step);
                    expected.arm(at_ms, step);
                }
                // Up to twelve days at once, some of them exactly to the next instant.
                3 => now_ms += chance.span_ms(30),
                4 => now_ms = now_ms.max(timers.next_due_ms().unwrap_or(0)),
                _ => {
                    timers.shrink_to_fit();
                    now_ms = now_ms.saturating_sub(chance.span_ms(8));
                }
            }
            // Not always until nothing is due, and sometimes arming from within.
            for _ in 0..chance.below(12) {
                let fired = timers.pop_due(now_ms);
                assert_eq!(fired, expected.pop_due(now_ms), "seed {seed} step {step}");
                if fired.is_some() && chance.below(4) == 0 {
                    let at_ms = expected.present_ms + chance.span_ms(20);
                    timers.arm(at_ms, step + 1000);
                    expected.arm(at_ms, step + 1000);
                }
            }
            let first = expected.armed.keys().next().map(|&(at_ms, _)| at_ms);
            assert_eq!(timers.next_due_ms(), first, "seed {seed} step {step}");
            assert_eq!(timers.len(), expected.armed.len());
        }
    }
}

#[test]
fn places_are_used_again_and_given_back() {
    let mut timers = Timers::new();
    for round in 0..100 {
        for number in 0..50 {
            timers.arm(round * 1000 + u64::from(number), number);
        }
        assert_eq!(
            due(&mut timers, round * 1000 + 50),
            (0..50).collect::<Vec<_>>()
        );
    }
    assert_eq!(timers.armed.len(), 50);

    timers.arm(200_000, 1);
    timers.arm(200_000, 2);
    timers.shrink_to_fit();
    assert_eq!(timers.armed.capacity(), 2);
    timers.arm(200_000, 3);
    assert_eq!(due(&mut timers, 200_000), vec![1, 2, 3]);
    assert_eq!(
        size_of_val(&timers.armed[0]),
        16,
        "at most 16 bytes and the value"
    );
}
