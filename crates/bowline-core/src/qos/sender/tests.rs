//! Identifiers, steps and order of what is in flight.

use alloc::vec;

use super::*;
use crate::message::{MessageView, Messages};
use crate::qos::packet_ids::Half;
use crate::routing::Identifiers;

fn delivery(messages: &mut Messages, qos: QoS) -> Delivery {
    let message = messages.insert(&MessageView {
        topic: "t",
        properties: b"",
        payload: b"",
        qos,
        retain: false,
        expires_at: None,
        publisher: None,
    });
    Delivery {
        message,
        identifiers: Identifiers::one(None),
        ticket: 0,
        qos,
        retain: false,
        replayed: false,
    }
}

fn sender() -> (Sender, Messages) {
    let mut sender = Sender::new(PacketIds::new(Half::Low));
    sender.window = 16_384;
    (sender, Messages::default())
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not zero")
}

/// Every kind of acknowledgement against every step of both QoS: what it meets, what is left.
#[test]
fn acknowledgements_by_step() {
    use QoS::{AtLeastOnce, ExactlyOnce};
    // (QoS, PUBREC came before, PUBACK, PUBREC, PUBCOMP, PUBREC with an error)
    let rows = [
        (AtLeastOnce, false, "ends", "unknown", "unknown", "unknown"),
        (ExactlyOnce, false, "unknown", "received", "unknown", "ends"),
        (ExactlyOnce, true, "unknown", "again", "ends", "unknown"),
    ];
    let met = |acknowledged: Acknowledged, left: usize| match (acknowledged, left) {
        (Acknowledged::Delivery(_), 0) => "ends",
        (Acknowledged::Delivery(_), _) => "received",
        (Acknowledged::Again, _) => "again",
        (Acknowledged::Unknown, _) => "unknown",
    };
    for (qos, received, puback, pubrec, pubcomp, refusal) in rows {
        let begin = || {
            let (mut sender, mut messages) = sender();
            let started = sender.start(delivery(&mut messages, qos));
            assert_eq!(started, Some(id(1)));
            if received {
                sender.receive(id(1));
            }
            sender
        };
        let mut sender = begin();
        let acknowledged = sender.acknowledge(id(1), AtLeastOnce);
        assert_eq!(met(acknowledged, sender.in_flight.len()), puback);
        let mut sender = begin();
        let acknowledged = sender.receive(id(1));
        assert_eq!(met(acknowledged, sender.in_flight.len()), pubrec);
        let mut sender = begin();
        let done = if sender.complete(id(1)) {
            "ends"
        } else {
            "unknown"
        };
        assert_eq!(done, pubcomp);
        let mut sender = begin();
        let acknowledged = sender.acknowledge(id(1), ExactlyOnce);
        assert_eq!(met(acknowledged, sender.in_flight.len()), refusal);
    }
}

#[test]
fn what_was_received_is_no_longer_owed_but_keeps_its_slot() {
    let (mut sender, mut messages) = sender();
    sender.window = 1;
    sender.start(delivery(&mut messages, QoS::ExactlyOnce));
    assert_eq!((sender.owed(), sender.has_slot()), (1, false));
    sender.receive(id(1));
    assert_eq!((sender.owed(), sender.has_slot()), (0, false));
    sender.complete(id(1));
    assert_eq!((sender.owed(), sender.has_slot()), (0, true));
}

/// In whatever order acknowledgements come, each finds its own.
#[test]
fn acknowledgements_in_any_order() {
    for order in [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, 1, 5, 2, 4]] {
        let (mut sender, mut messages) = sender();
        for _ in order {
            sender.start(delivery(&mut messages, QoS::AtLeastOnce));
        }
        for (gone, number) in order.into_iter().enumerate() {
            let acknowledged = sender.acknowledge(id(number), QoS::AtLeastOnce);
            assert!(
                matches!(acknowledged, Acknowledged::Delivery(_)),
                "{number}"
            );
            assert_eq!(sender.in_flight.len(), order.len() - gone - 1);
            let again = sender.acknowledge(id(number), QoS::AtLeastOnce);
            assert!(matches!(again, Acknowledged::Unknown), "{number}");
        }
    }
}

/// Old ones are passed over by the turn of the identifiers and then acknowledged, while one that
/// began just before them stays: the turn comes back to it early, and must not give it out.
// [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
#[test]
fn identifiers_in_use_are_not_given_out_again() {
    let (mut sender, mut messages) = sender();
    let one = delivery(&mut messages, QoS::AtLeastOnce);
    let mut old: Vec<PacketId> = (0..1_000).filter_map(|_| sender.start(one)).collect();
    let mut stays = None;
    for turn in 0..100_000u32 {
        let packet_id = sender.start(one).expect("there are more");
        assert!(!old.contains(&packet_id), "{packet_id} at {turn}");
        assert_ne!(Some(packet_id), stays, "at {turn}");
        if stays.is_none() && packet_id == id(32_767) {
            stays = Some(packet_id);
            continue;
        }
        sender.acknowledge(packet_id, QoS::AtLeastOnce);
        if stays.is_some() {
            for old in old.drain(..) {
                sender.acknowledge(old, QoS::AtLeastOnce);
            }
        }
    }
    assert!(stays.is_some() && old.is_empty(), "it was as described");
}

/// The cursor of a re-delivery finds the next one, whatever was acknowledged meanwhile.
// [MQTT-4.6.0-1] [MQTT3-4.6.0-1]
#[test]
fn a_cursor_over_what_is_in_flight() {
    let (mut sender, mut messages) = sender();
    // Across the place where the count wraps.
    sender.started = u32::MAX - 2;
    for _ in 0..6 {
        sender.start(delivery(&mut messages, QoS::AtLeastOnce));
    }
    let at = |offset: u32| (u32::MAX - 2).wrapping_add(offset);
    let found = |sender: &Sender, next: u32, until: u32| {
        let found = sender.in_flight_from(at(next), at(until));
        found.map(|(before, entry)| (before, entry.packet_id.get()))
    };
    assert_eq!(found(&sender, 0, 6), Some((0, 1)));
    assert_eq!(found(&sender, 4, 6), Some((4, 5)));
    assert_eq!(found(&sender, 4, 4), None);
    assert_eq!(found(&sender, 6, 6), None);
    for number in [1, 2, 5] {
        sender.acknowledge(id(number), QoS::AtLeastOnce);
    }
    assert_eq!(
        found(&sender, 0, 6),
        Some((0, 3)),
        "the first ones are over"
    );
    assert_eq!(found(&sender, 4, 6), Some((2, 6)), "and one in the middle");
    assert_eq!(
        found(&sender, 4, 5),
        None,
        "the next one lies behind the end"
    );
    assert_eq!(sender.oldest(), at(2));
}

#[test]
fn taking_out_keeps_the_order_of_the_rest() {
    let (mut sender, mut messages) = sender();
    let mut deliveries = vec![];
    for ticket in 0..6 {
        let mut delivery = delivery(&mut messages, QoS::AtLeastOnce);
        delivery.ticket = ticket % 2;
        deliveries.push(delivery);
    }
    for delivery in &deliveries[..3] {
        sender.start(*delivery);
    }
    for delivery in &deliveries[3..] {
        sender.push(*delivery);
    }
    let mut taken = vec![];
    sender.extract(|delivery| delivery.ticket == 1, |d| taken.push(d.message));
    assert_eq!(
        taken,
        [deliveries[1], deliveries[3], deliveries[5]].map(|d| d.message)
    );
    assert_eq!((sender.in_flight.len(), sender.queue.len()), (2, 1));
    assert_eq!(sender.pop().map(|d| d.message), Some(deliveries[4].message));
}
