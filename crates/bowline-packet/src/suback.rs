//! SUBACK: what became of each Topic Filter of a SUBSCRIBE.

use alloc::vec::Vec;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketId, PacketType, PropertyId, ProtocolVersion, ReasonCode, Unencodable,
    UserProperties,
};

/// SUBACK.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SubAck<'a> {
    /// That of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// One [`ReasonCode`] per Topic Filter, in their order. Before 5.0 every failure is sent as
    /// 0x80.
    pub codes: &'a [u8],
}

/// What 3.x says for every failure.
const FAILURE_V3: u8 = 0x80;

impl<'a> SubAck<'a> {
    /// A SUBACK without properties.
    pub fn new(packet_id: PacketId, codes: &'a [u8]) -> Self {
        Self {
            packet_id,
            reason_string: None,
            user_properties: UserProperties::default(),
            codes,
        }
    }

    /// Decodes a SUBACK.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of(PacketType::SubAck, version)?);
        let packet_id = reader.packet_id()?;
        let properties =
            Properties::read(property::home(PacketType::SubAck), version, &mut reader)?;
        let codes = reader.rest();
        if codes.is_empty() {
            return Err(Malformed::NoReasonCodes);
        }
        if let Some(&code) = codes.iter().find(|&&code| !may_carry(version, code)) {
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
        put_packet(out, PacketType::SubAck.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }
}

/// [MQTT-3.9.3-2] [MQTT3-3.9.3-2]
fn may_carry(version: ProtocolVersion, code: u8) -> bool {
    if version.has_reason_codes() {
        ReasonCode::from_u8(code).is_some_and(|reason| reason.allowed_in(PacketType::SubAck))
    } else {
        matches!(code, 0..=2 | FAILURE_V3)
    }
}

impl Body for SubAck<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if self.codes.is_empty() {
            sink.fault(Unencodable::NoReasonCodes);
        }
        sink.u16(self.packet_id.get());
        sink.property_section(version, self);
        for &code in self.codes {
            match ReasonCode::from_u8(code) {
                Some(reason) if reason.allowed_in(PacketType::SubAck) => {
                    let says_more = !version.has_reason_codes() && reason.is_error();
                    sink.u8(if says_more { FAILURE_V3 } else { code });
                }
                reason => sink.fault(Unencodable::ReasonCode {
                    code: reason.unwrap_or(ReasonCode::UnspecifiedError),
                }),
            }
        }
    }
}

impl Section for SubAck<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.property_text(PropertyId::ReasonString, self.reason_string);
        sink.user_properties(self.user_properties);
    }
}
