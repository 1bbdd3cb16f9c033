//! Reading live records back by their location, verified. Any number of readings may be under way, on any threads.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, ReadError};
use crate::format::{RecordView, Seed, record_header_bytes};
use crate::journal::Journal;
use crate::location::Location;

/// A record that is to be read. While it exists its segment is not recycled.
#[derive(Debug)]
pub struct Reading<F> {
    file: Arc<F>,
    name: String,
    seed: Seed,
    location: Location,
}

impl<F: DiskFile> Reading<F> {
    /// Reads the record into `buffer`, whose content is replaced, and gives its kind and bytes. Blocks.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if it is not what was written; [`ReadError::Io`] from the disk, which must reach [`Journal::fail`].
    pub fn perform<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<(u8, &'b [u8]), ReadError> {
        let Location { lsn, len } = self.location;
        let damage = || {
            let what = "a live record does not verify";
            let offset = lsn.offset().into();
            ReadError::Damaged(Damage {
                file: self.name.clone(),
                offset,
                what,
            })
        };
        buffer.clear();
        // The padding of a short record is not read: decoding asks for it, so it is made up.
        buffer.resize(crate::format::record_room(true, len as usize), 0);
        let read = (record_header_bytes(true) as usize).saturating_add(len as usize);
        let bytes = buffer.get_mut(..read).ok_or_else(damage)?;
        match self.file.read_at(lsn.offset().into(), bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(damage()),
            Err(error) => return Err(ReadError::Io(error)),
        }
        match RecordView::decode(buffer, lsn.offset()) {
            Ok((record, _)) if record.live && record.bytes.len() == len as usize => {
                if record.verifies(self.seed) {
                    Ok((record.kind, record.bytes))
                } else {
                    Err(damage())
                }
            }
            Ok(_) | Err(_) => Err(damage()),
        }
    }

    /// Where the record is.
    #[must_use]
    pub fn location(&self) -> Location {
        self.location
    }
}

impl<D: Disk> Journal<D> {
    /// Prepares to read a live, committed record.
    ///
    /// # Errors
    /// If it is not live or not committed. The journal may be latched: what is on the disk can still be read.
    pub fn reading(&self, location: Location) -> Result<Reading<D::File>, ReadError> {
        let not_live = ReadError::NotLive(location);
        let Some(segment) = self.segments.get(&location.lsn.number()) else {
            return Err(not_live);
        };
        if !segment.live.contains(location.lsn.offset()) {
            return Err(not_live);
        }
        if segment.class == crate::format::Class::Log && location.lsn >= self.committed {
            return Err(ReadError::NotCommitted(location.lsn));
        }
        let (file, name) = (Arc::clone(&segment.file), segment.name());
        Ok(Reading {
            file,
            name,
            seed: segment.seed,
            location,
        })
    }

    /// Reads a live, committed record now; see [`Reading::perform`]. Blocks, and latches if the disk fails.
    ///
    /// # Errors
    /// As [`reading`](Self::reading) and [`Reading::perform`].
    pub fn read<'b>(
        &mut self,
        location: Location,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(u8, &'b [u8]), ReadError> {
        let reading = self.reading(location)?;
        let result = reading.perform(buffer);
        if let Err(ReadError::Io(error)) = &result {
            self.latch("read the journal", error);
        }
        result
    }
}
