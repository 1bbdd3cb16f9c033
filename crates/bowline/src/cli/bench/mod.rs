//! `bowline bench`: load for any MQTT broker, and what it costs the broker.
//!
//! Promises: every message is numbered and every delivery judged, at each QoS; what is lost makes
//! the exit code, however good the rate is; an open loop counts from the time at which a message
//! was due. The rate that counts is per second of the broker's CPU, because on a shared machine
//! nothing else can be compared.
//!
//! The map: `options.rs` is the command line, `casting.rs` divides a scenario into parts
//! (`cast.rs`), `scenario.rs` plays it with the engines of `crew.rs`, `engine/` is the load
//! generator itself, `report.rs` says what came out; `compare.rs` plays scenarios against several
//! brokers (`contestant.rs`) and a byte relay (`relay.rs`). Deliberately absent: TLS and WebSocket, until
//! the client has them; `engine/transport.rs` is where they go.

mod cast;
mod casting;
mod compare;
mod contestant;
mod crew;
mod engine;
mod latency;
mod options;
mod preparation;
mod process;
mod progress;
mod relay;
mod report;
mod scenario;
mod sequence;
mod stamp;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::compare::Compare;
use self::options::Scenario;
use self::progress::Progress;
use self::relay::Relay;
use self::report::Report;
use super::{Exit, complain, print};

/// Measure a broker: any broker, with numbered messages
///
/// Each scenario says with --help what it can be told. Rates are per second and per second of the
/// broker's CPU; the broker's process is found by its port if it runs on this machine.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

const AFTER_HELP: &str = "\
Examples:
  bowline bench one-to-one --qos 1                    10 pairs on localhost:1883, 5 seconds
  bowline bench fan-out --subscribers 1000 -p 1884
  bowline bench one-to-one --rate 5000 --qos 1        latency, from when each message was due

Exit status: 0 nothing lost, 1 could not be measured, 2 wrong usage, 5 messages were lost, came
twice where they must not, or came out of order.";

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Scenario(Scenario),
    Compare(Compare),
    #[command(hide = true)]
    Relay(Relay),
}

/// Something was lost.
const FLAWED: u8 = 5;

/// Runs the command.
#[must_use]
pub fn run(bench: &Bench) -> ExitCode {
    match &bench.what {
        What::Scenario(scenario) => run_scenario(scenario),
        What::Compare(compare) => compare.run(),
        What::Relay(relay) => relay.run(),
    }
}

fn run_scenario(scenario: &Scenario) -> ExitCode {
    let common = scenario.common();
    let mut progress = Progress::new(common.progress);
    let report = match scenario::run(scenario, &mut progress) {
        Ok(report) => report,
        Err(why) => {
            progress.clear();
            return failed(&why);
        }
    };
    if let Err(why) = tell(&report, common.json.as_deref()) {
        return failed(&why);
    }
    verdict(&report)
}

/// Writes the table, and the JSON where it was asked for.
fn tell(report: &Report, json: Option<&Path>) -> Result<(), String> {
    let in_json = || format!("{:#}\n", report.json());
    match json {
        Some(path) if path == Path::new("-") => {
            print(&in_json());
            return Ok(());
        }
        Some(path) => write(path, &in_json())?,
        None => {}
    }
    print(&report.table());
    Ok(())
}

/// Writes a file.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let mut file = std::fs::File::create(path)
        .map_err(|why| format!("cannot write `{}`: {why}", path.display()))?;
    file.write_all(text.as_bytes())
        .map_err(|why| format!("cannot write `{}`: {why}", path.display()))
}

/// Says what was wrong.
fn verdict(report: &Report) -> ExitCode {
    let faults = report.faults();
    for fault in &faults {
        complain(fault, None);
    }
    if faults.is_empty() {
        Exit::Stopped.into()
    } else {
        ExitCode::from(FLAWED)
    }
}

/// Words, perhaps with a hint, and the exit code of a failure.
fn failed(why: &str) -> ExitCode {
    match why.split_once("\nhint: ") {
        Some((what, hint)) => complain(what, Some(hint)),
        None => complain(why, None),
    }
    Exit::Failed.into()
}
