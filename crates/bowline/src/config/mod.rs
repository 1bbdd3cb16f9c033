//! What the broker is told: the values in force, where they come from, and their documentation.
//!
//! [`Config`] holds values. `keys.rs` is the one table of keys; the file is read by it (`load.rs`),
//! errors are explained by it (`problem.rs`), and the reference is written from it
//! (`reference.rs`). Deliberately absent: reload, which comes with its issue; each key already
//! says what it would take.

pub mod directory;
pub mod key;
pub mod keys;
pub mod load;
pub mod problem;
pub mod reference;

use std::path::PathBuf;

use bowline_core::Limits;

use crate::server::limits::ShellLimits;
use crate::telemetry::log::{LogFormat, LogLevel};

/// The port that MQTT has by registration, without TLS.
pub const DEFAULT_PORT: u16 = 1883;

/// Everything a [`crate::server::Server`] is started with. `Default` is what `bowline` alone does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where to listen; none: both loopback addresses at `port`.
    pub listeners: Vec<Listener>,
    /// The port of the loopback addresses; `None`: [`DEFAULT_PORT`]. Without meaning where there
    /// are `listeners`. Only the command line sets it, so it is no key.
    pub port: Option<u16>,
    /// Who may connect.
    pub access: Access,
    /// The bounds of what clients may do.
    pub limits: Limits,
    /// The bounds of sockets, buffers and mailboxes.
    pub shell: ShellLimits,
    /// What an acknowledgement is worth, and where it is kept.
    pub journal: Journal,
    /// The threads.
    pub workers: Workers,
    /// What is said.
    pub log: Log,
}

/// One place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `HOST:PORT`; port 0 lets the system choose. A name may stand for several addresses.
    pub address: String,
}

impl Listener {
    /// A listener at `HOST:PORT`.
    #[must_use]
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }
}

/// Who may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether clients that nobody has authenticated may connect from other machines.
    pub allow_anonymous: bool,
}

/// When an acknowledgement may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the message is on stable storage, or acknowledged by all who wanted it.
    Disk,
    /// When the message was written to the operating system.
    Os,
    /// When the message is in RAM.
    Memory,
}

/// What an acknowledgement is worth, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Where the data lies; `None`: the platform's place for it.
    pub directory: Option<PathBuf>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            durability: Durability::Memory,
            directory: None,
        }
    }
}

/// The threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// How many; `None`: one per processor.
    pub count: Option<usize>,
}

/// What is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// How it looks.
    pub format: LogFormat,
}
