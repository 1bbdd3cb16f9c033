//! What is encoded is decoded to the same, and encoded again to the same bytes.

use bowline_packet::{Packet, ProtocolVersion, TopicFilter, TopicName, matches};

use crate::generator::Generator;
use crate::notation::{decoded, encoded};

#[test]
fn decode_undoes_encode() {
    for version in ProtocolVersion::ALL {
        let mut chance = Generator::new(1);
        let mut seen = [false; 16];
        for round in 0..6_000 {
            let packet = chance.packet(version);
            let bytes = encoded(version, &packet);
            assert_eq!(
                packet.encoded_bytes(version),
                bytes.len(),
                "{round}: {packet:?}"
            );
            let decoded = decoded(version, &bytes);
            assert_eq!(
                decoded.as_ref(),
                Ok(&packet),
                "{version} {round}: {bytes:02x?}"
            );
            // Also from the views that decoding gives.
            assert_eq!(
                encoded(version, &decoded.unwrap()),
                bytes,
                "{version} {round}"
            );
            seen[packet.packet_type() as usize] = true;
        }
        let types = seen.iter().filter(|seen| **seen).count();
        assert_eq!(types, if version.has_auth() { 15 } else { 14 });
    }
}

/// A message that is stored as a section and sent on is the same message.
#[test]
fn property_sections_survive_storage() {
    let mut chance = Generator::new(2);
    for _ in 0..2_000 {
        let publish = chance.publish(ProtocolVersion::V5);
        let mut section = Vec::new();
        publish.properties.encode_section(&mut section).unwrap();
        assert_eq!(section.len(), publish.properties.section_bytes());
        assert_eq!(section.is_empty(), publish.properties.is_empty());
        let stored = bowline_packet::PublishProperties::decode(&section).unwrap();
        assert_eq!(stored, publish.properties);
        let again = Packet::Publish(bowline_packet::Publish {
            properties: stored,
            ..publish
        });
        let bytes = encoded(ProtocolVersion::V5, &Packet::Publish(publish));
        assert_eq!(encoded(ProtocolVersion::V5, &again), bytes);
    }
}

/// The parts of a filter put together are the filter; names and filters without wildcards are the
/// same thing, and match exactly themselves. [MQTT-4.7.3-4] [MQTT3-4.7.3-4]
#[test]
fn filters_and_names_agree() {
    let mut chance = Generator::new(3);
    for _ in 0..4_000 {
        let filter: TopicFilter<'_> = chance.filter();
        match filter.share() {
            Some(share) => {
                let whole = format!("$share/{}/{}", share.as_str(), filter.filter());
                assert_eq!(whole, filter.as_str());
            }
            None => assert_eq!(filter.as_str(), filter.filter()),
        }
        let is_name = TopicName::parse(filter.filter()).is_ok();
        assert_eq!(is_name, !filter.has_wildcards(), "{filter:?}");
        let topic = chance.topic();
        if is_name {
            assert_eq!(matches(filter.filter(), topic), filter.filter() == topic);
        }
        assert!(matches(topic, topic));
        assert_eq!(matches("#", topic), !topic.starts_with('$'));
    }
}
