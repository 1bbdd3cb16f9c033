//! Bad input: the right code for the version, the connection closed, nobody else disturbed.

use crate::script::check;

/// Sends `bytes` on an open connection of each version; 5.0 hears `code` and why.
#[track_caller]
fn refused(bytes: &str, code: &str, words: &str) {
    let disconnect = format!("v5 < DISCONNECT {code} {words:?}\n        ");
    check(&format!(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        v5 > CONNECT v5 clean
        v5 < CONNACK
        v5 > bytes {bytes}
        {disconnect}v5 < closed
        v311 > CONNECT v311 clean
        v311 < CONNACK
        v311 > bytes {bytes}
        v311 < closed
        v31 > CONNECT v31 clean
        v31 < CONNACK
        v31 > bytes {bytes}
        v31 < closed
        w > PINGREQ
        w < PINGRESP
        "#
    ));
}

// [MQTT-2.1.3-1] [MQTT-3.3.1-4] [MQTT-3.8.3-5] [MQTT3-2.2.2-2] [MQTT3-3.3.1-4]
#[test]
fn what_no_version_allows() {
    let flags = "the packet begins with";
    refused(
        "c1 00",
        "0x81",
        &format!("{flags} 0xc1, its flags are wrong"),
    );
    refused(
        "80 05 00 01 00 00 00",
        "0x81",
        &format!("{flags} 0x80, its flags are wrong"),
    );
    refused(
        "60 02 00 01",
        "0x81",
        &format!("{flags} 0x60, its flags are wrong"),
    );
    refused("00 00", "0x81", "packet type 0 is reserved");
    refused("36 05 00 01 74 00 01", "0x81", "a PUBLISH with QoS 3");
    refused(
        "30 ff ff ff ff 7f",
        "0x81",
        "a length has more than four bytes",
    );
    refused("40 02 00 00", "0x82", "the packet identifier is zero");
    refused(
        "32 05 00 01 74 00 00",
        "0x82",
        "the packet identifier is zero",
    );
    refused(
        "30 04 00 05 74 74",
        "0x81",
        "a field runs past the end of the packet",
    );
    refused(
        "c0 01 00",
        "0x81",
        "bytes are left over after the last field",
    );
    refused(
        "30 ff ff ff 7f",
        "0x95",
        "the packet has 268435460 bytes, at most 16777216 are taken",
    );
}

// [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT3-1.5.3-1] [MQTT3-1.5.3-2] [MQTT-3.3.2-2] [MQTT3-3.3.2-2]
#[test]
fn bad_strings_and_topics() {
    refused("30 05 00 01 ff 00 00", "0x81", "a string is not UTF-8");
    refused("30 05 00 01 00 00 00", "0x81", "a string contains U+0000");
    refused(
        "30 05 00 01 2b 00 00",
        "0x90",
        "topic name: a topic name cannot contain `+` or `#`",
    );
    refused(
        "30 05 00 01 23 00 00",
        "0x90",
        "topic name: a topic name cannot contain `+` or `#`",
    );
}

// [MQTT-3.1.0-2] [MQTT3-3.1.0-2]
#[test]
fn a_second_connect() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > CONNECT v5 clean
        a < DISCONNECT 0x82 "a second CONNECT on the same connection"
        a < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > CONNECT v311 clean
        b < closed
        "#,
    );
}

// [MQTT-3.1.0-1] [MQTT3-3.1.0-1]
#[test]
fn the_first_packet_must_be_connect() {
    check(
        r#"
        a > bytes c0 00
        a < closed
        b > bytes 30 05 00 01 74 78
        b < closed
        c > bytes 82 0a
        c < closed
        d > bytes 00
        d < closed
        e > bytes f0
        e < closed
        "#,
    );
}

// [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT-3.1.4-1] [MQTT-3.1.4-2] [MQTT3-3.1.2-1] [MQTT3-3.1.2-2]
// [MQTT3-3.1.4-1]
#[test]
fn connects_that_are_not_understood() {
    check(
        r#"
        # protocol level 6 and 2
        a > bytes 10 0d 00 04 4d 51 54 54 06 02 00 00 00 01 61
        a < CONNACK 0x84 "protocol level 6 is not spoken here"
        a < closed
        b > bytes 10 0d 00 04 4d 51 54 54 02 02 00 00 00 01 61
        b < CONNACK 0x84
        b < closed
        # another name
        c > bytes 10 0d 00 04 4d 51 54 55 04 02 00 00 00 01 61
        c < closed
        # the reserved flag
        d > bytes 10 0d 00 04 4d 51 54 54 04 03 00 00 00 01 61
        d < closed
        e > bytes 10 0e 00 04 4d 51 54 54 05 03 00 00 00 00 01 61
        e < CONNACK 0x81 "the reserved connect flag is set"
        e < closed
        # will QoS 3, will flags without will
        f > bytes 10 0e 00 04 4d 51 54 54 05 1e 00 00 00 00 01 61
        f < CONNACK 0x81 "the will has QoS 3"
        f < closed
        g > bytes 10 0e 00 04 4d 51 54 54 05 0a 00 00 00 00 01 61
        g < CONNACK 0x81 "will QoS or will retain is set, but there is no will"
        g < closed
        # a password without user name
        h > bytes 10 0f 00 04 4d 51 54 54 04 42 00 00 00 01 61 00 00
        h < closed
        # left over, cut short
        i > bytes 10 0f 00 04 4d 51 54 54 05 02 00 00 00 00 01 61 00
        i < CONNACK 0x81 "bytes are left over after the last field"
        i < closed
        j > bytes 10 0d 00 04 4d 51 54 54 05 02 00 00 00 00 01
        j < CONNACK 0x81 "a field runs past the end of the packet"
        j < closed
        # an authentication method, and authentication data without one
        k > CONNECT v5 clean auth=SCRAM
        k < CONNACK 0x8C "no such authentication method here"
        k < closed
        l > bytes 10 11 00 04 4d 51 54 54 05 02 00 00 04 16 00 01 78 00 00
        l < CONNACK 0x82 "authentication data without an authentication method"
        l < closed
        # a will to a wildcard
        m > bytes 10 14 00 04 4d 51 54 54 05 06 00 00 00 00 01 61 00 00 01 23 00 00
        m < CONNACK 0x90 "topic name: a topic name cannot contain `+` or `#`"
        m < closed
        # receive maximum 0 and maximum packet size 0
        n > bytes 10 11 00 04 4d 51 54 54 05 02 00 00 03 21 00 00 00 01 61
        n < CONNACK 0x82 "property `receive maximum` cannot be 0"
        n < closed
        o > bytes 10 13 00 04 4d 51 54 54 05 02 00 00 05 27 00 00 00 00 00 01 61
        o < CONNACK 0x82 "property `maximum packet size` cannot be 0"
        o < closed
        events
        ! refused 0x81: a field runs past the end of the packet
        ! refused 0x81: a password without a user name
        ! refused 0x81: bytes are left over after the last field
        ! refused 0x81: the reserved connect flag is set
        ! refused 0x81: the reserved connect flag is set
        ! refused 0x81: the will has QoS 3
        ! refused 0x81: will QoS or will retain is set, but there is no will
        ! refused 0x82: authentication data without an authentication method
        ! refused 0x82: property `maximum packet size` cannot be 0
        ! refused 0x82: property `receive maximum` cannot be 0
        ! refused 0x84: protocol level 2 is not spoken here
        ! refused 0x84: protocol level 6 is not spoken here
        ! refused 0x84: the protocol name is not that of MQTT
        ! refused 0x8C: no such authentication method here
        ! refused 0x90: topic name: a topic name cannot contain `+` or `#`
        "#,
    );
}

// Packets that only a Server sends, and AUTH without an exchange. [MQTT-4.12.0-6]
#[test]
fn packets_that_have_no_business_here() {
    check(
        r#"
        a > CONNECT v5 clean
        a < CONNACK
        a > bytes 20 03 00 00 00
        a < DISCONNECT 0x82 "a packet that only a server sends"
        a < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > bytes 20 02 00 00
        b < closed
        c > CONNECT v5 clean
        c < CONNACK
        c > bytes 90 04 00 01 00 00
        c < DISCONNECT 0x82 "a packet that only a server sends"
        c < closed
        d > CONNECT v5 clean
        d < CONNACK
        d > bytes b0 04 00 01 00 00
        d < DISCONNECT 0x82 "a packet that only a server sends"
        d < closed
        e > CONNECT v311 clean
        e < CONNACK
        e > bytes d0 00
        e < closed
        f > CONNECT v5 clean
        f < CONNACK
        f > AUTH
        f < DISCONNECT 0x82 "AUTH without an authentication exchange"
        f < closed
        g > CONNECT v311 clean
        g < CONNACK
        g > bytes f0 00
        g < closed
        "#,
    );
}

// [MQTT-3.8.3-1] [MQTT-3.8.3-2] [MQTT-3.8.3-4] [MQTT-4.7.1-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
// [MQTT-3.10.3-2] [MQTT3-3.8.3-3] [MQTT3-3.10.3-2] [MQTT3-3.8.3-4]
#[test]
fn bad_subscribes() {
    check(
        r#"
        # no filter
        a > CONNECT v5 clean
        a < CONNACK
        a > bytes 82 03 00 01 00
        a < DISCONNECT 0x82 "there is no topic filter"
        a < closed
        b > CONNECT v311 clean
        b < CONNACK
        b > bytes 82 02 00 01
        b < closed
        # a# and a/#/b
        c > CONNECT v5 clean
        c < CONNACK
        c > bytes 82 08 00 01 00 00 02 61 23 00
        c < DISCONNECT 0x8F "topic filter: `#` must be alone in the last level"
        c < closed
        d > CONNECT v311 clean
        d < CONNACK
        d > bytes 82 0a 00 01 00 05 61 2f 23 2f 62 00
        d < closed
        # QoS 3, retain handling 3, reserved bits
        e > CONNECT v5 clean
        e < CONNACK
        e > bytes 82 07 00 01 00 00 01 61 03
        e < DISCONNECT 0x82 "a subscription with QoS 3"
        e < closed
        f > CONNECT v5 clean
        f < CONNACK
        f > bytes 82 07 00 01 00 00 01 61 30
        f < DISCONNECT 0x82 "retain handling 3"
        f < closed
        g > CONNECT v5 clean
        g < CONNACK
        g > bytes 82 07 00 01 00 00 01 61 80
        g < DISCONNECT 0x81 "reserved subscription options are set: 0x80"
        g < closed
        h > CONNECT v311 clean
        h < CONNACK
        h > bytes 82 06 00 01 00 01 61 04
        h < closed
        # $share/ without name, without filter; no local on a shared subscription
        i > CONNECT v5 clean
        i < CONNACK
        i > bytes 82 0f 00 01 00 00 09 24 73 68 61 72 65 2f 2f 61 00
        i < DISCONNECT 0x8F "topic filter: the share name is empty"
        i < closed
        j > CONNECT v5 clean
        j < CONNACK
        j > bytes 82 0e 00 01 00 00 08 24 73 68 61 72 65 2f 67 00
        j < DISCONNECT 0x8F "topic filter: no topic filter follows the share name"
        j < closed
        k > CONNECT v5 clean
        k < CONNACK
        k > bytes 82 10 00 01 00 00 0a 24 73 68 61 72 65 2f 67 2f 61 04
        k < DISCONNECT 0x82 "no local on a shared subscription"
        k < closed
        # UNSUBSCRIBE without filter
        l > CONNECT v5 clean
        l < CONNACK
        l > bytes a2 03 00 01 00
        l < DISCONNECT 0x82 "there is no topic filter"
        l < closed
        m > CONNECT v311 clean
        m < CONNACK
        m > bytes a2 02 00 01
        m < closed
        # subscription identifier 0 and twice
        n > CONNECT v5 clean
        n < CONNACK
        n > bytes 82 09 00 01 02 0b 00 00 01 61 00
        n < DISCONNECT 0x82 "property `subscription identifier` cannot be 0"
        n < closed
        o > CONNECT v5 clean
        o < CONNACK
        o > bytes 82 0b 00 01 04 0b 01 0b 01 00 01 61 00
        o < DISCONNECT 0x82 "property `subscription identifier` stands there twice"
        o < closed
        "#,
    );
}

// [MQTT-3.3.2-8] [MQTT-3.3.4-6] [MQTT3-2.2.2-2] [MQTT-3.3.1-2] [MQTT-3.3.2-14]
#[test]
fn bad_publishes() {
    check(
        r#"
        # alias 0
        a > CONNECT v5 clean
        a < CONNACK
        a > bytes 30 07 00 01 74 03 23 00 00
        a < DISCONNECT 0x94 "topic alias 0"
        a < closed
        # neither topic nor alias
        b > CONNECT v5 clean
        b < CONNACK
        b > bytes 30 03 00 00 00
        b < DISCONNECT 0x82 "a PUBLISH with neither topic name nor alias"
        b < closed
        # a subscription identifier
        c > CONNECT v5 clean
        c < CONNACK
        c > bytes 30 06 00 01 74 02 0b 01
        c < DISCONNECT 0x82 "a subscription identifier in a PUBLISH from a client"
        c < closed
        # DUP on QoS 0
        d > CONNECT v5 clean
        d < CONNACK
        d > bytes 38 04 00 01 74 00
        d < DISCONNECT 0x81 "a PUBLISH with QoS 0 is marked as duplicate"
        d < closed
        # a property twice, and one that does not belong here
        e > CONNECT v5 clean
        e < CONNACK
        e > bytes 30 08 00 01 74 04 01 01 01 01
        e < DISCONNECT 0x82 "property `payload format indicator` stands there twice"
        e < closed
        f > CONNECT v5 clean
        f < CONNACK
        f > bytes 30 07 00 01 74 03 21 00 01
        f < DISCONNECT 0x81 "property `receive maximum` cannot stand in this packet"
        f < closed
        # an unknown property
        g > CONNECT v5 clean
        g < CONNACK
        g > bytes 30 06 00 01 74 02 7f 00
        g < DISCONNECT 0x81 "there is no property 0x7f"
        g < closed
        # a wildcard in the response topic
        h > CONNECT v5 clean
        h < CONNACK
        h > bytes 30 08 00 01 74 04 08 00 01 23
        h < DISCONNECT 0x82 "response topic: a topic name cannot contain `+` or `#`"
        h < closed
        # an empty topic in 3.1.1
        i > CONNECT v311 clean
        i < CONNACK
        i > bytes 30 02 00 00
        i < closed
        # payload format 2
        j > CONNECT v5 clean
        j < CONNACK
        j > bytes 30 06 00 01 74 02 01 02
        j < DISCONNECT 0x82 "property `payload format indicator` cannot be 2"
        j < closed
        "#,
    );
}

// [MQTT-3.14.1-1] [MQTT-3.14.2-1]
#[test]
fn bad_disconnects_and_acknowledgements() {
    check(
        r#"
        w > CONNECT v5 clean
        w < CONNACK
        w > SUBSCRIBE 1 will qos=0
        w < SUBACK 1 0
        a > CONNECT v5 clean will=will
        a < CONNACK
        a > bytes e0 01 01
        w < PUBLISH will "gone"
        a < DISCONNECT 0x82 "reason code 0x01 cannot stand in this packet"
        a < closed
        b > CONNECT v311 clean will=will
        b < CONNACK
        b > bytes e0 01 00
        w < PUBLISH will "gone"
        b < closed
        c > CONNECT v5 clean
        c < CONNACK
        c > bytes 40 03 00 01 01
        c < DISCONNECT 0x82 "reason code 0x01 cannot stand in this packet"
        c < closed
        d > CONNECT v311 clean
        d < CONNACK
        d > bytes 40 03 00 01 00
        d < closed
        "#,
    );
}

// [MQTT-3.1.2-29] Who wants no reason strings gets none.
#[test]
fn reason_strings_only_where_they_are_wanted() {
    check(
        r#"
        a > CONNECT v5 clean wants_no_reasons
        a < CONNACK
        a > bytes c1 00
        a < DISCONNECT 0x81
        a < closed
        b > CONNECT v5 clean wants_no_reasons auth=SCRAM
        b < CONNACK 0x8C
        b < closed
        "#,
    );
}

#[test]
fn a_hundred_thousand_levels_disturb_nobody() {
    let deep = "/".repeat(60_000);
    check(&format!(
        r#"
        only bytes=whole because it is long
        a > CONNECT v5 clean
        a < CONNACK
        a > SUBSCRIBE 1 {deep}# qos=0
        a < SUBACK 1 0x8F
        a > SUBSCRIBE 2 # qos=1
        a < SUBACK 2 1
        b > CONNECT v5 clean
        b < CONNACK
        b > PUBLISH 1 {deep} qos=1 "deep"
        b < PUBACK 1 0x90
        b > PUBLISH {deep} "deep"
        b < DISCONNECT 0x90 "a message was refused"
        b < closed
        "#
    ));
}
