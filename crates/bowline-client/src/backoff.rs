//! How long to wait before the next attempt to connect.
//!
//! Promises: the wait doubles from attempt to attempt up to a bound, and half of it is left to
//! chance, so that a thousand clients that lost the same server do not come back as one.

use std::time::Duration;

use crate::chance;

/// A connection that lived this long was a good one: the next loss starts from the beginning.
const GOOD_CONNECTION: Duration = Duration::from_secs(5);

/// The state between attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// A connection ended that had lived for `lived` after its CONNACK.
    pub(crate) fn note_connection(&mut self, lived: Duration) {
        if lived >= GOOD_CONNECTION {
            self.failures = 0;
        }
    }

    /// The wait before the next attempt.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let wait = doubled.min(self.longest);
        if doubled < self.longest {
            self.failures += 1;
        }
        let half = wait / 2;
        let jitter_ms = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        half + Duration::from_millis(chance::up_to(jitter_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_start_again_after_a_good_connection() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(3));
        for bound_ms in [500, 1000, 2000, 3000, 3000, 3000] {
            let wait = backoff.next_wait();
            let bound = Duration::from_millis(bound_ms);
            assert!(wait >= bound / 2 && wait <= bound, "{wait:?} for {bound:?}");
        }
        backoff.note_connection(Duration::from_secs(1));
        assert!(
            backoff.next_wait() > Duration::from_secs(1),
            "a short connection proves nothing"
        );
        backoff.note_connection(Duration::from_secs(60));
        assert!(backoff.next_wait() <= Duration::from_millis(500));
    }
}
