//! What an engine keeps while it works: counts, flows, and the desk at which packets are handled.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::latency::Latency;
use super::super::sequence::Seen;

/// What an engine has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    /// PUBLISH packets written.
    pub(in super::super) published: u64,
    /// Of these, acknowledged to the end (QoS 1 and 2).
    pub(in super::super) acknowledged: u64,
    /// Of these, acknowledged with an error.
    pub(in super::super) refused: u64,
    /// PUBLISH packets received.
    pub(in super::super) delivered: u64,
    /// Of these, those that were due and came for the first time.
    pub(in super::super) fresh: u64,
    /// Numbers that were skipped and have not come since.
    pub(in super::super) skipped: u64,
    /// Those that came again.
    pub(in super::super) duplicates: u64,
    /// Those that came after a later one.
    pub(in super::super) reordered: u64,
    /// Those that are not from this run, or not for who got them.
    pub(in super::super) foreign: u64,
    /// Handshakes that ended well.
    pub(in super::super) connected: u64,
    /// Connections that the broker ended.
    pub(in super::super) lost_connections: u64,
    /// Reads and writes that moved bytes.
    pub(in super::super) reads: u64,
    pub(in super::super) writes: u64,
}

impl Counts {
    /// What has been added since `earlier`.
    pub(in super::super) fn since(self, earlier: Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    fn with(self, other: Self, join: fn(u64, u64) -> u64) -> Self {
        Self {
            published: join(self.published, other.published),
            acknowledged: join(self.acknowledged, other.acknowledged),
            refused: join(self.refused, other.refused),
            delivered: join(self.delivered, other.delivered),
            fresh: join(self.fresh, other.fresh),
            skipped: join(self.skipped, other.skipped),
            duplicates: join(self.duplicates, other.duplicates),
            reordered: join(self.reordered, other.reordered),
            foreign: join(self.foreign, other.foreign),
            connected: join(self.connected, other.connected),
            lost_connections: join(self.lost_connections, other.lost_connections),
            reads: join(self.reads, other.reads),
            writes: join(self.writes, other.writes),
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, counts| {
            sum.with(counts, u64::wrapping_add)
        })
    }
}

/// What an engine and its controller share.
#[derive(Debug, Default)]
pub(in super::super) struct Signals {
    /// As of the end of the engine's last turn.
    pub(in super::super) counts: Mutex<Counts>,
    /// Times are to be recorded.
    pub(in super::super) is_recording: AtomicBool,
    /// Publishers are to send no more.
    pub(in super::super) is_stopping: AtomicBool,
}

/// One publisher's messages, seen from both ends.
#[derive(Debug)]
pub(super) struct Flow {
    /// Messages sent.
    pub(super) sent: u64,
    /// The same, for each receiver that has numbers of its own.
    pub(super) streams: Vec<u64>,
    /// Deliveries that need no longer be waited for.
    pub(super) released: u64,
    /// When the last of these came.
    pub(super) moved_ns: u64,
    /// It stands in the list of publishers to look at.
    pub(super) is_dirty: bool,
}

impl Flow {
    /// Messages that not all who want them have.
    #[inline]
    pub(super) fn undelivered(&self, copies: u64) -> u64 {
        match copies {
            0 => 0,
            1 => self.sent.saturating_sub(self.released),
            _ => self.sent.saturating_sub(self.released / copies),
        }
    }
}

/// What handling a packet may touch besides its connection.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) run: u16,
    pub(super) first_flow: u32,
    pub(super) flows: Vec<Flow>,
    /// What share groups have got, by flow.
    pub(super) seen: Vec<Seen>,
    pub(super) counts: Counts,
    pub(super) latency: Latency,
    pub(super) handshakes: Latency,
    pub(super) is_recording: bool,
    pub(super) now_ns: u64,
    /// When something last came that one waits for.
    pub(super) progress_ns: u64,
    /// Bytes to write next; empty between connections.
    pub(super) out: Vec<u8>,
    /// Publishers that may have got credit.
    pub(super) dirty: Vec<usize>,
    /// Handshakes under way.
    pub(super) handshaking: usize,
    /// The first thing that went wrong, in words.
    pub(super) failure: Option<String>,
    /// The shortest time after which a broker wants to hear from us.
    pub(super) ping_after: Option<Duration>,
}

impl Desk {
    /// Deliveries of the flow need no longer be waited for.
    #[inline]
    pub(super) fn release(&mut self, flow: usize, deliveries: u64) {
        let state = &mut self.flows[flow];
        state.released += deliveries;
        state.moved_ns = self.now_ns;
        self.mark(flow);
    }

    /// The publisher is to be looked at.
    #[inline]
    pub(super) fn mark(&mut self, publisher: usize) {
        let flow = &mut self.flows[publisher];
        if !flow.is_dirty {
            flow.is_dirty = true;
            self.dirty.push(publisher);
        }
    }

    pub(super) fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }
}
