//! The table of reason codes against a second writing of it.

use std::collections::BTreeSet;
use std::vec::Vec;

use super::*;

#[test]
fn there_are_43_and_their_numbers_are_theirs() {
    assert_eq!(ReasonCode::ALL.len(), 43);
    assert!(ReasonCode::ALL.is_sorted());
    for number in 0..=255 {
        let found = ReasonCode::from_u8(number);
        let listed = ReasonCode::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == number);
        assert_eq!(found, listed, "{number:#04x}");
        assert!(found.is_none_or(|reason| reason.is_error() == (number >= 0x80)));
    }
    let words: BTreeSet<_> = ReasonCode::ALL
        .iter()
        .map(|reason| reason.description())
        .collect();
    assert_eq!(words.len(), 43, "two reasons are described alike");
}

/// The other way round than the table: packet by packet, as their chapters list them.
/// [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2]
/// [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
#[test]
#[rustfmt::skip]
fn each_packet_has_its_codes() {
    let none = &[][..];
    for (packet_type, codes) in [
        (PacketType::Connect, none),
        (PacketType::ConnAck, &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95,
            0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
        ]),
        (PacketType::Publish, none),
        (PacketType::PubAck, &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
        (PacketType::PubRec, &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
        (PacketType::PubRel, &[0x00, 0x92]),
        (PacketType::PubComp, &[0x00, 0x92]),
        (PacketType::Subscribe, none),
        (PacketType::SubAck, &[
            0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
        ]),
        (PacketType::Unsubscribe, none),
        (PacketType::UnsubAck, &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]),
        (PacketType::PingReq, none),
        (PacketType::PingResp, none),
        // 0x8C is in the standard's overview (2.4) and not in its chapter on DISCONNECT: taken.
        (PacketType::Disconnect, &[
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93,
            0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
        ]),
        (PacketType::Auth, &[0x00, 0x18, 0x19]),
    ] {
        let allowed: Vec<_> = ReasonCode::ALL
            .iter()
            .filter(|reason| reason.allowed_in(packet_type))
            .map(|reason| reason.code())
            .collect();
        assert_eq!(allowed, codes, "{packet_type}");
    }
}

#[test]
fn return_codes_of_3_x() {
    for return_code in 0..=5 {
        let reason = ReasonCode::from_connack_v3(return_code).unwrap();
        assert_eq!(reason.connack_return_code_v3(), return_code);
    }
    assert_eq!(ReasonCode::from_connack_v3(6), None);
    for reason in ReasonCode::ALL {
        let return_code = reason.connack_return_code_v3();
        assert!(
            return_code <= 5 && (return_code == 0) != reason.is_error(),
            "{reason}"
        );
    }
}
