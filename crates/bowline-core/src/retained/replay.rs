//! The replay of retained messages to one subscription: the subscriber's side.
//!
//! A replay is a cursor, paced by the socket and the client's window: pages come from each worker
//! in turn, never through the session's queue and never counted against its quota; a message of a
//! page is owed from when it is sent. What was published live meanwhile is not followed by the
//! older value.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::hash::{BuildHasher, Hasher};

use bowline_packet::{QoS, SubscriptionOptions};
use foldhash::fast::FixedState;

use crate::broker::Broker;
use crate::handover::{Batch, Handover, PassedMessage};
use crate::ids::{ConnectionId, SessionNo, WorkerId};
use crate::loading::Waiter;
use crate::message::MessageKey;
use crate::out::Out;
use crate::qos::Delivery;
use crate::routing::Identifiers;
use crate::session::SessionKey;
use crate::time::Now;

/// Topics that are remembered as published live; with more while one page is on its way, the page
/// is thrown away and asked for again.
const OVERTAKEN_MAX: usize = 1_024;
/// Pages that one session is given in one turn, so that a wide filter does not hold up others.
const PAGES_PER_TURN: usize = 8;

/// The retained messages that one subscription is still to get.
#[derive(Debug)]
pub(crate) struct Replay {
    filter: Box<str>,
    qos: QoS,
    identifier: Option<u32>,
    /// Whether the subscription was there before, so that it may have a replay already.
    is_repeated: bool,
    /// Whose topics come next, and whose are the last.
    worker: u8,
    last_worker: u8,
    /// The last topic that was looked at there.
    after: Option<Box<str>>,
    /// How often each worker had set a retained message when SUBACK left. What QoS 1 and 2
    /// messages were set later come live, and only live.
    sets: Box<[u64]>,
    is_awaited: bool,
    /// Nothing more comes, or is wanted.
    is_over: bool,
    /// The page cannot be used: it is asked for again.
    is_spoiled: bool,
    /// The topics that went to the client live, latest last. They are remembered across pages: the
    /// worker that gives a page may not have heard of the latest value yet.
    overtaken: VecDeque<u64>,
    /// How many of them since the page was asked for.
    overtaken_page: usize,
    page: VecDeque<Paged>,
}

/// A message of a page that waits for the socket or for a slot.
#[derive(Clone, Copy, Debug)]
struct Paged {
    topic: u64,
    is_overtaken: bool,
    delivery: Delivery,
}

impl Replay {
    /// Everything that matches `filter`, on the workers from the first to the last.
    pub(crate) fn new(
        filter: &str,
        options: SubscriptionOptions,
        identifier: Option<u32>,
        is_repeated: bool,
        (first, last): (WorkerId, WorkerId),
    ) -> Self {
        Self {
            filter: filter.into(),
            qos: options.qos,
            identifier,
            is_repeated,
            worker: first.0,
            last_worker: last.0,
            after: None,
            sets: Box::default(),
            is_awaited: false,
            is_over: false,
            is_spoiled: false,
            overtaken: VecDeque::new(),
            overtaken_page: 0,
            page: VecDeque::new(),
        }
    }

    /// Whether it matters what was retained when SUBACK left: a QoS 0 message may come twice, and
    /// its live copy may be dropped for a slow reader.
    pub(crate) fn wants_sets(&self) -> bool {
        self.qos > QoS::AtMostOnce
    }

    /// Notes how often each worker had set a retained message.
    pub(crate) fn note_sets(&mut self, sets: &[u64]) {
        if self.wants_sets() {
            self.sets = sets.into();
        }
    }

    fn sets_max(&self, worker: WorkerId) -> u64 {
        self.sets.get(worker.index()).copied().unwrap_or(u64::MAX)
    }

    /// Of which subscription.
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// A live message of this topic went to the client: an older one must not follow.
    pub(crate) fn note_overtaken(&mut self, topic: &str) {
        let topic = hash(topic);
        for paged in &mut self.page {
            paged.is_overtaken |= paged.topic == topic;
        }
        if self.overtaken.len() >= OVERTAKEN_MAX {
            self.overtaken.pop_front();
        }
        self.overtaken.push_back(topic);
        self.overtaken_page += 1;
        self.is_spoiled |= self.is_awaited && self.overtaken_page > OVERTAKEN_MAX;
    }

    /// The page ended: on to the next one, here or at the next worker.
    fn turn_page(&mut self, last_seen: Option<Box<str>>) {
        self.is_awaited = false;
        self.overtaken_page = 0;
        if core::mem::take(&mut self.is_spoiled) {
            return;
        }
        if last_seen.is_none() {
            self.is_over |= self.worker >= self.last_worker;
            self.worker = self.worker.saturating_add(1);
        }
        self.after = last_seen;
    }
}

/// What a replay remembers a topic by.
pub(super) fn hash(topic: &str) -> u64 {
    // No table hangs on it: a collision costs one retained message that was just seen live.
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(topic.as_bytes());
    hasher.finish()
}

impl Broker {
    /// The workers whose retained topics a filter may match: one, if it has no wildcard.
    pub(crate) fn replay_workers(&self, filter: &str) -> (WorkerId, WorkerId) {
        if filter.contains(['+', '#']) {
            let last = u8::try_from(self.options.workers.saturating_sub(1)).unwrap_or(63);
            return (WorkerId(0), WorkerId(last));
        }
        let owner = self.owner_of_topic(filter);
        (owner, owner)
    }

    /// Adds a replay behind those that the session has; one of the same filter is replaced, so
    /// that there are never more than there are subscriptions.
    pub(crate) fn add_replay(&mut self, key: SessionKey, replay: Replay) {
        // Looking for it costs time for each replay that waits: thousands of new filters have none.
        if replay.is_repeated {
            self.cancel_replay(key, &replay.filter);
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.replays.push_back(replay);
        }
    }

    /// Nothing more of a filter's retained messages goes to the session.
    pub(crate) fn cancel_replay(&mut self, key: SessionKey, filter: &str) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let messages = &mut self.messages;
        session.replays.retain_mut(|replay| {
            if *replay.filter != *filter {
                return true;
            }
            for paged in replay.page.drain(..) {
                messages.release(paged.delivery.message);
            }
            replay.is_over = true;
            // A page that is on its way belongs to this one; it stays until the page has ended.
            replay.is_awaited
        });
    }

    /// The session ends: lets go of what its replays hold.
    pub(crate) fn drop_replays(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        for replay in core::mem::take(&mut session.replays) {
            for paged in replay.page {
                self.messages.release(paged.delivery.message);
            }
        }
    }

    /// Serves the session's replays as far as its socket and window allow; true if none is left.
    pub(crate) fn replay(
        &mut self,
        key: SessionKey,
        id: ConnectionId,
        now: Now,
        out: &mut Out,
    ) -> bool {
        for _ in 0..PAGES_PER_TURN {
            if !self.send_page(key, id, now, out) {
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
            if replay.is_over {
                session.replays.pop_front();
                if session.replays.is_empty() {
                    // Most sessions subscribe once and live long.
                    session.replays = VecDeque::new();
                }
                continue;
            }
            replay.is_awaited = true;
            replay.overtaken_page = 0;
            let (filter, after) = (replay.filter.clone(), replay.after.clone());
            let worker = WorkerId(replay.worker);
            let sets_max = replay.sets_max(worker);
            if worker == self.options.worker {
                self.take_own_page(key, &filter, after.as_deref(), sets_max, now);
            } else {
                let session = number;
                out.staged(worker).push(Handover::RetainedAsk {
                    session,
                    filter,
                    after,
                    sets_max,
                });
                return false;
            }
        }
        self.pump_later(key);
        false
    }

    /// Sends what there is of the page; false if some of it must go on waiting.
    fn send_page(&mut self, key: SessionKey, id: ConnectionId, now: Now, out: &mut Out) -> bool {
        loop {
            if !self.has_room(id, out) {
                return false;
            }
            let Some(session) = self.sessions.get_mut(key) else {
                return false;
            };
            let (number, has_slot) = (session.number, session.sender.has_slot());
            let Some(replay) = session.replays.front_mut() else {
                return true;
            };
            let Some(&paged) = replay.page.front() else {
                return true;
            };
            let delivery = paged.delivery;
            let is_expired = self.messages.is_expired(delivery.message, now.instant);
            if paged.is_overtaken || is_expired {
                replay.page.pop_front();
                self.messages.release(delivery.message);
                continue;
            }
            if delivery.qos > QoS::AtMostOnce && !has_slot {
                return false;
            }
            if self.messages.view(delivery.message).is_none() {
                self.bring(delivery.message, Waiter::Session(number), out);
                return false;
            }
            replay.page.pop_front();
            if delivery.qos == QoS::AtMostOnce {
                self.write_retained(id, delivery, now, out);
                self.messages.release(delivery.message);
            } else {
                out.counters.obligations_admitted += 1;
                self.send_stored(key, id, delivery, now, out);
            }
        }
    }

    /// A page of this worker's own topics for one of its sessions.
    fn take_own_page(
        &mut self,
        key: SessionKey,
        filter: &str,
        after: Option<&str>,
        sets_max: u64,
        now: Now,
    ) {
        let page = self.find_page(filter, after, sets_max, now);
        for (topic, message) in page.messages {
            self.messages.retain(message);
            self.take_retained(key, topic, message);
        }
        self.turn_page(key, page.last_seen);
    }

    /// Puts one retained message into the page; takes over a reference to it.
    fn take_retained(&mut self, key: SessionKey, topic: u64, message: MessageKey) {
        let qos = self.messages.qos(message);
        let replay = self
            .sessions
            .get_mut(key)
            .and_then(|session| session.replays.front_mut());
        let Some(replay) = replay else {
            self.messages.release(message);
            return;
        };
        let delivery = Delivery {
            message,
            identifiers: Identifiers::one(replay.identifier),
            ticket: 0,
            qos: replay.qos.min(qos),
            retain: true,
            replayed: true,
        };
        replay.page.push_back(Paged {
            topic,
            is_overtaken: false,
            delivery,
        });
    }

    fn turn_page(&mut self, key: SessionKey, last_seen: Option<Box<str>>) {
        let replay = self
            .sessions
            .get_mut(key)
            .and_then(|session| session.replays.front_mut());
        let Some(replay) = replay else { return };
        if replay.is_spoiled {
            for paged in replay.page.drain(..) {
                self.messages.release(paged.delivery.message);
            }
        }
        replay.turn_page(last_seen);
    }

    /// A message of a page from another worker.
    pub(crate) fn on_retained_item(
        &mut self,
        session: SessionNo,
        batch: &Batch,
        passed: &PassedMessage,
    ) {
        let Some(key) = self.sessions.by_number(session) else {
            return;
        };
        let view = batch.message(passed);
        let replay = self
            .sessions
            .get_mut(key)
            .and_then(|session| session.replays.front_mut());
        let Some(replay) = replay else { return };
        let topic = hash(view.topic);
        if replay.is_over || replay.is_spoiled || replay.overtaken.contains(&topic) {
            return;
        }
        let message = self.messages.insert(&view);
        self.take_retained(key, topic, message);
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
        self.turn_page(key, last_seen.map(Into::into));
        self.pump(key, now, out);
    }
}
