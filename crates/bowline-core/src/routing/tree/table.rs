//! The hash table of the filter tree: from 32 bits of hash to a place of 32 bits.
//!
//! A general table looks at its control bytes, then at its bucket, then at what the bucket points
//! to, and waits for memory each time: with a million filters that waiting is nearly the whole cost
//! of a match. Here hash and place lie side by side, so one wait tells whether there is anything
//! and where; and the look can be split, [`Table::peek`] for many hashes first and [`Table::find`]
//! after, so that they all wait together. Growing the table reads nothing but the table.
//!
//! Absent on purpose: the keys. Who finds a place compares what lies there; hashes may be equal.

use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Places under hashes, found by looking from the slot of the hash on to the next empty one.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// None, or a power of two, of which at most three quarters are taken.
    slots: Vec<Slot>,
    len: usize,
}

/// One slot as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    hash: u32,
    place: u32,
}

/// Not a place: marks an empty slot.
pub(super) const NO_PLACE: u32 = u32::MAX;

const SLOTS_MIN: usize = 8;

impl Slot {
    pub(super) const EMPTY: Self = Self {
        hash: 0,
        place: NO_PLACE,
    };

    pub(super) const fn is(self, hash: u32) -> bool {
        self.hash == hash && !self.is_empty()
    }
    pub(super) const fn place(self) -> u32 {
        self.place
    }

    const fn is_empty(self) -> bool {
        self.place == NO_PLACE
    }
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
        }
    }

    /// Adds a place, which may be there under the same hash already only if it is another one.
    /// Amortised constant time.
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        assert!(
            place != NO_PLACE,
            "places are bounded by the number of filters"
        );
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(SLOTS_MIN));
        }
        self.put(Slot { hash, place });
        self.len += 1;
    }

    /// Takes a place out, which is there under this hash.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let mask = self.mask();
        let mut hole = self.position(hash, place);
        self.len -= 1;
        // What was put further on only because this slot was taken moves up, so that each search
        // may still end at the first empty slot.
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.is_empty() {
                break;
            }
            let from_home = at.wrapping_sub(self.home(slot.hash)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = Slot::EMPTY;
    }

    /// Changes a place, which is there under this hash, to another.
    pub(super) fn replace(&mut self, hash: u32, place: u32, by: u32) {
        let at = self.position(hash, place);
        self.slots[at].place = by;
    }

    /// Gives spare memory back. Linear.
    pub(super) fn shrink_to_fit(&mut self) {
        let slots = match self.len {
            0 => 0,
            len => (len * 4).div_ceil(3).next_power_of_two().max(SLOTS_MIN),
        };
        if slots < self.slots.len() {
            self.resize(slots);
        }
    }

    /// The first slot to look at for this hash. Waits for memory only where it is used, so several
    /// peeks wait together.
    pub(super) fn peek(&self, hash: u32) -> Slot {
        self.slots
            .get(self.home(hash))
            .copied()
            .unwrap_or(Slot::EMPTY)
    }

    /// The first place under this hash that `is_it`, given what [`Table::peek`] saw.
    pub(super) fn find(
        &self,
        hash: u32,
        peeked: Slot,
        mut is_it: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let mask = self.mask();
        let mut at = self.home(hash);
        let mut slot = peeked;
        while !slot.is_empty() {
            if slot.hash == hash && is_it(slot.place) {
                return Some(slot.place);
            }
            at = (at + 1) & mask;
            slot = self.slots[at];
        }
        None
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn allocated_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    fn resize(&mut self, slots: usize) {
        let old = core::mem::replace(&mut self.slots, alloc::vec![Slot::EMPTY; slots]);
        for slot in old.into_iter().filter(|slot| !slot.is_empty()) {
            self.put(slot);
        }
    }

    /// Puts a slot into the first empty place from its home on. There is one, as a quarter is.
    fn put(&mut self, slot: Slot) {
        let mask = self.mask();
        let mut at = self.home(slot.hash);
        while !self.slots[at].is_empty() {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn position(&self, hash: u32, place: u32) -> usize {
        let mask = self.mask();
        let mut at = self.home(hash);
        while (self.slots[at] != Slot { hash, place }) {
            assert!(
                !self.slots[at].is_empty(),
                "the place is there under this hash"
            );
            at = (at + 1) & mask;
        }
        at
    }

    const fn home(&self, hash: u32) -> usize {
        hash as usize & self.mask()
    }

    const fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }
}
