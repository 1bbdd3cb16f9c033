//! CONNECT: whose session this is, whether it goes on, and what we allow the client.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bowline_packet::{ConnAck, Connect, ProtocolVersion, PublishProperties, ReasonCode};

use super::{AliasesOut, Phase, Refusal, Resend};
use crate::broker::Broker;
use crate::event::{Event, SessionEnd};
use crate::gate::Promise;
use crate::ids::ConnectionId;
use crate::out::Out;
use crate::qos::packet_ids::Half;
use crate::record::Record;
use crate::session::SessionKey;
use crate::time::Now;
use crate::will::Will;

/// The most messages in flight towards one client, so that Packet Identifiers never run out: a
/// session has half of them.
const WINDOW_MAX: u16 = 1 << 14;

impl Broker {
    /// A CONNECT on a fresh connection.
    pub(crate) fn on_connect(
        &mut self,
        id: ConnectionId,
        packet: &Connect<'_>,
        now: Now,
        out: &mut Out,
    ) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.version = packet.version;
        connection.wants_reasons = packet.request_problem_information;
        connection.packet_bytes_max = packet
            .maximum_packet_size
            .map_or(u32::MAX, core::num::NonZeroU32::get);
        let assigned = connection.assigned_client_id.take().unwrap_or_default();
        if let Err(refusal) = self.may_connect(packet) {
            self.refuse(id, &refusal, now, out);
            return;
        }
        let is_assigned = packet.client_id.is_empty();
        // [MQTT-3.1.3-6] An empty Client Identifier gets a unique one from the Server.
        let client_id = if is_assigned {
            &*assigned
        } else {
            packet.client_id
        };
        let expiry_secs = self.granted_expiry_secs(packet);
        let before = out.records.last();
        let (key, session_present) = self.open_session(client_id, packet, expiry_secs, now, out);
        self.seat(id, key, packet, now);
        self.arm_new_will(key, packet, out);
        out.counters.connections_accepted += 1;
        let connack = self.connack(packet, session_present, is_assigned.then_some(client_id));
        // A session that does not last may take the place of one that did.
        let rests_on = match out.records.last() {
            last if last > before => last,
            _ => self.last_record(key, out),
        };
        if let Some(mark) = self.connections.mark(id) {
            self.gate
                .hold(rests_on, Promise::Connack(mark, connack.into()));
        }
        self.tell_connected(id, key, session_present, out);
        self.watch_keep_alive(id, now);
        self.watch_retry(id, now);
        self.open_gate(now, out);
    }

    fn may_connect(&self, packet: &Connect<'_>) -> Result<(), Refusal> {
        if packet.authentication_method.is_some() {
            return Err(Refusal::AuthenticationMethod);
        }
        let may_be_empty = match packet.version {
            // 3.1 wants 1 to 23 characters; longer ones are accepted as everywhere.
            ProtocolVersion::V31 => false,
            // [MQTT3-3.1.3-8]
            ProtocolVersion::V311 => packet.clean_start,
            ProtocolVersion::V5 => true,
        };
        if packet.client_id.is_empty() && !may_be_empty {
            return Err(Refusal::ClientIdMissing);
        }
        if let Some(will) = &packet.will
            && self.options.limits.has_too_many_levels(will.topic)
        {
            return Err(Refusal::TopicLevels);
        }
        let is_full = self.sessions.len() >= self.options.limits.sessions_max;
        if is_full && self.sessions.find(packet.client_id).is_none() {
            return Err(Refusal::SessionsFull);
        }
        Ok(())
    }

    /// Session Expiry Interval: what 5.0 asks for, within our bound; 3.x has an on and an off.
    fn granted_expiry_secs(&self, packet: &Connect<'_>) -> u32 {
        let limits = &self.options.limits;
        match (packet.version, packet.clean_start) {
            (ProtocolVersion::V5, _) => packet
                .session_expiry_secs
                .unwrap_or(0)
                .min(limits.session_expiry_secs_max),
            (ProtocolVersion::V31 | ProtocolVersion::V311, true) => 0,
            (ProtocolVersion::V31 | ProtocolVersion::V311, false) => {
                limits.session_expiry_secs_v3.max(1)
            }
        }
    }

    /// Resumes the client's session, or ends it and begins another [MQTT-3.1.2-4].
    fn open_session(
        &mut self,
        client_id: &str,
        packet: &Connect<'_>,
        expiry_secs: u32,
        now: Now,
        out: &mut Out,
    ) -> (SessionKey, bool) {
        if let Some(key) = self.sessions.find(client_id)
            && let Some(old) = self
                .sessions
                .get(key)
                .and_then(|session| session.connection)
        {
            // [MQTT-3.1.4-3] The old connection goes first; a session that was to end with it
            // ends here.
            out.counters.sessions_taken_over += 1;
            self.refuse(old, &Refusal::TakenOver, now, out);
        }
        let old = self.sessions.find(client_id);
        if let Some(key) = old.filter(|_| packet.clean_start) {
            self.end_session(key, SessionEnd::CleanStart, now, out);
        }
        if let Some(key) = old.filter(|_| !packet.clean_start) {
            self.resume(key, expiry_secs, out);
            return (key, true);
        }
        let key = self.sessions.create(client_id, expiry_secs, Half::Low);
        if expiry_secs > 0
            && let Some(session) = self.sessions.get(key)
        {
            out.records.push(&Record::Session {
                number: session.number,
                client_id,
                expiry_secs,
            });
        }
        (key, false)
    }

    fn resume(&mut self, key: SessionKey, expiry_secs: u32, out: &mut Out) {
        // [MQTT-3.1.3-9] Back before the delay is over: the old will is not published.
        self.withdraw_will(key, out);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.ends_at = None;
        // A CONNECT that changes nothing writes nothing.
        if session.expiry_secs != expiry_secs {
            let (number, client_id) = (session.number, &session.client_id);
            if expiry_secs > 0 {
                out.records.push(&Record::Session {
                    number,
                    client_id,
                    expiry_secs,
                });
            } else {
                out.records.push(&Record::SessionEnded { number });
            }
            session.expiry_secs = expiry_secs;
            self.unmark_ephemeral(key, out);
        }
        out.counters.sessions_resumed += 1;
    }

    /// Joins connection and session, with what the client allows.
    fn seat(&mut self, id: ConnectionId, key: SessionKey, packet: &Connect<'_>, now: Now) {
        let limits = &self.options.limits;
        let window = match packet.version {
            ProtocolVersion::V5 => {
                let asked = packet
                    .receive_maximum
                    .map_or(u16::MAX, core::num::NonZeroU16::get);
                asked.min(limits.receive_maximum_out_v5)
            }
            ProtocolVersion::V31 | ProtocolVersion::V311 => limits.receive_maximum_out_v3,
        };
        let aliases = packet.topic_alias_maximum.min(limits.topic_alias_out_max);
        let keep_alive_secs = granted_keep_alive_secs(packet, limits.keep_alive_secs_max);
        let started = self.sessions.get_mut(key).map_or(0, |session| {
            session.connection = Some(id);
            session.sender.window = window.clamp(1, WINDOW_MAX);
            session.sender.started()
        });
        if let Some(connection) = self.connections.get_mut(id) {
            connection.phase = Phase::Opening;
            connection.session = Some(key);
            connection.keep_alive_secs = keep_alive_secs;
            connection.last_received = now.instant;
            connection.retry_mark = started;
            connection.aliases_out = (aliases > 0).then(|| Box::new(AliasesOut::new(aliases)));
        }
    }

    /// Stores the will with the session [MQTT-3.1.2-7].
    fn arm_new_will(&mut self, key: SessionKey, packet: &Connect<'_>, out: &mut Out) {
        let delay_max = self.options.limits.will_delay_secs_max;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(will) = &packet.will else { return };
        let mut properties = Vec::new();
        let kept = PublishProperties {
            message_expiry_secs: None,
            ..will.properties
        };
        if !kept.is_empty() {
            // It came by the wire, so it encodes.
            let _ = kept.encode_section(&mut properties);
        }
        let will = Will {
            topic: will.topic.into(),
            properties,
            payload: will.payload.to_vec(),
            qos: will.qos,
            retain: will.retain,
            delay_secs: will.delay_secs.min(delay_max),
            expiry_secs: will.properties.message_expiry_secs,
            due: None,
        };
        if session.is_lasting() {
            let (number, delay_secs) = (session.number, will.delay_secs);
            let message = will.view(crate::time::Instant::default());
            out.records.push(&Record::Will {
                number,
                message: &message,
                delay_secs,
            });
        }
        session.will = Some(Box::new(will));
    }

    /// CONNACK with everything that differs from what the standard lets the client assume.
    fn connack(
        &self,
        packet: &Connect<'_>,
        session_present: bool,
        assigned: Option<&str>,
    ) -> Vec<u8> {
        let limits = &self.options.limits;
        let mut connack = ConnAck::new(session_present, ReasonCode::Success);
        let response_information: String;
        if packet.version == ProtocolVersion::V5 {
            let granted = self.granted_expiry_secs(packet);
            connack.session_expiry_secs =
                (granted != packet.session_expiry_secs.unwrap_or(0)).then_some(granted);
            connack.receive_maximum = core::num::NonZeroU16::new(limits.receive_maximum_in);
            connack.maximum_packet_size = u32::try_from(limits.packet_bytes_max).ok();
            connack.assigned_client_id = assigned;
            connack.topic_alias_maximum =
                (limits.topic_alias_in_max > 0).then_some(limits.topic_alias_in_max);
            let keep_alive_secs = granted_keep_alive_secs(packet, limits.keep_alive_secs_max);
            connack.server_keep_alive_secs =
                (keep_alive_secs != packet.keep_alive_secs).then_some(keep_alive_secs);
            let client_id = assigned.unwrap_or(packet.client_id);
            // [MQTT-3.1.2-28] Only where it was asked for.
            if packet.request_response_information && !client_id.contains(['+', '#']) {
                response_information = format!("response/{client_id}");
                connack.response_information = Some(&response_information);
            }
        }
        let mut bytes = Vec::new();
        // Our own bounded fields, and a Client Identifier that came by the wire: it encodes.
        let _ = connack.encode(packet.version, &mut bytes);
        bytes
    }

    /// The gate let the CONNACK go: the connection is open [MQTT-3.2.0-1].
    pub(crate) fn opened(&mut self, id: ConnectionId, connack: &[u8], now: Now, out: &mut Out) {
        out.append(id, |bytes| bytes.extend_from_slice(connack));
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.phase = Phase::Open;
        let Some(key) = connection.session else {
            return;
        };
        if let (Some(session), Some(connection)) =
            (self.sessions.get(key), self.connections.get_mut(id))
        {
            connection.resend = Resend::everything(&session.sender);
        }
        self.enter_groups(key, now, out);
        self.pump(key, now, out);
        self.retry_deferred(id, now, out);
    }

    fn tell_connected(
        &self,
        id: ConnectionId,
        key: SessionKey,
        session_present: bool,
        out: &mut Out,
    ) {
        let connection = self.connections.get(id);
        let (Some(connection), Some(session)) = (connection, self.sessions.get(key)) else {
            return;
        };
        out.events.push(Event::ClientConnected {
            client_id: session.client_id.clone(),
            peer: connection.peer.clone(),
            version: connection.version,
            keep_alive_secs: connection.keep_alive_secs,
            session_present,
            session_expiry_secs: session.expiry_secs,
        });
    }
}

/// Keep Alive as asked, or our bound, which 5.0 is told about [MQTT-3.1.2-21].
fn granted_keep_alive_secs(packet: &Connect<'_>, max: u16) -> u16 {
    let asked = packet.keep_alive_secs;
    let is_bound = max > 0 && packet.version == ProtocolVersion::V5;
    if is_bound && (asked == 0 || asked > max) {
        max
    } else {
        asked
    }
}
