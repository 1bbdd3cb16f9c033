//! What an application says once, before it connects.
//!
//! Promises: [`Options::new`] works against any server on a trusted network; whatever concerns
//! the protocol itself is in [`ClientOptions`], reachable as [`Options::session`]. Deliberately
//! absent: TLS and WebSocket (see `transport.rs` for where they come in).

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::client::{
    Acknowledgement, AuthExchange, ClientOptions, Connected, Disconnection, Will,
};
use bowline_packet::{PacketId, ProtocolVersion, ReasonCode};

use crate::chance;
use crate::transport::Endpoint;

/// When a received message is acknowledged (QoS 1 and 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckMode {
    /// The default: when the application comes back for the next message. So a plain loop around
    /// [`Messages::recv`](crate::Messages::recv) acknowledges each message after it was processed,
    /// and a program that fails in between gets it again.
    OnNext,
    /// Only by [`Received::ack`](crate::Received::ack). A message that is dropped without it comes
    /// again after the next reconnect.
    Manual,
}

/// Default of the Receive Maximum: enough for a fast reader far away, and a bound for a slow one.
const RECEIVE_MAXIMUM: u16 = 1_000;

/// How to reach a server, and how to be a client of it.
#[derive(Clone)]
pub struct Options {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// Everything that concerns the protocol: version, session, will, limits.
    /// (`acknowledgement` is set from `ack_mode`.)
    pub session: ClientOptions,
    /// When received messages are acknowledged.
    pub ack_mode: AckMode,
    /// How long one attempt to open a network connection may take; default 10 s.
    pub open_timeout: Duration,
    /// Wait before the second attempt to connect; default 500 ms. It doubles from attempt to
    /// attempt, and up to half of it is left off by chance.
    pub reconnect_wait_first: Duration,
    /// Longest wait between two attempts; default 30 s.
    pub reconnect_wait_longest: Duration,
    /// Keep trying when the very first attempt fails. Default false: `Client::connect` answers
    /// with the error, because a wrong address does not get right by waiting.
    pub retry_first_connection: bool,
    /// Received messages that wait for the application, default 100. When they are there, nothing
    /// more is read from the network, and the server waits. Only while the application itself may
    /// be waiting for the server (for an acknowledgement, say) reading goes on, and more messages
    /// gather: of QoS 1 and 2 as many as our Receive Maximum allows, of QoS 0 up to 64 MiB.
    pub received_messages_max: usize,
    /// How long the last bytes may take to leave on a shutdown; default 5 s.
    pub shutdown_timeout: Duration,
    pub(crate) observer: Option<Observer>,
    pub(crate) trace_packets: bool,
    pub(crate) authenticator: Option<Authenticator>,
}

/// Is told what happens; see [`Options::with_observer`].
pub(crate) type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;
/// Answers AUTH; see [`Options::with_authenticator`].
pub(crate) type Authenticator = Arc<dyn Fn(&AuthExchange) -> Option<AuthExchange> + Send + Sync>;

/// Something that an application may want to log or count.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Notice {
    /// The server accepted a connection.
    Connected(Connected),
    /// A connection ended, or could not be made; the next attempt follows after the wait.
    Disconnected {
        /// Why, in plain words.
        why: String,
        /// What the protocol knows about it; absent if the network could not be reached.
        disconnection: Option<Disconnection>,
        /// How long until the next attempt; absent if there will be none.
        retry_in: Option<Duration>,
    },
    /// The server lost the session and refused to renew this subscription.
    SubscriptionLost {
        /// The Topic Filter.
        filter: String,
        /// Why.
        reason: ReasonCode,
    },
    /// A QoS 0 message was dropped, because far too many wait for the application (see
    /// [`Options::received_messages_max`]).
    Dropped {
        /// Its topic.
        topic: String,
    },
    /// A packet left, in one line. Only with [`Options::with_packet_trace`].
    Sent(String),
    /// A packet arrived, in one line. Only with [`Options::with_packet_trace`].
    Arrived(String),
}

impl Options {
    /// A client of the server at `host` and `port`, over TCP, with MQTT 5.0, a new session that
    /// ends with the connection, and a Client Identifier made by chance.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::at(Endpoint::Tcp {
            host: host.into(),
            port,
        })
    }

    /// The same for any kind of endpoint.
    #[must_use]
    pub fn at(endpoint: Endpoint) -> Self {
        let mut session = ClientOptions::new(random_client_id("bowline-"));
        session.receive_maximum = NonZeroU16::new(RECEIVE_MAXIMUM);
        Self {
            endpoint,
            session,
            ack_mode: AckMode::OnNext,
            open_timeout: Duration::from_secs(10),
            reconnect_wait_first: Duration::from_millis(500),
            reconnect_wait_longest: Duration::from_secs(30),
            retry_first_connection: false,
            received_messages_max: 100,
            shutdown_timeout: Duration::from_secs(5),
            observer: None,
            trace_packets: false,
            authenticator: None,
        }
    }

    /// With this protocol version.
    #[must_use]
    pub fn with_version(mut self, version: ProtocolVersion) -> Self {
        self.session.version = version;
        self
    }

    /// With this Client Identifier.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.session.client_id = client_id.into();
        self
    }

    /// With a session that lasts `expiry_secs` seconds beyond the connection (`u32::MAX`: for
    /// ever; 3.x knows only "for as long as the server likes"). It needs a fixed Client
    /// Identifier to be found again.
    #[must_use]
    pub fn with_lasting_session(mut self, expiry_secs: u32) -> Self {
        self.session.clean_start = false;
        self.session.session_expiry_secs = Some(expiry_secs);
        // The process before us may have left identifiers in use at the server.
        let first = u16::try_from(1 + chance::up_to(u64::from(u16::MAX) - 1)).ok();
        if let Some(id) = first.and_then(PacketId::new) {
            self.session.first_packet_id = id;
        }
        self
    }

    /// With this user name and password.
    #[must_use]
    pub fn with_credentials(
        mut self,
        username: impl Into<String>,
        password: impl Into<Vec<u8>>,
    ) -> Self {
        self.session.username = Some(username.into());
        self.session.password = Some(password.into());
        self
    }

    /// With this keep alive in seconds; 0 turns it off.
    #[must_use]
    pub fn with_keep_alive_secs(mut self, secs: u16) -> Self {
        self.session.keep_alive_secs = secs;
        self
    }

    /// With a message that the server publishes when this client is lost.
    #[must_use]
    pub fn with_will(mut self, will: Will) -> Self {
        self.session.will = Some(will);
        self
    }

    /// With acknowledgement by [`Received::ack`](crate::Received::ack) only.
    #[must_use]
    pub fn with_manual_ack(mut self) -> Self {
        self.ack_mode = AckMode::Manual;
        self
    }

    /// With somebody who is told what happens. It is called on the client's own task: it should
    /// return soon.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// With a [`Notice`] for each packet, in both directions. For people who look for a fault.
    #[must_use]
    pub fn with_packet_trace(mut self) -> Self {
        self.trace_packets = true;
        self
    }

    /// With an answer to each AUTH packet of the server (5.0, extended authentication); `None`
    /// sends nothing.
    #[must_use]
    pub fn with_authenticator(
        mut self,
        answer: impl Fn(&AuthExchange) -> Option<AuthExchange> + Send + Sync + 'static,
    ) -> Self {
        self.authenticator = Some(Arc::new(answer));
        self
    }

    /// The options of the session as the sans-IO client needs them.
    pub(crate) fn for_core(&self) -> ClientOptions {
        ClientOptions {
            acknowledgement: Acknowledgement::Manual,
            ..self.session.clone()
        }
    }

    pub(crate) fn notify(&self, notice: impl FnOnce() -> Notice) {
        if let Some(observer) = &self.observer {
            observer(&notice());
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The session holds the password.
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("client_id", &self.session.client_id)
            .field("version", &self.session.version)
            .finish_non_exhaustive()
    }
}

/// `prefix` and 16 hexadecimal digits made by chance.
#[must_use]
pub fn random_client_id(prefix: &str) -> String {
    format!("{prefix}{:016x}", chance::bits())
}
