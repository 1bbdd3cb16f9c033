//! Appending and committing: the only path on which promises wait.
//!
//! Records are staged in memory, where they get their location at once, and gathered into frames. A [`Commit`] is one
//! frame on its way to the disk; while a thread writes and syncs it, the next frame gathers. There is one commit at a time, so frames
//! reach the disk in order, and the first error latches the journal for good.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::{AppendError, Latched};
use crate::format::{
    FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, KIND_MAX, Seed, frame_room, push_record,
    record_room,
};
use crate::journal::{Durability, Journal};
use crate::location::{Location, Lsn};

/// Frame buffers kept for reuse, and the greatest that is.
const BUFFERS_KEPT: usize = 2;
const BUFFER_KEPT_BYTES_MAX: usize = 8 << 20;

/// A record to append. Its bytes are the concatenation of `parts`.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it is, in the caller's terms; at most [`KIND_MAX`].
    pub kind: u8,
    /// Whether its bytes will be read back by location, until it is retired. A live record never uses the
    /// reserve; one that is not live can only be replayed at start.
    pub live: bool,
    /// Its bytes.
    pub parts: &'a [&'a [u8]],
}

impl Record<'_> {
    fn length(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn room(&self) -> u64 {
        record_room(self.live, self.length()) as u64
    }
}

/// A frame that gathers.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) start: Lsn,
    pub(crate) sequence: u64,
    seed: Seed,
    align: u32,
    count: u32,
    /// Room for the header, then the body.
    buffer: Vec<u8>,
    /// No more records: the next frame is in another segment, or this one was finished.
    closed: bool,
}

impl Staged {
    /// Bytes of header and body.
    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Where the next record would be.
    pub(crate) fn head(&self) -> Lsn {
        Lsn::new(self.start.number(), self.start.offset() + self.length())
    }

    fn length(&self) -> u32 {
        u32::try_from(self.buffer.len()).expect("a frame fits into a segment, which is below 4 GiB")
    }

    /// Where the next frame starts.
    fn end(&self) -> Lsn {
        let room = frame_room(self.length() - FRAME_HEADER_BYTES, self.align);
        let offset = u64::from(self.start.offset()) + room;
        let offset = u32::try_from(offset).expect("a padded frame fits into a segment");
        Lsn::new(self.start.number(), offset)
    }
}

/// What the journal remembers of the commit under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    /// End of the frame before.
    left: Lsn,
    end: Lsn,
    sequence: u64,
    count: u32,
    syncs: bool,
    syncs_before: bool,
}

/// One frame on its way to the disk. Must be brought back with [`Journal::commit_done`], whatever happens: until then there is no other.
#[derive(Debug)]
#[must_use = "a commit does nothing until it is performed, and blocks others until it is brought back"]
pub struct Commit<F> {
    file: Arc<F>,
    /// A segment that is left behind and was not synced.
    before: Option<Arc<F>>,
    offset: u64,
    bytes: Vec<u8>,
    sync: bool,
    sequence: u64,
}

impl<F: DiskFile> Commit<F> {
    /// Writes the frame and makes it as durable as was asked for. Blocks. Call it once, on any thread.
    ///
    /// # Errors
    /// From the disk. There is no second attempt.
    pub fn perform(&self) -> io::Result<()> {
        if let Some(before) = &self.before {
            before.sync()?;
        }
        if !self.bytes.is_empty() {
            self.file.write_at(self.offset, &self.bytes)?;
        }
        if self.sync { self.file.sync() } else { Ok(()) }
    }

    /// Bytes that are written.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

impl<D: Disk> Journal<D> {
    /// Stages a record; see [`append_group`](Self::append_group).
    ///
    /// # Errors
    /// As there.
    pub fn append(&mut self, record: Record<'_>) -> Result<Location, AppendError> {
        let mut location = Location {
            lsn: Lsn::ZERO,
            len: 0,
        };
        self.stage(&[record], &mut |staged| location = staged)?;
        Ok(location)
    }

    /// Stages records that are committed together or not at all, and adds their locations to `locations`, in order.
    /// The bytes are copied here, once. A record is committed when [`committed`](Self::committed) is beyond its position.
    ///
    /// # Errors
    /// Nothing is staged then; [`AppendError::NoRoom`] may pass when a chore has prepared a segment.
    pub fn append_group(
        &mut self,
        records: &[Record<'_>],
        locations: &mut Vec<Location>,
    ) -> Result<(), AppendError> {
        self.stage(records, &mut |location| locations.push(location))
    }

    fn stage(
        &mut self,
        records: &[Record<'_>],
        located: &mut dyn FnMut(Location),
    ) -> Result<(), AppendError> {
        if let Some(reserved) = records.iter().find(|record| record.kind > KIND_MAX) {
            return Err(AppendError::ReservedKind(reserved.kind));
        }
        self.stage_any(records, located)
    }

    /// As `stage`, also for the journal's own kinds.
    pub(crate) fn stage_any(
        &mut self,
        records: &[Record<'_>],
        located: &mut dyn FnMut(Location),
    ) -> Result<(), AppendError> {
        if let Some(latched) = &self.latched {
            return Err(AppendError::Latched(latched.clone()));
        }
        if records.is_empty() {
            return Ok(());
        }
        let bytes: u64 = records.iter().map(Record::room).sum();
        self.open_frame(bytes, records.iter().any(|record| record.live))?;
        let Some(frame) = self.staged.back_mut() else {
            return Ok(());
        };
        for record in records {
            let location = Location {
                lsn: frame.head(),
                len: u32::try_from(record.length())
                    .expect("what fits into a segment is below 4 GiB"),
            };
            let offset = location.lsn.offset();
            push_record(
                &mut frame.buffer,
                frame.seed,
                offset,
                record.kind,
                record.live,
                record.parts,
            );
            frame.count += 1;
            if record.live
                && let Some(segment) = self.segments.get_mut(&location.lsn.number())
            {
                segment.live.insert(location);
            }
            located(location);
        }
        Ok(())
    }

    /// Sees to it that the last staged frame is open and has room for `bytes` more.
    fn open_frame(&mut self, bytes: u64, live: bool) -> Result<(), AppendError> {
        let max = u64::from(self.options.segment_bytes - HEADER_BYTES - FRAME_HEADER_BYTES);
        if bytes > max {
            return Err(AppendError::TooLarge { bytes, max });
        }
        if let Some(frame) = self.staged.back()
            && !frame.closed
            && frame.bytes() + bytes <= u64::from(self.options.frame_bytes_max)
            && self.fits(frame.start, frame.bytes() + bytes)
        {
            return Ok(());
        }
        let start = self.staged.back().map_or(self.position, Staged::end);
        let start = if self.fits(start, u64::from(FRAME_HEADER_BYTES) + bytes) {
            start
        } else {
            let kept_back = if live { self.options.reserve } else { 0 };
            if self.spares.len() <= kept_back {
                return Err(AppendError::NoRoom);
            }
            match self.spares.pop_front() {
                Some(number) => Lsn::new(number, HEADER_BYTES),
                None => return Err(AppendError::NoRoom),
            }
        };
        self.push_frame(start);
        Ok(())
    }

    /// Whether a frame of so many bytes, header included, fits into the segment at `start`.
    fn fits(&self, start: Lsn, bytes: u64) -> bool {
        self.segments.get(&start.number()).is_some_and(|segment| {
            let end = u64::from(start.offset()) + bytes;
            end.next_multiple_of(segment.align.into()) <= segment.size
        })
    }

    /// Begins a frame at `start`, in a segment that exists.
    fn push_frame(&mut self, start: Lsn) {
        let Some(segment) = self.segments.get_mut(&start.number()) else {
            return;
        };
        segment.in_chain = true;
        let (seed, align) = (segment.seed, segment.align);
        if let Some(last) = self.staged.back_mut() {
            last.closed = true;
        }
        let sequence = self
            .staged
            .back()
            .map_or(self.sequence_next, |last| last.sequence + 1);
        let mut buffer = self.buffers.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(FRAME_HEADER_BYTES as usize, 0);
        self.staged.push_back(Staged {
            start,
            sequence,
            seed,
            align,
            count: 0,
            buffer,
            closed: false,
        });
    }

    /// The next frame to write, if there is one and none is under way.
    pub fn commit_begin(&mut self) -> Option<Commit<D::File>> {
        if self.latched.is_some() || self.in_flight.is_some() {
            return None;
        }
        let staged = self.staged.pop_front()?;
        let end = staged.end();
        let Staged {
            start,
            sequence,
            seed,
            count,
            mut buffer,
            ..
        } = staged;
        let file = Arc::clone(&self.segments.get(&start.number())?.file);
        let offset = start.offset();
        let length = u32::try_from(buffer.len())
            .ok()?
            .checked_sub(FRAME_HEADER_BYTES)?;
        let (head, body) = buffer.split_at_mut(FRAME_HEADER_BYTES as usize);
        let body_sum = seed.sum(offset, body);
        let header = FrameHeader {
            length,
            sequence,
            durable: self.synced,
            count,
            last: false,
            body_sum,
        };
        head.copy_from_slice(&header.encode(seed, offset));
        buffer.resize((end.offset() - offset) as usize, 0);

        let left = self.position;
        let left_behind = self.synced < left && left.number() != start.number();
        let before = match self.segments.get(&left.number()) {
            Some(segment) if left_behind => Some(Arc::clone(&segment.file)),
            Some(_) | None => None,
        };
        let sync = match self.options.durability {
            Durability::Disk => true,
            Durability::Os => std::mem::take(&mut self.sync_wanted),
        };
        let (syncs, syncs_before) = (sync, before.is_some());
        self.in_flight = Some(InFlight {
            left,
            end,
            sequence,
            count,
            syncs,
            syncs_before,
        });
        self.position = end;
        self.sequence_next = sequence + 1;
        Some(Commit {
            file,
            before,
            offset: offset.into(),
            bytes: buffer,
            sync,
            sequence,
        })
    }

    /// Brings a commit back. Gives the position below which everything is committed.
    ///
    /// # Errors
    /// The error of the commit, or an earlier one: nothing will ever be committed again.
    pub fn commit_done(
        &mut self,
        commit: Commit<D::File>,
        result: io::Result<()>,
    ) -> Result<Lsn, Latched> {
        if let Err(error) = result {
            return Err(self.latch("commit to the journal", &error));
        }
        if let Some(latched) = &self.latched {
            return Err(latched.clone());
        }
        let Some(done) = self
            .in_flight
            .take_if(|under_way| under_way.sequence == commit.sequence)
        else {
            return Ok(self.committed);
        };
        self.log_bytes += commit.bytes.len() as u64;
        self.committed = done.end;
        if done.syncs {
            self.synced = done.end;
        } else if done.syncs_before {
            self.synced = done.left;
        }
        self.unwitnessed = done.count > 0;
        let buffer = commit.bytes;
        if self.buffers.len() < BUFFERS_KEPT && buffer.capacity() <= BUFFER_KEPT_BYTES_MAX {
            self.buffers.push(buffer);
        }
        Ok(self.committed)
    }

    /// Whether the newest records are durable without anything on the disk that says so. When nothing else comes
    /// for a while (100 ms), write a [witness](Self::witness_begin), so that damage to them can be told from a torn tail.
    #[must_use]
    pub fn witness_due(&self) -> bool {
        let useful = self.options.durability == Durability::Disk || self.sync_wanted;
        let idle = self.staged.is_empty() && self.in_flight.is_none() && self.latched.is_none();
        idle && useful && (self.unwitnessed || self.sync_wanted)
    }

    /// An empty frame as witness, if one is due and has room.
    pub fn witness_begin(&mut self) -> Option<Commit<D::File>> {
        if !self.witness_due() {
            return None;
        }
        match self.options.durability {
            Durability::Disk => {
                // As any small record it may use the reserve.
                self.open_frame(0, false).ok()?;
                self.commit_begin()
            }
            Durability::Os => self.sync_begin(),
        }
    }

    /// A commit of no bytes: the sync that somebody wants of what is only written.
    fn sync_begin(&mut self) -> Option<Commit<D::File>> {
        let file = Arc::clone(&self.segments.get(&self.position.number())?.file);
        self.sync_wanted = false;
        let (left, end, sequence) = (self.position, self.position, self.sequence_next);
        let (count, syncs, syncs_before) = (0, true, false);
        self.in_flight = Some(InFlight {
            left,
            end,
            sequence,
            count,
            syncs,
            syncs_before,
        });
        Some(Commit {
            file,
            before: None,
            offset: 0,
            bytes: Vec::new(),
            sync: true,
            sequence,
        })
    }

    /// Commits everything that is staged. Blocks: for programs and tests of one thread.
    ///
    /// # Errors
    /// As [`commit_done`](Self::commit_done).
    pub fn commit(&mut self) -> Result<Lsn, Latched> {
        while let Some(commit) = self.commit_begin() {
            let result = commit.perform();
            self.commit_done(commit, result)?;
        }
        match &self.latched {
            Some(latched) => Err(latched.clone()),
            None => Ok(self.committed),
        }
    }

    /// Commits everything, with a witness behind it: what a clean stop does last. Blocks.
    ///
    /// # Errors
    /// As [`commit_done`](Self::commit_done).
    pub fn settle(&mut self) -> Result<Lsn, Latched> {
        self.sync_wanted |= self.options.durability == Durability::Os && self.synced < self.head();
        self.commit()?;
        if let Some(commit) = self.witness_begin() {
            let result = commit.perform();
            self.commit_done(commit, result)?;
        }
        Ok(self.committed)
    }
}
