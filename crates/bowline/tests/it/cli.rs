//! The program: its words, its exit codes, and what it leaves behind.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::client::{Client, PATIENCE, connect};

/// The program, in an environment that is the same everywhere.
fn bowline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/home/somebody")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    bowline(arguments).output().expect("the program was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("words are UTF-8")
}

/// A running program.
pub(crate) struct Running {
    child: Child,
    /// The lines that it writes to stderr, as they come.
    lines: Receiver<String>,
    pub(crate) address: SocketAddr,
    /// What it said up to now.
    said: String,
}

impl Running {
    /// Starts it on a free port and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = bowline(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                // The test may have ended already.
                let _ = sender.send(line.expect("words are UTF-8"));
            }
        });
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut running = Self {
            child,
            lines,
            address: nowhere,
            said: String::new(),
        };
        let line = running.read_until("listening");
        let address = line
            .split(['"', ' '])
            .find_map(|word| word.trim().parse().ok());
        running.address = address.expect("the line names the address");
        running
    }

    /// Reads to the line that contains `words`.
    fn read_until(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no `{words}` in: {}", self.said));
            self.said.push_str(&line);
            self.said.push('\n');
            if line.contains(words) {
                return line;
            }
        }
    }

    fn pid(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.expect("it is a process")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is our child");
    }

    /// Lets it have so many descriptors.
    fn allow_descriptors(&self, count: usize) {
        let current = u64::try_from(count).ok();
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
        prlimit(
            Some(self.pid()),
            Resource::Nofile,
            Rlimit {
                current,
                maximum: hard,
            },
        )
        .expect("it is our child");
    }

    /// Waits for its end: the exit code, and everything that it said.
    fn finish(mut self) -> (Option<i32>, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        (
            self.child.wait().expect("it is our child").code(),
            std::mem::take(&mut self.said),
        )
    }

    /// The memory that it holds, bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.map_or(0, |kib: usize| kib * 1024)
    }

    /// The numbers of the descriptors that it has open.
    fn descriptors(&self) -> Vec<usize> {
        let path = format!("/proc/{}/fd", self.child.id());
        let entries = std::fs::read_dir(path).expect("it runs");
        let names = entries.map(|entry| entry.expect("it runs").file_name());
        names
            .filter_map(|name| name.to_str().and_then(|name| name.parse().ok()))
            .collect()
    }
}

impl Drop for Running {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().expect("it is our child");
        }
    }
}

#[test]
fn the_version_has_a_commit_or_none() {
    let output = run(&["--version"]);
    let version = text(&output.stdout);
    let version = version
        .trim()
        .strip_prefix(concat!("bowline ", env!("CARGO_PKG_VERSION")));
    let commit = version.expect("name and version come first");
    assert!(
        commit.is_empty() || (commit.starts_with(" (") && commit.ends_with(')')),
        "{commit}"
    );
}

#[test]
fn wrong_words_end_with_the_right_code() {
    let directory = std::env::temp_dir();
    let file = directory.join(format!("bowline-wrong-{}.toml", std::process::id()));
    std::fs::write(&file, "[limits]\npacket_byte_max = 1\n").expect("a file can be written");
    let path = file.to_str().expect("its name is UTF-8");
    let taken = Running::start(&[]);
    let address = taken.address.to_string();
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["--workers", "0"],
            2,
            "error: invalid value '0' for '--workers <N>'",
        ),
        (&["--wokers", "1"], 2, "'--workers'"),
        (
            &["serve", "--listen", "x:1", "--port", "1"],
            2,
            "cannot be used with",
        ),
        (
            &["--config", path],
            3,
            "packet_byte_max` is not a key\nhint: did you mean",
        ),
        (
            &["check", "--config", path],
            3,
            "packet_byte_max` is not a key\nhint: did you mean",
        ),
        (
            &["--config", "/nowhere"],
            3,
            "error: cannot read `/nowhere`: ",
        ),
        (
            &["--durability", "disk"],
            3,
            "error: durability `disk` and `os` are not there yet",
        ),
        (
            &["--durability", "os"],
            3,
            "hint: leave it out, or say `memory`",
        ),
        (
            &["check", "--durability", "disk"],
            3,
            "error: durability `disk`",
        ),
        (
            &["--listen", "0.0.0.0:0"],
            3,
            "hint: bowline cannot authenticate clients yet",
        ),
        (
            &["check", "--listen", "[::]:0"],
            3,
            "error: `[::]:0` can be reached",
        ),
        (
            &["--listen", "nonsense"],
            3,
            "hint: an address is `HOST:PORT`",
        ),
        (
            &["--listen", &address],
            4,
            "the address is in use\nhint: another broker may be running",
        ),
    ];
    for &(arguments, code, words) in cases {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    std::fs::remove_file(&file).expect("it was written");
    taken.signal(Signal::TERM);
    assert_eq!(taken.finish().0, Some(0));
}

#[test]
fn a_start_says_where_and_on_what_terms() {
    let running = Running::start(&[]);
    let address = running.address;
    running.signal(Signal::INT);
    let (code, said) = running.finish();
    assert_eq!(code, Some(0));
    let port = address.port();
    let expected = [
        format!("listening on {address}"),
        "durability: memory (what is acknowledged is in RAM only, and lost when the broker stops)"
            .to_owned(),
        "data: nothing is kept on disk".to_owned(),
        "who may connect: programs on this machine, without a password".to_owned(),
        format!("try: bowline sub -p {port} -t 'sensor/#' -v"),
        format!("and: bowline pub -p {port} -t sensor/temperature -m temp:20"),
    ];
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("bowline "), "{said}");
    assert_eq!(lines[1..7], expected);
    assert!(
        lines[7].ends_with("info  stopping; once more to stop at once"),
        "{said}"
    );
    assert!(lines[8].ends_with("info  stopped"), "{said}");
    assert_eq!(lines.len(), 9, "{said}");
}

#[test]
fn json_logs_are_json_from_the_first_line() {
    let mut running = Running::start(&["--log-format", "json"]);
    running.signal(Signal::HUP);
    running.read_until("SIGHUP: reloading is not there yet");
    running.signal(Signal::TERM);
    let (code, said) = running.finish();
    assert_eq!(code, Some(0));
    for line in said.lines() {
        assert!(
            line.starts_with("{\"time\":\"") && line.ends_with('}'),
            "{line}"
        );
    }
}

#[test]
fn thousands_of_connections_leave_nothing_behind() {
    const CONNECTIONS: usize = 2_000;
    let running = Running::start(&["--workers", "2"]);
    let mut witness = Client::connected(running.address, "witness");
    let before = running.descriptors().len();
    let mut clients: Vec<Client> = Vec::new();
    for n in 0..CONNECTIONS {
        clients.push(Client::connected(
            running.address,
            &format!("one-of-many-{n}"),
        ));
        // The test's own descriptors are bounded, too.
        if clients.len() == 250 {
            assert!(
                running.descriptors().len() >= before + 250,
                "each one is a descriptor"
            );
            clients.clear();
        }
    }
    // The ends of the last ones are still on their way: each answer lets the broker go on.
    let start = Instant::now();
    while running.descriptors().len() > before {
        assert!(
            start.elapsed() < PATIENCE,
            "{} descriptors left over",
            running.descriptors().len() - before
        );
        witness.ping();
    }
    running.signal(Signal::TERM);
    assert_eq!(running.finish().0, Some(0));
}

#[test]
fn without_descriptors_accepting_rests_and_goes_on_by_itself() {
    let mut running = Running::start(&["--workers", "1"]);
    let mut witness = Client::connected(running.address, "witness");
    let open = running.descriptors();
    let first_free = (0..).find(|number| !open.contains(number));
    running.allow_descriptors(first_free.expect("numbers do not end"));
    // It waits in the listener's queue.
    let mut waiting = Client::open(running.address);
    waiting.send(&connect("waiting"));
    running.read_until("cannot accept connections for now");
    witness.ping();
    running.allow_descriptors(1_000);
    assert_eq!(waiting.packet(), [0x20, 2, 0, 0], "CONNACK");
    running.read_until("accepting connections again");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().0, Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let running = Running::start(&[]);
    // Somebody who does not leave makes a graceful stop take a moment.
    let _stays = Client::connected(running.address, "stays");
    running.signal(Signal::TERM);
    running.signal(Signal::INT);
    assert_eq!(running.finish().0, Some(1));
}

#[test]
fn check_prints_what_is_in_force() {
    let output = run(&["check", "--port", "1884", "--workers", "3", "-v"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let expected = include_str!("check.txt");
    assert!(
        printed == expected,
        "not what tests/it/check.txt says; if it is right, write it there:\n{printed}"
    );
}

#[test]
fn what_check_prints_is_itself_a_configuration() {
    let first = run(&["check", "--listen", "127.0.0.1:1884", "--workers", "3"]);
    let file = std::env::temp_dir().join(format!("bowline-check-{}.toml", std::process::id()));
    std::fs::write(&file, &first.stdout).expect("a file can be written");
    let second = run(&[
        "check",
        "--config",
        file.to_str().expect("its name is UTF-8"),
    ]);
    std::fs::remove_file(&file).expect("it was written");
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    // The values are the same; where they come from is not.
    let settings = |output: &Output| -> Vec<String> {
        let text = text(&output.stdout);
        let settings = text.lines().filter(|line| !line.starts_with('#'));
        settings
            .map(|line| line.split("  #").next().unwrap_or(line).to_owned())
            .collect()
    };
    assert_eq!(settings(&first), settings(&second));
}
