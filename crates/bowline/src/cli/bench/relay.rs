//! A relay that parses nothing: what the machine can do at best.
//!
//! Connections belong together in pairs, in the order in which they come; what one sends is written
//! to the other, as it was read. A broker does the same work and more for one to one, so its rate
//! lies below this one's. One thread, no bounds: it is only ever used by `bench compare`, for a few
//! seconds and by our own clients.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Args;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use super::engine::transport::set_cubic;
use super::failed;
use crate::cli::print;
use crate::net::listener::bind;

/// Copy bytes between pairs of connections
#[derive(Clone, Debug, Args)]
pub(super) struct Relay {
    /// The port; 0 lets the system choose. It is written to stdout
    #[arg(short, long, default_value_t = 0)]
    port: u16,
}

const LISTENER: Token = Token(usize::MAX);

/// What one read takes at most, bytes.
const INBOX_BYTES: usize = 128 * 1024;

impl Relay {
    /// Runs until it is killed.
    pub(super) fn run(&self) -> ExitCode {
        match self.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => failed(&format!("the relay failed: {why}")),
        }
    }

    fn serve(&self) -> io::Result<()> {
        let listener = bind((Ipv4Addr::LOCALHOST, self.port).into())?;
        let port = listener.local_addr()?.port();
        let mut listener = TcpListener::from_std(listener);
        let mut poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        print(&format!("{port}\n"));
        let mut pairs = Pairs {
            ends: Vec::new(),
            inbox: vec![0; INBOX_BYTES],
        };
        let mut events = Events::with_capacity(1_024);
        loop {
            poll.poll(&mut events, None)?;
            for event in &events {
                match event.token() {
                    LISTENER => pairs.accept(&listener, &poll)?,
                    Token(at) => {
                        if event.is_writable() {
                            pairs.write(at, &[]);
                        }
                        pairs.copy(at, event.is_read_closed());
                    }
                }
            }
        }
    }
}

/// The ends of all pairs: an even place and the odd one behind it belong together.
struct Pairs {
    ends: Vec<End>,
    inbox: Vec<u8>,
}

/// One end of a pair.
struct End {
    stream: TcpStream,
    /// What its socket did not take.
    backlog: Vec<u8>,
}

impl Pairs {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            set_cubic(&SockRef::from(&stream));
            let token = Token(self.ends.len());
            poll.registry().register(
                &mut stream,
                token,
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.ends.push(End {
                stream,
                backlog: Vec::new(),
            });
        }
    }

    /// Reads what an end has sent and writes it to the other.
    fn copy(&mut self, from: usize, is_ended: bool) {
        let to = from ^ 1;
        // Who speaks before its partner is there waits in the socket; our clients do not.
        while to < self.ends.len() {
            let mut inbox = std::mem::take(&mut self.inbox);
            let read = self.ends[from].stream.read(&mut inbox).unwrap_or(0);
            self.write(to, &inbox[..read]);
            let is_full = read == inbox.len();
            self.inbox = inbox;
            if read == 0 || !is_full && !is_ended {
                return;
            }
        }
    }

    /// Writes to an end what has waited, and then `bytes`.
    fn write(&mut self, to: usize, bytes: &[u8]) {
        let end = &mut self.ends[to];
        if end.backlog.is_empty() {
            // A connection that is gone takes nothing more; the client's verdict tells.
            let written = match bytes {
                [] => 0,
                _ => end.stream.write(bytes).unwrap_or(0),
            };
            end.backlog.extend_from_slice(&bytes[written..]);
        } else {
            end.backlog.extend_from_slice(bytes);
            let written = end.stream.write(&end.backlog).unwrap_or(0);
            end.backlog.drain(..written);
        }
    }
}
