//! Enhanced authentication while no method is configured: refused in the standard's words.

use crate::client::{Connect, Next};
use crate::harness::on_each;
use crate::wire::{self, Packet, Property, V5, property, text};

fn method() -> Property {
    text(property::AUTHENTICATION_METHOD, "SCRAM-SHA-256")
}

/// [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-4.13.2-1]
#[test]
fn an_unknown_method_is_refused() {
    on_each(|broker| {
        let data = text(property::AUTHENTICATION_DATA, "n,,n=user");
        for properties in [vec![method()], vec![method(), data]] {
            let connect = Connect {
                properties,
                ..Connect::new(V5, &broker.name())
            };
            let mut client = broker.open(V5);
            client.send(&connect.bytes());
            match client.packet() {
                Packet::ConnAck {
                    session_present: false,
                    code,
                    ..
                } => assert_eq!(code, 0x8C),
                other => panic!("{other:?}"),
            }
            client.closed();
        }
    });
}

/// A refused CONNECT takes nothing over and ends no session. [MQTT-3.1.4-2] [MQTT-3.1.4-6]
#[test]
fn a_refused_connect_changes_nothing() {
    on_each(|broker| {
        let name = broker.name();
        let lasting = Connect::new(V5, &name).lasting();
        let mut there = broker.connect(&lasting);
        let refused = Connect::new(V5, &name).with(method());
        let mut client = broker.open(V5);
        client.send(&refused.bytes());
        assert!(matches!(
            client.packet(),
            Packet::ConnAck { code: 0x8C, .. }
        ));
        client.closed();
        there.ping();
        there.leave();
        assert!(broker.connect(&lasting).session_present);
    });
}

/// No method in CONNECT: nothing of it in CONNACK, no AUTH from the broker, and an AUTH of the
/// client is out of place. [MQTT-4.12.0-6] [MQTT-4.12.0-7] [MQTT-4.12.1-2] [MQTT-4.13.1-1]
#[test]
fn auth_without_a_method_is_out_of_place() {
    on_each(|broker| {
        let packets = [
            vec![0xF0, 0x00],
            wire::auth(0x18, &[method()]),
            wire::auth(0x19, &[method()]),
            wire::auth(0x19, &[method(), text(property::AUTHENTICATION_DATA, "x")]),
        ];
        for packet in packets {
            let mut client = broker.client(V5);
            for id in [
                property::AUTHENTICATION_METHOD,
                property::AUTHENTICATION_DATA,
            ] {
                assert_eq!(wire::bytes_of(&client.granted, id), None);
            }
            client.send(&packet);
            client.thrown_out(&[0x82]);
        }
    });
}

/// AUTH before CONNECT is no beginning. [MQTT-3.1.0-1]
#[test]
fn auth_is_no_first_packet() {
    on_each(|broker| {
        let mut client = broker.open(V5);
        client.send(&wire::auth(0x18, &[method()]));
        assert_eq!(client.next(), Next::Closed);
    });
}
