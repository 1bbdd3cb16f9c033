//! Snapshots: a file of records that replaces the log before a point, so that a start takes as long as the state is big
//! and the log before it can be recycled.
//!
//! The caller says what is in it, step by step, while the journal goes on. The order that keeps it honest:
//! [`Journal::snapshot_begin`] fixes the point from which the log will be replayed on top; the records written then must hold the effect of *every*
//! record before that point, and may hold the effect of later ones if replaying these again does no harm;
//! [`Journal::snapshot_ready`] waits until everything that the snapshot may hold is durable; [`SnapshotWriter::publish`] gives the file
//! its name; [`Journal::snapshot_done`] lets the journal use it.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, is_full};
use crate::error::{Latched, OpenError};
use crate::format::{
    Class, FRAME_HEADER_BYTES, Fields, FileHeader, FrameHeader, HEADER_BYTES, KIND_MAX, KIND_TOTAL,
    Records, file_name, frame_room, push_record, record_room, temporary_name,
};
use crate::journal::{Journal, Space};
use crate::location::Lsn;
use crate::scan::{Found, Slot, after};

const FRAME_BYTES: usize = 256 << 10;

/// A file of frames that is written once from front to back, under a temporary name until it is whole.
#[derive(Debug)]
pub(crate) struct FileWriter<D: Disk> {
    disk: Arc<D>,
    pub(crate) header: FileHeader,
    file: Option<Arc<D::File>>,
    /// The frame that is gathered, header room included.
    frame: Vec<u8>,
    count: u32,
    sequence: u64,
    /// Offset of the frame that is gathered.
    offset: u32,
    pub(crate) published: bool,
}

impl<D: Disk> FileWriter<D> {
    pub(crate) fn new(disk: Arc<D>, header: FileHeader) -> Self {
        let frame = vec![0; FRAME_HEADER_BYTES as usize];
        let offset = HEADER_BYTES;
        Self {
            disk,
            header,
            file: None,
            frame,
            count: 0,
            sequence: 1,
            offset,
            published: false,
        }
    }

    /// Appends a record and says where it will be.
    pub(crate) fn push(&mut self, kind: u8, live: bool, parts: &[&[u8]]) -> io::Result<Lsn> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if u32::try_from(length).is_err() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.frame.len() + record_room(live, length) > FRAME_BYTES && self.count > 0 {
            self.flush(false)?;
        }
        let end = u64::from(self.offset) + (self.frame.len() + record_room(live, length)) as u64;
        if end > u64::from(u32::MAX) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Checked just above.
        let offset = self.offset + u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
        push_record(
            &mut self.frame,
            self.header.seed(),
            offset,
            kind,
            live,
            parts,
        );
        self.count += 1;
        Ok(Lsn::new(self.header.number, offset))
    }

    fn file(&mut self) -> io::Result<Arc<D::File>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.disk.create(&temporary_name(self.header.number))?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    fn flush(&mut self, last: bool) -> io::Result<()> {
        let seed = self.header.seed();
        let (head, body) = self.frame.split_at_mut(FRAME_HEADER_BYTES as usize);
        let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let header = FrameHeader {
            length: u32::try_from(body.len()).map_err(too_long)?,
            sequence: self.sequence,
            durable: Lsn::ZERO,
            count: self.count,
            last,
            body_sum: seed.sum(self.offset, body),
        };
        head.copy_from_slice(&header.encode(seed, self.offset));
        let room = frame_room(header.length, self.header.align);
        self.frame
            .resize(usize::try_from(room).unwrap_or(usize::MAX), 0);
        self.file()?.write_at(self.offset.into(), &self.frame)?;
        self.offset = u32::try_from(u64::from(self.offset) + room)
            .map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.sequence += 1;
        self.count = 0;
        self.frame.clear();
        self.frame.resize(FRAME_HEADER_BYTES as usize, 0);
        Ok(())
    }

    /// Writes what is left, the header last, and gives the file its name, durably.
    pub(crate) fn publish(&mut self) -> io::Result<Arc<D::File>> {
        self.flush(true)?;
        let file = self.file()?;
        file.write_at(0, &self.header.encode())?;
        file.sync()?;
        let (number, class) = (self.header.number, self.header.class);
        self.disk
            .rename(&temporary_name(number), &file_name(number, class))?;
        self.disk.sync_dir()?;
        self.published = true;
        Ok(file)
    }

    /// Bytes of the file as it is now.
    pub(crate) fn length(&self) -> u64 {
        self.offset.into()
    }

    /// Removes what was written of a file that will not be published.
    pub(crate) fn abandon(&mut self) -> io::Result<()> {
        if self.published || self.file.take().is_none() {
            return Ok(());
        }
        match self.disk.unlink(&temporary_name(self.header.number)) {
            // It has its final name already, and only the sync of the directory failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// A snapshot that is being written; see the head of this module for the order of calls. It may be
/// written by a thread that does not hold the journal.
#[derive(Debug)]
pub struct SnapshotWriter<D: Disk> {
    file: FileWriter<D>,
    records: u64,
    /// Everything that the snapshot may hold is before this position.
    needs: Option<Lsn>,
    ready: bool,
}

impl<D: Disk> SnapshotWriter<D> {
    /// Adds a record; its bytes are the concatenation of `parts`. Blocks now and then to write.
    ///
    /// # Errors
    /// From the disk; hand the error to [`Journal::snapshot_done`]. A kind above [`KIND_MAX`] is invalid input.
    pub fn write(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        if kind > KIND_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.file.push(kind, false, parts)?;
        self.records += 1;
        self.needs = None;
        self.ready = false;
        Ok(())
    }

    /// Position from which the log will be replayed on top of this snapshot.
    #[must_use]
    pub fn covers(&self) -> Lsn {
        self.file.header.covers
    }

    /// Makes the snapshot durable under its name. Blocks.
    ///
    /// # Errors
    /// From the disk; invalid input before [`Journal::snapshot_ready`] said yes. Hand the result to [`Journal::snapshot_done`].
    pub fn publish(&mut self) -> io::Result<()> {
        if !self.ready {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.file
            .push(KIND_TOTAL, false, &[&self.records.to_le_bytes()])?;
        self.file.publish()?;
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file.length()
    }
}

impl<D: Disk> Journal<D> {
    /// Whether as much log has gathered since the last snapshot as [`Options::snapshot_after_bytes`](crate::Options::snapshot_after_bytes) says; a quarter
    /// of a segment is enough while space is low, because a snapshot is what gives space back then.
    #[must_use]
    pub fn snapshot_due(&self) -> bool {
        let enough = match self.space() {
            Space::Ample => self.options.snapshot_after_bytes,
            Space::Low => u64::from(self.options.segment_bytes) / 4,
        };
        !self.snapshot_open && self.log_bytes >= enough
    }

    /// Begins a snapshot: from here on the log will be replayed on top of it. `None` while another one is being written or after a failure.
    pub fn snapshot_begin(&mut self) -> Option<SnapshotWriter<D>> {
        if self.snapshot_open || self.latched.is_some() {
            return None;
        }
        let number = self.take_number()?;
        self.snapshot_open = true;
        self.log_bytes_at_snapshot = self.log_bytes;
        let (replay, replay_sequence) = self.replay_point();
        let mut header = self.header(number, Class::Snapshot);
        header.covers = self.head();
        header.replay = replay;
        header.replay_sequence = replay_sequence;
        let file = FileWriter::new(Arc::clone(&self.disk), header);
        Some(SnapshotWriter {
            file,
            records: 0,
            needs: None,
            ready: false,
        })
    }

    /// Whether everything is durable that the records written so far may reflect: all that was appended until the
    /// first call of this after the last write. Commit, and ask again, until it is.
    pub fn snapshot_ready(&mut self, writer: &mut SnapshotWriter<D>) -> bool {
        let needs = *writer.needs.get_or_insert_with(|| self.head());
        writer.ready = self.synced() >= needs;
        self.sync_wanted |= !writer.ready;
        writer.file.header.durable = self.synced();
        writer.ready
    }

    /// Takes note of a snapshot that was published, or that failed. Segments before it may now be recycled; older
    /// snapshots are deleted by the next chores. Says whether it is in force.
    ///
    /// # Errors
    /// If the disk failed in another way than being full, the journal latches.
    pub fn snapshot_done(
        &mut self,
        mut writer: SnapshotWriter<D>,
        result: io::Result<()>,
    ) -> Result<bool, Latched> {
        self.snapshot_open = false;
        let header = &writer.file.header;
        let (number, replay) = (header.number, header.replay);
        match result {
            Ok(()) if writer.file.published => {
                let older = std::mem::replace(&mut self.snapshots, vec![number]);
                self.obsolete
                    .extend(older.into_iter().map(|old| file_name(old, Class::Snapshot)));
                let notes = std::mem::take(&mut self.notes);
                self.obsolete.extend(
                    notes
                        .into_iter()
                        .map(|old| file_name(old, Class::RepairNote)),
                );
                self.snapshot_replay = replay;
                self.snapshot_bytes = writer.bytes();
                self.log_bytes = self.log_bytes.saturating_sub(self.log_bytes_at_snapshot);
                Ok(true)
            }
            Ok(()) => self.abandon(&mut writer.file),
            Err(error) if is_full(&error) => self.abandon(&mut writer.file),
            Err(error) => Err(self.latch("write a snapshot", &error)),
        }
    }

    /// Gives up a file that is not published. Whether it had no room does not matter, whether it can be removed does.
    pub(crate) fn abandon(&mut self, file: &mut FileWriter<D>) -> Result<bool, Latched> {
        self.obsolete
            .push(file_name(file.header.number, file.header.class));
        match file.abandon() {
            Ok(()) => Ok(false),
            Err(error) => Err(self.latch("remove an unfinished file", &error)),
        }
    }
}

/// What visits each frame of a file that is whole: offset, header, body.
pub(crate) type VisitWhole<'v> =
    &'v mut dyn FnMut(u32, &FrameHeader, &[u8]) -> Result<(), OpenError>;

/// Reads the frames of a file that is whole, in order; each must verify and the last must say that it is.
pub(crate) fn each_frame<F: DiskFile>(
    found: &Found<F>,
    visit: VisitWhole<'_>,
) -> Result<(), OpenError> {
    let (seed, align) = (found.seed(), found.header.align);
    let mut window = found.window();
    let mut offset = u64::from(HEADER_BYTES);
    let mut sequence = 1;
    loop {
        let damage = || found.damage(offset, "a frame does not verify");
        let Slot::Frame(header) = window.slot(seed, offset).map_err(found.io("read"))? else {
            return Err(damage().into());
        };
        let place = u32::try_from(offset).map_err(|_| damage())?;
        if header.sequence != sequence {
            return Err(damage().into());
        }
        let body = window.body(offset, &header).map_err(found.io("read"))?;
        visit(place, &header, body.ok_or_else(damage)?)?;
        if header.last {
            return Ok(());
        }
        offset = after(offset, &header, align);
        sequence += 1;
    }
}

/// Whether a snapshot is sound from its first byte to its last.
pub(crate) fn verify_snapshot<F: DiskFile>(found: &Found<F>) -> Result<(), OpenError> {
    let mut records = 0;
    let mut total = None;
    each_frame(found, &mut |offset, _, body| {
        for record in Records::new(body, offset) {
            let record = record.map_err(|fault| {
                found.damage(fault.offset.into(), "a record cannot be understood")
            })?;
            if record.kind == KIND_TOTAL {
                total = Fields(record.bytes).u64();
            } else {
                records += 1;
            }
        }
        Ok(())
    })?;
    if total != Some(records) {
        return Err(found.damage(found.length, "records are missing").into());
    }
    Ok(())
}
