//! SUBSCRIBE and what it matches: SUBACK, wildcards, `$` topics, overlapping filters, replacement.

use crate::client::Connect;
use crate::harness::on_each;
use crate::wire::{
    self, ALL, Packet, Publish, SINCE_311, V3, V5, V311, subscription_identifier,
    subscription_identifiers,
};

/// One SUBACK with one code for each filter, in order.
/// [MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7]
/// [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT3-2.3.1-7] [MQTT3-3.8.4-1] [MQTT3-3.8.4-2]
/// [MQTT3-3.8.4-4] [MQTT3-3.8.4-5] [MQTT3-3.9.3-1] [MQTT3-3.9.3-2]
#[test]
fn suback_has_a_code_for_each_filter() {
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            let (a, b) = (format!("{name}/a"), format!("{name}/b/#"));
            let (c, d) = (format!("{name}/+/c"), format!("{name}/a"));
            let filters = [
                (a.as_str(), 2),
                (b.as_str(), 0),
                (c.as_str(), 1),
                (d.as_str(), 1),
            ];
            let mut client = broker.client(version);
            for id in [1, 65_535] {
                client.send(&wire::subscribe(version, id, &filters, &[]));
                match client.packet() {
                    Packet::SubAck { id: got, codes, .. } => {
                        assert_eq!((got, codes.as_slice()), (id, [2, 0, 1, 1].as_slice()));
                    }
                    other => panic!("{other:?}"),
                }
            }
            // The last of two equal filters counts.
            broker.client(version).publish(Publish::new(&a, 2, "x"));
            assert_eq!(client.take().qos, 1);
        }
    });
}

/// As many as a home needs in one packet. [MQTT-3.8.4-6] [MQTT3-3.8.4-5]
#[test]
fn five_hundred_filters_fit_a_subscribe() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let name = broker.name();
            let filters: Vec<String> = (0..500).map(|n| format!("{name}/{n}/+")).collect();
            let asked: Vec<(&str, u8)> = filters
                .iter()
                .map(String::as_str)
                .zip([0, 1, 2].into_iter().cycle())
                .collect();
            let mut client = broker.client(version);
            client.send(&wire::subscribe(version, 1, &asked, &[]));
            match client.packet() {
                Packet::SubAck { codes, .. } => {
                    assert!(codes.iter().zip(&asked).all(|(code, (_, qos))| code == qos));
                    assert_eq!(codes.len(), 500);
                }
                other => panic!("{other:?}"),
            }
            broker
                .client(version)
                .publish(Publish::new(&format!("{name}/499/x"), 1, "x"));
            assert_eq!(client.take().qos, 1);
        }
    });
}

/// Filter, topic, and whether they match; both stand below a name of the test.
const MATCHES: &[(&str, &str, bool)] = &[
    ("/a", "/a", true),
    ("/a", "/A", false),
    ("/a", "/a/", false),
    ("/a", "/ab", false),
    ("/a/", "/a", false),
    ("//a", "//a", true),
    ("//a", "/a", false),
    ("/#", "", true),
    ("/#", "/", true),
    ("/#", "/a", true),
    ("/#", "/a/b/c", true),
    ("/a/#", "/a", true),
    ("/a/#", "/a/b", true),
    ("/a/#", "/ab", false),
    ("/a/#", "/b", false),
    ("/+", "", false),
    ("/+", "/", true),
    ("/+", "/a", true),
    ("/+", "/a/b", false),
    ("/+/", "/a", false),
    ("/+/", "/a/", true),
    ("/+/b", "/a/b", true),
    ("/+/b", "//b", true),
    ("/+/b", "/a/c", false),
    ("/a/+/c", "/a/b/c", true),
    ("/a/+/c", "/a/c", false),
    ("/a/+/c", "/a/b/b/c", false),
    ("/+/+", "/a/b", true),
    ("/+/+", "/a", false),
    ("/+/#", "/a", true),
    ("/+/#", "/a/b/c", true),
    ("/+/#", "", false),
    ("/a/+/#", "/a", false),
    ("/a/+/#", "/a/b", true),
    ("/ +", "/ +", false),
];

/// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-4] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]
/// [MQTT3-4.7.3-1] [MQTT3-4.7.3-4] [MQTT-3.3.2-3] [MQTT3-3.3.2-3]
#[test]
fn wildcards_match_levels() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let mut reader = broker.client(version);
            let mut writer = broker.client(version);
            for (filter, topic, matches) in MATCHES {
                if topic.contains('+') {
                    continue; // no topic name; the bad input tests have it
                }
                let name = broker.name();
                let filter = format!("{name}{filter}");
                reader.subscribe(&filter, 0);
                writer.publish(Publish::new(&format!("{name}{topic}"), 0, "x"));
                if *matches {
                    assert_eq!(reader.message().topic, format!("{name}{topic}"), "{filter}");
                }
                writer.nothing_for(&mut reader);
                reader.unsubscribe(&filter);
            }
        }
    });
}

/// A filter may begin with a wildcard or a separator, and match everything.
/// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]
#[test]
fn wildcards_may_come_first() {
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            for (filter, topic) in [
                (format!("+/{name}"), format!("x/{name}")),
                (format!("+/{name}"), format!("/{name}")),
                (format!("/{name}"), format!("/{name}")),
                (format!("/+/{name}"), format!("//{name}")),
            ] {
                let mut reader = broker.client(version);
                reader.subscribe(&filter, 0);
                let mut writer = broker.client(version);
                writer.publish(Publish::new(&topic, 0, "x"));
                assert_eq!(reader.message().topic, topic, "{filter}");
                writer.nothing_for(&mut reader);
            }
            let mut reader = broker.client(version);
            // Other tests may run on the same broker.
            reader.subscribe_amid(&[("#", 0)]);
            broker.client(version).publish(Publish::new(&name, 0, "x"));
            while reader.message().topic != name {}
        }
    });
}

/// Filters that begin with a wildcard leave `$` topics alone. [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
#[test]
fn leading_wildcards_do_not_match_dollar_topics() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let name = broker.name();
            let mut wild = broker.client(version);
            let (one, all) = (format!("+/{name}"), format!("+/{name}/#"));
            let came = wild.subscribe_amid(&[("#", 0), ("+/#", 0), (&one, 0), (&all, 0)]);
            assert!(
                came.iter().all(|message| !message.topic.starts_with('$')),
                "{came:?}"
            );
            // A broker may keep `$` topics to itself; then there is nothing to see either way.
            let mut writer = broker.client(version);
            writer.send(&Publish::new(&format!("$own/{name}"), 0, "x").bytes(version));
            writer.send(&Publish::new(&format!("$SYS/{name}"), 0, "x").bytes(version));
            let mut last = broker.client(version);
            last.publish(Publish::new(&name, 0, "x"));
            loop {
                let message = wild.message();
                assert!(!message.topic.starts_with('$'), "{message:?}");
                if message.topic == name {
                    break;
                }
            }
        }
    });
}

/// Several subscriptions of one client match: the highest QoS counts.
/// [MQTT-3.3.4-2] [MQTT3-3.3.5-1]
#[test]
fn overlapping_filters_give_the_highest_qos() {
    on_each(|broker| {
        for &version in ALL {
            let name = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&format!("{name}/+"), 0);
            reader.subscribe(&format!("{name}/a"), 2);
            reader.subscribe(&format!("{name}/#"), 1);
            let mut writer = broker.client(version);
            for qos in 0..3 {
                writer.publish(Publish::new(&format!("{name}/a"), qos, "x"));
                let copies = writer.all_for(&mut reader);
                assert_eq!(copies.iter().map(|copy| copy.qos).max(), Some(qos));
                // The standard allows a copy for each subscription; ours sends one.
                assert!(copies.len() == 1 || !broker.is_ours, "{copies:?}");
            }
        }
    });
}

/// The same filter again is the same subscription with new options: one copy, the new QoS.
/// [MQTT-3.8.4-3] [MQTT3-3.8.4-3]
#[test]
fn the_same_filter_replaces_the_subscription() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            let mut writer = broker.client(version);
            for granted in [2, 0, 1] {
                reader.subscribe(&topic, granted);
                writer.publish(Publish::new(&topic, 2, "x"));
                assert_eq!(reader.take().qos, granted, "{version:?}");
                writer.nothing_for(&mut reader);
            }
        }
    });
}

/// Replacing a subscription loses nothing and doubles nothing while messages flow.
/// [MQTT-3.8.4-4] [MQTT3-3.8.4-3]
#[test]
fn replacing_a_subscription_does_not_interrupt_it() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 1);
            let mut writer = broker.client(version);
            let mut expected = 0;
            for round in 0..20u16 {
                writer.publish(Publish::new(&topic, 0, (2 * round).to_string()));
                let id = 1_000 + round;
                reader.send(&wire::subscribe(version, id, &[(&topic, 1)], &[]));
                writer.publish(Publish::new(&topic, 0, (2 * round + 1).to_string()));
                for _ in 0..3 {
                    match reader.packet() {
                        Packet::Publish(message) => {
                            assert_eq!(message.text(), expected.to_string());
                            expected += 1;
                        }
                        Packet::SubAck { id: got, .. } => assert_eq!(got, id),
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert_eq!(expected, 40);
        }
    });
}

/// A subscription belongs to its session and is there when the session resumes.
/// [MQTT-3.1.2-5] [MQTT3-3.1.2-4]
#[test]
fn subscriptions_last_with_the_session() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let connect = Connect::new(version, &broker.name()).lasting();
            let mut reader = broker.connect(&connect);
            reader.subscribe(&topic, 1);
            reader.leave();
            let mut reader = broker.connect(&connect);
            broker.client(version).publish(Publish::new(&topic, 2, "x"));
            assert_eq!(reader.take().qos, 1);
        }
    });
}

/// Messages name the subscriptions that brought them. [MQTT-3.3.4-3] [MQTT-3.3.4-4]
#[test]
fn subscription_identifiers_come_with_the_message() {
    on_each(|broker| {
        let name = broker.name();
        let connect = Connect::new(V5, &broker.name()).lasting();
        let mut reader = broker.connect(&connect);
        let largest = 268_435_455;
        let subscriptions = [
            ("/a", Some(1)),
            ("/+", Some(largest)),
            ("/#", None),
            ("/b", Some(200)),
        ];
        for (tail, identifier) in subscriptions {
            let properties: Vec<_> = identifier
                .into_iter()
                .map(subscription_identifier)
                .collect();
            reader.subscribe_with(&format!("{name}{tail}"), 2, &properties);
        }
        let rows: &[(&str, &[u32])] = &[
            ("/a", &[1, largest]),
            ("/b", &[200, largest]),
            ("/c", &[largest]),
            ("/c/d", &[]),
        ];
        let mut writer = broker.client(V5);
        let mut check = |reader: &mut crate::client::Client, qos| {
            for (tail, identifiers) in rows {
                writer.publish(Publish::new(&format!("{name}{tail}"), qos, "x"));
                let copies = writer.all_for(reader);
                let of = |copy: &Publish| subscription_identifiers(&copy.properties);
                let mut named: Vec<u32> = copies.iter().flat_map(of).collect();
                named.sort_unstable();
                assert_eq!(named, *identifiers, "{tail}");
                assert!(copies.len() == 1 || !broker.is_ours, "{copies:?}");
            }
        };
        for qos in 0..3 {
            check(&mut reader, qos);
        }
        // They are part of the session.
        reader.cut();
        let mut reader = broker.connect(&connect);
        check(&mut reader, 1);
    });
}

/// A replaced subscription has the identifier of the latest SUBSCRIBE, or none.
/// [MQTT-3.8.4-3] [MQTT-3.3.4-3]
#[test]
fn a_replaced_subscription_has_the_latest_identifier() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        let mut writer = broker.client(V5);
        for identifier in [Some(1), Some(70_000), None, Some(3)] {
            let properties: Vec<_> = identifier
                .into_iter()
                .map(subscription_identifier)
                .collect();
            reader.subscribe_with(&topic, 0, &properties);
            writer.publish(Publish::new(&topic, 0, "x"));
            let got = subscription_identifiers(&reader.message().properties);
            assert_eq!(got, identifier.into_iter().collect::<Vec<_>>());
        }
    });
}

/// Subscribing and publishing in one segment by one client works, in all versions.
/// [MQTT-3.8.4-1] [MQTT3-3.8.4-1]
#[test]
fn a_client_hears_itself() {
    on_each(|broker| {
        for &version in V3.iter().chain([&V5]) {
            let topic = broker.name();
            let mut client = broker.client(version);
            client.subscribe(&topic, 0);
            client.publish(Publish::new(&topic, 0, "x"));
            assert_eq!(client.message().text(), "x");
        }
    });
}

/// SUBACK means that the subscription is in force on all workers: whatever is published after it,
/// by whomever, arrives. [MQTT-3.8.4-1] [MQTT3-3.8.4-1]
#[test]
fn a_subscription_is_in_force_with_its_suback() {
    on_each(|broker| {
        let mut writers: Vec<_> = (0..8).map(|_| broker.client(V311)).collect();
        for round in 0..10 {
            let topic = format!("{}/{round}", broker.name());
            let mut reader = broker.client(V5);
            reader.subscribe(&topic, 0);
            for writer in &mut writers {
                writer.publish(Publish::new(&topic, 0, "x"));
            }
            for _ in &writers {
                assert_eq!(reader.message().text(), "x");
            }
        }
    });
}
