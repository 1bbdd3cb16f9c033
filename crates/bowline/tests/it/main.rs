//! The broker as a whole: real sockets on loopback, servers inside the test process, and the
//! program itself where exit codes and words matter.
//!
//! Every server listens on port 0. Nothing waits by sleeping; a read that takes longer than
//! [`client::PATIENCE`] is a failure.

mod bench;
mod cli;
mod client;
mod config;
mod lifecycle;
mod memory;
mod sockets;
mod workers;
