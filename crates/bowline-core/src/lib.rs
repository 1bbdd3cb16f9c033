//! The sans-IO heart of bowline: one [`Broker`] per worker, and a client.
//!
//! Packets come in, decisions are made, records and effects go out. Time, chance and I/O enter
//! only as inputs; the same inputs give the same output, byte for byte. The shell moves bytes and
//! decides nothing. Deliberately absent: clocks, files, sockets, threads, randomness, logging.
//!
//! The contract with a shell (the worker loop of `bowline`, or the simulator):
//!
//! 1. Tell the core what happened: [`Broker::receive`] for bytes, [`Broker::handle`] for the rest.
//! 2. At the end of a turn empty [`Out`]: write each dirty connection once, hand each staged
//!    batch over once, carry the effects out in order.
//! 3. Call with [`Input::Tick`] when [`Broker::next_timeout`] has come.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod broker;
pub mod client;
mod connection;
mod deadline;
mod effect;
mod egress;
mod event;
mod gate;
mod handover;
mod ids;
mod ingress;
mod input;
mod limits;
mod loading;
mod message;
mod out;
mod outbound;
mod qos;
mod record;
mod retained;
mod routing;
mod session;
mod slab;
mod time;
mod timers;
mod will;

pub use broker::{Broker, Commits, Gauges, Options, Received};
pub use effect::Effect;
pub use event::{Counters, Event, SessionEnd};
pub use handover::Batch;
pub use ids::{ConnectionId, Location, RecordNo, SessionNo, WORKERS_MAX, WorkerId, worker_of};
pub use input::Input;
pub use limits::{Limits, OnFull, ReceiveMaximumExcess, ShareStrategy};
pub use out::Out;
pub use outbound::{Outbound, SHARED_PAYLOAD_BYTES_MIN};
pub use routing::tree::FilterTree;
pub use time::{Instant, Now, WallTime};
