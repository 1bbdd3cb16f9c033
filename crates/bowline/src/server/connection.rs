//! What the shell keeps for one connection: its socket, the start of a packet, and a few flags.
//!
//! An idle connection holds no buffer here; the core has what it needs to know beyond that.

use std::io::{self, IoSlice, Write};

use bowline_core::Outbound;
use mio::net::TcpStream;

use crate::net::places::Place;

/// Parts of one gathered write.
const PARTS_MAX: usize = 64;

/// One connection of a worker, after its CONNECT has arrived.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    /// Bytes that were read and not consumed: the beginning of a packet, or, with `has_packets`,
    /// whole packets too.
    pub(crate) unread: Vec<u8>,
    /// The socket may have bytes: an edge came, and no read has found it empty since.
    pub(crate) readable: bool,
    /// The peer has closed, or the connection is broken: no more edge will come, so only a read
    /// that returns nothing ends it.
    pub(crate) ending: bool,
    /// `unread` is to be handed in before anything is read.
    pub(crate) has_packets: bool,
    /// Stands in the worker's list of connections to serve.
    pub(crate) queued: bool,
    /// The core asked not to read.
    pub(crate) stopped: bool,
    /// The socket took less than it was given; an edge will come when there is room.
    pub(crate) write_blocked: bool,
    /// Nobody listens any more. What was said before is still read.
    pub(crate) write_broken: bool,
    /// Counted among the open connections until it is dropped.
    _place: Place,
}

/// What became of a flush.
#[derive(Debug)]
pub(crate) enum Flushed {
    /// The socket took everything.
    Whole,
    /// The socket is full.
    Blocked,
    /// The connection is broken.
    Broken(io::Error),
}

impl Connection {
    /// A connection with what was read of it so far.
    pub(crate) fn new(socket: TcpStream, unread: Vec<u8>, place: Place) -> Self {
        Self {
            socket,
            unread,
            readable: false,
            ending: false,
            has_packets: true,
            queued: false,
            stopped: false,
            write_blocked: false,
            write_broken: false,
            _place: place,
        }
    }

    /// Whether serving it now can do anything.
    pub(crate) fn has_work(&self) -> bool {
        !self.stopped && (self.readable || self.has_packets)
    }

    /// Writes what waits: one call to the system, unless there are more parts than fit one.
    pub(crate) fn flush(&mut self, outbound: &mut Outbound) -> Flushed {
        loop {
            match write_once(&mut self.socket, outbound) {
                Ok((written, offered)) => {
                    outbound.take(written);
                    if written < offered {
                        // A short write to a stream socket means that it is full; the kernel has
                        // noted that we want to know when it is not.
                        return Flushed::Blocked;
                    }
                    if outbound.is_empty() {
                        return Flushed::Whole;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flushed::Blocked,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Flushed::Broken(error),
            }
        }
    }
}

/// One write of up to [`PARTS_MAX`] parts: bytes taken and bytes offered.
fn write_once(socket: &mut TcpStream, outbound: &Outbound) -> io::Result<(usize, usize)> {
    let mut parts = outbound.parts();
    let Some(first) = parts.next() else {
        return Ok((0, 0));
    };
    let Some(second) = parts.next() else {
        return socket.write(first).map(|written| (written, first.len()));
    };
    let mut slices = [IoSlice::new(&[]); PARTS_MAX];
    let mut count = 0;
    let mut offered = 0;
    for (slice, part) in slices
        .iter_mut()
        .zip([first, second].into_iter().chain(parts))
    {
        *slice = IoSlice::new(part);
        offered += part.len();
        count += 1;
    }
    socket
        .write_vectored(&slices[..count])
        .map(|written| (written, offered))
}

/// Why a connection ended, in plain words for a log line.
pub(crate) fn cause_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset by the client",
        io::ErrorKind::ConnectionAborted => "connection aborted",
        io::ErrorKind::BrokenPipe => "the client no longer reads",
        io::ErrorKind::TimedOut => "no answer from the client's machine",
        io::ErrorKind::HostUnreachable => "the client's machine is unreachable",
        io::ErrorKind::NetworkUnreachable => "the client's network is unreachable",
        // `ErrorKind` is not ours and has many more; the common ones have their words above.
        _ => "the connection failed",
    }
}

#[cfg(test)]
mod tests;
