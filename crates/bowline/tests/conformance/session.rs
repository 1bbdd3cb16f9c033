//! Sessions: when they begin, how long they last, and when they are forgotten.

use std::time::Duration;

use crate::client::Connect;
use crate::harness::{let_pass, on_each};
use crate::wire::{self, Publish, V5, V31, V311, Version, four, number, property};

fn with_expiry(version: Version, name: &str, secs: u32) -> Connect {
    Connect::new(version, name)
        .resuming()
        .with(four(property::SESSION_EXPIRY, secs))
}

/// [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
/// [MQTT-3.1.2-23] [MQTT-3.1.3-2]
#[test]
fn session_present_says_what_is_kept_in_5() {
    on_each(|broker| {
        let name = broker.name();
        let clean = Connect::new(V5, &name);
        let resuming = Connect::new(V5, &name).resuming();
        let lasting = Connect::new(V5, &name).lasting();
        let clean_lasting = Connect {
            clean: true,
            ..lasting.clone()
        };
        // What is sent, and whether a session was there.
        let rows = [
            (&clean, false),
            (&resuming, false),
            (&resuming, false),
            (&lasting, false),
            (&lasting, true),
            (&clean_lasting, false),
            (&resuming, true),
            (&lasting, false),
            (&clean, false),
            (&lasting, false),
        ];
        for (step, (connect, present)) in rows.into_iter().enumerate() {
            let client = broker.connect(connect);
            assert_eq!(client.session_present, present, "step {step}");
            client.leave();
        }
    });
}

/// [MQTT3-3.1.2-4] [MQTT3-3.1.2-6] [MQTT3-3.1.4-3] [MQTT3-3.2.2-1] [MQTT3-3.2.2-2]
/// [MQTT3-3.2.2-3] [MQTT3-3.1.3-2]
#[test]
fn session_present_says_what_is_kept_in_311() {
    on_each(|broker| {
        let name = broker.name();
        let clean = Connect::new(V311, &name);
        let lasting = Connect::new(V311, &name).lasting();
        let rows = [
            (&clean, false),
            (&clean, false),
            (&lasting, false),
            (&lasting, true),
            (&clean, false),
            (&lasting, false),
            (&lasting, true),
        ];
        for (step, (connect, present)) in rows.into_iter().enumerate() {
            let client = broker.connect(connect);
            assert_eq!(client.session_present, present, "step {step}");
            client.cut();
            // 3.1 has no such flag: its byte is reserved.
            let mut old = Connect::new(V31, &broker.name()).lasting();
            old.id.clone_from(&connect.id);
            if present {
                let client = broker.connect(&old);
                assert!(!client.session_present);
                client.leave();
            }
        }
    });
}

/// A session of one version is the same session in another. [MQTT-3.1.3-2] [MQTT3-3.1.3-2]
#[test]
fn a_session_crosses_versions() {
    on_each(|broker| {
        for (from, to) in [(V311, V5), (V5, V311)] {
            let (name, topic) = (broker.name(), broker.name());
            let mut client = broker.connect(&Connect::new(from, &name).lasting());
            client.subscribe(&topic, 1);
            client.leave();
            broker.client(to).publish(Publish::new(&topic, 1, "x"));
            let mut client = broker.connect(&Connect::new(to, &name).lasting());
            assert!(client.session_present);
            assert_eq!(client.take().text(), "x");
        }
    });
}

/// State stays while the connection is open, whatever the expiry. [MQTT-4.1.0-1]
/// [MQTT3-4.1.0-2]
#[test]
fn a_session_lasts_at_least_as_long_as_its_connection() {
    on_each(|broker| {
        let topic = broker.name();
        let mut client = broker.connect(&with_expiry(V5, &broker.name(), 1));
        client.subscribe(&topic, 1);
        let_pass(Duration::from_millis(2_200));
        broker.client(V5).publish(Publish::new(&topic, 1, "x"));
        assert_eq!(client.take().text(), "x");
    });
}

/// The expiry runs from the end of the connection, and then everything is gone.
/// [MQTT-4.1.0-2] [MQTT-3.1.2-23]
#[test]
fn an_expired_session_is_forgotten() {
    on_each(|broker| {
        let (short, long, topic) = (broker.name(), broker.name(), broker.name());
        for (name, secs) in [(&short, 1), (&long, 3600)] {
            let mut client = broker.connect(&with_expiry(V5, name, secs));
            client.subscribe(&topic, 1);
            client.cut();
        }
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "x"));
        let_pass(Duration::from_millis(2_500));
        let mut back = broker.connect(&Connect::new(V5, &short).resuming());
        assert!(!back.session_present);
        writer.nothing_for(&mut back);
        let mut back = broker.connect(&Connect::new(V5, &long).resuming());
        assert!(back.session_present);
        assert_eq!(back.take().text(), "x");
    });
}

/// A return in time stops the clock; what counts is the expiry of the latest CONNECT.
/// [MQTT-4.1.0-2] [MQTT-3.1.2-5]
#[test]
fn a_return_stops_the_clock() {
    on_each(|broker| {
        let name = broker.name();
        broker.connect(&with_expiry(V5, &name, 2)).cut();
        let client = broker.connect(&with_expiry(V5, &name, 3600));
        assert!(client.session_present);
        client.cut();
        let_pass(Duration::from_millis(2_500));
        let client = broker.connect(&with_expiry(V5, &name, 0));
        assert!(client.session_present);
        client.cut();
        let client = broker.connect(&with_expiry(V5, &name, 0));
        assert!(!client.session_present, "expiry 0 ends with the connection");
    });
}

/// DISCONNECT may change the expiry of a session that has one. [MQTT-3.1.2-23] [MQTT-4.1.0-2]
#[test]
fn disconnect_may_change_the_expiry() {
    on_each(|broker| {
        let name = broker.name();
        for (connected, left, present) in [(3600, 0, false), (3600, 7200, true), (1, 3600, true)] {
            let mut client = broker.connect(&Connect {
                clean: true,
                ..with_expiry(V5, &name, connected)
            });
            client.send(&wire::disconnect_with(
                0,
                &[four(property::SESSION_EXPIRY, left)],
            ));
            client.closed();
            if connected == 1 {
                let_pass(Duration::from_millis(2_000));
            }
            let client = broker.connect(&Connect::new(V5, &name).resuming());
            assert_eq!(client.session_present, present, "{connected} then {left}");
            client.leave();
        }
    });
}

/// An expiry that the broker cuts short is said in CONNACK: with our defaults, seven days.
#[test]
fn a_shorter_expiry_is_said() {
    on_each(|broker| {
        let client = broker.connect(&with_expiry(V5, &broker.name(), 3600));
        assert_eq!(number(&client.granted, property::SESSION_EXPIRY), None);
        let client = broker.connect(&with_expiry(V5, &broker.name(), u32::MAX));
        let said = number(&client.granted, property::SESSION_EXPIRY);
        assert_eq!(said, broker.is_ours.then_some(7 * 24 * 3600));
    });
}
