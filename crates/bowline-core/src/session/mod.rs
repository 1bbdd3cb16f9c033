//! Sessions: what lasts between connections of one client, and the table of them.
//!
//! A session belongs to the worker that its Client Identifier hashes to, also while the client is
//! away. Deliberately absent: the connection (its own room) and decisions about delivery.

pub(crate) mod lifecycle;
mod subscriptions;
mod watch;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

pub(crate) use subscriptions::{Subscription, Subscriptions};

use crate::ids::{ConnectionId, SessionNo};
use crate::qos::packet_ids::{Half, PacketIds};
use crate::qos::{Receiver, Sender};
use crate::retained::Replay;
use crate::slab::Slab;
use crate::time::Instant;
use crate::will::Will;

/// The slot of a session on its worker. May be used again after the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey(u32);

/// One session [MQTT-4.1.0-1].
#[derive(Debug)]
pub(crate) struct Session {
    /// The name that records and other workers use; never used again in one run.
    pub number: SessionNo,
    /// Client Identifier.
    pub client_id: Box<str>,
    /// The connection, while the client is here.
    pub connection: Option<ConnectionId>,
    /// Session Expiry Interval in force, seconds; 0 = ends with its connection.
    pub expiry_secs: u32,
    /// When it ends, while the client is away.
    pub ends_at: Option<Instant>,
    /// What it subscribed to.
    pub subscriptions: Subscriptions,
    /// What it is owed.
    pub sender: Sender,
    /// QoS 2 identifiers of what it published.
    pub receiver: Receiver,
    /// Retained messages that are still to be replayed.
    pub replays: VecDeque<Replay>,
    /// Its will, while armed.
    pub will: Option<Box<Will>>,
    /// The last match that met it, and which target it became there.
    pub stamp: (u32, u32),
    /// Whether its filters are marked full for publishers.
    pub marked_full: bool,
    /// Whether a drop was reported since the queue was last below its bound.
    pub told_full: bool,
    /// When it will be looked at.
    pub wakes_at: Option<Instant>,
    /// The second in which its queue was last walked for expired messages.
    pub swept_secs: u32,
    /// Whether its next delivery waits for a commit.
    pub waits_at_gate: bool,
    /// Whether it is among the sessions that are served at the end of the turn.
    pub pump_due: bool,
    /// Whether it will be ended at the end of the turn.
    pub is_doomed: bool,
    /// How many of its subscriptions are shared ones.
    pub shares: u32,
}

impl Session {
    /// Whether it outlasts its connection: the promise is made to these.
    pub(crate) fn is_lasting(&self) -> bool {
        self.expiry_secs > 0
    }

    /// Deliveries that are owed to it.
    pub(crate) fn owed(&self) -> usize {
        self.sender.owed()
    }
}

/// The sessions of this worker.
#[derive(Debug)]
pub(crate) struct Sessions {
    slots: Slab<Session>,
    by_client_id: HashTable<u32>,
    by_number: HashTable<u32>,
    hasher: FixedState,
    numbers_next: u32,
    numbers_step: u32,
    stamp: u32,
}

impl Sessions {
    /// An empty table; this worker numbers its sessions `first`, `first + step`, …
    pub(crate) fn new(seed: u64, first: u32, step: u32) -> Self {
        Self {
            slots: Slab::new(),
            by_client_id: HashTable::new(),
            by_number: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            numbers_next: first,
            numbers_step: step,
            stamp: 0,
        }
    }

    /// Makes a session for a client that has none.
    pub(crate) fn create(&mut self, client_id: &str, expiry_secs: u32, half: Half) -> SessionKey {
        let number = SessionNo(self.numbers_next);
        self.numbers_next = self.numbers_next.wrapping_add(self.numbers_step);
        let index = self.slots.insert(Session {
            number,
            client_id: client_id.into(),
            connection: None,
            expiry_secs,
            ends_at: None,
            subscriptions: Subscriptions::default(),
            sender: Sender::new(PacketIds::new(half)),
            receiver: Receiver::default(),
            replays: VecDeque::new(),
            will: None,
            stamp: (0, 0),
            marked_full: false,
            told_full: false,
            wakes_at: None,
            swept_secs: u32::MAX,
            waits_at_gate: false,
            pump_due: false,
            is_doomed: false,
            shares: 0,
        });
        let (slots, hasher) = (&self.slots, &self.hasher);
        let id_hash = hash(hasher, client_id.as_bytes());
        self.by_client_id.insert_unique(id_hash, index, |&other| {
            slots
                .get(other)
                .map_or(0, |s| hash(hasher, s.client_id.as_bytes()))
        });
        let number_hash = hash(hasher, &number.0.to_le_bytes());
        self.by_number.insert_unique(number_hash, index, |&other| {
            slots
                .get(other)
                .map_or(0, |s| hash(hasher, &s.number.0.to_le_bytes()))
        });
        SessionKey(index)
    }

    /// Forgets a session.
    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let session = self.slots.remove(key.0)?;
        let id_hash = hash(&self.hasher, session.client_id.as_bytes());
        if let Ok(entry) = self
            .by_client_id
            .find_entry(id_hash, |&index| index == key.0)
        {
            entry.remove();
        }
        let number_hash = hash(&self.hasher, &session.number.0.to_le_bytes());
        if let Ok(entry) = self
            .by_number
            .find_entry(number_hash, |&index| index == key.0)
        {
            entry.remove();
        }
        Some(session)
    }

    /// The session of a client.
    pub(crate) fn find(&self, client_id: &str) -> Option<SessionKey> {
        let id_hash = hash(&self.hasher, client_id.as_bytes());
        let slots = &self.slots;
        let found = self.by_client_id.find(id_hash, |&index| {
            slots
                .get(index)
                .is_some_and(|session| *session.client_id == *client_id)
        });
        found.map(|&index| SessionKey(index))
    }

    /// The session with a number.
    pub(crate) fn by_number(&self, number: SessionNo) -> Option<SessionKey> {
        let number_hash = hash(&self.hasher, &number.0.to_le_bytes());
        let slots = &self.slots;
        let found = self.by_number.find(number_hash, |&index| {
            slots
                .get(index)
                .is_some_and(|session| session.number == number)
        });
        found.map(|&index| SessionKey(index))
    }

    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.slots.get(key.0)
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.slots.get_mut(key.0)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All of them, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.slots
            .iter()
            .map(|(index, session)| (SessionKey(index), session))
    }

    /// A mark that no session carries yet.
    pub(crate) fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            // Once in four billion messages: forget the old marks, so that none can be met again.
            for (_, session) in self.slots.iter_mut() {
                session.stamp = (0, 0);
            }
            self.stamp = 1;
        }
        self.stamp
    }
}

fn hash(state: &FixedState, bytes: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}
