//! A worker: one thread, one `mio` loop, one broker core, and the connections of its sessions.
//!
//! One turn: wait; read what is ready; hand it to the core; take what other workers have handed
//! over; write each connection that got something once; hand what is staged to the other workers.
//! The worker moves bytes and decides nothing about MQTT. No lock is held while anything is
//! handled, and nothing is allocated per message. Reading and writing stand in
//! `traffic.rs`, what the core asks for in `effects.rs`.

use std::sync::Arc;
use std::time::Duration;

use bowline_core::{
    Batch, Broker, Commits, ConnectionId, Effect, Input, Now, Options, Out, WorkerId,
};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::clock::Clock;
use super::connection::Connection;
use super::limits::ShellLimits;
use super::lingering::{FIRST_TOKEN, Lingering};
use super::mailbox::{Call, Mailboxes, Report};
use crate::net::acceptor::Arrival;
use crate::telemetry::events::EventLog;

/// The token of the waker.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Bytes read at once; shared by all connections of the worker.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Staged bytes for one worker from which on they are handed over in the middle of a turn.
const STAGED_BYTES: usize = 512 * 1024;
/// The longest sleep: keep-alive is looked at once per second at least.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Readiness events taken from the system at once.
const EVENTS_MAX: usize = 1_024;
/// How often the worker looks whether it can give memory back.
const SHRINK_INTERVAL_SECS: u64 = 10;
/// A time without a turn that flushed more connections than this, and in which not more were
/// closed, is a quiet one.
const QUIET_CONNECTIONS_MAX: usize = 64;

/// One worker.
pub(crate) struct Worker {
    pub(super) id: WorkerId,
    pub(super) broker: Broker,
    pub(super) out: Out,
    pub(super) connections: Slab<Connection>,
    pub(super) lingering: Lingering,
    pub(super) poll: Poll,
    /// Connections to serve, in turn.
    pub(super) ready: Vec<ConnectionId>,
    /// Those of the turn under way; emptied, kept for its capacity.
    serving: Vec<ConnectionId>,
    /// Connections whose sockets have room again.
    writable: Vec<ConnectionId>,
    /// Connections whose outbound bytes fell so far that the core wants to know.
    pub(super) drained: Vec<ConnectionId>,
    pub(super) read_buffer: Box<[u8]>,
    /// The core has appended bytes since the last flush.
    is_unflushed: bool,
    pub(super) effects: Vec<Effect>,
    batches: Vec<Batch>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
    pub(super) now: Now,
    pub(super) limits: ShellLimits,
    pub(super) log: EventLog,
    /// The most connections flushed in one turn, and the connections closed, since memory was last
    /// looked after.
    flushes_peak: usize,
    pub(super) closed: usize,
    /// There was a storm, and the memory that it took has not been given back.
    owes_memory: bool,
    shrink_at_secs: u64,
    pub(super) stopping: Option<bowline_core::Instant>,
}

impl Worker {
    /// A worker that has not run yet. `poll` already knows the waker of its mailbox.
    pub(crate) fn new(
        options: Options,
        poll: Poll,
        mailboxes: Arc<Mailboxes>,
        clock: Clock,
        limits: ShellLimits,
    ) -> Self {
        debug_assert_eq!(options.commits, Commits::AtOnce, "there is no journal yet");
        let id = options.worker;
        let broker = Broker::new(options);
        Self {
            id,
            out: broker.new_out(),
            broker,
            connections: Slab::new(),
            lingering: Lingering::default(),
            poll,
            ready: Vec::new(),
            serving: Vec::new(),
            writable: Vec::new(),
            drained: Vec::new(),
            read_buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            is_unflushed: false,
            effects: Vec::new(),
            batches: Vec::new(),
            mailboxes,
            clock,
            now: clock.now(),
            limits,
            log: EventLog::default(),
            flushes_peak: 0,
            closed: 0,
            owes_memory: false,
            shrink_at_secs: SHRINK_INTERVAL_SECS,
            stopping: None,
        }
    }

    /// Runs until it is told to stop and has done so.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.has_stopped() {
            self.wait(&mut events);
            self.now = self.clock.now();
            self.note(&events);
            self.answer_calls();
            self.serve_ready();
            self.take_mail();
            self.tick();
            self.flush();
            self.hand_over(0);
            self.log.tell_all(&mut self.out.events);
            self.give_memory_back();
        }
    }

    /// Sleeps until something happens, unless there is something to do.
    fn wait(&mut self, events: &mut Events) {
        let congested = self.mailboxes.is_congested(self.id);
        let has_work = !self.ready.is_empty() && !congested || self.is_unflushed;
        let timeout = if has_work {
            Duration::ZERO
        } else {
            self.sleep_time()
        };
        let timeout = if !timeout.is_zero() && self.mailboxes.may_sleep(self.id, congested) {
            timeout
        } else {
            Duration::ZERO
        };
        let polled = self.poll.poll(events, Some(timeout));
        self.mailboxes.is_awake(self.id);
        if let Err(error) = polled
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            panic!("epoll of a descriptor that is ours cannot fail: {error}");
        }
    }

    fn sleep_time(&self) -> Duration {
        let deadlines = [
            self.broker.next_timeout(),
            self.lingering.next_deadline(),
            self.stopping,
        ];
        let next = deadlines.into_iter().flatten().min();
        next.map_or(SLEEP_MAX, |next| {
            next.since(self.now.instant).min(SLEEP_MAX)
        })
    }

    /// Notes which sockets are ready; touches none but those that linger.
    fn note(&mut self, events: &Events) {
        for event in events {
            let token = event.token();
            if token == WAKER {
                continue;
            }
            if token.0 >= FIRST_TOKEN {
                self.lingering.ready(token);
                continue;
            }
            // A slot that was closed and opened again since the event arose hears something that
            // was not meant for it: one read or write more that finds nothing.
            let Some(connection) = self.connections.get_mut(token.0) else {
                continue;
            };
            let id = connection_id(token.0);
            if event.is_writable() && connection.write_blocked {
                connection.write_blocked = false;
                self.writable.push(id);
            }
            connection.readable |= event.is_readable() || event.is_error();
            connection.ending |= event.is_read_closed() || event.is_error();
            if connection.stopped && event.is_error() {
                self.end(id, "the connection broke while the client was held back");
            } else {
                self.queue(id);
            }
        }
    }

    /// Puts a connection on the list of those to serve, if there is anything to do for it.
    pub(super) fn queue(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id.index())
            && !connection.queued
            && connection.has_work()
        {
            connection.queued = true;
            self.ready.push(id);
        }
    }

    fn answer_calls(&mut self) {
        for call in self.mailboxes.calls(self.id) {
            match call {
                Call::Open(arrival) => self.open(arrival),
                // Whoever asked may have given up waiting; then nobody needs the answer.
                Call::Report(asker) => {
                    let counters = self.out.counters.clone();
                    drop(asker.send(Report {
                        counters,
                        gauges: self.broker.gauges(),
                    }));
                }
                Call::Stop => self.stop(),
            }
        }
    }

    fn open(&mut self, arrival: Arrival) {
        if self.stopping.is_some() {
            return;
        }
        let Arrival {
            mut socket,
            unread,
            peer,
            assigned_client_id,
            place,
        } = arrival;
        let entry = self.connections.vacant_entry();
        let token = Token(entry.key());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut socket, token, interest) {
            tracing::warn!(address = %peer, %error, "cannot watch a connection");
            return;
        }
        entry.insert(Connection::new(socket, unread, place));
        let connection = connection_id(token.0);
        let peer = peer.to_string();
        let assigned_client_id = assigned_client_id.as_str();
        self.handle(Input::Opened {
            connection,
            peer: &peer,
            assigned_client_id,
        });
        self.queue(connection);
    }

    /// Reads from every connection that is ready, unless another worker has not caught up.
    fn serve_ready(&mut self) {
        if self.ready.is_empty() || self.mailboxes.is_congested(self.id) {
            return;
        }
        std::mem::swap(&mut self.ready, &mut self.serving);
        for at in 0..self.serving.len() {
            let id = self.serving[at];
            if let Some(connection) = self.connections.get_mut(id.index()) {
                connection.queued = false;
                self.serve(id);
                self.hand_over(STAGED_BYTES);
                if self.mailboxes.is_congested(self.id) {
                    self.serve_later(at + 1);
                    break;
                }
            }
        }
        self.serving.clear();
    }

    /// Keeps the rest of the turn's list for another turn, before those that have had theirs.
    fn serve_later(&mut self, from: usize) {
        self.ready.splice(0..0, self.serving.drain(from..));
    }

    fn take_mail(&mut self) {
        let mut arrived = self.mailboxes.arrived(self.id);
        while arrived != 0 {
            let from = WorkerId(u8::try_from(arrived.trailing_zeros()).expect("below 64"));
            arrived &= arrived - 1;
            let mut batches = std::mem::take(&mut self.batches);
            self.mailboxes.take(from, self.id, &mut batches);
            for batch in &batches {
                self.handle(Input::HandedOver { from, batch });
                self.flush_pressed();
            }
            self.mailboxes.give_back(from, self.id, &mut batches);
            self.batches = batches;
        }
    }

    fn tick(&mut self) {
        if self
            .broker
            .next_timeout()
            .is_some_and(|due| due <= self.now.instant)
        {
            self.handle(Input::Tick);
        }
        self.lingering.expire(self.now.instant);
    }

    /// Writes each connection that got something once.
    fn flush(&mut self) {
        let mut flushes = 0;
        while let Some(id) = self.writable.pop() {
            self.flush_one(id);
        }
        while let Some(id) = self.out.next_dirty() {
            self.flush_one(id);
            flushes += 1;
        }
        self.flushes_peak = self.flushes_peak.max(flushes);
        self.is_unflushed = !self.drained.is_empty();
        // What the core appends now goes out in the next turn, so that a reader who keeps up with
        // its backlog does not keep the others waiting.
        while let Some(connection) = self.drained.pop() {
            if self.connections.contains(connection.index()) {
                self.handle(Input::Drained { connection });
            }
        }
    }

    /// Hands over what is staged for each worker, if it is at least `bytes_min`.
    fn hand_over(&mut self, bytes_min: usize) {
        for index in 0..self.mailboxes.workers() {
            let to = WorkerId(u8::try_from(index).expect("at most 64 workers"));
            let staged = self.out.staged(to);
            if !staged.is_empty() && staged.size_bytes() >= bytes_min {
                self.mailboxes.hand_over(self.id, to, staged);
            }
        }
    }

    /// Gives pooled memory back to the allocator when the storm that needed it is over.
    fn give_memory_back(&mut self) {
        let secs = self.now.instant.micros() / 1_000_000;
        if secs < self.shrink_at_secs {
            return;
        }
        self.shrink_at_secs = secs + SHRINK_INTERVAL_SECS;
        if self.flushes_peak.max(self.closed) > QUIET_CONNECTIONS_MAX {
            self.owes_memory = true;
        } else if std::mem::take(&mut self.owes_memory) {
            self.broker.shrink();
            self.out.shrink();
            self.connections.shrink_to_fit();
            self.ready.shrink_to(QUIET_CONNECTIONS_MAX);
            self.serving.shrink_to(QUIET_CONNECTIONS_MAX);
            self.writable.shrink_to(QUIET_CONNECTIONS_MAX);
            self.drained.shrink_to(QUIET_CONNECTIONS_MAX);
        }
        self.flushes_peak = 0;
        self.closed = 0;
    }
}

/// The core's name for a slot.
fn connection_id(slot: usize) -> ConnectionId {
    ConnectionId(u32::try_from(slot).expect("descriptors are far fewer than 2^32"))
}
