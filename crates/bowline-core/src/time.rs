//! Time as the core sees it: a value that comes in with each input.
//!
//! The core never asks what time it is. `Instant` only moves forward and drives every rule;
//! `WallTime` is for people and for what must outlive a restart. Deliberately absent: any clock.

use core::time::Duration;

/// Microseconds since the broker started, on a clock that never steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The instant that lies `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// The instant that lies `millis` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self {
            micros: millis.saturating_mul(1_000),
        }
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.micros
    }

    /// Milliseconds since the start, rounded down.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.micros / 1_000
    }

    /// Milliseconds since the start, rounded up: a timer that is armed for then fires when this
    /// instant has come, never before.
    #[must_use]
    pub const fn millis_rounded_up(self) -> u64 {
        self.micros.div_ceil(1_000)
    }

    /// Seconds since the start, rounded down; wraps after 136 years.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "wraps after 136 years of running"
    )]
    pub const fn secs(self) -> u32 {
        (self.micros / 1_000_000) as u32
    }

    /// This instant plus `secs` seconds.
    #[must_use]
    pub const fn plus_secs(self, secs: u64) -> Self {
        Self {
            micros: self.micros.saturating_add(secs.saturating_mul(1_000_000)),
        }
    }

    /// This instant plus `millis` milliseconds.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self {
            micros: self.micros.saturating_add(millis.saturating_mul(1_000)),
        }
    }

    /// How long `earlier` lies back; zero if it does not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }

    /// Whole seconds from `earlier` to this instant, rounded down; zero if it lies ahead.
    #[must_use]
    pub const fn secs_since(self, earlier: Self) -> u64 {
        self.micros.saturating_sub(earlier.micros) / 1_000_000
    }
}

/// Milliseconds since 1970-01-01 UTC, as the machine believes; may step in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_millis: u64,
}

/// The time of one input: both clocks, read once per turn by the shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The clock that rules.
    pub instant: Instant,
    /// The clock on the wall.
    pub wall: WallTime,
}
