//! `bowline bench` against a server in this process: every scenario in brief, and nothing lost.
//!
//! Bounded by messages, not by time: what these tests judge is the verdict, never a rate.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use bowline_packet::{Next, PacketType, next_frame};
use serde_json::Value;

use crate::client::{PATIENCE, server};

/// Runs a scenario and returns its exit code and its JSON.
fn bench(address: SocketAddr, scenario: &str) -> (Option<i32>, Value) {
    let output = run(address, scenario);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
        let words = String::from_utf8_lossy(&output.stderr);
        panic!("{scenario}: no report ({why}); it said: {words}")
    });
    (output.status.code(), report)
}

fn run(address: SocketAddr, scenario: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bowline"))
        .arg("bench")
        .args(scenario.split_whitespace())
        .args(["-p", &address.port().to_string(), "--json", "-"])
        .stdin(Stdio::null())
        .output()
        .expect("the program was built")
}

/// Runs a scenario, which must be flawless, and returns what was expected and the report.
fn flawless(address: SocketAddr, scenario: &str) -> (u64, Value) {
    let (code, report) = bench(address, scenario);
    assert_eq!(code, Some(0), "{scenario}: {report:#}");
    assert_eq!(report["lost"], 0, "{scenario}: {report:#}");
    assert_eq!(report["faults"].as_array().map(Vec::len), Some(0));
    let expected = report["expected"].as_u64().expect("a number");
    (expected, report)
}

/// A scenario, and the deliveries that it comes to.
const LIVE: [(&str, u64); 16] = [
    ("one-to-one --pairs 4 --messages 2000", 2_000),
    ("one-to-one --pairs 4 --messages 2000 -q 1", 2_000),
    ("one-to-one --pairs 4 --messages 2000 -q 2", 2_000),
    (
        "one-to-one --pairs 4 --messages 2000 -q 2 -V 5 --lasting",
        2_000,
    ),
    (
        "one-to-one --pairs 3 --messages 1000 -q 1 --threads 2",
        1_000,
    ),
    ("one-to-one --pairs 2 --messages 50 -s 200000 -q 1 -w 4", 50),
    (
        "one-to-one --pairs 2 --messages 1000 -q 1 --rate 100000",
        1_000,
    ),
    ("fan-out --subscribers 20 --messages 300", 6_000),
    ("fan-out --subscribers 20 --messages 300 -q 1 -V 5", 6_000),
    ("fan-out --subscribers 20 --messages 300 -q 2", 6_000),
    ("fan-in --publishers 20 --messages 2000 -q 1", 2_000),
    ("fan-in --publishers 20 --messages 2000 -w 20", 2_000),
    (
        "shared --publishers 3 --subscribers 4 --messages 2000 -q 1",
        2_000,
    ),
    (
        "shared --publishers 3 --subscribers 4 --messages 2000 -q 2 -V 5",
        2_000,
    ),
    (
        "filters --filters 1000 --subscribers 7 --publishers 3 --messages 3000",
        3_000,
    ),
    (
        "filters --filters 1000 --subscribers 7 --publishers 3 --messages 3000 -q 1 --threads 2",
        3_000,
    ),
];

#[test]
fn live_messages_all_arrive() {
    for workers in [1, 2] {
        let server = server(workers);
        let address = server.addresses()[0];
        for (scenario, deliveries) in LIVE {
            let (expected, report) = flawless(address, scenario);
            assert_eq!(expected, deliveries, "{workers} workers, {scenario}");
            let stage = report["stages"].as_array().and_then(|all| all.last());
            assert_eq!(
                stage.map(|stage| &stage["delivered"]),
                Some(&deliveries.into())
            );
        }
        assert_nothing_stays(&server);
    }
}

#[test]
fn stored_messages_are_fetched_and_taken_away() {
    for workers in [1, 2] {
        let server = server(workers);
        let address = server.addresses()[0];
        for qos in [0, 1, 2] {
            let scenario = format!("retained --topics 500 --publishers 3 --subscribers 4 -q {qos}");
            assert_eq!(flawless(address, &scenario).0, 4 * 500);
        }
        assert_nothing_stays(&server);
    }
}

#[test]
fn queued_messages_are_drained() {
    for workers in [1, 2] {
        let server = server(workers);
        let address = server.addresses()[0];
        for scenario in [
            "offline --publishers 3 --sessions 4 --messages 2000 -q 1",
            "offline --publishers 3 --sessions 4 --messages 2000 -q 2 -V 5 --threads 2",
        ] {
            let (expected, report) = flawless(address, scenario);
            assert_eq!(expected, 2_000);
            assert_eq!(report["stages"][0]["acknowledged"], 2_000);
            assert_eq!(report["stages"][1]["delivered"], 2_000);
        }
        assert_nothing_stays(&server);
    }
}

#[test]
fn a_storm_of_connections_is_counted() {
    for workers in [1, 2] {
        let server = server(workers);
        let address = server.addresses()[0];
        for options in ["", "--subscribe", "--lasting -V 5", "--lasting --threads 2"] {
            let scenario = format!("connect --connections 200 --hold 0 {options}");
            let (expected, report) = flawless(address, &scenario);
            assert_eq!(expected, 0);
            assert_eq!(report["stages"][0]["done"], 200);
        }
        assert_nothing_stays(&server);
    }
}

/// What goes wrong on the way to a subscriber, with the 100th message that it gets.
#[derive(Clone, Copy, Debug)]
enum Mischief {
    Lose,
    Repeat,
    /// With the one behind it.
    Swap,
    Cut,
}

#[test]
fn each_kind_of_fault_makes_the_exit_code() {
    let server = server(1);
    for (mischief, qos, code, lost, duplicates, out_of_order) in [
        (Mischief::Lose, 0, 5, 1, 0, 0),
        (Mischief::Repeat, 0, 5, 0, 1, 0),
        (Mischief::Swap, 0, 5, 0, 0, 1),
        (Mischief::Repeat, 2, 5, 0, 1, 0),
        // Twice is allowed at QoS 1.
        (Mischief::Repeat, 1, 0, 0, 1, 0),
    ] {
        let proxy = proxy(server.addresses()[0], mischief);
        let scenario = format!("one-to-one --pairs 1 --messages 500 -q {qos}");
        let (found, report) = bench(proxy, &scenario);
        assert_eq!(found, Some(code), "{mischief:?} at QoS {qos}: {report:#}");
        assert_eq!(report["lost"], lost, "{mischief:?}");
        assert_eq!(report["duplicates"], duplicates, "{mischief:?}");
        assert_eq!(report["out_of_order"], out_of_order, "{mischief:?}");
    }
    let proxy = proxy(server.addresses()[0], Mischief::Cut);
    let scenario = "one-to-one --pairs 1 --messages 500 -q 1 --patience 0.2";
    let (found, report) = bench(proxy, scenario);
    assert_eq!((found, &report["lost_connections"]), (Some(5), &1.into()));
    assert!(report["lost"].as_u64().is_some_and(|lost| lost > 0));
}

/// Forwards connections to a server and back, with a fault in what it sends.
fn proxy(server: SocketAddr, mischief: Mischief) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut upstream = TcpStream::connect(server).unwrap();
            let (back, from) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || {
                // Either side may end first; then the other is told.
                let _ = std::io::copy(&mut client, &mut upstream);
                let _ = upstream.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || tamper(from, back, mischief));
        }
    });
    address
}

/// Copies packets, the 100th PUBLISH not as it should be.
fn tamper(mut from: TcpStream, mut to: TcpStream, mischief: Mischief) {
    let (mut held, mut chunk) = (Vec::new(), [0; 4_096]);
    let (mut publications, mut swapped) = (0, Vec::new());
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        held.extend_from_slice(&chunk[..read]);
        let mut out = Vec::new();
        while let Ok(Next::Frame(frame)) = next_frame(&held, usize::MAX) {
            let is_publish = frame.packet_type() == PacketType::Publish;
            publications += u32::from(is_publish);
            let packet: Vec<u8> = held.drain(..frame.len).collect();
            if !(is_publish && publications == 100) {
                out.extend_from_slice(&packet);
                out.append(&mut swapped);
                continue;
            }
            match mischief {
                Mischief::Lose => {}
                Mischief::Repeat => out.extend_from_slice(&packet.repeat(2)),
                Mischief::Swap => swapped = packet,
                Mischief::Cut => {
                    let _ = to.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
        if to.write_all(&out).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn who_cannot_be_measured_is_told_why() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let output = run(address, "one-to-one --pairs 1 --messages 1");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("cannot connect to 127.0.0.1"), "{words}");
    assert!(words.contains("hint: start a broker"), "{words}");
    assert!(output.stdout.is_empty());
}

#[test]
fn brokers_are_compared_in_turn_and_beside_the_relay() {
    let start = format!(
        "one={} serve --listen 127.0.0.1:{{port}} --data-dir {{dir}}",
        env!("CARGO_BIN_EXE_bowline")
    );
    let other = start.replacen("one", "other", 1);
    let output = Command::new(env!("CARGO_BIN_EXE_bowline"))
        .args(["bench", "compare", "--rounds", "2"])
        .args(["--broker", &start, "--broker", &other])
        .args([
            "one-to-one --pairs 2 --messages 500 -q 2",
            "retained --topics 50",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("the program was built");
    let (table, words) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(0), "{table}{words}");
    let rows = |name: &str| {
        let is_row = |line: &&str| line.split_whitespace().next() == Some(name);
        table.lines().filter(is_row).count()
    };
    // One stage of the first scenario, two of the second; the relay plays the first alone.
    assert_eq!(
        (rows("one"), rows("other"), rows("(relay)")),
        (3, 3, 1),
        "{table}"
    );
}

/// A run leaves no session, subscription or message behind. The server may still be reading the
/// last goodbyes.
fn assert_nothing_stays(server: &bowline::server::Server) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left: usize = server
            .reports()
            .iter()
            .map(|report| {
                let gauges = &report.gauges;
                gauges.sessions + gauges.filters + gauges.messages + gauges.retained_messages
            })
            .sum();
        if left == 0 {
            return;
        }
        assert!(Instant::now() < until, "{:?}", server.reports());
        std::thread::yield_now();
    }
}
