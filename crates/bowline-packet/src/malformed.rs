//! The ways in which bytes can be wrong, and the ways in which a packet cannot be encoded.
//!
//! [`Malformed`] blames the peer; [`Unencodable`] blames the caller. Each way to be wrong is a
//! variant, each variant knows the reason code that 5.0 has for it. What is *policy* (a topic that
//! we do not want, a session that is full) is not here.

use core::fmt;

use crate::{PacketType, PropertyId, ReasonCode, TopicError};

/// Why bytes from a peer are not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A field runs past the end of its packet, or of its property section.
    Truncated,
    /// Bytes are left over after the last field.
    LeftoverBytes,
    /// A Variable Byte Integer has more than four bytes.
    VarintTooLong,
    /// A Variable Byte Integer has more bytes than its value needs `[MQTT-1.5.5-1]`.
    VarintNotMinimal,
    /// The packet is larger than the receiver takes.
    PacketTooLarge {
        /// Size of the whole packet, in bytes.
        bytes: usize,
        /// Largest packet that is taken, in bytes.
        bytes_max: usize,
    },
    /// A packet type that this version does not have.
    ReservedPacketType {
        /// The packet type, 0 or 15.
        packet_type: u8,
    },
    /// The flags of the fixed header are not what this packet type must have.
    ReservedFlags {
        /// The first byte of the packet.
        first_byte: u8,
    },
    /// A frame was given to the decoder of another packet.
    UnexpectedPacketType {
        /// What the frame is.
        found: PacketType,
    },
    /// A string is not UTF-8.
    NotUtf8,
    /// A string contains U+0000.
    NulInString,
    /// A Packet Identifier is zero.
    PacketIdZero,
    /// A Reason Code that does not exist, or that this packet cannot carry.
    ReasonCode {
        /// The code.
        code: u8,
    },
    /// An identifier that no property has.
    UnknownProperty {
        /// The identifier.
        identifier: u32,
    },
    /// A property that this packet cannot carry.
    PropertyNotAllowed {
        /// The property.
        property: PropertyId,
    },
    /// A property that may stand once stands twice.
    DuplicateProperty {
        /// The property.
        property: PropertyId,
    },
    /// A number in a property is outside what the standard allows.
    PropertyValue {
        /// The property.
        property: PropertyId,
        /// What was found.
        value: u32,
    },
    /// CONNECT: a protocol name or level that we do not speak.
    UnsupportedProtocol {
        /// The protocol level that the client named.
        level: u8,
        /// The protocol name is `MQTT` or `MQIsdp`, so that the peer understands a CONNACK.
        name_is_mqtt: bool,
    },
    /// CONNECT: bit 0 of the connect flags is set.
    ConnectReservedFlag,
    /// CONNECT: Will QoS or Will Retain without the Will Flag.
    WillFlagsWithoutWill,
    /// CONNECT: Will QoS 3.
    WillQosThree,
    /// CONNECT before 5.0: a password without a user name.
    PasswordWithoutUsername,
    /// CONNECT: Authentication Data without an Authentication Method.
    AuthenticationDataWithoutMethod,
    /// AUTH: no Authentication Method.
    AuthenticationMethodMissing,
    /// CONNACK: reserved acknowledge flags are set.
    ConnAckReservedFlags {
        /// The flags.
        flags: u8,
    },
    /// CONNACK: Session Present together with a refusal.
    SessionPresentOnRefusal,
    /// PUBLISH: both QoS bits are set.
    PublishQosThree,
    /// PUBLISH: DUP with QoS 0.
    DupOnQosZero,
    /// PUBLISH: neither a Topic Name nor a Topic Alias.
    TopicMissing,
    /// PUBLISH: Topic Alias 0.
    TopicAliasZero,
    /// A Topic Name that is none.
    TopicName(TopicError),
    /// A Response Topic that is no Topic Name.
    ResponseTopic(TopicError),
    /// A Topic Filter that is none.
    TopicFilter(TopicError),
    /// SUBSCRIBE or UNSUBSCRIBE without a Topic Filter.
    NoTopicFilters,
    /// SUBSCRIBE: reserved bits of the Subscription Options are set.
    ReservedSubscriptionOptions {
        /// The byte.
        options: u8,
    },
    /// SUBSCRIBE: QoS 3.
    SubscribeQosThree,
    /// SUBSCRIBE: Retain Handling 3.
    RetainHandlingThree,
    /// SUBSCRIBE: No Local on a Shared Subscription.
    NoLocalOnShared,
    /// SUBACK or UNSUBACK without a Reason Code.
    NoReasonCodes,
}

impl Malformed {
    /// The Reason Code of 5.0 that says this to the peer.
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::Truncated
            | Self::LeftoverBytes
            | Self::VarintTooLong
            | Self::VarintNotMinimal
            | Self::ReservedPacketType { .. }
            | Self::ReservedFlags { .. }
            | Self::NotUtf8
            | Self::NulInString
            | Self::UnknownProperty { .. }
            | Self::PropertyNotAllowed { .. }
            | Self::ConnectReservedFlag
            | Self::WillFlagsWithoutWill
            | Self::WillQosThree
            | Self::PasswordWithoutUsername
            | Self::ConnAckReservedFlags { .. }
            | Self::PublishQosThree
            | Self::DupOnQosZero
            | Self::ReservedSubscriptionOptions { .. } => ReasonCode::MalformedPacket,
            Self::UnexpectedPacketType { .. }
            | Self::PacketIdZero
            | Self::ReasonCode { .. }
            | Self::DuplicateProperty { .. }
            | Self::PropertyValue { .. }
            | Self::AuthenticationDataWithoutMethod
            | Self::AuthenticationMethodMissing
            | Self::SessionPresentOnRefusal
            | Self::TopicMissing
            | Self::ResponseTopic(_)
            | Self::NoTopicFilters
            | Self::SubscribeQosThree
            | Self::RetainHandlingThree
            | Self::NoLocalOnShared
            | Self::NoReasonCodes => ReasonCode::ProtocolError,
            Self::UnsupportedProtocol { .. } => ReasonCode::UnsupportedProtocolVersion,
            Self::TopicFilter(_) => ReasonCode::TopicFilterInvalid,
            Self::TopicName(_) => ReasonCode::TopicNameInvalid,
            Self::TopicAliasZero => ReasonCode::TopicAliasInvalid,
            Self::PacketTooLarge { .. } => ReasonCode::PacketTooLarge,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated => f.write_str("a field runs past the end of the packet"),
            Self::LeftoverBytes => f.write_str("bytes are left over after the last field"),
            Self::VarintTooLong => f.write_str("a length has more than four bytes"),
            Self::VarintNotMinimal => f.write_str("a length has more bytes than it needs"),
            Self::PacketTooLarge { bytes, bytes_max } => {
                write!(
                    f,
                    "the packet has {bytes} bytes, at most {bytes_max} are taken"
                )
            }
            Self::ReservedPacketType { packet_type } => {
                write!(f, "packet type {packet_type} is reserved")
            }
            Self::ReservedFlags { first_byte } => {
                write!(
                    f,
                    "the packet begins with {first_byte:#04x}, its flags are wrong"
                )
            }
            Self::UnexpectedPacketType { found } => write!(f, "{found} is not expected here"),
            Self::NotUtf8 => f.write_str("a string is not UTF-8"),
            Self::NulInString => f.write_str("a string contains U+0000"),
            Self::PacketIdZero => f.write_str("the packet identifier is zero"),
            Self::ReasonCode { code } => {
                write!(f, "reason code {code:#04x} cannot stand in this packet")
            }
            Self::UnknownProperty { identifier } => {
                write!(f, "there is no property {identifier:#04x}")
            }
            Self::PropertyNotAllowed { property } => {
                write!(f, "property `{property}` cannot stand in this packet")
            }
            Self::DuplicateProperty { property } => {
                write!(f, "property `{property}` stands there twice")
            }
            Self::PropertyValue { property, value } => {
                write!(f, "property `{property}` cannot be {value}")
            }
            Self::UnsupportedProtocol {
                level,
                name_is_mqtt: true,
            } => {
                write!(f, "protocol level {level} is not spoken here")
            }
            Self::UnsupportedProtocol {
                level: _,
                name_is_mqtt: false,
            } => f.write_str("the protocol name is not that of MQTT"),
            Self::ConnectReservedFlag => f.write_str("the reserved connect flag is set"),
            Self::WillFlagsWithoutWill => {
                f.write_str("will QoS or will retain is set, but there is no will")
            }
            Self::WillQosThree => f.write_str("the will has QoS 3"),
            Self::PasswordWithoutUsername => f.write_str("a password without a user name"),
            Self::AuthenticationDataWithoutMethod => {
                f.write_str("authentication data without an authentication method")
            }
            Self::AuthenticationMethodMissing => {
                f.write_str("AUTH without an authentication method")
            }
            Self::ConnAckReservedFlags { flags } => {
                write!(f, "reserved acknowledge flags are set: {flags:#04x}")
            }
            Self::SessionPresentOnRefusal => {
                f.write_str("the connection is refused, yet a session is said to be present")
            }
            Self::PublishQosThree => f.write_str("a PUBLISH with QoS 3"),
            Self::DupOnQosZero => f.write_str("a PUBLISH with QoS 0 is marked as duplicate"),
            Self::TopicMissing => f.write_str("a PUBLISH with neither topic name nor alias"),
            Self::TopicAliasZero => f.write_str("topic alias 0"),
            Self::TopicName(error) => write!(f, "topic name: {error}"),
            Self::ResponseTopic(error) => write!(f, "response topic: {error}"),
            Self::TopicFilter(error) => write!(f, "topic filter: {error}"),
            Self::NoTopicFilters => f.write_str("there is no topic filter"),
            Self::ReservedSubscriptionOptions { options } => {
                write!(f, "reserved subscription options are set: {options:#04x}")
            }
            Self::SubscribeQosThree => f.write_str("a subscription with QoS 3"),
            Self::RetainHandlingThree => f.write_str("retain handling 3"),
            Self::NoLocalOnShared => f.write_str("no local on a shared subscription"),
            Self::NoReasonCodes => f.write_str("there is no reason code"),
        }
    }
}

impl core::error::Error for Malformed {}

/// Why a packet cannot be encoded. The output is left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unencodable {
    /// A string or binary field has more than 65,535 bytes.
    StringTooLong {
        /// Its size, in bytes.
        bytes: usize,
    },
    /// A string contains U+0000 `[MQTT-1.5.4-2]`.
    NulInString,
    /// What follows the fixed header has more than 268,435,455 bytes.
    PacketTooLarge {
        /// Its size, in bytes.
        bytes: usize,
    },
    /// A Subscription Identifier is 0 or above 268,435,455.
    SubscriptionIdentifier {
        /// The identifier.
        identifier: u32,
    },
    /// A PUBLISH with QoS 1 or 2 has no Packet Identifier.
    PacketIdMissing,
    /// A PUBLISH with QoS 0 has a Packet Identifier.
    PacketIdOnQosZero,
    /// A SUBSCRIBE or UNSUBSCRIBE has no Topic Filter.
    NoTopicFilters,
    /// A SUBACK, or a 5.0 UNSUBACK, has no Reason Code.
    NoReasonCodes,
    /// A password without a user name, before 5.0.
    PasswordWithoutUsername,
    /// An AUTH that says more than success has no Authentication Method.
    AuthenticationMethodMissing,
    /// The packet cannot carry this Reason Code.
    ReasonCode {
        /// The code.
        code: ReasonCode,
    },
    /// The packet does not exist in this version.
    NotInThisVersion,
}

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::StringTooLong { bytes } => {
                write!(f, "a string has {bytes} bytes, at most 65535 can be sent")
            }
            Self::NulInString => f.write_str("a string contains U+0000"),
            Self::PacketTooLarge { bytes } => {
                write!(
                    f,
                    "the packet would have {bytes} bytes, at most 268435455 can be sent"
                )
            }
            Self::SubscriptionIdentifier { identifier } => {
                write!(
                    f,
                    "subscription identifier {identifier} is not between 1 and 268435455"
                )
            }
            Self::PacketIdMissing => f.write_str("a PUBLISH above QoS 0 needs a packet identifier"),
            Self::PacketIdOnQosZero => f.write_str("a PUBLISH with QoS 0 has no packet identifier"),
            Self::NoTopicFilters => f.write_str("there is no topic filter"),
            Self::NoReasonCodes => f.write_str("there is no reason code"),
            Self::PasswordWithoutUsername => {
                f.write_str("a password without a user name needs MQTT 5.0")
            }
            Self::AuthenticationMethodMissing => f.write_str("AUTH needs an authentication method"),
            Self::ReasonCode { code } => {
                write!(
                    f,
                    "reason code {:#04x} cannot stand in this packet",
                    code.code()
                )
            }
            Self::NotInThisVersion => f.write_str("this packet needs MQTT 5.0"),
        }
    }
}

impl core::error::Error for Unencodable {}
