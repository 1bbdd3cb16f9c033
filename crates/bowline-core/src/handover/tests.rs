//! Messages that travel in the buffer of a batch.

use super::*;

fn view<'a>(topic: &'a str, properties: &'a [u8], payload: &'a [u8]) -> MessageView<'a> {
    MessageView {
        topic,
        properties,
        payload,
        qos: QoS::ExactlyOnce,
        retain: true,
        expires_at: Some(Instant::from_millis(7)),
        publisher: Some(SessionNo(9)),
    }
}

#[test]
fn messages_come_out_as_they_went_in() {
    let mut batch = Batch::default();
    let rows: [(&str, &[u8], &[u8]); 5] = [
        ("a", b"", b""),
        ("a/b", b"\x01\x01", b"payload"),
        ("\u{00e9}", b"", b"\xff\x00"),
        ("t", b"\x01\x00", b""),
        ("last", b"", b"x"),
    ];
    let passed = rows
        .map(|(topic, properties, payload)| batch.add_message(&view(topic, properties, payload)));
    for ((topic, properties, payload), passed) in rows.into_iter().zip(&passed) {
        let message = batch.message(passed);
        assert_eq!((message.topic, message.properties), (topic, properties));
        assert_eq!(message.payload, payload);
        assert_eq!((message.qos, message.retain), (QoS::ExactlyOnce, true));
        assert_eq!(message.expires_at, Some(Instant::from_millis(7)));
        assert_eq!(message.publisher, Some(SessionNo(9)));
    }
}

#[test]
fn a_batch_is_bounded_by_what_it_holds_and_forgets_it() {
    let mut batch = Batch::default();
    assert!(batch.is_empty());
    assert_eq!(batch.size_bytes(), 0);
    let message = batch.add_message(&view("t", b"", &[0; 1_000]));
    batch.push(Handover::Publish {
        message,
        answer: None,
    });
    assert!(!batch.is_empty());
    assert!(batch.size_bytes() > 1_000);
    batch.clear();
    assert!(batch.is_empty());
    assert_eq!(batch.size_bytes(), 0);
}
