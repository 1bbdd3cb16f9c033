//! The Subscription Identifiers that go out with a delivery: mostly none or one, seldom several.
//!
//! A message that matches several filters of a session is delivered once and carries all their
//! identifiers [MQTT-3.3.4-4]. One identifier fits the value itself; more stand in a list beside.

use alloc::vec::Vec;

use crate::slab::Slab;

const LIST: u32 = 1 << 31;

/// None, one, or the index of a list. At most 268,435,455 as an identifier, so the top bit is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identifiers(u32);

impl Identifiers {
    /// One identifier, or none.
    pub(crate) fn one(identifier: Option<u32>) -> Self {
        Self(identifier.unwrap_or(0))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The lists of deliveries with several identifiers.
#[derive(Debug, Default)]
pub(crate) struct IdentifierLists {
    lists: Slab<Vec<u32>>,
}

impl IdentifierLists {
    /// `identifiers` and one more.
    pub(crate) fn add(&mut self, identifiers: Identifiers, more: Option<u32>) -> Identifiers {
        let Some(more) = more else { return identifiers };
        if identifiers.is_empty() {
            return Identifiers(more);
        }
        if identifiers.0 & LIST == 0 {
            let mut list = Vec::with_capacity(2);
            list.extend([identifiers.0, more]);
            return Identifiers(self.lists.insert(list) | LIST);
        }
        if let Some(list) = self.lists.get_mut(identifiers.0 & !LIST) {
            list.push(more);
        }
        identifiers
    }

    /// The identifiers as a slice; `room` lends the place for a single one.
    pub(crate) fn slice<'a>(
        &'a self,
        identifiers: Identifiers,
        room: &'a mut [u32; 1],
    ) -> &'a [u32] {
        if identifiers.is_empty() {
            return &[];
        }
        if identifiers.0 & LIST == 0 {
            *room = [identifiers.0];
            return room;
        }
        self.lists
            .get(identifiers.0 & !LIST)
            .map_or(&[], Vec::as_slice)
    }

    /// How many lists there are.
    pub(crate) fn len(&self) -> usize {
        self.lists.len()
    }

    /// The delivery is over.
    pub(crate) fn release(&mut self, identifiers: Identifiers) {
        if identifiers.0 & LIST != 0 {
            self.lists.remove(identifiers.0 & !LIST);
        }
    }
}

#[cfg(test)]
mod tests;
