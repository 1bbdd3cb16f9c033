//! Shared subscriptions.

use crate::script::check;

// [MQTT-4.8.2-3]
#[test]
fn each_message_goes_to_one_member_in_turn() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        c > CONNECT v311 clean
        c < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t/+ qos=2
        a < SUBACK 1 2
        b > SUBSCRIBE 1 $share/g/t/+ qos=1
        b < SUBACK 1 1
        c > SUBSCRIBE 1 $share/g/t/+ qos=0
        c < SUBACK 1 0
        p > PUBLISH 1 t/1 qos=2 "1"
        a < PUBLISH 1 t/1 qos=2 "1"
        p < PUBREC 1
        p > PUBLISH 2 t/1 qos=2 "2"
        b < PUBLISH 1 t/1 qos=1 "2"
        p < PUBREC 2
        p > PUBLISH 3 t/1 qos=2 "3"
        c < PUBLISH t/1 "3"
        p < PUBREC 3
        p > PUBLISH 4 t/1 qos=1 "4"
        a < PUBLISH 2 t/1 qos=1 "4"
        p < PUBACK 4
        p > PUBLISH t/1 "5"
        b < PUBLISH t/1 "5"
        p > PUBLISH t/1 "6"
        c < PUBLISH t/1 "6"
        a > PUBREC 1
        a < PUBREL 1
        a > PUBCOMP 1
        a > PUBACK 2
        b > PUBACK 1
        counters
        = deliveries_qos0 3
        = deliveries_qos1 2
        = deliveries_qos2 1
        = acked 3
        "#,
    );
}

#[test]
fn a_group_is_beside_other_groups_and_subscriptions() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1 id=1
        a < SUBACK 1 1
        a > SUBSCRIBE 2 $share/h/t qos=1 id=2
        a < SUBACK 2 1
        a > SUBSCRIBE 3 t qos=0 id=3
        a < SUBACK 3 0
        p > PUBLISH 1 t qos=1 "three times"
        a < PUBLISH t "three times" id=3
        a < PUBLISH 1 t qos=1 "three times" id=1
        a < PUBLISH 2 t qos=1 "three times" id=2
        p < PUBACK 1
        a > UNSUBSCRIBE 4 $share/g/t
        a < UNSUBACK 4 0
        a > UNSUBSCRIBE 5 t $share/x/t
        a < UNSUBACK 5 0 0x11
        p > PUBLISH 2 t qos=1 "once"
        a < PUBLISH 3 t qos=1 "once" id=2
        p < PUBACK 2
        "#,
    );
}

// No retained messages for a shared subscription.
#[test]
fn a_shared_subscription_gets_no_retained_messages() {
    check(
        r#"
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "kept"
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1 rap
        a < SUBACK 1 1
        p > PUBLISH 1 t qos=1 retain "live"
        p < PUBACK 1
        a < PUBLISH 1 t qos=1 "live"
        "#,
    );
}

#[test]
fn a_full_window_is_passed_over_and_the_queue_waits_for_a_slot() {
    check(
        r#"
        a > CONNECT v5 clean receive_maximum=1
        a < CONNACK
        b > CONNECT v5 clean receive_maximum=2
        b < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 $share/g/t qos=1
        b < SUBACK 1 1
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        b < PUBLISH 1 t qos=1 "2"
        p < PUBACK 2
        p > PUBLISH 3 t qos=1 "3"
        b < PUBLISH 2 t qos=1 "3"
        p < PUBACK 3
        p > PUBLISH 4 t qos=1 "4"
        p < PUBACK 4
        p > PUBLISH 5 t qos=1 "5"
        p < PUBACK 5
        p > PUBLISH t "qos 0 finds nobody"
        b > PUBACK 2
        b < PUBLISH 3 t qos=1 "4"
        a > PUBACK 1
        a < PUBLISH 2 t qos=1 "5"
        counters
        = deliveries_qos1 5
        = acked 2
        "#,
    );
}

// [MQTT-4.8.2-4]
#[test]
fn what_a_lost_member_had_goes_to_another_in_order_except_qos_2() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=2
        a < SUBACK 1 2
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        p < PUBREC 2
        p > PUBLISH 3 t qos=1 "3"
        a < PUBLISH 3 t qos=1 "3"
        p < PUBACK 3
        p > PUBLISH 4 t qos=2 "4"
        a < PUBLISH 4 t qos=2 "4"
        p < PUBREC 4
        a > PUBREC 4
        a < PUBREL 4
        b > CONNECT v5 clean receive_maximum=1
        b < CONNACK
        b > SUBSCRIBE 1 $share/g/t qos=2
        b < SUBACK 1 2
        a > close
        b < PUBLISH 1 t qos=1 "1"
        p > PUBLISH 5 t qos=1 "5"
        p < PUBACK 5
        b > PUBACK 1
        b < PUBLISH 2 t qos=1 "3"
        b > PUBACK 2
        b < PUBLISH 3 t qos=1 "5"
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 2 t qos=2 dup "2"
        a < PUBREL 4
        counters
        = deliveries_qos1 5
        = deliveries_qos2 3
        = redeliveries 1
        = acked 3
        = returned 2
        "#,
    );
}

// [MQTT-4.8.2-5]
#[test]
fn a_lost_member_that_does_not_last_takes_its_qos_2_with_it() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=2
        a < SUBACK 1 2
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        p < PUBREC 2
        b > SUBSCRIBE 1 $share/g/t qos=2
        b < SUBACK 1 2
        a > close
        b < PUBLISH 1 t qos=1 "1"
        counters
        = deliveries_qos1 2
        = deliveries_qos2 1
        = session_ended 1
        = returned 1
        "#,
    );
}

// A group lasts while a member does: it queues while all are away.
#[test]
fn a_group_of_lasting_members_queues_while_they_are_away() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        b > CONNECT v311
        b < CONNACK
        c > CONNECT v5 clean
        c < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 $share/g/t qos=1
        b < SUBACK 1 1
        c > SUBSCRIBE 1 $share/g/t qos=1
        c < SUBACK 1 1
        a > close
        b > close
        c > close
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH t "0"
        p > PUBLISH 2 t qos=1 "2" expiry=10
        p < PUBACK 2
        p > PUBLISH 3 t qos=1 "3"
        p < PUBACK 3
        wait 11s
        b > CONNECT v311
        b < CONNACK present
        b < PUBLISH 1 t qos=1 "1"
        b < PUBLISH 2 t qos=1 "3"
        a > CONNECT v5 expiry=100
        a < CONNACK present
        p > PUBLISH 4 t qos=1 "4"
        a < PUBLISH 1 t qos=1 "4"
        p < PUBACK 4
        counters
        = deliveries_qos1 3
        = group_expired 1
        "#,
    );
}

#[test]
fn a_group_ends_with_its_last_member() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "begun"
        a < PUBLISH 1 t qos=1 "begun"
        p < PUBACK 1
        a > close
        p > PUBLISH 2 t qos=1 "queued"
        p < PUBACK 2
        wait 101s
        p > PUBLISH 3 t qos=1 "for nobody"
        p < PUBACK 3 0x10
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        p > PUBLISH 4 t qos=1 "new"
        a < PUBLISH 1 t qos=1 "new"
        p < PUBACK 4
        a > PUBACK 1
        "#,
    );
}

// [MQTT-3.10.4-3] What was begun is completed, by the one that it was begun with.
#[test]
fn a_member_that_unsubscribes_keeps_what_it_has() {
    check(
        r#"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        a > SUBSCRIBE 2 $share/h/u qos=1
        a < SUBACK 2 1
        b > SUBSCRIBE 1 $share/h/u qos=1
        b < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "t"
        a < PUBLISH 1 t qos=1 "t"
        p < PUBACK 1
        p > PUBLISH 2 u qos=1 "u"
        a < PUBLISH 2 u qos=1 "u"
        p < PUBACK 2
        a > UNSUBSCRIBE 3 $share/g/t
        a < UNSUBACK 3 0
        a > close
        b < PUBLISH 1 u qos=1 "u"
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 dup "t"
        a > PUBACK 1
        b > PUBACK 1
        "#,
    );
}

#[test]
fn sticky_stays_with_a_member_while_it_can_take() {
    check(
        r#"
        limits share_strategy=sticky
        a > CONNECT v5 clean receive_maximum=2
        a < CONNACK
        b > CONNECT v5 clean receive_maximum=2
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 $share/g/t qos=1
        b < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        p > PUBLISH 3 t qos=1 "3"
        b < PUBLISH 1 t qos=1 "3"
        p < PUBACK 3
        a > PUBACK 1
        p > PUBLISH 4 t qos=1 "4"
        b < PUBLISH 2 t qos=1 "4"
        p < PUBACK 4
        "#,
    );
}

#[test]
fn hash_of_the_topic_gives_a_topic_to_one_member() {
    check(
        r#"
        limits share_strategy=hash-topic
        only workers=1 because the seed of the hash follows from nothing else
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/# qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 $share/g/# qos=1
        b < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t/1 qos=1 "1"
        b < PUBLISH 1 t/1 qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t/2 qos=1 "2"
        a < PUBLISH 1 t/2 qos=1 "2"
        p < PUBACK 2
        p > PUBLISH 3 t/3 qos=1 "3"
        b < PUBLISH 2 t/3 qos=1 "3"
        p < PUBACK 3
        p > PUBLISH 4 t/4 qos=1 "4"
        a < PUBLISH 2 t/4 qos=1 "4"
        p < PUBACK 4
        p > PUBLISH 5 t/1 qos=1 "1"
        b < PUBLISH 3 t/1 qos=1 "1"
        p < PUBACK 5
        p > PUBLISH 6 t/2 qos=1 "2"
        a < PUBLISH 3 t/2 qos=1 "2"
        p < PUBACK 6
        p > PUBLISH 7 t/3 qos=1 "3"
        b < PUBLISH 4 t/3 qos=1 "3"
        p < PUBACK 7
        p > PUBLISH 8 t/4 qos=1 "4"
        a < PUBLISH 4 t/4 qos=1 "4"
        p < PUBACK 8
        "#,
    );
}

#[test]
fn hash_of_the_client_gives_a_publisher_to_one_member() {
    check(
        r#"
        limits share_strategy=hash-client
        only workers=1 because the numbers of sessions depend on the workers
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/# qos=0
        a < SUBACK 1 0
        b > SUBSCRIBE 1 $share/g/# qos=0
        b < SUBACK 1 0
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t/1 qos=1 "1"
        a < PUBLISH t/1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t/2 qos=1 "2"
        a < PUBLISH t/2 "2"
        p < PUBACK 2
        p > PUBLISH 3 t/3 qos=1 "3"
        a < PUBLISH t/3 "3"
        p < PUBACK 3
        "#,
    );
}

#[test]
fn random_gives_each_message_once() {
    check(
        r#"
        limits share_strategy=random
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/# qos=1
        a < SUBACK 1 1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t/1 qos=1 "1"
        a < PUBLISH 1 t/1 qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t/2 qos=1 "2"
        a < PUBLISH 2 t/2 qos=1 "2"
        p < PUBACK 2
        counters
        = deliveries_qos1 2
        "#,
    );
}

#[test]
fn a_full_group_refuses_publishers_until_it_has_room() {
    check(
        r#"
        limits queue_messages_max=2 on_full=reject
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        a > close
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "1" expiry=10
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        p > PUBLISH 3 t qos=1 "3"
        p < PUBACK 3 0x97
        wait 12s
        p > PUBLISH 4 t qos=1 "4"
        p < PUBACK 4
        p > PUBLISH 5 t qos=1 "5"
        p < PUBACK 5 0x97
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "4"
        p > PUBLISH 6 t qos=1 "6"
        a < PUBLISH 3 t qos=1 "6"
        p < PUBACK 6
        "#,
    );
}

#[test]
fn a_full_group_drops_by_its_policy() {
    check(
        r#"
        limits queue_messages_max=2 on_full=drop-oldest
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        a > close
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        p > PUBLISH 3 t qos=1 "3"
        p < PUBACK 3
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "3"
        counters
        = deliveries_qos1 2
        = group_dropped 1
        "#,
    );
}

// [MQTT-4.8.2-6] A member that does not want it has it dropped for all.
#[test]
fn a_negative_acknowledgement_ends_a_shared_message() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=2
        a < SUBACK 1 2
        b > SUBSCRIBE 1 $share/g/t qos=2
        b < SUBACK 1 2
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        a > PUBACK 1 0x99
        p > PUBLISH 2 t qos=2 "2"
        b < PUBLISH 1 t qos=2 "2"
        p < PUBREC 2
        b > PUBREC 1 0x83
        a > close
        b > close
        counters
        = deliveries_qos1 1
        = deliveries_qos2 1
        = negative_ack 2
        "#,
    );
}
