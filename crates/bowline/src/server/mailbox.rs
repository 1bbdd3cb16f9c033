//! How workers reach each other: a lane of batches for each ordered pair, and calls to one worker.
//!
//! A lane keeps the order of its sender. Its mutex is held for a swap, never while anything is
//! handled. A worker is woken only if it sleeps. Lanes are bounded softly: a push always succeeds,
//! since answers must get through for the pressure to end, but a sender that sees its lane at
//! the bound stops reading sockets ([`Mailboxes::is_congested`]) until the receiver has emptied it.
//! Deliberately absent: what is in a batch (the core's), and sockets.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bowline_core::{Batch, Counters, Gauges, WorkerId};
use mio::Waker;

use crate::net::acceptor::Arrival;

/// Emptied batches that a lane keeps for its sender.
const SPARE_BATCHES_MAX: usize = 2;

/// A rare request to one worker.
#[derive(Debug)]
pub(crate) enum Call {
    /// Here is a connection with its CONNECT.
    Open(Arrival),
    /// Tell what you have counted and what you hold.
    Report(Sender<Report>),
    /// Stop gracefully.
    Stop,
}

/// What one worker has counted since the start, and what it holds now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Plain numbers that only grow.
    pub counters: Counters,
    /// How much of everything there is.
    pub gauges: Gauges,
}

/// The mailboxes of all workers.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    posts: Box<[Post]>,
    /// By receiver, then by sender.
    lanes: Box<[Mutex<Lane>]>,
    lane_bytes_max: usize,
}

/// What one worker looks at before it sleeps.
#[derive(Debug)]
struct Post {
    /// The workers that have put something into their lane to this one.
    arrived: AtomicU64,
    /// The workers whose lane from this one is at the bound.
    congested: AtomicU64,
    called: AtomicBool,
    calls: Mutex<Vec<Call>>,
    sleeping: AtomicBool,
    waker: Waker,
}

/// Batches on their way from one worker to another.
#[derive(Debug, Default)]
struct Lane {
    full: Vec<Batch>,
    full_bytes: usize,
    spare: Vec<Batch>,
}

impl Mailboxes {
    /// Mailboxes for as many workers as there are wakers, with lanes of `lane_bytes_max`.
    pub(crate) fn new(wakers: Vec<Waker>, lane_bytes_max: usize) -> Self {
        let workers = wakers.len();
        let posts = wakers.into_iter().map(|waker| Post {
            arrived: AtomicU64::new(0),
            congested: AtomicU64::new(0),
            called: AtomicBool::new(false),
            calls: Mutex::default(),
            sleeping: AtomicBool::new(false),
            waker,
        });
        let mut lanes = Vec::new();
        lanes.resize_with(workers * workers, Mutex::default);
        Self {
            posts: posts.collect(),
            lanes: lanes.into_boxed_slice(),
            lane_bytes_max,
        }
    }

    /// The number of workers.
    pub(crate) fn workers(&self) -> usize {
        self.posts.len()
    }

    /// Takes a staged batch along and leaves an empty one in its place; wakes the receiver if it
    /// sleeps.
    pub(crate) fn hand_over(&self, from: WorkerId, to: WorkerId, staged: &mut Batch) {
        let post = &self.posts[to.index()];
        {
            let mut lane = self.lane(from, to);
            let mut batch = lane.spare.pop().unwrap_or_default();
            std::mem::swap(&mut batch, staged);
            lane.full_bytes += batch.size_bytes();
            lane.full.push(batch);
            if lane.full_bytes >= self.lane_bytes_max {
                self.posts[from.index()]
                    .congested
                    .fetch_or(to.bit(), Ordering::SeqCst);
            }
        }
        post.arrived.fetch_or(from.bit(), Ordering::SeqCst);
        self.wake(to);
    }

    /// Whether a worker should read no sockets because another one has not caught up.
    pub(crate) fn is_congested(&self, worker: WorkerId) -> bool {
        self.posts[worker.index()].congested.load(Ordering::Relaxed) != 0
    }

    /// The workers (a mask) that have handed something to `to` since the last call.
    pub(crate) fn arrived(&self, to: WorkerId) -> u64 {
        let post = &self.posts[to.index()];
        // The load keeps the cache line shared while there is nothing, which is most turns.
        if post.arrived.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        post.arrived.swap(0, Ordering::SeqCst)
    }

    /// Moves what `from` has handed to `to` into the empty `batches`, in its order.
    pub(crate) fn take(&self, from: WorkerId, to: WorkerId, batches: &mut Vec<Batch>) {
        debug_assert!(batches.is_empty(), "the batches taken before were handled");
        let was_full = {
            let mut lane = self.lane(from, to);
            std::mem::swap(&mut lane.full, batches);
            std::mem::take(&mut lane.full_bytes) >= self.lane_bytes_max
        };
        if was_full {
            self.posts[from.index()]
                .congested
                .fetch_and(!to.bit(), Ordering::SeqCst);
            self.wake(from);
        }
    }

    /// Gives handled batches back to their sender.
    pub(crate) fn give_back(&self, from: WorkerId, to: WorkerId, batches: &mut Vec<Batch>) {
        for batch in batches.iter_mut() {
            batch.clear();
        }
        let mut lane = self.lane(from, to);
        let room = SPARE_BATCHES_MAX
            .saturating_sub(lane.spare.len())
            .min(batches.len());
        lane.spare.extend(batches.drain(..room));
        drop(lane);
        batches.clear();
    }

    /// Makes a call to a worker.
    pub(crate) fn call(&self, to: WorkerId, call: Call) {
        let post = &self.posts[to.index()];
        unpoisoned(&post.calls).push(call);
        post.called.store(true, Ordering::SeqCst);
        self.wake(to);
    }

    /// The calls to a worker since the last time.
    pub(crate) fn calls(&self, to: WorkerId) -> Vec<Call> {
        let post = &self.posts[to.index()];
        if !post.called.load(Ordering::Relaxed) {
            return Vec::new();
        }
        post.called.store(false, Ordering::SeqCst);
        std::mem::take(&mut *unpoisoned(&post.calls))
    }

    /// Announces that a worker is about to sleep. False: something has come, it must not. While it
    /// `waits_for_room` it may not sleep either when there is room again.
    pub(crate) fn may_sleep(&self, worker: WorkerId, waits_for_room: bool) -> bool {
        let post = &self.posts[worker.index()];
        // First say so, then look: whoever puts something in first puts, then looks whether we
        // sleep. One of the two sees the other.
        post.sleeping.store(true, Ordering::SeqCst);
        let nothing_came = post.arrived.load(Ordering::SeqCst) == 0
            && !post.called.load(Ordering::SeqCst)
            && (!waits_for_room || post.congested.load(Ordering::SeqCst) != 0);
        if !nothing_came {
            post.sleeping.store(false, Ordering::SeqCst);
        }
        nothing_came
    }

    /// Announces that a worker is awake.
    pub(crate) fn is_awake(&self, worker: WorkerId) {
        self.posts[worker.index()]
            .sleeping
            .store(false, Ordering::Relaxed);
    }

    fn wake(&self, worker: WorkerId) {
        let post = &self.posts[worker.index()];
        if post.sleeping.swap(false, Ordering::SeqCst)
            && let Err(error) = post.waker.wake()
        {
            // The sleeper looks again within a second; nothing is lost but time.
            tracing::error!(worker = worker.0, %error, "cannot wake a worker");
        }
    }

    fn lane(&self, from: WorkerId, to: WorkerId) -> MutexGuard<'_, Lane> {
        unpoisoned(&self.lanes[to.index() * self.posts.len() + from.index()])
    }
}

/// Locks; a thread that panicked inside left a whole value behind, since only swaps happen there.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
