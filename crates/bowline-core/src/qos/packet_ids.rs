//! Packet Identifiers for what a session sends (MQTT 2.2.1).
//!
//! A session takes them from one half of the space only, and changes to the other half when it is
//! first resumed after an unclean stop: an identifier that may have been on the wire then, without a
//! record of it, is not given to another message.
//!
//! Promise: an identifier in use is never given out, and none is given out again before all others
//! of its half have had their turn, so a late acknowledgement rarely meets a new message.
//!
//! Absent on purpose: which identifiers are in use. The session knows, and is asked.

#[cfg(test)]
mod tests;

/// One half of the Packet Identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Half {
    /// 1 to 32,767.
    Low,
    /// 32,768 to 65,535.
    High,
}

impl Half {
    #[cfg(test)]
    /// The half that this one is not.
    #[must_use]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// The half that `packet_id` is in. Zero is no Packet Identifier, and counts as low.
    #[must_use]
    pub(crate) const fn of(packet_id: u16) -> Self {
        if packet_id < Self::High.first() {
            Self::Low
        } else {
            Self::High
        }
    }

    /// The smallest Packet Identifier of this half. Zero is none. [MQTT-2.2.1-4] [MQTT3-2.3.1-1]
    const fn first(self) -> u16 {
        match self {
            Self::Low => 1,
            Self::High => 1 << 15,
        }
    }

    /// The largest Packet Identifier of this half.
    const fn last(self) -> u16 {
        match self {
            Self::Low => (1 << 15) - 1,
            Self::High => u16::MAX,
        }
    }
}

/// Gives out the Packet Identifiers of one half in turn. Two bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PacketIds {
    /// The next in turn. Its half is the half.
    turn: u16,
}

impl PacketIds {
    /// Starts with the smallest identifier of `half`.
    #[must_use]
    pub(crate) const fn new(half: Half) -> Self {
        Self { turn: half.first() }
    }

    /// The next identifier in turn that is not in use; `None` if the whole half is.
    ///
    /// Asks `in_use` once for each identifier that it passes over: with `n` in use at most `n + 1`
    /// times, in practice once.
    // [MQTT-2.2.1-4] [MQTT3-2.3.1-4]
    pub(crate) fn next(&mut self, in_use: impl Fn(u16) -> bool) -> Option<u16> {
        let half = self.half();
        for _ in half.first()..=half.last() {
            let packet_id = self.turn;
            self.turn = if packet_id == half.last() {
                half.first()
            } else {
                packet_id + 1
            };
            if !in_use(packet_id) {
                return Some(packet_id);
            }
        }
        None
    }

    /// The half that the identifiers come from.
    #[must_use]
    pub(crate) const fn half(&self) -> Half {
        Half::of(self.turn)
    }
}
