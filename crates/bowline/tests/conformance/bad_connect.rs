//! Bad input: CONNECT packets that are none, or that promise what they do not hold.

use crate::bad_input::{Row, try_first};
use crate::client::{Connect, Will};
use crate::wire::{
    self, ALL, Property, SINCE_311, V3, V5, Value, Version, byte, field, four, packet, property,
    text, two,
};

const MALFORMED: &[u8] = &[0x81];
const PROTOCOL: &[u8] = &[0x82];
const EITHER: &[u8] = &[0x81, 0x82];
const SILENCE: &[u8] = &[];

fn plain(version: Version) -> Connect {
    Connect::new(version, "bad")
}

/// With flags of the row's choice over what the CONNECT holds.
fn flagged(connect: &Connect, flags: u8) -> Vec<u8> {
    packet(0x10, &connect.body(flags))
}

fn with_will(version: Version) -> Connect {
    plain(version).will(Will::new("a", "x"))
}

fn properties(properties: &[Property]) -> Vec<u8> {
    Connect {
        properties: properties.to_vec(),
        ..plain(V5)
    }
    .bytes()
}

fn twice(property: Property) -> Vec<u8> {
    properties(&[property.clone(), property])
}

fn will_properties(properties: &[Property]) -> Vec<u8> {
    let will = Will {
        properties: properties.to_vec(),
        ..Will::new("a", "x")
    };
    plain(V5).will(will).bytes()
}

/// The body of a CONNECT up to the client id, and then these fields as they are.
fn with_fields(version: Version, flags: u8, fields: &[&[u8]]) -> Vec<u8> {
    let mut body = Connect {
        id: String::new(),
        ..plain(version)
    }
    .body(flags);
    body.truncate(body.len() - 2);
    for held in fields {
        body.extend(field(held));
    }
    packet(0x10, &body)
}

/// [MQTT-3.1.4-1] [MQTT-4.13.1-1] [MQTT3-3.1.4-1] [MQTT3-3.2.2-6] [MQTT3-4.8.0-1]
const FLAGS: &[Row] = &[
    Row::new(
        "the reserved flag [MQTT-3.1.2-3] [MQTT3-3.1.2-3]",
        SINCE_311,
        MALFORMED,
        |v| flagged(&plain(v), 0x03),
    ),
    Row::new(
        "will QoS 3 [MQTT-3.1.2-12] [MQTT3-3.1.2-14]",
        ALL,
        EITHER,
        |v| flagged(&with_will(v), 0x1E),
    ),
    Row::new(
        "will QoS without a will [MQTT-3.1.2-11] [MQTT3-3.1.2-11] [MQTT3-3.1.2-13]",
        SINCE_311,
        EITHER,
        |v| flagged(&plain(v), 0x0A),
    ),
    Row::new(
        "will retain without a will [MQTT-3.1.2-13] [MQTT3-3.1.2-11] [MQTT3-3.1.2-15]",
        SINCE_311,
        EITHER,
        |v| flagged(&plain(v), 0x22),
    ),
    Row::new(
        "a will that is not there [MQTT-3.1.2-9] [MQTT3-3.1.2-9]",
        ALL,
        MALFORMED,
        |v| flagged(&plain(v), 0x06),
    ),
    Row::new("a will without its flag", SINCE_311, MALFORMED, |v| {
        flagged(&with_will(v), 0x02)
    }),
    Row::new(
        "a user name that is not there [MQTT-3.1.2-17] [MQTT3-3.1.2-19]",
        SINCE_311,
        MALFORMED,
        |v| flagged(&plain(v), 0x82),
    ),
    Row::new(
        "a user name without its flag [MQTT-3.1.2-16] [MQTT3-3.1.2-18]",
        SINCE_311,
        MALFORMED,
        |v| with_fields(v, 0x02, &[b"bad", b"name"]),
    ),
    Row::new(
        "a password that is not there [MQTT-3.1.2-19] [MQTT3-3.1.2-21]",
        SINCE_311,
        MALFORMED,
        |v| with_fields(v, 0xC2, &[b"bad", b"name"]),
    ),
    Row::new(
        "a password without its flag [MQTT-3.1.2-18] [MQTT3-3.1.2-20]",
        SINCE_311,
        MALFORMED,
        |v| with_fields(v, 0x82, &[b"bad", b"name", b"secret"]),
    ),
    Row::new(
        "a password without a user name [MQTT3-3.1.2-22]",
        &[wire::V311],
        SILENCE,
        |v| with_fields(v, 0x42, &[b"bad", b"secret"]),
    ),
];

const FIELDS: &[Row] = &[
    Row::new(
        "no client id [MQTT-3.1.3-3] [MQTT3-3.1.3-3]",
        ALL,
        MALFORMED,
        |v| with_fields(v, 0x02, &[]),
    ),
    Row::new(
        "a client id that is not UTF-8 [MQTT-3.1.3-4] [MQTT-3.1.3-8] [MQTT3-3.1.3-4]",
        ALL,
        &[0x81, 0x85],
        |v| with_fields(v, 0x02, &[b"\xFF"]),
    ),
    Row::new(
        "U+0000 in a client id [MQTT-1.5.4-2] [MQTT3-1.5.3-2]",
        ALL,
        &[0x81, 0x85],
        |v| with_fields(v, 0x02, &[b"a\0"]),
    ),
    Row::new(
        "a user name that is not UTF-8 [MQTT-3.1.3-12] [MQTT3-3.1.3-11]",
        ALL,
        MALFORMED,
        |v| with_fields(v, 0x82, &[b"bad", b"\xFF"]),
    ),
    Row::new("bytes left over", SINCE_311, MALFORMED, |v| {
        let mut body = plain(v).body(0x02);
        body.push(0);
        packet(0x10, &body)
    }),
    Row::new("a client id longer than the packet", ALL, MALFORMED, |v| {
        let mut body = plain(v).body(0x02);
        body.truncate(body.len() - 1);
        packet(0x10, &body)
    }),
    Row::new(
        "a protocol name that is not UTF-8 [MQTT-3.1.2-1]",
        &[V5],
        SILENCE,
        |_| {
            packet(
                0x10,
                &[field(b"MQT\xFF").as_slice(), &[5, 2, 0, 0, 0], &field("x")].concat(),
            )
        },
    ),
];

/// [MQTT-3.1.3-11] [MQTT3-3.1.3-10] [MQTT-4.7.0-1] [MQTT3-4.7.1-1] [MQTT-4.7.3-1]
const WILLS: &[Row] = &[
    Row::new(
        "a will topic with a wildcard",
        ALL,
        &[0x81, 0x82, 0x90],
        |v| plain(v).will(Will::new("a/#", "x")).bytes(),
    ),
    Row::new("an empty will topic", ALL, &[0x81, 0x82, 0x90], |v| {
        plain(v).will(Will::new("", "x")).bytes()
    }),
    Row::new("a will topic that is not UTF-8", V3, SILENCE, |v| {
        with_fields(v, 0x06, &[b"bad", b"\xFF", b"x"])
    }),
    Row::new("a will topic with U+0000", ALL, &[0x81, 0x82, 0x90], |v| {
        plain(v).will(Will::new("a\0", "x")).bytes()
    }),
];

/// [MQTT-3.1.4-1]
const PROPERTIES: &[Row] = &[
    Row::new("receive maximum 0", &[V5], PROTOCOL, |_| {
        properties(&[two(property::RECEIVE_MAXIMUM, 0)])
    }),
    Row::new("maximum packet size 0", &[V5], PROTOCOL, |_| {
        properties(&[four(property::MAXIMUM_PACKET_SIZE, 0)])
    }),
    Row::new("request problem information 2", &[V5], PROTOCOL, |_| {
        properties(&[byte(property::REQUEST_PROBLEM_INFORMATION, 2)])
    }),
    Row::new("request response information 2", &[V5], PROTOCOL, |_| {
        properties(&[byte(property::REQUEST_RESPONSE_INFORMATION, 2)])
    }),
    Row::new("session expiry twice", &[V5], PROTOCOL, |_| {
        twice(four(property::SESSION_EXPIRY, 1))
    }),
    Row::new("receive maximum twice", &[V5], PROTOCOL, |_| {
        twice(two(property::RECEIVE_MAXIMUM, 1))
    }),
    Row::new("topic alias maximum twice", &[V5], PROTOCOL, |_| {
        twice(two(property::TOPIC_ALIAS_MAXIMUM, 1))
    }),
    Row::new("maximum packet size twice", &[V5], PROTOCOL, |_| {
        twice(four(property::MAXIMUM_PACKET_SIZE, 1_000))
    }),
    Row::new("authentication method twice", &[V5], PROTOCOL, |_| {
        twice(text(property::AUTHENTICATION_METHOD, "x"))
    }),
    Row::new(
        "authentication data without a method",
        &[V5],
        PROTOCOL,
        |_| properties(&[(property::AUTHENTICATION_DATA, Value::Text(b"x".to_vec()))]),
    ),
    Row::new("a property of PUBLISH in CONNECT", &[V5], EITHER, |_| {
        properties(&[two(property::TOPIC_ALIAS, 1)])
    }),
    Row::new("a property of the will in CONNECT", &[V5], EITHER, |_| {
        properties(&[four(property::WILL_DELAY, 1)])
    }),
    Row::new("a property of CONNECT in the will", &[V5], EITHER, |_| {
        will_properties(&[four(property::SESSION_EXPIRY, 1)])
    }),
    Row::new("will delay twice", &[V5], PROTOCOL, |_| {
        will_properties(&[four(property::WILL_DELAY, 1), four(property::WILL_DELAY, 1)])
    }),
    Row::new("a topic alias in the will", &[V5], EITHER, |_| {
        will_properties(&[two(property::TOPIC_ALIAS, 1)])
    }),
    Row::new(
        "a wildcard in the will's response topic [MQTT-3.3.2-14]",
        &[V5],
        &[0x81, 0x82, 0x90],
        |_| will_properties(&[text(property::RESPONSE_TOPIC, "a/#")]),
    ),
    Row::new("an unknown property", &[V5], MALFORMED, |_| {
        let body = [
            field("MQTT").as_slice(),
            &[5, 2, 0, 0, 2, 0x7F, 0],
            &field("x"),
        ]
        .concat();
        packet(0x10, &body)
    }),
];

#[test]
fn bad_connect_flags() {
    try_first(FLAGS);
}

#[test]
fn bad_connect_fields() {
    try_first(FIELDS);
}

#[test]
fn bad_wills() {
    try_first(WILLS);
}

#[test]
fn bad_connect_properties() {
    try_first(PROPERTIES);
}

/// Reserved flags in the first byte. [MQTT-2.1.3-1] [MQTT3-2.2.2-1] [MQTT3-2.2.2-2]
#[test]
fn bad_first_byte_of_connect() {
    crate::harness::on_each(|broker| {
        for &version in SINCE_311 {
            let mut bytes = plain(version).bytes();
            bytes[0] = 0x11;
            let mut client = broker.open(version);
            client.send(&bytes);
            match client.next() {
                crate::client::Next::Closed => {}
                crate::client::Next::Packet(wire::Packet::ConnAck { code: 0x81, .. })
                    if version == V5 =>
                {
                    client.closed();
                }
                other @ crate::client::Next::Packet(_) => panic!("{other:?}"),
            }
        }
    });
}
