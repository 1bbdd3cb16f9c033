//! Integers, strings and lengths at their edges.

use std::vec::Vec;

use super::*;

/// The edges of the standard's table 1-1. [MQTT-1.5.5-1]
#[test]
fn variable_byte_integers() {
    for (value, written) in [
        (0, &[0x00][..]),
        (127, &[0x7F]),
        (128, &[0x80, 0x01]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xFF, 0xFF, 0x7F]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (VARINT_MAX, &[0xFF, 0xFF, 0xFF, 0x7F]),
    ] {
        assert_eq!(leading_varint(written), Ok(Some((value, written.len()))));
        assert_eq!(varint_bytes(value), written.len());
        let mut out = Vec::new();
        put_varint(&mut out, value);
        assert_eq!(out, written);
        let mut count = Count(0);
        count.varint(value);
        assert_eq!(count.0, written.len());
        for cut in 0..written.len() {
            assert_eq!(leading_varint(&written[..cut]), Ok(None));
        }
    }
    assert_eq!(
        leading_varint(&[0x80, 0x80, 0x80, 0x80]),
        Err(Malformed::VarintTooLong)
    );
    assert_eq!(leading_varint(&[0x80, 0x00]), Ok(Some((0, 2))));
    assert_eq!(
        Reader::new(&[0x80, 0x00]).varint(),
        Err(Malformed::VarintNotMinimal)
    );
}

#[test]
fn a_reader_stops_at_the_end() {
    let mut reader = Reader::new(&[0, 1, b'x']);
    assert_eq!(reader.u32(), Err(Malformed::Truncated));
    assert_eq!(reader.take(4), Err(Malformed::Truncated));
    // A failed read takes nothing.
    assert_eq!(reader.string(), Ok("x"));
    assert_eq!(reader.u8(), Err(Malformed::Truncated));
    assert_eq!(reader.u16(), Err(Malformed::Truncated));
    assert_eq!(reader.varint(), Err(Malformed::Truncated));
    assert_eq!(reader.finish(), Ok(()));
}
