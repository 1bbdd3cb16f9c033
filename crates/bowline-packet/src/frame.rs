//! A stream of bytes, cut into packets.
//!
//! Promises: nothing is copied or allocated, whatever length a packet claims; a first byte that no
//! packet may have is refused before its body is there; the same bytes give the same frames,
//! however the network cut them. A [`Frame`] in hand has a packet type and the flags that the
//! type may have in some version; the decoders judge the rest, because only they know the version.

use core::fmt;

use crate::wire::{leading_varint, varint_bytes};
use crate::{Malformed, ProtocolVersion};

/// What stands at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole packet.
    Frame(Frame<'a>),
    /// Not yet a whole packet.
    Incomplete {
        /// How many bytes the buffer must have before it is worth asking again: the size of the
        /// whole packet where it is known, else one more than there are.
        needed_bytes: usize,
    },
}

/// A whole packet that has not been decoded yet. Comes from [`next_frame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// Packet type and flags.
    pub first_byte: u8,
    /// What follows the fixed header.
    pub body: &'a [u8],
    /// Size of the whole packet, in bytes.
    pub len: usize,
}

/// Finds the packet at the front of `buffer`.
///
/// `packet_bytes_max` bounds the whole packet, in bytes; a larger one is refused as soon as its
/// length is known.
#[inline]
pub fn next_frame(buffer: &[u8], packet_bytes_max: usize) -> Result<Next<'_>, Malformed> {
    let Some((&first_byte, after)) = buffer.split_first() else {
        return Ok(Next::Incomplete { needed_bytes: 1 });
    };
    check_first_byte(first_byte)?;
    let Some((remaining_length, length_bytes)) = leading_varint(after)? else {
        return Ok(Next::Incomplete {
            needed_bytes: buffer.len() + 1,
        });
    };
    let header_bytes = 1 + length_bytes;
    let len = usize::try_from(remaining_length)
        .unwrap_or(usize::MAX)
        .saturating_add(header_bytes);
    if len > packet_bytes_max {
        return Err(Malformed::PacketTooLarge {
            bytes: len,
            bytes_max: packet_bytes_max,
        });
    }
    match buffer.get(header_bytes..len) {
        Some(body) => Ok(Next::Frame(Frame {
            first_byte,
            body,
            len,
        })),
        None => Ok(Next::Incomplete { needed_bytes: len }),
    }
}

impl<'a> Frame<'a> {
    /// The packet type.
    #[inline]
    pub fn packet_type(&self) -> PacketType {
        PacketType::of(self.first_byte).expect("`next_frame` refuses the type that does not exist")
    }

    /// The body, if the frame is of this type and keeps what the version asks of fixed headers.
    #[inline]
    pub(crate) fn body_of(
        &self,
        packet_type: PacketType,
        version: ProtocolVersion,
    ) -> Result<&'a [u8], Malformed> {
        if self.first_byte >> 4 != packet_type as u8 {
            return Err(Malformed::UnexpectedPacketType {
                found: self.packet_type(),
            });
        }
        if version.wants_minimal_lengths() {
            // [MQTT-1.5.5-1]
            let length_bytes = self.len - self.body.len() - 1;
            if length_bytes != 1 && !self.length_is_minimal(length_bytes) {
                return Err(Malformed::VarintNotMinimal);
            }
        }
        Ok(self.body)
    }

    /// As [`Frame::body_of`], for the requests that only 3.1 marks when they are sent again.
    pub(crate) fn body_of_request(
        &self,
        packet_type: PacketType,
        version: ProtocolVersion,
    ) -> Result<&'a [u8], Malformed> {
        let body = self.body_of(packet_type, version)?;
        if self.first_byte & DUP != 0 && !version.requests_may_be_dup() {
            return Err(Malformed::ReservedFlags {
                first_byte: self.first_byte,
            });
        }
        Ok(body)
    }

    fn length_is_minimal(&self, length_bytes: usize) -> bool {
        u32::try_from(self.body.len()).is_ok_and(|value| varint_bytes(value) == length_bytes)
    }
}

/// Bit 3 of the first byte: this packet was sent before.
pub(crate) const DUP: u8 = 0b1000;

/// Refuses flags that no version allows.
#[inline]
fn check_first_byte(first_byte: u8) -> Result<(), Malformed> {
    let Some(packet_type) = PacketType::of(first_byte) else {
        return Err(Malformed::ReservedPacketType {
            packet_type: first_byte >> 4,
        });
    };
    let flags = first_byte & 0x0F;
    // [MQTT-2.1.3-1] [MQTT3-2.2.2-1] [MQTT3-2.2.2-2]
    let legal = match packet_type {
        PacketType::Publish => {
            // Both QoS bits: [MQTT-3.3.1-4] [MQTT3-3.3.1-4]
            if flags & 0b0110 == 0b0110 {
                return Err(Malformed::PublishQosThree);
            }
            true
        }
        // [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]
        // [MQTT3-3.6.1-1] [MQTT3-3.8.1-1] [MQTT3-3.10.1-1]
        // DUP is judged where the version is known.
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => {
            flags & !DUP == 0b0010
        }
        // DISCONNECT: [MQTT-3.14.1-1] [MQTT3-3.14.1-1], AUTH: [MQTT-3.15.1-1]
        PacketType::Connect
        | PacketType::ConnAck
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubComp
        | PacketType::SubAck
        | PacketType::UnsubAck
        | PacketType::PingReq
        | PacketType::PingResp
        | PacketType::Disconnect
        | PacketType::Auth => flags == 0,
    };
    if legal {
        Ok(())
    } else {
        Err(Malformed::ReservedFlags { first_byte })
    }
}

/// The MQTT Control Packet types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketType {
    /// CONNECT
    Connect = 1,
    /// CONNACK
    ConnAck = 2,
    /// PUBLISH
    Publish = 3,
    /// PUBACK
    PubAck = 4,
    /// PUBREC
    PubRec = 5,
    /// PUBREL
    PubRel = 6,
    /// PUBCOMP
    PubComp = 7,
    /// SUBSCRIBE
    Subscribe = 8,
    /// SUBACK
    SubAck = 9,
    /// UNSUBSCRIBE
    Unsubscribe = 10,
    /// UNSUBACK
    UnsubAck = 11,
    /// PINGREQ
    PingReq = 12,
    /// PINGRESP
    PingResp = 13,
    /// DISCONNECT
    Disconnect = 14,
    /// AUTH, only in 5.0
    Auth = 15,
}

impl PacketType {
    /// The type that a first byte names; none has the number 0.
    #[inline]
    pub const fn of(first_byte: u8) -> Option<Self> {
        Some(match first_byte >> 4 {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            15 => Self::Auth,
            _ => return None,
        })
    }

    /// The first byte of a packet of this type; a PUBLISH adds its own flags.
    #[inline]
    pub(crate) const fn first_byte(self) -> u8 {
        let flags = match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            Self::Connect
            | Self::ConnAck
            | Self::Publish
            | Self::PubAck
            | Self::PubRec
            | Self::PubComp
            | Self::SubAck
            | Self::UnsubAck
            | Self::PingReq
            | Self::PingResp
            | Self::Disconnect
            | Self::Auth => 0,
        };
        (self as u8) << 4 | flags
    }

    /// The name of the packet as the standard writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
