//! wip
use crate::disk::DiskFile;
use crate::error::OpenError;
use crate::format::{Fields, KIND_HOLE, Records};
use crate::location::Lsn;
use crate::scan::Found;
use crate::snapshot::each_frame;

/// Damage in the log that somebody accepted: the chain goes on behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hole {
    /// Where the chain breaks.
    pub from: Lsn,
    /// The sequence that is expected there.
    pub from_sequence: u64,
    /// Where it goes on.
    pub to: Lsn,
    /// The sequence of the frame there.
    pub to_sequence: u64,
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
    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            from: fields.lsn()?,
            from_sequence: fields.u64()?,
            to: fields.lsn()?,
            to_sequence: fields.u64()?,
        })
    }
}
