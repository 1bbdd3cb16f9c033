//! When a session must be looked at: its expiry, its delayed will, expired messages in a full
//! queue.
//!
//! One timer serves all three, and none is armed further ahead than [`AHEAD_SECS`]: a timer cannot
//! be cancelled, so what a client leaves behind each time it comes and goes must be little and
//! soon be gone. Deliberately absent: what is done then (`lifecycle`, `will`).

use super::SessionKey;
use crate::broker::Broker;
use crate::deadline::{AHEAD_SECS, Deadline};
use crate::ids::SessionNo;
use crate::out::Out;
use crate::time::{Instant, Now};

impl Broker {
    /// Something about the session has a time now: arms its timer, unless it fires early enough.
    pub(crate) fn watch_session(&mut self, key: SessionKey, now: Now) {
        let Some(next) = self.next_about(key, now) else {
            return;
        };
        let at = next.min(now.instant.plus_secs(AHEAD_SECS));
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.wakes_at.is_none_or(|armed| armed > at) {
            session.wakes_at = Some(at);
            let deadline = Deadline::Session(session.number);
            self.deadlines.arm(at.millis_rounded_up(), deadline);
        }
    }

    /// The next time at which something about the session is due.
    fn next_about(&self, key: SessionKey, now: Now) -> Option<Instant> {
        let session = self.sessions.get(key)?;
        let will = session.will.as_deref().and_then(|will| will.due);
        let mut next = session.ends_at.into_iter().chain(will).min();
        if session.marked_full {
            // Publishers wait for room, or are refused: messages that expire make some. Not more
            // often than once a second, since the queue is walked each time.
            let queued = session.sender.queued();
            let expiries = queued.filter_map(|delivery| self.messages.expires_at(delivery.message));
            let soonest = now.instant.plus_secs(1);
            next = expiries
                .min()
                .map(|at| at.max(soonest))
                .into_iter()
                .chain(next)
                .min();
        }
        next
    }

    /// The session's timer fired.
    pub(crate) fn session_due(&mut self, number: SessionNo, now: Now, out: &mut Out) {
        let Some(key) = self.sessions.by_number(number) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.wakes_at.take_if(|at| *at <= now.instant).is_none() {
            // An older timer: the one that counts is still to come.
            return;
        }
        if session.marked_full {
            self.sweep_expired(key, now, out);
        }
        self.will_due(key, now, out);
        self.expiry_due(key, now, out);
        self.watch_session(key, now);
    }
}
