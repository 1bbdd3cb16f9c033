//! The command line: one file per subcommand, and what they share.

pub mod connection;
mod exec;
pub mod format;
mod output;
mod properties;
pub mod publish;
mod runtime;
mod signals;
pub mod subscribe;
mod url;
