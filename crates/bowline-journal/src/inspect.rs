//! Looking at a journal that is not open: [`check`] says whether it is sound, [`dump`] tells everything that is in it.
//!
//! Both take the lock and change nothing. They stand on the same reading of the chain as opening does.

use std::io;

use crate::chain::{Dropped, Store, Survey};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::format::{Class, HEADER_BYTES, Records, parse_file_name};
use crate::location::{Location, Lsn};
use crate::recovery::lock;
use crate::scan::{Found, Slot, after};

/// One file of a journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub class: Class,
    /// Its length in bytes.
    pub bytes: u64,
    /// Sound frames in it.
    pub frames: u64,
    /// Records in these.
    pub records: u64,
    /// Name and version of the program that wrote it.
    pub writer: String,
}

/// What [`check`] found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// All files that can be read, in ascending order of number.
    pub files: Vec<FileReport>,
    /// Why the journal would not open. [`repair`](crate::repair) gives up what cannot be read.
    pub refusal: Option<Damage>,
    /// Everything that cannot be read, that one included. What is only in old segments does not keep the
    /// journal from opening; reading the records there fails.
    pub damage: Vec<Damage>,
    /// A torn tail that opening would drop: never acknowledged.
    pub dropped: Option<Dropped>,
    /// Position and sequence up to which the log is whole.
    pub end: Option<(Lsn, u64)>,
    /// Unfinished files that opening would delete.
    pub leftovers: Vec<String>,
}

impl Report {
    /// Whether nothing that was acknowledged is lost.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.refusal.is_none() && self.damage.is_empty()
    }
}

/// Reads every byte of a journal and says what is sound and what is not. Changes nothing. Blocks.
///
/// # Errors
/// If somebody uses the journal, the disk fails, or a file is of a later version or another store.
pub fn check<D: Disk>(disk: &D) -> Result<Report, OpenError> {
    let _lock = lock(disk)?;
    let mut report = Report::default();
    let mut store = Store {
        logs: vec![],
        colds: vec![],
        snapshots: vec![],
        notes: vec![],
    };
    for name in sorted_names(disk)? {
        if name.ends_with(".tmp") {
            report.leftovers.push(name);
        } else if parse_file_name(&name).is_some() {
            match Found::open(disk, &name) {
                Ok(found) => store.add(found),
                Err(OpenError::Damaged(damage)) => {
                    report.refusal.get_or_insert_with(|| damage.clone());
                    report.damage.push(damage);
                }
                Err(other) => return Err(other),
            }
        }
    }
    store.one_owner()?;
    let mut witness = None;
    match Survey::of(&store) {
        Ok(None) => {}
        Ok(Some(survey)) => {
            report.refusal = report.refusal.or_else(|| survey.damage());
            report.end = Some((survey.end.position, survey.end.sequence));
            witness = Some(survey.witness);
            if survey.is_whole() {
                report.dropped = survey.dropped()?;
            }
        }
        Err(OpenError::Damaged(damage)) => {
            report.refusal.get_or_insert(damage);
        }
        Err(other) => return Err(other),
    }
    for found in store.all() {
        let file = check_file(found, witness, &mut report.damage)?;
        report.files.push(file);
    }
    report.files.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(refusal) = &report.refusal
        && !report.damage.contains(refusal)
    {
        report.damage.push(refusal.clone());
    }
    Ok(report)
}

/// Reads all frames of one file. Below the witness of the log they must be whole and without a gap.
fn check_file<F: DiskFile>(
    found: &Found<F>,
    witness: Option<Lsn>,
    damage: &mut Vec<Damage>,
) -> Result<FileReport, OpenError> {
    let mut report = FileReport {
        name: found.name(),
        class: found.header.class,
        bytes: found.length,
        frames: 0,
        records: 0,
        writer: found.header.writer.to_string(),
    };
    let is_log = found.header.class == Class::Log;
    // A log segment may end in a torn tail; the other files were synced before they got their names.
    let acknowledged = |offset: u64| {
        let lsn = Lsn::new(
            found.header.number,
            u32::try_from(offset).unwrap_or(u32::MAX),
        );
        !is_log || witness.is_some_and(|witness| lsn < witness)
    };
    let mut expected = None;
    let mut end = u64::from(HEADER_BYTES);
    let mut last = false;
    each_slot(found, &mut |offset, slot, body| {
        let (Slot::Frame(header) | Slot::Torn(header)) = slot else {
            return Ok(());
        };
        let gap = expected.is_some_and(|expected| expected != header.sequence) || offset != end;
        if gap && acknowledged(end) {
            damage.push(found.damage(end, "a frame is missing"));
        }
        if matches!(slot, Slot::Torn(_)) {
            if acknowledged(offset) {
                damage.push(found.damage(offset, "a frame does not verify"));
            }
        } else {
            report.frames += 1;
            let place = u32::try_from(offset).unwrap_or(u32::MAX);
            for record in Records::new(body, place) {
                let sound = record.is_ok_and(|record| record.verifies(found.seed()));
                if !sound {
                    damage.push(found.damage(offset, "a record in a sound frame does not verify"));
                }
                report.records += 1;
            }
        }
        last = header.last;
        expected = Some(header.sequence + 1);
        end = after(offset, &header, found.header.align);
        Ok(())
    })?;
    if !is_log && !last {
        damage.push(found.damage(end, "its end is missing"));
    }
    Ok(report)
}

/// What [`dump`] tells, in order: each file, its frames, their records.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A file begins.
    File {
        /// Its name.
        name: &'a str,
        /// What it is for.
        class: Class,
        /// Its length in bytes.
        bytes: u64,
        /// For a segment begun by a recovery, from where on what was before is void; else zero.
        cut: Lsn,
        /// For a snapshot, where replay begins; else zero.
        replay: Lsn,
    },
    /// A file whose header cannot be used.
    BadFile {
        /// Its name.
        name: &'a str,
        /// Why.
        error: &'a OpenError,
    },
    /// A frame.
    Frame {
        /// Where it starts.
        position: Lsn,
        /// Its sequence.
        sequence: u64,
        /// How far the log was durable when it was written.
        durable: Lsn,
        /// Records in it.
        records: u32,
        /// Bytes of its body.
        bytes: u32,
        /// Whether its body verifies; if not, no records follow.
        sound: bool,
    },
    /// A record; void and dead ones too.
    Record {
        /// Where it is.
        location: Location,
        /// Its kind.
        kind: u8,
        /// Whether it was appended as live.
        live: bool,
        /// Its bytes.
        bytes: &'a [u8],
    },
}

/// Tells everything that is in a journal, sound or not. Changes nothing. Blocks.
///
/// # Errors
/// If somebody uses the journal, the disk fails, or `tell` does.
pub fn dump<D: Disk>(
    disk: &D,
    tell: &mut dyn FnMut(Item<'_>) -> io::Result<()>,
) -> Result<(), OpenError> {
    let _lock = lock(disk)?;
    for name in sorted_names(disk)? {
        let telling = OpenError::io("tell of", &name);
        if parse_file_name(&name).is_none() {
            continue;
        }
        match Found::open(disk, &name) {
            Ok(found) => dump_file(&found, tell)?,
            Err(error) => tell(Item::BadFile {
                name: &name,
                error: &error,
            })
            .map_err(telling)?,
        }
    }
    Ok(())
}

fn dump_file<F: DiskFile>(
    found: &Found<F>,
    tell: &mut dyn FnMut(Item<'_>) -> io::Result<()>,
) -> Result<(), OpenError> {
    let (name, header) = (found.name(), &found.header);
    let (class, bytes) = (header.class, found.length);
    let item = Item::File {
        name: &name,
        class,
        bytes,
        cut: header.cut,
        replay: header.replay,
    };
    tell(item).map_err(found.io("tell of"))?;
    each_slot(found, &mut |offset, slot, body| {
        let sound = matches!(slot, Slot::Frame(_));
        let (Slot::Frame(frame) | Slot::Torn(frame)) = slot else {
            return Ok(());
        };
        let place = u32::try_from(offset).unwrap_or(u32::MAX);
        let item = Item::Frame {
            position: Lsn::new(header.number, place),
            sequence: frame.sequence,
            durable: frame.durable,
            records: frame.count,
            bytes: frame.length,
            sound,
        };
        tell(item).map_err(found.io("tell of"))?;
        for record in Records::new(if sound { body } else { &[] }, place).map_while(Result::ok) {
            let lsn = Lsn::new(header.number, record.offset);
            // The length came from 32 bits.
            let len = u32::try_from(record.bytes.len()).unwrap_or(u32::MAX);
            let (kind, live, bytes) = (record.kind, record.live, record.bytes);
            let item = Item::Record {
                location: Location { lsn, len },
                kind,
                live,
                bytes,
            };
            tell(item).map_err(found.io("tell of"))?;
        }
        Ok(())
    })
}

/// What visits each place of a file at which a frame header verifies: offset, what is there, the body.
pub(crate) type VisitSlot<'v> = &'v mut dyn FnMut(u64, Slot, &[u8]) -> Result<(), OpenError>;

/// Visits all frames of a file, torn ones too, and passes over what is between them.
pub(crate) fn each_slot<F: DiskFile>(
    found: &Found<F>,
    visit: VisitSlot<'_>,
) -> Result<(), OpenError> {
    let (seed, align) = (found.seed(), found.header.align);
    let mut window = found.window();
    let mut offset = u64::from(HEADER_BYTES);
    while let Some((at, header)) = window
        .next_header(seed, align, offset, found.length)
        .map_err(found.io("read"))?
    {
        let slot = window.slot(seed, at).map_err(found.io("read"))?;
        let body = window.body(at, &header).map_err(found.io("read"))?;
        visit(at, slot, body.unwrap_or_default())?;
        offset = after(at, &header, align);
    }
    Ok(())
}

pub(crate) fn sorted_names<D: Disk>(disk: &D) -> Result<Vec<String>, OpenError> {
    let mut names = disk.list().map_err(OpenError::io("list", ""))?;
    names.sort();
    Ok(names)
}
