//! Flow control: windows in both directions, pauses, slow readers, sizes, aliases, expiry.
//!
//! Long (at most 700 lines): scripts, one after the other.

use crate::script::check;

// [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]
#[test]
fn no_more_is_in_flight_than_the_client_allows() {
    check(
        r#"
        a > CONNECT v5 clean receive_maximum=2
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        b > PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        b > PUBLISH t "0"
        a < PUBLISH t "0"
        b > PUBLISH 4 t qos=2 "4"
        b < PUBREC 4
        a > PUBACK 1
        a < PUBLISH 3 t qos=1 "3"
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        a < PUBLISH 4 t qos=2 "4"
        a > PUBREC 4 0x80
        "#,
    );
}

#[test]
fn a_3_x_client_has_our_bound() {
    check(
        r#"
        limits receive_maximum_out_v3=1
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        a > PUBACK 1
        a < PUBLISH 2 t qos=1 "2"
        "#,
    );
}

// A window that shrank between two connections holds for what is sent again, too.
// [MQTT-3.3.4-9]
#[test]
fn what_is_sent_again_keeps_to_a_smaller_window() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        b > PUBLISH 3 t qos=1 "3"
        a < PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 "4"
        a < PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        a > close
        a > CONNECT v5 expiry=100 receive_maximum=1
        a < CONNACK present
        a < PUBLISH 1 t qos=1 dup "1"
        b > PUBLISH 5 t qos=1 "5"
        b < PUBACK 5
        a > PUBACK 1
        a < PUBLISH 2 t qos=2 dup "2"
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        a < PUBLISH 3 t qos=1 dup "3"
        a > PUBACK 3
        a < PUBLISH 4 t qos=1 dup "4"
        a > PUBACK 4
        a < PUBLISH 5 t qos=1 "5"
        a > PUBACK 5
        "#,
    );
}

#[test]
fn a_client_over_its_receive_maximum_waits() {
    check(
        r#"
        limits receive_maximum_in=2
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b >> PUBLISH 1 t qos=2 "1"
        b >> PUBLISH 2 t qos=2 "2"
        b >> PUBLISH 3 t qos=2 "3"
        b >> PUBLISH t "0"
        b >> PINGREQ
        b > SUBSCRIBE 9 u qos=0
        a < PUBLISH 1 t qos=2 "1"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 1
        b < PUBREC 2
        b < PINGRESP
        b > PUBREL 1
        a < PUBLISH 3 t qos=2 "3"
        a < PUBLISH t "0"
        b < PUBCOMP 1
        b < PUBREC 3
        b < SUBACK 9 0
        b > PUBREL 2
        b < PUBCOMP 2
        b > PUBREL 3
        b < PUBCOMP 3
        events
        ! b receive maximum exceeded
        "#,
    );
}

#[test]
fn a_client_over_its_receive_maximum_is_disconnected_by_the_letter() {
    check(
        r#"
        limits receive_maximum_in=2 receive_maximum_excess=disconnect
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "1"
        b < PUBREC 1 0x10
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2 0x10
        b > PUBLISH 3 t qos=2 "3"
        b < PUBREC 3 0x10
        b > PUBLISH 3 t qos=2 dup "3"
        b < PUBREC 3
        b > PUBLISH 4 t qos=1 "4"
        b < DISCONNECT 0x93 "more unacknowledged messages than the receive maximum"
        b < closed
        "#,
    );
}

// Only its own PUBREL could help it, and that stands behind more than is held for it.
#[test]
fn the_space_of_a_paused_client_is_bounded() {
    check(
        r#"
        limits receive_maximum_in=1 deferred_bytes_max=400
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "1"
        a < PUBLISH 1 t qos=2 "1"
        b < PUBREC 1
        b > PUBLISH 2 t qos=2 size=200
        b > PINGREQ
        b < PINGRESP
        b > PUBLISH 3 t qos=2 size=300
        b < DISCONNECT 0x93 "more unacknowledged messages than the receive maximum"
        b < closed
        "#,
    );
}

#[test]
fn a_paused_client_is_read_again_when_there_is_room() {
    check(
        r#"
        limits receive_maximum_in=1 deferred_bytes_max=400
        only workers=2 commits=reported because its PUBACK waits for another worker
        place client:a=1 client:b=0
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean keep_alive=10
        b < CONNACK
        a mail held
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b > PUBLISH 2 t qos=1 size=200
        b > PINGREQ
        b < PINGRESP
        b > PUBLISH 3 t qos=1 size=300
        b > PINGREQ
        wait 60s
        b > PUBLISH t "4"
        a mail flows
        a < PUBLISH 2 t qos=1 size=200
        a < PUBLISH 3 t qos=1 size=300
        a < PUBLISH t "4"
        b < PUBACK 1
        b < PUBACK 2
        b < PINGRESP
        b < PUBACK 3
        b > PINGREQ
        b < PINGRESP
        "#,
    );
}

// Acknowledgements of a paused client take effect: here it is its own window that it waits for.
#[test]
fn a_paused_client_can_acknowledge() {
    check(
        r#"
        limits receive_maximum_in=1 receive_maximum_out_v5=1
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        a > PUBLISH 1 t qos=2 "1"
        a < PUBLISH 1 t qos=2 "1"
        a < PUBREC 1
        a > PUBLISH 2 t qos=2 "2"
        a > PUBLISH 3 t qos=1 "3"
        a > PUBREC 1
        a < PUBREL 1
        a > PUBCOMP 1
        a > PUBREL 1
        a < PUBCOMP 1
        a < PUBLISH 2 t qos=2 "2"
        a < PUBREC 2
        a > PUBREL 2
        a < PUBCOMP 2
        a < PUBACK 3
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        a < PUBLISH 3 t qos=1 "3"
        a > PUBACK 3
        "#,
    );
}

#[test]
fn packets_behind_a_connect_wait_for_its_connack() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v311
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        commits held
        a >> CONNECT v5 clean expiry=100
        a >> PINGREQ
        a >> SUBSCRIBE 1 u qos=0
        a >> PUBLISH u "u"
        a > PINGREQ
        commits flow
        a < CONNACK
        a < PINGRESP
        a < PUBLISH u "u"
        a < PINGRESP
        a < SUBACK 1 0
        a > PINGREQ
        a < PINGRESP
        "#,
    );
}

#[test]
fn a_slow_reader_loses_qos_0_and_nothing_else() {
    check(
        r#"
        limits outbound_bytes_max=1000
        only bytes=whole because three packets in one read are what is tried
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        a stalls
        b > PUBLISH t size=600
        b > PUBLISH t size=600
        b > PUBLISH t size=600
        b > PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        a reads
        a < PUBLISH t size=600
        a < PUBLISH t size=600
        a < PUBLISH 1 t qos=1 "1"
        a < PUBLISH 2 t qos=1 "2"
        b > PUBLISH t "0"
        a < PUBLISH t "0"
        counters
        = deliveries_qos0 3
        = deliveries_qos1 2
        = dropped_qos0_slow_reader 1
        "#,
    );
}

#[test]
fn a_slow_reader_gets_its_queue_when_it_reads() {
    check(
        r#"
        limits outbound_bytes_max=1000
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        a stalls
        b > PUBLISH 1 t qos=1 size=600
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 size=600
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 size=600
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 size=600
        b < PUBACK 4
        a reads 620
        a < PUBLISH 1 t qos=1 size=600
        a reads 1
        a reads
        a < PUBLISH 2 t qos=1 size=600
        a < PUBLISH 3 t qos=1 size=600
        a < PUBLISH 4 t qos=1 size=600
        a stalls
        a > close
        a > CONNECT v5 expiry=100
        a reads
        a < CONNACK present
        a < PUBLISH 1 t qos=1 dup size=600
        a < PUBLISH 2 t qos=1 dup size=600
        a < PUBLISH 3 t qos=1 dup size=600
        a < PUBLISH 4 t qos=1 dup size=600
        a > PUBACK 1
        a > PUBACK 2
        a > PUBACK 3
        a > PUBACK 4
        counters
        = deliveries_qos1 8
        = redeliveries 4
        = acked 4
        "#,
    );
}

// [MQTT-3.1.2-24] [MQTT-3.1.2-25]
#[test]
fn packets_that_are_too_large_for_the_client_are_not_sent() {
    check(
        r#"
        a > CONNECT v5 clean packet_bytes=50
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        c > CONNECT v5 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH t size=100
        c < PUBLISH t size=100
        b > PUBLISH 1 t qos=1 size=100
        c < PUBLISH 1 t qos=1 size=100
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 size=100
        c < PUBLISH 2 t qos=1 size=100
        b < PUBREC 2
        b > PUBLISH 3 t qos=1 "small"
        a < PUBLISH 3 t qos=1 "small"
        c < PUBLISH 3 t qos=1 "small"
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 size=5000
        c < PUBLISH 4 t qos=1 size=5000
        b < PUBACK 4
        counters
        = deliveries_qos0 1
        = deliveries_qos1 5
        = too_large 3
        "#,
    );
}

#[test]
fn too_large_in_the_queue_and_again() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100 receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 size=100
        a < PUBLISH 1 t qos=1 size=100
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 size=100
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "small"
        b < PUBACK 3
        a > close
        a > CONNECT v5 expiry=100 packet_bytes=50
        a < CONNACK present
        a < PUBLISH 3 t qos=1 "small"
        counters
        = deliveries_qos1 2
        = redeliveries 1
        = too_large 2
        "#,
    );
}

// A packet over our own bound.
#[test]
fn a_client_may_not_send_more_than_we_take() {
    check(
        r#"
        limits packet_bytes_max=100 connect_bytes_max=200
        a > CONNECT v5 clean
        a < CONNACK
        a > PUBLISH t size=80
        a > PUBLISH t size=100
        a < DISCONNECT 0x95 "the packet has 106 bytes, at most 100 are taken"
        a < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > PUBLISH t size=100
        b < closed
        c > bytes 10 ff ff ff 7f
        c < closed
        d > CONNECT v5 clean username=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        d < closed
        "#,
    );
}

// [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11] [MQTT-3.3.2-7]
#[test]
fn aliases_outward_keep_to_the_clients_maximum() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100 aliases=2
        a < CONNACK
        a > SUBSCRIBE 1 # qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH t/1 "1"
        a < PUBLISH t/1 "1" alias=1
        b > PUBLISH t/1 "1"
        a < PUBLISH - "1" alias=1
        b > PUBLISH 1 t/2 qos=1 "2"
        a < PUBLISH 1 t/2 qos=1 "2" alias=2
        b < PUBACK 1
        b > PUBLISH t/3 "3"
        a < PUBLISH t/3 "3"
        b > PUBLISH t/2 "2"
        a < PUBLISH - "2" alias=2
        a > close
        a > CONNECT v5 expiry=100 aliases=1
        a < CONNACK present
        a < PUBLISH 1 t/2 qos=1 dup "2" alias=1
        b > PUBLISH t/2 "2"
        a < PUBLISH - "2" alias=1
        b > PUBLISH t/1 "1"
        a < PUBLISH t/1 "1"
        "#,
    );
}

// [MQTT-3.3.2-12] [MQTT-3.3.2-7]
#[test]
fn aliases_inward_are_the_connections_own() {
    check(
        r#"
        limits topic_alias_in_max=2
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 # qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH t/1 "1" alias=1
        a < PUBLISH t/1 "1"
        b > PUBLISH - "1 again" alias=1
        a < PUBLISH t/1 "1 again"
        b > PUBLISH 1 t/2 qos=1 "2" alias=1
        a < PUBLISH 1 t/2 qos=1 "2"
        b < PUBACK 1
        b > PUBLISH 2 - qos=1 "2 again" alias=1
        a < PUBLISH 2 t/2 qos=1 "2 again"
        b < PUBACK 2
        b > PUBLISH t/3 "3" alias=2
        a < PUBLISH t/3 "3"
        b > PUBLISH t/3 "3" alias=3
        b < DISCONNECT 0x94 "a topic alias above the topic alias maximum"
        b < closed
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH - "unknown" alias=1
        b < DISCONNECT 0x82 "a topic alias that was never set on this connection"
        b < closed
        "#,
    );
}

// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
#[test]
fn a_message_expires_in_the_queue() {
    check(
        r#"
        a > CONNECT v5 clean expiry=1000 receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1" expiry=100
        a < PUBLISH 1 t qos=1 "1" expiry=100
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2" expiry=100
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3" expiry=200
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        wait 100s
        a > PUBACK 1
        a < PUBLISH 2 t qos=1 "3" expiry=100
        a > close
        wait 150s
        a > CONNECT v5 expiry=1000
        a < CONNACK present
        a < PUBLISH 2 t qos=1 dup "3" expiry=0
        a < PUBLISH 3 t qos=1 "4"
        a > PUBACK 2
        a > PUBACK 3
        counters
        = deliveries_qos1 4
        = redeliveries 1
        = acked 3
        = expired 1
        "#,
    );
}

// [MQTT-4.4.0-1] 5.0 forbids to send again on a live connection.
#[test]
fn a_retry_interval_is_for_3_x_only() {
    check(
        r#"
        limits retry_interval_secs=20
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        c > CONNECT v5 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        c < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        wait 15s
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        c < PUBLISH 2 t qos=1 "2"
        b < PUBREC 2
        a > PUBREC 2
        a < PUBREL 2
        wait 10s
        wait 10s
        a > PUBACK 1
        wait 10s
        a < PUBREL 2
        wait 10s
        a > PUBCOMP 2
        wait 60s
        "#,
    );
}
