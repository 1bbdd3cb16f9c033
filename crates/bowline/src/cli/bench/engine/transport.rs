//! The way to the broker: a byte stream that does not block.
//!
//! The one place that knows what kind of stream it is; TLS and WebSocket become variants here.
//! Sockets have Nagle's algorithm off and, where the system lets us, cubic congestion control:
//! with BBR, loopback measures pacing timers.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

/// A connection to the broker, perhaps still on its way.
#[derive(Debug)]
pub(super) enum Transport {
    /// Plain TCP.
    Tcp(TcpStream),
}

impl Transport {
    /// Begins to connect, and watches the connection.
    pub(super) fn open(to: SocketAddr, registry: &Registry, token: Token) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        set_cubic(&socket);
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self::Tcp(stream))
    }

    /// Whether it is there; an error if it never will be.
    pub(super) fn is_open(&self) -> io::Result<bool> {
        let Self::Tcp(stream) = self;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads once. `None`: there is nothing now.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Self::Tcp(stream) = self;
        nothing_now(stream.read(buffer))
    }

    /// Writes once; returns how much went.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self::Tcp(stream) = self;
        nothing_now(stream.write(bytes)).map(|written| written.unwrap_or(0))
    }
}

fn nothing_now(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
        || error.kind() == io::ErrorKind::WouldBlock
}

/// The congestion control that our sockets have, if the system tells.
pub(in super::super) fn congestion_control() -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).ok()?;
        set_cubic(&socket);
        let name = socket.tcp_congestion().ok()?;
        let name = name.split(|&byte| byte == 0).next()?;
        String::from_utf8(name.to_vec()).ok()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Sets cubic, if we may.
pub(in super::super) fn set_cubic(socket: &Socket) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_congestion(b"cubic") {
        tracing::debug!(%error, "cubic congestion control is not to be had");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}
