//! rumqttc in 3.1.1.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bowline_tests_rumqttc::{Broker, wait_for, wait_for_end};
use rumqttc::{
    Client, ConnectReturnCode, Connection, Event, LastWill, MqttOptions, Packet, Publish, QoS,
    SubscribeReasonCode,
};

const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A client and what arrived for it.
struct Peer {
    client: Client,
    arrivals: Receiver<Packet>,
    session_present: bool,
}

impl Peer {
    fn connect(broker: &Broker, id: &str, change: impl FnOnce(&mut MqttOptions)) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.port);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_max_packet_size(1 << 20, 1 << 20);
        change(&mut options);
        let (client, connection) = Client::new(options, 100);
        let arrivals = pump(connection);
        let session_present = wait_for(&arrivals, "CONNACK", |packet| match packet {
            Packet::ConnAck(ack) => {
                assert_eq!(ack.code, ConnectReturnCode::Success);
                Some(ack.session_present)
            }
            _ => None,
        });
        Self {
            client,
            arrivals,
            session_present,
        }
    }

    fn subscribe(&self, filter: &str, qos: QoS) {
        self.client.subscribe(filter, qos).expect("the client runs");
        wait_for(&self.arrivals, "SUBACK", |packet| match packet {
            Packet::SubAck(ack) => {
                assert_eq!(ack.return_codes, [SubscribeReasonCode::Success(qos)]);
                Some(())
            }
            _ => None,
        });
    }

    /// Publishes and waits for the end of the handshake.
    fn publish(&self, topic: &str, qos: QoS, retain: bool, payload: &str) {
        self.client
            .publish(topic, qos, retain, payload)
            .expect("the client runs");
        wait_for(&self.arrivals, "the acknowledgement", |packet| {
            match (qos, packet) {
                (QoS::AtLeastOnce, Packet::PubAck(_)) => Some(()),
                (QoS::ExactlyOnce, Packet::PubComp(_)) => Some(()),
                // Nothing answers QoS 0; a ping would do, but who waits for the message knows.
                (QoS::AtMostOnce, _) => Some(()),
                _ => None,
            }
        });
    }

    /// DISCONNECT, and back when the broker has closed the connection: it knows that we are away.
    fn leave(self) {
        self.client.disconnect().expect("the client runs");
        wait_for_end(&self.arrivals);
    }

    fn message(&self) -> Publish {
        wait_for(&self.arrivals, "a message", |packet| match packet {
            Packet::Publish(publish) => Some(publish.clone()),
            _ => None,
        })
    }
}

/// rumqttc works only while its events are taken. The thread ends with the connection: rumqttc
/// would come back at the next call, and these clients shall stay away when they are gone.
fn pump(mut connection: Connection) -> Receiver<Packet> {
    let (sender, arrivals) = channel();
    thread::spawn(move || {
        for event in connection.iter() {
            let Ok(event) = event else { return };
            if let Event::Incoming(packet) = event
                && sender.send(packet).is_err()
            {
                return;
            }
        }
    });
    arrivals
}

#[test]
fn each_qos_meets_each_qos() {
    let broker = Broker::start();
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    for granted in ALL_QOS {
        let subscriber = Peer::connect(&broker, &format!("at-{}", granted as u8), |_| ());
        subscriber.subscribe("a/+", granted);
        for qos in ALL_QOS {
            publisher
                .client
                .publish("a/b", qos, false, format!("{}", qos as u8))
                .expect("it runs");
            let message = subscriber.message();
            assert_eq!(message.payload, format!("{}", qos as u8));
            assert_eq!(message.qos as u8, (qos as u8).min(granted as u8));
            assert!(!message.dup && !message.retain);
        }
    }
}

#[test]
fn persistent_session() {
    let broker = Broker::start();
    let lasting = |options: &mut MqttOptions| {
        options.set_clean_session(false);
    };
    let first = Peer::connect(&broker, "fridge", lasting);
    assert!(!first.session_present);
    first.subscribe("kitchen/#", QoS::ExactlyOnce);
    first.leave();

    let publisher = Peer::connect(&broker, "publisher", |_| ());
    publisher.publish("kitchen/door", QoS::AtLeastOnce, false, "one");
    publisher.publish("kitchen/door", QoS::ExactlyOnce, false, "two");

    let again = Peer::connect(&broker, "fridge", lasting);
    assert!(again.session_present);
    let mut got = [again.message(), again.message()].map(|m| (m.payload, m.qos as u8, m.dup));
    got.sort();
    assert_eq!(got, [("one".into(), 1, false), ("two".into(), 2, false)]);
}

#[test]
fn will() {
    let broker = Broker::start();
    let watcher = Peer::connect(&broker, "watcher", |_| ());
    watcher.subscribe("status/#", QoS::AtLeastOnce);
    let pump = Peer::connect(&broker, "pump", |options| {
        options.set_last_will(LastWill::new(
            "status/pump",
            "offline",
            QoS::AtLeastOnce,
            true,
        ));
        // Without packets of ours the connection ends after one and a half of this.
        options.set_keep_alive(Duration::from_secs(5));
    });
    // A second connection with the same client id ends the first without a DISCONNECT.
    let usurper = Peer::connect(&broker, "pump", |_| ());
    let message = watcher.message();
    assert_eq!(
        (message.payload.as_ref(), message.retain),
        (&b"offline"[..], false)
    );
    drop((pump, usurper));

    let late = Peer::connect(&broker, "late", |_| ());
    late.subscribe("status/#", QoS::AtLeastOnce);
    assert!(late.message().retain);
}

#[test]
fn retained() {
    let broker = Broker::start();
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    publisher.publish("shelf/a", QoS::AtLeastOnce, true, "kept");
    publisher.publish("shelf/b", QoS::AtLeastOnce, true, "gone");
    publisher.publish("shelf/b", QoS::AtLeastOnce, true, "");
    let reader = Peer::connect(&broker, "reader", |_| ());
    reader.subscribe("shelf/+", QoS::ExactlyOnce);
    let message = reader.message();
    assert_eq!((message.topic.as_str(), message.retain), ("shelf/a", true));
    publisher.publish("shelf/a", QoS::AtLeastOnce, true, "live");
    let message = reader.message();
    assert_eq!(
        (message.payload.as_ref(), message.retain),
        (&b"live"[..], false)
    );
}

#[test]
fn manual_acknowledgement_of_a_hundred() {
    let broker = Broker::start();
    let lasting = |options: &mut MqttOptions| {
        options.set_clean_session(false).set_manual_acks(true);
    };
    let first = Peer::connect(&broker, "worker", lasting);
    first.subscribe("jobs", QoS::AtLeastOnce);
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    for number in 0..100 {
        publisher
            .client
            .publish("jobs", QoS::AtLeastOnce, false, format!("{number}"))
            .expect("ok");
    }
    for number in 0..100 {
        let message = first.message();
        assert_eq!(message.payload, format!("{number}"));
        if number < 40 {
            first.client.ack(&message).expect("the client runs");
        }
    }
    // A round trip behind the acknowledgements, so that the broker has them.
    first.subscribe("other", QoS::AtLeastOnce);
    first.leave();

    let again = Peer::connect(&broker, "worker", lasting);
    for number in 40..100 {
        let message = again.message();
        assert_eq!(
            (message.payload, message.dup),
            (format!("{number}").into(), true)
        );
    }
}
