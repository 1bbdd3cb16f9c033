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

#[test]
fn a_wide_replay_comes_in_pages() {
    check(
        r#"
        limits retained_page_topics=2 retained_page_bytes=10
        only workers=1 because the order of the topics is that of the workers
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r/1 retain "1"
        p > PUBLISH 1 r/2 qos=1 retain "2"
        p < PUBACK 1 0x10
        p > PUBLISH r/3 retain size=100
        p > PUBLISH 1 r/4 qos=2 retain "4"
        p < PUBREC 1 0x10
        p > PUBLISH x/1 retain "other"
        p > PUBLISH x/2 retain "other"
        p > PUBLISH x/3 retain "other"
        p > PUBLISH y/5 retain "5"
        a > CONNECT v5 clean receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 r/+ qos=2, +/5 qos=0 id=3
        a < SUBACK 1 2 0
        a < PUBLISH r/1 retain "1" id=3
        a < PUBLISH 1 r/2 qos=1 retain "2" id=3
        a < PUBLISH r/3 retain size=100 id=3
        a > PUBACK 1
        a < PUBLISH 2 r/4 qos=2 retain "4" id=3
        a < PUBLISH y/5 retain "5" id=3
        a > PUBREC 2
        a < PUBREL 2
        a > PUBCOMP 2
        counters
        = deliveries_qos0 3
        = deliveries_qos1 1
        = deliveries_qos2 1
        = acked 2
        "#,
    );
}

// A retained message that has expired is deleted, and none is sent.
// [MQTT-3.3.2-5] [MQTT-3.3.2-6]
#[test]
fn retained_messages_expire() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "soon gone" expiry=10
        p > PUBLISH u retain "later" expiry=100
        wait 4s
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=0
        a < SUBACK 1 0
        a < PUBLISH t retain "soon gone" expiry=6
        a > SUBSCRIBE 2 u qos=1
        a < SUBACK 2 1
        a < PUBLISH u retain "later" expiry=96
        wait 7s
        a > SUBSCRIBE 3 t qos=0
        a < SUBACK 3 0
        a > SUBSCRIBE 4 u qos=0
        a < SUBACK 4 0
        a < PUBLISH u retain "later" expiry=89
        a > PUBACK 1
        "#,
    );
}

// It expires in the page, while the client has no slot for it.
#[test]
fn a_retained_message_expires_on_its_way() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 retain "first"
        p < PUBACK 1 0x10
        p > PUBLISH 2 u qos=1 retain "second" expiry=10
        p < PUBACK 2 0x10
        p > PUBLISH 3 v qos=1 retain "third"
        p < PUBACK 3 0x10
        a > CONNECT v5 clean receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1, u qos=1, v qos=1
        a < SUBACK 1 1 1 1
        a < PUBLISH 1 t qos=1 retain "first"
        wait 11s
        a > PUBACK 1
        a < PUBLISH 2 v qos=1 retain "third"
        "#,
    );
}

#[test]
fn a_stalled_reader_gets_its_replay_when_it_reads() {
    check(
        r#"
        limits outbound_bytes_max=400 retained_page_topics=2
        only workers=1 because the order of the topics is that of the workers
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r/1 retain size=300
        p > PUBLISH 1 r/2 qos=1 retain size=300
        p < PUBACK 1 0x10
        p > PUBLISH r/3 retain size=300
        p > PUBLISH r/4 retain size=300
        p > PUBLISH r/5 retain size=300
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a stalls
        a > SUBSCRIBE 1 r/# qos=1
        a reads 320
        a < SUBACK 1 1
        a < PUBLISH r/1 retain size=300
        p > PUBLISH r/4 retain "4, anew"
        p > PUBLISH 2 r/5 qos=1 retain "5, anew"
        p < PUBACK 2
        counters
        = deliveries_qos0 3
        = deliveries_qos1 1
        a reads
        a < PUBLISH 1 r/2 qos=1 retain size=300
        a < PUBLISH r/4 "4, anew"
        a < PUBLISH r/3 retain size=300
        a < PUBLISH r/4 retain "4, anew"
        a < PUBLISH 2 r/5 qos=1 "5, anew"
        counters
        = deliveries_qos0 4
        = deliveries_qos1 2
        "#,
    );
}

// A client that goes in the middle of a replay gets the rest when its session goes on.
#[test]
fn a_replay_goes_on_with_its_session() {
    check(
        r#"
        limits outbound_bytes_max=400 retained_page_topics=1
        only workers=1 because the order of the topics is that of the workers
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r/1 retain size=500
        p > PUBLISH r/2 retain size=500
        p > PUBLISH 1 r/3 qos=1 retain "3"
        p < PUBACK 1 0x10
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a stalls
        a > SUBSCRIBE 1 r/# qos=1
        a > close
        a reads
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH r/2 retain size=500
        a < PUBLISH 1 r/3 qos=1 retain "3"
        a > PUBACK 1
        b > CONNECT v5 clean
        b < CONNACK
        b stalls
        b > SUBSCRIBE 1 r/# qos=1
        b > close
        "#,
    );
}

#[test]
fn a_replay_ends_with_its_subscription() {
    check(
        r#"
        limits outbound_bytes_max=400
        only workers=1 because the order of the topics is that of the workers
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r/1 retain size=500
        p > PUBLISH r/2 retain size=500
        p > PUBLISH s/1 retain "s"
        a > CONNECT v5 clean
        a < CONNACK
        a stalls
        a > SUBSCRIBE 1 r/# qos=1, s/# qos=0
        a > UNSUBSCRIBE 2 r/#
        a reads
        a < SUBACK 1 1 0
        a < PUBLISH r/1 retain size=500
        a < UNSUBACK 2 0
        a < PUBLISH s/1 retain "s"
        "#,
    );
}

// Subscribing again and again holds no more than one replay.
#[test]
fn subscribing_again_starts_the_replay_anew() {
    check(
        r#"
        limits outbound_bytes_max=400
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH r retain size=500
        a > CONNECT v5 clean
        a < CONNACK
        a stalls
        a > SUBSCRIBE 1 r qos=0
        a > SUBSCRIBE 2 r qos=0
        a > SUBSCRIBE 3 r qos=0
        a > SUBSCRIBE 4 r qos=0
        a reads
        a < SUBACK 1 0
        a < PUBLISH r retain size=500
        a < SUBACK 2 0
        a < SUBACK 3 0
        a < SUBACK 4 0
        a < PUBLISH r retain size=500
        "#,
    );
}

#[test]
fn the_store_is_bounded() {
    check(
        r#"
        limits retained_messages_max=2 retained_bytes_max=30
        only workers=1 because the bound is per worker
        p > CONNECT v5 clean
        p < CONNACK
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 # qos=0
        w < SUBACK 1 0
        p > PUBLISH 1 a qos=1 retain "1"
        p < PUBACK 1
        w < PUBLISH a "1"
        p > PUBLISH 2 b qos=1 retain "2"
        p < PUBACK 2
        w < PUBLISH b "2"
        p > PUBLISH 3 c qos=1 retain "3"
        p < PUBACK 3 0x97
        p > PUBLISH c retain "3"
        p > PUBLISH 4 b qos=2 retain "replaces"
        p < PUBREC 4
        w < PUBLISH b "replaces"
        p > PUBLISH 5 b qos=1 retain size=29
        p < PUBACK 5 0x97
        p > PUBLISH 6 a qos=1 retain ""
        p < PUBACK 6
        w < PUBLISH a ""
        p > PUBLISH 7 c qos=1 retain size=20
        p < PUBACK 7
        w < PUBLISH c "xxxxxxxxxxxxxxxxxxxx"
        q > CONNECT v311 clean
        q < CONNACK
        q > PUBLISH 1 d qos=1 retain "4"
        q < closed
        "#,
    );
}

// The owner of the topic is another worker: it refuses after the message was delivered.
#[test]
fn the_store_of_another_worker_is_bounded() {
    check(
        r#"
        limits retained_messages_max=1
        only workers=2 because the store of another worker is meant
        place client:p=0 topic:a=1 topic:b=1
        p > CONNECT v5 clean
        p < CONNACK
        p > SUBSCRIBE 1 # qos=0
        p < SUBACK 1 0
        p > PUBLISH 1 a qos=1 retain "1"
        p < PUBLISH a "1"
        p < PUBACK 1
        p > PUBLISH 2 b qos=1 retain "2"
        p < PUBLISH b "2"
        p < PUBACK 2 0x97
        p > PUBLISH 3 b qos=2 retain "3"
        p < PUBLISH b "3"
        p < PUBREC 3 0x97
        p > PUBLISH 3 b qos=2 "another, under the same identifier"
        p < PUBLISH b "another, under the same identifier"
        p < PUBREC 3
        "#,
    );
}
