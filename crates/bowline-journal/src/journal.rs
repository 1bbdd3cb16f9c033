//! The open journal: its options, what it knows, and the questions anybody may ask it. The steps that change something
//! are in `writer`, `reader`, `chores`, `snapshot` and `evacuation`.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::{Latched, NotLive};
use crate::evacuation::Moving;
use crate::format::{Class, FileHeader, HEADER_BYTES, Writer, record_room};
use crate::location::{Location, Lsn};
use crate::segment::Segment;
use crate::writer::{InFlight, Staged};

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The sync: survives a power cut.
    Disk,
    /// The write: survives the end of the process, not that of the system.
    Os,
}

/// How a journal is opened. [`Options::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the store, given to it when it is made; afterwards the one on the disk counts.
    pub store: [u8; 16],
    /// Fresh randomness of this opening, from which all salts come. Two openings must never use the same.
    pub salt: u64,
    /// Name and version of the program, at most 32 bytes, for those who cannot read what it wrote.
    pub writer: String,
    /// What a commit waits for.
    pub durability: Durability,
    /// Size of a log segment in bytes, header included: a multiple of `align_bytes`, below 4 GiB. 64 MiB.
    pub segment_bytes: u32,
    /// Frames start at multiples of this, 512 or 4096, so that an acknowledged sector is never written again. 4096.
    pub align_bytes: u32,
    /// A frame takes no further record beyond this many bytes; it bounds how long a commit takes. 4 MiB.
    pub frame_bytes_max: u32,
    /// Prepared segments that anything may use. 1.
    pub spares: usize,
    /// Prepared segments kept back for records that are not live: those that settle things. 1.
    pub reserve: usize,
    /// Bytes that all segments together may take; beyond, none is prepared. No bound.
    pub bytes_max: u64,
    /// Free bytes of the disk that are left alone, so that a snapshot still fits when segments do not. 256 MiB.
    pub free_bytes_min: u64,
    /// Log bytes after which a snapshot is due. 256 MiB.
    pub snapshot_after_bytes: u64,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(store: [u8; 16], salt: u64, writer: &str) -> Self {
        Self {
            store,
            salt,
            writer: writer.to_owned(),
            durability: Durability::Disk,
            segment_bytes: 64 << 20,
            align_bytes: 4096,
            frame_bytes_max: 4 << 20,
            spares: 1,
            reserve: 1,
            bytes_max: u64::MAX,
            free_bytes_min: 256 << 20,
            snapshot_after_bytes: 256 << 20,
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.align_bytes != 512 && self.align_bytes != 4096 {
            return Err("`align_bytes` must be 512 or 4096");
        }
        if !self.segment_bytes.is_multiple_of(self.align_bytes) {
            return Err("`segment_bytes` must be a multiple of `align_bytes`");
        }
        if self.segment_bytes < 4 * HEADER_BYTES {
            return Err("`segment_bytes` must be at least 16 KiB");
        }
        Ok(())
    }

    pub(crate) fn header(&self, store: [u8; 16], number: u32, class: Class) -> FileHeader {
        FileHeader {
            class,
            zeroed: false,
            align: self.align_bytes,
            number,
            store,
            salt: salt(self.salt, number),
            size: if class == Class::Log {
                self.segment_bytes.into()
            } else {
                0
            },
            cut: Lsn::ZERO,
            durable: Lsn::ZERO,
            covers: Lsn::ZERO,
            replay: Lsn::ZERO,
            replay_sequence: 0,
            writer: Writer::new(&self.writer),
        }
    }
}

/// Spreads the salt of an opening over its files: the finaliser of splitmix64.
fn salt(of_opening: u64, number: u32) -> u64 {
    let mut salt = of_opening ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    salt = (salt ^ salt >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    salt = (salt ^ salt >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    salt ^ salt >> 31
}

/// Whether records that would owe something may be taken on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Space {
    /// Yes.
    Ample,
    /// No: the last attempt to prepare a segment found no room, and only the reserve is left. What
    /// settles things is still taken, and it ends by itself when a chore finds room again.
    Low,
}

/// How much there is of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Log segments, prepared ones included.
    pub log_segments: usize,
    /// Prepared segments.
    pub spares: usize,
    /// Cold segments.
    pub cold_segments: usize,
    /// Bytes that all segments take on the disk.
    pub segment_bytes: u64,
    /// Bytes of the snapshot in force.
    pub snapshot_bytes: u64,
    /// Live records.
    pub live_records: u64,
    /// Bytes that they take.
    pub live_bytes: u64,
    /// Bytes that replay would read.
    pub log_bytes: u64,
    /// Bytes appended and not handed to a commit.
    pub staged_bytes: u64,
}

/// An open journal.
///
/// It has no thread, clock or randomness of its own. Every method returns at once except those that say
/// that they block; what blocks is in objects that are handed out ([`Commit`](crate::Commit), [`Chore`](crate::Chore), [`Reading`](crate::Reading), [`SnapshotWriter`](crate::SnapshotWriter),
/// [`Evacuation`](crate::Evacuation)), so that a thread can work on one without holding the journal, and the result is brought back.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    pub(crate) disk: Arc<D>,
    pub(crate) _lock: D::Lock,
    pub(crate) options: Options,
    pub(crate) store: [u8; 16],
    pub(crate) segments: BTreeMap<u32, Segment<D::File>>,
    pub(crate) number_next: u32,
    /// Prepared log segments, in the order in which they will be written.
    pub(crate) spares: VecDeque<u32>,
    /// The segment in which the next frame starts, if it fits, and where.
    pub(crate) position: Lsn,
    pub(crate) sequence_next: u64,
    pub(crate) staged: VecDeque<Staged>,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) buffers: Vec<Vec<u8>>,
    pub(crate) committed: Lsn,
    pub(crate) synced: Lsn,
    /// A sync is wanted although the durability does not ask for one.
    pub(crate) sync_wanted: bool,
    /// The newest frame holds records, and nothing on the disk says that it was synced.
    pub(crate) unwitnessed: bool,
    pub(crate) latched: Option<Latched>,
    /// Live records are still being claimed after the open: nothing may be recycled.
    pub(crate) claiming: bool,
    pub(crate) chore_open: bool,
    /// The last attempt to prepare a segment found no room.
    pub(crate) no_room: bool,
    pub(crate) snapshot_open: bool,
    pub(crate) snapshots: Vec<u32>,
    pub(crate) notes: Vec<u32>,
    pub(crate) snapshot_replay: Lsn,
    pub(crate) snapshot_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) log_bytes_at_snapshot: u64,
    /// Files that nothing needs any more.
    pub(crate) obsolete: Vec<String>,
    pub(crate) moving: Option<Moving>,
}

impl<D: Disk> Journal<D> {
    /// After opening: says that a record which replay or the snapshot told of is still live. Call it for each of them, then
    /// [`claims_complete`](Self::claims_complete). Records appended since the open are live by themselves.
    ///
    /// # Errors
    /// If no record can be there: what the location came from does not fit these files.
    pub fn claim(&mut self, location: Location) -> Result<(), NotLive> {
        let not_live = NotLive(location);
        let segment = self
            .segments
            .get_mut(&location.lsn.number())
            .ok_or(not_live)?;
        let end =
            u64::from(location.lsn.offset()) + record_room(true, location.len as usize) as u64;
        if location.lsn.offset() < HEADER_BYTES
            || end > segment.size
            || location.lsn >= self.committed
        {
            return Err(not_live);
        }
        if segment.live.insert(location) {
            Ok(())
        } else {
            Err(not_live)
        }
    }

    /// After the last claim: from now on space that nobody claimed may be used again.
    pub fn claims_complete(&mut self) {
        self.claiming = false;
    }

    /// Says that a live record is needed no more. Append what settles it *before*: the space is used again when everything
    /// appended before this call is durable.
    ///
    /// # Errors
    /// If it is not live (retired before, perhaps).
    pub fn retire(&mut self, location: Location) -> Result<(), NotLive> {
        let head = self.head();
        let segment = self
            .segments
            .get_mut(&location.lsn.number())
            .ok_or(NotLive(location))?;
        if !segment.live.remove(location) {
            return Err(NotLive(location));
        }
        segment.retired_before = segment.retired_before.max(head);
        if let Some(copy) = self
            .moving
            .as_ref()
            .and_then(|moving| moving.copy_of(location))
        {
            // Its copy is not known to the caller yet, so it goes with it.
            if let Some(segment) = self.segments.get_mut(&copy.lsn.number()) {
                segment.live.remove(copy);
                segment.retired_before = segment.retired_before.max(head);
            }
        }
        Ok(())
    }

    /// Stops the journal for good because the disk failed where the journal could not see it (a [`Reading`](crate::Reading)).
    pub fn fail(&mut self, doing: &str, error: &io::Error) -> Latched {
        self.latch(doing, error)
    }

    pub(crate) fn latch(&mut self, doing: &str, error: &io::Error) -> Latched {
        self.latched
            .get_or_insert_with(|| Latched::new(doing, error))
            .clone()
    }

    /// Why the journal has stopped, if it has.
    #[must_use]
    pub fn latched(&self) -> Option<&Latched> {
        self.latched.as_ref()
    }

    /// Promises that rest on records before this position may be given.
    #[must_use]
    pub fn committed(&self) -> Lsn {
        self.committed
    }

    /// Records before this position survive a power cut. With [`Durability::Disk`] the same as [`committed`](Self::committed).
    #[must_use]
    pub fn synced(&self) -> Lsn {
        self.synced
    }

    /// Everything appended so far is before this position.
    #[must_use]
    pub fn head(&self) -> Lsn {
        self.staged.back().map_or(self.position, Staged::head)
    }

    /// Whether records that would owe something may be taken on.
    #[must_use]
    pub fn space(&self) -> Space {
        if self.no_room && self.spares.len() <= self.options.reserve {
            Space::Low
        } else {
            Space::Ample
        }
    }

    /// Name of the store.
    #[must_use]
    pub fn store(&self) -> [u8; 16] {
        self.store
    }

    /// How much there is of everything. Takes time in the number of segments.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            spares: self.spares.len(),
            snapshot_bytes: self.snapshot_bytes,
            log_bytes: self.log_bytes,
            staged_bytes: self.staged.iter().map(Staged::bytes).sum(),
            ..Stats::default()
        };
        for segment in self.segments.values() {
            match segment.class {
                Class::Log => stats.log_segments += 1,
                Class::Cold | Class::Snapshot | Class::RepairNote => stats.cold_segments += 1,
            }
            stats.segment_bytes += segment.size;
            stats.live_records += segment.live.count;
            stats.live_bytes += segment.live.bytes;
        }
        stats
    }

    pub(crate) fn header(&self, number: u32, class: Class) -> FileHeader {
        FileHeader {
            durable: self.synced,
            ..self.options.header(self.store, number, class)
        }
    }

    /// A number for a new file; `None` when all 4 billion are used up.
    pub(crate) fn take_number(&mut self) -> Option<u32> {
        let number = self.number_next;
        self.number_next = number.checked_add(1)?;
        Some(number)
    }

    /// Position and sequence of the frame that the next record will be in, or that the next frame will have.
    pub(crate) fn replay_point(&self) -> (Lsn, u64) {
        match self.staged.back() {
            Some(staged) => (staged.start, staged.sequence),
            None => (self.position, self.sequence_next),
        }
    }
}
