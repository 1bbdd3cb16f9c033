//! Bytes written so that people can read them.
//!
//! - `3a 00`: hexadecimal, spaces as one likes
//! - `'text'`: these characters
//! - `` `text` ``: a UTF-8 Encoded String, two bytes of length in front
//! - `[ … ]`: what stands within, its length in front as a Variable Byte Integer: the body of a
//!   packet, or a property section

use bowline_packet::{Frame, Malformed, Next, Packet, ProtocolVersion, next_frame};

/// The bytes that `written` stands for.
pub(crate) fn bytes(written: &str) -> Vec<u8> {
    let mut rest = written;
    let parsed = group(&mut rest);
    assert_eq!(rest, "", "a bracket too many in {written}");
    parsed
}

/// Up to a closing bracket or the end.
fn group(rest: &mut &str) -> Vec<u8> {
    let mut parsed = Vec::new();
    loop {
        *rest = rest.trim_start();
        let Some(first) = rest.chars().next().filter(|&first| first != ']') else {
            return parsed;
        };
        let after = &rest[first.len_utf8()..];
        match first {
            '\'' | '`' => {
                let (text, after) = after.split_once(first).expect("a closing quote");
                if first == '`' {
                    parsed.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
                }
                parsed.extend(text.bytes());
                *rest = after;
            }
            '[' => {
                *rest = after;
                let within = group(rest);
                *rest = rest.strip_prefix(']').expect("a closing bracket");
                parsed.extend(varint(within.len()));
                parsed.extend(within);
            }
            _ => {
                let (digits, after) = rest.split_at(2);
                parsed.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                *rest = after;
            }
        }
    }
}

/// A Variable Byte Integer, as the standard's section 1.5.5 computes it.
pub(crate) fn varint(mut value: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    loop {
        let digit = u8::try_from(value % 128).unwrap();
        value /= 128;
        encoded.push(if value > 0 { digit + 128 } else { digit });
        if value == 0 {
            return encoded;
        }
    }
}

/// The frame that `bytes` is, the whole of it.
pub(crate) fn frame(bytes: &[u8]) -> Result<Frame<'_>, Malformed> {
    match next_frame(bytes, usize::MAX)? {
        Next::Frame(frame) => {
            assert_eq!(frame.len, bytes.len(), "bytes after the packet");
            Ok(frame)
        }
        Next::Incomplete { needed_bytes } => {
            panic!("{} of {needed_bytes} bytes: {bytes:02x?}", bytes.len())
        }
    }
}

/// The packet that `bytes` is.
pub(crate) fn decoded(version: ProtocolVersion, bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    Packet::decode(version, frame(bytes)?)
}

/// The bytes that `packet` is.
pub(crate) fn encoded(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    packet
        .encode(version, &mut out)
        .unwrap_or_else(|why| panic!("{why}: {packet:?}"));
    out
}
