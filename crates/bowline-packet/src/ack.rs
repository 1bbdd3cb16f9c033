//! PUBACK, PUBREC, PUBREL and PUBCOMP: the four answers have one shape.
//!
//! Nearly every one of them is a fixed header and two bytes, and that case is short in both
//! directions.

use alloc::vec::Vec;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketId, PacketType, PropertyId, ProtocolVersion, ReasonCode, Unencodable,
    UserProperties,
};

/// Which of the four it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AckKind {
    /// PUBACK: QoS 1 is done.
    PubAck,
    /// PUBREC: QoS 2, received.
    PubRec,
    /// PUBREL: QoS 2, release it.
    PubRel,
    /// PUBCOMP: QoS 2 is done.
    PubComp,
}

impl AckKind {
    /// The packet type.
    #[inline]
    pub const fn packet_type(self) -> PacketType {
        match self {
            Self::PubAck => PacketType::PubAck,
            Self::PubRec => PacketType::PubRec,
            Self::PubRel => PacketType::PubRel,
            Self::PubComp => PacketType::PubComp,
        }
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ack<'a> {
    /// The Packet Identifier of the PUBLISH.
    pub packet_id: PacketId,
    /// How it went; 3.x always says [`ReasonCode::Success`].
    pub reason: ReasonCode,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
}

impl<'a> Ack<'a> {
    /// An answer without properties.
    #[inline]
    pub fn new(packet_id: PacketId, reason: ReasonCode) -> Self {
        Self {
            packet_id,
            reason,
            reason_string: None,
            user_properties: UserProperties::default(),
        }
    }

    /// Decodes any of the four; the frame says which.
    #[inline]
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let packet_type = frame.packet_type();
        let body = match packet_type {
            PacketType::PubAck | PacketType::PubRec | PacketType::PubComp => {
                frame.body_of(packet_type, version)?
            }
            PacketType::PubRel => frame.body_of_request(packet_type, version)?,
            PacketType::Connect
            | PacketType::ConnAck
            | PacketType::Publish
            | PacketType::Subscribe
            | PacketType::SubAck
            | PacketType::Unsubscribe
            | PacketType::UnsubAck
            | PacketType::PingReq
            | PacketType::PingResp
            | PacketType::Disconnect
            | PacketType::Auth => {
                return Err(Malformed::UnexpectedPacketType { found: packet_type });
            }
        };
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        if reader.is_empty() {
            return Ok(Self::new(packet_id, ReasonCode::Success));
        }
        if !version.acks_carry_reasons() {
            return Err(Malformed::LeftoverBytes);
        }
        Self::decode_reason(packet_id, packet_type, reader)
    }

    /// What may follow the Packet Identifier in 5.0: a reason, then properties.
    fn decode_reason(
        packet_id: PacketId,
        packet_type: PacketType,
        mut reader: Reader<'a>,
    ) -> Result<Self, Malformed> {
        let code = reader.u8()?;
        // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
        let reason = ReasonCode::from_u8(code)
            .filter(|reason| reason.allowed_in(packet_type))
            .ok_or(Malformed::ReasonCode { code })?;
        let mut ack = Self::new(packet_id, reason);
        if !reader.is_empty() {
            let home = property::home(packet_type);
            let properties = Properties::read(home, ProtocolVersion::V5, &mut reader)?;
            reader.finish()?;
            ack.reason_string = properties.reason_string;
            ack.user_properties = properties.user_properties;
        }
        Ok(ack)
    }

    /// Appends the packet to `out`, or leaves `out` as it is. Before 5.0 only the Packet Identifier
    /// is sent.
    #[inline]
    pub fn encode(
        &self,
        kind: AckKind,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), Unencodable> {
        let first_byte = kind.packet_type().first_byte();
        if !version.acks_carry_reasons() || self.is_plain() {
            let [high, low] = self.packet_id.get().to_be_bytes();
            out.extend_from_slice(&[first_byte, 2, high, low]);
            return Ok(());
        }
        // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
        if !self.reason.allowed_in(kind.packet_type()) {
            return Err(Unencodable::ReasonCode { code: self.reason });
        }
        put_packet(out, first_byte, version, self)
    }

    /// The size of the encoded packet, in bytes.
    #[inline]
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }

    /// Success and nothing more to say: the Packet Identifier is enough in every version.
    #[inline]
    fn is_plain(&self) -> bool {
        self.reason == ReasonCode::Success && !self.has_properties()
    }

    #[inline]
    fn has_properties(&self) -> bool {
        self.reason_string.is_some() || !self.user_properties.is_empty()
    }
}

impl Body for Ack<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        sink.u16(self.packet_id.get());
        if !version.acks_carry_reasons() || self.is_plain() {
            return;
        }
        sink.u8(self.reason.code());
        if self.has_properties() {
            sink.property_section(version, self);
        }
    }
}

impl Section for Ack<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.property_text(PropertyId::ReasonString, self.reason_string);
        sink.user_properties(self.user_properties);
    }
}
