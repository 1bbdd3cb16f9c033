//! Connections whose CONNECT has not arrived as a whole, and where each goes when it has.
//!
//! They are bounded three ways, since nobody has shown yet who they are: by time, by number, and
//! by the bytes that they hold; over a bound the oldest goes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bowline_packet::{Next, next_frame, peek_client_id};
use mio::net::TcpStream;
use slab::Slab;

use super::places::Place;
use crate::server::limits::ShellLimits;

/// The first byte of every CONNECT, less its flags.
const CONNECT_TYPE: u8 = 1;

/// A connection before its CONNECT.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    pub(crate) socket: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) place: Place,
    pub(crate) unread: Vec<u8>,
    serial: u64,
}

/// The half-open connections of the acceptor.
#[derive(Debug)]
pub(crate) struct HalfOpens {
    slots: Slab<HalfOpen>,
    /// In the order of their deadlines; entries whose connection is gone are passed over.
    order: VecDeque<Entry>,
    next_serial: u64,
    held_bytes: usize,
    connections_max: usize,
    held_bytes_max: usize,
    timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: usize,
    serial: u64,
    deadline: Instant,
}

impl HalfOpens {
    /// None yet.
    pub(crate) fn new(limits: &ShellLimits) -> Self {
        Self {
            slots: Slab::new(),
            order: VecDeque::new(),
            next_serial: 0,
            held_bytes: 0,
            connections_max: limits.half_open_max.max(1),
            held_bytes_max: limits.half_open_bytes_max,
            timeout: limits.connect_timeout(),
        }
    }

    /// The key that [`HalfOpens::add`] will give.
    pub(crate) fn next_key(&self) -> usize {
        self.slots.vacant_key()
    }

    /// Adds one; dropped if its CONNECT is not there in time.
    pub(crate) fn add(&mut self, socket: TcpStream, peer: SocketAddr, place: Place, now: Instant) {
        let serial = self.next_serial;
        self.next_serial += 1;
        let key = self.slots.insert(HalfOpen {
            socket,
            peer,
            place,
            unread: Vec::new(),
            serial,
        });
        self.order.push_back(Entry {
            key,
            serial,
            deadline: now + self.timeout,
        });
    }

    /// One of them, if it still is.
    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut HalfOpen> {
        self.slots.get_mut(key)
    }

    /// Keeps bytes of one.
    pub(crate) fn keep(&mut self, key: usize, bytes: &[u8]) {
        if let Some(half_open) = self.slots.get_mut(key) {
            half_open.unread.extend_from_slice(bytes);
            self.held_bytes += bytes.len();
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, key: usize) -> Option<HalfOpen> {
        let half_open = self.slots.try_remove(key)?;
        self.held_bytes -= half_open.unread.len();
        Some(half_open)
    }

    /// Takes out the oldest, if a bound is exceeded.
    pub(crate) fn remove_excess(&mut self) -> Option<HalfOpen> {
        let is_over =
            self.slots.len() > self.connections_max || self.held_bytes > self.held_bytes_max;
        if is_over { self.remove_oldest() } else { None }
    }

    /// Takes out one whose time is over.
    pub(crate) fn remove_expired(&mut self, now: Instant) -> Option<HalfOpen> {
        self.forget_gone();
        let oldest = self.order.front()?;
        if oldest.deadline <= now {
            self.remove_oldest()
        } else {
            None
        }
    }

    /// When the next one's time is over.
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        self.forget_gone();
        self.order.front().map(|entry| entry.deadline)
    }

    fn remove_oldest(&mut self) -> Option<HalfOpen> {
        self.forget_gone();
        let entry = self.order.pop_front()?;
        self.remove(entry.key)
    }

    /// Passes over the entries of connections that have had their CONNECT or are closed.
    fn forget_gone(&mut self) {
        while let Some(entry) = self.order.front() {
            if self
                .slots
                .get(entry.key)
                .is_some_and(|slot| slot.serial == entry.serial)
            {
                return;
            }
            self.order.pop_front();
        }
    }
}

/// What the first bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening<'a> {
    /// The beginning of a CONNECT.
    Incomplete,
    /// A whole CONNECT with this Client Identifier; `None` if there is none or it cannot be found.
    Connect(Option<&'a str>),
    /// Something else. The core answers as the version demands [MQTT-3.1.0-1].
    Garbage,
}

impl<'a> Opening<'a> {
    /// Looks at what a connection has sent so far.
    pub(crate) fn of(bytes: &'a [u8], connect_bytes_max: usize) -> Self {
        let Some(first_byte) = bytes.first() else {
            return Self::Incomplete;
        };
        if first_byte >> 4 != CONNECT_TYPE {
            return Self::Garbage;
        }
        match next_frame(bytes, connect_bytes_max) {
            Ok(Next::Incomplete { .. }) => Self::Incomplete,
            Ok(Next::Frame(frame)) => {
                let connect = bytes.get(..frame.len).unwrap_or(bytes);
                Self::Connect(peek_client_id(connect).filter(|id| !id.is_empty()))
            }
            Err(_) => Self::Garbage,
        }
    }
}

#[cfg(test)]
mod tests;
