//! Packets that cannot be sent: the output stays as it was.

use bowline_packet::ProtocolVersion::{V5, V31, V311};
use bowline_packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, ProtocolVersion, Publish,
    PublishProperties, QoS, ReasonCode, SubAck, Subscribe, SubscribeFilters,
    SubscriptionIdentifiers, SubscriptionOptions, TopicFilter, Unencodable, UnsubAck, Unsubscribe,
    UnsubscribeFilters, UserProperties,
};

fn check(version: ProtocolVersion, packet: &Packet<'_>, expected: Unencodable) {
    let mut out = b"before".to_vec();
    assert_eq!(
        packet.encode(version, &mut out),
        Err(expected),
        "{packet:?}"
    );
    assert_eq!(out, b"before", "{packet:?}");
    let words = expected.to_string();
    assert!(!words.is_empty() && !words.ends_with('.'), "{words}");
}

fn id() -> PacketId {
    PacketId::new(1).unwrap()
}

fn publish<'a>() -> Publish<'a> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        properties: PublishProperties::default(),
        payload: b"",
    }
}

#[test]
fn strings_have_65535_bytes() {
    let long = "x".repeat(65_536);
    let too_long = Unencodable::StringTooLong { bytes: 65_536 };
    check(
        V311,
        &Packet::Publish(Publish {
            topic: &long,
            ..publish()
        }),
        too_long,
    );
    check(V5, &Packet::Connect(Connect::new(V5, &long)), too_long);
    let pairs = [("k", &long[..])];
    let properties = PublishProperties {
        user_properties: UserProperties::from(&pairs[..]),
        ..PublishProperties::default()
    };
    check(
        V5,
        &Packet::Publish(Publish {
            properties,
            ..publish()
        }),
        too_long,
    );
    let mut section = b"before".to_vec();
    assert_eq!(properties.encode_section(&mut section), Err(too_long));
    assert_eq!(section, b"before");
    let connect = Connect {
        username: Some("u"),
        password: Some(long.as_bytes()),
        ..Connect::new(V311, "a")
    };
    check(V311, &Packet::Connect(connect), too_long);
}

/// [MQTT-1.5.4-2] [MQTT3-1.5.3-2]
#[test]
fn strings_have_no_nul() {
    check(
        V311,
        &Packet::Connect(Connect::new(V311, "a\0")),
        Unencodable::NulInString,
    );
    let ack = Ack {
        reason_string: Some("\0"),
        ..Ack::new(id(), ReasonCode::Success)
    };
    check(V5, &Packet::PubAck(ack), Unencodable::NulInString);
}

#[test]
fn packets_have_an_end() {
    // Zeroed pages that nobody touches.
    let payload = vec![0; 268_435_455 - 2];
    let packet = Packet::Publish(Publish {
        payload: &payload,
        ..publish()
    });
    check(
        V311,
        &packet,
        Unencodable::PacketTooLarge { bytes: 268_435_456 },
    );
}

/// [MQTT-2.2.1-2] [MQTT-2.2.1-4] [MQTT3-2.3.1-1] [MQTT3-2.3.1-5]
#[test]
fn packet_identifier_and_qos_go_together() {
    let without = Publish {
        qos: QoS::AtLeastOnce,
        ..publish()
    };
    check(V5, &Packet::Publish(without), Unencodable::PacketIdMissing);
    let with = Publish {
        packet_id: Some(id()),
        ..publish()
    };
    check(V5, &Packet::Publish(with), Unencodable::PacketIdOnQosZero);
}

#[test]
fn subscription_identifiers_have_bounds() {
    for identifier in [0, 268_435_456, u32::MAX] {
        let expected = Unencodable::SubscriptionIdentifier { identifier };
        let identifiers = [1, identifier];
        let properties = PublishProperties {
            subscription_identifiers: SubscriptionIdentifiers::from(&identifiers[..]),
            ..PublishProperties::default()
        };
        check(
            V5,
            &Packet::Publish(Publish {
                properties,
                ..publish()
            }),
            expected,
        );
        let filters = [(
            TopicFilter::parse("a").unwrap(),
            SubscriptionOptions::default(),
        )];
        let subscribe = Subscribe {
            packet_id: id(),
            subscription_identifier: Some(identifier),
            user_properties: UserProperties::default(),
            filters: SubscribeFilters::from(&filters[..]),
        };
        check(V5, &Packet::Subscribe(subscribe), expected);
    }
}

/// [MQTT-3.8.3-2] [MQTT-3.10.3-2] [MQTT3-3.8.3-3] [MQTT3-3.10.3-2]
#[test]
fn requests_and_answers_are_not_empty() {
    let subscribe = Subscribe {
        packet_id: id(),
        subscription_identifier: None,
        user_properties: UserProperties::default(),
        filters: SubscribeFilters::from(&[][..]),
    };
    let unsubscribe = Unsubscribe {
        packet_id: id(),
        user_properties: UserProperties::default(),
        filters: UnsubscribeFilters::from(&[][..]),
    };
    for version in ProtocolVersion::ALL {
        check(
            version,
            &Packet::Subscribe(subscribe),
            Unencodable::NoTopicFilters,
        );
        check(
            version,
            &Packet::Unsubscribe(unsubscribe),
            Unencodable::NoTopicFilters,
        );
        check(
            version,
            &Packet::SubAck(SubAck::new(id(), &[])),
            Unencodable::NoReasonCodes,
        );
    }
    check(
        V5,
        &Packet::UnsubAck(UnsubAck::new(id(), &[])),
        Unencodable::NoReasonCodes,
    );
}

/// [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.6.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2] [MQTT-3.14.2-1]
/// [MQTT-3.15.2-1]
#[test]
fn reason_codes_fit_their_packet() {
    let code = ReasonCode::SessionTakenOver;
    let expected = Unencodable::ReasonCode { code };
    check(V5, &Packet::ConnAck(ConnAck::new(false, code)), expected);
    check(V311, &Packet::ConnAck(ConnAck::new(false, code)), expected);
    check(V5, &Packet::PubAck(Ack::new(id(), code)), expected);
    check(V5, &Packet::PubRel(Ack::new(id(), code)), expected);
    check(
        V5,
        &Packet::SubAck(SubAck::new(id(), &[0, code.code()])),
        expected,
    );
    check(
        V5,
        &Packet::UnsubAck(UnsubAck::new(id(), &[code.code()])),
        expected,
    );
    let auth = Auth {
        authentication_method: Some("m"),
        ..Auth::new(code)
    };
    check(V5, &Packet::Auth(auth), expected);
    let code = ReasonCode::Banned;
    let expected = Unencodable::ReasonCode { code };
    check(V5, &Packet::Disconnect(Disconnect::new(code)), expected);
}

#[test]
fn auth_needs_a_method_and_a_version() {
    let auth = Auth::new(ReasonCode::ContinueAuthentication);
    check(
        V5,
        &Packet::Auth(auth),
        Unencodable::AuthenticationMethodMissing,
    );
    check(V31, &Packet::Auth(auth), Unencodable::NotInThisVersion);
    check(V311, &Packet::Auth(auth), Unencodable::NotInThisVersion);
}

/// [MQTT3-3.1.2-22]
#[test]
fn a_password_needs_a_user_name_before_5_0() {
    let connect = Connect {
        password: Some(b"x"),
        ..Connect::new(V311, "a")
    };
    check(
        V311,
        &Packet::Connect(connect),
        Unencodable::PasswordWithoutUsername,
    );
}
