//! A patched packet is what the codec would have encoded.

use bowline_packet::{Next, ProtocolVersion, Publish, QoS, next_frame};

use super::super::super::stamp::Stamp;
use super::{Template, TopicShape};

const STAMP: Stamp = Stamp {
    flow: 7,
    sequence: 123_456_789,
    run: 99,
    sent_ns: 987_654_321,
};

fn appended(version: ProtocolVersion, qos: QoS, topic: &TopicShape, payload: usize) -> Vec<u8> {
    let template = Template::new(version, qos, true, topic, payload).unwrap();
    let mut out = b"before".to_vec();
    template.append(&mut out, 513, 4_200_017, STAMP);
    assert_eq!(out.len(), 6 + template.len());
    out.split_off(6)
}

#[test]
fn a_patched_packet_decodes_to_what_was_meant() {
    let fixed = TopicShape::Fixed("a/b".to_owned());
    let numbered = TopicShape::Numbered {
        prefix: "00000000/x".to_owned(),
        suffix: "/y".to_owned(),
    };
    for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for (shape, topic) in [(&fixed, "a/b"), (&numbered, "00000000/x04200017/y")] {
                for payload_bytes in [16, 64, 200, 4_096] {
                    let bytes = appended(version, qos, shape, payload_bytes);
                    let Ok(Next::Frame(frame)) = next_frame(&bytes, usize::MAX) else {
                        panic!("it is whole");
                    };
                    let publish = Publish::decode(version, frame).unwrap();
                    assert_eq!(frame.len, bytes.len());
                    assert_eq!((publish.topic, publish.qos), (topic, qos));
                    assert!(publish.retain);
                    let id = (qos != QoS::AtMostOnce).then_some(513);
                    assert_eq!(publish.packet_id.map(|id| id.get()), id);
                    assert_eq!(publish.payload.len(), payload_bytes);
                    assert_eq!(Stamp::read(publish.payload), Some(STAMP));
                }
            }
        }
    }
}

#[test]
fn an_empty_payload_stays_empty() {
    let topic = TopicShape::Fixed("t".to_owned());
    let bytes = appended(ProtocolVersion::V311, QoS::AtMostOnce, &topic, 0);
    assert_eq!(bytes, b"\x31\x03\x00\x01t");
}
