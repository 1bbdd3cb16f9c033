//! Retained messages: one per topic, on the worker that the topic hashes to.
//!
//! Here stands the owner's side: what is kept, and the pages that are given to replays, which may
//! run on other workers (`replay`).

mod replay;
mod store;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bowline_packet::{QoS, ReasonCode};

pub(crate) use replay::Replay;

use crate::broker::Broker;
use crate::handover::Handover;
use crate::ids::{RecordNo, SessionNo, WorkerId};
use crate::loading::Waiter;
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::record::Record;
use crate::time::Now;
use store::{Page, RetainedStore};

/// The retained messages of this worker.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    store: RetainedStore<Kept>,
    bytes: usize,
    /// How often a message was set so far.
    sets: u64,
}

/// One retained message, and when it was set, as a count.
#[derive(Clone, Copy, Debug)]
struct Kept {
    message: MessageKey,
    set: u64,
}

impl Retained {
    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How often a message was set so far.
    pub(crate) fn sets(&self) -> u64 {
        self.sets
    }
}

/// A page that another worker asked for.
#[derive(Clone, Debug)]
pub(crate) struct PageAsk {
    pub from: WorkerId,
    pub session: SessionNo,
    pub filter: Box<str>,
    pub after: Option<Box<str>>,
    pub sets_max: u64,
}

/// The messages of one page, and where the next one starts.
struct FoundPage {
    /// With what a replay remembers their topics by.
    messages: Vec<(u64, MessageKey)>,
    last_seen: Option<Box<str>>,
}

impl Broker {
    /// Why a retained message whose topic belongs here cannot be kept, if so.
    pub(crate) fn refuses_retained(&self, message: &MessageView<'_>) -> Option<ReasonCode> {
        let limits = &self.options.limits;
        if !message.retain
            || message.payload.is_empty()
            || self.owner_of_topic(message.topic) != self.options.worker
        {
            return None;
        }
        let old = self.retained.store.get(message.topic);
        let old_bytes = old.map_or(0, |kept| self.messages.size_bytes(kept.message));
        let bytes = self.retained.bytes - old_bytes + message.size_bytes();
        let too_many = old.is_none() && self.retained.len() >= limits.retained_messages_max;
        (too_many || bytes > limits.retained_bytes_max).then_some(ReasonCode::QuotaExceeded)
    }

    /// Sets, replaces or (with an empty payload) clears a retained message [MQTT-3.3.1-5],
    /// [MQTT-3.3.1-6].
    pub(crate) fn set_retained(&mut self, message: &MessageView<'_>, out: &mut Out) -> RecordNo {
        let old = if message.payload.is_empty() {
            self.retained.store.remove(message.topic)
        } else {
            let key = self.messages.insert(message);
            self.retained.bytes += message.size_bytes();
            self.retained.sets += 1;
            let kept = Kept {
                message: key,
                set: self.retained.sets,
            };
            self.retained.store.set(message.topic, kept)
        };
        let nothing_changed = message.payload.is_empty() && old.is_none();
        if let Some(old) = old {
            self.retained.bytes -= self.messages.size_bytes(old.message);
            self.messages.release(old.message);
        }
        if nothing_changed {
            // What cleared it before may have no durable record yet.
            return out.records.last();
        }
        out.records.push(&Record::Retained { message })
    }

    /// Another worker asks for a page: hands it over, unless some of it must be brought first.
    pub(crate) fn on_retained_ask(&mut self, ask: PageAsk, now: Now, out: &mut Out) {
        let page = self.find_page(&ask.filter, ask.after.as_deref(), ask.sets_max, now);
        let missing = page
            .messages
            .iter()
            .map(|(_, message)| *message)
            .filter(|message| self.messages.view(*message).is_none());
        let missing: Vec<MessageKey> = missing.collect();
        if !missing.is_empty() {
            let index = self.loading.pages.insert(ask);
            for message in missing {
                self.bring(message, Waiter::Page(index), out);
            }
            return;
        }
        let PageAsk { from, session, .. } = ask;
        let staged = out.staged(from);
        for (_, message) in page.messages {
            if let Some(view) = self.messages.view(message) {
                let message = staged.add_message(&view);
                staged.push(Handover::RetainedItem { session, message });
            }
        }
        let last_seen = page.last_seen;
        staged.push(Handover::RetainedEnd { session, last_seen });
    }

    /// Something that a page waited for was brought.
    pub(crate) fn retry_page(&mut self, index: u32, now: Now, out: &mut Out) {
        if let Some(ask) = self.loading.pages.remove(index) {
            self.on_retained_ask(ask, now, out);
        }
    }

    /// One page of this worker's topics; what has expired is deleted on the way.
    ///
    /// A QoS 1 or 2 message that was set after `sets_max` is left out: whoever asks subscribed
    /// before it was published, and gets it live.
    fn find_page(
        &mut self,
        filter: &str,
        after: Option<&str>,
        sets_max: u64,
        now: Now,
    ) -> FoundPage {
        let limits = &self.options.limits;
        let (topics, bytes_max) = (limits.retained_page_topics, limits.retained_page_bytes);
        let (mut found, mut expired) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        let messages = &self.messages;
        let page = self
            .retained
            .store
            .page(filter, after, topics, |topic, kept| {
                let key = kept.message;
                if kept.set > sets_max && messages.qos(key) > QoS::AtMostOnce {
                    return true;
                }
                if messages.is_expired(key, now.instant) {
                    expired.push(Box::<str>::from(topic));
                    return true;
                }
                bytes += messages.size_bytes(key);
                found.push((replay::hash(topic), key));
                bytes < bytes_max
            });
        for topic in expired {
            // [MQTT-3.3.2-5]
            if let Some(kept) = self.retained.store.remove(&topic) {
                self.retained.bytes -= self.messages.size_bytes(kept.message);
                self.messages.release(kept.message);
            }
        }
        FoundPage {
            messages: found,
            last_seen: match page {
                Page::Done => None,
                Page::More { last_seen } => Some(last_seen.into()),
            },
        }
    }
}
