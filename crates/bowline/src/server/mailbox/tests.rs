//! Mailboxes, with batches that are empty: only their way is looked at.

use std::time::Duration;

use mio::{Events, Poll, Token};

use super::*;

const A: WorkerId = WorkerId(0);
const B: WorkerId = WorkerId(1);
const C: WorkerId = WorkerId(2);

/// Three workers' mailboxes, with the poll of each.
fn mailboxes(lane_bytes_max: usize) -> (Mailboxes, Vec<Poll>) {
    let polls: Vec<Poll> = (0..3).map(|_| Poll::new().unwrap()).collect();
    let wakers = polls
        .iter()
        .map(|poll| Waker::new(poll.registry(), Token(0)).unwrap());
    (Mailboxes::new(wakers.collect(), lane_bytes_max), polls)
}

/// How often the poll was woken; looks without waiting.
fn wakes(poll: &mut Poll) -> usize {
    let mut events = Events::with_capacity(8);
    poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    events.iter().count()
}

#[test]
fn each_receiver_sees_who_has_sent_and_how_much() {
    let (mailboxes, _polls) = mailboxes(1_000);
    mailboxes.hand_over(A, C, &mut Batch::default());
    mailboxes.hand_over(B, C, &mut Batch::default());
    mailboxes.hand_over(B, C, &mut Batch::default());

    assert_eq!(mailboxes.arrived(A), 0);
    assert_eq!(mailboxes.arrived(C), A.bit() | B.bit());
    assert_eq!(mailboxes.arrived(C), 0, "said once");
    let mut batches = Vec::new();
    mailboxes.take(A, C, &mut batches);
    assert_eq!(batches.len(), 1);
    batches.clear();
    mailboxes.take(B, C, &mut batches);
    assert_eq!(batches.len(), 2);
}

#[test]
fn handled_batches_go_back_and_only_a_few_are_kept() {
    let (mailboxes, _polls) = mailboxes(1_000);
    let mut batches = Vec::new();
    batches.resize_with(5, Batch::default);
    mailboxes.give_back(A, B, &mut batches);
    assert!(batches.is_empty());
    assert_eq!(mailboxes.lane(A, B).spare.len(), SPARE_BATCHES_MAX);
    mailboxes.hand_over(A, B, &mut Batch::default());
    assert_eq!(
        mailboxes.lane(A, B).spare.len(),
        SPARE_BATCHES_MAX - 1,
        "a spare one was used"
    );
}

#[test]
fn only_a_sleeper_is_woken_and_only_once() {
    let (mailboxes, mut polls) = mailboxes(1_000);
    mailboxes.hand_over(A, B, &mut Batch::default());
    assert_eq!(wakes(&mut polls[1]), 0, "awake: it looks by itself");
    assert!(!mailboxes.may_sleep(B, false), "something has come");

    mailboxes.arrived(B);
    assert!(mailboxes.may_sleep(B, false));
    mailboxes.hand_over(A, B, &mut Batch::default());
    mailboxes.hand_over(C, B, &mut Batch::default());
    assert_eq!(wakes(&mut polls[1]), 1);
}

#[test]
fn a_call_wakes_too_and_keeps_from_sleeping() {
    let (mailboxes, mut polls) = mailboxes(1_000);
    assert!(mailboxes.may_sleep(A, false));
    mailboxes.call(A, Call::Stop);
    assert_eq!(wakes(&mut polls[0]), 1);
    assert!(!mailboxes.may_sleep(A, false));
    assert!(matches!(mailboxes.calls(A).as_slice(), [Call::Stop]));
    assert!(mailboxes.calls(A).is_empty());
    assert!(mailboxes.may_sleep(A, false));
}

#[test]
fn a_full_lane_holds_its_sender_back_until_the_receiver_has_taken_it() {
    // Empty batches fill a lane whose bound is nothing.
    let (mailboxes, mut polls) = mailboxes(0);
    mailboxes.hand_over(A, B, &mut Batch::default());
    assert!(mailboxes.is_congested(A));
    assert!(
        !mailboxes.is_congested(B),
        "the receiver may go on, or nothing would ever end"
    );
    assert!(mailboxes.may_sleep(A, true), "it waits for room");

    mailboxes.take(A, B, &mut Vec::new());
    assert!(!mailboxes.is_congested(A));
    assert_eq!(wakes(&mut polls[0]), 1, "the sender slept and must go on");
    assert!(
        !mailboxes.may_sleep(A, true),
        "there is room: it has sockets to read"
    );
}
