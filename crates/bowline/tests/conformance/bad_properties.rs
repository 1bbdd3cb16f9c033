//! Bad input: properties that are unknown, misplaced, doubled, cut short or out of range.

use crate::bad_input::{Row, try_connected};
use crate::wire::{
    self, Property, Publish, V5, Value, byte, field, four, packet, pair, property,
    subscription_identifier, text, two,
};

const MALFORMED: &[u8] = &[0x81];
const PROTOCOL: &[u8] = &[0x82];
const EITHER: &[u8] = &[0x81, 0x82];
const ALIAS: &[u8] = &[0x94];

fn publish(properties: &[Property]) -> Vec<u8> {
    Publish {
        properties: properties.to_vec(),
        ..Publish::new("a", 0, "x")
    }
    .bytes(V5)
}

/// A PUBLISH whose property section is these bytes, its length among them.
fn publish_raw(section: &[u8]) -> Vec<u8> {
    packet(0x30, &[field("a").as_slice(), section].concat())
}

fn twice(property: Property) -> Vec<u8> {
    publish(&[property.clone(), property])
}

/// [MQTT-4.13.1-1] [MQTT-2.2.2-1]
const SECTIONS: &[Row] = &[
    Row::new(
        "no property section",
        &[V5],
        MALFORMED,
        |_| publish_raw(&[]),
    ),
    Row::new("a section longer than the packet", &[V5], MALFORMED, |_| {
        publish_raw(&[9, 1, 0])
    }),
    Row::new(
        "a section that ends within a number",
        &[V5],
        MALFORMED,
        |_| publish_raw(&[3, property::MESSAGE_EXPIRY, 0, 0, 0, 0]),
    ),
    Row::new(
        "a section that ends within a string",
        &[V5],
        MALFORMED,
        |_| {
            publish_raw(&[
                4,
                property::CONTENT_TYPE,
                0,
                5,
                b'a',
                b'b',
                b'c',
                b'd',
                b'e',
            ])
        },
    ),
    Row::new("a section length of five bytes", &[V5], MALFORMED, |_| {
        publish_raw(&[0x80, 0x80, 0x80, 0x80, 0x01])
    }),
    Row::new(
        "a section length longer than needed [MQTT-1.5.5-1]",
        &[V5],
        MALFORMED,
        |_| publish_raw(&[0x80, 0x00, b'x']),
    ),
    Row::new("an unknown property", &[V5], MALFORMED, |_| {
        publish_raw(&[2, 0x7F, 0])
    }),
    Row::new("property 0", &[V5], MALFORMED, |_| {
        publish_raw(&[2, 0x00, 0])
    }),
    Row::new("an identifier of two bytes", &[V5], MALFORMED, |_| {
        publish_raw(&[3, 0x81, 0x01, 0])
    }),
];

const MISPLACED: &[Row] = &[
    Row::new("session expiry in PUBLISH", &[V5], EITHER, |_| {
        publish(&[four(property::SESSION_EXPIRY, 1)])
    }),
    Row::new("reason string in PUBLISH", &[V5], EITHER, |_| {
        publish(&[text(property::REASON_STRING, "x")])
    }),
    Row::new("will delay in PUBLISH", &[V5], EITHER, |_| {
        publish(&[four(property::WILL_DELAY, 1)])
    }),
    Row::new("topic alias in SUBSCRIBE", &[V5], EITHER, |_| {
        wire::subscribe(V5, 1, &[("a", 0)], &[two(property::TOPIC_ALIAS, 1)])
    }),
    Row::new("receive maximum in SUBSCRIBE", &[V5], EITHER, |_| {
        wire::subscribe(V5, 1, &[("a", 0)], &[two(property::RECEIVE_MAXIMUM, 1)])
    }),
    Row::new(
        "subscription identifier in UNSUBSCRIBE",
        &[V5],
        EITHER,
        |_| {
            let section = wire::section(V5, &[subscription_identifier(1)]);
            packet(0xA2, &[&[0, 1], section.as_slice(), &field("a")].concat())
        },
    ),
    Row::new("content type in PUBACK", &[V5], EITHER, |_| {
        let section = wire::section(V5, &[text(property::CONTENT_TYPE, "x")]);
        packet(wire::PUBACK, &[&[0, 1, 0], section.as_slice()].concat())
    }),
    Row::new("assigned client id in DISCONNECT", &[V5], EITHER, |_| {
        wire::disconnect_with(0, &[text(property::ASSIGNED_CLIENT_IDENTIFIER, "x")])
    }),
];

const DOUBLED: &[Row] = &[
    Row::new("payload format twice", &[V5], PROTOCOL, |_| {
        twice(byte(property::PAYLOAD_FORMAT, 1))
    }),
    Row::new("message expiry twice", &[V5], PROTOCOL, |_| {
        twice(four(property::MESSAGE_EXPIRY, 1))
    }),
    Row::new("topic alias twice", &[V5], PROTOCOL, |_| {
        twice(two(property::TOPIC_ALIAS, 1))
    }),
    Row::new("response topic twice", &[V5], PROTOCOL, |_| {
        twice(text(property::RESPONSE_TOPIC, "a"))
    }),
    Row::new("correlation data twice", &[V5], PROTOCOL, |_| {
        twice((property::CORRELATION_DATA, Value::Text(b"x".to_vec())))
    }),
    Row::new("content type twice", &[V5], PROTOCOL, |_| {
        twice(text(property::CONTENT_TYPE, "x"))
    }),
    Row::new("twice with another between", &[V5], PROTOCOL, |_| {
        let expiry = four(property::MESSAGE_EXPIRY, 1);
        publish(&[expiry.clone(), pair("k", "v"), expiry])
    }),
    Row::new("subscription identifier twice", &[V5], PROTOCOL, |_| {
        let both = [subscription_identifier(1), subscription_identifier(1)];
        wire::subscribe(V5, 1, &[("a", 0)], &both)
    }),
    Row::new("session expiry twice", &[V5], PROTOCOL, |_| {
        let expiry = four(property::SESSION_EXPIRY, 0);
        wire::disconnect_with(0, &[expiry.clone(), expiry])
    }),
];

const OUT_OF_RANGE: &[Row] = &[
    Row::new("payload format 2", &[V5], EITHER, |_| {
        publish(&[byte(property::PAYLOAD_FORMAT, 2)])
    }),
    Row::new("topic alias 0 [MQTT-3.3.2-8]", &[V5], ALIAS, |_| {
        publish(&[two(property::TOPIC_ALIAS, 0)])
    }),
    Row::new(
        "topic alias above the maximum [MQTT-3.3.2-9] [MQTT-3.2.2-17]",
        &[V5],
        ALIAS,
        |_| publish(&[two(property::TOPIC_ALIAS, 17)]),
    ),
    Row::new(
        "the largest topic alias [MQTT-3.3.2-9] [MQTT-3.2.2-17]",
        &[V5],
        ALIAS,
        |_| publish(&[two(property::TOPIC_ALIAS, 65_535)]),
    ),
    Row::new(
        "a topic alias that was never set",
        &[V5],
        &[0x82, 0x94],
        |_| {
            let alias = vec![two(property::TOPIC_ALIAS, 7)];
            Publish {
                properties: alias,
                ..Publish::new("", 0, "x")
            }
            .bytes(V5)
        },
    ),
    Row::new("subscription identifier 0", &[V5], PROTOCOL, |_| {
        wire::subscribe(V5, 1, &[("a", 0)], &[subscription_identifier(0)])
    }),
    Row::new(
        "subscription identifier of five bytes",
        &[V5],
        MALFORMED,
        |_| {
            let section = [
                6,
                property::SUBSCRIPTION_IDENTIFIER,
                0x80,
                0x80,
                0x80,
                0x80,
                0x01,
            ];
            packet(
                0x82,
                &[&[0, 1], section.as_slice(), &field("a"), &[0]].concat(),
            )
        },
    ),
];

#[test]
fn bad_property_sections() {
    try_connected(SECTIONS);
}

#[test]
fn misplaced_properties() {
    try_connected(MISPLACED);
}

#[test]
fn doubled_properties() {
    try_connected(DOUBLED);
}

#[test]
fn properties_out_of_range() {
    try_connected(OUT_OF_RANGE);
}
