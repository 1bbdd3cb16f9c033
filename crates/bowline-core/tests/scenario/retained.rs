//! Retained messages.

use crate::script::check;

// [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8] [MQTT3-3.3.1-5] [MQTT3-3.3.1-6]
// [MQTT3-3.3.1-7] [MQTT3-3.3.1-10] [MQTT3-3.3.1-11] [MQTT3-3.3.1-12]
#[test]
fn the_last_retained_message_is_kept_and_an_empty_one_clears_it() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 retain "1"
        p < PUBACK 1 0x10
        p > PUBLISH 2 t qos=1 retain "2"
        p < PUBACK 2 0x10
        p > PUBLISH t "not retained"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a < PUBLISH 1 t qos=1 retain "2"
        a > PUBACK 1
        p > PUBLISH 3 t qos=1 retain "3"
        p < PUBACK 3
        a < PUBLISH 2 t qos=1 "3"
        a > PUBACK 2
        p > PUBLISH t retain ""
        a < PUBLISH t ""
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=1
        b < SUBACK 1 1
        p > PUBLISH t retain "qos 0"
        a < PUBLISH t "qos 0"
        b < PUBLISH t "qos 0"
        c > CONNECT v31 clean
        c < CONNACK
        c > SUBSCRIBE 1 # qos=1
        c < SUBACK 1 1
        c < PUBLISH t retain "qos 0"
        counters
        = deliveries_qos0 4
        = deliveries_qos1 2
        = acked 2
        "#,
    );
}

// [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-3] [MQTT-3.8.4-4] [MQTT3-3.8.4-3]
#[test]
fn retain_handling_says_when_they_are_sent() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "kept"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=0
        a < SUBACK 1 0
        a < PUBLISH t retain "kept"
        a > SUBSCRIBE 2 t qos=0
        a < SUBACK 2 0
        a < PUBLISH t retain "kept"
        a > SUBSCRIBE 3 t qos=0 rh=1
        a < SUBACK 3 0
        a > SUBSCRIBE 4 t qos=0 rh=2
        a < SUBACK 4 0
        a > UNSUBSCRIBE 5 t
        a < UNSUBACK 5 0
        a > SUBSCRIBE 6 t qos=0 rh=1
        a < SUBACK 6 0
        a < PUBLISH t retain "kept"
        a > UNSUBSCRIBE 7 t
        a < UNSUBACK 7 0
        a > SUBSCRIBE 8 t qos=0 rh=2
        a < SUBACK 8 0
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=0
        b < SUBACK 1 0
        b < PUBLISH t retain "kept"
        b > SUBSCRIBE 2 t qos=0
        b < SUBACK 2 0
        b < PUBLISH t retain "kept"
        "#,
    );
}

// [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT3-3.3.1-8] [MQTT3-3.3.1-9]
#[test]
fn retain_as_published_passes_the_flag_on() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=0 rap
        a < SUBACK 1 0
        b > CONNECT v5 clean
        b < CONNACK
        b > SUBSCRIBE 1 t qos=0
        b < SUBACK 1 0
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "kept"
        a < PUBLISH t retain "kept"
        b < PUBLISH t "kept"
        p > PUBLISH t "passing"
        a < PUBLISH t "passing"
        b < PUBLISH t "passing"
        p > PUBLISH t retain ""
        a < PUBLISH t retain ""
        b < PUBLISH t ""
        "#,
    );
}

// [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
#[test]
fn wildcards_do_not_find_topics_that_start_with_a_dollar() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH $own/t retain "dollar"
        p > PUBLISH own/t retain "plain"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 # qos=0
        a < SUBACK 1 0
        a < PUBLISH own/t retain "plain"
        a > SUBSCRIBE 2 +/t qos=0
        a < SUBACK 2 0
        a < PUBLISH own/t retain "plain"
        a > SUBSCRIBE 3 $own/# qos=0
        a < SUBACK 3 0
        a < PUBLISH $own/t retain "dollar"
        a > SUBSCRIBE 4 $own/+ qos=0
        a < SUBACK 4 0
        a < PUBLISH $own/t retain "dollar"
        p > PUBLISH $own/t "dollar"
        a < PUBLISH $own/t "dollar"
        p > PUBLISH own/t "plain"
        a < PUBLISH own/t "plain"
        "#,
    );
}

#[test]
fn a_replay_is_paged_and_complete() {
    check(
        r#"
        limits retained_page_topics=2
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r/1 retain "1"
        p > PUBLISH 1 r/2 qos=1 retain "2"
        p < PUBACK 1 0x10
        p > PUBLISH r/3 retain "3"
        p > PUBLISH 1 r/4 qos=1 retain "4"
        p < PUBACK 1 0x10
        p > PUBLISH r/5 retain "5"
        p > PUBLISH x/1 retain "other"
        p > PUBLISH x/2 retain "other"
        p > PUBLISH x/3 retain "other"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 r/1 qos=1
        a < SUBACK 1 1
        a < PUBLISH r/1 retain "1"
        a > SUBSCRIBE 2 r/4 qos=1 id=7
        a < SUBACK 2 1
        a < PUBLISH 1 r/4 qos=1 retain "4" id=7
        counters
        = deliveries_qos0 1
        = deliveries_qos1 1
        "#,
    );
}
