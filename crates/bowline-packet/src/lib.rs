//! Bytes to packets and packets to bytes, for MQTT 3.1, 3.1.1 and 5.0.
//!
//! One codec serves the three versions: the version is a parameter, and what a version has or
//! lacks is a question that [`ProtocolVersion`] answers. Both directions of every packet are here,
//! so server and client use the same crate.
//!
//! Promises: bytes from a peer never panic and never make this crate allocate; a packet in hand
//! keeps the rules that can be judged from its bytes alone (a [`PacketId`] is not zero, a
//! [`TopicFilter`] is well formed, strings are UTF-8 without U+0000); what was decoded can be
//! encoded again; a failed `encode` leaves the output as it was.
//!
//! Deliberately absent: state, sockets, clocks, limits that are policy, and every rule that needs
//! to know what came before (a second CONNECT, a topic alias that was never set, a packet
//! identifier in use): those belong to the core.
//!
//! ```
//! use bowline_packet::{Next, Packet, ProtocolVersion, next_frame};
//!
//! let received = [0x30, 0x07, 0x00, 0x03, b'a', b'/', b'b', b'h', b'i'];
//! let Next::Frame(frame) = next_frame(&received, 1024)? else { panic!("it is whole") };
//! let Packet::Publish(publish) = Packet::decode(ProtocolVersion::V311, frame)? else {
//!     panic!("it is a PUBLISH")
//! };
//! assert_eq!((publish.topic, publish.payload), ("a/b", &b"hi"[..]));
//! # Ok::<(), bowline_packet::Malformed>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "a test that is wrong about its own data should stop at once"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod frame;
mod malformed;
mod packet;
mod property;
mod publish;
mod reason;
mod suback;
mod subscribe;
mod topic;
mod unsuback;
mod unsubscribe;
mod version;
mod wire;

pub use ack::{Ack, AckKind};
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will, peek_client_id};
pub use disconnect::Disconnect;
pub use frame::{Frame, Next, PacketType, next_frame};
pub use malformed::{Malformed, Unencodable};
pub use packet::{Packet, PacketId};
pub use property::{
    PropertyId, SubscriptionIdentifiers, SubscriptionIdentifiersIter, UserProperties,
    UserPropertiesIter,
};
pub use publish::{EncodedPublish, Publish, PublishProperties, QoS};
pub use reason::ReasonCode;
pub use suback::SubAck;
pub use subscribe::{
    RetainHandling, Subscribe, SubscribeFilters, SubscribeFiltersIter, SubscriptionOptions,
};
pub use topic::{ShareName, TopicError, TopicFilter, TopicName, matches};
pub use unsuback::UnsubAck;
pub use unsubscribe::{Unsubscribe, UnsubscribeFilters, UnsubscribeFiltersIter};
pub use version::ProtocolVersion;
