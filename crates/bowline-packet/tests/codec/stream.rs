//! Packets in a stream that the network cuts where it likes.

use bowline_packet::{Malformed, Next, Packet, PacketType, ProtocolVersion, next_frame};

use crate::generator::Generator;
use crate::notation::{bytes, encoded};

/// What a reader does: bytes come in pieces, packets go out as soon as they are whole.
struct Stream {
    buffer: Vec<u8>,
    packets: Vec<Vec<u8>>,
}

impl Stream {
    fn new() -> Self {
        Self {
            buffer: Vec::new(),
            packets: Vec::new(),
        }
    }

    fn receive(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let buffer = &self.buffer[at..];
            match next_frame(buffer, usize::MAX).expect("a good stream") {
                Next::Frame(frame) => {
                    assert!(frame.len >= 2 && frame.body.len() <= frame.len - 2);
                    assert_eq!(frame.first_byte, buffer[0]);
                    self.packets.push(buffer[..frame.len].to_vec());
                    at += frame.len;
                }
                Next::Incomplete { needed_bytes } => {
                    assert!(needed_bytes > buffer.len(), "asks for what it has");
                    break;
                }
            }
        }
        self.buffer.drain(..at);
    }
}

#[test]
fn any_cut_gives_the_same_packets() {
    let mut chance = Generator::new(11);
    for version in ProtocolVersion::ALL {
        for _ in 0..40 {
            let packets: Vec<_> = (0..30)
                .map(|_| encoded(version, &chance.packet(version)))
                .collect();
            let whole = packets.concat();
            let mut stream = Stream::new();
            let mut rest = &whole[..];
            while !rest.is_empty() {
                let mostly_small = 1 + chance.below(300);
                let piece_bytes = (1 + chance.below(mostly_small)).min(rest.len());
                let (piece, after) = rest.split_at(piece_bytes);
                stream.receive(piece);
                rest = after;
            }
            assert_eq!(stream.packets, packets);
            assert!(stream.buffer.is_empty());
        }
    }
}

#[test]
fn every_single_cut_of_a_short_stream() {
    let whole = bytes("c0 00 30 [ `a/b` 'hi' ] 40 02 0001 82 [ 0001 `a/#` 01 ] e0 00");
    let mut expected = Stream::new();
    expected.receive(&whole);
    assert_eq!(expected.packets.len(), 5);
    for cut in 0..=whole.len() {
        let (first, second) = whole.split_at(cut);
        let mut stream = Stream::new();
        stream.receive(first);
        stream.receive(second);
        assert_eq!(stream.packets, expected.packets, "cut at {cut}");
    }
}

/// A packet that is not whole is not a packet, and what is still needed is never overstated.
#[test]
fn a_cut_packet_is_incomplete_at_every_byte() {
    let mut chance = Generator::new(12);
    for version in ProtocolVersion::ALL {
        for _ in 0..600 {
            let packet = chance.packet(version);
            let whole = encoded(version, &packet);
            let header_bytes = whole.len() - body_of(&whole).len();
            for cut in 0..whole.len() {
                let Ok(Next::Incomplete { needed_bytes }) = next_frame(&whole[..cut], usize::MAX)
                else {
                    panic!("{cut} of {} bytes are no packet: {packet:?}", whole.len());
                };
                let expected = if cut < header_bytes {
                    cut + 1
                } else {
                    whole.len()
                };
                assert_eq!(needed_bytes, expected, "{cut} of {} bytes", whole.len());
            }
        }
    }
}

/// A body that ends early under a header that says so: refused, or (where the end is not fixed,
/// as that of a payload) a shorter packet that is encoded to just these bytes or to fewer.
#[test]
fn a_short_body_is_refused_or_is_another_packet() {
    let mut chance = Generator::new(13);
    for version in ProtocolVersion::ALL {
        for _ in 0..600 {
            let packet = chance.packet(version);
            let whole = encoded(version, &packet);
            let body = body_of(&whole);
            for cut in 0..body.len() {
                let mut short = vec![whole[0]];
                short.extend(crate::notation::varint(cut));
                short.extend(&body[..cut]);
                let Ok(found) = crate::notation::decoded(version, &short) else {
                    continue;
                };
                assert!(may_end_early(version, &found), "{cut}: {packet:?}");
                assert_ne!(found, packet);
                assert!(encoded(version, &found).len() <= short.len(), "{found:?}");
            }
        }
    }
}

fn may_end_early(version: ProtocolVersion, packet: &Packet<'_>) -> bool {
    match packet.packet_type() {
        PacketType::Publish
        | PacketType::Subscribe
        | PacketType::SubAck
        | PacketType::Unsubscribe
        | PacketType::UnsubAck => true,
        PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp
        | PacketType::Disconnect
        | PacketType::Auth => version.has_properties(),
        PacketType::Connect => version.credentials_may_be_missing(),
        PacketType::ConnAck | PacketType::PingReq | PacketType::PingResp => false,
    }
}

fn body_of(whole: &[u8]) -> &[u8] {
    let Ok(Next::Frame(frame)) = next_frame(whole, usize::MAX) else {
        panic!("a whole packet")
    };
    frame.body
}

/// A wrong first byte is refused when it comes, not when its packet is there.
#[test]
fn a_bad_first_byte_is_refused_at_once() {
    for first_byte in [0x00, 0x11, 0x36, 0x60, 0x82 ^ 1, 0xc8, 0xff] {
        assert!(
            next_frame(&[first_byte], usize::MAX).is_err(),
            "{first_byte:02x}"
        );
    }
    let good = (0..=255).filter(|&first_byte| next_frame(&[first_byte], usize::MAX).is_ok());
    // Eleven types have one first byte, PUBLISH has twelve, and three types have two because of 3.1.
    assert_eq!(good.count(), 11 + 12 + 6);
}

/// Whatever length is claimed, the answer is a number: nothing is reserved for it.
#[test]
fn a_huge_length_is_only_a_number() {
    let claimed = bytes("30 ffffff7f 0001");
    assert_eq!(
        next_frame(&claimed, usize::MAX),
        Ok(Next::Incomplete {
            needed_bytes: 268_435_460
        })
    );
    assert_eq!(
        next_frame(&claimed, 16 * 1024 * 1024),
        Err(Malformed::PacketTooLarge {
            bytes: 268_435_460,
            bytes_max: 16 * 1024 * 1024
        })
    );
    assert_eq!(next_frame(&[], 0), Ok(Next::Incomplete { needed_bytes: 1 }));
}
