//! Each packet as bytes and as a value, for the versions where both are the same.
//!
//! Long (at most 900 lines): one table, a row a packet.

use std::num::{NonZeroU16, NonZeroU32};

use bowline_packet::ProtocolVersion::{V5, V31, V311};
use bowline_packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, ProtocolVersion, Publish,
    PublishProperties, QoS, ReasonCode, RetainHandling, SubAck, Subscribe, SubscribeFilters,
    SubscriptionIdentifiers, SubscriptionOptions, TopicFilter, UnsubAck, Unsubscribe,
    UnsubscribeFilters, UserProperties, Will, peek_client_id,
};

use crate::notation::{bytes, decoded, encoded};

const ALL: &[ProtocolVersion] = &[V31, V311, V5];
const V3: &[ProtocolVersion] = &[V31, V311];

/// `written` is `packet`, in both directions.
fn check(versions: &[ProtocolVersion], written: &str, packet: &Packet<'_>) {
    decodes(versions, written, packet);
    for &version in versions {
        let encoded = encoded(version, packet);
        assert_eq!(encoded, bytes(written), "{version}: {packet:?}");
        assert_eq!(
            packet.encoded_bytes(version),
            encoded.len(),
            "{version}: {packet:?}"
        );
    }
}

/// `written` is decoded to `packet`, which we would have written in another way.
fn decodes(versions: &[ProtocolVersion], written: &str, packet: &Packet<'_>) {
    for &version in versions {
        let bytes = bytes(written);
        let decoded = decoded(version, &bytes).unwrap_or_else(|why| panic!("{why}: {written}"));
        assert_eq!(&decoded, packet, "{version}: {written}");
        assert_eq!(decoded.packet_type(), packet.packet_type());
    }
}

/// `packet` is encoded to `written`, which says less than the packet.
fn encodes(versions: &[ProtocolVersion], packet: &Packet<'_>, written: &str) {
    for &version in versions {
        let encoded = encoded(version, packet);
        assert_eq!(encoded, bytes(written), "{version}: {packet:?}");
        assert_eq!(
            packet.encoded_bytes(version),
            encoded.len(),
            "{version}: {packet:?}"
        );
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn filter(filter: &str) -> TopicFilter<'_> {
    TopicFilter::parse(filter).unwrap()
}

#[test]
fn the_notation_is_what_it_says() {
    assert_eq!(bytes("30 [ `a/b` 'hi' ]"), b"\x30\x07\x00\x03a/bhi");
    assert_eq!(bytes("[[]]"), [1, 0]);
}

/// Protocol name and level, flags, Keep Alive, Client Identifier. [MQTT-3.1.2-1] [MQTT-3.1.3-3]
/// [MQTT3-3.1.3-3] [MQTT3-3.1.3-4]
#[test]
fn connect_in_three_versions() {
    for (version, written) in [
        (V31, "10 [ `MQIsdp` 03 02 003c `me` ]"),
        (V311, "10 [ `MQTT` 04 02 003c `me` ]"),
        (V5, "10 [ `MQTT` 05 02 003c [] `me` ]"),
    ] {
        let connect = Connect {
            keep_alive_secs: 60,
            ..Connect::new(version, "me")
        };
        // Whatever version the caller has in mind: the packet names its own.
        check(ALL, written, &Packet::Connect(connect));
        assert_eq!(peek_client_id(&bytes(written)), Some("me"));
    }
}

/// [MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT-3.1.3-1]
/// [MQTT3-3.1.2-9] [MQTT3-3.1.2-14] [MQTT3-3.1.2-19] [MQTT3-3.1.2-21] [MQTT3-3.1.3-1]
#[test]
fn connect_with_will_and_credentials() {
    let will = Will {
        retain: true,
        ..Will::new(QoS::AtLeastOnce, "gone/me", b"\x00\xff")
    };
    let connect = Connect {
        clean_start: false,
        will: Some(will),
        username: Some("user"),
        password: Some(b"\x00secret"),
        ..Connect::new(V311, "")
    };
    check(
        ALL,
        "10 [ `MQTT` 04 ec 0000 `` `gone/me` 0002 00ff `user` 0007 00 'secret' ]",
        &Packet::Connect(connect),
    );
    let connect = Connect {
        version: V5,
        ..connect
    };
    check(
        ALL,
        "10 [ `MQTT` 05 ec 0000 [] `` [] `gone/me` 0002 00ff `user` 0007 00 'secret' ]",
        &Packet::Connect(connect),
    );
    // A user name alone.
    let connect = Connect {
        username: Some(""),
        ..Connect::new(V311, "me")
    };
    check(
        ALL,
        "10 [ `MQTT` 04 82 0000 `me` `` ]",
        &Packet::Connect(connect),
    );
}

/// 5.0 allows a password without a user name. [MQTT-3.1.2-16] [MQTT-3.1.2-18]
#[test]
fn connect_with_a_password_alone() {
    let connect = Connect {
        password: Some(b"token"),
        ..Connect::new(V5, "me")
    };
    check(
        ALL,
        "10 [ `MQTT` 05 42 0000 [] `me` `token` ]",
        &Packet::Connect(connect),
    );
}

#[test]
fn connect_with_every_property() {
    let pairs = [("a", "1"), ("a", "2")];
    let will_pairs = [("why", "lost")];
    let will = Will {
        delay_secs: 5,
        properties: PublishProperties {
            payload_format_is_utf8: Some(true),
            message_expiry_secs: Some(6),
            content_type: Some("text"),
            response_topic: Some("r/t"),
            correlation_data: Some(b"\x01\x00"),
            user_properties: UserProperties::from(&will_pairs[..]),
            ..PublishProperties::default()
        },
        ..Will::new(QoS::ExactlyOnce, "w", b"")
    };
    let connect = Connect {
        will: Some(will),
        session_expiry_secs: Some(0xFFFF_FFFF),
        receive_maximum: NonZeroU16::new(10),
        maximum_packet_size: NonZeroU32::new(0x0001_0000),
        topic_alias_maximum: 7,
        request_response_information: true,
        request_problem_information: false,
        authentication_method: Some("SCRAM"),
        authentication_data: Some(b"\x00n"),
        user_properties: UserProperties::from(&pairs[..]),
        ..Connect::new(V5, "c")
    };
    check(
        ALL,
        "10 [ `MQTT` 05 16 0000
              [ 11 ffffffff 21 000a 27 00010000 22 0007 19 01 17 00 15 `SCRAM` 16 0002 00 'n'
                26 `a` `1` 26 `a` `2` ]
              `c`
              [ 18 00000005 01 01 02 00000006 03 `text` 08 `r/t` 09 0002 0100 26 `why` `lost` ]
              `w` 0000 ]",
        &Packet::Connect(connect),
    );
}

/// What stands in the packet with the value that it has anyway is decoded to the same.
#[test]
fn connect_with_defaults_spelt_out() {
    decodes(
        ALL,
        "10 [ `MQTT` 05 02 0000 [ 17 01 19 00 22 0000 ] `c` ]",
        &Packet::Connect(Connect::new(V5, "c")),
    );
}

/// 3.1: "the Remaining Length takes precedence over the User Name flag".
#[test]
fn connect_of_an_old_client() {
    let connect = Connect::new(V31, "me");
    decodes(
        ALL,
        "10 [ `MQIsdp` 03 c2 0000 `me` ]",
        &Packet::Connect(connect),
    );
    let connect = Connect {
        username: Some("u"),
        ..connect
    };
    decodes(
        ALL,
        "10 [ `MQIsdp` 03 c2 0000 `me` `u` ]",
        &Packet::Connect(connect),
    );
    // Bit 0 of the flags is not used in 3.1.
    decodes(
        ALL,
        "10 [ `MQIsdp` 03 83 0000 `me` `u` ]",
        &Packet::Connect(connect),
    );
}

#[test]
fn the_client_identifier_can_be_seen_early() {
    // The will that the flags announce is missing; the identifier is there.
    let broken = bytes("10 [ `MQTT` 05 c6 0000 [ 11 00000001 ] `me` ]");
    assert_eq!(peek_client_id(&broken), Some("me"));
    for (written, why) in [
        ("30 [ `a` ]", "not a CONNECT"),
        ("10 20 `MQTT` 04 02 0000 `me`", "not complete"),
        ("10 [ `MQTT` 06 02 0000 `me` ]", "an unknown version"),
        ("10 [ `MQTT` 04 02 0000 0002 c328 ]", "not UTF-8"),
        ("10 [ `MQTT` 04 02 00 ]", "no identifier"),
        ("", "nothing"),
    ] {
        assert_eq!(peek_client_id(&bytes(written)), None, "{why}");
    }
}

/// [MQTT-3.2.2-1] [MQTT-3.2.2-8]
#[test]
fn connack() {
    check(
        V3,
        "20 [ 00 00 ]",
        &Packet::ConnAck(ConnAck::new(false, ReasonCode::Success)),
    );
    check(
        &[V311],
        "20 [ 01 00 ]",
        &Packet::ConnAck(ConnAck::new(true, ReasonCode::Success)),
    );
    check(
        &[V5],
        "20 [ 01 00 [] ]",
        &Packet::ConnAck(ConnAck::new(true, ReasonCode::Success)),
    );
    // 3.1 has no such flag.
    encodes(
        &[V31],
        &Packet::ConnAck(ConnAck::new(true, ReasonCode::Success)),
        "20 [ 00 00 ]",
    );
    decodes(
        &[V31],
        "20 [ 01 00 ]",
        &Packet::ConnAck(ConnAck::new(false, ReasonCode::Success)),
    );
}

/// [MQTT-3.2.2-6] [MQTT3-3.2.2-4] [MQTT3-3.1.2-2]
#[test]
fn connack_that_refuses() {
    for (code, return_code, reason) in [
        ("84", "01", ReasonCode::UnsupportedProtocolVersion),
        ("85", "02", ReasonCode::ClientIdentifierNotValid),
        ("88", "03", ReasonCode::ServerUnavailable),
        ("86", "04", ReasonCode::BadUserNameOrPassword),
        ("87", "05", ReasonCode::NotAuthorized),
    ] {
        let refusal = Packet::ConnAck(ConnAck::new(false, reason));
        check(V3, &format!("20 [ 00 {return_code} ]"), &refusal);
        check(&[V5], &format!("20 [ 00 {code} [] ]"), &refusal);
        // There is no session behind a refusal, whatever the caller says.
        let refusal = Packet::ConnAck(ConnAck::new(true, reason));
        encodes(V3, &refusal, &format!("20 [ 00 {return_code} ]"));
    }
    let banned = Packet::ConnAck(ConnAck::new(false, ReasonCode::Banned));
    encodes(V3, &banned, "20 [ 00 05 ]");
}

#[test]
fn connack_with_every_property() {
    let pairs = [("k", "v")];
    let connack = ConnAck {
        session_expiry_secs: Some(0),
        receive_maximum: NonZeroU16::new(1),
        maximum_qos: Some(QoS::AtLeastOnce),
        retain_available: Some(false),
        maximum_packet_size: Some(1),
        assigned_client_id: Some("auto"),
        topic_alias_maximum: Some(0),
        reason_string: Some("fine"),
        user_properties: UserProperties::from(&pairs[..]),
        wildcard_subscription_available: Some(true),
        subscription_identifiers_available: Some(false),
        shared_subscription_available: Some(true),
        server_keep_alive_secs: Some(30),
        response_information: Some("resp/"),
        server_reference: Some("other:1883"),
        authentication_method: Some("m"),
        authentication_data: Some(b""),
        ..ConnAck::new(false, ReasonCode::Success)
    };
    let written = "20 [ 00 00 [ 11 00000000 21 0001 24 01 25 00 27 00000001 12 `auto` 22 0000
        1f `fine` 28 01 29 00 2a 01 13 001e 1a `resp/` 1c `other:1883` 15 `m` 16 0000
        26 `k` `v` ] ]";
    check(&[V5], written, &Packet::ConnAck(connack));
    encodes(V3, &Packet::ConnAck(connack), "20 [ 00 00 ]");
    let connack = ConnAck {
        maximum_qos: Some(QoS::AtMostOnce),
        ..ConnAck::new(false, ReasonCode::Success)
    };
    check(&[V5], "20 [ 00 00 [ 24 00 ] ]", &Packet::ConnAck(connack));
    // The standard has no value for QoS 2, and none for packets of any size.
    let connack = ConnAck {
        maximum_qos: Some(QoS::ExactlyOnce),
        maximum_packet_size: Some(0),
        ..connack
    };
    encodes(&[V5], &Packet::ConnAck(connack), "20 [ 00 00 [] ]");
}

fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: PublishProperties::default(),
        payload,
    }
}

/// [MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT-3.3.2-1] [MQTT3-2.3.1-1] [MQTT3-2.3.1-5] [MQTT3-3.3.2-1]
#[test]
fn publish_by_qos() {
    let qos0 = publish("a/b", b"hi");
    check(V3, "30 [ `a/b` 'hi' ]", &Packet::Publish(qos0));
    check(&[V5], "30 [ `a/b` [] 'hi' ]", &Packet::Publish(qos0));
    let empty = Publish {
        retain: true,
        ..publish("a", b"")
    };
    check(V3, "31 [ `a` ]", &Packet::Publish(empty));
    check(&[V5], "31 [ `a` [] ]", &Packet::Publish(empty));
    let qos1 = Publish {
        qos: QoS::AtLeastOnce,
        packet_id: Some(id(0x1234)),
        ..qos0
    };
    check(V3, "32 [ `a/b` 1234 'hi' ]", &Packet::Publish(qos1));
    check(&[V5], "32 [ `a/b` 1234 [] 'hi' ]", &Packet::Publish(qos1));
    let again = Publish {
        dup: true,
        qos: QoS::ExactlyOnce,
        retain: true,
        ..qos1
    };
    check(V3, "3d [ `a/b` 1234 'hi' ]", &Packet::Publish(again));
    check(&[V5], "3d [ `a/b` 1234 [] 'hi' ]", &Packet::Publish(again));
}

/// The Remaining Length grows by a byte at each of these sizes. [MQTT-1.5.5-1]
#[test]
fn publish_at_the_edges_of_the_remaining_length() {
    for body_bytes in [127_usize, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
        let payload = vec![b'x'; body_bytes - 3];
        let packet = Packet::Publish(publish("a", &payload));
        let encoded = encoded(V311, &packet);
        assert_eq!(encoded.len(), packet.encoded_bytes(V311));
        assert_eq!(
            encoded[1..],
            [
                &crate::notation::varint(body_bytes)[..],
                b"\x00\x01a",
                &payload
            ]
            .concat()
        );
        assert_eq!(decoded(V311, &encoded), Ok(packet));
    }
}

/// [MQTT-1.5.4-3] [MQTT3-1.5.3-3] [MQTT-4.7.3-1] [MQTT3-4.7.3-1]
#[test]
fn publish_to_unusual_topics() {
    let longest = "x".repeat(65_535);
    for topic in [
        "/",
        "\u{feff}a",
        "\u{1}\u{7f}\u{10ffff}\u{fffe}",
        "$SYS/x",
        " ",
        &longest,
    ] {
        let packet = Packet::Publish(publish(topic, b""));
        assert_eq!(decoded(V311, &encoded(V311, &packet)).as_ref(), Ok(&packet));
        assert_eq!(decoded(V5, &encoded(V5, &packet)), Ok(packet));
    }
}

#[test]
fn publish_with_every_property() {
    let pairs = [("k", "v"), ("", "")];
    let identifiers = [1, 127, 128, 268_435_455];
    let full = Publish {
        properties: PublishProperties {
            payload_format_is_utf8: Some(false),
            message_expiry_secs: Some(60),
            topic_alias: Some(65_535),
            response_topic: Some("r"),
            correlation_data: Some(b"\x00"),
            content_type: Some(""),
            subscription_identifiers: SubscriptionIdentifiers::from(&identifiers[..]),
            user_properties: UserProperties::from(&pairs[..]),
        },
        ..publish("t", b"p")
    };
    let written =
        "30 [ `t` [ 23 ffff 0b 01 0b 7f 0b 8001 0b ffffff7f 01 00 02 0000003c 03 `` 08 `r`
        09 0001 00 26 `k` `v` 26 `` `` ] 'p' ]";
    check(&[V5], written, &Packet::Publish(full));
    encodes(V3, &Packet::Publish(full), "30 [ `t` 'p' ]");
    // In any order, the repeated ones apart.
    let shuffled =
        "30 [ `t` [ 26 `k` `v` 0b 01 01 00 02 0000003c 0b 7f 26 `` `` 03 `` 0b 8001 08 `r`
        23 ffff 09 0001 00 0b ffffff7f ] 'p' ]";
    decodes(&[V5], shuffled, &Packet::Publish(full));
    let bytes = bytes(shuffled);
    let Ok(Packet::Publish(publish)) = decoded(V5, &bytes) else {
        panic!("a PUBLISH")
    };
    assert_eq!(
        publish
            .properties
            .user_properties
            .iter()
            .collect::<Vec<_>>(),
        pairs
    );
    assert_eq!(publish.properties.user_properties.len(), 2);
    let found: Vec<_> = publish.properties.subscription_identifiers.iter().collect();
    assert_eq!(found, identifiers);
    assert_eq!(publish.properties.subscription_identifiers.len(), 4);
}

/// The alias stands for the topic.
#[test]
fn publish_by_alias() {
    let properties = PublishProperties {
        topic_alias: Some(1),
        ..PublishProperties::default()
    };
    let by_alias = Publish {
        properties,
        ..publish("", b"x")
    };
    check(
        &[V5],
        "30 [ `` [ 23 0001 ] 'x' ]",
        &Packet::Publish(by_alias),
    );
}

#[test]
fn publish_says_where_its_packet_identifier_stands() {
    let mut out = b"before".to_vec();
    let qos1 = Publish {
        qos: QoS::AtLeastOnce,
        packet_id: Some(id(1)),
        ..publish("a/b", b"hi")
    };
    let place = qos1.encode(V5, &mut out).unwrap();
    assert_eq!(place.start, 6);
    let at = place.packet_id_at.unwrap();
    out[at..at + 2].copy_from_slice(&0x0708_u16.to_be_bytes());
    let other = Publish {
        packet_id: Some(id(0x0708)),
        ..qos1
    };
    assert_eq!(out[place.start..], encoded(V5, &Packet::Publish(other)));
    let place = publish("a", b"").encode(V5, &mut out).unwrap();
    assert_eq!(place.packet_id_at, None);
    // The payload may travel on its own.
    for version in ProtocolVersion::ALL {
        let mut out = Vec::new();
        let place = qos1.encode_without_payload(version, &mut out).unwrap();
        out.extend_from_slice(qos1.payload);
        assert_eq!(out, encoded(version, &Packet::Publish(qos1)));
        assert_eq!(Ok(place), qos1.encode(version, &mut Vec::new()));
    }
}

#[test]
fn a_section_of_properties_on_its_own() {
    let section = bytes("02 0000003c 26 `k` `v`");
    let properties = PublishProperties::decode(&section).unwrap();
    assert_eq!(properties.message_expiry_secs, Some(60));
    let mut out = vec![9];
    properties.encode_section(&mut out).unwrap();
    assert_eq!(out[1..], section);
    assert_eq!(properties.section_bytes(), section.len());
    assert!(PublishProperties::decode(&[]).unwrap().is_empty());
    assert!(!properties.is_empty());
}

#[test]
fn the_payload_format_can_be_checked() {
    let claims = |payload_format_is_utf8| PublishProperties {
        payload_format_is_utf8,
        ..PublishProperties::default()
    };
    for (claim, payload, has_its_format) in [
        (None, &b"\xff"[..], true),
        (Some(false), b"\xff", true),
        (Some(true), b"\xff", false),
        (Some(true), "\u{e9}\0".as_bytes(), true),
    ] {
        let publish = Publish {
            properties: claims(claim),
            ..publish("a", payload)
        };
        assert_eq!(
            publish.payload_has_its_format(),
            has_its_format,
            "{publish:?}"
        );
    }
}

/// [MQTT-3.6.1-1] [MQTT3-3.6.1-1]
#[test]
fn the_four_acknowledgements() {
    type Make = fn(Ack<'static>) -> Packet<'static>;
    let kinds: [(&str, Make, ReasonCode); 4] = [
        ("40", |ack| Packet::PubAck(ack), ReasonCode::QuotaExceeded),
        ("50", |ack| Packet::PubRec(ack), ReasonCode::QuotaExceeded),
        (
            "62",
            |ack| Packet::PubRel(ack),
            ReasonCode::PacketIdentifierNotFound,
        ),
        (
            "70",
            |ack| Packet::PubComp(ack),
            ReasonCode::PacketIdentifierNotFound,
        ),
    ];
    for (first_byte, make, error) in kinds {
        let plain = Ack::new(id(0x0102), ReasonCode::Success);
        check(ALL, &format!("{first_byte} 02 0102"), &make(plain));
        // The long forms of the same.
        decodes(&[V5], &format!("{first_byte} [ 0102 00 ]"), &make(plain));
        decodes(&[V5], &format!("{first_byte} [ 0102 00 [] ]"), &make(plain));

        let failed = Ack::new(id(0x0102), error);
        let code = format!("{:02x}", error.code());
        check(
            &[V5],
            &format!("{first_byte} 03 0102 {code}"),
            &make(failed),
        );
        decodes(
            &[V5],
            &format!("{first_byte} 04 0102 {code} 00"),
            &make(failed),
        );
        encodes(V3, &make(failed), &format!("{first_byte} 02 0102"));

        let explained = Ack {
            reason_string: Some("no"),
            user_properties: UserProperties::from(&[("k", "v")][..]),
            ..failed
        };
        let written = format!("{first_byte} [ 0102 {code} [ 1f `no` 26 `k` `v` ] ]");
        check(&[V5], &written, &make(explained));
        encodes(V3, &make(explained), &format!("{first_byte} 02 0102"));
        let explained = Ack {
            reason_string: Some(""),
            ..plain
        };
        check(
            &[V5],
            &format!("{first_byte} [ 0102 00 [ 1f `` ] ]"),
            &make(explained),
        );
    }
}

/// 3.1 marks what is sent again.
#[test]
fn requests_with_dup_in_3_1() {
    let pubrel = Packet::PubRel(Ack::new(id(1), ReasonCode::Success));
    decodes(&[V31], "6a 02 0001", &pubrel);
    let options = SubscriptionOptions::default();
    let filters = [(filter("a"), options)];
    let subscribe = Subscribe {
        packet_id: id(1),
        subscription_identifier: None,
        user_properties: UserProperties::default(),
        filters: SubscribeFilters::from(&filters[..]),
    };
    decodes(&[V31], "8a [ 0001 `a` 00 ]", &Packet::Subscribe(subscribe));
    let filters = [filter("a")];
    let unsubscribe = Unsubscribe {
        packet_id: id(1),
        user_properties: UserProperties::default(),
        filters: UnsubscribeFilters::from(&filters[..]),
    };
    decodes(&[V31], "aa [ 0001 `a` ]", &Packet::Unsubscribe(unsubscribe));
}

/// [MQTT-3.8.1-1] [MQTT-3.8.3-2] [MQTT3-3.8.1-1] [MQTT3-3.8.3-3]
#[test]
fn subscribe() {
    let options = |qos| SubscriptionOptions {
        qos,
        ..SubscriptionOptions::default()
    };
    let filters = [
        (filter("a/+/#"), options(QoS::ExactlyOnce)),
        (filter("$share/g/b"), options(QoS::AtMostOnce)),
        (filter("a/+/#"), options(QoS::AtLeastOnce)),
    ];
    let subscribe = Subscribe {
        packet_id: id(10),
        subscription_identifier: None,
        user_properties: UserProperties::default(),
        filters: SubscribeFilters::from(&filters[..]),
    };
    check(
        V3,
        "82 [ 000a `a/+/#` 02 `$share/g/b` 00 `a/+/#` 01 ]",
        &Packet::Subscribe(subscribe),
    );
    check(
        &[V5],
        "82 [ 000a [] `a/+/#` 02 `$share/g/b` 00 `a/+/#` 01 ]",
        &Packet::Subscribe(subscribe),
    );
    let bytes = bytes("82 [ 000a `a/+/#` 02 `$share/g/b` 00 `a/+/#` 01 ]");
    let Ok(Packet::Subscribe(subscribe)) = decoded(V311, &bytes) else {
        panic!("a SUBSCRIBE")
    };
    assert_eq!(subscribe.filters.len(), 3);
    assert_eq!(subscribe.filters.iter().len(), 3);
    assert_eq!(subscribe.filters.iter().collect::<Vec<_>>(), filters);
}

#[test]
fn subscribe_with_every_option() {
    let pairs = [("k", "v")];
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let if_new = SubscriptionOptions {
        retain_handling: RetainHandling::SendIfNew,
        ..SubscriptionOptions::default()
    };
    let filters = [(filter("a"), options), (filter("b"), if_new)];
    let subscribe = Subscribe {
        packet_id: id(1),
        subscription_identifier: Some(268_435_455),
        user_properties: UserProperties::from(&pairs[..]),
        filters: SubscribeFilters::from(&filters[..]),
    };
    check(
        &[V5],
        "82 [ 0001 [ 0b ffffff7f 26 `k` `v` ] `a` 2d `b` 10 ]",
        &Packet::Subscribe(subscribe),
    );
    encodes(
        V3,
        &Packet::Subscribe(subscribe),
        "82 [ 0001 `a` 01 `b` 00 ]",
    );
}

/// [MQTT-3.9.3-2] [MQTT3-3.9.3-2]
#[test]
fn suback() {
    let granted = SubAck::new(id(10), &[0, 1, 2, 0x80]);
    check(V3, "90 [ 000a 00 01 02 80 ]", &Packet::SubAck(granted));
    check(
        &[V5],
        "90 [ 000a [] 00 01 02 80 ]",
        &Packet::SubAck(granted),
    );
    let pairs = [("k", "v")];
    let refused = SubAck {
        reason_string: Some("no"),
        user_properties: UserProperties::from(&pairs[..]),
        ..SubAck::new(id(10), &[0x87, 0x01, 0x9E])
    };
    check(
        &[V5],
        "90 [ 000a [ 1f `no` 26 `k` `v` ] 87 01 9e ]",
        &Packet::SubAck(refused),
    );
    // Before 5.0 there is one word for every failure.
    encodes(V3, &Packet::SubAck(refused), "90 [ 000a 80 01 80 ]");
}

/// [MQTT-3.10.1-1] [MQTT-3.10.3-2] [MQTT3-3.10.1-1] [MQTT3-3.10.3-2]
#[test]
fn unsubscribe() {
    let filters = [filter("a/#"), filter("$share/g/b")];
    let plain = Unsubscribe {
        packet_id: id(65_535),
        user_properties: UserProperties::default(),
        filters: UnsubscribeFilters::from(&filters[..]),
    };
    check(
        V3,
        "a2 [ ffff `a/#` `$share/g/b` ]",
        &Packet::Unsubscribe(plain),
    );
    check(
        &[V5],
        "a2 [ ffff [] `a/#` `$share/g/b` ]",
        &Packet::Unsubscribe(plain),
    );
    let pairs = [("k", "v")];
    let explained = Unsubscribe {
        user_properties: UserProperties::from(&pairs[..]),
        ..plain
    };
    check(
        &[V5],
        "a2 [ ffff [ 26 `k` `v` ] `a/#` `$share/g/b` ]",
        &Packet::Unsubscribe(explained),
    );
    let bytes = bytes("a2 [ ffff [] `a/#` `$share/g/b` ]");
    let Ok(Packet::Unsubscribe(found)) = decoded(V5, &bytes) else {
        panic!("an UNSUBSCRIBE")
    };
    assert_eq!(found.filters.iter().len(), 2);
    assert_eq!(found.filters.iter().collect::<Vec<_>>(), filters);
}

/// [MQTT-3.11.3-2]
#[test]
fn unsuback() {
    check(
        V3,
        "b0 [ 0007 ]",
        &Packet::UnsubAck(UnsubAck::new(id(7), &[])),
    );
    let done = UnsubAck::new(id(7), &[0x00, 0x11, 0x87]);
    check(&[V5], "b0 [ 0007 [] 00 11 87 ]", &Packet::UnsubAck(done));
    encodes(V3, &Packet::UnsubAck(done), "b0 [ 0007 ]");
    let pairs = [("k", "v")];
    let explained = UnsubAck {
        reason_string: Some("was not there"),
        user_properties: UserProperties::from(&pairs[..]),
        ..done
    };
    check(
        &[V5],
        "b0 [ 0007 [ 1f `was not there` 26 `k` `v` ] 00 11 87 ]",
        &Packet::UnsubAck(explained),
    );
}

#[test]
fn pings() {
    check(ALL, "c0 00", &Packet::PingReq);
    check(ALL, "d0 00", &Packet::PingResp);
}

/// [MQTT-3.14.1-1] [MQTT-3.14.2-1] [MQTT3-3.14.1-1]
#[test]
fn disconnect() {
    let normal = Disconnect::new(ReasonCode::Success);
    check(ALL, "e0 00", &Packet::Disconnect(normal));
    decodes(&[V5], "e0 01 00", &Packet::Disconnect(normal));
    decodes(&[V5], "e0 02 00 00", &Packet::Disconnect(normal));
    let with_will = Disconnect::new(ReasonCode::DisconnectWithWill);
    check(&[V5], "e0 01 04", &Packet::Disconnect(with_will));
    encodes(V3, &Packet::Disconnect(with_will), "e0 00");
    let pairs = [("k", "v")];
    let full = Disconnect {
        session_expiry_secs: Some(1),
        reason_string: Some("moved"),
        user_properties: UserProperties::from(&pairs[..]),
        server_reference: Some("other"),
        ..Disconnect::new(ReasonCode::ServerMoved)
    };
    check(
        &[V5],
        "e0 [ 9d [ 11 00000001 1f `moved` 1c `other` 26 `k` `v` ] ]",
        &Packet::Disconnect(full),
    );
    let lasting = Disconnect {
        session_expiry_secs: Some(0),
        ..normal
    };
    check(
        &[V5],
        "e0 [ 00 [ 11 00000000 ] ]",
        &Packet::Disconnect(lasting),
    );
}

/// [MQTT-3.15.1-1] [MQTT-3.15.2-1]
#[test]
fn auth() {
    check(
        &[V5],
        "f0 00",
        &Packet::Auth(Auth::new(ReasonCode::Success)),
    );
    let pairs = [("k", "v")];
    let step = Auth {
        authentication_method: Some("SCRAM-SHA-1"),
        authentication_data: Some(b"r=\x00"),
        reason_string: Some("next"),
        user_properties: UserProperties::from(&pairs[..]),
        ..Auth::new(ReasonCode::ContinueAuthentication)
    };
    check(
        &[V5],
        "f0 [ 18 [ 15 `SCRAM-SHA-1` 16 0003 'r=' 00 1f `next` 26 `k` `v` ] ]",
        &Packet::Auth(step),
    );
    let again = Auth {
        authentication_method: Some(""),
        ..Auth::new(ReasonCode::ReAuthenticate)
    };
    check(&[V5], "f0 [ 19 [ 15 `` ] ]", &Packet::Auth(again));
}

/// Some small clients always write four bytes of length; only 5.0 forbids it. [MQTT-1.5.5-1]
#[test]
fn long_lengths_before_5_0() {
    decodes(
        V3,
        "30 85808000 `a` 'hi'",
        &Packet::Publish(publish("a", b"hi")),
    );
    decodes(V3, "c0 8000", &Packet::PingReq);
    decodes(
        ALL,
        "10 8e00 `MQTT` 04 02 0000 `me`",
        &Packet::Connect(Connect::new(V311, "me")),
    );
}
