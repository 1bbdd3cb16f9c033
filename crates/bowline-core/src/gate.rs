//! The one gate that every promise passes: nothing that says *kept* leaves before it is.
//!
//! A promise rests on a record: PUBACK, PUBREC, PUBREL, PUBCOMP, CONNACK, SUBACK, UNSUBACK, an
//! outbound QoS 2 PUBLISH, and the answers between workers. While that record is not durable the
//! promise waits here, in order; with durability `memory` every record is durable at once and
//! nothing ever waits. Deliberately absent: what becomes durable when (the journal, by way of
//! [`crate::Input::Committed`]).

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::handover::Answer;
use crate::ids::{ConnectionId, RecordNo, SessionNo, WorkerId};

/// Something that leaves when its record is durable.
#[derive(Debug)]
pub(crate) enum Promise {
    /// An encoded packet for a connection.
    Packet(Mark, Box<[u8]>),
    /// The CONNACK of a connection, which opens it.
    Connack(Mark, Box<[u8]>),
    /// Acknowledgements of PUBLISH packets that wait in their own order.
    PublishAcks(Mark),
    /// A session whose next delivery is QoS 2 and had to wait for its commit.
    Pump(SessionNo),
    /// An answer to the worker that owns a PUBLISH.
    Answer(WorkerId, Answer),
    /// A SUBACK and what follows it, by its token.
    Subscribed(u32),
}

/// A connection that may be gone, and its index in use by another, when the promise is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub connection: ConnectionId,
    pub generation: u32,
}

/// The promises that wait, in the order of the records that they rest on.
#[derive(Debug)]
pub(crate) struct Gate {
    at_once: bool,
    durable: RecordNo,
    waiting: VecDeque<(RecordNo, Promise)>,
}

impl Gate {
    /// A gate that is always open (`at_once`), or one that opens as commits are reported.
    pub(crate) fn new(at_once: bool) -> Self {
        Self {
            at_once,
            durable: RecordNo(0),
            waiting: VecDeque::new(),
        }
    }

    /// Whether what rests on `record` may leave.
    pub(crate) fn is_open(&self, record: RecordNo) -> bool {
        self.at_once || record <= self.durable
    }

    /// Keeps a promise back until `rests_on` is durable.
    pub(crate) fn hold(&mut self, rests_on: RecordNo, promise: Promise) {
        let ordered = self
            .waiting
            .back()
            .is_none_or(|(last, _)| *last <= rests_on);
        if ordered {
            self.waiting.push_back((rests_on, promise));
            return;
        }
        // A promise on an older record than the newest one that waits: keep the order by record,
        // and behind those on the same record.
        let place = self
            .waiting
            .partition_point(|(record, _)| *record <= rests_on);
        self.waiting.insert(place, (rests_on, promise));
    }

    /// More is durable.
    pub(crate) fn commit(&mut self, up_to: RecordNo) {
        self.durable = self.durable.max(up_to);
    }

    /// The next promise that may leave.
    pub(crate) fn next_open(&mut self) -> Option<Promise> {
        let (record, _) = self.waiting.front()?;
        if !self.is_open(*record) {
            return None;
        }
        self.waiting.pop_front().map(|(_, promise)| promise)
    }

    /// Whether a promise may leave.
    pub(crate) fn has_open(&self) -> bool {
        self.waiting
            .front()
            .is_some_and(|(record, _)| self.is_open(*record))
    }

    /// How many promises wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
