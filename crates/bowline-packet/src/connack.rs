//! CONNACK: whether the server takes the connection, and what it allows.

use alloc::vec::Vec;
use core::num::NonZeroU16;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketType, PropertyId, ProtocolVersion, QoS, ReasonCode, Unencodable,
    UserProperties,
};

/// CONNACK. Where a property is `None`, the standard's default holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnAck<'a> {
    /// The server goes on with an earlier session.
    pub session_present: bool,
    /// [`ReasonCode::Success`], or why not.
    pub reason: ReasonCode,
    /// Session Expiry Interval in seconds, if it is not as asked; 0xFFFF_FFFF is never.
    pub session_expiry_secs: Option<u32>,
    /// How many PUBLISH packets above QoS 0 the client may have unacknowledged.
    pub receive_maximum: Option<NonZeroU16>,
    /// Maximum QoS, 0 or 1; absent for 2.
    pub maximum_qos: Option<QoS>,
    /// Retained messages are supported.
    pub retain_available: Option<bool>,
    /// The largest packet that the server takes, in bytes; not zero.
    pub maximum_packet_size: Option<u32>,
    /// The Client Identifier that the server made up.
    pub assigned_client_id: Option<&'a str>,
    /// The highest Topic Alias that the client may use.
    pub topic_alias_maximum: Option<u16>,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// Topic Filters may have wildcards.
    pub wildcard_subscription_available: Option<bool>,
    /// Subscriptions may have identifiers.
    pub subscription_identifiers_available: Option<bool>,
    /// Subscriptions may be shared.
    pub shared_subscription_available: Option<bool>,
    /// The Keep Alive to use in place of the one asked for, in seconds.
    pub server_keep_alive_secs: Option<u16>,
    /// Response Information, the base of Response Topics.
    pub response_information: Option<&'a str>,
    /// Another server to use.
    pub server_reference: Option<&'a str>,
    /// Authentication Method.
    pub authentication_method: Option<&'a str>,
    /// Authentication Data; what it means is the method's.
    pub authentication_data: Option<&'a [u8]>,
}

const SESSION_PRESENT: u8 = 0b0000_0001;

impl<'a> ConnAck<'a> {
    /// A CONNACK without properties.
    pub fn new(session_present: bool, reason: ReasonCode) -> Self {
        Self::with_properties(session_present, reason, &Properties::default())
    }

    /// Decodes a CONNACK.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of(PacketType::ConnAck, version)?);
        let flags = reader.u8()?;
        let code = reader.u8()?;
        let reason = if version.has_reason_codes() {
            // [MQTT-3.2.2-8]
            ReasonCode::from_u8(code).filter(|reason| reason.allowed_in(PacketType::ConnAck))
        } else {
            ReasonCode::from_connack_v3(code)
        };
        let reason = reason.ok_or(Malformed::ReasonCode { code })?;
        let session_present = if version.connack_has_session_present() {
            // [MQTT-3.2.2-1]
            if flags & !SESSION_PRESENT != 0 {
                return Err(Malformed::ConnAckReservedFlags { flags });
            }
            flags & SESSION_PRESENT != 0
        } else {
            false // 3.1 does not use this byte.
        };
        // [MQTT-3.2.2-6] [MQTT3-3.2.2-4]
        if session_present && reason != ReasonCode::Success {
            return Err(Malformed::SessionPresentOnRefusal);
        }
        let home = property::home(PacketType::ConnAck);
        let properties = Properties::read(home, version, &mut reader)?;
        reader.finish()?;
        Ok(Self::with_properties(session_present, reason, &properties))
    }

    /// Appends the packet to `out`, or leaves `out` as it is. Before 5.0 the return code is the one
    /// that comes closest to the reason.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::ConnAck.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }

    fn with_properties(
        session_present: bool,
        reason: ReasonCode,
        properties: &Properties<'a>,
    ) -> Self {
        Self {
            session_present,
            reason,
            session_expiry_secs: properties.session_expiry_secs,
            receive_maximum: properties.receive_maximum,
            maximum_qos: properties.maximum_qos,
            retain_available: properties.retain_available,
            maximum_packet_size: properties.maximum_packet_size.map(u32::from),
            assigned_client_id: properties.assigned_client_id,
            topic_alias_maximum: properties.topic_alias_maximum,
            reason_string: properties.reason_string,
            user_properties: properties.user_properties,
            wildcard_subscription_available: properties.wildcard_subscription_available,
            subscription_identifiers_available: properties.subscription_identifiers_available,
            shared_subscription_available: properties.shared_subscription_available,
            server_keep_alive_secs: properties.server_keep_alive_secs,
            response_information: properties.response_information,
            server_reference: properties.server_reference,
            authentication_method: properties.authentication_method,
            authentication_data: properties.authentication_data,
        }
    }
}

impl Body for ConnAck<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if !self.reason.allowed_in(PacketType::ConnAck) {
            sink.fault(Unencodable::ReasonCode { code: self.reason }); // [MQTT-3.2.2-8]
        }
        // A refusal never says that there is a session. [MQTT-3.2.2-6] [MQTT3-3.2.2-4]
        let session_present = self.session_present
            && self.reason == ReasonCode::Success
            && version.connack_has_session_present();
        sink.u8(if session_present { SESSION_PRESENT } else { 0 });
        sink.u8(if version.has_reason_codes() {
            self.reason.code()
        } else {
            self.reason.connack_return_code_v3()
        });
        sink.property_section(version, self);
    }
}

impl Section for ConnAck<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        use PropertyId as P;
        // Who can do QoS 2 leaves it out, the standard has no value for it.
        let maximum_qos = match self.maximum_qos {
            Some(QoS::AtMostOnce) => Some(false),
            Some(QoS::AtLeastOnce) => Some(true),
            Some(QoS::ExactlyOnce) | None => None,
        };
        sink.property_u32(P::SessionExpiryInterval, self.session_expiry_secs);
        sink.property_u16(P::ReceiveMaximum, self.receive_maximum.map(NonZeroU16::get));
        sink.property_flag(P::MaximumQoS, maximum_qos);
        sink.property_flag(P::RetainAvailable, self.retain_available);
        // Zero would be a protocol error; absent means that nothing is too large.
        let maximum_packet_size = self.maximum_packet_size.filter(|&bytes| bytes != 0);
        sink.property_u32(P::MaximumPacketSize, maximum_packet_size);
        sink.property_text(P::AssignedClientIdentifier, self.assigned_client_id);
        sink.property_u16(P::TopicAliasMaximum, self.topic_alias_maximum);
        sink.property_text(P::ReasonString, self.reason_string);
        sink.property_flag(
            P::WildcardSubscriptionAvailable,
            self.wildcard_subscription_available,
        );
        sink.property_flag(
            P::SubscriptionIdentifierAvailable,
            self.subscription_identifiers_available,
        );
        sink.property_flag(
            P::SharedSubscriptionAvailable,
            self.shared_subscription_available,
        );
        sink.property_u16(P::ServerKeepAlive, self.server_keep_alive_secs);
        sink.property_text(P::ResponseInformation, self.response_information);
        sink.property_text(P::ServerReference, self.server_reference);
        sink.property_text(P::AuthenticationMethod, self.authentication_method);
        sink.property_binary(P::AuthenticationData, self.authentication_data);
        sink.user_properties(self.user_properties);
    }
}
