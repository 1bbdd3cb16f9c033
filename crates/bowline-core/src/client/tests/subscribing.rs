//! SUBSCRIBE and UNSUBSCRIBE, also across lost connections and sessions.

use super::script::check;
use crate::client::ClientOptions;
use bowline_packet::ProtocolVersion;

fn lasting() -> ClientOptions {
    ClientOptions {
        clean_start: false,
        session_expiry_secs: Some(60),
        ..ClientOptions::new("c")
    }
}

#[test]
fn answers() {
    check(
        lasting(),
        "! subscribe q1 asked/before
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > SUBSCRIBE m1 asked/before:1
         * connected present=0 id=c ka=60
         ! subscribe q2 a b/# $share/g/c
         > SUBSCRIBE m2 a:2 b/#:2 $share/g/c:2
         < SUBACK m2 2 1 135
         * subscribed m2 2 1 135
         < SUBACK m1 1
         * subscribed m1 1
         ! unsubscribe a x
         > UNSUBSCRIBE m3 a x
         < UNSUBACK m3 0 17
         * unsubscribed m3 0 17
         ! subscribe q0
         * error: no topic filter given",
    );
    check(
        ClientOptions {
            version: ProtocolVersion::V311,
            ..lasting()
        },
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! subscribe q1 a b
         > SUBSCRIBE m1 a:1 b:1
         < SUBACK m1 1 128
         * subscribed m1 1 128
         ! unsubscribe a
         > UNSUBSCRIBE m2 a
         < UNSUBACK m2
         * unsubscribed m2 0",
    );
}

#[test]
fn an_unanswered_request_is_repeated() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! subscribe q1 a
         > SUBSCRIBE m1 a:1
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > SUBSCRIBE m2 a:1
         * connected present=1 id=c ka=60
         < SUBACK m2 1
         * subscribed m2 1",
    );
}

#[test]
fn subscriptions_are_renewed_when_the_server_lost_the_session() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! subscribe q1 a b c d
         > SUBSCRIBE m1 a:1 b:1 c:1 d:1
         < SUBACK m1 1 1 135 0
         * subscribed m1 1 1 135 0
         ! unsubscribe d
         > UNSUBSCRIBE m2 d
         < UNSUBACK m2 0
         * unsubscribed m2 0
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60
         ! lost
         * disconnected closed
         ! subscribe q0 later
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > SUBSCRIBE m3 a:1 b:1
         > SUBSCRIBE m4 later:0
         * connected present=0 id=c ka=60
         < SUBACK m3 1 135
         * subscription lost b 135
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > SUBSCRIBE m5 a:1
         > SUBSCRIBE m6 later:0
         * connected present=0 id=c ka=60",
    );
}

/// The connection is lost between the SUBSCRIBE and the SUBACK, each time.
#[test]
fn a_renewal_that_is_cut_short() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! subscribe q1 a
         > SUBSCRIBE m1 a:1
         < SUBACK m1 1
         * subscribed m1 1
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > SUBSCRIBE m2 a:1
         * connected present=0 id=c ka=60
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         > SUBSCRIBE m3 a:1
         * connected present=1 id=c ka=60
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         > SUBSCRIBE m4 a:1
         * connected present=0 id=c ka=60
         < SUBACK m4 1
         ! lost
         * disconnected closed
         ! connect
         > CONNECT clean=0 id=c
         < CONNACK present=1
         * connected present=1 id=c ka=60",
    );
}

/// [MQTT-3.9.3-1]
#[test]
fn an_answer_with_another_number_of_codes() {
    check(
        lasting(),
        "! connect
         > CONNECT clean=0 id=c
         < CONNACK present=0
         * connected present=0 id=c ka=60
         ! subscribe q1 a b
         > SUBSCRIBE m1 a:1 b:1
         < SUBACK m1 1
         > DISCONNECT 130
         * disconnected protocol 130: SUBACK with another number of reason codes",
    );
}
