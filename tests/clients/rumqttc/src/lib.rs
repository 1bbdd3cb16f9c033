//! What the tests of rumqttc are built from: a broker of their own and waiting with a deadline.
//!
//! `BOWLINE_TEST_BROKER` names the broker's command, with the placeholders that
//! `tests/clients/python/bench/broker.py` explains: `{data}`, and `{port}` or `{any_port}`.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Generous, because it only matters when a test fails, and machines that run tests are slow.
pub const DEADLINE: Duration = Duration::from_secs(20);
const LOG_LINES_SHOWN: usize = 100;

/// A broker with its own port, data directory and log; it stops when the test ends.
#[derive(Debug)]
pub struct Broker {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    process: Child,
    directory: PathBuf,
}

impl Broker {
    /// Starts the broker and waits until it listens.
    pub fn start() -> Self {
        let directory = new_directory();
        let command = command();
        let free_port = if command.contains("{port}") {
            free_port()
        } else {
            0
        };
        let data = directory.join("data");
        let words: Vec<String> = command
            .split_whitespace()
            .map(|word| {
                word.replace("{data}", &data.display().to_string())
                    .replace("{port}", &free_port.to_string())
                    .replace("{any_port}", "0")
            })
            .collect();
        let log = File::create(directory.join("log")).expect("the directory is ours");
        let process = Command::new(&words[0])
            .args(&words[1..])
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log can be shared"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {words:?}: {error}"));
        let mut broker = Self {
            port: free_port,
            process,
            directory,
        };
        broker.port = broker.await_port(free_port);
        broker
    }

    fn await_port(&mut self, free_port: u16) -> u16 {
        let end = Instant::now() + DEADLINE;
        loop {
            if free_port != 0 && TcpStream::connect(("127.0.0.1", free_port)).is_ok() {
                return free_port;
            }
            if let Some(port) = announced_port(&self.log()).filter(|_| free_port == 0) {
                return port;
            }
            let ended = self.process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "the broker ended at once: {}", self.log());
            assert!(
                Instant::now() < end,
                "the broker does not listen: {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.directory.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let ended = self.process.try_wait().expect("it is our child");
        // The standard library only knows how to kill; a clean stop is tested elsewhere.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let from = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!("end of the broker's log:\n{}", lines[from..].join("\n"));
        }
        let _ = fs::remove_dir_all(&self.directory);
        if let (Some(status), false) = (ended, thread::panicking()) {
            panic!("the broker ended by itself: {status}");
        }
    }
}

/// Takes what arrives until `wanted` finds what it looks for, and returns that.
pub fn wait_for<E: std::fmt::Debug, T>(
    arrivals: &Receiver<E>,
    what: &str,
    mut wanted: impl FnMut(&E) -> Option<T>,
) -> T {
    let end = Instant::now() + DEADLINE;
    let mut seen = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match arrivals.recv_timeout(left) {
            Ok(event) => match wanted(&event) {
                Some(found) => return found,
                None => seen.push(event),
            },
            Err(error) => panic!("waited in vain for {what} ({error}); seen: {seen:#?}"),
        }
    }
}

/// Waits until nothing can arrive any more, because the sender has gone.
pub fn wait_for_end<E: std::fmt::Debug>(arrivals: &Receiver<E>) {
    let end = Instant::now() + DEADLINE;
    let left = || end.saturating_duration_since(Instant::now());
    while !matches!(
        arrivals.recv_timeout(left()),
        Err(RecvTimeoutError::Disconnected)
    ) {
        assert!(!left().is_zero(), "the connection does not end");
    }
}

fn command() -> String {
    if let Some(command) = std::env::var("BOWLINE_TEST_BROKER")
        .ok()
        .filter(|c| !c.is_empty())
    {
        return command;
    }
    let bowline = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../target/release/bowline"
    );
    format!("{bowline} serve --listen 127.0.0.1:{{any_port}} --data-dir {{data}} -v")
}

fn announced_port(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("listening on"))?;
    let (_, after) = line.split_once("127.0.0.1:")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
    probe.local_addr().expect("it is bound").port()
}

fn new_directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("bowline-rumqttc-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(directory.join("data")).expect("the temporary directory can be written");
    directory
}
