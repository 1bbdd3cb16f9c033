//! The bytes on disk: file header, frame, record. A translation of `docs/internals/journal-format.md`;
//! section numbers in comments are that page's. Pure functions over byte slices: no files, no state.
//!
//! Decoding never panics, whatever the bytes are.

use crate::location::Lsn;

/// Version of the format that this crate writes, and the greatest that it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes of a file header, and the offset of the first frame.
pub const HEADER_BYTES: u32 = 4096;
/// Bytes of a frame header.
pub(crate) const FRAME_HEADER_BYTES: u32 = 48;
/// A live record starts in a granule of its own.
pub(crate) const GRANULE_BYTES: u32 = 32;
/// The greatest kind that belongs to the caller.
pub const KIND_MAX: u8 = 239;
pub(crate) const KIND_HOLE: u8 = 253;
pub(crate) const KIND_TOTAL: u8 = 254;
pub(crate) const KIND_MOVED: u8 = 255;

const FILE_MAGIC: &[u8; 8] = b"bowlineJ";
const FRAME_MAGIC: &[u8; 4] = b"BWLF";
const HEADER_SECTOR_BYTES: usize = 512;
const HEADER_SUM_AT: usize = 508;
const HEADER_COPY_AT: usize = 2048;
const FLAG_ZEROED: u8 = 1;
const FRAME_FLAG_LAST: u32 = 1;
const RECORD_FLAG_LIVE: u8 = 1;
const RECORD_FLAG_SUM: u8 = 2;
const WRITER_BYTES: usize = 32;

/// What a file is for (section 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// The records, in order.
    Log,
    /// Live records moved out of sparse segments.
    Cold,
    /// What replaces the log before a point.
    Snapshot,
    /// Damage that somebody accepted.
    RepairNote,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Log, Self::Cold, Self::Snapshot, Self::RepairNote];

    const fn code(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Cold => 2,
            Self::Snapshot => 3,
            Self::RepairNote => 4,
        }
    }

    /// The end of such a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Log => "seg",
            Self::Cold => "cold",
            Self::Snapshot => "snap",
            Self::RepairNote => "hole",
        }
    }
}

/// The name of a finished file.
pub(crate) fn file_name(number: u32, class: Class) -> String {
    format!("{number:010}.{}", class.extension())
}

/// The name of a file that is not finished.
pub(crate) fn temporary_name(number: u32) -> String {
    format!("{number:010}.tmp")
}

/// The number and class that a file's name stands for, if it is one of ours.
pub(crate) fn parse_file_name(name: &str) -> Option<(u32, Class)> {
    let (digits, extension) = name.split_once('.')?;
    let class = Class::ALL
        .into_iter()
        .find(|class| class.extension() == extension)?;
    if digits.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, class))
}

/// What all checksums of one file in one life start from (section 2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seed(u32);

impl Seed {
    fn at(self, offset: u32) -> u32 {
        crc32c::crc32c_append(self.0, &offset.to_le_bytes())
    }

    /// The checksum of `bytes` that start at `offset`.
    pub(crate) fn sum(self, offset: u32, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.at(offset), bytes)
    }
}

/// Name and version of the program that wrote a file, at most 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writer([u8; WRITER_BYTES]);

impl Writer {
    /// Keeps as many whole characters of `name` as fit.
    pub(crate) fn new(name: &str) -> Self {
        let mut bytes = [0; WRITER_BYTES];
        let end = (0..=WRITER_BYTES)
            .rev()
            .find(|&end| name.is_char_boundary(end))
            .unwrap_or(0);
        for (to, from) in bytes.iter_mut().zip(name.bytes().take(end.min(name.len()))) {
            *to = from;
        }
        Self(bytes)
    }
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        let text = text.trim_end_matches('\0');
        f.write_str(if text.is_empty() {
            "an unnamed program"
        } else {
            text
        })
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The header of a file (section 2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub(crate) class: Class,
    pub(crate) zeroed: bool,
    pub(crate) align: u32,
    pub(crate) number: u32,
    pub(crate) store: [u8; 16],
    pub(crate) salt: u64,
    pub(crate) size: u64,
    pub(crate) cut: Lsn,
    pub(crate) durable: Lsn,
    pub(crate) covers: Lsn,
    pub(crate) replay: Lsn,
    pub(crate) replay_sequence: u64,
    pub(crate) writer: Writer,
}

/// Why a file header cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum HeaderFault {
    /// Its checksum or its fields do not hold.
    Damaged,
    /// As `Damaged`, but the copy behind it is sound.
    DamagedWithCopy(Box<FileHeader>),
    /// A later version, or features, that this one cannot read.
    TooNew {
        version: u16,
        features: u32,
        writer: Writer,
    },
}

impl FileHeader {
    pub(crate) fn seed(&self) -> Seed {
        let sum = crc32c::crc32c(&self.store);
        let sum = crc32c::crc32c_append(sum, &self.number.to_le_bytes());
        Seed(crc32c::crc32c_append(sum, &self.salt.to_le_bytes()))
    }

    /// All [`HEADER_BYTES`] of it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut sector = Vec::with_capacity(HEADER_BYTES as usize);
        sector.extend_from_slice(FILE_MAGIC);
        sector.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        sector.push(self.class.code());
        sector.push(if self.zeroed { FLAG_ZEROED } else { 0 });
        sector.extend_from_slice(&self.align.to_le_bytes());
        sector.extend_from_slice(&0_u32.to_le_bytes());
        sector.extend_from_slice(&self.number.to_le_bytes());
        sector.extend_from_slice(&self.store);
        sector.extend_from_slice(&self.salt.to_le_bytes());
        sector.extend_from_slice(&self.size.to_le_bytes());
        for lsn in [self.cut, self.durable, self.covers, self.replay] {
            sector.extend_from_slice(&lsn.to_u64().to_le_bytes());
        }
        sector.extend_from_slice(&self.replay_sequence.to_le_bytes());
        sector.extend_from_slice(&self.writer.0);
        sector.resize(HEADER_SUM_AT, 0);
        let sum = crc32c::crc32c(&sector);
        sector.extend_from_slice(&sum.to_le_bytes());
        let copy = sector.clone();
        sector.resize(HEADER_COPY_AT, 0);
        sector.extend_from_slice(&copy);
        sector.resize(HEADER_BYTES as usize, 0);
        sector
    }

    /// Reads a header from the first [`HEADER_BYTES`] of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        match Self::decode_sector(bytes.get(..HEADER_SECTOR_BYTES)) {
            Err(HeaderFault::Damaged) => {
                let copy = bytes.get(HEADER_COPY_AT..HEADER_COPY_AT + HEADER_SECTOR_BYTES);
                match Self::decode_sector(copy) {
                    Ok(header) => Err(HeaderFault::DamagedWithCopy(Box::new(header))),
                    Err(fault) => Err(fault),
                }
            }
            other => other,
        }
    }

    fn decode_sector(sector: Option<&[u8]>) -> Result<Self, HeaderFault> {
        let sector = sector.ok_or(HeaderFault::Damaged)?;
        let mut fields = Fields(sector);
        Self::fields(sector, &mut fields).unwrap_or(Err(HeaderFault::Damaged))
    }

    fn fields(sector: &[u8], fields: &mut Fields<'_>) -> Option<Result<Self, HeaderFault>> {
        if fields.array::<8>()? != *FILE_MAGIC {
            return None;
        }
        let version = fields.u16()?;
        let class = fields.u8()?;
        let flags = fields.u8()?;
        let align = fields.u32()?;
        let features = fields.u32()?;
        let number = fields.u32()?;
        let store = fields.array()?;
        let salt = fields.u64()?;
        let size = fields.u64()?;
        let [cut, durable, covers, replay] =
            [fields.lsn()?, fields.lsn()?, fields.lsn()?, fields.lsn()?];
        let replay_sequence = fields.u64()?;
        let writer = Writer(fields.array()?);
        let sum = Fields(sector.get(HEADER_SUM_AT..)?).u32()?;
        if sum != crc32c::crc32c(sector.get(..HEADER_SUM_AT)?) {
            return None;
        }
        if version != FORMAT_VERSION || features != 0 || flags & !FLAG_ZEROED != 0 {
            return Some(Err(HeaderFault::TooNew {
                version,
                features,
                writer,
            }));
        }
        let class = Class::ALL.into_iter().find(|known| known.code() == class)?;
        if align != 512 && align != 4096 {
            return None;
        }
        let zeroed = flags & FLAG_ZEROED != 0;
        Some(Ok(Self {
            class,
            zeroed,
            align,
            number,
            store,
            salt,
            size,
            cut,
            durable,
            covers,
            replay,
            replay_sequence,
            writer,
        }))
    }
}

/// The header of a frame (section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameHeader {
    pub(crate) length: u32,
    pub(crate) sequence: u64,
    pub(crate) durable: Lsn,
    pub(crate) count: u32,
    pub(crate) last: bool,
    pub(crate) body_sum: u32,
}

impl FrameHeader {
    pub(crate) fn encode(&self, seed: Seed, offset: u32) -> [u8; FRAME_HEADER_BYTES as usize] {
        let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES as usize);
        bytes.extend_from_slice(FRAME_MAGIC);
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.durable.to_u64().to_le_bytes());
        bytes.extend_from_slice(&self.count.to_le_bytes());
        bytes.extend_from_slice(&if self.last { FRAME_FLAG_LAST } else { 0 }.to_le_bytes());
        bytes.extend_from_slice(&self.body_sum.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        let sum = seed.sum(offset, &bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.try_into().expect("the fields above are 48 bytes")
    }

    /// Reads the header at the beginning of `bytes`; `None` if it does not verify.
    pub(crate) fn decode(bytes: &[u8], seed: Seed, offset: u32) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.array::<4>()? != *FRAME_MAGIC {
            return None;
        }
        let length = fields.u32()?;
        let sequence = fields.u64()?;
        let durable = fields.lsn()?;
        let count = fields.u32()?;
        let flags = fields.u32()?;
        let body_sum = fields.u32()?;
        fields.u64()?;
        if fields.u32()? != seed.sum(offset, bytes.get(..44)?) || flags & !FRAME_FLAG_LAST != 0 {
            return None;
        }
        Some(Self {
            length,
            sequence,
            durable,
            count,
            last: flags != 0,
            body_sum,
        })
    }

    /// Whether bytes that do not verify were probably meant to be the frame that is expected here: two
    /// of its three telling fields are right. Only for telling people what was dropped.
    pub(crate) fn looks_like(bytes: &[u8], sequence: u64, durable: Lsn) -> Option<u32> {
        let mut fields = Fields(bytes);
        let magic = fields.array::<4>()? == *FRAME_MAGIC;
        let length = fields.u32()?;
        let signs = [magic, fields.u64()? == sequence, fields.lsn()? == durable];
        (signs.iter().filter(|sign| **sign).count() >= 2).then_some(length)
    }
}

/// Room that a frame with this much body takes, with its header and padding.
pub(crate) fn frame_room(length: u32, align: u32) -> u64 {
    (u64::from(FRAME_HEADER_BYTES) + u64::from(length)).next_multiple_of(u64::from(align))
}

/// Bytes of the header of a record.
pub(crate) const fn record_header_bytes(live: bool) -> u32 {
    if live { 12 } else { 8 }
}

/// Room that a record takes in the body of a frame.
pub(crate) fn record_room(live: bool, length: usize) -> usize {
    let room = record_header_bytes(live) as usize + length;
    if live {
        room.max(GRANULE_BYTES as usize)
    } else {
        room
    }
}

/// Appends a record (section 4) to `body`. `offset` is where in the file the record will start; the bytes
/// are the concatenation of `parts`, whose length must fit in 32 bits.
pub(crate) fn push_record(
    body: &mut Vec<u8>,
    seed: Seed,
    offset: u32,
    kind: u8,
    live: bool,
    parts: &[&[u8]],
) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let room = record_room(live, length);
    let end = body.len() + room;
    body.reserve(room);
    let flags = if live {
        RECORD_FLAG_LIVE | RECORD_FLAG_SUM
    } else {
        0
    };
    let length = u32::try_from(length).expect("the caller has checked the length");
    let mut header = [0; 8];
    for (to, from) in header
        .iter_mut()
        .zip([kind, flags, 0, 0].into_iter().chain(length.to_le_bytes()))
    {
        *to = from;
    }
    body.extend_from_slice(&header);
    if live {
        let mut sum = seed.sum(offset, &header);
        for part in parts {
            sum = crc32c::crc32c_append(sum, part);
        }
        body.extend_from_slice(&sum.to_le_bytes());
    }
    for part in parts {
        body.extend_from_slice(part);
    }
    body.resize(end, 0);
}

/// A record in a body that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordView<'a> {
    pub(crate) kind: u8,
    pub(crate) live: bool,
    /// Offset in the file.
    pub(crate) offset: u32,
    pub(crate) bytes: &'a [u8],
    sum: Option<u32>,
}

/// Why the bytes at some place are no record that this version understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordFault {
    /// Offset in the file.
    pub(crate) offset: u32,
}

impl<'a> RecordView<'a> {
    /// Whether the record's own checksum, if it has one, holds.
    pub(crate) fn verifies(&self, seed: Seed) -> bool {
        let Some(sum) = self.sum else { return true };
        let flags = RECORD_FLAG_SUM | if self.live { RECORD_FLAG_LIVE } else { 0 };
        // The length came from 32 bits.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        let [a, b, c, d] = (self.bytes.len() as u32).to_le_bytes();
        let header = [self.kind, flags, 0, 0, a, b, c, d];
        crc32c::crc32c_append(seed.sum(self.offset, &header), self.bytes) == sum
    }

    /// Reads the record at the beginning of `body`; gives it and the room it takes.
    pub(crate) fn decode(body: &'a [u8], offset: u32) -> Result<(Self, usize), RecordFault> {
        Self::fields(body, offset).ok_or(RecordFault { offset })
    }

    fn fields(body: &'a [u8], offset: u32) -> Option<(Self, usize)> {
        let mut fields = Fields(body);
        let kind = fields.u8()?;
        let flags = fields.u8()?;
        let zeros = fields.u16()?;
        let length = fields.u32()? as usize;
        if flags & !(RECORD_FLAG_LIVE | RECORD_FLAG_SUM) != 0 || zeros != 0 {
            return None;
        }
        let live = flags & RECORD_FLAG_LIVE != 0;
        let sum = if flags & RECORD_FLAG_SUM != 0 {
            Some(fields.u32()?)
        } else {
            None
        };
        if live != sum.is_some() {
            return None;
        }
        let bytes = fields.0.get(..length)?;
        let room = record_room(live, length);
        body.get(..room)?;
        Some((
            Self {
                kind,
                live,
                offset,
                bytes,
                sum,
            },
            room,
        ))
    }
}

/// The records in the body of a frame, in order; ends after the first fault.
pub(crate) struct Records<'a> {
    body: &'a [u8],
    offset: u32,
}

impl<'a> Records<'a> {
    /// `frame_offset` is where in the file the frame starts.
    pub(crate) fn new(body: &'a [u8], frame_offset: u32) -> Self {
        Self {
            body,
            offset: frame_offset.saturating_add(FRAME_HEADER_BYTES),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordView<'a>, RecordFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.body.is_empty() {
            return None;
        }
        let decoded = RecordView::decode(self.body, self.offset);
        match decoded {
            Ok((record, room)) => {
                self.body = self.body.get(room..).unwrap_or_default();
                self.offset = self
                    .offset
                    .saturating_add(u32::try_from(room).unwrap_or(u32::MAX));
                Some(Ok(record))
            }
            Err(fault) => {
                self.body = &[];
                Some(Err(fault))
            }
        }
    }
}

/// Little-endian fields read from the front of a slice.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn lsn(&mut self) -> Option<Lsn> {
        self.u64().map(Lsn::from_u64)
    }
}

#[cfg(test)]
mod tests;
