//! Problem information and request/response information: said only to who wants to hear it.

use crate::client::Connect;
use crate::harness::on_each;
use crate::wire::{self, Packet, Property, Publish, V5, byte, pair, property};

/// Whether a packet explains itself.
fn has_words(properties: &[Property]) -> bool {
    properties
        .iter()
        .any(|p| p.0 == property::REASON_STRING || p.0 == property::USER)
}

/// With problem information 0 only PUBLISH, CONNACK and DISCONNECT may have words.
/// [MQTT-3.1.2-29]
#[test]
fn problem_information_can_be_turned_off() {
    on_each(|broker| {
        let topic = broker.name();
        let connect = Connect::new(V5, &broker.name());
        let connect = connect.with(byte(property::REQUEST_PROBLEM_INFORMATION, 0));
        let mut client = broker.connect(&connect);
        let asked: Vec<Vec<u8>> = vec![
            wire::subscribe(V5, 1, &[(&topic, 1), ("$share/group/x", 1)], &[]),
            wire::unsubscribe(V5, 2, &["no/such/subscription"]),
            Publish::new("nobody/listens", 1, "").id(3).bytes(V5),
            Publish::new("nobody/listens", 2, "").id(4).bytes(V5),
            wire::ack(wire::PUBREL, 5),
            wire::ack(wire::PUBREC, 6),
        ];
        for packet in asked {
            client.send(&packet);
            let properties = match client.packet() {
                Packet::SubAck { properties, .. }
                | Packet::UnsubAck { properties, .. }
                | Packet::Ack { properties, .. } => properties,
                other => panic!("{other:?}"),
            };
            assert!(!has_words(&properties), "{properties:?}");
        }
        // A message keeps what its publisher said.
        broker
            .client(V5)
            .publish(Publish::new(&topic, 0, "x").with(pair("k", "v")));
        assert!(client.message().properties.contains(&pair("k", "v")));
    });
}

/// A broker that wants no response information asked for says none. [MQTT-3.1.2-28]
#[test]
fn response_information_comes_only_when_asked_for() {
    on_each(|broker| {
        for asks in [None, Some(0), Some(1)] {
            let mut connect = Connect::new(V5, &broker.name());
            connect
                .properties
                .extend(asks.map(|value| byte(property::REQUEST_RESPONSE_INFORMATION, value)));
            let client = broker.connect(&connect);
            let said = wire::bytes_of(&client.granted, property::RESPONSE_INFORMATION).is_some();
            assert!(!said || asks == Some(1), "{asks:?}");
        }
    });
}

/// A DISCONNECT of the broker says why, in its code, and has no session expiry.
/// [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.0-1]
#[test]
fn a_disconnect_of_the_broker_has_no_session_expiry() {
    on_each(|broker| {
        let mut client = broker.connect(&Connect::new(V5, &broker.name()).lasting());
        client.send(
            &Publish {
                qos: 3,
                ..Publish::new("a", 1, "x")
            }
            .bytes(V5),
        );
        match client.packet() {
            Packet::Disconnect { code, properties } => {
                assert_eq!(code, 0x81);
                assert_eq!(wire::number(&properties, property::SESSION_EXPIRY), None);
            }
            other => panic!("{other:?}"),
        }
        client.closed();
    });
}
