//! Opening a journal: `docs/internals/journal-format.md`, section 5, from the lock to the fresh segment.
//!
//! Promises: everything that was ever reported committed is visited, in order, once; or opening is refused and says where
//! the damage is. What was not witnessed is copied and synced before anything new is written; a crash at any moment of
//! this leaves what the next opening can recover.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use crate::chain::{Dropped, Store, Survey};
use crate::chores::{fill_with_zeros, give_header};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::evacuation::Moved;
use crate::format::{
    Class, FRAME_HEADER_BYTES, Fields, FileHeader, FrameHeader, HEADER_BYTES, KIND_MAX, KIND_MOVED,
    KIND_TOTAL, RecordView, Records, frame_room, push_record, temporary_name,
};
use crate::journal::{Journal, Options};
use crate::location::{Location, Lsn};
use crate::scan::Found;
use crate::segment::Segment;
use crate::snapshot::each_frame;

/// What an opening tells, in order: the records of the snapshot, then all that was logged after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// A record of the snapshot.
    Snapshot {
        /// Its kind.
        kind: u8,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A record of the log.
    Record {
        /// Its kind.
        kind: u8,
        /// Whether it was appended as live.
        live: bool,
        /// Its bytes.
        bytes: &'a [u8],
        /// Where it is now.
        location: Location,
    },
    /// A live record was moved. Whoever does not know it, or knows it at another place, ignores this.
    Moved(Moved),
}

/// What an opening found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// There was nothing: a new store.
    pub created: bool,
    /// Number of the snapshot that was used.
    pub snapshot: Option<u32>,
    /// Records of the snapshot.
    pub snapshot_records: u64,
    /// Records of the log after it.
    pub records: u64,
    /// Frames of the log after it.
    pub frames: u64,
    /// Frames that were copied because nobody had witnessed their sync.
    pub frames_copied: u64,
    /// A torn tail that was dropped: never acknowledged.
    pub dropped: Option<Dropped>,
    /// A newer snapshot that could not be used; the log made up for it.
    pub unusable_snapshot: Option<Damage>,
    /// Damage accepted by `repair` that replay passed over.
    pub holes: usize,
}

/// What is told of each entry; an error refuses to open.
pub type Visit<'v> = &'v mut dyn FnMut(Entry<'_>) -> Result<(), String>;

impl<D: Disk> Journal<D> {
    /// Opens the journal on `disk`, or makes one, and tells `visit` everything that is in it. Blocks.
    ///
    /// Afterwards [`claim`](Self::claim) every location that is still live, then [`claims_complete`](Self::claims_complete).
    ///
    /// # Errors
    /// See [`OpenError`]. A refusal by `visit` becomes [`OpenError::Refused`].
    pub fn open(
        disk: D,
        options: Options,
        visit: Visit<'_>,
    ) -> Result<(Self, Recovered), OpenError> {
        options.check().map_err(OpenError::Options)?;
        let lock = lock(&disk)?;
        let names = disk.list().map_err(OpenError::io("list", ""))?;
        for name in names.iter().filter(|name| name.ends_with(".tmp")) {
            disk.unlink(name).map_err(OpenError::io("remove", name))?;
        }
        let store = Store::read(&disk, &names)?;
        let number = store.number_max().checked_add(1);
        let number = number.ok_or(OpenError::Options("the store has used up all file numbers"))?;
        let id = store.id().unwrap_or(options.store);
        let mut fresh = Fresh::new(options.header(id, number, Class::Log));

        let survey = Survey::of(&store)?;
        let mut recovered = Recovered {
            created: survey.is_none(),
            ..Recovered::default()
        };
        let mut reused = None;
        if let Some(survey) = &survey {
            if let Some(damage) = survey.damage() {
                return Err(damage.into());
            }
            replay(survey, &mut fresh, &mut recovered, visit)?;
            reused = unused_spare(survey, &store, options.segment_bytes.into());
        }
        for found in store.all() {
            found.file.sync().map_err(found.io("sync"))?;
        }
        let file = fresh.publish(&disk, reused)?;

        let mut journal = Self::after(
            disk,
            lock,
            options,
            id,
            &store,
            survey.as_ref(),
            reused.map(number_of),
        );
        journal.begin_with(file, &fresh, survey.map_or(0, |survey| survey.end.bytes));
        Ok((journal, recovered))
    }

    /// The journal with all segments that were found, before it has one to write.
    fn after(
        disk: D,
        lock: D::Lock,
        options: Options,
        id: [u8; 16],
        store: &Store<D::File>,
        survey: Option<&Survey<'_, D::File>>,
        reused: Option<u32>,
    ) -> Self {
        let mut segments = BTreeMap::new();
        for found in store.logs.iter().chain(&store.colds) {
            if Some(found.header.number) == reused {
                continue;
            }
            let mut segment = Segment::new(Arc::clone(&found.file), &found.header, found.length);
            segment.in_chain = survey.is_some_and(|survey| {
                let chain = survey.parts.iter().take(survey.end.part + 1);
                chain
                    .map(number_of_part)
                    .any(|number| number == segment.number)
            });
            segments.insert(segment.number, segment);
        }
        let snapshot = survey.and_then(|survey| survey.snapshot);
        Self {
            disk: Arc::new(disk),
            _lock: lock,
            options,
            store: id,
            segments,
            number_next: 0,
            spares: VecDeque::new(),
            position: Lsn::ZERO,
            sequence_next: 1,
            staged: VecDeque::new(),
            in_flight: None,
            buffers: Vec::new(),
            committed: Lsn::ZERO,
            synced: Lsn::ZERO,
            sync_wanted: false,
            unwitnessed: false,
            latched: None,
            claiming: true,
            chore_open: false,
            no_room: false,
            snapshot_open: false,
            snapshots: store.snapshots.iter().map(number_of).collect(),
            notes: store.notes.iter().map(number_of).collect(),
            snapshot_replay: snapshot.map_or(Lsn::ZERO, |found| found.header.replay),
            snapshot_bytes: snapshot.map_or(0, |found| found.length),
            log_bytes: 0,
            log_bytes_at_snapshot: 0,
            obsolete: Vec::new(),
            moving: None,
        }
    }

    /// Takes the fresh segment as the one to write.
    fn begin_with(&mut self, file: Arc<D::File>, fresh: &Fresh, log_bytes: u64) {
        let mut segment = Segment::new(file, &fresh.header, fresh.header.size);
        segment.in_chain = true;
        let end = fresh.end();
        self.number_next = segment.number.saturating_add(1);
        self.segments.insert(segment.number, segment);
        self.position = end;
        self.sequence_next = fresh.sequence;
        self.committed = end;
        self.synced = end;
        self.log_bytes = log_bytes;
    }
}

pub(crate) fn lock<D: Disk>(disk: &D) -> Result<D::Lock, OpenError> {
    disk.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked,
        _ => OpenError::io("lock", "")(error),
    })
}

fn number_of<F>(found: &Found<F>) -> u32 {
    found.header.number
}

fn number_of_part<F>(part: &crate::chain::Part<'_, F>) -> u32 {
    part.number()
}

/// A segment of the right size that was prepared and not used, or became void: the first choice when the disk is full.
fn unused_spare<'s, F>(
    survey: &Survey<'_, F>,
    store: &'s Store<F>,
    size: u64,
) -> Option<&'s Found<F>> {
    let used = survey
        .parts
        .iter()
        .take(survey.end.part + 1)
        .map(number_of_part);
    let used: Vec<u32> = used.collect();
    let first = used
        .first()
        .copied()
        .unwrap_or(0)
        .max(survey.start.number());
    store.logs.iter().find(|found| {
        let fits = found.length == size && found.header.size == size;
        fits && found.header.number > first && !used.contains(&found.header.number)
    })
}

/// Tells the visitor of everything, and copies what has no witness into the fresh segment.
fn replay<F: DiskFile>(
    survey: &Survey<'_, F>,
    fresh: &mut Fresh,
    recovered: &mut Recovered,
    visit: Visit<'_>,
) -> Result<(), OpenError> {
    let mut covers = Lsn::ZERO;
    if let Some(found) = survey.snapshot {
        covers = found.header.covers;
        recovered.snapshot = Some(found.header.number);
        each_frame(found, &mut |offset, _, body| {
            for record in Records::new(body, offset).map_while(Result::ok) {
                if record.kind != KIND_TOTAL {
                    recovered.snapshot_records += 1;
                    let entry = Entry::Snapshot {
                        kind: record.kind,
                        bytes: record.bytes,
                    };
                    visit(entry).map_err(|reason| refused(found, &record, reason))?;
                }
            }
            Ok(())
        })?;
    }
    let mut copied_from = None;
    let end = survey.walk(&mut |part, offset, header, body| {
        let start = Lsn::new(part.number(), offset);
        let copy = start >= survey.witness;
        if copy {
            copied_from.get_or_insert(start);
            recovered.frames_copied += 1;
            fresh.begin_frame(header.sequence);
        }
        for record in Records::new(body, offset) {
            let what = "a record cannot be understood";
            let record = record.map_err(|f| part.found.damage(f.offset.into(), what))?;
            let mut lsn = Lsn::new(part.number(), record.offset);
            if copy {
                let placed = fresh.push(&record);
                lsn = placed.ok_or_else(|| part.found.damage(offset.into(), TAIL_TOO_LONG))?;
            }
            if Lsn::new(part.number(), record.offset) >= covers {
                recovered.records += 1;
                tell(part.found, &record, lsn, visit)?;
            }
        }
        if copy {
            let ended = fresh.end_frame(survey.witness);
            ended.ok_or_else(|| part.found.damage(offset.into(), TAIL_TOO_LONG))?;
        }
        Ok(())
    })?;
    fresh.header.cut = cut(survey, copied_from);
    if copied_from.is_none() {
        fresh.sequence = end.sequence;
    }
    recovered.frames = end.frames;
    recovered.dropped = survey.dropped()?;
    recovered.unusable_snapshot.clone_from(&survey.bad_snapshot);
    recovered.holes = survey.holes.len();
    Ok(())
}

const TAIL_TOO_LONG: &str = "more records are without a witness than a segment can hold";

/// From where on the old log is void: from the end of what is witnessed. If a repaired hole lies
/// between that and the first copied frame, from the end of the hole, so that the chain passes it again.
fn cut<F>(survey: &Survey<'_, F>, copied_from: Option<Lsn>) -> Lsn {
    let Some(first) = copied_from else {
        return survey.end.position;
    };
    let passed = survey
        .holes
        .iter()
        .filter(|hole| hole.to <= first)
        .map(|hole| hole.to);
    passed.fold(survey.witness, Lsn::max)
}

/// Tells the visitor of one record of the log.
fn tell<F: DiskFile>(
    found: &Found<F>,
    record: &RecordView<'_>,
    lsn: Lsn,
    visit: Visit<'_>,
) -> Result<(), OpenError> {
    let refuse = |reason| refused(found, record, reason);
    if record.kind == KIND_MOVED {
        let mut fields = Fields(record.bytes);
        while !fields.0.is_empty() {
            let moved = moved(&mut fields).ok_or("its length is wrong");
            let moved = moved.map_err(|reason| refuse(reason.to_owned()))?;
            visit(Entry::Moved(moved)).map_err(refuse)?;
        }
        return Ok(());
    }
    if record.kind > KIND_MAX {
        return Err(refuse("this version does not know it".to_owned()));
    }
    // The length came from 32 bits.
    let len = u32::try_from(record.bytes.len()).unwrap_or(u32::MAX);
    let location = Location { lsn, len };
    let (kind, live, bytes) = (record.kind, record.live, record.bytes);
    visit(Entry::Record {
        kind,
        live,
        bytes,
        location,
    })
    .map_err(refuse)
}

fn moved(fields: &mut Fields<'_>) -> Option<Moved> {
    let (from, to, len) = (fields.lsn()?, fields.lsn()?, fields.u32()?);
    Some(Moved {
        from: Location { lsn: from, len },
        to: Location { lsn: to, len },
    })
}

fn refused<F: DiskFile>(found: &Found<F>, record: &RecordView<'_>, reason: String) -> OpenError {
    OpenError::Refused {
        file: found.name(),
        offset: record.offset.into(),
        kind: record.kind,
        writer: found.header.writer.to_string(),
        reason,
    }
}

/// The segment that a recovery begins.
struct Fresh {
    header: FileHeader,
    /// What comes behind the header: whole frames, padded.
    frames: Vec<u8>,
    /// Where in `frames` the frame that is gathered starts, and how many records it has.
    start: usize,
    count: u32,
    /// Sequence of the frame that is gathered, or of the next.
    sequence: u64,
}

impl Fresh {
    fn new(header: FileHeader) -> Self {
        Self {
            header,
            frames: Vec::new(),
            start: 0,
            count: 0,
            sequence: 1,
        }
    }

    fn begin_frame(&mut self, sequence: u64) {
        self.start = self.frames.len();
        self.count = 0;
        self.sequence = sequence;
        self.frames
            .resize(self.start + FRAME_HEADER_BYTES as usize, 0);
    }

    /// Offset in the file of a place in `frames`; `None` beyond what a file can hold.
    fn offset(&self, place: usize) -> Option<u32> {
        u32::try_from(place).ok()?.checked_add(HEADER_BYTES)
    }

    fn push(&mut self, record: &RecordView<'_>) -> Option<Lsn> {
        let offset = self.offset(self.frames.len())?;
        self.offset(self.frames.len().checked_add(record.bytes.len())?)?;
        let seed = self.header.seed();
        push_record(
            &mut self.frames,
            seed,
            offset,
            record.kind,
            record.live,
            &[record.bytes],
        );
        self.count += 1;
        Some(Lsn::new(self.header.number, offset))
    }

    fn end_frame(&mut self, durable: Lsn) -> Option<()> {
        let offset = self.offset(self.start)?;
        let seed = self.header.seed();
        let (head, body) = self
            .frames
            .get_mut(self.start..)?
            .split_at_mut_checked(FRAME_HEADER_BYTES as usize)?;
        let header = FrameHeader {
            length: u32::try_from(body.len()).ok()?,
            sequence: self.sequence,
            durable,
            count: self.count,
            last: false,
            body_sum: seed.sum(offset, body),
        };
        head.copy_from_slice(&header.encode(seed, offset));
        let room = usize::try_from(frame_room(header.length, self.header.align)).ok()?;
        self.frames.resize(self.start + room, 0);
        self.offset(self.frames.len())?;
        self.sequence += 1;
        Some(())
    }

    /// Where the next frame starts.
    fn end(&self) -> Lsn {
        let offset = self.offset(self.frames.len()).unwrap_or(u32::MAX);
        Lsn::new(self.header.number, offset)
    }

    /// Writes it, on a spare if there is one, and gives it its name: the moment at which the new state counts.
    fn publish<D: Disk>(
        &mut self,
        disk: &D,
        spare: Option<&Found<D::File>>,
    ) -> Result<Arc<D::File>, OpenError> {
        let needed = u64::from(self.end().offset());
        let spare = spare.filter(|_| needed <= self.header.size);
        self.header.size = self.header.size.max(needed);
        self.header.durable = self.end();
        self.header.zeroed = spare.is_none();
        let name = temporary_name(self.header.number);
        let io = |doing| OpenError::io(doing, &name);
        let file = if let Some(spare) = spare {
            disk.rename(&spare.name(), &name).map_err(io("rename"))?;
            disk.sync_dir().map_err(OpenError::io("sync", ""))?;
            Arc::clone(&spare.file)
        } else {
            let file = Arc::new(disk.create(&name).map_err(io("create"))?);
            fill_with_zeros(&*file, needed, self.header.size).map_err(io("write"))?;
            file
        };
        file.write_at(HEADER_BYTES.into(), &self.frames)
            .map_err(io("write"))?;
        give_header(disk, &*file, &self.header).map_err(io("finish"))?;
        Ok(file)
    }
}
