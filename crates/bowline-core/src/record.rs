//! Records: the facts that must survive, and the only way in which they come to be.
//!
//! Whoever changes durable state says so with a [`Record`]; the log numbers it, and a promise that
//! rests on it waits in the [gate](crate::gate) until that number is durable. Here stand the
//! vocabulary and its bytes: a kind byte, then fields, integers little-endian, text and bytes with
//! a length in front. Deliberately absent: framing, checksums and versions (the journal's), and
//! records of sessions that end with their connection (they promise nothing).

use alloc::vec::Vec;

use bowline_packet::{QoS, SubscriptionOptions};

use crate::ids::{RecordNo, SessionNo};
use crate::message::MessageView;

/// One durable fact.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record<'a> {
    /// A lasting session began, or its expiry changed.
    Session {
        number: SessionNo,
        client_id: &'a str,
        expiry_secs: u32,
    },
    /// A lasting session ended, with everything that was owed to it.
    SessionEnded { number: SessionNo },
    /// A subscription was made or changed.
    Subscribed {
        number: SessionNo,
        filter: &'a str,
        options: SubscriptionOptions,
        identifier: Option<u32>,
    },
    /// A subscription was removed.
    Unsubscribed { number: SessionNo, filter: &'a str },
    /// A message was admitted for lasting sessions; `inbound` names the publisher's QoS 2 packet.
    Message {
        message: &'a MessageView<'a>,
        targets: &'a [SessionNo],
        inbound: Option<(SessionNo, u16)>,
    },
    /// A retained message was set; an empty payload clears it.
    Retained { message: &'a MessageView<'a> },
    /// The will of a lasting session was set with its CONNECT.
    Will {
        number: SessionNo,
        message: &'a MessageView<'a>,
        delay_secs: u32,
    },
    /// The will is no more: withdrawn, or published.
    WillRemoved { number: SessionNo },
    /// A lasting session's oldest message that is kept by `message` is discharged.
    Discharged {
        number: SessionNo,
        message: RecordNo,
    },
    /// A QoS 2 packet identifier of the publisher is in use, without a message record.
    InboundHeld { number: SessionNo, packet_id: u16 },
    /// PUBREL arrived: the identifier is free.
    InboundReleased { number: SessionNo, packet_id: u16 },
    /// A QoS 2 message was given a packet identifier towards a subscriber.
    Sent {
        number: SessionNo,
        packet_id: u16,
        message: RecordNo,
    },
    /// The subscriber's PUBREC arrived: only PUBREL is owed from here on.
    OutboundReceived { number: SessionNo, packet_id: u16 },
    /// The subscriber's PUBCOMP arrived.
    OutboundCompleted { number: SessionNo, packet_id: u16 },
}

/// The records of one worker that have not left the core yet.
///
/// With `keep` off (durability `memory`) they are numbered and forgotten: nothing is encoded.
#[derive(Debug, Default)]
pub(crate) struct Records {
    keep: bool,
    last: RecordNo,
    bytes: Vec<u8>,
}

impl Records {
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            keep,
            last: RecordNo(0),
            bytes: Vec::new(),
        }
    }

    /// Whether records are kept at all.
    pub(crate) fn are_kept(&self) -> bool {
        self.keep
    }

    /// Appends one and numbers it.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> RecordNo {
        if !self.keep {
            return RecordNo(0);
        }
        self.last.0 += 1;
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        encode(record, &mut self.bytes);
        let length = u32::try_from(self.bytes.len() - length_at - 4)
            .expect("a record holds at most one packet, which is below 256 MiB");
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.last
    }

    /// The number of the last record.
    pub(crate) fn last(&self) -> RecordNo {
        self.last
    }

    /// Takes what was recorded since the last call: records with their length (4 bytes) in front.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }
}

fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    match *record {
        Record::Session {
            number,
            client_id,
            expiry_secs,
        } => {
            head(out, 1, number);
            out.extend_from_slice(&expiry_secs.to_le_bytes());
            bytes(out, client_id.as_bytes());
        }
        Record::SessionEnded { number } => head(out, 2, number),
        Record::Subscribed {
            number,
            filter,
            options,
            identifier,
        } => {
            head(out, 3, number);
            out.push(options_byte(options));
            out.extend_from_slice(&identifier.unwrap_or(0).to_le_bytes());
            bytes(out, filter.as_bytes());
        }
        Record::Unsubscribed { number, filter } => {
            head(out, 4, number);
            bytes(out, filter.as_bytes());
        }
        Record::Message {
            message,
            targets,
            inbound,
        } => {
            let (number, packet_id) = inbound.unwrap_or((SessionNo(u32::MAX), 0));
            head(out, 5, number);
            out.extend_from_slice(&packet_id.to_le_bytes());
            let count = u32::try_from(targets.len()).expect("sessions are numbered by u32");
            out.extend_from_slice(&count.to_le_bytes());
            for target in targets {
                out.extend_from_slice(&target.0.to_le_bytes());
            }
            encode_message(out, message);
        }
        Record::Retained { message } => {
            head(out, 6, SessionNo(u32::MAX));
            encode_message(out, message);
        }
        Record::Will {
            number,
            message,
            delay_secs,
        } => {
            head(out, 7, number);
            out.extend_from_slice(&delay_secs.to_le_bytes());
            encode_message(out, message);
        }
        Record::WillRemoved { number } => head(out, 8, number),
        Record::Discharged { number, message } => {
            head(out, 9, number);
            out.extend_from_slice(&message.0.to_le_bytes());
        }
        Record::InboundHeld { number, packet_id } => identifier(out, 10, number, packet_id),
        Record::InboundReleased { number, packet_id } => identifier(out, 11, number, packet_id),
        Record::Sent {
            number,
            packet_id,
            message,
        } => {
            identifier(out, 12, number, packet_id);
            out.extend_from_slice(&message.0.to_le_bytes());
        }
        Record::OutboundReceived { number, packet_id } => identifier(out, 13, number, packet_id),
        Record::OutboundCompleted { number, packet_id } => identifier(out, 14, number, packet_id),
    }
}

fn head(out: &mut Vec<u8>, kind: u8, number: SessionNo) {
    out.push(kind);
    out.extend_from_slice(&number.0.to_le_bytes());
}

fn identifier(out: &mut Vec<u8>, kind: u8, number: SessionNo, packet_id: u16) {
    head(out, kind, number);
    out.extend_from_slice(&packet_id.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a packet is below 256 MiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(content);
}

/// The subscription options as they stand in a 5.0 SUBSCRIBE.
fn options_byte(options: SubscriptionOptions) -> u8 {
    options.qos as u8
        | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}

fn encode_message(out: &mut Vec<u8>, message: &MessageView<'_>) {
    let qos: QoS = message.qos;
    out.push(qos as u8 | u8::from(message.retain) << 2);
    let expires_micros = message
        .expires_at
        .map_or(u64::MAX, crate::time::Instant::micros);
    out.extend_from_slice(&expires_micros.to_le_bytes());
    let publisher = message.publisher.map_or(u32::MAX, |number| number.0);
    out.extend_from_slice(&publisher.to_le_bytes());
    bytes(out, message.topic.as_bytes());
    bytes(out, message.properties);
    bytes(out, message.payload);
}
