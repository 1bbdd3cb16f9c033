//! The histogram keeps three digits, saturates, and loses nothing in runs of equal times.

use super::{LONGEST_NS, Latency};

fn within_a_thousandth(found: u64, expected: u64) -> bool {
    found.abs_diff(expected) <= expected / 500
}

#[test]
fn percentiles_are_right_to_three_digits() {
    let mut latency = Latency::new();
    for ns in 1..=100_000 {
        latency.record(ns * 1_000);
    }
    let found = latency.percentiles();
    for (found, expected) in [
        (found.p50, 50_000_000),
        (found.p90, 90_000_000),
        (found.p99, 99_000_000),
        (found.p999, 99_900_000),
        (found.max, 100_000_000),
    ] {
        assert!(within_a_thousandth(found, expected), "{found} {expected}");
    }
}

#[test]
fn runs_of_equal_times_count_each_message() {
    let mut latency = Latency::new();
    // Three sent at 100, one at 200, all read at 1,100; then one sent at 200, read at 2,200.
    for sent_ns in [100, 100, 100, 200] {
        latency.note(sent_ns, 1_100);
    }
    latency.settle(1_100);
    latency.note(200, 2_200);
    latency.settle(2_200);
    assert_eq!(latency.len(), 5);
    let found = latency.percentiles();
    assert_eq!((found.p50, found.max), (1_000, 2_000));
}

#[test]
fn the_absurd_saturates() {
    let mut latency = Latency::new();
    latency.record(u64::MAX);
    // Sent "later" than it arrived: a clock that went back, not a wrapped number.
    latency.note(50, 40);
    latency.settle(40);
    assert_eq!(latency.len(), 2);
    assert!(within_a_thousandth(latency.percentiles().max, LONGEST_NS));
    assert!(latency.percentiles().p50 <= 1);
}

#[test]
fn two_are_added_and_taking_leaves_nothing() {
    let mut one = Latency::new();
    one.record(1_000);
    let mut other = Latency::new();
    other.record(3_000);
    one.add(&other);
    assert_eq!(one.len(), 2);
    let taken = one.take();
    assert_eq!((taken.len(), one.len()), (2, 0));
}
