//! Retained messages: what is stored, what replaces it, and to whom it goes.

use std::collections::BTreeSet;

use crate::client::Connect;
use crate::harness::on_each;
use crate::wire::{self, ALL, Packet, Publish, SINCE_311, V5, V311, byte, pair, property, text};

/// [MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT3-3.3.1-5] [MQTT3-3.3.1-6] [MQTT3-3.3.1-8] [MQTT3-3.3.1-7]
#[test]
fn the_last_one_comes_with_a_subscription() {
    on_each(|broker| {
        for &version in ALL {
            for qos in 0..3 {
                let topic = broker.name();
                let mut writer = broker.client(version);
                writer.publish(Publish::new(&topic, qos, "first").retain());
                writer.publish(Publish::new(&topic, qos, "second").retain());
                if qos == 0 {
                    broker.until_retained(&topic, Some("second"));
                }
                for granted in 0..3 {
                    let mut reader = broker.client(version);
                    reader.subscribe(&topic, granted);
                    let message = reader.take();
                    let expected = Publish::new(&topic, qos.min(granted), "second").retain();
                    assert_eq!(message, expected.id(message.id));
                    writer.nothing_for(&mut reader);
                }
            }
        }
    });
}

/// To a subscription that stood already it comes as any other message.
/// [MQTT-3.3.1-12] [MQTT3-3.3.1-9] [MQTT3-3.3.1-10]
#[test]
fn an_established_subscription_sees_no_retain_flag() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let mut writer = broker.client(version);
            for payload in ["kept", ""] {
                writer.publish(Publish::new(&topic, 0, payload).retain());
                let message = reader.message();
                assert_eq!((message.text(), message.retain), (payload, false));
            }
        }
    });
}

/// An empty one removes what is stored and is not stored itself.
/// [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT3-3.3.1-10] [MQTT3-3.3.1-11]
#[test]
fn an_empty_one_clears() {
    on_each(|broker| {
        for &version in ALL {
            for qos in 0..3 {
                let topic = broker.name();
                let mut writer = broker.client(version);
                writer.publish(Publish::new(&topic, qos, "kept").retain());
                if qos == 0 {
                    broker.until_retained(&topic, Some("kept"));
                }
                writer.publish(Publish::new(&topic, qos, "").retain());
                if qos == 0 {
                    broker.until_retained(&topic, None);
                }
                let mut reader = broker.client(version);
                reader.subscribe(&topic, 0);
                writer.nothing_for(&mut reader);
            }
        }
    });
}

/// A message without the flag leaves the stored one alone. [MQTT-3.3.1-8] [MQTT3-3.3.1-12]
#[test]
fn a_plain_message_changes_nothing() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "kept").retain());
            writer.publish(Publish::new(&topic, 1, "plain"));
            writer.publish(Publish::new(&topic, 1, ""));
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            assert_eq!(reader.message().text(), "kept");
            writer.nothing_for(&mut reader);
        }
    });
}

/// Each matching topic, by wildcards too, and `$` topics only by name.
/// [MQTT-3.3.1-9] [MQTT3-3.3.1-6] [MQTT-4.7.1-1] [MQTT-4.7.1-2]
#[test]
fn wildcards_bring_each_matching_topic() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let name = broker.name();
            let mut writer = broker.client(version);
            let topics = ["", "/a", "/b", "/a/x", "/b/x", "/a/x/y", "/", "//x"];
            for topic in topics {
                writer.publish(
                    Publish::new(&format!("{name}{topic}"), 1, format!("t{topic}")).retain(),
                );
            }
            let rows: &[(&str, &[&str])] = &[
                ("/#", &topics),
                ("/+", &["/", "/a", "/b"]),
                ("/+/x", &["//x", "/a/x", "/b/x"]),
                ("/a/#", &["/a", "/a/x", "/a/x/y"]),
                ("/a", &["/a"]),
                ("/c", &[]),
            ];
            for (filter, expected) in rows {
                let mut reader = broker.client(version);
                reader.subscribe(&format!("{name}{filter}"), 1);
                let mut got: Vec<String> = expected
                    .iter()
                    .map(|_| {
                        let message = reader.take();
                        assert!(message.retain);
                        message.text()[1..].to_owned()
                    })
                    .collect();
                writer.nothing_for(&mut reader);
                got.sort_unstable();
                let mut expected = expected.to_vec();
                expected.sort_unstable();
                assert_eq!(got, expected, "{filter}");
            }
        }
    });
}

/// It belongs to no session: publisher and its session may be gone. [MQTT3-3.1.2-7]
#[test]
fn it_outlives_its_publisher() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name());
            let mut writer = broker.connect(&connect);
            writer.publish(Publish::new(&topic, 1, "kept").retain());
            writer.leave();
            broker.connect(&connect).leave();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 1);
            assert_eq!(reader.take().text(), "kept");
        }
    });
}

/// A subscription that is made again brings it again. [MQTT-3.8.4-4] [MQTT3-3.8.4-3]
#[test]
fn subscribing_again_brings_it_again() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "kept").retain());
            let mut reader = broker.client(version);
            for _ in 0..3 {
                reader.subscribe(&topic, 0);
                let message = reader.message();
                assert_eq!((message.text(), message.retain), ("kept", true));
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// What its publisher said about it is kept with it.
/// [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
/// [MQTT-3.3.2-20]
#[test]
fn its_properties_are_kept() {
    on_each(|broker| {
        let topic = broker.name();
        let sent = [
            byte(property::PAYLOAD_FORMAT, 1),
            text(property::CONTENT_TYPE, "text/plain"),
            text(property::RESPONSE_TOPIC, "answers"),
            text(property::CORRELATION_DATA, "7"),
            pair("b", "1"),
            pair("a", "2"),
        ];
        let mut writer = broker.client(V5);
        let mut publish = Publish::new(&topic, 1, "kept").retain();
        publish.properties = sent.to_vec();
        writer.publish(publish);
        let mut reader = broker.client(V5);
        reader.subscribe_with(&topic, 1, &[wire::subscription_identifier(9)]);
        let message = reader.take();
        for property in &sent {
            assert!(message.properties.contains(property), "{property:?}");
        }
        assert_eq!(wire::subscription_identifiers(&message.properties), [9]);
        let mut old = broker.client(V311);
        old.subscribe(&topic, 1);
        assert_eq!(old.take().text(), "kept");
    });
}

/// More of them than any window holds, to a reader that acknowledges one by one: all arrive.
/// [MQTT-3.3.1-9] [MQTT3-3.3.1-6] [MQTT-3.3.4-9]
#[test]
fn two_thousand_arrive_whole() {
    const COUNT: usize = 2_000;
    on_each(|broker| {
        let name = broker.name();
        let mut writer = broker.client(V311);
        let mut burst = Vec::new();
        for count in 0..COUNT {
            let topic = format!("{name}/{count}");
            burst.extend(
                Publish::new(&topic, 0, vec![b'x'; 300])
                    .retain()
                    .bytes(V311),
            );
        }
        writer.send(&burst);
        writer.publish(Publish::new(&format!("{name}/last"), 1, "x").retain());
        for version in [V5, V311] {
            let mut connect = Connect::new(version, &broker.name());
            if version == V5 {
                connect = connect.with(wire::two(property::RECEIVE_MAXIMUM, 5));
            }
            let mut reader = broker.connect(&connect);
            reader.send(&wire::subscribe(
                version,
                1,
                &[(&format!("{name}/#"), 1)],
                &[],
            ));
            let mut topics = BTreeSet::new();
            while topics.len() < COUNT + 1 {
                match reader.packet() {
                    Packet::Publish(message) => {
                        reader.acknowledge(&message);
                        topics.insert(message.topic);
                    }
                    Packet::SubAck { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}
