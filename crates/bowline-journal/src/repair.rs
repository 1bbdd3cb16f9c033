//! Giving up what cannot be read, on request: afterwards the journal opens, and what was lost is said exactly.
//!
//! Sound data is never changed. Damage in the log becomes a *hole* in a repair note, over which the chain goes on; a damaged
//! snapshot is written again without the frames that are lost; a header is restored from its copy; a file whose header is lost is renamed
//! to `….damaged` and left. Absent: guessing. What a lost frame meant only its writer knew.

use std::sync::Arc;

use crate::chain::{Store, Survey};
use crate::disk::{Disk, DiskFile};
use crate::error::{Damage, OpenError};
use crate::format::{
    Class, Fields, FileHeader, HEADER_BYTES, HeaderFault, KIND_HOLE, KIND_TOTAL, Records,
    parse_file_name,
};
use crate::inspect::{each_slot, sorted_names};
use crate::journal::Options;
use crate::location::Lsn;
use crate::recovery::lock;
use crate::scan::{Found, Slot};
use crate::snapshot::{FileWriter, each_frame, verify_snapshot};

/// Damage in the log that somebody accepted: the chain goes on behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hole {
    /// Where the chain breaks.
    pub from: Lsn,
    /// The sequence that is expected there.
    pub from_sequence: u64,
    /// Where it goes on.
    pub to: Lsn,
    /// The sequence of the frame there: those between are lost.
    pub to_sequence: u64,
}

/// One thing that [`repair`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repaired {
    /// A header was written again from its copy. Nothing is lost.
    HeaderRestored {
        /// Name of the file.
        file: String,
    },
    /// A file without a usable header was put aside under another name. All that was only in it is lost.
    FilePutAside {
        /// Its name until now.
        file: String,
    },
    /// Frames of the log are lost: as many commits, the numbers of which are given by the hole.
    FramesLost(Hole),
    /// Parts of the snapshot are lost.
    SnapshotPartsLost {
        /// Name of the damaged snapshot.
        file: String,
        /// Records that it had, if its end says so.
        records: Option<u64>,
        /// Records that could be read.
        kept: u64,
    },
}

/// Gives up what cannot be read, so that the journal opens. Does nothing to a sound one. Blocks.
///
/// # Errors
/// As opening; [`OpenError::Damaged`] where even this cannot help.
pub fn repair<D: Disk>(disk: D, options: &Options) -> Result<Vec<Repaired>, OpenError> {
    options.check().map_err(OpenError::Options)?;
    let _lock = lock(&disk)?;
    let disk = Arc::new(disk);
    let mut done = Vec::new();
    for name in sorted_names(&*disk)? {
        if parse_file_name(&name).is_some() {
            repair_header(&*disk, &name, &mut done)?;
        }
    }
    let store = Store::read(&*disk, &sorted_names(&*disk)?)?;
    let Some(id) = store.id() else {
        return Ok(done);
    };
    let beyond = || OpenError::Options("the store has used up all file numbers");
    let mut number = store.number_max().checked_add(1).ok_or_else(beyond)?;

    // First as it is: an older snapshot and the log may make up for a damaged one.
    let intact = matches!(Survey::of(&store), Ok(Some(survey)) if survey.is_whole());
    if intact {
        return Ok(done);
    }
    if let Some(found) = store.snapshots.last()
        && verify_snapshot(found).is_err()
    {
        done.push(salvage_snapshot(
            &disk,
            found,
            options.header(id, number, Class::Snapshot),
        )?);
        number = number.checked_add(1).ok_or_else(beyond)?;
    }
    let store = Store::read(&*disk, &sorted_names(&*disk)?)?;
    let Some(mut survey) = Survey::of(&store)? else {
        return Ok(done);
    };
    let known = survey.holes.len();
    while !survey.is_whole() {
        let hole = next_hole(&survey)?;
        survey.holes.push(hole);
        survey.again(&store)?;
        done.push(Repaired::FramesLost(hole));
    }
    if survey.holes.len() > known {
        let mut header = options.header(id, number, Class::RepairNote);
        header.durable = survey.witness;
        write_note(&disk, header, &survey.holes)?;
    }
    Ok(done)
}

/// Restores one header from its copy, or puts the file aside.
fn repair_header<D: Disk>(disk: &D, name: &str, done: &mut Vec<Repaired>) -> Result<(), OpenError> {
    let (damage, file) = match Found::open(disk, name) {
        Ok(_) => return Ok(()),
        Err(OpenError::Damaged(damage)) => (
            damage,
            disk.open(name).map_err(OpenError::io("open", name))?,
        ),
        Err(other) => return Err(other),
    };
    let mut bytes = vec![0; HEADER_BYTES as usize];
    let read = file.read_at(0, &mut bytes);
    let copy = match FileHeader::decode(&bytes) {
        Err(HeaderFault::DamagedWithCopy(header)) if read.is_ok() => Some(header),
        Err(_) | Ok(_) => None,
    };
    let named = |header: &FileHeader| parse_file_name(name) == Some((header.number, header.class));
    if let Some(header) = copy.filter(|header| named(header)) {
        file.write_at(0, &header.encode())
            .map_err(OpenError::io("write", name))?;
        file.sync().map_err(OpenError::io("sync", name))?;
        done.push(Repaired::HeaderRestored { file: damage.file });
        return Ok(());
    }
    let aside = format!("{name}.damaged");
    disk.rename(name, &aside)
        .map_err(OpenError::io("rename", name))?;
    disk.sync_dir().map_err(OpenError::io("sync", ""))?;
    done.push(Repaired::FilePutAside { file: damage.file });
    Ok(())
}

/// Writes a damaged snapshot again, without what is lost.
fn salvage_snapshot<D: Disk>(
    disk: &Arc<D>,
    found: &Found<D::File>,
    header: FileHeader,
) -> Result<Repaired, OpenError> {
    let old = &found.header;
    let (covers, replay, replay_sequence) = (old.covers, old.replay, old.replay_sequence);
    let header = FileHeader {
        covers,
        replay,
        replay_sequence,
        durable: old.durable,
        ..header
    };
    let mut writer = FileWriter::new(Arc::clone(disk), header);
    let mut records = None;
    let mut kept: u64 = 0;
    each_slot(found, &mut |offset, slot, body| {
        if !matches!(slot, Slot::Frame(_)) {
            return Ok(());
        }
        let place = u32::try_from(offset).unwrap_or(u32::MAX);
        for record in Records::new(body, place).map_while(Result::ok) {
            if record.kind == KIND_TOTAL {
                records = Fields(record.bytes).u64();
            } else {
                let pushed = writer.push(record.kind, false, &[record.bytes]);
                pushed.map_err(found.io("salvage"))?;
                kept += 1;
            }
        }
        Ok(())
    })?;
    let total = writer.push(KIND_TOTAL, false, &[&kept.to_le_bytes()]);
    total
        .and_then(|_| writer.publish())
        .map_err(found.io("salvage"))?;
    Ok(Repaired::SnapshotPartsLost {
        file: found.name(),
        records,
        kept,
    })
}

/// The hole over which the chain goes on where it breaks now.
fn next_hole<F: DiskFile>(survey: &Survey<'_, F>) -> Result<Hole, OpenError> {
    let (from, from_sequence) = (survey.end.position, survey.end.sequence);
    let hole = |to, to_sequence| Hole {
        from,
        from_sequence,
        to,
        to_sequence,
    };
    for behind in survey.behind.iter().filter(|behind| behind.sound) {
        let Some(part) = survey.parts.get(behind.part) else {
            continue;
        };
        let offset = u32::try_from(behind.offset).unwrap_or(u32::MAX);
        let to = Lsn::new(part.number(), offset);
        if to > from && behind.header.sequence >= from_sequence {
            return Ok(hole(to, behind.header.sequence));
        }
    }
    // Nothing that follows can be read: the log goes on where it was durable, or with the next segment.
    let mut numbers = survey.parts.iter().map(crate::chain::Part::number);
    let witness = survey.witness;
    let to = match numbers.clone().find(|number| *number == witness.number()) {
        Some(_) => Some(witness),
        None => numbers
            .find(|n| *n > witness.number())
            .map(|n| Lsn::new(n, HEADER_BYTES)),
    };
    match to {
        Some(to) if to > from => Ok(hole(to, from_sequence)),
        Some(_) | None => Err(beyond_repair(survey).into()),
    }
}

fn beyond_repair<F: DiskFile>(survey: &Survey<'_, F>) -> Damage {
    survey.damage().unwrap_or_else(|| Damage {
        file: String::new(),
        offset: 0,
        what: "the log cannot be repaired",
    })
}

fn write_note<D: Disk>(disk: &Arc<D>, header: FileHeader, holes: &[Hole]) -> Result<(), OpenError> {
    let name = crate::format::file_name(header.number, header.class);
    let mut writer = FileWriter::new(Arc::clone(disk), header);
    let mut write = || {
        for hole in holes {
            writer.push(KIND_HOLE, false, &[&hole.encode()])?;
        }
        writer.publish()
    };
    write().map(|_| ()).map_err(OpenError::io("write", &name))
}

/// The holes of a repair note.
pub(crate) fn read_holes<F: DiskFile>(found: &Found<F>) -> Result<Vec<Hole>, OpenError> {
    let mut holes = Vec::new();
    each_frame(found, &mut |offset, _, body| {
        for record in Records::new(body, offset) {
            let fault = |offset: u32| found.damage(offset.into(), "a record cannot be understood");
            let record = record.map_err(|record| fault(record.offset))?;
            if record.kind != KIND_HOLE {
                return Err(fault(record.offset).into());
            }
            let mut fields = Fields(record.bytes);
            while !fields.0.is_empty() {
                let hole = Hole::decode(&mut fields).ok_or_else(|| fault(record.offset))?;
                holes.push(hole);
            }
        }
        Ok(())
    })?;
    Ok(holes)
}

impl Hole {
    fn encode(&self) -> Vec<u8> {
        let fields = [
            self.from.to_u64(),
            self.from_sequence,
            self.to.to_u64(),
            self.to_sequence,
        ];
        fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect()
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            from: fields.lsn()?,
            from_sequence: fields.u64()?,
            to: fields.lsn()?,
            to_sequence: fields.u64()?,
        })
    }
}
