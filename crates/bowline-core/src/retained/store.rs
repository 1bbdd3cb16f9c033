//! Retained messages by Topic Name, and a cursor over those that a Topic Filter matches.
//!
//! A SUBSCRIBE may match a million retained messages. They are never gathered: whoever replays them
//! asks for a page, sends it, and asks for the next when the socket has room.
//!
//! Promises:
//! - A page looks at no more topics than its budget allows, whether they match or not.
//! - The order is that of the bytes of the topics, and a page goes on after the last topic that was
//!   seen, whatever was stored or removed in between. So a topic that stays is visited exactly once.
//! - Topics that cannot match are not walked but sought past: a walk costs about one look for each
//!   match and for each level text met on the way where the filter has a wildcard.
//!
//! Absent on purpose: expiry, limits and access, which belong to whoever stores and reads.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;
use core::ops::Bound;

#[cfg(test)]
mod tests;

/// One retained message `M` for each topic.
#[derive(Clone)]
pub(crate) struct RetainedStore<M> {
    messages: BTreeMap<Box<str>, M>,
}

/// Where [`RetainedStore::page`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// All topics that match were visited.
    Done,
    /// There may be more.
    More {
        /// Where to go on: `after` of the next page. The last topic that was looked at, which need
        /// not match nor be stored any longer.
        last_seen: String,
    },
}

/// What a topic means for a walk over the topics that match a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    Match,
    /// Does not match, but the topic right behind it may.
    Next,
    /// No topic matches before the one that is the concatenation of these two, or behind it.
    Seek(&'a str, &'a str),
    /// Neither this topic nor any behind it matches.
    End,
}

impl<M> RetainedStore<M> {
    /// An empty store; allocates nothing.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self {
            messages: BTreeMap::new(),
        }
    }

    /// Stores `message` under `topic`; returns the one that it replaces. Logarithmic.
    pub(crate) fn set(&mut self, topic: &str, message: M) -> Option<M> {
        // Most writes replace, and then the name is there already.
        if let Some(stored) = self.messages.get_mut(topic) {
            return Some(core::mem::replace(stored, message));
        }
        self.messages.insert(topic.into(), message)
    }

    /// Takes the message of `topic` out. Logarithmic.
    pub(crate) fn remove(&mut self, topic: &str) -> Option<M> {
        self.messages.remove(topic)
    }

    #[cfg(test)]
    /// The message of `topic`, for change. Logarithmic.
    pub(crate) fn get_mut(&mut self, topic: &str) -> Option<&mut M> {
        self.messages.get_mut(topic)
    }

    /// The message of `topic`. Logarithmic.
    #[must_use]
    pub(crate) fn get(&self, topic: &str) -> Option<&M> {
        self.messages.get(topic)
    }

    /// How many topics have a message.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    #[cfg(test)]
    /// Whether no topic has a message.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    #[cfg(test)]
    /// All topics with their messages, in the order of their bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &M)> {
        self.messages
            .iter()
            .map(|(topic, message)| (&**topic, message))
    }

    /// Visits topics that `filter` matches, in the order of their bytes, from the first behind
    /// `after` (from the first of all with `None`), until all were visited, until `budget` topics
    /// were looked at, or until `visit` answers `false`, which means: stop after this one.
    ///
    /// `filter` is a valid Topic Filter without share prefix; a topic that starts with `$` is not
    /// matched by a wildcard at its first level. A budget of zero counts as one, so that each page
    /// gets somewhere. Each look costs at most one search, logarithmic in the number of topics.
    pub(crate) fn page(
        &self,
        filter: &str,
        after: Option<&str>,
        budget: usize,
        mut visit: impl FnMut(&str, &M) -> bool,
    ) -> Page {
        let mut sought = String::new();
        let mut from = match after {
            None => Bound::Included(literal_start(filter)),
            Some(after) => match step(filter, after) {
                Step::Match | Step::Next => Bound::Excluded(after),
                Step::Seek(head, tail) => {
                    sought.push_str(head);
                    sought.push_str(tail);
                    Bound::Included(&*sought)
                }
                Step::End => return Page::Done,
            },
        };
        let mut looks_left = budget.max(1);
        let mut next_sought = String::new();
        loop {
            // Goes through neighbours for as long as they may match, then seeks.
            let mut seek = false;
            for (topic, message) in self.messages.range::<str, _>((from, Bound::Unbounded)) {
                let stay = match step(filter, topic) {
                    Step::Match => visit(topic, message),
                    Step::Next => true,
                    Step::Seek(head, tail) => {
                        next_sought.clear();
                        next_sought.push_str(head);
                        next_sought.push_str(tail);
                        seek = true;
                        true
                    }
                    Step::End => return Page::Done,
                };
                looks_left -= 1;
                if looks_left == 0 || !stay {
                    return Page::More {
                        last_seen: (&**topic).into(),
                    };
                }
                if seek {
                    break;
                }
            }
            if !seek {
                return Page::Done;
            }
            core::mem::swap(&mut sought, &mut next_sought);
            from = Bound::Included(&sought);
        }
    }
}

impl<M> Default for RetainedStore<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: fmt::Debug> fmt::Debug for RetainedStore<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.messages).finish()
    }
}

/// The levels of a filter, or of the rest of one, before its first wildcard. Nothing that matches
/// comes before it.
fn literal_start(filter: &str) -> &str {
    let mut end = 0;
    for level in filter.split('/') {
        match level {
            // Without the `/` before it, as `a/#` matches `a`. [MQTT-4.7.1-1] [MQTT3-4.7.1-2]
            "#" => return &filter[..end.max(1) - 1],
            "+" => return &filter[..end],
            _ => end += level.len() + 1,
        }
    }
    filter
}

/// Compares `topic` with `filter` and tells where the next topic that matches can be at the
/// earliest.
///
/// In the order of bytes, all topics that begin with `a/` are neighbours, and come before `a0` (`0`
/// is the byte behind `/`). Between `a` and `a/` there may be others, as `a!`.
fn step<'a>(filter: &'a str, topic: &'a str) -> Step<'a> {
    // Of the last `+` so far: the topic up to the end of the level that it took. The next text for
    // that level is the first way on when nothing more can match below this one.
    let mut last_plus: Option<usize> = None;
    let past = |last_plus: Option<usize>| match last_plus {
        Some(end) => Step::Seek(&topic[..end], "0"),
        None => Step::End,
    };
    let mut at = 0;
    let mut filter_at = 0;
    loop {
        let wanted = level_at(filter, filter_at);
        let filter_end = filter_at + wanted.len();
        if wanted == "#" {
            // [MQTT-4.7.1-1] [MQTT3-4.7.1-2] and, at the first level, [MQTT-4.7.2-1]
            // [MQTT3-4.7.2-1]
            return if filter_at == 0 && topic.starts_with('$') {
                Step::Seek("%", "")
            } else {
                Step::Match
            };
        }
        if at > topic.len() {
            return Step::Next;
        }
        let level = level_at(topic, at);
        let end = at + level.len();
        if wanted == "+" {
            // [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
            if filter_at == 0 && topic.starts_with('$') {
                return Step::Seek("%", "");
            }
            last_plus = Some(end);
        } else if wanted != level {
            let before = &topic[..at];
            let rest = &filter[filter_at..];
            // First all that is literal from here on, where `b/#` may end as `b`; a topic between
            // `b` and `b/` still has `b/` ahead.
            return [Some(literal_start(rest)), rest.get(..=wanted.len())]
                .into_iter()
                .flatten()
                .find(|ahead| **ahead > topic[at..])
                .map_or_else(|| past(last_plus), |ahead| Step::Seek(before, ahead));
        }
        match (filter_end == filter.len(), end == topic.len()) {
            (true, true) => return Step::Match,
            (true, false) => return past(last_plus),
            (false, _) => {}
        }
        at = end + 1;
        filter_at = filter_end + 1;
    }
}

/// The level that starts at `at`.
fn level_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    &rest[..rest.find('/').unwrap_or(rest.len())]
}
