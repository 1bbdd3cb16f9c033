//! PUBACK, PUBREC and PUBCOMP from a subscriber: obligations discharged.

use bowline_packet::{Ack, AckKind, QoS, ReasonCode};

use crate::broker::Broker;
use crate::ids::{ConnectionId, RecordNo};
use crate::out::Out;
use crate::qos::{Acknowledged, Delivery};
use crate::record::Record;
use crate::session::SessionKey;
use crate::time::Now;

/// How an obligation ended; each has its own counter [design P6].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discharge {
    /// The client acknowledged.
    Acked,
    /// The client acknowledged with a reason of 0x80 or more.
    NegativeAck,
    /// The Message Expiry Interval passed.
    Expired,
    /// The session ended.
    SessionEnded,
    /// The packet is larger than the client's Maximum Packet Size.
    TooLarge,
    /// Dropped as the oldest of a full queue.
    DroppedOldest,
    /// Handed back to its share group.
    Returned,
}

impl Broker {
    /// PUBACK [MQTT-4.3.2-5].
    pub(crate) fn on_puback(&mut self, id: ConnectionId, ack: &Ack<'_>, now: Now, out: &mut Out) {
        let Some(key) = self
            .connections
            .get(id)
            .and_then(|connection| connection.session)
        else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        match session.sender.acknowledge(ack.packet_id, QoS::AtLeastOnce) {
            Acknowledged::Delivery(delivery) => {
                self.discharge_acked(key, delivery, ack.reason, out);
                self.pump_after_ack(key, now, out);
            }
            // An acknowledgement of something that is not in flight is ignored: it may belong to
            // a message that was discharged meanwhile.
            Acknowledged::Again | Acknowledged::Unknown => {}
        }
    }

    /// PUBREC [MQTT-4.3.3-4].
    pub(crate) fn on_pubrec(&mut self, id: ConnectionId, ack: &Ack<'_>, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        let version = connection.version;
        let Some(key) = connection.session else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if ack.reason.is_error() {
            // The client refused the message: no PUBREL, the identifier is free.
            if let Acknowledged::Delivery(delivery) =
                session.sender.acknowledge(ack.packet_id, QoS::ExactlyOnce)
            {
                self.discharge_acked(key, delivery, ack.reason, out);
                self.pump_after_ack(key, now, out);
            }
            return;
        }
        let (number, lasting) = (session.number, session.is_lasting());
        let acknowledged = session.sender.receive(ack.packet_id);
        let packet_id = ack.packet_id;
        let mut reason = ReasonCode::Success;
        match acknowledged {
            Acknowledged::Delivery(delivery) => {
                if lasting {
                    let packet_id = packet_id.get();
                    out.records
                        .push(&Record::OutboundReceived { number, packet_id });
                }
                self.discharge_acked(key, delivery, ack.reason, out);
            }
            Acknowledged::Again => {}
            // [MQTT-4.3.3-4] answered all the same, so that the client's state can end.
            Acknowledged::Unknown => reason = ReasonCode::PacketIdentifierNotFound,
        }
        let rests_on = self.last_record(key, out);
        self.promise_ack(
            id,
            version,
            AckKind::PubRel,
            packet_id,
            reason,
            rests_on,
            out,
        );
    }

    /// PUBCOMP: the identifier may be used again.
    pub(crate) fn on_pubcomp(&mut self, id: ConnectionId, ack: &Ack<'_>, now: Now, out: &mut Out) {
        let Some(key) = self
            .connections
            .get(id)
            .and_then(|connection| connection.session)
        else {
            return;
        };
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.sender.complete(ack.packet_id) {
            if session.is_lasting() {
                let (number, packet_id) = (session.number, ack.packet_id.get());
                out.records
                    .push(&Record::OutboundCompleted { number, packet_id });
            }
            self.pump_after_ack(key, now, out);
        }
    }

    fn discharge_acked(
        &mut self,
        key: SessionKey,
        delivery: Delivery,
        reason: ReasonCode,
        out: &mut Out,
    ) {
        let how = if reason.is_error() {
            Discharge::NegativeAck
        } else {
            Discharge::Acked
        };
        self.discharge(key, delivery, how, out);
    }

    /// A slot is free. Usually a batch of acknowledgements comes in one read, so the session is
    /// served once, at the end of the turn.
    fn pump_after_ack(&mut self, key: SessionKey, _now: Now, _out: &mut Out) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let resends = session
            .connection
            .and_then(|id| self.connections.get(id))
            .is_some_and(|connection| connection.resend.is_some());
        if resends || !session.sender.is_queue_empty() || !session.replays.is_empty() {
            self.pump_later(key);
        }
    }

    /// An obligation is over: its books, its quota, its message, its share group.
    pub(crate) fn discharge(
        &mut self,
        key: SessionKey,
        delivery: Delivery,
        how: Discharge,
        out: &mut Out,
    ) {
        let counters = &mut out.counters;
        let counter = match how {
            Discharge::Acked => &mut counters.discharged_acked,
            Discharge::NegativeAck => &mut counters.discharged_negative_ack,
            Discharge::Expired => &mut counters.discharged_expired,
            Discharge::SessionEnded => &mut counters.discharged_session_ended,
            Discharge::TooLarge => &mut counters.discharged_too_large,
            Discharge::DroppedOldest => &mut counters.discharged_dropped_oldest,
            Discharge::Returned => &mut counters.discharged_returned,
        };
        *counter += 1;
        let size_bytes = self.messages.size_bytes(delivery.message);
        if let Some(session) = self.sessions.get_mut(key) {
            if !delivery.replayed {
                session.sender.bytes -= size_bytes;
                session.sender.messages -= 1;
            }
            let record = self.messages.record(delivery.message);
            if session.is_lasting() && record > RecordNo(0) {
                let number = session.number;
                out.records.push(&Record::Discharged {
                    number,
                    message: record,
                });
            }
        }
        self.lists.release(delivery.identifiers);
        self.messages.release(delivery.message);
        if delivery.ticket != 0 {
            self.settle_ticket(delivery.ticket, how != Discharge::Returned, out);
        }
        self.unmark_full(key, out);
    }
}
