//! UNSUBSCRIBE: what ends, what goes on, and what UNSUBACK says.

use crate::client::Connect;
use crate::harness::on_each;
use crate::wire::{self, ALL, Packet, Publish, SINCE_311, V5};

/// [MQTT-2.2.1-6] [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT3-2.3.1-7]
/// [MQTT3-3.10.4-1] [MQTT3-3.10.4-2] [MQTT3-3.10.4-4]
#[test]
fn nothing_comes_after_unsuback() {
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            let mut reader = broker.client(version);
            let mut writer = broker.client(version);
            for (filter, topic) in [("/a", "/a"), ("/+", "/a"), ("/#", "/b/c")] {
                let (filter, topic) = (format!("{name}{filter}"), format!("{name}{topic}"));
                reader.subscribe(&filter, 0);
                writer.publish(Publish::new(&topic, 0, "x"));
                assert_eq!(reader.message().topic, topic);
                reader.unsubscribe(&filter);
                writer.publish(Publish::new(&topic, 0, "x"));
                writer.nothing_for(&mut reader);
            }
        }
    });
}

/// Only an equal filter is deleted; matching does not count, nor case.
/// [MQTT-3.10.4-1] [MQTT3-3.10.4-1] [MQTT-3.10.4-5] [MQTT3-3.10.4-5]
#[test]
fn only_the_equal_filter_goes() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let name = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&format!("{name}/a"), 0);
            let mut writer = broker.client(version);
            for other in ["/A", "/+", "/#", "/a/", "/a/#", ""] {
                let code = reader.unsubscribe(&format!("{name}{other}"));
                assert_eq!(code, if version == V5 { 0x11 } else { 0 });
                writer.publish(Publish::new(&format!("{name}/a"), 0, "x"));
                assert_eq!(reader.message().text(), "x");
            }
        }
    });
}

/// One UNSUBACK for several filters, in 5.0 with a code for each in order.
/// [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] [MQTT3-3.10.4-5]
/// [MQTT3-3.10.4-6] [MQTT3-3.10.4-4]
#[test]
fn unsuback_has_a_code_for_each_filter() {
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            let (a, b, c) = (
                format!("{name}/a"),
                format!("{name}/b"),
                format!("{name}/c"),
            );
            let mut client = broker.client(version);
            client.subscribe(&a, 1);
            client.subscribe(&c, 1);
            for (id, expected) in [(5, [0x00, 0x11, 0x00, 0x11]), (65_535, [0x11; 4])] {
                client.send(&wire::unsubscribe(version, id, &[&a, &b, &c, &a]));
                match client.packet() {
                    Packet::UnsubAck { id: got, codes, .. } => {
                        assert_eq!(got, id);
                        if version == V5 {
                            assert_eq!(codes, expected);
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}

/// Deliveries that had begun are finished, also across a cut.
/// [MQTT-3.10.4-3] [MQTT3-3.10.4-3]
#[test]
fn what_was_begun_is_finished() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name()).lasting();
            let mut reader = broker.connect(&connect);
            reader.subscribe(&topic, 2);
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "one"));
            writer.publish(Publish::new(&topic, 2, "two"));
            writer.publish(Publish::new(&topic, 2, "three"));
            let sent: Vec<Publish> = (0..3).map(|_| reader.message()).collect();
            reader.unsubscribe(&topic);
            reader.acknowledge(&sent[2]);
            reader.cut();
            let mut reader = broker.connect(&connect);
            for message in &sent[..2] {
                assert_eq!(reader.message(), message.clone().dup());
            }
            for message in &sent[..2] {
                reader.acknowledge(message);
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// A session that unsubscribed stays unsubscribed when it resumes. [MQTT-3.10.4-1]
/// [MQTT3-3.10.4-1]
#[test]
fn unsubscribing_lasts_with_the_session() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name()).lasting();
            let mut reader = broker.connect(&connect);
            reader.subscribe(&topic, 1);
            reader.unsubscribe(&topic);
            reader.leave();
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "x"));
            let mut reader = broker.connect(&connect);
            writer.nothing_for(&mut reader);
        }
    });
}
