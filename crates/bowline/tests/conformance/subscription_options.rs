//! What 5.0 lets a subscription ask for: no local, retain as published, retain handling.

use crate::client::{Client, Connect};
use crate::harness::on_each;
use crate::wire::{
    self, Packet, Publish, V5, V311, subscription_identifier, subscription_identifiers,
};

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
/// Retain handling: send at SUBSCRIBE, send if the subscription is new, do not send.
const SEND: u8 = 0x00;
const SEND_IF_NEW: u8 = 0x10;
const DO_NOT_SEND: u8 = 0x20;

/// [MQTT-3.8.3-3]
#[test]
fn no_local_hides_a_clients_own_messages() {
    on_each(|broker| {
        let topic = broker.name();
        let mut client = broker.client(V5);
        client.subscribe(&topic, 1 | NO_LOCAL);
        let mut other = broker.client(V5);
        other.subscribe(&topic, 1);
        client.publish(Publish::new(&topic, 1, "own"));
        assert_eq!(other.take().text(), "own");
        other.publish(Publish::new(&topic, 0, "other's"));
        assert_eq!(client.message().text(), "other's");
    });
}

/// Another subscription without the option still brings them. [MQTT-3.8.3-3]
#[test]
fn no_local_counts_for_its_subscription_only() {
    on_each(|broker| {
        let name = broker.name();
        let mut client = broker.client(V5);
        client.subscribe(&format!("{name}/a"), 2 | NO_LOCAL);
        client.subscribe(&format!("{name}/+"), 0);
        client.publish(Publish::new(&format!("{name}/a"), 0, "own"));
        assert_eq!(client.message().text(), "own");
        // Replaced without the option, it brings them itself.
        client.unsubscribe(&format!("{name}/+"));
        client.subscribe(&format!("{name}/a"), 0);
        client.publish(Publish::new(&format!("{name}/a"), 0, "again"));
        assert_eq!(client.message().text(), "again");
    });
}

/// The client id counts, not the connection: what the session left behind is its own too.
/// [MQTT-3.8.3-3]
#[test]
fn no_local_goes_by_client_id() {
    on_each(|broker| {
        let (name, topic) = (broker.name(), broker.name());
        let connect = Connect::new(V5, &name).lasting();
        let mut client = broker.connect(&connect);
        client.subscribe(&topic, 1 | NO_LOCAL);
        client.cut();
        let mut client = broker.connect(&connect);
        client.publish(Publish::new(&topic, 1, "own"));
        broker.client(V5).nothing_for(&mut client);
    });
}

/// [MQTT-3.3.1-12] [MQTT-3.3.1-13]
#[test]
fn retain_as_published_keeps_the_flag() {
    on_each(|broker| {
        let topic = broker.name();
        let mut keeps = broker.client(V5);
        keeps.subscribe(&topic, 2 | RETAIN_AS_PUBLISHED);
        let mut drops = broker.client(V5);
        drops.subscribe(&topic, 2);
        let mut writer = broker.client(V5);
        for qos in 0..3 {
            for retain in [true, false] {
                let publish = Publish {
                    retain,
                    ..Publish::new(&topic, qos, "x")
                };
                writer.publish(publish);
                assert_eq!(keeps.take().retain, retain);
                assert!(!drops.take().retain);
            }
        }
    });
}

/// Subscribes and says whether the retained message of the topic came for it.
///
/// A second subscription, which always brings it, says when the first would have.
fn brings_retained(client: &mut Client, topic: &str, options: u8) -> bool {
    let (asked, always) = (1, 2);
    let all = format!("{topic}/#");
    let packets = [
        wire::subscribe(
            V5,
            100,
            &[(topic, options)],
            &[subscription_identifier(asked)],
        ),
        wire::subscribe(V5, 101, &[(&all, SEND)], &[subscription_identifier(always)]),
    ];
    client.send(&packets.concat());
    let (mut subacks, mut came_for_asked, mut came_for_always) = (0, false, false);
    while subacks < 2 || !came_for_always {
        match client.packet() {
            Packet::SubAck { .. } => subacks += 1,
            Packet::Publish(message) => {
                assert_eq!((message.text(), message.retain), ("kept", true));
                match subscription_identifiers(&message.properties).as_slice() {
                    [1] => came_for_asked = true,
                    [2] => came_for_always = true,
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    client.unsubscribe(&all);
    came_for_asked
}

/// [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]
#[test]
fn retain_handling_decides_what_subscribe_brings() {
    on_each(|broker| {
        let topic = broker.name();
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "kept").retain());
        // Options, and whether they bring it to a new and to an existing subscription.
        for (handling, new, existing) in [
            (SEND, true, true),
            (SEND_IF_NEW, true, false),
            (DO_NOT_SEND, false, false),
        ] {
            let mut client = broker.client(V5);
            let mut brings = |options| brings_retained(&mut client, &topic, options);
            assert_eq!(brings(handling), new, "{handling:#04x}, new");
            assert_eq!(brings(handling), existing, "{handling:#04x}, existing");
            assert!(brings(SEND), "{handling:#04x}, then 0");
            assert!(!brings(SEND_IF_NEW), "{handling:#04x}, then 1");
        }
    });
}

/// Existing means in the session, whichever connection it was made on. [MQTT-3.3.1-10]
#[test]
fn an_existing_subscription_may_be_of_an_earlier_connection() {
    on_each(|broker| {
        let topic = broker.name();
        let mut writer = broker.client(V5);
        writer.publish(Publish::new(&topic, 1, "kept").retain());
        let connect = Connect::new(V5, &broker.name()).lasting();
        let mut client = broker.connect(&connect);
        assert!(brings_retained(&mut client, &topic, SEND_IF_NEW));
        client.leave();
        let mut client = broker.connect(&connect);
        assert!(!brings_retained(&mut client, &topic, SEND_IF_NEW));
        client.unsubscribe(&topic);
        assert!(brings_retained(&mut client, &topic, SEND_IF_NEW));
    });
}

/// A subscription of 3.1.1 has none of these: own messages come, retain is cleared.
/// [MQTT3-3.3.1-9]
#[test]
fn a_subscription_of_311_has_no_options() {
    on_each(|broker| {
        let topic = broker.name();
        let mut client = broker.client(V311);
        client.subscribe(&topic, 0);
        client.publish(Publish::new(&topic, 0, "own").retain());
        let message = client.message();
        assert_eq!((message.text(), message.retain), ("own", false));
    });
}
