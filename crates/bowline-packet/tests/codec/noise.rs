//! Bytes that nobody meant: they may be refused, they may even be a packet, but nothing panics, and
//! a packet that comes out keeps the promises of the crate.

use bowline_packet::{
    Next, Packet, ProtocolVersion, PublishProperties, next_frame, peek_client_id,
};

use crate::generator::Generator;
use crate::notation::{bytes, encoded, varint};

/// Whatever is decoded can be encoded, and is then decoded to the same.
fn feed(bytes: &[u8]) {
    let _ = peek_client_id(bytes);
    let Ok(Next::Frame(frame)) = next_frame(bytes, 1 << 20) else {
        return;
    };
    for version in ProtocolVersion::ALL {
        let Ok(packet) = Packet::decode(version, frame) else {
            continue;
        };
        let again = encoded(version, &packet);
        assert_eq!(again.len(), packet.encoded_bytes(version));
        assert!(
            again.len() <= frame.len,
            "{again:02x?} is longer than {bytes:02x?}"
        );
        assert_eq!(
            crate::notation::decoded(version, &again),
            Ok(packet),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn random_bytes() {
    let mut chance = Generator::new(21);
    for _ in 0..60_000 {
        let len = chance.below(40);
        let noise: Vec<_> = (0..len).map(|_| chance.byte()).collect();
        feed(&noise);
        let _ = PublishProperties::decode(&noise);
        // With a header that fits, more of them get further.
        let mut framed = vec![chance.byte()];
        framed.extend(varint(len));
        framed.extend(&noise);
        feed(&framed);
    }
}

/// Good packets with a few bytes changed, removed or doubled get furthest.
#[test]
fn damaged_packets() {
    let mut chance = Generator::new(22);
    for version in ProtocolVersion::ALL {
        for _ in 0..8_000 {
            let mut damaged = encoded(version, &chance.packet(version));
            for _ in 0..=chance.below(3) {
                let at = chance.below(damaged.len());
                match chance.below(5) {
                    0 => damaged[at] = chance.byte(),
                    1 => damaged[at] ^= 1 << chance.below(8),
                    2 => damaged.insert(at, chance.byte()),
                    3 if damaged.len() > 2 => drop(damaged.remove(at)),
                    _ => damaged[at] = damaged[at].wrapping_add(1),
                }
            }
            feed(&damaged);
            // The same with a length that fits again.
            if let Some(body) = damaged.get(2..) {
                let mut framed = vec![damaged[0]];
                framed.extend(varint(body.len()));
                framed.extend(body);
                feed(&framed);
            }
        }
    }
}

/// All bodies of one byte under all first bytes, and those of two with a second byte at an edge.
#[test]
fn short_bodies() {
    for first_byte in 0..=255_u8 {
        feed(&[first_byte, 0]);
        for one in 0..=255_u8 {
            feed(&[first_byte, 1, one]);
            for two in [0, 1, 2, 0x10, 0x18, 0x7F, 0x80, 0x81, 0xFF] {
                feed(&[first_byte, 2, one, two]);
            }
        }
    }
}

/// Each property with each first byte of a value, in each packet that has properties.
#[test]
fn every_property_in_every_packet() {
    let homes = [
        ("10", "`MQTT` 05 02 0000", "`c`"),
        ("10", "`MQTT` 05 06 0000 [] `c`", "`w` ``"),
        ("20", "00 00", ""),
        ("30", "`t`", ""),
        ("40", "0001 00", ""),
        ("50", "0001 00", ""),
        ("62", "0001 00", ""),
        ("70", "0001 00", ""),
        ("82", "0001", "`a` 00"),
        ("90", "0001", "00"),
        ("a2", "0001", "`a`"),
        ("b0", "0001", "00"),
        ("e0", "00", ""),
        ("f0", "18", ""),
    ];
    for (first_byte, before, after) in homes {
        for identifier in 0..=255_u8 {
            for value in [
                "", "00", "01", "02", "0000", "0001", "00000000", "`r`", "`k` `v`",
            ] {
                let written =
                    format!("{first_byte} [ {before} [ {identifier:02x} {value} ] {after} ]");
                feed(&bytes(&written));
            }
        }
    }
}
