//! What can happen to a broker core: the complete list.
//!
//! Bytes of a connection come by [`crate::Broker::receive`], since the shell must learn how many
//! were consumed; everything else is an [`Input`]. Deliberately absent: time (it comes with each).

use crate::handover::Batch;
use crate::ids::{ConnectionId, Location, RecordNo, WorkerId};

/// One happening, borrowed from whoever holds it.
#[derive(Debug)]
pub enum Input<'a> {
    /// A Network Connection was handed to this worker. Its CONNECT follows by `receive`.
    Opened {
        /// The shell's index for it; free until now.
        connection: ConnectionId,
        /// Address of the peer for log lines, such as `127.0.0.1:50123`.
        peer: &'a str,
        /// What the Server assigns if the client brings no Client Identifier [MQTT-3.1.3-6]:
        /// chance is the shell's, and so is the choice of worker that hangs on it.
        assigned_client_id: &'a str,
    },
    /// The Network Connection is gone: end of stream, reset, or a failed write.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// What the socket said, for the log line, such as `connection reset by peer`.
        cause: &'a str,
    },
    /// The outbound bytes of a connection that asked for it fell below half of their bound.
    Drained {
        /// Which one.
        connection: ConnectionId,
    },
    /// What another worker handed over, in its order.
    HandedOver {
        /// Who.
        from: WorkerId,
        /// What.
        batch: &'a Batch,
    },
    /// Every record up to this one is durable, to the degree that the broker promises.
    Committed {
        /// The last durable record.
        up_to: RecordNo,
    },
    /// The answer to [`crate::Effect::Load`].
    Loaded {
        /// Where it lay.
        location: Location,
        /// The bytes that [`crate::Broker::unload`] gave out.
        bytes: &'a [u8],
    },
    /// Time passed: due timers fire. Needed by [`crate::Broker::next_timeout`] at the latest.
    Tick,
    /// The broker stops: every client is told (5.0: DISCONNECT 0x8B) and closed. Wills of lasting
    /// connections stay unpublished: the broker leaves, not the client.
    Stop,
}
