//! The clocks of the process: the only place that asks what time it is for the core.

use std::time::{Instant as SystemInstant, SystemTime, UNIX_EPOCH};

use bowline_core::{Instant, Now, WallTime};

/// Both clocks, counted from one start. Workers share one start, since instants travel in
/// hand-overs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: SystemInstant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            start: SystemInstant::now(),
        }
    }

    /// The time; read once per turn.
    pub(crate) fn now(&self) -> Now {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A wall clock before 1970 counts as 1970: it is for people, no rule hangs on it.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let unix_millis = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now {
            instant: Instant::from_micros(micros),
            wall: WallTime { unix_millis },
        }
    }
}
