//! What a message of a benchmark carries at the front of its payload: who, which, when.
//!
//! Sixteen bytes, two big-endian words:
//!
//! ```text
//! 63        40 39                       0     63     48 47                      0
//! [ flow (24) |  sequence number (40)   ]     [ run (16) | sent at, ns (48)     ]
//! ```
//!
//! A *flow* is one publisher; its messages are numbered from 0 per flow (per flow and receiver
//! where a flow is split between receivers). The run sets the messages of other runs apart, which
//! retained and queued messages may be. The time is from the start of the program, so one run may
//! take 78 hours.

/// The size of a stamp, and so of the smallest payload, in bytes.
pub(super) const STAMP_BYTES: usize = 16;

/// Flows that can be told apart.
pub(super) const FLOWS_MAX: usize = 1 << 24;

const SEQUENCE_MASK: u64 = (1 << 40) - 1;
const TIME_MASK: u64 = (1 << 48) - 1;

/// Who, which, when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The publisher, below [`FLOWS_MAX`].
    pub(super) flow: u32,
    /// Its number within the flow, 40 bits.
    pub(super) sequence: u64,
    /// The run that it belongs to.
    pub(super) run: u16,
    /// When it was to be sent, nanoseconds from the start of the program, 48 bits.
    pub(super) sent_ns: u64,
}

impl Stamp {
    /// The stamp as it stands in the payload.
    #[inline]
    pub(super) fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let who = u64::from(self.flow) << 40 | self.sequence & SEQUENCE_MASK;
        let when = u64::from(self.run) << 48 | self.sent_ns & TIME_MASK;
        (u128::from(who) << 64 | u128::from(when)).to_be_bytes()
    }

    /// The stamp at the front of a payload; `None` where the payload is too short to have one.
    #[inline]
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let both = u128::from_be_bytes(*payload.first_chunk()?);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves, by intent")]
        let (who, when) = ((both >> 64) as u64, both as u64);
        let (flow, run) = ((who >> 40) as u32, (when >> 48) as u16);
        Some(Self {
            flow,
            sequence: who & SEQUENCE_MASK,
            run,
            sent_ns: when & TIME_MASK,
        })
    }
}

#[cfg(test)]
mod tests;
