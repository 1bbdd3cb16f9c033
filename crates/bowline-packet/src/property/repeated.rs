//! Properties that may stand more than once, as views that own nothing.
//!
//! They are either given by the caller as a slice, or still in the section that they came in, which
//! was checked when it was decoded; reading them again costs a walk over that section.

use core::fmt;

use super::{PropertyId, Value, next_row};
use crate::wire::Reader;

/// Properties that may stand more than once: given by the caller, or still in the checked section
/// they came in, from the first of them on (others may stand between them).
#[derive(Debug, Clone, Copy)]
enum Repeated<'a, T> {
    Given(&'a [T]),
    Section { from: &'a [u8], count: usize },
}

impl<'a, T> Repeated<'a, T> {
    fn len(&self) -> usize {
        match *self {
            Self::Given(given) => given.len(),
            Self::Section { from: _, count } => count,
        }
    }

    fn extend(&mut self, section: &'a [u8]) {
        *self = match *self {
            Self::Given(_) => Self::Section {
                from: section,
                count: 1,
            },
            Self::Section { from, count } => Self::Section {
                from,
                count: count + 1,
            },
        };
    }
}

/// The next property `wanted` in a section that was checked before.
fn next_in_section<'a>(from: &mut &'a [u8], wanted: PropertyId) -> Option<Value<'a>> {
    let mut reader = Reader::new(from);
    loop {
        // The section was checked: what fails here is its end.
        let row = next_row(&mut reader).ok()?;
        let value = row.value(&mut reader).ok()?;
        if row.id == wanted {
            *from = reader.rest();
            return Some(value);
        }
    }
}

/// The User Properties of a packet: pairs of strings, in their order, names may repeat.
#[derive(Clone, Copy)]
pub struct UserProperties<'a>(Repeated<'a, (&'a str, &'a str)>);

impl<'a> UserProperties<'a> {
    /// There is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> UserPropertiesIter<'a> {
        UserPropertiesIter(self.0)
    }

    /// Takes up one more, which stands at the front of `section`.
    pub(super) fn extend(&mut self, section: &'a [u8]) {
        self.0.extend(section);
    }
}

impl Default for UserProperties<'_> {
    fn default() -> Self {
        Self(Repeated::Given(&[]))
    }
}

impl<'a> From<&'a [(&'a str, &'a str)]> for UserProperties<'a> {
    fn from(pairs: &'a [(&'a str, &'a str)]) -> Self {
        Self(Repeated::Given(pairs))
    }
}

impl PartialEq for UserProperties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for UserProperties<'_> {}

impl fmt::Debug for UserProperties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &UserProperties<'a> {
    type Item = (&'a str, &'a str);
    type IntoIter = UserPropertiesIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over [`UserProperties`].
#[derive(Debug, Clone)]
pub struct UserPropertiesIter<'a>(Repeated<'a, (&'a str, &'a str)>);

impl<'a> Iterator for UserPropertiesIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Repeated::Given(given) => given.split_off_first().copied(),
            Repeated::Section { count: 0, .. } => None,
            Repeated::Section { from, count } => {
                *count -= 1;
                let value = next_in_section(from, PropertyId::UserProperty)?;
                Some((value.text, value.second))
            }
        }
    }
}

/// The Subscription Identifiers of a PUBLISH, each from 1 to 268,435,455.
#[derive(Clone, Copy)]
pub struct SubscriptionIdentifiers<'a>(Repeated<'a, u32>);

impl<'a> SubscriptionIdentifiers<'a> {
    /// There is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> SubscriptionIdentifiersIter<'a> {
        SubscriptionIdentifiersIter(self.0)
    }

    /// Takes up one more, which stands at the front of `section`.
    pub(super) fn extend(&mut self, section: &'a [u8]) {
        self.0.extend(section);
    }
}

impl Default for SubscriptionIdentifiers<'_> {
    fn default() -> Self {
        Self(Repeated::Given(&[]))
    }
}

impl<'a> From<&'a [u32]> for SubscriptionIdentifiers<'a> {
    fn from(identifiers: &'a [u32]) -> Self {
        Self(Repeated::Given(identifiers))
    }
}

impl PartialEq for SubscriptionIdentifiers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscriptionIdentifiers<'_> {}

impl fmt::Debug for SubscriptionIdentifiers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &SubscriptionIdentifiers<'a> {
    type Item = u32;
    type IntoIter = SubscriptionIdentifiersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over [`SubscriptionIdentifiers`].
#[derive(Debug, Clone)]
pub struct SubscriptionIdentifiersIter<'a>(Repeated<'a, u32>);

impl Iterator for SubscriptionIdentifiersIter<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match &mut self.0 {
            Repeated::Given(given) => given.split_off_first().copied(),
            Repeated::Section { count: 0, .. } => None,
            Repeated::Section { from, count } => {
                *count -= 1;
                Some(next_in_section(from, PropertyId::SubscriptionIdentifier)?.number)
            }
        }
    }
}
