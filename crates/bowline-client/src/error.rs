//! What can go wrong, by who has to act.

use std::fmt;
use std::io;

use bowline_core::client::{Disconnection, Impossible, UsageError};
use bowline_packet::{PacketId, ReasonCode};

use crate::transport::Endpoint;

/// The first connection could not be made.
#[derive(Debug)]
pub enum ConnectError {
    /// The network: no such host, nobody listens there, no answer in time.
    Network {
        /// Where we tried.
        endpoint: Endpoint,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server refused, or broke off before it accepted.
    Server(Disconnection),
    /// An option does not fit into MQTT.
    Options(UsageError),
}

/// A message was not acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishError {
    /// The server refused it (5.0).
    Refused {
        /// At least 0x80.
        reason: ReasonCode,
        /// A remark of the server.
        reason_string: Option<String>,
        /// The identifier that it travelled under.
        packet_id: Option<PacketId>,
    },
    /// This server cannot take it; it was never sent.
    Impossible(Impossible),
    /// QoS 2: the server lost the session at a moment when nobody can tell whether it had the
    /// message. To publish it again may make it arrive twice.
    Uncertain,
    /// The message itself is wrong; nothing was sent.
    Usage(UsageError),
    /// The client was shut down first. The message may have been sent.
    Closed,
}

/// A SUBSCRIBE or UNSUBSCRIBE was not answered with success.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestError {
    /// The server refused the Topic Filter.
    Refused {
        /// At least 0x80.
        reason: ReasonCode,
        /// A remark of the server.
        reason_string: Option<String>,
    },
    /// The request itself is wrong; nothing was sent.
    Usage(UsageError),
    /// The client was shut down first.
    Closed,
}

/// The client was shut down, or gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { endpoint, source } => {
                write!(f, "cannot connect to {endpoint}: {source}")
            }
            Self::Server(Disconnection::Refused {
                reason,
                code,
                reason_string,
                ..
            }) => {
                write!(
                    f,
                    "connection refused: {} (code {code})",
                    reason.description()
                )?;
                with_remark(f, reason_string.as_deref())
            }
            Self::Server(why) => write!(f, "no connection: {}", Ended(why)),
            Self::Options(why) => write!(f, "{why}"),
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                reason,
                reason_string,
                ..
            } => {
                write!(
                    f,
                    "refused: {} (code {})",
                    reason.description(),
                    reason.code()
                )?;
                with_remark(f, reason_string.as_deref())
            }
            Self::Impossible(Impossible::PacketTooLarge) => {
                write!(f, "larger than the server's maximum packet size")
            }
            Self::Impossible(Impossible::QosNotSupported) => {
                write!(f, "the server does not support this QoS")
            }
            Self::Impossible(Impossible::RetainNotSupported) => {
                write!(f, "the server does not keep retained messages")
            }
            Self::Uncertain => write!(
                f,
                "the server lost the session; it may or may not have taken the message"
            ),
            Self::Usage(why) => write!(f, "{why}"),
            Self::Closed => write!(f, "not acknowledged before the client closed"),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                reason,
                reason_string,
            } => {
                write!(
                    f,
                    "refused: {} (code {})",
                    reason.description(),
                    reason.code()
                )?;
                with_remark(f, reason_string.as_deref())
            }
            Self::Usage(why) => write!(f, "{why}"),
            Self::Closed => write!(f, "not answered before the client closed"),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client is closed")
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Network { source, .. } => Some(source),
            Self::Options(why) => Some(why),
            Self::Server(_) => None,
        }
    }
}

impl std::error::Error for PublishError {}
impl std::error::Error for RequestError {}
impl std::error::Error for Closed {}

/// The end of a connection in plain words.
pub(crate) struct Ended<'a>(pub(crate) &'a Disconnection);

impl fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Disconnection::Requested => write!(f, "disconnected"),
            Disconnection::Closed => write!(f, "the server closed the connection"),
            Disconnection::Refused {
                reason,
                code,
                reason_string,
                ..
            } => {
                write!(f, "refused: {} (code {code})", reason.description())?;
                with_remark(f, reason_string.as_deref())
            }
            Disconnection::ByServer {
                reason,
                reason_string,
                ..
            } => {
                write!(
                    f,
                    "the server disconnected: {} (code {})",
                    reason.description(),
                    reason.code()
                )?;
                with_remark(f, reason_string.as_deref())
            }
            Disconnection::ConnAckTimedOut => write!(f, "the server did not answer the connect"),
            Disconnection::PongTimedOut => write!(f, "the server went silent"),
            Disconnection::Protocol { what, .. } => {
                write!(f, "the server broke the protocol: {what}")
            }
        }
    }
}

fn with_remark(f: &mut fmt::Formatter<'_>, remark: Option<&str>) -> fmt::Result {
    remark.map_or(Ok(()), |remark| write!(f, ": {remark}"))
}
