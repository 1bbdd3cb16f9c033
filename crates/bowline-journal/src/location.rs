//! Where things are in the log: positions ([`Lsn`]) and the places of records ([`Location`]).
//!
//! Both are plain numbers that a caller may keep, compare and store in a snapshot; what they mean
//! is drawn in `docs/internals/journal-format.md`, section 1.

use core::fmt;

/// A position: the number of a file and the byte offset in it, ordered as the log is.
///
/// A record is committed when its position is below [`Journal::committed`](crate::Journal::committed).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(u64);

impl Lsn {
    /// Before every position that can exist.
    pub const ZERO: Self = Self(0);

    /// The position at `offset` bytes into file `number`.
    #[must_use]
    pub const fn new(number: u32, offset: u32) -> Self {
        Self((number as u64) << 32 | offset as u64)
    }

    /// The number of the file.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The byte offset in the file.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower half is what is wanted"
    )]
    pub const fn offset(self) -> u32 {
        self.0 as u32
    }

    /// The position as it is stored.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The position that [`to_u64`](Self::to_u64) gave.
    #[must_use]
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number(), self.offset())
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a record is: the position of its header and the length of its bytes.
///
/// Evacuation and recovery give a record a new location and say so; a location may be kept in RAM and in
/// a snapshot, never inside another record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Location {
    /// Position of the record.
    pub lsn: Lsn,
    /// Length of its bytes, without the journal's own header.
    pub len: u32,
}

impl Location {
    /// Size of a stored location in bytes.
    pub const STORED_BYTES: usize = 12;

    /// The location as it may be stored in a snapshot.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::STORED_BYTES] {
        let mut bytes = [0; Self::STORED_BYTES];
        let (lsn, len) = bytes.split_at_mut(8);
        lsn.copy_from_slice(&self.lsn.to_u64().to_le_bytes());
        len.copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    /// The location that [`to_bytes`](Self::to_bytes) gave; any other bytes give some location that nothing is at.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::STORED_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Self {
            lsn: Lsn(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
            len: u32::from_le_bytes([i, j, k, l]),
        }
    }
}
