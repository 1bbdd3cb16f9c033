//! The codec seen from outside: bytes in, packets out, and back.

mod generator;
mod identity;
mod noise;
mod notation;
mod refused;
mod stream;
mod table;
mod unencodable;
