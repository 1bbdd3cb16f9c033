//! Packet Identifiers of what this client sends: PUBLISH, SUBSCRIBE and UNSUBSCRIBE share one
//! space [MQTT-2.2.1-3].
//!
//! Promises: an identifier is never given out while it is in use, and one that became free is
//! used again as late as possible.

use alloc::collections::BTreeSet;

use bowline_packet::PacketId;

/// The identifiers in use, and the next one to try.
#[derive(Debug)]
pub(super) struct PacketIds {
    used: BTreeSet<PacketId>,
    next: PacketId,
}

impl PacketIds {
    pub(super) fn starting_at(next: PacketId) -> Self {
        Self {
            used: BTreeSet::new(),
            next,
        }
    }

    /// A free identifier, or nothing if all 65,535 are in use.
    pub(super) fn take(&mut self) -> Option<PacketId> {
        if self.used.len() >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            let candidate = self.next;
            self.next = successor(candidate);
            if self.used.insert(candidate) {
                return Some(candidate);
            }
        }
    }

    /// The identifier is free again.
    pub(super) fn give_back(&mut self, id: PacketId) {
        self.used.remove(&id);
    }
}

/// The next identifier; 1 follows 65,535.
fn successor(id: PacketId) -> PacketId {
    id.get()
        .checked_add(1)
        .and_then(PacketId::new)
        .unwrap_or_else(|| PacketId::new(1).expect("1 is not zero"))
}
