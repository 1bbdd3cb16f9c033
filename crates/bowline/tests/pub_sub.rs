//! `bowline pub` and `bowline sub` as programs, against a broker in this process and, where a
//! server must misbehave, against a few bytes from a socket.
//!
//! Messages wait in lasting sessions, so nothing here depends on who is first.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use bowline::config::{Config, Listener, Workers};
use bowline::server::Server;

/// A broker on a free port.
fn broker() -> (Server, u16) {
    let config = Config {
        listeners: vec![Listener::at("127.0.0.1:0")],
        workers: Workers { count: Some(2) },
        ..Config::default()
    };
    let server = Server::start(config).expect("nothing is in the way of port 0");
    let port = server.addresses()[0].port();
    (server, port)
}

/// Runs the program to its end, with this on its stdin.
fn run(arguments: &str, port: u16, stdin: &str) -> Output {
    let mut words = arguments.split_whitespace();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bowline"));
    command
        .arg(words.next().expect("a subcommand"))
        .args(["-p", &port.to_string()]);
    // A word with a blank in it is written with a `_`.
    command.args(words.map(|word| word.replace('_', " ")));
    command
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program was built");
    let mut input = child.stdin.take().expect("it is piped");
    // A program that reads nothing closes it.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    child.wait_with_output().expect("it ends")
}

/// Runs the program and looks at its exit code and stdout.
#[track_caller]
fn check(arguments: &str, port: u16, code: i32, stdout: &str) -> String {
    check_with(arguments, port, "", code, stdout)
}

#[track_caller]
fn check_with(arguments: &str, port: u16, stdin: &str, code: i32, stdout: &str) -> String {
    let output = run(arguments, port, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments}: {stderr}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        stdout,
        "{arguments}: {stderr}"
    );
    stderr
}

/// A server that answers the first bytes of one connection with `connack`, the next with
/// `answer`, and reads to the end.
fn scripted(connack: &'static [u8], answer: &'static [u8]) -> (JoinHandle<()>, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client connects");
        let mut bytes = [0; 1024];
        for piece in [connack, answer] {
            // An error is the end, too: the client may leave without reading.
            if !matches!(stream.read(&mut bytes), Ok(1..)) || stream.write_all(piece).is_err() {
                return;
            }
        }
        while matches!(stream.read(&mut bytes), Ok(1..)) {}
    });
    (thread, port)
}

#[test]
fn wrong_usage_is_1() {
    for (arguments, words) in [
        ("pub -t a", "required"),
        ("pub -m x", "error: no topic given\nhint: add -t TOPIC\n"),
        ("pub -t a/# -m x", "wildcards"),
        ("pub -t a -m x -n", "cannot be used with"),
        ("pub -t a -m x -q 3", "must be 0, 1 or 2"),
        ("pub -t a -f /no/such/file", "cannot read `/no/such/file`"),
        (
            "pub -t a -s",
            "error: stdin is empty\nhint: -n sends an empty message\n",
        ),
        ("pub -t a -m x -V 311 -x 5", "need protocol version 5"),
        (
            "pub -t a -m x -D publish content-size 5",
            "`publish` has no property `content-size`",
        ),
        ("sub", "error: no topic filter given\nhint: add -t FILTER\n"),
        ("sub -t a/#/b", "must be alone"),
        (
            "sub -t a -c",
            "error: a lasting session needs a client identifier\nhint: add -i ID\n",
        ),
        ("sub -t a -F %y", "unknown sequence `%y`"),
        ("sub -t a -W 0", "invalid value"),
    ] {
        let output = run(arguments, 1, "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        assert!(stderr.contains(words), "{arguments}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments}");
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    for arguments in ["pub -h 127.0.0.1 -t a -m x", "sub -h 127.0.0.1 -t a"] {
        let stderr = check(arguments, port, 1, "");
        assert!(
            stderr.starts_with("error: cannot connect to 127.0.0.1:"),
            "{stderr}"
        );
    }
    assert_eq!(check("pub -h 127.0.0.1 -t a -m x --quiet", port, 1, ""), "");
}

#[test]
fn refusals_are_exit_codes() {
    const NOT_AUTHORIZED_5: &[u8] = &[0x20, 3, 0, 0x87, 0];
    const NOT_AUTHORIZED_3: &[u8] = &[0x20, 2, 0, 5];
    const WELCOME: &[u8] = &[0x20, 3, 0, 0, 0];
    // PUBACK and SUBACK for packet identifier 1, "not authorized".
    const PUBACK: &[u8] = &[0x40, 3, 0, 1, 0x87];
    const SUBACK: &[u8] = &[0x90, 4, 0, 1, 0, 0x87];
    for (arguments, connack, answer, code, words) in [
        (
            "pub -t a -m x",
            NOT_AUTHORIZED_5,
            &[][..],
            135,
            "connection refused: not authorized",
        ),
        (
            "sub -t a -V 5",
            NOT_AUTHORIZED_5,
            &[],
            135,
            "connection refused: not authorized",
        ),
        (
            "pub -t a -m x -V 311",
            NOT_AUTHORIZED_3,
            &[],
            5,
            "connection refused: not authorized",
        ),
        (
            "sub -t a -V 31",
            NOT_AUTHORIZED_3,
            &[],
            5,
            "connection refused: not authorized",
        ),
        (
            "pub -t a -m x -q 1",
            WELCOME,
            PUBACK,
            135,
            "message 1 was not acknowledged: refused",
        ),
        (
            "sub -t a -q 1",
            WELCOME,
            SUBACK,
            135,
            "`a` refused: not authorized",
        ),
    ] {
        let (server, port) = scripted(connack, answer);
        let stderr = check(&format!("{arguments} -h 127.0.0.1"), port, code, "");
        assert!(stderr.contains(words), "{arguments}: {stderr}");
        server.join().expect("it does not panic");
    }
}

#[test]
fn every_version_and_qos() {
    let (_server, port) = broker();
    for version in ["5", "311", "31"] {
        for qos in ["1", "2"] {
            let sub = format!("sub -V {version} -c -i s{version}{qos} -t {version}/{qos} -q {qos}");
            check(&format!("{sub} -E"), port, 0, "");
            let publish = format!("pub -V {version} -t {version}/{qos} -q {qos}");
            check(&format!("{publish} -m one"), port, 0, "");
            check_with(&format!("{publish} -l"), port, "two\nthree", 0, "");
            check_with(&format!("{publish} -s"), port, "four\n", 0, "");
            check(&format!("{sub} -C 4"), port, 0, "one\ntwo\nthree\nfour\n\n");
            let stderr = check(&format!("{sub} -W 1"), port, 27, "");
            assert_eq!(stderr, "Timed out\n");
        }
    }
}

#[test]
fn what_was_not_printed_is_not_acknowledged() {
    let (_server, port) = broker();
    check("sub -c -i x -t a -q 1 -E", port, 0, "");
    let lines: String = (1..=1000).map(|number| format!("{number}\n")).collect();
    check_with("pub -t a -q 1 -l", port, &lines, 0, "");
    let (first, second) = lines.split_at(lines.find("501\n").expect("it is there"));
    check("sub -c -i x -t a -q 1 -C 500", port, 0, first);
    check("sub -c -i x -t a -q 1 -C 500", port, 0, second);
}

#[test]
fn how_messages_are_printed() {
    let (_server, port) = broker();
    check("pub -r -t r/empty/not -m x_y", port, 0, "");
    for (options, expected) in [
        ("", "x y\n"),
        ("-v", "r/empty/not x y\n"),
        ("-N", "x y"),
        ("-v -N", "r/empty/not x y"),
        ("-F %t|%p|%q|%r|%l", "r/empty/not|x y|0|1|3\n"),
        ("-F %x -N", "782079"),
    ] {
        check(&format!("sub -t r/# -C 1 {options}"), port, 0, expected);
    }
    check("pub -r -t r/empty/not -n", port, 0, "");
    check("sub -t r/# -W 1", port, 27, "");
    check("sub -c -i e -t e -q 1 -E", port, 0, "");
    check("pub -t e -q 1 -n", port, 0, "");
    check("pub -t e -q 1 -m end", port, 0, "");
    check(
        "sub -c -i e -t e -q 1 -C 2 -v",
        port,
        0,
        "e (null)\ne end\n",
    );
}

#[test]
fn filters_on_the_clients_side() {
    let (_server, port) = broker();
    for topic in ["r/a", "r/b"] {
        check(&format!("pub -r -t {topic} -m {topic}"), port, 0, "");
    }
    check("sub -t r/# -T r/a -C 1", port, 0, "r/b\n");
    check("sub -c -i f -t r/# -q 1 -E", port, 0, "");
    check("pub -t r/live -q 1 -m live", port, 0, "");
    check("sub -c -i f -t r/# -q 1 -R -C 1", port, 0, "live\n");
    let stderr = check(
        "sub -t r/# --remove-retained --yes -R -T r/b -W 1",
        port,
        27,
        "",
    );
    assert_eq!(stderr, "cleared `r/a`\nTimed out\n");
    check("sub -t r/# -W 1", port, 27, "r/b\n");
    check("sub -t r/# -U r/# -c -i f -E", port, 0, "");
}

#[test]
fn completion_is_reported() {
    let (_server, port) = broker();
    let stderr = check("pub -t a -m x -q 2 -v", port, 0, "");
    let words = "message 1: completed, packet identifier 1, no matching subscribers (code 16)\n";
    assert_eq!(stderr, words);
    let output = run("pub -t a -m x -q 1 -d -i me", port, "");
    let trace = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = trace
        .lines()
        .filter_map(|line| line.split(" (").next())
        .collect();
    let expected = [
        "sending CONNECT",
        "received CONNACK",
        "sending PUBLISH",
        "received PUBACK",
        "sending DISCONNECT",
    ];
    assert_eq!(words, expected, "{trace}");
}

/// The second message fails once: it and what follows come again, in order, and only then are
/// they acknowledged.
#[cfg(unix)]
#[test]
fn a_command_per_message() {
    let (_server, port) = broker();
    let directory = std::env::temp_dir().join(format!("bowline-exec-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("there is room for temporary files");
    let mark = directory.join("failed-once");
    let script = directory.join("command.sh");
    let text = format!(
        "payload=$(cat)\necho \"$BOWLINE_TOPIC $payload $BOWLINE_DUP $BOWLINE_USER_PROPERTY_K\"\n\
         if [ \"$payload\" = two ] && [ ! -e {mark} ]; then touch {mark}; exit 3; fi\n",
        mark = mark.display()
    );
    std::fs::write(&script, text).expect("there is room for temporary files");
    check("sub -c -i x -t a -q 1 -E", port, 0, "");
    for payload in ["one", "two", "three"] {
        let publish = "pub -t a -q 1 -D publish user-property k";
        check(&format!("{publish} v-{payload} -m {payload}"), port, 0, "");
    }
    let exec = format!("sub -c -i x -t a -q 1 -C 3 --exec sh_{}", script.display());
    let expected = "a one 0 v-one\na two 0 v-two\na two 1 v-two\na three 1 v-three\n";
    let stderr = check(&exec, port, 0, expected);
    let words = "error: `a`: command failed (exit status: 3); not acknowledged, again in 1 s\n";
    assert_eq!(stderr, words);
    check("sub -c -i x -t a -q 1 -W 1", port, 27, "");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}
