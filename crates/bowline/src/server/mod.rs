//! The running broker: its threads, from start to a graceful stop.
//!
//! One acceptor and N workers, joined by mailboxes. Each worker is one thread with one broker
//! core; nothing else is shared but the count of open connections. Deliberately absent: signals,
//! configuration files and words on the terminal (`cli`), so that tests and other programs can run
//! a server inside themselves.

mod clock;
mod connection;
mod effects;
pub mod limits;
mod lingering;
mod listen;
pub(crate) mod mailbox;
mod start_error;
mod traffic;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bowline_core::{Commits, Options, WORKERS_MAX, WorkerId};
use mio::{Poll, Waker};

pub use self::mailbox::Report;
pub use self::start_error::StartError;
use crate::config::{Config, Durability};
use crate::net::acceptor::{self, Acceptor};
use crate::net::places::Places;
use clock::Clock;
use mailbox::{Call, Mailboxes};
use worker::Worker;

/// How long a report may take; a worker answers within a turn.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running broker. Stops gracefully when dropped.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    mailboxes: Arc<Mailboxes>,
    places: Places,
    acceptor_stop: Arc<AtomicBool>,
    acceptor_waker: Waker,
    acceptor: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
}

/// A thread of the server ended by a panic: an internal error, and what it held is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl Server {
    /// Starts a broker. When this returns, it listens.
    ///
    /// # Errors
    /// What stands in the way, before anything has been accepted.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_watched(config, || {})
    }

    /// Looks for what would stand in the way of a start, as far as one can know without trying.
    ///
    /// # Errors
    /// As [`Server::start`], but for what only binding shows.
    pub fn check(config: &Config) -> Result<(), StartError> {
        match config.journal.durability {
            Durability::Memory => {}
            Durability::Disk | Durability::Os => return Err(StartError::NoJournal),
        }
        listen::addresses(config).map(drop)
    }

    /// As [`Server::start`]; calls `on_failure` when one of its threads ends by a panic.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_watched(
        config: Config,
        on_failure: impl Fn() + Clone + Send + 'static,
    ) -> Result<Self, StartError> {
        Self::check(&config)?;
        // Before anything is opened: this also raises the limit of descriptors.
        let places = Places::new(config.shell.connections_max);
        let listeners = listen::listen(&config)?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<Vec<_>>>()
            .map_err(StartError::system("ask for the address of a listener"))?;
        let seed = random_seed()?;
        let clock = Clock::start();
        let count = worker_count(&config);

        let mut polls = Vec::with_capacity(count);
        let mut wakers = Vec::with_capacity(count);
        for _ in 0..count {
            let (poll, waker) = poll_with(worker::WAKER)?;
            polls.push(poll);
            wakers.push(waker);
        }
        let mailboxes = Arc::new(Mailboxes::new(wakers, config.shell.mailbox_bytes_max));
        let (poll, acceptor_waker) = poll_with(acceptor::WAKER)?;
        let acceptor_stop = Arc::new(AtomicBool::new(false));
        let acceptor = Acceptor::new(acceptor::Options {
            poll,
            listeners,
            mailboxes: Arc::clone(&mailboxes),
            places: places.clone(),
            limits: config.shell.clone(),
            connect_bytes_max: config.limits.connect_bytes_max,
            seed,
            stop: Arc::clone(&acceptor_stop),
        })
        .map_err(StartError::system("watch the listeners"))?;

        // From here on the server exists: if a thread cannot be started, dropping it stops those
        // that could.
        let mut server = Self {
            addresses,
            mailboxes,
            places,
            acceptor_stop,
            acceptor_waker,
            acceptor: None,
            workers: Vec::with_capacity(count),
        };
        for (index, poll) in polls.into_iter().enumerate() {
            let options = Options {
                limits: config.limits.clone(),
                worker: WorkerId(u8::try_from(index).expect("at most 64 workers")),
                workers: count,
                seed,
                commits: Commits::AtOnce,
            };
            let mailboxes = Arc::clone(&server.mailboxes);
            let limits = config.shell.clone();
            // Made on its own thread: a core keeps to the thread that it lives on.
            let run = move || Worker::new(options, poll, mailboxes, clock, limits).run();
            server
                .workers
                .push(spawn(format!("worker-{index}"), on_failure.clone(), run)?);
        }
        server.acceptor = Some(spawn("acceptor".to_owned(), on_failure, || acceptor.run())?);
        Ok(server)
    }

    /// Where it listens; a port 0 has become the one that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections open now, those that linger or wait for their CONNECT included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.places.taken()
    }

    /// The number of workers.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.mailboxes.workers()
    }

    /// What each worker has counted since the start and what it holds now. Waits for each to
    /// answer.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        let ask = |worker| {
            let (asker, answer) = mpsc::channel();
            self.mailboxes.call(worker, Call::Report(asker));
            // Only a worker that has failed does not answer.
            answer.recv_timeout(REPORT_TIMEOUT).unwrap_or_default()
        };
        self.worker_ids().map(ask).collect()
    }

    /// Stops: accepts nothing more, tells every client, writes what goes, closes, and ends its
    /// threads. Does nothing the second time.
    ///
    /// # Errors
    /// A thread had ended by a panic.
    pub fn stop(&mut self) -> Result<(), Failed> {
        let mut is_whole = true;
        self.acceptor_stop.store(true, Ordering::Release);
        if let Some(acceptor) = self.acceptor.take() {
            if let Err(error) = self.acceptor_waker.wake() {
                tracing::error!(%error, "cannot wake the acceptor");
            }
            is_whole &= acceptor.join().is_ok();
        }
        for worker in self.worker_ids() {
            self.mailboxes.call(worker, Call::Stop);
        }
        for worker in self.workers.drain(..) {
            is_whole &= worker.join().is_ok();
        }
        if is_whole { Ok(()) } else { Err(Failed) }
    }

    fn worker_ids(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..self.mailboxes.workers())
            .map(|index| WorkerId(u8::try_from(index).expect("at most 64 workers")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop() == Err(Failed) {
            tracing::error!("internal error: a thread of the server had failed");
        }
    }
}

/// As many workers as configured, or as there are processors.
fn worker_count(config: &Config) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    config
        .workers
        .count
        .unwrap_or_else(processors)
        .clamp(1, WORKERS_MAX)
}

fn random_seed() -> Result<u64, StartError> {
    getrandom::u64().map_err(|error| StartError::System {
        what: "get random numbers",
        error: io::Error::other(error.to_string()),
    })
}

fn poll_with(token: mio::Token) -> Result<(Poll, Waker), StartError> {
    let poll = Poll::new().map_err(StartError::system("make an epoll instance"))?;
    let waker = Waker::new(poll.registry(), token).map_err(StartError::system("make a waker"))?;
    Ok((poll, waker))
}

/// Starts a thread that reports its own panic.
fn spawn(
    name: String,
    on_failure: impl Fn() + Send + 'static,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let watched = move || {
        let _alarm = Alarm(on_failure);
        run();
    };
    std::thread::Builder::new()
        .name(name)
        .spawn(watched)
        .map_err(StartError::system("start a thread"))
}

/// Tells when its thread panics.
struct Alarm<F: Fn()>(F);

impl<F: Fn()> Drop for Alarm<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
