//! Each kind of fault is caught, alone and mixed, and nothing else is called one.

use super::{Arrival, HOLES_MAX, Line, Seen};
use Arrival::{Ahead, Duplicate, InOrder, Late};

/// Numbers as they arrive, what each is called, how many were sent, and how many are missing.
type Row = (&'static [u64], &'static [Arrival], u64, u64);

#[test]
fn a_line_catches_loss_duplicates_and_disorder() {
    let table: &[Row] = &[
        // In order, all of them.
        (&[0, 1, 2], &[InOrder, InOrder, InOrder], 3, 0),
        // Nothing came at all.
        (&[], &[], 5, 5),
        // The first, one in the middle, the last is lost.
        (&[1, 2], &[Ahead(1), InOrder], 3, 1),
        (&[0, 2], &[InOrder, Ahead(1)], 3, 1),
        (&[0, 1], &[InOrder, InOrder], 3, 1),
        // Several are lost in several places.
        (&[2, 3, 7], &[Ahead(2), InOrder, Ahead(3)], 10, 7),
        // Twice at once, twice much later, twice from a hole that was filled.
        (&[0, 0, 1], &[InOrder, Duplicate, InOrder], 2, 0),
        (&[0, 1, 2, 0], &[InOrder, InOrder, InOrder, Duplicate], 3, 0),
        (&[1, 0, 0], &[Ahead(1), Late, Duplicate], 2, 0),
        // Swapped: late, but not lost.
        (&[1, 0, 2], &[Ahead(1), Late, InOrder], 3, 0),
        // A hole that is filled from either end, and from the middle.
        (&[4, 0, 3], &[Ahead(4), Late, Late], 5, 2),
        (&[5, 2, 2, 1], &[Ahead(5), Late, Duplicate, Late], 6, 3),
        // A loss and a duplicate do not make up for each other.
        (&[0, 0, 2], &[InOrder, Duplicate, Ahead(1)], 3, 1),
    ];
    for (numbers, expected, sent, missing) in table {
        let mut line = Line::default();
        let found: Vec<Arrival> = numbers.iter().map(|&n| line.arrive(n)).collect();
        assert_eq!(&found, expected, "{numbers:?}");
        assert_eq!(line.missing(*sent), *missing, "{numbers:?}");
    }
}

#[test]
fn a_line_with_more_holes_than_it_remembers_forgets_no_loss() {
    let mut line = Line::default();
    let holes = HOLES_MAX as u64 + 100;
    for hole in 0..holes {
        assert_eq!(line.arrive(2 * hole + 1), Ahead(1));
    }
    assert_eq!(line.missing(2 * holes), holes);
    // The oldest hole is given up; the youngest can still be filled.
    assert_eq!(line.arrive(0), Duplicate);
    assert_eq!(line.arrive(2 * holes - 2), Late);
    assert_eq!(line.missing(2 * holes), holes - 1);
}

#[test]
fn seen_catches_loss_and_duplicates_in_any_order() {
    let table: &[(&[u64], u64, u64, usize)] = &[
        // Numbers, sent, missing, duplicates.
        (&[0, 1, 2], 3, 0, 0),
        (&[2, 0, 1], 3, 0, 0),
        (&[], 4, 4, 0),
        (&[3, 0], 4, 2, 0),
        (&[1, 1, 0, 0], 2, 0, 2),
        (&[1_000, 0, 1_000], 1_001, 999, 1),
        // A loss and a duplicate do not make up for each other.
        (&[0, 0], 2, 1, 1),
    ];
    for (numbers, sent, missing, duplicates) in table {
        let mut seen = Seen::default();
        let again = numbers.iter().filter(|&&n| !seen.arrive(n)).count();
        assert_eq!(again, *duplicates, "{numbers:?}");
        assert_eq!(seen.missing(*sent), *missing, "{numbers:?}");
    }
}

#[test]
fn seen_keeps_no_bits_of_what_is_complete() {
    let mut seen = Seen::default();
    for sequence in 0..64_000 {
        assert!(seen.arrive(sequence));
        assert!(seen.words.len() <= 1);
    }
    assert!(!seen.arrive(0));
    assert!(!seen.arrive(63_999));
    assert_eq!(seen.missing(64_000), 0);
}
