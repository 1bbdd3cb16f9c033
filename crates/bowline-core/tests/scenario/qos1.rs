//! QoS 1, both directions.

use crate::script::check;

// [MQTT-4.3.2-4] [MQTT-2.2.1-5] [MQTT3-4.3.2-2] [MQTT3-2.3.1-6]
#[test]
fn a_message_is_acknowledged_and_delivered() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 sensor/# qos=1
        a < SUBACK 1 1
        b > CONNECT v311 clean
        b < CONNACK
        b > PUBLISH 1 sensor/x qos=1 "temp:20"
        a < PUBLISH 1 sensor/x qos=1 "temp:20"
        b < PUBACK 1
        a > PUBACK 1
        b > PUBLISH 2 other qos=1 "x"
        b < PUBACK 2
        b > PUBLISH 3 sensor/x qos=1 "temp:21"
        a < PUBLISH 2 sensor/x qos=1 "temp:21"
        b < PUBACK 3
        a > PUBACK 2
        counters
        = deliveries_qos1 2
        = acked 2
        "#,
    );
}

// The article's example, in all versions.
#[test]
fn five_temperatures() {
    for version in ["v31", "v311", "v5"] {
        check(
            &r#"
        sub > CONNECT VERSION clean
        sub < CONNACK
        sub > SUBSCRIBE 1 sensor/temperature qos=1
        sub < SUBACK 1 1
        pub > CONNECT VERSION clean
        pub < CONNACK
        pub > PUBLISH 1 sensor/temperature qos=1 "temp:20"
        sub < PUBLISH 1 sensor/temperature qos=1 "temp:20"
        pub < PUBACK 1
        pub > PUBLISH 2 sensor/temperature qos=1 "temp:21"
        sub < PUBLISH 2 sensor/temperature qos=1 "temp:21"
        pub < PUBACK 2
        sub > PUBACK 1
        pub > PUBLISH 3 sensor/temperature qos=1 "temp:22"
        sub < PUBLISH 3 sensor/temperature qos=1 "temp:22"
        pub < PUBACK 3
        sub > PUBACK 2
        sub > PUBACK 3
        pub > PUBLISH 4 sensor/temperature qos=1 "temp:23"
        sub < PUBLISH 4 sensor/temperature qos=1 "temp:23"
        pub < PUBACK 4
        pub > PUBLISH 5 sensor/temperature qos=1 "temp:24"
        sub < PUBLISH 5 sensor/temperature qos=1 "temp:24"
        pub < PUBACK 5
        sub > PUBACK 4
        sub > PUBACK 5
        pub > DISCONNECT
        pub < closed
        sub > DISCONNECT
        sub < closed
        "#
            .replace("VERSION", version),
        );
    }
}

// [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT3-4.4.0-1] [MQTT3-4.6.0-1] [MQTT3-3.3.1-1]
#[test]
fn what_was_not_acknowledged_comes_again_in_order_with_dup() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        a < PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        a > PUBACK 2
        a > close
        b > PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 dup "1"
        a < PUBLISH 3 t qos=1 dup "3"
        a < PUBLISH 4 t qos=1 "4"
        a > PUBACK 1
        a > PUBACK 3
        a > PUBACK 4
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        counters
        = deliveries_qos1 6
        = redeliveries 2
        = acked 4
        "#,
    );
}

// [MQTT3-3.1.2-5]
#[test]
fn a_3_1_1_session_keeps_what_came_while_its_client_was_away() {
    check(
        r#"
        a > CONNECT v311
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > DISCONNECT
        a < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH t "qos 0 is not kept"
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        a > CONNECT v311
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "1"
        a < PUBLISH 2 t qos=1 "2"
        a > PUBACK 1
        a > close
        a > CONNECT v311
        a < CONNACK present
        a < PUBLISH 2 t qos=1 dup "2"
        a > PUBACK 2
        "#,
    );
}

// [MQTT-4.3.2-5] A publisher that did not get its PUBACK sends again, and QoS 1 may deliver twice.
#[test]
fn a_publish_that_is_sent_again_on_a_new_connection_is_delivered_again() {
    check(
        r#"
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v311
        b < CONNACK
        b > PUBLISH 7 t qos=1 "once"
        a < PUBLISH 1 t qos=1 "once"
        b < PUBACK 7
        b > close
        b > CONNECT v311
        b < CONNACK present
        b > PUBLISH 7 t qos=1 dup "once"
        a < PUBLISH 2 t qos=1 "once"
        b < PUBACK 7
        "#,
    );
}

// [MQTT-3.3.1-3] DUP towards the subscriber is its own, not the publisher's. [MQTT3-3.3.1-3]
#[test]
fn dup_of_the_publisher_is_not_passed_on() {
    check(
        r#"
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v311 clean
        b < CONNACK
        b > PUBLISH 7 t qos=1 dup "x"
        a < PUBLISH 1 t qos=1 "x"
        b < PUBACK 7
        b > PUBLISH 8 t qos=2 dup "y"
        a < PUBLISH 2 t qos=2 "y"
        b < PUBREC 8
        "#,
    );
}

// [MQTT-3.8.4-8] [MQTT3-3.8.4-6] The QoS is the lower one of publication and subscription.
#[test]
fn the_lower_qos_counts() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 q/0 qos=0, q/1 qos=1, q/2 qos=2
        a < SUBACK 1 0 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH q/0 "00"
        a < PUBLISH q/0 "00"
        b > PUBLISH q/1 "01"
        a < PUBLISH q/1 "01"
        b > PUBLISH q/2 "02"
        a < PUBLISH q/2 "02"
        b > PUBLISH 1 q/0 qos=1 "10"
        a < PUBLISH q/0 "10"
        b < PUBACK 1
        b > PUBLISH 2 q/1 qos=1 "11"
        a < PUBLISH 1 q/1 qos=1 "11"
        b < PUBACK 2
        b > PUBLISH 3 q/2 qos=1 "12"
        a < PUBLISH 2 q/2 qos=1 "12"
        b < PUBACK 3
        b > PUBLISH 4 q/0 qos=2 "20"
        a < PUBLISH q/0 "20"
        b < PUBREC 4
        b > PUBLISH 5 q/1 qos=2 "21"
        a < PUBLISH 3 q/1 qos=1 "21"
        b < PUBREC 5
        b > PUBLISH 6 q/2 qos=2 "22"
        a < PUBLISH 4 q/2 qos=2 "22"
        b < PUBREC 6
        "#,
    );
}

#[test]
fn acknowledgements_that_nothing_waits_for_are_ignored() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        a > PUBACK 1
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        a > PUBACK 2
        a > PUBREC 1
        a < PUBREL 1 0x92
        a > PUBCOMP 2
        a > PUBACK 1
        a > PUBACK 1
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        a > PINGREQ
        a < PINGRESP
        counters
        = deliveries_qos1 1
        = deliveries_qos2 1
        = acked 2
        "#,
    );
}

// A reason of 0x80 or more discharges too: the client does not want it.
#[test]
fn a_negative_acknowledgement_ends_a_delivery() {
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
        a > PUBACK 1 0x99
        a > PUBREC 2 0x97
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        counters
        = deliveries_qos1 1
        = deliveries_qos2 1
        = negative_ack 2
        "#,
    );
}

// [MQTT-4.6.0-2] [MQTT3-4.6.0-2] PUBACKs leave in the order of the PUBLISH packets, whichever
// worker answers first.
#[test]
fn pubacks_leave_in_the_order_of_the_publishes() {
    check(
        r#"
        only workers=2,4 because the order between workers is what is tried
        place client:far=1 client:pub=0 client:near=0
        far > CONNECT v311 clean
        far < CONNACK
        far > SUBSCRIBE 1 far qos=1
        far < SUBACK 1 1
        near > CONNECT v311 clean
        near < CONNACK
        near > SUBSCRIBE 1 near qos=1
        near < SUBACK 1 1
        pub > CONNECT v5 clean
        pub < CONNACK
        far mail held
        pub > PUBLISH 1 far qos=1 "1"
        far < PUBLISH 1 far qos=1 "1"
        pub > PUBLISH 2 near qos=1 "2"
        near < PUBLISH 1 near qos=1 "2"
        pub > PUBLISH 3 nobody qos=1 "3"
        far mail flows
        pub < PUBACK 1
        pub < PUBACK 2
        pub < PUBACK 3 0x10
        "#,
    );
}
