//! The Packet Identifiers of QoS 2 messages that a publisher has not released yet.
//!
//! From PUBLISH to PUBREL an identifier stands for one message: the same one again is a duplicate
//! [MQTT-4.3.3-10]. The set is bounded by the Receive Maximum that we told the client.

use alloc::vec::Vec;

use bowline_packet::PacketId;

/// Identifiers between PUBLISH and PUBREL.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    held: Vec<u16>,
}

impl Receiver {
    /// Notes an identifier; false if it was held already: the PUBLISH is a duplicate.
    pub(crate) fn hold(&mut self, packet_id: PacketId) -> bool {
        match self.held.binary_search(&packet_id.get()) {
            Ok(_) => false,
            Err(place) => {
                self.held.insert(place, packet_id.get());
                true
            }
        }
    }

    /// Whether the identifier is held.
    pub(crate) fn holds(&self, packet_id: PacketId) -> bool {
        self.held.binary_search(&packet_id.get()).is_ok()
    }

    /// PUBREL: frees the identifier; false if it was not held.
    pub(crate) fn release(&mut self, packet_id: PacketId) -> bool {
        let found = self.held.binary_search(&packet_id.get());
        if let Ok(place) = found {
            self.held.remove(place);
        }
        found.is_ok()
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }
}
