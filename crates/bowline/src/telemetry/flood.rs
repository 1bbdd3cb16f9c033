//! A limit on log lines of one cause: a flood of bad clients must not become a flood of lines.
//!
//! The first lines of each second pass; the rest are counted, and the next line that passes says
//! how many there were more.

use std::time::{Duration, Instant};

/// Lines of one cause that pass in one period.
const LINES_MAX: u32 = 100;
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
}

/// The number of causes.
const CAUSES: usize = Cause::NoPlace as usize + 1;

/// How much of each cause was written lately. One per thread.
#[derive(Debug, Default)]
pub(crate) struct Floods {
    causes: [Flood; CAUSES],
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is written.
    Line {
        /// How many like it were held back since the last one, if there were any.
        more: Option<u64>,
    },
    /// It is only counted.
    HeldBack,
}

#[derive(Clone, Copy, Debug, Default)]
struct Flood {
    since: Option<Instant>,
    passed: u32,
    held_back: u64,
}

impl Floods {
    /// Whether a line may be written now.
    pub(crate) fn pass(&mut self, cause: Cause, now: Instant) -> Pass {
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
            return Pass::HeldBack;
        }
        flood.passed += 1;
        let more = std::mem::take(&mut flood.held_back);
        Pass::Line {
            more: (more > 0).then_some(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        const LINE: Pass = Pass::Line { more: None };
        let start = Instant::now();
        let mut floods = Floods::default();
        for _ in 0..LINES_MAX {
            assert_eq!(floods.pass(Cause::ConnectRefused, start), LINE);
        }
        for _ in 0..7 {
            assert_eq!(floods.pass(Cause::ConnectRefused, start), Pass::HeldBack);
        }
        // Another cause has its own share.
        assert_eq!(floods.pass(Cause::QueueFull, start), LINE);
        // The next second begins with the number of those that were held back.
        let later = start + PERIOD;
        assert_eq!(
            floods.pass(Cause::ConnectRefused, later),
            Pass::Line { more: Some(7) }
        );
        assert_eq!(floods.pass(Cause::ConnectRefused, later), LINE);
    }
}
