//! A broker that takes part in a comparison: started for one run, stopped after it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::options::Scenario;
use super::process::Processes;

/// How long a broker may take to listen, and to stop.
const START_LONGEST: Duration = Duration::from_secs(60);
const STOP_LONGEST: Duration = Duration::from_secs(10);

/// How often we look whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// A broker by name, and how it is started.
#[derive(Clone, Debug)]
pub(super) struct Contestant {
    pub(super) name: String,
    /// The shell command; `None` for the relay.
    command: Option<String>,
}

/// One that runs; stopped and cleaned up when dropped.
pub(super) struct Running {
    child: Child,
    address: SocketAddr,
    /// What it runs in, if it has a directory.
    directory: Option<PathBuf>,
}

impl Contestant {
    /// `NAME=COMMAND`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text
            .split_once('=')
            .filter(|(name, command)| !name.is_empty() && !command.trim().is_empty())
            .ok_or("must be NAME=COMMAND")?;
        if !command.contains("{port}") {
            return Err("the command must say {port} where the broker is to listen".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            command: Some(command.to_owned()),
        })
    }

    /// The relay.
    pub(super) fn relay() -> Self {
        Self {
            name: "(relay)".to_owned(),
            command: None,
        }
    }

    pub(super) fn is_relay(&self) -> bool {
        self.command.is_none()
    }

    /// A relay has pairs, and nothing is queued for who is absent.
    pub(super) fn can_play(&self, scenario: &Scenario) -> bool {
        !self.is_relay() || matches!(scenario, Scenario::OneToOne { .. })
    }

    /// Starts it and waits until it listens.
    pub(super) fn start(&self) -> Result<Running, String> {
        match &self.command {
            Some(command) => start_broker(&self.name, command),
            None => start_relay(),
        }
    }
}

fn start_broker(name: &str, command: &str) -> Result<Running, String> {
    let directory = new_directory()?;
    let address = free_address()?;
    let line = command
        .replace("{port}", &address.port().to_string())
        .replace("{dir}", &directory.display().to_string());
    let log = directory.join("log");
    let failed = |why: std::io::Error| format!("cannot start it: {why}");
    let out = File::create(&log).map_err(failed)?;
    let child = Command::new("sh")
        // Then the process is the broker's, not the shell's.
        .args(["-c", &format!("exec {line}")])
        .stdin(Stdio::null())
        .stdout(out.try_clone().map_err(failed)?)
        .stderr(out)
        .spawn()
        .map_err(failed)?;
    let mut running = Running {
        child,
        address,
        directory: Some(directory),
    };
    let until = Instant::now() + START_LONGEST;
    while TcpStream::connect(address).is_err() {
        if let Ok(Some(status)) = running.child.try_wait() {
            return Err(format!("{name} ended ({status}): {}", last_words(&log)));
        }
        if Instant::now() > until {
            return Err(format!("{name} does not listen: {}", last_words(&log)));
        }
        std::thread::sleep(LOOK);
    }
    Ok(running)
}

fn start_relay() -> Result<Running, String> {
    let failed = |why: std::io::Error| format!("cannot start the relay: {why}");
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .args(["bench", "relay"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(failed)?;
    }
    let running = |port| Running {
        child,
        address: (Ipv4Addr::LOCALHOST, port).into(),
        directory: None,
    };
    match line.trim().parse() {
        Ok(port) => Ok(running(port)),
        Err(_) => {
            drop(running(0));
            Err("cannot start the relay: it does not say where it listens".to_owned())
        }
    }
}

impl Running {
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Who listens, or else who was started.
    pub(super) fn pids(&self) -> Vec<u32> {
        Processes::listening_on(self.address).map_or_else(
            || vec![self.child.id()],
            |processes| processes.pids().to_vec(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // A broker may have left the process that was started.
        for pid in self.pids() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // It may be gone already.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let until = Instant::now() + STOP_LONGEST;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                drop(self.child.kill());
                drop(self.child.wait());
                break;
            }
            std::thread::sleep(LOOK);
        }
        if let Some(directory) = &self.directory {
            // What cannot be removed is the temporary directory's to lose.
            drop(fs::remove_dir_all(directory));
        }
    }
}

/// An address that nobody listens on now.
fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|why| format!("cannot find a free port: {why}"))
}

/// A directory that nobody else uses.
fn new_directory() -> Result<PathBuf, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("bowline-bench-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir(&directory)
        .map_err(|why| format!("cannot make `{}`: {why}", directory.display()))?;
    Ok(directory)
}

/// The end of what a broker has written.
fn last_words(log: &Path) -> String {
    let words = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}
