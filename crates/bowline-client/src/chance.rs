//! The little randomness that a client needs: jitter, a Client Identifier, a first Packet
//! Identifier. Nothing here is a secret, so the standard library's hash seeds are enough.

use std::hash::{BuildHasher, RandomState};

/// 64 bits that differ from call to call and from process to process.
pub(crate) fn bits() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A number from 0 to `bound`, both included.
pub(crate) fn up_to(bound: u64) -> u64 {
    match bound.checked_add(1) {
        Some(count) => bits() % count,
        None => bits(),
    }
}
