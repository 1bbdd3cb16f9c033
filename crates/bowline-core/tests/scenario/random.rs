//! Random lives of six clients on a few topics: what must hold in every one of them.
//!
//! Each seed chooses workers, limits and a life: publishing at all QoS, acknowledging late, cuts,
//! take-overs, readers that stall, turns of workers in any order. Then everybody comes back and
//! reads, and the oracle (which knows only what the clients saw) checks: what was acknowledged
//! reached every lasting subscriber, QoS 2 once; the order of a publisher's messages on a topic
//! held; a re-delivery carries DUP and the identifier of the first one; the books balance;
//! everything drains.
//!
//! Long (at most 900 lines): one world of clients, and what is checked of it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::{Commits, Limits, OnFull};
use bowline_packet::{
    Ack, AckKind, Connect, Next, Packet, PacketId, ProtocolVersion, Publish, PublishProperties,
    QoS, ReasonCode, Subscribe, SubscribeFilters, SubscriptionOptions, TopicFilter, Unsubscribe,
    UnsubscribeFilters, UserProperties, Will, matches, next_frame,
};

use crate::world::{Got, Variant, World, next_random};

const CLIENTS: usize = 6;
const STEPS: usize = 400;
/// Those of the lasting subscriptions, one that is subscribed to and left, two that are shared.
const TOPICS: [&str; 7] = [
    "t/0",
    "t/1",
    "u/0",
    "u",
    "left/0",
    "shared/a/0",
    "shared/a/1",
];
const LASTING_TOPICS: usize = 4;
const LEFT_TOPIC: usize = 4;
const FILTERS: [&str; 5] = ["t/0", "t/+", "u", "u/#", "+/1"];
const LEFT_FILTER: &str = "left/+";
const SHARED_FILTER: &str = "$share/group/shared/#";
/// The clients that share.
const SHARERS: usize = 3;
/// More rounds than this to drain: something is stuck.
const ROUNDS_MAX: usize = 2_000;

#[test]
fn random_lives_keep_the_promise() {
    for seed in 0..60 {
        live(seed);
    }
}

/// One more life, or many: `SEEDS=1000..2000`.
#[test]
fn random_lives_by_request() {
    let Ok(seeds) = std::env::var("SEEDS") else {
        return;
    };
    let (from, to) = seeds.split_once("..").expect("SEEDS=FROM..TO");
    let bound = |text: &str| text.parse::<u64>().expect("a number");
    for seed in bound(from)..bound(to) {
        live(seed);
    }
}

fn live(seed: u64) {
    let told = std::panic::catch_unwind(|| Life::new(seed).run());
    if let Err(panic) = told {
        eprintln!("seed {seed} fails");
        std::panic::resume_unwind(panic);
    }
}

/// A message that was published: its text says who, the how manieth, and at which QoS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    publisher: usize,
    sequence: u32,
    topic: usize,
    qos: u8,
}

/// How far a publish has come, as its publisher sees it.
#[derive(Clone, Debug)]
struct Open {
    message: Message,
    retain: bool,
    is_received: bool,
}

/// A client that plays by the rules.
struct Agent {
    client: usize,
    version: ProtocolVersion,
    lasting: bool,
    filters: Vec<(&'static str, QoS)>,
    /// CONNACK came.
    is_open: bool,
    /// It has had a session that lasts.
    has_session: bool,
    next_packet_id: u16,
    sequence: u32,
    /// What it published and has not been told to forget, in order.
    open: BTreeMap<u64, (u16, Open)>,
    opened: u64,
    /// Acknowledgements that it owes.
    owed: Vec<(AckKind, u16)>,
    /// What the server's identifiers stand for.
    server_ids: BTreeMap<u16, Message>,
    /// Identifiers that it has not acknowledged to the end.
    busy: BTreeSet<u16>,
    /// When each identifier was seen first, and that of the last one that came again.
    first_seen: BTreeMap<u16, usize>,
    last_again: usize,
    /// QoS 2 between PUBLISH and PUBREL.
    held: BTreeSet<u16>,
    /// What the application got, in order.
    got: Vec<Message>,
}

struct Life {
    seed: u64,
    random: u64,
    world: World,
    agents: Vec<Agent>,
    /// Deliveries are sent again on a live connection, too.
    retries: bool,
    ghosts: usize,
    published: BTreeSet<Message>,
    acknowledged: BTreeSet<Message>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = seed;
        let mut pick = |bound: u64| next_random(&mut random) % bound;
        let variant = Variant {
            workers: [1, 2, 3, 4][index(pick(4))],
            commits: [Commits::AtOnce, Commits::Reported][index(pick(2))],
            unload: pick(3) == 0,
            single_bytes: pick(8) == 0,
        };
        let mut limits = Limits {
            receive_maximum_out_v3: [1, 2, 256][index(pick(3))],
            receive_maximum_in: [1, 3, 1024][index(pick(3))],
            outbound_bytes_max: [1, 300, 256 * 1024][index(pick(3))],
            read_ahead_messages: [1, 64][index(pick(2))],
            retained_page_topics: [1, 256][index(pick(2))],
            retry_interval_secs: [0, 20][index(pick(2))],
            ..Limits::default()
        };
        if pick(3) == 0 {
            limits.on_full = OnFull::Hold;
            limits.queue_messages_max = [1, 3][index(pick(2))];
            limits.hold_timeout_millis = 1 << 40;
        }
        let mut world = World::new(variant, &limits, seed);
        world.shuffle = Some(seed);
        let agents = (0..CLIENTS).map(|number| {
            let version = [ProtocolVersion::V311, ProtocolVersion::V5][index(pick(2))];
            let mut filters: Vec<(&str, QoS)> = Vec::new();
            for filter in FILTERS {
                if pick(3) == 0 {
                    filters.push((filter, qos(pick(3))));
                }
            }
            if number < SHARERS {
                filters.push((SHARED_FILTER, QoS::ExactlyOnce));
            }
            Agent {
                client: world.client(&format!("c{number}")),
                version,
                // With tiny queues a session that does not last would be ended for ever.
                lasting: number < 4 || limits.on_full == OnFull::Hold,
                filters,
                is_open: false,
                has_session: false,
                next_packet_id: 1,
                sequence: 0,
                open: BTreeMap::new(),
                opened: 0,
                owed: Vec::new(),
                server_ids: BTreeMap::new(),
                busy: BTreeSet::new(),
                first_seen: BTreeMap::new(),
                last_again: 0,
                held: BTreeSet::new(),
                got: Vec::new(),
            }
        });
        let agents = agents.collect();
        Self {
            seed,
            random,
            world,
            agents,
            retries: limits.retry_interval_secs > 0,
            ghosts: 0,
            published: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    fn pick(&mut self, bound: u64) -> u64 {
        next_random(&mut self.random) % bound
    }

    fn run(mut self) {
        for number in 0..CLIENTS {
            self.connect(number);
            self.world.settle();
            self.listen(number);
            self.world.settle();
        }
        for _ in 0..STEPS {
            let number = index(self.pick(CLIENTS as u64));
            self.act(number);
            if self.pick(2) == 0 {
                self.world.settle();
            } else {
                for _ in 0..self.pick(4) {
                    self.world.any_turn();
                }
            }
            let listener = index(self.pick(CLIENTS as u64));
            self.listen(listener);
        }
        self.drain();
        self.judge();
        self.judge_shares();
        self.leave();
    }

    /// One thing that one client does or suffers.
    fn act(&mut self, number: usize) {
        let client = self.agents[number].client;
        if !self.world.is_connected(client) {
            self.listen(number);
            self.connect(number);
            return;
        }
        match self.pick(20) {
            0 => {
                self.world.cut(client);
                self.lost(number);
            }
            1 => {
                // The server has not noticed: the next CONNECT takes over.
                self.ghosts += 1;
                self.world
                    .abandon(client, &format!("ghost {}", self.ghosts));
                self.lost(number);
                self.connect(number);
            }
            2 => self.world.clients[client].stalls = true,
            3 | 4 => {
                self.world.clients[client].stalls = false;
                self.world.read(client, usize::MAX);
            }
            5 => self.world.wait(7_000_000),
            6 => {
                let filters = self.agents[number].filters.clone();
                self.subscribe(number, &filters);
            }
            7 => {
                let granted = qos(self.pick(3));
                self.subscribe(number, &[(LEFT_FILTER, granted)]);
            }
            8 => self.unsubscribe(number),
            9 => self.world.commits_are_held = !self.world.commits_are_held,
            10..=13 => {
                for _ in 0..self.pick(4) {
                    self.acknowledge(number);
                }
            }
            _ => self.publish(number),
        }
    }

    fn connect(&mut self, number: usize) {
        let agent = &self.agents[number];
        let name = format!("c{number}");
        let mut connect = Connect::new(agent.version, &name);
        connect.clean_start = !agent.lasting;
        connect.session_expiry_secs = agent.lasting.then_some(1_000_000);
        let will = Message {
            publisher: number,
            sequence: 0,
            topic: LEFT_TOPIC,
            qos: 1,
        };
        let payload = payload(&will);
        connect.will = Some(Will::new(QoS::AtLeastOnce, TOPICS[LEFT_TOPIC], &payload));
        self.published.insert(will);
        let mut bytes = Vec::new();
        connect.encode(agent.version, &mut bytes).expect("it fits");
        self.world.clients[agent.client].stalls = false;
        self.world.send(agent.client, &bytes);
    }

    /// The connection is gone, and what was on its way to the client with it.
    fn lost(&mut self, number: usize) {
        let agent = &mut self.agents[number];
        self.world.clients[agent.client].got.clear();
        agent.is_open = false;
        agent.owed.clear();
    }

    fn publish(&mut self, number: usize) {
        let topic = index(self.pick(TOPICS.len() as u64));
        let qos = self.pick(3);
        let retain = self.pick(8) == 0;
        let agent = &mut self.agents[number];
        if !agent.is_open || agent.open.len() >= 5 {
            return;
        }
        agent.sequence += 1;
        let message = Message {
            publisher: number,
            sequence: agent.sequence,
            topic,
            qos: u8::try_from(qos).expect("0 to 2"),
        };
        self.published.insert(message.clone());
        let mut packet_id = 0;
        if qos > 0 {
            while agent
                .open
                .values()
                .any(|(id, _)| *id == agent.next_packet_id)
            {
                agent.next_packet_id = agent.next_packet_id % 7 + 1;
            }
            packet_id = agent.next_packet_id;
            agent.next_packet_id = agent.next_packet_id % 7 + 1;
            let open = Open {
                message: message.clone(),
                retain,
                is_received: false,
            };
            agent.opened += 1;
            agent.open.insert(agent.opened, (packet_id, open));
        }
        let bytes = publish_bytes(agent.version, &message, packet_id, retain, false);
        self.world.send(agent.client, &bytes);
    }

    fn acknowledge(&mut self, number: usize) {
        let agent = &mut self.agents[number];
        if agent.owed.is_empty() || !agent.is_open {
            return;
        }
        let (kind, id) = agent.owed.remove(0);
        if matches!(kind, AckKind::PubAck | AckKind::PubComp) {
            agent.busy.remove(&id);
        }
        self.send_ack(number, kind, id);
    }

    fn send_ack(&mut self, number: usize, kind: AckKind, id: u16) {
        let agent = &self.agents[number];
        let mut bytes = Vec::new();
        let packet_id = PacketId::new(id).expect("not zero");
        Ack::new(packet_id, ReasonCode::Success)
            .encode(kind, agent.version, &mut bytes)
            .expect("it fits");
        self.world.send(agent.client, &bytes);
    }

    /// The client takes what has come.
    fn listen(&mut self, number: usize) {
        let client = self.agents[number].client;
        let mut bytes = Vec::new();
        let mut is_closed = false;
        for got in std::mem::take(&mut self.world.clients[client].got) {
            match got {
                Got::Bytes(_, more) => bytes.extend(more),
                Got::Closed => is_closed = true,
            }
        }
        let version = self.agents[number].version;
        let mut rest = &bytes[..];
        while let Ok(Next::Frame(frame)) = next_frame(rest, usize::MAX) {
            let len = frame.len;
            let packet = Packet::decode(version, frame).expect("the server speaks MQTT");
            self.on_packet(number, &packet);
            rest = &rest[len..];
        }
        if is_closed {
            self.lost(number);
        } else if !rest.is_empty() {
            let left = Got::Bytes(version, rest.to_vec());
            self.world.clients[client].got.insert(0, left);
        }
    }

    fn on_packet(&mut self, number: usize, packet: &Packet<'_>) {
        match packet {
            Packet::ConnAck(connack) => self.on_connack(number, connack.session_present),
            Packet::Publish(publish) => self.on_publish(number, publish),
            Packet::PubAck(ack) => {
                let open = self.take_open(number, ack.packet_id.get());
                if let (Some(open), false) = (open, ack.reason.is_error()) {
                    self.acknowledged.insert(open.message);
                }
            }
            Packet::PubRec(ack) if ack.reason.is_error() => {
                self.take_open(number, ack.packet_id.get());
            }
            Packet::PubRec(ack) => {
                let id = ack.packet_id.get();
                let agent = &mut self.agents[number];
                let open = agent.open.values_mut().find(|(other, _)| *other == id);
                let (_, open) = open.expect("PUBREC answers a PUBLISH");
                open.is_received = true;
                self.acknowledged.insert(open.message.clone());
                self.send_ack(number, AckKind::PubRel, id);
            }
            Packet::PubComp(ack) => {
                self.take_open(number, ack.packet_id.get());
            }
            Packet::PubRel(ack) => {
                let id = ack.packet_id.get();
                self.agents[number].held.remove(&id);
                self.agents[number].owed.push((AckKind::PubComp, id));
            }
            Packet::SubAck(_) | Packet::PingResp | Packet::UnsubAck(_) => {}
            Packet::Disconnect(disconnect) => {
                // A client whose PUBREL stands behind too much (see `flow`); all else is wrong.
                let allowed = [
                    ReasonCode::ReceiveMaximumExceeded,
                    ReasonCode::SessionTakenOver,
                    ReasonCode::QuotaExceeded,
                ];
                assert!(allowed.contains(&disconnect.reason), "{disconnect:?}");
                if disconnect.reason == ReasonCode::QuotaExceeded {
                    assert!(!self.agents[number].lasting, "nobody lasting is ended");
                }
            }
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Auth(_) => panic!("not from a server: {packet:?}"),
        }
    }

    fn take_open(&mut self, number: usize, id: u16) -> Option<Open> {
        let agent = &mut self.agents[number];
        let found = agent.open.iter().find(|(_, (other, _))| *other == id);
        let place = *found?.0;
        agent.open.remove(&place).map(|(_, open)| open)
    }

    fn on_connack(&mut self, number: usize, present: bool) {
        let agent = &mut self.agents[number];
        assert_eq!(
            present,
            agent.lasting && agent.has_session,
            "session present says what is there"
        );
        agent.is_open = true;
        agent.last_again = 0;
        let is_first = !agent.has_session;
        agent.has_session = true;
        if !present {
            agent.server_ids.clear();
            agent.busy.clear();
            agent.held.clear();
            let filters = self.agents[number].filters.clone();
            self.subscribe(number, &filters);
        }
        if !self.agents[number].lasting && !is_first {
            // Its QoS 2 began in a session that is gone: it is not sent again.
            self.agents[number]
                .open
                .retain(|_, (_, open)| open.message.qos == 1);
        }
        let agent = &self.agents[number];
        let mut bytes = Vec::new();
        for (id, open) in agent.open.values() {
            if open.is_received {
                let packet_id = PacketId::new(*id).expect("not zero");
                Ack::new(packet_id, ReasonCode::Success)
                    .encode(AckKind::PubRel, agent.version, &mut bytes)
                    .expect("it fits");
            } else {
                let again = publish_bytes(agent.version, &open.message, *id, open.retain, true);
                bytes.extend(again);
            }
        }
        if !bytes.is_empty() {
            self.world.send(agent.client, &bytes);
        }
    }

    fn unsubscribe(&mut self, number: usize) {
        let agent = &self.agents[number];
        if !agent.is_open {
            return;
        }
        let filters = [TopicFilter::parse(LEFT_FILTER).expect("a filter")];
        let packet = Unsubscribe {
            packet_id: PacketId::new(2).expect("not zero"),
            user_properties: UserProperties::default(),
            filters: UnsubscribeFilters::from(&filters[..]),
        };
        let mut bytes = Vec::new();
        packet.encode(agent.version, &mut bytes).expect("it fits");
        self.world.send(agent.client, &bytes);
    }

    fn subscribe(&mut self, number: usize, filters: &[(&str, QoS)]) {
        let agent = &self.agents[number];
        if !agent.is_open {
            return;
        }
        let filters = filters.iter().map(|(filter, qos)| {
            let options = SubscriptionOptions {
                qos: *qos,
                ..SubscriptionOptions::default()
            };
            (TopicFilter::parse(filter).expect("a filter"), options)
        });
        let filters: Vec<_> = filters.collect();
        if filters.is_empty() {
            return;
        }
        let packet = Subscribe {
            packet_id: PacketId::new(1).expect("not zero"),
            subscription_identifier: None,
            user_properties: UserProperties::default(),
            filters: SubscribeFilters::from(&filters[..]),
        };
        let mut bytes = Vec::new();
        packet.encode(agent.version, &mut bytes).expect("it fits");
        self.world.send(agent.client, &bytes);
    }

    fn on_publish(&mut self, number: usize, publish: &Publish<'_>) {
        let message = parse(publish.payload);
        assert!(self.published.contains(&message), "a phantom: {message:?}");
        assert_eq!(TOPICS[message.topic], publish.topic);
        if message.topic < LASTING_TOPICS {
            let granted = self.granted(number, &message);
            assert!(publish.qos <= granted, "never more than was granted");
        }
        let agent = &mut self.agents[number];
        // A replay of retained messages stands beside the order of the live ones.
        let is_live = !publish.retain;
        let Some(id) = publish.packet_id.map(PacketId::get) else {
            agent.got.extend(Some(message).filter(|_| is_live));
            return;
        };
        // With DUP it may be the first that the client sees of it: the other was lost on its way.
        if agent.busy.contains(&id) {
            assert!(publish.dup, "identifier {id} is in use: {message:?}");
            assert_eq!(agent.server_ids.get(&id), Some(&message), "the same again");
            let first_seen = agent.first_seen[&id];
            let is_in_order = first_seen >= agent.last_again || self.retries;
            assert!(
                is_in_order,
                "what comes again comes in its order: {message:?}"
            );
            agent.last_again = first_seen;
        } else {
            let seen = agent.first_seen.len() + agent.got.len();
            agent.first_seen.insert(id, seen);
        }
        agent.server_ids.insert(id, message.clone());
        agent.busy.insert(id);
        if publish.qos == QoS::AtLeastOnce {
            agent.got.extend(Some(message).filter(|_| is_live));
            agent.owed.push((AckKind::PubAck, id));
        } else {
            if agent.held.insert(id) {
                agent.got.extend(Some(message).filter(|_| is_live));
            }
            agent.owed.push((AckKind::PubRec, id));
        }
    }

    /// The QoS at which a subscriber gets a message at most.
    fn granted(&self, number: usize, message: &Message) -> QoS {
        let agent = &self.agents[number];
        let topic = TOPICS[message.topic];
        let wanted = agent.filters.iter().filter(|(f, _)| matches(f, topic));
        let best = wanted.map(|(_, qos)| *qos).max();
        best.unwrap_or(QoS::AtMostOnce)
            .min(qos(u64::from(message.qos)))
    }

    /// Everybody comes back, reads and acknowledges, until nothing is left to do.
    fn drain(&mut self) {
        self.world.commits_are_held = false;
        for round in 0.. {
            if round >= ROUNDS_MAX {
                self.tell_stuck();
            }
            self.world.settle();
            let mut is_done = true;
            for number in 0..CLIENTS {
                let client = self.agents[number].client;
                self.world.clients[client].stalls = false;
                self.world.read(client, usize::MAX);
                self.listen(number);
                if !self.world.is_connected(client) {
                    self.connect(number);
                    is_done = false;
                }
                while !self.agents[number].owed.is_empty() && self.agents[number].is_open {
                    self.acknowledge(number);
                    is_done = false;
                }
                is_done &= self.agents[number].open.is_empty() && self.agents[number].is_open;
            }
            if is_done && self.world.gauges().iter().all(|gauges| gauges.owed == 0) {
                break;
            }
        }
    }

    fn tell_stuck(&self) -> ! {
        for agent in &self.agents {
            let Agent {
                is_open,
                open,
                owed,
                ..
            } = agent;
            eprintln!("open: {is_open}, published: {open:?}, owes: {owed:?}");
        }
        panic!("it does not drain: {:#?}", self.world.gauges());
    }

    /// What the clients saw against what they were promised.
    fn judge(&self) {
        for (number, agent) in self.agents.iter().enumerate() {
            if !agent.lasting {
                continue;
            }
            self.judge_order(number);
            let kept = self.acknowledged.iter();
            for message in kept.filter(|message| message.topic < LASTING_TOPICS) {
                let topic = TOPICS[message.topic];
                if !agent
                    .filters
                    .iter()
                    .any(|(filter, _)| matches(filter, topic))
                {
                    continue;
                }
                let times = agent.got.iter().filter(|got| *got == message).count();
                match self.granted(number, message) {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => assert!(times >= 1, "c{number} never got {message:?}"),
                    QoS::ExactlyOnce if self.agents[message.publisher].lasting => {
                        assert_eq!(times, 1, "c{number} got {message:?} {times} times");
                    }
                    QoS::ExactlyOnce => assert!(times >= 1, "c{number} never got {message:?}"),
                }
            }
        }
    }

    /// What was shared came to one of those who share, at QoS 2 once.
    fn judge_shares(&self) {
        let shared = |message: &&Message| message.topic > LEFT_TOPIC && message.qos > 0;
        for message in self.acknowledged.iter().filter(shared) {
            let sharers = self.agents.iter().take(SHARERS);
            let times = sharers.flat_map(|agent| &agent.got);
            let times = times.filter(|got| *got == message).count();
            assert!(times >= 1, "nobody got {message:?}");
            if message.qos == 2 && self.agents[message.publisher].lasting {
                assert_eq!(times, 1, "{message:?} came {times} times");
            }
        }
    }

    /// The first time that each message came, a publisher's messages of one topic and QoS came in
    /// their order.
    fn judge_order(&self, number: usize) {
        let agent = &self.agents[number];
        let mut last: BTreeMap<(usize, usize, u8), u32> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for message in &agent.got {
            // At QoS 0 the first one may be lost, and the one that is sent again come late.
            let is_kept =
                message.topic < LASTING_TOPICS && self.granted(number, message) > QoS::AtMostOnce;
            if !is_kept || !seen.insert(message) {
                continue;
            }
            let key = (message.publisher, message.topic, message.qos);
            let before = last.insert(key, message.sequence).unwrap_or(0);
            assert!(
                before < message.sequence,
                "c{number}: {before} before {message:?}"
            );
        }
    }

    /// Nothing is left when all have gone.
    fn leave(mut self) {
        let mut bytes = Vec::new();
        for topic in TOPICS {
            let publish = Publish {
                dup: false,
                qos: QoS::AtMostOnce,
                retain: true,
                topic,
                packet_id: None,
                properties: PublishProperties::default(),
                payload: b"",
            };
            let connect = Connect::new(ProtocolVersion::V311, "the janitor");
            if bytes.is_empty() {
                connect
                    .encode(connect.version, &mut bytes)
                    .expect("it fits");
            }
            publish
                .encode(connect.version, &mut bytes)
                .expect("it fits");
        }
        let janitor = self.world.client("the janitor");
        self.world.send(janitor, &bytes);
        self.world.settle();
        for client in 0..self.world.clients.len() {
            self.world.cut(client);
        }
        self.world.skip(8 * 24 * 60 * 60 * 1_000_000);
        for gauges in self.world.gauges() {
            let nothing = bowline_core::Gauges::default();
            assert_eq!(gauges, nothing, "all is given back, seed {}", self.seed);
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

fn qos(bits: u64) -> QoS {
    QoS::from_bits(u8::try_from(bits).expect("small")).expect("0 to 2")
}

fn publish_bytes(
    version: ProtocolVersion,
    message: &Message,
    packet_id: u16,
    retain: bool,
    dup: bool,
) -> Vec<u8> {
    let payload = payload(message);
    let packet = Publish {
        dup,
        qos: qos(u64::from(message.qos)),
        retain,
        topic: TOPICS[message.topic],
        packet_id: PacketId::new(packet_id),
        properties: PublishProperties::default(),
        payload: &payload,
    };
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("it fits");
    bytes
}

fn payload(message: &Message) -> Vec<u8> {
    let Message {
        publisher,
        sequence,
        topic,
        qos,
    } = message;
    format!("{publisher} {sequence} {topic} {qos}").into_bytes()
}

fn parse(payload: &[u8]) -> Message {
    let text = str::from_utf8(payload).expect("what was published is text");
    let numbers: Vec<u32> = text
        .split(' ')
        .map(|number| number.parse().expect("a number"))
        .collect();
    let [publisher, sequence, topic, qos] = numbers[..] else {
        panic!("four numbers, not {text}");
    };
    Message {
        publisher: publisher as usize,
        sequence,
        topic: topic as usize,
        qos: u8::try_from(qos).expect("0 to 2"),
    }
}
