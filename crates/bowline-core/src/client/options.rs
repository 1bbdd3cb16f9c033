//! What a client is told once, before its first connection.
//!
//! Promises: every field has a default that works against any server, with its unit and reason.
//! Deliberately absent: addresses and TLS (the driver's business), reconnect delays (they need
//! chance, which enters from outside).

use alloc::string::String;
use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};

use bowline_packet::{PacketId, ProtocolVersion};

use super::message::{Message, UserPropertyList};

/// The options of a [`Client`](super::Client). Start from [`ClientOptions::new`].
#[derive(Debug, Clone, PartialEq)]
pub struct ClientOptions {
    /// The protocol version that is spoken; default 5.0. It does not fall back by itself.
    pub version: ProtocolVersion,
    /// The Client Identifier; empty asks the server to choose one (5.0: it is kept for
    /// reconnects).
    pub client_id: String,
    /// Begin with a new session; default true. In 5.0 only the first connection asks for it, and
    /// later ones continue the session for as long as it lasts; in 3.x (Clean Session) each
    /// connection does.
    pub clean_start: bool,
    /// Session Expiry Interval in seconds (5.0 only); absent: the session ends with the
    /// connection; `u32::MAX`: it does not expire.
    pub session_expiry_secs: Option<u32>,
    /// Keep Alive in seconds, default 60; 0 turns it off. The server may name another.
    pub keep_alive_secs: u16,
    /// How long after a PINGREQ a server that says nothing at all counts as gone, in
    /// milliseconds. Default: as long as the keep alive.
    pub pong_timeout_ms: Option<u64>,
    /// How long to wait for the CONNACK, in milliseconds; default 30,000.
    pub connack_timeout_ms: u64,
    /// The name of the user.
    pub username: Option<String>,
    /// The password; without a user name only 5.0 allows it.
    pub password: Option<Vec<u8>>,
    /// What the server publishes when this client is lost.
    pub will: Option<Will>,
    /// QoS 1 and 2 messages that the server may send before one of them is acknowledged (5.0
    /// only). Default: absent, 65,535.
    pub receive_maximum: Option<NonZeroU16>,
    /// Largest packet that is accepted, in bytes. Default: absent, what the protocol can express;
    /// the buffer only ever grows with bytes that arrived.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// Topic Aliases that the server may use towards us (5.0 only); default 16.
    pub topic_alias_maximum: u16,
    /// Ask for Response Information in the CONNACK (5.0 only).
    pub request_response_information: bool,
    /// Allow reason strings and User Properties on packets of all kinds (5.0 only); default true.
    pub request_problem_information: bool,
    /// Name of the extended authentication (5.0 only).
    pub authentication_method: Option<String>,
    /// First data of the extended authentication.
    pub authentication_data: Option<Vec<u8>>,
    /// User Properties of the CONNECT (5.0 only).
    pub user_properties: UserPropertyList,
    /// Who acknowledges what arrives; default: by itself, as soon as it was handed over.
    pub acknowledgement: Acknowledgement,
    /// Own bound for QoS 1 and 2 messages under way, default 1,024. The server's Receive Maximum
    /// lowers it.
    pub in_flight_max: u16,
    /// Messages that wait here (also while there is no connection), default 10,000; reaching it
    /// makes `publish` answer [`UsageError::QueueFull`](super::UsageError::QueueFull).
    pub queue_messages_max: usize,
    /// Bytes of encoded messages that wait here, default 64 MiB; same consequence. The last message
    /// taken in may pass it.
    pub queue_bytes_max: usize,
    /// Subscribe again by itself when the server lost the session; default true.
    pub resubscribe: bool,
    /// The first Packet Identifier to use, default 1. A process that continues the session of
    /// another process should start at a random one: the server may still hold identifiers of
    /// QoS 2 messages whose PUBREL the other one never sent, and would take ours for theirs.
    pub first_packet_id: PacketId,
}

impl ClientOptions {
    /// The defaults, with this Client Identifier (may be empty).
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            version: ProtocolVersion::V5,
            client_id: client_id.into(),
            clean_start: true,
            session_expiry_secs: None,
            keep_alive_secs: 60,
            pong_timeout_ms: None,
            connack_timeout_ms: 30_000,
            username: None,
            password: None,
            will: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: 16,
            request_response_information: false,
            request_problem_information: true,
            authentication_method: None,
            authentication_data: None,
            user_properties: Vec::new(),
            acknowledgement: Acknowledgement::Automatic,
            in_flight_max: 1_024,
            queue_messages_max: 10_000,
            queue_bytes_max: 64 * 1024 * 1024,
            resubscribe: true,
            first_packet_id: PacketId::new(1).expect("1 is not zero"),
        }
    }
}

/// Who sends PUBACK and PUBREC for what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// The client, as soon as the event is there.
    Automatic,
    /// The application, by [`Client::ack`](super::Client::ack), after it has processed the
    /// message. What it never acknowledges comes again after a reconnect.
    Manual,
}

/// What the server publishes when this client is lost without a DISCONNECT.
#[derive(Debug, Clone, PartialEq)]
pub struct Will {
    /// The Will Message.
    pub message: Message,
    /// Will Delay Interval in seconds (5.0 only): a client that is back sooner leaves no will.
    pub delay_secs: u32,
}
