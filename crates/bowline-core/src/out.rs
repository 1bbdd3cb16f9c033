//! A worker's own memory for what leaves the core: bytes per connection, hand-overs per worker,
//! records, effects, events and counters.
//!
//! The core fills it during a turn; the shell empties it at the end: one write per dirty
//! connection, one hand-over per worker. Buffers come from a pool and go back when drained.
//! Deliberately absent: decisions.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::effect::Effect;
use crate::event::{Counters, Event};
use crate::handover::Batch;
use crate::ids::{ConnectionId, RecordNo, WorkerId};
use crate::outbound::Outbound;
use crate::record::Records;

/// Emptied buffers that are kept for the next connection that has something to say.
const POOL_BUFFERS_MAX: usize = 1_024;
/// A buffer that grew beyond this is given back to the allocator instead of the pool, bytes.
const POOL_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What leaves the core.
#[derive(Debug, Default)]
pub struct Out {
    outbound: Vec<Outbound>,
    dirty: Vec<ConnectionId>,
    pressed: Vec<ConnectionId>,
    pool: Vec<Vec<u8>>,
    staged: Vec<Batch>,
    pressed_bytes: usize,
    pub(crate) records: Records,
    /// Requests to the shell, in order. The shell drains it.
    pub effects: Vec<Effect>,
    /// Facts for people. The shell drains it.
    pub events: Vec<Event>,
    /// What this worker has counted since it started.
    pub counters: Counters,
}

impl Out {
    /// An empty one for a worker among `workers`; a connection with more than `pressed_bytes`
    /// waiting asks to be flushed in the middle of a turn.
    pub(crate) fn new(workers: usize, pressed_bytes: usize, records_are_kept: bool) -> Self {
        let records = Records::new(records_are_kept);
        let mut out = Self {
            pressed_bytes,
            records,
            ..Self::default()
        };
        out.staged.resize_with(workers, Batch::default);
        out
    }

    /// The next connection that has got something to write since the last call, if any.
    ///
    /// The shell writes [`Out::outbound`], tells it what was [`Outbound::take`]n, and calls
    /// [`Out::settle`] for each.
    pub fn next_dirty(&mut self) -> Option<ConnectionId> {
        let connection = self.dirty.pop()?;
        if let Some(outbound) = self.outbound.get_mut(connection.index()) {
            outbound.dirty = false;
        }
        Some(connection)
    }

    /// Whether a connection has so much waiting that it should be flushed before more is handled.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        !self.pressed.is_empty()
    }

    /// The next pressed connection, to be flushed at once.
    pub fn next_pressed(&mut self) -> Option<ConnectionId> {
        let connection = self.pressed.pop()?;
        if let Some(outbound) = self.outbound.get_mut(connection.index()) {
            outbound.pressed = false;
        }
        Some(connection)
    }

    /// The waiting bytes of a connection.
    #[must_use]
    pub fn outbound(&mut self, connection: ConnectionId) -> &mut Outbound {
        let index = connection.index();
        if index >= self.outbound.len() {
            self.outbound.resize_with(index + 1, Outbound::default);
        }
        &mut self.outbound[index]
    }

    /// After a write: returns an emptied buffer to the pool. True if the core asked to hear
    /// [`crate::Input::Drained`] and the time has come; the shell then hands that in.
    pub fn settle(&mut self, connection: ConnectionId) -> bool {
        let pressed_bytes = self.pressed_bytes;
        let Some(outbound) = self.outbound.get_mut(connection.index()) else {
            return false;
        };
        if outbound.is_empty() && outbound.has_buffer() {
            let buffer = outbound.give_buffer();
            if self.pool.len() < POOL_BUFFERS_MAX && buffer.capacity() <= POOL_BUFFER_BYTES_MAX {
                self.pool.push(buffer);
            }
        }
        let outbound = &mut self.outbound[connection.index()];
        let drained = outbound.wants_drained && outbound.len() <= pressed_bytes / 2;
        if drained {
            outbound.wants_drained = false;
        }
        drained
    }

    /// Drops whatever still waits for a connection that is gone, before its index is used again.
    pub fn forget(&mut self, connection: ConnectionId) {
        if let Some(outbound) = self.outbound.get_mut(connection.index()) {
            let (dirty, pressed) = (outbound.dirty, outbound.pressed);
            *outbound = Outbound::default();
            (outbound.dirty, outbound.pressed) = (dirty, pressed);
        }
    }

    /// What is staged for a worker. The shell swaps a non-empty one against an empty one.
    pub fn staged(&mut self, worker: WorkerId) -> &mut Batch {
        &mut self.staged[worker.index()]
    }

    /// The records of this turn, each with its length (4 bytes, little-endian) in front, and the
    /// number of the last one; [`crate::Input::Committed`] says when they are durable.
    pub fn take_records(&mut self) -> (Vec<u8>, RecordNo) {
        (self.records.take(), self.records.last())
    }

    /// The number of workers, this one included.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.staged.len()
    }

    /// Memory held by pooled buffers, bytes.
    #[must_use]
    pub fn pooled_bytes(&self) -> usize {
        self.pool.iter().map(Vec::capacity).sum()
    }

    /// Gives pooled buffers back to the allocator, after a storm.
    pub fn shrink(&mut self) {
        self.pool = Vec::new();
        self.effects.shrink_to(64);
        self.events.shrink_to(64);
        self.dirty.shrink_to(64);
    }

    /// Appends to a connection with `write`, and marks it dirty.
    pub(crate) fn append<R>(
        &mut self,
        connection: ConnectionId,
        write: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> R {
        let index = connection.index();
        if index >= self.outbound.len() {
            self.outbound.resize_with(index + 1, Outbound::default);
        }
        let outbound = &mut self.outbound[index];
        if !outbound.has_buffer()
            && let Some(buffer) = self.pool.pop()
        {
            outbound.adopt_buffer(buffer);
        }
        let result = write(outbound.own_mut());
        self.mark(connection);
        result
    }

    /// Appends a shared payload behind what was appended last.
    pub(crate) fn append_shared(&mut self, connection: ConnectionId, payload: Rc<[u8]>) {
        self.outbound(connection).push_shared(payload);
        self.mark(connection);
    }

    fn mark(&mut self, connection: ConnectionId) {
        let outbound = &mut self.outbound[connection.index()];
        let is_pressed = outbound.len() >= self.pressed_bytes;
        if !outbound.dirty {
            outbound.dirty = true;
            self.dirty.push(connection);
        }
        if is_pressed && !outbound.pressed {
            outbound.pressed = true;
            self.pressed.push(connection);
        }
    }

    /// Bytes that wait for a connection.
    pub(crate) fn waiting_bytes(&self, connection: ConnectionId) -> usize {
        self.outbound
            .get(connection.index())
            .map_or(0, Outbound::len)
    }

    /// Asks for [`crate::Input::Drained`] when the connection has room again.
    pub(crate) fn want_drained(&mut self, connection: ConnectionId) {
        self.outbound(connection).wants_drained = true;
    }
}
