//! Keep Alive, and re-sending on a live 3.x connection where it was asked for.

use bowline_packet::ProtocolVersion;

use super::{Refusal, Resend};
use crate::broker::Broker;
use crate::deadline::{AHEAD_SECS, Deadline};
use crate::gate::Mark;
use crate::ids::ConnectionId;
use crate::out::Out;
use crate::time::{Instant, Now};

/// When a connection that was last heard at `heard` is given up: 1.5 times its Keep Alive
/// [MQTT-3.1.2-22], and a second for the timers of phones and browsers.
fn silence_ends(heard: Instant, keep_alive_secs: u16) -> Instant {
    heard.plus_millis(u64::from(keep_alive_secs) * 1_500 + 1_000)
}

impl Broker {
    /// Starts the watch over a connection.
    pub(crate) fn watch_keep_alive(&mut self, id: ConnectionId, now: Now) {
        let Some(mark) = self.connections.mark(id) else {
            return;
        };
        let keep_alive_secs = self.connections.get(id).map_or(0, |c| c.keep_alive_secs);
        if keep_alive_secs > 0 {
            let due = silence_ends(now.instant, keep_alive_secs);
            self.arm_keep_alive(mark, due, now);
        }
    }

    fn arm_keep_alive(&mut self, mark: Mark, due: Instant, now: Now) {
        let at = due.min(now.instant.plus_secs(AHEAD_SECS));
        let deadline = Deadline::KeepAlive(mark);
        self.deadlines.arm(at.millis_rounded_up(), deadline);
    }

    /// The watch fired: closes a silent connection, or looks again when it could be silent.
    pub(crate) fn keep_alive_due(&mut self, mark: Mark, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        if connection.is_stopped {
            // It is us who do not read: its silence says nothing.
            connection.last_received = now.instant;
        }
        let due = silence_ends(connection.last_received, connection.keep_alive_secs);
        if due > now.instant {
            self.arm_keep_alive(mark, due, now);
        } else {
            self.refuse(mark.connection, &Refusal::KeepAlive, now, out);
        }
    }

    /// Starts re-sending on a 3.x connection, if it is switched on.
    pub(crate) fn watch_retry(&mut self, id: ConnectionId, now: Now) {
        let interval_secs = self.options.limits.retry_interval_secs;
        let Some(mark) = self.connections.mark(id) else {
            return;
        };
        let version = self
            .connections
            .get(id)
            .map(|connection| connection.version);
        // [MQTT-4.4.0-1] 5.0 forbids it.
        if interval_secs > 0 && version.is_some_and(|version| version < ProtocolVersion::V5) {
            let due = now.instant.plus_secs(u64::from(interval_secs));
            self.deadlines
                .arm(due.millis_rounded_up(), Deadline::Retry(mark));
        }
    }

    /// Sends again what has been in flight for a whole interval.
    pub(crate) fn retry_due(&mut self, mark: Mark, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let Some(key) = connection.session else {
            return;
        };
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        if connection.resend.is_none() {
            let (next, until) = (session.sender.oldest(), connection.retry_mark);
            connection.resend = Resend::between(next, until);
        }
        connection.retry_mark = session.sender.started();
        self.pump(key, now, out);
        self.watch_retry(mark.connection, now);
    }
}
