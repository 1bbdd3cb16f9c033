//! The messages of one publisher that wait for acknowledgements, by Packet Identifier.
//!
//! Identifiers are given out in turn from a ring twice as large as the window, so that one
//! straggler does not hold up the others. One byte each; nothing is allocated after the start.

#[cfg(test)]
mod tests;

/// What an identifier waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// PUBACK.
    PubAck,
    /// PUBREC.
    PubRec,
    /// PUBCOMP.
    PubComp,
}

/// The ring of identifiers, 1 to its size.
#[derive(Debug)]
pub(super) struct InFlight {
    slots: Vec<Slot>,
    next: usize,
    open: usize,
}

/// An acknowledgement that nothing waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unexpected;

impl InFlight {
    /// Room for a window of so many messages.
    pub(super) fn new(window: usize) -> Self {
        let slots = window.saturating_mul(2).clamp(2, usize::from(u16::MAX));
        Self {
            slots: vec![Slot::Free; slots],
            next: 0,
            open: 0,
        }
    }

    /// Messages that are not wholly acknowledged.
    #[inline]
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// An identifier for a message at QoS 1, or 2 if `is_qos2`; `None` while the next in turn is
    /// still in use.
    #[inline]
    pub(super) fn take(&mut self, is_qos2: bool) -> Option<u16> {
        if self.slots[self.next] != Slot::Free {
            return None;
        }
        self.slots[self.next] = if is_qos2 { Slot::PubRec } else { Slot::PubAck };
        self.next += 1;
        let packet_id = u16::try_from(self.next).ok()?;
        if self.next == self.slots.len() {
            self.next = 0;
        }
        self.open += 1;
        Some(packet_id)
    }

    /// A PUBACK came.
    #[inline]
    pub(super) fn puback(&mut self, packet_id: u16) -> Result<(), Unexpected> {
        self.step(packet_id, Slot::PubAck, Slot::Free)
    }

    /// A PUBREC came; `goes_on` unless it refuses the message.
    #[inline]
    pub(super) fn pubrec(&mut self, packet_id: u16, goes_on: bool) -> Result<(), Unexpected> {
        let then = if goes_on { Slot::PubComp } else { Slot::Free };
        self.step(packet_id, Slot::PubRec, then)
    }

    /// A PUBCOMP came.
    #[inline]
    pub(super) fn pubcomp(&mut self, packet_id: u16) -> Result<(), Unexpected> {
        self.step(packet_id, Slot::PubComp, Slot::Free)
    }

    #[inline]
    fn step(&mut self, packet_id: u16, from: Slot, to: Slot) -> Result<(), Unexpected> {
        let slot = usize::from(packet_id)
            .checked_sub(1)
            .and_then(|at| self.slots.get_mut(at))
            .filter(|slot| **slot == from)
            .ok_or(Unexpected)?;
        *slot = to;
        if to == Slot::Free {
            self.open -= 1;
        }
        Ok(())
    }
}
