//! The bowline broker as a library: the shell around the sans-IO core, and the command line.
//!
//! [`server::Server`] runs a broker inside any program; the `bowline` binary is [`cli`] over it.
//! This crate is the only one that meets the operating system; it moves bytes and makes no MQTT
//! decision.

pub mod cli;
pub mod config;
mod net;
pub mod server;
pub mod telemetry;
