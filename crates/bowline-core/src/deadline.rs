//! What the timer wheel of a worker may be asked to remember.
//!
//! A deadline that fires is checked against the state that it is about: it may be meant no more,
//! or not yet. Nothing is ever cancelled in the wheel.

use crate::gate::Mark;
use crate::ids::SessionNo;

/// Timers that may stay behind when what they are about is gone are armed at most so far ahead,
/// seconds, and armed again: a client that comes and goes all day leaves five minutes of them.
pub(crate) const AHEAD_SECS: u64 = 300;

/// One kind of deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// A connection has been silent for 1.5 times its Keep Alive.
    KeepAlive(Mark),
    /// A session has outlived its Session Expiry Interval, its will's delay is over, or a message
    /// in its full queue has expired.
    Session(SessionNo),
    /// A message in the full queue of a share group has expired.
    SweepGroup(u32),
    /// A publisher was held back for as long as allowed.
    Hold(Mark),
    /// Unacknowledged messages of a 3.x connection are to be sent again.
    Retry(Mark),
}
