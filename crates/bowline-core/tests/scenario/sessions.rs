//! Sessions: beginning, resuming, taking over, ending.

use bowline_core::{Commits, Limits};
use bowline_packet::{Connect, ProtocolVersion};

use crate::script::check;
use crate::world::{Variant, World};

// [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT3-3.1.2-6]
// [MQTT3-3.2.2-1] [MQTT3-3.2.2-2] [MQTT3-3.2.2-3]
#[test]
fn session_present_says_what_is_there() {
    check(
        r#"
        a > CONNECT v5 expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > DISCONNECT
        a < closed
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a > DISCONNECT
        a < closed
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "for the session"
        p < PUBACK 1
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        p > PUBLISH 2 t qos=1 "for nobody"
        p < PUBACK 2 0x10
        a > DISCONNECT
        a < closed
        b > CONNECT v311
        b < CONNACK
        b > DISCONNECT
        b < closed
        b > CONNECT v311
        b < CONNACK present
        b > DISCONNECT
        b < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > DISCONNECT
        b < closed
        b > CONNECT v311
        b < CONNACK
        c > CONNECT v31
        c < CONNACK
        c > DISCONNECT
        c < closed
        c > CONNECT v31
        c < CONNACK
        "#,
    );
}

// [MQTT-3.1.2-23] [MQTT-4.1.0-2] [MQTT-4.1.0-1]
#[test]
fn a_session_ends_when_its_expiry_has_passed() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean expiry=10
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        p > PUBLISH 1 t qos=1 "kept"
        p < PUBACK 1
        wait 9s
        a > CONNECT v5 expiry=10
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "kept"
        wait 60s
        a > close
        wait 11s
        p > PUBLISH 2 t qos=1 "for nobody"
        p < PUBACK 2 0x10
        a > CONNECT v5 expiry=10
        a < CONNACK
        counters
        = deliveries_qos1 1
        = session_ended 1
        "#,
    );
}

#[test]
fn disconnect_may_change_the_expiry_but_not_from_zero() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > DISCONNECT expiry=0
        a < closed
        a > CONNECT v5 expiry=10
        a < CONNACK
        a > DISCONNECT expiry=1000
        a < closed
        wait 500s
        a > CONNECT v5
        a < CONNACK present
        a > DISCONNECT expiry=5
        a < DISCONNECT 0x82 "a session expiry on DISCONNECT where CONNECT had none"
        a < closed
        "#,
    );
}

// What CONNECT says now counts, for a session that was there before, too.
#[test]
fn a_resumed_session_has_the_new_expiry() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > close
        a > CONNECT v5
        a < CONNACK present
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK
        a > close
        a > CONNECT v311
        a < CONNACK present
        a > close
        wait 3600s
        a > CONNECT v5 expiry=7
        a < CONNACK present
        a > close
        wait 8s
        a > CONNECT v5 expiry=7
        a < CONNACK
        "#,
    );
}

// [MQTT-3.1.4-3] [MQTT3-3.1.4-2]
#[test]
fn a_second_connection_takes_the_session_over() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        a < PUBLISH 1 t qos=1 "1"
        b > CONNECT v311 id=a
        a < DISCONNECT 0x8E "the session was taken over by another connection"
        a < closed
        b < CONNACK present
        b < PUBLISH 1 t qos=1 dup "1"
        b > PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        b < PUBLISH 2 t qos=1 "2"
        c > CONNECT v5 id=a clean expiry=100
        b < closed
        c < CONNACK
        p > PUBLISH 3 t qos=1 "for nobody"
        p < PUBACK 3 0x10
        counters
        = deliveries_qos1 3
        = redeliveries 1
        = acked 1
        = session_ended 1
        = sessions_taken_over 2
        "#,
    );
}

#[test]
fn a_take_over_of_a_session_that_ends_with_its_connection() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        a < PUBLISH 1 t qos=1 "1"
        b > CONNECT v5 id=a
        a < DISCONNECT 0x8E "the session was taken over by another connection"
        a < closed
        b < CONNACK
        p > PUBLISH 2 t qos=1 "for nobody"
        p < PUBACK 2 0x10
        counters
        = deliveries_qos1 1
        = session_ended 1
        = sessions_taken_over 1
        events
        ! a disconnected 0x8E: the session was taken over by another connection
        ! a session ended: Connection, 1 owed
        "#,
    );
}

// [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.1.3-8] [MQTT3-3.1.3-6] [MQTT3-3.1.3-7] [MQTT3-3.1.3-8]
// [MQTT3-3.1.3-9]
#[test]
fn a_client_without_identifier_gets_one() {
    check(
        r#"
        a > CONNECT v5 id= clean
        a < CONNACK assigned=assigned-1
        b > CONNECT v311 id= clean
        b < CONNACK
        c > CONNECT v311 id=
        c < CONNACK 0x85
        c < closed
        d > CONNECT v31 id= clean
        d < CONNACK 0x85
        d < closed
        e > CONNECT v5 id=
        e < CONNACK assigned=assigned-5
        "#,
    );
}

#[test]
fn the_server_says_what_differs_from_what_was_asked() {
    check(
        r#"
        limits keep_alive_secs_max=60 session_expiry_secs_max=1000
        a > CONNECT v5 clean keep_alive=30 expiry=999
        a < CONNACK
        b > CONNECT v5 clean keep_alive=90 expiry=1001
        b < CONNACK expiry=1000 keep_alive=60
        c > CONNECT v5 clean expiry=4294967295 wants_response_information
        c < CONNACK expiry=1000 keep_alive=60 response_information=response/c
        d > CONNECT v5 clean id=a+b wants_response_information keep_alive=60
        d < CONNACK
        e > CONNECT v311 clean keep_alive=90
        e < CONNACK
        "#,
    );
}

// [MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT3-3.1.2-24]
#[test]
fn a_silent_client_is_disconnected_after_one_and_a_half_keep_alives() {
    check(
        r#"
        a > CONNECT v5 clean keep_alive=10
        a < CONNACK
        b > CONNECT v311 clean keep_alive=10
        b < CONNACK
        c > CONNECT v311 clean
        c < CONNACK
        wait 14s
        b > PINGREQ
        b < PINGRESP
        wait 1s
        wait 1100ms
        a < DISCONNECT 0x8D "nothing heard for 1.5 times the keep alive"
        a < closed
        wait 14s
        b < closed
        b > PINGREQ
        b < closed
        wait 15s
        wait 1100ms
        wait 3600s
        events
        ! a disconnected 0x8D: nothing heard for 1.5 times the keep alive
        ! a session ended: Connection, 0 owed
        ! b disconnected 0x8D: nothing heard for 1.5 times the keep alive
        ! b session ended: Connection, 0 owed
        ! refused 0x82: the first packet was not CONNECT
        "#,
    );
}

#[test]
fn what_is_owed_is_discharged_with_the_session() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean expiry=10 receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2, + qos=1 id=1
        a < SUBACK 1 2 1
        a > SUBSCRIBE 2 # qos=1 id=2
        a < SUBACK 2 1
        p > PUBLISH 1 t qos=2 "1"
        p < PUBREC 1
        a < PUBLISH 1 t qos=2 "1" id=1+2+1
        p > PUBLISH 2 t qos=2 "2"
        p < PUBREC 2
        p > PUBLISH 3 t qos=1 "3"
        p < PUBACK 3
        a > PUBREC 1
        a < PUBREL 1
        a > close
        wait 11s
        counters
        = deliveries_qos2 1
        = acked 1
        = session_ended 2
        events
        ! a disconnected 0x80: connection reset by peer
        ! a session ended: Expired, 2 owed
        "#,
    );
}

#[test]
fn the_table_of_sessions_is_bounded() {
    check(
        r#"
        limits sessions_max=1
        only workers=1 because the bound is per worker
        a > CONNECT v311
        a < CONNACK
        b > CONNECT v5
        b < CONNACK 0x97 "no room for another session"
        b < closed
        c > CONNECT v311
        c < CONNACK 0x88
        c < closed
        a > close
        a > CONNECT v311
        a < CONNACK present
        a > close
        a > CONNECT v311 clean
        a < CONNACK
        a > close
        b > CONNECT v5
        b < CONNACK
        "#,
    );
}

#[test]
fn a_stopping_server_tells_its_clients() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will qos=1
        w < SUBACK 1 1
        a > CONNECT v5 clean will=will
        a < CONNACK
        b > CONNECT v311 will=will
        b < CONNACK
        c > bytes 10
        stop
        w < DISCONNECT 0x8B "the broker stops"
        w < closed
        a < DISCONNECT 0x8B "the broker stops"
        a < closed
        b < closed
        c < closed
        events
        ! a disconnected 0x8B: the broker stops
        ! a session ended: Connection, 0 owed
        ! b disconnected 0x8B: the broker stops
        ! refused 0x8B: the broker stops
        ! w disconnected 0x8B: the broker stops
        ! w session ended: Connection, 0 owed
        "#,
    );
}

// Timers cannot be cancelled: what a client leaves behind each time it comes and goes is soon gone.
#[test]
fn a_client_that_comes_and_goes_all_day_leaves_few_timers() {
    let variant = Variant {
        workers: 1,
        commits: Commits::AtOnce,
        unload: false,
        single_bytes: false,
    };
    let mut world = World::new(variant, &Limits::default(), 1);
    let client = world.client("a");
    let mut connect = Connect::new(ProtocolVersion::V5, "a");
    connect.session_expiry_secs = Some(7 * 24 * 60 * 60);
    connect.keep_alive_secs = u16::MAX;
    let mut bytes = Vec::new();
    connect
        .encode(connect.version, &mut bytes)
        .expect("it fits");
    for _ in 0..2_000 {
        world.send(client, &bytes);
        world.cut(client);
        world.wait(1_000_000);
    }
    let timers = world.gauges()[0].timers;
    assert!(timers < 1_000, "{timers} timers for one client");
    world.skip(8 * 24 * 60 * 60 * 1_000_000);
    assert_eq!(world.gauges()[0].timers, 0);
}
