//! PUBLISH: an Application Message on its way.
//!
//! This is the packet that everything else exists for, so both directions go over it once and
//! touch the properties only where there are some. Encoding says where the Packet Identifier
//! stands, so that a copy for another receiver needs two bytes changed and nothing else.

use alloc::vec::Vec;
use core::str;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{
    self, Reader, Section, Sink, Writer, put_fixed_header, put_varint, varint_bytes,
};
use crate::{
    Frame, Malformed, PacketId, PacketType, PropertyId, ProtocolVersion, SubscriptionIdentifiers,
    TopicError, TopicName, Unencodable, UserProperties,
};

/// Quality of Service: what the sender of a message is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: sent once, never acknowledged.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: sent until it is acknowledged, may arrive more than once.
    AtLeastOnce = 1,
    /// QoS 2: arrives once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS that two bits name; there is no QoS 3.
    #[inline]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Publish<'a> {
    /// This may be a second try.
    pub dup: bool,
    /// What the sender is promised.
    pub qos: QoS,
    /// To be kept for later subscribers, or kept until now.
    pub retain: bool,
    /// A Topic Name; in 5.0 empty where the Topic Alias says it.
    pub topic: &'a str,
    /// There if the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// What 5.0 says about the message.
    pub properties: PublishProperties<'a>,
    /// The message itself, any bytes.
    pub payload: &'a [u8],
}

/// Where an encoded PUBLISH stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedPublish {
    /// Where the packet begins in the output.
    pub start: usize,
    /// Where the two bytes of the Packet Identifier stand in the output, if it has one.
    pub packet_id_at: Option<usize>,
}

const RETAIN: u8 = 0b0001;

impl<'a> Publish<'a> {
    /// Decodes a PUBLISH.
    #[inline]
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of(PacketType::Publish, version)?);
        let flags = frame.first_byte;
        // [MQTT-3.3.1-4] [MQTT3-3.3.1-4]
        let qos = QoS::from_bits(flags >> 1 & 0b11).ok_or(Malformed::PublishQosThree)?;
        let dup = flags & crate::frame::DUP != 0;
        // [MQTT-3.3.1-2] [MQTT3-3.3.1-2]
        if dup && qos == QoS::AtMostOnce {
            return Err(Malformed::DupOnQosZero);
        }
        // [MQTT-3.3.2-1] [MQTT3-3.3.2-1]
        let topic = reader.unchecked_for_nul()?;
        let packet_id = match qos {
            QoS::AtMostOnce => None, // [MQTT-2.2.1-2] [MQTT3-2.3.1-5]
            QoS::AtLeastOnce | QoS::ExactlyOnce => Some(reader.packet_id()?),
        };
        let section = reader.property_section(version)?;
        let properties = if section.is_empty() {
            PublishProperties::default()
        } else {
            PublishProperties::decode(section)?
        };
        if topic.is_empty() && version.has_properties() {
            if properties.topic_alias.is_none() {
                return Err(Malformed::TopicMissing);
            }
        } else if let Err(why) = TopicName::parse(topic) {
            return Err(topic_fault(why)); // [MQTT-3.3.2-2] [MQTT3-3.3.2-2]
        }
        let retain = flags & RETAIN != 0;
        let payload = reader.rest();
        Ok(Self {
            dup,
            qos,
            retain,
            topic,
            packet_id,
            properties,
            payload,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is.
    ///
    /// `topic` is taken as it is: [`TopicName::parse`] or a decoder has looked at it. Before 5.0 the
    /// properties are left out.
    #[inline]
    pub fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<EncodedPublish, Unencodable> {
        let place = self.encode_head(version, self.payload.len(), out)?;
        out.extend_from_slice(self.payload);
        Ok(place)
    }

    /// As [`encode`](Self::encode), but the caller sends the payload, right behind: a large one need
    /// not be copied for each receiver.
    #[inline]
    pub fn encode_without_payload(
        &self,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) -> Result<EncodedPublish, Unencodable> {
        self.encode_head(version, 0, out)
    }

    /// What stands before the payload, and room for so much of the payload.
    #[inline]
    fn encode_head(
        &self,
        version: ProtocolVersion,
        payload_room_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<EncodedPublish, Unencodable> {
        let topic_len =
            u16::try_from(self.topic.len()).map_err(|_| Unencodable::StringTooLong {
                bytes: self.topic.len(),
            })?;
        match (self.qos, self.packet_id) {
            (QoS::AtMostOnce, None) | (QoS::AtLeastOnce | QoS::ExactlyOnce, Some(_)) => {}
            (QoS::AtMostOnce, Some(_)) => return Err(Unencodable::PacketIdOnQosZero),
            (QoS::AtLeastOnce | QoS::ExactlyOnce, None) => {
                return Err(Unencodable::PacketIdMissing);
            }
        }
        let section_bytes = self.section_bytes(version);
        let body_bytes = self.body_bytes(section_bytes);
        let start = out.len();
        let room_bytes = body_bytes - self.payload.len() + payload_room_bytes;
        put_fixed_header(out, self.first_byte(), body_bytes, room_bytes)?;
        out.extend_from_slice(&topic_len.to_be_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        let packet_id_at = self.packet_id.map(|packet_id| {
            let at = out.len();
            out.extend_from_slice(&packet_id.get().to_be_bytes());
            at
        });
        if let Some(bytes) = section_bytes {
            // Within 32 bits: `put_fixed_header` took a body that contains it.
            put_varint(out, u32::try_from(bytes).unwrap_or(wire::VARINT_MAX));
            if bytes != 0
                && let Err(why) = self.properties.encode_section(out)
            {
                out.truncate(start);
                return Err(why);
            }
        }
        Ok(EncodedPublish {
            start,
            packet_id_at,
        })
    }

    /// The size of the encoded packet, in bytes.
    #[inline]
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        let body_bytes = self.body_bytes(self.section_bytes(version));
        1 + varint_bytes(u32::try_from(body_bytes).unwrap_or(wire::VARINT_MAX)) + body_bytes
    }

    /// The payload is what the Payload Format Indicator says, so far as one can tell.
    pub fn payload_has_its_format(&self) -> bool {
        self.properties.payload_format_is_utf8 != Some(true) || str::from_utf8(self.payload).is_ok()
    }

    #[inline]
    fn first_byte(&self) -> u8 {
        PacketType::Publish.first_byte()
            | u8::from(self.dup) << 3
            | (self.qos as u8) << 1
            | u8::from(self.retain)
    }

    /// The size of the property section without its length, where the version has one.
    #[inline]
    fn section_bytes(&self, version: ProtocolVersion) -> Option<usize> {
        version
            .has_properties()
            .then(|| self.properties.section_bytes())
    }

    #[inline]
    fn body_bytes(&self, section_bytes: Option<usize>) -> usize {
        let packet_id_bytes = if self.packet_id.is_some() { 2 } else { 0 };
        let section_bytes = match section_bytes {
            Some(bytes) => varint_bytes(u32::try_from(bytes).unwrap_or(wire::VARINT_MAX)) + bytes,
            None => 0,
        };
        2 + self.topic.len() + packet_id_bytes + section_bytes + self.payload.len()
    }
}

#[cold]
fn topic_fault(why: TopicError) -> Malformed {
    match why {
        TopicError::Nul => Malformed::NulInString,
        TopicError::Empty
        | TopicError::TooLong
        | TopicError::WildcardInName
        | TopicError::MultiLevelWildcard
        | TopicError::SingleLevelWildcard
        | TopicError::ShareNameEmpty
        | TopicError::ShareNameWildcard
        | TopicError::ShareFilterMissing => Malformed::TopicName(why),
    }
}

/// The properties of a PUBLISH, or of a will.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PublishProperties<'a> {
    /// Payload Format Indicator: the payload is UTF-8 text.
    pub payload_format_is_utf8: Option<bool>,
    /// Message Expiry Interval, in seconds.
    pub message_expiry_secs: Option<u32>,
    /// Topic Alias, not zero. A will has none.
    pub topic_alias: Option<u16>,
    /// Response Topic, a Topic Name.
    pub response_topic: Option<&'a str>,
    /// Correlation Data.
    pub correlation_data: Option<&'a [u8]>,
    /// Content Type.
    pub content_type: Option<&'a str>,
    /// Subscription Identifiers: only from server to client. A will has none.
    pub subscription_identifiers: SubscriptionIdentifiers<'a>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
}

impl<'a> PublishProperties<'a> {
    /// There is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.payload_format_is_utf8.is_none()
            && self.message_expiry_secs.is_none()
            && self.topic_alias.is_none()
            && self.response_topic.is_none()
            && self.correlation_data.is_none()
            && self.content_type.is_none()
            && self.subscription_identifiers.is_empty()
            && self.user_properties.is_empty()
    }

    /// Decodes a property section without its length.
    pub fn decode(section: &'a [u8]) -> Result<Self, Malformed> {
        Self::taken_from(&Properties::decode(
            property::home(PacketType::Publish),
            section,
        )?)
    }

    /// Appends the properties as a section without its length, or leaves `out` as it is.
    pub fn encode_section(&self, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let start = out.len();
        let mut writer = Writer { out, fault: None };
        self.write(&mut writer);
        if let Some(why) = writer.fault {
            out.truncate(start);
            return Err(why);
        }
        Ok(())
    }

    /// The size of the section without its length, in bytes.
    #[inline]
    pub fn section_bytes(&self) -> usize {
        if self.is_empty() {
            0
        } else {
            wire::section_bytes(self)
        }
    }

    pub(crate) fn taken_from(properties: &Properties<'a>) -> Result<Self, Malformed> {
        if let Some(response_topic) = properties.response_topic {
            // [MQTT-3.3.2-14]
            TopicName::parse(response_topic).map_err(Malformed::ResponseTopic)?;
        }
        Ok(Self {
            payload_format_is_utf8: properties.payload_format_is_utf8,
            message_expiry_secs: properties.message_expiry_secs,
            topic_alias: properties.topic_alias,
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data,
            content_type: properties.content_type,
            subscription_identifiers: properties.subscription_identifiers,
            user_properties: properties.user_properties,
        })
    }

    /// The properties that a message in flight has and a will has not.
    fn write_flight<S: Sink>(&self, sink: &mut S) {
        sink.property_u16(PropertyId::TopicAlias, self.topic_alias);
        for identifier in &self.subscription_identifiers {
            sink.subscription_identifier(identifier);
        }
    }

    /// The properties that belong to the message.
    pub(crate) fn write_message<S: Sink>(&self, sink: &mut S) {
        sink.property_flag(
            PropertyId::PayloadFormatIndicator,
            self.payload_format_is_utf8,
        );
        sink.property_u32(PropertyId::MessageExpiryInterval, self.message_expiry_secs);
        sink.property_text(PropertyId::ContentType, self.content_type);
        sink.property_text(PropertyId::ResponseTopic, self.response_topic);
        sink.property_binary(PropertyId::CorrelationData, self.correlation_data);
        sink.user_properties(self.user_properties);
    }
}

impl Section for PublishProperties<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        self.write_flight(sink);
        self.write_message(sink);
    }
}
