//! The broker of one worker: owns the tables and dispatches; the rooms decide.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::connection::Connections;
use crate::connection::Refusal;
use crate::deadline::Deadline;
use crate::egress::Fanout;
use crate::gate::{Gate, Mark, Promise};
use crate::handover::{Batch, Handover};
use crate::ids::{ConnectionId, Location, SessionNo, WorkerId};
use crate::input::Input;
use crate::limits::Limits;
use crate::loading::Loading;
use crate::message::Messages;
use crate::out::Out;
use crate::retained::{PageAsk, Retained};
use crate::routing::share::Groups;
use crate::routing::tree::FilterTree;
use crate::routing::{IdentifierLists, Interest, Matched, Pending};
use crate::session::Sessions;
use crate::slab::Slab;
use crate::time::{Instant, Now};
use crate::timers::Timers;

/// When a record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// As soon as it was applied: durability `memory`.
    AtOnce,
    /// When [`Input::Committed`] says so: durability `os` and `disk`.
    Reported,
}

/// What a broker core is made with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bounds.
    pub limits: Limits,
    /// Which worker this is.
    pub worker: WorkerId,
    /// How many workers there are, this one included: 1 to 64.
    pub workers: usize,
    /// The seed of every hash and choice; the same for all workers of a process.
    pub seed: u64,
    /// When a record counts as kept.
    pub commits: Commits,
}

/// What [`Broker::receive`] did with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes consumed; the rest must be given again, with more behind it.
    pub consumed: usize,
    /// Whether the rest may hold complete packets: the core stopped because a receiver should be
    /// flushed first ([`Out::is_pressed`]) or because the connection had its turn. False: the rest
    /// is the beginning of a packet, or the connection is closed or paused.
    pub more: bool,
}

/// How much of everything there is at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Network Connections of this worker.
    pub connections: usize,
    /// Sessions, with or without a connection.
    pub sessions: usize,
    /// Topic Filters known here, those of other workers included.
    pub filters: usize,
    /// Messages in the store: queued, in flight, retained.
    pub messages: usize,
    /// Bytes of them in RAM.
    pub message_bytes: usize,
    /// Retained messages whose topic belongs here.
    pub retained_messages: usize,
    /// Bytes of them.
    pub retained_bytes: usize,
    /// Obligations to this worker's sessions: queued, in flight, or in a replay.
    pub owed: usize,
    /// Messages that wait in share groups or with their members.
    pub group_messages: usize,
    /// Promises that wait for a commit.
    pub promises_waiting: usize,
    /// SUBACKs, of this worker or relayed, that wait until other workers know a filter.
    pub subacks_waiting: usize,
    /// Messages that this worker's sessions have from share groups and have not settled.
    pub share_tickets: usize,
    /// Deliveries that carry several Subscription Identifiers.
    pub identifier_lists: usize,
    /// Timers that are armed, those included that have outlived what they were about.
    pub timers: usize,
}

/// The broker core of one worker.
#[derive(Debug)]
pub struct Broker {
    pub(crate) options: Options,
    pub(crate) connections: Connections,
    pub(crate) sessions: Sessions,
    pub(crate) tree: FilterTree<Interest>,
    pub(crate) groups: Groups,
    pub(crate) messages: Messages,
    pub(crate) retained: Retained,
    pub(crate) gate: Gate,
    pub(crate) deadlines: Timers<Deadline>,
    pub(crate) lists: IdentifierLists,
    /// SUBACKs that wait for other workers.
    pub(crate) pending: Slab<Pending>,
    /// Answers of other workers that SUBACKs wait for.
    pub(crate) routes_due: usize,
    /// Sessions to be served at the end of the turn.
    pub(crate) pump_due: VecDeque<SessionNo>,
    /// Groups to be served at the end of the turn.
    pub(crate) groups_due: Vec<u32>,
    /// Sessions to be ended at the end of the turn.
    pub(crate) doomed: VecDeque<SessionNo>,
    /// Publishers that are held back for a full queue.
    pub(crate) held: Vec<Mark>,
    /// Whether one of them may go on.
    pub(crate) held_may_go: bool,
    /// Who waits for messages to be brought.
    pub(crate) loading: Loading,
    // Memory that is lent out within one step and kept for the next.
    pub(crate) matched: Matched,
    pub(crate) fanout: Fanout,
    pub(crate) section: Vec<u8>,
}

impl Broker {
    /// A broker without sessions.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let worker = u32::from(options.worker.0);
        let workers = u32::try_from(options.workers).unwrap_or(64);
        Self {
            connections: Connections::default(),
            sessions: Sessions::new(options.seed, worker, workers),
            tree: FilterTree::new(options.seed),
            groups: Groups::new(options.seed),
            messages: Messages::default(),
            retained: Retained::default(),
            gate: Gate::new(options.commits == Commits::AtOnce),
            deadlines: Timers::new(),
            lists: IdentifierLists::default(),
            pending: Slab::new(),
            routes_due: 0,
            pump_due: VecDeque::new(),
            groups_due: Vec::new(),
            doomed: VecDeque::new(),
            held: Vec::new(),
            held_may_go: false,
            loading: Loading::default(),
            matched: Matched::default(),
            fanout: Fanout::default(),
            section: Vec::new(),
            options,
        }
    }

    /// What leaves this core goes into an [`Out`] that was made for it.
    #[must_use]
    pub fn new_out(&self) -> Out {
        let limits = &self.options.limits;
        let is_kept = self.options.commits == Commits::Reported;
        Out::new(self.options.workers, limits.outbound_bytes_max / 2, is_kept)
    }

    /// Handles one happening.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Out) {
        match input {
            Input::Opened {
                connection,
                peer,
                assigned_client_id,
            } => {
                self.connections
                    .open(connection, peer, assigned_client_id, now.instant);
            }
            Input::Closed { connection, cause } => self.on_closed(connection, cause, now, out),
            Input::Drained { connection } => {
                if let Some(key) = self.connections.get(connection).and_then(|c| c.session) {
                    self.pump(key, now, out);
                }
            }
            Input::HandedOver { from, batch } => self.on_batch(from, batch, now, out),
            Input::Committed { up_to } => self.gate.commit(up_to),
            Input::Loaded { location, bytes } => self.on_loaded(location, bytes, now, out),
            Input::Tick => self.fire_deadlines(now, out),
            Input::Stop => self.on_stop(now, out),
        }
        self.finish_turn(now, out);
    }

    /// When [`Input::Tick`] is needed at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.has_work() {
            return Some(Instant::from_micros(0));
        }
        self.deadlines.next_due_ms().map(Instant::from_millis)
    }

    /// Whether a turn left something for the next one, so that nobody waits for a packet to come.
    fn has_work(&self) -> bool {
        !self.pump_due.is_empty()
            || !self.groups_due.is_empty()
            || !self.doomed.is_empty()
            || self.held_may_go
            || self.gate.has_open()
    }

    /// How much of everything there is.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        Gauges {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            filters: self.tree.len(),
            messages: self.messages.len(),
            message_bytes: self.messages.ram_bytes(),
            retained_messages: self.retained.len(),
            retained_bytes: self.retained.bytes(),
            owed: self
                .sessions
                .iter()
                .map(|(_, session)| session.owed())
                .sum(),
            group_messages: self.groups.waiting(),
            promises_waiting: self.gate.waiting(),
            subacks_waiting: self.pending.len(),
            share_tickets: self.groups.tickets(),
            identifier_lists: self.lists.len(),
            timers: self.deadlines.len(),
        }
    }

    /// Offers the bytes of each message in RAM to `place`; where it answers with a location they
    /// leave RAM, and [`crate::Effect::Load`] asks for them when they are needed. Returns how many
    /// left.
    pub fn unload(&mut self, place: impl FnMut(&[u8]) -> Option<Location>) -> usize {
        self.messages.unload(place)
    }

    /// Gives memory back, when a storm is over.
    pub fn shrink(&mut self) {
        self.messages.shrink();
        self.tree.shrink_to_fit();
        self.deadlines.shrink_to_fit();
        self.section = Vec::new();
        self.fanout = Fanout::default();
        self.matched = Matched::default();
    }

    /// What became possible during the turn.
    pub(crate) fn finish_turn(&mut self, now: Now, out: &mut Out) {
        self.open_gate(now, out);
        self.end_doomed(now, out);
        self.serve_groups(now, out);
        for _ in 0..self.pump_due.len() {
            let Some(number) = self.pump_due.pop_front() else {
                break;
            };
            let Some(key) = self.sessions.by_number(number) else {
                continue;
            };
            if let Some(session) = self.sessions.get_mut(key) {
                session.pump_due = false;
            }
            self.pump(key, now, out);
        }
        if core::mem::take(&mut self.held_may_go) {
            self.retry_held(now, out);
        }
    }

    /// Lets every promise out whose record is durable.
    pub(crate) fn open_gate(&mut self, now: Now, out: &mut Out) {
        while let Some(promise) = self.gate.next_open() {
            match promise {
                Promise::Packet(mark, bytes) => {
                    if self.connections.marked(mark).is_some() {
                        out.append(mark.connection, |buffer| buffer.extend_from_slice(&bytes));
                    }
                }
                Promise::Connack(mark, bytes) => {
                    if self.connections.marked(mark).is_some() {
                        self.opened(mark.connection, &bytes, now, out);
                    }
                }
                Promise::PublishAcks(mark) => self.send_acks(mark, now, out),
                Promise::Pump(number) => {
                    if let Some(key) = self.sessions.by_number(number) {
                        if let Some(session) = self.sessions.get_mut(key) {
                            session.waits_at_gate = false;
                        }
                        self.pump(key, now, out);
                    }
                }
                Promise::Answer(worker, answer) => {
                    out.staged(worker).push(Handover::Answer(answer));
                }
                Promise::Subscribed(token) => self.subscribed(token, now, out),
            }
        }
    }

    fn on_batch(&mut self, from: WorkerId, batch: &Batch, now: Now, out: &mut Out) {
        for handover in &batch.entries {
            self.on_handover(from, batch, handover, now, out);
        }
    }

    fn on_handover(
        &mut self,
        from: WorkerId,
        batch: &Batch,
        handover: &Handover,
        now: Now,
        out: &mut Out,
    ) {
        match handover {
            Handover::Publish { message, answer } => {
                self.on_handed_publish(from, batch, message, *answer, now, out);
            }
            Handover::Retain { message, answer } => {
                self.on_handed_retain(from, batch, message, *answer, out);
            }
            Handover::Answer(answer) => self.on_answer(*answer, now, out),
            Handover::RouteAdd { filter } => self.on_route(from, filter, true),
            Handover::RouteBarrier { token } => {
                self.tell_known(from, *token, out);
            }
            Handover::RouteKnown {
                token,
                retained_sets,
            } => {
                self.on_route_known(from, *token, *retained_sets, now, out);
            }
            Handover::RouteRemove { filter } => self.on_route(from, filter, false),
            Handover::FilterFull { filter, full } => self.on_filter_full(filter, *full),
            Handover::ShareJoin { join, token } => {
                self.on_share_join(from, join, *token, now, out);
            }
            Handover::ShareLeave {
                share_filter,
                session,
            } => {
                self.remove_member(share_filter, *session, out);
            }
            Handover::ShareMember {
                share_filter,
                session,
                window,
            } => {
                self.on_share_member(share_filter, *session, *window, now, out);
            }
            Handover::ShareOffer { message, offer } => {
                self.on_share_offer(from, batch, message, offer, now, out);
            }
            Handover::ShareSettled { group, ticket } => {
                self.on_settled(*group, *ticket, true);
            }
            Handover::ShareReturned { group, ticket } => {
                self.on_settled(*group, *ticket, false);
            }
            Handover::RetainedAsk {
                session,
                filter,
                after,
                sets_max,
            } => {
                let ask = PageAsk {
                    from,
                    session: *session,
                    filter: filter.clone(),
                    after: after.clone(),
                    sets_max: *sets_max,
                };
                self.on_retained_ask(ask, now, out);
            }
            Handover::RetainedItem { session, message } => {
                self.on_retained_item(*session, batch, message);
            }
            Handover::RetainedEnd { session, last_seen } => {
                self.on_retained_end(*session, last_seen.as_deref(), now, out);
            }
        }
    }

    fn fire_deadlines(&mut self, now: Now, out: &mut Out) {
        while let Some(deadline) = self.deadlines.pop_due(now.instant.millis()) {
            match deadline {
                Deadline::KeepAlive(mark) => self.keep_alive_due(mark, now, out),
                Deadline::Session(number) => self.session_due(number, now, out),
                Deadline::SweepGroup(index) => self.sweep_group(index, now, out),
                Deadline::Hold(mark) => self.hold_due(mark, now, out),
                Deadline::Retry(mark) => self.retry_due(mark, now, out),
            }
        }
    }

    fn on_stop(&mut self, now: Now, out: &mut Out) {
        let connections: Vec<ConnectionId> = self.connections.ids();
        for id in connections {
            self.refuse(id, &Refusal::ShuttingDown, now, out);
        }
    }
}
