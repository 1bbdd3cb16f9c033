//! What the broker tells people: log lines, from the facts that the core and the shell report.
//!
//! The words live here; the core only knows facts. Deliberately absent: metrics and `$SYS` (they
//! come with their issue and fold the same counters).

pub(crate) mod events;
pub(crate) mod flood;
pub mod log;
mod writer;
