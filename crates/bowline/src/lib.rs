//! The `bowline` program as a library.

pub mod cli;
