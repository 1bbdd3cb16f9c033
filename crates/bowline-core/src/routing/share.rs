//! Shared subscriptions: a group is a target like a session, with a queue of its own.
//!
//! A group belongs to the worker that its share filter hashes to. It gives each message to one
//! member whose window is not full and keeps it until that member's session has discharged it. If
//! the member's connection ends first, a QoS 1 message returns to the group, in its old order; a
//! QoS 2 message stays with the member's session [MQTT-4.8.2-4], [MQTT-4.8.2-5].

mod members;
mod offers;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};

use bowline_packet::QoS;
use foldhash::fast::FixedState;

use crate::ids::{SessionNo, WorkerId};
use crate::limits::ShareStrategy;
use crate::message::{MessageKey, MessageView};
use crate::slab::Slab;
use crate::time::Instant;

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
