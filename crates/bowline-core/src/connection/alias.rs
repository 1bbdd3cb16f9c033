//! Topic Aliases of one connection, in both directions; they die with it [MQTT-3.3.2-7].

use alloc::boxed::Box;
use alloc::vec::Vec;

/// What the client's aliases stand for.
#[derive(Debug, Default)]
pub(crate) struct AliasesIn {
    topics: Vec<Option<Box<str>>>,
}

impl AliasesIn {
    /// Sets or replaces an alias; the caller has checked it against our Topic Alias Maximum.
    pub(crate) fn set(&mut self, alias: u16, topic: &str) {
        let index = usize::from(alias);
        if index >= self.topics.len() {
            self.topics.resize(index + 1, None);
        }
        if let Some(slot) = self.topics.get_mut(index)
            && slot.as_deref() != Some(topic)
        {
            *slot = Some(topic.into());
        }
    }

    /// The Topic Name that an alias stands for.
    pub(crate) fn get(&self, alias: u16) -> Option<&str> {
        self.topics.get(usize::from(alias))?.as_deref()
    }
}

/// The aliases that we gave out, first come, first served: up to the client's maximum and our own
/// bound [MQTT-3.3.2-9]. The list is short, so looking through it is cheap.
#[derive(Debug)]
pub(crate) struct AliasesOut {
    topics: Vec<Box<str>>,
    maximum: u16,
}

/// How a topic goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasOut {
    /// In full, without an alias: all are given out.
    None,
    /// In full, with a new alias.
    New(u16),
    /// By its alias alone.
    Known(u16),
}

impl AliasesOut {
    pub(crate) fn new(maximum: u16) -> Self {
        Self {
            topics: Vec::new(),
            maximum,
        }
    }

    /// How `topic` goes out; gives a new alias away if one is left.
    pub(crate) fn choose(&mut self, topic: &str) -> AliasOut {
        let number = |place: usize| u16::try_from(place + 1).unwrap_or(u16::MAX);
        if let Some(place) = self.topics.iter().position(|known| **known == *topic) {
            return AliasOut::Known(number(place));
        }
        if self.topics.len() >= usize::from(self.maximum) {
            return AliasOut::None;
        }
        self.topics.push(topic.into());
        AliasOut::New(number(self.topics.len() - 1))
    }

    /// Takes the newest alias back: its PUBLISH did not go out.
    pub(crate) fn undo(&mut self) {
        self.topics.pop();
    }
}
