//! Subscriptions: options, overlaps, ends.

use crate::script::check;

// [MQTT-3.8.3-3]
#[test]
fn no_local_keeps_a_clients_own_messages_away() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1 no_local
        a < SUBACK 1 1
        a > PUBLISH 1 t qos=1 "mine"
        a < PUBACK 1 0x10
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "another's"
        a < PUBLISH 1 t qos=1 "another's"
        b < PUBACK 1
        a > SUBSCRIBE 2 + qos=0
        a < SUBACK 2 0
        a > PUBLISH 2 t qos=1 "mine, by the other filter"
        a < PUBLISH t "mine, by the other filter"
        a < PUBACK 2
        a > SUBSCRIBE 3 t qos=1
        a < SUBACK 3 1
        a > PUBLISH 3 t qos=1 "mine"
        a < PUBLISH 2 t qos=1 "mine"
        a < PUBACK 3
        "#,
    );
}

// [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT3-3.3.5-1]
#[test]
fn overlapping_filters_deliver_once_with_all_identifiers() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 a/b qos=0 id=1
        a < SUBACK 1 0
        a > SUBSCRIBE 2 a/+ qos=2 id=2
        a < SUBACK 2 2
        a > SUBSCRIBE 3 a/# qos=1 id=268435455
        a < SUBACK 3 1
        a > SUBSCRIBE 4 # qos=1
        a < SUBACK 4 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 a/b qos=2 "2"
        a < PUBLISH 1 a/b qos=2 "2" id=1+268435455+2
        b < PUBREC 1
        b > PUBLISH a/b "0"
        a < PUBLISH a/b "0" id=1+268435455+2
        b > PUBLISH 2 a/c qos=1 "1"
        a < PUBLISH 2 a/c qos=1 "1" id=268435455+2
        b < PUBACK 2
        b > PUBLISH 3 c qos=1 "no identifier"
        a < PUBLISH 3 c qos=1 "no identifier"
        b < PUBACK 3
        a > SUBSCRIBE 5 a/b qos=0
        a < SUBACK 5 0
        b > PUBLISH a/b "0"
        a < PUBLISH a/b "0" id=268435455+2
        "#,
    );
}

// [MQTT-3.8.4-3] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT3-3.8.4-3]
#[test]
fn subscribing_again_replaces_the_options() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2 id=1
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=2 "2"
        a < PUBLISH 1 t qos=2 "2" id=1
        b < PUBREC 1
        a > SUBSCRIBE 2 t qos=0 id=2
        a < SUBACK 2 0
        b > PUBLISH 2 t qos=2 "0"
        a < PUBLISH t "0" id=2
        b < PUBREC 2
        a > SUBSCRIBE 3 t qos=1
        a < SUBACK 3 1
        b > PUBLISH 3 t qos=2 "1"
        a < PUBLISH 2 t qos=1 "1"
        b < PUBREC 3
        "#,
    );
}

// [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3] [MQTT-3.10.4-4] [MQTT-3.10.4-5]
// [MQTT-3.10.4-6] [MQTT3-3.10.4-1] [MQTT3-3.10.4-2] [MQTT3-3.10.4-3] [MQTT3-3.10.4-4]
// [MQTT3-3.10.4-5] [MQTT3-3.10.4-6]
#[test]
fn unsubscribe_ends_new_messages_and_keeps_what_was_admitted() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100 receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1, u qos=1
        a < SUBACK 1 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        a > UNSUBSCRIBE 2 t nothing
        a < UNSUBACK 2 0 0x11
        b > PUBLISH 3 t qos=1 "for nobody"
        b < PUBACK 3 0x10
        b > PUBLISH 4 u qos=1 "3"
        b < PUBACK 4
        a > PUBACK 1
        a < PUBLISH 2 t qos=1 "2"
        a > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 2 t qos=1 dup "2"
        a < PUBLISH 3 u qos=1 "3"
        a > PUBACK 2
        a > PUBACK 3
        c > CONNECT v311 clean
        c < CONNACK
        c > UNSUBSCRIBE 1 never/there
        c < UNSUBACK 1
        "#,
    );
}

#[test]
fn bounds_of_subscriptions_are_told() {
    check(
        r#"
        limits subscriptions_per_session_max=2 topic_levels_max=3
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 a qos=0, b qos=1, c qos=2, a qos=2, x/y/z/4 qos=0
        a < SUBACK 1 0 1 0x97 2 0x8F
        a > UNSUBSCRIBE 2 a
        a < UNSUBACK 2 0
        a > SUBSCRIBE 3 x/y/z qos=0
        a < SUBACK 3 0
        b > CONNECT v311 clean
        b < CONNACK
        b > SUBSCRIBE 1 a qos=0, b qos=1, c qos=2
        b < SUBACK 1 0 1 0x80
        b > SUBSCRIBE 2 a/b/c/d qos=0
        b < SUBACK 2 0x80
        a > PUBLISH x/y/z "three levels"
        a < PUBLISH x/y/z "three levels"
        a > PUBLISH 1 x/y/z/4 qos=1 "four"
        a < PUBACK 1 0x90
        a > PUBLISH x/y/z/4 "four"
        a < DISCONNECT 0x90 "a message was refused"
        a < closed
        b > PUBLISH 1 x/y/z/4 qos=1 "four"
        b < closed
        "#,
    );
}

// SUBACK says that every worker knows: what is published anywhere from then on is matched.
#[test]
fn suback_waits_until_all_workers_know_the_filter() {
    check(
        r#"
        only workers=2,4 because one worker always knows
        place client:a=0 client:b=1
        b > CONNECT v5 clean
        b < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        b mail held
        a > SUBSCRIBE 1 t qos=1
        c > CONNECT v5 clean
        c < CONNACK
        b > PUBLISH 1 t qos=1 "b knows already"
        b mail flows
        b < PUBACK 1
        a < PUBLISH 1 t qos=1 "b knows already"
        a < SUBACK 1 1
        b > PUBLISH 2 t qos=1 "and so do all"
        b < PUBACK 2
        a < PUBLISH 2 t qos=1 "and so do all"
        "#,
    );
}

#[test]
fn a_second_subscriber_of_a_filter_waits_with_the_first() {
    check(
        r#"
        only workers=2 because it is about two workers
        place client:a=0 client:a2=0 client:b=1
        b > CONNECT v5 clean
        b < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        a2 > CONNECT v5 clean
        a2 < CONNACK
        b mail held
        a > SUBSCRIBE 1 t qos=1
        a2 > SUBSCRIBE 1 t qos=1
        b mail flows
        a < SUBACK 1 1
        a2 < SUBACK 1 1
        "#,
    );
}

#[test]
fn many_filters_in_one_subscribe() {
    let mut subscribe = String::from("a > SUBSCRIBE 1 ");
    for index in 0..40 {
        let comma = if index == 39 { "" } else { ", " };
        subscribe += &format!("f/{index} qos=1{comma}");
    }
    check(&format!(
        r#"
        a > CONNECT v311 clean
        a < CONNACK
        {subscribe}
        a < SUBACK 1{}
        a > PUBLISH 1 f/0 qos=1 "first"
        a < PUBLISH 1 f/0 qos=1 "first"
        a < PUBACK 1
        a > PUBLISH 2 f/39 qos=1 "last"
        a < PUBLISH 2 f/39 qos=1 "last"
        a < PUBACK 2
        a > UNSUBSCRIBE 2 f/0
        a < UNSUBACK 2
        a > PUBLISH 3 f/0 qos=1 "first"
        a < PUBACK 3
        "#,
        " 1".repeat(40)
    ));
}

// Several identifiers go with a message through the queue and back.
#[test]
fn properties_travel_whole() {
    // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
    // [MQTT-3.3.2-20]
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1 id=3
        a < SUBACK 1 1
        a > SUBSCRIBE 2 # qos=1 id=4
        a < SUBACK 2 1
        c > CONNECT v311 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "x" format=1 expiry=60 content=text/plain response=r/t correlation=17 user=k:v
        c < PUBLISH 1 t qos=1 "x"
        b < PUBACK 1
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "x" expiry=60 id=3+4 format=1 response=r/t correlation=17 content=text/plain user=k:v
        b > PUBLISH 2 t qos=1 "y" format=0 user=k:w
        a < PUBLISH 2 t qos=1 "y" id=3+4 format=0 user=k:w
        c < PUBLISH 2 t qos=1 "y"
        b < PUBACK 2
        "#,
    );
}
