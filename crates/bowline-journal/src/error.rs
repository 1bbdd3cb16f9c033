//! What can go wrong, by blame: the disk ([`OpenError::Io`], [`Latched`]), what is on it ([`Damage`]), the caller ([`AppendError::TooLarge`] …).
//!
//! `Display` is one plain line; [`OpenError::hint`] says what to do.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::location::{Location, Lsn};

/// Data that was on stable storage and cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Name of the file.
    pub file: String,
    /// Byte offset in it where reading failed.
    pub offset: u64,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is damaged at offset {}: {}",
            self.file, self.offset, self.what
        )
    }
}

impl Error for Damage {}

/// Why a journal could not be opened. Nothing was changed on the disk that was not finished in a way that
/// the next open understands.
#[derive(Debug)]
pub enum OpenError {
    /// Another process uses the directory.
    Locked,
    /// A call to the disk failed.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file; empty for the directory.
        file: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Acknowledged data is damaged.
    Damaged(Damage),
    /// A file was written by a later version, or with features this one does not have.
    TooNew {
        /// Name of the file.
        file: String,
        /// Its format version.
        version: u16,
        /// Its feature bits.
        features: u32,
        /// Name and version of the program that wrote it.
        writer: String,
    },
    /// Files of two stores are in one directory.
    Mixed {
        /// Name of the first file that does not belong to the store of the others.
        file: String,
    },
    /// The caller does not accept a record.
    Refused {
        /// Name of the file.
        file: String,
        /// Byte offset of the record.
        offset: u64,
        /// Kind of the record.
        kind: u8,
        /// Name and version of the program that wrote it.
        writer: String,
        /// The caller's reason.
        reason: String,
    },
    /// The options make no sense.
    Options(&'static str),
}

impl OpenError {
    pub(crate) fn io(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            file: file.to_owned(),
            source,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Locked => "stop the other process, or give this one a directory of its own",
            Self::Io { .. } => {
                "see that the disk works, has room and that the directory may be written"
            }
            Self::Damaged(_) => {
                "acknowledged data cannot be read; restore the directory, or see with `check` what is lost and give it up with `repair`"
            }
            Self::TooNew { .. } => "start the version that wrote it, or a later one",
            Self::Mixed { .. } => "two stores were copied into one directory; separate them",
            Self::Refused { .. } => "start the version that wrote it, or a later one",
            Self::Options(_) => "correct the options",
        }
    }
}

impl From<Damage> for OpenError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("the journal is in use by another process"),
            Self::Io {
                doing,
                file,
                source,
            } if file.is_empty() => {
                write!(f, "could not {doing} the journal's directory: {source}")
            }
            Self::Io {
                doing,
                file,
                source,
            } => write!(f, "could not {doing} `{file}`: {source}"),
            Self::Damaged(damage) => damage.fmt(f),
            Self::TooNew {
                file,
                version,
                features,
                writer,
            } => write!(
                f,
                "`{file}` was written by {writer} in format {version} with features {features:#x}, which this version cannot read"
            ),
            Self::Mixed { file } => {
                write!(f, "`{file}` belongs to another store than the other files")
            }
            Self::Refused {
                file,
                offset,
                kind,
                writer,
                reason,
            } => write!(
                f,
                "record of kind {kind} in `{file}` at offset {offset}, written by {writer}, is not understood: {reason}"
            ),
            Self::Options(what) => write!(f, "the journal's options make no sense: {what}"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Damaged(damage) => Some(damage),
            Self::Locked
            | Self::TooNew { .. }
            | Self::Mixed { .. }
            | Self::Refused { .. }
            | Self::Options(_) => None,
        }
    }
}

/// The disk failed once: nothing is committed any more, for good. Stop the process; the next open sorts out what
/// is on the disk. Never try the call again: a system may report success for bytes that it gave up.
#[derive(Clone, Debug)]
pub struct Latched {
    cause: Arc<str>,
}

impl Latched {
    pub(crate) fn new(doing: &str, error: &io::Error) -> Self {
        Self {
            cause: format!("could not {doing}: {error}").into(),
        }
    }
}

impl fmt::Display for Latched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal has stopped: {}", self.cause)
    }
}

impl Error for Latched {}

/// Why a record was not taken.
#[derive(Clone, Debug)]
pub enum AppendError {
    /// The disk failed before.
    Latched(Latched),
    /// No prepared segment may be used for this now. Keep the records, and try again after the next chore was done.
    NoRoom,
    /// The records together are greater than a segment can hold.
    TooLarge {
        /// Room that they need in bytes.
        bytes: u64,
        /// Room that there is in bytes.
        max: u64,
    },
    /// The kind is one of the journal's own.
    ReservedKind(u8),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latched(latched) => latched.fmt(f),
            Self::NoRoom => f.write_str("no prepared segment is left for this record"),
            Self::TooLarge { bytes, max } => {
                write!(
                    f,
                    "{bytes} bytes are more than the {max} that fit into a segment"
                )
            }
            Self::ReservedKind(kind) => write!(f, "record kind {kind} belongs to the journal"),
        }
    }
}

impl Error for AppendError {}

/// Why a record could not be read back.
#[derive(Debug)]
pub enum ReadError {
    /// No live record is there: it was retired, or the location is made up.
    NotLive(Location),
    /// It was appended, but is not committed yet.
    NotCommitted(Lsn),
    /// It is not what was written.
    Damaged(Damage),
    /// The disk failed; the journal must hear of it ([`Journal::fail`](crate::Journal::fail)).
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLive(location) => write!(f, "no live record is at {}", location.lsn),
            Self::NotCommitted(lsn) => write!(f, "the record at {lsn} is not committed yet"),
            Self::Damaged(damage) => damage.fmt(f),
            Self::Io(error) => write!(f, "could not read the journal: {error}"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Damaged(damage) => Some(damage),
            Self::NotLive(_) | Self::NotCommitted(_) => None,
        }
    }
}

/// A location at which no live record can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotLive(pub Location);

impl fmt::Display for NotLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no live record can be at {}", self.0.lsn)
    }
}

impl Error for NotLive {}
