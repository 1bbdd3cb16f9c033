//! The protocol versions, and the questions that the codec asks them.
//!
//! This is the one place that knows what a version has. Elsewhere nobody compares version numbers:
//! one asks the question that one means, so that the answer for every version stands here.

use core::fmt;

/// A version of the protocol, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    V31,
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    V311,
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    V5,
}

impl ProtocolVersion {
    /// All versions, the oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// The version that a CONNECT names, if it is one of ours.
    pub fn named(protocol_name: &[u8], level: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| {
            version.protocol_name().as_bytes() == protocol_name && version.level() == level
        })
    }

    /// The protocol level in the CONNECT packet.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// The protocol name in the CONNECT packet.
    pub const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }

    /// Packets have a property section.
    #[inline]
    pub const fn has_properties(self) -> bool {
        match self {
            Self::V31 | Self::V311 => false,
            Self::V5 => true,
        }
    }

    /// PUBACK, PUBREC, PUBREL and PUBCOMP can say how it went.
    #[inline]
    pub const fn acks_carry_reasons(self) -> bool {
        self.has_properties()
    }

    /// CONNACK and SUBACK carry 5.0's reason codes, not 3.x's return codes.
    pub const fn has_reason_codes(self) -> bool {
        self.has_properties()
    }

    /// UNSUBACK has one reason code per Topic Filter.
    pub const fn unsuback_has_codes(self) -> bool {
        self.has_properties()
    }

    /// DISCONNECT has a reason, and the server may send it too.
    pub const fn disconnect_has_reason(self) -> bool {
        self.has_properties()
    }

    /// The AUTH packet exists; before 5.0 its packet type is reserved.
    pub const fn has_auth(self) -> bool {
        self.has_properties()
    }

    /// SUBSCRIBE has No Local, Retain As Published and Retain Handling beside the QoS.
    pub const fn has_subscription_options(self) -> bool {
        self.has_properties()
    }

    /// CONNACK says whether there was a session.
    pub const fn connack_has_session_present(self) -> bool {
        match self {
            Self::V31 => false,
            Self::V311 | Self::V5 => true,
        }
    }

    /// A password needs a user name beside it `[MQTT3-3.1.2-22]`.
    pub const fn password_needs_username(self) -> bool {
        match self {
            Self::V31 | Self::V311 => true,
            Self::V5 => false,
        }
    }

    /// CONNECT may end before the user name and the password that its flags announce. 3.1 asks
    /// servers to accept this from even older clients.
    pub const fn credentials_may_be_missing(self) -> bool {
        match self {
            Self::V31 => true,
            Self::V311 | Self::V5 => false,
        }
    }

    /// Bit 0 of the CONNECT flags must be 0; 3.1 merely does not use it.
    pub const fn reserves_connect_flag(self) -> bool {
        match self {
            Self::V31 => false,
            Self::V311 | Self::V5 => true,
        }
    }

    /// SUBSCRIBE, UNSUBSCRIBE and PUBREL that are sent again say so with the DUP flag.
    pub const fn requests_may_be_dup(self) -> bool {
        match self {
            Self::V31 => true,
            Self::V311 | Self::V5 => false,
        }
    }

    /// A Variable Byte Integer must have as few bytes as its value needs `[MQTT-1.5.5-1]`. 3.x does
    /// not ask this of the Remaining Length, and small clients that always reserve four bytes
    /// for it exist.
    #[inline]
    pub const fn wants_minimal_lengths(self) -> bool {
        self.has_properties()
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}

#[cfg(test)]
mod tests;
