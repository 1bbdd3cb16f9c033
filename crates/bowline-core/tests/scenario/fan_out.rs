//! One message to many: each gets it in its own version, QoS, window and size.

use crate::script::check;

#[test]
fn one_message_in_many_shapes() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=0
        a < SUBACK 1 0
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=1
        b < SUBACK 1 1
        c > CONNECT v31 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=2
        c < SUBACK 1 2
        d > CONNECT v5 clean aliases=1
        d < CONNACK
        d > SUBSCRIBE 1 t qos=1 id=9
        d < SUBACK 1 1
        e > CONNECT v5 clean
        e < CONNACK
        e > SUBSCRIBE 1 t qos=2 rap
        e < SUBACK 1 2
        f > CONNECT v5 clean packet_bytes=30
        f < CONNACK
        f > SUBSCRIBE 1 t qos=1
        f < SUBACK 1 1
        g > CONNECT v5 clean
        g < CONNACK
        g > SUBSCRIBE 1 + qos=1
        g < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=2 retain "all" user=k:v expiry=60
        a < PUBLISH t "all" expiry=60 user=k:v
        b < PUBLISH 1 t qos=1 "all"
        c < PUBLISH 1 t qos=2 "all"
        d < PUBLISH 1 t qos=1 "all" alias=1 expiry=60 id=9 user=k:v
        e < PUBLISH 1 t qos=2 retain "all" expiry=60 user=k:v
        f < PUBLISH 1 t qos=1 "all" expiry=60 user=k:v
        g < PUBLISH 1 t qos=1 "all" expiry=60 user=k:v
        p < PUBREC 1
        p > PUBLISH 2 t qos=1 size=50
        a < PUBLISH t "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        b < PUBLISH 2 t qos=1 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        c < PUBLISH 2 t qos=1 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        d < PUBLISH 2 - qos=1 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" alias=1 id=9
        e < PUBLISH 2 t qos=1 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        g < PUBLISH 2 t qos=1 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        p < PUBACK 2
        p > PUBLISH t "0" content=x
        a < PUBLISH t "0" content=x
        b < PUBLISH t "0"
        c < PUBLISH t "0"
        d < PUBLISH - "0" alias=1 id=9 content=x
        e < PUBLISH t "0" content=x
        f < PUBLISH t "0" content=x
        g < PUBLISH t "0" content=x
        counters
        = deliveries_qos0 9
        = deliveries_qos1 9
        = deliveries_qos2 2
        = too_large 1
        "#,
    );
}

// Payloads above a few KB are shared between receivers and stand between their own bytes.
#[test]
fn large_payloads_keep_their_place() {
    check(
        r#"
        only bytes=whole because it is long
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=0
        b < SUBACK 1 0
        c > CONNECT v5 clean packet_bytes=4200
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        a stalls
        b stalls
        p > PUBLISH 1 t qos=1 size=5000
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "between"
        c < PUBLISH 2 t qos=1 "between"
        p < PUBACK 2
        p > PUBLISH t size=4096
        c < PUBLISH t size=4096
        p > PUBLISH t size=4095
        c < PUBLISH t size=4095
        p > PUBLISH 3 t qos=1 size=70000
        p < PUBACK 3
        p > PUBLISH 4 t qos=1 "last"
        c < PUBLISH 4 t qos=1 "last"
        p < PUBACK 4
        a reads 2500
        a reads 2600
        a < PUBLISH 1 t qos=1 size=5000
        a < PUBLISH 2 t qos=1 "between"
        b reads 1
        a reads
        a < PUBLISH t size=4096
        a < PUBLISH t size=4095
        a < PUBLISH 3 t qos=1 size=70000
        a < PUBLISH 4 t qos=1 "last"
        b reads
        b < PUBLISH t size=5000
        b < PUBLISH t "between"
        b < PUBLISH t size=4096
        b < PUBLISH t size=4095
        b < PUBLISH t size=70000
        b < PUBLISH t "last"
        counters
        = deliveries_qos0 10
        = deliveries_qos1 6
        = too_large 2
        "#,
    );
}

// The same session by two filters counts once, also among many receivers.
#[test]
fn a_session_is_one_receiver() {
    check(
        r#"
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t/# qos=1, t/+ qos=0, t/1 qos=2
        a < SUBACK 1 1 0 2
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t/1 qos=1
        b < SUBACK 1 1
        p > CONNECT v311 clean
        p < CONNACK
        p > PUBLISH 1 t/1 qos=1 "x"
        a < PUBLISH 1 t/1 qos=1 "x"
        b < PUBLISH 1 t/1 qos=1 "x"
        p < PUBACK 1
        p > PUBLISH 2 t/2 qos=1 "y"
        a < PUBLISH 2 t/2 qos=1 "y"
        p < PUBACK 2
        counters
        = deliveries_qos1 3
        "#,
    );
}

// Many leave one filter in any order; those who stay go on getting.
#[test]
fn leaving_a_filter_in_any_order() {
    check(
        r#"
        a > CONNECT v311 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=0
        a < SUBACK 1 0
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=0
        b < SUBACK 1 0
        c > CONNECT v311 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=0
        c < SUBACK 1 0
        d > CONNECT v311 clean
        d < CONNACK
        d > SUBSCRIBE 1 t qos=0
        d < SUBACK 1 0
        a > UNSUBSCRIBE 2 t
        a < UNSUBACK 2
        d > PUBLISH t "1"
        b < PUBLISH t "1"
        c < PUBLISH t "1"
        d < PUBLISH t "1"
        d > UNSUBSCRIBE 2 t
        d < UNSUBACK 2
        d > PUBLISH t "2"
        b < PUBLISH t "2"
        c < PUBLISH t "2"
        a > SUBSCRIBE 3 t qos=0
        a < SUBACK 3 0
        b > SUBSCRIBE 3 t qos=0
        b < SUBACK 3 0
        c > close
        a > PUBLISH t "3"
        a < PUBLISH t "3"
        b < PUBLISH t "3"
        b > UNSUBSCRIBE 4 t
        b < UNSUBACK 4
        a > UNSUBSCRIBE 4 t
        a < UNSUBACK 4
        a > PUBLISH t "4"
        "#,
    );
}
