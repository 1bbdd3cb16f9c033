//! The client against a scripted server on loopback, inside the same process.

mod publishing;
mod receiving;
mod server;
mod staying_connected;
