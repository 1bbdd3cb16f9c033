//! QoS 2, both directions.

use crate::script::check;

// [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-4.3.3-4] [MQTT3-4.3.3-1] [MQTT3-4.3.3-2]
#[test]
fn a_message_goes_through_both_handshakes() {
    for version in ["v31", "v311", "v5"] {
        check(
            &r#"
        a > CONNECT VERSION clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT VERSION clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "once"
        a < PUBLISH 1 t qos=2 "once"
        b < PUBREC 1
        a > PUBREC 1
        a < PUBREL 1
        b > PUBREL 1
        b < PUBCOMP 1
        a > PUBCOMP 1
        "#
            .replace("VERSION", version),
        );
    }
}

// [MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT3-4.3.3-2]
#[test]
fn the_same_identifier_before_pubrel_is_the_same_message() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v311
        b < CONNACK
        b > PUBLISH 1 t qos=2 "once"
        a < PUBLISH 1 t qos=2 "once"
        b < PUBREC 1
        b > PUBLISH 1 t qos=2 dup "once"
        b < PUBREC 1
        b > close
        b > CONNECT v311
        b < CONNACK present
        b > PUBLISH 1 t qos=2 dup "once"
        b < PUBREC 1
        b > PUBREL 1
        b < PUBCOMP 1
        b > PUBREL 1
        b < PUBCOMP 1
        b > PUBLISH 1 t qos=2 "another"
        a < PUBLISH 2 t qos=2 "another"
        b < PUBREC 1
        b > PUBREL 1
        b < PUBCOMP 1
        "#,
    );
}

// [MQTT-3.7.2-1] The identifier is not known: the client learns it and goes on.
#[test]
fn pubrel_and_pubrec_for_unknown_identifiers_are_answered() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > PUBREL 9
        a < PUBCOMP 9 0x92
        a > PUBREC 9
        a < PUBREL 9 0x92
        b > CONNECT v311 clean
        b < CONNACK
        b > PUBREL 9
        b < PUBCOMP 9
        b > PUBREC 9
        b < PUBREL 9
        "#,
    );
}

// [MQTT-4.4.0-1] [MQTT-4.6.0-4] [MQTT3-4.4.0-1] [MQTT3-4.6.0-4]
#[test]
fn each_step_goes_on_after_a_cut() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "1"
        a < PUBLISH 1 t qos=2 "1"
        b < PUBREC 1
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        b > PUBLISH 3 t qos=2 "3"
        a < PUBLISH 3 t qos=2 "3"
        b < PUBREC 3
        a > PUBREC 1
        a < PUBREL 1
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 1
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBREL 2
        a < PUBLISH 3 t qos=2 dup "3"
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 3 t qos=2 dup "3"
        a > PUBREC 3
        a < PUBREL 3
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBREL 3
        a > PUBCOMP 3
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        counters
        = deliveries_qos2 5
        = redeliveries 2
        = acked 3
        "#,
    );
}

#[test]
fn a_publisher_that_comes_back_finishes_its_handshake() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        b > PUBLISH 1 t qos=2 "1"
        a < PUBLISH 1 t qos=2 "1"
        b < PUBREC 1
        b > close
        b > CONNECT v5 expiry=100
        b < CONNACK present
        b > PUBREL 1
        b < PUBCOMP 1
        b > close
        b > CONNECT v5 expiry=100
        b < CONNACK present
        b > PUBREL 1
        b < PUBCOMP 1 0x92
        counters
        = deliveries_qos2 1
        "#,
    );
}

// [MQTT-4.6.0-3] [MQTT3-4.6.0-3] [MQTT-4.6.0-4] [MQTT3-4.6.0-4]
#[test]
fn pubrecs_and_pubrels_leave_in_order() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b >> PUBLISH 1 t qos=2 "1"
        b >> PUBLISH 2 t qos=2 "2"
        b > PUBLISH 3 t qos=2 "3"
        a < PUBLISH 1 t qos=2 "1"
        a < PUBLISH 2 t qos=2 "2"
        a < PUBLISH 3 t qos=2 "3"
        b < PUBREC 1
        b < PUBREC 2
        b < PUBREC 3
        a >> PUBREC 1
        a >> PUBREC 2
        a > PUBREC 3
        a < PUBREL 1
        a < PUBREL 2
        a < PUBREL 3
        b >> PUBREL 1
        b >> PUBREL 2
        b > PUBREL 3
        b < PUBCOMP 1
        b < PUBCOMP 2
        b < PUBCOMP 3
        "#,
    );
}

// [MQTT-4.3.3-7] What was begun does not expire: it is finished, also on another connection.
#[test]
fn a_message_that_was_sent_does_not_expire() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "begun" expiry=10
        a < PUBLISH 1 t qos=2 "begun" expiry=10
        b < PUBREC 1
        a > close
        wait 20s
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=2 dup "begun" expiry=0
        a > PUBREC 1
        a < PUBREL 1
        a > PUBCOMP 1
        counters
        = deliveries_qos2 2
        = redeliveries 1
        = acked 1
        "#,
    );
}
