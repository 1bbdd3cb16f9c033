//! Housekeeping of segments: preparing, recycling, deleting. Off the commit path, one chore at a time, in any thread.
//!
//! A full disk is not fatal here: the journal says [`Space::Low`](crate::Space::Low) and goes on with what it has. Call [`Journal::chore_begin`] after commits, after a
//! snapshot, and now and then (once a second is plenty) while space is low.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, is_full};
use crate::error::Latched;
use crate::format::{Class, FileHeader, HEADER_BYTES, file_name, temporary_name};
use crate::journal::Journal;
use crate::segment::Segment;

const ZEROS_BYTES: usize = 1 << 20;

/// A piece of housekeeping. Must be brought back with [`Journal::chore_done`], whatever happens.
#[derive(Debug)]
#[must_use = "a chore does nothing until it is performed, and blocks others until it is brought back"]
pub struct Chore<D: Disk> {
    disk: Arc<D>,
    work: Work<D::File>,
}

#[derive(Debug)]
enum Work<F> {
    /// Makes a new spare of zeros.
    Prepare {
        header: FileHeader,
        free_bytes_min: u64,
        file: Option<Arc<F>>,
    },
    /// Makes a spare of a segment that is not needed any more.
    Recycle {
        header: FileHeader,
        old: String,
        file: Arc<F>,
        renamed: bool,
    },
    /// Removes a file that is not needed any more.
    Delete { name: String },
}

impl<F> Work<F> {
    /// The names that a failure may leave behind.
    fn names(self) -> Vec<String> {
        match self {
            Self::Prepare { header, .. } => vec![file_name(header.number, header.class)],
            Self::Recycle { header, old, .. } => vec![old, file_name(header.number, header.class)],
            Self::Delete { name } => vec![name],
        }
    }
}

impl<D: Disk> Chore<D> {
    /// Does it. Blocks: writing a segment of zeros takes tens of milliseconds.
    ///
    /// # Errors
    /// From the disk.
    pub fn perform(&mut self) -> io::Result<()> {
        let result = self.work();
        if let Err(error) = &result
            && is_full(error)
        {
            self.clean_up()?;
        }
        result
    }

    fn work(&mut self) -> io::Result<()> {
        let disk = &*self.disk;
        match &mut self.work {
            Work::Prepare {
                header,
                free_bytes_min,
                file,
            } => {
                let wanted = header.size.saturating_add(*free_bytes_min);
                if disk.free_bytes()?.is_some_and(|free| free < wanted) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let made = disk.create(&temporary_name(header.number))?;
                let made = file.insert(Arc::new(made));
                fill_with_zeros(&**made, HEADER_BYTES.into(), header.size)?;
                give_header(disk, &**made, header)
            }
            Work::Recycle {
                header,
                old,
                file,
                renamed,
            } => {
                // First the name, durably: a file with a final name always has its header.
                disk.rename(old, &temporary_name(header.number))?;
                *renamed = true;
                disk.sync_dir()?;
                give_header(disk, &**file, header)
            }
            Work::Delete { name } => match disk.unlink(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            },
        }
    }

    fn clean_up(&self) -> io::Result<()> {
        match &self.work {
            Work::Prepare {
                header,
                file: Some(_),
                ..
            }
            | Work::Recycle {
                header,
                renamed: true,
                ..
            } => match self.disk.unlink(&temporary_name(header.number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            },
            Work::Prepare { .. } | Work::Recycle { .. } | Work::Delete { .. } => Ok(()),
        }
    }
}

/// Writes zeros, so that the file system has nothing left to allocate when records come.
pub(crate) fn fill_with_zeros<F: DiskFile>(file: &F, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut offset = from;
    while offset < to {
        let count = usize::try_from(to - offset)
            .unwrap_or(ZEROS_BYTES)
            .min(ZEROS_BYTES);
        file.write_at(offset, zeros.get(..count).unwrap_or_default())?;
        offset += count as u64;
    }
    Ok(())
}

/// Writes the header and turns the temporary name into the final one, all durably.
pub(crate) fn give_header<D: Disk>(
    disk: &D,
    file: &D::File,
    header: &FileHeader,
) -> io::Result<()> {
    file.write_at(0, &header.encode())?;
    file.sync()?;
    disk.rename(
        &temporary_name(header.number),
        &file_name(header.number, header.class),
    )?;
    disk.sync_dir()
}

impl<D: Disk> Journal<D> {
    /// The next chore, if there is one and none is under way.
    pub fn chore_begin(&mut self) -> Option<Chore<D>> {
        if self.chore_open || self.latched.is_some() {
            return None;
        }
        let work = self.next_work()?;
        self.chore_open = true;
        Some(Chore {
            disk: Arc::clone(&self.disk),
            work,
        })
    }

    fn next_work(&mut self) -> Option<Work<D::File>> {
        if let Some(name) = self.obsolete.pop() {
            return Some(Work::Delete { name });
        }
        let wanted = self.spares.len() < self.options.spares + self.options.reserve;
        let size = u64::from(self.options.segment_bytes);
        let unneeded = self
            .segments
            .values()
            .filter(|segment| self.is_unneeded(segment));
        let fitting =
            |segment: &&Segment<D::File>| segment.class == Class::Log && segment.size == size;
        let (fitting, others): (Vec<_>, Vec<_>) = unneeded.partition(fitting);
        if wanted && let Some(segment) = fitting.first() {
            let (number, old) = (segment.number, segment.name());
            let header = self.spare_header(false)?;
            let file = self.segments.remove(&number)?.file;
            return Some(Work::Recycle {
                header,
                old,
                file,
                renamed: false,
            });
        }
        if let Some(segment) = others.first().or_else(|| fitting.first()) {
            let (number, name) = (segment.number, segment.name());
            self.segments.remove(&number);
            return Some(Work::Delete { name });
        }
        if !wanted {
            return None;
        }
        let used: u64 = self.segments.values().map(|segment| segment.size).sum();
        if used.saturating_add(size) > self.options.bytes_max {
            self.no_room = true;
            return None;
        }
        let header = self.spare_header(true)?;
        let free_bytes_min = self.options.free_bytes_min;
        Some(Work::Prepare {
            header,
            free_bytes_min,
            file: None,
        })
    }

    fn spare_header(&mut self, zeroed: bool) -> Option<FileHeader> {
        let number = self.take_number()?;
        Some(FileHeader {
            zeroed,
            ..self.header(number, Class::Log)
        })
    }

    /// Whether nothing, now or after a crash, reads a segment any more (section 6 of the format).
    fn is_unneeded(&self, segment: &Segment<D::File>) -> bool {
        let number = segment.number;
        let written = number == self.position.number()
            || self.spares.contains(&number)
            || self
                .staged
                .iter()
                .any(|staged| staged.start.number() == number);
        let replayed = match segment.class {
            Class::Log => segment.in_chain && number >= self.snapshot_replay.number(),
            Class::Cold | Class::Snapshot | Class::RepairNote => false,
        };
        let moving = self
            .moving
            .as_ref()
            .is_some_and(|moving| moving.concerns(number));
        !self.claiming
            && segment.live.count == 0
            && segment.retired_before <= self.synced
            && !written
            && !replayed
            && !moving
            // A reading or a commit still holds the file.
            && Arc::strong_count(&segment.file) == 1
    }

    /// Brings a chore back. Says whether it worked out; a full disk is no error.
    ///
    /// # Errors
    /// If the disk failed in another way, the journal latches.
    pub fn chore_done(&mut self, chore: Chore<D>, result: io::Result<()>) -> Result<bool, Latched> {
        self.chore_open = false;
        match result {
            Ok(()) => {}
            Err(error) if is_full(&error) => {
                self.no_room = true;
                // Whatever name it has now, nobody needs it.
                self.obsolete.extend(chore.work.names());
                return Ok(false);
            }
            Err(error) => return Err(self.latch("prepare or remove a segment", &error)),
        }
        let (header, file) = match chore.work {
            Work::Prepare {
                header,
                file: Some(file),
                ..
            }
            | Work::Recycle { header, file, .. } => (header, file),
            Work::Prepare { file: None, .. } | Work::Delete { .. } => return Ok(true),
        };
        self.no_room = false;
        self.spares.push_back(header.number);
        self.segments
            .insert(header.number, Segment::new(file, &header, header.size));
        Ok(true)
    }

    /// Does all chores there are; gives how many worked out. Stops at the first that found no room. Blocks: for programs and tests of one thread.
    ///
    /// # Errors
    /// As [`chore_done`](Self::chore_done).
    pub fn chores(&mut self) -> Result<usize, Latched> {
        let mut done = 0;
        while let Some(mut chore) = self.chore_begin() {
            let result = chore.perform();
            if !self.chore_done(chore, result)? {
                break;
            }
            done += 1;
        }
        Ok(done)
    }
}
