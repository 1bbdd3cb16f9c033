//! What the command line takes, what it makes of it, and what it refuses.

use std::time::Duration;

use bowline_packet::{ProtocolVersion, QoS};
use clap::Parser;

use super::super::cast::WindowBy;
use super::{Common, Scenario};

#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn parse(line: &str) -> Result<Scenario, String> {
    let words = std::iter::once("bench").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|why| why.to_string())?;
    line.scenario.check()?;
    Ok(line.scenario)
}

fn common(line: &str) -> Common {
    parse(line).expect("it makes sense").common().clone()
}

#[test]
fn every_scenario_has_its_name_and_its_clients() {
    for (line, name, clients) in [
        ("one-to-one", "one-to-one", (10, 10)),
        ("one-to-one --pairs 3", "one-to-one", (3, 3)),
        ("fan-out", "fan-out", (1, 100)),
        ("fan-in --publishers 7", "fan-in", (7, 1)),
        ("shared --subscribers 4", "shared", (10, 4)),
        ("filters --filters 1000", "filters", (10, 50)),
        ("connect --connections 5", "connect", (0, 5)),
        ("retained", "retained", (10, 10)),
        ("offline -q 1 --sessions 2", "offline", (16, 2)),
    ] {
        let scenario = parse(line).expect("it makes sense");
        assert_eq!((scenario.name(), scenario.clients()), (name, clients));
    }
}

#[test]
fn values_are_what_was_said() {
    let said = common(
        "fan-out -h broker.example -p 1884 -u me -P secret -V 5 -q 2 -s 100 -w 7 -d 0.5 \
         --warm-up 0 --lasting --patience 9 --pid 1 --pid 2 --threads 2 --json out.json",
    );
    assert_eq!((said.host.as_str(), said.port), ("broker.example", 1884));
    assert_eq!(said.username.as_deref(), Some("me"));
    assert_eq!(said.password.as_deref(), Some("secret"));
    assert_eq!(said.version(), ProtocolVersion::V5);
    assert_eq!((said.qos, said.payload_bytes()), (QoS::ExactlyOnce, 100));
    assert_eq!((said.window(), said.window_by()), (7, WindowBy::Both));
    assert_eq!(said.duration, Duration::from_millis(500));
    assert_eq!(said.warm_up, Duration::ZERO);
    assert_eq!(said.patience, Duration::from_secs(9));
    assert!(said.lasting);
    assert_eq!((said.pid, said.threads), (vec![1, 2], 2));
    assert_eq!(said.json, Some("out.json".into()));
}

#[test]
fn the_window_follows_the_qos_and_the_payload() {
    for (line, window, by) in [
        ("one-to-one", 682, WindowBy::Delivery),
        ("one-to-one -s 16", 1_000, WindowBy::Delivery),
        ("one-to-one -s 4096", 15, WindowBy::Delivery),
        ("one-to-one -s 100000", 8, WindowBy::Delivery),
        ("one-to-one -q 1", 32, WindowBy::Both),
        (
            "one-to-one -q 2 --window-by acknowledgement",
            32,
            WindowBy::Acknowledgement,
        ),
        ("one-to-one -q 1 -w 2", 2, WindowBy::Both),
        ("one-to-one -q 1 --rate 5000", 10_000, WindowBy::Both),
    ] {
        let common = common(line);
        assert_eq!(
            (common.window(), common.window_by()),
            (window, by),
            "{line}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    for (line, words) in [
        ("", "subcommand"),
        ("one-to-many", "unrecognized subcommand"),
        ("one-to-one --pairs 0", "0 is not in 1.."),
        ("one-to-one --subscribers 3", "unexpected argument"),
        ("one-to-one -q 3", "must be 0, 1 or 2"),
        ("one-to-one -V 4", "invalid value"),
        (
            "one-to-one -s 15",
            "no room for flow, sequence number and time",
        ),
        ("one-to-one --rate 0", "must be a number above 0"),
        ("one-to-one --rate nan", "must be a number above 0"),
        ("one-to-one -d=-1", "must be a number of seconds"),
        ("one-to-one --messages 0", "0 is not in 1.."),
        ("one-to-one --pairs 2 --threads 3", "fewer threads"),
        ("fan-in --threads 101", "fewer threads"),
        (
            "one-to-one --window-by acknowledgement",
            "QoS 0 has no acknowledgements",
        ),
        ("offline", "absent clients get no QoS 0 messages"),
        ("fan-out --raw", "a relay has pairs only"),
    ] {
        let refusal = parse(line).expect_err(line);
        assert!(refusal.contains(words), "{line}: {refusal}");
    }
}
