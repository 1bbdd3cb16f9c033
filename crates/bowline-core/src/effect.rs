//! What the core asks of the world besides bytes, records and hand-overs: few and rare.
//!
//! The shell and the test driver each match this enum exhaustively, so that a new effect cannot
//! be forgotten.

use crate::ids::{ConnectionId, Location};

/// One request to the shell, to be carried out in order at the end of the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write what is still outbound (as far as the socket takes it at once), then close. The core
    /// has already forgotten the connection and accepts no further input for it.
    Close(ConnectionId),
    /// Stop reading from the connection and keep the bytes that were not consumed; the keep-alive
    /// rests meanwhile, since it is us who do not read.
    StopReading(ConnectionId),
    /// Read again: first hand in what was left, then what the socket gives.
    ResumeReading(ConnectionId),
    /// Read the message back from where it lies; answered by [`crate::Input::Loaded`].
    Load(Location),
}
