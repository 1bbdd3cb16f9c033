//! UNSUBACK: what became of each Topic Filter of an UNSUBSCRIBE.

use alloc::vec::Vec;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketId, PacketType, PropertyId, ProtocolVersion, ReasonCode, Unencodable,
    UserProperties,
};

/// UNSUBACK.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnsubAck<'a> {
    /// That of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// One [`ReasonCode`] per Topic Filter, in their order. Before 5.0 there are none on the wire.
    pub codes: &'a [u8],
}

impl<'a> UnsubAck<'a> {
    /// An UNSUBACK without properties.
    pub fn new(packet_id: PacketId, codes: &'a [u8]) -> Self {
        Self {
            packet_id,
            reason_string: None,
            user_properties: UserProperties::default(),
            codes,
        }
    }

    /// Decodes an UNSUBACK.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of(PacketType::UnsubAck, version)?);
        let packet_id = reader.packet_id()?;
        if !version.unsuback_has_codes() {
            reader.finish()?;
            return Ok(Self::new(packet_id, &[]));
        }
        let properties =
            Properties::read(property::home(PacketType::UnsubAck), version, &mut reader)?;
        let codes = reader.rest();
        if codes.is_empty() {
            return Err(Malformed::NoReasonCodes);
        }
        if let Some(&code) = codes.iter().find(|&&code| !may_carry(code)) {
            return Err(Malformed::ReasonCode { code });
        }
        Ok(Self {
            packet_id,
            reason_string: properties.reason_string,
            user_properties: properties.user_properties,
            codes,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::UnsubAck.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }
}

/// [MQTT-3.11.3-2]
fn may_carry(code: u8) -> bool {
    ReasonCode::from_u8(code).is_some_and(|reason| reason.allowed_in(PacketType::UnsubAck))
}

impl Body for UnsubAck<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        sink.u16(self.packet_id.get());
        if !version.unsuback_has_codes() {
            return;
        }
        if self.codes.is_empty() {
            sink.fault(Unencodable::NoReasonCodes);
        }
        sink.property_section(version, self);
        for &code in self.codes {
            if !may_carry(code) {
                let code = ReasonCode::from_u8(code).unwrap_or(ReasonCode::UnspecifiedError);
                sink.fault(Unencodable::ReasonCode { code });
            }
            sink.u8(code);
        }
    }
}

impl Section for UnsubAck<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.property_text(PropertyId::ReasonString, self.reason_string);
        sink.user_properties(self.user_properties);
    }
}
