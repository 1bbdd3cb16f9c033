//! The gate: nothing that promises leaves before what it rests on is durable; nothing else waits.

use crate::script::check;

#[test]
fn puback_waits_and_the_delivery_does_not() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b > PUBLISH 2 nobody qos=1 "2"
        b > PUBLISH t "0"
        a < PUBLISH t "0"
        b > PINGREQ
        b < PINGRESP
        a > PUBACK 1
        commit
        b < PUBACK 1
        b < PUBACK 2 0x10
        "#,
    );
}

// A message that nobody lasting is owed promises nothing that must be kept.
#[test]
fn what_nobody_lasting_is_owed_is_acknowledged_at_once() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b < PUBACK 1
        b > PUBLISH 2 t qos=2 "2"
        a < PUBLISH 2 t qos=2 "2"
        b < PUBREC 2
        b > PUBREL 2
        b < PUBCOMP 2
        a > PUBREC 2
        a < PUBREL 2
        a > UNSUBSCRIBE 2 t
        a < UNSUBACK 2 0
        "#,
    );
}

#[test]
fn each_step_of_qos_2_waits_for_its_record() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=2 "1"
        b > PUBLISH 1 t qos=2 dup "1"
        commit
        a < PUBLISH 1 t qos=2 "1"
        b < PUBREC 1
        b > PUBREL 1
        a > PUBREC 1
        a > PUBREC 1
        commit
        a < PUBREL 1
        a < PUBREL 1
        b < PUBCOMP 1
        b > PUBREL 1
        b < PUBCOMP 1 0x92
        a > PUBCOMP 1
        commit
        "#,
    );
}

// A QoS 2 publish keeps its identifier on record even if nobody lasting gets the message.
#[test]
fn pubrec_to_a_lasting_publisher_waits_although_nobody_is_owed() {
    check(
        r#"
        only commits=reported because at once nothing waits
        b > CONNECT v5 clean expiry=100
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=2 "1"
        commit
        b < PUBREC 1 0x10
        "#,
    );
}

#[test]
fn connack_suback_and_unsuback_of_a_lasting_session_wait() {
    check(
        r#"
        only commits=reported because at once nothing waits
        commits held
        a > CONNECT v5 clean expiry=100
        commit
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a > SUBSCRIBE 2 t qos=1
        commit
        a < SUBACK 1 1
        a < SUBACK 2 1
        a > UNSUBSCRIBE 3 t
        a > UNSUBSCRIBE 4 t
        commit
        a < UNSUBACK 3 0
        a < UNSUBACK 4 0x11
        a > DISCONNECT
        a < closed
        a > CONNECT v5 expiry=100
        a < CONNACK present
        a > DISCONNECT
        a < closed
        b > CONNECT v5 id=a clean
        commit
        b < CONNACK
        c > CONNECT v5 clean
        c < CONNACK
        c > SUBSCRIBE 1 t qos=1
        c < SUBACK 1 1
        c > UNSUBSCRIBE 2 t
        c < UNSUBACK 2 0
        "#,
    );
}

#[test]
fn a_retained_message_is_acknowledged_when_it_is_kept() {
    check(
        r#"
        only commits=reported because at once nothing waits
        b > CONNECT v5 clean
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=1 retain "1"
        b > PUBLISH 2 u qos=1 retain ""
        commit
        b < PUBACK 1 0x10
        b < PUBACK 2 0x10
        b > PUBLISH 3 t qos=1 retain ""
        commit
        b < PUBACK 3 0x10
        "#,
    );
}

// PUBACKs keep the order of the PUBLISH packets, also where a later one need not wait.
#[test]
fn acknowledgements_behind_a_waiting_one_wait_too() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=1
        a < SUBACK 1 1
        b > CONNECT v5 clean
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b > PUBLISH 2 nobody qos=1 "2"
        b > close
        b > CONNECT v5 clean
        b < CONNACK
        commit
        b > PUBLISH 1 nobody qos=1 "3"
        b < PUBACK 1 0x10
        "#,
    );
}

// A QoS 2 delivery waits for its commit, and what follows it in the queue waits with it.
#[test]
fn a_qos_2_delivery_waits_in_the_queue() {
    check(
        r#"
        only commits=reported because at once nothing waits
        a > CONNECT v5 clean expiry=100
        a < CONNACK
        a > SUBSCRIBE 1 t qos=2
        a < SUBACK 1 2
        b > CONNECT v5 clean
        b < CONNACK
        commits held
        b > PUBLISH 1 t qos=1 "1"
        a < PUBLISH 1 t qos=1 "1"
        b > PUBLISH 2 t qos=2 "2"
        b > PUBLISH 3 t qos=1 "3"
        a > PUBACK 1
        a > close
        a > CONNECT v5 expiry=100
        commit
        a < CONNACK present
        a < PUBLISH 2 t qos=2 "2"
        a < PUBLISH 3 t qos=1 "3"
        b < PUBACK 1
        b < PUBREC 2
        b < PUBACK 3
        "#,
    );
}
