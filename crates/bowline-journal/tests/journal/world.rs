//! A program that keeps numbered messages in a journal, and the model of what it was promised.
//!
//! Every record carries the number of its operation. So a recovery can be judged strictly: operations must come back
//! without a gap, in order, none twice, at least as many as were committed; each message that is live then must read back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bowline_journal::{
    AppendError, Commit, Durability, Entry, Journal, Location, Lsn, MemoryDisk, MemoryFile, Moved,
    OpenError, Options, Record, Recovered,
};

pub(crate) const STORE: [u8; 16] = *b"store of a test!";
const PUT: u8 = 1;
const DROP: u8 = 2;
const STATE: u8 = 3;
const HELD: u8 = 4;

/// Small numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Small segments and short frames, so that a short history meets every edge.
pub(crate) fn options(salt: u64) -> Options {
    Options {
        segment_bytes: 16 << 10,
        align_bytes: 512,
        frame_bytes_max: 3 << 10,
        free_bytes_min: 0,
        snapshot_after_bytes: 32 << 10,
        ..Options::new(STORE, salt, "bowline-test 1.2.3")
    }
}

/// The bytes of a message: its number, then filler that no other message has.
pub(crate) fn payload(message: u64, len: usize) -> Vec<u8> {
    let mut chance = Chance(message);
    let mut bytes = message.to_le_bytes().to_vec();
    while bytes.len() < len {
        bytes.extend_from_slice(&chance.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What changed the state, in the order of its numbers (from 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Put { message: u64, len: usize },
    Drop { message: u64 },
}

/// What was asked for and what was promised. Outlives the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) operations: Vec<Operation>,
    /// So many were reported committed.
    pub(crate) committed: usize,
}

impl Model {
    /// The live messages, with their lengths, after so many operations.
    pub(crate) fn live_after(&self, count: usize) -> BTreeMap<u64, usize> {
        let mut live = BTreeMap::new();
        for operation in &self.operations[..count] {
            match operation {
                Operation::Put { message, len } => live.insert(*message, *len),
                Operation::Drop { message } => live.remove(message),
            };
        }
        live
    }
}

/// The running program.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) disk: MemoryDisk,
    pub(crate) journal: Journal<MemoryDisk>,
    pub(crate) model: Model,
    pub(crate) live: BTreeMap<u64, Location>,
    /// Position of each operation that is not committed, by number.
    waiting: BTreeMap<usize, Lsn>,
    pub(crate) recovered: Recovered,
    /// The call that fails, if one does: from then on nothing may become committed.
    pub(crate) fault_call: Option<u64>,
    /// The calls that commits made.
    pub(crate) commit_calls: BTreeSet<u64>,
    /// Messages that evacuations moved.
    pub(crate) moved: usize,
    /// The call with which the evacuation of a history begins.
    pub(crate) evacuation_call: u64,
}

/// What replay rebuilds.
#[derive(Debug, Default)]
struct Rebuilt {
    /// The number of the last operation that the state holds.
    applied: usize,
    /// The number of the last operation that was told.
    told: usize,
    live: BTreeMap<u64, Location>,
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

impl Rebuilt {
    fn entry(&mut self, entry: Entry<'_>) -> Result<(), String> {
        match entry {
            Entry::Snapshot { kind: STATE, bytes } => {
                self.told = number(bytes, 0) as usize;
                self.applied = number(bytes, 8) as usize;
            }
            Entry::Snapshot { kind: HELD, bytes } => {
                let location = Location::from_bytes(bytes[8..].try_into().unwrap());
                assert!(self.live.insert(number(bytes, 0), location).is_none());
            }
            Entry::Record {
                kind,
                bytes,
                location,
                live,
            } if kind == PUT || kind == DROP => {
                let operation = number(bytes, 0) as usize;
                assert_eq!(operation, self.told + 1, "a gap, or told twice");
                self.told = operation;
                if operation <= self.applied {
                    return Ok(());
                }
                self.applied = operation;
                let message = number(bytes, 8);
                assert_eq!(live, kind == PUT);
                if kind == PUT {
                    assert!(self.live.insert(message, location).is_none());
                } else {
                    assert!(self.live.remove(&message).is_some());
                }
            }
            Entry::Moved(Moved { from, to }) => {
                for location in self.live.values_mut().filter(|location| **location == from) {
                    *location = to;
                }
            }
            Entry::Snapshot { kind, .. } | Entry::Record { kind, .. } => {
                return Err(format!("kind {kind} is not one of this program"));
            }
        }
        Ok(())
    }
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        Self::open(MemoryDisk::new(), options, Model::default()).unwrap()
    }

    /// Opens what is on the disk and judges it against the model; then the model goes on from what was there.
    pub(crate) fn open(
        disk: MemoryDisk,
        options: Options,
        mut model: Model,
    ) -> Result<Self, OpenError> {
        let mut rebuilt = Rebuilt::default();
        let (mut journal, recovered) =
            Journal::open(disk.clone(), options, &mut |entry| rebuilt.entry(entry))?;
        assert!(rebuilt.applied >= rebuilt.told || rebuilt.applied == 0);
        assert!(
            rebuilt.applied >= model.committed,
            "committed operations are lost"
        );
        assert!(
            rebuilt.applied <= model.operations.len(),
            "operations from nowhere"
        );
        let live = model.live_after(rebuilt.applied);
        assert!(
            live.keys().eq(rebuilt.live.keys()),
            "another state than the model's"
        );
        model.operations.truncate(rebuilt.applied);
        model.committed = rebuilt.applied;
        for location in rebuilt.live.values() {
            journal.claim(*location).unwrap();
        }
        journal.claims_complete();
        let live = rebuilt.live;
        Ok(Self {
            disk,
            journal,
            model,
            live,
            waiting: BTreeMap::new(),
            recovered,
            fault_call: None,
            commit_calls: BTreeSet::new(),
            moved: 0,
            evacuation_call: 0,
        })
    }

    /// Reads every live message back. Only for those that are committed.
    pub(crate) fn read_all(&mut self) {
        let lengths = self.model.live_after(self.model.operations.len());
        let mut buffer = Vec::new();
        for (message, location) in &self.live {
            let (kind, bytes) = self.journal.read(*location, &mut buffer).unwrap();
            assert_eq!(kind, PUT);
            assert_eq!(number(bytes, 8), *message);
            assert_eq!(bytes[16..], payload(*message, lengths[message]));
        }
    }

    pub(crate) fn put(&mut self, len: usize) -> Result<u64, AppendError> {
        let message = self.model.operations.len() as u64 + 1;
        let payload = payload(message, len.max(8));
        let number = message.to_le_bytes();
        let parts: &[&[u8]] = &[&number, &number, &payload];
        let location = self.journal.append(Record {
            kind: PUT,
            live: true,
            parts,
        })?;
        self.model.operations.push(Operation::Put {
            message,
            len: len.max(8),
        });
        self.waiting
            .insert(self.model.operations.len(), location.lsn);
        self.live.insert(message, location);
        Ok(message)
    }

    pub(crate) fn drop_message(&mut self, message: u64) -> Result<(), AppendError> {
        let number = self.model.operations.len() as u64 + 1;
        let parts: &[&[u8]] = &[&number.to_le_bytes(), &message.to_le_bytes()];
        let location = self.journal.append(Record {
            kind: DROP,
            live: false,
            parts,
        })?;
        self.model.operations.push(Operation::Drop { message });
        self.waiting
            .insert(self.model.operations.len(), location.lsn);
        self.journal
            .retire(self.live.remove(&message).unwrap())
            .unwrap();
        Ok(())
    }

    pub(crate) fn drop_oldest(&mut self) -> Result<(), AppendError> {
        match self.live.keys().next() {
            Some(message) => self.drop_message(*message),
            None => Ok(()),
        }
    }

    /// What may be promised now.
    pub(crate) fn note_committed(&mut self) {
        let before = self.model.committed;
        let committed = self.journal.committed();
        self.waiting.retain(|_, lsn| *lsn >= committed);
        self.model.committed = match self.waiting.keys().next() {
            Some(first) => first - 1,
            None => self.model.operations.len(),
        };
        if self
            .fault_call
            .is_some_and(|call| self.disk.counts().calls > call)
        {
            assert_eq!(self.model.committed, before, "acknowledged after the fault");
        }
    }

    /// One frame to the disk; says whether there was one.
    pub(crate) fn commit_one(&mut self) -> bool {
        let Some(commit) = self.journal.commit_begin() else {
            return false;
        };
        let result = self.perform(&commit);
        let done = self.journal.commit_done(commit, result);
        self.note_committed();
        done.is_ok()
    }

    pub(crate) fn commit(&mut self) {
        while self.commit_one() {}
    }

    pub(crate) fn witness(&mut self) {
        if let Some(commit) = self.journal.witness_begin() {
            let result = self.perform(&commit);
            drop(self.journal.commit_done(commit, result));
        }
        self.note_committed();
    }

    fn perform(&mut self, commit: &Commit<MemoryFile>) -> io::Result<()> {
        let from = self.disk.counts().calls;
        let result = commit.perform();
        self.commit_calls.extend(from..self.disk.counts().calls);
        result
    }

    /// A snapshot with `between` happening after it was begun. Says whether it is in force.
    pub(crate) fn snapshot_around(&mut self, between: impl FnOnce(&mut Self)) -> bool {
        let told = self.model.operations.len() as u64;
        let Some(mut writer) = self.journal.snapshot_begin() else {
            return false;
        };
        between(self);
        let applied = self.model.operations.len() as u64;
        let mut result = writer.write(STATE, &[&told.to_le_bytes(), &applied.to_le_bytes()]);
        for (message, location) in &self.live {
            let parts: &[&[u8]] = &[&message.to_le_bytes(), &location.to_bytes()];
            result = result.and_then(|()| writer.write(HELD, parts));
        }
        let mut rounds = 0;
        while result.is_ok() && !self.journal.snapshot_ready(&mut writer) {
            if self.journal.latched().is_some() {
                return false;
            }
            self.commit();
            self.witness();
            rounds += 1;
            assert!(rounds < 100, "a snapshot that never becomes ready");
        }
        let result = result.and_then(|()| writer.publish());
        self.journal.snapshot_done(writer, result).unwrap_or(false)
    }

    pub(crate) fn snapshot(&mut self) -> bool {
        self.snapshot_around(|_| {})
    }

    /// Moves survivors if that is due; says how many. `between` happens between the copy and the adoption.
    pub(crate) fn evacuate_around(&mut self, between: impl FnOnce(&mut Self)) -> usize {
        let Some(mut evacuation) = self.journal.evacuation_begin() else {
            return 0;
        };
        let result = loop {
            match evacuation.step(4096) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        let Ok(copied) = self.journal.evacuation_copied(evacuation, result) else {
            return 0;
        };
        assert!(copied.damage.is_empty());
        between(self);
        for Moved { from, to } in &copied.moves {
            for location in self.live.values_mut().filter(|location| *location == from) {
                *location = *to;
            }
        }
        drop(self.journal.evacuation_adopted());
        copied.moves.len()
    }

    pub(crate) fn chores(&mut self) {
        drop(self.journal.chores());
    }

    /// One random step.
    pub(crate) fn step(&mut self, chance: &mut Chance) {
        match chance.below(100) {
            0..40 => drop(self.put(chance.below(700) as usize)),
            40..43 => drop(self.put(5000)),
            43..65 => {
                let place = chance.below(self.live.len() as u64 + 1) as usize;
                // Mostly the oldest go, so that segments become sparse and empty.
                let place = if chance.below(4) > 0 {
                    place.min(2)
                } else {
                    place
                };
                if let Some(message) = self.live.keys().nth(place).copied() {
                    drop(self.drop_message(message));
                }
            }
            65..82 => drop(self.commit_one()),
            82..85 => self.witness(),
            85..93 => self.chores(),
            93..96 => {
                let mut inner = chance.clone();
                self.snapshot_around(|world| {
                    for _ in 0..inner.below(4) {
                        world.quiet_step(&mut inner);
                    }
                });
                chance.next();
            }
            _ => {
                let mut inner = chance.clone();
                self.evacuate_around(|world| {
                    for _ in 0..inner.below(4) {
                        world.quiet_step(&mut inner);
                    }
                });
                chance.next();
            }
        }
    }

    /// A step that may happen inside a snapshot or an evacuation.
    fn quiet_step(&mut self, chance: &mut Chance) {
        match chance.below(4) {
            0 => drop(self.put(chance.below(700) as usize)),
            1 => drop(self.drop_oldest()),
            2 => drop(self.commit_one()),
            _ => self.chores(),
        }
    }
}

/// Judges one disk: opens it, reads everything, loses power at once and opens again; what was told must stay told.
pub(crate) fn judge(disk: MemoryDisk, salt: u64, model: &Model) -> World {
    judge_with(disk, &options(salt), model)
}

pub(crate) fn judge_with(disk: MemoryDisk, options: &Options, model: &Model) -> World {
    let mut world = World::open(disk, options.clone(), model.clone()).unwrap();
    world.read_all();
    let again = world.disk.after_power_cut(&mut || false);
    let options = Options {
        salt: options.salt ^ 0x5555,
        ..options.clone()
    };
    let second = World::open(again, options.clone(), world.model.clone()).unwrap();
    assert_eq!(second.model.operations.len(), world.model.operations.len());
    if options.durability == Durability::Disk {
        assert_eq!(
            second.recovered.frames_copied, 0,
            "a recovery leaves nothing unwitnessed"
        );
    }
    world
}
