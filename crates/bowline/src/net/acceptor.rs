//! The acceptor: one thread that accepts, reads up to a whole CONNECT, and hands the connection
//! over to the worker that its Client Identifier belongs to.
//!
//! It never answers: whatever is wrong with a CONNECT, a worker's core says so. It only closes
//! connections that send nothing in time or that there is no room for.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bowline_core::{WorkerId, worker_of};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};

use super::assigned_id::AssignedId;
use super::half_open::{HalfOpens, Opening};
use super::places::{Place, Places};
use crate::server::limits::ShellLimits;
use crate::server::mailbox::{Call, Mailboxes};
use crate::telemetry::flood::{Cause, Floods, Pass};

/// The token of the waker.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Tokens from here on are listeners.
const FIRST_LISTENER: usize = 1 << (usize::BITS - 2);
/// Connections accepted from one listener before the half-open ones get their turn.
const ACCEPTS_PER_TURN: usize = 256;
/// How long accepting rests when the process or the system has no descriptor or memory left.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Readiness events taken from the system at once.
const EVENTS_MAX: usize = 1_024;
/// Bytes read at once.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Reads from one connection before the others get their turn.
const READS_PER_TURN: usize = 4;

/// A connection on its way to its worker.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: TcpStream,
    /// What was read of it: at least its CONNECT, or something that is none.
    pub(crate) unread: Vec<u8>,
    pub(crate) peer: SocketAddr,
    pub(crate) assigned_client_id: AssignedId,
    pub(crate) place: Place,
}

/// What an acceptor is made with.
pub(crate) struct Options {
    /// Knows the waker already.
    pub(crate) poll: Poll,
    pub(crate) listeners: Vec<std::net::TcpListener>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) places: Places,
    pub(crate) limits: ShellLimits,
    /// CONNECT, bytes.
    pub(crate) connect_bytes_max: usize,
    /// The same as the workers'.
    pub(crate) seed: u64,
    /// Set to stop; then wake.
    pub(crate) stop: Arc<AtomicBool>,
}

/// The acceptor.
pub(crate) struct Acceptor {
    poll: Poll,
    listeners: Vec<Listener>,
    half_opens: HalfOpens,
    /// Half-open connections that had their reads of a turn and may have more.
    unfinished: Vec<usize>,
    buffer: Box<[u8]>,
    mailboxes: Arc<Mailboxes>,
    places: Places,
    keep_alive: TcpKeepalive,
    connect_bytes_max: usize,
    seed: u64,
    stop: Arc<AtomicBool>,
    floods: Floods,
}

struct Listener {
    socket: TcpListener,
    /// There may be connections to accept.
    is_ready: bool,
    rests_until: Option<Instant>,
    /// Accepting failed for want of something; said once, until it succeeds again.
    is_short: bool,
}

impl Listener {
    /// Accepting works.
    fn is_well(&mut self) {
        if std::mem::take(&mut self.is_short) {
            tracing::info!("accepting connections again");
        }
    }
}

impl Acceptor {
    /// An acceptor that listens already and has accepted nothing.
    ///
    /// # Errors
    /// The system cannot watch the listeners.
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for (index, socket) in options.listeners.into_iter().enumerate() {
            let mut socket = TcpListener::from_std(socket);
            let token = Token(FIRST_LISTENER + index);
            options
                .poll
                .registry()
                .register(&mut socket, token, Interest::READABLE)?;
            listeners.push(Listener {
                socket,
                is_ready: false,
                rests_until: None,
                is_short: false,
            });
        }
        let limits = &options.limits;
        let keep_alive = TcpKeepalive::new()
            .with_time(Duration::from_secs(limits.tcp_keep_alive_idle_secs.max(1)))
            .with_interval(Duration::from_secs(
                limits.tcp_keep_alive_interval_secs.max(1),
            ))
            .with_retries(limits.tcp_keep_alive_probes_max.max(1));
        Ok(Self {
            half_opens: HalfOpens::new(limits),
            poll: options.poll,
            listeners,
            unfinished: Vec::new(),
            buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            mailboxes: options.mailboxes,
            places: options.places,
            keep_alive,
            connect_bytes_max: options.connect_bytes_max,
            seed: options.seed,
            stop: options.stop,
            floods: Floods::default(),
        })
    }

    /// Runs until it is told to stop. Then the listeners and the half-open connections close.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.stop.load(Ordering::Acquire) {
            let timeout = self.sleep_time();
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("epoll of a descriptor that is ours cannot fail: {error}"),
            }
            let now = Instant::now();
            for key in std::mem::take(&mut self.unfinished) {
                self.read(key);
                self.drop_excess(now);
            }
            for event in &events {
                let token = event.token();
                if token == WAKER {
                    continue;
                }
                match token.0.checked_sub(FIRST_LISTENER) {
                    Some(index) => self.listeners[index].is_ready = true,
                    None => {
                        self.read(token.0);
                        self.drop_excess(now);
                    }
                }
            }
            for index in 0..self.listeners.len() {
                self.accept(index, now);
            }
            self.drop_late(now);
        }
    }

    fn sleep_time(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let next_deadline = self.half_opens.next_deadline();
        let rests = self.listeners.iter().filter(|listener| listener.is_ready);
        let next_accept = rests
            .map(|listener| listener.rests_until.unwrap_or(now))
            .min();
        let unfinished = (!self.unfinished.is_empty()).then_some(now);
        let next = [next_deadline, next_accept, unfinished]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Accepts what waits at a listener.
    fn accept(&mut self, index: usize, now: Instant) {
        let listener = &mut self.listeners[index];
        if !listener.is_ready || listener.rests_until.is_some_and(|until| until > now) {
            return;
        }
        listener.rests_until = None;
        for _ in 0..ACCEPTS_PER_TURN {
            let listener = &mut self.listeners[index];
            match listener.socket.accept() {
                Ok((socket, peer)) => {
                    listener.is_well();
                    self.welcome(socket, peer, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    listener.is_well();
                    listener.is_ready = false;
                    return;
                }
                Err(error) if is_shortage(&error) => {
                    // The connection stays in the kernel's queue; asking again at once would
                    // only burn the processor.
                    listener.rests_until = Some(now + BACK_OFF);
                    if !std::mem::replace(&mut listener.is_short, true) {
                        tracing::error!(%error, "cannot accept connections for now");
                    }
                    return;
                }
                // The connection broke before it was accepted; the next one may be fine.
                Err(error) => tracing::debug!(%error, "a connection was gone before it began"),
            }
        }
    }

    fn welcome(&mut self, mut socket: TcpStream, peer: SocketAddr, now: Instant) {
        let Some(place) = self.places.take() else {
            if let Pass::Line { more } = self.floods.pass(Cause::NoPlace, now) {
                let connections_max = self.places.max();
                tracing::warn!(address = %peer, connections_max, more, "connection closed: all places are taken");
            }
            return;
        };
        // Packets are small and leave in batches already: Nagle's algorithm would only delay.
        let options_set = socket
            .set_nodelay(true)
            .and_then(|()| SockRef::from(&socket).set_tcp_keepalive(&self.keep_alive));
        if let Err(error) = options_set {
            tracing::debug!(address = %peer, %error, "the connection was gone before it began");
            return;
        }
        let token = Token(self.half_opens.next_key());
        match self
            .poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)
        {
            Ok(()) => self.half_opens.add(socket, peer, place, now),
            Err(error) => tracing::warn!(address = %peer, %error, "cannot watch a connection"),
        }
        self.drop_excess(now);
    }

    /// Drops the oldest while too many wait, or hold too much.
    fn drop_excess(&mut self, now: Instant) {
        while let Some(oldest) = self.half_opens.remove_excess() {
            if let Pass::Line { more } = self.floods.pass(Cause::TooManyHalfOpen, now) {
                let address = oldest.peer;
                tracing::warn!(%address, more, "connection closed: too many wait with their CONNECT");
            }
        }
    }

    /// Reads a half-open connection, and hands it over when its CONNECT is there.
    fn read(&mut self, key: usize) {
        for _ in 0..READS_PER_TURN {
            let Some(half_open) = self.half_opens.get_mut(key) else {
                return;
            };
            match half_open.socket.read(&mut self.buffer) {
                Ok(0) => {
                    tracing::debug!(address = %half_open.peer, "closed before its CONNECT");
                    self.half_opens.remove(key);
                    return;
                }
                Ok(count) => {
                    self.half_opens.keep(key, &self.buffer[..count]);
                    if self.hand_over(key) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::debug!(address = %half_open.peer, %error, "failed before its CONNECT");
                    self.half_opens.remove(key);
                    return;
                }
            }
        }
        self.unfinished.push(key);
    }

    /// Hands a connection over if what it sent is enough to know its worker; whether it did.
    fn hand_over(&mut self, key: usize) -> bool {
        let Some(half_open) = self.half_opens.get_mut(key) else {
            return true;
        };
        let opening = Opening::of(&half_open.unread, self.connect_bytes_max);
        if opening == Opening::Incomplete {
            return false;
        }
        let workers = self.mailboxes.workers();
        let assigned_client_id = match AssignedId::random() {
            Ok(id) => id,
            Err(error) => {
                tracing::error!(%error, "connection closed: the system gives no random numbers");
                self.half_opens.remove(key);
                return true;
            }
        };
        let worker = match opening {
            Opening::Incomplete | Opening::Garbage => WorkerId(0),
            Opening::Connect(client_id) => {
                let client_id = client_id.unwrap_or(assigned_client_id.as_str());
                worker_of(client_id.as_bytes(), self.seed, workers)
            }
        };
        let Some(mut half_open) = self.half_opens.remove(key) else {
            return true;
        };
        if let Err(error) = self.poll.registry().deregister(&mut half_open.socket) {
            tracing::warn!(address = %half_open.peer, %error, "cannot hand a connection over");
            return true;
        }
        let arrival = Arrival {
            socket: half_open.socket,
            unread: half_open.unread,
            peer: half_open.peer,
            assigned_client_id,
            place: half_open.place,
        };
        self.mailboxes.call(worker, Call::Open(arrival));
        true
    }

    /// Drops the connections whose CONNECT has not come in time.
    fn drop_late(&mut self, now: Instant) {
        while let Some(half_open) = self.half_opens.remove_expired(now) {
            if let Pass::Line { more } = self.floods.pass(Cause::SlowConnect, now) {
                let address = half_open.peer;
                tracing::info!(%address, more, "connection closed: no CONNECT in time");
            }
        }
    }
}

/// Whether accepting failed for want of something that comes back by itself.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    shortages
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
