//! What this client publishes, from the call to the last acknowledgement.
//!
//! Promises: messages leave in the order of the calls; QoS 1 and 2 are kept until the server has
//! taken them [MQTT-4.3.2-3], [MQTT-4.3.3-3], re-sent only on a new connection [MQTT-4.4.0-1], in their first order
//! [MQTT-4.6.0-1], with their packet identifier and DUP [MQTT-3.3.1-1]; never more are under way
//! than the smaller of our window and the server's Receive Maximum [MQTT-3.3.4-7]. Deliberately
//! absent: Topic Aliases towards the server, so that an encoded message fits every connection.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bowline_packet::{
    Ack, AckKind, PacketId, ProtocolVersion, Publish, QoS, ReasonCode, TopicName,
};

use super::error::{UsageError, Violation};
use super::event::{
    ClientEvent, ClientOut, Impossible, PublishOutcome, PublishToken, ServerLimits,
};
use super::message::{Message, borrowed_user_properties};
use super::options::ClientOptions;
use super::packet_ids::PacketIds;
use super::send_ack;

/// DUP in the first byte of a PUBLISH.
const DUP_BIT: u8 = 0b0000_1000;

/// The outgoing messages of a session, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    entries: VecDeque<Entry>,
    /// Everything before this index was sent on the present connection.
    next: usize,
    /// How many were sent on the present connection and are not completed.
    under_way: usize,
    bytes: usize,
    tokens: u64,
    releases: u64,
}

#[derive(Debug)]
struct Entry {
    token: PublishToken,
    qos: QoS,
    retain: bool,
    /// The whole PUBLISH; empty once the server has taken the message (PUBREC).
    encoded: Vec<u8>,
    packet_id_at: Option<usize>,
    /// Given when it is first sent.
    packet_id: Option<PacketId>,
    stage: Stage,
    /// Sent on the present connection.
    here: bool,
    /// QoS 2: what the PUBREC said.
    accepted: ReasonCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    AwaitingPubAck,
    AwaitingPubRec,
    /// PUBREC came, PUBREL was sent; the number is the order of the PUBRECs.
    AwaitingPubComp(u64),
}

impl Outgoing {
    /// Takes a message in. It is sent by [`Outgoing::send`].
    pub(super) fn push(
        &mut self,
        message: &Message,
        options: &ClientOptions,
    ) -> Result<PublishToken, UsageError> {
        TopicName::parse(&message.topic)?;
        if !self.has_room(options) {
            return Err(UsageError::QueueFull);
        }
        let user = borrowed_user_properties(&message.properties.user_properties);
        // The identifier is patched in when the message is sent.
        let placeholder = (message.qos != QoS::AtMostOnce).then_some(options.first_packet_id);
        let publish = Publish {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: &message.topic,
            packet_id: placeholder,
            properties: message.properties.as_packet(&user),
            payload: &message.payload,
        };
        let mut encoded = Vec::with_capacity(publish.encoded_bytes(options.version));
        let place = publish.encode(options.version, &mut encoded)?;
        self.tokens += 1;
        self.bytes += encoded.len();
        let token = PublishToken(self.tokens);
        self.entries.push_back(Entry {
            token,
            qos: message.qos,
            retain: message.retain,
            encoded,
            packet_id_at: place.packet_id_at,
            packet_id: None,
            stage: Stage::Waiting,
            here: false,
            accepted: ReasonCode::Success,
        });
        Ok(token)
    }

    /// Sends what the window allows, in order.
    pub(super) fn send(
        &mut self,
        window: usize,
        limits: &ServerLimits,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) {
        while let Some(entry) = self.entries.get_mut(self.next) {
            if entry.here {
                self.next += 1; // Its PUBREL was repeated by `resume`.
                continue;
            }
            if let Some(why) = impossible(entry, limits) {
                self.finish(self.next, PublishOutcome::Impossible(why), ids, out);
                continue;
            }
            if entry.qos == QoS::AtMostOnce {
                out.bytes.extend_from_slice(&entry.encoded);
                self.finish(self.next, PublishOutcome::Sent, ids, out);
                continue;
            }
            if self.under_way >= window || !entry.send_here(ids, &mut out.bytes) {
                break;
            }
            self.under_way += 1;
            self.next += 1;
        }
    }

    /// PUBACK [MQTT-4.3.2-3].
    pub(super) fn pub_ack(
        &mut self,
        ack: &Ack<'_>,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let Some((index, stage)) = self.find(ack.packet_id) else {
            return Ok(()); // A repetition: it was acknowledged before.
        };
        if stage != Stage::AwaitingPubAck {
            return Err(Violation::protocol_error("PUBACK for a QoS 2 message"));
        }
        self.finish(index, outcome(ack), ids, out);
        Ok(())
    }

    /// PUBREC: the server has taken the message; release the identifier [MQTT-4.3.3-4].
    pub(super) fn pub_rec(
        &mut self,
        ack: &Ack<'_>,
        version: ProtocolVersion,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let Some((index, stage)) = self.find(ack.packet_id) else {
            if !ack.reason.is_error() {
                let unknown = ReasonCode::PacketIdentifierNotFound;
                send_ack(AckKind::PubRel, ack.packet_id, unknown, version, out);
            }
            return Ok(());
        };
        match stage {
            Stage::Waiting | Stage::AwaitingPubAck => {
                return Err(Violation::protocol_error("PUBREC for a QoS 1 message"));
            }
            Stage::AwaitingPubRec if ack.reason.is_error() => {
                self.finish(index, outcome(ack), ids, out);
                return Ok(());
            }
            Stage::AwaitingPubRec => {
                self.releases += 1;
                let releases = self.releases;
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.stage = Stage::AwaitingPubComp(releases);
                    entry.accepted = ack.reason;
                    self.bytes -= entry.encoded.len();
                    entry.encoded = Vec::new();
                }
            }
            Stage::AwaitingPubComp(_) => {} // A repetition: so is the answer.
        }
        send_ack(
            AckKind::PubRel,
            ack.packet_id,
            ReasonCode::Success,
            version,
            out,
        );
        Ok(())
    }

    /// PUBCOMP: done.
    pub(super) fn pub_comp(
        &mut self,
        ack: &Ack<'_>,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let Some((index, stage)) = self.find(ack.packet_id) else {
            return Ok(());
        };
        let Stage::AwaitingPubComp(_) = stage else {
            return Err(Violation::protocol_error("PUBCOMP without PUBREL"));
        };
        // Whatever the code: the PUBREC was the acceptance. "Packet identifier not found" only
        // says that the server had finished already.
        self.finish(index, self.accepted(index), ids, out);
        Ok(())
    }

    /// The network connection is gone; what was under way will be sent again.
    pub(super) fn connection_lost(&mut self) {
        for entry in &mut self.entries {
            entry.here = false;
        }
        self.next = 0;
        self.under_way = 0;
    }

    /// A new connection continues the session: repeat the PUBRELs, in the order of the PUBRECs
    /// [MQTT-4.6.0-4]. The PUBLISH packets follow by [`Outgoing::send`].
    pub(super) fn resume(&mut self, version: ProtocolVersion, out: &mut ClientOut) {
        let mut released = Vec::new();
        for entry in &mut self.entries {
            if let (Stage::AwaitingPubComp(order), Some(id)) = (entry.stage, entry.packet_id) {
                entry.here = true;
                self.under_way += 1;
                released.push((order, id));
            }
        }
        released.sort_unstable();
        for (_, id) in released {
            send_ack(AckKind::PubRel, id, ReasonCode::Success, version, out);
        }
    }

    /// The server has no session any more. QoS 1 messages become new ones (perhaps duplicates,
    /// which QoS 1 allows); of QoS 2 messages those with PUBREC are the server's, and for those
    /// without nobody can tell.
    pub(super) fn session_lost(&mut self, ids: &mut PacketIds, out: &mut ClientOut) {
        let mut index = 0;
        while let Some(entry) = self.entries.get_mut(index) {
            match entry.stage {
                Stage::Waiting => index += 1,
                Stage::AwaitingPubAck => {
                    if let Some(id) = entry.packet_id.take() {
                        ids.give_back(id);
                    }
                    if let Some(first) = entry.encoded.first_mut() {
                        *first &= !DUP_BIT;
                    }
                    entry.stage = Stage::Waiting;
                    index += 1;
                }
                Stage::AwaitingPubRec => self.finish(index, PublishOutcome::Uncertain, ids, out),
                Stage::AwaitingPubComp(_) => self.finish(index, self.accepted(index), ids, out),
            }
        }
    }

    /// Whether another message is taken in. The bound in bytes may be passed by one message.
    pub(super) fn has_room(&self, options: &ClientOptions) -> bool {
        self.entries.len() < options.queue_messages_max && self.bytes < options.queue_bytes_max
    }

    /// Messages that are not completed.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn find(&self, id: PacketId) -> Option<(usize, Stage)> {
        // Acknowledgements come in order, so this is nearly always the first entry.
        let index = self
            .entries
            .iter()
            .position(|entry| entry.packet_id == Some(id))?;
        self.entries.get(index).map(|entry| (index, entry.stage))
    }

    /// The end of a QoS 2 message that the server has taken.
    fn accepted(&self, index: usize) -> PublishOutcome {
        let reason = self
            .entries
            .get(index)
            .map_or(ReasonCode::Success, |entry| entry.accepted);
        PublishOutcome::Acknowledged {
            reason,
            reason_string: None,
        }
    }

    fn finish(
        &mut self,
        index: usize,
        outcome: PublishOutcome,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) {
        let Some(entry) = self.entries.remove(index) else {
            return;
        };
        if index < self.next {
            self.next -= 1;
        }
        if entry.here {
            self.under_way -= 1;
        }
        if let Some(id) = entry.packet_id {
            ids.give_back(id);
        }
        self.bytes -= entry.encoded.len();
        let (token, packet_id) = (entry.token, entry.packet_id);
        out.events.push(ClientEvent::Published {
            token,
            packet_id,
            outcome,
        });
    }
}

impl Entry {
    /// Appends the PUBLISH, with DUP if it was sent before. False: no identifier is free.
    fn send_here(&mut self, ids: &mut PacketIds, bytes: &mut Vec<u8>) -> bool {
        if self.packet_id.is_some() {
            if let Some(first) = self.encoded.first_mut() {
                *first |= DUP_BIT; // [MQTT-3.3.1-1]
            }
        } else {
            let Some(id) = ids.take() else {
                return false;
            };
            let place = self
                .packet_id_at
                .and_then(|at| self.encoded.get_mut(at..at + 2));
            if let Some(place) = place {
                place.copy_from_slice(&id.get().to_be_bytes());
            }
            self.packet_id = Some(id);
            self.stage = match self.qos {
                QoS::AtMostOnce => Stage::Waiting,
                QoS::AtLeastOnce => Stage::AwaitingPubAck,
                QoS::ExactlyOnce => Stage::AwaitingPubRec,
            };
        }
        self.here = true;
        bytes.extend_from_slice(&self.encoded);
        true
    }
}

/// Why this server cannot take the message.
fn impossible(entry: &Entry, limits: &ServerLimits) -> Option<Impossible> {
    if entry.encoded.len() > limits.maximum_packet_size {
        Some(Impossible::PacketTooLarge) // [MQTT-3.2.2-15]
    } else if entry.qos > limits.maximum_qos {
        Some(Impossible::QosNotSupported) // [MQTT-3.2.2-11]
    } else if entry.retain && !limits.retain_available {
        Some(Impossible::RetainNotSupported) // [MQTT-3.2.2-14]
    } else {
        None
    }
}

fn outcome(ack: &Ack<'_>) -> PublishOutcome {
    let (reason, reason_string) = (ack.reason, ack.reason_string.map(Into::into));
    if reason.is_error() {
        PublishOutcome::Refused {
            reason,
            reason_string,
        }
    } else {
        PublishOutcome::Acknowledged {
            reason,
            reason_string,
        }
    }
}
