//! The table of properties against a second writing of it.

use std::vec::Vec;

use super::*;

/// A place with properties, and what the standard calls it.
const HOMES: [(&str, Homes); 14] = [
    ("will", WILL),
    ("connect", CONNECT),
    ("connack", CONNACK),
    ("publish", PUBLISH),
    ("puback", home(PacketType::PubAck)),
    ("pubrec", home(PacketType::PubRec)),
    ("pubrel", home(PacketType::PubRel)),
    ("pubcomp", home(PacketType::PubComp)),
    ("subscribe", SUBSCRIBE),
    ("suback", home(PacketType::SubAck)),
    ("unsubscribe", home(PacketType::Unsubscribe)),
    ("unsuback", home(PacketType::UnsubAck)),
    ("disconnect", DISCONNECT),
    ("auth", AUTH),
];

/// Identifier, a good value, and where it may stand: the standard's table 2-4 written once more.
#[rustfmt::skip]
const STANDARD: [(u8, &[u8], &str); 27] = [
    (0x01, &[1], "publish will"),
    (0x02, &[0, 0, 0, 1], "publish will"),
    (0x03, &[0, 1, b'x'], "publish will"),
    (0x08, &[0, 1, b'x'], "publish will"),
    (0x09, &[0, 1, 0xFF], "publish will"),
    (0x0B, &[0x80, 1], "publish subscribe"),
    (0x11, &[0, 0, 0, 1], "connect connack disconnect"),
    (0x12, &[0, 1, b'x'], "connack"),
    (0x13, &[0, 1], "connack"),
    (0x15, &[0, 1, b'x'], "connect connack auth"),
    (0x16, &[0, 1, 0xFF], "connect connack auth"),
    (0x17, &[1], "connect"),
    (0x18, &[0, 0, 0, 1], "will"),
    (0x19, &[1], "connect"),
    (0x1A, &[0, 1, b'x'], "connack"),
    (0x1C, &[0, 1, b'x'], "connack disconnect"),
    (0x1F, &[0, 1, b'x'], "connack puback pubrec pubrel pubcomp suback unsuback disconnect auth"),
    (0x21, &[0, 1], "connect connack"),
    (0x22, &[0, 1], "connect connack"),
    (0x23, &[0, 1], "publish"),
    (0x24, &[1], "connack"),
    (0x25, &[1], "connack"),
    (0x26, &[0, 1, b'x', 0, 0], "will connect connack publish puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback disconnect auth"),
    (0x27, &[0, 0, 0, 1], "connect connack"),
    (0x28, &[1], "connack"),
    (0x29, &[1], "connack"),
    (0x2A, &[1], "connack"),
];

#[test]
fn properties_stand_where_the_standard_has_them() {
    for (identifier, value, places) in STANDARD {
        let section: Vec<u8> = [&[identifier], value].concat();
        for (place, home) in HOMES {
            let found = Properties::decode(home, &section);
            if places.split(' ').any(|allowed| allowed == place) {
                assert!(found.is_ok(), "{identifier:#04x} in {place}: {found:?}");
            } else {
                let found = found.map(|_| ()).unwrap_err();
                assert!(
                    matches!(found, Malformed::PropertyNotAllowed { .. }),
                    "{identifier:#04x} in {place}: {found}"
                );
            }
        }
    }
}

#[test]
fn properties_repeat_where_the_standard_lets_them() {
    for (identifier, value, places) in STANDARD {
        let once: Vec<u8> = [&[identifier], value].concat();
        let twice = once.repeat(2);
        for (place, home) in HOMES {
            if !places.split(' ').any(|allowed| allowed == place) {
                continue;
            }
            let may = identifier == 0x26 || (identifier == 0x0B && place == "publish");
            let found = Properties::decode(home, &twice);
            assert_eq!(found.is_ok(), may, "{identifier:#04x} twice in {place}");
        }
    }
}

#[test]
fn a_property_has_the_length_of_its_type() {
    for (identifier, value, _) in STANDARD {
        let whole: Vec<u8> = [&[identifier], value].concat();
        let row = BY_IDENTIFIER[usize::from(identifier)].unwrap();
        assert_eq!(row.id as u8, identifier);
        assert_ne!(std::format!("{}", row.id), "");
        let mut reader = Reader::new(&whole);
        next_row(&mut reader).unwrap();
        row.value(&mut reader).unwrap();
        assert!(reader.is_empty(), "{identifier:#04x}");
        for cut in 1..whole.len() {
            let home = 1 << row.homes.trailing_zeros();
            let found = Properties::decode(home, &whole[..cut]).map(|_| ());
            assert_eq!(
                found,
                Err(Malformed::Truncated),
                "{identifier:#04x} cut at {cut}"
            );
        }
    }
}

#[test]
fn no_other_identifier_exists() {
    for identifier in 0..=0x7F_u8 {
        let known = STANDARD.iter().any(|(listed, ..)| *listed == identifier);
        let found = next_row(&mut Reader::new(&[identifier]));
        assert_eq!(found.is_ok(), known, "{identifier:#04x}");
    }
}

/// Views are equal if they show the same, wherever it comes from.
#[test]
fn views_are_compared_by_what_they_show() {
    let pairs = [("k", "v"), ("k", "w")];
    let given = UserProperties::from(&pairs[..]);
    let section = b"\x26\0\x01k\0\x01v\x1f\0\0\x26\0\x01k\0\x01w";
    let decoded = Properties::decode(home(PacketType::PubAck), section)
        .unwrap()
        .user_properties;
    assert_eq!(given, decoded);
    assert_eq!(std::format!("{decoded:?}"), r#"[("k", "v"), ("k", "w")]"#);
    assert_ne!(given, UserProperties::from(&pairs[..1]));
    assert_ne!(given, UserProperties::default());
    assert_eq!((&decoded).into_iter().count(), 2);
    let identifiers = SubscriptionIdentifiers::from(&[1, 2][..]);
    let decoded = Properties::decode(PUBLISH, b"\x0b\x01\x0b\x02").unwrap();
    assert_eq!(identifiers, decoded.subscription_identifiers);
    assert_ne!(identifiers, SubscriptionIdentifiers::from(&[2, 1][..]));
    assert_eq!(std::format!("{identifiers:?}"), "[1, 2]");
}
