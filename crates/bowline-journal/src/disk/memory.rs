//! A false disk that keeps what a program sees apart from what a power cut would leave.
//!
//! Each file has two images: *live* (the page cache) and *durable*. A write changes the live image and
//! makes its 512-byte sectors undecided until a sync; names work alike until `sync_dir`. [`MemoryDisk::after_power_cut`]
//! asks for each undecided thing whether it reached the disk, so that any subset can be lost and any write torn at
//! sector boundaries. A sync that fails leaves its sectors undecided for good although later syncs succeed, as Linux
//! does: the pages are marked clean.
//!
//! For tests and the simulator; nothing here is random, the caller decides. Absent: writes that change order
//! between two syncs beyond "old or new", misdirected reads.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// The unit that is lost or kept as a whole.
pub const SECTOR_BYTES: usize = 512;

/// What a call does instead of its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Fails with an input/output error; a write does its first half, a sync marks clean what it did not write.
    Io,
    /// Fails because the disk is full; nothing happens.
    Full,
    /// Does its work (a sync: nothing), then this and every later call fails: the power is gone.
    PowerCut,
}

/// What was asked of a disk so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// All calls, those that failed included.
    pub calls: u64,
    /// Calls of `write_at`.
    pub writes: u64,
    /// Bytes handed to `write_at`.
    pub bytes_written: u64,
    /// Calls of `read_at`.
    pub reads: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of the directory.
    pub directory_syncs: u64,
}

/// A disk in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

/// An open file of a [`MemoryDisk`].
#[derive(Clone, Debug)]
pub struct MemoryFile {
    state: Arc<Mutex<State>>,
    inode: usize,
}

/// The exclusive right to use a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryLock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    undecided_names: Vec<NameChange>,
    faults: BTreeMap<u64, Fault>,
    no_power: bool,
    locked: bool,
    capacity_bytes: Option<u64>,
    counts: Counts,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// Sectors that a failed sync forgot: the system believes that they are clean.
    forgotten: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(String, usize),
    Rename(String, String, usize),
    Remove(String, usize),
}

impl MemoryDisk {
    /// An empty disk without end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the call with this index (counted from 0 over the disk's life) fail. Several may be set.
    pub fn fail_call(&self, index: u64, fault: Fault) {
        self.state().faults.insert(index, fault);
    }

    /// Bounds the bytes of all files together; growing beyond fails as a full disk does. `None`: no bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// What was asked so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// The disk after the process died and the system did not: everything written is there, and what was
    /// undecided still is.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let state = self.state();
        Self::with(State {
            inodes: state.inodes.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            undecided_names: state.undecided_names.clone(),
            capacity_bytes: state.capacity_bytes,
            ..State::default()
        })
    }

    /// The disk after a power cut. `keep` is asked once for each undecided thing, in a fixed order (names, then
    /// file by file its length and its sectors), whether it reached the disk.
    #[must_use]
    pub fn after_power_cut(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let state = self.state();
        let mut names = state.durable_names.clone();
        for change in &state.undecided_names {
            if keep() {
                change.apply(&mut names);
            }
        }
        let mut cut = State {
            capacity_bytes: state.capacity_bytes,
            ..State::default()
        };
        for (name, inode) in names {
            let Some(inode) = state.inodes.get(inode) else {
                continue;
            };
            cut.names.insert(name, cut.inodes.len());
            cut.inodes.push(inode.after_power_cut(keep));
        }
        cut.durable_names = cut.names.clone();
        Self::with(cut)
    }

    /// How many things are undecided now; at most as often is `keep` asked.
    #[must_use]
    pub fn undecided(&self) -> usize {
        let state = self.state();
        let sectors: usize = state.inodes.iter().map(Inode::undecided).sum();
        state.undecided_names.len() + sectors
    }

    /// A copy of a file's live bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = *state.names.get(name)?;
        state.inodes.get(inode).map(|inode| inode.live.clone())
    }

    /// Puts a file there, durably and without counting as a call: for damage and for arbitrary bytes.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let number = state.inodes.len();
        state.inodes.push(Inode {
            live: bytes.clone(),
            durable: bytes,
            ..Inode::default()
        });
        state.names.insert(name.to_owned(), number);
        state.durable_names.insert(name.to_owned(), number);
    }

    /// Takes a file away again, durably and without counting as a call.
    pub fn unput(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    /// The names of all files, in order; not counted as a call.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    fn with(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call and decides how it goes: `Ok(true)` means do the work, then lose power.
    fn call(&mut self) -> Result<bool, (Fault, io::Error)> {
        let index = self.counts.calls;
        self.counts.calls += 1;
        if self.no_power {
            return Err((Fault::PowerCut, io::Error::other("the power is gone")));
        }
        match self.faults.get(&index).copied() {
            None => Ok(false),
            Some(Fault::PowerCut) => {
                self.no_power = true;
                Ok(true)
            }
            Some(Fault::Io) => Err((Fault::Io, io::Error::other("injected input/output error"))),
            Some(Fault::Full) => Err((Fault::Full, io::ErrorKind::StorageFull.into())),
        }
    }

    /// A call that does its work at once or not at all.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.call() {
            Ok(false) => work(self),
            Ok(true) => {
                work(self)?;
                Err(io::Error::other("the power is gone"))
            }
            Err((_, error)) => Err(error),
        }
    }

    fn used_bytes(&self) -> u64 {
        let inodes: BTreeSet<usize> = self.names.values().copied().collect();
        let lengths = inodes.iter().filter_map(|inode| self.inodes.get(*inode));
        lengths.map(|inode| inode.live.len() as u64).sum()
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn inode(&mut self, inode: usize) -> io::Result<&mut Inode> {
        self.inodes
            .get_mut(inode)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.undecided_names.push(change);
    }

    fn write(&mut self, inode: usize, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let used = self.used_bytes();
        let capacity = self.capacity_bytes;
        let file = self.inode(inode)?;
        let end = offset + bytes.len();
        let growth = end.saturating_sub(file.live.len()) as u64;
        if growth > 0 && capacity.is_some_and(|capacity| used + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write(offset, bytes);
        Ok(())
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                if names.get(from) == Some(inode) {
                    names.remove(from);
                }
                names.insert(to.clone(), *inode);
            }
            Self::Remove(name, inode) => {
                if names.get(name) == Some(inode) {
                    names.remove(name);
                }
            }
        }
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        grow(&mut self.live, end);
        if let Some(range) = self.live.get_mut(offset..end) {
            range.copy_from_slice(bytes);
        }
        if !bytes.is_empty() {
            self.dirty
                .extend(offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
        }
    }

    fn sync(&mut self) {
        let sectors = std::mem::take(&mut self.dirty);
        self.durable.truncate(self.live.len());
        grow(&mut self.durable, self.live.len());
        for sector in sectors {
            self.forgotten.remove(&sector);
            copy_sector(&self.live, &mut self.durable, sector);
        }
    }

    fn undecided(&self) -> usize {
        usize::from(self.live.len() != self.durable.len())
            + self.dirty.union(&self.forgotten).count()
    }

    fn after_power_cut(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let mut bytes = self.durable.clone();
        if self.live.len() != self.durable.len() && keep() {
            bytes.truncate(self.live.len());
            grow(&mut bytes, self.live.len());
        }
        for sector in self.dirty.union(&self.forgotten) {
            if keep() {
                copy_sector(&self.live, &mut bytes, *sector);
            }
        }
        Self {
            live: bytes.clone(),
            durable: bytes,
            ..Self::default()
        }
    }
}

/// Lengthens with zeros. (A block at a time: `resize` takes them singly where nothing is optimised.)
fn grow(bytes: &mut Vec<u8>, length: usize) {
    let missing = length.saturating_sub(bytes.len());
    bytes.extend_from_slice(&vec![0; missing]);
}

/// Copies what both images have of a sector.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR_BYTES;
    let end = (start + SECTOR_BYTES).min(from.len()).min(to.len());
    if let (Some(from), Some(to)) = (from.get(start..end), to.get_mut(start..end)) {
        to.copy_from_slice(from);
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;
    type Lock = MemoryLock;

    fn lock(&self) -> io::Result<MemoryLock> {
        let mut state = self.state();
        state.whole(|state| {
            if std::mem::replace(&mut state.locked, true) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        })?;
        Ok(MemoryLock {
            state: Arc::clone(&self.state),
        })
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let inode = self.state().whole(|state| state.find(name))?;
        Ok(MemoryFile {
            state: Arc::clone(&self.state),
            inode,
        })
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let inode = self.state().whole(|state| {
            let inode = state.inodes.len();
            state.inodes.push(Inode::default());
            state.change_name(NameChange::Set(name.to_owned(), inode));
            Ok(inode)
        })?;
        Ok(MemoryFile {
            state: Arc::clone(&self.state),
            inode,
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().whole(|state| {
            let inode = state.find(from)?;
            state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
            Ok(())
        })
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.state().whole(|state| {
            let inode = state.find(name)?;
            state.change_name(NameChange::Remove(name.to_owned(), inode));
            Ok(())
        })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.state()
            .whole(|state| Ok(state.names.keys().cloned().collect()))
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        state.counts.directory_syncs += 1;
        if state.call().map_err(|(_, error)| error)? {
            return Err(io::Error::other("the power is gone"));
        }
        state.durable_names = state.names.clone();
        state.undecided_names.clear();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.state().whole(|state| {
            Ok(state
                .capacity_bytes
                .map(|capacity| capacity.saturating_sub(state.used_bytes())))
        })
    }
}

impl MemoryFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.counts.reads += 1;
        state.whole(|state| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let live = &state.inode(self.inode)?.live;
            let from = live.get(start..start.saturating_add(bytes.len()));
            bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.counts.writes += 1;
        state.counts.bytes_written += bytes.len() as u64;
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        match state.call() {
            Ok(false) => state.write(self.inode, start, bytes),
            Ok(true) => {
                state.write(self.inode, start, bytes)?;
                Err(io::Error::other("the power is gone"))
            }
            Err((Fault::Io, error)) => {
                let half = bytes.len() / 2 / SECTOR_BYTES * SECTOR_BYTES;
                state.write(self.inode, start, bytes.get(..half).unwrap_or_default())?;
                Err(error)
            }
            Err((Fault::Full | Fault::PowerCut, error)) => Err(error),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.counts.syncs += 1;
        match state.call() {
            Ok(false) => {
                state.inode(self.inode)?.sync();
                Ok(())
            }
            Ok(true) => Err(io::Error::other("the power is gone")),
            Err((fault, error)) => {
                if fault == Fault::Io {
                    let inode = state.inode(self.inode)?;
                    let mut dirty = std::mem::take(&mut inode.dirty);
                    inode.forgotten.append(&mut dirty);
                }
                Err(error)
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        self.state()
            .whole(|state| Ok(state.inode(self.inode)?.live.len() as u64))
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .locked = false;
    }
}

#[cfg(test)]
mod tests;
