//! rumqttc in 5.0.

use std::iter;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use bowline_tests_rumqttc::{Broker, DEADLINE, wait_for, wait_for_end};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, DisconnectReasonCode, Filter, LastWill, Packet,
    PubAckReason, Publish, PublishProperties, RetainForwardRule, SubscribeProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::{Client, Connection, ConnectionError, Event, MqttOptions, StateError};

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
        self.await_suback(qos);
    }

    fn await_suback(&self, qos: QoS) {
        wait_for(&self.arrivals, "SUBACK", |packet| match packet {
            Packet::SubAck(ack) => {
                assert_eq!(ack.return_codes, [SubscribeReasonCode::Success(qos)]);
                Some(())
            }
            _ => None,
        });
    }

    /// Publishes at QoS 1 and returns the reason of the PUBACK.
    fn publish(&self, topic: &str, retain: bool, payload: &str) -> PubAckReason {
        let payload = payload.to_owned();
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .expect("the client runs");
        wait_for(&self.arrivals, "PUBACK", |packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
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

    /// The payloads of what comes before the message `last`.
    fn messages_until(&self, last: &str) -> Vec<String> {
        iter::repeat_with(|| String::from_utf8_lossy(&self.message().payload).into_owned())
            .take_while(|payload| payload != last)
            .collect()
    }
}

/// As in `v4.rs`: the thread ends with the connection, so that a client that is gone stays away.
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

fn lasting(options: &mut MqttOptions) {
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(3600);
    options
        .set_clean_start(false)
        .set_connect_properties(properties);
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
    let first = Peer::connect(&broker, "fridge", lasting);
    assert!(!first.session_present);
    first.subscribe("kitchen/#", QoS::ExactlyOnce);
    first.leave();

    let publisher = Peer::connect(&broker, "publisher", |_| ());
    assert_eq!(
        publisher.publish("kitchen/door", false, "missed"),
        PubAckReason::Success
    );

    let again = Peer::connect(&broker, "fridge", lasting);
    assert!(again.session_present);
    let message = again.message();
    assert_eq!(
        (message.payload.as_ref(), message.dup),
        (&b"missed"[..], false)
    );
}

#[test]
fn will_when_another_takes_over() {
    let broker = Broker::start();
    let watcher = Peer::connect(&broker, "watcher", |_| ());
    watcher.subscribe("status/#", QoS::AtLeastOnce);
    let pump = Peer::connect(&broker, "pump", |options| {
        let will = LastWill::new("status/pump", "offline", QoS::AtLeastOnce, true, None);
        options.set_last_will(will);
    });
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
fn take_over_says_so() {
    if mosquitto_differs("2.0 closes without a DISCONNECT") {
        return;
    }
    let broker = Broker::start();
    let (_client, mut connection) =
        Client::new(MqttOptions::new("twin", "127.0.0.1", broker.port), 10);
    let first = connection.recv().expect("the client runs");
    assert!(
        matches!(first, Ok(Event::Incoming(Packet::ConnAck(_)))),
        "{first:?}"
    );
    let _second = Peer::connect(&broker, "twin", |_| ());
    // rumqttc makes an error of a DISCONNECT.
    match connection.recv_timeout(DEADLINE).expect("it comes in time") {
        Err(ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })) => {
            assert_eq!(reason_code, DisconnectReasonCode::SessionTakenOver);
        }
        other => panic!("not a DISCONNECT: {other:?}"),
    }
}

#[test]
fn retained_and_its_options() {
    let broker = Broker::start();
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    publisher.publish("shelf/a", true, "kept");
    let reader = Peer::connect(&broker, "reader", |_| ());
    let mut filter = Filter::new("shelf/+", QoS::AtLeastOnce);
    filter.preserve_retain = true;
    filter.retain_forward_rule = RetainForwardRule::OnEverySubscribe;
    reader
        .client
        .subscribe_many([filter])
        .expect("the client runs");
    // SUBACK may come before or after the retained message.
    assert!(reader.message().retain);
    publisher.publish("shelf/a", true, "live");
    assert!(reader.message().retain, "as published");

    let picky = Peer::connect(&broker, "picky", |_| ());
    let mut filter = Filter::new("shelf/+", QoS::AtLeastOnce);
    filter.retain_forward_rule = RetainForwardRule::Never;
    picky
        .client
        .subscribe_many([filter])
        .expect("the client runs");
    picky.await_suback(QoS::AtLeastOnce);
    publisher.publish("shelf/a", false, "the first it sees");
    assert_eq!(picky.message().payload, "the first it sees");
}

#[test]
fn properties_travel() {
    let broker = Broker::start();
    let subscriber = Peer::connect(&broker, "subscriber", |_| ());
    let identifier = SubscribeProperties {
        id: Some(300_000),
        user_properties: Vec::new(),
    };
    subscriber
        .client
        .subscribe_with_properties("t", QoS::AtLeastOnce, identifier)
        .expect("the client runs");
    subscriber.await_suback(QoS::AtLeastOnce);
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    let sent = PublishProperties {
        payload_format_indicator: Some(1),
        message_expiry_interval: Some(100),
        response_topic: Some("answers/here".into()),
        correlation_data: Some(vec![0, 1, 255].into()),
        user_properties: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
        content_type: Some("text/plain".into()),
        ..PublishProperties::default()
    };
    publisher
        .client
        .publish_with_properties("t", QoS::AtLeastOnce, false, "x", sent.clone())
        .expect("the client runs");
    let mut got = subscriber
        .message()
        .properties
        .expect("there are properties");
    assert_eq!(got.subscription_identifiers, [300_000]);
    assert!(
        got.message_expiry_interval
            .is_some_and(|left| (99..=100).contains(&left))
    );
    got.subscription_identifiers.clear();
    got.message_expiry_interval = sent.message_expiry_interval;
    assert_eq!(got, sent);
}

#[test]
fn shared_subscription() {
    let broker = Broker::start();
    let members = ["one", "two"].map(|id| {
        let member = Peer::connect(&broker, id, |_| ());
        member.subscribe("$share/g/jobs", QoS::AtLeastOnce);
        member.subscribe("end", QoS::AtLeastOnce);
        member
    });
    let publisher = Peer::connect(&broker, "publisher", |_| ());
    let jobs: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    for job in &jobs {
        assert_eq!(publisher.publish("jobs", false, job), PubAckReason::Success);
    }
    publisher.publish("end", false, "end");
    let mut done: Vec<String> = members
        .iter()
        .flat_map(|m| m.messages_until("end"))
        .collect();
    done.sort();
    assert_eq!(done, jobs, "each job once");
}

/// Says whether a test is left out because mosquitto, of which this is known, runs it.
fn mosquitto_differs(why: &str) -> bool {
    let differs = std::env::var("BOWLINE_TEST_BROKER").is_ok_and(|c| c.contains("mosquitto"));
    if differs {
        eprintln!("left out for mosquitto: {why}");
    }
    differs
}
