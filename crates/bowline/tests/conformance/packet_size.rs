//! Maximum Packet Size: what is too large for a client does not go to it.

use crate::client::{Client, Connect};
use crate::harness::{Broker, on_each};
use crate::wire::{self, Packet, Publish, V5, four, number, pair, property, text};

/// A lasting subscriber that takes packets of at most `maximum` bytes.
fn small(broker: &Broker, topic: &str, maximum: u32) -> (Client, Connect) {
    let connect = Connect::new(V5, &broker.name()).lasting();
    let connect = connect.with(four(property::MAXIMUM_PACKET_SIZE, maximum));
    let mut client = broker.connect(&connect);
    client.subscribe(topic, 2);
    (client, connect)
}

/// Dropped as if delivered: the publisher is acknowledged, others get it, nothing is blocked.
/// [MQTT-3.1.2-24] [MQTT-3.1.2-25]
#[test]
fn what_is_too_large_is_passed_over() {
    on_each(|broker| {
        let topic = broker.name();
        let (mut reader, connect) = small(broker, &topic, 100);
        let mut roomy = broker.client(V5);
        roomy.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        for qos in 0..3 {
            writer.publish(Publish::new(&topic, qos, vec![b'x'; 200]));
            writer.publish(Publish::new(&topic, qos, "fits"));
            assert_eq!(reader.take().text(), "fits", "QoS {qos}");
            assert_eq!(roomy.take().payload.len(), 200);
            assert_eq!(roomy.take().text(), "fits");
        }
        // Also from the queue of a session that was away.
        reader.cut();
        writer.publish(Publish::new(&topic, 1, vec![b'x'; 200]));
        writer.publish(Publish::new(&topic, 1, "fits"));
        let mut reader = broker.connect(&connect);
        assert_eq!(reader.take().text(), "fits");
        writer.nothing_for(&mut reader);
    });
}

/// The boundary is the whole packet, to the byte. [MQTT-3.1.2-24]
#[test]
fn the_boundary_is_the_whole_packet() {
    on_each(|broker| {
        let topic = broker.name();
        let fits = vec![b'x'; 50];
        // As the broker sends it: the same fields, no properties.
        let size = Publish::new(&topic, 1, &fits).bytes(V5).len();
        let (mut reader, _) = small(broker, &topic, u32::try_from(size).expect("small"));
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, [fits.as_slice(), b"x"].concat()));
        writer.publish(Publish::new(&topic, 1, &fits));
        assert_eq!(reader.take().payload, fits);
        writer.nothing_for(&mut reader);
    });
}

/// Properties count, and retained messages and wills are no exception.
/// [MQTT-3.1.2-24] [MQTT-3.1.2-25]
#[test]
fn properties_and_retained_messages_count() {
    on_each(|broker| {
        let name = broker.name();
        let mut writer = broker.client(V5);
        let long = "x".repeat(200);
        writer.publish(
            Publish::new(&format!("{name}/1"), 1, "")
                .with(pair("k", &long))
                .retain(),
        );
        let publish = Publish::new(&format!("{name}/2"), 1, &long).retain();
        writer.publish(publish);
        writer.publish(Publish::new(&format!("{name}/3"), 1, "fits").retain());
        let (mut reader, _) = small(broker, &format!("{name}/+"), 100);
        assert_eq!(reader.take().text(), "fits");
        writer.nothing_for(&mut reader);
    });
}

/// Whatever the broker would like to say, no packet of it is larger than the client takes.
/// [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
/// [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2]
/// [MQTT-3.14.2-3] [MQTT-3.14.2-4] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.1.2-24]
#[test]
fn words_of_the_broker_are_left_out_where_they_do_not_fit() {
    // Room for every answer without words: CONNACK with a few numbers is the largest.
    const MAXIMUM: u32 = 20;
    on_each(|broker| {
        let topic = broker.name();
        let (mut client, _) = small(broker, &topic, MAXIMUM);
        // None of these succeeds, so the broker has something to say about each.
        client.send(&wire::ack(wire::PUBREL, 9));
        let code = client.acked(wire::PUBCOMP, 9);
        assert!(code == 0 || code == 0x92);
        assert_eq!(client.unsubscribe("no/such/subscription"), 0x11);
        client.send(&Publish::new("nobody/listens", 1, "").id(1).bytes(V5));
        client.acked(wire::PUBACK, 1);
        client.send(&Publish::new("nobody/listens", 2, "").id(2).bytes(V5));
        client.acked(wire::PUBREC, 2);
        client.send(&wire::ack(wire::PUBREC, 9));
        let code = client.acked(wire::PUBREL, 9);
        assert!(code == 0 || code == 0x92);
        client.send(
            &Publish {
                qos: 3,
                ..Publish::new("a", 1, "x")
            }
            .bytes(V5),
        );
        client.thrown_out(&[0x81]);
        assert!(
            client.largest_bytes <= MAXIMUM as usize,
            "{} bytes",
            client.largest_bytes
        );
        // A refusal of CONNECT.
        let connect = Connect::new(V5, &broker.name())
            .with(four(property::MAXIMUM_PACKET_SIZE, MAXIMUM))
            .with(text(property::AUTHENTICATION_METHOD, "none"));
        let mut refused = broker.open(V5);
        refused.send(&connect.bytes());
        match refused.packet() {
            Packet::ConnAck { code, .. } => assert_eq!(code, 0x8C),
            other => panic!("{other:?}"),
        }
        refused.closed();
        assert!(
            refused.largest_bytes <= MAXIMUM as usize,
            "{} bytes",
            refused.largest_bytes
        );
    });
}

/// A packet as large as the broker says it takes is taken. [MQTT-3.2.2-15]
#[test]
fn the_broker_takes_the_size_it_said() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 0);
        let mut writer = broker.client(V5);
        let maximum = number(&writer.granted, property::MAXIMUM_PACKET_SIZE).unwrap_or(1 << 24);
        let head = Publish::new(&topic, 0, vec![0; 3_000_000]).bytes(V5).len() - 3_000_000;
        let length = (maximum as usize).min(1 << 24) - head;
        writer.publish(Publish::new(&topic, 0, vec![b'x'; length]));
        assert_eq!(reader.message().payload.len(), length);
    });
}
