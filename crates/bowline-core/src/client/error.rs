//! Ways to call a client wrongly, and ways in which a server can be wrong. The first are returned
//! to the caller; the second end the connection and are told as an event.

use alloc::string::{String, ToString};
use core::fmt;

use bowline_packet::{Malformed, ReasonCode, TopicError, Unencodable};

/// The caller asked for something that cannot be done.
#[derive(Debug, Clone, PartialEq)]
pub enum UsageError {
    /// The topic is no Topic Name, or no Topic Filter.
    Topic(TopicError),
    /// As many messages or bytes wait as the options allow; try again after the next
    /// `Published` event.
    QueueFull,
    /// A SUBSCRIBE or UNSUBSCRIBE without Topic Filters [MQTT-3.8.3-2], [MQTT-3.10.3-2].
    NoFilters,
    /// There is no connection that this could be sent on.
    NotConnected,
    /// The token was used already, or its session has ended.
    StaleToken,
    /// MQTT cannot express it.
    Unencodable(Unencodable),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(why) => write!(f, "{why}"),
            Self::QueueFull => write!(f, "too many messages wait to be sent"),
            Self::NoFilters => write!(f, "no topic filter given"),
            Self::NotConnected => write!(f, "not connected"),
            Self::StaleToken => {
                write!(
                    f,
                    "the message was settled already, or its session has ended"
                )
            }
            Self::Unencodable(why) => write!(f, "{why}"),
        }
    }
}

impl core::error::Error for UsageError {}

impl From<TopicError> for UsageError {
    fn from(why: TopicError) -> Self {
        Self::Topic(why)
    }
}

impl From<Unencodable> for UsageError {
    fn from(why: Unencodable) -> Self {
        Self::Unencodable(why)
    }
}

/// The server broke the protocol; the connection ends, and in 5.0 the server is told `reason`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Violation {
    pub(super) reason: ReasonCode,
    pub(super) what: String,
}

impl Violation {
    /// A Protocol Error in the sense of section 4.13.1.
    pub(super) fn protocol_error(what: &str) -> Self {
        Self::new(ReasonCode::ProtocolError, what)
    }

    pub(super) fn new(reason: ReasonCode, what: &str) -> Self {
        Self {
            reason,
            what: what.to_string(),
        }
    }
}

impl From<Malformed> for Violation {
    fn from(why: Malformed) -> Self {
        Self {
            reason: why.reason_code(),
            what: why.to_string(),
        }
    }
}
