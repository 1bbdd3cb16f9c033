//! The one door to the disk: everything the journal asks of a directory of files.
//!
//! Two of them exist: [`OsDisk`](crate::OsDisk) is a real directory, [`MemoryDisk`](crate::MemoryDisk) a false one that can lose what
//! was not synced, tear, fail and fill up. All calls may block; none is ever retried by the journal.
//! Errors are `std::io::Error`; [`is_full`] tells a full disk, which is not fatal off the commit path, from all others,
//! which are.

use std::{fmt, io};

pub(crate) mod memory;
pub(crate) mod os;

/// A directory of files, without sub-directories.
pub trait Disk {
    /// An open file. It stays usable after it was renamed or its name was removed.
    type File: DiskFile + fmt::Debug;
    /// The exclusive right to use the directory, given back when dropped.
    type Lock: fmt::Debug;

    /// Takes the exclusive right to use the directory, or fails with [`io::ErrorKind::WouldBlock`] if somebody has it.
    fn lock(&self) -> io::Result<Self::Lock>;
    /// Opens an existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Creates an empty file; what had this name before is lost.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Gives a file another name, atomically; what had that name is lost. Durable after [`sync_dir`](Self::sync_dir).
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a name; the bytes go when the last open file on them is closed.
    fn unlink(&self, name: &str) -> io::Result<()>;
    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes all names durable.
    fn sync_dir(&self) -> io::Result<()>;
    /// Bytes that can still be written, or `None` where nobody knows.
    fn free_bytes(&self) -> io::Result<Option<u64>>;
}

/// An open file. Calls take `&self`: reads, and one writer, may come from several threads at once.
pub trait DiskFile {
    /// Fills `bytes` from `offset`; a shorter file is an [`io::ErrorKind::UnexpectedEof`].
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`, growing the file if needed.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content and the length durable (not times or names).
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
}

/// Whether an error says that there is no room, or that a file grew beyond what one can hold (and not that the disk is broken).
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    [StorageFull, QuotaExceeded, FileTooLarge].contains(&error.kind())
}
