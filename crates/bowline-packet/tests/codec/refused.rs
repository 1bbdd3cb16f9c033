//! Bytes that are no packet, and how we say so.

use bowline_packet::ProtocolVersion::{V5, V31, V311};
use bowline_packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Malformed, Next, PacketType, PropertyId,
    ProtocolVersion, Publish, ReasonCode, SubAck, Subscribe, TopicError, UnsubAck, Unsubscribe,
    next_frame,
};

use crate::notation::{bytes, decoded, frame};

const ALL: &[ProtocolVersion] = &[V31, V311, V5];
const V3: &[ProtocolVersion] = &[V31, V311];
/// The versions that share a rule which 3.1 does not have.
const LATER: &[ProtocolVersion] = &[V311, V5];

type Row = (&'static [ProtocolVersion], &'static str, Malformed);

#[rustfmt::skip]
const FIXED_HEADER: &[Row] = &[
    (ALL, "00 00", Malformed::ReservedPacketType { packet_type: 0 }),
    (ALL, "0f 00", Malformed::ReservedPacketType { packet_type: 0 }),
    (V3, "f0 00", Malformed::ReservedPacketType { packet_type: 15 }),
    // [MQTT-2.1.3-1] [MQTT3-2.2.2-1] [MQTT3-2.2.2-2]
    (ALL, "11 [ `MQTT` 04 02 0000 `a` ]", Malformed::ReservedFlags { first_byte: 0x11 }),
    (ALL, "21 [ 00 00 ]", Malformed::ReservedFlags { first_byte: 0x21 }),
    (ALL, "44 02 0001", Malformed::ReservedFlags { first_byte: 0x44 }),
    (ALL, "58 02 0001", Malformed::ReservedFlags { first_byte: 0x58 }),
    (ALL, "72 02 0001", Malformed::ReservedFlags { first_byte: 0x72 }),
    (ALL, "91 [ 0001 00 ]", Malformed::ReservedFlags { first_byte: 0x91 }),
    (ALL, "b2 [ 0001 ]", Malformed::ReservedFlags { first_byte: 0xb2 }),
    (ALL, "c1 00", Malformed::ReservedFlags { first_byte: 0xc1 }),
    (ALL, "d8 00", Malformed::ReservedFlags { first_byte: 0xd8 }),
    // [MQTT-3.14.1-1] [MQTT3-3.14.1-1]
    (ALL, "e2 00", Malformed::ReservedFlags { first_byte: 0xe2 }),
    // [MQTT-3.15.1-1]
    (ALL, "f1 00", Malformed::ReservedFlags { first_byte: 0xf1 }),
    // [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT3-3.6.1-1] [MQTT3-3.8.1-1] [MQTT3-3.10.1-1]
    (ALL, "60 02 0001", Malformed::ReservedFlags { first_byte: 0x60 }),
    (ALL, "80 [ 0001 `a` 00 ]", Malformed::ReservedFlags { first_byte: 0x80 }),
    (ALL, "a3 [ 0001 `a` ]", Malformed::ReservedFlags { first_byte: 0xa3 }),
    (LATER, "6a 02 0001", Malformed::ReservedFlags { first_byte: 0x6a }),
    (LATER, "8a [ 0001 `a` 00 ]", Malformed::ReservedFlags { first_byte: 0x8a }),
    (LATER, "aa [ 0001 `a` ]", Malformed::ReservedFlags { first_byte: 0xaa }),
    (ALL, "30 80808080", Malformed::VarintTooLong),
    (ALL, "30 ffffffff 01", Malformed::VarintTooLong),
    // [MQTT-1.5.5-1]
    (&[V5], "c0 8000", Malformed::VarintNotMinimal),
    (&[V5], "30 868000 `a` [] 'hi'", Malformed::VarintNotMinimal),
    (ALL, "10 8f00 `MQTT` 05 02 0000 [] `me`", Malformed::VarintNotMinimal),
    (ALL, "c0 01 00", Malformed::LeftoverBytes),
    (ALL, "d0 01 00", Malformed::LeftoverBytes),
];

#[rustfmt::skip]
const CONNECT: &[Row] = &[
    (ALL, "10 00", Malformed::Truncated),
    (ALL, "10 [ `MQTT` ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 02 0000 ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 02 0000 0005 'me' ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 02 0000 `me` 00 ]", Malformed::LeftoverBytes),
    (ALL, "10 [ `MQTT` 05 02 0000 [] `me` 00 ]", Malformed::LeftoverBytes),
    // [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT3-3.1.2-1] [MQTT3-3.1.2-2]
    (ALL, "10 [ `MQTT` 03 02 0000 `a` ]", Malformed::UnsupportedProtocol { level: 3, name_is_mqtt: true }),
    (ALL, "10 [ `MQTT` 06 02 0000 `a` ]", Malformed::UnsupportedProtocol { level: 6, name_is_mqtt: true }),
    (ALL, "10 [ `MQTT` 84 02 0000 `a` ]", Malformed::UnsupportedProtocol { level: 0x84, name_is_mqtt: true }),
    (ALL, "10 [ `MQIsdp` 04 02 0000 `a` ]", Malformed::UnsupportedProtocol { level: 4, name_is_mqtt: true }),
    (ALL, "10 [ `mqtt` 04 02 0000 `a` ]", Malformed::UnsupportedProtocol { level: 4, name_is_mqtt: false }),
    (ALL, "10 [ `` 04 ]", Malformed::UnsupportedProtocol { level: 4, name_is_mqtt: false }),
    // [MQTT-3.1.2-3] [MQTT3-3.1.2-3]
    (ALL, "10 [ `MQTT` 04 03 0000 `a` ]", Malformed::ConnectReservedFlag),
    (ALL, "10 [ `MQTT` 05 03 0000 [] `a` ]", Malformed::ConnectReservedFlag),
    // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT3-3.1.2-11] [MQTT3-3.1.2-13] [MQTT3-3.1.2-15]
    (ALL, "10 [ `MQTT` 04 0a 0000 `a` ]", Malformed::WillFlagsWithoutWill),
    (ALL, "10 [ `MQTT` 04 22 0000 `a` ]", Malformed::WillFlagsWithoutWill),
    // [MQTT-3.1.2-12] [MQTT3-3.1.2-14]
    (ALL, "10 [ `MQTT` 05 1e 0000 [] `a` [] `w` `` ]", Malformed::WillQosThree),
    // [MQTT-3.1.2-9] [MQTT3-3.1.2-9]
    (ALL, "10 [ `MQTT` 04 06 0000 `a` ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 06 0000 `a` `w` ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 06 0000 `a` `w/#` `` ]", Malformed::TopicName(TopicError::WildcardInName)),
    (ALL, "10 [ `MQTT` 04 06 0000 `a` `` `` ]", Malformed::TopicName(TopicError::Empty)),
    // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT3-3.1.2-18] [MQTT3-3.1.2-19]
    // [MQTT3-3.1.2-20] [MQTT3-3.1.2-21]
    (ALL, "10 [ `MQTT` 04 02 0000 `a` `user` ]", Malformed::LeftoverBytes),
    (ALL, "10 [ `MQTT` 04 82 0000 `a` ]", Malformed::Truncated),
    (ALL, "10 [ `MQTT` 04 82 0000 `a` `user` `secret` ]", Malformed::LeftoverBytes),
    (ALL, "10 [ `MQTT` 04 c2 0000 `a` `user` ]", Malformed::Truncated),
    // [MQTT3-3.1.2-22]
    (ALL, "10 [ `MQTT` 04 42 0000 `a` `secret` ]", Malformed::PasswordWithoutUsername),
    (ALL, "10 [ `MQIsdp` 03 42 0000 `a` `secret` ]", Malformed::PasswordWithoutUsername),
    // [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT3-3.1.3-4] [MQTT3-3.1.3-10] [MQTT3-3.1.3-11]
    (ALL, "10 [ `MQTT` 04 02 0000 0001 ff ]", Malformed::NotUtf8),
    (ALL, "10 [ `MQTT` 04 06 0000 `a` 0001 ff `` ]", Malformed::NotUtf8),
    (ALL, "10 [ `MQTT` 04 82 0000 `a` 0001 ff ]", Malformed::NotUtf8),
    // [MQTT-1.5.4-2] [MQTT3-1.5.3-2]
    (ALL, "10 [ `MQTT` 04 02 0000 0003 'a' 00 'b' ]", Malformed::NulInString),
    // Properties.
    (ALL, "10 [ `MQTT` 05 02 0000 [ 16 0001 00 ] `a` ]", Malformed::AuthenticationDataWithoutMethod),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 21 0000 ] `a` ]", Malformed::PropertyValue { property: PropertyId::ReceiveMaximum, value: 0 }),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 27 00000000 ] `a` ]", Malformed::PropertyValue { property: PropertyId::MaximumPacketSize, value: 0 }),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 17 02 ] `a` ]", Malformed::PropertyValue { property: PropertyId::RequestProblemInformation, value: 2 }),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 19 ff ] `a` ]", Malformed::PropertyValue { property: PropertyId::RequestResponseInformation, value: 255 }),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 21 0001 21 0001 ] `a` ]", Malformed::DuplicateProperty { property: PropertyId::ReceiveMaximum }),
    (ALL, "10 [ `MQTT` 05 02 0000 [ 18 00000000 ] `a` ]", Malformed::PropertyNotAllowed { property: PropertyId::WillDelayInterval }),
    (ALL, "10 [ `MQTT` 05 06 0000 [] `a` [ 11 00000000 ] `w` `` ]", Malformed::PropertyNotAllowed { property: PropertyId::SessionExpiryInterval }),
    (ALL, "10 [ `MQTT` 05 06 0000 [] `a` [ 23 0001 ] `w` `` ]", Malformed::PropertyNotAllowed { property: PropertyId::TopicAlias }),
    (ALL, "10 [ `MQTT` 05 06 0000 [] `a` [ 0b 01 ] `w` `` ]", Malformed::PropertyNotAllowed { property: PropertyId::SubscriptionIdentifier }),
    (ALL, "10 [ `MQTT` 05 06 0000 [] `a` [ 08 `r/+` ] `w` `` ]", Malformed::ResponseTopic(TopicError::WildcardInName)),
];

#[rustfmt::skip]
const CONNACK: &[Row] = &[
    (ALL, "20 00", Malformed::Truncated),
    (ALL, "20 01 00", Malformed::Truncated),
    (&[V5], "20 02 00 00", Malformed::Truncated),
    (V3, "20 03 00 00 00", Malformed::LeftoverBytes),
    (&[V5], "20 [ 00 00 [] 00 ]", Malformed::LeftoverBytes),
    // [MQTT-3.2.2-1]
    (&[V311], "20 02 02 00", Malformed::ConnAckReservedFlags { flags: 2 }),
    (&[V5], "20 [ 81 00 [] ]", Malformed::ConnAckReservedFlags { flags: 0x81 }),
    // [MQTT-3.2.2-6] [MQTT3-3.2.2-4]
    (&[V311], "20 02 01 05", Malformed::SessionPresentOnRefusal),
    (&[V5], "20 [ 01 87 [] ]", Malformed::SessionPresentOnRefusal),
    // [MQTT-3.2.2-8]
    (V3, "20 02 00 06", Malformed::ReasonCode { code: 6 }),
    (&[V5], "20 [ 00 01 [] ]", Malformed::ReasonCode { code: 1 }),
    (&[V5], "20 [ 00 8e [] ]", Malformed::ReasonCode { code: 0x8e }),
    (&[V5], "20 [ 00 00 [ 24 02 ] ]", Malformed::PropertyValue { property: PropertyId::MaximumQoS, value: 2 }),
    (&[V5], "20 [ 00 00 [ 25 02 ] ]", Malformed::PropertyValue { property: PropertyId::RetainAvailable, value: 2 }),
    (&[V5], "20 [ 00 00 [ 21 0000 ] ]", Malformed::PropertyValue { property: PropertyId::ReceiveMaximum, value: 0 }),
    (&[V5], "20 [ 00 00 [ 17 01 ] ]", Malformed::PropertyNotAllowed { property: PropertyId::RequestProblemInformation }),
];

#[rustfmt::skip]
const PUBLISH: &[Row] = &[
    // [MQTT-3.3.1-4] [MQTT3-3.3.1-4]
    (ALL, "36 [ `a` 0001 ]", Malformed::PublishQosThree),
    (ALL, "3f [ `a` 0001 ]", Malformed::PublishQosThree),
    // [MQTT-3.3.1-2] [MQTT3-3.3.1-2]
    (ALL, "38 [ `a` 00 ]", Malformed::DupOnQosZero),
    (ALL, "30 00", Malformed::Truncated),
    (ALL, "30 01 00", Malformed::Truncated),
    (ALL, "30 [ 0002 'a' ]", Malformed::Truncated),
    (&[V5], "30 [ `a` ]", Malformed::Truncated),
    (&[V5], "30 [ `a` 02 01 ]", Malformed::Truncated),
    (&[V5], "30 [ `a` ffffff7f 01 ]", Malformed::Truncated),
    (&[V5], "30 [ `a` 80 ]", Malformed::Truncated),
    (ALL, "32 [ `a` 00 ]", Malformed::Truncated),
    // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT3-2.3.1-1]
    (ALL, "32 [ `a` 0000 00 ]", Malformed::PacketIdZero),
    (ALL, "34 [ `a` 0000 00 ]", Malformed::PacketIdZero),
    // [MQTT-1.5.4-1] [MQTT3-1.5.3-1]
    (ALL, "30 [ 0002 c328 00 ]", Malformed::NotUtf8),
    (ALL, "30 [ 0003 eda080 00 ]", Malformed::NotUtf8), // U+D800
    (ALL, "30 [ 0003 edbfbf 00 ]", Malformed::NotUtf8), // U+DFFF
    (ALL, "30 [ 0002 c080 00 ]", Malformed::NotUtf8),   // U+0000 in two bytes
    (ALL, "30 [ 0004 f4908080 00 ]", Malformed::NotUtf8), // U+110000
    // [MQTT-1.5.4-2] [MQTT-4.7.3-2] [MQTT3-1.5.3-2] [MQTT3-4.7.3-2]
    (ALL, "30 [ 0003 'a' 00 'b' 00 ]", Malformed::NulInString),
    (ALL, "30 [ 0003 '+' 00 'b' 00 ]", Malformed::NulInString),
    // [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT3-3.3.2-2] [MQTT3-4.7.1-1]
    (ALL, "30 [ `a/+` 00 ]", Malformed::TopicName(TopicError::WildcardInName)),
    (ALL, "30 [ `a#b` 00 ]", Malformed::TopicName(TopicError::WildcardInName)),
    // [MQTT-4.7.3-1] [MQTT3-4.7.3-1]
    (V3, "30 [ `` 'x' ]", Malformed::TopicName(TopicError::Empty)),
    (&[V5], "30 [ `` [] 'x' ]", Malformed::TopicMissing),
    // [MQTT-3.3.2-8]
    (&[V5], "30 [ `a` [ 23 0000 ] ]", Malformed::TopicAliasZero),
    (&[V5], "30 [ `` [ 23 0000 ] ]", Malformed::TopicAliasZero),
    // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
    (&[V5], "30 [ `a` [ 08 `b/#` ] ]", Malformed::ResponseTopic(TopicError::WildcardInName)),
    (&[V5], "30 [ `a` [ 08 `` ] ]", Malformed::ResponseTopic(TopicError::Empty)),
    (&[V5], "30 [ `a` [ 08 0001 ff ] ]", Malformed::NotUtf8),
    // [MQTT-3.3.2-19]
    (&[V5], "30 [ `a` [ 03 0001 ff ] ]", Malformed::NotUtf8),
    // [MQTT-1.5.7-1]
    (&[V5], "30 [ `a` [ 26 0001 ff `v` ] ]", Malformed::NotUtf8),
    (&[V5], "30 [ `a` [ 26 `k` 0001 00 ] ]", Malformed::NulInString),
    (&[V5], "30 [ `a` [ 26 `k` ] ]", Malformed::Truncated),
    (&[V5], "30 [ `a` [ 01 ] 00 ]", Malformed::Truncated),
    (&[V5], "30 [ `a` [ 02 000000 ] 00 ]", Malformed::Truncated),
    (&[V5], "30 [ `a` [ 01 02 ] ]", Malformed::PropertyValue { property: PropertyId::PayloadFormatIndicator, value: 2 }),
    (&[V5], "30 [ `a` [ 0b 00 ] ]", Malformed::PropertyValue { property: PropertyId::SubscriptionIdentifier, value: 0 }),
    (&[V5], "30 [ `a` [ 0b ffffffff 01 ] ]", Malformed::VarintTooLong),
    (&[V5], "30 [ `a` [ 0b 8100 ] ]", Malformed::VarintNotMinimal),
    (&[V5], "30 [ `a` 8000 'x' ]", Malformed::VarintNotMinimal),
    (&[V5], "30 [ `a` [ 00 ] ]", Malformed::UnknownProperty { identifier: 0 }),
    (&[V5], "30 [ `a` [ 07 ] ]", Malformed::UnknownProperty { identifier: 7 }),
    (&[V5], "30 [ `a` [ 2b ] ]", Malformed::UnknownProperty { identifier: 43 }),
    (&[V5], "30 [ `a` [ 8101 ] ]", Malformed::UnknownProperty { identifier: 129 }),
    (&[V5], "30 [ `a` [ 8100 ] ]", Malformed::VarintNotMinimal),
    (&[V5], "30 [ `a` [ 02 00000001 02 00000001 ] ]", Malformed::DuplicateProperty { property: PropertyId::MessageExpiryInterval }),
    (&[V5], "30 [ `a` [ 21 0001 ] ]", Malformed::PropertyNotAllowed { property: PropertyId::ReceiveMaximum }),
];

#[rustfmt::skip]
const ACKNOWLEDGEMENTS: &[Row] = &[
    (ALL, "40 00", Malformed::Truncated),
    (ALL, "50 01 00", Malformed::Truncated),
    (ALL, "40 02 0000", Malformed::PacketIdZero),
    (ALL, "62 02 0000", Malformed::PacketIdZero),
    (V3, "40 03 0001 00", Malformed::LeftoverBytes),
    (V3, "70 04 0001 0000", Malformed::LeftoverBytes),
    (&[V5], "40 [ 0001 00 [] 00 ]", Malformed::LeftoverBytes),
    (&[V5], "40 [ 0001 00 05 ]", Malformed::Truncated),
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
    (&[V5], "40 03 0001 92", Malformed::ReasonCode { code: 0x92 }),
    (&[V5], "50 03 0001 01", Malformed::ReasonCode { code: 0x01 }),
    (&[V5], "62 03 0001 10", Malformed::ReasonCode { code: 0x10 }),
    (&[V5], "70 03 0001 80", Malformed::ReasonCode { code: 0x80 }),
    (&[V5], "70 03 0001 05", Malformed::ReasonCode { code: 0x05 }),
    (&[V5], "40 [ 0001 00 [ 1f `a` 1f `a` ] ]", Malformed::DuplicateProperty { property: PropertyId::ReasonString }),
    (&[V5], "62 [ 0001 00 [ 23 0001 ] ]", Malformed::PropertyNotAllowed { property: PropertyId::TopicAlias }),
];

#[rustfmt::skip]
const SUBSCRIPTIONS: &[Row] = &[
    (ALL, "82 00", Malformed::Truncated),
    (ALL, "82 [ 0000 00 `a` 00 ]", Malformed::PacketIdZero),
    // [MQTT-3.8.3-2] [MQTT3-3.8.3-2] [MQTT3-3.8.3-3]
    (V3, "82 [ 0001 ]", Malformed::NoTopicFilters),
    (&[V5], "82 [ 0001 [] ]", Malformed::NoTopicFilters),
    (&[V5], "82 [ 0001 ]", Malformed::Truncated),
    (V3, "82 [ 0001 `a` ]", Malformed::Truncated),
    (&[V5], "82 [ 0001 [] `a` 00 `b` ]", Malformed::Truncated),
    // [MQTT-3.8.3-1] [MQTT3-3.8.3-1]
    (V3, "82 [ 0001 0001 ff 00 ]", Malformed::NotUtf8),
    (V3, "82 [ 0001 0001 00 00 ]", Malformed::NulInString),
    // [MQTT-3.8.3-5] [MQTT3-3.8.3-4]
    (&[V5], "82 [ 0001 [] `a` 40 ]", Malformed::ReservedSubscriptionOptions { options: 0x40 }),
    (&[V5], "82 [ 0001 [] `a` 81 ]", Malformed::ReservedSubscriptionOptions { options: 0x81 }),
    (V3, "82 [ 0001 `a` 04 ]", Malformed::ReservedSubscriptionOptions { options: 4 }),
    (V3, "82 [ 0001 `a` 03 ]", Malformed::SubscribeQosThree),
    (&[V5], "82 [ 0001 [] `a` 03 ]", Malformed::SubscribeQosThree),
    (&[V5], "82 [ 0001 [] `a` 30 ]", Malformed::RetainHandlingThree),
    // [MQTT-3.8.3-4]
    (&[V5], "82 [ 0001 [] `$share/g/a` 04 ]", Malformed::NoLocalOnShared),
    // [MQTT-4.7.3-1] [MQTT3-4.7.3-1]
    (V3, "82 [ 0001 `` 00 ]", Malformed::TopicFilter(TopicError::Empty)),
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]
    (V3, "82 [ 0001 `a/#/b` 00 ]", Malformed::TopicFilter(TopicError::MultiLevelWildcard)),
    (&[V5], "82 [ 0001 [] `a/b+` 00 ]", Malformed::TopicFilter(TopicError::SingleLevelWildcard)),
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    (&[V5], "82 [ 0001 [] `$share//a` 00 ]", Malformed::TopicFilter(TopicError::ShareNameEmpty)),
    (&[V5], "82 [ 0001 [] `$share/g+/a` 00 ]", Malformed::TopicFilter(TopicError::ShareNameWildcard)),
    (&[V5], "82 [ 0001 [] `$share/g` 00 ]", Malformed::TopicFilter(TopicError::ShareFilterMissing)),
    (&[V5], "82 [ 0001 [ 0b 00 ] `a` 00 ]", Malformed::PropertyValue { property: PropertyId::SubscriptionIdentifier, value: 0 }),
    (&[V5], "82 [ 0001 [ 0b 01 0b 02 ] `a` 00 ]", Malformed::DuplicateProperty { property: PropertyId::SubscriptionIdentifier }),
    (&[V5], "82 [ 0001 [ 1f `a` ] `a` 00 ]", Malformed::PropertyNotAllowed { property: PropertyId::ReasonString }),

    (ALL, "a2 [ 0000 00 `a` ]", Malformed::PacketIdZero),
    // [MQTT-3.10.3-2] [MQTT3-3.10.3-2]
    (V3, "a2 [ 0001 ]", Malformed::NoTopicFilters),
    (&[V5], "a2 [ 0001 [] ]", Malformed::NoTopicFilters),
    // [MQTT-3.10.3-1] [MQTT3-3.10.3-1]
    (V3, "a2 [ 0001 0001 ff ]", Malformed::NotUtf8),
    (V3, "a2 [ 0001 `a` 00 ]", Malformed::Truncated),
    (V3, "a2 [ 0001 `a#` ]", Malformed::TopicFilter(TopicError::MultiLevelWildcard)),
    (&[V5], "a2 [ 0001 [ 0b 01 ] `a` ]", Malformed::PropertyNotAllowed { property: PropertyId::SubscriptionIdentifier }),

    (ALL, "90 [ 0000 00 00 ]", Malformed::PacketIdZero),
    (V3, "90 [ 0001 ]", Malformed::NoReasonCodes),
    (&[V5], "90 [ 0001 [] ]", Malformed::NoReasonCodes),
    // [MQTT-3.9.3-2] [MQTT3-3.9.3-2]
    (V3, "90 [ 0001 00 03 ]", Malformed::ReasonCode { code: 3 }),
    (V3, "90 [ 0001 87 ]", Malformed::ReasonCode { code: 0x87 }),
    (&[V5], "90 [ 0001 [] 00 03 ]", Malformed::ReasonCode { code: 3 }),
    (&[V5], "90 [ 0001 [] 11 ]", Malformed::ReasonCode { code: 0x11 }),

    (ALL, "b0 [ 0000 00 00 ]", Malformed::PacketIdZero),
    (V3, "b0 [ 0001 00 ]", Malformed::LeftoverBytes),
    (&[V5], "b0 [ 0001 ]", Malformed::Truncated),
    (&[V5], "b0 [ 0001 [] ]", Malformed::NoReasonCodes),
    // [MQTT-3.11.3-2]
    (&[V5], "b0 [ 0001 [] 01 ]", Malformed::ReasonCode { code: 1 }),
];

#[rustfmt::skip]
const ENDS: &[Row] = &[
    (V3, "e0 01 00", Malformed::LeftoverBytes),
    (&[V5], "e0 [ 00 [] 00 ]", Malformed::LeftoverBytes),
    (&[V5], "e0 [ 00 01 ]", Malformed::Truncated),
    // [MQTT-3.14.2-1]
    (&[V5], "e0 01 01", Malformed::ReasonCode { code: 1 }),
    (&[V5], "e0 01 84", Malformed::ReasonCode { code: 0x84 }),
    (&[V5], "e0 [ 00 [ 15 `m` ] ]", Malformed::PropertyNotAllowed { property: PropertyId::AuthenticationMethod }),

    (&[V5], "f0 01 00", Malformed::Truncated),
    (&[V5], "f0 [ 18 [] ]", Malformed::AuthenticationMethodMissing),
    (&[V5], "f0 [ 18 [ 16 0000 ] ]", Malformed::AuthenticationMethodMissing),
    (&[V5], "f0 [ 18 [ 15 `m` ] 00 ]", Malformed::LeftoverBytes),
    // [MQTT-3.15.2-1]
    (&[V5], "f0 [ 80 [ 15 `m` ] ]", Malformed::ReasonCode { code: 0x80 }),
    (&[V5], "f0 [ 18 [ 15 `m` 15 `m` ] ]", Malformed::DuplicateProperty { property: PropertyId::AuthenticationMethod }),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    [
        FIXED_HEADER,
        CONNECT,
        CONNACK,
        PUBLISH,
        ACKNOWLEDGEMENTS,
        SUBSCRIPTIONS,
        ENDS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn each_row_is_refused_as_it_says() {
    for (versions, written, expected) in rows() {
        for &version in *versions {
            let bytes = bytes(written);
            assert_eq!(
                decoded(version, &bytes).err(),
                Some(*expected),
                "{version}: {written}"
            );
        }
    }
}

/// The variants that the rows above cannot show, beside those that they do.
#[test]
fn every_way_to_be_wrong_has_a_row() {
    let mut covered: Vec<_> = rows().map(|(_, _, why)| number(*why)).collect();
    covered.push(number(too_large()));
    covered.push(number(wrong_decoder()));
    for wanted in 0..=number(Malformed::NoReasonCodes) {
        assert!(
            covered.contains(&wanted),
            "variant {wanted} of `Malformed` has no row"
        );
    }
}

/// The place of a variant; a new one belongs before the last.
fn number(why: Malformed) -> u32 {
    match why {
        Malformed::Truncated => 0,
        Malformed::LeftoverBytes => 1,
        Malformed::VarintTooLong => 2,
        Malformed::VarintNotMinimal => 3,
        Malformed::PacketTooLarge { .. } => 4,
        Malformed::ReservedPacketType { .. } => 5,
        Malformed::ReservedFlags { .. } => 6,
        Malformed::UnexpectedPacketType { .. } => 7,
        Malformed::NotUtf8 => 8,
        Malformed::NulInString => 9,
        Malformed::PacketIdZero => 10,
        Malformed::ReasonCode { .. } => 11,
        Malformed::UnknownProperty { .. } => 12,
        Malformed::PropertyNotAllowed { .. } => 13,
        Malformed::DuplicateProperty { .. } => 14,
        Malformed::PropertyValue { .. } => 15,
        Malformed::UnsupportedProtocol { .. } => 16,
        Malformed::ConnectReservedFlag => 17,
        Malformed::WillFlagsWithoutWill => 18,
        Malformed::WillQosThree => 19,
        Malformed::PasswordWithoutUsername => 20,
        Malformed::AuthenticationDataWithoutMethod => 21,
        Malformed::AuthenticationMethodMissing => 22,
        Malformed::ConnAckReservedFlags { .. } => 23,
        Malformed::SessionPresentOnRefusal => 24,
        Malformed::PublishQosThree => 25,
        Malformed::DupOnQosZero => 26,
        Malformed::TopicMissing => 27,
        Malformed::TopicAliasZero => 28,
        Malformed::TopicName(_) => 29,
        Malformed::ResponseTopic(_) => 30,
        Malformed::TopicFilter(_) => 31,
        Malformed::NoTopicFilters => 32,
        Malformed::ReservedSubscriptionOptions { .. } => 33,
        Malformed::SubscribeQosThree => 34,
        Malformed::RetainHandlingThree => 35,
        Malformed::NoLocalOnShared => 36,
        Malformed::NoReasonCodes => 37,
    }
}

fn too_large() -> Malformed {
    // Refused by its header: none of the 268 million bytes is there.
    next_frame(&bytes("30 ffffff7f"), 1000).unwrap_err()
}

fn wrong_decoder() -> Malformed {
    let ping = bytes("c0 00");
    Publish::decode(V5, frame(&ping).unwrap()).unwrap_err()
}

#[test]
fn a_packet_can_be_too_large() {
    assert_eq!(
        too_large(),
        Malformed::PacketTooLarge {
            bytes: 268_435_460,
            bytes_max: 1000
        }
    );
    let publish = bytes("30 [ `a` 'hi' ]");
    assert!(matches!(
        next_frame(&publish, publish.len()),
        Ok(Next::Frame(_))
    ));
    let refused = next_frame(&publish, publish.len() - 1).unwrap_err();
    assert_eq!(
        refused,
        Malformed::PacketTooLarge {
            bytes: 7,
            bytes_max: 6
        }
    );
    assert_eq!(refused.reason_code(), ReasonCode::PacketTooLarge);
}

#[test]
fn a_decoder_takes_only_its_own_packet() {
    let ping = bytes("c0 00");
    let ping = frame(&ping).unwrap();
    let expected = Malformed::UnexpectedPacketType {
        found: PacketType::PingReq,
    };
    for version in ProtocolVersion::ALL {
        assert_eq!(Connect::decode(version, ping).unwrap_err(), expected);
        assert_eq!(ConnAck::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Publish::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Ack::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Subscribe::decode(version, ping).unwrap_err(), expected);
        assert_eq!(SubAck::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Unsubscribe::decode(version, ping).unwrap_err(), expected);
        assert_eq!(UnsubAck::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Disconnect::decode(version, ping).unwrap_err(), expected);
        assert_eq!(Auth::decode(version, ping).unwrap_err(), expected);
    }
}

/// What a refusal is called in a CONNACK or DISCONNECT of 5.0.
#[test]
fn each_refusal_has_a_reason_code() {
    for (_, written, why) in rows() {
        let reason = why.reason_code();
        assert!(reason.is_error(), "{written}");
        assert!(
            reason.allowed_in(PacketType::ConnAck) || reason.allowed_in(PacketType::Disconnect),
            "{written}: {reason}"
        );
    }
    for (why, reason) in [
        (Malformed::Truncated, 0x81),
        (Malformed::NotUtf8, 0x81),
        (Malformed::PublishQosThree, 0x81),
        (
            Malformed::ReservedSubscriptionOptions { options: 0xFF },
            0x81,
        ),
        (Malformed::TopicMissing, 0x82),
        (Malformed::NoTopicFilters, 0x82),
        (Malformed::NoLocalOnShared, 0x82),
        (
            Malformed::DuplicateProperty {
                property: PropertyId::TopicAlias,
            },
            0x82,
        ),
        (
            Malformed::UnsupportedProtocol {
                level: 9,
                name_is_mqtt: true,
            },
            0x84,
        ),
        (Malformed::TopicFilter(TopicError::Empty), 0x8F),
        (Malformed::TopicName(TopicError::WildcardInName), 0x90),
        (Malformed::TopicAliasZero, 0x94),
        (
            Malformed::PacketTooLarge {
                bytes: 2,
                bytes_max: 1,
            },
            0x95,
        ),
    ] {
        assert_eq!(why.reason_code().code(), reason, "{why}");
    }
}

/// Short, lower-case, no full stop: they end up in log lines.
#[test]
fn refusals_read_well() {
    let words: Vec<_> = rows().map(|(_, _, why)| why.to_string()).collect();
    for words in &words {
        assert!(
            !words.is_empty() && !words.ends_with('.') && words.len() < 80,
            "{words}"
        );
    }
    for expected in [
        "a field runs past the end of the packet",
        "packet type 15 is reserved",
        "the packet begins with 0x8a, its flags are wrong",
        "reason code 0x92 cannot stand in this packet",
        "there is no property 0x2b",
        "property `receive maximum` cannot be 0",
        "property `topic alias` cannot stand in this packet",
        "property `reason string` stands there twice",
        "protocol level 6 is not spoken here",
        "the protocol name is not that of MQTT",
        "topic name: a topic name cannot contain `+` or `#`",
        "topic filter: `#` must be alone in the last level",
        "response topic: it is empty",
    ] {
        assert!(words.iter().any(|words| words == expected), "{expected}");
    }
    assert_eq!(
        too_large().to_string(),
        "the packet has 268435460 bytes, at most 1000 are taken"
    );
    assert_eq!(wrong_decoder().to_string(), "PINGREQ is not expected here");
}
