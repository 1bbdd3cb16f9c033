//! What the core tells people: facts for log lines, and counters for metrics.
//!
//! Events are rare (a client comes or goes, something is refused or dropped); whatever happens per
//! message is only counted. Deliberately absent: words (the shell chooses them) and payloads.

use alloc::boxed::Box;
use bowline_packet::{ProtocolVersion, ReasonCode};

/// Something that somebody who runs a broker wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A CONNECT was accepted.
    ClientConnected {
        /// Client Identifier.
        client_id: Box<str>,
        /// Address of the peer.
        peer: Box<str>,
        /// Protocol version.
        version: ProtocolVersion,
        /// Keep Alive in force, seconds; 0 = none.
        keep_alive_secs: u16,
        /// Whether a session was resumed.
        session_present: bool,
        /// Session Expiry Interval in force, seconds.
        session_expiry_secs: u32,
    },
    /// A connection with an accepted CONNECT ended.
    ClientDisconnected {
        /// Client Identifier.
        client_id: Box<str>,
        /// Address of the peer.
        peer: Box<str>,
        /// Why, in the standard's codes.
        reason: ReasonCode,
        /// Why, in words.
        cause: Box<str>,
    },
    /// A connection ended before its CONNECT was accepted.
    ConnectRefused {
        /// Address of the peer.
        peer: Box<str>,
        /// Why, in the standard's codes.
        reason: ReasonCode,
        /// Why, in words.
        cause: Box<str>,
    },
    /// A session ended: expired, replaced by a clean start, or over its quota.
    SessionEnded {
        /// Client Identifier.
        client_id: Box<str>,
        /// Why.
        why: SessionEnd,
        /// Messages that were still owed to it.
        messages_discharged: usize,
    },
    /// A PUBLISH was refused to its publisher.
    PublishRefused {
        /// Client Identifier of the publisher.
        client_id: Box<str>,
        /// Topic Name.
        topic: Box<str>,
        /// Why.
        reason: ReasonCode,
    },
    /// The first message was dropped for a session since its queue was last below its bound.
    QueueFull {
        /// Client Identifier of the subscriber.
        client_id: Box<str>,
        /// Which policy acted.
        policy: crate::limits::OnFull,
    },
    /// A client went over its Receive Maximum and now waits; told once per connection.
    ReceiveMaximumExceeded {
        /// Client Identifier.
        client_id: Box<str>,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its connection ended and it was not to outlast it.
    Connection,
    /// A CONNECT with Clean Start replaced it.
    CleanStart,
    /// Its Session Expiry Interval passed.
    Expired,
    /// Its queue was full and the policy is to end it.
    QueueFull,
}

/// What a worker counts. Plain numbers that only grow, except where said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// PUBLISH packets received, by QoS.
    pub publishes_received: [u64; 3],
    /// PUBLISH packets sent, by QoS, re-deliveries included.
    pub deliveries: [u64; 3],
    /// Re-deliveries with DUP among them.
    pub redeliveries: u64,
    /// Payload bytes received.
    pub payload_received_bytes: u64,
    /// Payload bytes sent.
    pub payload_delivered_bytes: u64,
    /// PUBLISH packets refused aloud.
    pub publishes_refused: u64,
    /// QoS 0 deliveries dropped because the reader is slow.
    pub dropped_qos0_slow_reader: u64,
    /// Obligations admitted: (message, session) pairs at QoS 1 and 2.
    pub obligations_admitted: u64,
    /// Obligations discharged by acknowledgement.
    pub discharged_acked: u64,
    /// … by a negative acknowledgement.
    pub discharged_negative_ack: u64,
    /// … by message expiry.
    pub discharged_expired: u64,
    /// … by the end of the session.
    pub discharged_session_ended: u64,
    /// … because the packet is larger than the client's Maximum Packet Size.
    pub discharged_too_large: u64,
    /// … dropped as the oldest of a full queue.
    pub discharged_dropped_oldest: u64,
    /// … dropped as the newest at a full queue.
    pub discharged_dropped_newest: u64,
    /// … handed back to a share group or on to another of its members.
    pub discharged_returned: u64,
    /// Messages of share groups dropped at a full queue.
    pub group_dropped: u64,
    /// Messages of share groups that expired before a member could take them.
    pub group_expired: u64,
    /// Connections whose CONNECT was accepted.
    pub connections_accepted: u64,
    /// Sessions resumed.
    pub sessions_resumed: u64,
    /// Take-overs.
    pub sessions_taken_over: u64,
    /// Wills published.
    pub wills_published: u64,
}

impl Counters {
    /// What is still owed: admitted minus everything that was discharged [design P6].
    #[must_use]
    pub const fn owed(&self) -> u64 {
        let discharged = self.discharged_acked
            + self.discharged_negative_ack
            + self.discharged_expired
            + self.discharged_session_ended
            + self.discharged_too_large
            + self.discharged_dropped_oldest
            + self.discharged_dropped_newest
            + self.discharged_returned;
        self.obligations_admitted - discharged
    }
}
