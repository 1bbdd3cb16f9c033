//! `bowline serve`: starts the broker, says where and on what terms, and stops it on a signal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, Sender};

use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::options::Options;
use super::{Exit, VERSION, complain, say};
use crate::config::{Config, DEFAULT_PORT};
use crate::server::{Server, StartError};
use crate::telemetry::log::{self, LogFormat};

/// Start the broker
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Serve {
    #[command(flatten)]
    options: Options,
}

const AFTER_HELP: &str = "\
The broker runs in the foreground and logs to stderr. Ctrl-C or SIGTERM stops it gracefully: \
clients are told, and what can still be written is written; a second one stops it at once.

Exit status: 0 stopped, 1 failed, 2 wrong usage, 3 wrong configuration, 4 address in use.";

/// What the main thread waits for.
enum Notice {
    Signal(i32),
    /// A thread of the server ended by a panic.
    Failure,
}

impl Serve {
    /// Runs the broker until it is told to stop.
    pub(crate) fn run(self) -> Exit {
        let config = match self.options.load() {
            Ok(loaded) => loaded.config,
            Err(problems) => {
                for problem in &problems {
                    complain(&problem.to_string(), None);
                }
                return Exit::Configuration;
            }
        };
        // Held to the end: dropping it waits until what was said stands on stderr.
        let _log = match log::start(config.log.format, config.log.level) {
            Ok(log) => log,
            Err(error) => {
                complain(&format!("cannot start a thread: {error}"), None);
                return Exit::Failed;
            }
        };
        let (notices, notice) = mpsc::channel();
        // Before the server: a signal that comes while it starts counts too.
        if let Err(error) = watch_signals(notices.clone()) {
            complain(&format!("cannot watch for signals: {error}"), None);
            return Exit::Failed;
        }
        let on_failure = move || {
            // The main thread no longer listens: it is stopping already.
            drop(notices.send(Notice::Failure));
        };
        match Server::start_watched(config.clone(), on_failure) {
            Ok(server) => {
                announce(&config, &server);
                wait_and_stop(server, &notice)
            }
            Err(error) => {
                complain(&error.to_string(), error.hint().as_deref());
                exit_of(&error)
            }
        }
    }
}

/// How a start that failed ends.
pub(super) const fn exit_of(error: &StartError) -> Exit {
    match error {
        StartError::Address { .. }
        | StartError::NoAddress { .. }
        | StartError::Exposed { .. }
        | StartError::Bind { .. }
        | StartError::NoJournal => Exit::Configuration,
        StartError::InUse { .. } => Exit::InUse,
        StartError::System { .. } => Exit::Failed,
    }
}

/// Says where the broker listens and on what terms; in log lines if somebody reads them as JSON.
fn announce(config: &Config, server: &Server) {
    match config.log.format {
        LogFormat::Text => {
            for line in banner(config, server.addresses()) {
                say(&line);
            }
        }
        LogFormat::Json => {
            tracing::info!(version = VERSION, workers = server.workers(), "bowline");
            for address in server.addresses() {
                tracing::info!(%address, "listening");
            }
            tracing::warn!(durability = "memory", "what is acknowledged is in RAM only");
        }
    }
}

/// The lines that a start prints.
pub(super) fn banner(config: &Config, addresses: &[SocketAddr]) -> Vec<String> {
    let mut lines = vec![format!("bowline {VERSION}")];
    lines.extend(
        addresses
            .iter()
            .map(|address| format!("listening on {address}")),
    );
    lines.push(
        "durability: memory (what is acknowledged is in RAM only, and lost when the broker stops)"
            .to_owned(),
    );
    lines.push("data: nothing is kept on disk".to_owned());
    let may_connect = if config.access.allow_anonymous {
        "anybody who reaches these addresses, without a password (allow_anonymous)"
    } else {
        "programs on this machine, without a password"
    };
    lines.push(format!("who may connect: {may_connect}"));
    if let Some(address) = addresses.first() {
        let port = match address.port() {
            DEFAULT_PORT => String::new(),
            port => format!(" -p {port}"),
        };
        lines.push(format!("try: bowline sub{port} -t 'sensor/#' -v"));
        lines.push(format!(
            "and: bowline pub{port} -t sensor/temperature -m temp:20"
        ));
    }
    lines
}

/// Reports signals; a second request to stop ends the process at once.
fn watch_signals(notices: Sender<Notice>) -> std::io::Result<()> {
    let is_stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down, and raises it for the second.
        let now = i32::from(Exit::Failed as u8);
        signal_hook::flag::register_conditional_shutdown(signal, now, Arc::clone(&is_stopping))?;
        signal_hook::flag::register(signal, Arc::clone(&is_stopping))?;
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let report = move || {
        for signal in signals.forever() {
            if notices.send(Notice::Signal(signal)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(report)
        .map(drop)
}

/// Waits for a reason to stop, and stops.
fn wait_and_stop(mut server: Server, notices: &Receiver<Notice>) -> Exit {
    let mut exit = Exit::Stopped;
    loop {
        match notices.recv() {
            Ok(Notice::Signal(SIGHUP)) => {
                tracing::warn!("SIGHUP: reloading is not there yet; restart to change anything");
            }
            Ok(Notice::Signal(_)) => {
                tracing::info!("stopping; once more to stop at once");
                break;
            }
            Ok(Notice::Failure) => {
                tracing::error!("internal error: a thread has failed; stopping");
                exit = Exit::Failed;
                break;
            }
            // Not possible: the thread that reports signals holds a sender for ever.
            Err(mpsc::RecvError) => break,
        }
    }
    if server.stop().is_err() {
        exit = Exit::Failed;
    }
    tracing::info!("stopped");
    exit
}
