//! What leaves when, by record.

use alloc::vec;
use alloc::vec::Vec;

use super::*;

fn names(gate: &mut Gate) -> Vec<u32> {
    let mut names = vec![];
    while let Some(promise) = gate.next_open() {
        match promise {
            Promise::Subscribed(name) => names.push(name),
            other => panic!("nothing else was held: {other:?}"),
        }
    }
    names
}

#[test]
fn promises_leave_in_the_order_of_their_records() {
    let mut gate = Gate::new(false);
    // (rests on, name): also behind one that came later but rests on an older record.
    for (record, name) in [(1, 1), (3, 2), (2, 3), (3, 4), (0, 5), (2, 6)] {
        gate.hold(RecordNo(record), Promise::Subscribed(name));
    }
    assert_eq!(names(&mut gate), [5], "what rests on nothing need not wait");
    let steps: [(u64, &[u32]); 4] = [(1, &[1]), (2, &[3, 6]), (2, &[]), (9, &[2, 4])];
    for (up_to, expected) in steps {
        gate.commit(RecordNo(up_to));
        assert!(gate.is_open(RecordNo(up_to)));
        assert!(!gate.is_open(RecordNo(up_to + 1)));
        assert_eq!(gate.has_open(), !expected.is_empty());
        assert_eq!(names(&mut gate), expected, "up to {up_to}");
    }
    assert_eq!(gate.waiting(), 0);
}

#[test]
fn a_report_of_the_past_takes_nothing_back() {
    let mut gate = Gate::new(false);
    gate.commit(RecordNo(5));
    gate.commit(RecordNo(3));
    assert!(gate.is_open(RecordNo(5)));
}

#[test]
fn where_records_count_at_once_nothing_waits() {
    let mut gate = Gate::new(true);
    gate.hold(RecordNo(7), Promise::Subscribed(1));
    assert!(gate.is_open(RecordNo(u64::MAX)));
    assert_eq!(names(&mut gate), [1]);
}
