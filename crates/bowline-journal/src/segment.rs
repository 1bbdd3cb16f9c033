//! One segment as the open journal knows it: its file, its seed, and which of its records are live.
//!
//! Liveness is one bit for each 32-byte granule that has been reached, so that a backlog of a million small messages costs
//! about a byte of RAM each here, and retiring is O(1). A segment without live records has no bits.

use std::sync::Arc;

use crate::format::{Class, FileHeader, GRANULE_BYTES, Seed, file_name, record_room};
use crate::location::{Location, Lsn};

#[derive(Debug)]
pub(crate) struct Segment<F> {
    pub(crate) file: Arc<F>,
    pub(crate) number: u32,
    pub(crate) class: Class,
    pub(crate) align: u32,
    pub(crate) seed: Seed,
    /// Bytes that the file takes.
    pub(crate) size: u64,
    pub(crate) live: LiveRecords,
    /// Everything that retired records of this segment was appended before this position.
    pub(crate) retired_before: Lsn,
    /// Whether the log is replayed through it, as long as no snapshot lies behind it.
    pub(crate) in_chain: bool,
    /// A record could not be verified: do not touch it any more.
    pub(crate) damaged: bool,
}

impl<F> Segment<F> {
    pub(crate) fn new(file: Arc<F>, header: &FileHeader, size: u64) -> Self {
        Self {
            file,
            number: header.number,
            class: header.class,
            align: header.align,
            seed: header.seed(),
            size,
            live: LiveRecords::default(),
            retired_before: Lsn::ZERO,
            in_chain: false,
            damaged: false,
        }
    }

    pub(crate) fn name(&self) -> String {
        file_name(self.number, self.class)
    }
}

/// The live records of a segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveRecords {
    granules: Vec<u64>,
    /// How many.
    pub(crate) count: u64,
    /// The room they take.
    pub(crate) bytes: u64,
}

impl LiveRecords {
    /// Marks a record live; `false` if it was.
    pub(crate) fn insert(&mut self, location: Location) -> bool {
        let (word, bit) = granule(location.lsn.offset());
        if self.granules.len() <= word {
            self.granules.resize(word + 1, 0);
        }
        let Some(word) = self.granules.get_mut(word) else {
            return false;
        };
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.count += 1;
        self.bytes += room(location);
        true
    }

    /// Marks a record dead; `false` if it was.
    pub(crate) fn remove(&mut self, location: Location) -> bool {
        let (word, bit) = granule(location.lsn.offset());
        match self.granules.get_mut(word) {
            Some(word) if *word & bit != 0 => *word &= !bit,
            Some(_) | None => return false,
        }
        self.count -= 1;
        self.bytes = self.bytes.saturating_sub(room(location));
        if self.count == 0 {
            *self = Self::default();
        }
        true
    }

    pub(crate) fn contains(&self, offset: u32) -> bool {
        let (word, bit) = granule(offset);
        self.granules.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn granule(offset: u32) -> (usize, u64) {
    let granule = offset / GRANULE_BYTES;
    ((granule / 64) as usize, 1 << (granule % 64))
}

fn room(location: Location) -> u64 {
    record_room(true, location.len as usize) as u64
}

#[cfg(test)]
mod tests;
