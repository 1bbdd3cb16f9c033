//! The data types of the standard's section 1.5, read and written.
//!
//! [`Reader`] takes fields off the front of a body and never looks past its end. [`Sink`] takes
//! fields and either writes them ([`Writer`]) or only counts them ([`Count`]), so that each packet
//! describes its layout once and knows its size from the same description.

use alloc::vec::Vec;
use core::str;

use crate::{Malformed, PacketId, ProtocolVersion, Unencodable};

/// The largest value of a Variable Byte Integer.
pub(crate) const VARINT_MAX: u32 = 268_435_455;

/// The first byte and the longest Remaining Length.
const FIXED_HEADER_BYTES_MAX: usize = 5;

/// Takes fields off the front of a packet's body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::LeftoverBytes)
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(bytes)
            .ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// A Variable Byte Integer, which must be as short as it can be.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        // One byte nearly always: the length of a short section, the identifier of a property.
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(byte.into());
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u32, Malformed> {
        let (value, bytes) = leading_varint(self.rest)?.ok_or(Malformed::Truncated)?;
        // [MQTT-1.5.5-1]
        if bytes != varint_bytes(value) {
            return Err(Malformed::VarintNotMinimal);
        }
        self.take(bytes)?;
        Ok(value)
    }

    /// Binary Data: two bytes of length, then the bytes.
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.u16()?;
        self.take(usize::from(bytes))
    }

    /// A UTF-8 Encoded String that may contain U+0000, because the caller looks at every byte
    /// anyway.
    #[inline]
    pub(crate) fn unchecked_for_nul(&mut self) -> Result<&'a str, Malformed> {
        // The byte order mark is a character like any other and stays where it is.
        // [MQTT-1.5.4-1] [MQTT-1.5.4-3] [MQTT3-1.5.3-1] [MQTT3-1.5.3-3]
        str::from_utf8(self.binary()?).map_err(|_| Malformed::NotUtf8)
    }

    /// A UTF-8 Encoded String.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a str, Malformed> {
        let text = self.unchecked_for_nul()?;
        // [MQTT-1.5.4-2] [MQTT3-1.5.3-2]
        if text.as_bytes().contains(&0) {
            Err(Malformed::NulInString)
        } else {
            Ok(text)
        }
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, Malformed> {
        // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT3-2.3.1-1]
        PacketId::new(self.u16()?).ok_or(Malformed::PacketIdZero)
    }

    /// A property section without its length, empty where the version has no properties.
    #[inline]
    pub(crate) fn property_section(
        &mut self,
        version: ProtocolVersion,
    ) -> Result<&'a [u8], Malformed> {
        if !version.has_properties() {
            return Ok(&[]);
        }
        let bytes = self.varint()?;
        self.take(usize::try_from(bytes).map_err(|_| Malformed::Truncated)?)
    }
}

/// The Variable Byte Integer at the front of `buffer` and how many bytes it has, also where it has
/// more than it needs. `None`: it does not end within the buffer.
#[inline]
pub(crate) fn leading_varint(buffer: &[u8]) -> Result<Option<(u32, usize)>, Malformed> {
    let mut value = 0;
    for (place, &byte) in buffer.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((value, place + 1)));
        }
    }
    if buffer.len() < 4 {
        Ok(None)
    } else {
        Err(Malformed::VarintTooLong)
    }
}

/// How many bytes `value` needs as a Variable Byte Integer.
#[inline]
pub(crate) const fn varint_bytes(value: u32) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        0x20_0000.. => 4,
    }
}

/// Appends a Variable Byte Integer. Values above [`VARINT_MAX`] are the caller's to refuse.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7F) as u8);
}

/// Where the fields of a packet go. A fault is remembered and reported at the end, so that the
/// layout of a packet reads as a plain list of its fields.
pub(crate) trait Sink {
    fn bytes(&mut self, bytes: &[u8]);
    fn fault(&mut self, why: Unencodable);

    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn varint(&mut self, mut value: u32) {
        while value > 0x7F {
            self.u8((value & 0x7F) as u8 | 0x80);
            value >>= 7;
        }
        self.u8((value & 0x7F) as u8);
    }

    fn binary(&mut self, bytes: &[u8]) {
        match u16::try_from(bytes.len()) {
            Ok(len) => self.u16(len),
            Err(_) => self.fault(Unencodable::StringTooLong { bytes: bytes.len() }),
        }
        self.bytes(bytes);
    }

    fn string(&mut self, text: &str) {
        // [MQTT-1.5.4-2] [MQTT3-1.5.3-2]
        if text.as_bytes().contains(&0) {
            self.fault(Unencodable::NulInString);
        }
        self.binary(text.as_bytes());
    }

    /// A property section with its length in front, nothing where the version has none.
    fn property_section(&mut self, version: ProtocolVersion, section: &impl Section)
    where
        Self: Sized,
    {
        if version.has_properties() {
            // [MQTT-2.2.2-1]: an empty section still says that it is empty.
            let bytes = section_bytes(section);
            // A section that is too large for its own length makes the packet too large as well,
            // which is reported there.
            self.varint(u32::try_from(bytes).unwrap_or(VARINT_MAX).min(VARINT_MAX));
            section.write(self);
        }
    }
}

/// The properties of a packet, as they stand in its property section.
pub(crate) trait Section {
    fn write<S: Sink>(&self, sink: &mut S);
}

/// The size of a property section without its length, in bytes.
pub(crate) fn section_bytes(section: &impl Section) -> usize {
    let mut count = Count(0);
    section.write(&mut count);
    count.0
}

/// What stands behind the fixed header of a packet.
pub(crate) trait Body {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S);
}

/// The size of a whole packet, in bytes.
pub(crate) fn packet_bytes(version: ProtocolVersion, body: &impl Body) -> usize {
    let bytes = body_bytes(version, body);
    1 + varint_bytes(u32::try_from(bytes).unwrap_or(VARINT_MAX)) + bytes
}

/// Appends a whole packet, or nothing.
pub(crate) fn put_packet(
    out: &mut Vec<u8>,
    first_byte: u8,
    version: ProtocolVersion,
    body: &impl Body,
) -> Result<(), Unencodable> {
    let bytes = body_bytes(version, body);
    let start = out.len();
    put_fixed_header(out, first_byte, bytes, bytes)?;
    let mut writer = Writer { out, fault: None };
    body.write(version, &mut writer);
    if let Some(why) = writer.fault {
        out.truncate(start);
        return Err(why);
    }
    Ok(())
}

/// Appends a fixed header for a body of `body_bytes` and makes room for `room_bytes` of it, or does
/// nothing.
#[inline]
pub(crate) fn put_fixed_header(
    out: &mut Vec<u8>,
    first_byte: u8,
    body_bytes: usize,
    room_bytes: usize,
) -> Result<(), Unencodable> {
    let too_large = Unencodable::PacketTooLarge { bytes: body_bytes };
    let remaining_length = u32::try_from(body_bytes).map_err(|_| too_large)?;
    if remaining_length > VARINT_MAX {
        return Err(too_large);
    }
    out.reserve(FIXED_HEADER_BYTES_MAX + room_bytes);
    out.push(first_byte);
    put_varint(out, remaining_length);
    Ok(())
}

fn body_bytes(version: ProtocolVersion, body: &impl Body) -> usize {
    let mut count = Count(0);
    body.write(version, &mut count);
    count.0
}

/// Counts what would be written, in bytes.
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn fault(&mut self, _why: Unencodable) {}
}

/// Writes to the end of a buffer.
pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    /// The last fault, if any.
    pub(crate) fault: Option<Unencodable>,
}

impl Sink for Writer<'_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn fault(&mut self, why: Unencodable) {
        self.fault = Some(why);
    }
}

#[cfg(test)]
mod tests;
