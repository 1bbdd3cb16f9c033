//! Each sequence of the format language, against one message.

use super::*;
use bowline_client::{Message, PacketId, QoS};

fn delivery() -> Delivery {
    let properties = MessageProperties {
        payload_format_is_utf8: Some(true),
        message_expiry_secs: Some(60),
        response_topic: Some("re/ply".into()),
        correlation_data: Some(b"\x01xy".to_vec()),
        content_type: Some("text/plain".into()),
        subscription_identifiers: vec![9],
        user_properties: vec![("k".into(), "v".into()), ("k".into(), "w".into())],
    };
    Delivery {
        message: Message::new("a/bc", "hi \"you\"")
            .with_qos(QoS::AtLeastOnce)
            .with_retain(true)
            .with_properties(properties),
        dup: false,
        packet_id: PacketId::new(7),
        topic_alias: Some(3),
        token: None,
    }
}

fn plain(payload: &[u8]) -> Delivery {
    Delivery {
        message: Message::new("t", payload),
        dup: false,
        packet_id: None,
        topic_alias: None,
        token: None,
    }
}

/// 2026-11-21T08:00:00.000123456+01:00
fn now() -> Zoned {
    let timestamp = jiff::Timestamp::new(1_795_244_400, 123_456).expect("it is in range");
    timestamp.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)))
}

#[track_caller]
fn render(format: &str, delivery: &Delivery) -> Result<Vec<u8>, Unprintable> {
    let mut out = Vec::new();
    Format::parse(format)
        .expect("a right format")
        .render(delivery, &now(), false, &mut out)?;
    Ok(out)
}

#[track_caller]
fn check(table: &[(&str, &str)], delivery: &Delivery) {
    for (format, expected) in table {
        let out = render(format, delivery).expect("it is printable");
        assert_eq!(String::from_utf8_lossy(&out), *expected, "{format}");
    }
}

#[test]
fn every_sequence() {
    check(
        &[
            ("%t|%p|%l|%q|%r|%m", "a/bc|hi \"you\"|8|1|1|7"),
            ("%x %X", "68692022796f7522 68692022796F7522"),
            ("%A|%C|%D|%E|%F|%R|%S", "3|text/plain|\u{1}xy|60|1|re/ply|9"),
            ("%P", "k:v k:w"),
            ("%I", "2026-11-21T08:00:00+0100"),
            ("%U", "1795244400.000123456"),
            (
                "@Y-@m-@d @H:@M:@S @N @@ %%",
                "2026-11-21 08:00:00 000123456 @ %",
            ),
            (r"\\\0\a\e\n\r\t\v", "\\\0\u{7}\u{1b}\n\r\t\u{b}"),
            ("@!é", "é"),
            ("", ""),
        ],
        &delivery(),
    );
}

#[test]
fn what_a_message_does_not_have_prints_nothing() {
    check(
        &[
            ("[%A%C%D%E%F%P%R%S%m]", "[0]"),
            ("[%4E]", "[    ]"),
            ("[%04E]", "[    ]"),
        ],
        &plain(b""),
    );
}

#[test]
fn widths() {
    check(
        &[
            ("[%6t]", "[  a/bc]"),
            ("[%-6t]", "[a/bc  ]"),
            ("[%.2t]", "[a/]"),
            ("[%4.2t]", "[  a/]"),
            ("[%06t]", "[  a/bc]"),
            ("[%05l]", "[00008]"),
            ("[%-05l]", "[8    ]"),
            ("[%3m]", "[  7]"),
            ("[%10p]", "[  hi \"you\"]"),
            ("[%018X]", "[0068692022796F7522]"),
            ("[%.4I]", "[2026]"),
            ("[%.2x]", "[68 69 20 22 79 6f 75 22]"),
            ("[%.2:x]", "[68:69:20:22:79:6f:75:22]"),
            ("[%.4X]", "[6869 2022 796F 7522]"),
        ],
        &delivery(),
    );
}

#[test]
fn binary_numbers() {
    check(
        &[
            ("%f", "1.500000"),
            ("%.1f", "1.5"),
            ("[%06.1f]", "[0001.5]"),
        ],
        &plain(&1.5_f32.to_le_bytes()),
    );
    check(
        &[("%d", "-2.250000"), ("%.2d", "-2.25")],
        &plain(&(-2.25_f64).to_le_bytes()),
    );
    assert_eq!(render("x%f", &plain(b"12345")), Err(Unprintable::NotFloat));
    assert_eq!(render("x%d", &plain(b"1234")), Err(Unprintable::NotFloat));
}

#[test]
fn json_with_everything() {
    let properties = r#""properties":{"payload-format-indicator":1,"message-expiry-interval":60,"content-type":"text/plain","response-topic":"re/ply","correlation-data":"\u0001xy","subscription-identifier":9,"topic-alias":3,"user-properties":{"k":"v","k":"w"}}"#;
    let expected = format!(
        r#"{{"tst":"2026-11-21T08:00:00.000123+01:00","topic":"a/bc","qos":1,"retain":true,"payloadlen":8,"mid":7,{properties},"payload":"hi \"you\""}}"#
    );
    check(&[("%j", &expected)], &delivery());
}

#[test]
fn json_payloads() {
    let start = r#"{"tst":"2026-11-21T08:00:00.000123+01:00","topic":"t","qos":0,"retain":false,"#;
    let payload = br#" {"x":[1.0, 12345678901234567890123]} "#;
    check(
        &[(
            "%J",
            &format!(
                r#"{start}"payloadlen":38,"payload":{{"x":[1.0, 12345678901234567890123]}}}}"#
            ),
        )],
        &plain(payload),
    );
    assert_eq!(
        render("x%J", &plain(b"{no json")),
        Err(Unprintable::NotJson)
    );
    assert_eq!(render("%J", &plain(b"")), Err(Unprintable::NotJson));
    check(
        &[(
            "%j",
            &format!("{start}\"payloadlen\":2,\"payload\":\"\u{fffd}\u{fffd}\"}}"),
        )],
        &plain(b"\xff\xfe"),
    );
}

#[test]
fn pretty_json() {
    let mut out = Vec::new();
    let format = Format::parse("%J").expect("a right format");
    let payload = br#"{"a":[1,{"b":"x,{y}\""}],"c":{},"d":[ ]}"#;
    format
        .render(&plain(payload), &now(), true, &mut out)
        .expect("it is JSON");
    let expected = r#"{
  "tst": "2026-11-21T08:00:00.000123+01:00",
  "topic": "t",
  "qos": 0,
  "retain": false,
  "payloadlen": 40,
  "payload": {
    "a": [
      1,
      {
        "b": "x,{y}\""
      }
    ],
    "c": {},
    "d": []
  }
}"#;
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn unfinished_and_unknown_sequences() {
    for format in ["%y", "%5é", "\\y", "%", "x%", "%-", "%10", "%.3", "@", "\\"] {
        assert!(Format::parse(format).is_err(), "{format}");
    }
}
