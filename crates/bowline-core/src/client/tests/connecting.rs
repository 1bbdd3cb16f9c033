//! Connections: their beginning, their keep alive, their end.

use super::script::check;
use crate::client::{ClientOptions, Message, Will};
use bowline_packet::ProtocolVersion;

fn options() -> ClientOptions {
    ClientOptions::new("c")
}

#[test]
fn only_5_0_continues_a_session_that_began_clean() {
    let again = |clean: u8| {
        alloc::format!(
            "! connect
             > CONNECT clean=1 id=c
             < CONNACK present=0
             * connected present=0 id=c ka=60
             ! lost
             * disconnected closed
             ! connect
             > CONNECT clean={clean} id=c"
        )
    };
    check(options(), &again(0));
    check(
        ClientOptions {
            version: ProtocolVersion::V311,
            ..options()
        },
        &again(1),
    );
    check(
        ClientOptions {
            version: ProtocolVersion::V31,
            ..options()
        },
        &again(1),
    );
}

#[test]
fn an_assigned_client_identifier_is_kept() {
    check(
        ClientOptions::new(""),
        "! connect
         > CONNECT clean=1 id=
         < CONNACK present=0 id=server-made
         * connected present=0 id=server-made ka=60
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=server-made",
    );
}

#[test]
fn refusals() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0 rc=135
         * disconnected refused 135",
    );
    check(
        ClientOptions {
            version: ProtocolVersion::V311,
            ..options()
        },
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0 rc=135
         * disconnected refused 5",
    );
}

/// [MQTT-3.2.2-4]; and the half of it that is not kept on purpose.
#[test]
fn session_present() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=1
         * disconnected protocol 130: session present after a clean start",
    );
    check(
        ClientOptions {
            clean_start: false,
            ..options()
        },
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60",
    );
}

/// [MQTT-3.1.2-20]
#[test]
fn keep_alive() {
    check(
        ClientOptions {
            keep_alive_secs: 10,
            ..options()
        },
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=10
         ! early 9999
         ! at 10000
         > PINGREQ
         ! early 10400
         ! now 10500
         < PINGRESP
         ! now 12000
         ! publish q0 a x
         > PUBLISH d0 q0 m0 a x
         * published m0 sent
         ! at 20500
         > PINGREQ
         ! at 30500
         * disconnected no pong",
    );
}

/// [MQTT-3.1.2-21]
#[test]
fn the_server_names_the_keep_alive() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0 ka=5
         * connected present=0 id=c ka=5
         ! at 5000
         > PINGREQ",
    );
}

#[test]
fn a_driver_that_does_not_read_does_not_blame_the_server() {
    check(
        ClientOptions {
            keep_alive_secs: 10,
            ..options()
        },
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=10
         ! deaf 1
         ! at 10000
         > PINGREQ
         ! early 19999
         ! at 20000
         > PINGREQ
         ! now 29000
         ! deaf 0
         ! at 39000
         * disconnected no pong",
    );
}

#[test]
fn a_server_that_does_not_answer_the_connect() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         ! at 30000
         * disconnected no connack",
    );
}

#[test]
fn extended_authentication() {
    check(
        ClientOptions {
            authentication_method: Some("m".into()),
            ..options()
        },
        "! connect
         > CONNECT clean=1 id=c
         < AUTH 24
         * auth 24
         ! auth 24
         > AUTH 24
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! auth 25
         > AUTH 25
         < AUTH 0
         * auth 0",
    );
}

#[test]
fn a_will_needs_a_topic_name() {
    let will = Will {
        message: Message::new("a/#", ""),
        delay_secs: 0,
    };
    check(
        ClientOptions {
            will: Some(will),
            ..options()
        },
        "! connect
         * error: a topic name cannot contain `+` or `#`",
    );
}

#[test]
fn saying_goodbye() {
    let start = "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60\n";
    let v311 = || ClientOptions {
        version: ProtocolVersion::V311,
        ..options()
    };
    let goodbye = "! disconnect
         > DISCONNECT 0
         * disconnected requested";
    check(options(), &[start, goodbye].concat());
    check(v311(), &[start, goodbye].concat());
    check(
        options(),
        &[
            start,
            "! disconnect will\n> DISCONNECT 4\n* disconnected requested",
        ]
        .concat(),
    );
    // Before 5.0 a will is only published if there is no DISCONNECT.
    check(
        v311(),
        &[start, "! disconnect will\n* disconnected requested"].concat(),
    );
}

#[test]
fn the_server_says_goodbye() {
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         < DISCONNECT 142
         * disconnected by server 142
         < PUBLISH d0 q0 m0 a ignored",
    );
}

#[test]
fn packets_that_have_no_place() {
    for (packet, what) in [
        ("PINGREQ", "130: a packet that a server may not send here"),
        (
            "CONNACK present=0",
            "130: a packet that a server may not send here",
        ),
        (
            "SUBACK m9 0",
            "130: answer to a SUBSCRIBE or UNSUBSCRIBE that was not sent",
        ),
        (
            "UNSUBACK m9 0",
            "130: answer to a SUBSCRIBE or UNSUBSCRIBE that was not sent",
        ),
    ] {
        let code = &what[..3];
        check(
            options(),
            &alloc::format!(
                "! connect
                 > CONNECT clean=1 id=c
                 < CONNACK present=0
                 * connected present=0 id=c ka=60
                 < {packet}
                 > DISCONNECT {code}
                 * disconnected protocol {what}"
            ),
        );
    }
    check(
        options(),
        "! connect
         > CONNECT clean=1 id=c
         < PINGRESP
         * disconnected protocol 130: the first packet of a server must be CONNACK",
    );
}
