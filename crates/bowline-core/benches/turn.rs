//! What a message costs inside the core: bytes in, bytes out, nothing else.
//!
//! `cargo bench -p bowline-core --bench turn`: one publisher, some subscribers, one worker; a turn
//! brings a batch of PUBLISH packets, and the subscribers acknowledge at once. Deliberately absent:
//! sockets and other workers.
#![expect(clippy::print_stdout, reason = "a bench talks to whoever runs it")]

use std::time::Instant as Clock;

use bowline_core::{
    Broker, Commits, ConnectionId, Input, Instant, Limits, Now, Options, Out, WorkerId,
};
use bowline_packet::{
    Ack, AckKind, Connect, PacketId, ProtocolVersion, Publish, PublishProperties, QoS, Subscribe,
    SubscribeFilters, SubscriptionOptions, TopicFilter,
};

const BATCH: u16 = 32;
const TURNS: usize = 20_000;

struct Bench {
    broker: Broker,
    out: Out,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let broker = Broker::new(Options {
            limits: Limits::default(),
            worker: WorkerId(0),
            workers: 1,
            seed: 1,
            commits: Commits::AtOnce,
        });
        let out = broker.new_out();
        let now = Now {
            instant: Instant::from_millis(1),
            ..Now::default()
        };
        Self { broker, out, now }
    }

    fn open(&mut self, index: u32, version: ProtocolVersion) {
        let connection = ConnectionId(index);
        let client_id = format!("c{index}");
        let opened = Input::Opened {
            connection,
            peer: "127.0.0.1:1",
            assigned_client_id: &client_id,
        };
        self.broker.handle(self.now, opened, &mut self.out);
        let mut bytes = Vec::new();
        let connect = Connect::new(version, &client_id);
        connect.encode(version, &mut bytes).expect("it encodes");
        self.receive(index, &bytes);
    }

    fn receive(&mut self, index: u32, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let received = self
                .broker
                .receive(self.now, ConnectionId(index), rest, &mut self.out);
            rest = &rest[received.consumed..];
            if !received.more {
                return;
            }
            self.drain();
        }
    }

    fn drain(&mut self) -> usize {
        let mut taken = 0;
        while let Some(connection) = self.out.next_pressed() {
            taken += self.take(connection);
        }
        while let Some(connection) = self.out.next_dirty() {
            taken += self.take(connection);
        }
        self.out.events.clear();
        taken
    }

    fn take(&mut self, connection: ConnectionId) -> usize {
        let outbound = self.out.outbound(connection);
        let count = outbound.len();
        outbound.take(count);
        if self.out.settle(connection) {
            self.broker
                .handle(self.now, Input::Drained { connection }, &mut self.out);
        }
        count
    }
}

fn run(name: &str, version: ProtocolVersion, qos: QoS, subscribers: u32, payload: usize) {
    let mut bench = Bench::new();
    bench.open(0, version);
    let options = SubscriptionOptions {
        qos,
        ..SubscriptionOptions::default()
    };
    let filter = TopicFilter::parse("bench/topic/one").expect("it is a filter");
    for index in 1..=subscribers {
        bench.open(index, version);
        let filters = [(filter, options)];
        let subscribe = Subscribe {
            packet_id: PacketId::new(1).expect("1 is not 0"),
            subscription_identifier: None,
            user_properties: (&[] as &[(&str, &str)]).into(),
            filters: SubscribeFilters::from(&filters[..]),
        };
        let mut bytes = Vec::new();
        subscribe.encode(version, &mut bytes).expect("it encodes");
        bench.receive(index, &bytes);
    }
    bench.drain();
    let payload = vec![7; payload];
    let mut packets = Vec::new();
    for id in 1..=BATCH {
        let publish = Publish {
            dup: false,
            qos,
            retain: false,
            topic: "bench/topic/one",
            packet_id: PacketId::new(id).filter(|_| qos > QoS::AtMostOnce),
            properties: PublishProperties::default(),
            payload: &payload,
        };
        publish.encode(version, &mut packets).expect("it encodes");
    }
    let mut sent = 0u16;
    let turns = (TURNS / subscribers as usize).max(10);
    let start = Clock::now();
    let mut bytes_out = 0;
    let mut acks = Vec::new();
    for _ in 0..turns {
        bench.receive(0, &packets);
        bytes_out += bench.drain();
        if qos == QoS::AtMostOnce {
            continue;
        }
        acks.clear();
        for _ in 0..BATCH {
            sent = sent % 32_767 + 1;
            let packet_id = PacketId::new(sent).expect("it is not 0");
            let ack = Ack::new(packet_id, bowline_packet::ReasonCode::Success);
            ack.encode(AckKind::PubAck, version, &mut acks)
                .expect("it encodes");
        }
        for index in 1..=subscribers {
            bench.receive(index, &acks);
        }
        bytes_out += bench.drain();
    }
    let deliveries = turns * usize::from(BATCH) * subscribers as usize;
    let nanos = start.elapsed().as_nanos() as f64 / deliveries as f64;
    println!("{name:<40} {nanos:8.1} ns per delivery  ({bytes_out} bytes out)");
    assert_eq!(bench.out.counters.owed(), 0, "everything was acknowledged");
}

fn main() {
    use ProtocolVersion::{V5, V311};
    run("3.1.1 QoS 0, 1 to 1, 64 B", V311, QoS::AtMostOnce, 1, 64);
    run("5.0   QoS 0, 1 to 1, 64 B", V5, QoS::AtMostOnce, 1, 64);
    run("3.1.1 QoS 1, 1 to 1, 64 B", V311, QoS::AtLeastOnce, 1, 64);
    run(
        "3.1.1 QoS 0, 1 to 100, 64 B",
        V311,
        QoS::AtMostOnce,
        100,
        64,
    );
    run(
        "3.1.1 QoS 1, 1 to 100, 64 B",
        V311,
        QoS::AtLeastOnce,
        100,
        64,
    );
    run("3.1.1 QoS 0, 1 to 1, 4 KiB", V311, QoS::AtMostOnce, 1, 4096);
}
