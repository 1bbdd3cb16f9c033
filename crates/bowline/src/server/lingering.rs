//! Connections that we have closed and whose clients may still be reading our last words.
//!
//! A socket that is dropped while bytes from its peer are unread makes the kernel answer with a
//! reset, and a reset can destroy a DISCONNECT or CONNACK that the peer has not read yet. So our
//! side is shut down first, and what still comes is read and thrown away for a short time.

use std::collections::VecDeque;
use std::io::Read;
use std::net::Shutdown;

use bowline_core::Instant;
use mio::{Interest, Registry, Token};
use slab::Slab;

use super::connection::Connection;

/// Bytes thrown away at once.
const SCRATCH_BYTES: usize = 16 * 1024;
/// Reads into nowhere per edge; a peer that sends more than this is not reading our last words.
const READS_MAX: usize = 64;

/// Tokens from here on are lingering connections.
pub(crate) const FIRST_TOKEN: usize = 1 << (usize::BITS - 2);

/// The lingering connections of a worker.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    sockets: Slab<Farewell>,
    /// In the order of their deadlines; entries whose socket is gone are passed over.
    order: VecDeque<(usize, u64)>,
    next_serial: u64,
}

#[derive(Debug)]
struct Farewell {
    connection: Connection,
    deadline: Instant,
    serial: u64,
}

impl Lingering {
    /// Shuts our side down and keeps the connection until its client has closed, `deadline` at
    /// the latest. At most `max` linger; one more drops the oldest.
    pub(crate) fn add(
        &mut self,
        registry: &Registry,
        mut connection: Connection,
        deadline: Instant,
        max: usize,
    ) {
        if connection.socket.shutdown(Shutdown::Write).is_err() || is_over(&mut connection) {
            return;
        }
        while self.sockets.len() >= max.max(1) {
            self.drop_oldest();
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        let entry = self.sockets.vacant_entry();
        let token = Token(FIRST_TOKEN + entry.key());
        if registry
            .reregister(&mut connection.socket, token, Interest::READABLE)
            .is_ok()
        {
            self.order.push_back((entry.key(), serial));
            entry.insert(Farewell {
                connection,
                deadline,
                serial,
            });
        }
    }

    /// Something came for one of them.
    pub(crate) fn ready(&mut self, token: Token) {
        let key = token.0 - FIRST_TOKEN;
        if let Some(farewell) = self.sockets.get_mut(key)
            && is_over(&mut farewell.connection)
        {
            self.sockets.remove(key);
        }
    }

    /// Drops those whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(&(key, serial)) = self.order.front() {
            match self.sockets.get(key) {
                Some(farewell) if farewell.serial == serial && farewell.deadline > now => return,
                Some(_) | None => self.drop_oldest(),
            }
        }
    }

    /// When the next one's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let &(key, _) = self.order.front()?;
        // The front may be one that has gone before its time: then this is early or late by at
        // most one linger time, and `expire` sorts it out.
        self.sockets.get(key).map(|farewell| farewell.deadline)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    fn drop_oldest(&mut self) {
        if let Some((key, serial)) = self.order.pop_front()
            && self
                .sockets
                .get(key)
                .is_some_and(|farewell| farewell.serial == serial)
        {
            self.sockets.remove(key);
        }
    }
}

/// Throws away what has come; whether the peer is gone, or sends without end.
fn is_over(connection: &mut Connection) -> bool {
    // Its own, since the worker's may be in use: a connection is closed while its bytes are read.
    let mut scratch = [0; SCRATCH_BYTES];
    for _ in 0..READS_MAX {
        match connection.socket.read(&mut scratch) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
    true
}
