//! What a share group gives to its members, and what comes back.

use alloc::vec::Vec;

use bowline_packet::QoS;

use super::{GroupKey, Offered, Queued, Ticket, hash};
use crate::broker::Broker;
use crate::deadline::Deadline;
use crate::egress::Fanout;
use crate::handover::{Batch, Handover, Offer, PassedMessage};
use crate::ids::WorkerId;
use crate::limits::OnFull;
use crate::loading::Waiter;
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::qos::Delivery;
use crate::routing::{Identifiers, Target, filter_of_share};
use crate::session::SessionKey;
use crate::time::Now;

impl Broker {
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
    pub(super) fn serve_group(&mut self, index: u32, now: Now, out: &mut Out) {
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
    pub(super) fn keep_offers(&mut self, key: SessionKey, share_filter: &str, out: &mut Out) {
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
    pub(super) fn mark_group(&mut self, index: u32, now: Now, out: &mut Out) {
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
