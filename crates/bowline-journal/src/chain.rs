//! The chain of frames that is the log, and the verdict on where it ends: `docs/internals/journal-format.md`, section 5.
//!
//! Reads only. Recovery, `check` and `repair` all stand on [`Survey`], so that they cannot disagree.

use std::collections::BTreeSet;

use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::format::{Class, FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, parse_file_name};
use crate::location::Lsn;
use crate::repair::{Hole, read_holes};
use crate::scan::{Found, Slot, after};
use crate::snapshot::verify_snapshot;

/// The finished files of a store, each kind in ascending order of number.
#[derive(Debug)]
pub(crate) struct Store<F> {
    pub(crate) logs: Vec<Found<F>>,
    pub(crate) colds: Vec<Found<F>>,
    pub(crate) snapshots: Vec<Found<F>>,
    pub(crate) notes: Vec<Found<F>>,
}

impl<F: DiskFile> Store<F> {
    /// Reads the headers of all files; a header that does not verify is damage.
    pub(crate) fn read<D: Disk<File = F>>(disk: &D, names: &[String]) -> Result<Self, OpenError> {
        let mut store = Self {
            logs: vec![],
            colds: vec![],
            snapshots: vec![],
            notes: vec![],
        };
        let named: BTreeSet<(u32, &str)> = names
            .iter()
            .filter_map(|name| Some((parse_file_name(name)?.0, name.as_str())))
            .collect();
        for (_, name) in named {
            store.add(Found::open(disk, name)?);
        }
        store.one_owner()?;
        Ok(store)
    }

    pub(crate) fn add(&mut self, found: Found<F>) {
        match found.header.class {
            Class::Log => self.logs.push(found),
            Class::Cold => self.colds.push(found),
            Class::Snapshot => self.snapshots.push(found),
            Class::RepairNote => self.notes.push(found),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Found<F>> {
        self.logs
            .iter()
            .chain(&self.colds)
            .chain(&self.snapshots)
            .chain(&self.notes)
    }

    pub(crate) fn number_max(&self) -> u32 {
        self.all()
            .map(|found| found.header.number)
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn id(&self) -> Option<[u8; 16]> {
        self.all().next().map(|found| found.header.store)
    }

    pub(crate) fn one_owner(&self) -> Result<(), OpenError> {
        match self
            .all()
            .find(|found| Some(found.header.store) != self.id())
        {
            Some(found) => Err(OpenError::Mixed { file: found.name() }),
            None => Ok(()),
        }
    }
}

/// A log segment as far as it is not void.
#[derive(Debug)]
pub(crate) struct Part<'s, F> {
    pub(crate) found: &'s Found<F>,
    /// Offset at which what counts of it ends.
    pub(crate) end: u64,
}

impl<F> Part<'_, F> {
    pub(crate) fn number(&self) -> u32 {
        self.found.header.number
    }

    fn start(&self) -> Lsn {
        Lsn::new(self.number(), HEADER_BYTES)
    }
}

/// Leaves out what later recoveries made void (section 5, step 2).
fn parts<F>(logs: &[Found<F>]) -> Vec<Part<'_, F>> {
    let mut cut: Option<Lsn> = None;
    let mut parts = Vec::new();
    for found in logs.iter().rev() {
        let length = found.length.min(u64::from(u32::MAX));
        let end = match cut {
            Some(cut) if cut.number() < found.header.number => continue,
            Some(cut) if cut.number() == found.header.number => length.min(cut.offset().into()),
            Some(_) | None => length,
        };
        parts.push(Part { found, end });
        let own = found.header.cut;
        if own != Lsn::ZERO {
            cut = Some(cut.map_or(own, |cut| cut.min(own)));
        }
    }
    parts.reverse();
    parts
}

/// Where the chain ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChainEnd {
    /// Where the next frame would stand, unless it starts the next segment.
    pub(crate) position: Lsn,
    /// The sequence it would have.
    pub(crate) sequence: u64,
    /// Index of the part in which the chain ends.
    pub(crate) part: usize,
    /// The greatest `durable` of the frames in the chain.
    pub(crate) durable: Lsn,
    /// Bytes of the frames in the chain.
    pub(crate) bytes: u64,
    /// Frames in the chain.
    pub(crate) frames: u64,
}

/// A frame header that verifies behind the end of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Behind {
    pub(crate) part: usize,
    pub(crate) offset: u64,
    pub(crate) header: FrameHeader,
    /// Whether its body verifies too.
    pub(crate) sound: bool,
}

/// What is behind the end of the chain and was given up: never acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Name of the file.
    pub file: String,
    /// Byte offset where the tail that was dropped starts.
    pub offset: u64,
    /// How many bytes of it can be told from what was there before (at least).
    pub bytes: u64,
}

/// What is on the disk, and what it means.
#[derive(Debug)]
pub(crate) struct Survey<'s, F> {
    pub(crate) parts: Vec<Part<'s, F>>,
    pub(crate) snapshot: Option<&'s Found<F>>,
    /// Where replay begins, and with which sequence.
    pub(crate) start: Lsn,
    pub(crate) start_sequence: u64,
    pub(crate) end: ChainEnd,
    /// How far the log is known to have been durable.
    pub(crate) witness: Lsn,
    pub(crate) behind: Vec<Behind>,
    pub(crate) holes: Vec<Hole>,
    /// The newest snapshot that does not verify.
    pub(crate) bad_snapshot: Option<Damage>,
}

/// What visits each frame of the chain: the part, the offset, the header, the body.
pub(crate) type VisitFrame<'v, 's, F> =
    &'v mut dyn FnMut(&Part<'s, F>, u32, &FrameHeader, &[u8]) -> Result<(), OpenError>;

impl<'s, F: DiskFile> Survey<'s, F> {
    /// Reads everything from the newest sound snapshot on. `None`: there is nothing, the store is new.
    pub(crate) fn of(store: &'s Store<F>) -> Result<Option<Self>, OpenError> {
        let mut bad_snapshot = None;
        let mut snapshot = None;
        for found in store.snapshots.iter().rev() {
            match verify_snapshot(found) {
                Ok(()) => {
                    snapshot = Some(found);
                    break;
                }
                Err(OpenError::Damaged(damage)) => {
                    bad_snapshot.get_or_insert(damage);
                }
                Err(other) => return Err(other),
            }
        }
        let parts = parts(&store.logs);
        let (start, start_sequence) = match (snapshot, parts.first()) {
            (Some(found), _) => (found.header.replay, found.header.replay_sequence),
            (None, Some(part)) => (part.start(), 1),
            (None, None) => match bad_snapshot {
                Some(damage) => return Err(damage.into()),
                None => return Ok(None),
            },
        };
        let holes = match store.notes.last() {
            Some(found) => read_holes(found)?,
            None => Vec::new(),
        };
        let mut survey = Self {
            parts,
            snapshot,
            start,
            start_sequence,
            end: ChainEnd {
                position: start,
                sequence: start_sequence,
                part: 0,
                durable: Lsn::ZERO,
                bytes: 0,
                frames: 0,
            },
            witness: Lsn::ZERO,
            behind: Vec::new(),
            holes,
            bad_snapshot,
        };
        survey.again(store)?;
        Ok(Some(survey))
    }

    /// Finds the end of the chain and the witness, with the holes as they are now.
    pub(crate) fn again(&mut self, store: &'s Store<F>) -> Result<(), OpenError> {
        self.end = self.walk(&mut |_, _, _, _| Ok(()))?;
        self.behind.clear();
        self.look_behind()?;
        let headers = store.all().map(|found| found.header.durable).max();
        self.witness = self
            .witness
            .max(self.end.durable)
            .max(headers.unwrap_or_default());
        Ok(())
    }

    /// Goes along the chain (section 5, step 4).
    pub(crate) fn walk(&self, visit: VisitFrame<'_, 's, F>) -> Result<ChainEnd, OpenError> {
        let part = self
            .parts
            .iter()
            .position(|part| part.number() == self.start.number());
        let Some(part) = part else {
            return Err(self
                .bad_snapshot
                .clone()
                .unwrap_or_else(|| self.missing())
                .into());
        };
        let mut end = ChainEnd {
            position: self.start,
            sequence: self.start_sequence,
            part,
            durable: Lsn::ZERO,
            bytes: 0,
            frames: 0,
        };
        while self.walk_part(&mut end, visit)? {}
        Ok(end)
    }

    /// Goes along the frames of one part; says whether the chain goes on in another.
    fn walk_part(
        &self,
        end: &mut ChainEnd,
        visit: VisitFrame<'_, 's, F>,
    ) -> Result<bool, OpenError> {
        let Some(part) = self.parts.get(end.part) else {
            return Ok(false);
        };
        let (seed, align) = (part.found.seed(), part.found.header.align);
        let mut window = part.found.window();
        let mut offset = u64::from(end.position.offset());
        while offset < part.end {
            let slot = window.slot(seed, offset).map_err(part.found.io("read"))?;
            let Slot::Frame(header) = slot else { break };
            let next = after(offset, &header, align);
            let (Ok(place), Ok(next)) = (u32::try_from(offset), u32::try_from(next)) else {
                break;
            };
            if header.sequence != end.sequence || u64::from(next) > part.end {
                break;
            }
            let body = window
                .body(offset, &header)
                .map_err(part.found.io("read"))?;
            visit(part, place, &header, body.unwrap_or_default())?;
            end.sequence += 1;
            end.frames += 1;
            end.bytes += u64::from(next - place);
            end.durable = end.durable.max(header.durable);
            end.position = Lsn::new(part.number(), next);
            offset = next.into();
        }
        self.next_part(end)
    }

    /// Whether, and where, the chain goes on when it ends in one part.
    fn next_part(&self, end: &mut ChainEnd) -> Result<bool, OpenError> {
        for (index, next) in self.parts.iter().enumerate().skip(end.part + 1) {
            let cut = next.found.header.cut;
            let goes_on = if cut == Lsn::ZERO {
                let offset = HEADER_BYTES.into();
                let slot = next.found.window().slot(next.found.seed(), offset);
                let slot = slot.map_err(next.found.io("read"))?;
                matches!(slot, Slot::Frame(header) if header.sequence == end.sequence)
            } else {
                cut == end.position
            };
            // A segment in which nothing was ever written may lie between: a chore that failed left it.
            if goes_on {
                end.part = index;
                end.position = next.start();
                return Ok(true);
            }
        }
        let hole = self.holes.iter().find(|hole| {
            hole.from == end.position && hole.from_sequence == end.sequence && hole.to > hole.from
        });
        let Some(hole) = hole else { return Ok(false) };
        let part = self
            .parts
            .iter()
            .position(|part| part.number() == hole.to.number());
        let Some(part) = part else { return Ok(false) };
        end.part = part;
        end.position = hole.to;
        end.sequence = hole.to_sequence;
        Ok(true)
    }

    /// Looks for witnesses behind the end of the chain (section 5, step 5).
    fn look_behind(&mut self) -> Result<(), OpenError> {
        let mut from = u64::from(self.end.position.offset());
        for (index, part) in self.parts.iter().enumerate().skip(self.end.part) {
            let (seed, align) = (part.found.seed(), part.found.header.align);
            let mut window = part.found.window();
            let io = || part.found.io("read");
            while let Some((offset, header)) = window
                .next_header(seed, align, from, part.end)
                .map_err(io())?
            {
                let slot = window.slot(seed, offset).map_err(io())?;
                let sound = matches!(slot, Slot::Frame(_));
                self.witness = self.witness.max(header.durable);
                self.behind.push(Behind {
                    part: index,
                    offset,
                    header,
                    sound,
                });
                from = after(offset, &header, align);
            }
            from = HEADER_BYTES.into();
        }
        Ok(())
    }

    /// Whether everything that was durable can be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.witness <= self.end.position
    }

    /// What is wrong, if something is.
    pub(crate) fn damage(&self) -> Option<Damage> {
        if self.is_whole() {
            return None;
        }
        if let Some(damage) = &self.bad_snapshot {
            return Some(damage.clone());
        }
        let (part, offset) = self.break_place();
        let part = self.parts.get(part)?;
        let what = "a frame that was on stable storage does not verify";
        Some(part.found.damage(offset, what))
    }

    /// The part and offset of the frame that breaks the chain. At the end of a segment it can be there
    /// or at the start of the next: what follows tells.
    pub(crate) fn break_place(&self) -> (usize, u64) {
        let here = (self.end.part, u64::from(self.end.position.offset()));
        match self.behind.first() {
            // The frame itself: its header verifies, its body does not.
            Some(first) if first.header.sequence == self.end.sequence => (first.part, first.offset),
            Some(first) if first.part != self.end.part && first.offset > HEADER_BYTES.into() => {
                (first.part, HEADER_BYTES.into())
            }
            Some(_) | None => here,
        }
    }

    /// The torn tail, if there is one and it left a trace.
    pub(crate) fn dropped(&self) -> Result<Option<Dropped>, OpenError> {
        let Some(part) = self.parts.get(self.end.part) else {
            return Ok(None);
        };
        let start = u64::from(self.end.position.offset());
        if let Some(last) = self
            .behind
            .iter()
            .rfind(|behind| behind.part == self.end.part)
        {
            let end = after(last.offset, &last.header, part.found.header.align);
            let bytes = end.min(part.end).saturating_sub(start);
            return Ok(Some(Dropped {
                file: part.found.name(),
                offset: start,
                bytes,
            }));
        }
        if let Some(first) = self.behind.first() {
            let Some(part) = self.parts.get(first.part) else {
                return Ok(None);
            };
            let bytes = after(first.offset, &first.header, part.found.header.align);
            let offset = HEADER_BYTES.into();
            let bytes = bytes.min(part.end).saturating_sub(offset);
            return Ok(Some(Dropped {
                file: part.found.name(),
                offset,
                bytes,
            }));
        }
        // No header verifies: look for one that nearly does, here and where the next segment starts.
        for (part, start) in [
            (self.end.part, start),
            (self.end.part + 1, HEADER_BYTES.into()),
        ] {
            let Some(part) = self.parts.get(part) else {
                continue;
            };
            let bytes = self.trace(part, start)?;
            if bytes > 0 {
                return Ok(Some(Dropped {
                    file: part.found.name(),
                    offset: start,
                    bytes,
                }));
            }
        }
        Ok(None)
    }

    /// Bytes from `start` on that somebody began to write in this life of the file, as far as can be told.
    fn trace(&self, part: &Part<'_, F>, start: u64) -> Result<u64, OpenError> {
        let mut window = part.found.window();
        let io = || part.found.io("read");
        if part.found.header.zeroed {
            let mut traced = 0;
            let mut offset = start;
            while offset < part.end {
                let count = usize::try_from((part.end - offset).min(4096)).unwrap_or(4096);
                let bytes = window
                    .bytes(offset, count)
                    .map_err(io())?
                    .unwrap_or_default();
                if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                    traced = offset + last as u64 + 1 - start;
                }
                offset += count as u64;
            }
            return Ok(traced);
        }
        let header = window
            .bytes(start, FRAME_HEADER_BYTES as usize)
            .map_err(io())?;
        let length = header
            .and_then(|bytes| FrameHeader::looks_like(bytes, self.end.sequence, self.end.position));
        let rest = part.end.saturating_sub(start);
        Ok(length
            .map_or(0, |length| {
                u64::from(FRAME_HEADER_BYTES) + u64::from(length)
            })
            .min(rest))
    }

    fn missing(&self) -> Damage {
        Damage {
            file: crate::format::file_name(self.start.number(), Class::Log),
            offset: u64::from(self.start.offset()),
            what: "the log segment in which replay begins is missing",
        }
    }
}
