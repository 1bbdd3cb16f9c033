//! The outbound bytes of one connection: what was encoded and not yet taken by its socket.
//!
//! Small packets are copied one behind the other, so that one write carries them all; a payload
//! above a few KB is shared between receivers and stands between the copied parts. An idle
//! connection holds no buffer: an empty one goes back to the pool of the worker.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Payloads from this size on are shared instead of copied, bytes.
pub const SHARED_PAYLOAD_BYTES_MIN: usize = 4 * 1024;

/// The outbound bytes of one connection, in order.
#[derive(Debug, Default)]
pub struct Outbound {
    own: Vec<u8>,
    own_taken: usize,
    shared: Option<VecDeque<Shared>>,
    shared_bytes: usize,
    pub(crate) wants_drained: bool,
    pub(crate) dirty: bool,
    pub(crate) pressed: bool,
}

/// A payload that several connections may hold, and where it stands among the own bytes.
#[derive(Debug)]
struct Shared {
    /// The own bytes before this index go first.
    behind_own: usize,
    bytes: Rc<[u8]>,
    taken: usize,
}

impl Outbound {
    /// Bytes that wait for the socket.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() - self.own_taken + self.shared_bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where encoders append.
    pub(crate) fn own_mut(&mut self) -> &mut Vec<u8> {
        &mut self.own
    }

    /// Appends a payload without copying it.
    pub(crate) fn push_shared(&mut self, bytes: Rc<[u8]>) {
        if bytes.is_empty() {
            return;
        }
        self.shared_bytes += bytes.len();
        let entry = Shared {
            behind_own: self.own.len(),
            bytes,
            taken: 0,
        };
        self.shared.get_or_insert_default().push_back(entry);
    }

    /// The waiting bytes in order, as the parts of one gathered write.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let shared = self.shared.as_ref();
        let mut next_shared = 0;
        let mut own_at = self.own_taken;
        let mut shared_turn = false;
        core::iter::from_fn(move || {
            loop {
                let entry = shared.and_then(|list| list.get(next_shared));
                if shared_turn {
                    shared_turn = false;
                    if let Some(entry) = entry {
                        next_shared += 1;
                        return entry.bytes.get(entry.taken..);
                    }
                }
                let own_end = entry.map_or(self.own.len(), |entry| entry.behind_own);
                let part = self.own.get(own_at..own_end).unwrap_or_default();
                own_at = own_end;
                shared_turn = entry.is_some();
                if !part.is_empty() {
                    return Some(part);
                }
                entry?;
            }
        })
    }

    /// Forgets the first `count` waiting bytes: the socket took them.
    pub fn take(&mut self, mut count: usize) {
        loop {
            let front = self.shared.as_mut().and_then(VecDeque::front_mut);
            let own_end = front
                .as_ref()
                .map_or(self.own.len(), |entry| entry.behind_own);
            let own_step = count.min(own_end - self.own_taken);
            self.own_taken += own_step;
            count -= own_step;
            let Some(entry) = front else { break };
            if self.own_taken < own_end {
                break;
            }
            let step = count.min(entry.bytes.len() - entry.taken);
            entry.taken += step;
            self.shared_bytes -= step;
            count -= step;
            if entry.taken < entry.bytes.len() {
                break;
            }
            self.shared.as_mut().map(VecDeque::pop_front);
        }
        if self.is_empty() {
            self.own.clear();
            self.own_taken = 0;
            self.shared = None;
        } else if self.own_taken >= 64 * 1024 && self.own_taken * 2 >= self.own.len() {
            self.forget_taken();
        }
    }

    /// Moves the waiting own bytes to the front, so that a long-lived backlog does not grow.
    fn forget_taken(&mut self) {
        let taken = self.own_taken;
        self.own.drain(..taken);
        self.own_taken = 0;
        if let Some(list) = self.shared.as_mut() {
            for entry in list {
                entry.behind_own -= taken;
            }
        }
    }

    /// Gives the empty buffer away, for the pool.
    pub(crate) fn give_buffer(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "only an empty buffer goes to the pool");
        core::mem::take(&mut self.own)
    }

    /// Takes a pooled buffer if it has none.
    pub(crate) fn adopt_buffer(&mut self, buffer: Vec<u8>) {
        if self.own.capacity() == 0 {
            self.own = buffer;
        }
    }

    /// Whether it holds a buffer of its own.
    pub(crate) fn has_buffer(&self) -> bool {
        self.own.capacity() != 0
    }
}

#[cfg(test)]
mod tests;
