//! PUBLISH from a client, up to its acknowledgement.

use alloc::vec::Vec;

use bowline_packet::{
    Ack, AckKind, PacketId, ProtocolVersion, Publish, PublishProperties, QoS, ReasonCode,
};

use super::{Connection, PublishAck, Refusal};
use crate::broker::Broker;
use crate::gate::{Mark, Promise};
use crate::handover::{Answer, AnswerTo};
use crate::ids::{ConnectionId, RecordNo};
use crate::ingress::Admitted;
use crate::message::MessageView;
use crate::out::Out;
use crate::record::Record;
use crate::time::Now;

impl Broker {
    /// A PUBLISH: who it is for is settled by the ingress gate; here stands what its sender is
    /// told.
    pub(crate) fn on_publish(&mut self, mark: Mark, packet: &Publish<'_>, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        if !packet.properties.subscription_identifiers.is_empty() {
            self.refuse(mark.connection, &Refusal::IdentifierFromClient, now, out);
            return;
        }
        out.counters.publishes_received[packet.qos as usize] += 1;
        out.counters.payload_received_bytes += packet.payload.len() as u64;
        let Some(alias) = packet.properties.topic_alias else {
            self.publish_to(mark, packet.topic, packet, now, out);
            return;
        };
        if alias > self.options.limits.topic_alias_in_max {
            self.refuse(mark.connection, &Refusal::AliasTooLarge, now, out);
            return;
        }
        if !packet.topic.is_empty() {
            let aliases = connection.aliases_in.get_or_insert_default();
            aliases.set(alias, packet.topic);
            self.publish_to(mark, packet.topic, packet, now, out);
            return;
        }
        // The aliases are lent out while the message passes, and nothing else touches them.
        let aliases = connection.aliases_in.take();
        match aliases.as_ref().and_then(|aliases| aliases.get(alias)) {
            Some(topic) => self.publish_to(mark, topic, packet, now, out),
            None => self.refuse(mark.connection, &Refusal::AliasUnknown, now, out),
        }
        if let Some(connection) = self.connections.marked(mark) {
            connection.aliases_in = aliases;
        }
    }

    /// A PUBLISH whose Topic Name is known.
    pub(crate) fn publish_to(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        now: Now,
        out: &mut Out,
    ) {
        if self.options.limits.has_too_many_levels(topic) {
            self.refuse_publish(mark, topic, packet, ReasonCode::TopicNameInvalid, now, out);
            return;
        }
        match self.check_identifier(mark, packet, out) {
            Identifier::Fresh => {}
            Identifier::Absorbed => return,
            Identifier::Excess => {
                self.on_excess(mark, topic, packet, now, out);
                return;
            }
        }
        if self.waits_behind(mark, topic, packet) {
            self.defer_publish(mark, topic, packet, now);
            return;
        }
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let ack = connection.acks_gone.wrapping_add(ack_count(connection));
        match self.admit_packet(mark, topic, packet, ack, now, out) {
            Admitted::Taken(taken) => {
                let Some(packet_id) = packet.packet_id else {
                    return;
                };
                let ack = PublishAck {
                    packet_id,
                    is_received: packet.qos == QoS::ExactlyOnce,
                    reason: ReasonCode::Success,
                    answers_due: taken.answers_due,
                    matched: taken.matched,
                    rests_on: taken.rests_on,
                };
                self.owe_ack(mark, ack, out);
            }
            Admitted::Full => self.on_full_target(mark, topic, packet, now, out),
            Admitted::Refused(reason) => {
                self.forget_inbound(mark, packet, out);
                self.refuse_publish(mark, topic, packet, reason, now, out);
            }
        }
    }

    /// A PUBLISH that waited, and whose acknowledgement has its place: false if it must go on
    /// waiting.
    pub(crate) fn publish_in_place(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        ack: u32,
        now: Now,
        out: &mut Out,
    ) -> bool {
        match self.admit_packet(mark, topic, packet, ack, now, out) {
            Admitted::Taken(taken) => {
                self.fill_ack(mark, ack, |ack| {
                    ack.answers_due = taken.answers_due;
                    ack.matched = taken.matched;
                    ack.rests_on = taken.rests_on;
                });
                if taken.answers_due == 0 && !self.gate.is_open(taken.rests_on) {
                    self.gate.hold(taken.rests_on, Promise::PublishAcks(mark));
                }
                true
            }
            Admitted::Full => false,
            Admitted::Refused(reason) => {
                self.forget_inbound(mark, packet, out);
                out.counters.publishes_refused += 1;
                self.fill_ack(mark, ack, |ack| {
                    ack.answers_due = 0;
                    ack.reason = reason;
                });
                true
            }
        }
    }

    /// Through the ingress gate, as the message that the packet carries.
    fn admit_packet(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        ack: u32,
        now: Now,
        out: &mut Out,
    ) -> Admitted {
        let publisher = self
            .connections
            .marked(mark)
            .and_then(|connection| connection.session);
        let publisher = publisher
            .and_then(|key| self.sessions.get(key))
            .map(|s| s.number);
        let mut section = core::mem::take(&mut self.section);
        travelling_section(&mut section, &packet.properties);
        let expiry_secs = packet.properties.message_expiry_secs;
        let message = MessageView {
            topic,
            properties: &section,
            payload: packet.payload,
            qos: packet.qos,
            retain: packet.retain,
            expires_at: expiry_secs.map(|secs| now.instant.plus_secs(u64::from(secs))),
            publisher,
        };
        let answer = packet.packet_id.map(|_| AnswerTo { mark, ack });
        let inbound = packet.packet_id.filter(|_| packet.qos == QoS::ExactlyOnce);
        let admitted = self.admit(&message, answer, inbound, now, out);
        self.section = section;
        admitted
    }

    /// QoS 2: is the identifier in use already? QoS 1 and 2: is there room for one more?
    fn check_identifier(&mut self, mark: Mark, packet: &Publish<'_>, out: &mut Out) -> Identifier {
        let Some(packet_id) = packet.packet_id else {
            return Identifier::Fresh;
        };
        let Some(connection) = self.connections.marked(mark) else {
            return Identifier::Absorbed;
        };
        let Some(key) = connection.session else {
            return Identifier::Absorbed;
        };
        let acks = &connection.acks;
        let is_waiting = || acks.iter().any(|ack| ack.packet_id == packet_id);
        let Some(session) = self.sessions.get_mut(key) else {
            return Identifier::Absorbed;
        };
        if packet.qos == QoS::ExactlyOnce && session.receiver.holds(packet_id) {
            connection.unreleased.hold(packet_id);
            // [MQTT-4.3.3-10] The same message again: not delivered again, acknowledged again,
            // unless its first acknowledgement still waits on this connection.
            if !is_waiting() {
                let rests_on = out.records.last();
                let ack = PublishAck {
                    packet_id,
                    is_received: true,
                    reason: ReasonCode::Success,
                    answers_due: 0,
                    matched: true,
                    rests_on,
                };
                self.owe_ack(mark, ack, out);
            }
            return Identifier::Absorbed;
        }
        if packet.dup && is_waiting() {
            // The same message again, whose acknowledgement is held on this connection.
            return Identifier::Absorbed;
        }
        let open_max = usize::from(self.options.limits.receive_maximum_in);
        let held = connection.unreleased.len();
        // A PUBREC that waits stands for an identifier that is held: do not count it twice.
        let open = || acks.iter().filter(|ack| !ack.is_received).count() + held;
        if acks.len() + held >= open_max && open() >= open_max {
            return Identifier::Excess;
        }
        if packet.qos == QoS::ExactlyOnce {
            session.receiver.hold(packet_id);
            connection.unreleased.hold(packet_id);
        }
        Identifier::Fresh
    }

    /// A QoS 2 message was not admitted after all: its identifier is free.
    pub(crate) fn forget_inbound(&mut self, mark: Mark, packet: &Publish<'_>, _out: &mut Out) {
        let (Some(connection), Some(packet_id), QoS::ExactlyOnce) =
            (self.connections.marked(mark), packet.packet_id, packet.qos)
        else {
            return;
        };
        connection.unreleased.release(packet_id);
        let session = connection
            .session
            .and_then(|key| self.sessions.get_mut(key));
        if let Some(session) = session {
            session.receiver.release(packet_id);
        }
    }

    /// Refuses one PUBLISH aloud: by its acknowledgement in 5.0, by closing in 3.x.
    pub(crate) fn refuse_publish(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        reason: ReasonCode,
        now: Now,
        out: &mut Out,
    ) {
        out.counters.publishes_refused += 1;
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let version = connection.version;
        let key = connection.session;
        if let Some(session) = key.and_then(|key| self.sessions.get(key)) {
            out.events.push(crate::event::Event::PublishRefused {
                client_id: session.client_id.clone(),
                topic: topic.into(),
                reason,
            });
        }
        let can_say = version == ProtocolVersion::V5;
        match packet.packet_id {
            Some(packet_id) if can_say => {
                let ack = PublishAck {
                    packet_id,
                    is_received: packet.qos == QoS::ExactlyOnce,
                    reason,
                    answers_due: 0,
                    matched: true,
                    rests_on: RecordNo(0),
                };
                self.owe_ack(mark, ack, out);
            }
            // A QoS 0 message that was refused is gone, as QoS 0 may be; a bad Topic Name ends the
            // connection, since nothing else can tell the client.
            None if reason == ReasonCode::QuotaExceeded => {}
            Some(_) | None => {
                self.refuse(mark.connection, &Refusal::PublishRefused(reason), now, out);
            }
        }
    }

    /// An acknowledgement is owed: it leaves now, or in its turn.
    pub(crate) fn owe_ack(&mut self, mark: Mark, ack: PublishAck, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let is_ready = ack.answers_due == 0 && self.gate.is_open(ack.rests_on);
        if is_ready && connection.acks.is_empty() {
            connection.acks_gone = connection.acks_gone.wrapping_add(1);
            send_ack(mark.connection, connection.version, &ack, out);
            return;
        }
        connection.acks.push_back(ack);
        if ack.answers_due == 0 {
            self.gate.hold(ack.rests_on, Promise::PublishAcks(mark));
        }
    }

    /// Another worker answered.
    pub(crate) fn on_answer(&mut self, answer: Answer, now: Now, out: &mut Out) {
        let mark = answer.to.mark;
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let place = answer.to.ack.wrapping_sub(connection.acks_gone) as usize;
        let Some(ack) = connection.acks.get_mut(place) else {
            return;
        };
        ack.answers_due = ack.answers_due.saturating_sub(1);
        ack.matched |= answer.matched;
        if answer.reason.is_error() {
            ack.reason = answer.reason;
        }
        if ack.answers_due == 0 {
            let rests_on = ack.rests_on;
            if self.gate.is_open(rests_on) {
                self.send_acks(mark, now, out);
            } else {
                self.gate.hold(rests_on, Promise::PublishAcks(mark));
            }
        }
    }

    /// Sends the acknowledgements at the front that wait for nothing any more.
    pub(crate) fn send_acks(&mut self, mark: Mark, now: Now, out: &mut Out) {
        let mut refused = None;
        let mut any = false;
        while let Some(connection) = self.connections.marked(mark) {
            let Some(ack) = connection.acks.front() else {
                break;
            };
            if ack.answers_due > 0 || !self.gate.is_open(ack.rests_on) {
                break;
            }
            let Some(ack) = connection.acks.pop_front() else {
                break;
            };
            connection.acks_gone = connection.acks_gone.wrapping_add(1);
            any = true;
            let version = connection.version;
            if ack.reason.is_error() && ack.is_received {
                // [MQTT-4.3.3-9] A refusal frees the identifier: no PUBREL follows.
                connection.unreleased.release(ack.packet_id);
                let key = connection.session;
                if let Some(session) = key.and_then(|key| self.sessions.get_mut(key)) {
                    session.receiver.release(ack.packet_id);
                }
            }
            if ack.reason.is_error() && version != ProtocolVersion::V5 {
                refused = Some(ack.reason);
                break;
            }
            send_ack(mark.connection, version, &ack, out);
        }
        if let Some(reason) = refused {
            self.refuse(mark.connection, &Refusal::PublishRefused(reason), now, out);
        } else if any {
            self.retry_deferred(mark.connection, now, out);
        }
    }

    /// PUBREL from a publisher [MQTT-4.3.3-11].
    pub(crate) fn on_pubrel(&mut self, id: ConnectionId, ack: &Ack<'_>, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let version = connection.version;
        let Some(key) = connection.session else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        connection.unreleased.release(ack.packet_id);
        let was_held = session.receiver.release(ack.packet_id);
        if was_held && session.is_lasting() {
            let number = session.number;
            let packet_id = ack.packet_id.get();
            out.records
                .push(&Record::InboundReleased { number, packet_id });
        }
        // Also where it was not held: the PUBREL that freed it may have no record yet.
        let rests_on = self.last_record(key, out);
        let reason = if was_held {
            ReasonCode::Success
        } else {
            ReasonCode::PacketIdentifierNotFound
        };
        self.promise_ack(
            id,
            version,
            AckKind::PubComp,
            ack.packet_id,
            reason,
            rests_on,
            out,
        );
        self.retry_deferred(id, now, out);
    }

    /// PUBREL or PUBCOMP, when what it rests on is durable.
    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of one packet, and its rest"
    )]
    pub(crate) fn promise_ack(
        &mut self,
        id: ConnectionId,
        version: ProtocolVersion,
        kind: AckKind,
        packet_id: PacketId,
        reason: ReasonCode,
        rests_on: RecordNo,
        out: &mut Out,
    ) {
        let packet = Ack::new(packet_id, reason);
        if self.gate.is_open(rests_on) {
            let _ = out.append(id, |bytes| packet.encode(kind, version, bytes));
            return;
        }
        let mut bytes = Vec::new();
        let _ = packet.encode(kind, version, &mut bytes);
        if let Some(mark) = self.connections.mark(id) {
            self.gate
                .hold(rests_on, Promise::Packet(mark, bytes.into()));
        }
    }
}

/// What a Packet Identifier of a PUBLISH means.
enum Identifier {
    /// A new message.
    Fresh,
    /// The same message again: dealt with.
    Absorbed,
    /// One more than we allowed.
    Excess,
}

/// The properties that travel on with the message, as a section in the memory of `section`.
fn travelling_section(section: &mut Vec<u8>, properties: &PublishProperties<'_>) {
    section.clear();
    let travelling = PublishProperties {
        topic_alias: None,
        message_expiry_secs: None,
        ..*properties
    };
    if !travelling.is_empty() {
        // It came by the wire, so it encodes.
        let _ = travelling.encode_section(section);
    }
}

fn ack_count(connection: &Connection) -> u32 {
    u32::try_from(connection.acks.len()).unwrap_or(u32::MAX)
}

fn send_ack(id: ConnectionId, version: ProtocolVersion, ack: &PublishAck, out: &mut Out) {
    let kind = if ack.is_received {
        AckKind::PubRec
    } else {
        AckKind::PubAck
    };
    let reason = match ack.reason {
        ReasonCode::Success if !ack.matched => ReasonCode::NoMatchingSubscribers,
        reason => reason,
    };
    let packet = Ack::new(ack.packet_id, reason);
    let _ = out.append(id, |bytes| packet.encode(kind, version, bytes));
}
