//! Reason Codes: what they are called, what they mean, which packets carry them, and which return
//! code of 3.x says the same.
//!
//! One table holds all of it. A new question about reason codes is a new column.

use crate::PacketType;

/// Writes the enum and the questions that the table below answers.
macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal, [$($packet:ident)*];)*) => {
        /// A Reason Code of MQTT 5.0.
        ///
        /// 3.x is described with the same codes; where 3.x has fewer, the fitting one is sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ReasonCode {
            $($(#[$doc])* $name = $code,)*
        }

        impl ReasonCode {
            /// All Reason Codes, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The Reason Code with this number.
            #[inline]
            pub const fn from_u8(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// What it means, in plain words.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }

            /// The packets that may carry it, one bit per packet type.
            const fn packets(self) -> u16 {
                match self {
                    $(Self::$name => 0 $(| 1 << PacketType::$packet as u8)*,)*
                }
            }
        }
    };
}

reason_codes! {
    /// Also "granted QoS 0" and "normal disconnection".
    Success = 0x00, "success", [
        ConnAck PubAck PubRec PubRel PubComp SubAck UnsubAck Disconnect Auth];
    /// The subscription is accepted with at most QoS 1.
    GrantedQoS1 = 0x01, "granted QoS 1", [SubAck];
    /// The subscription is accepted with at most QoS 2.
    GrantedQoS2 = 0x02, "granted QoS 2", [SubAck];
    /// The client leaves and wants its will published all the same.
    DisconnectWithWill = 0x04, "disconnect, and publish the will", [Disconnect];
    /// The message is accepted, nobody subscribes to it.
    NoMatchingSubscribers = 0x10, "no matching subscribers", [PubAck PubRec];
    /// There was no such subscription.
    NoSubscriptionExisted = 0x11, "no subscription existed", [UnsubAck];
    /// The authentication goes on.
    ContinueAuthentication = 0x18, "continue authentication", [Auth];
    /// The client begins another authentication.
    ReAuthenticate = 0x19, "re-authenticate", [Auth];
    /// An error without a reason.
    UnspecifiedError = 0x80, "unspecified error", [
        ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    /// The bytes are not a packet.
    MalformedPacket = 0x81, "malformed packet", [ConnAck Disconnect];
    /// The packet is not allowed, or not at this moment.
    ProtocolError = 0x82, "protocol error", [ConnAck Disconnect];
    /// The packet is in order, but the receiver does not take it.
    ImplementationSpecificError = 0x83, "implementation specific error", [
        ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    /// The server does not speak this version.
    UnsupportedProtocolVersion = 0x84, "unsupported protocol version", [ConnAck];
    /// The server does not allow this Client Identifier.
    ClientIdentifierNotValid = 0x85, "client identifier not valid", [ConnAck];
    /// The server does not accept the user name or the password.
    BadUserNameOrPassword = 0x86, "bad user name or password", [ConnAck];
    /// The client may not do this.
    NotAuthorized = 0x87, "not authorized", [ConnAck PubAck PubRec SubAck UnsubAck Disconnect];
    /// The server cannot serve at the moment.
    ServerUnavailable = 0x88, "server unavailable", [ConnAck];
    /// The server has too much to do; try again later.
    ServerBusy = 0x89, "server busy", [ConnAck Disconnect];
    /// The client is banned by an administrator.
    Banned = 0x8A, "banned", [ConnAck];
    /// The server is going down.
    ServerShuttingDown = 0x8B, "server shutting down", [Disconnect];
    /// The Authentication Method is not supported, or is not the current one.
    BadAuthenticationMethod = 0x8C, "bad authentication method", [ConnAck Disconnect];
    /// Nothing came for one and a half times the Keep Alive.
    KeepAliveTimeout = 0x8D, "keep alive timeout", [Disconnect];
    /// Another connection uses the same Client Identifier.
    SessionTakenOver = 0x8E, "session taken over", [Disconnect];
    /// The Topic Filter is not accepted.
    TopicFilterInvalid = 0x8F, "topic filter invalid", [SubAck UnsubAck Disconnect];
    /// The Topic Name is not accepted.
    TopicNameInvalid = 0x90, "topic name invalid", [ConnAck PubAck PubRec Disconnect];
    /// The Packet Identifier is already in use.
    PacketIdentifierInUse = 0x91, "packet identifier in use", [PubAck PubRec SubAck UnsubAck];
    /// The Packet Identifier is not known.
    PacketIdentifierNotFound = 0x92, "packet identifier not found", [PubRel PubComp];
    /// More PUBLISH packets are unacknowledged than the Receive Maximum allows.
    ReceiveMaximumExceeded = 0x93, "receive maximum exceeded", [Disconnect];
    /// The Topic Alias is zero or above the Topic Alias Maximum.
    TopicAliasInvalid = 0x94, "topic alias invalid", [Disconnect];
    /// The packet is larger than the Maximum Packet Size.
    PacketTooLarge = 0x95, "packet too large", [ConnAck Disconnect];
    /// Messages come too fast.
    MessageRateTooHigh = 0x96, "message rate too high", [Disconnect];
    /// A limit that is set for the client is exceeded.
    QuotaExceeded = 0x97, "quota exceeded", [ConnAck PubAck PubRec SubAck Disconnect];
    /// An administrator ends the connection.
    AdministrativeAction = 0x98, "administrative action", [Disconnect];
    /// The payload is not what its Payload Format Indicator says.
    PayloadFormatInvalid = 0x99, "payload format invalid", [ConnAck PubAck PubRec Disconnect];
    /// The server has no retained messages.
    RetainNotSupported = 0x9A, "retain not supported", [ConnAck Disconnect];
    /// The QoS is above the Maximum QoS.
    QoSNotSupported = 0x9B, "QoS not supported", [ConnAck Disconnect];
    /// The client should use another server for now.
    UseAnotherServer = 0x9C, "use another server", [ConnAck Disconnect];
    /// The client should use another server from now on.
    ServerMoved = 0x9D, "server moved", [ConnAck Disconnect];
    /// The server has no Shared Subscriptions.
    SharedSubscriptionsNotSupported = 0x9E, "shared subscriptions not supported", [
        SubAck Disconnect];
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9F, "connection rate exceeded", [ConnAck Disconnect];
    /// The connection has lasted as long as it may.
    MaximumConnectTime = 0xA0, "maximum connect time", [Disconnect];
    /// The server has no Subscription Identifiers.
    SubscriptionIdentifiersNotSupported = 0xA1, "subscription identifiers not supported", [
        SubAck Disconnect];
    /// The server has no subscriptions with wildcards.
    WildcardSubscriptionsNotSupported = 0xA2, "wildcard subscriptions not supported", [
        SubAck Disconnect];
}

impl ReasonCode {
    /// Its number.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// It says that something failed: 0x80 and above.
    #[inline]
    pub const fn is_error(self) -> bool {
        self.code() >= 0x80
    }

    /// A packet of this type may carry it.
    #[inline]
    pub const fn allowed_in(self, packet_type: PacketType) -> bool {
        self.packets() & 1 << packet_type as u8 != 0
    }

    /// The return code of a 3.x CONNACK (0 to 5) that comes closest.
    pub const fn connack_return_code_v3(self) -> u8 {
        match self {
            Self::Success
            | Self::GrantedQoS1
            | Self::GrantedQoS2
            | Self::DisconnectWithWill
            | Self::NoMatchingSubscribers
            | Self::NoSubscriptionExisted
            | Self::ContinueAuthentication
            | Self::ReAuthenticate => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::BadUserNameOrPassword => 4,
            Self::NotAuthorized | Self::Banned | Self::BadAuthenticationMethod => 5,
            Self::UnspecifiedError
            | Self::MalformedPacket
            | Self::ProtocolError
            | Self::ImplementationSpecificError
            | Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerShuttingDown
            | Self::KeepAliveTimeout
            | Self::SessionTakenOver
            | Self::TopicFilterInvalid
            | Self::TopicNameInvalid
            | Self::PacketIdentifierInUse
            | Self::PacketIdentifierNotFound
            | Self::ReceiveMaximumExceeded
            | Self::TopicAliasInvalid
            | Self::PacketTooLarge
            | Self::MessageRateTooHigh
            | Self::QuotaExceeded
            | Self::AdministrativeAction
            | Self::PayloadFormatInvalid
            | Self::RetainNotSupported
            | Self::QoSNotSupported
            | Self::UseAnotherServer
            | Self::ServerMoved
            | Self::SharedSubscriptionsNotSupported
            | Self::ConnectionRateExceeded
            | Self::MaximumConnectTime
            | Self::SubscriptionIdentifiersNotSupported
            | Self::WildcardSubscriptionsNotSupported => 3,
        }
    }

    /// What a return code of a 3.x CONNACK means; above 5 they are reserved.
    pub const fn from_connack_v3(return_code: u8) -> Option<Self> {
        Some(match return_code {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdentifierNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }
}

impl core::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.description())
    }
}

#[cfg(test)]
mod tests;
