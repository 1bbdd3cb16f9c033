//! The journal: opaque records on a disk, in order, that are there after a power cut once they were reported committed.
//!
//! A segmented append-only log with group commit, snapshots and reclaimed space, over one [`Disk`] trait. It knows nothing of what the
//! records mean. It has no thread, clock or randomness of its own: everything is a step that the program, or a simulator, takes. The bytes on disk are drawn in
//! `docs/internals/journal-format.md`.
//!
//! What it promises:
//! - a record whose commit was reported is visited by every later [`Journal::open`], in order and once, whatever was lost of what was not synced;
//! - or the open is refused and names file and offset: damage to committed data is never taken for a torn tail once a later frame (or an empty one as
//!   witness) was written;
//! - after the first failed write or sync nothing is committed any more ([`Latched`]); a disk that is merely full, off the commit path, is not fatal;
//! - live records stay readable, verified, until they are retired; space comes back in any order.
//!
//! Who calls what, and when:
//!
//! | step | when | blocks | may run while others hold the journal |
//! |---|---|---|---|
//! | [`append`](Journal::append), [`append_group`](Journal::append_group) | records to keep | no | no |
//! | [`commit_begin`](Journal::commit_begin), [`Commit::perform`], [`commit_done`](Journal::commit_done) | as soon as the one before is done and something is staged | `perform` | `perform` |
//! | [`witness_begin`](Journal::witness_begin) | nothing came for 100 ms, and at a clean stop ([`settle`](Journal::settle)) | `perform` | `perform` |
//! | [`reading`](Journal::reading), [`Reading::perform`] | a live record is wanted | `perform` | `perform` |
//! | [`retire`](Journal::retire) | after the record that settles it was appended | no | no |
//! | [`chore_begin`](Journal::chore_begin), [`Chore::perform`], [`chore_done`](Journal::chore_done) | after commits, retirements and snapshots; every second while space is low | `perform` | `perform` |
//! | [`snapshot_begin`](Journal::snapshot_begin), [`SnapshotWriter`], [`snapshot_ready`](Journal::snapshot_ready), [`snapshot_done`](Journal::snapshot_done) | when [due](Journal::snapshot_due), or after 60 s | `write`, `publish` | both |
//! | [`evacuation_begin`](Journal::evacuation_begin), [`Evacuation::step`], [`evacuation_copied`](Journal::evacuation_copied), [`evacuation_adopted`](Journal::evacuation_adopted) | after snapshots | `step` | `step` |
//! | [`scrub_begin`](Journal::scrub_begin), [`Scrub::step`] | before serving, or slowly beside it | `step` | `step` |
//!
//! At most one commit, one chore, one snapshot and one evacuation are under way at a time; any number of readings and scrubs. The four may overlap.
//!
//! [`check`], [`dump`] and [`repair`] work on a journal that is not open.
//!
//! Absent: what records mean, encryption (the format has room), O_DIRECT.
#![deny(clippy::indexing_slicing, clippy::unwrap_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "tests may fail"
    )
)]

mod chain;
mod chores;
mod disk;
mod error;
mod evacuation;
mod format;
mod inspect;
mod journal;
mod location;
mod reader;
mod recovery;
mod repair;
mod scan;
mod scrub;
mod segment;
mod snapshot;
mod writer;

pub use chain::Dropped;
pub use chores::Chore;
pub use disk::memory::{Counts, Fault, MemoryDisk, MemoryFile, MemoryLock, SECTOR_BYTES};
pub use disk::os::{OsDisk, OsFile, OsLock};
pub use disk::{Disk, DiskFile, is_full};
pub use error::{AppendError, Damage, Latched, NotLive, OpenError, ReadError};
pub use evacuation::{Copied, Evacuation, Moved};
pub use format::{Class, FORMAT_VERSION, HEADER_BYTES, KIND_MAX};
pub use inspect::{FileReport, Item, Report, check, dump};
pub use journal::{Durability, Journal, Options, Space, Stats};
pub use location::{Location, Lsn};
pub use reader::Reading;
pub use recovery::{Entry, Recovered, Visit};
pub use repair::{Hole, Repaired, repair};
pub use scrub::Scrub;
pub use snapshot::SnapshotWriter;
pub use writer::{Commit, Record};
