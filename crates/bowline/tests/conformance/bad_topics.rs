//! Bad input: text that is not UTF-8, topic names and filters that are none, `$share` misused.

use crate::bad_input::{Row, try_connected};
use crate::client::{Connect, Next};
use crate::harness::on_each;
use crate::wire::{
    self, ALL, Packet, Publish, SINCE_311, V3, V5, Version, field, packet, property, text,
};

const MALFORMED: &[u8] = &[0x81];
const NAME: &[u8] = &[0x81, 0x82, 0x90];
const FILTER: &[u8] = &[0x81, 0x82, 0x8F];
const PROTOCOL: &[u8] = &[0x82];
const SILENCE: &[u8] = &[];

fn publish(version: Version, topic: &[u8]) -> Vec<u8> {
    packet(
        0x30,
        &[field(topic), wire::section(version, &[]), b"x".to_vec()].concat(),
    )
}

fn subscribe(version: Version, filter: &[u8], options: u8) -> Vec<u8> {
    let section = wire::section(version, &[]);
    packet(
        0x82,
        &[&[0, 1], section.as_slice(), &field(filter), &[options]].concat(),
    )
}

fn unsubscribe(version: Version, filter: &[u8]) -> Vec<u8> {
    packet(
        0xA2,
        &[
            &[0, 1],
            wire::section(version, &[]).as_slice(),
            &field(filter),
        ]
        .concat(),
    )
}

/// [MQTT-1.5.4-1] [MQTT-3.3.2-1] [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT3-1.5.3-1] [MQTT3-3.3.2-1]
/// [MQTT3-3.8.3-1] [MQTT3-3.10.3-1]
const TEXT: &[Row] = &[
    Row::new("a lone continuation byte", ALL, MALFORMED, |v| {
        publish(v, b"a\x80")
    }),
    Row::new("a sequence that ends early", ALL, MALFORMED, |v| {
        publish(v, b"a\xE2\x82")
    }),
    Row::new("a sequence longer than needed", ALL, MALFORMED, |v| {
        publish(v, b"\xC1\xA1")
    }),
    Row::new("U+0000 longer than needed", ALL, MALFORMED, |v| {
        publish(v, b"\xC0\x80")
    }),
    Row::new("a surrogate", ALL, MALFORMED, |v| {
        publish(v, b"\xED\xA0\x80")
    }),
    Row::new("a pair of surrogates", ALL, MALFORMED, |v| {
        publish(v, b"\xED\xA0\xBD\xED\xB8\x80")
    }),
    Row::new("above U+10FFFF", ALL, MALFORMED, |v| {
        publish(v, b"\xF4\x90\x80\x80")
    }),
    Row::new("a byte that UTF-8 does not have", ALL, MALFORMED, |v| {
        publish(v, b"\xFF")
    }),
    // [MQTT-1.5.4-2] [MQTT-4.7.3-2] [MQTT3-1.5.3-2] [MQTT3-4.7.3-2]
    Row::new("U+0000 in a topic name", ALL, NAME, |v| publish(v, b"a\0b")),
    Row::new("U+0000 in a filter", ALL, FILTER, |v| {
        subscribe(v, b"a\0b", 0)
    }),
    Row::new("a filter that is not UTF-8", ALL, FILTER, |v| {
        subscribe(v, b"a\xFF", 0)
    }),
    Row::new("an old filter that is not UTF-8", ALL, FILTER, |v| {
        unsubscribe(v, b"a\xFF")
    }),
    Row::new(
        "a response topic that is not UTF-8 [MQTT-3.3.2-13]",
        &[V5],
        MALFORMED,
        |_| {
            let property = (
                property::RESPONSE_TOPIC,
                wire::Value::Text(b"\xFF".to_vec()),
            );
            Publish::new("a", 0, "x").with(property).bytes(V5)
        },
    ),
    Row::new(
        "a content type that is not UTF-8 [MQTT-3.3.2-19]",
        &[V5],
        MALFORMED,
        |_| {
            let property = (property::CONTENT_TYPE, wire::Value::Text(b"\xFF".to_vec()));
            Publish::new("a", 0, "x").with(property).bytes(V5)
        },
    ),
    Row::new(
        "a user property that is not UTF-8 [MQTT-1.5.7-1]",
        &[V5],
        MALFORMED,
        |_| {
            let section = [&[property::USER], field("k").as_slice(), &field(b"\xFF")].concat();
            let length = u8::try_from(section.len()).expect("short");
            packet(0x30, &[field("a").as_slice(), &[length], &section].concat())
        },
    ),
    Row::new(
        "a user property with U+0000 [MQTT-1.5.7-1]",
        &[V5],
        MALFORMED,
        |_| {
            Publish::new("a", 0, "x")
                .with(wire::pair("k\0", "v"))
                .bytes(V5)
        },
    ),
];

/// [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT3-3.3.2-2] [MQTT3-4.7.1-1] [MQTT3-4.7.3-1]
const NAMES: &[Row] = &[
    Row::new("+ in a topic name", ALL, NAME, |v| publish(v, b"a/+")),
    Row::new("# in a topic name", ALL, NAME, |v| publish(v, b"a/#")),
    Row::new(
        "a wildcard within a level of a topic name",
        ALL,
        NAME,
        |v| publish(v, b"a+b"),
    ),
    Row::new("an empty topic name", V3, SILENCE, |v| publish(v, b"")),
    Row::new(
        "an empty topic name without an alias",
        &[V5],
        PROTOCOL,
        |v| publish(v, b""),
    ),
    Row::new(
        "a wildcard in the response topic [MQTT-3.3.2-14]",
        &[V5],
        NAME,
        |_| {
            Publish::new("a", 0, "x")
                .with(text(property::RESPONSE_TOPIC, "a/#"))
                .bytes(V5)
        },
    ),
];

/// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT3-4.7.1-2] [MQTT3-4.7.1-3] [MQTT3-4.7.3-1]
const FILTERS: &[Row] = &[
    Row::new("an empty filter", ALL, FILTER, |v| subscribe(v, b"", 0)),
    Row::new("# after other characters", ALL, FILTER, |v| {
        subscribe(v, b"a#", 0)
    }),
    Row::new("# that is not last", ALL, FILTER, |v| {
        subscribe(v, b"a/#/b", 0)
    }),
    Row::new("# before a separator", ALL, FILTER, |v| {
        subscribe(v, b"#/", 0)
    }),
    Row::new("two #", ALL, FILTER, |v| subscribe(v, b"##", 0)),
    Row::new("+ after other characters", ALL, FILTER, |v| {
        subscribe(v, b"a/b+", 0)
    }),
    Row::new("+ before other characters", ALL, FILTER, |v| {
        subscribe(v, b"+a/b", 0)
    }),
    Row::new("two + in a level", ALL, FILTER, |v| {
        subscribe(v, b"a/++", 0)
    }),
    Row::new("a bad old filter", ALL, FILTER, |v| unsubscribe(v, b"a#")),
    Row::new("an empty old filter", ALL, FILTER, |v| unsubscribe(v, b"")),
];

const OPTIONS: &[Row] = &[
    Row::new(
        "QoS 3 in SUBSCRIBE [MQTT-3.8.3-5] [MQTT3-3.8.3-4]",
        ALL,
        &[0x81, 0x82],
        |v| subscribe(v, b"a", 3),
    ),
    Row::new(
        "reserved option bits [MQTT-3.8.3-5]",
        &[V5],
        MALFORMED,
        |v| subscribe(v, b"a", 0x40),
    ),
    Row::new(
        "reserved option bits [MQTT-3.8.3-5]",
        &[V5],
        MALFORMED,
        |v| subscribe(v, b"a", 0x80),
    ),
    Row::new("retain handling 3", &[V5], &[0x81, 0x82], |v| {
        subscribe(v, b"a", 0x30)
    }),
    Row::new(
        "options of 5.0 [MQTT3-3.8.3-4]",
        &[wire::V311],
        SILENCE,
        |v| subscribe(v, b"a", 0x04),
    ),
    Row::new(
        "reserved bits [MQTT3-3.8.3-4]",
        &[wire::V311],
        SILENCE,
        |v| subscribe(v, b"a", 0x80),
    ),
];

/// [MQTT-4.8.2-1] [MQTT-4.8.2-2]
const SHARED: &[Row] = &[
    Row::new("$share/", &[V5], FILTER, |v| subscribe(v, b"$share/", 0)),
    Row::new("$share/g", &[V5], FILTER, |v| subscribe(v, b"$share/g", 0)),
    Row::new("$share/g/", &[V5], FILTER, |v| {
        subscribe(v, b"$share/g/", 0)
    }),
    Row::new("$share//f", &[V5], FILTER, |v| {
        subscribe(v, b"$share//f", 0)
    }),
    Row::new("$share/+/f", &[V5], FILTER, |v| {
        subscribe(v, b"$share/+/f", 0)
    }),
    Row::new("$share/g+/f", &[V5], FILTER, |v| {
        subscribe(v, b"$share/g+/f", 0)
    }),
    Row::new("$share/#/f", &[V5], FILTER, |v| {
        subscribe(v, b"$share/#/f", 0)
    }),
    Row::new("$share/#", &[V5], FILTER, |v| subscribe(v, b"$share/#", 0)),
    Row::new("$share/g/f#", &[V5], FILTER, |v| {
        subscribe(v, b"$share/g/f#", 0)
    }),
    Row::new("no local, shared [MQTT-3.8.3-4]", &[V5], PROTOCOL, |v| {
        subscribe(v, b"$share/g/f", 0x04)
    }),
];

#[test]
fn bad_text() {
    try_connected(TEXT);
}

#[test]
fn bad_topic_names() {
    try_connected(NAMES);
}

#[test]
fn bad_topic_filters() {
    try_connected(FILTERS);
}

#[test]
fn bad_subscription_options() {
    try_connected(OPTIONS);
}

#[test]
fn bad_shared_filters() {
    try_connected(SHARED);
}

/// As deep as the limit is fine; deeper is refused, be it 129 or 65,536 levels.
#[test]
fn too_many_levels_are_refused() {
    on_each(|broker| {
        if !broker.is_ours {
            return; // the limit is ours
        }
        for &version in SINCE_311 {
            let name = broker.name();
            let deep = name.clone() + &"/a".repeat(127);
            let mut client = broker.client(version);
            client.subscribe(&deep, 1);
            client.send(&Publish::new(&deep, 1, "x").id(9).bytes(version));
            let mut came = [client.packet(), client.packet()];
            came.sort_by_key(|packet| matches!(packet, Packet::Publish(_)));
            assert!(matches!(&came[0], Packet::Ack { code: 0, .. }), "{came:?}");
            let deepest = "/".repeat(65_535);
            for topic in [deep + "/a", name + &"/".repeat(60_000), deepest] {
                let mut client = broker.client(version);
                client.send(&Publish::new(&topic, 1, "x").id(9).bytes(version));
                match client.next() {
                    Next::Closed => {}
                    Next::Packet(Packet::Disconnect { code, .. }) => {
                        assert_eq!(code, 0x90);
                        client.closed();
                    }
                    Next::Packet(Packet::Ack {
                        first: wire::PUBACK,
                        code,
                        ..
                    }) => {
                        assert_eq!(code, 0x90);
                    }
                    other @ Next::Packet(_) => panic!("{other:?}"),
                }
                let mut client = broker.client(version);
                client.send(&wire::subscribe(version, 1, &[(&topic, 1)], &[]));
                match client.next() {
                    Next::Closed => {}
                    Next::Packet(Packet::Disconnect { code, .. }) => {
                        assert_eq!(code, 0x8F);
                        client.closed();
                    }
                    Next::Packet(Packet::SubAck { codes, .. }) => {
                        assert_eq!(codes, [if version == V5 { 0x8F } else { 0x80 }]);
                    }
                    other @ Next::Packet(_) => panic!("{other:?}"),
                }
            }
        }
    });
}

/// A QoS 2 message that was refused is over: its identifier is free at once, without PUBREL.
/// [MQTT-4.3.3-9] [MQTT-3.5.2-1]
#[test]
fn a_refused_qos_2_message_is_over() {
    on_each(|broker| {
        if !broker.is_ours {
            return; // nothing else is known to refuse a single message
        }
        let name = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&name, 0);
        let mut writer = broker.client(V5);
        let refused = Publish::new(&(name.clone() + &"/a".repeat(200)), 2, "x").id(5);
        writer.send(&refused.bytes(V5));
        assert_eq!(writer.acked(wire::PUBREC, 5), 0x90);
        writer.send(&Publish::new(&name, 2, "taken").id(5).bytes(V5));
        assert!(writer.acked(wire::PUBREC, 5) < 0x80);
        writer.send(&wire::ack(wire::PUBREL, 5));
        assert_eq!(writer.acked(wire::PUBCOMP, 5), 0);
        assert_eq!(reader.message().text(), "taken");
    });
}

/// Thousands of wildcards and levels in one CONNECT's will are no way around it.
#[test]
fn a_will_of_many_levels_is_refused() {
    on_each(|broker| {
        if !broker.is_ours {
            return; // the limit is ours
        }
        for &version in SINCE_311 {
            let will = crate::client::Will::new(&"/".repeat(60_000), "gone");
            let mut client = broker.open(version);
            client.send_if_open(&Connect::new(version, &broker.name()).will(will).bytes());
            match client.next() {
                Next::Closed => {}
                Next::Packet(Packet::ConnAck { code, .. }) => {
                    assert_ne!(code, 0);
                    client.closed();
                }
                other @ Next::Packet(_) => panic!("{other:?}"),
            }
        }
    });
}
