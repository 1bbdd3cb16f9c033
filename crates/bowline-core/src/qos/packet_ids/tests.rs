//! Each identifier in turn, the ends of both halves, and a session that uses them all.

use alloc::vec::Vec;

use super::{Half, PacketIds};

const HALVES: [(Half, u16, u16); 2] = [(Half::Low, 1, 32_767), (Half::High, 32_768, 65_535)];

// [MQTT-2.2.1-4] [MQTT3-2.3.1-1]
#[test]
fn each_identifier_of_a_half_has_its_turn_and_then_the_first_again() {
    for (half, first, last) in HALVES {
        let mut ids = PacketIds::new(half);
        let round: Vec<u16> = (first..=last).filter_map(|_| ids.next(|_| false)).collect();
        assert!(round.iter().copied().eq(first..=last));
        assert_eq!(ids.next(|_| false), Some(first));
        assert_eq!(ids.half(), half);
    }
}

// [MQTT-2.2.1-4] [MQTT3-2.3.1-4]
#[test]
fn identifiers_in_use_are_passed_over() {
    for (half, first, last) in HALVES {
        let mut ids = PacketIds::new(half);
        let used = [first, first + 1, first + 4];
        let given: Vec<u16> = (0..3)
            .filter_map(|_| ids.next(|id| used.contains(&id)))
            .collect();
        assert_eq!(given, [first + 2, first + 3, first + 5]);

        assert_eq!(ids.next(|id| id < last), Some(last));
        assert_eq!(
            ids.next(|id| id <= first),
            Some(first + 1),
            "passes over across the end"
        );
    }
}

#[test]
fn a_half_in_use_gives_none_and_the_one_that_is_freed_next() {
    for (half, first, last) in HALVES {
        let mut ids = PacketIds::new(half);
        for free in [first, last, last - 7, first] {
            assert_eq!(ids.next(|_| true), None);
            assert_eq!(ids.half(), half);
            assert_eq!(ids.next(|id| id != free), Some(free));
        }
    }
}

#[test]
fn the_halves_share_nothing_and_leave_out_only_zero() {
    assert_eq!(
        (Half::Low.other(), Half::High.other()),
        (Half::High, Half::Low)
    );
    for id in 1..=u16::MAX {
        let expected = if id <= 32_767 { Half::Low } else { Half::High };
        assert_eq!(Half::of(id), expected);
    }
    assert_eq!(size_of::<PacketIds>(), 2);
}
