//! How we say no: one place that maps a cause to its reason code, one that says it in the words
//! of the client's version.
//!
//! 5.0: CONNACK or DISCONNECT with the code, then close [MQTT-4.13.2-1]. 3.x: a CONNACK return
//! code where the standard has one, else the connection is closed without a word.

use alloc::borrow::Cow;
use alloc::string::ToString;

use bowline_packet::{ConnAck, Disconnect, Malformed, ProtocolVersion, ReasonCode};

use super::{Ending, Phase};
use crate::broker::Broker;
use crate::ids::ConnectionId;
use crate::out::Out;
use crate::time::Now;

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Their bytes.
    Malformed(Malformed),
    /// The first packet was not CONNECT [MQTT-3.1.0-1].
    NotConnectFirst,
    /// A second CONNECT [MQTT-3.1.0-2].
    SecondConnect,
    /// A packet that only a Server sends.
    ServerOnlyPacket,
    /// An alias above our Topic Alias Maximum [MQTT-3.3.2-9].
    AliasTooLarge,
    /// An alias that was never set on this connection.
    AliasUnknown,
    /// A PUBLISH from a client carries a Subscription Identifier [MQTT-3.3.4-6].
    IdentifierFromClient,
    /// More QoS 1 and 2 messages open than our Receive Maximum (5.0, section 3.3.4).
    ReceiveMaximum,
    /// A session that was to end with its connection cannot be prolonged (5.0, 3.14.2.2.2).
    ExpiryRaised,
    /// AUTH outside an authentication exchange [MQTT-4.12.0-6].
    UnexpectedAuth,
    /// An Authentication Method that we do not have [MQTT-4.12.0-1].
    AuthenticationMethod,
    /// An empty Client Identifier where the version wants one [MQTT-3.1.3-8].
    ClientIdMissing,
    /// More topic levels than allowed.
    TopicLevels,
    /// The table of sessions is full.
    SessionsFull,
    /// The session's queue is full and the policy is to end it.
    QueueFull,
    /// A PUBLISH was refused, and 3.x has no other way to say so.
    PublishRefused(ReasonCode),
    /// Another connection took the session over [MQTT-3.1.4-3].
    TakenOver,
    /// Nothing was heard for 1.5 times the Keep Alive [MQTT-3.1.2-22].
    KeepAlive,
    /// The broker stops.
    ShuttingDown,
}

impl Refusal {
    /// The reason code of 5.0.
    pub(crate) fn reason(&self) -> ReasonCode {
        match self {
            Self::Malformed(malformed) => malformed.reason_code(),
            Self::NotConnectFirst
            | Self::SecondConnect
            | Self::ServerOnlyPacket
            | Self::AliasUnknown
            | Self::IdentifierFromClient
            | Self::ExpiryRaised
            | Self::UnexpectedAuth => ReasonCode::ProtocolError,
            Self::AliasTooLarge => ReasonCode::TopicAliasInvalid,
            Self::ReceiveMaximum => ReasonCode::ReceiveMaximumExceeded,
            Self::AuthenticationMethod => ReasonCode::BadAuthenticationMethod,
            Self::ClientIdMissing => ReasonCode::ClientIdentifierNotValid,
            Self::TopicLevels => ReasonCode::TopicNameInvalid,
            Self::SessionsFull | Self::QueueFull => ReasonCode::QuotaExceeded,
            Self::PublishRefused(reason) => *reason,
            Self::TakenOver => ReasonCode::SessionTakenOver,
            Self::KeepAlive => ReasonCode::KeepAliveTimeout,
            Self::ShuttingDown => ReasonCode::ServerShuttingDown,
        }
    }

    /// What happened, for the log line and the reason string.
    pub(crate) fn words(&self) -> Cow<'static, str> {
        let words = match self {
            Self::Malformed(malformed) => return malformed.to_string().into(),
            Self::NotConnectFirst => "the first packet was not CONNECT",
            Self::SecondConnect => "a second CONNECT on the same connection",
            Self::ServerOnlyPacket => "a packet that only a server sends",
            Self::AliasTooLarge => "a topic alias above the topic alias maximum",
            Self::AliasUnknown => "a topic alias that was never set on this connection",
            Self::IdentifierFromClient => "a subscription identifier in a PUBLISH from a client",
            Self::ReceiveMaximum => "more unacknowledged messages than the receive maximum",
            Self::ExpiryRaised => "a session expiry on DISCONNECT where CONNECT had none",
            Self::UnexpectedAuth => "AUTH without an authentication exchange",
            Self::AuthenticationMethod => "no such authentication method here",
            Self::ClientIdMissing => "an empty client id needs a clean session",
            Self::TopicLevels => "more topic levels than allowed",
            Self::SessionsFull => "no room for another session",
            Self::QueueFull => "the session's queue is full",
            Self::PublishRefused(_) => "a message was refused",
            Self::TakenOver => "the session was taken over by another connection",
            Self::KeepAlive => "nothing heard for 1.5 times the keep alive",
            Self::ShuttingDown => "the broker stops",
        };
        words.into()
    }

    /// Whether the client's will is published: not where we leave and not it.
    fn publishes_will(&self) -> bool {
        !matches!(self, Self::ShuttingDown)
    }
}

impl Broker {
    /// Says no in the client's version, and closes.
    pub(crate) fn refuse(&mut self, id: ConnectionId, refusal: &Refusal, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let (version, wants_reasons) = (connection.version, connection.wants_reasons);
        let reason = refusal.reason();
        let words = refusal.words();
        let reason_string = wants_reasons.then_some(&*words);
        let bytes_max = connection.packet_bytes_max as usize;
        match connection.phase {
            Phase::Fresh => {
                if speaks_before_connack(refusal, version) {
                    let mut packet = ConnAck::new(false, reason);
                    packet.reason_string = reason_string;
                    // [MQTT-3.2.2-19]
                    if packet.encoded_bytes(version) > bytes_max {
                        packet.reason_string = None;
                    }
                    // A bounded packet of ours: it cannot fail to encode.
                    let _ = out.append(id, |bytes| packet.encode(version, bytes));
                }
            }
            Phase::Opening => {}
            Phase::Open => {
                if version.acks_carry_reasons() {
                    let mut packet = Disconnect::new(reason);
                    packet.reason_string = reason_string;
                    // [MQTT-3.14.2-3]
                    if packet.encoded_bytes(version) > bytes_max {
                        packet.reason_string = None;
                    }
                    let _ = out.append(id, |bytes| packet.encode(version, bytes));
                }
            }
        }
        let will = refusal.publishes_will();
        self.close(
            id,
            &Ending {
                reason,
                words: &words,
                will,
                by_us: true,
            },
            now,
            out,
        );
    }
}

/// Whether a connection without a CONNACK gets one that refuses. Before we know that the peer
/// speaks MQTT we say nothing.
fn speaks_before_connack(refusal: &Refusal, version: ProtocolVersion) -> bool {
    match refusal {
        // [MQTT-3.1.4-1] What could not be parsed is closed; 5.0 may be told why.
        Refusal::Malformed(Malformed::UnsupportedProtocol { name_is_mqtt, .. }) => *name_is_mqtt,
        Refusal::Malformed(_) => version == ProtocolVersion::V5,
        Refusal::ClientIdMissing
        | Refusal::AuthenticationMethod
        | Refusal::SessionsFull
        | Refusal::TopicLevels => true,
        Refusal::NotConnectFirst
        | Refusal::SecondConnect
        | Refusal::ServerOnlyPacket
        | Refusal::AliasTooLarge
        | Refusal::AliasUnknown
        | Refusal::IdentifierFromClient
        | Refusal::ReceiveMaximum
        | Refusal::ExpiryRaised
        | Refusal::UnexpectedAuth
        | Refusal::QueueFull
        | Refusal::PublishRefused(_)
        | Refusal::TakenOver
        | Refusal::KeepAlive
        // It did not say CONNECT yet.
        | Refusal::ShuttingDown => false,
    }
}
