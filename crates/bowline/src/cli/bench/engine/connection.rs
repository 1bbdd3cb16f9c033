//! One connection to the broker: handshake, framing, and bytes that did not go at once.
//!
//! Its buffers are empty while everything flows, so that an idle connection costs next to nothing
//! and a busy one allocates only until its buffers have their size.

use std::num::NonZeroU16;

use bowline_packet::{
    Connect, Disconnect, PacketId, ProtocolVersion, ReasonCode, Subscribe, SubscriptionOptions,
    TopicFilter,
};
use bowline_packet::{QoS, UserProperties};

use super::super::cast::{Filters, Manner};
use super::publisher::Publisher;
use super::subscriber::Subscriber;
use super::transport::Transport;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is none, and none is wanted now.
    Absent,
    /// TCP is on its way.
    Opening,
    /// CONNECT was sent.
    Greeting,
    /// Topic Filters up to this one were sent, and the last SUBSCRIBE waits for its answer.
    Subscribing { sent: usize },
    /// It is what it should be.
    Ready,
    /// It ended although it should not.
    Lost,
}

/// What a client does.
#[derive(Debug)]
pub(super) enum Role {
    Publisher(Box<Publisher>),
    Subscriber(Box<Subscriber>),
}

/// A client of the benchmark.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client_id: String,
    pub(super) filters: Filters,
    pub(super) role: Role,
    pub(super) stage: Stage,
    pub(super) transport: Option<Transport>,
    /// The beginning of a packet whose end has not come yet.
    pub(super) partial: Vec<u8>,
    /// What the socket did not take.
    backlog: Vec<u8>,
    /// When it began to connect.
    pub(super) began_ns: u64,
    /// What to do when CONNACK is there.
    pub(super) wish: Wish,
}

/// How a client is to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Wish {
    /// Begin a new session.
    pub(in super::super) clean_start: bool,
    /// The session outlives the connection.
    pub(in super::super) is_lasting: bool,
    /// Subscribe.
    pub(in super::super) subscribes: bool,
    /// The session must be there already.
    pub(in super::super) expects_session: bool,
}

impl Wish {
    /// A new session that ends with its connection.
    pub(in super::super) const CLEAN: Self = Self {
        clean_start: true,
        is_lasting: false,
        subscribes: false,
        expects_session: false,
    };
}

/// How long a lasting session of a benchmark lasts, seconds: longer than any run.
const LASTING_SECS: u32 = 24 * 60 * 60;

impl Connection {
    pub(super) fn new(client_id: String, filters: Filters, role: Role) -> Self {
        Self {
            client_id,
            filters,
            role,
            stage: Stage::Absent,
            transport: None,
            partial: Vec::new(),
            backlog: Vec::new(),
            began_ns: 0,
            wish: Wish::CLEAN,
        }
    }

    /// Whether something waits for the socket.
    pub(super) fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Whether it is connected or on its way.
    pub(super) fn is_there(&self) -> bool {
        self.transport.is_some()
    }

    /// Writes, at once if the socket takes it. A failure shows when reading.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        if !self.backlog.is_empty() {
            self.backlog.extend_from_slice(bytes);
            return;
        }
        let written = transport.write(bytes).unwrap_or(0);
        self.backlog.extend_from_slice(&bytes[written..]);
    }

    /// The socket takes more: writes what has waited.
    pub(super) fn flush(&mut self) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        if !self.backlog.is_empty() {
            let written = transport.write(&self.backlog).unwrap_or(0);
            self.backlog.drain(..written);
        }
    }

    /// Ends the connection without a word.
    pub(super) fn close(&mut self, stage: Stage) {
        self.transport = None;
        self.partial = Vec::new();
        self.backlog = Vec::new();
        self.stage = stage;
    }

    /// Says goodbye and ends the connection.
    pub(super) fn disconnect(&mut self, version: ProtocolVersion) {
        let mut bytes = Vec::new();
        Disconnect::new(ReasonCode::Success)
            .encode(version, &mut bytes)
            .expect("a DISCONNECT without properties always has a form");
        self.send(&bytes);
        self.close(Stage::Absent);
    }

    /// Sends CONNECT.
    pub(super) fn greet(&mut self, manner: &Manner) -> Result<(), String> {
        let mut connect = Connect::new(manner.version, &self.client_id);
        // In 3.1.1 clean session also ends the session with the connection.
        connect.clean_start =
            self.wish.clean_start && (manner.version.has_properties() || !self.wish.is_lasting);
        connect.username = manner.username.as_deref();
        connect.password = manner.password.as_deref().map(str::as_bytes);
        if manner.version.has_properties() {
            connect.session_expiry_secs = self.wish.is_lasting.then_some(LASTING_SECS);
            connect.receive_maximum = NonZeroU16::new(u16::MAX);
        }
        let mut bytes = Vec::new();
        connect
            .encode(manner.version, &mut bytes)
            .map_err(|why| format!("such a CONNECT cannot be sent: {why}"))?;
        self.stage = Stage::Greeting;
        self.send(&bytes);
        Ok(())
    }

    /// Sends the next SUBSCRIBE; returns false when there is nothing left to ask for.
    pub(super) fn subscribe(&mut self, manner: &Manner) -> Result<bool, String> {
        let from = match self.stage {
            Stage::Subscribing { sent } => sent,
            Stage::Absent | Stage::Opening | Stage::Greeting | Stage::Ready | Stage::Lost => 0,
        };
        let to = (from + manner.filters_per_subscribe).min(self.filters.len());
        if from == to {
            return Ok(false);
        }
        let texts: Vec<String> = (from..to).map(|at| self.filters.filter(at)).collect();
        let options = SubscriptionOptions {
            qos: manner.qos,
            ..SubscriptionOptions::default()
        };
        let filters = texts
            .iter()
            .map(|text| TopicFilter::parse(text).map(|filter| (filter, options)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| format!("`{}` is not a topic filter: {why}", texts[0]))?;
        let subscribe = Subscribe {
            packet_id: PacketId::new(1).expect("1 is not 0"),
            subscription_identifier: None,
            user_properties: UserProperties::default(),
            filters: filters.as_slice().into(),
        };
        let mut bytes = Vec::new();
        subscribe
            .encode(manner.version, &mut bytes)
            .map_err(|why| format!("such a SUBSCRIBE cannot be sent: {why}"))?;
        self.stage = Stage::Subscribing { sent: to };
        self.send(&bytes);
        Ok(true)
    }

    /// What the client's messages are sent with.
    pub(super) fn publisher(&mut self) -> Option<&mut Publisher> {
        match &mut self.role {
            Role::Publisher(publisher) => Some(publisher),
            Role::Subscriber(_) => None,
        }
    }
}

/// What a SUBACK grants, in words, if it is less than was asked for.
pub(super) fn shortfall(codes: &[u8], asked: QoS) -> Option<String> {
    let refused = codes.iter().find(|&&code| code >= 0x80);
    if let Some(code) = refused {
        return Some(format!(
            "the broker refuses a subscription (code {code:#04x})"
        ));
    }
    let lowest = codes.iter().min()?;
    (*lowest < asked as u8).then(|| {
        format!(
            "the broker grants QoS {lowest}, and {} was asked",
            asked as u8
        )
    })
}
