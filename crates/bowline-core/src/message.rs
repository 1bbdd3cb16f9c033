//! Application Messages: the view that passes through a turn, and the store of those that wait.
//!
//! A message is stored once per worker, whatever its number of targets; queues hold its key. It is
//! either in RAM or at a [`Location`] that only the shell understands, so that a backlog can live
//! on disk. Buffers of small messages are pooled: storing one allocates nothing in the steady
//! state. Deliberately absent: who is owed what (that is `qos` and `session`).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bowline_packet::QoS;

use crate::ids::{Location, RecordNo, SessionNo};
use crate::slab::Slab;
use crate::time::Instant;

/// Who published: decides No Local and hashed shares. `None` for the broker itself.
pub(crate) type Publisher = Option<SessionNo>;

/// Buffers kept for the next message.
const POOL_BUFFERS_MAX: usize = 4_096;
/// A larger buffer goes back to the allocator, bytes.
const POOL_BUFFER_BYTES_MAX: usize = 8 * 1024;

/// An Application Message as it passes through: borrowed, complete, already admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageView<'a> {
    /// Topic Name.
    pub topic: &'a str,
    /// The properties that travel with it, as a property section without alias, expiry and
    /// subscription identifiers.
    pub properties: &'a [u8],
    /// Application payload.
    pub payload: &'a [u8],
    /// QoS of the PUBLISH that brought it.
    pub qos: QoS,
    /// RETAIN of the PUBLISH that brought it.
    pub retain: bool,
    /// When it expires.
    pub expires_at: Option<Instant>,
    /// Who published it.
    pub publisher: Publisher,
}

impl MessageView<'_> {
    /// What it counts against quotas, bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }

    /// Whether it is past its Message Expiry Interval.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A stored message of this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MessageKey(u32);

#[derive(Debug)]
enum Body {
    /// Topic, properties and payload in one buffer.
    Ram(Vec<u8>),
    /// Elsewhere; `loading` while the shell was asked for it.
    At { location: Location, loading: bool },
}

#[derive(Debug)]
struct Stored {
    body: Body,
    /// Queue entries, in-flight entries and the retained store that point here.
    references: u32,
    topic_bytes: u16,
    properties_bytes: u32,
    payload_bytes: u32,
    qos: QoS,
    retain: bool,
    expires_at: Option<Instant>,
    publisher: Publisher,
    /// The record that keeps it, once there is one.
    record: RecordNo,
}

/// The messages that wait on this worker.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    slots: Slab<Stored>,
    pool: Vec<Vec<u8>>,
    /// What the shell was asked for and has not brought yet; bounded by the read-ahead of the
    /// sessions that are being served.
    loading: BTreeMap<Location, MessageKey>,
    ram_bytes: usize,
}

impl Messages {
    /// Stores a message with one reference.
    pub(crate) fn insert(&mut self, view: &MessageView<'_>) -> MessageKey {
        let mut buffer = self.pool.pop().unwrap_or_default();
        buffer.extend_from_slice(view.topic.as_bytes());
        buffer.extend_from_slice(view.properties);
        buffer.extend_from_slice(view.payload);
        let body = Body::Ram(buffer);
        self.ram_bytes += view.size_bytes();
        let length = |bytes: usize| u32::try_from(bytes).expect("a packet is below 256 MiB");
        MessageKey(self.slots.insert(Stored {
            body,
            references: 1,
            topic_bytes: u16::try_from(view.topic.len()).expect("a topic is below 64 KiB"),
            properties_bytes: length(view.properties.len()),
            payload_bytes: length(view.payload.len()),
            qos: view.qos,
            retain: view.retain,
            expires_at: view.expires_at,
            publisher: view.publisher,
            record: RecordNo(0),
        }))
    }

    fn slot(&self, key: MessageKey) -> &Stored {
        self.slots
            .get(key.0)
            .expect("a key in hand has a reference, so the message is there")
    }

    fn slot_mut(&mut self, key: MessageKey) -> &mut Stored {
        self.slots
            .get_mut(key.0)
            .expect("a key in hand has a reference, so the message is there")
    }

    /// One more pointer to it.
    pub(crate) fn retain(&mut self, key: MessageKey) {
        self.slot_mut(key).references += 1;
    }

    /// One pointer less; the last one frees it.
    pub(crate) fn release(&mut self, key: MessageKey) {
        let slot = self.slot_mut(key);
        slot.references -= 1;
        if slot.references > 0 {
            return;
        }
        let Some(stored) = self.slots.remove(key.0) else {
            return;
        };
        self.ram_bytes -= stored.ram_bytes();
        match stored.body {
            Body::Ram(buffer) => self.give_buffer(buffer),
            Body::At { location, loading } => {
                if loading {
                    self.loading.remove(&location);
                }
            }
        }
    }

    fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        if self.pool.len() < POOL_BUFFERS_MAX && buffer.capacity() <= POOL_BUFFER_BYTES_MAX {
            buffer.clear();
            self.pool.push(buffer);
        }
    }

    /// The message, if it is in RAM.
    pub(crate) fn view(&self, key: MessageKey) -> Option<MessageView<'_>> {
        let stored = self.slot(key);
        let bytes = match &stored.body {
            Body::Ram(bytes) => bytes,
            Body::At {
                location: _,
                loading: _,
            } => return None,
        };
        let (topic, rest) = bytes.split_at_checked(usize::from(stored.topic_bytes))?;
        let (properties, payload) = rest.split_at_checked(stored.properties_bytes as usize)?;
        Some(MessageView {
            topic: core::str::from_utf8(topic).ok()?,
            properties,
            payload,
            qos: stored.qos,
            retain: stored.retain,
            expires_at: stored.expires_at,
            publisher: stored.publisher,
        })
    }

    /// What it counts against quotas, bytes.
    pub(crate) fn size_bytes(&self, key: MessageKey) -> usize {
        self.slot(key).size_bytes()
    }

    /// QoS of the PUBLISH that brought it.
    pub(crate) fn qos(&self, key: MessageKey) -> QoS {
        self.slot(key).qos
    }
    /// Whether it is past its Message Expiry Interval.
    pub(crate) fn is_expired(&self, key: MessageKey, now: Instant) -> bool {
        self.slot(key).expires_at.is_some_and(|at| at <= now)
    }

    /// When it expires.
    pub(crate) fn expires_at(&self, key: MessageKey) -> Option<Instant> {
        self.slot(key).expires_at
    }

    /// The record that keeps it; 0 while there is none.
    pub(crate) fn record(&self, key: MessageKey) -> RecordNo {
        self.slot(key).record
    }

    /// Notes the record that keeps it.
    pub(crate) fn set_record(&mut self, key: MessageKey, record: RecordNo) {
        self.slot_mut(key).record = record;
    }

    /// Where it lies, if it must be asked for; marks it as asked for.
    pub(crate) fn ask(&mut self, key: MessageKey) -> Option<Location> {
        let location = match &mut self.slot_mut(key).body {
            Body::At { location, loading } if !*loading => {
                *loading = true;
                *location
            }
            Body::At {
                location: _,
                loading: _,
            }
            | Body::Ram(_) => return None,
        };
        self.loading.insert(location, key);
        Some(location)
    }

    /// Takes a message back into RAM; which one it was. None if no waiting message lies there (it
    /// was released while it was on its way) or if the bytes are not its own.
    pub(crate) fn loaded(&mut self, location: Location, bytes: &[u8]) -> Option<MessageKey> {
        let key = self.loading.remove(&location)?;
        let stored = self.slot_mut(key);
        if bytes.len() != stored.size_bytes() {
            return None;
        }
        stored.body = Body::Ram(bytes.to_vec());
        self.ram_bytes += bytes.len();
        Some(key)
    }

    /// Offers each message in RAM to `place`; where it answers with a location, the bytes leave
    /// RAM and must be given back at [`Messages::loaded`]. Returns how many left.
    pub(crate) fn unload(&mut self, mut place: impl FnMut(&[u8]) -> Option<Location>) -> usize {
        let mut left = 0;
        for (_, stored) in self.slots.iter_mut() {
            let Body::Ram(bytes) = &stored.body else {
                continue;
            };
            if let Some(location) = place(bytes) {
                self.ram_bytes -= stored.size_bytes();
                stored.body = Body::At {
                    location,
                    loading: false,
                };
                left += 1;
            }
        }
        left
    }

    /// Messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of messages in RAM.
    pub(crate) fn ram_bytes(&self) -> usize {
        self.ram_bytes
    }

    /// Gives pooled buffers back, after a storm.
    pub(crate) fn shrink(&mut self) {
        self.pool = Vec::new();
        self.slots.shrink_to_fit();
    }
}

impl Stored {
    fn size_bytes(&self) -> usize {
        usize::from(self.topic_bytes) + self.properties_bytes as usize + self.payload_bytes as usize
    }

    fn ram_bytes(&self) -> usize {
        match self.body {
            Body::Ram(_) => self.size_bytes(),
            Body::At {
                location: _,
                loading: _,
            } => 0,
        }
    }
}

#[cfg(test)]
mod tests;
