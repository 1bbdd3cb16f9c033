//! Network Connections as the core sees them: what a packet may do now, and how we say no.
//!
//! The rooms: [`receive`](self) frames and dispatches, `connect` opens, `publish`, `acknowledge`
//! carry the QoS handshakes, `deferred` holds a paused client's packets, `close` ends.
//! Deliberately absent: what outlasts the connection (`session`).

mod acknowledge;
mod alias;
mod close;
mod connect;
mod deferred;
mod keep_alive;
mod publish;
mod receive;
mod refusal;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bowline_packet::{PacketId, ProtocolVersion, ReasonCode};

pub(crate) use acknowledge::Discharge;
pub(crate) use alias::{AliasOut, AliasesIn, AliasesOut};
pub(crate) use close::Ending;
pub(crate) use deferred::Deferred;
pub(crate) use refusal::Refusal;

use crate::gate::Mark;
use crate::ids::{ConnectionId, RecordNo};
use crate::qos::{Receiver, Sender};
use crate::session::SessionKey;
use crate::time::Instant;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing arrived yet: the first packet must be CONNECT [MQTT-3.1.0-1].
    Fresh,
    /// CONNECT was accepted; its CONNACK waits at the gate, and everything waits behind it.
    Opening,
    /// CONNACK was sent.
    Open,
}

/// A PUBACK or PUBREC that is owed to a publisher; they leave in the order of the PUBLISH packets
/// [MQTT-4.6.0-2], [MQTT-4.6.0-3].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublishAck {
    pub packet_id: PacketId,
    /// PUBREC instead of PUBACK.
    pub is_received: bool,
    pub reason: ReasonCode,
    /// Other workers that have not answered yet.
    pub answers_due: u16,
    /// Whether anybody wanted the message.
    pub matched: bool,
    pub rests_on: RecordNo,
}

/// A stretch of a session's deliveries in flight that is still to be sent again, by the numbers
/// under which they were started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resend {
    pub next: u32,
    pub until: u32,
}

impl Resend {
    /// Everything that is in flight now.
    pub(crate) fn everything(sender: &Sender) -> Option<Self> {
        let (next, until) = (sender.oldest(), sender.started());
        Self::between(next, until)
    }

    /// From one number up to another, unless nothing lies between.
    pub(crate) fn between(next: u32, until: u32) -> Option<Self> {
        let span = until.wrapping_sub(next);
        (span > 0 && span < u32::MAX / 2).then_some(Self { next, until })
    }
}

/// One Network Connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Tells this connection from others that had the same index.
    pub generation: u32,
    pub phase: Phase,
    pub version: ProtocolVersion,
    pub session: Option<SessionKey>,
    /// Keep Alive in force, seconds; 0 = none.
    pub keep_alive_secs: u16,
    pub last_received: Instant,
    /// The client's Maximum Packet Size, bytes.
    pub packet_bytes_max: u32,
    /// Whether the client wants reason strings [MQTT-3.1.2-29].
    pub wants_reasons: bool,
    /// Whether we stopped reading.
    pub is_stopped: bool,
    /// Whether it was told in the log that it exceeded its Receive Maximum.
    pub told_excess: bool,
    pub acks: VecDeque<PublishAck>,
    /// QoS 2 identifiers of PUBLISH packets of this connection that were not released yet: these
    /// count against our Receive Maximum, those of earlier connections do not [MQTT-4.9.0-1].
    pub unreleased: Receiver,
    /// How many acknowledgements left before those that wait; wraps.
    pub acks_gone: u32,
    pub aliases_in: Option<Box<AliasesIn>>,
    pub aliases_out: Option<Box<AliasesOut>>,
    pub deferred: Option<Box<Deferred>>,
    /// What of the session's deliveries in flight is still to be sent again.
    pub resend: Option<Resend>,
    /// What the session had started when the last retry went out.
    pub retry_mark: u32,
    pub peer: Box<str>,
    /// Until CONNECT: the Client Identifier for a client without one.
    pub assigned_client_id: Option<Box<str>>,
}

/// The connections of this worker, by the shell's index.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    slots: Vec<Option<Connection>>,
    generation: u32,
    count: usize,
}

impl Connections {
    /// A new connection.
    pub(crate) fn open(&mut self, id: ConnectionId, peer: &str, assigned: &str, now: Instant) {
        if id.index() >= self.slots.len() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        self.generation = self.generation.wrapping_add(1);
        let connection = Connection {
            generation: self.generation,
            phase: Phase::Fresh,
            version: ProtocolVersion::V311,
            session: None,
            keep_alive_secs: 0,
            last_received: now,
            packet_bytes_max: u32::MAX,
            wants_reasons: true,
            is_stopped: false,
            told_excess: false,
            acks: VecDeque::new(),
            unreleased: Receiver::default(),
            acks_gone: 0,
            aliases_in: None,
            aliases_out: None,
            deferred: None,
            resend: None,
            retry_mark: 0,
            peer: peer.into(),
            assigned_client_id: Some(assigned.into()),
        };
        if let Some(slot) = self.slots.get_mut(id.index()) {
            self.count += usize::from(slot.is_none());
            *slot = Some(connection);
        }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slots.get(id.index())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id.index())?.as_mut()
    }

    /// The connection that `mark` meant, unless it is gone.
    pub(crate) fn marked(&mut self, mark: Mark) -> Option<&mut Connection> {
        let connection = self.get_mut(mark.connection)?;
        (connection.generation == mark.generation).then_some(connection)
    }

    /// A name for the connection that outlives it.
    pub(crate) fn mark(&self, id: ConnectionId) -> Option<Mark> {
        let generation = self.get(id)?.generation;
        Some(Mark {
            connection: id,
            generation,
        })
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.slots.get_mut(id.index())?.take()?;
        self.count -= 1;
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        if self.slots.len() * 4 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
        Some(connection)
    }

    /// All of them, by index.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        let present = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_some());
        present
            .filter_map(|(index, _)| u32::try_from(index).ok().map(ConnectionId))
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
