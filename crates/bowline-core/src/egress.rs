//! The one egress gate: every PUBLISH to a client leaves here, live, queued, retained or again.
//!
//! Expiry, the client's Maximum Packet Size and its window are checked here, and only here.
//! A message that fans out is encoded once per shape; its copies differ in the Packet Identifier.

mod encode;

use bowline_packet::{Ack, AckKind, QoS, ReasonCode};

pub(crate) use encode::Fanout;

use crate::broker::Broker;
use crate::connection::{Discharge, Phase, Resend};
use crate::effect::Effect;
use crate::gate::Promise;
use crate::ids::{ConnectionId, RecordNo};
use crate::loading::Waiter;
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::qos::{Delivery, Step};
use crate::record::Record;
use crate::routing::Target;
use crate::session::SessionKey;
use crate::time::Now;
use encode::{Dispatch, Written, write};

impl Broker {
    /// Delivers a live message to one session: at once if it can take it, else into its queue.
    pub(crate) fn deliver(
        &mut self,
        target: &Target,
        message: &MessageView<'_>,
        stored: &mut Option<MessageKey>,
        fanout: &mut Fanout,
        now: Now,
        out: &mut Out,
    ) {
        // [MQTT-3.3.1-12] RETAIN is 0 on a live delivery, unless Retain As Published asks for it.
        let retain = target.retain_as_published && message.retain;
        if target.qos == QoS::AtMostOnce {
            self.deliver_at_most_once(target, message, retain, fanout, now, out);
            self.lists.release(target.identifiers);
            return;
        }
        if !self.admit_to_queue(target.session, message.size_bytes(), now, out) {
            self.lists.release(target.identifiers);
            return;
        }
        let key = *stored.get_or_insert_with(|| self.messages.insert(message));
        self.messages.retain(key);
        let delivery = Delivery {
            message: key,
            identifiers: target.identifiers,
            ticket: 0,
            qos: target.qos,
            retain,
            replayed: false,
        };
        self.enqueue(target.session, delivery, Some((message, fanout)), now, out);
    }

    /// Notes the obligation, and sends it if the session has nothing else to send first.
    pub(crate) fn enqueue(
        &mut self,
        key: SessionKey,
        delivery: Delivery,
        live: Option<(&MessageView<'_>, &mut Fanout)>,
        now: Now,
        out: &mut Out,
    ) {
        out.counters.obligations_admitted += 1;
        let size_bytes = self.messages.size_bytes(delivery.message);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.sender.bytes += size_bytes;
        session.sender.messages += 1;
        let can_go = session.sender.is_queue_empty()
            && session.replays.is_empty()
            && session.sender.has_slot()
            && self.gate_allows(&delivery);
        let connection = self
            .sessions
            .get(key)
            .and_then(|session| session.connection);
        if let Some((message, fanout)) = live
            && can_go
            && let Some(id) = connection.filter(|id| self.has_room(*id, out))
            && self.connections.get(id).is_some_and(|c| c.resend.is_none())
        {
            let record = self.messages.record(delivery.message);
            let written = self.start(id, key, delivery, message, record, Some(fanout), now, out);
            if written == Written::TooLarge {
                self.discharge(key, delivery, Discharge::TooLarge, out);
            }
            // What is in flight counts as much as what is queued.
            self.mark_full(key, now, out);
            return;
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.sender.push(delivery);
        }
        self.mark_full(key, now, out);
        if connection.is_some() {
            self.pump_later(key);
        }
    }

    /// An outbound QoS 2 PUBLISH waits for its commit: under another identifier it would be a
    /// second one.
    fn gate_allows(&self, delivery: &Delivery) -> bool {
        delivery.qos == QoS::AtLeastOnce
            || self.gate.is_open(self.messages.record(delivery.message))
    }

    fn deliver_at_most_once(
        &mut self,
        target: &Target,
        message: &MessageView<'_>,
        retain: bool,
        fanout: &mut Fanout,
        now: Now,
        out: &mut Out,
    ) {
        let Some(session) = self.sessions.get_mut(target.session) else {
            return;
        };
        if message.retain {
            session.note_overtaken(message.topic);
        }
        let Some(id) = session.connection else { return };
        if !self.is_open(id) {
            return;
        }
        if out.waiting_bytes(id) >= self.options.limits.outbound_bytes_max {
            out.counters.dropped_qos0_slow_reader += 1;
            return;
        }
        if message.is_expired(now.instant) {
            return;
        }
        let mut room = [0];
        let identifiers = self.lists.slice(target.identifiers, &mut room);
        let dispatch = Dispatch {
            qos: QoS::AtMostOnce,
            retain,
            dup: false,
            packet_id: None,
            identifiers,
        };
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        write(
            connection,
            id,
            message,
            &dispatch,
            Some(fanout),
            now.instant,
            out,
        );
    }

    fn is_open(&self, id: ConnectionId) -> bool {
        self.connections
            .get(id)
            .is_some_and(|connection| connection.phase == Phase::Open)
    }

    /// Whether a connection is open and not behind with reading; if it is behind, asks to hear
    /// when it has caught up.
    pub(crate) fn has_room(&self, id: ConnectionId, out: &mut Out) -> bool {
        if !self.is_open(id) {
            return false;
        }
        let has_room = out.waiting_bytes(id) < self.options.limits.outbound_bytes_max;
        if !has_room {
            out.want_drained(id);
        }
        has_room
    }

    /// Gives a delivery its Packet Identifier and sends it.
    ///
    /// The message may be lent out of the store: nothing here looks into it. `record` is the one
    /// that keeps the message.
    #[expect(
        clippy::too_many_arguments,
        reason = "one delivery, where it goes and what with"
    )]
    fn start(
        &mut self,
        id: ConnectionId,
        key: SessionKey,
        delivery: Delivery,
        message: &MessageView<'_>,
        record: RecordNo,
        fanout: Option<&mut Fanout>,
        now: Now,
        out: &mut Out,
    ) -> Written {
        let mut room = [0];
        let identifiers = self.lists.slice(delivery.identifiers, &mut room);
        let (Some(session), Some(connection)) =
            (self.sessions.get_mut(key), self.connections.get_mut(id))
        else {
            return Written::Yes;
        };
        let Some(packet_id) = session.sender.start(delivery) else {
            session.sender.push(delivery);
            return Written::Yes;
        };
        let dispatch = Dispatch {
            qos: delivery.qos,
            retain: delivery.retain,
            dup: false,
            packet_id: Some(packet_id),
            identifiers,
        };
        let written = write(connection, id, message, &dispatch, fanout, now.instant, out);
        if written == Written::TooLarge {
            // [MQTT-3.1.2-25] As if it had been delivered.
            session.sender.acknowledge(packet_id, delivery.qos);
        } else if delivery.qos == QoS::ExactlyOnce && record > RecordNo(0) && session.is_lasting() {
            let (number, packet_id) = (session.number, packet_id.get());
            out.records.push(&Record::Sent {
                number,
                packet_id,
                message: record,
            });
        }
        written
    }

    /// Sends what the session's client can take: what was in flight before, then retained
    /// replays, then the queue.
    pub(crate) fn pump(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(id) = self
            .sessions
            .get(key)
            .and_then(|session| session.connection)
        else {
            return;
        };
        if !self.resend(key, id, now, out) || !self.replay(key, id, now, out) {
            return;
        }
        while self.has_room(id, out) {
            let Some(session) = self.sessions.get_mut(key) else {
                return;
            };
            if !session.sender.has_slot() {
                return;
            }
            let Some(delivery) = session.sender.front().copied() else {
                return;
            };
            if !self.gate_allows(&delivery) {
                self.wait_at_gate(key, delivery);
                return;
            }
            if self.messages.is_expired(delivery.message, now.instant) {
                // [MQTT-3.3.2-5] Its delivery was not begun: it is deleted.
                self.pop_front(key);
                self.discharge(key, delivery, Discharge::Expired, out);
            } else if self.send_stored(key, id, delivery, now, out) {
                self.pop_front(key);
            } else {
                self.read_ahead(key, out);
                return;
            }
        }
    }

    /// A session's next delivery waits for its commit; it is noted once, however often it is tried.
    fn wait_at_gate(&mut self, key: SessionKey, delivery: Delivery) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if !core::mem::replace(&mut session.waits_at_gate, true) {
            let record = self.messages.record(delivery.message);
            self.gate.hold(record, Promise::Pump(session.number));
        }
    }

    /// Starts a delivery whose message waits in the store; false if it must be brought first.
    pub(crate) fn send_stored(
        &mut self,
        key: SessionKey,
        id: ConnectionId,
        delivery: Delivery,
        now: Now,
        out: &mut Out,
    ) -> bool {
        let record = self.messages.record(delivery.message);
        let messages = core::mem::take(&mut self.messages);
        let written = messages
            .view(delivery.message)
            .map(|view| self.start(id, key, delivery, &view, record, None, now, out));
        self.messages = messages;
        match written {
            Some(Written::TooLarge) => {
                self.discharge(key, delivery, Discharge::TooLarge, out);
                true
            }
            Some(Written::Yes) => true,
            None => false,
        }
    }

    fn pop_front(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.sender.pop();
        }
    }

    /// Asks for the messages at the front of the queue that do not lie in RAM.
    fn read_ahead(&mut self, key: SessionKey, out: &mut Out) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        for delivery in session
            .sender
            .queued()
            .take(self.options.limits.read_ahead_messages)
        {
            if let Some(location) = self.messages.ask(delivery.message) {
                out.effects.push(Effect::Load(location));
            }
        }
        if let Some(front) = session.sender.front() {
            self.bring(front.message, Waiter::Session(session.number), out);
        }
    }

    /// Sends again what is in flight, in order and under the same identifiers [MQTT-4.4.0-1],
    /// [MQTT-4.6.0-1], as far as the connection's cursor says; false if it must wait.
    fn resend(&mut self, key: SessionKey, id: ConnectionId, now: Now, out: &mut Out) -> bool {
        let at = now.instant;
        loop {
            let Some(Resend { next, until }) = self.connections.get(id).and_then(|c| c.resend)
            else {
                return true;
            };
            if !self.has_room(id, out) {
                return false;
            }
            let (Some(session), Some(connection)) =
                (self.sessions.get_mut(key), self.connections.get_mut(id))
            else {
                return false;
            };
            let Some((before, entry)) = session.sender.in_flight_from(next, until) else {
                connection.resend = None;
                return true;
            };
            let is_publish = matches!(entry.step, Step::Published(_));
            if is_publish && before >= usize::from(session.sender.window) {
                // [MQTT-3.3.4-9] The window may be smaller than on the connection before.
                return false;
            }
            connection.resend = Some(Resend {
                next: entry.started.wrapping_add(1),
                until,
            });
            let version = connection.version;
            let delivery = match entry.step {
                Step::Published(delivery) => delivery,
                Step::Released => {
                    let packet = Ack::new(entry.packet_id, ReasonCode::Success);
                    let _ = out.append(id, |b| packet.encode(AckKind::PubRel, version, b));
                    continue;
                }
            };
            let Some(view) = self.messages.view(delivery.message) else {
                connection.resend = Some(Resend {
                    next: entry.started,
                    until,
                });
                let waiter = Waiter::Session(session.number);
                self.bring(delivery.message, waiter, out);
                return false;
            };
            let mut room = [0];
            let identifiers = self.lists.slice(delivery.identifiers, &mut room);
            let dispatch = Dispatch {
                qos: delivery.qos,
                retain: delivery.retain,
                dup: true,
                packet_id: Some(entry.packet_id),
                identifiers,
            };
            out.counters.redeliveries += 1;
            if write(connection, id, &view, &dispatch, None, at, out) == Written::TooLarge {
                session.sender.acknowledge(entry.packet_id, delivery.qos);
                self.discharge(key, delivery, Discharge::TooLarge, out);
            }
        }
    }

    /// A QoS 0 PUBLISH of a retained message, straight from the retained store.
    pub(crate) fn write_retained(
        &mut self,
        id: ConnectionId,
        delivery: Delivery,
        now: Now,
        out: &mut Out,
    ) {
        let Some(message) = self.messages.view(delivery.message) else {
            return;
        };
        let mut room = [0];
        let identifiers = self.lists.slice(delivery.identifiers, &mut room);
        let dispatch = Dispatch {
            qos: delivery.qos,
            retain: delivery.retain,
            dup: false,
            packet_id: None,
            identifiers,
        };
        if let Some(connection) = self.connections.get_mut(id) {
            write(connection, id, &message, &dispatch, None, now.instant, out);
        }
    }
}
