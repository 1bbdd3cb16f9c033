//! Wills: when they are published, when not, and as what.

use std::time::{Duration, Instant};

use crate::client::{Client, Connect, SOON, Will};
use crate::harness::{Broker, on_each};
use crate::wire::{
    self, ALL, Publish, SINCE_311, V5, V311, Version, byte, four, pair, property, text,
};

/// A topic of its own, somebody who listens to it, and a will for it.
fn listener(broker: &Broker, version: Version) -> (String, Client, Will) {
    let topic = broker.name();
    let mut reader = broker.client(version);
    reader.subscribe(&topic, 2);
    let will = Will::new(&topic, "gone");
    (topic, reader, will)
}

/// Cut, protocol error, silence, take-over: all end a connection without DISCONNECT.
/// [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT3-3.1.2-8] [MQTT3-3.1.2-10]
#[test]
fn it_is_published_when_the_connection_fails() {
    on_each(|broker| {
        for &version in ALL {
            let (_, mut reader, will) = listener(broker, version);
            let name = broker.name();
            let connect = Connect::new(version, &name).will(will);
            broker.connect(&connect).cut();
            assert_eq!(reader.message().text(), "gone", "cut");

            let mut rude = broker.connect(&connect);
            rude.send(&connect.bytes());
            assert_eq!(reader.take().text(), "gone", "second CONNECT");

            let silent = broker.connect(&connect.clone().keep_alive(1));
            assert_eq!(reader.take().text(), "gone", "silence");
            drop(silent);

            let taken = broker.connect(&connect);
            let mut other = broker.connect(&Connect::new(version, &name));
            assert_eq!(reader.take().text(), "gone", "take-over");
            drop(taken);
            // Published once each time.
            other.nothing_for(&mut reader);
        }
    });
}

/// [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT3-3.14.4-3] [MQTT3-3.1.2-10] [MQTT3-3.1.2-12]
#[test]
fn disconnect_discards_it() {
    on_each(|broker| {
        for &version in ALL {
            let (_, mut reader, will) = listener(broker, version);
            let connect = Connect::new(version, &broker.name()).will(will);
            broker.connect(&connect).leave();
            // A later connection without a will has none.
            broker
                .connect(&Connect {
                    will: None,
                    ..connect
                })
                .cut();
            broker.client(version).nothing_for(&mut reader);
        }
    });
}

/// DISCONNECT 0x04, and any code above 0x80, leave it standing. [MQTT-3.1.2-10]
#[test]
fn disconnect_with_will_publishes_it() {
    on_each(|broker| {
        for code in [0x04, 0x80, 0x81] {
            let (_, mut reader, will) = listener(broker, V5);
            let mut client = broker.connect(&Connect::new(V5, &broker.name()).will(will));
            client.send(&wire::disconnect_with(code, &[]));
            client.closed();
            assert_eq!(reader.take().text(), "gone", "{code:#04x}");
        }
    });
}

/// [MQTT-3.1.2-9] [MQTT-3.1.2-12] [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT3-3.1.2-14]
/// [MQTT3-3.1.2-16] [MQTT3-3.1.2-17]
#[test]
fn it_has_the_qos_and_retain_of_its_connect() {
    on_each(|broker| {
        for &version in ALL {
            for qos in 0..3 {
                for retain in [false, true] {
                    let (topic, mut reader, will) = listener(broker, version);
                    let will = Will {
                        qos,
                        retain,
                        ..will
                    };
                    let connect = Connect::new(version, &broker.name()).will(will);
                    broker.connect(&connect).cut();
                    let message = reader.take();
                    assert_eq!((message.qos, message.text()), (qos, "gone"));
                    broker.until_retained(&topic, retain.then_some("gone"));
                    let mut later = broker.client(version);
                    later.subscribe(&topic, 0);
                    if retain {
                        let message = later.message();
                        assert_eq!((message.text(), message.retain), ("gone", true));
                    }
                    broker.client(version).nothing_for(&mut later);
                }
            }
        }
    });
}

/// An empty payload is a will too. [MQTT-3.1.2-9] [MQTT3-3.1.2-9]
#[test]
fn it_may_be_empty() {
    on_each(|broker| {
        for &version in ALL {
            let (topic, mut reader, _) = listener(broker, version);
            let connect = Connect::new(version, &broker.name()).will(Will::new(&topic, ""));
            broker.connect(&connect).cut();
            assert_eq!(reader.take().text(), "");
        }
    });
}

/// It is stored for a session that waits. [MQTT-4.5.0-1] [MQTT3-4.5.0-1]
#[test]
fn it_waits_for_an_absent_session() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name()).lasting();
            let mut reader = broker.connect(&connect);
            reader.subscribe(&topic, 1);
            reader.leave();
            let mut live = broker.client(version);
            live.subscribe(&topic, 0);
            let will = Will {
                qos: 1,
                ..Will::new(&topic, "gone")
            };
            broker
                .connect(&Connect::new(version, &broker.name()).will(will))
                .cut();
            live.message();
            assert_eq!(broker.connect(&connect).take().text(), "gone");
        }
    });
}

/// Its properties go with it, user properties in order. [MQTT-3.1.3-10] [MQTT-3.3.2-17]
/// [MQTT-3.1.2-9]
#[test]
fn it_has_its_properties() {
    on_each(|broker| {
        let (_, mut reader, mut will) = listener(broker, V5);
        let sent = vec![
            byte(property::PAYLOAD_FORMAT, 1),
            text(property::CONTENT_TYPE, "text/plain"),
            text(property::RESPONSE_TOPIC, "answers"),
            text(property::CORRELATION_DATA, "7"),
            pair("b", "1"),
            pair("a", "2"),
            pair("b", "3"),
        ];
        will.properties.clone_from(&sent);
        will.properties.push(four(property::WILL_DELAY, 0));
        broker
            .connect(&Connect::new(V5, &broker.name()).will(will))
            .cut();
        let message = reader.take();
        for property in &sent {
            assert!(
                message.properties.contains(property),
                "{property:?} in {message:?}"
            );
        }
        let user: Vec<_> = message
            .properties
            .iter()
            .filter(|p| p.0 == property::USER)
            .cloned()
            .collect();
        assert_eq!(user, sent[4..]);
        assert_eq!(message.number(property::WILL_DELAY), None);
    });
}

/// A session that lasts, with a will that waits this long.
fn delayed(broker: &Broker, will: &Will, delay_secs: u32, session_secs: u32) -> Connect {
    let mut will = will.clone();
    will.properties.push(four(property::WILL_DELAY, delay_secs));
    let connect = Connect::new(V5, &broker.name()).resuming();
    connect
        .with(four(property::SESSION_EXPIRY, session_secs))
        .will(will)
}

/// [MQTT-3.1.2-8]
#[test]
fn it_waits_for_its_delay() {
    on_each(|broker| {
        let (_, mut reader, will) = listener(broker, V5);
        let client = broker.connect(&delayed(broker, &will, 1, 3600));
        let cut = Instant::now();
        client.cut();
        assert_eq!(reader.take().text(), "gone");
        let took = cut.elapsed();
        assert!(took >= Duration::from_millis(900), "{took:?}");
        assert!(took < SOON, "{took:?}");
    });
}

/// A client that is back in time is not mourned. [MQTT-3.1.3-9] [MQTT-3.1.2-8]
#[test]
fn coming_back_in_time_cancels_it() {
    on_each(|broker| {
        let (topic, mut reader, will) = listener(broker, V5);
        let connect = delayed(broker, &will, 2, 3600);
        broker.connect(&connect).cut();
        let mut back = broker.connect(&Connect {
            will: None,
            ..connect
        });
        assert!(back.session_present);
        // A will of the same delay that begins to wait later says when the first is overdue.
        let later = Will::new(&topic, "later");
        broker.connect(&delayed(broker, &later, 2, 3600)).cut();
        assert_eq!(reader.take().text(), "later");
        back.ping();
    });
}

/// A clean start ends the session, and with it the wait. [MQTT-3.1.2-8]
#[test]
fn the_end_of_the_session_ends_the_delay() {
    on_each(|broker| {
        let (_, mut reader, will) = listener(broker, V5);
        // By clean start of the client that is back.
        let connect = delayed(broker, &will, 3600, 7200);
        broker.connect(&connect).cut();
        broker.connect(&Connect::new(V5, &connect.id)).leave();
        assert_eq!(reader.take().text(), "gone", "clean start");
        // By its expiry, which is sooner than the delay.
        broker.connect(&delayed(broker, &will, 3600, 1)).cut();
        assert_eq!(reader.take().text(), "gone", "expiry");
        // A session that ends with its connection: no delay at all.
        broker.connect(&delayed(broker, &will, 3600, 0)).cut();
        assert_eq!(reader.take().text(), "gone", "no session");
    });
}

/// A delay runs on over another cut: each connection's will is its own. [MQTT-3.1.2-8]
/// [MQTT-3.1.2-10]
#[test]
fn the_latest_connects_will_counts() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let (topic, mut reader, _) = listener(broker, version);
            let connect = Connect::new(version, &broker.name()).lasting();
            let first = connect.clone().will(Will::new(&topic, "first"));
            broker.connect(&first).leave();
            let second = connect.will(Will::new(&topic, "second"));
            broker.connect(&second).cut();
            assert_eq!(reader.take().text(), "second");
            broker.client(version).nothing_for(&mut reader);
        }
    });
}

/// The will's expiry begins when it is published. [MQTT-3.3.2-6]
#[test]
fn its_expiry_is_passed_on() {
    on_each(|broker| {
        let (_, mut reader, mut will) = listener(broker, V5);
        will.properties.push(four(property::MESSAGE_EXPIRY, 100));
        broker
            .connect(&Connect::new(V5, &broker.name()).will(will))
            .cut();
        let left = reader
            .take()
            .number(property::MESSAGE_EXPIRY)
            .expect("an expiry");
        assert!((90..=100).contains(&left), "{left}");
    });
}

/// A will of 3.1.1 for a reader of 5.0 and the other way round. [MQTT-3.1.2-8] [MQTT3-3.1.2-8]
#[test]
fn it_crosses_versions() {
    on_each(|broker| {
        for (from, to) in [(V311, V5), (V5, V311)] {
            let (topic, mut reader, will) = listener(broker, to);
            broker
                .connect(&Connect::new(from, &broker.name()).will(will))
                .cut();
            assert_eq!(reader.take(), Publish::new(&topic, 0, "gone"));
        }
    });
}
