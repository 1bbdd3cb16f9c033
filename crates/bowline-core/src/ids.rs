//! The small numbers by which the rooms of the core name things to each other and to the shell.
//!
//! Identifiers that stand on the wire (Packet Identifier, Client Identifier) are not here.

/// A Network Connection of this worker: the index of its slot in the shell.
///
/// The shell may give the index to a new connection as soon as it has told the core
/// [`crate::Input::Closed`] or has carried out [`crate::Effect::Close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// The index as a `usize`.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A worker: one thread with its own broker core. At most 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u8);

impl WorkerId {
    /// The index as a `usize`.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// This worker's bit in a mask of workers.
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self.0
    }
}

/// The largest number of workers: a mask of them fits a `u64`.
pub const WORKERS_MAX: usize = 64;

/// The dense number of a session, the same on every worker and in every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNo(pub u32);

/// The position of a record in the stream of records of one worker; the first one is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNo(pub u64);

/// Where a message lies outside RAM; only the shell knows what the number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(pub u64);

/// The worker that owns what `name` names: a client id, a retained topic or a share group.
///
/// `seed` must be the same on all workers of one process; it is drawn anew at each start, so that
/// nobody outside can aim at one worker. Nothing durable depends on the result.
#[must_use]
pub fn worker_of(name: &[u8], seed: u64, workers: usize) -> WorkerId {
    use core::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::with_seed(seed).build_hasher();
    hasher.write(name);
    let workers = workers.clamp(1, WORKERS_MAX) as u64;
    let chosen = hasher.finish() % workers;
    WorkerId(u8::try_from(chosen).expect("the remainder is below 64"))
}
