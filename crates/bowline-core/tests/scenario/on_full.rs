//! Full queues: the five policies, and what holds a publisher back.

use crate::script::check;

#[test]
fn end_ends_the_session_and_nobody_else_suffers() {
    check(
        r#"
        limits queue_messages_max=2
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        c > CONNECT v5 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        c < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        c > PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        c < PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        c > PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        c < PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        c > PUBACK 3
        a > CONNECT v5 expiry=100
        a < CONNACK
        b > PUBLISH 4 t qos=1 "4"
        c < PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        counters
        = deliveries_qos1 4
        = acked 3
        = session_ended 2
        events
        ! a disconnected 0x80: connection reset by peer
        ! a queue full: End
        ! a session ended: QueueFull, 2 owed
        "#,
    );
}

#[test]
fn end_tells_a_client_that_is_here() {
    check(
        r#"
        limits queue_messages_max=2
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean expiry=100 will=will will_delay=50
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
        w < PUBLISH will "gone"
        a < DISCONNECT 0x97 "the session's queue is full"
        a < closed
        b < PUBACK 3
        a > CONNECT v5 expiry=100
        a < CONNACK
        events
        ! a disconnected 0x97: the session's queue is full
        ! a queue full: End
        ! a session ended: QueueFull, 2 owed
        "#,
    );
}

// A session that ends with its connection never holds a publisher back, whatever the policy.
#[test]
fn a_session_that_does_not_last_is_disconnected() {
    for policy in ["end", "hold", "reject", "drop-oldest", "drop-newest"] {
        check(
            &r#"
        limits queue_messages_max=2 on_full=POLICY
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        c > CONNECT v311 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        c < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        c > PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "2"
        c < PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        a < DISCONNECT 0x97 "the session's queue is full"
        a < closed
        c < PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 "4"
        c < closed
        b < PUBACK 4
        counters
        = deliveries_qos1 5
        = acked 1
        = session_ended 4
        "#
            .replace("POLICY", policy),
        );
    }
}

#[test]
fn reject_refuses_the_publisher_before_anybody_gets_it() {
    check(
        r#"
        limits queue_messages_max=2 on_full=reject
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        c > CONNECT v5 clean
        c < CONNACK
        c > SUBSCRIBE 1 # qos=1
        c < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        c < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 "2"
        c < PUBLISH 2 t qos=1 "2"
        b < PUBREC 2
        b > PUBLISH 3 t qos=1 "3"
        b < PUBACK 3 0x97
        b > PUBLISH 4 t qos=2 "4"
        b < PUBREC 4 0x97
        b > PUBREL 2
        b < PUBCOMP 2
        b > PUBREL 4
        b < PUBCOMP 4 0x92
        b > PUBLISH t "0 goes on"
        c < PUBLISH t "0 goes on"
        b > PUBLISH 5 u qos=1 "and so do other topics"
        c < DISCONNECT 0x97 "the session's queue is full"
        c < closed
        b < PUBACK 5
        d > CONNECT v311 clean
        d < CONNACK
        d > PUBLISH 1 t qos=1 "5"
        d < closed
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "1"
        a < PUBLISH 2 t qos=1 "2"
        b > PUBLISH 6 t qos=1 "6"
        b < PUBACK 6 0x97
        a > PUBACK 1
        b > PUBLISH 7 t qos=1 "7"
        a < PUBLISH 3 t qos=1 "7"
        b < PUBACK 7
        counters
        = deliveries_qos0 1
        = deliveries_qos1 5
        = publishes_refused 4
        = acked 1
        = session_ended 2
        events
        ! a disconnected 0x80: connection reset by peer
        ! a queue full: Reject
        ! a queue full: Reject
        ! b publish to t refused 0x97
        ! b publish to t refused 0x97
        ! b publish to t refused 0x97
        ! c disconnected 0x97: the session's queue is full
        ! c session ended: Connection, 2 owed
        ! d disconnected 0x97: a message was refused
        ! d publish to t refused 0x97
        ! d session ended: Connection, 0 owed
        "#,
    );
}

#[test]
fn hold_lets_the_publisher_wait_for_room() {
    check(
        r#"
        limits queue_messages_max=2 on_full=hold
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        b > PUBLISH 4 t qos=2 "4"
        b > PUBLISH 4 t qos=2 dup "4"
        b > PUBLISH 3 t qos=1 dup "3"
        b > PUBLISH 5 u qos=1 "another topic, behind in the order of PUBACKs"
        b > PINGREQ
        b < PINGRESP
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "1"
        a < PUBLISH 2 t qos=1 "2"
        a > PUBACK 1
        a < PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        a > PUBACK 2
        a < PUBLISH 4 t qos=2 "4"
        b < PUBREC 4
        b < PUBACK 5 0x10
        a > PUBACK 3
        b > PUBREL 4
        b < PUBCOMP 4
        counters
        = deliveries_qos1 3
        = deliveries_qos2 1
        = acked 3
        "#,
    );
}

#[test]
fn hold_ends_with_a_refusal() {
    check(
        r#"
        limits queue_messages_max=1 on_full=hold hold_timeout_millis=3000
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        d > CONNECT v311 clean
        d < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        d > PUBLISH 1 t qos=2 "3"
        wait 1s
        b > PUBLISH 3 t qos=2 "4"
        b > PUBREL 3
        b < PUBCOMP 3
        wait 1900ms
        wait 200ms
        b < PUBACK 2 0x97
        d < closed
        wait 1s
        b < PUBREC 3 0x97
        b > PUBLISH 3 u qos=2 "the identifier is free"
        b < PUBREC 3 0x10
        counters
        = publishes_refused 3
        "#,
    );
}

#[test]
fn a_held_publisher_that_leaves_forgets_what_was_not_taken() {
    check(
        r#"
        limits queue_messages_max=1 on_full=hold
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        a > close
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        b > PUBLISH 1 t qos=2 "1"
        b < PUBREC 1
        b > PUBLISH 2 t qos=2 "2"
        b > close
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=2 "1"
        a > PUBREC 1
        a < PUBREL 1
        a > PUBCOMP 1
        b > CONNECT v5 expiry=100
        b < CONNACK present
        b > PUBLISH 2 t qos=2 dup "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        "#,
    );
}

// The end of whoever was full lets the publisher go on: unsubscribe, clean start, expiry.
#[test]
fn a_held_publisher_goes_on_when_nobody_full_is_left() {
    check(
        r#"
        limits queue_messages_max=1 on_full=hold hold_timeout_millis=1000000
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
        a > UNSUBSCRIBE 2 t
        a < UNSUBACK 2 0
        b < PUBACK 2 0x10
        a > SUBSCRIBE 3 t qos=1
        a < SUBACK 3 1
        b > PUBLISH 3 t qos=1 "3"
        a > DISCONNECT
        a < closed
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        b < PUBACK 3 0x10
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        b > PUBLISH 5 t qos=1 "5"
        wait 101s
        b < PUBACK 5 0x10
        "#,
    );
}

#[test]
fn a_full_queue_of_expired_messages_holds_nobody() {
    check(
        r#"
        limits queue_messages_max=2 on_full=hold hold_timeout_millis=1000000
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1" expiry=10
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2" expiry=20
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        wait 11s
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 "4"
        wait 10s
        b < PUBACK 4
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "3"
        a < PUBLISH 2 t qos=1 "4"
        counters
        = deliveries_qos1 2
        = expired 2
        "#,
    );
}

#[test]
fn drop_oldest_keeps_the_newest() {
    check(
        r#"
        limits queue_messages_max=3 on_full=drop-oldest
        a > CONNECT v5 clean expiry=100 receive_maximum=1
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1 in flight"
        a < PUBLISH 1 t qos=1 "1 in flight"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 "4"
        b < PUBACK 4
        b > PUBLISH 5 t qos=1 "5"
        b < PUBACK 5
        a > PUBACK 1
        a < PUBLISH 2 t qos=1 "4"
        a > PUBACK 2
        a < PUBLISH 3 t qos=1 "5"
        counters
        = deliveries_qos1 3
        = acked 2
        = dropped_oldest 2
        events
        ! a queue full: DropOldest
        ! a queue full: DropOldest
        "#,
    );
}

#[test]
fn drop_oldest_makes_as_much_room_as_is_needed() {
    check(
        r#"
        limits queue_bytes_max=300 on_full=drop-oldest
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 size=99
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 size=99
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 size=98
        b < PUBACK 3
        b > PUBLISH 4 t qos=1 size=199
        b < PUBACK 4
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 size=98
        a < PUBLISH 2 t qos=1 size=199
        counters
        = deliveries_qos1 2
        = dropped_oldest 2
        "#,
    );
}

#[test]
fn drop_newest_keeps_the_oldest() {
    check(
        r#"
        limits queue_messages_max=2 on_full=drop-newest
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        b > PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "1"
        a < PUBLISH 2 t qos=1 "2"
        a > PUBACK 1
        a > PUBACK 2
        b > PUBLISH 4 t qos=1 "4"
        a < PUBLISH 3 t qos=1 "4"
        b < PUBACK 4
        counters
        = deliveries_qos1 3
        = acked 2
        = dropped_newest 1
        events
        ! a disconnected 0x80: connection reset by peer
        ! a queue full: DropNewest
        "#,
    );
}

// What has expired gives its room to what lives.
#[test]
fn expired_messages_make_room() {
    check(
        r#"
        limits queue_messages_max=2 on_full=drop-newest
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a > close
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 t qos=1 "1" expiry=10
        b < PUBACK 1
        b > PUBLISH 2 t qos=1 "2"
        b < PUBACK 2
        wait 10s
        b > PUBLISH 3 t qos=1 "3"
        b < PUBACK 3
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH 1 t qos=1 "2"
        a < PUBLISH 2 t qos=1 "3"
        counters
        = deliveries_qos1 2
        = expired 1
        "#,
    );
}

// All limits at their least, everybody both publishes and subscribes: everything drains.
#[test]
fn limits_at_their_least_still_drain() {
    check(
        r#"
        limits queue_messages_max=1 on_full=hold receive_maximum_in=1 receive_maximum_out_v5=1 receive_maximum_out_v3=1 outbound_bytes_max=1 deferred_bytes_max=1 packets_per_turn_max=1 retained_page_topics=1 retained_page_bytes=1 read_ahead_messages=1 topic_alias_in_max=1 topic_alias_out_max=1
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        b > CONNECT v311
        b < CONNACK
        a > SUBSCRIBE 1 t/# qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 t/# qos=1
        b < SUBACK 1 1
        a > PUBLISH 1 t/a qos=1 "a1"
        a < PUBLISH 1 t/a qos=1 "a1"
        a < PUBACK 1
        b < PUBLISH 1 t/a qos=1 "a1"
        b > PUBLISH 1 t/b qos=1 "b1"
        a > PUBACK 1
        b > PUBACK 1
        a < PUBLISH 2 t/b qos=1 "b1"
        b < PUBLISH 2 t/b qos=1 "b1"
        b < PUBACK 1
        a > PUBACK 2
        b > PUBACK 2
        a > PUBLISH 2 t/a qos=1 "a2"
        a < PUBLISH 3 t/a qos=1 "a2"
        a < PUBACK 2
        b < PUBLISH 3 t/a qos=1 "a2"
        a > PUBLISH 3 t/a qos=1 "a3"
        a > PUBACK 3
        b > PUBACK 3
        a < PUBLISH 4 t/a qos=1 "a3"
        a < PUBACK 3
        b < PUBLISH 4 t/a qos=1 "a3"
        a > PUBACK 4
        b > PUBACK 4
        "#,
    );
}
