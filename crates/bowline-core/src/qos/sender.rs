//! What a session owes its client: a queue of deliveries, and those in flight in their order.
//!
//! Order is kept: the queue is first in, first out; what is in flight is sent again in the order
//! in which it was sent first [MQTT-4.6.0-1], with the same Packet Identifiers [MQTT-4.4.0-1].
//! Deliberately absent: encoding, quotas and the choice of what enters.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bowline_packet::{PacketId, QoS};

use super::packet_ids::PacketIds;
use crate::message::MessageKey;
use crate::routing::Identifiers;

/// One message for one session: a few bytes that point to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// The message; holds one reference to it.
    pub message: MessageKey,
    /// The subscription identifiers to be sent with it.
    pub identifiers: Identifiers,
    /// The ticket of a share group's message; 0 = it is the session's own.
    pub ticket: u32,
    /// The QoS at which it goes to this client: 1 or 2.
    pub qos: QoS,
    /// RETAIN as this client gets it.
    pub retain: bool,
    /// Whether it came by a retained replay, which no quota counts.
    pub replayed: bool,
}

/// Where a delivery in flight stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// PUBLISH sent: PUBACK or PUBREC is due.
    Published(Delivery),
    /// PUBREC received: the message is the client's; PUBREL is owed until PUBCOMP.
    Released,
}

/// A delivery with its Packet Identifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    /// The identifier, from the session's half of the space.
    pub packet_id: PacketId,
    /// Where it stands.
    pub step: Step,
    /// How many were started before it in this session; wraps.
    pub started: u32,
}

/// Started fewer than this ago, an identifier cannot have come round again: a half of the space
/// holds 32,767, and at most a window of 16,384 of them were passed over meanwhile.
const ROUND_MIN: u32 = 16_000;

/// What an acknowledgement met.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Acknowledged {
    /// It discharged this delivery.
    Delivery(Delivery),
    /// PUBREC for a delivery that was received already: PUBREL again.
    Again,
    /// No such Packet Identifier is in flight, or it waits for another kind of packet.
    Unknown,
}

/// The deliveries of one session.
#[derive(Debug)]
pub(crate) struct Sender {
    queue: VecDeque<Delivery>,
    in_flight: VecDeque<InFlight>,
    packet_ids: PacketIds,
    /// How many may be in flight: the client's Receive Maximum or our bound.
    pub window: u16,
    started: u32,
    /// Bytes that count against the quota, queued and in flight.
    pub bytes: usize,
    /// Messages that count against the quota.
    pub messages: usize,
}

impl Sender {
    pub(crate) fn new(packet_ids: PacketIds) -> Self {
        Self {
            queue: VecDeque::new(),
            in_flight: VecDeque::new(),
            packet_ids,
            window: 1,
            started: 0,
            bytes: 0,
            messages: 0,
        }
    }

    /// Appends to the queue.
    pub(crate) fn push(&mut self, delivery: Delivery) {
        self.queue.push_back(delivery);
    }

    /// The next delivery to be sent.
    pub(crate) fn front(&self) -> Option<&Delivery> {
        self.queue.front()
    }

    /// Takes the next delivery.
    pub(crate) fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop_front();
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        delivery
    }

    /// The queue from the front, for reading ahead.
    pub(crate) fn queued(&self) -> impl Iterator<Item = &Delivery> {
        self.queue.iter()
    }
    /// Whether nothing waits for a slot.
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Deliveries that are not discharged: queued, or in flight and not received.
    pub(crate) fn owed(&self) -> usize {
        let published = |entry: &&InFlight| matches!(entry.step, Step::Published(_));
        self.queue.len() + self.in_flight.iter().filter(published).count()
    }

    /// Whether another one may go out [MQTT-3.3.4-9].
    pub(crate) fn has_slot(&self) -> bool {
        self.in_flight.len() < usize::from(self.window)
    }

    /// Gives a delivery a Packet Identifier and notes it as in flight.
    ///
    /// None if all identifiers are in use, which a window of 16,384 cannot bring about.
    pub(crate) fn start(&mut self, delivery: Delivery) -> Option<PacketId> {
        let in_flight = &self.in_flight;
        let oldest = in_flight
            .front()
            .map_or(self.started, |entry| entry.started);
        let may_collide = self.started.wrapping_sub(oldest) >= ROUND_MIN;
        let in_use =
            |id: u16| may_collide && in_flight.iter().any(|entry| entry.packet_id.get() == id);
        let packet_id = PacketId::new(self.packet_ids.next(in_use)?)?;
        let started = self.started;
        self.started = started.wrapping_add(1);
        self.in_flight.push_back(InFlight {
            packet_id,
            step: Step::Published(delivery),
            started,
        });
        Some(packet_id)
    }

    /// How many were started so far; wraps.
    pub(crate) fn started(&self) -> u32 {
        self.started
    }

    /// The first in flight that was started at or after `next` and before `until`, with the number
    /// of those before it.
    pub(crate) fn in_flight_from(&self, next: u32, until: u32) -> Option<(usize, InFlight)> {
        let oldest = self.oldest();
        let passed = next.wrapping_sub(oldest);
        // Those before the oldest are over.
        let passed = if passed > u32::MAX / 2 { 0 } else { passed };
        let place = self
            .in_flight
            .partition_point(|entry| entry.started.wrapping_sub(oldest) < passed);
        let entry = self.in_flight.get(place)?;
        let is_before = until.wrapping_sub(entry.started).wrapping_sub(1) < u32::MAX / 2;
        is_before.then_some((place, *entry))
    }

    /// The number of the oldest in flight, or of the next one to be started.
    pub(crate) fn oldest(&self) -> u32 {
        self.in_flight
            .front()
            .map_or(self.started, |entry| entry.started)
    }

    /// PUBACK, or a PUBREC that refuses: the delivery is over.
    pub(crate) fn acknowledge(&mut self, packet_id: PacketId, qos: QoS) -> Acknowledged {
        let Some(place) = self.find(packet_id) else {
            return Acknowledged::Unknown;
        };
        match self.in_flight.get(place).map(|entry| entry.step) {
            Some(Step::Published(delivery)) if delivery.qos == qos => {
                self.remove(place);
                Acknowledged::Delivery(delivery)
            }
            Some(Step::Published(_) | Step::Released) | None => Acknowledged::Unknown,
        }
    }

    /// PUBREC: the message is the client's, the identifier stays in use until PUBCOMP.
    pub(crate) fn receive(&mut self, packet_id: PacketId) -> Acknowledged {
        let found = self
            .find(packet_id)
            .and_then(|place| self.in_flight.get_mut(place));
        let Some(entry) = found else {
            return Acknowledged::Unknown;
        };
        match entry.step {
            Step::Published(delivery) if delivery.qos == QoS::ExactlyOnce => {
                entry.step = Step::Released;
                Acknowledged::Delivery(delivery)
            }
            Step::Published(_) => Acknowledged::Unknown,
            Step::Released => Acknowledged::Again,
        }
    }

    /// PUBCOMP: the identifier is free; false if it was not waiting for that.
    pub(crate) fn complete(&mut self, packet_id: PacketId) -> bool {
        let Some(place) = self.find(packet_id) else {
            return false;
        };
        let released = self
            .in_flight
            .get(place)
            .is_some_and(|entry| matches!(entry.step, Step::Released));
        if released {
            self.remove(place);
        }
        released
    }

    /// Takes everything that matches out of flight and out of the queue, in order.
    pub(crate) fn extract(
        &mut self,
        mut wanted: impl FnMut(&Delivery) -> bool,
        mut taken: impl FnMut(Delivery),
    ) {
        self.in_flight.retain(|entry| match &entry.step {
            Step::Published(delivery) if wanted(delivery) => {
                taken(*delivery);
                false
            }
            Step::Published(_) | Step::Released => true,
        });
        self.queue.retain(|delivery| {
            let take = wanted(delivery);
            if take {
                taken(*delivery);
            }
            !take
        });
    }

    /// Takes everything that matches out of the queue, in order.
    pub(crate) fn extract_queued(
        &mut self,
        mut wanted: impl FnMut(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        let mut taken = Vec::new();
        self.queue.retain(|delivery| {
            let take = wanted(delivery);
            if take {
                taken.push(*delivery);
            }
            !take
        });
        taken
    }

    /// Rewrites deliveries, in flight and queued.
    pub(crate) fn for_each(&mut self, mut change: impl FnMut(&mut Delivery)) {
        self.for_each_in_flight(&mut change);
        self.queue.iter_mut().for_each(change);
    }

    /// Rewrites deliveries in flight, such as a share ticket that became the session's own.
    pub(crate) fn for_each_in_flight(&mut self, mut change: impl FnMut(&mut Delivery)) {
        for entry in &mut self.in_flight {
            if let Step::Published(delivery) = &mut entry.step {
                change(delivery);
            }
        }
    }

    /// Acknowledgements mostly come in order: look at the front, then where the distance between
    /// the identifiers points, then everywhere.
    fn find(&self, packet_id: PacketId) -> Option<usize> {
        let front = self.in_flight.front()?.packet_id.get();
        let guess = usize::from(packet_id.get().wrapping_sub(front));
        if self
            .in_flight
            .get(guess)
            .is_some_and(|entry| entry.packet_id == packet_id)
        {
            return Some(guess);
        }
        self.in_flight
            .iter()
            .position(|entry| entry.packet_id == packet_id)
    }

    fn remove(&mut self, place: usize) {
        if place == 0 {
            self.in_flight.pop_front();
        } else {
            self.in_flight.remove(place);
        }
    }

    /// Gives memory back when nothing is owed.
    pub(crate) fn shrink(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        if self.in_flight.is_empty() {
            self.in_flight = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
