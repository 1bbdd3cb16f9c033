//! Several workers at once: what one has handed over and another has not seen yet.

use crate::script::check;

// A replay asked another worker for a page; the topic changes before the page arrives. The older
// value does not follow the newer one.
#[test]
fn a_live_message_overtakes_the_page_of_a_replay() {
    check(
        r#"
        only workers=2 because the page is on its way between two workers
        place client:a=0 client:p=0 client:o=1 topic:t=1 topic:u=1
        o > CONNECT v5 clean
        o < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        p > PUBLISH t retain "old"
        p > PUBLISH u retain "other"
        a > SUBSCRIBE 1 # qos=0
        a < SUBACK 1 0
        a < PUBLISH t retain "old"
        a < PUBLISH u retain "other"
        o mail held
        a > SUBSCRIBE 2 # qos=0
        a < SUBACK 2 0
        p > PUBLISH t retain "new"
        a < PUBLISH t "new"
        o mail flows
        a < PUBLISH u retain "other"
        "#,
    );
}

// The publisher's worker has told the subscriber's, but the topic's owner has heard of it only
// after it has given the page.
#[test]
fn a_live_message_is_not_followed_by_the_older_retained_one() {
    check(
        r#"
        only workers=4 because three workers take part
        limits retained_page_topics=1
        place client:a=0 client:p=1 client:o=2 topic:s=2 topic:t=2
        o > CONNECT v5 clean
        o < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        p > PUBLISH s retain "s"
        p > PUBLISH t retain "old"
        a > SUBSCRIBE 1 +/# qos=0 rh=2
        a < SUBACK 1 0
        o mail held
        a > SUBSCRIBE 2 +/# qos=0
        a < SUBACK 2 0
        p mail held
        p > PUBLISH t retain "new"
        p mail flows a
        a < PUBLISH t "new"
        o mail flows
        a < PUBLISH s retain "s"
        p mail flows
        "#,
    );
}

// A session unsubscribes while a message for it is on its way: it is not delivered, and its
// publisher is answered.
#[test]
fn a_message_on_its_way_to_a_session_that_unsubscribed() {
    check(
        r#"
        only workers=2 because the message is on its way between two workers
        place client:a=0 client:p=1
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        p mail held
        p > PUBLISH 1 t qos=1 "1"
        a > UNSUBSCRIBE 2 t
        a < UNSUBACK 2 0
        p mail flows
        p < PUBACK 1 0x10
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2 0x10
        "#,
    );
}

#[test]
fn a_publisher_that_is_gone_when_the_answer_comes() {
    check(
        r#"
        only workers=2 because the answer is on its way between two workers
        place client:a=0 client:p=1
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        a mail held
        p > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        p > close
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH 1 nobody qos=1 "2"
        p < PUBACK 1 0x10
        p > PUBLISH 2 t qos=1 "3"
        a < PUBLISH 2 t qos=1 "3"
        a mail flows
        p < PUBACK 2
        "#,
    );
}

// A subscriber whose SUBACK waits is gone when it could leave.
#[test]
fn a_subscriber_that_is_gone_before_its_suback() {
    check(
        r#"
        only workers=2 because the answer is on its way between two workers
        place client:a=0 client:p=1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "kept"
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        p mail held
        a > SUBSCRIBE 1 t qos=1 rh=1
        a > close
        p mail flows
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a < PUBLISH t retain "kept"
        a > SUBSCRIBE 1 t qos=1 rh=1
        a < SUBACK 1 1
        "#,
    );
}

#[test]
fn unsubscribe_before_the_suback_ends_the_replay_too() {
    check(
        r#"
        only workers=2 because the answer is on its way between two workers
        place client:a=0 client:p=1
        p > CONNECT v5 clean
        p < CONNACK
        p > PUBLISH t retain "kept"
        a > CONNECT v5 clean
        a < CONNACK
        p mail held
        a > SUBSCRIBE 1 t qos=0
        a > UNSUBSCRIBE 2 t
        a < UNSUBACK 2 0
        p mail flows
        a < SUBACK 1 0
        "#,
    );
}

// A member is gone while the group's message is on its way to it.
#[test]
fn a_group_gives_to_a_member_that_is_gone() {
    check(
        r#"
        only workers=2 because the offer is on its way between two workers
        place client:a=0 client:b=1 client:p=1 group:$share/g/t=1
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        b > SUBSCRIBE 1 $share/g/t qos=1
        b < SUBACK 1 1
        p mail held
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        b < PUBLISH 1 t qos=1 "2"
        a > close
        p mail flows
        b < PUBLISH 2 t qos=1 "1"
        counters
        = deliveries_qos1 2
        "#,
    );
}

// A group ends and another of the same name begins while an acknowledgement is on its way.
#[test]
fn an_answer_for_a_group_that_is_gone_is_not_heard_by_another() {
    check(
        r#"
        only workers=2 because the answer is on its way between two workers
        place client:a=0 client:b=1 client:p=1 group:$share/g/t=1
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean
        a < CONNACK
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        a > SUBSCRIBE 1 $share/g/t qos=1
        a < SUBACK 1 1
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        a < PUBLISH 1 t qos=1 "1"
        a > UNSUBSCRIBE 2 $share/g/t
        a < UNSUBACK 2 0
        a mail held
        a > PUBACK 1
        b > SUBSCRIBE 1 $share/g/t qos=1
        p > PUBLISH 2 t qos=1 "2"
        p < PUBACK 2
        b < PUBLISH 1 t qos=1 "2"
        a mail flows
        b < SUBACK 1 1
        b > close
        b > CONNECT v5 expiry=100
        b < CONNACK present
        b < PUBLISH 2 t qos=1 "2"
        "#,
    );
}

#[test]
fn a_full_session_holds_publishers_of_other_workers() {
    check(
        r#"
        only workers=2 because it is about another worker
        place client:a=0 client:p=1
        limits on_full=hold queue_messages_max=1
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        p > PUBLISH 1 t qos=1 "1"
        p < PUBACK 1
        a < PUBLISH 1 t qos=1 "1"
        p > PUBLISH 2 t qos=1 "2"
        a mail held
        a > PUBACK 1
        p > PINGREQ
        p < PINGRESP
        a mail flows
        p < PUBACK 2
        a < PUBLISH 2 t qos=1 "2"
        "#,
    );
}

// What is published after SUBACK comes once, as a live message, though the worker that owns the
// topic knows of it before the subscriber's does, and is asked for a page in between.
#[test]
fn a_message_after_suback_is_not_replayed_as_well() {
    check(
        r#"
        only workers=4 because three workers take part
        limits retained_page_topics=1
        place client:a=0 client:p=1 client:o=2 topic:w=2 topic:x=2 topic:y=2
        o > CONNECT v5 clean
        o < CONNACK
        p > CONNECT v5 clean
        p < CONNACK
        a > CONNECT v5 clean receive_maximum=1
        a < CONNACK
        p > PUBLISH 1 w qos=1 retain "w"
        p < PUBACK 1 0x10
        p > PUBLISH 2 x qos=1 retain "x"
        p < PUBACK 2 0x10
        a > SUBSCRIBE 1 # qos=1
        a < SUBACK 1 1
        a < PUBLISH 1 w qos=1 retain "w"
        p mail held
        p > PUBLISH 3 y qos=1 retain "y"
        p mail flows o
        a > PUBACK 1
        a < PUBLISH 2 x qos=1 retain "x"
        a > PUBACK 2
        p mail flows
        p < PUBACK 3
        a < PUBLISH 3 y qos=1 "y"
        "#,
    );
}
