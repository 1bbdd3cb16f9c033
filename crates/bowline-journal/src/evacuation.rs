//! Moving survivors out of sparse segments, so that a slow session pins about its own bytes and not a segment for each.
//!
//! The order that keeps it safe: [`Evacuation::step`] copies into a cold file until it is durable; [`Journal::evacuation_copied`] gives the moves;
//! the caller makes *everybody* who holds a location take the new one; then [`Journal::evacuation_adopted`] logs the moves, and when that
//! is durable the old segments are recycled. Until `evacuation_adopted` the old locations work for reading and retiring.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, is_full};
use crate::error::{AppendError, Damage, Latched};
use crate::format::{Class, HEADER_BYTES, KIND_MOVED, Records, Seed};
use crate::journal::Journal;
use crate::location::{Location, Lsn};
use crate::scan::{Slot, Window, after};
use crate::segment::{LiveRecords, Segment};
use crate::snapshot::FileWriter;
use crate::writer::Record;

const MOVES_PER_RECORD: usize = 1000;
const SMALL_COLDS_MERGED: usize = 8;

/// A live record has a new location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Where it was.
    pub from: Location,
    /// Where it is.
    pub to: Location,
}

/// What an evacuation came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// The records that are still live, in ascending order of `from`.
    pub moves: Vec<Moved>,
    /// Live records that could not be read: acknowledged data is damaged. Their segments stay as they are.
    pub damage: Vec<Damage>,
}

/// What the journal remembers of an evacuation under way.
#[derive(Debug)]
pub(crate) struct Moving {
    sources: Vec<u32>,
    destination: u32,
    /// In ascending order of `from`; empty until the copies are durable.
    moves: Vec<Moved>,
    copied: bool,
}

impl Moving {
    pub(crate) fn concerns(&self, number: u32) -> bool {
        self.destination == number || self.sources.contains(&number)
    }

    pub(crate) fn copy_of(&self, location: Location) -> Option<Location> {
        let index = self
            .moves
            .binary_search_by_key(&location, |moved| moved.from)
            .ok()?;
        self.moves.get(index).map(|moved| moved.to)
    }
}

#[derive(Debug)]
struct Source<F> {
    file: Arc<F>,
    number: u32,
    name: String,
    seed: Seed,
    align: u32,
    size: u64,
    live: LiveRecords,
    found: u64,
}

/// An evacuation at work. Must be brought back with [`Journal::evacuation_copied`], whatever happens.
#[derive(Debug)]
#[must_use = "an evacuation blocks others until it is brought back"]
pub struct Evacuation<D: Disk> {
    file: FileWriter<D>,
    made: Option<Arc<D::File>>,
    sources: Vec<Source<D::File>>,
    source: usize,
    offset: u64,
    moves: Vec<Moved>,
    damage: Vec<(u32, Damage)>,
}

impl<D: Disk> Evacuation<D> {
    /// Reads about `bytes` more and copies what is live; true when everything is copied and durable. Blocks.
    ///
    /// # Errors
    /// From the disk.
    pub fn step(&mut self, bytes: u64) -> io::Result<bool> {
        let mut left = bytes;
        while let Some(source) = self.sources.get_mut(self.source) {
            let read = copy_frames(source, self.offset, left, &mut self.file, &mut self.moves)?;
            left = left.saturating_sub(read.bytes);
            self.offset += read.bytes;
            if read.end {
                if source.found < source.live.count {
                    let what = "a live record cannot be read";
                    let damage = Damage {
                        file: source.name.clone(),
                        offset: read.damage_at,
                        what,
                    };
                    self.damage.push((source.number, damage));
                }
                self.source += 1;
                self.offset = HEADER_BYTES.into();
            }
            if left == 0 {
                return Ok(false);
            }
        }
        if !self.moves.is_empty() {
            self.made = Some(self.file.publish()?);
        }
        Ok(true)
    }

    /// Bytes copied so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file.length()
    }
}

/// How far `copy_frames` came.
struct Progress {
    bytes: u64,
    end: bool,
    damage_at: u64,
}

/// Copies the live records of frames from `start` on, until about `bytes` are read or all live ones are found.
fn copy_frames<D: Disk>(
    source: &mut Source<D::File>,
    start: u64,
    bytes: u64,
    file: &mut FileWriter<D>,
    moves: &mut Vec<Moved>,
) -> io::Result<Progress> {
    let mut window = Window::new(&*source.file, source.size);
    let mut progress = Progress {
        bytes: 0,
        end: false,
        damage_at: HEADER_BYTES.into(),
    };
    while progress.bytes < bytes {
        if source.found == source.live.count {
            progress.end = true;
            break;
        }
        let offset = start + progress.bytes;
        let Some((offset, header)) =
            window.next_header(source.seed, source.align, offset, source.size)?
        else {
            progress.end = true;
            break;
        };
        if let (Slot::Frame(header), Ok(place)) =
            (window.slot(source.seed, offset)?, u32::try_from(offset))
        {
            let body = window.body(offset, &header)?.unwrap_or_default();
            for record in Records::new(body, place).map_while(Result::ok) {
                if !record.live || !source.live.contains(record.offset) {
                    continue;
                }
                let to = file.push(record.kind, true, &[record.bytes])?;
                // The length came from 32 bits.
                let len = u32::try_from(record.bytes.len()).unwrap_or(u32::MAX);
                let from = Location {
                    lsn: Lsn::new(source.number, record.offset),
                    len,
                };
                moves.push(Moved {
                    from,
                    to: Location { lsn: to, len },
                });
                source.found += 1;
            }
        } else {
            progress.damage_at = offset;
        }
        progress.bytes = after(offset, &header, source.align) - start;
    }
    Ok(progress)
}

impl<D: Disk> Journal<D> {
    /// Begins an evacuation if the segments take much more than what is live in them: more than twice as much
    /// and four segments. `None` if not, or if one is under way.
    pub fn evacuation_begin(&mut self) -> Option<Evacuation<D>> {
        if self.moving.is_some() || self.latched.is_some() || self.claiming {
            return None;
        }
        let numbers = self.sparse_segments();
        if numbers.is_empty() {
            return None;
        }
        let destination = self.take_number()?;
        let mut sources = Vec::new();
        for number in &numbers {
            let segment = self.segments.get(number)?;
            sources.push(Source {
                file: Arc::clone(&segment.file),
                number: *number,
                name: segment.name(),
                seed: segment.seed,
                align: segment.align,
                size: segment.size,
                live: segment.live.clone(),
                found: 0,
            });
        }
        // Moves come out in ascending order of `from`.
        sources.sort_by_key(|source| source.number);
        self.moving = Some(Moving {
            sources: numbers,
            destination,
            moves: Vec::new(),
            copied: false,
        });
        let header = self.header(destination, Class::Cold);
        Some(Evacuation {
            file: FileWriter::new(Arc::clone(&self.disk), header),
            made: None,
            sources,
            source: 0,
            offset: HEADER_BYTES.into(),
            moves: Vec::new(),
            damage: Vec::new(),
        })
    }

    /// The segments that an evacuation would empty, the sparsest first, as many as make one full cold file.
    fn sparse_segments(&self) -> Vec<u32> {
        let segment_bytes = u64::from(self.options.segment_bytes);
        let behind = |segment: &&Segment<D::File>| match segment.class {
            Class::Log => segment.number < self.snapshot_replay.number(),
            Class::Cold => true,
            Class::Snapshot | Class::RepairNote => false,
        };
        let in_use = self.segments.values().filter(|segment| {
            segment.number != self.position.number() && !self.spares.contains(&segment.number)
        });
        let (used, live) = in_use.fold((0_u64, 0_u64), |(used, live), segment| {
            (used + segment.size, live + segment.live.bytes)
        });
        if used <= 2 * live + 4 * segment_bytes {
            return Vec::new();
        }
        let holding = |segment: &&Segment<D::File>| segment.live.count > 0 && !segment.damaged;
        let mut sparse: Vec<_> = self
            .segments
            .values()
            .filter(behind)
            .filter(holding)
            .filter(|segment| 2 * segment.live.bytes < segment.size)
            .collect();
        if sparse.is_empty() {
            return Vec::new();
        }
        // By share of live bytes, in thousandths.
        sparse.sort_by_key(|segment| segment.live.bytes * 1000 / segment.size.max(1));
        let small = |segment: &&Segment<D::File>| {
            segment.class == Class::Cold
                && segment.size < segment_bytes / 8
                && 2 * segment.live.bytes >= segment.size
        };
        let small: Vec<_> = self
            .segments
            .values()
            .filter(holding)
            .filter(small)
            .collect();
        if small.len() >= SMALL_COLDS_MERGED {
            sparse.extend(small);
        }
        let mut bytes = 0;
        let fits = |segment: &&Segment<D::File>| {
            bytes += segment.live.bytes;
            bytes <= segment_bytes
        };
        sparse
            .into_iter()
            .take_while(fits)
            .map(|segment| segment.number)
            .collect()
    }

    /// Takes note of copies that are durable, or of a failure. Each move must now be made known to everybody who holds a
    /// location; then call [`evacuation_adopted`](Self::evacuation_adopted), also when there are no moves.
    ///
    /// # Errors
    /// If the disk failed in another way than being full, the journal latches.
    pub fn evacuation_copied(
        &mut self,
        mut evacuation: Evacuation<D>,
        result: io::Result<()>,
    ) -> Result<Copied, Latched> {
        for (number, _) in &evacuation.damage {
            if let Some(segment) = self.segments.get_mut(number) {
                segment.damaged = true;
            }
        }
        let damage = evacuation
            .damage
            .drain(..)
            .map(|(_, damage)| damage)
            .collect();
        let none = Copied {
            moves: Vec::new(),
            damage,
        };
        match result {
            Ok(()) => {}
            Err(error) if is_full(&error) => {
                self.moving = None;
                self.abandon(&mut evacuation.file)?;
                return Ok(none);
            }
            Err(error) => return Err(self.latch("move records to a cold segment", &error)),
        }
        let Some(file) = evacuation.made.take() else {
            self.moving = None;
            self.abandon(&mut evacuation.file)?;
            return Ok(none);
        };
        let header = &evacuation.file.header;
        let mut cold = Segment::new(file, header, evacuation.file.length());
        cold.retired_before = self.head();
        let mut moves = std::mem::take(&mut evacuation.moves);
        moves.retain(|moved| {
            let source = self.segments.get(&moved.from.lsn.number());
            let live = source.is_some_and(|source| source.live.contains(moved.from.lsn.offset()));
            live && cold.live.insert(moved.to)
        });
        self.segments.insert(cold.number, cold);
        if let Some(moving) = &mut self.moving {
            moving.moves.clone_from(&moves);
            moving.copied = true;
        }
        Ok(Copied { moves, ..none })
    }

    /// Logs the moves: call it when everybody has taken the new locations. The old ones end here.
    ///
    /// # Errors
    /// [`AppendError::NoRoom`]: call it again after the next chore was done.
    pub fn evacuation_adopted(&mut self) -> Result<(), AppendError> {
        let Some(moving) = self.moving.take_if(|moving| moving.copied) else {
            return Ok(());
        };
        if let Err(error) = self.log_moves(&moving) {
            self.moving = Some(moving);
            return Err(error);
        }
        let head = self.head();
        for moved in &moving.moves {
            if let Some(segment) = self.segments.get_mut(&moved.from.lsn.number()) {
                segment.live.remove(moved.from);
                segment.retired_before = segment.retired_before.max(head);
            }
        }
        Ok(())
    }

    fn log_moves(&mut self, moving: &Moving) -> Result<(), AppendError> {
        let mut bytes = Vec::new();
        for moves in moving.moves.chunks(MOVES_PER_RECORD) {
            bytes.clear();
            for moved in moves {
                bytes.extend_from_slice(&moved.from.lsn.to_u64().to_le_bytes());
                bytes.extend_from_slice(&moved.to.lsn.to_u64().to_le_bytes());
                bytes.extend_from_slice(&moved.from.len.to_le_bytes());
            }
            let record = Record {
                kind: KIND_MOVED,
                live: false,
                parts: &[&bytes],
            };
            self.stage_any(&[record], &mut |_| {})?;
        }
        Ok(())
    }
}
