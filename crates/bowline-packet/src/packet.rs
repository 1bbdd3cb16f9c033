//! Any packet, and the identifier that many of them carry.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU16;

use crate::{
    Ack, AckKind, Auth, ConnAck, Connect, Disconnect, Frame, Malformed, PacketType,
    ProtocolVersion, Publish, SubAck, Subscribe, Unencodable, UnsubAck, Unsubscribe,
};

/// A Packet Identifier: never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU16);

impl PacketId {
    /// The identifier with this number, unless it is zero.
    #[inline]
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number, 1 to 65,535.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An MQTT Control Packet, borrowed from the bytes it came in.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the packet of that name")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Decodes a frame. `version` is that of the connection; a CONNECT names its own.
    ///
    /// Where most frames are PUBLISH or acknowledgements it pays to ask the frame for its type and
    /// to call [`Publish::decode`] or [`Ack::decode`]: this enum is as large as a CONNECT.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        Ok(match frame.packet_type() {
            PacketType::Connect => Self::Connect(Connect::decode(version, frame)?),
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(version, frame)?),
            PacketType::Publish => Self::Publish(Publish::decode(version, frame)?),
            PacketType::PubAck => Self::PubAck(Ack::decode(version, frame)?),
            PacketType::PubRec => Self::PubRec(Ack::decode(version, frame)?),
            PacketType::PubRel => Self::PubRel(Ack::decode(version, frame)?),
            PacketType::PubComp => Self::PubComp(Ack::decode(version, frame)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(version, frame)?),
            PacketType::SubAck => Self::SubAck(SubAck::decode(version, frame)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(version, frame)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::decode(version, frame)?),
            PacketType::PingReq => {
                expect_empty(version, frame)?;
                Self::PingReq
            }
            PacketType::PingResp => {
                expect_empty(version, frame)?;
                Self::PingResp
            }
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(version, frame)?),
            PacketType::Auth => Self::Auth(Auth::decode(version, frame)?),
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is. What `version` does not have is left
    /// out.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self {
            Self::Connect(connect) => connect.encode(version, out),
            Self::ConnAck(connack) => connack.encode(version, out),
            Self::Publish(publish) => publish.encode(version, out).map(|_place| ()),
            Self::PubAck(ack) => ack.encode(AckKind::PubAck, version, out),
            Self::PubRec(ack) => ack.encode(AckKind::PubRec, version, out),
            Self::PubRel(ack) => ack.encode(AckKind::PubRel, version, out),
            Self::PubComp(ack) => ack.encode(AckKind::PubComp, version, out),
            Self::Subscribe(subscribe) => subscribe.encode(version, out),
            Self::SubAck(suback) => suback.encode(version, out),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
            Self::UnsubAck(unsuback) => unsuback.encode(version, out),
            Self::PingReq | Self::PingResp => {
                out.extend_from_slice(&[self.packet_type().first_byte(), 0]);
                Ok(())
            }
            Self::Disconnect(disconnect) => disconnect.encode(version, out),
            Self::Auth(auth) => auth.encode(version, out),
        }
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        match self {
            Self::Connect(connect) => connect.encoded_bytes(version),
            Self::ConnAck(connack) => connack.encoded_bytes(version),
            Self::Publish(publish) => publish.encoded_bytes(version),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encoded_bytes(version)
            }
            Self::Subscribe(subscribe) => subscribe.encoded_bytes(version),
            Self::SubAck(suback) => suback.encoded_bytes(version),
            Self::Unsubscribe(unsubscribe) => unsubscribe.encoded_bytes(version),
            Self::UnsubAck(unsuback) => unsuback.encoded_bytes(version),
            Self::PingReq | Self::PingResp => 2,
            Self::Disconnect(disconnect) => disconnect.encoded_bytes(version),
            Self::Auth(auth) => auth.encoded_bytes(version),
        }
    }

    /// What kind of packet it is.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

/// PINGREQ and PINGRESP have nothing behind the fixed header.
fn expect_empty(version: ProtocolVersion, frame: Frame<'_>) -> Result<(), Malformed> {
    if frame.body_of(frame.packet_type(), version)?.is_empty() {
        Ok(())
    } else {
        Err(Malformed::LeftoverBytes)
    }
}
