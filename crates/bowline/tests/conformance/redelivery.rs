//! Messages across connections: kept while a client is away, sent again when it had not finished.

use crate::client::{Client, Connect};
use crate::harness::{Broker, on_each};
use crate::wire::{self, ALL, Packet, Publish, SINCE_311, V5, Version};

/// A lasting session with this subscription, and its CONNECT.
fn lasting(broker: &Broker, version: Version, topic: &str, qos: u8) -> (Client, Connect) {
    let connect = Connect::new(version, &broker.name()).lasting();
    let mut client = broker.connect(&connect);
    client.subscribe(topic, qos);
    (client, connect)
}

/// QoS 1 and 2 wait for a session that is away. [MQTT-4.5.0-1] [MQTT-4.1.0-1] [MQTT-3.1.2-5]
/// [MQTT3-3.1.2-4] [MQTT3-3.1.2-5] [MQTT3-4.5.0-1] [MQTT3-4.1.0-1] [MQTT3-4.1.0-2]
#[test]
fn messages_wait_for_an_absent_session() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let (reader, connect) = lasting(broker, version, &topic, 2);
            reader.leave();
            let mut writer = broker.client(version);
            for (count, qos) in [1, 2, 1, 2].into_iter().enumerate() {
                writer.publish(Publish::new(&topic, qos, count.to_string()));
            }
            let mut reader = broker.connect(&connect);
            assert_eq!(reader.session_present, version != Version::V31);
            let messages: Vec<Publish> = (0..4).map(|_| reader.take()).collect();
            assert!(
                messages.iter().all(|message| !message.dup),
                "never sent before"
            );
            for qos in [1, 2] {
                let of_qos: Vec<&str> = messages
                    .iter()
                    .filter(|m| m.qos == qos)
                    .map(Publish::text)
                    .collect();
                assert_eq!(of_qos, if qos == 1 { ["0", "2"] } else { ["1", "3"] });
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// What was sent and not acknowledged comes again: same identifier, DUP, same order; what was
/// acknowledged does not.
/// [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.6.0-1] [MQTT-3.1.2-23]
/// [MQTT3-2.3.1-3] [MQTT3-3.3.1-1] [MQTT3-4.4.0-1] [MQTT3-4.3.2-1] [MQTT3-4.3.3-1]
/// [MQTT3-4.6.0-1]
#[test]
fn unacknowledged_messages_come_again() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let (mut reader, connect) = lasting(broker, version, &topic, 2);
            let mut writer = broker.client(version);
            for count in 0..6 {
                writer.publish(Publish::new(&topic, 1 + count % 2, count.to_string()));
            }
            let sent: Vec<Publish> = (0..6).map(|_| reader.message()).collect();
            // The first of each QoS is finished, the rest stays open.
            reader.acknowledge(&sent[0]);
            reader.acknowledge(&sent[1]);
            reader.ping();
            for _ in 0..2 {
                reader.cut();
                reader = broker.connect(&connect);
                for message in &sent[2..] {
                    assert_eq!(reader.message(), message.clone().dup(), "{version:?}");
                }
            }
            for message in &sent[2..] {
                reader.acknowledge(message);
            }
            writer.nothing_for(&mut reader);
            reader.cut();
            let mut reader = broker.connect(&connect);
            writer.nothing_for(&mut reader);
        }
    });
}

/// After PUBREC the PUBREL is what comes again, not the PUBLISH.
/// [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT3-4.3.3-1] [MQTT3-4.4.0-1]
#[test]
fn after_pubrec_only_pubrel_comes_again() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let (mut reader, connect) = lasting(broker, version, &topic, 2);
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 2, "x"));
            let message = reader.message();
            reader.send(&wire::ack(wire::PUBREC, message.id));
            reader.acked(wire::PUBREL, message.id);
            for _ in 0..2 {
                reader.cut();
                reader = broker.connect(&connect);
                reader.acked(wire::PUBREL, message.id);
            }
            reader.send(&wire::ack(wire::PUBCOMP, message.id));
            reader.ping();
            reader.cut();
            let mut reader = broker.connect(&connect);
            writer.nothing_for(&mut reader);
        }
    });
}

/// On a connection that stays nothing is sent twice. [MQTT-4.4.0-1]
#[test]
fn nothing_is_sent_again_on_a_live_connection() {
    on_each(|broker| {
        let topic = broker.name();
        let (mut reader, _) = lasting(broker, V5, &topic, 2);
        let mut writer = broker.client(V5);
        for qos in [1, 2] {
            writer.publish(Publish::new(&topic, qos, "x"));
            reader.message();
        }
        let quiet = reader.next_within(std::time::Duration::from_secs(2));
        assert_eq!(quiet, None);
        writer.nothing_for(&mut reader);
    });
}

/// A QoS 2 message that the publisher began before the cut is finished after it, once.
/// [MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT-4.4.0-1] [MQTT-4.1.0-1] [MQTT3-4.3.3-2]
/// [MQTT3-4.4.0-1]
#[test]
fn an_inbound_qos_2_survives_a_cut() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let connect = Connect::new(version, &broker.name()).lasting();
            let publish = Publish::new(&topic, 2, "once").id(11);
            for round in 0..3 {
                let mut writer = broker.connect(&connect);
                let publish = if round == 0 {
                    publish.clone()
                } else {
                    publish.clone().dup()
                };
                writer.send(&publish.bytes(version));
                assert_eq!(writer.acked(wire::PUBREC, 11), 0);
                writer.cut();
            }
            // Delivered with the PUBLISH or with the PUBREL, as the broker likes.
            let mut writer = broker.connect(&connect);
            writer.send(&wire::ack(wire::PUBREL, 11));
            assert_eq!(writer.acked(wire::PUBCOMP, 11), 0);
            assert_eq!(reader.message().text(), "once");
            writer.nothing_for(&mut reader);
            // PUBREL again, because PUBCOMP might have been lost.
            writer.cut();
            let mut writer = broker.connect(&connect);
            writer.send(&wire::ack(wire::PUBREL, 11));
            writer.acked(wire::PUBCOMP, 11);
            writer.send(&publish.bytes(version));
            assert_eq!(writer.acked(wire::PUBREC, 11), 0);
            writer.send(&wire::ack(wire::PUBREL, 11));
            writer.acked(wire::PUBCOMP, 11);
            assert_eq!(
                reader.message().text(),
                "once",
                "a new message under a free identifier"
            );
        }
    });
}

/// A PUBACK that was lost: the publisher sends again under the same identifier with DUP; the
/// message is delivered at least once and acknowledged. [MQTT-4.3.2-5] [MQTT3-4.3.2-2]
#[test]
fn a_lost_puback_costs_nothing() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 1);
            let connect = Connect::new(version, &broker.name()).lasting();
            let publish = Publish::new(&topic, 1, "at least once").id(4);
            let mut writer = broker.connect(&connect);
            writer.send(&publish.bytes(version));
            assert_eq!(reader.take().text(), "at least once");
            writer.cut();
            let mut writer = broker.connect(&connect);
            writer.send(&publish.dup().bytes(version));
            assert_eq!(writer.acked(wire::PUBACK, 4), 0);
            assert_eq!(reader.take().text(), "at least once");
        }
    });
}

/// A session taken over goes on on the later connection. [MQTT-3.1.4-3] [MQTT-4.4.0-1]
/// [MQTT3-3.1.4-2]
#[test]
fn a_take_over_sends_again_what_was_open() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let (mut first, connect) = lasting(broker, version, &topic, 1);
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "open"));
            let sent = first.message();
            let mut second = broker.connect(&connect);
            first.thrown_out(&[0x8E]);
            assert_eq!(second.take(), sent.dup());
            writer.publish(Publish::new(&topic, 1, "next"));
            assert_eq!(second.take().text(), "next");
        }
    });
}

/// Thousands waiting, a little at a time on the wire, in order. [MQTT-4.6.0-5] [MQTT3-4.6.0-6]
#[test]
fn a_long_queue_drains_in_order() {
    const COUNT: usize = 800;
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let (reader, connect) = lasting(broker, version, &topic, 1);
            reader.leave();
            let mut writer = broker.client(version);
            for count in 0..COUNT {
                writer.publish(Publish::new(&topic, 1, count.to_string()));
            }
            let mut reader = broker.connect(&connect);
            for count in 0..COUNT {
                let message = reader.take();
                assert_eq!(
                    (message.text(), message.dup),
                    (count.to_string().as_str(), false)
                );
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// Acknowledgements in any order are taken, and only what is open comes again.
/// [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT3-4.4.0-1]
#[test]
fn acknowledgements_may_come_in_any_order() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let (mut reader, connect) = lasting(broker, version, &topic, 1);
            let mut writer = broker.client(version);
            for count in 0..5 {
                writer.publish(Publish::new(&topic, 1, count.to_string()));
            }
            let sent: Vec<Publish> = (0..5).map(|_| reader.message()).collect();
            for place in [4, 2, 0] {
                reader.acknowledge(&sent[place]);
            }
            reader.ping();
            reader.cut();
            let mut reader = broker.connect(&connect);
            assert_eq!(reader.message(), sent[1].clone().dup());
            assert_eq!(reader.message(), sent[3].clone().dup());
            writer.nothing_for(&mut reader);
        }
    });
}

/// Clean start throws away what waited and what was open, in both directions.
/// [MQTT-3.1.2-4] [MQTT3-3.1.2-6]
#[test]
fn a_clean_start_forgets_messages() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let (mut reader, connect) = lasting(broker, version, &topic, 1);
            let mut writer = broker.client(version);
            writer.publish(Publish::new(&topic, 1, "open"));
            reader.message();
            reader.cut();
            writer.publish(Publish::new(&topic, 1, "waiting"));
            broker
                .connect(&Connect {
                    clean: true,
                    ..connect.clone()
                })
                .leave();
            let mut reader = broker.connect(&connect);
            // In 5.0 the clean session lasts too; what it must not have is the old content.
            assert_eq!(reader.session_present, version == V5);
            reader.send(&wire::PINGREQ);
            assert_eq!(reader.packet(), Packet::PingResp);
            writer.nothing_for(&mut reader);
        }
    });
}
