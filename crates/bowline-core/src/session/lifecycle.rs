//! The end of sessions, and the bounds of their queues.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Session, SessionKey};
use crate::broker::Broker;
use crate::connection::{Discharge, Refusal};
use crate::event::{Event, SessionEnd};
use crate::handover::Handover;
use crate::ids::RecordNo;
use crate::limits::OnFull;
use crate::out::Out;
use crate::qos::Delivery;
use crate::record::Record;
use crate::time::Now;

impl Broker {
    /// Ends a session whose client is away (or was just sent away): its will is published, its
    /// subscriptions go, what it was owed is discharged.
    pub(crate) fn end_session(
        &mut self,
        key: SessionKey,
        why: SessionEnd,
        now: Now,
        out: &mut Out,
    ) {
        // [MQTT-3.1.2-8] A delayed will is due at the latest now.
        self.publish_will(key, now, out);
        // Before the subscriptions: each of them would look for its own among all of them.
        self.drop_replays(key);
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        for filter in session.subscriptions.filters() {
            self.drop_subscription(key, &filter, out);
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let mut owed: Vec<Delivery> = Vec::new();
        session
            .sender
            .extract(|_| true, |delivery| owed.push(delivery));
        let (number, lasting) = (session.number, session.is_lasting());
        let messages_discharged = owed.len();
        for delivery in owed {
            self.discharge(key, delivery, Discharge::SessionEnded, out);
        }
        if lasting {
            out.records.push(&Record::SessionEnded { number });
        }
        if let Some(session) = self.sessions.remove(key) {
            let client_id = session.client_id;
            out.events.push(Event::SessionEnded {
                client_id,
                why,
                messages_discharged,
            });
        }
    }

    /// The Session Expiry Interval may be over.
    pub(crate) fn expiry_due(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let ends_at = self.sessions.get(key).and_then(|session| session.ends_at);
        if ends_at.is_some_and(|at| at <= now.instant) {
            self.end_session(key, SessionEnd::Expired, now, out);
        }
    }

    /// What a promise to this session rests on that comes with no record of its own: everything
    /// recorded so far, since it may repeat what is not durable yet; nothing, if it does not last.
    pub(crate) fn last_record(&self, key: SessionKey, out: &Out) -> RecordNo {
        let lasting = self.sessions.get(key).is_some_and(Session::is_lasting);
        if lasting {
            out.records.last()
        } else {
            RecordNo(0)
        }
    }

    /// Ends a session over its quota, but not in the middle of a delivery: its will may fill the
    /// next one's queue.
    fn doom(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.is_doomed
        {
            session.is_doomed = true;
            self.doomed.push_back(session.number);
        }
    }

    /// Ends the sessions that went over their quota in this turn.
    pub(crate) fn end_doomed(&mut self, now: Now, out: &mut Out) {
        while let Some(number) = self.doomed.pop_front() {
            let Some(key) = self.sessions.by_number(number) else {
                continue;
            };
            if let Some(id) = self
                .sessions
                .get(key)
                .and_then(|session| session.connection)
            {
                self.refuse(id, &Refusal::QueueFull, now, out);
            }
            if let Some(key) = self.sessions.by_number(number) {
                self.end_session(key, SessionEnd::QueueFull, now, out);
            }
        }
    }

    /// Whether a live message of `size_bytes` may enter the session's queue; if not, the policy
    /// has been carried out and counted [design P2].
    pub(crate) fn admit_to_queue(
        &mut self,
        key: SessionKey,
        size_bytes: usize,
        now: Now,
        out: &mut Out,
    ) -> bool {
        if !self.is_full_for(key, size_bytes) {
            return true;
        }
        // At most once a second: a queue that stays full is not walked for every message.
        let secs = now.instant.secs();
        if let Some(session) = self.sessions.get_mut(key)
            && core::mem::replace(&mut session.swept_secs, secs) != secs
        {
            self.sweep_expired(key, now, out);
        }
        if !self.is_full_for(key, size_bytes) {
            return true;
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        if !session.is_lasting() {
            self.doom(key);
            return false;
        }
        let policy = self.options.limits.on_full;
        if !session.told_full {
            session.told_full = true;
            let client_id = session.client_id.clone();
            out.events.push(Event::QueueFull { client_id, policy });
        }
        match policy {
            OnFull::End => {
                self.doom(key);
                false
            }
            // Publishers are held or refused before; what was on its way to us when the queue
            // became full is still let in.
            OnFull::Hold | OnFull::Reject => true,
            OnFull::DropNewest => {
                out.counters.obligations_admitted += 1;
                out.counters.discharged_dropped_newest += 1;
                false
            }
            OnFull::DropOldest => self.drop_oldest(key, size_bytes, out),
        }
    }

    /// Makes room for a message of `size_bytes`; what is in flight cannot be dropped, so if there
    /// is nothing else the new one is.
    fn drop_oldest(&mut self, key: SessionKey, size_bytes: usize, out: &mut Out) -> bool {
        while self.is_full_for(key, size_bytes) {
            let session = self.sessions.get_mut(key);
            let Some(oldest) = session.and_then(|session| session.sender.pop()) else {
                out.counters.obligations_admitted += 1;
                out.counters.discharged_dropped_newest += 1;
                return false;
            };
            self.discharge(key, oldest, Discharge::DroppedOldest, out);
        }
        true
    }

    fn is_full_for(&self, key: SessionKey, size_bytes: usize) -> bool {
        let limits = &self.options.limits;
        let Some(session) = self.sessions.get(key) else {
            return true;
        };
        let sender = &session.sender;
        let too_many = sender.messages >= limits.queue_messages_max;
        let too_large = sender.messages > 0 && sender.bytes + size_bytes > limits.queue_bytes_max;
        too_many || too_large || session.is_doomed
    }

    /// Expired messages give their room to live ones.
    pub(crate) fn sweep_expired(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let messages = &self.messages;
        let expired = session
            .sender
            .extract_queued(|delivery| messages.is_expired(delivery.message, now.instant));
        for delivery in expired {
            self.discharge(key, delivery, Discharge::Expired, out);
        }
    }

    /// A lasting session became full: where publishers are held or refused, all workers must know.
    pub(crate) fn mark_full(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let limits = &self.options.limits;
        if !matches!(limits.on_full, OnFull::Hold | OnFull::Reject) {
            return;
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let is_full = session.sender.messages >= limits.queue_messages_max
            || session.sender.bytes >= limits.queue_bytes_max;
        if session.marked_full || !is_full || !session.is_lasting() {
            return;
        }
        session.marked_full = true;
        let client_id = session.client_id.clone();
        if !session.told_full {
            session.told_full = true;
            out.events.push(Event::QueueFull {
                client_id,
                policy: limits.on_full,
            });
        }
        self.spread_full(key, true, out);
        self.watch_session(key, now);
    }

    /// The session no longer lasts: nobody waits for its queue.
    pub(crate) fn unmark_ephemeral(&mut self, key: SessionKey, out: &mut Out) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.is_lasting()
            && core::mem::take(&mut session.marked_full)
        {
            self.spread_full(key, false, out);
        }
    }

    /// A queue that fell to 80 % of its bounds lets publishers go on.
    pub(crate) fn unmark_full(&mut self, key: SessionKey, out: &mut Out) {
        let limits = &self.options.limits;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if !session.marked_full && !session.told_full {
            return;
        }
        let is_below = session.sender.messages <= limits.queue_messages_low()
            && session.sender.bytes <= limits.queue_bytes_low();
        if !is_below {
            return;
        }
        session.told_full = false;
        if core::mem::take(&mut session.marked_full) {
            self.spread_full(key, false, out);
        }
    }

    fn spread_full(&mut self, key: SessionKey, full: bool, out: &mut Out) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let filters = session.subscriptions.filters();
        for filter in filters
            .iter()
            .filter(|filter| !filter.starts_with("$share/"))
        {
            self.set_filter_full(filter, full, out);
        }
    }

    /// Marks or unmarks a filter here and on all other workers.
    pub(crate) fn set_filter_full(&mut self, filter: &str, full: bool, out: &mut Out) {
        self.on_filter_full(filter, full);
        for worker in self.other_workers() {
            let filter = filter.into();
            out.staged(worker)
                .push(Handover::FilterFull { filter, full });
        }
    }

    /// A filter was marked or unmarked, here or elsewhere.
    pub(crate) fn on_filter_full(&mut self, filter: &str, full: bool) {
        if let Some(interest) = self.tree.get_mut(filter) {
            interest.full = if full {
                interest.full + 1
            } else {
                interest.full.saturating_sub(1)
            };
        }
        if !full {
            self.held_may_go = true;
        }
    }

    /// The session will be served at the end of the turn.
    pub(crate) fn pump_later(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.pump_due
        {
            session.pump_due = true;
            self.pump_due.push_back(session.number);
        }
    }
}

impl Session {
    /// A live retained message went to this session while a page of older ones is on its way.
    pub(crate) fn note_overtaken(&mut self, topic: &str) {
        if let Some(replay) = self.replays.front_mut() {
            replay.note_overtaken(topic);
        }
    }

    /// Its share subscriptions.
    pub(crate) fn share_filters(&self) -> Vec<Box<str>> {
        if self.shares == 0 {
            return Vec::new();
        }
        let mut filters = self.subscriptions.filters();
        filters.retain(|filter| filter.starts_with("$share/"));
        filters
    }
}
