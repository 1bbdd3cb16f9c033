//! Loss, duplicates and order, told from sequence numbers.
//!
//! [`Line`] watches one flow at one receiver: every number once and in order. [`Seen`] watches a
//! flow whose messages may come in any order (a share group as a whole, retained messages): every
//! number once. Both know at the end what is missing, also behind the last that came.
//!
//! In the steady state neither allocates. Deliberately absent: what counts as a failure, which
//! depends on the QoS (`report.rs`).

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

/// Holes that one [`Line`] remembers; the oldest are then lost for good.
const HOLES_MAX: usize = 4_096;

/// What an arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The one that was due.
    InOrder,
    /// So many were skipped.
    Ahead(u64),
    /// One that was skipped earlier: not lost, but out of order.
    Late,
    /// It came before.
    Duplicate,
}

/// One flow at one receiver, where order matters.
#[derive(Debug, Default)]
pub(super) struct Line {
    next: u64,
    holes: Vec<Range<u64>>,
    /// What was in holes that are no longer remembered.
    given_up: u64,
}

impl Line {
    /// Judges the arrival of a number.
    #[inline]
    pub(super) fn arrive(&mut self, sequence: u64) -> Arrival {
        if sequence == self.next {
            self.next += 1;
            return Arrival::InOrder;
        }
        self.arrive_out_of_turn(sequence)
    }

    #[cold]
    fn arrive_out_of_turn(&mut self, sequence: u64) -> Arrival {
        if sequence > self.next {
            let skipped = sequence - self.next;
            if self.holes.len() == HOLES_MAX {
                let oldest = self.holes.remove(0);
                self.given_up += oldest.end - oldest.start;
            }
            self.holes.push(self.next..sequence);
            self.next = sequence + 1;
            return Arrival::Ahead(skipped);
        }
        let found = self
            .holes
            .binary_search_by(|hole| {
                if hole.end <= sequence {
                    std::cmp::Ordering::Less
                } else if hole.start > sequence {
                    std::cmp::Ordering::Greater
                } else {
                    std::cmp::Ordering::Equal
                }
            })
            .ok();
        let Some(at) = found else {
            return Arrival::Duplicate;
        };
        let hole = self.holes[at].clone();
        let (before, after) = (hole.start..sequence, sequence + 1..hole.end);
        match (before.is_empty(), after.is_empty()) {
            (true, true) => drop(self.holes.remove(at)),
            (true, false) => self.holes[at] = after,
            (false, true) => self.holes[at] = before,
            (false, false) => {
                self.holes[at] = before;
                self.holes.insert(at + 1, after);
            }
        }
        Arrival::Late
    }

    /// How many of the first `sent` numbers have not come.
    pub(super) fn missing(&self, sent: u64) -> u64 {
        let in_holes: u64 = self.holes.iter().map(|hole| hole.end - hole.start).sum();
        self.given_up + in_holes + sent.saturating_sub(self.next)
    }
}

/// One flow, where order does not matter. One bit for each number between the first that is
/// missing and the last that came.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Words before the first of `words`, all of them full.
    full_words: u64,
    words: VecDeque<u64>,
    count: u64,
}

impl Seen {
    /// Notes a number, which must be plausible: memory grows with it. Returns whether it is new.
    #[inline]
    pub(super) fn arrive(&mut self, sequence: u64) -> bool {
        let Some(word) = (sequence / 64).checked_sub(self.full_words) else {
            return false;
        };
        let Ok(at) = usize::try_from(word) else {
            return false;
        };
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let bit = 1 << (sequence % 64);
        if self.words[at] & bit != 0 {
            return false;
        }
        self.words[at] |= bit;
        self.count += 1;
        while self.words.front() == Some(&u64::MAX) {
            self.words.pop_front();
            self.full_words += 1;
        }
        true
    }

    /// How many of the first `sent` numbers have not come.
    pub(super) fn missing(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.count)
    }
}
