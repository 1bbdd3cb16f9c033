//! CONNECT and CONNACK, take-over, keep alive, PINGREQ and DISCONNECT.

use std::time::{Duration, Instant};

use crate::client::{Connect, Next, SOON, Will};
use crate::harness::{Knobs, let_pass, on_each, on_each_with};
use crate::wire::{self, ALL, Packet, Publish, V3, V5, V31, V311, Version, number, property};

/// [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-8]
/// [MQTT-4.2-1] [MQTT3-3.1.4-4] [MQTT3-3.2.0-1] [MQTT3-3.2.2-1] [MQTT3-7.0.0-2]
/// [MQTT3-7.1.1-1]
#[test]
fn each_version_is_accepted() {
    on_each(|broker| {
        for &version in ALL {
            let mut client = broker.client(version);
            assert!(!client.session_present, "{version:?}");
            client.ping();
            client.leave();
        }
    });
}

/// The properties of CONNACK say nothing that takes away what bowline has.
/// [MQTT-3.2.2-22]
#[test]
fn connack_offers_everything() {
    on_each(|broker| {
        let client = broker.client(V5);
        let says = |id| number(&client.granted, id);
        assert_eq!(says(property::MAXIMUM_QOS), None);
        assert_ne!(says(property::RECEIVE_MAXIMUM), Some(0));
        assert_ne!(says(property::MAXIMUM_PACKET_SIZE), Some(0));
        assert_eq!(
            says(property::SERVER_KEEP_ALIVE),
            None,
            "60 s were asked for"
        );
        let available = [
            property::RETAIN_AVAILABLE,
            property::WILDCARD_AVAILABLE,
            property::IDENTIFIERS_AVAILABLE,
            property::SHARED_AVAILABLE,
        ];
        for id in available {
            assert_ne!(says(id), Some(0), "{id:#04x}");
        }
    });
}

/// Where the segments of TCP begin and end means nothing. [MQTT-4.2-1] [MQTT3-7.1.1-1]
#[test]
fn segments_do_not_matter() {
    on_each(|broker| {
        for &version in ALL {
            let (name, topic) = (broker.name(), broker.name());
            let mut all = Connect::new(version, &name).bytes();
            all.extend(wire::subscribe(version, 7, &[(&topic, 1)], &[]));
            all.extend(Publish::new(&topic, 1, "x").id(8).bytes(version));
            for pieces in [1, all.len()] {
                let mut client = broker.open(version);
                for piece in all.chunks(all.len().div_ceil(pieces)) {
                    client.send(piece);
                }
                client.accepted();
                // The answers and the message itself come in any order.
                let came = [client.packet(), client.packet(), client.packet()];
                let mut kinds = came.map(|packet| match packet {
                    Packet::SubAck { id: 7, .. } => "SUBACK",
                    Packet::Ack {
                        first: wire::PUBACK,
                        id: 8,
                        ..
                    } => "PUBACK",
                    Packet::Publish(message) if message.text() == "x" => "PUBLISH",
                    other => panic!("{other:?}"),
                });
                kinds.sort_unstable();
                assert_eq!(kinds, ["PUBACK", "PUBLISH", "SUBACK"]);
                client.cut();
            }
        }
    });
}

/// A CONNECT with everything in it is read in the order of the standard.
/// [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-12] [MQTT-3.1.2-9] [MQTT-3.1.2-17]
/// [MQTT-3.1.2-19] [MQTT3-3.1.3-1] [MQTT3-3.1.3-3] [MQTT3-3.1.2-9] [MQTT3-3.1.2-19]
/// [MQTT3-3.1.2-21]
#[test]
fn a_full_connect_is_accepted() {
    on_each(|broker| {
        for &version in ALL {
            let (name, topic) = (broker.name(), broker.name());
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let mut connect = Connect::new(version, &name).will(Will::new(&topic, "gone"));
            connect.username = Some("näme".to_owned());
            connect.password = Some(vec![0, 0xFF, 0x80]);
            broker.connect(&connect).cut();
            assert_eq!(reader.message().text(), "gone", "{version:?}");
        }
    });
}

/// [MQTT-3.1.2-18]
#[test]
fn a_password_alone_is_allowed_in_5() {
    on_each(|broker| {
        let mut connect = Connect::new(V5, &broker.name());
        connect.password = Some(b"secret".to_vec());
        broker.connect(&connect).leave();
    });
}

/// A version that nobody serves: a code that says so, then the end.
/// [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT3-3.1.2-1] [MQTT3-3.1.2-2]
#[test]
fn other_versions_are_refused() {
    let rows: &[(&str, u8)] = &[
        ("MQTT", 6),
        ("MQTT", 0),
        ("MQTT", 99),
        ("MQIsdp", 9),
        ("mqtt", 4),
        ("HTTP", 5),
        ("", 4),
    ];
    on_each(|broker| {
        for (name, level) in rows {
            let mut body = wire::field(name);
            body.extend([*level, 0x02, 0, 60, 0]);
            body.extend(wire::field("x"));
            // Nobody knows how a version to come reads; ours answers it as 5.0 would.
            let answered_in = if *level > 4 && broker.is_ours {
                V5
            } else {
                V311
            };
            let mut client = broker.open(answered_in);
            client.send(&wire::packet(0x10, &body));
            let mut answer = Vec::new();
            loop {
                match client.next() {
                    Next::Closed => break,
                    Next::Packet(Packet::ConnAck {
                        session_present: false,
                        code,
                        ..
                    }) => {
                        answer.push(code);
                    }
                    Next::Packet(other) => panic!("{name} {level}: {other:?}"),
                }
            }
            // A name that is not MQTT's may be left without an answer.
            let is_named = *name == "MQTT" || *name == "MQIsdp";
            let said = matches!(answer.as_slice(), [0x01 | 0x84]);
            assert!(
                said || (answer.is_empty() && !is_named),
                "{name} {level}: {answer:02x?}"
            );
        }
    });
}

/// [MQTT-3.1.3-5] [MQTT-3.1.3-2] [MQTT3-3.1.3-5] [MQTT3-3.1.3-2]
#[test]
fn ids_of_letters_and_digits_are_accepted() {
    let ids = [
        "0",
        "z",
        "0123456789abcdefghijklm",
        "nopqrstuvwxyzABCDEFGHIJ",
        "KLMNOPQRSTUVWXYZ",
    ];
    on_each(|broker| {
        for &version in ALL {
            for id in ids {
                broker.connect(&Connect::new(version, id)).leave();
            }
        }
    });
}

/// [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
#[test]
fn an_empty_id_is_replaced_in_5() {
    on_each(|broker| {
        let assigned = |connect: &Connect| {
            let client = broker.connect(connect);
            let id = wire::bytes_of(&client.granted, property::ASSIGNED_CLIENT_IDENTIFIER)
                .expect("an assigned client identifier");
            let id = String::from_utf8(id.to_vec()).expect("UTF-8");
            (id, client)
        };
        let (first, first_client) = assigned(&Connect::new(V5, "").lasting());
        let (second, second_client) = assigned(&Connect::new(V5, ""));
        assert_ne!(first, second);
        first_client.leave();
        second_client.leave();
        // The name is as good as one of the client's own: the session is found under it.
        let back = broker.connect(&Connect::new(V5, &first).resuming());
        assert!(back.session_present);
        let named = wire::bytes_of(&back.granted, property::ASSIGNED_CLIENT_IDENTIFIER);
        assert_eq!(named, None, "only an empty id is replaced");
    });
}

/// [MQTT3-3.1.3-6] [MQTT3-3.1.3-7] [MQTT3-3.1.3-8] [MQTT3-3.1.3-9] [MQTT3-3.2.2-4]
/// [MQTT3-3.2.2-5]
#[test]
fn an_empty_id_needs_a_clean_session_in_311() {
    on_each(|broker| {
        let mut first = broker.connect(&Connect::new(V311, ""));
        let mut second = broker.connect(&Connect::new(V311, ""));
        first.ping();
        second.ping();
        for (version, connect) in [
            (V311, Connect::new(V311, "").resuming()),
            (V31, Connect::new(V31, "")),
        ] {
            let mut refused = broker.open(version);
            refused.send(&connect.bytes());
            let code = match refused.packet() {
                Packet::ConnAck {
                    session_present: false,
                    code,
                    ..
                } => code,
                other => panic!("{other:?}"),
            };
            assert_eq!(code, 0x02, "{version:?}");
            refused.closed();
        }
    });
}

/// [MQTT-3.1.4-3] [MQTT-4.13.2-1] [MQTT3-3.1.4-2]
#[test]
fn the_later_connection_takes_over() {
    on_each(|broker| {
        for &earlier in ALL {
            for &later in ALL {
                let name = broker.name();
                let mut first = broker.connect(&Connect::new(earlier, &name));
                let mut second = broker.connect(&Connect::new(later, &name));
                first.thrown_out(&[0x8E]);
                second.ping();
                second.leave();
            }
        }
    });
}

/// Nothing for one and a half keep alive: closed, and not before; a packet in time prevents it.
/// [MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT3-3.1.2-24]
#[test]
fn keep_alive_is_checked() {
    on_each(|broker| {
        let start = |&version: &Version| {
            let mut client = broker.connect(&Connect::new(version, &broker.name()).keep_alive(1));
            // After this the broker has heard nothing since `heard` at the latest.
            let heard = Instant::now();
            client.ping();
            (client, heard)
        };
        let mut clients: Vec<_> = ALL.iter().map(start).collect();
        let mut lively = broker.connect(&Connect::new(V5, &broker.name()).keep_alive(1));
        for _ in 0..4 {
            let_pass(Duration::from_millis(500));
            lively.ping();
        }
        lively.ping();
        for (client, heard) in &mut clients {
            client.thrown_out_or_closed(&[0x8D]);
            let silent_for = heard.elapsed();
            let late = Duration::from_secs(if broker.is_ours { 4 } else { 10 });
            assert!(silent_for < late, "{silent_for:?}");
        }
    });
}

/// The same from the other side: not before one and a half keep alive.
/// [MQTT-3.1.2-22] [MQTT3-3.1.2-24]
#[test]
fn keep_alive_is_not_cut_short() {
    on_each(|broker| {
        let mut client = broker.connect(&Connect::new(V5, &broker.name()).keep_alive(1));
        let heard = Instant::now();
        assert!(client.next_within(SOON).is_some());
        assert!(
            heard.elapsed() >= Duration::from_millis(1_450),
            "{:?}",
            heard.elapsed()
        );
    });
}

/// A keep alive that the broker cuts short is said in CONNACK and holds for the client.
/// [MQTT-3.1.2-21] [MQTT-3.2.2-21] [MQTT-3.1.2-22]
#[test]
fn a_server_keep_alive_is_said_and_holds() {
    let knobs = Knobs {
        keep_alive_secs_max: Some(1),
        ..Knobs::default()
    };
    on_each_with(knobs, |broker| {
        if !broker.is_ours {
            return; // its longest keep alive is not known
        }
        let clients = [0, 2, 60, 65_535].map(|asked| {
            let client = broker.connect(&Connect::new(V5, &broker.name()).keep_alive(asked));
            let said = number(&client.granted, property::SERVER_KEEP_ALIVE);
            assert_eq!(said, Some(1), "asked for {asked}");
            client
        });
        for mut client in clients {
            client.thrown_out(&[0x8D]);
        }
        let client = broker.connect(&Connect::new(V5, &broker.name()).keep_alive(1));
        assert_eq!(number(&client.granted, property::SERVER_KEEP_ALIVE), None);
    });
}

/// A keep alive of 0 turns the check off.
#[test]
fn no_keep_alive_is_no_limit() {
    on_each(|broker| {
        let mut client = broker.connect(&Connect::new(V5, &broker.name()).keep_alive(0));
        if number(&client.granted, property::SERVER_KEEP_ALIVE).is_none() {
            let_pass(Duration::from_millis(2_500));
            client.ping();
        }
    });
}

/// [MQTT-3.12.4-1] [MQTT3-3.12.4-1]
#[test]
fn every_pingreq_is_answered() {
    on_each(|broker| {
        for &version in ALL {
            let mut client = broker.client(version);
            client.send(&[0xC0, 0, 0xC0, 0, 0xC0, 0]);
            for _ in 0..3 {
                assert_eq!(client.packet(), Packet::PingResp);
            }
        }
    });
}

/// What follows a refused CONNECT in the same segment is not processed.
/// [MQTT-3.1.4-2] [MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT3-3.1.4-5] [MQTT3-3.2.2-4]
/// [MQTT3-3.2.2-5]
#[test]
fn after_a_refusal_nothing_is_processed() {
    on_each(|broker| {
        let topic = broker.name();
        let mut reader = broker.client(V5);
        reader.subscribe(&topic, 0);
        let refused = [
            Connect::new(V311, "").resuming(),
            Connect::new(V5, &broker.name()).with(wire::text(
                property::AUTHENTICATION_METHOD,
                "no such method",
            )),
        ];
        for connect in refused {
            let mut bytes = connect.bytes();
            bytes.extend(Publish::new(&topic, 0, "smuggled").bytes(connect.version));
            let mut client = broker.open(connect.version);
            client.send(&bytes);
            match client.packet() {
                Packet::ConnAck {
                    session_present: false,
                    code,
                    ..
                } => assert_ne!(code, 0),
                other => panic!("{other:?}"),
            }
            client.closed();
        }
        broker.client(V5).nothing_for(&mut reader);
    });
}

/// After DISCONNECT the broker closes and reads no more. [MQTT-3.14.4-1] [MQTT-3.14.4-2]
/// [MQTT3-3.14.4-1] [MQTT3-3.14.4-2]
#[test]
fn nothing_counts_after_disconnect() {
    on_each(|broker| {
        for &version in ALL {
            let topic = broker.name();
            let mut reader = broker.client(version);
            reader.subscribe(&topic, 0);
            let mut client = broker.client(version);
            let mut bytes = wire::DISCONNECT.to_vec();
            bytes.extend(Publish::new(&topic, 0, "late").bytes(version));
            client.send(&bytes);
            client.closed();
            broker.client(version).nothing_for(&mut reader);
        }
    });
}

/// Each reason code that a client may send is taken for what it is. [MQTT-3.14.2-1]
#[test]
fn every_disconnect_code_of_a_client_is_accepted() {
    let codes = [
        0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ];
    on_each(|broker| {
        for code in codes {
            let mut client = broker.client(V5);
            client.send(&wire::disconnect_with(
                code,
                &[wire::text(property::REASON_STRING, "why")],
            ));
            client.closed();
            let mut short = broker.client(V5);
            short.send(&wire::packet(0xE0, &[code]));
            short.closed();
        }
    });
}

/// A lost client is noticed when its connection ends, and its name is free at once.
/// [MQTT-3.2.2-3] [MQTT3-3.2.2-3]
#[test]
fn a_name_can_be_used_again() {
    on_each(|broker| {
        for &version in V3.iter().chain([&V5]) {
            let name = broker.name();
            for _ in 0..20 {
                broker.connect(&Connect::new(version, &name)).cut();
            }
            let mut client = broker.connect(&Connect::new(version, &name));
            assert!(!client.session_present);
            client.ping();
        }
    });
}
