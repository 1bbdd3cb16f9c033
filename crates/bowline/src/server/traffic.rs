//! The bytes of a worker's connections: reading them in for the core, and writing out.
//!
//! Reading goes into one buffer that all connections of the worker share; only the beginning of a
//! packet whose rest has not come stays with its connection. A large packet gets a buffer that
//! grows as its bytes arrive, never by the length that it claims.

use std::io::{ErrorKind, Read};

use bowline_core::ConnectionId;

use super::connection::{Flushed, cause_of};
use super::worker::Worker;

/// An unfinished packet from this size on is read on into its own buffer, bytes.
const OWN_BUFFER_BYTES_MIN: usize = 16 * 1024;
/// The most by which such a buffer grows for one read, bytes.
const GROWTH_BYTES_MAX: usize = 64 * 1024;

/// What a read brought.
enum Arrived {
    Bytes(usize),
    Nothing,
    Over(&'static str),
}

impl Worker {
    /// Serves one connection: what it has left over, then what its socket gives, up to its share
    /// of the turn.
    pub(super) fn serve(&mut self, id: ConnectionId) {
        for _ in 0..self.limits.reads_per_turn_max.max(1) {
            let Some(connection) = self.connections.get_mut(id.index()) else {
                return;
            };
            if !connection.has_work() {
                return;
            }
            if connection.has_packets {
                connection.has_packets = false;
                let unread = std::mem::take(&mut connection.unread);
                self.hand_in_own(id, unread);
            } else if connection.unread.len() < OWN_BUFFER_BYTES_MIN {
                self.read_shared(id);
            } else {
                self.read_own(id);
            }
        }
        self.queue(id);
    }

    /// Reads into the worker's buffer, behind the beginning of a packet that is there already.
    fn read_shared(&mut self, id: ConnectionId) {
        // Taken out while the core looks at it, so that the rest of the worker can be used.
        let mut buffer = std::mem::take(&mut self.read_buffer);
        let connection = &mut self.connections[id.index()];
        let kept = connection.unread.len();
        buffer[..kept].copy_from_slice(&connection.unread);
        match read(self, id, &mut buffer[kept..]) {
            Arrived::Bytes(count) => {
                let filled = kept + count;
                if let Some(consumed) = self.hand_in(id, &buffer[..filled])
                    && let Some(connection) = self.connections.get_mut(id.index())
                {
                    // Frees the old buffer when nothing is left, keeps it when it fits.
                    keep(&mut connection.unread, &buffer[consumed..filled]);
                }
            }
            Arrived::Nothing => {}
            Arrived::Over(cause) => self.end(id, cause),
        }
        self.read_buffer = buffer;
    }

    /// Reads into the connection's own buffer: a large packet is on its way.
    fn read_own(&mut self, id: ConnectionId) {
        let mut unread = std::mem::take(&mut self.connections[id.index()].unread);
        let kept = unread.len();
        unread.resize(kept + kept.min(GROWTH_BYTES_MAX), 0);
        match read(self, id, &mut unread[kept..]) {
            Arrived::Bytes(count) => {
                unread.truncate(kept + count);
                self.hand_in_own(id, unread);
            }
            Arrived::Nothing => {
                unread.truncate(kept);
                self.connections[id.index()].unread = unread;
            }
            Arrived::Over(cause) => self.end(id, cause),
        }
    }

    /// Hands in the connection's own buffer and keeps what is not consumed.
    fn hand_in_own(&mut self, id: ConnectionId, mut unread: Vec<u8>) {
        let Some(consumed) = self.hand_in(id, &unread) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(id.index()) else {
            return;
        };
        if unread.len() - consumed < OWN_BUFFER_BYTES_MIN {
            keep(&mut connection.unread, &unread[consumed..]);
        } else {
            unread.drain(..consumed);
            connection.unread = unread;
        }
    }

    /// Hands bytes to the core until it can do no more with them; how many it consumed, or `None`
    /// if the connection is gone.
    fn hand_in(&mut self, id: ConnectionId, bytes: &[u8]) -> Option<usize> {
        let mut consumed = 0;
        loop {
            let rest = &bytes[consumed..];
            let received = self.broker.receive(self.now, id, rest, &mut self.out);
            consumed += received.consumed;
            let was_pressed = self.out.is_pressed();
            self.carry_out_effects();
            self.flush_pressed();
            let connection = self.connections.get_mut(id.index())?;
            if !received.more {
                return Some(consumed);
            }
            if !was_pressed || connection.stopped {
                // It had its turn.
                connection.has_packets = true;
                return Some(consumed);
            }
        }
    }

    /// Flushes the connections that have so much waiting that more should not be added first.
    pub(super) fn flush_pressed(&mut self) {
        while let Some(id) = self.out.next_pressed() {
            self.flush_one(id);
        }
    }

    /// Writes what waits for one connection.
    pub(super) fn flush_one(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id.index()) else {
            return;
        };
        if connection.write_blocked {
            return;
        }
        let outbound = self.out.outbound(id);
        if connection.write_broken {
            outbound.take(outbound.len());
        }
        match connection.flush(outbound) {
            Flushed::Whole => {}
            Flushed::Blocked => connection.write_blocked = true,
            Flushed::Broken(error) => {
                let cause = cause_of(&error);
                if connection.stopped {
                    self.end(id, cause);
                    return;
                }
                // What the client said before it went away still counts, above all a DISCONNECT
                // that takes its will back. Reading finds the end.
                outbound.take(outbound.len());
                connection.write_broken = true;
                connection.readable = true;
                connection.ending = true;
                self.queue(id);
            }
        }
        if self.out.settle(id) {
            self.drained.push(id);
        }
    }
}

/// One read; notes whether the socket is empty now.
fn read(worker: &mut Worker, id: ConnectionId, space: &mut [u8]) -> Arrived {
    let connection = &mut worker.connections[id.index()];
    match connection.socket.read(space) {
        Ok(0) => Arrived::Over("closed by the client without DISCONNECT"),
        Ok(count) => {
            // A read that does not fill its space has emptied the socket, and the next byte makes
            // a new edge; but behind the last byte of all no edge comes any more.
            connection.readable = count == space.len() || connection.ending;
            Arrived::Bytes(count)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            connection.readable = false;
            if connection.write_broken {
                return Arrived::Over("the client no longer reads");
            }
            Arrived::Nothing
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Arrived::Nothing,
        Err(error) => Arrived::Over(cause_of(&error)),
    }
}

/// Keeps the beginning of a packet; holds no memory when there is none.
fn keep(unread: &mut Vec<u8>, rest: &[u8]) {
    if rest.is_empty() {
        *unread = Vec::new();
        return;
    }
    unread.clear();
    unread.shrink_to(OWN_BUFFER_BYTES_MIN);
    unread.extend_from_slice(rest);
}
