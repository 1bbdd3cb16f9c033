//! What a client tells its driver and its application.
//!
//! Promises: events come in the order in which things happened on the connection; all are owned
//! values. Deliberately absent: text for people, except what the server itself sent.

use alloc::string::String;
use alloc::vec::Vec;

use bowline_packet::{PacketId, QoS, ReasonCode};

use super::message::{Message, UserPropertyList};

/// Where a [`Client`](super::Client) writes: the caller owns it, sends the bytes, handles the
/// events, and clears both.
#[derive(Debug, Default)]
pub struct ClientOut {
    /// Bytes for the server, to be sent in this order on the present network connection.
    pub bytes: Vec<u8>,
    /// What happened, oldest first.
    pub events: Vec<ClientEvent>,
}

/// Names one `publish` call until its [`ClientEvent::Published`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishToken(pub(super) u64);

/// Names one `subscribe` or `unsubscribe` call until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub(super) u64);

/// The right to acknowledge one delivered message, once. It outlives the network connection, but
/// not the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AckToken {
    pub(super) packet_id: PacketId,
    pub(super) serial: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// The server accepted the connection.
    Connected(Connected),
    /// A message arrived.
    Message(Delivery),
    /// A `publish` call is done with, one way or another.
    Published {
        /// The token that `publish` returned.
        token: PublishToken,
        /// The identifier that it travelled under; absent for QoS 0 and for what was never sent.
        packet_id: Option<PacketId>,
        /// How it ended.
        outcome: PublishOutcome,
    },
    /// A `subscribe` call was answered.
    Subscribed(RequestOutcome),
    /// An `unsubscribe` call was answered. Before 5.0 there are no codes: all is well.
    Unsubscribed(RequestOutcome),
    /// The server lost the session and refused to renew this subscription.
    SubscriptionLost {
        /// The Topic Filter.
        filter: String,
        /// Why.
        reason: ReasonCode,
    },
    /// The server sent AUTH; answer with [`Client::auth`](super::Client::auth).
    Auth(AuthExchange),
    /// There is no connection any more: send the bytes that are left, then close the socket.
    Disconnected(Disconnection),
}

/// What the server said when it accepted the connection, with its defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Connected {
    /// The server continued an earlier session. (3.1 cannot say; there it means that one was
    /// asked for.)
    pub session_present: bool,
    /// The Client Identifier in force: ours, or the one that the server chose.
    pub client_id: String,
    /// The limits of the server.
    pub limits: ServerLimits,
    /// How long the server keeps the session, in seconds, if it said so.
    pub session_expiry_secs: Option<u32>,
    /// The keep alive in force, in seconds; 0 is off.
    pub keep_alive_secs: u16,
    /// A remark of the server.
    pub reason_string: Option<String>,
    /// The base of response topics, if it was asked for.
    pub response_information: Option<String>,
    /// Another server to use.
    pub server_reference: Option<String>,
    /// The last data of the extended authentication.
    pub authentication_data: Option<Vec<u8>>,
    /// User Properties of the CONNACK.
    pub user_properties: UserPropertyList,
}

/// What a server allows on this connection (5.0; in 3.x everything).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// QoS 1 and 2 messages that may be under way.
    pub receive_maximum: u16,
    /// Highest QoS of a PUBLISH.
    pub maximum_qos: QoS,
    /// Whether RETAIN may be set.
    pub retain_available: bool,
    /// Largest packet in bytes.
    pub maximum_packet_size: usize,
    /// Topic Aliases that we could use; this client uses none.
    pub topic_alias_maximum: u16,
    /// Whether Topic Filters may have wildcards.
    pub wildcard_subscription_available: bool,
    /// Whether Subscription Identifiers may be used.
    pub subscription_identifiers_available: bool,
    /// Whether `$share/…` may be used.
    pub shared_subscription_available: bool,
}

impl ServerLimits {
    /// What holds when the server says nothing.
    pub(super) const NONE: Self = Self {
        receive_maximum: u16::MAX,
        maximum_qos: QoS::ExactlyOnce,
        retain_available: true,
        maximum_packet_size: super::PACKET_BYTES_MAX,
        topic_alias_maximum: 0,
        wildcard_subscription_available: true,
        subscription_identifiers_available: true,
        shared_subscription_available: true,
    };
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The server says that it may have sent this before.
    pub dup: bool,
    /// The identifier that it travelled under; absent for QoS 0.
    pub packet_id: Option<PacketId>,
    /// The Topic Alias of the packet (already resolved).
    pub topic_alias: Option<u16>,
    /// The right to acknowledge it: with manual acknowledgement and QoS above 0.
    pub token: Option<AckToken>,
}

/// How a `publish` call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishOutcome {
    /// QoS 0: the bytes are on their way; nobody will confirm them.
    Sent,
    /// The server took it (QoS 1: PUBACK; QoS 2: PUBCOMP), perhaps noting that nobody subscribes.
    Acknowledged {
        /// `Success` or `NoMatchingSubscribers`.
        reason: ReasonCode,
        /// A remark of the server.
        reason_string: Option<String>,
    },
    /// The server refused it (5.0).
    Refused {
        /// At least 0x80.
        reason: ReasonCode,
        /// A remark of the server.
        reason_string: Option<String>,
    },
    /// It was never sent, because this server cannot take it.
    Impossible(Impossible),
    /// QoS 2 only: the connection was lost before the PUBREC, and then the server lost the
    /// session. The message may have arrived or not; sending it again could make it arrive twice,
    /// so that is left to the application.
    Uncertain,
}

impl PublishOutcome {
    /// Whether the message is out of our hands for good: sent (QoS 0) or acknowledged.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Sent | Self::Acknowledged { .. })
    }
}

/// Why a message or request cannot be sent to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impossible {
    /// Larger than the server's Maximum Packet Size [MQTT-3.2.2-15].
    PacketTooLarge,
    /// Above the server's Maximum QoS [MQTT-3.2.2-11].
    QosNotSupported,
    /// The server keeps no retained messages [MQTT-3.2.2-14].
    RetainNotSupported,
}

/// How a `subscribe` or `unsubscribe` call was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestOutcome {
    /// The token that the call returned.
    pub token: RequestToken,
    /// The identifier that it travelled under; absent if it could not be sent.
    pub packet_id: Option<PacketId>,
    /// One per Topic Filter, in order (granted QoS, or at least 0x80); [`ReasonCode::Success`]
    /// is "granted QoS 0".
    pub codes: Vec<ReasonCode>,
    /// A remark of the server.
    pub reason_string: Option<String>,
    /// User Properties of the answer.
    pub user_properties: UserPropertyList,
}

/// A step of extended authentication.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthExchange {
    /// `ContinueAuthentication`, `Success`, or `ReAuthenticate`.
    pub reason: ReasonCode,
    /// The method.
    pub authentication_method: Option<String>,
    /// The data of this step.
    pub authentication_data: Option<Vec<u8>>,
    /// A remark of the server.
    pub reason_string: Option<String>,
    /// User Properties of the packet.
    pub user_properties: UserPropertyList,
}

/// Why there is no connection any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Disconnection {
    /// We asked for it.
    Requested,
    /// The network connection ended by itself.
    Closed,
    /// The server refused the CONNECT.
    Refused {
        /// Why, in the words of 5.0.
        reason: ReasonCode,
        /// The CONNACK's code as it stood on the wire: 1–5 in 3.x, at least 128 in 5.0.
        code: u8,
        /// A remark of the server.
        reason_string: Option<String>,
        /// Another server to use.
        server_reference: Option<String>,
    },
    /// The server sent DISCONNECT (5.0).
    ByServer {
        /// Why.
        reason: ReasonCode,
        /// A remark of the server.
        reason_string: Option<String>,
        /// Another server to use.
        server_reference: Option<String>,
    },
    /// No CONNACK came in time.
    ConnAckTimedOut,
    /// The server was silent for too long after a PINGREQ.
    PongTimedOut,
    /// The server broke the protocol.
    Protocol {
        /// The fitting reason code; in 5.0 the server was told.
        reason: ReasonCode,
        /// What was wrong, in plain words.
        what: String,
    },
}
