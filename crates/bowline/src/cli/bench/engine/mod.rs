//! The load generator's event loop: one thread, its connections, and nothing shared on the way of
//! a message.
//!
//! One turn: wait; read each ready connection into one shared buffer, judge what came and answer
//! with one write; then let each publisher that got credit write once. The clock is read once per
//! read. No allocation per message, no lock but one per turn for the counts that others see.
//!
//! Deliberately absent: which scenario it is (`cast.rs`, `scenario.rs`) and the brokers' side
//! (`process.rs`).

mod alarm;
mod connection;
mod desk;
mod in_flight;
pub(super) mod orders;
mod packets;
mod publisher;
mod subscriber;
pub(super) mod template;
pub(super) mod transport;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bowline_packet::{Next, PacketType, QoS, next_frame};
use mio::{Events, Poll};

use self::alarm::Alarm;
pub(super) use self::connection::Wish;
use self::connection::{Connection, Role, Stage};
pub(super) use self::desk::{Counts, Signals};
use self::desk::{Desk, Flow};
use self::packets::handle_frame;
use self::publisher::Publisher;
use self::subscriber::Subscriber;
pub(super) use self::subscriber::Verdict;
use super::cast::{Cast, Filters, Manner};
use super::latency::Latency;
use super::sequence::Seen;
use super::stamp::Stamp;
use transport::Transport;

/// What one read takes at most, unless a single packet is larger, bytes.
const INBOX_BYTES: usize = 128 * 1024;

/// The largest packet that a broker may send us, bytes.
const PACKET_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a turn waits at most, so that orders from outside are seen.
const WAIT_LONGEST: Duration = Duration::from_millis(20);

/// How often flows are looked at that do not move, and connections that must say they are alive.
const ROUND: Duration = Duration::from_millis(250);

/// A QoS 0 flow that has had no delivery for so long has lost what is outstanding.
const STALL_NS: u64 = 500_000_000;

pub(super) const PINGREQ: [u8; 2] = [(PacketType::PingReq as u8) << 4, 0];

/// An engine; lives on its own thread.
pub(super) struct Engine {
    manner: Manner,
    /// Publishers first, then subscribers.
    connections: Vec<Connection>,
    publishers: usize,
    /// Which engine this is, and of how many.
    part: (u64, u64),
    copies: u64,
    poll: Poll,
    events: Events,
    alarm: Alarm,
    inbox: Vec<u8>,
    desk: Desk,
    signals: Arc<Signals>,
    epoch: Instant,
    next_round: Instant,
    pinged: Instant,
}

impl Engine {
    /// `epoch` is the zero of all stamps.
    pub(super) fn new(
        manner: Manner,
        cast: &Cast,
        signals: Arc<Signals>,
        epoch: Instant,
    ) -> Result<Self, String> {
        let failed = |why: io::Error| format!("cannot wait for sockets: {why}");
        let poll = Poll::new().map_err(failed)?;
        let publishers = cast.publishers.len();
        let mut connections = Vec::with_capacity(publishers + cast.subscribers.len());
        let mut flows = Vec::with_capacity(publishers);
        for publishes in &cast.publishers {
            let publisher = Publisher::new(&manner, publishes.topics.clone())?;
            flows.push(Flow {
                sent: 0,
                streams: vec![0; publishes.topics.streams()],
                released: 0,
                moved_ns: 0,
                is_dirty: false,
            });
            let role = Role::Publisher(Box::new(publisher));
            let id = publishes.client_id.clone();
            connections.push(Connection::new(id, Filters::None, role));
        }
        for subscribes in &cast.subscribers {
            let subscriber = Subscriber::new(&subscribes.expects, publishers);
            let role = Role::Subscriber(Box::new(subscriber));
            let (id, filters) = (subscribes.client_id.clone(), subscribes.filters.clone());
            connections.push(Connection::new(id, filters, role));
        }
        let desk = Desk {
            run: manner.run,
            first_flow: cast.first_flow,
            seen: flows.iter().map(|_| Seen::default()).collect(),
            flows,
            counts: Counts::default(),
            latency: Latency::new(),
            handshakes: Latency::new(),
            is_recording: false,
            now_ns: 0,
            progress_ns: 0,
            out: Vec::new(),
            dirty: Vec::new(),
            handshaking: 0,
            failure: None,
            ping_after: None,
        };
        Ok(Self {
            alarm: Alarm::new(poll.registry()).map_err(failed)?,
            manner,
            connections,
            publishers,
            part: cast.engine,
            copies: cast.copies,
            poll,
            events: Events::with_capacity(1_024),
            inbox: vec![0; INBOX_BYTES],
            desk,
            signals,
            epoch,
            next_round: Instant::now(),
            pinged: Instant::now(),
        })
    }

    /// One turn: read, judge, answer, publish. Waits until something happens, `wait` passes, or the alarm rings.
    fn turn(&mut self, wait: Duration) -> Result<(), String> {
        let wait = if self.desk.dirty.is_empty() {
            wait.min(WAIT_LONGEST)
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("cannot wait for sockets: {error}")),
        }
        self.desk.is_recording = self.signals.is_recording.load(Ordering::Relaxed);
        self.tick();
        // The events are taken out so that handling one may use everything else.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() != alarm::TOKEN {
                let is_ended = event.is_read_closed() || event.is_error();
                self.handle(event.token().0, event.is_writable(), is_ended);
            }
        }
        self.events = events;
        self.publish();
        if Instant::now() >= self.next_round {
            self.look_round();
        }
        *self.signals.counts.lock().expect("nobody panics with it") = self.desk.counts;
        Ok(())
    }

    /// Reads the clock.
    fn tick(&mut self) {
        let ns = self.epoch.elapsed().as_nanos();
        self.desk.now_ns = u64::try_from(ns).unwrap_or(u64::MAX);
    }

    /// Something happened on a connection.
    fn handle(&mut self, at: usize, is_writable: bool, is_ended: bool) {
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        let Some(transport) = &connection.transport else {
            return;
        };
        if connection.stage == Stage::Opening {
            match transport.is_open() {
                Ok(true) => self.opened(at),
                Ok(false) => return,
                Err(why) => {
                    let what = format!("cannot connect to {}: {why}", self.manner.address);
                    self.desk.fail(what);
                    self.lose(at, "it cannot be reached");
                    return;
                }
            }
        } else if is_writable && connection.is_blocked() {
            connection.flush();
            if !connection.is_blocked() && at < self.publishers {
                self.desk.mark(at);
            }
        }
        self.read(at, is_ended);
    }

    /// TCP is there.
    fn opened(&mut self, at: usize) {
        let connection = &mut self.connections[at];
        if self.manner.is_raw {
            self.settle_handshake(at);
        } else if let Err(why) = connection.greet(&self.manner) {
            self.desk.fail(why);
        }
    }

    /// Reads what is there. A read that does not fill the buffer has drained the socket, so a
    /// second one is only needed to see its end.
    fn read(&mut self, at: usize, is_ended: bool) {
        loop {
            let connection = &mut self.connections[at];
            let Some(transport) = &mut connection.transport else {
                return;
            };
            let held = connection.partial.len();
            if held + 1 > self.inbox.len() / 2 {
                // One packet is nearly as large as the buffer.
                self.inbox.resize(held * 4, 0);
            }
            self.inbox[..held].copy_from_slice(&connection.partial);
            let room = self.inbox.len() - held;
            let read = match transport.read(&mut self.inbox[held..]) {
                Ok(None) => return,
                Ok(Some(0)) => return self.lose(at, "the broker ended a connection"),
                Ok(Some(read)) => read,
                Err(why) => return self.lose(at, &format!("a connection broke: {why}")),
            };
            self.desk.counts.reads += 1;
            self.tick();
            let taken = self.take_in(at, held + read);
            self.desk.latency.settle(self.desk.now_ns);
            if let Err(why) = taken {
                return self.lose(at, &why);
            }
            if read < room && !is_ended {
                return;
            }
        }
    }

    /// Handles the packets in the inbox and writes the answers.
    fn take_in(&mut self, at: usize, filled: usize) -> Result<(), String> {
        let Self {
            connections,
            inbox,
            desk,
            manner,
            ..
        } = self;
        let connection = &mut connections[at];
        let mut rest = &inbox[..filled];
        loop {
            match next_frame(rest, PACKET_BYTES_MAX) {
                Ok(Next::Frame(frame)) => {
                    rest = &rest[frame.len..];
                    handle_frame(connection, at, frame, manner, desk)?;
                }
                Ok(Next::Incomplete { .. }) => break,
                Err(why) => return Err(format!("the broker sent what is no packet: {why}")),
            }
        }
        connection.partial.clear();
        connection.partial.extend_from_slice(rest);
        if !desk.out.is_empty() {
            connection.send(&desk.out);
            desk.counts.writes += 1;
            desk.out.clear();
        }
        let is_ready = match connection.stage {
            Stage::Ready if connection.began_ns != 0 => true,
            Stage::Absent
            | Stage::Opening
            | Stage::Greeting
            | Stage::Subscribing { .. }
            | Stage::Ready
            | Stage::Lost => false,
        };
        if is_ready {
            self.settle_handshake(at);
        }
        Ok(())
    }

    /// A connection has become what it should be.
    fn settle_handshake(&mut self, at: usize) {
        let desk = &mut self.desk;
        let connection = &mut self.connections[at];
        connection.stage = Stage::Ready;
        let ns = desk.now_ns.saturating_sub(connection.began_ns);
        connection.began_ns = 0;
        desk.handshakes.record(ns);
        desk.handshaking = desk.handshaking.saturating_sub(1);
        desk.counts.connected += 1;
        desk.progress_ns = desk.now_ns;
    }

    /// A connection ended although it should not.
    fn lose(&mut self, at: usize, why: &str) {
        let connection = &mut self.connections[at];
        if connection.stage != Stage::Ready {
            self.desk.handshaking = self.desk.handshaking.saturating_sub(1);
        }
        self.desk.counts.lost_connections += 1;
        let id = &connection.client_id;
        self.desk.fail(format!("{why} (client `{id}`)"));
        connection.close(Stage::Lost);
    }

    /// Lets the publishers with credit write, each once.
    fn publish(&mut self) {
        let mut again = 0;
        for at in 0..self.desk.dirty.len() {
            let publisher_at = self.desk.dirty[at];
            self.desk.flows[publisher_at].is_dirty = false;
            if self.fill(publisher_at) {
                self.desk.flows[publisher_at].is_dirty = true;
                self.desk.dirty[again] = publisher_at;
                again += 1;
            }
        }
        self.desk.dirty.truncate(again);
    }

    /// Lets one publisher write; returns whether it would write more at once.
    fn fill(&mut self, at: usize) -> bool {
        let connection = &mut self.connections[at];
        if connection.is_blocked() || connection.stage != Stage::Ready {
            return false;
        }
        let desk = &mut self.desk;
        let stamp = Stamp {
            flow: desk.first_flow + u32::try_from(at).expect("flows are counted in 24 bits"),
            sequence: 0,
            run: desk.run,
            sent_ns: desk.now_ns,
        };
        let mut out = std::mem::take(&mut desk.out);
        let copies = self.copies;
        let mut wants_more = false;
        if let Some(publisher) = connection.publisher() {
            let flow = &mut desk.flows[at];
            if flow.undelivered(copies) == 0 {
                flow.moved_ns = desk.now_ns;
            }
            let filled = publisher.fill(flow, copies, stamp, &mut out);
            if filled > 0 {
                desk.counts.published += filled;
                desk.progress_ns = desk.now_ns;
            }
            wants_more = publisher.wants_another_turn(flow, copies);
        }
        if !out.is_empty() {
            connection.send(&out);
            desk.counts.writes += 1;
            out.clear();
        }
        desk.out = out;
        wants_more && !self.connections[at].is_blocked()
    }

    /// What need not be looked at in every turn.
    fn look_round(&mut self) {
        self.next_round = Instant::now() + ROUND;
        if self.copies > 0 && self.manner.qos == QoS::AtMostOnce {
            self.write_off();
        }
        if let Some(after) = self.desk.ping_after
            && self.pinged.elapsed() >= after
        {
            self.pinged = Instant::now();
            for connection in &mut self.connections {
                if connection.stage == Stage::Ready {
                    connection.send(&PINGREQ);
                }
            }
        }
    }

    /// What a QoS 0 flow waits for in vain was dropped: its publisher goes on. What is lost is
    /// told from the numbers at the end.
    fn write_off(&mut self) {
        let (copies, now_ns) = (self.copies, self.desk.now_ns);
        for at in 0..self.desk.flows.len() {
            let flow = &mut self.desk.flows[at];
            let is_stalled = now_ns.saturating_sub(flow.moved_ns) > STALL_NS;
            if is_stalled && flow.undelivered(copies) > 0 {
                flow.released = flow.released.max(flow.sent * copies);
                self.desk.mark(at);
            }
        }
    }
}
