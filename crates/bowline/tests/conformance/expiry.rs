//! Message expiry: what has waited too long is not delivered, and the rest says how long it has left.

use std::time::Duration;

use crate::client::Connect;
use crate::harness::{let_pass, on_each};
use crate::wire::{self, Publish, V5, V311, four, property};

fn expiring(topic: &str, qos: u8, payload: &str, secs: u32) -> Publish {
    Publish::new(topic, qos, payload).with(four(property::MESSAGE_EXPIRY, secs))
}

/// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
#[test]
fn a_waiting_message_expires() {
    on_each(|broker| {
        for version in [V5, V311] {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name()).lasting();
            let mut reader = broker.connect(&connect);
            reader.subscribe(&topic, 2);
            reader.leave();
            let mut writer = broker.client(V5);
            for qos in [1, 2] {
                writer.publish(expiring(&topic, qos, "short", 1));
                writer.publish(expiring(&topic, qos, "long", 100));
                writer.publish(Publish::new(&topic, qos, "endless"));
            }
            let_pass(Duration::from_millis(2_100));
            let mut reader = broker.connect(&connect);
            let mut got: Vec<(String, Option<u32>)> = (0..4)
                .map(|_| {
                    let message = reader.take();
                    (
                        message.text().to_owned(),
                        message.number(property::MESSAGE_EXPIRY),
                    )
                })
                .collect();
            writer.nothing_for(&mut reader);
            got.sort();
            let texts: Vec<&str> = got.iter().map(|(text, _)| text.as_str()).collect();
            assert_eq!(texts, ["endless", "endless", "long", "long"]);
            for (text, left) in got {
                match left {
                    Some(left) => assert!((80..=98).contains(&left), "{text}: {left}"),
                    None => assert!(text == "endless" || version == V311),
                }
            }
        }
    });
}

/// At once delivered, a message has what it was given. [MQTT-3.3.2-6]
#[test]
fn a_fresh_message_has_its_whole_expiry() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        for qos in 0..3 {
            writer.publish(expiring(&topic, qos, "x", 100));
            let left = reader
                .take()
                .number(property::MESSAGE_EXPIRY)
                .expect("an expiry");
            assert!((90..=100).contains(&left), "{left}");
        }
    });
}

/// Retained messages expire too, and say what is left. [MQTT-3.3.2-5] [MQTT-3.3.2-6]
#[test]
fn a_retained_message_expires() {
    on_each(|broker| {
        let name = broker.name();
        let mut writer = broker.client(V5);
        writer.publish(expiring(&format!("{name}/short"), 1, "short", 1).retain());
        writer.publish(expiring(&format!("{name}/long"), 1, "long", 100).retain());
        let_pass(Duration::from_millis(2_100));
        let mut reader = broker.client(V5);
        reader.subscribe(&format!("{name}/+"), 1);
        let message = reader.take();
        assert_eq!(message.text(), "long");
        let left = message.number(property::MESSAGE_EXPIRY).expect("an expiry");
        assert!((80..=98).contains(&left), "{left}");
        writer.nothing_for(&mut reader);
    });
}

/// A message that waits for room in the window expires there; one that was sent does not.
/// [MQTT-3.3.2-5] [MQTT-4.3.3-7]
#[test]
fn it_expires_behind_a_full_window() {
    on_each(|broker| {
        let topic = broker.name();
        let connect = Connect::new(V5, &broker.name()).lasting();
        let connect = connect.with(wire::two(property::RECEIVE_MAXIMUM, 1));
        let mut reader = broker.connect(&connect);
        reader.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        writer.publish(expiring(&topic, 2, "sent", 1));
        let sent = reader.message();
        writer.publish(expiring(&topic, 2, "waiting", 1));
        writer.publish(Publish::new(&topic, 2, "endless"));
        let_pass(Duration::from_millis(2_100));
        // What was sent is sent again when the session resumes, expired or not.
        reader.cut();
        let mut reader = broker.connect(&connect);
        let again = reader.take();
        assert_eq!((again.text(), again.id, again.dup), ("sent", sent.id, true));
        assert_eq!(reader.take().text(), "endless");
        writer.nothing_for(&mut reader);
    });
}
