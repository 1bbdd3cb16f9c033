//! The subscriptions of one session: few in a vector, many in an ordered map.
//!
//! Devices have one or two, Home Assistant has thousands. The order is that of the filters or of
//! insertion, never that of a hash.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bowline_packet::SubscriptionOptions;

/// Up to so many stand in the vector, where looking through them is cheaper than a map.
const FEW_MAX: usize = 32;

/// One subscription; its filter is the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub options: SubscriptionOptions,
    pub identifier: Option<u32>,
    /// Where it stands among the filter's subscribers in the tree.
    pub place: u32,
}

impl Subscription {
    /// Whether the client asked for something else.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        self.options != other.options || self.identifier != other.identifier
    }
}

/// Subscriptions by their whole Topic Filter, `$share/…` included.
#[derive(Debug)]
pub(crate) enum Subscriptions {
    Few(Vec<(Box<str>, Subscription)>),
    Many(BTreeMap<Box<str>, Subscription>),
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Subscriptions {
    /// Makes or replaces one; the one that stood there before, if any [MQTT-3.8.4-3].
    pub(crate) fn insert(&mut self, filter: &str, new: Subscription) -> Option<Subscription> {
        match self {
            Self::Few(list) => {
                if let Some((_, old)) = list.iter_mut().find(|(there, _)| **there == *filter) {
                    return Some(core::mem::replace(old, new));
                }
                if list.len() < FEW_MAX {
                    list.reserve_exact(if list.is_empty() { 1 } else { list.len() });
                    list.push((filter.into(), new));
                    return None;
                }
                let mut map: BTreeMap<_, _> = core::mem::take(list).into_iter().collect();
                map.insert(filter.into(), new);
                *self = Self::Many(map);
                None
            }
            Self::Many(map) => map.insert(filter.into(), new),
        }
    }

    /// Removes one.
    pub(crate) fn remove(&mut self, filter: &str) -> Option<Subscription> {
        match self {
            Self::Few(list) => {
                let place = list.iter().position(|(there, _)| **there == *filter)?;
                Some(list.remove(place).1)
            }
            Self::Many(map) => map.remove(filter),
        }
    }

    /// The one for exactly this filter, for change.
    pub(crate) fn get_mut(&mut self, filter: &str) -> Option<&mut Subscription> {
        match self {
            Self::Few(list) => list
                .iter_mut()
                .find(|(there, _)| **there == *filter)
                .map(|(_, subscription)| subscription),
            Self::Many(map) => map.get_mut(filter),
        }
    }

    /// Whether there is one for exactly this filter.
    pub(crate) fn contains(&self, filter: &str) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|(there, _)| **there == *filter),
            Self::Many(map) => map.contains_key(filter),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(map) => map.len(),
        }
    }

    /// The filters, in order.
    pub(crate) fn filters(&self) -> Vec<Box<str>> {
        match self {
            Self::Few(list) => list.iter().map(|(filter, _)| filter.clone()).collect(),
            Self::Many(map) => map.keys().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
