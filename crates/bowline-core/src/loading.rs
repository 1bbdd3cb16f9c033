//! Who waits for a message that does not lie in RAM.
//!
//! The shell is asked once for a message, whoever needs it; when it is there, those who waited for
//! it go on, and nobody else is disturbed. Deliberately absent: where messages lie (the shell's),
//! and which of them leave RAM.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::broker::Broker;
use crate::effect::Effect;
use crate::ids::{Location, SessionNo};
use crate::message::MessageKey;
use crate::out::Out;
use crate::retained::PageAsk;
use crate::slab::Slab;
use crate::time::Now;

/// One that cannot go on without a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Waiter {
    /// A session, with its next delivery.
    Session(SessionNo),
    /// A share group, with its next message.
    Group(u32),
    /// A page of retained messages for another worker, by its index.
    Page(u32),
}

/// Those who wait, by what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    waiting: BTreeSet<(MessageKey, Waiter)>,
    /// Pages that cannot be handed over yet.
    pub pages: Slab<PageAsk>,
}

impl Loading {
    /// Takes out those who wait for one message.
    fn take(&mut self, message: MessageKey) -> Vec<Waiter> {
        let mut others = self
            .waiting
            .split_off(&(message, Waiter::Session(SessionNo(0))));
        let woken = others.iter().take_while(|(key, _)| *key == message);
        let woken: Vec<Waiter> = woken.map(|(_, waiter)| *waiter).collect();
        for waiter in &woken {
            others.remove(&(message, *waiter));
        }
        self.waiting.append(&mut others);
        woken
    }

    /// Takes out everybody.
    fn take_all(&mut self) -> Vec<Waiter> {
        let waiting = core::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(_, waiter)| waiter).collect()
    }
}

impl Broker {
    /// Asks for a message, unless that was done before, and notes who waits for it.
    pub(crate) fn bring(&mut self, message: MessageKey, waiter: Waiter, out: &mut Out) {
        if let Some(location) = self.messages.ask(message) {
            out.effects.push(Effect::Load(location));
        }
        self.loading.waiting.insert((message, waiter));
    }

    /// A message was brought: those who waited for it go on.
    pub(crate) fn on_loaded(&mut self, location: Location, bytes: &[u8], now: Now, out: &mut Out) {
        let woken = match self.messages.loaded(location, bytes) {
            Some(message) => self.loading.take(message),
            // It was released meanwhile, and we cannot tell any more who waited for it.
            None => self.loading.take_all(),
        };
        for waiter in woken {
            match waiter {
                Waiter::Session(number) => {
                    if let Some(key) = self.sessions.by_number(number) {
                        self.pump(key, now, out);
                    }
                }
                Waiter::Group(index) => self.groups_due.push(index),
                Waiter::Page(index) => self.retry_page(index, now, out),
            }
        }
    }
}
