//! CONNECT and CONNACK: what is asked of a server, and what its answer means for the session.
//!
//! Promises: after a CONNACK the client's state is either continued or, where the server has
//! none, turned into new requests and messages, before anything else is sent.

use alloc::string::ToString;
use alloc::vec::Vec;

use bowline_packet::{
    ConnAck, Connect, Packet, ProtocolVersion, QoS, TopicName, UserProperties, Will,
};

use super::error::{UsageError, Violation};
use super::event::{ClientEvent, ClientOut, Connected, Disconnection, ServerLimits};
use super::keep_alive::KeepAlive;
use super::message::{borrowed_user_properties, owned_user_properties};
use super::{Client, Link};

impl Client {
    pub(super) fn encode_connect(
        &self,
        clean_start: bool,
        bytes: &mut Vec<u8>,
    ) -> Result<(), UsageError> {
        let options = &self.options;
        if let Some(will) = &options.will {
            TopicName::parse(&will.message.topic)?;
        }
        let user = borrowed_user_properties(&options.user_properties);
        let will_user = options.will.as_ref().map_or_else(Vec::new, |will| {
            borrowed_user_properties(&will.message.properties.user_properties)
        });
        let connect = Connect {
            version: options.version,
            clean_start,
            keep_alive_secs: options.keep_alive_secs,
            client_id: &self.client_id,
            will: options.will.as_ref().map(|will| Will {
                qos: will.message.qos,
                retain: will.message.retain,
                topic: &will.message.topic,
                payload: &will.message.payload,
                delay_secs: will.delay_secs,
                properties: will.message.properties.as_packet(&will_user),
            }),
            username: options.username.as_deref(),
            password: options.password.as_deref(),
            session_expiry_secs: options.session_expiry_secs,
            receive_maximum: options.receive_maximum,
            maximum_packet_size: options.maximum_packet_size,
            topic_alias_maximum: options.topic_alias_maximum,
            request_response_information: options.request_response_information,
            request_problem_information: options.request_problem_information,
            authentication_method: options.authentication_method.as_deref(),
            authentication_data: options.authentication_data.as_deref(),
            user_properties: UserProperties::from(user.as_slice()),
        };
        Packet::Connect(connect).encode(options.version, bytes)?;
        Ok(())
    }

    pub(super) fn on_connack(
        &mut self,
        now_ms: u64,
        clean_start: bool,
        connack: &ConnAck<'_>,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let version = self.options.version;
        if connack.reason.is_error() {
            self.end(refusal(version, connack), out);
            return Ok(());
        }
        if clean_start && connack.session_present {
            // [MQTT-3.2.2-4]. The other half of that rule, to refuse a present session when we
            // have none, is not kept on purpose: a program that is started again has lost its
            // memory and still wants what the server kept for it.
            return Err(Violation::protocol_error(
                "session present after a clean start",
            ));
        }
        // 3.1 has no session present: there, a session that we asked for counts as present.
        let resumed = connack.session_present || (version == ProtocolVersion::V31 && !clean_start);
        self.limits = server_limits(connack);
        let keep_alive_secs = connack
            .server_keep_alive_secs
            .unwrap_or(self.options.keep_alive_secs); // [MQTT-3.1.2-21]
        self.keep_alive = KeepAlive::start(now_ms, keep_alive_secs, self.options.pong_timeout_ms);
        if let Some(assigned) = connack.assigned_client_id {
            self.client_id = assigned.to_string();
        }
        out.events.push(ClientEvent::Connected(connected(
            connack,
            resumed,
            &self.client_id,
            keep_alive_secs,
            self.limits,
        )));
        let lost = !connack.session_present && self.was_connected;
        self.was_connected = true;
        self.link = Link::Up;
        if resumed {
            self.outgoing.resume(version, out);
        } else {
            self.outgoing.session_lost(&mut self.ids, out); // [MQTT-3.2.2-5]
            self.incoming.session_lost();
        }
        if lost && self.options.resubscribe {
            self.requests.renew();
        }
        self.send_requests(now_ms, out);
        self.send_outgoing(now_ms, out);
        Ok(())
    }
}

fn refusal(version: ProtocolVersion, connack: &ConnAck<'_>) -> Disconnection {
    let code = match version {
        ProtocolVersion::V31 | ProtocolVersion::V311 => connack.reason.connack_return_code_v3(),
        ProtocolVersion::V5 => connack.reason.code(),
    };
    Disconnection::Refused {
        reason: connack.reason,
        code,
        reason_string: connack.reason_string.map(ToString::to_string),
        server_reference: connack.server_reference.map(ToString::to_string),
    }
}

fn server_limits(connack: &ConnAck<'_>) -> ServerLimits {
    let none = ServerLimits::NONE;
    ServerLimits {
        receive_maximum: connack
            .receive_maximum
            .map_or(none.receive_maximum, |max| max.get()),
        maximum_qos: connack.maximum_qos.unwrap_or(QoS::ExactlyOnce),
        retain_available: connack.retain_available.unwrap_or(true),
        maximum_packet_size: connack
            .maximum_packet_size
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(none.maximum_packet_size),
        topic_alias_maximum: connack.topic_alias_maximum.unwrap_or(0),
        wildcard_subscription_available: connack.wildcard_subscription_available.unwrap_or(true),
        subscription_identifiers_available: connack
            .subscription_identifiers_available
            .unwrap_or(true),
        shared_subscription_available: connack.shared_subscription_available.unwrap_or(true),
    }
}

fn connected(
    connack: &ConnAck<'_>,
    session_present: bool,
    client_id: &str,
    keep_alive_secs: u16,
    limits: ServerLimits,
) -> Connected {
    Connected {
        session_present,
        client_id: client_id.to_string(),
        limits,
        session_expiry_secs: connack.session_expiry_secs,
        keep_alive_secs,
        reason_string: connack.reason_string.map(ToString::to_string),
        response_information: connack.response_information.map(ToString::to_string),
        server_reference: connack.server_reference.map(ToString::to_string),
        authentication_data: connack.authentication_data.map(<[u8]>::to_vec),
        user_properties: owned_user_properties(&connack.user_properties),
    }
}
