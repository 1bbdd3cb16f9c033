//! Dense storage under small numbers.
//!
//! A [`Slab`] keeps values in one vector and names each by a `u32`, so that other tables can point
//! at a value with four bytes and reach it without hashing.
//!
//! Promise: an index stays valid until its value is removed, and which index an insert returns
//! depends only on the calls made before (the most recently freed index first, then the next new
//! one), so a broker that is fed the same inputs numbers its things the same way.
//!
//! Absent on purpose: generations. An index that outlives its value may name another value later;
//! whoever hands indices out to slow peers adds its own check.

use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Values of one kind, each under a dense `u32` index.
///
/// Every operation takes constant time (insert amortised) unless it says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The most recently freed slot, head of a list that runs through the free slots.
    /// [`END`] when no slot is free.
    first_free: u32,
    len: u32,
}

#[derive(Clone, Debug)]
enum Slot<T> {
    Full(T),
    /// Free; holds the slot that was freed before this one.
    Free(u32),
}

/// Ends the list of free slots. Never an index, as a slab holds at most `u32::MAX` slots.
const END: u32 = u32::MAX;

impl<T> Slab<T> {
    /// An empty slab; allocates nothing.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            first_free: END,
            len: 0,
        }
    }

    /// Stores `value` and returns its index: the most recently freed one, or the next new one.
    ///
    /// # Panics
    ///
    /// When 2^32 − 1 values are stored already. Every table of the broker is bounded far below.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if self.first_free == END {
            let index = u32::try_from(self.slots.len())
                .ok()
                .filter(|&index| index != END)
                .expect("a slab is bounded by its user far below 2^32 - 1 values");
            self.slots.push(Slot::Full(value));
            self.len += 1;
            return index;
        }
        let index = self.first_free;
        match core::mem::replace(&mut self.slots[index as usize], Slot::Full(value)) {
            Slot::Free(next) => self.first_free = next,
            Slot::Full(_) => unreachable!("the list of free slots runs through free slots only"),
        }
        self.len += 1;
        index
    }

    /// Takes the value at `index` out; `None` if there is none.
    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
        if matches!(slot, Slot::Free(_)) {
            return None;
        }
        let taken = core::mem::replace(slot, Slot::Free(self.first_free));
        self.first_free = index;
        self.len -= 1;
        match taken {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => unreachable!("the slot was seen to be full above"),
        }
    }

    #[cfg(test)]
    /// Removes every value and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Gives memory back after a storm: drops the free slots at the end and the spare capacity.
    ///
    /// Indices in use stay as they are, so one value at a high index keeps the slots below it.
    /// The slots that stay free are handed out again lowest first. Linear in the number of slots.
    pub(crate) fn shrink_to_fit(&mut self) {
        while matches!(self.slots.last(), Some(Slot::Free(_))) {
            self.slots.pop();
        }
        self.slots.shrink_to_fit();
        // The list ran through slots that are gone: build it again, so that the lowest comes first.
        self.first_free = END;
        let mut index = self.slots.len();
        for slot in self.slots.iter_mut().rev() {
            index -= 1;
            if let Slot::Free(next) = slot {
                *next = self.first_free;
                self.first_free = u32::try_from(index).expect("insert gave out a u32 for it");
            }
        }
    }

    /// The value at `index`.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.slots.get_mut(index as usize)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The values with their indices, in the order of the indices, for change in place.
    ///
    /// Linear in the number of slots, free ones included.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0u32..)
            .zip(&mut self.slots)
            .filter_map(|(index, slot)| match slot {
                Slot::Full(value) => Some((index, value)),
                Slot::Free(_) => None,
            })
    }

    /// The value at `index`.
    #[must_use]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        match self.slots.get(index as usize)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The values with their indices, in the order of the indices.
    ///
    /// Linear in the number of slots, free ones included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0u32..)
            .zip(&self.slots)
            .filter_map(|(index, slot)| match slot {
                Slot::Full(value) => Some((index, value)),
                Slot::Free(_) => None,
            })
    }

    /// How many values are stored.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether no value is stored.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated for slots: full, free and spare.
    #[must_use]
    pub(crate) const fn allocated_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<T>>()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::ops::Index<u32> for Slab<T> {
    type Output = T;

    /// For an index that is known to be in use: the slab's owner keeps its own links right.
    ///
    /// # Panics
    ///
    /// When no value is stored at `index`.
    fn index(&self, index: u32) -> &T {
        self.get(index).expect("the caller holds an index in use")
    }
}

impl<T> core::ops::IndexMut<u32> for Slab<T> {
    /// # Panics
    ///
    /// When no value is stored at `index`.
    fn index_mut(&mut self, index: u32) -> &mut T {
        self.get_mut(index)
            .expect("the caller holds an index in use")
    }
}
