//! SUBSCRIBE and UNSUBSCRIBE: SUBACK leaves when every worker knows the filters.

use alloc::vec::Vec;

use bowline_packet::{
    PacketId, QoS, ReasonCode, RetainHandling, SubAck, Subscribe, SubscriptionOptions, TopicFilter,
    UnsubAck, Unsubscribe,
};

use super::Subscriber;
use crate::broker::Broker;
use crate::gate::{Mark, Promise};
use crate::handover::Handover;
use crate::ids::{ConnectionId, RecordNo, SessionNo, WorkerId};
use crate::out::Out;
use crate::record::Record;
use crate::retained::Replay;
use crate::session::{SessionKey, Subscription};
use crate::time::Now;

/// Something that waits until the other workers know a filter.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A SUBACK of this worker's client, and the replays that follow it.
    Subscribe(PendingSubscribe),
    /// A session of another worker joined a group here.
    Relay {
        to: WorkerId,
        token: u32,
        answers_due: u32,
    },
}

/// A SUBACK that is not out yet.
#[derive(Debug)]
pub(crate) struct PendingSubscribe {
    mark: Mark,
    session: SessionNo,
    packet_id: PacketId,
    codes: Vec<u8>,
    replays: Vec<Replay>,
    rests_on: RecordNo,
    answers_due: u32,
    round: Round,
    /// How often each worker had set a retained message when it answered last.
    sets: Vec<u64>,
}

/// What the other workers are asked for before SUBACK leaves.
///
/// A retained message that is published after SUBACK is for the live subscription alone; one that
/// was published before is in the retained store of its worker, though its publisher's worker may
/// be still handing it over while it answers. So the count of what was set is asked for when every
/// worker has ended the turn in which it learnt of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// To know the filters.
    Routes,
    /// To have handed over what they handled before they knew.
    HandedOver,
    /// To say how often they had set a retained message.
    Sets,
}

/// What one filter of a SUBSCRIBE brought about.
struct Subscribed {
    code: ReasonCode,
    /// Other workers must learn of it.
    is_new_route: bool,
    replay: Option<Replay>,
    /// The worker of the share group, if it is another one.
    joins: Option<WorkerId>,
}

impl Subscribed {
    fn refused(code: ReasonCode) -> Self {
        Self {
            code,
            is_new_route: false,
            replay: None,
            joins: None,
        }
    }
}

impl Broker {
    /// SUBSCRIBE [MQTT-3.8.4-1].
    pub(crate) fn on_subscribe(
        &mut self,
        id: ConnectionId,
        packet: &Subscribe<'_>,
        now: Now,
        out: &mut Out,
    ) {
        let Some(mark) = self.connections.mark(id) else {
            return;
        };
        let Some(key) = self
            .connections
            .get(id)
            .and_then(|connection| connection.session)
        else {
            return;
        };
        let Some(session) = self.sessions.get(key).map(|session| session.number) else {
            return;
        };
        let token = self.pending.insert(Pending::Relay {
            to: self.options.worker,
            token: 0,
            answers_due: 0,
        });
        let (mut codes, mut replays) = (Vec::new(), Vec::new());
        let (mut is_new_route, mut answers_due) = (false, 0);
        for (filter, options) in packet.filters.iter() {
            let identifier = packet.subscription_identifier;
            let done = self.subscribe(key, filter, options, identifier, token, out);
            codes.push(done.code.code());
            is_new_route |= done.is_new_route;
            replays.extend(done.replay);
            answers_due += u32::from(done.joins.is_some());
        }
        if is_new_route || self.routes_due > 0 {
            answers_due += self.ask_barrier(token, out);
        }
        // One that changed nothing rests on the one that it repeats, which may be still in flight.
        let rests_on = self.last_record(key, out);
        let pending = PendingSubscribe {
            mark,
            session,
            packet_id: packet.packet_id,
            codes,
            replays,
            rests_on,
            answers_due,
            round: Round::Routes,
            sets: Vec::new(),
        };
        if let Some(slot) = self.pending.get_mut(token) {
            *slot = Pending::Subscribe(pending);
        }
        self.routes_due += answers_due as usize;
        if answers_due == 0 {
            self.routes_known(token, now, out);
        }
    }

    fn subscribe(
        &mut self,
        key: SessionKey,
        filter: TopicFilter<'_>,
        options: SubscriptionOptions,
        identifier: Option<u32>,
        token: u32,
        out: &mut Out,
    ) -> Subscribed {
        let limits = &self.options.limits;
        if limits.has_too_many_levels(filter.filter()) {
            return Subscribed::refused(ReasonCode::TopicFilterInvalid);
        }
        let whole = filter.as_str();
        let Some(session) = self.sessions.get_mut(key) else {
            return Subscribed::refused(ReasonCode::UnspecifiedError);
        };
        let is_at_bound = session.subscriptions.len() >= limits.subscriptions_per_session_max;
        if is_at_bound && !session.subscriptions.contains(whole) {
            return Subscribed::refused(ReasonCode::QuotaExceeded);
        }
        let subscription = Subscription {
            options,
            identifier,
            place: 0,
        };
        let old = session.subscriptions.insert(whole, subscription);
        let is_changed = old.is_none_or(|old| old.differs(&subscription));
        let (number, marked_full) = (session.number, session.marked_full);
        if session.is_lasting() && is_changed {
            out.records.push(&Record::Subscribed {
                number,
                filter: whole,
                options,
                identifier,
            });
        }
        let code = match options.qos {
            QoS::AtMostOnce => ReasonCode::Success,
            QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
            QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
        };
        if filter.share().is_some() {
            session.shares += u32::from(old.is_none());
            let joins = self.join_group(key, filter, subscription, token, out);
            return Subscribed {
                code,
                is_new_route: true,
                replay: None,
                joins,
            };
        }
        let interest = self.tree.entry(whole);
        let is_new_route = !interest.is_wanted_here();
        let subscriber = Subscriber {
            session: key,
            options,
            identifier,
        };
        let place = match old {
            Some(old) => {
                if let Some(place) = interest.subscribers.get_mut(old.place as usize) {
                    *place = subscriber;
                }
                old.place
            }
            None => {
                if interest.subscribers.is_empty() {
                    // Most filters have one subscriber.
                    interest.subscribers.reserve_exact(1);
                }
                interest.subscribers.push(subscriber);
                u32::try_from(interest.subscribers.len() - 1).expect("sessions are counted by u32")
            }
        };
        if let Some(subscription) = session.subscriptions.get_mut(whole) {
            subscription.place = place;
        }
        if is_new_route {
            self.add_route(whole, out);
        }
        if marked_full && old.is_none() {
            self.set_filter_full(whole, true, out);
        }
        let replays = match options.retain_handling {
            RetainHandling::SendAtSubscribe => true,
            RetainHandling::SendIfNew => old.is_none(),
            RetainHandling::DoNotSend => false,
        };
        let workers = self.replay_workers(whole);
        let is_repeated = old.is_some();
        let replay = replays.then(|| Replay::new(whole, options, identifier, is_repeated, workers));
        Subscribed {
            code,
            is_new_route,
            replay,
            joins: None,
        }
    }

    /// Tells the other workers that somebody here wants what matches.
    pub(crate) fn add_route(&mut self, filter: &str, out: &mut Out) {
        for worker in self.other_workers() {
            out.staged(worker).push(Handover::RouteAdd {
                filter: filter.into(),
            });
        }
    }

    /// Asks the other workers to say that they know what was handed to them; how many will.
    pub(crate) fn ask_barrier(&mut self, token: u32, out: &mut Out) -> u32 {
        let mut asked = 0;
        for worker in self.other_workers() {
            out.staged(worker).push(Handover::RouteBarrier { token });
            asked += 1;
        }
        asked
    }

    /// Answers another worker that what it handed over is known.
    pub(crate) fn tell_known(&mut self, to: WorkerId, token: u32, out: &mut Out) {
        let retained_sets = self.retained.sets();
        out.staged(to).push(Handover::RouteKnown {
            token,
            retained_sets,
        });
    }

    /// Another worker knows everything up to the barrier.
    pub(crate) fn on_route_known(
        &mut self,
        from: WorkerId,
        token: u32,
        retained_sets: u64,
        now: Now,
        out: &mut Out,
    ) {
        let workers = self.options.workers;
        let answers_due = match self.pending.get_mut(token) {
            Some(Pending::Subscribe(pending)) => {
                pending.sets.resize(workers, 0);
                if let Some(sets) = pending.sets.get_mut(from.index()) {
                    *sets = retained_sets;
                }
                &mut pending.answers_due
            }
            Some(Pending::Relay { answers_due, .. }) => answers_due,
            None => return,
        };
        self.routes_due = self.routes_due.saturating_sub(1);
        *answers_due = answers_due.saturating_sub(1);
        if *answers_due == 0 {
            self.routes_known(token, now, out);
        }
    }

    /// Everybody knows: answers, as soon as the gate allows.
    pub(crate) fn routes_known(&mut self, token: u32, now: Now, out: &mut Out) {
        match self.pending.get(token) {
            Some(Pending::Subscribe(pending)) => {
                let rests_on = pending.rests_on;
                if let Some(round) = self.next_round(pending) {
                    self.ask_again(token, round, out);
                    return;
                }
                if self.gate.is_open(rests_on) {
                    self.subscribed(token, now, out);
                } else {
                    self.gate.hold(rests_on, Promise::Subscribed(token));
                }
            }
            Some(&Pending::Relay {
                to,
                token: theirs,
                answers_due: _,
            }) => {
                self.pending.remove(token);
                self.tell_known(to, theirs, out);
            }
            None => {}
        }
    }

    /// What the other workers are asked for next, if anything.
    fn next_round(&self, pending: &PendingSubscribe) -> Option<Round> {
        let is_alone = self.options.workers == 1;
        if is_alone || !pending.replays.iter().any(Replay::wants_sets) {
            return None;
        }
        match pending.round {
            Round::Routes => Some(Round::HandedOver),
            Round::HandedOver => Some(Round::Sets),
            Round::Sets => None,
        }
    }

    fn ask_again(&mut self, token: u32, round: Round, out: &mut Out) {
        let asked = self.ask_barrier(token, out);
        self.routes_due += asked as usize;
        if let Some(Pending::Subscribe(pending)) = self.pending.get_mut(token) {
            pending.round = round;
            pending.answers_due = asked;
        }
    }

    /// SUBACK, then the retained messages.
    pub(crate) fn subscribed(&mut self, token: u32, now: Now, out: &mut Out) {
        let Some(Pending::Subscribe(pending)) = self.pending.remove(token) else {
            return;
        };
        if let Some(connection) = self.connections.marked(pending.mark) {
            let version = connection.version;
            let packet = SubAck::new(pending.packet_id, &pending.codes);
            let _ = out.append(pending.mark.connection, |bytes| {
                packet.encode(version, bytes)
            });
        }
        // A session that lasts gets its retained messages when its client is back.
        let Some(key) = self.sessions.by_number(pending.session) else {
            return;
        };
        let mut sets = pending.sets;
        sets.resize(self.options.workers, 0);
        if let Some(own) = sets.get_mut(self.options.worker.index()) {
            *own = self.retained.sets();
        }
        for mut replay in pending.replays {
            replay.note_sets(&sets);
            // It may have unsubscribed meanwhile.
            let session = self.sessions.get(key);
            if session.is_some_and(|session| session.subscriptions.contains(replay.filter())) {
                self.add_replay(key, replay);
            }
        }
        self.pump(key, now, out);
    }

    /// UNSUBSCRIBE: what was admitted before stays owed [MQTT-3.10.4-3].
    pub(crate) fn on_unsubscribe(
        &mut self,
        id: ConnectionId,
        packet: &Unsubscribe<'_>,
        _now: Now,
        out: &mut Out,
    ) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let version = connection.version;
        let Some(key) = connection.session else {
            return;
        };
        let mut codes = Vec::new();
        for filter in packet.filters.iter() {
            let was_there = self.drop_subscription(key, filter.as_str(), out);
            codes.push(if was_there {
                ReasonCode::Success.code()
            } else {
                ReasonCode::NoSubscriptionExisted.code()
            });
            let Some(session) = self.sessions.get(key).filter(|_| was_there) else {
                continue;
            };
            if session.is_lasting() {
                let number = session.number;
                let filter = filter.as_str();
                out.records.push(&Record::Unsubscribed { number, filter });
            }
        }
        let rests_on = self.last_record(key, out);
        let packet = UnsubAck::new(packet.packet_id, &codes);
        if self.gate.is_open(rests_on) {
            let _ = out.append(id, |bytes| packet.encode(version, bytes));
            return;
        }
        let mut bytes = Vec::new();
        let _ = packet.encode(version, &mut bytes);
        if let Some(mark) = self.connections.mark(id) {
            self.gate
                .hold(rests_on, Promise::Packet(mark, bytes.into()));
        }
    }

    /// Removes a subscription and, if nobody here wants the filter any more, its routes.
    pub(crate) fn drop_subscription(
        &mut self,
        key: SessionKey,
        filter: &str,
        out: &mut Out,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else {
            return false;
        };
        let Some(removed) = session.subscriptions.remove(filter) else {
            return false;
        };
        let (shares, marked_full) = (&mut session.shares, session.marked_full);
        if filter.starts_with("$share/") {
            *shares -= 1;
            self.leave_group(key, filter, out);
            return true;
        }
        // [MQTT-3.10.4-1] Nothing new for it from here on.
        self.cancel_replay(key, filter);
        if marked_full {
            self.set_filter_full(filter, false, out);
        }
        self.drop_subscriber(filter, removed.place);
        self.drop_route(filter, out);
        true
    }

    /// Takes a subscriber from its place in the tree, which the last one of that filter gets:
    /// constant time, also when a hundred thousand leave one filter.
    fn drop_subscriber(&mut self, filter: &str, place: u32) {
        let Some(interest) = self.tree.get_mut(filter) else {
            return;
        };
        if (place as usize) < interest.subscribers.len() {
            interest.subscribers.swap_remove(place as usize);
        }
        let moved = interest.subscribers.get(place as usize);
        let session = moved.and_then(|moved| self.sessions.get_mut(moved.session));
        if let Some(subscription) = session.and_then(|s| s.subscriptions.get_mut(filter)) {
            subscription.place = place;
        }
    }

    /// Somebody here stopped wanting a filter: tells the others if nobody is left.
    pub(crate) fn drop_route(&mut self, filter: &str, out: &mut Out) {
        let Some(interest) = self.tree.get(filter) else {
            return;
        };
        if interest.is_wanted_here() {
            return;
        }
        if interest.is_empty() {
            self.tree.remove(filter);
        }
        for worker in self.other_workers() {
            out.staged(worker).push(Handover::RouteRemove {
                filter: filter.into(),
            });
        }
    }

    /// Another worker wants a filter, or no longer does.
    pub(crate) fn on_route(&mut self, from: WorkerId, filter: &str, wanted: bool) {
        if wanted {
            self.tree.entry(filter).workers |= from.bit();
            return;
        }
        let Some(interest) = self.tree.get_mut(filter) else {
            return;
        };
        interest.workers &= !from.bit();
        if interest.is_empty() {
            self.tree.remove(filter);
            // Publishers that were held back for a full queue there may go on.
            self.held_may_go = true;
        }
    }

    /// All workers but this one.
    pub(crate) fn other_workers(&self) -> impl Iterator<Item = WorkerId> + use<> {
        let own = self.options.worker;
        let workers = u8::try_from(self.options.workers).unwrap_or(64);
        (0..workers)
            .map(WorkerId)
            .filter(move |worker| *worker != own)
    }
}

/// A whole share filter in its parts: the filter behind `$share/name/`.
pub(crate) fn filter_of_share(share_filter: &str) -> &str {
    share_filter.splitn(3, '/').nth(2).unwrap_or_default()
}
