//! The MQTT client without I/O: bytes, times and calls in; bytes and events out.
//!
//! One [`Client`] is one MQTT session, and lives through as many network connections as it takes.
//! The driver that owns the socket and the clock does this:
//!
//! ```text
//! connect(now, out)                    when a new network connection is up
//! handle_bytes(now, bytes, out)        when bytes arrived
//! handle_timeout(now, out)             when next_timeout() has come
//! connection_lost(out)                 when the socket ended
//! ```
//!
//! and after each call sends `out.bytes`, handles `out.events`, and clears both. After a
//! [`ClientEvent::Disconnected`] it sends what is left, closes the socket, and may call `connect`
//! again on a new one, whenever it likes: how long to wait between attempts is its decision.
//!
//! Promises: the same inputs give the same outputs, byte for byte; bytes from a server never
//! panic; what was published with QoS 1 or 2 is kept until the server has taken it; nothing is
//! acknowledged before the application has said so. Times are milliseconds of any clock that
//! never goes back. Deliberately absent: clock, sockets, randomness, reconnect delays, and
//! falling back to an older protocol version.

mod connecting;
mod error;
mod event;
mod incoming;
mod keep_alive;
mod message;
mod options;
mod outgoing;
mod packet_ids;
mod packets;
mod requests;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use bowline_packet::{
    Ack, AckKind, Auth, Disconnect, Packet, PacketId, ProtocolVersion, ReasonCode, UserProperties,
};

pub use error::UsageError;
pub use event::{
    AckToken, AuthExchange, ClientEvent, ClientOut, Connected, Delivery, Disconnection, Impossible,
    PublishOutcome, PublishToken, RequestOutcome, RequestToken, ServerLimits,
};
pub use message::{Message, MessageProperties, UserPropertyList};
pub use options::{Acknowledgement, ClientOptions, Will};
pub use requests::{SubscribeRequest, UnsubscribeRequest};

use error::Violation;
use incoming::Incoming;
use keep_alive::{Due, KeepAlive};
use message::borrowed_user_properties;
use outgoing::Outgoing;
use packet_ids::PacketIds;
use requests::Requests;

/// Largest packet that MQTT can express: fixed header, four length bytes, 268,435,455 bytes.
const PACKET_BYTES_MAX: usize = 5 + 268_435_455;

/// One MQTT session, seen from the client.
#[derive(Debug)]
pub struct Client {
    options: ClientOptions,
    link: Link,
    /// Ours, or the one that a 5.0 server chose.
    client_id: String,
    /// The server accepted a connection before: in 5.0 later ones continue the session.
    was_connected: bool,
    /// Bytes of a packet that is not complete.
    buffer: Vec<u8>,
    limits: ServerLimits,
    keep_alive: KeepAlive,
    /// Topic Alias n stands at n - 1.
    topic_aliases: Vec<Option<String>>,
    ids: PacketIds,
    outgoing: Outgoing,
    incoming: Incoming,
    requests: Requests,
}

/// The present network connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    AwaitingConnAck { until_ms: u64, clean_start: bool },
    Up,
}

/// What the driver calls.
impl Client {
    /// A client that was never connected.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        Self {
            link: Link::Down,
            client_id: options.client_id.clone(),
            was_connected: false,
            buffer: Vec::new(),
            limits: ServerLimits::NONE,
            keep_alive: KeepAlive::default(),
            topic_aliases: Vec::new(),
            ids: PacketIds::starting_at(options.first_packet_id),
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            requests: Requests::default(),
            options,
        }
    }

    /// A new network connection is up: sends CONNECT [MQTT-3.1.0-1].
    ///
    /// # Errors
    /// [`UsageError::Unencodable`] if an option does not fit into MQTT.
    pub fn connect(&mut self, now_ms: u64, out: &mut ClientOut) -> Result<(), UsageError> {
        self.drop_link();
        let clean_start = match self.options.version {
            ProtocolVersion::V31 | ProtocolVersion::V311 => self.options.clean_start,
            ProtocolVersion::V5 => self.options.clean_start && !self.was_connected,
        };
        self.encode_connect(clean_start, &mut out.bytes)?;
        self.link = Link::AwaitingConnAck {
            until_ms: now_ms.saturating_add(self.options.connack_timeout_ms),
            clean_start,
        };
        Ok(())
    }

    /// Bytes arrived from the server.
    pub fn handle_bytes(&mut self, now_ms: u64, bytes: &[u8], out: &mut ClientOut) {
        if self.link == Link::Down {
            return;
        }
        self.keep_alive.heard(now_ms);
        let before = out.bytes.len();
        if self.buffer.is_empty() {
            let used = self.handle_packets(now_ms, bytes, out);
            if self.link != Link::Down {
                self.buffer
                    .extend_from_slice(bytes.get(used..).unwrap_or_default());
            }
        } else {
            let mut buffer = mem::take(&mut self.buffer);
            buffer.extend_from_slice(bytes);
            let used = self.handle_packets(now_ms, &buffer, out);
            if self.link != Link::Down {
                buffer.drain(..used);
                self.buffer = buffer;
            }
        }
        self.note_sent(now_ms, before, out);
    }

    /// The time that [`Client::next_timeout`] named has come (or not: calling early does nothing).
    pub fn handle_timeout(&mut self, now_ms: u64, out: &mut ClientOut) {
        match self.link {
            Link::Down => {}
            Link::AwaitingConnAck { until_ms, .. } => {
                if now_ms >= until_ms {
                    self.end(Disconnection::ConnAckTimedOut, out);
                }
            }
            Link::Up => match self.keep_alive.handle_timeout(now_ms) {
                Due::Nothing => {}
                Due::SendPing => encode(&Packet::PingReq, self.options.version, out),
                Due::GiveUp => self.end(Disconnection::PongTimedOut, out),
            },
        }
    }

    /// When to call [`Client::handle_timeout`].
    #[must_use]
    pub fn next_timeout(&self) -> Option<u64> {
        match self.link {
            Link::Down => None,
            Link::AwaitingConnAck { until_ms, .. } => Some(until_ms),
            Link::Up => self.keep_alive.next_timeout(),
        }
    }

    /// The driver stopped reading from the socket (`true`), or reads again: while it does not,
    /// the server's silence is not held against it.
    pub fn set_reading_paused(&mut self, now_ms: u64, paused: bool) {
        self.keep_alive.set_deaf(now_ms, paused);
    }

    /// The network connection ended by itself.
    pub fn connection_lost(&mut self, out: &mut ClientOut) {
        if self.link != Link::Down {
            self.end(Disconnection::Closed, out);
        }
    }
}

/// What the application calls, through its driver. Each call that sends needs the time, because
/// what was sent postpones the next PINGREQ.
impl Client {
    /// Publishes a message: now, or when the window and the connection allow. The end is told by
    /// [`ClientEvent::Published`].
    ///
    /// # Errors
    /// [`UsageError::Topic`], [`UsageError::QueueFull`], [`UsageError::Unencodable`]; then
    /// nothing was taken in.
    pub fn publish(
        &mut self,
        now_ms: u64,
        message: &Message,
        out: &mut ClientOut,
    ) -> Result<PublishToken, UsageError> {
        let token = self.outgoing.push(message, &self.options)?;
        self.send_outgoing(now_ms, out);
        Ok(token)
    }

    /// Subscribes: now, or with the next connection. Answered by [`ClientEvent::Subscribed`].
    ///
    /// # Errors
    /// [`UsageError::Topic`], [`UsageError::NoFilters`].
    pub fn subscribe(
        &mut self,
        now_ms: u64,
        request: SubscribeRequest,
        out: &mut ClientOut,
    ) -> Result<RequestToken, UsageError> {
        let token = self.requests.subscribe(request)?;
        self.send_requests(now_ms, out);
        Ok(token)
    }

    /// Unsubscribes: now, or with the next connection. Answered by [`ClientEvent::Unsubscribed`].
    ///
    /// # Errors
    /// [`UsageError::Topic`], [`UsageError::NoFilters`].
    pub fn unsubscribe(
        &mut self,
        now_ms: u64,
        request: UnsubscribeRequest,
        out: &mut ClientOut,
    ) -> Result<RequestToken, UsageError> {
        let token = self.requests.unsubscribe(request)?;
        self.send_requests(now_ms, out);
        Ok(token)
    }

    /// The application has processed a message. PUBACK or PUBREC leaves when those of all earlier
    /// messages have left; without a connection, when the server repeats the message.
    ///
    /// # Errors
    /// [`UsageError::StaleToken`].
    pub fn ack(
        &mut self,
        now_ms: u64,
        token: AckToken,
        out: &mut ClientOut,
    ) -> Result<(), UsageError> {
        self.settle(now_ms, token, ReasonCode::Success, out)
    }

    /// The application refuses a message for good: the server will not send it again (5.0:
    /// `reason`, at least 0x80, goes with the acknowledgement; 3.x cannot say it).
    ///
    /// # Errors
    /// [`UsageError::StaleToken`].
    pub fn refuse(
        &mut self,
        now_ms: u64,
        token: AckToken,
        reason: ReasonCode,
        out: &mut ClientOut,
    ) -> Result<(), UsageError> {
        let reason = match self.options.version {
            ProtocolVersion::V31 | ProtocolVersion::V311 => ReasonCode::Success,
            ProtocolVersion::V5 => reason,
        };
        self.settle(now_ms, token, reason, out)
    }

    /// The application could not process a message and wants it again. A server repeats it only
    /// on a new connection, so acknowledgements of later messages wait until then.
    ///
    /// # Errors
    /// [`UsageError::StaleToken`].
    pub fn give_back(&mut self, token: AckToken) -> Result<(), UsageError> {
        self.incoming.give_back(token)
    }

    /// As [`Client::give_back`], for everything that the application has not settled.
    pub fn give_back_all(&mut self) {
        self.incoming.give_back_all();
    }

    /// Sends AUTH (5.0): the next step of extended authentication, or its repetition.
    ///
    /// # Errors
    /// [`UsageError::NotConnected`], [`UsageError::Unencodable`].
    pub fn auth(
        &mut self,
        now_ms: u64,
        exchange: &AuthExchange,
        out: &mut ClientOut,
    ) -> Result<(), UsageError> {
        if self.link == Link::Down {
            return Err(UsageError::NotConnected);
        }
        let user = borrowed_user_properties(&exchange.user_properties);
        let packet = Packet::Auth(Auth {
            reason: exchange.reason,
            authentication_method: exchange.authentication_method.as_deref(),
            authentication_data: exchange.authentication_data.as_deref(),
            reason_string: exchange.reason_string.as_deref(),
            user_properties: UserProperties::from(user.as_slice()),
        });
        packet.encode(self.options.version, &mut out.bytes)?;
        self.keep_alive.sent(now_ms);
        Ok(())
    }

    /// Says goodbye. `reason` is `Success`, or `DisconnectWithWill` to have the will published
    /// (3.x: by closing without DISCONNECT); `session_expiry_secs` changes how long the server
    /// keeps the session from now on (5.0).
    pub fn disconnect(
        &mut self,
        reason: ReasonCode,
        session_expiry_secs: Option<u32>,
        out: &mut ClientOut,
    ) {
        if self.link == Link::Down {
            return;
        }
        let with_will = reason != ReasonCode::Success;
        if self.options.version == ProtocolVersion::V5 || !with_will {
            let packet = Disconnect {
                reason,
                session_expiry_secs,
                reason_string: None,
                user_properties: UserProperties::default(),
                server_reference: None,
            };
            encode(&Packet::Disconnect(packet), self.options.version, out);
        }
        self.end(Disconnection::Requested, out);
    }

    /// Gives the present connection up without DISCONNECT, so that the server keeps the session
    /// and repeats on the next connection what was not acknowledged.
    pub fn abandon_connection(&mut self, out: &mut ClientOut) {
        if self.link != Link::Down {
            self.end(Disconnection::Requested, out);
        }
    }

    /// Whether the server has accepted the present connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link == Link::Up
    }

    /// Whether `publish` would take another message in.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.outgoing.has_room(&self.options)
    }

    /// Messages that were published and are not completed.
    #[must_use]
    pub fn outgoing_messages(&self) -> usize {
        self.outgoing.len()
    }

    /// Messages that arrived and that the application has not settled, or whose acknowledgement
    /// has not left.
    #[must_use]
    pub fn incoming_messages(&self) -> usize {
        self.incoming.len()
    }
}

/// Packets out, and the end of connections.
impl Client {
    fn settle(
        &mut self,
        now_ms: u64,
        token: AckToken,
        reason: ReasonCode,
        out: &mut ClientOut,
    ) -> Result<(), UsageError> {
        self.incoming.settle(token, reason)?;
        let before = out.bytes.len();
        self.incoming.send_owed(self.options.version, out);
        self.note_sent(now_ms, before, out);
        Ok(())
    }

    fn send_outgoing(&mut self, now_ms: u64, out: &mut ClientOut) {
        if self.link != Link::Up {
            return;
        }
        let before = out.bytes.len();
        let window = self
            .limits
            .receive_maximum
            .min(self.options.in_flight_max.max(1));
        self.outgoing
            .send(window.into(), &self.limits, &mut self.ids, out);
        self.note_sent(now_ms, before, out);
    }

    fn send_requests(&mut self, now_ms: u64, out: &mut ClientOut) {
        if self.link != Link::Up {
            return;
        }
        let before = out.bytes.len();
        self.requests
            .send(self.options.version, &self.limits, &mut self.ids, out);
        self.note_sent(now_ms, before, out);
    }

    fn note_sent(&mut self, now_ms: u64, before: usize, out: &ClientOut) {
        if out.bytes.len() > before {
            self.keep_alive.sent(now_ms);
        }
    }

    /// The server broke the protocol: tell it (5.0) and end the connection (section 4.13.1).
    fn fail(&mut self, violation: Violation, out: &mut ClientOut) {
        let Violation { reason, what } = violation;
        if self.link == Link::Up && self.options.version == ProtocolVersion::V5 {
            let packet = Disconnect {
                reason,
                session_expiry_secs: None,
                reason_string: None,
                user_properties: UserProperties::default(),
                server_reference: None,
            };
            encode(&Packet::Disconnect(packet), self.options.version, out);
        }
        self.end(Disconnection::Protocol { reason, what }, out);
    }

    fn end(&mut self, why: Disconnection, out: &mut ClientOut) {
        self.drop_link();
        out.events.push(ClientEvent::Disconnected(why));
    }

    /// Forgets what belongs to a network connection; the session stays.
    fn drop_link(&mut self) {
        self.link = Link::Down;
        self.buffer = Vec::new();
        self.topic_aliases.clear(); // [MQTT-3.3.2-7]
        self.requests.connection_lost(&mut self.ids);
        self.outgoing.connection_lost();
        self.incoming.connection_lost();
    }
}

/// Encodes a packet that fits MQTT by construction: it carries no text of ours.
fn encode(packet: &Packet<'_>, version: ProtocolVersion, out: &mut ClientOut) {
    packet
        .encode(version, &mut out.bytes)
        .expect("a packet without text is always encodable");
}

/// Encodes PUBACK, PUBREC, PUBREL or PUBCOMP.
fn send_ack(
    kind: AckKind,
    packet_id: PacketId,
    reason: ReasonCode,
    version: ProtocolVersion,
    out: &mut ClientOut,
) {
    let ack = Ack::new(packet_id, reason);
    ack.encode(kind, version, &mut out.bytes)
        .expect("a packet without text is always encodable");
}
