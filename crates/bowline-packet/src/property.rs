//! The properties of MQTT 5.0: one table says what each is and where it may stand.
//!
//! Every property section is read by [`Properties::decode`], which the table drives: unknown
//! identifiers, properties in the wrong packet, repeated ones and values out of range are refused
//! here and nowhere else. Properties that may stand many times stay in the bytes they came in and
//! are read again when somebody asks ([`UserProperties`], [`SubscriptionIdentifiers`]): nothing is
//! collected, so nothing is allocated.

mod repeated;

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

pub use self::repeated::{
    SubscriptionIdentifiers, SubscriptionIdentifiersIter, UserProperties, UserPropertiesIter,
};
use crate::wire::{Reader, Sink, VARINT_MAX};
use crate::{Malformed, PacketType, ProtocolVersion, QoS, Unencodable};

/// The properties, with their identifiers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the standard's, section 2.2.2.2")]
pub enum PropertyId {
    PayloadFormatIndicator = 1,
    MessageExpiryInterval = 2,
    ContentType = 3,
    ResponseTopic = 8,
    CorrelationData = 9,
    SubscriptionIdentifier = 11,
    SessionExpiryInterval = 17,
    AssignedClientIdentifier = 18,
    ServerKeepAlive = 19,
    AuthenticationMethod = 21,
    AuthenticationData = 22,
    RequestProblemInformation = 23,
    WillDelayInterval = 24,
    RequestResponseInformation = 25,
    ResponseInformation = 26,
    ServerReference = 28,
    ReasonString = 31,
    ReceiveMaximum = 33,
    TopicAliasMaximum = 34,
    TopicAlias = 35,
    MaximumQoS = 36,
    RetainAvailable = 37,
    UserProperty = 38,
    MaximumPacketSize = 39,
    WildcardSubscriptionAvailable = 40,
    SubscriptionIdentifierAvailable = 41,
    SharedSubscriptionAvailable = 42,
}

/// What a property holds. Numbers have the least and the greatest value that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte(u8, u8),
    TwoBytes(u16),
    FourBytes(u32),
    Varint(u32),
    Text,
    Binary,
    Pair,
}

/// The places that have a property section, one bit each: bit n is packet type n, bit 0 the will.
type Homes = u16;

/// The will properties within CONNECT.
pub(crate) const WILL: Homes = 1;

/// The property section of a packet.
pub(crate) const fn home(packet_type: PacketType) -> Homes {
    1 << packet_type as u8
}

const CONNECT: Homes = home(PacketType::Connect);
const CONNACK: Homes = home(PacketType::ConnAck);
const PUBLISH: Homes = home(PacketType::Publish);
const SUBSCRIBE: Homes = home(PacketType::Subscribe);
const DISCONNECT: Homes = home(PacketType::Disconnect);
const AUTH: Homes = home(PacketType::Auth);
/// The packets that answer another one.
const ANSWERS: Homes = home(PacketType::PubAck)
    | home(PacketType::PubRec)
    | home(PacketType::PubRel)
    | home(PacketType::PubComp)
    | home(PacketType::SubAck)
    | home(PacketType::UnsubAck);
const ALL: Homes = WILL
    | CONNECT
    | CONNACK
    | PUBLISH
    | SUBSCRIBE
    | home(PacketType::Unsubscribe)
    | DISCONNECT
    | AUTH
    | ANSWERS;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    id: PropertyId,
    name: &'static str,
    kind: Kind,
    /// Where it may stand.
    homes: Homes,
    /// Where it may stand more than once.
    repeats_in: Homes,
}

const FLAG: Kind = Kind::Byte(0, 1);

/// The table: standard, section 2.2.2.2 for identifiers, types and packets; the sections of the
/// packets for values and repetition.
#[rustfmt::skip]
const TABLE: [Row; 27] = {
    use Kind::{Binary, Byte, FourBytes, Pair, Text, TwoBytes, Varint};
    use PropertyId as P;
    const MESSAGE: Homes = PUBLISH | WILL;
    const BOTH: Homes = CONNECT | CONNACK;
    [
        row(P::PayloadFormatIndicator, "payload format indicator", FLAG, MESSAGE),
        row(P::MessageExpiryInterval, "message expiry interval", FourBytes(0), MESSAGE),
        row(P::ContentType, "content type", Text, MESSAGE),
        row(P::ResponseTopic, "response topic", Text, MESSAGE),
        row(P::CorrelationData, "correlation data", Binary, MESSAGE),
        // A PUBLISH has one for each subscription that it matched.
        row(P::SubscriptionIdentifier, "subscription identifier", Varint(1), PUBLISH | SUBSCRIBE)
            .repeating_in(PUBLISH),
        row(P::SessionExpiryInterval, "session expiry interval", FourBytes(0), BOTH | DISCONNECT),
        row(P::AssignedClientIdentifier, "assigned client identifier", Text, CONNACK),
        row(P::ServerKeepAlive, "server keep alive", TwoBytes(0), CONNACK),
        row(P::AuthenticationMethod, "authentication method", Text, BOTH | AUTH),
        row(P::AuthenticationData, "authentication data", Binary, BOTH | AUTH),
        row(P::RequestProblemInformation, "request problem information", FLAG, CONNECT),
        row(P::WillDelayInterval, "will delay interval", FourBytes(0), WILL),
        row(P::RequestResponseInformation, "request response information", FLAG, CONNECT),
        row(P::ResponseInformation, "response information", Text, CONNACK),
        row(P::ServerReference, "server reference", Text, CONNACK | DISCONNECT),
        row(P::ReasonString, "reason string", Text, CONNACK | ANSWERS | DISCONNECT | AUTH),
        row(P::ReceiveMaximum, "receive maximum", TwoBytes(1), BOTH),
        row(P::TopicAliasMaximum, "topic alias maximum", TwoBytes(0), BOTH),
        row(P::TopicAlias, "topic alias", TwoBytes(1), PUBLISH),
        // Who can do QoS 2 leaves it out.
        row(P::MaximumQoS, "maximum QoS", Byte(0, 1), CONNACK),
        row(P::RetainAvailable, "retain available", FLAG, CONNACK),
        row(P::UserProperty, "user property", Pair, ALL).repeating_in(ALL),
        row(P::MaximumPacketSize, "maximum packet size", FourBytes(1), BOTH),
        row(P::WildcardSubscriptionAvailable, "wildcard subscription available", FLAG, CONNACK),
        row(P::SubscriptionIdentifierAvailable, "subscription identifier available", FLAG, CONNACK),
        row(P::SharedSubscriptionAvailable, "shared subscription available", FLAG, CONNACK),
    ]
};

const fn row(id: PropertyId, name: &'static str, kind: Kind, homes: Homes) -> Row {
    Row {
        id,
        name,
        kind,
        homes,
        repeats_in: 0,
    }
}

/// The table by identifier.
const BY_IDENTIFIER: [Option<Row>; 43] = {
    let mut rows = [None; 43];
    let mut i = 0;
    while i < TABLE.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            rows[TABLE[i].id as usize] = Some(TABLE[i]);
        }
        i += 1;
    }
    rows
};

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = BY_IDENTIFIER
            .get(usize::from(*self as u8))
            .and_then(Option::as_ref);
        f.write_str(row.expect("the table has a row for every property").name)
    }
}

/// The value of one property; the fields that its kind does not use are empty.
#[derive(Clone, Copy, Default)]
struct Value<'a> {
    number: u32,
    short: u16,
    bytes: &'a [u8],
    text: &'a str,
    second: &'a str,
}

impl Value<'_> {
    fn flag(&self) -> bool {
        self.number != 0
    }
}

impl Row {
    const fn repeating_in(self, homes: Homes) -> Self {
        Self {
            repeats_in: homes,
            ..self
        }
    }

    /// Takes the value that follows the identifier.
    #[inline]
    fn value<'a>(&self, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        let empty = Value::default();
        Ok(match self.kind {
            Kind::Byte(least, greatest) => {
                let number = u32::from(reader.u8()?);
                self.check_range(number, least.into(), greatest.into())?;
                Value { number, ..empty }
            }
            Kind::TwoBytes(least) => {
                let short = reader.u16()?;
                self.check_range(short.into(), least.into(), u32::MAX)?;
                Value {
                    number: short.into(),
                    short,
                    ..empty
                }
            }
            Kind::FourBytes(least) => {
                let number = reader.u32()?;
                self.check_range(number, least, u32::MAX)?;
                Value { number, ..empty }
            }
            Kind::Varint(least) => {
                let number = reader.varint()?;
                self.check_range(number, least, u32::MAX)?;
                Value { number, ..empty }
            }
            Kind::Text => Value {
                text: reader.string()?,
                ..empty
            },
            Kind::Binary => Value {
                bytes: reader.binary()?,
                ..empty
            },
            // [MQTT-1.5.7-1]
            Kind::Pair => Value {
                text: reader.string()?,
                second: reader.string()?,
                ..empty
            },
        })
    }

    #[inline]
    fn check_range(&self, value: u32, least: u32, greatest: u32) -> Result<(), Malformed> {
        if (least..=greatest).contains(&value) {
            Ok(())
        } else if self.id == PropertyId::TopicAlias {
            Err(Malformed::TopicAliasZero) // [MQTT-3.3.2-8]: it has a reason code of its own
        } else {
            Err(Malformed::PropertyValue {
                property: self.id,
                value,
            })
        }
    }
}

/// Takes the identifier of the next property.
#[inline]
fn next_row(reader: &mut Reader<'_>) -> Result<&'static Row, Malformed> {
    let identifier = reader.varint()?;
    usize::try_from(identifier)
        .ok()
        .and_then(|place| BY_IDENTIFIER.get(place))
        .and_then(Option::as_ref)
        .ok_or(Malformed::UnknownProperty { identifier })
}

/// All properties that a section can hold; each packet takes what it may have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Properties<'a> {
    pub(crate) payload_format_is_utf8: Option<bool>,
    pub(crate) message_expiry_secs: Option<u32>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) response_topic: Option<&'a str>,
    pub(crate) correlation_data: Option<&'a [u8]>,
    pub(crate) subscription_identifiers: SubscriptionIdentifiers<'a>,
    pub(crate) session_expiry_secs: Option<u32>,
    pub(crate) assigned_client_id: Option<&'a str>,
    pub(crate) server_keep_alive_secs: Option<u16>,
    pub(crate) authentication_method: Option<&'a str>,
    pub(crate) authentication_data: Option<&'a [u8]>,
    pub(crate) request_problem_information: Option<bool>,
    pub(crate) will_delay_secs: Option<u32>,
    pub(crate) request_response_information: Option<bool>,
    pub(crate) response_information: Option<&'a str>,
    pub(crate) server_reference: Option<&'a str>,
    pub(crate) reason_string: Option<&'a str>,
    pub(crate) receive_maximum: Option<NonZeroU16>,
    pub(crate) topic_alias_maximum: Option<u16>,
    pub(crate) topic_alias: Option<u16>,
    pub(crate) maximum_qos: Option<QoS>,
    pub(crate) retain_available: Option<bool>,
    pub(crate) user_properties: UserProperties<'a>,
    pub(crate) maximum_packet_size: Option<NonZeroU32>,
    pub(crate) wildcard_subscription_available: Option<bool>,
    pub(crate) subscription_identifiers_available: Option<bool>,
    pub(crate) shared_subscription_available: Option<bool>,
}

impl<'a> Properties<'a> {
    /// Takes a property section with its length off the front of `reader`; in a version without
    /// properties nothing is taken.
    #[inline]
    pub(crate) fn read(
        home: Homes,
        version: ProtocolVersion,
        reader: &mut Reader<'a>,
    ) -> Result<Self, Malformed> {
        let section = reader.property_section(version)?;
        if section.is_empty() {
            Ok(Self::default())
        } else {
            Self::decode(home, section)
        }
    }

    /// Decodes a property section without its length.
    pub(crate) fn decode(home: Homes, section: &'a [u8]) -> Result<Self, Malformed> {
        let mut properties = Self::default();
        let mut reader = Reader::new(section);
        let mut seen = 0_u64;
        while !reader.is_empty() {
            let from = reader.rest();
            let row = next_row(&mut reader)?;
            if row.homes & home == 0 {
                return Err(Malformed::PropertyNotAllowed { property: row.id });
            }
            let bit = 1 << row.id as u8;
            if seen & bit != 0 && row.repeats_in & home == 0 {
                return Err(Malformed::DuplicateProperty { property: row.id });
            }
            seen |= bit;
            let value = row.value(&mut reader)?;
            properties.set(row.id, value, from);
        }
        Ok(properties)
    }

    /// `from`: the section from this property on, for the properties that may repeat.
    #[inline]
    fn set(&mut self, id: PropertyId, value: Value<'a>, from: &'a [u8]) {
        use PropertyId as P;
        match id {
            P::PayloadFormatIndicator => self.payload_format_is_utf8 = Some(value.flag()),
            P::MessageExpiryInterval => self.message_expiry_secs = Some(value.number),
            P::ContentType => self.content_type = Some(value.text),
            P::ResponseTopic => self.response_topic = Some(value.text),
            P::CorrelationData => self.correlation_data = Some(value.bytes),
            P::SubscriptionIdentifier => self.subscription_identifiers.extend(from),
            P::SessionExpiryInterval => self.session_expiry_secs = Some(value.number),
            P::AssignedClientIdentifier => self.assigned_client_id = Some(value.text),
            P::ServerKeepAlive => self.server_keep_alive_secs = Some(value.short),
            P::AuthenticationMethod => self.authentication_method = Some(value.text),
            P::AuthenticationData => self.authentication_data = Some(value.bytes),
            P::RequestProblemInformation => {
                self.request_problem_information = Some(value.flag());
            }
            P::WillDelayInterval => self.will_delay_secs = Some(value.number),
            P::RequestResponseInformation => {
                self.request_response_information = Some(value.flag());
            }
            P::ResponseInformation => self.response_information = Some(value.text),
            P::ServerReference => self.server_reference = Some(value.text),
            P::ReasonString => self.reason_string = Some(value.text),
            P::ReceiveMaximum => self.receive_maximum = NonZeroU16::new(value.short),
            P::TopicAliasMaximum => self.topic_alias_maximum = Some(value.short),
            P::TopicAlias => self.topic_alias = Some(value.short),
            P::MaximumQoS => {
                self.maximum_qos = Some(if value.flag() {
                    QoS::AtLeastOnce
                } else {
                    QoS::AtMostOnce
                });
            }
            P::RetainAvailable => self.retain_available = Some(value.flag()),
            P::UserProperty => self.user_properties.extend(from),
            P::MaximumPacketSize => self.maximum_packet_size = NonZeroU32::new(value.number),
            P::WildcardSubscriptionAvailable => {
                self.wildcard_subscription_available = Some(value.flag());
            }
            P::SubscriptionIdentifierAvailable => {
                self.subscription_identifiers_available = Some(value.flag());
            }
            P::SharedSubscriptionAvailable => {
                self.shared_subscription_available = Some(value.flag());
            }
        }
    }
}

/// How properties are written, beside the plain fields of [`Sink`]. Absent ones are left out.
pub(crate) trait PropertySink: Sink {
    fn property_flag(&mut self, id: PropertyId, value: Option<bool>) {
        if let Some(value) = value {
            self.u8(id as u8);
            self.u8(value.into());
        }
    }

    fn property_u16(&mut self, id: PropertyId, value: Option<u16>) {
        if let Some(value) = value {
            self.u8(id as u8);
            self.u16(value);
        }
    }

    fn property_u32(&mut self, id: PropertyId, value: Option<u32>) {
        if let Some(value) = value {
            self.u8(id as u8);
            self.u32(value);
        }
    }

    fn property_text(&mut self, id: PropertyId, value: Option<&str>) {
        if let Some(value) = value {
            self.u8(id as u8);
            self.string(value);
        }
    }

    fn property_binary(&mut self, id: PropertyId, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.u8(id as u8);
            self.binary(value);
        }
    }

    fn subscription_identifier(&mut self, identifier: u32) {
        if identifier == 0 || identifier > VARINT_MAX {
            self.fault(Unencodable::SubscriptionIdentifier { identifier });
        }
        self.u8(PropertyId::SubscriptionIdentifier as u8);
        self.varint(identifier.min(VARINT_MAX));
    }

    fn user_properties(&mut self, properties: UserProperties<'_>) {
        for (name, value) in properties.iter() {
            self.u8(PropertyId::UserProperty as u8);
            self.string(name);
            self.string(value);
        }
    }
}

impl<S: Sink> PropertySink for S {}

#[cfg(test)]
mod tests;
