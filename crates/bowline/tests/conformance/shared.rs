//! Shared subscriptions: one member of the group gets each message, and what happens when it leaves.

use std::time::{Duration, Instant};

use crate::client::{Client, Connect, Next, SOON};
use crate::harness::{Broker, on_each};
use crate::wire::{self, Packet, Publish, V5, V311, property, two};

fn member(broker: &Broker, connect: &Connect, filter: &str, qos: u8) -> Client {
    let mut client = broker.connect(connect);
    client.subscribe(filter, qos);
    client
}

/// Takes `count` messages as they come to the members, and expects no more: who got what.
///
/// A group promises no order against other subscriptions, so no mark can end the count.
fn gather(members: &mut [Client], count: usize) -> Vec<(usize, Publish)> {
    let mut got = Vec::new();
    let deadline = Instant::now() + SOON;
    let mut is_over = false;
    while !is_over {
        assert!(
            Instant::now() < deadline,
            "{} of {count} messages came",
            got.len()
        );
        // Once all have come, one last look at everybody.
        is_over = got.len() == count;
        let patience = Duration::from_millis(if is_over { 50 } else { 5 });
        for (place, member) in members.iter_mut().enumerate() {
            while let Some(next) = member.next_within(patience) {
                let Next::Packet(Packet::Publish(message)) = next else {
                    panic!("{next:?}")
                };
                member.acknowledge(&message);
                got.push((place, message));
            }
        }
        assert!(got.len() <= count, "more than was published: {got:?}");
    }
    got
}

/// Each message goes to one member, whatever the members' versions.
/// [MQTT-4.8.2-1] [MQTT-4.8.2-2]
#[test]
fn one_member_gets_each_message() {
    on_each(|broker| {
        for qos in 0..3 {
            let topic = broker.name();
            let filter = format!("$share/group/{topic}/#");
            let mut members: Vec<Client> = [V5, V5, V311, V5]
                .into_iter()
                .map(|version| member(broker, &Connect::new(version, &broker.name()), &filter, 2))
                .collect();
            let mut writer = broker.client(V5);
            for count in 0..40 {
                writer.publish(Publish::new(
                    &format!("{topic}/{count}"),
                    qos,
                    count.to_string(),
                ));
            }
            let came = gather(&mut members, 40);
            let mut got: Vec<usize> = came
                .iter()
                .map(|(_, message)| message.text().parse().expect("a number"))
                .collect();
            got.sort_unstable();
            assert_eq!(got, (0..40).collect::<Vec<_>>(), "QoS {qos}");
        }
    });
}

/// Groups know nothing of each other nor of plain subscriptions: each gets its own copy.
/// [MQTT-4.8.2-1]
#[test]
fn groups_are_apart() {
    on_each(|broker| {
        let topic = broker.name();
        let filters = [
            format!("$share/one/{topic}"),
            format!("$share/two/{topic}"),
            topic.clone(),
        ];
        let mut readers: Vec<Client> = filters
            .iter()
            .map(|filter| member(broker, &Connect::new(V5, &broker.name()), filter, 1))
            .collect();
        let mut writer = broker.client(V5);
        for count in 0..5 {
            writer.publish(Publish::new(&topic, 1, count.to_string()));
            for reader in &mut readers {
                assert_eq!(reader.take().text(), count.to_string());
            }
        }
        for reader in &mut readers {
            writer.nothing_for(reader);
        }
    });
}

/// The QoS granted to the member that gets the message counts. [MQTT-4.8.2-3]
#[test]
fn the_members_own_qos_counts() {
    on_each(|broker| {
        let topic = broker.name();
        let filter = format!("$share/group/{topic}");
        let mut members: Vec<Client> = (0..3)
            .map(|qos| member(broker, &Connect::new(V5, &broker.name()), &filter, qos))
            .collect();
        let mut writer = broker.client(V5);
        for _ in 0..30 {
            writer.publish(Publish::new(&topic, 2, "x"));
        }
        for (granted, message) in gather(&mut members, 30) {
            assert_eq!(usize::from(message.qos), granted);
        }
    });
}

/// Retained messages do not come with a shared subscription.
#[test]
fn a_shared_subscription_brings_no_retained_messages() {
    on_each(|broker| {
        let topic = broker.name();
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "kept").retain());
        let filter = format!("$share/group/{topic}");
        let mut reader = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        writer.publish(Publish::new(&topic, 1, "live"));
        assert_eq!(reader.take().text(), "live");
    });
}

/// Leaving the group by UNSUBSCRIBE or by the end of the session: the others get everything.
/// [MQTT-3.10.4-1] [MQTT-3.10.4-2]
#[test]
fn who_left_gets_nothing() {
    on_each(|broker| {
        let topic = broker.name();
        let filter = format!("$share/group/{topic}");
        let mut stays = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        let mut leaves = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        let ends = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        assert_eq!(leaves.unsubscribe(&filter), 0x00);
        assert_eq!(leaves.unsubscribe(&filter), 0x11);
        assert_eq!(leaves.unsubscribe(&topic), 0x11);
        ends.leave();
        let mut writer = broker.client(V5);
        for count in 0..6 {
            writer.publish(Publish::new(&topic, 1, count.to_string()));
            assert_eq!(stays.take().text(), count.to_string());
        }
        writer.nothing_for(&mut leaves);
    });
}

/// A QoS 1 message that a member had not acknowledged when its session ended goes to another.
#[test]
fn qos_1_of_a_lost_member_goes_to_another() {
    on_each(|broker| {
        let topic = broker.name();
        let filter = format!("$share/group/{topic}");
        let mut lost = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        let mut writer = broker.client(V5);
        let publish = Publish::new(&topic, 1, "passed on").id(1);
        writer.send(&publish.bytes(V5));
        assert_eq!(lost.message().text(), "passed on");
        let mut other = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);
        lost.cut();
        assert_eq!(other.take().text(), "passed on");
        assert_eq!(writer.acked(wire::PUBACK, 1), 0);
    });
}

/// QoS 2 begun with a member stays with it: finished when it returns, nobody else's when it does
/// not. [MQTT-4.8.2-4] [MQTT-4.8.2-5]
#[test]
fn qos_2_stays_with_its_member() {
    on_each(|broker| {
        let topic = broker.name();
        let filter = format!("$share/group/{topic}");
        let mut writer = broker.client(V5);
        // Its session lasts: it gets the message again.
        let lasting = Connect::new(V5, &broker.name()).lasting();
        let mut first = member(broker, &lasting, &filter, 2);
        writer.publish(Publish::new(&topic, 2, "begun"));
        let begun = first.message();
        let mut second = member(broker, &Connect::new(V5, &broker.name()), &filter, 2);
        first.cut();
        writer.nothing_for(&mut second);
        let mut first = broker.connect(&lasting);
        assert_eq!(first.take(), begun.dup());
        // Its session ends: nobody gets the message.
        first.unsubscribe(&filter);
        second.leave();
        let mut ending = member(broker, &Connect::new(V5, &broker.name()), &filter, 2);
        writer.publish(Publish::new(&topic, 2, "begun"));
        ending.message();
        let mut third = member(broker, &Connect::new(V5, &broker.name()), &filter, 2);
        ending.cut();
        writer.nothing_for(&mut third);
    });
}

/// A member that refuses a message refuses it for the group. [MQTT-4.8.2-6]
#[test]
fn a_refused_message_goes_to_nobody_else() {
    on_each(|broker| {
        for (qos, first) in [(1, wire::PUBACK), (2, wire::PUBREC)] {
            let topic = broker.name();
            let filter = format!("$share/group/{topic}");
            let mut refuses = member(broker, &Connect::new(V5, &broker.name()), &filter, qos);
            let mut writer = broker.client(V5);
            writer.publish(Publish::new(&topic, qos, "refused"));
            let message = refuses.message();
            let mut other = member(broker, &Connect::new(V5, &broker.name()), &filter, qos);
            refuses.send(&wire::ack_with(first, message.id, 0x83));
            refuses.ping();
            refuses.cut();
            writer.nothing_for(&mut other);
        }
    });
}

/// A member whose receive maximum is used up is passed over while others have room.
/// [MQTT-4.9.0-2] [MQTT-3.3.4-9]
#[test]
fn a_full_member_is_passed_over() {
    on_each(|broker| {
        let topic = broker.name();
        let filter = format!("$share/group/{topic}");
        let slow = Connect::new(V5, &broker.name()).with(two(property::RECEIVE_MAXIMUM, 1));
        let mut slow = member(broker, &slow, &filter, 1);
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "held"));
        assert_eq!(slow.message().text(), "held");
        let mut quick = member(broker, &Connect::new(V5, &broker.name()), &filter, 1);

        for count in 0..6 {
            writer.publish(Publish::new(&topic, 1, count.to_string()));
            assert_eq!(quick.take().text(), count.to_string());
        }
        writer.nothing_for(&mut quick);
    });
}
