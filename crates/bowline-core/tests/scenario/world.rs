//! The world of a scenario: workers, their mail, their clients, a store and a clock, all in memory.
//!
//! It stands where the shell stands: it moves bytes and carries out effects, and decides nothing.
//! A step ends when nothing moves any more, so a transcript does not depend on who was first.
//!
//! Long (at most 700 lines): one world, and what can be done to it.

use std::collections::{BTreeMap, VecDeque};

use bowline_core::{
    Batch, Broker, Commits, ConnectionId, Counters, Effect, Event, Gauges, Input, Instant, Limits,
    Location, Now, Options, Out, RecordNo, WallTime, WorkerId, worker_of,
};
use bowline_packet::{ProtocolVersion, peek_client_id};

/// Where the clock stands when a scenario begins: not on a whole millisecond, as in real life.
const BEGIN_MICROS: u64 = 1_234_567;
/// More turns than this at one instant: something goes round in circles.
const TURNS_MAX: usize = 100_000;

/// One way to run a scenario; what the clients see must be the same in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// How many workers.
    pub(crate) workers: usize,
    /// When records count as kept.
    pub(crate) commits: Commits,
    /// Every message leaves RAM after every step.
    pub(crate) unload: bool,
    /// The clients' bytes arrive one by one.
    pub(crate) single_bytes: bool,
}

/// A client's end of the network.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its name in the script.
    pub(crate) name: String,
    link: Option<Link>,
    /// Bytes that leave with the next packet.
    pub(crate) unsent: Vec<u8>,
    /// Nothing is taken from its connection: it does not read.
    pub(crate) stalls: bool,
    /// What it got since it was last asked.
    pub(crate) got: Vec<Got>,
}

/// Something that a client notices.
#[derive(Debug)]
pub(crate) enum Got {
    /// Bytes, in the version that it speaks.
    Bytes(ProtocolVersion, Vec<u8>),
    /// The server closed the connection.
    Closed,
}

/// A Network Connection between a client and a worker.
#[derive(Debug)]
struct Link {
    worker: usize,
    id: ConnectionId,
    version: ProtocolVersion,
    /// What the client sent and the core did not consume.
    unread: Vec<u8>,
    stopped: bool,
}

struct Worker {
    broker: Broker,
    out: Out,
    mail: VecDeque<(WorkerId, Batch)>,
    /// Which client has which connection.
    connections: Vec<Option<usize>>,
    loads: VecDeque<Location>,
    drained: Vec<ConnectionId>,
    resumed: Vec<ConnectionId>,
    committed: RecordNo,
    /// What it hands over to these workers stays with it.
    mail_is_held_to: Vec<usize>,
    held: Vec<(usize, Batch)>,
}

/// Everything that a scenario acts on.
pub(crate) struct World {
    variant: Variant,
    seed: u64,
    workers: Vec<Worker>,
    pub(crate) clients: Vec<Client>,
    now_micros: u64,
    /// Records stay uncommitted until told otherwise.
    pub(crate) commits_are_held: bool,
    store: BTreeMap<u64, Vec<u8>>,
    stored: u64,
    assigned: u32,
    pub(crate) events: Vec<Event>,
    /// In which order the workers get their turns; drawn anew each time if there is a seed.
    pub(crate) shuffle: Option<u64>,
}

impl World {
    /// A world without clients.
    pub(crate) fn new(variant: Variant, limits: &Limits, seed: u64) -> Self {
        let workers = (0..variant.workers).map(|index| {
            let broker = Broker::new(Options {
                limits: limits.clone(),
                worker: worker_id(index),
                workers: variant.workers,
                seed,
                commits: variant.commits,
            });
            Worker {
                out: broker.new_out(),
                broker,
                mail: VecDeque::new(),
                connections: Vec::new(),
                loads: VecDeque::new(),
                drained: Vec::new(),
                resumed: Vec::new(),
                committed: RecordNo(0),
                mail_is_held_to: Vec::new(),
                held: Vec::new(),
            }
        });
        Self {
            variant,
            seed,
            workers: workers.collect(),
            clients: Vec::new(),
            now_micros: BEGIN_MICROS,
            commits_are_held: false,
            store: BTreeMap::new(),
            stored: 0,
            assigned: 0,
            events: Vec::new(),
            shuffle: None,
        }
    }

    fn now(&self) -> Now {
        Now {
            instant: Instant::from_micros(self.now_micros),
            wall: WallTime {
                unix_millis: 1_700_000_000_000 + self.now_micros / 1_000,
            },
        }
    }

    /// The client of that name, made if it is new.
    pub(crate) fn client(&mut self, name: &str) -> usize {
        let found = self.clients.iter().position(|client| client.name == name);
        found.unwrap_or_else(|| {
            self.clients.push(Client {
                name: name.to_owned(),
                link: None,
                unsent: Vec::new(),
                stalls: false,
                got: Vec::new(),
            });
            self.clients.len() - 1
        })
    }

    /// Whether the client has a connection.
    pub(crate) fn is_connected(&self, client: usize) -> bool {
        self.clients[client].link.is_some()
    }

    /// The version that the client's connection speaks.
    pub(crate) fn version(&self, client: usize) -> ProtocolVersion {
        let client = &self.clients[client];
        client
            .link
            .as_ref()
            .map_or_else(|| claimed_version(&client.unsent), |link| link.version)
    }

    /// The client sends bytes; the first ones open a connection.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8]) {
        let mut whole = std::mem::take(&mut self.clients[client].unsent);
        whole.extend_from_slice(bytes);
        if self.clients[client].link.is_none() {
            self.open(client, &whole);
        }
        if self.variant.single_bytes {
            for byte in whole {
                self.arrive(client, &[byte]);
            }
        } else {
            self.arrive(client, &whole);
        }
    }

    /// The acceptor: reads up to CONNECT and gives the connection to the worker of its session.
    fn open(&mut self, client: usize, first_bytes: &[u8]) {
        self.assigned += 1;
        let assigned = format!("assigned-{}", self.assigned);
        let client_id = peek_client_id(first_bytes).unwrap_or_default();
        let name = if client_id.is_empty() {
            &assigned
        } else {
            client_id
        };
        let index = worker_of(name.as_bytes(), self.seed, self.workers.len()).index();
        let now = self.now();
        let worker = &mut self.workers[index];
        let slot = worker.connections.iter().position(Option::is_none);
        let slot = slot.unwrap_or_else(|| {
            worker.connections.push(None);
            worker.connections.len() - 1
        });
        worker.connections[slot] = Some(client);
        let id = ConnectionId(u32::try_from(slot).expect("few connections"));
        self.clients[client].link = Some(Link {
            worker: index,
            id,
            version: claimed_version(first_bytes),
            unread: Vec::new(),
            stopped: false,
        });
        let opened = Input::Opened {
            connection: id,
            peer: "192.0.2.1:50000",
            assigned_client_id: &assigned,
        };
        worker.broker.handle(now, opened, &mut worker.out);
        self.carry_out(index);
    }

    fn arrive(&mut self, client: usize, bytes: &[u8]) {
        if let Some(link) = &mut self.clients[client].link {
            link.unread.extend_from_slice(bytes);
        }
        self.feed(client);
    }

    /// Hands in what the client sent, as far as the core takes it.
    fn feed(&mut self, client: usize) {
        loop {
            let now = self.now();
            let Some(link) = &mut self.clients[client].link else {
                return;
            };
            if link.stopped || link.unread.is_empty() {
                return;
            }
            let index = link.worker;
            let worker = &mut self.workers[index];
            let received = worker
                .broker
                .receive(now, link.id, &link.unread, &mut worker.out);
            link.unread.drain(..received.consumed);
            self.carry_out(index);
            if !received.more {
                return;
            }
        }
    }

    /// The network between the client and its worker breaks.
    pub(crate) fn cut(&mut self, client: usize) {
        self.clients[client].unsent.clear();
        let Some(link) = self.clients[client].link.take() else {
            return;
        };
        let now = self.now();
        let worker = &mut self.workers[link.worker];
        worker.connections[link.id.index()] = None;
        worker.out.forget(link.id);
        let closed = Input::Closed {
            connection: link.id,
            cause: "connection reset by peer",
        };
        worker.broker.handle(now, closed, &mut worker.out);
        self.carry_out(link.worker);
    }

    /// The client is gone, and the server does not notice: its connection stays with a ghost.
    pub(crate) fn abandon(&mut self, client: usize, ghost: &str) {
        let ghost = self.client(ghost);
        self.clients[client].unsent.clear();
        let Some(link) = self.clients[client].link.take() else {
            return;
        };
        self.workers[link.worker].connections[link.id.index()] = Some(ghost);
        self.clients[ghost].link = Some(link);
    }

    /// One worker has a turn, if it has anything to do.
    pub(crate) fn any_turn(&mut self) {
        let first = self.order()[0];
        self.turn(first);
        self.check_books(first);
    }

    /// Takes up to `bytes_max` of what waits for a client that does not read.
    pub(crate) fn read(&mut self, client: usize, bytes_max: usize) {
        let Some(link) = &self.clients[client].link else {
            return;
        };
        let (worker, id) = (link.worker, link.id);
        self.write(worker, id, bytes_max);
    }

    /// The broker stops.
    pub(crate) fn stop(&mut self) {
        for index in 0..self.workers.len() {
            let now = self.now();
            let worker = &mut self.workers[index];
            worker.broker.handle(now, Input::Stop, &mut worker.out);
            self.carry_out(index);
        }
    }

    /// What the client's worker hands over stays with it, until it flows again.
    pub(crate) fn hold_mail(&mut self, client: usize) {
        let from = self.worker_of_client(client);
        self.workers[from].mail_is_held_to = (0..self.workers.len()).collect();
    }

    /// What was held back flows again, to the worker of one client or to all.
    pub(crate) fn release_mail(&mut self, client: usize, to: Option<usize>) {
        let from = self.worker_of_client(client);
        let to = to.map(|client| self.worker_of_client(client));
        let flows = |worker: &usize| to.is_none_or(|to| to == *worker);
        self.workers[from].mail_is_held_to.retain(|to| !flows(to));
        for (to, batch) in std::mem::take(&mut self.workers[from].held) {
            if flows(&to) {
                self.workers[to].mail.push_back((worker_id(from), batch));
            } else {
                self.workers[from].held.push((to, batch));
            }
        }
    }

    fn worker_of_client(&self, client: usize) -> usize {
        let link = self.clients[client].link.as_ref();
        link.expect("the client whose worker is meant is connected")
            .worker
    }

    /// Lets time pass; whatever is due on the way happens on the way.
    pub(crate) fn wait(&mut self, micros: u64) {
        let until = self.now_micros + micros;
        loop {
            self.settle();
            let next = self.next_timeout().filter(|&at| at <= until);
            let Some(next) = next else { break };
            self.now_micros = self.now_micros.max(next);
        }
        self.now_micros = until;
        self.settle();
    }

    /// Lets time pass at once: what was due on the way happens at the end.
    pub(crate) fn skip(&mut self, micros: u64) {
        self.now_micros += micros;
        self.settle();
    }

    fn next_timeout(&self) -> Option<u64> {
        let timeouts = self.workers.iter().map(|w| w.broker.next_timeout());
        timeouts.flatten().map(Instant::micros).min()
    }

    /// Goes on until nothing moves any more.
    pub(crate) fn settle(&mut self) {
        let mut turns = 0;
        loop {
            let mut moved = false;
            for index in self.order() {
                moved |= self.turn(index);
            }
            if !moved && !self.commits_are_held {
                moved = self.commit();
            }
            if !moved {
                break;
            }
            turns += 1;
            assert!(turns < TURNS_MAX, "the workers go round in circles");
        }
        for index in 0..self.workers.len() {
            self.check_books(index);
        }
        if self.variant.unload {
            self.unload();
        }
    }

    fn order(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.workers.len()).collect();
        if let Some(state) = &mut self.shuffle {
            for place in (1..order.len()).rev() {
                let chosen = usize::try_from(next_random(state) % (place as u64 + 1));
                order.swap(place, chosen.expect("small"));
            }
        }
        order
    }

    /// One turn of one worker; false if there was nothing to do.
    fn turn(&mut self, index: usize) -> bool {
        let now = self.now();
        let worker = &mut self.workers[index];
        if let Some((from, batch)) = worker.mail.pop_front() {
            let input = Input::HandedOver {
                from,
                batch: &batch,
            };
            worker.broker.handle(now, input, &mut worker.out);
        } else if let Some(connection) = worker.drained.pop() {
            let input = Input::Drained { connection };
            worker.broker.handle(now, input, &mut worker.out);
        } else if let Some(location) = worker.loads.pop_front() {
            let bytes = &self.store[&location.0];
            let input = Input::Loaded { location, bytes };
            worker.broker.handle(now, input, &mut worker.out);
        } else if let Some(id) = worker.resumed.pop() {
            if let Some(client) = worker.connections[id.index()] {
                self.feed(client);
            }
        } else if worker
            .broker
            .next_timeout()
            .is_some_and(|at| at <= now.instant)
        {
            worker.broker.handle(now, Input::Tick, &mut worker.out);
        } else {
            return false;
        }
        self.carry_out(index);
        true
    }

    /// Everything recorded so far is durable; false if nothing new was.
    pub(crate) fn commit(&mut self) -> bool {
        let mut any = false;
        if self.variant.commits == Commits::AtOnce {
            return false;
        }
        for index in 0..self.workers.len() {
            let now = self.now();
            let worker = &mut self.workers[index];
            let (_, up_to) = worker.out.take_records();
            if up_to > worker.committed {
                worker.committed = up_to;
                worker
                    .broker
                    .handle(now, Input::Committed { up_to }, &mut worker.out);
                self.carry_out(index);
                any = true;
            }
        }
        any
    }

    /// The end of a worker's turn: writes, hands over, and does what was asked for.
    fn carry_out(&mut self, index: usize) {
        while let Some(id) = self.workers[index].out.next_pressed() {
            self.write_unless_stalled(index, id);
        }
        while let Some(id) = self.workers[index].out.next_dirty() {
            self.write_unless_stalled(index, id);
        }
        for to in 0..self.workers.len() {
            let worker = &mut self.workers[index];
            let staged = worker.out.staged(worker_id(to));
            if staged.is_empty() {
                continue;
            }
            let batch = std::mem::take(staged);
            if worker.mail_is_held_to.contains(&to) {
                worker.held.push((to, batch));
            } else {
                self.workers[to].mail.push_back((worker_id(index), batch));
            }
        }
        let effects: Vec<Effect> = self.workers[index].out.effects.drain(..).collect();
        for effect in effects {
            match effect {
                Effect::Close(id) => self.close(index, id),
                Effect::StopReading(id) => self.set_stopped(index, id, true),
                Effect::ResumeReading(id) => self.set_stopped(index, id, false),
                Effect::Load(location) => self.workers[index].loads.push_back(location),
            }
        }
        self.events.append(&mut self.workers[index].out.events);
    }

    fn close(&mut self, index: usize, id: ConnectionId) {
        self.write_unless_stalled(index, id);
        self.workers[index].out.forget(id);
        if let Some(client) = self.workers[index].connections[id.index()].take() {
            self.clients[client].link = None;
            self.clients[client].got.push(Got::Closed);
        }
    }

    fn set_stopped(&mut self, index: usize, id: ConnectionId, stopped: bool) {
        let Some(client) = self.workers[index].connections[id.index()] else {
            return;
        };
        if let Some(link) = &mut self.clients[client].link {
            link.stopped = stopped;
        }
        if !stopped {
            self.workers[index].resumed.push(id);
        }
    }

    fn write_unless_stalled(&mut self, index: usize, id: ConnectionId) {
        let client = self.workers[index].connections.get(id.index()).copied();
        if let Some(client) = client.flatten()
            && !self.clients[client].stalls
        {
            self.write(index, id, usize::MAX);
        }
    }

    fn write(&mut self, index: usize, id: ConnectionId, bytes_max: usize) {
        let worker = &mut self.workers[index];
        let outbound = worker.out.outbound(id);
        let mut bytes: Vec<u8> = outbound.parts().flatten().copied().collect();
        assert_eq!(bytes.len(), outbound.len(), "the parts are the whole");
        bytes.truncate(bytes_max);
        outbound.take(bytes.len());
        if worker.out.settle(id) {
            worker.drained.push(id);
        }
        let Some(client) = worker.connections[id.index()] else {
            return;
        };
        let client = &mut self.clients[client];
        if let Some(link) = &client.link
            && !bytes.is_empty()
        {
            client.got.push(Got::Bytes(link.version, bytes));
        }
    }

    /// Every message leaves RAM.
    fn unload(&mut self) {
        let Self {
            workers,
            store,
            stored,
            ..
        } = self;
        for worker in workers {
            worker.broker.unload(|bytes| {
                *stored += 1;
                store.insert(*stored, bytes.to_vec());
                Some(Location(*stored))
            });
        }
    }

    /// What the counters say is owed is what the sessions hold [design P6].
    fn check_books(&self, index: usize) {
        let worker = &self.workers[index];
        let (owed, held) = (worker.out.counters.owed(), worker.broker.gauges().owed);
        assert_eq!(owed, held as u64, "the books of worker {index} balance");
    }

    /// What each worker has counted, added up.
    pub(crate) fn counters(&self) -> Vec<Counters> {
        self.workers
            .iter()
            .map(|worker| worker.out.counters.clone())
            .collect()
    }

    /// What each worker holds.
    pub(crate) fn gauges(&self) -> Vec<Gauges> {
        self.workers
            .iter()
            .map(|worker| worker.broker.gauges())
            .collect()
    }
}

/// The next number of a sequence that looks like chance.
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

fn worker_id(index: usize) -> WorkerId {
    WorkerId(u8::try_from(index).expect("at most 64 workers"))
}

/// The version that the first bytes of a connection claim, as the client means it.
fn claimed_version(bytes: &[u8]) -> ProtocolVersion {
    let level = bytes
        .windows(5)
        .find(|window| window.starts_with(b"MQTT"))
        .and_then(|window| window.last());
    match level {
        Some(level) if *level >= 5 => ProtocolVersion::V5,
        Some(_) => ProtocolVersion::V311,
        None => ProtocolVersion::V31,
    }
}
