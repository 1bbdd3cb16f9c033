//! The core's events as log lines.
//!
//! One line per event, with the same keys everywhere: `client`, `address`, `version`, `reason`,
//! `cause`. Payloads are never logged.

use std::time::Instant;

use bowline_core::{Event, OnFull, SessionEnd};
use bowline_packet::{ProtocolVersion, ReasonCode};

use super::flood::{Cause, Floods, Pass};

/// The log of one worker.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    floods: Floods,
}

impl EventLog {
    /// Writes a line for each event, and forgets them.
    pub(crate) fn tell_all(&mut self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let now = Instant::now();
        for event in events.drain(..) {
            if let Pass::Line { more } = self.floods.pass(cause_of(&event), now) {
                tell(&event, more);
            }
        }
    }
}

/// The cause under which floods of an event are counted.
const fn cause_of(event: &Event) -> Cause {
    match event {
        Event::ClientConnected { .. } => Cause::ClientConnected,
        Event::ClientDisconnected { .. } => Cause::ClientDisconnected,
        Event::ConnectRefused { .. } => Cause::ConnectRefused,
        Event::SessionEnded { .. } => Cause::SessionEnded,
        Event::PublishRefused { .. } => Cause::PublishRefused,
        Event::QueueFull { .. } => Cause::QueueFull,
        Event::ReceiveMaximumExceeded { .. } => Cause::ReceiveMaximumExceeded,
    }
}

/// Writes the line of one event; `more` like it were held back before.
fn tell(event: &Event, more: Option<u64>) {
    match event {
        Event::ClientConnected {
            client_id,
            peer,
            version,
            keep_alive_secs,
            session_present,
            session_expiry_secs,
        } => tracing::info!(
            client = %client_id,
            address = %peer,
            version = version_name(*version),
            keep_alive = keep_alive_secs,
            session_present,
            session_expiry = session_expiry_secs,
            more,
            "client connected"
        ),
        Event::ClientDisconnected {
            client_id,
            peer,
            reason,
            cause,
        } => tracing::info!(
            client = %client_id,
            address = %peer,
            // A DISCONNECT without a reason is the usual end, and the cause says so.
            reason = (*reason != ReasonCode::Success).then(|| tracing::field::display(Reason(*reason))),
            cause = %cause,
            more,
            "client disconnected"
        ),
        Event::ConnectRefused {
            peer,
            reason,
            cause,
        } => tracing::warn!(
            address = %peer,
            reason = %Reason(*reason),
            cause = %cause,
            more,
            "connection refused"
        ),
        Event::SessionEnded {
            client_id,
            why,
            messages_discharged,
        } => {
            let why_words = session_end_words(*why);
            if *messages_discharged > 0 {
                tracing::warn!(
                    client = %client_id,
                    cause = why_words,
                    messages_discharged,
                    more,
                    "session ended with messages still owed to it"
                );
            } else {
                tracing::debug!(client = %client_id, cause = why_words, more, "session ended");
            }
        }
        Event::PublishRefused {
            client_id,
            topic,
            reason,
        } => tracing::warn!(
            client = %client_id,
            topic = %topic,
            reason = %Reason(*reason),
            more,
            "publish refused"
        ),
        Event::QueueFull { client_id, policy } => tracing::warn!(
            client = %client_id,
            policy = on_full_words(*policy),
            more,
            "queue full"
        ),
        Event::ReceiveMaximumExceeded { client_id } => tracing::warn!(
            client = %client_id,
            more,
            "client exceeds its receive maximum; its further messages wait"
        ),
    }
}

/// The version as people say it.
const fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::V31 => "3.1",
        ProtocolVersion::V311 => "3.1.1",
        ProtocolVersion::V5 => "5",
    }
}

const fn session_end_words(why: SessionEnd) -> &'static str {
    match why {
        SessionEnd::Connection => "its connection ended",
        SessionEnd::CleanStart => "replaced by a clean start",
        SessionEnd::Expired => "its expiry interval passed",
        SessionEnd::QueueFull => "its queue was full",
    }
}

/// The policy as the configuration names it.
pub(crate) const fn on_full_words(policy: OnFull) -> &'static str {
    match policy {
        OnFull::End => "end",
        OnFull::Hold => "hold",
        OnFull::Reject => "reject",
        OnFull::DropOldest => "drop-oldest",
        OnFull::DropNewest => "drop-newest",
    }
}

/// A reason code as a number that can be looked up, and in words.
struct Reason(ReasonCode);

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{:02x} {}", self.0.code(), self.0.description())
    }
}

#[cfg(test)]
mod tests;
