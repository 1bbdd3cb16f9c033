//! Identifiers are never zero, never given out twice, and acknowledged once.

use super::{InFlight, Unexpected};

#[test]
fn identifiers_come_in_turn_and_wait_for_a_straggler() {
    let mut in_flight = InFlight::new(2);
    let ids: Vec<_> = (0..4).filter_map(|_| in_flight.take(false)).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(in_flight.take(false), None);
    for id in [2, 3, 4] {
        assert_eq!(in_flight.puback(id), Ok(()));
    }
    // Number 1 is still on its way.
    assert_eq!((in_flight.take(false), in_flight.open()), (None, 1));
    assert_eq!(in_flight.puback(1), Ok(()));
    assert_eq!((in_flight.take(false), in_flight.open()), (Some(1), 1));
}

#[test]
fn qos_2_has_its_four_steps() {
    let mut in_flight = InFlight::new(4);
    assert_eq!(in_flight.take(true), Some(1));
    assert_eq!(in_flight.puback(1), Err(Unexpected));
    assert_eq!(in_flight.pubcomp(1), Err(Unexpected));
    assert_eq!(in_flight.pubrec(1, true), Ok(()));
    assert_eq!(in_flight.open(), 1);
    assert_eq!(in_flight.pubrec(1, true), Err(Unexpected));
    assert_eq!(in_flight.pubcomp(1), Ok(()));
    assert_eq!(in_flight.open(), 0);
    // Refused: no PUBREL follows.
    assert_eq!(in_flight.take(true), Some(2));
    assert_eq!(in_flight.pubrec(2, false), Ok(()));
    assert_eq!(in_flight.open(), 0);
}

#[test]
fn an_acknowledgement_of_nothing_is_noticed() {
    let mut in_flight = InFlight::new(4);
    for id in [0, 1, 8, 9, u16::MAX] {
        assert_eq!(in_flight.puback(id), Err(Unexpected), "{id}");
    }
}

#[test]
fn a_window_as_large_as_can_be_stays_within_two_bytes() {
    let mut in_flight = InFlight::new(usize::MAX);
    for id in 1..=u16::MAX {
        assert_eq!(in_flight.take(false), Some(id));
    }
    assert_eq!(in_flight.take(false), None);
}
