//! Packets of a client that must wait, in order and in a bounded space.
//!
//! A client waits as a whole while its CONNACK is not out or while it exceeds its Receive Maximum;
//! only one of its topics waits where a full queue holds publishers back. Whatever ends a wait
//! (acknowledgements, PINGREQ, UNSUBSCRIBE, DISCONNECT) takes effect at once meanwhile; when the
//! space is full, reading stops.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bowline_packet::{
    Frame, Malformed, Next, Packet, PacketType, ProtocolVersion, Publish, QoS, ReasonCode,
    next_frame,
};

use super::{Phase, PublishAck, Refusal};
use crate::broker::Broker;
use crate::deadline::{AHEAD_SECS, Deadline};
use crate::effect::Effect;
use crate::event::Event;
use crate::gate::Mark;
use crate::ids::{ConnectionId, RecordNo};
use crate::limits::{OnFull, ReceiveMaximumExcess};
use crate::out::Out;
use crate::time::{Instant, Now};

/// What a packet waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The CONNACK, or room below the Receive Maximum: everything behind it waits too.
    Connection,
    /// Room in a full queue, since then; its acknowledgement has its place already.
    Topic { since: Instant, ack: u32 },
}

#[derive(Debug)]
struct Waiting {
    cause: Cause,
    /// The whole packet.
    bytes: Box<[u8]>,
    /// The Topic Name of a PUBLISH whose alias was resolved when it came.
    topic: Option<Box<str>>,
}

impl Waiting {
    /// Decodes it again; it was decoded, or at least framed, when it came.
    fn packet(&self, version: ProtocolVersion) -> Result<Packet<'_>, Malformed> {
        match next_frame(&self.bytes, usize::MAX)? {
            Next::Frame(frame) => Packet::decode(version, frame),
            Next::Incomplete { needed_bytes: _ } => Err(Malformed::Truncated),
        }
    }

    fn size_bytes(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    /// Whether it waits while the whole connection does; everything else takes effect at once.
    fn waits_with_connection(&self) -> bool {
        let kind = self.bytes.first().and_then(|first| PacketType::of(*first));
        self.cause == Cause::Connection && kind.is_none_or(waits_with_connection)
    }
}

/// Whether packets of this kind wait while their open connection does.
fn waits_with_connection(kind: PacketType) -> bool {
    matches!(kind, PacketType::Publish | PacketType::Subscribe)
}

/// The packets of one connection that wait.
#[derive(Debug, Default)]
pub(crate) struct Deferred {
    packets: VecDeque<Waiting>,
    bytes: usize,
    /// While they are being tried again, so that nothing tries them twice.
    is_trying: bool,
    /// When those are looked at that wait for a full queue.
    wakes_at: Option<Instant>,
}

impl Deferred {
    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.size_bytes();
        self.packets.push_back(waiting);
    }

    fn holds_connection(&self) -> bool {
        self.packets
            .iter()
            .any(|waiting| waiting.cause == Cause::Connection)
    }

    fn holds_topic(&self, topic: &str) -> bool {
        self.packets
            .iter()
            .any(|waiting| waiting.topic.as_deref() == Some(topic))
    }
}

impl Broker {
    /// Whether a packet may be consumed; if not, reading stops.
    pub(crate) fn may_handle(
        &mut self,
        mark: Mark,
        frame: &Frame<'_>,
        now: Now,
        out: &mut Out,
    ) -> bool {
        let space_bytes = self.options.limits.deferred_bytes_max;
        let Some(connection) = self.connections.marked(mark) else {
            return false;
        };
        let Some(deferred) = connection.deferred.as_deref() else {
            return true;
        };
        let waits =
            connection.phase == Phase::Opening || waits_with_connection(frame.packet_type());
        if !waits || deferred.packets.is_empty() || deferred.bytes + frame.len <= space_bytes {
            return true;
        }
        if !connection.is_stopped {
            connection.is_stopped = true;
            out.effects.push(Effect::StopReading(mark.connection));
        }
        self.refuse_if_stuck(mark, now, out);
        false
    }

    /// A client over its Receive Maximum whom only its own PUBREL could help, and it stands behind
    /// more than we hold for it: it must go (5.0, section 3.3.4).
    fn refuse_if_stuck(&mut self, mark: Mark, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let holds = connection
            .deferred
            .as_deref()
            .is_some_and(Deferred::holds_connection);
        if connection.is_stopped
            && connection.phase == Phase::Open
            && connection.acks.is_empty()
            && holds
        {
            self.refuse(mark.connection, &Refusal::ReceiveMaximum, now, out);
        }
    }

    /// Whether a packet of this kind waits because the whole connection does.
    pub(crate) fn must_defer(&mut self, mark: Mark, kind: PacketType) -> bool {
        let Some(connection) = self.connections.marked(mark) else {
            return false;
        };
        if connection.phase == Phase::Opening {
            return true;
        }
        let holds = connection
            .deferred
            .as_deref()
            .is_some_and(Deferred::holds_connection);
        holds && waits_with_connection(kind)
    }

    /// Puts a packet behind those that wait for the whole connection.
    pub(crate) fn defer(&mut self, mark: Mark, packet: &[u8]) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        connection.deferred.get_or_insert_default().push(Waiting {
            cause: Cause::Connection,
            bytes: packet.into(),
            topic: None,
        });
    }

    /// Whether a PUBLISH must wait behind one of the same topic.
    pub(crate) fn waits_behind(&mut self, mark: Mark, topic: &str, packet: &Publish<'_>) -> bool {
        let Some(connection) = self.connections.marked(mark) else {
            return false;
        };
        let deferred = connection.deferred.as_deref();
        packet.qos > QoS::AtMostOnce && deferred.is_some_and(|deferred| deferred.holds_topic(topic))
    }

    /// More messages are open than we allowed: the client waits, or goes.
    pub(crate) fn on_excess(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        now: Now,
        out: &mut Out,
    ) {
        match self.options.limits.receive_maximum_excess {
            ReceiveMaximumExcess::Disconnect => {
                self.refuse(mark.connection, &Refusal::ReceiveMaximum, now, out);
            }
            ReceiveMaximumExcess::Pause => {
                let Some(connection) = self.connections.marked(mark) else {
                    return;
                };
                let key = connection.session;
                if !connection.told_excess {
                    connection.told_excess = true;
                    if let Some(session) = key.and_then(|key| self.sessions.get(key)) {
                        let client_id = session.client_id.clone();
                        out.events.push(Event::ReceiveMaximumExceeded { client_id });
                    }
                }
                self.push_deferred(mark, Cause::Connection, topic, packet);
            }
        }
    }

    /// Somebody's queue is full: by policy the publisher waits for it, or is refused.
    pub(crate) fn on_full_target(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        now: Now,
        out: &mut Out,
    ) {
        match self.options.limits.on_full {
            OnFull::Hold => self.defer_publish(mark, topic, packet, now),
            OnFull::End | OnFull::Reject | OnFull::DropOldest | OnFull::DropNewest => {
                self.forget_inbound(mark, packet, out);
                self.refuse_publish(mark, topic, packet, ReasonCode::QuotaExceeded, now, out);
            }
        }
    }

    /// A PUBLISH waits for room in a queue; its acknowledgement keeps its place in the order.
    pub(crate) fn defer_publish(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        now: Now,
    ) {
        let Some(packet_id) = packet.packet_id else {
            return;
        };
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let place = u32::try_from(connection.acks.len()).unwrap_or(u32::MAX);
        let ack = connection.acks_gone.wrapping_add(place);
        connection.acks.push_back(PublishAck {
            packet_id,
            is_received: packet.qos == QoS::ExactlyOnce,
            reason: ReasonCode::Success,
            answers_due: 1,
            matched: true,
            rests_on: RecordNo(0),
        });
        let cause = Cause::Topic {
            since: now.instant,
            ack,
        };
        self.push_deferred(mark, cause, topic, packet);
        if !self.held.contains(&mark) {
            self.held.push(mark);
        }
        self.watch_held(mark, now);
    }

    /// Arms the timer of those that wait for a full queue, unless it is armed.
    fn watch_held(&mut self, mark: Mark, now: Now) {
        let timeout_millis = self.options.limits.hold_timeout_millis;
        let connection = self.connections.marked(mark);
        let Some(deferred) = connection.and_then(|connection| connection.deferred.as_deref_mut())
        else {
            return;
        };
        let since = deferred
            .packets
            .iter()
            .find_map(|waiting| match waiting.cause {
                Cause::Topic { since, ack: _ } => Some(since),
                Cause::Connection => None,
            });
        if let (Some(since), None) = (since, deferred.wakes_at) {
            let due = since.plus_millis(timeout_millis);
            let at = due.min(now.instant.plus_secs(AHEAD_SECS));
            deferred.wakes_at = Some(at);
            let deadline = Deadline::Hold(mark);
            self.deadlines.arm(at.millis_rounded_up(), deadline);
        }
    }

    fn push_deferred(&mut self, mark: Mark, cause: Cause, topic: &str, packet: &Publish<'_>) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let mut bytes = alloc::vec::Vec::new();
        // It came by the wire in this version, so it encodes.
        let _ = packet.encode(connection.version, &mut bytes);
        let (bytes, topic) = (bytes.into(), Some(topic.into()));
        connection.deferred.get_or_insert_default().push(Waiting {
            cause,
            bytes,
            topic,
        });
    }

    /// Something changed for the better: tries the packets that wait, in order.
    pub(crate) fn retry_deferred(&mut self, id: ConnectionId, now: Now, out: &mut Out) {
        let Some(mark) = self.connections.mark(id) else {
            return;
        };
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let Some(deferred) = connection.deferred.as_deref_mut() else {
            return;
        };
        if deferred.is_trying || connection.phase != Phase::Open {
            return;
        }
        let mut packets = core::mem::take(&mut deferred.packets);
        deferred.bytes = 0;
        deferred.is_trying = true;
        while let Some(waiting) = packets.pop_front() {
            let Some(connection) = self.connections.marked(mark) else {
                return;
            };
            let Some(deferred) = connection.deferred.as_deref_mut() else {
                return;
            };
            if waiting.waits_with_connection() && deferred.holds_connection() {
                deferred.push(waiting);
                continue;
            }
            self.try_waiting(mark, waiting, now, out);
        }
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let Some(deferred) = connection.deferred.as_deref_mut() else {
            return;
        };
        deferred.is_trying = false;
        let bytes = deferred.bytes;
        if deferred.packets.is_empty() {
            connection.deferred = None;
        }
        if connection.is_stopped && bytes * 2 <= self.options.limits.deferred_bytes_max {
            connection.is_stopped = false;
            out.effects.push(Effect::ResumeReading(id));
        }
        self.send_acks(mark, now, out);
        self.refuse_if_stuck(mark, now, out);
    }

    fn try_waiting(&mut self, mark: Mark, waiting: Waiting, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let version = connection.version;
        let packet = match waiting.packet(version) {
            Ok(packet) => packet,
            Err(malformed) => {
                self.refuse(mark.connection, &Refusal::Malformed(malformed), now, out);
                return;
            }
        };
        match (&waiting.cause, &waiting.topic, &packet) {
            (Cause::Topic { since, ack }, Some(topic), Packet::Publish(publish)) => {
                let (since, ack) = (*since, *ack);
                let still_waits = connection
                    .deferred
                    .as_deref()
                    .is_some_and(|deferred| deferred.holds_topic(topic));
                if self.publish_late(mark, topic, publish, (since, ack), still_waits, now, out) {
                    return;
                }
                if let Some(connection) = self.connections.marked(mark) {
                    connection.deferred.get_or_insert_default().push(waiting);
                }
            }
            (Cause::Connection, Some(topic), Packet::Publish(publish)) => {
                self.publish_to(mark, topic, publish, now, out);
            }
            (Cause::Connection | Cause::Topic { .. }, _, packet) => {
                self.on_packet(mark, packet, now, out);
            }
        }
    }

    /// Tries a PUBLISH that waited for a full queue; false if it goes on waiting.
    #[expect(
        clippy::too_many_arguments,
        reason = "a packet, since when it waits, and its place"
    )]
    fn publish_late(
        &mut self,
        mark: Mark,
        topic: &str,
        packet: &Publish<'_>,
        (since, ack): (Instant, u32),
        still_waits: bool,
        now: Now,
        out: &mut Out,
    ) -> bool {
        let waited_millis = now.instant.since(since).as_millis();
        if waited_millis >= u128::from(self.options.limits.hold_timeout_millis) {
            self.forget_inbound(mark, packet, out);
            out.counters.publishes_refused += 1;
            self.fill_ack(mark, ack, |ack| {
                ack.answers_due = 0;
                ack.reason = ReasonCode::QuotaExceeded;
            });
            return true;
        }
        !still_waits && self.publish_in_place(mark, topic, packet, ack, now, out)
    }

    /// Changes an acknowledgement that keeps a place in the order.
    pub(crate) fn fill_ack(&mut self, mark: Mark, ack: u32, fill: impl FnOnce(&mut PublishAck)) {
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let place = ack.wrapping_sub(connection.acks_gone) as usize;
        if let Some(ack) = connection.acks.get_mut(place) {
            fill(ack);
        }
    }

    /// A queue has room again: tries whoever was held back on this worker.
    pub(crate) fn retry_held(&mut self, now: Now, out: &mut Out) {
        for mark in core::mem::take(&mut self.held) {
            self.retry_deferred(mark.connection, now, out);
            let Some(connection) = self.connections.marked(mark) else {
                continue;
            };
            let waits = connection.deferred.as_deref().is_some_and(|deferred| {
                deferred
                    .packets
                    .iter()
                    .any(|waiting| waiting.cause != Cause::Connection)
            });
            if waits && !self.held.contains(&mark) {
                self.held.push(mark);
            }
        }
    }

    /// A publisher was held back for as long as allowed.
    pub(crate) fn hold_due(&mut self, mark: Mark, now: Now, out: &mut Out) {
        let connection = self.connections.marked(mark);
        let Some(deferred) = connection.and_then(|connection| connection.deferred.as_deref_mut())
        else {
            return;
        };
        if deferred.wakes_at.take_if(|at| *at <= now.instant).is_some() {
            self.retry_deferred(mark.connection, now, out);
            self.watch_held(mark, now);
        }
    }

    /// The QoS 2 identifiers of messages that never were admitted: the connection is gone, and
    /// the client will send them again.
    pub(crate) fn forget_deferred(&mut self, connection: &super::Connection) {
        let Some(deferred) = connection.deferred.as_deref() else {
            return;
        };
        for waiting in &deferred.packets {
            let Ok(Packet::Publish(publish)) = waiting.packet(connection.version) else {
                continue;
            };
            let session = connection
                .session
                .and_then(|key| self.sessions.get_mut(key));
            if let (Cause::Topic { .. }, Some(session), Some(packet_id), QoS::ExactlyOnce) =
                (waiting.cause, session, publish.packet_id, publish.qos)
            {
                session.receiver.release(packet_id);
            }
        }
    }
}
