//! DISCONNECT: the last packet of a connection.
//!
//! Before 5.0 only the client sends it and it says nothing more.

use alloc::vec::Vec;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketType, PropertyId, ProtocolVersion, ReasonCode, Unencodable,
    UserProperties,
};

/// DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disconnect<'a> {
    /// Why; [`ReasonCode::Success`] is the normal end.
    pub reason: ReasonCode,
    /// Session Expiry Interval in seconds, only from the client; 0xFFFF_FFFF is never.
    pub session_expiry_secs: Option<u32>,
    /// Reason String, for people.
    pub reason_string: Option<&'a str>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// Another server to use, only from the server.
    pub server_reference: Option<&'a str>,
}

impl<'a> Disconnect<'a> {
    /// A DISCONNECT without properties.
    pub fn new(reason: ReasonCode) -> Self {
        Self {
            reason,
            session_expiry_secs: None,
            reason_string: None,
            user_properties: UserProperties::default(),
            server_reference: None,
        }
    }

    /// Decodes a DISCONNECT.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of(PacketType::Disconnect, version)?);
        if reader.is_empty() {
            return Ok(Self::new(ReasonCode::Success));
        }
        if !version.disconnect_has_reason() {
            return Err(Malformed::LeftoverBytes);
        }
        let code = reader.u8()?;
        // [MQTT-3.14.2-1]
        let reason = ReasonCode::from_u8(code)
            .filter(|reason| reason.allowed_in(PacketType::Disconnect))
            .ok_or(Malformed::ReasonCode { code })?;
        if reader.is_empty() {
            return Ok(Self::new(reason));
        }
        let home = property::home(PacketType::Disconnect);
        let properties = Properties::read(home, version, &mut reader)?;
        reader.finish()?;
        Ok(Self {
            reason,
            session_expiry_secs: properties.session_expiry_secs,
            reason_string: properties.reason_string,
            user_properties: properties.user_properties,
            server_reference: properties.server_reference,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::Disconnect.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }

    fn has_properties(&self) -> bool {
        self.session_expiry_secs.is_some()
            || self.reason_string.is_some()
            || self.server_reference.is_some()
            || !self.user_properties.is_empty()
    }
}

impl Body for Disconnect<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if !version.disconnect_has_reason() {
            return;
        }
        if !self.reason.allowed_in(PacketType::Disconnect) {
            sink.fault(Unencodable::ReasonCode { code: self.reason }); // [MQTT-3.14.2-1]
        }
        let has_properties = self.has_properties();
        if self.reason != ReasonCode::Success || has_properties {
            sink.u8(self.reason.code());
        }
        if has_properties {
            sink.property_section(version, self);
        }
    }
}

impl Section for Disconnect<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.property_u32(PropertyId::SessionExpiryInterval, self.session_expiry_secs);
        sink.property_text(PropertyId::ReasonString, self.reason_string);
        sink.property_text(PropertyId::ServerReference, self.server_reference);
        sink.user_properties(self.user_properties);
    }
}
