//! The sans-IO half of bowline: no clock, files, sockets, threads or randomness.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod client;
