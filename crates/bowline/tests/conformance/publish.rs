//! PUBLISH and its acknowledgements on a connection that stays: QoS, identifiers, order, contents.

use std::time::Duration;

use crate::client::Connect;
use crate::harness::{let_pass, on_each};
use crate::wire::{
    self, ALL, Packet, Publish, SINCE_311, V5, V311, byte, four, number, pair, property, text,
};

/// Every QoS is answered its own way, under the identifier that came.
/// [MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.7.2-1] [MQTT-4.3.2-4]
/// [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT3-2.3.1-6] [MQTT3-3.3.4-1] [MQTT3-4.3.2-2]
/// [MQTT3-4.3.3-2]
#[test]
fn each_qos_is_answered() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut client = broker.client(version);
            for id in [1, 2, 255, 256, 65_535] {
                client.send(&Publish::new(&topic, 0, "").bytes(version));
                client.ping();
                client.send(&Publish::new(&topic, 1, "").id(id).bytes(version));
                let code = client.acked(wire::PUBACK, id);
                assert!(code == 0x00 || code == 0x10, "{code:#04x}");
                client.send(&Publish::new(&topic, 2, "").id(id).bytes(version));
                let code = client.acked(wire::PUBREC, id);
                assert!(code == 0x00 || code == 0x10, "{code:#04x}");
                client.send(&wire::ack(wire::PUBREL, id));
                assert_eq!(client.acked(wire::PUBCOMP, id), 0);
            }
        }
    });
}

/// The lower of published and granted QoS; a first delivery has no DUP and an identifier by QoS.
/// [MQTT-2.2.1-2] [MQTT-2.2.1-4] [MQTT-3.3.1-2] [MQTT-3.3.1-12] [MQTT-3.8.4-7] [MQTT-3.8.4-8]
/// [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4]
/// [MQTT-3.6.2-1] [MQTT-3.3.2-3] [MQTT3-2.3.1-1] [MQTT3-2.3.1-4] [MQTT3-2.3.1-5] [MQTT3-3.3.1-2]
/// [MQTT3-3.3.1-9] [MQTT3-3.3.2-3] [MQTT3-3.8.4-6] [MQTT3-4.3.1-1] [MQTT3-4.3.2-1]
/// [MQTT3-4.3.3-1] [MQTT3-3.3.2-1]
#[test]
fn the_lower_qos_counts() {
    on_each(|broker| {
        for &from in ALL {
            for &to in ALL {
                let mut writer = broker.client(from);
                for granted in 0..3 {
                    let topic = broker.name();
                    let mut reader = broker.client(to);
                    reader.subscribe(&topic, granted);
                    for qos in 0..3 {
                        let payload = format!("{from:?} {qos} to {to:?} {granted}");
                        writer.publish(Publish::new(&topic, qos, &payload));
                        let message = reader.take();
                        let expected = Publish::new(&topic, qos.min(granted), &payload);
                        assert_eq!(message, expected.id(message.id));
                    }
                    writer.nothing_for(&mut reader);
                }
            }
        }
    });
}

/// DUP of an incoming message says nothing about the outgoing one.
/// [MQTT-3.3.1-3] [MQTT3-3.3.1-3]
#[test]
fn dup_is_not_passed_on() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 2);
            let mut writer = broker.client(version);
            for qos in [1, 2] {
                writer.publish(Publish::new(&topic, qos, "x").dup());
                assert!(!reader.take().dup);
            }
        }
    });
}

/// After PUBACK the identifier is free: the same again is a new message, whatever its DUP.
/// [MQTT-4.3.2-5] [MQTT3-4.3.2-2]
#[test]
fn an_acknowledged_identifier_is_a_new_message() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let mut writer = broker.client(version);
            for publish in [
                Publish::new(&topic, 1, "a"),
                Publish::new(&topic, 1, "a").dup(),
            ] {
                writer.send(&publish.id(9).bytes(version));
                writer.acked(wire::PUBACK, 9);
                assert_eq!(reader.message().text(), "a");
            }
        }
    });
}

/// QoS 2: the same identifier before PUBREL is the same message; after PUBCOMP it is a new one.
/// [MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT3-4.3.3-2]
#[test]
fn qos_2_is_delivered_once() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let mut writer = broker.client(version);
            for payload in ["first", "second"] {
                let publish = Publish::new(&topic, 2, payload).id(3);
                for again in [
                    publish.clone(),
                    publish.clone().dup(),
                    publish.clone().dup(),
                ] {
                    writer.send(&again.bytes(version));
                    assert_eq!(writer.acked(wire::PUBREC, 3), 0);
                }
                writer.send(&wire::ack(wire::PUBREL, 3));
                writer.acked(wire::PUBCOMP, 3);
                assert_eq!(reader.message().text(), payload);
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// A PUBREL or PUBREC that belongs to nothing is answered all the same, in 5.0 with 0x92.
/// [MQTT-3.7.2-1] [MQTT-4.3.3-11] [MQTT3-4.3.3-2]
#[test]
fn a_pubrel_of_nothing_is_answered() {
    on_each(|broker| {
        for &version in ALL {
            let mut client = broker.client(version);
            client.send(&wire::ack(wire::PUBREL, 77));
            let code = client.acked(wire::PUBCOMP, 77);
            assert!(code == 0 || code == 0x92, "{code:#04x}");
            // An acknowledgement of nothing disturbs nothing.
            for first in [wire::PUBACK, wire::PUBCOMP] {
                client.send(&wire::ack(first, 78));
            }
            client.ping();
        }
    });
}

/// Every QoS 1 and 2 message that is under way has an identifier of its own, and a free one is
/// used again without harm. [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT3-2.3.1-4]
#[test]
fn identifiers_under_way_differ() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 2);
            let mut writer = broker.client(version);
            let mut under_way = Vec::new();
            for count in 0..10 {
                writer.publish(Publish::new(&topic, 1 + count % 2, "x"));
                under_way.push(reader.message());
            }
            let mut ids: Vec<u16> = under_way.iter().map(|message| message.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 10);
            for message in &under_way {
                reader.acknowledge(message);
            }
            reader.ping();
        }
    });
}

/// Order per publisher, topic and QoS. [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT3-4.6.0-5]
/// [MQTT3-4.6.0-6]
#[test]
fn order_holds() {
    on_each(|broker| {
        for &version in ALL {
            for qos in 0..3 {
                let topic = broker.name();
                let mut readers = [broker.client(version), broker.client(version)];
                for reader in &mut readers {
                    reader.subscribe(&topic, qos);
                }
                let mut writer = broker.client(version);
                for count in 0..100 {
                    writer.publish(Publish::new(&topic, qos, count.to_string()));
                    if count % 10 == 9 {
                        for reader in &mut readers {
                            for expected in count - 9..=count {
                                let message = reader.take();
                                assert_eq!(message.text(), expected.to_string(), "QoS {qos}");
                            }
                        }
                    }
                }
            }
        }
    });
}

/// Many at once in one segment: all come, in order, each acknowledged.
/// [MQTT-4.6.0-5] [MQTT-4.5.0-1] [MQTT3-4.6.0-6] [MQTT3-4.5.0-1]
#[test]
fn a_burst_arrives_whole() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 1);
            let mut writer = broker.client(version);
            let allowed = number(&writer.granted, property::RECEIVE_MAXIMUM).unwrap_or(65_535);
            let count = u16::try_from(allowed.min(500)).expect("at most 500");
            let publish = |id: u16| {
                Publish::new(&topic, 1, id.to_string())
                    .id(id)
                    .bytes(version)
            };
            writer.send(&(1..=count).flat_map(publish).collect::<Vec<_>>());
            for id in 1..=count {
                assert_eq!(reader.take().text(), id.to_string());
            }
            let mut acked: Vec<u16> = (0..count)
                .map(|_| match writer.packet() {
                    Packet::Ack {
                        first: wire::PUBACK,
                        id,
                        code: 0,
                        ..
                    } => id,
                    other => panic!("{other:?}"),
                })
                .collect();
            acked.sort_unstable();
            assert_eq!(acked, (1..=count).collect::<Vec<_>>());
        }
    });
}

/// Everything about a message that 5.0 lets a publisher say reaches the subscriber as it was.
/// [MQTT-3.3.2-4] [MQTT-3.3.2-13] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17]
/// [MQTT-3.3.2-18] [MQTT-3.3.2-19] [MQTT-3.3.2-20] [MQTT-1.5.7-1]
#[test]
fn properties_are_passed_on_unaltered() {
    on_each(|broker| {
        for format in [0, 1] {
            let topic = broker.name();
            let mut reader = broker.client(V5);
            reader.subscribe(&topic, 2);
            let mut old_reader = broker.client(V311);
            old_reader.subscribe(&topic, 2);
            let sent = vec![
                byte(property::PAYLOAD_FORMAT, format),
                text(property::CONTENT_TYPE, "text/plain; charset=ü"),
                text(property::RESPONSE_TOPIC, "answers/hēre"),
                (
                    property::CORRELATION_DATA,
                    wire::Value::Text(vec![0, 0xFF, 7]),
                ),
                pair("b", "1"),
                pair("a", "2"),
                pair("b", "3"),
                pair("", ""),
            ];
            for qos in 0..3 {
                let mut publish = Publish::new(&topic, qos, "péyload");
                publish.properties.clone_from(&sent);
                broker.client(V5).publish(publish);
                let message = reader.take();
                let user = |p: &&wire::Property| p.0 == property::USER;
                let (got, expected) = (&message.properties, &sent);
                assert_eq!(
                    got.iter().filter(user).collect::<Vec<_>>(),
                    expected.iter().filter(user).collect::<Vec<_>>(),
                    "user properties in order"
                );
                for property in expected {
                    assert!(got.contains(property), "{property:?} in {got:?}");
                }
                assert_eq!(got.len(), expected.len(), "nothing added: {got:?}");
                assert_eq!(old_reader.take().text(), "péyload");
            }
        }
    });
}

/// No properties: a section of length zero, which the strict reader of this test insists on.
/// [MQTT-2.2.2-1] [MQTT-1.5.5-1] [MQTT-2.1.3-1] [MQTT3-2.2.2-1]
#[test]
fn a_message_from_311_has_no_properties_in_5() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 1);
        // Bodies around the size where the remaining length takes another byte.
        for length in [
            0, 1, 100, 120, 127, 128, 129, 16_360, 16_384, 70_000, 2_100_000,
        ] {
            let payload = vec![b'x'; length];
            broker
                .client(V311)
                .publish(Publish::new(&topic, 1, &payload));
            let message = reader.take();
            assert_eq!(message.properties, []);
            assert_eq!(message.payload, payload);
        }
    });
}

/// Any bytes are a payload, any UTF-8 is a topic, and neither is normalised.
/// [MQTT-1.5.4-1] [MQTT-1.5.4-3] [MQTT-4.7.3-4] [MQTT-3.3.2-1] [MQTT3-1.5.3-3] [MQTT3-4.7.3-4]
#[test]
fn topics_and_payloads_are_taken_as_they_are() {
    let tails = [
        "\u{FEFF}x",
        "é",
        "e\u{301}",
        " ",
        "//",
        "A",
        "a",
        "\u{10FFFD}",
        "日本/…",
        "$",
    ];
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            let mut reader = broker.client(version);
            for tail in tails {
                reader.subscribe(&format!("{name}/{tail}"), 0);
            }
            let mut writer = broker.client(version);
            let payload: Vec<u8> = (0..=255).collect();
            for tail in tails {
                let topic = format!("{name}/{tail}");
                writer.publish(Publish::new(&topic, 0, &payload));
                let message = reader.message();
                assert_eq!((message.topic, message.payload), (topic, payload.clone()));
            }
        }
    });
}

/// The longest topic that can be written. [MQTT-4.7.3-3] [MQTT3-4.7.3-3]
#[test]
fn the_longest_topic_is_a_topic() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let name = broker.name();
            let topic = name.clone() + &"x".repeat(65_535 - name.len());
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 1);
            broker.client(version).publish(Publish::new(&topic, 1, "x"));
            assert_eq!(reader.take().topic, topic);
        }
    });
}

/// A refusal of QoS 2 by the receiver ends the message: no PUBREL, and the broker goes on.
/// [MQTT-4.3.3-4] [MQTT-4.4.0-2]
#[test]
fn a_negative_pubrec_ends_the_message() {
    on_each(|broker| {
        let (name, topic) = (broker.name(), broker.name());
        let lasting = Connect::new(V5, &name).lasting();
        let mut reader = broker.connect(&lasting);
        reader.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        for (qos, first) in [(2, wire::PUBREC), (1, wire::PUBACK)] {
            writer.publish(Publish::new(&topic, qos, "refused"));
            let message = reader.message();
            reader.send(&wire::ack_with(first, message.id, 0x80));
            reader.ping();
        }
        // Not even to a session that resumes.
        reader.cut();
        let mut reader = broker.connect(&lasting);
        assert!(reader.session_present);
        writer.nothing_for(&mut reader);
    });
}

/// A message expiry does not end a handshake that has begun. [MQTT-4.3.3-13]
#[test]
fn an_expired_message_is_still_acknowledged() {
    on_each(|broker| {
        let topic = broker.name();
        let mut writer = broker.client(V5);
        let publish = Publish::new(&topic, 2, "x")
            .with(four(property::MESSAGE_EXPIRY, 1))
            .id(5);
        writer.send(&publish.bytes(V5));
        assert!(writer.acked(wire::PUBREC, 5) < 0x80);
        let_pass(Duration::from_millis(1_500));
        writer.send(&wire::ack(wire::PUBREL, 5));
        assert_eq!(writer.acked(wire::PUBCOMP, 5), 0);
    });
}

/// To each of many sessions, once. [MQTT-4.5.0-1] [MQTT3-4.5.0-1]
#[test]
fn a_message_fans_out() {
    on_each(|broker| {
        let topic = broker.name();
        let mut readers: Vec<_> = (0..30)
            .map(|count| broker.client(ALL[count % ALL.len()]))
            .collect();
        for (count, reader) in readers.iter_mut().enumerate() {
            reader.subscribe(&topic, u8::try_from(count % 3).expect("below 3"));
        }
        let mut writer = broker.client(V5);
        let publish = Publish::new(&topic, 2, "to all").with(pair("k", "v"));
        writer.publish(publish);
        for (count, reader) in readers.iter_mut().enumerate() {
            let message = reader.take();
            assert_eq!(
                (message.text(), usize::from(message.qos)),
                ("to all", count % 3)
            );
        }
        for reader in &mut readers {
            writer.nothing_for(reader);
        }
    });
}
