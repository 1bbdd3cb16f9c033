//! The program: its words, its exit codes, and what it leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Client, PATIENCE};

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
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
    /// What it said up to now.
    said: String,
}

impl Running {
    /// Starts it on a free port and waits until it listens.
    fn start(arguments: &[&str]) -> Self {
        let mut command = bowline(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stderr = child.stderr.take().expect("it is piped");
        let mut running = Self {
            child,
            stderr: BufReader::new(stderr),
            address: SocketAddr::from(([0; 4], 0)),
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
            let mut line = String::new();
            let count = self.stderr.read_line(&mut line).expect("words are UTF-8");
            assert!(count > 0, "it never said `{words}`: {}", self.said);
            self.said.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it is a process"), signal).expect("it is our child");
    }

    /// Waits for its end: the exit code, and everything that it said.
    fn finish(mut self) -> (Option<i32>, String) {
        let mut said = std::mem::take(&mut self.said);
        self.stderr
            .read_to_string(&mut said)
            .expect("words are UTF-8");
        (self.child.wait().expect("it is our child").code(), said)
    }

    /// Descriptors that it has open.
    fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("it runs").count()
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
    let before = running.descriptors();
    let mut clients: Vec<Client> = Vec::new();
    for n in 0..CONNECTIONS {
        clients.push(Client::connected(
            running.address,
            &format!("one-of-many-{n}"),
        ));
        // The test's own descriptors are bounded, too.
        if clients.len() == 250 {
            assert!(
                running.descriptors() >= before + 250,
                "each one is a descriptor"
            );
            clients.clear();
        }
    }
    // The ends of the last ones are still on their way: each answer lets the broker go on.
    let start = Instant::now();
    while running.descriptors() > before {
        assert!(
            start.elapsed() < PATIENCE,
            "{} descriptors left over",
            running.descriptors() - before
        );
        witness.ping();
    }
    running.signal(Signal::TERM);
    assert_eq!(running.finish().0, Some(0));
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
