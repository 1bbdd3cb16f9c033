//! Topic aliases in both directions.

use std::collections::HashMap;

use crate::client::Connect;
use crate::harness::on_each;
use crate::wire::{self, Publish, V5, V311, number, property, two};

fn aliased(topic: &str, alias: u16, payload: &str) -> Publish {
    Publish::new(topic, 0, payload).with(two(property::TOPIC_ALIAS, alias))
}

/// Every alias up to the maximum of CONNACK, set, used and set anew. [MQTT-3.3.2-12]
#[test]
fn the_broker_takes_every_alias_it_offers() {
    on_each(|broker| {
        let name = broker.name();
        let mut reader = broker.client(V311);
        reader.subscribe(&format!("{name}/#"), 0);
        let mut writer = broker.client(V5);
        let maximum = number(&writer.granted, property::TOPIC_ALIAS_MAXIMUM).unwrap_or(0);
        assert!(maximum > 0, "the tests want a broker with aliases");
        if broker.is_ours {
            assert_eq!(maximum, 16);
        }
        for round in 0..2 {
            for alias in 1..=u16::try_from(maximum).expect("two bytes") {
                let topic = format!("{name}/{alias}/{round}");
                for (sent, payload) in [(topic.as_str(), "set"), ("", "used"), ("", "again")] {
                    writer.publish(aliased(sent, alias, payload));
                    let message = reader.message();
                    assert_eq!(
                        (message.topic.as_str(), message.text()),
                        (topic.as_str(), payload)
                    );
                }
            }
        }
    });
}

/// An alias is the sender's: it is not passed on, not even to who allows aliases.
/// [MQTT-3.3.2-11] [MQTT-3.1.2-26] [MQTT-3.1.2-27]
#[test]
fn an_alias_is_not_passed_on() {
    on_each(|broker| {
        let topic = broker.name();
        let mut plain = broker.client(V5);
        let zero = Connect::new(V5, &broker.name()).with(two(property::TOPIC_ALIAS_MAXIMUM, 0));
        let mut zero = broker.connect(&zero);
        let mut writer = broker.client(V5);
        for reader in [&mut plain, &mut zero] {
            reader.subscribe(&topic, 0);
            for (sent, payload) in [(topic.as_str(), "set"), ("", "used")] {
                writer.publish(aliased(sent, 5, payload));
            }
            for payload in ["set", "used"] {
                let message = reader.message();
                assert_eq!(
                    (message.topic.as_str(), message.text()),
                    (topic.as_str(), payload)
                );
                assert_eq!(message.number(property::TOPIC_ALIAS), None);
            }
            reader.unsubscribe(&topic);
        }
    });
}

/// Aliases to a client are at most its maximum and mean what the client was told.
/// [MQTT-3.1.2-26] [MQTT-3.3.2-8] [MQTT-3.3.2-11]
#[test]
fn aliases_to_a_client_keep_its_maximum() {
    on_each(|broker| {
        for maximum in [1, 3, 65_535] {
            let name = broker.name();
            let connect = Connect::new(V5, &broker.name());
            let connect = connect.with(two(property::TOPIC_ALIAS_MAXIMUM, maximum));
            let mut reader = broker.connect(&connect);
            reader.subscribe(&format!("{name}/+"), 1);
            let mut writer = broker.client(V5);
            let mut known: HashMap<u32, String> = HashMap::new();
            for round in 0..5 {
                for place in 0..6 {
                    let topic = format!("{name}/{place}");
                    writer.publish(Publish::new(&topic, 1, format!("{round} {place}")));
                    let message = reader.take();
                    assert_eq!(message.text(), format!("{round} {place}"));
                    let alias = message.number(property::TOPIC_ALIAS);
                    let named = match alias {
                        None => message.topic.clone(),
                        Some(alias) => {
                            assert!((1..=u32::from(maximum)).contains(&alias), "{alias}");
                            if !message.topic.is_empty() {
                                known.insert(alias, message.topic.clone());
                            }
                            known.get(&alias).expect("an alias that was set").clone()
                        }
                    };
                    assert_eq!(named, topic);
                }
            }
        }
    });
}

/// Aliases end with the connection: on the next one the old number means nothing yet.
/// [MQTT-3.3.2-7]
#[test]
fn an_alias_ends_with_its_connection() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 0);
        let connect = Connect::new(V5, &broker.name()).lasting();
        let mut writer = broker.connect(&connect);
        writer.publish(aliased(&topic, 1, "set"));
        assert_eq!(reader.message().text(), "set");
        writer.cut();
        let mut writer = broker.connect(&connect);
        writer.send(&aliased("", 1, "unknown").bytes(V5));
        writer.thrown_out(&[0x82, 0x94]);
        broker.client(V5).nothing_for(&mut reader);
    });
}

/// A broker that resumes a session names topics anew. [MQTT-3.3.2-7]
#[test]
fn what_comes_again_names_its_topic() {
    on_each(|broker| {
        let topic = broker.name();
        let connect = Connect::new(V5, &broker.name()).lasting();
        let connect = connect.with(two(property::TOPIC_ALIAS_MAXIMUM, 10));
        let mut reader = broker.connect(&connect);
        reader.subscribe(&topic, 1);
        let mut writer = broker.client(V5);
        for count in 0..4 {
            writer.publish(Publish::new(&topic, 1, count.to_string()));
            reader.message();
        }
        reader.cut();
        let mut reader = broker.connect(&connect);
        let mut known: HashMap<u32, String> = HashMap::new();
        for count in 0..4 {
            let message = reader.take();
            assert_eq!(message.text(), count.to_string());
            if message.topic.is_empty() {
                let alias = message
                    .number(property::TOPIC_ALIAS)
                    .expect("a topic or an alias");
                assert_eq!(known.get(&alias), Some(&topic));
            } else {
                assert_eq!(message.topic, topic);
                if let Some(alias) = message.number(property::TOPIC_ALIAS) {
                    known.insert(alias, topic.clone());
                }
            }
        }
    });
}

/// With QoS 1 and 2 as with QoS 0. [MQTT-3.3.2-12]
#[test]
fn an_alias_goes_with_every_qos() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        writer.publish(aliased(&topic, 1, "set"));
        reader.message();
        for qos in [1, 2] {
            let publish = Publish {
                qos,
                ..aliased("", 1, "used")
            };
            writer.publish(publish);
            let message = reader.take();
            assert_eq!((message.topic.as_str(), message.qos), (topic.as_str(), qos));
        }
        writer.send(&wire::PINGREQ);
        assert_eq!(writer.packet(), wire::Packet::PingResp);
    });
}
