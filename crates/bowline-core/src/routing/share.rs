//! Shared subscriptions: a group is a target like a session, with a queue of its own.
//!
//! A group belongs to the worker that its share filter hashes to. It gives each message to one
//! member whose window is not full and keeps it until that member's session has discharged it. If
//! the member's connection ends first, a QoS 1 message returns to the group, in its old order; a
//! QoS 2 message stays with the member's session [MQTT-4.8.2-4], [MQTT-4.8.2-5].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};

use bowline_packet::{QoS, TopicFilter};
use foldhash::fast::FixedState;

use super::filter_of_share;
use super::subscribe::Pending;
use crate::broker::Broker;
use crate::connection::Discharge;
use crate::deadline::Deadline;
use crate::egress::Fanout;
use crate::handover::{Batch, Handover, Offer, PassedMessage};
use crate::ids::{SessionNo, WorkerId, worker_of};
use crate::limits::{OnFull, ShareStrategy};
use crate::loading::Waiter;
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::qos::Delivery;
use crate::routing::{Identifiers, Target};
use crate::session::{SessionKey, Subscription};
use crate::slab::Slab;
use crate::time::{Instant, Now};

/// A group of this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupKey(u32);

/// A session that joins a group, or changes its options there.
#[derive(Debug)]
pub(crate) struct Join {
    pub share_filter: Box<str>,
    pub session: SessionNo,
    pub qos: QoS,
    pub identifier: Option<u32>,
    /// What it may have in flight; 0 while its client is away.
    pub window: u16,
    pub is_lasting: bool,
}

#[derive(Debug)]
struct Member {
    worker: WorkerId,
    session: SessionNo,
    qos: QoS,
    identifier: Option<u32>,
    window: u16,
    /// Given to it and not discharged yet.
    open: u16,
    is_lasting: bool,
}

impl Member {
    fn can_take(&self) -> bool {
        self.open < self.window
    }
}

#[derive(Clone, Copy, Debug)]
struct Queued {
    ticket: u64,
    message: MessageKey,
    /// What a member is chosen by: it is drawn while the message is at hand.
    hint: u64,
}

#[derive(Clone, Copy, Debug)]
struct Offered {
    message: MessageKey,
    hint: u64,
    session: SessionNo,
}

/// One share group.
#[derive(Debug)]
struct Group {
    share_filter: Box<str>,
    /// The hash of it.
    name: u64,
    members: Vec<Member>,
    queue: VecDeque<Queued>,
    offered: BTreeMap<u64, Offered>,
    bytes: usize,
    /// Where the choice of the next member begins.
    turn: usize,
    marked_full: bool,
    /// When its queue will be looked at for expired messages.
    sweep_at: Option<Instant>,
}

/// Whose a delivery is that a group gave to a session of this worker.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    worker: WorkerId,
    group: u32,
    ticket: u64,
    /// The group's share filter, by its hash: the index may be another group's one day.
    name: u64,
}

/// The groups of this worker, and the tickets of what its sessions were given.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Slab<Group>,
    by_filter: BTreeMap<Box<str>, u32>,
    tickets: Slab<Ticket>,
    /// Counts the messages of all groups: a group that takes the place of another never knows
    /// the other's.
    messages: u64,
    chance: u64,
}

impl Groups {
    /// No groups; `seed` begins the sequence for the random strategy.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: seed | 1,
            ..Self::default()
        }
    }

    /// Messages that wait in groups or with their members.
    pub(crate) fn waiting(&self) -> usize {
        self.groups
            .iter()
            .map(|(_, group)| group.queue.len() + group.offered.len())
            .sum()
    }

    /// Messages that sessions of this worker were given and have not settled.
    pub(crate) fn tickets(&self) -> usize {
        self.tickets.len()
    }
}

impl Group {
    fn member(&mut self, session: SessionNo) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.session == session)
    }

    /// The place of the member that gets the next message.
    fn choose(&mut self, strategy: ShareStrategy, hint: u64) -> Option<usize> {
        let count = self.members.len();
        if count == 0 {
            return None;
        }
        let start = match strategy {
            ShareStrategy::RoundRobin | ShareStrategy::Sticky => self.turn,
            ShareStrategy::Random | ShareStrategy::HashTopic | ShareStrategy::HashClient => {
                usize::try_from(hint % count as u64).unwrap_or(0)
            }
        };
        let mut places = (start..start + count).map(|place| place % count);
        let chosen = places.find(|place| self.members.get(*place).is_some_and(Member::can_take))?;
        self.turn = match strategy {
            ShareStrategy::Sticky => chosen,
            ShareStrategy::RoundRobin
            | ShareStrategy::Random
            | ShareStrategy::HashTopic
            | ShareStrategy::HashClient => (chosen + 1) % count,
        };
        Some(chosen)
    }

    fn is_lasting(&self) -> bool {
        self.members.iter().any(|member| member.is_lasting)
    }

    fn is_here(&self) -> bool {
        self.members.iter().any(|member| member.window > 0)
    }

    /// Puts a message back where it stood.
    fn take_back(&mut self, queued: Queued) {
        let place = self
            .queue
            .partition_point(|other| other.ticket < queued.ticket);
        self.queue.insert(place, queued);
    }
}

impl Broker {
    fn owner_of_group(&self, share_filter: &str) -> WorkerId {
        worker_of(
            share_filter.as_bytes(),
            self.options.seed,
            self.options.workers,
        )
    }

    /// A session of this worker subscribes to a share filter; the worker that it joins at, if that
    /// is another one and will answer `token`.
    pub(super) fn join_group(
        &mut self,
        key: SessionKey,
        filter: TopicFilter<'_>,
        subscription: Subscription,
        token: u32,
        out: &mut Out,
    ) -> Option<WorkerId> {
        let session = self.sessions.get(key)?;
        let join = Join {
            share_filter: filter.as_str().into(),
            session: session.number,
            qos: subscription.options.qos,
            identifier: subscription.identifier,
            window: if session.connection.is_some() {
                session.sender.window
            } else {
                0
            },
            is_lasting: session.is_lasting(),
        };
        let owner = self.owner_of_group(filter.as_str());
        if owner == self.options.worker {
            self.add_member(owner, join, out);
            return None;
        }
        out.staged(owner).push(Handover::ShareJoin {
            join: Box::new(join),
            token,
        });
        Some(owner)
    }

    /// A session of another worker joins a group here.
    pub(crate) fn on_share_join(
        &mut self,
        from: WorkerId,
        join: &Join,
        token: u32,
        now: Now,
        out: &mut Out,
    ) {
        let join = Join {
            share_filter: join.share_filter.clone(),
            ..*join
        };
        self.add_member(from, join, out);
        let relay = self.pending.insert(Pending::Relay {
            to: from,
            token,
            answers_due: 0,
        });
        let asked = self.ask_barrier(relay, out);
        if let Some(Pending::Relay { answers_due, .. }) = self.pending.get_mut(relay) {
            *answers_due = asked;
        }
        self.routes_due += asked as usize;
        if asked == 0 {
            self.routes_known(relay, now, out);
        }
    }

    fn add_member(&mut self, worker: WorkerId, join: Join, out: &mut Out) {
        let index = self.group(&join.share_filter, out);
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        if let Some(member) = group.member(join.session) {
            member.qos = join.qos;
            member.identifier = join.identifier;
            member.window = join.window;
            member.is_lasting = join.is_lasting;
            return;
        }
        group.members.push(Member {
            worker,
            session: join.session,
            qos: join.qos,
            identifier: join.identifier,
            window: join.window,
            open: 0,
            is_lasting: join.is_lasting,
        });
    }

    /// The group of a share filter, made if it is new.
    fn group(&mut self, share_filter: &str, out: &mut Out) -> u32 {
        if let Some(&index) = self.groups.by_filter.get(share_filter) {
            return index;
        }
        let index = self.groups.groups.insert(Group {
            share_filter: share_filter.into(),
            name: hash(self.options.seed, share_filter.as_bytes()),
            members: Vec::new(),
            queue: VecDeque::new(),
            offered: BTreeMap::new(),
            bytes: 0,
            turn: 0,
            marked_full: false,
            sweep_at: None,
        });
        self.groups.by_filter.insert(share_filter.into(), index);
        let filter = filter_of_share(share_filter);
        let interest = self.tree.entry(filter);
        let is_new_route = !interest.is_wanted_here();
        interest.groups.push(GroupKey(index));
        if is_new_route {
            self.add_route(filter, out);
        }
        index
    }

    /// A session of this worker leaves a group for good.
    pub(super) fn leave_group(&mut self, key: SessionKey, share_filter: &str, out: &mut Out) {
        let Some(session) = self.sessions.get(key).map(|session| session.number) else {
            return;
        };
        self.keep_offers(key, share_filter, out);
        let owner = self.owner_of_group(share_filter);
        if owner == self.options.worker {
            self.remove_member(share_filter, session, out);
        } else {
            let share_filter = share_filter.into();
            out.staged(owner).push(Handover::ShareLeave {
                share_filter,
                session,
            });
        }
    }

    /// A member leaves; the last one takes the group with it.
    pub(crate) fn remove_member(&mut self, share_filter: &str, session: SessionNo, out: &mut Out) {
        let Some(&index) = self.groups.by_filter.get(share_filter) else {
            return;
        };
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        group.members.retain(|member| member.session != session);
        if !group.members.is_empty() {
            return;
        }
        let Some(group) = self.groups.groups.remove(index) else {
            return;
        };
        self.groups.by_filter.remove(share_filter);
        for queued in &group.queue {
            self.messages.release(queued.message);
        }
        for offered in group.offered.values() {
            self.messages.release(offered.message);
        }
        let filter = filter_of_share(share_filter);
        if group.marked_full {
            self.set_filter_full(filter, false, out);
        }
        if let Some(interest) = self.tree.get_mut(filter) {
            interest.groups.retain(|key| key.0 != index);
        }
        self.drop_route(filter, out);
    }

    /// The client of a session is here: its groups may give it messages.
    pub(crate) fn enter_groups(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let (number, window) = (session.number, session.sender.window);
        for share_filter in session.share_filters() {
            self.tell_group(share_filter, number, window, now, out);
        }
    }

    /// The client of a session is gone: what its groups gave it and it did not acknowledge goes
    /// back, except what stays with the session.
    pub(crate) fn leave_groups(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.shares == 0 {
            return;
        }
        let number = session.number;
        let mut kept = Vec::new();
        session.sender.for_each_in_flight(|delivery| {
            // [MQTT-4.8.2-5] QoS 2: no other member may get it.
            if delivery.ticket != 0 && delivery.qos == QoS::ExactlyOnce {
                kept.push(delivery.ticket);
                delivery.ticket = 0;
            }
        });
        let mut returned = Vec::new();
        session
            .sender
            .extract(|delivery| delivery.ticket != 0, |d| returned.push(d));
        for share_filter in session.share_filters() {
            self.tell_group(share_filter, number, 0, now, out);
        }
        for ticket in kept {
            self.settle_ticket(ticket, true, out);
        }
        for delivery in returned {
            self.discharge(key, delivery, Discharge::Returned, out);
        }
    }

    fn tell_group(
        &mut self,
        share_filter: Box<str>,
        session: SessionNo,
        window: u16,
        now: Now,
        out: &mut Out,
    ) {
        let owner = self.owner_of_group(&share_filter);
        if owner == self.options.worker {
            self.on_share_member(&share_filter, session, window, now, out);
        } else {
            out.staged(owner).push(Handover::ShareMember {
                share_filter,
                session,
                window,
            });
        }
    }

    /// A member's connection came or went.
    pub(crate) fn on_share_member(
        &mut self,
        share_filter: &str,
        session: SessionNo,
        window: u16,
        now: Now,
        out: &mut Out,
    ) {
        let Some(&index) = self.groups.by_filter.get(share_filter) else {
            return;
        };
        if let Some(member) = self
            .groups
            .groups
            .get_mut(index)
            .and_then(|g| g.member(session))
        {
            member.window = window;
        }
        self.serve_group(index, now, out);
        self.mark_group(index, now, out);
    }

    /// A message matched the group's filter.
    pub(crate) fn give_to_group(
        &mut self,
        key: GroupKey,
        message: &MessageView<'_>,
        stored: &mut Option<MessageKey>,
        now: Now,
        out: &mut Out,
    ) {
        let limits = &self.options.limits;
        let strategy = limits.share_strategy;
        let hint = self.groups.hint(strategy, message, self.options.seed);
        let Some(group) = self.groups.groups.get_mut(key.0) else {
            return;
        };
        if message.qos == QoS::AtMostOnce {
            self.give_at_most_once(key, message, hint, now, out);
            return;
        }
        if !group.is_lasting() && !group.is_here() {
            return;
        }
        let is_full =
            group.queue.len() >= limits.queue_messages_max || group.bytes >= limits.queue_bytes_max;
        if is_full {
            match limits.on_full {
                OnFull::DropNewest => {
                    out.counters.group_dropped += 1;
                    return;
                }
                OnFull::DropOldest => {
                    if let Some(oldest) = group.queue.pop_front() {
                        out.counters.group_dropped += 1;
                        group.bytes -= self.messages.size_bytes(oldest.message);
                        self.messages.release(oldest.message);
                    }
                }
                // Publishers are refused (or held) before; see `mark_group`.
                OnFull::End | OnFull::Hold | OnFull::Reject => {}
            }
        }
        let message_key = *stored.get_or_insert_with(|| self.messages.insert(message));
        self.messages.retain(message_key);
        let Some(group) = self.groups.groups.get_mut(key.0) else {
            return;
        };
        self.groups.messages += 1;
        group.bytes += message.size_bytes();
        group.queue.push_back(Queued {
            ticket: self.groups.messages,
            message: message_key,
            hint,
        });
        self.serve_group(key.0, now, out);
        self.mark_group(key.0, now, out);
    }

    fn give_at_most_once(
        &mut self,
        key: GroupKey,
        message: &MessageView<'_>,
        hint: u64,
        now: Now,
        out: &mut Out,
    ) {
        let strategy = self.options.limits.share_strategy;
        let Some(group) = self.groups.groups.get_mut(key.0) else {
            return;
        };
        let Some(place) = group.choose(strategy, hint) else {
            return;
        };
        let Some(member) = group.members.get(place) else {
            return;
        };
        let worker = member.worker;
        let offer = Offer {
            group: key.0,
            name: group.name,
            ticket: 0,
            session: member.session,
            qos: QoS::AtMostOnce,
            identifier: member.identifier,
        };
        if worker == self.options.worker {
            self.take_at_most_once(&offer, message, now, out);
            return;
        }
        let staged = out.staged(worker);
        let message = staged.add_message(message);
        staged.push(Handover::ShareOffer { message, offer });
    }

    fn take_at_most_once(
        &mut self,
        offer: &Offer,
        message: &MessageView<'_>,
        now: Now,
        out: &mut Out,
    ) {
        let Some(session) = self.sessions.by_number(offer.session) else {
            return;
        };
        let target = Target {
            session,
            qos: QoS::AtMostOnce,
            retain_as_published: false,
            identifiers: Identifiers::one(offer.identifier),
        };
        self.deliver(
            &target,
            message,
            &mut None,
            &mut Fanout::default(),
            now,
            out,
        );
    }

    /// Gives away what waits, as long as a member can take it.
    fn serve_group(&mut self, index: u32, now: Now, out: &mut Out) {
        loop {
            let strategy = self.options.limits.share_strategy;
            let Some(group) = self.groups.groups.get(index) else {
                return;
            };
            let Some(&queued) = group.queue.front() else {
                return;
            };
            if self.messages.is_expired(queued.message, now.instant) {
                self.drop_front(index, out);
                continue;
            }
            let Some(group) = self.groups.groups.get_mut(index) else {
                return;
            };
            let Some(place) = group.choose(strategy, queued.hint) else {
                return;
            };
            let Some(member) = group.members.get_mut(place) else {
                return;
            };
            let worker = member.worker;
            let offer = Offer {
                group: index,
                name: group.name,
                ticket: queued.ticket,
                session: member.session,
                qos: member.qos.min(self.messages.qos(queued.message)),
                identifier: member.identifier,
            };
            let leaves_now = worker != self.options.worker || offer.qos == QoS::AtMostOnce;
            if leaves_now && self.messages.view(queued.message).is_none() {
                group.turn = place;
                self.bring(queued.message, Waiter::Group(index), out);
                return;
            }
            member.open += 1;
            group.queue.pop_front();
            group.bytes -= self.messages.size_bytes(queued.message);
            let offered = Offered {
                message: queued.message,
                hint: queued.hint,
                session: offer.session,
            };
            group.offered.insert(queued.ticket, offered);
            if worker == self.options.worker {
                self.take_offer(&offer, queued.message, now, out);
            } else if let Some(view) = self.messages.view(queued.message) {
                let staged = out.staged(worker);
                let message = staged.add_message(&view);
                staged.push(Handover::ShareOffer { message, offer });
            }
        }
    }

    fn drop_front(&mut self, index: u32, out: &mut Out) {
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        if let Some(queued) = group.queue.pop_front() {
            group.bytes -= self.messages.size_bytes(queued.message);
            out.counters.group_expired += 1;
            self.messages.release(queued.message);
        }
    }

    /// A member of this worker gets a message of a group of this worker.
    fn take_offer(&mut self, offer: &Offer, message: MessageKey, now: Now, out: &mut Out) {
        if offer.qos > QoS::AtMostOnce {
            self.messages.retain(message);
            self.take_ticket(self.options.worker, offer, message, now, out);
            return;
        }
        let messages = core::mem::take(&mut self.messages);
        if let Some(view) = messages.view(message) {
            self.take_at_most_once(offer, &view, now, out);
        }
        self.messages = messages;
        self.on_settled(offer.group, offer.ticket, true);
    }

    /// Another worker's group gives a message to a session of this worker.
    pub(crate) fn on_share_offer(
        &mut self,
        from: WorkerId,
        batch: &Batch,
        passed: &PassedMessage,
        offer: &Offer,
        now: Now,
        out: &mut Out,
    ) {
        let view = batch.message(passed);
        if offer.qos > QoS::AtMostOnce {
            let message = self.messages.insert(&view);
            self.take_ticket(from, offer, message, now, out);
            return;
        }
        self.take_at_most_once(offer, &view, now, out);
        let &Offer { group, ticket, .. } = offer;
        if ticket > 0 {
            out.staged(from)
                .push(Handover::ShareSettled { group, ticket });
        }
    }

    /// Puts a group's message into the session's own order, or sends it back. Takes over one
    /// reference to the message.
    fn take_ticket(
        &mut self,
        worker: WorkerId,
        offer: &Offer,
        message: MessageKey,
        now: Now,
        out: &mut Out,
    ) {
        let index = self.groups.tickets.insert(Ticket {
            worker,
            group: offer.group,
            ticket: offer.ticket,
            name: offer.name,
        });
        let key = self.sessions.by_number(offer.session);
        let key = key.filter(|key| {
            let session = self.sessions.get(*key);
            session.is_some_and(|session| session.connection.is_some())
        });
        let Some(key) = key else {
            self.messages.release(message);
            self.settle_ticket(index + 1, false, out);
            return;
        };
        let delivery = Delivery {
            message,
            identifiers: Identifiers::one(offer.identifier),
            ticket: index + 1,
            qos: offer.qos,
            retain: false,
            replayed: false,
        };
        self.enqueue(key, delivery, None, now, out);
    }

    /// The session leaves a group but stays: what the group gave it is its own from here on, since
    /// a delivery that was begun is completed [MQTT-3.10.4-3].
    fn keep_offers(&mut self, key: SessionKey, share_filter: &str, out: &mut Out) {
        let name = hash(self.options.seed, share_filter.as_bytes());
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let tickets = &self.groups.tickets;
        let mut kept = Vec::new();
        session.sender.for_each(|delivery| {
            let is_its = |ticket: u32| tickets.get(ticket - 1).is_some_and(|t| t.name == name);
            if delivery.ticket != 0 && is_its(delivery.ticket) {
                kept.push(core::mem::take(&mut delivery.ticket));
            }
        });
        for ticket in kept {
            self.settle_ticket(ticket, true, out);
        }
    }

    /// A delivery with a ticket is over: discharged (or kept by the session), or to go back.
    pub(crate) fn settle_ticket(&mut self, index: u32, settled: bool, out: &mut Out) {
        let Some(ticket) = self.groups.tickets.remove(index - 1) else {
            return;
        };
        let Ticket {
            worker,
            group,
            ticket,
            name: _,
        } = ticket;
        if worker == self.options.worker {
            self.on_settled(group, ticket, settled);
        } else if settled {
            out.staged(worker)
                .push(Handover::ShareSettled { group, ticket });
        } else {
            out.staged(worker)
                .push(Handover::ShareReturned { group, ticket });
        }
    }

    /// A member is done with a message, or gave it back.
    pub(crate) fn on_settled(&mut self, index: u32, ticket: u64, settled: bool) {
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        let Some(offered) = group.offered.remove(&ticket) else {
            return;
        };
        if let Some(member) = group.member(offered.session) {
            member.open = member.open.saturating_sub(1);
        }
        if settled {
            self.messages.release(offered.message);
        } else {
            group.bytes += self.messages.size_bytes(offered.message);
            group.take_back(Queued {
                ticket,
                message: offered.message,
                hint: offered.hint,
            });
        }
        self.groups_due.push(index);
    }

    /// Serves the groups whose members became free in this turn.
    pub(crate) fn serve_groups(&mut self, now: Now, out: &mut Out) {
        while let Some(index) = self.groups_due.pop() {
            self.serve_group(index, now, out);
            self.mark_group(index, now, out);
        }
    }

    /// A full group holds publishers back or has them refused, on all workers; at 80 % no more.
    fn mark_group(&mut self, index: u32, now: Now, out: &mut Out) {
        let limits = &self.options.limits;
        if matches!(limits.on_full, OnFull::DropNewest | OnFull::DropOldest) {
            return;
        }
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        let is_full =
            group.queue.len() >= limits.queue_messages_max || group.bytes >= limits.queue_bytes_max;
        let is_below = group.queue.len() <= limits.queue_messages_low()
            && group.bytes <= limits.queue_bytes_low();
        let change = if group.marked_full { is_below } else { is_full };
        if !change {
            return;
        }
        group.marked_full = !group.marked_full;
        let full = group.marked_full;
        let share_filter = group.share_filter.clone();
        self.set_filter_full(filter_of_share(&share_filter), full, out);
        self.watch_full_group(index, now);
    }

    /// As for a session: publishers that are held back or refused must not be so for ever.
    fn watch_full_group(&mut self, index: u32, now: Now) {
        let group = self.groups.groups.get_mut(index);
        let Some(group) = group.filter(|group| group.marked_full) else {
            return;
        };
        let queued = group.queue.iter();
        let next = queued.filter_map(|queued| self.messages.expires_at(queued.message));
        let next = next.min().map(|at| at.max(now.instant.plus_secs(1)));
        if let Some(at) = next
            && group.sweep_at.is_none_or(|armed| armed > at)
        {
            group.sweep_at = Some(at);
            let deadline = Deadline::SweepGroup(index);
            self.deadlines.arm(at.millis_rounded_up(), deadline);
        }
    }

    /// A message of a full group may have expired.
    pub(crate) fn sweep_group(&mut self, index: u32, now: Now, out: &mut Out) {
        let Some(group) = self.groups.groups.get_mut(index) else {
            return;
        };
        if group.sweep_at.take_if(|at| *at <= now.instant).is_none() {
            return;
        }
        let messages = &mut self.messages;
        group.queue.retain(|queued| {
            let is_expired = messages.is_expired(queued.message, now.instant);
            if is_expired {
                group.bytes -= messages.size_bytes(queued.message);
                out.counters.group_expired += 1;
                messages.release(queued.message);
            }
            !is_expired
        });
        self.mark_group(index, now, out);
        self.watch_full_group(index, now);
    }
}

impl Groups {
    /// A number that the strategy chooses by.
    fn hint(&mut self, strategy: ShareStrategy, message: &MessageView<'_>, seed: u64) -> u64 {
        match strategy {
            ShareStrategy::RoundRobin | ShareStrategy::Sticky => 0,
            ShareStrategy::Random => {
                // xorshift64: a sequence that looks like chance and comes from the seed.
                self.chance ^= self.chance << 13;
                self.chance ^= self.chance >> 7;
                self.chance ^= self.chance << 17;
                self.chance
            }
            ShareStrategy::HashTopic => hash(seed, message.topic.as_bytes()),
            ShareStrategy::HashClient => {
                let publisher = message.publisher.map_or(u32::MAX, |number| number.0);
                hash(seed, &publisher.to_le_bytes())
            }
        }
    }
}

fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(seed).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}
