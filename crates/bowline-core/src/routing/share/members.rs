//! Who is in a share group, and whose client is here.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bowline_packet::{QoS, TopicFilter};

use super::{Group, GroupKey, Join, Member, hash};
use crate::broker::Broker;
use crate::connection::Discharge;
use crate::handover::Handover;
use crate::ids::{SessionNo, WorkerId, worker_of};
use crate::out::Out;
use crate::routing::filter_of_share;
use crate::routing::subscribe::Pending;
use crate::session::{SessionKey, Subscription};
use crate::time::Now;

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
    pub(in crate::routing) fn join_group(
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
    pub(in crate::routing) fn leave_group(
        &mut self,
        key: SessionKey,
        share_filter: &str,
        out: &mut Out,
    ) {
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
}
