//! Reading files of the journal in order: a window over a file, and what stands at a place where a frame may start.
//!
//! Nothing here decides what a fault means; recovery and inspection do.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::format::{
    FRAME_HEADER_BYTES, FileHeader, FrameHeader, HEADER_BYTES, HeaderFault, Seed, file_name,
    frame_room, parse_file_name,
};

const WINDOW_BYTES: usize = 1 << 20;

/// A named file with a sound header.
#[derive(Debug)]
pub(crate) struct Found<F> {
    pub(crate) file: Arc<F>,
    pub(crate) header: FileHeader,
    pub(crate) length: u64,
}

impl<F: DiskFile> Found<F> {
    /// Opens `name` and reads its header.
    pub(crate) fn open<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, OpenError> {
        let file = disk.open(name).map_err(OpenError::io("open", name))?;
        let length = file
            .len()
            .map_err(OpenError::io("read the length of", name))?;
        let damage = |what| Damage {
            file: name.to_owned(),
            offset: 0,
            what,
        };
        if length < u64::from(HEADER_BYTES) {
            return Err(damage("it is too short to have a header").into());
        }
        let mut bytes = vec![0; HEADER_BYTES as usize];
        file.read_at(0, &mut bytes)
            .map_err(OpenError::io("read", name))?;
        let header = match FileHeader::decode(&bytes) {
            Ok(header) => header,
            Err(HeaderFault::Damaged) => return Err(damage("its header does not verify").into()),
            Err(HeaderFault::DamagedWithCopy(_)) => {
                return Err(damage("its header does not verify (the copy behind it does)").into());
            }
            Err(HeaderFault::TooNew {
                version,
                features,
                writer,
            }) => {
                let (file, writer) = (name.to_owned(), writer.to_string());
                return Err(OpenError::TooNew {
                    file,
                    version,
                    features,
                    writer,
                });
            }
        };
        if parse_file_name(name) != Some((header.number, header.class)) {
            return Err(damage("its header belongs to a file of another name").into());
        }
        Ok(Self {
            file: Arc::new(file),
            header,
            length,
        })
    }

    pub(crate) fn name(&self) -> String {
        file_name(self.header.number, self.header.class)
    }

    pub(crate) fn seed(&self) -> Seed {
        self.header.seed()
    }

    pub(crate) fn damage(&self, offset: u64, what: &'static str) -> Damage {
        Damage {
            file: self.name(),
            offset,
            what,
        }
    }

    pub(crate) fn io(&self, doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io {
            doing,
            file: self.name(),
            source,
        }
    }

    /// A window for reading it.
    pub(crate) fn window(&self) -> Window<'_, F> {
        Window::new(&self.file, self.length)
    }
}

/// Reads a file in large pieces and hands out small ones.
pub(crate) struct Window<'f, F> {
    file: &'f F,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// What stands where a frame may start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    /// A frame whose header and body verify.
    Frame(FrameHeader),
    /// A frame whose header verifies and whose body does not.
    Torn(FrameHeader),
    /// No frame of this file in this life.
    Nothing,
}

impl<'f, F: DiskFile> Window<'f, F> {
    pub(crate) fn new(file: &'f F, length: u64) -> Self {
        Self {
            file,
            length,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// The bytes from `offset`, or `None` if the file ends before their end.
    pub(crate) fn bytes(&mut self, offset: u64, count: usize) -> io::Result<Option<&[u8]>> {
        let end = offset.saturating_add(count as u64);
        if end > self.length {
            return Ok(None);
        }
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            let rest = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
            let wanted = count.max(WINDOW_BYTES).min(rest);
            self.start = offset;
            if self.bytes.len() < wanted {
                self.bytes = vec![0; wanted];
            } else {
                self.bytes.truncate(wanted);
            }
            self.file.read_at(offset, &mut self.bytes)?;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..from.saturating_add(count)))
    }

    /// The frame header at `offset`, if it verifies.
    pub(crate) fn frame_header(
        &mut self,
        seed: Seed,
        offset: u64,
    ) -> io::Result<Option<FrameHeader>> {
        let Ok(place) = u32::try_from(offset) else {
            return Ok(None);
        };
        let bytes = self.bytes(offset, FRAME_HEADER_BYTES as usize)?;
        Ok(bytes.and_then(|bytes| FrameHeader::decode(bytes, seed, place)))
    }

    /// What stands at `offset`.
    pub(crate) fn slot(&mut self, seed: Seed, offset: u64) -> io::Result<Slot> {
        let Some(header) = self.frame_header(seed, offset)? else {
            return Ok(Slot::Nothing);
        };
        let Ok(place) = u32::try_from(offset) else {
            return Ok(Slot::Nothing);
        };
        let sound = self
            .body(offset, &header)?
            .is_some_and(|b| seed.sum(place, b) == header.body_sum);
        Ok(if sound {
            Slot::Frame(header)
        } else {
            Slot::Torn(header)
        })
    }

    /// The body of the frame at `offset`.
    pub(crate) fn body(&mut self, offset: u64, header: &FrameHeader) -> io::Result<Option<&[u8]>> {
        self.bytes(
            offset + u64::from(FRAME_HEADER_BYTES),
            header.length as usize,
        )
    }

    /// The first offset from `from` (a multiple of `align`) and before `end` at which a frame header verifies.
    pub(crate) fn next_header(
        &mut self,
        seed: Seed,
        align: u32,
        from: u64,
        end: u64,
    ) -> io::Result<Option<(u64, FrameHeader)>> {
        let mut offset = from;
        while offset < end.min(self.length) {
            if let Some(header) = self.frame_header(seed, offset)? {
                return Ok(Some((offset, header)));
            }
            offset += u64::from(align);
        }
        Ok(None)
    }
}

/// Where the frame behind this one starts.
pub(crate) fn after(offset: u64, header: &FrameHeader, align: u32) -> u64 {
    offset + frame_room(header.length, align)
}
