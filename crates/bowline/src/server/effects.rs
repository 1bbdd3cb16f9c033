//! What a worker does when its core asks for it: closing, holding a client back, and the stop.
//!
//! Every call into the core that is not about bytes passes [`Worker::handle`], so that no effect
//! is left lying.

use bowline_core::{ConnectionId, Effect, Input};

use super::worker::Worker;

/// How long a stopping broker lets its clients read its last words.
const STOP_LINGER_MILLIS: u64 = 200;

impl Worker {
    /// Tells the core what happened and carries out what it asks for.
    pub(super) fn handle(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        self.carry_out_effects();
    }

    /// Carries out what the core asked for, in order. At once, not at the end of the turn: the
    /// core accepts nothing more for a connection that it has closed.
    pub(super) fn carry_out_effects(&mut self) {
        if self.out.effects.is_empty() {
            return;
        }
        std::mem::swap(&mut self.out.effects, &mut self.effects);
        for at in 0..self.effects.len() {
            match self.effects[at] {
                Effect::Close(id) => self.close(id),
                Effect::StopReading(id) => {
                    if let Some(connection) = self.connections.get_mut(id.index()) {
                        connection.stopped = true;
                    }
                }
                Effect::ResumeReading(id) => {
                    if let Some(connection) = self.connections.get_mut(id.index()) {
                        connection.stopped = false;
                        connection.has_packets = !connection.unread.is_empty();
                    }
                    self.queue(id);
                }
                Effect::Load(location) => {
                    // Messages leave RAM only where there is a journal.
                    tracing::error!(
                        ?location,
                        "internal error: a message is asked for that never left RAM"
                    );
                }
            }
        }
        self.effects.clear();
    }

    /// Writes what goes at once and closes; the core has forgotten the connection.
    fn close(&mut self, id: ConnectionId) {
        self.flush_last_words(id);
        let Some(mut connection) = self.connections.try_remove(id.index()) else {
            return;
        };
        self.out.forget(id);
        self.closed += 1;
        connection.unread = Vec::new();
        let stopping = self.stopping.is_some();
        let millis = if stopping {
            STOP_LINGER_MILLIS
        } else {
            self.limits.linger_millis
        };
        let deadline = self.now.instant.plus_millis(millis);
        let max = self.limits.lingering_max;
        let registry = self.poll.registry();
        self.lingering.add(registry, connection, deadline, max);
    }

    /// Writes what waits for a connection that is over. Best effort: whatever becomes of it.
    fn flush_last_words(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id.index())
            && !connection.write_broken
            && !connection.write_blocked
        {
            drop(connection.flush(self.out.outbound(id)));
        }
    }

    /// Tells the core that a connection is gone, and forgets it. A client that has only closed its
    /// own side still gets the answers to what it said before.
    pub(super) fn end(&mut self, connection: ConnectionId, cause: &str) {
        self.flush_last_words(connection);
        if self.connections.try_remove(connection.index()).is_some() {
            self.out.forget(connection);
            self.closed += 1;
            self.handle(Input::Closed { connection, cause });
        }
    }

    pub(super) fn stop(&mut self) {
        if self.stopping.is_none() {
            let deadline = self
                .now
                .instant
                .plus_millis(self.limits.stop_timeout_millis);
            self.stopping = Some(deadline);
            self.handle(Input::Stop);
        }
    }

    pub(super) fn has_stopped(&self) -> bool {
        let Some(deadline) = self.stopping else {
            return false;
        };
        let is_done = self.connections.is_empty() && self.lingering.is_empty();
        is_done || deadline <= self.now.instant
    }
}
