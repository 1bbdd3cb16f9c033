//! Verifying live records where they are, so that rot is found before somebody waits for the message.
//!
//! Opening verifies what it replays; what lies before the snapshot is only read when it is wanted. A scrub reads a segment
//! and verifies what is live in it: before serving, if there is time for it, or slowly beside the work.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::Damage;
use crate::format::{HEADER_BYTES, Records, Seed};
use crate::journal::Journal;
use crate::scan::{Slot, Window, after};
use crate::segment::LiveRecords;

/// A segment that is being verified. While it exists the segment is not recycled; it may be dropped at any time.
#[derive(Debug)]
pub struct Scrub<F> {
    file: Arc<F>,
    number: u32,
    name: String,
    seed: Seed,
    align: u32,
    size: u64,
    live: LiveRecords,
    found: u64,
    offset: u64,
    damage: Option<Damage>,
}

impl<F: DiskFile> Scrub<F> {
    /// Reads about `bytes` more; true when the segment is done. Blocks.
    ///
    /// # Errors
    /// From the disk; the journal must hear of it ([`Journal::fail`]).
    pub fn step(&mut self, bytes: u64) -> io::Result<bool> {
        let mut window = Window::new(&*self.file, self.size);
        let end = self.offset.saturating_add(bytes);
        while self.offset < end {
            if self.found == self.live.count {
                return Ok(true);
            }
            let next = window.next_header(self.seed, self.align, self.offset, self.size)?;
            let Some((offset, header)) = next else {
                // Some live record is in no frame that can be read.
                let at = HEADER_BYTES.into();
                self.note(at, "a frame with live records cannot be found");
                return Ok(true);
            };
            let body = match window.slot(self.seed, offset)? {
                Slot::Frame(header) => window.body(offset, &header)?.unwrap_or_default(),
                Slot::Torn(_) | Slot::Nothing => {
                    self.damage.get_or_insert_with(|| Damage {
                        file: self.name.clone(),
                        offset,
                        what: "a frame does not verify",
                    });
                    &[]
                }
            };
            let place = u32::try_from(offset).unwrap_or(u32::MAX);
            for record in Records::new(body, place).map_while(Result::ok) {
                if record.live && self.live.contains(record.offset) && record.verifies(self.seed) {
                    self.found += 1;
                }
            }
            self.offset = after(offset, &header, self.align);
        }
        Ok(false)
    }

    fn note(&mut self, offset: u64, what: &'static str) {
        let file = self.name.clone();
        self.damage.get_or_insert(Damage { file, offset, what });
    }

    /// The first live record that cannot be read, when the scrub is done. (Damage to records that were retired long ago is no damage.)
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        self.damage
            .as_ref()
            .filter(|_| self.found < self.live.count)
    }

    /// Number of the segment, for the next [`Journal::scrub_begin`].
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl<D: Disk> Journal<D> {
    /// Prepares to verify the first segment with live records whose number is greater than `number`, except the
    /// one that is written. `None` behind the last.
    #[must_use]
    pub fn scrub_begin(&self, number: u32) -> Option<Scrub<D::File>> {
        let behind = self
            .segments
            .range(number.checked_add(1)?..)
            .map(|(_, segment)| segment);
        let mut full = behind.filter(|segment| {
            segment.live.count > 0
                && segment.number != self.position.number()
                && !self
                    .staged
                    .iter()
                    .any(|staged| staged.start.number() == segment.number)
        });
        let segment = full.next()?;
        Some(Scrub {
            file: Arc::clone(&segment.file),
            number: segment.number,
            name: segment.name(),
            seed: segment.seed,
            align: segment.align,
            size: segment.size,
            live: segment.live.clone(),
            found: 0,
            offset: HEADER_BYTES.into(),
            damage: None,
        })
    }
}
