//! The journal against disks that lose, tear, fail and fill up. `world` is a small program that uses the journal as the broker does and
//! a model that knows what it was promised; the other files are histories and faults.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that fails shall stop, and its numbers are small"
)]

mod arbitrary;
mod crash;
mod damage;
mod faults;
mod fixture;
mod flow;
mod space;
mod world;
