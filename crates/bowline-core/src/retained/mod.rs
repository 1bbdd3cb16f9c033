//! Retained messages: one per topic, on the worker that the topic hashes to, and their replay.
//!
//! A replay is a cursor, paced by the socket: pages come from each worker in turn, never through a
//! queue and never counted against a quota. What was published live while a page was on its way is
//! not overtaken by the older value in the page.

mod store;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};

use bowline_packet::{QoS, ReasonCode, SubscriptionOptions};
use foldhash::fast::FixedState;

use crate::broker::Broker;
use crate::handover::{Batch, Handover, PassedMessage};
use crate::ids::{ConnectionId, RecordNo, SessionNo, WorkerId};
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::qos::Delivery;
use crate::record::Record;
use crate::routing::Identifiers;
use crate::session::SessionKey;
use crate::time::Now;
use store::{Page, RetainedStore};

/// Topics that are remembered as overtaken while one page is on its way; beyond, the page is
/// thrown away and asked for again.
const OVERTAKEN_MAX: usize = 1_024;
/// Pages that one session is given in one turn, so that a wide filter does not hold up others.
const PAGES_PER_TURN: usize = 8;

/// The retained messages of this worker.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    store: RetainedStore<MessageKey>,
    bytes: usize,
}

impl Retained {
    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The retained messages that one subscription is still to get.
#[derive(Debug)]
pub(crate) struct Replay {
    filter: Box<str>,
    qos: QoS,
    identifier: Option<u32>,
    /// Whose topics come next.
    worker: u8,
    /// The last topic that was looked at there.
    after: Option<Box<str>>,
    is_begun: bool,
    is_awaited: bool,
    /// The page cannot be used: it is asked for again.
    is_spoiled: bool,
    overtaken: Vec<u64>,
    /// QoS 1 and 2 messages of the page that wait for a slot.
    pub page: VecDeque<Delivery>,
}

impl Replay {
    /// Everything that matches `filter`.
    pub(crate) fn new(filter: &str, options: SubscriptionOptions, identifier: Option<u32>) -> Self {
        Self {
            filter: filter.into(),
            qos: options.qos,
            identifier,
            worker: 0,
            after: None,
            is_begun: false,
            is_awaited: false,
            is_spoiled: false,
            overtaken: Vec::new(),
            page: VecDeque::new(),
        }
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub(crate) fn is_for(&self, filter: &str) -> bool {
        *self.filter == *filter
    }

    pub(crate) fn note_overtaken(&mut self, topic: &str) {
        if !self.is_awaited {
            return;
        }
        if self.overtaken.len() < OVERTAKEN_MAX {
            self.overtaken.push(hash(topic));
        } else {
            self.is_spoiled = true;
        }
    }

    /// The page ended: on to the next one, here or at the next worker.
    fn turn_page(&mut self, last_seen: Option<Box<str>>) {
        self.is_awaited = false;
        self.overtaken = Vec::new();
        if core::mem::take(&mut self.is_spoiled) {
            return;
        }
        if last_seen.is_none() {
            self.worker += 1;
        }
        self.after = last_seen;
    }
}

fn hash(topic: &str) -> u64 {
    // No table hangs on it: a collision costs one retained message that was just seen live.
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(topic.as_bytes());
    hasher.finish()
}

impl Broker {
    /// Why a retained message whose topic belongs here cannot be kept, if so.
    pub(crate) fn refuses_retained(&self, message: &MessageView<'_>) -> Option<ReasonCode> {
        let limits = &self.options.limits;
        if !message.retain
            || message.payload.is_empty()
            || self.owner_of_topic(message.topic) != self.options.worker
        {
            return None;
        }
        let old = self.retained.store.get(message.topic);
        let old_bytes = old.map_or(0, |key| self.messages.size_bytes(*key));
        let bytes = self.retained.bytes - old_bytes + message.size_bytes();
        let too_many = old.is_none() && self.retained.len() >= limits.retained_messages_max;
        (too_many || bytes > limits.retained_bytes_max).then_some(ReasonCode::QuotaExceeded)
    }

    /// Sets, replaces or (with an empty payload) clears a retained message [MQTT-3.3.1-5],
    /// [MQTT-3.3.1-6].
    pub(crate) fn set_retained(&mut self, message: &MessageView<'_>, out: &mut Out) -> RecordNo {
        let old = if message.payload.is_empty() {
            self.retained.store.remove(message.topic)
        } else {
            let key = self.messages.insert(message);
            self.retained.bytes += message.size_bytes();
            self.retained.store.set(message.topic, key)
        };
        let nothing_changed = message.payload.is_empty() && old.is_none();
        if let Some(old) = old {
            self.retained.bytes -= self.messages.size_bytes(old);
            self.messages.release(old);
        }
        if nothing_changed {
            return RecordNo(0);
        }
        out.records.push(&Record::Retained { message })
    }

    /// Serves the session's replays as far as its socket and window allow; true if none is left.
    pub(crate) fn replay(
        &mut self,
        key: SessionKey,
        id: ConnectionId,
        now: Now,
        out: &mut Out,
    ) -> bool {
        let workers = u8::try_from(self.options.workers).unwrap_or(64);
        for _ in 0..PAGES_PER_TURN {
            if !self.replay_page(key, id, now, out) {
                return false;
            }
            let Some(session) = self.sessions.get_mut(key) else {
                return false;
            };
            let number = session.number;
            let Some(replay) = session.replays.front_mut() else {
                return true;
            };
            if replay.is_awaited {
                return false;
            }
            if replay.worker >= workers {
                session.replays.pop_front();
                if session.replays.is_empty() {
                    // Most sessions subscribe once and live long.
                    session.replays = VecDeque::new();
                }
                continue;
            }
            replay.is_begun = true;
            replay.is_awaited = true;
            let (filter, after) = (replay.filter.clone(), replay.after.clone());
            let worker = WorkerId(replay.worker);
            if worker == self.options.worker {
                self.give_page(number, &filter, after.as_deref(), None, now, out);
            } else {
                let session = number;
                out.staged(worker).push(Handover::RetainedAsk {
                    session,
                    filter,
                    after,
                });
                return false;
            }
        }
        self.pump_later(key);
        false
    }

    /// Sends what of the page waits for slots; false if some of it must go on waiting.
    fn replay_page(&mut self, key: SessionKey, id: ConnectionId, now: Now, out: &mut Out) -> bool {
        loop {
            if !self.has_room(id, out) {
                return false;
            }
            let Some(session) = self.sessions.get_mut(key) else {
                return false;
            };
            let has_slot = session.sender.has_slot();
            let Some(replay) = session.replays.front_mut() else {
                return true;
            };
            let Some(&delivery) = replay.page.front() else {
                return true;
            };
            if !has_slot {
                return false;
            }
            replay.page.pop_front();
            if !self.send_stored(key, id, delivery, now, out) {
                self.put_back(key, delivery, out);
                return false;
            }
        }
    }

    /// The message is not in RAM: asks for it and goes on when it is.
    fn put_back(&mut self, key: SessionKey, delivery: Delivery, out: &mut Out) {
        if let Some(location) = self.messages.ask(delivery.message) {
            out.effects.push(crate::effect::Effect::Load(location));
        }
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        self.loading.push(session.number);
        if let Some(replay) = session.replays.front_mut() {
            replay.page.push_front(delivery);
        }
    }

    /// One page of this worker's topics, for a session here or (`to`) elsewhere.
    fn give_page(
        &mut self,
        session: SessionNo,
        filter: &str,
        after: Option<&str>,
        to: Option<WorkerId>,
        now: Now,
        out: &mut Out,
    ) {
        let limits = &self.options.limits;
        let (topics, bytes_max) = (
            limits.retained_page_topics.max(1),
            limits.retained_page_bytes,
        );
        let mut found = Vec::new();
        let mut bytes = 0;
        let messages = &self.messages;
        let page = self.retained.store.page(filter, after, topics, |_, &key| {
            bytes += messages.size_bytes(key);
            found.push(key);
            bytes < bytes_max
        });
        let messages = core::mem::take(&mut self.messages);
        let mut expired = Vec::new();
        for key in found {
            let Some(view) = messages.view(key) else {
                continue;
            };
            if view.is_expired(now.instant) {
                expired.push(Box::<str>::from(view.topic));
                continue;
            }
            match to {
                None => self.replayed.push(key),
                Some(worker) => {
                    let staged = out.staged(worker);
                    let message = staged.add_message(&view);
                    staged.push(Handover::RetainedItem { session, message });
                }
            }
        }
        self.messages = messages;
        for topic in expired {
            // [MQTT-3.3.2-5]
            if let Some(key) = self.retained.store.remove(&topic) {
                self.retained.bytes -= self.messages.size_bytes(key);
                self.messages.release(key);
            }
        }
        let last_seen = match page {
            Page::Done => None,
            Page::More { last_seen } => Some(last_seen.into()),
        };
        match to {
            Some(worker) => {
                out.staged(worker)
                    .push(Handover::RetainedEnd { session, last_seen });
            }
            None => self.take_page(session, last_seen, now, out),
        }
    }

    /// A page of this worker's own topics for one of its sessions.
    fn take_page(
        &mut self,
        session: SessionNo,
        last_seen: Option<Box<str>>,
        now: Now,
        out: &mut Out,
    ) {
        let mut keys = core::mem::take(&mut self.replayed);
        if let Some(key) = self.sessions.by_number(session) {
            for message in keys.drain(..) {
                self.messages.retain(message);
                self.take_retained(key, message, now, out);
            }
            if let Some(replay) = self
                .sessions
                .get_mut(key)
                .and_then(|s| s.replays.front_mut())
            {
                replay.turn_page(last_seen);
            }
        }
        keys.clear();
        self.replayed = keys;
    }

    /// One retained message for a session; takes over a reference to it.
    fn take_retained(&mut self, key: SessionKey, message: MessageKey, now: Now, out: &mut Out) {
        let taken = self.sessions.get_mut(key).and_then(|session| {
            let connection = session.connection;
            let replay = session.replays.front_mut()?;
            Some((connection, replay.qos, replay.identifier))
        });
        let Some((connection, qos, identifier)) = taken else {
            self.messages.release(message);
            return;
        };
        let identifiers = Identifiers::one(identifier);
        let qos = qos.min(self.messages.qos(message));
        if qos > QoS::AtMostOnce {
            // Its own books: owed from here on, but no quota counts it.
            out.counters.obligations_admitted += 1;
            let delivery = Delivery {
                message,
                identifiers,
                ticket: 0,
                qos,
                retain: true,
                replayed: true,
            };
            if let Some(replay) = self
                .sessions
                .get_mut(key)
                .and_then(|s| s.replays.front_mut())
            {
                replay.page.push_back(delivery);
            }
            return;
        }
        match connection {
            Some(id) => {
                let messages = core::mem::take(&mut self.messages);
                if let Some(view) = messages.view(message) {
                    self.write_retained(id, &view, identifiers, now, out);
                }
                self.messages = messages;
            }
            None => self.spoil(key),
        }
        self.messages.release(message);
    }

    fn spoil(&mut self, key: SessionKey) {
        if let Some(replay) = self
            .sessions
            .get_mut(key)
            .and_then(|s| s.replays.front_mut())
        {
            replay.is_spoiled = true;
        }
    }

    /// Another worker asks for a page.
    pub(crate) fn on_retained_ask(
        &mut self,
        from: WorkerId,
        session: SessionNo,
        filter: &str,
        after: Option<&str>,
        now: Now,
        out: &mut Out,
    ) {
        self.give_page(session, filter, after, Some(from), now, out);
    }

    /// A message of a page from another worker.
    pub(crate) fn on_retained_item(
        &mut self,
        session: SessionNo,
        batch: &Batch,
        passed: &PassedMessage,
        now: Now,
        out: &mut Out,
    ) {
        let Some(key) = self.sessions.by_number(session) else {
            return;
        };
        let view = batch.message(passed);
        let Some(replay) = self
            .sessions
            .get_mut(key)
            .and_then(|s| s.replays.front_mut())
        else {
            return;
        };
        if replay.is_spoiled || replay.overtaken.contains(&hash(view.topic)) {
            return;
        }
        let message = self.messages.insert(&view);
        self.take_retained(key, message, now, out);
    }

    /// The end of a page from another worker.
    pub(crate) fn on_retained_end(
        &mut self,
        session: SessionNo,
        last_seen: Option<&str>,
        now: Now,
        out: &mut Out,
    ) {
        let Some(key) = self.sessions.by_number(session) else {
            return;
        };
        if let Some(replay) = self
            .sessions
            .get_mut(key)
            .and_then(|s| s.replays.front_mut())
        {
            replay.turn_page(last_seen.map(Into::into));
        }
        self.pump(key, now, out);
    }
}
