//! AUTH: one step of an authentication that takes several. Only in 5.0.

use alloc::vec::Vec;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketType, PropertyId, ProtocolVersion, ReasonCode, Unencodable,
    UserProperties,
};

/// AUTH.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auth<'a> {
    /// Success, continue or re-authenticate.
    pub reason: ReasonCode,
    /// Authentication Method. Missing only in the short form, which says success and nothing else.
    pub authentication_method: Option<&'a str>,
    /// Authentication Data; what it means is the method's.
    pub authentication_data: Option<&'a [u8]>,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
}

impl<'a> Auth<'a> {
    /// An AUTH without properties.
    pub fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            authentication_method: None,
            authentication_data: None,
            reason_string: None,
            user_properties: UserProperties::default(),
        }
    }

    /// Decodes an AUTH.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let body = frame.body_of(PacketType::Auth, version)?;
        if !version.has_auth() {
            return Err(Malformed::ReservedPacketType {
                packet_type: PacketType::Auth as u8,
            });
        }
        if body.is_empty() {
            return Ok(Self::new(ReasonCode::Success));
        }
        let mut reader = Reader::new(body);
        let code = reader.u8()?;
        // [MQTT-3.15.2-1]
        let reason = ReasonCode::from_u8(code)
            .filter(|reason| reason.allowed_in(PacketType::Auth))
            .ok_or(Malformed::ReasonCode { code })?;
        let properties = Properties::read(property::home(PacketType::Auth), version, &mut reader)?;
        reader.finish()?;
        if properties.authentication_method.is_none() {
            return Err(Malformed::AuthenticationMethodMissing);
        }
        Ok(Self {
            reason,
            authentication_method: properties.authentication_method,
            authentication_data: properties.authentication_data,
            reason_string: properties.reason_string,
            user_properties: properties.user_properties,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::Auth.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }

    /// Success and nothing more to say.
    fn is_plain(&self) -> bool {
        self.reason == ReasonCode::Success
            && self.authentication_method.is_none()
            && self.authentication_data.is_none()
            && self.reason_string.is_none()
            && self.user_properties.is_empty()
    }
}

impl Body for Auth<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if !version.has_auth() {
            sink.fault(Unencodable::NotInThisVersion);
            return;
        }
        if self.is_plain() {
            return;
        }
        if self.authentication_method.is_none() {
            sink.fault(Unencodable::AuthenticationMethodMissing);
        }
        if !self.reason.allowed_in(PacketType::Auth) {
            sink.fault(Unencodable::ReasonCode { code: self.reason }); // [MQTT-3.15.2-1]
        }
        sink.u8(self.reason.code());
        sink.property_section(version, self);
    }
}

impl Section for Auth<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.property_text(PropertyId::AuthenticationMethod, self.authentication_method);
        sink.property_binary(PropertyId::AuthenticationData, self.authentication_data);
        sink.property_text(PropertyId::ReasonString, self.reason_string);
        sink.user_properties(self.user_properties);
    }
}
