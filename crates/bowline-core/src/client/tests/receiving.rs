//! Receiving: acknowledgement in order, repetition, Topic Aliases.

use super::script::check;
use crate::client::{Acknowledgement, ClientOptions};
use bowline_packet::ProtocolVersion;
use core::num::NonZeroU16;

fn automatic() -> ClientOptions {
    ClientOptions {
        clean_start: false,
        session_expiry_secs: Some(60),
        ..ClientOptions::new("c")
    }
}

fn manual() -> ClientOptions {
    ClientOptions {
        acknowledgement: Acknowledgement::Manual,
        ..automatic()
    }
}

const CONNECTED: &str = "! connect
    > CONNECT clean=0 id=c
    < CONNACK present=0
    * connected present=0 id=c ka=60";

const CONNECTED_AGAIN: &str = "! lost
    * disconnected closed
    ! connect
    > CONNECT clean=0 id=c
    < CONNACK present=1
    * connected present=1 id=c ka=60";

#[track_caller]
fn check_connected(options: ClientOptions, script: &str) {
    let script = [CONNECTED, script]
        .join("\n")
        .replace("! reconnect", CONNECTED_AGAIN);
    check(options, &script);
}

#[test]
fn automatic_acknowledgement() {
    check_connected(
        automatic(),
        "< PUBLISH d0 q0 m0 a zero
         * message d0 q0 m0 a zero
         < PUBLISH d0 q1 m7 a one
         > PUBACK m7
         * message d0 q1 m7 a one
         < PUBLISH d0 q2 m8 a two
         > PUBREC m8
         * message d0 q2 m8 a two
         < PUBREL m8
         > PUBCOMP m8
         < PUBREL m8
         > PUBCOMP m8 146",
    );
}

/// [MQTT-4.6.0-2], [MQTT-4.6.0-3]
#[test]
fn manual_acknowledgement_out_of_order() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a one
         * message d0 q1 m1 a one
         < PUBLISH d0 q1 m2 a two
         * message d0 q1 m2 a two
         < PUBLISH d0 q2 m3 a three
         * message d0 q2 m3 a three
         < PUBLISH d0 q1 m4 a four
         * message d0 q1 m4 a four
         < PUBLISH d0 q2 m5 a five
         * message d0 q2 m5 a five
         ! ack four
         ! ack two
         ! ack five
         ! ack one
         > PUBACK m1
         > PUBACK m2
         > PUBACK m4
         ! ack three
         > PUBREC m3
         > PUBREC m5
         ! ack three
         * error: the message was settled already, or its session has ended
         < PUBREL m3
         > PUBCOMP m3",
    );
}

#[test]
fn what_was_not_acknowledged_comes_again_but_not_twice() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a processed
         * message d0 q1 m1 a processed
         < PUBLISH d0 q1 m2 a in-work
         * message d0 q1 m2 a in-work
         < PUBLISH d0 q1 m3 a given-back
         * message d0 q1 m3 a given-back
         ! give-back given-back
         ! lost
         * disconnected closed
         ! ack processed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60
         < PUBLISH d1 q1 m1 a processed
         > PUBACK m1
         < PUBLISH d1 q1 m2 a in-work
         < PUBLISH d1 q1 m3 a given-back
         * message d1 q1 m3 a given-back
         ! ack given-back
         ! ack in-work
         > PUBACK m2
         > PUBACK m3",
    );
}

#[test]
fn giving_everything_back() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a done
         * message d0 q1 m1 a done
         < PUBLISH d0 q1 m2 a failed
         * message d0 q1 m2 a failed
         < PUBLISH d0 q2 m3 a unseen
         * message d0 q2 m3 a unseen
         ! ack done
         > PUBACK m1
         ! give-back-all
         ! ack unseen
         * error: the message was settled already, or its session has ended
         ! abandon
         * disconnected requested
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60
         < PUBLISH d1 q1 m2 a failed
         * message d1 q1 m2 a failed
         < PUBLISH d1 q2 m3 a unseen
         * message d1 q2 m3 a unseen
         ! ack unseen
         > PUBREC m3
         ! ack failed
         > PUBACK m2",
    );
}

/// A QoS 2 message is cut at each step of its way. [MQTT-4.3.3-10]
#[test]
fn qos_2_cut_at_each_step() {
    // Before the application has acknowledged.
    check_connected(
        manual(),
        "< PUBLISH d0 q2 m1 a x
         * message d0 q2 m1 a x
         ! reconnect
         < PUBLISH d1 q2 m1 a x
         ! ack x
         > PUBREC m1
         < PUBREL m1
         > PUBCOMP m1",
    );
    // The PUBREC was lost.
    check_connected(
        automatic(),
        "< PUBLISH d0 q2 m1 a x
         > PUBREC m1
         * message d0 q2 m1 a x
         ! reconnect
         < PUBLISH d1 q2 m1 a x
         > PUBREC m1
         < PUBREL m1
         > PUBCOMP m1",
    );
    // The PUBREL was lost, or the PUBCOMP. [MQTT-4.3.3-11]
    check_connected(
        automatic(),
        "< PUBLISH d0 q2 m1 a x
         > PUBREC m1
         * message d0 q2 m1 a x
         ! reconnect
         < PUBREL m1
         > PUBCOMP m1
         ! reconnect
         < PUBREL m1
         > PUBCOMP m1 146
         < PUBLISH d0 q2 m1 a y
         > PUBREC m1
         * message d0 q2 m1 a y",
    );
}

#[test]
fn an_identifier_without_dup_is_a_new_qos_1_message() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a old
         * message d0 q1 m1 a old
         ! reconnect
         < PUBLISH d0 q1 m1 a new
         * message d0 q1 m1 a new
         ! ack old
         * error: the message was settled already, or its session has ended
         ! ack new
         > PUBACK m1",
    );
}

#[test]
fn tokens_end_with_the_session() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a old
         * message d0 q1 m1 a old
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! ack old
         * error: the message was settled already, or its session has ended",
    );
}

/// A 3.1.1 server that repeats on a live connection.
#[test]
fn repetition_on_a_live_connection() {
    let options = ClientOptions {
        version: ProtocolVersion::V311,
        ..manual()
    };
    check_connected(
        options,
        "< PUBLISH d0 q1 m1 a x
         * message d0 q1 m1 a x
         < PUBLISH d1 q1 m1 a x
         ! ack x
         > PUBACK m1
         < PUBLISH d0 q2 m2 a y
         * message d0 q2 m2 a y
         ! ack y
         > PUBREC m2
         < PUBLISH d1 q2 m2 a y
         > PUBREC m2
         < PUBLISH d0 q1 m3 a z
         * message d0 q1 m3 a z
         ! give-back z
         < PUBLISH d1 q1 m3 a z
         * message d1 q1 m3 a z",
    );
}

#[test]
fn refusing_a_message() {
    check_connected(
        manual(),
        "< PUBLISH d0 q1 m1 a x
         * message d0 q1 m1 a x
         ! refuse x
         > PUBACK m1 131
         < PUBLISH d0 q2 m2 a y
         * message d0 q2 m2 a y
         ! refuse y
         > PUBREC m2 131
         < PUBLISH d0 q2 m2 a z
         * message d0 q2 m2 a z",
    );
    check_connected(
        ClientOptions {
            version: ProtocolVersion::V311,
            ..manual()
        },
        "< PUBLISH d0 q1 m1 a x
         * message d0 q1 m1 a x
         ! refuse x
         > PUBACK m1",
    );
}

/// [MQTT-3.3.4-9]
#[test]
fn a_server_that_exceeds_our_receive_maximum() {
    check_connected(
        ClientOptions {
            receive_maximum: NonZeroU16::new(2),
            ..manual()
        },
        "< PUBLISH d0 q1 m1 a one
         * message d0 q1 m1 a one
         < PUBLISH d0 q2 m2 a two
         * message d0 q2 m2 a two
         ! ack two
         > PUBREC m2
         < PUBREL m2
         > PUBCOMP m2
         < PUBLISH d0 q1 m3 a three
         * message d0 q1 m3 a three
         < PUBLISH d0 q1 m4 a four
         > DISCONNECT 147
         * disconnected protocol 147: more messages under way than our receive maximum",
    );
}

/// [MQTT-4.9.0-1]: each connection counts anew.
#[test]
fn our_receive_maximum_after_a_reconnect() {
    check_connected(
        ClientOptions {
            receive_maximum: NonZeroU16::new(1),
            ..manual()
        },
        "< PUBLISH d0 q1 m1 a one
         * message d0 q1 m1 a one
         ! reconnect
         < PUBLISH d1 q1 m1 a one
         ! ack one
         > PUBACK m1
         < PUBLISH d0 q2 m2 a two
         * message d0 q2 m2 a two
         ! ack two
         > PUBREC m2
         ! reconnect
         < PUBREL m2
         > PUBCOMP m2
         < PUBLISH d0 q1 m3 a three
         * message d0 q1 m3 a three",
    );
}

/// Section 3.3.2.3.4, [MQTT-3.3.2-7], [MQTT-3.1.2-26]
#[test]
fn topic_aliases() {
    check_connected(
        automatic(),
        "< PUBLISH d0 q0 m0 long/topic one alias=2
         * message d0 q0 m0 long/topic one
         < PUBLISH d0 q0 m0 - two alias=2
         * message d0 q0 m0 long/topic two
         < PUBLISH d0 q0 m0 other three alias=2
         * message d0 q0 m0 other three
         < PUBLISH d0 q0 m0 - four alias=2
         * message d0 q0 m0 other four
         ! reconnect
         < PUBLISH d0 q0 m0 - five alias=2
         > DISCONNECT 130
         * disconnected protocol 130: unknown topic alias",
    );
    check_connected(
        automatic(),
        "< PUBLISH d0 q0 m0 a one alias=17
         > DISCONNECT 148
         * disconnected protocol 148: topic alias above our maximum",
    );
}

#[test]
fn any_segmentation_gives_the_same() {
    for segment in 1..9 {
        check_connected(
            manual(),
            &alloc::format!(
                "! segments {segment}
                 < PUBLISH d0 q1 m1 a/b one
                 * message d0 q1 m1 a/b one
                 < PUBLISH d0 q2 m2 a/b two
                 * message d0 q2 m2 a/b two
                 ! ack one
                 > PUBACK m1"
            ),
        );
    }
}
