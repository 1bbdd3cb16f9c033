//! Publishing: acknowledgement, loss, order, window.

use super::script::check;
use crate::client::{Client, ClientEvent, ClientOptions, ClientOut, Message};
use bowline_packet::{PacketId, ProtocolVersion, QoS};

fn options() -> ClientOptions {
    ClientOptions::new("c")
}

/// A session that the server keeps.
fn lasting() -> ClientOptions {
    ClientOptions {
        clean_start: false,
        session_expiry_secs: Some(60),
        ..options()
    }
}

#[test]
fn five_messages_get_the_identifiers_1_to_5() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q1 sensor/temperature temp:20
         > PUBLISH d0 q1 m1 sensor/temperature temp:20
         < PUBACK m1
         * published m1 acknowledged 0
         ! publish q1 sensor/temperature temp:21
         > PUBLISH d0 q1 m2 sensor/temperature temp:21
         ! publish q1 sensor/temperature temp:22
         > PUBLISH d0 q1 m3 sensor/temperature temp:22
         < PUBACK m2
         * published m2 acknowledged 0
         < PUBACK m3 16
         * published m3 acknowledged 16
         ! publish q0 sensor/temperature temp:23
         > PUBLISH d0 q0 m0 sensor/temperature temp:23
         * published m0 sent
         ! publish q1 sensor/temperature temp:24
         > PUBLISH d0 q1 m4 sensor/temperature temp:24
         < PUBACK m4 135
         * published m4 refused 135",
    );
}

/// [MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT-4.6.0-1]
#[test]
fn lost_pubacks_are_answered_by_dup_in_order_on_the_next_connection() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q1 a one
         > PUBLISH d0 q1 m1 a one
         ! publish q2 a two
         > PUBLISH d0 q2 m2 a two
         ! publish q1 a three
         > PUBLISH d0 q1 m3 a three
         < PUBACK m3
         * published m3 acknowledged 0
         ! lost
         * disconnected closed
         ! publish q1 a four
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > PUBLISH d1 q1 m1 a one
         > PUBLISH d1 q2 m2 a two
         > PUBLISH d0 q1 m4 a four
         * connected present=1 id=c ka=60
         < PUBACK m1
         * published m1 acknowledged 0
         < PUBREC m2
         > PUBREL m2
         < PUBACK m4
         * published m4 acknowledged 0
         < PUBCOMP m2
         * published m2 acknowledged 0",
    );
}

/// [MQTT3-4.4.0-1]
#[test]
fn version_3_1_1_re_sends_with_dup_too() {
    check(
        ClientOptions {
            version: ProtocolVersion::V311,
            ..lasting()
        },
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q1 a one
         > PUBLISH d0 q1 m1 a one
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > PUBLISH d1 q1 m1 a one
         * connected present=1 id=c ka=60
         < PUBACK m1
         * published m1 acknowledged 0",
    );
}

/// A QoS 2 message is cut at each step of its way; the server keeps the session.
#[test]
fn qos_2_cut_at_each_step() {
    let reconnected = |script: &str| {
        let start = "! connect
             > CONNECT clean=0 id=c
             < CONNACK present=0
             * connected present=0 id=c ka=60
             ! publish q2 a x
             > PUBLISH d0 q2 m1 a x";
        check(lasting(), &[start, script].join("\n"));
    };
    // Before the PUBREC: the PUBLISH again, with DUP.
    reconnected(
        "! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > PUBLISH d1 q2 m1 a x
         * connected present=1 id=c ka=60
         < PUBREC m1
         > PUBREL m1
         < PUBCOMP m1
         * published m1 acknowledged 0",
    );
    // After the PUBREC: the PUBREL again, never the PUBLISH. [MQTT-4.3.3-6]
    reconnected(
        "< PUBREC m1
         > PUBREL m1
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > PUBREL m1
         * connected present=1 id=c ka=60
         < PUBCOMP m1 146
         * published m1 acknowledged 0",
    );
    // After the PUBCOMP: nothing.
    reconnected(
        "< PUBREC m1
         > PUBREL m1
         < PUBCOMP m1
         * published m1 acknowledged 0
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60",
    );
    // The server repeats its PUBREC. [MQTT-4.3.3-4]
    reconnected(
        "< PUBREC m1
         > PUBREL m1
         < PUBREC m1
         > PUBREL m1
         < PUBCOMP m1
         * published m1 acknowledged 0
         < PUBREC m1
         > PUBREL m1 146
         < PUBCOMP m1",
    );
    // What the PUBREC said counts.
    reconnected(
        "< PUBREC m1 16
         > PUBREL m1
         < PUBCOMP m1
         * published m1 acknowledged 16",
    );
    // A refusal ends it at once.
    reconnected(
        "< PUBREC m1 151
         * published m1 refused 151
         ! publish q2 a y
         > PUBLISH d0 q2 m2 a y",
    );
}

/// [MQTT-4.6.0-4]
#[test]
fn pubrels_are_repeated_in_the_order_of_the_pubrecs() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q2 a one
         > PUBLISH d0 q2 m1 a one
         ! publish q2 a two
         > PUBLISH d0 q2 m2 a two
         ! publish q2 a three
         > PUBLISH d0 q2 m3 a three
         < PUBREC m3
         > PUBREL m3
         < PUBREC m1
         > PUBREL m1
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > PUBREL m3
         > PUBREL m1
         > PUBLISH d1 q2 m2 a two
         * connected present=1 id=c ka=60",
    );
}

/// [MQTT-3.2.2-5]; QoS 1 becomes a new message, of QoS 2 nobody can tell.
#[test]
fn a_server_that_lost_the_session() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q1 a one
         > PUBLISH d0 q1 m1 a one
         ! publish q2 a unknown
         > PUBLISH d0 q2 m2 a unknown
         ! publish q2 a taken
         > PUBLISH d0 q2 m3 a taken
         < PUBREC m3
         > PUBREL m3
         ! lost
         * disconnected closed
         ! publish q2 a later
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > PUBLISH d0 q1 m4 a one
         > PUBLISH d0 q2 m5 a later
         * connected present=0 id=c ka=60
         * published m2 uncertain
         * published m3 acknowledged 0",
    );
}

/// [MQTT-3.3.4-7], [MQTT-4.9.0-2]
#[test]
fn the_servers_receive_maximum_and_our_own_window() {
    let script = "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0 rm=2
         * connected present=0 id=c ka=60
         ! publish q1 a one
         > PUBLISH d0 q1 m1 a one
         ! publish q2 a two
         > PUBLISH d0 q2 m2 a two
         ! publish q1 a three
         ! publish q0 a zero
         < PUBREC m2
         > PUBREL m2
         < PUBACK m1
         > PUBLISH d0 q1 m3 a three
         > PUBLISH d0 q0 m0 a zero
         * published m1 acknowledged 0
         * published m0 sent
         ! publish q1 a four
         < PUBCOMP m2
         > PUBLISH d0 q1 m4 a four
         * published m2 acknowledged 0";
    check(lasting(), script);
    let script = script.replace(" rm=2", "");
    check(
        ClientOptions {
            in_flight_max: 2,
            ..lasting()
        },
        &script,
    );
    // A smaller window after the reconnect holds for what is sent again, too. [MQTT-4.9.0-1]
    check(
        lasting(),
        &[
            &script,
            "! lost
             * disconnected closed
             ! connect
             > CONNECT clean=0 id=c
             < CONNACK present=1 rm=1
             > PUBLISH d1 q1 m3 a three
             * connected present=1 id=c ka=60
             < PUBACK m3
             > PUBLISH d1 q1 m4 a four
             * published m3 acknowledged 0",
        ]
        .join("\n")
        .replace("CONNACK present=0", "CONNACK present=0 rm=2"),
    );
}

/// [MQTT-3.2.2-11], [MQTT-3.2.2-14], [MQTT-3.2.2-15]
#[test]
fn what_the_server_cannot_take_is_not_sent() {
    check(
        options(),
        "! publish q2 a x
         ! publish q1 retain a x
         ! publish q1 a this-is-too-much
         ! publish q1 a x
         ! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0 maxqos=1 retain=0 maxpacket=12
         > PUBLISH d0 q1 m1 a x
         * connected present=0 id=c ka=60
         * published m0 impossible QosNotSupported
         * published m0 impossible RetainNotSupported
         * published m0 impossible PacketTooLarge",
    );
}

#[test]
fn bounds_of_the_queue_and_wrong_topics() {
    check(
        ClientOptions {
            queue_messages_max: 2,
            ..options()
        },
        "! publish q1 a one
         ! publish q0 a two
         ! publish q1 a three
         * error: too many messages wait to be sent
         ! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         > PUBLISH d0 q1 m1 a one
         > PUBLISH d0 q0 m0 a two
         * connected present=0 id=c ka=60
         * published m0 sent
         ! publish q1 a three
         > PUBLISH d0 q1 m2 a three",
    );
    check(
        ClientOptions {
            queue_bytes_max: 12,
            ..options()
        },
        "! publish q1 a one
         ! publish q1 a two
         ! publish q1 a three
         * error: too many messages wait to be sent",
    );
}

#[test]
fn there_are_always_identifiers_for_those_who_give_them_back() {
    let mut client = Client::new(options());
    let mut out = ClientOut::default();
    client.connect(0, &mut out).expect("the options are right");
    client.handle_bytes(0, &[0x20, 3, 0, 0, 0], &mut out);
    let message = Message::new("a", "x").with_qos(QoS::AtLeastOnce);
    for number in 0..140_000_u32 {
        out.bytes.clear();
        out.events.clear();
        client
            .publish(0, &message, &mut out)
            .expect("there is room");
        let id = [out.bytes[5], out.bytes[6]];
        assert_eq!(u32::from(u16::from_be_bytes(id)), number % 65_535 + 1);
        client.handle_bytes(0, &[0x40, 2, id[0], id[1]], &mut out);
        assert!(matches!(out.events[..], [ClientEvent::Published { .. }]));
    }
}

/// [MQTT-2.2.1-3]
#[test]
fn identifiers_in_use_are_passed_over() {
    check(
        ClientOptions {
            first_packet_id: PacketId::new(65_534).expect("not zero"),
            ..options()
        },
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! publish q1 a one
         > PUBLISH d0 q1 m65534 a one
         ! subscribe q0 a
         > SUBSCRIBE m65535 a:0
         ! publish q1 a two
         > PUBLISH d0 q1 m1 a two",
    );
}
