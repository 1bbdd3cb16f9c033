//! What workers say to each other: the only way from one core to another.
//!
//! Hand-overs are staged per worker during a turn and passed on as one [`Batch`], in order. The
//! bytes of messages stand in one buffer of the batch, so that handing a message over allocates
//! nothing once the batches have grown to their size. Each answer is caused by one hand-over.
//! Deliberately absent: how batches travel (the shell's mailboxes, or the simulator's).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use bowline_packet::{QoS, ReasonCode};

use crate::gate::Mark;
use crate::ids::SessionNo;
use crate::message::{MessageView, Publisher};
use crate::routing::share::Join;
use crate::time::Instant;

/// Hand-overs in their order, with the bytes that they point into.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) entries: Vec<Handover>,
    bytes: Vec<u8>,
}

impl Batch {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The size by which mailboxes are bounded, bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Handover>()
    }

    /// Empties it and keeps moderate capacity for the next use.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.entries.shrink_to(4 * 1024);
        self.bytes.shrink_to(1024 * 1024);
    }

    pub(crate) fn push(&mut self, handover: Handover) {
        self.entries.push(handover);
    }

    /// Copies a message in, to be pointed at by an entry.
    pub(crate) fn add_message(&mut self, message: &MessageView<'_>) -> PassedMessage {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message.topic.as_bytes());
        let topic_end = self.bytes.len();
        self.bytes.extend_from_slice(message.properties);
        let properties_end = self.bytes.len();
        self.bytes.extend_from_slice(message.payload);
        PassedMessage {
            topic: start..topic_end,
            properties_end,
            payload_end: self.bytes.len(),
            qos: message.qos,
            retain: message.retain,
            expires_at: message.expires_at,
            publisher: message.publisher,
        }
    }

    /// Looks at a message again.
    pub(crate) fn message(&self, passed: &PassedMessage) -> MessageView<'_> {
        let part = |range: Range<usize>| self.bytes.get(range).unwrap_or_default();
        MessageView {
            topic: core::str::from_utf8(part(passed.topic.clone())).unwrap_or_default(),
            properties: part(passed.topic.end..passed.properties_end),
            payload: part(passed.properties_end..passed.payload_end),
            qos: passed.qos,
            retain: passed.retain,
            expires_at: passed.expires_at,
            publisher: passed.publisher,
        }
    }
}

/// A message inside a batch: where its parts stand.
#[derive(Clone, Debug)]
pub(crate) struct PassedMessage {
    topic: Range<usize>,
    properties_end: usize,
    payload_end: usize,
    qos: QoS,
    retain: bool,
    expires_at: Option<Instant>,
    publisher: Publisher,
}

/// Which acknowledgement of which connection an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerTo {
    pub mark: Mark,
    /// The acknowledgement's place in the connection's own count.
    pub ack: u32,
}

/// What another worker says of a message that was handed to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub to: AnswerTo,
    /// Whether anybody there wanted it.
    pub matched: bool,
    /// Success, or why it was refused (a full retained store).
    pub reason: ReasonCode,
}

/// What a group gives, and to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub group: u32,
    /// The hash of the group's share filter: its index may be another group's one day.
    pub name: u64,
    /// The group's number for the message; 0 = nobody waits for an answer.
    pub ticket: u64,
    /// The member.
    pub session: SessionNo,
    pub qos: QoS,
    pub identifier: Option<u32>,
}

/// One hand-over.
#[derive(Debug)]
pub(crate) enum Handover {
    /// A message that matches filters of the other worker.
    Publish {
        message: PassedMessage,
        answer: Option<AnswerTo>,
    },
    /// A message to be retained: its topic belongs to the other worker.
    Retain {
        message: PassedMessage,
        answer: Option<AnswerTo>,
    },
    /// The answer to either.
    Answer(Answer),
    /// A filter that the sender's sessions want from now on.
    RouteAdd { filter: Box<str> },
    /// Asks to say when everything that was handed over before is known: `RouteKnown`.
    RouteBarrier { token: u32 },
    /// The sender knows everything that was handed to it before the barrier or join.
    RouteKnown {
        token: u32,
        /// How often a retained message was set at the sender so far.
        retained_sets: u64,
    },
    /// Nobody at the sender wants the filter any more.
    RouteRemove { filter: Box<str> },
    /// One more (or one fewer) full session or group wants publishers to wait or be refused.
    FilterFull { filter: Box<str>, full: bool },
    /// A session joins a share group, or changes its options there. Answered by `RouteKnown`.
    ShareJoin { join: Box<Join>, token: u32 },
    /// A session leaves a share group.
    ShareLeave {
        share_filter: Box<str>,
        session: SessionNo,
    },
    /// A member's connection came (with its window) or went (0).
    ShareMember {
        share_filter: Box<str>,
        session: SessionNo,
        window: u16,
    },
    /// A group gives a message to a member. Answered by `ShareSettled` or `ShareReturned`.
    ShareOffer {
        message: PassedMessage,
        offer: Offer,
    },
    /// The group's message is discharged, or stays with the member's session for good.
    ShareSettled { group: u32, ticket: u64 },
    /// The member could not take it, or lost its connection before acknowledging.
    ShareReturned { group: u32, ticket: u64 },
    /// A page of retained messages for a session's replay. Answered by items and an end.
    RetainedAsk {
        session: SessionNo,
        filter: Box<str>,
        after: Option<Box<str>>,
        /// QoS 1 and 2 messages that were set later went to the session live.
        sets_max: u64,
    },
    /// One retained message of the page.
    RetainedItem {
        session: SessionNo,
        message: PassedMessage,
    },
    /// The end of the page: where the next one starts, or nothing if this was the last.
    RetainedEnd {
        session: SessionNo,
        last_seen: Option<Box<str>>,
    },
}

#[cfg(test)]
mod tests;
