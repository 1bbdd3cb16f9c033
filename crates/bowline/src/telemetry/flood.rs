//! A limit on log lines of one cause: a flood of bad clients must not become a flood of lines.
//!
//! The first lines of each second pass; the rest are counted, and the next line that passes says
//! how many there were more.

use std::time::{Duration, Instant};

/// Lines of one cause that pass in one period.
const LINES_MAX: u32 = 20;
/// The period.
const PERIOD: Duration = Duration::from_secs(1);

/// Why a line is written, as far as outsiders can cause it any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    ClientConnected,
    ClientDisconnected,
    ConnectRefused,
    SessionEnded,
    PublishRefused,
    QueueFull,
    ReceiveMaximumExceeded,
    SlowConnect,
    TooManyHalfOpen,
    NoPlace,
    Shortage,
}

/// The number of causes.
const CAUSES: usize = Cause::Shortage as usize + 1;

/// How much of each cause was written lately. One per thread.
#[derive(Debug, Default)]
pub(crate) struct Floods {
    causes: [Flood; CAUSES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Flood {
    since: Option<Instant>,
    passed: u32,
    held_back: u64,
}

impl Floods {
    /// Whether a line may be written now; if so, how many more there were since the last one.
    pub(crate) fn pass(&mut self, cause: Cause, now: Instant) -> Option<u64> {
        let flood = &mut self.causes[cause as usize];
        if flood
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= PERIOD)
        {
            flood.since = Some(now);
            flood.passed = 0;
        }
        if flood.passed == LINES_MAX {
            flood.held_back += 1;
            return None;
        }
        flood.passed += 1;
        Some(std::mem::take(&mut flood.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let start = Instant::now();
        let mut floods = Floods::default();
        for _ in 0..LINES_MAX {
            assert_eq!(floods.pass(Cause::ConnectRefused, start), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(floods.pass(Cause::ConnectRefused, start), None);
        }
        // Another cause has its own share.
        assert_eq!(floods.pass(Cause::QueueFull, start), Some(0));
        // The next second begins with the number of those that were held back.
        assert_eq!(floods.pass(Cause::ConnectRefused, start + PERIOD), Some(7));
        assert_eq!(floods.pass(Cause::ConnectRefused, start + PERIOD), Some(0));
    }
}
