//! Who gets a message: the interest of this worker's sessions, groups and of the other workers,
//! by Topic Filter.
//!
//! One walk of the tree finds everything. A session that matches by several filters is one target
//! with the highest QoS [MQTT-3.3.4-2] and all subscription identifiers [MQTT-3.3.4-4].
//! Deliberately absent: what delivering means (egress) and what groups decide (share).

mod identifiers;
pub(crate) mod share;
mod subscribe;
pub(crate) mod tree;

use alloc::vec::Vec;

use bowline_packet::{QoS, SubscriptionOptions};

pub(crate) use identifiers::{IdentifierLists, Identifiers};
pub(crate) use subscribe::{Pending, filter_of_share};

use crate::message::{MessageView, Publisher};
use crate::session::{SessionKey, Sessions};
use tree::FilterTree;

/// One session's subscription to one filter, as the tree holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscriber {
    pub session: SessionKey,
    pub options: SubscriptionOptions,
    pub identifier: Option<u32>,
}

/// Everybody who wants what matches one filter.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// Sessions of this worker.
    pub subscribers: Vec<Subscriber>,
    /// Share groups of this worker.
    pub groups: Vec<share::GroupKey>,
    /// Other workers, as a mask.
    pub workers: u64,
    /// Full sessions and groups that want publishers to be held or refused.
    pub full: u32,
}

impl Interest {
    /// Whether nobody is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.subscribers.is_empty() && self.groups.is_empty() && self.workers == 0
    }

    /// Whether somebody on this worker wants it, so that the other workers must know.
    pub(crate) fn is_wanted_here(&self) -> bool {
        !self.subscribers.is_empty() || !self.groups.is_empty()
    }
}

/// A session that gets a message, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub session: SessionKey,
    pub qos: QoS,
    pub retain_as_published: bool,
    pub identifiers: Identifiers,
}

/// Everybody who gets one message. Kept by the broker and re-used for each.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    pub targets: Vec<Target>,
    pub groups: Vec<share::GroupKey>,
    pub workers: u64,
    /// Whether a full session or group asks that the publisher be held or refused.
    pub full: bool,
}

impl Matched {
    /// Whether somebody on this worker gets it.
    pub(crate) fn is_wanted_here(&self) -> bool {
        !self.targets.is_empty() || !self.groups.is_empty()
    }

    /// Finds everybody for a message.
    pub(crate) fn find(
        &mut self,
        message: &MessageView<'_>,
        tree: &FilterTree<Interest>,
        sessions: &mut Sessions,
        lists: &mut IdentifierLists,
    ) {
        self.targets.clear();
        self.groups.clear();
        self.workers = 0;
        self.full = false;
        let stamp = sessions.next_stamp();
        tree.matches(message.topic, |interest| {
            self.workers |= interest.workers;
            self.full |= interest.full > 0;
            self.groups.extend_from_slice(&interest.groups);
            for subscriber in &interest.subscribers {
                self.add(subscriber, message, stamp, sessions, lists);
            }
        });
    }

    fn add(
        &mut self,
        subscriber: &Subscriber,
        message: &MessageView<'_>,
        stamp: u32,
        sessions: &mut Sessions,
        lists: &mut IdentifierLists,
    ) {
        let Some(session) = sessions.get_mut(subscriber.session) else {
            return;
        };
        let options = subscriber.options;
        // [MQTT-3.8.3-3] No Local: not back to the connection that published.
        if options.no_local && is_own(message.publisher, session.number) {
            return;
        }
        let qos = options.qos.min(message.qos);
        let place = self.targets.len();
        if session.stamp.0 == stamp
            && let Some(target) = self.targets.get_mut(session.stamp.1 as usize)
        {
            target.qos = target.qos.max(qos);
            target.retain_as_published |= options.retain_as_published;
            target.identifiers = lists.add(target.identifiers, subscriber.identifier);
            return;
        }
        session.stamp = (stamp, u32::try_from(place).unwrap_or(u32::MAX));
        self.targets.push(Target {
            session: subscriber.session,
            qos,
            retain_as_published: options.retain_as_published,
            identifiers: Identifiers::one(subscriber.identifier),
        });
    }
}

fn is_own(publisher: Publisher, number: crate::ids::SessionNo) -> bool {
    publisher == Some(number)
}
