//! Bad input: frames, flags, identifiers, and packets that have no place where they come.

use crate::bad_input::{Row, try_connected, try_first};
use crate::client::{Connect, Next};
use crate::harness::on_each;
use crate::wire::{
    self, ALL, Publish, SINCE_311, V3, V5, V311, disconnect_with, field, four, packet, property,
    subscription_identifier, text,
};

const MALFORMED: &[u8] = &[0x81];
const PROTOCOL: &[u8] = &[0x82];
const EITHER: &[u8] = &[0x81, 0x82];
const SILENCE: &[u8] = &[];

/// [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT3-4.8.0-1]
const FRAMES: &[Row] = &[
    Row::new(
        "length of five bytes [MQTT-1.5.5-1]",
        ALL,
        MALFORMED,
        |_| vec![0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
    ),
    Row::new("length without end", ALL, MALFORMED, |_| {
        vec![0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    }),
    Row::new(
        "length longer than needed [MQTT-1.5.5-1]",
        &[V5],
        MALFORMED,
        |_| vec![0xC0, 0x80, 0x00],
    ),
    Row::new("packet type 0", ALL, EITHER, |_| vec![0x00, 0x00]),
    Row::new("packet type 15 before 5.0", V3, SILENCE, |_| {
        vec![0xF0, 0x00]
    }),
    Row::new("PUBLISH without a topic", ALL, MALFORMED, |_| {
        packet(0x30, &[])
    }),
    Row::new("PUBLISH that ends within its topic", ALL, MALFORMED, |_| {
        packet(0x30, &[0, 5, b'a', b'b'])
    }),
    Row::new(
        "PUBLISH that ends within its identifier",
        ALL,
        MALFORMED,
        |_| packet(0x32, &[0, 1, b'a', 0]),
    ),
    Row::new(
        "PUBACK that ends within its identifier",
        ALL,
        MALFORMED,
        |_| packet(0x40, &[0]),
    ),
    Row::new("PUBACK with more than 3.1.1 has", V3, SILENCE, |_| {
        packet(0x40, &[0, 1, 0])
    }),
    Row::new(
        "SUBSCRIBE that ends within a filter",
        ALL,
        MALFORMED,
        |version| {
            let section = wire::section(version, &[]);
            packet(0x82, &[&[0, 1], section.as_slice(), &[0, 9, b'a']].concat())
        },
    ),
    Row::new(
        "SUBSCRIBE that ends before its options",
        ALL,
        MALFORMED,
        |version| {
            let section = wire::section(version, &[]);
            packet(0x82, &[&[0, 1], section.as_slice(), &field("a")].concat())
        },
    ),
    Row::new(
        "UNSUBSCRIBE that ends within a filter",
        ALL,
        MALFORMED,
        |version| {
            let section = wire::section(version, &[]);
            packet(0xA2, &[&[0, 1], section.as_slice(), &[0, 9, b'a']].concat())
        },
    ),
    Row::new("PINGREQ with a body", ALL, EITHER, |_| {
        vec![0xC0, 0x01, 0x00]
    }),
    Row::new(
        "DISCONNECT with a body before 5.0 [MQTT3-3.14.1-1]",
        V3,
        SILENCE,
        |_| vec![0xE0, 0x01, 0x00],
    ),
];

/// [MQTT-2.1.3-1] [MQTT3-2.2.2-1] [MQTT3-2.2.2-2] [MQTT3-4.8.0-1]
const FLAGS: &[Row] = &[
    Row::new(
        "QoS 3 [MQTT-3.3.1-4] [MQTT3-3.3.1-4]",
        ALL,
        MALFORMED,
        |version| {
            Publish {
                qos: 3,
                ..Publish::new("a", 1, "x")
            }
            .bytes(version)
        },
    ),
    Row::new(
        "DUP with QoS 0 [MQTT-3.3.1-2] [MQTT3-3.3.1-2]",
        SINCE_311,
        EITHER,
        |version| Publish::new("a", 0, "x").dup().bytes(version),
    ),
    Row::new("flags of PUBACK", SINCE_311, MALFORMED, |_| {
        packet(0x41, &[0, 1])
    }),
    Row::new("flags of PUBREC", SINCE_311, MALFORMED, |_| {
        packet(0x52, &[0, 1])
    }),
    Row::new(
        "flags 0 of PUBREL [MQTT-3.6.1-1] [MQTT3-3.6.1-1]",
        SINCE_311,
        MALFORMED,
        |_| packet(0x60, &[0, 1]),
    ),
    Row::new(
        "flags 3 of PUBREL [MQTT-3.6.1-1] [MQTT3-3.6.1-1]",
        SINCE_311,
        MALFORMED,
        |_| packet(0x63, &[0, 1]),
    ),
    Row::new("flags of PUBCOMP", SINCE_311, MALFORMED, |_| {
        packet(0x78, &[0, 1])
    }),
    Row::new(
        "flags of SUBSCRIBE [MQTT-3.8.1-1] [MQTT3-3.8.1-1]",
        SINCE_311,
        MALFORMED,
        |v| {
            let mut bytes = wire::subscribe(v, 1, &[("a", 0)], &[]);
            bytes[0] = 0x80;
            bytes
        },
    ),
    Row::new(
        "flags of UNSUBSCRIBE [MQTT-3.10.1-1] [MQTT3-3.10.1-1]",
        SINCE_311,
        MALFORMED,
        |v| {
            let mut bytes = wire::unsubscribe(v, 1, &["a"]);
            bytes[0] = 0xA0;
            bytes
        },
    ),
    Row::new("flags of PINGREQ", SINCE_311, MALFORMED, |_| {
        vec![0xC1, 0x00]
    }),
    Row::new(
        "flags of DISCONNECT [MQTT-3.14.1-1] [MQTT3-3.14.1-1]",
        SINCE_311,
        MALFORMED,
        |_| vec![0xE1, 0x00],
    ),
    Row::new("flags of AUTH [MQTT-3.15.1-1]", &[V5], MALFORMED, |_| {
        vec![0xF1, 0x00]
    }),
];

/// Packet identifier 0. [MQTT-2.2.1-3] [MQTT3-2.3.1-1]
const IDENTIFIERS: &[Row] = &[
    Row::new("identifier 0 in PUBLISH QoS 1", ALL, EITHER, |version| {
        Publish::new("a", 1, "x").id(0).bytes(version)
    }),
    Row::new("identifier 0 in PUBLISH QoS 2", ALL, EITHER, |version| {
        Publish::new("a", 2, "x").id(0).bytes(version)
    }),
    Row::new("identifier 0 in SUBSCRIBE", ALL, EITHER, |version| {
        wire::subscribe(version, 0, &[("a", 0)], &[])
    }),
    Row::new("identifier 0 in UNSUBSCRIBE", ALL, EITHER, |version| {
        wire::unsubscribe(version, 0, &["a"])
    }),
    Row::new("identifier 0 in PUBREL", ALL, EITHER, |_| {
        wire::ack(wire::PUBREL, 0)
    }),
    Row::new("identifier 0 in PUBACK", ALL, EITHER, |_| {
        wire::ack(wire::PUBACK, 0)
    }),
];

/// Packets at the wrong time or from the wrong side.
const OUT_OF_PLACE: &[Row] = &[
    Row::new(
        "a second CONNECT [MQTT-3.1.0-2] [MQTT3-3.1.0-2]",
        ALL,
        PROTOCOL,
        |version| Connect::new(version, "second").bytes(),
    ),
    Row::new("CONNACK from a client", ALL, EITHER, |version| {
        packet(
            0x20,
            &[&[0, 0], wire::section(version, &[]).as_slice()].concat(),
        )
    }),
    Row::new("SUBACK from a client", ALL, EITHER, |version| {
        packet(
            0x90,
            &[&[0, 1], wire::section(version, &[]).as_slice(), &[0]].concat(),
        )
    }),
    Row::new("UNSUBACK from a client", ALL, EITHER, |version| {
        let code: &[u8] = if version == V5 { &[0] } else { &[] };
        packet(
            0xB0,
            &[&[0, 1], wire::section(version, &[]).as_slice(), code].concat(),
        )
    }),
    Row::new("PINGRESP from a client", ALL, EITHER, |_| vec![0xD0, 0x00]),
    Row::new(
        "a subscription identifier from a client [MQTT-3.3.4-6]",
        &[V5],
        PROTOCOL,
        |v| {
            Publish::new("a", 0, "x")
                .with(subscription_identifier(1))
                .bytes(v)
        },
    ),
    Row::new(
        "SUBSCRIBE without a filter [MQTT-3.8.3-2] [MQTT3-3.8.3-2] [MQTT3-3.8.3-3]",
        ALL,
        EITHER,
        |v| wire::subscribe(v, 1, &[], &[]),
    ),
    Row::new(
        "UNSUBSCRIBE without a filter [MQTT-3.10.3-2] [MQTT3-3.10.3-2]",
        ALL,
        EITHER,
        |v| wire::unsubscribe(v, 1, &[]),
    ),
    Row::new(
        "a session expiry that began as 0 [MQTT-3.1.2-23]",
        &[V5],
        PROTOCOL,
        |_| disconnect_with(0, &[four(property::SESSION_EXPIRY, 10)]),
    ),
];

/// Reason codes that the packet does not have.
const CODES: &[Row] = &[
    Row::new("PUBACK 0x01 [MQTT-3.4.2-1]", &[V5], EITHER, |_| {
        wire::ack_with(wire::PUBACK, 1, 0x01)
    }),
    Row::new("PUBACK 0x92 [MQTT-3.4.2-1]", &[V5], EITHER, |_| {
        wire::ack_with(wire::PUBACK, 1, 0x92)
    }),
    Row::new("PUBREC 0x02 [MQTT-3.5.2-1]", &[V5], EITHER, |_| {
        wire::ack_with(wire::PUBREC, 1, 0x02)
    }),
    Row::new("PUBREL 0x80 [MQTT-3.6.2-1]", &[V5], EITHER, |_| {
        wire::ack_with(wire::PUBREL, 1, 0x80)
    }),
    Row::new("PUBCOMP 0x10 [MQTT-3.7.2-1]", &[V5], EITHER, |_| {
        wire::ack_with(wire::PUBCOMP, 1, 0x10)
    }),
    Row::new("DISCONNECT 0x01 [MQTT-3.14.2-1]", &[V5], EITHER, |_| {
        disconnect_with(0x01, &[])
    }),
    Row::new("DISCONNECT 0xFF [MQTT-3.14.2-1]", &[V5], EITHER, |_| {
        disconnect_with(0xFF, &[])
    }),
    Row::new("AUTH 0x01 [MQTT-3.15.2-1]", &[V5], EITHER, |_| {
        wire::auth(0x01, &[])
    }),
    Row::new("reason string twice", &[V5], PROTOCOL, |_| {
        let words = text(property::REASON_STRING, "why");
        disconnect_with(0, &[words.clone(), words])
    }),
];

#[test]
fn bad_frames() {
    try_connected(FRAMES);
}

#[test]
fn bad_flags() {
    try_connected(FLAGS);
}

#[test]
fn bad_identifiers() {
    try_connected(IDENTIFIERS);
}

#[test]
fn packets_out_of_place() {
    try_connected(OUT_OF_PLACE);
}

#[test]
fn bad_reason_codes() {
    try_connected(CODES);
}

/// Anything but CONNECT as the first packet: closed without a word.
/// [MQTT-3.1.0-1] [MQTT-3.2.0-1] [MQTT-3.14.0-1] [MQTT3-3.1.0-1] [MQTT3-3.2.0-1]
const FIRST: &[Row] = &[
    Row::new("PUBLISH first", ALL, SILENCE, |v| {
        Publish::new("a", 1, "x").bytes(v)
    }),
    Row::new("PUBACK first", ALL, SILENCE, |_| wire::ack(wire::PUBACK, 1)),
    Row::new("PUBREL first", ALL, SILENCE, |_| wire::ack(wire::PUBREL, 1)),
    Row::new("SUBSCRIBE first", ALL, SILENCE, |v| {
        wire::subscribe(v, 1, &[("a", 0)], &[])
    }),
    Row::new("UNSUBSCRIBE first", ALL, SILENCE, |v| {
        wire::unsubscribe(v, 1, &["a"])
    }),
    Row::new("PINGREQ first", ALL, SILENCE, |_| wire::PINGREQ.to_vec()),
    Row::new("DISCONNECT first", ALL, SILENCE, |_| {
        wire::DISCONNECT.to_vec()
    }),
    Row::new("CONNACK first", ALL, SILENCE, |_| packet(0x20, &[0, 0])),
    Row::new("type 0 first", ALL, SILENCE, |_| vec![0, 0]),
    Row::new("HTTP first", &[V311], SILENCE, |_| {
        b"GET / HTTP/1.1\r\n\r\n".to_vec()
    }),
    Row::new("TLS first", &[V311], SILENCE, |_| {
        vec![
            0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03,
        ]
    }),
];

#[test]
fn the_first_packet_is_connect() {
    try_first(FIRST);
}

/// A connection that ends within a packet ends, and does nothing: cut at each byte.
#[test]
fn a_packet_cut_short_does_nothing() {
    on_each(|broker| {
        for &version in SINCE_311 {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let connect = Connect::new(version, &broker.name()).bytes();
            let publish = Publish::new(&topic, 1, "never whole").bytes(version);
            for end in 0..connect.len() {
                let mut client = broker.open(version);
                client.send(&connect[..end]);
                client.shut();
                assert_eq!(client.next(), Next::Closed, "CONNECT cut at {end}");
            }
            for end in 0..publish.len() {
                let mut client = broker.client(version);
                client.send(&publish[..end]);
                client.shut();
                assert_eq!(client.next(), Next::Closed, "PUBLISH cut at {end}");
            }
            broker.client(version).nothing_for(&mut reader);
        }
    });
}

/// A length beyond every limit is refused when it is claimed, before anything follows.
/// [MQTT-3.2.2-15]
#[test]
fn a_huge_length_is_refused_at_once() {
    on_each(|broker| {
        if !broker.is_ours {
            return; // the limits are ours
        }
        for &version in ALL {
            let mut client = broker.client(version);
            client.send(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a']);
            client.thrown_out(&[0x95]);
            // Before CONNECT is accepted, 64 KiB are enough.
            let mut client = broker.open(version);
            client.send(&[0x10, 0xFF, 0xFF, 0xFF, 0x7F, 0, 4]);
            assert_eq!(client.next(), Next::Closed);
            let mut client = broker.open(version);
            client.send(&packet(0x10, &vec![0; 70_000])[..100]);
            assert_eq!(client.next(), Next::Closed);
        }
    });
}

/// Thousands of packets of nothing but acknowledgements disturb nobody.
#[test]
fn acknowledgements_of_nothing_disturb_nobody() {
    on_each(|broker| {
        for &version in ALL {
            let mut client = broker.client(version);
            for first in [wire::PUBACK, wire::PUBCOMP] {
                let burst: Vec<u8> = (1..=5_000).flat_map(|id| wire::ack(first, id)).collect();
                client.send(&burst);
            }
            client.ping();
        }
    });
}
