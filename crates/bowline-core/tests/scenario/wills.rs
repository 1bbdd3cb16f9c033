//! Wills.

use crate::script::check;

// [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT3-3.1.2-8] [MQTT3-3.1.2-10]
#[test]
fn a_broken_connection_publishes_the_will_and_a_disconnect_does_not() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=1
        w < SUBACK 1 1
        a > CONNECT v311 clean will=will/a will_payload="a is gone"
        a < CONNACK
        a > close
        w < PUBLISH will/a "a is gone"
        b > CONNECT v311 clean will=will/b will_qos=1
        b < CONNACK
        b > DISCONNECT
        b < closed
        c > CONNECT v5 clean will=will/c will_qos=2 will_content=text
        c < CONNACK
        c > DISCONNECT 0x04
        w < PUBLISH 1 will/c qos=1 "gone" content=text
        c < closed
        d > CONNECT v5 clean will=will/d will_qos=1
        d < CONNACK
        d > DISCONNECT 0x00
        d < closed
        counters
        = deliveries_qos0 1
        = deliveries_qos1 1
        "#,
    );
}

// [MQTT-3.1.3-9] [MQTT-3.1.2-8]
#[test]
fn a_delayed_will_waits_and_is_withdrawn_when_the_client_returns() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean expiry=100 will=will/a will_delay=10
        a < CONNACK
        a > close
        wait 9s
        a > CONNECT v5 expiry=100 will=will/a will_delay=10
        a < CONNACK present
        wait 10s
        a > close
        wait 9999ms
        wait 1ms
        wait 200s
        w < PUBLISH will/a "gone"
        "#,
    );
}

#[test]
fn a_delayed_will_is_published_when_the_session_ends_first() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean expiry=5 will=will/a will_delay=100
        a < CONNACK
        a > close
        wait 5s
        b > CONNECT v5 clean expiry=5 will=will/b will_delay=100
        b < CONNACK
        b > close
        b > CONNECT v5 clean
        w < PUBLISH will/b "gone"
        b < CONNACK
        c > CONNECT v5 clean will=will/c will_delay=100
        c < CONNACK
        c > close
        w < PUBLISH will/c "gone"
        wait 200s
        w < PUBLISH will/a "gone"
        "#,
    );
}

// [MQTT-3.1.4-3] [MQTT-3.1.2-8]
#[test]
fn a_take_over_publishes_the_will_of_the_old_connection() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean expiry=100 will=will/a
        a < CONNACK
        a2 > CONNECT v5 id=a expiry=100
        w < PUBLISH will/a "gone"
        a < DISCONNECT 0x8E "the session was taken over by another connection"
        a < closed
        a2 < CONNACK present
        a2 > DISCONNECT
        a2 < closed
        b > CONNECT v5 clean expiry=100 will=will/b will_delay=10
        b < CONNACK
        b2 > CONNECT v5 id=b expiry=100
        b < DISCONNECT 0x8E "the session was taken over by another connection"
        b < closed
        b2 < CONNACK present
        wait 20s
        "#,
    );
}

// [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT3-3.1.2-16] [MQTT3-3.1.2-17]
#[test]
fn a_will_may_be_retained() {
    check(
        r#"
        a > CONNECT v5 clean will=will/a will_retain will_qos=1 will_expiry=60
        a < CONNACK
        a > close
        b > CONNECT v5 clean will=will/b will_qos=1
        b < CONNACK
        b > close
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=1
        w < SUBACK 1 1
        w < PUBLISH 1 will/a qos=1 retain "gone" expiry=60
        w > PUBACK 1
        wait 61s
        v > CONNECT v5 clean
        v < CONNACK
        v > SUBSCRIBE 1 will/# qos=1
        v < SUBACK 1 1
        "#,
    );
}

#[test]
fn a_will_fires_when_the_client_breaks_the_rules_or_falls_silent() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will/# qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean will=will/a
        a < CONNACK
        a > bytes c1 00
        w < PUBLISH will/a "gone"
        a < DISCONNECT 0x81 "the packet begins with 0xc1, its flags are wrong"
        a < closed
        b > CONNECT v311 clean keep_alive=10 will=will/b
        b < CONNACK
        wait 17s
        w < PUBLISH will/b "gone"
        b < closed
        "#,
    );
}
