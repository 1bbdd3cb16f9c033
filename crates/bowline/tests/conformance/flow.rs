//! Flow control: Receive Maximum in both directions.

use crate::client::{Client, Connect};
use crate::harness::{Broker, Knobs, on_each, on_each_with};
use crate::wire::{self, Packet, Publish, V5, number, property, two};

/// A lasting subscriber that takes `maximum` messages at a time.
fn narrow(broker: &Broker, topic: &str, maximum: u16) -> (Client, Connect) {
    let connect = Connect::new(V5, &broker.name()).lasting();
    let connect = connect.with(two(property::RECEIVE_MAXIMUM, maximum));
    let mut client = broker.connect(&connect);
    client.subscribe(topic, 2);
    (client, connect)
}

/// No more unfinished messages than the client takes; each that is finished lets one more in.
/// [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]
#[test]
fn the_broker_keeps_the_clients_maximum() {
    on_each(|broker| {
        for qos in [1, 2] {
            for maximum in [1, 3] {
                let topic = broker.name();
                let (mut reader, _) = narrow(broker, &topic, maximum);
                let mut writer = broker.client(V5);
                for count in 0..10 {
                    writer.publish(Publish::new(&topic, qos, count.to_string()));
                }
                let mut open: Vec<Publish> = (0..maximum).map(|_| reader.message()).collect();
                let mut expected = 0;
                while !open.is_empty() {
                    // Everything else is answered, and nothing more is sent.
                    reader.ping();
                    let message = open.remove(0);
                    assert_eq!(message.text(), expected.to_string());
                    expected += 1;
                    if qos == 2 {
                        // Only the end of the handshake makes room.
                        reader.send(&wire::ack(wire::PUBREC, message.id));
                        reader.acked(wire::PUBREL, message.id);
                        reader.ping();
                        reader.send(&wire::ack(wire::PUBCOMP, message.id));
                    } else {
                        reader.acknowledge(&message);
                    }
                    if expected + open.len() < 10 {
                        open.push(reader.message());
                    }
                }
                assert_eq!(expected, 10);
                writer.nothing_for(&mut reader);
            }
        }
    });
}

/// With the window full, everything but QoS 1 and 2 goes on. [MQTT-3.3.4-10] [MQTT-4.9.0-3]
#[test]
fn a_full_window_delays_nothing_else() {
    on_each(|broker| {
        let (topic, other) = (broker.name(), broker.name());
        let (mut reader, _) = narrow(broker, &topic, 1);
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "held"));
        writer.publish(Publish::new(&topic, 1, "waiting"));
        let held = reader.message();
        reader.ping();
        reader.subscribe(&other, 0);
        writer.publish(Publish::new(&other, 0, "QoS 0"));
        assert_eq!(reader.message().text(), "QoS 0");
        reader.unsubscribe(&other);
        reader.publish(Publish::new(&other, 1, "its own"));
        reader.publish(Publish::new(&other, 2, "its own"));
        reader.acknowledge(&held);
        assert_eq!(reader.take().text(), "waiting");
    });
}

/// A refusal makes room too. [MQTT-4.9.0-2] [MQTT-4.4.0-2]
#[test]
fn a_refusal_makes_room() {
    on_each(|broker| {
        for (qos, first) in [(1, wire::PUBACK), (2, wire::PUBREC)] {
            let topic = broker.name();
            let (mut reader, _) = narrow(broker, &topic, 1);
            let mut writer = broker.client(V5);
            for count in 0..3 {
                writer.publish(Publish::new(&topic, qos, count.to_string()));
            }
            for count in 0..3 {
                let message = reader.message();
                assert_eq!(message.text(), count.to_string());
                reader.send(&wire::ack_with(first, message.id, 0x80));
            }
            writer.nothing_for(&mut reader);
        }
    });
}

/// The maximum is the connection's: what comes again counts, and a new one is in force.
/// [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.4.0-1]
#[test]
fn the_maximum_counts_across_a_cut() {
    on_each(|broker| {
        let topic = broker.name();
        let (mut reader, connect) = narrow(broker, &topic, 4);
        let mut writer = broker.client(V5);
        for count in 0..6 {
            writer.publish(Publish::new(&topic, 1, count.to_string()));
        }
        for _ in 0..4 {
            reader.message();
        }
        reader.cut();
        let mut narrower = connect;
        narrower.properties.pop();
        narrower.properties.push(two(property::RECEIVE_MAXIMUM, 2));
        let mut reader = broker.connect(&narrower);
        let mut open = vec![reader.message(), reader.message()];
        for count in 0..6 {
            reader.ping();
            let message = open.remove(0);
            let expected = (count.to_string(), count < 4);
            assert_eq!((message.text().to_owned(), message.dup), expected);
            reader.acknowledge(&message);
            if count < 4 {
                open.push(reader.message());
            }
        }
        reader.ping();
    });
}

/// As many as the broker said, unfinished at once: all are taken. [MQTT-3.3.4-7] [MQTT-4.9.0-1]
#[test]
fn the_broker_takes_what_it_said() {
    on_each(|broker| {
        let topic = broker.name();
        let mut writer = broker.client(V5);
        let maximum = number(&writer.granted, property::RECEIVE_MAXIMUM).unwrap_or(65_535);
        if broker.is_ours {
            assert_eq!(maximum, 1_024);
        }
        let maximum = u16::try_from(maximum).expect("two bytes");
        for id in 1..=maximum {
            writer.send(&Publish::new(&topic, 2, "x").id(id).bytes(V5));
        }
        for id in 1..=maximum {
            let code = writer.acked(wire::PUBREC, id);
            assert!(code < 0x80, "{code:#04x}");
        }
        // QoS 0 does not count.
        writer.send(&Publish::new(&topic, 0, "x").bytes(V5));
        for id in 1..=maximum {
            writer.send(&wire::ack(wire::PUBREL, id));
        }
        for id in 1..=maximum {
            assert_eq!(writer.acked(wire::PUBCOMP, id), 0);
        }
        writer.ping();
    });
}

/// One more than it said, with the standard's letter in force: 0x93. [MQTT-3.3.4-7]
/// [MQTT-4.13.1-1]
#[test]
fn one_more_is_refused() {
    on_each_with(
        Knobs {
            disconnect_on_excess: true,
            ..Knobs::default()
        },
        |broker| {
            let topic = broker.name();
            let mut writer = broker.client(V5);
            let maximum = number(&writer.granted, property::RECEIVE_MAXIMUM).unwrap_or(65_535);
            let maximum = u16::try_from(maximum).expect("two bytes");
            for id in 1..=maximum {
                writer.send(&Publish::new(&topic, 2, "x").id(id).bytes(V5));
            }
            for id in 1..=maximum {
                writer.acked(wire::PUBREC, id);
            }
            writer.send(&Publish::new(&topic, 2, "x").id(maximum + 1).bytes(V5));
            writer.thrown_out(&[0x93]);
        },
    );
}

/// One more than it said, by default: it waits, and all are taken in the end.
#[test]
fn one_more_is_paused_by_default() {
    on_each(|broker| {
        if !broker.is_ours {
            return; // a choice of ours
        }
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 0);
        let mut writer = broker.client(V5);
        for id in 1..=1_025 {
            writer.send(&Publish::new(&topic, 2, id.to_string()).id(id).bytes(V5));
        }
        for id in 1..=1_024 {
            assert_eq!(writer.acked(wire::PUBREC, id), 0);
        }
        // Acknowledgements and pings still count while it waits.
        writer.ping();
        writer.send(&wire::ack(wire::PUBREL, 1));
        let answers = [writer.packet(), writer.packet()];
        for (first, id) in [(wire::PUBCOMP, 1), (wire::PUBREC, 1_025)] {
            let is_it = |packet: &Packet| matches!(packet, Packet::Ack { first: f, id: i, .. } if (*f, *i) == (first, id));
            assert!(answers.iter().any(is_it), "{answers:?}");
        }
        for id in 1..=1_025 {
            assert_eq!(reader.message().text(), id.to_string());
        }
    });
}

/// A client that both publishes and subscribes, with the smallest window: everything drains.
/// [MQTT-4.9.0-2] [MQTT-4.9.0-3]
#[test]
fn the_smallest_windows_drain() {
    const COUNT: usize = 200;
    on_each(|broker| {
        for qos in [1, 2] {
            let topic = broker.name();
            let (mut client, _) = narrow(broker, &topic, 1);
            let (mut received, mut finished, mut next_id) = (0, 0, 1);
            client.send(&Publish::new(&topic, qos, "0").id(next_id).bytes(V5));
            while received < COUNT || finished < COUNT {
                match client.packet() {
                    Packet::Publish(message) => {
                        assert_eq!(message.text(), received.to_string());
                        received += 1;
                        client.acknowledge_loosely(&message);
                    }
                    Packet::Ack {
                        first: wire::PUBREL,
                        id,
                        ..
                    } => {
                        client.send(&wire::ack(wire::PUBCOMP, id));
                    }
                    Packet::Ack {
                        first: wire::PUBREC,
                        id,
                        ..
                    } => {
                        client.send(&wire::ack(wire::PUBREL, id));
                    }
                    Packet::Ack { .. } => {
                        finished += 1;
                        next_id += 1;
                        if finished < COUNT {
                            let publish = Publish::new(&topic, qos, finished.to_string());
                            client.send(&publish.id(next_id).bytes(V5));
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}
