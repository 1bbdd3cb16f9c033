//! `bowline bench compare`: the same scenarios against several brokers, in turn.
//!
//! Promises: every run has a broker of its own, started anew on a port and in a directory that
//! nobody has used; brokers take turns within a round, so that a noisy hour hits all of them;
//! medians, with the span beside them; whatever was lost stands in the same row. A relay that
//! parses nothing runs along for one to one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use serde_json::{Value, json};

use super::contestant::Contestant;
use super::options::Scenario;
use super::progress::Progress;
use super::report::{Report, Stage, Unit, grouped, ratio, rounded, sized};
use super::{FLAWED, failed, scenario, write};
use crate::cli::{Exit, complain, print};

/// Run scenarios against several brokers in turn, and print medians and ratios
///
/// A scenario is written as on the command line, in one word: 'one-to-one --qos 1'. Brokers are
/// given by the command that starts them; {port} and {dir} stand for a free port of 127.0.0.1 and
/// an empty directory.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Compare {
    /// A broker: its name and the command that starts it (repeatable); ratios are to the first
    #[arg(long = "broker", value_name = "NAME=COMMAND", required = true, value_parser = Contestant::parse)]
    brokers: Vec<Contestant>,
    /// How often each broker plays each scenario
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Leave out the relay
    #[arg(long)]
    no_relay: bool,
    /// Write all runs and the medians as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say on stderr how it goes, also where stderr is no terminal
    #[arg(long)]
    progress: bool,
    /// What to play; without any, a standard set
    #[arg(value_name = "SCENARIO", value_parser = parse_scenario)]
    scenarios: Vec<Played>,
}

const AFTER_HELP: &str = "\
Example:
  bowline bench compare --broker 'bowline=bowline serve --port {port} --data-dir {dir}' \\
      --broker 'mosquitto=mosquitto -p {port}' 'one-to-one -q 1' 'fan-out -q 0 -d 2'";

/// What is played where nothing else is asked for.
const STANDARD: [&str; 10] = [
    "one-to-one -q 0 -d 3",
    "one-to-one -q 1 -d 3",
    "one-to-one -q 2 -d 3",
    "one-to-one -q 0 -s 4096 -d 3",
    "one-to-one -q 1 -w 2 --pairs 1000 -d 3",
    "fan-out -q 0 -d 3",
    "fan-out -q 1 -d 3",
    "fan-in -q 1 -d 3",
    "shared -q 1 -d 3",
    "retained -q 0",
];

/// A scenario with the words that it was asked for with.
#[derive(Clone, Debug)]
struct Played {
    words: String,
    scenario: Scenario,
}

/// A line of words that names a scenario.
#[derive(Debug, Parser)]
#[command(name = "scenario")]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn parse_scenario(words: &str) -> Result<Played, String> {
    let line = std::iter::once("scenario").chain(words.split_whitespace());
    let line = Line::try_parse_from(line).map_err(|why| why.to_string())?;
    line.scenario.check()?;
    Ok(Played {
        words: words.to_owned(),
        scenario: line.scenario,
    })
}

/// What one broker did in all rounds of one scenario.
#[derive(Clone, Debug, Default)]
struct Record {
    reports: Vec<Report>,
    /// What kept a round from being measured.
    failures: Vec<String>,
}

impl Compare {
    /// Plays everything and tells.
    pub(super) fn run(&self) -> ExitCode {
        let scenarios = match self.scenarios.as_slice() {
            [] => STANDARD
                .iter()
                .map(|words| parse_scenario(words).expect("the standard set makes sense"))
                .collect(),
            asked => asked.to_vec(),
        };
        let mut contestants = self.brokers.clone();
        if !self.no_relay {
            contestants.push(Contestant::relay());
        }
        let records = self.play(&scenarios, &contestants);
        let mut table = String::new();
        for (played, records) in scenarios.iter().zip(&records) {
            table.push_str(&comparison(&played.words, &contestants, records));
        }
        print(&table);
        if let Some(path) = &self.json {
            let all = json_of(&scenarios, &contestants, &records);
            if let Err(why) = write(path, &format!("{all:#}\n")) {
                return failed(&why);
            }
        }
        let is_flawless = records
            .iter()
            .flatten()
            .all(|record| record.failures.is_empty() && record.faults().is_empty());
        if is_flawless {
            Exit::Stopped.into()
        } else {
            ExitCode::from(FLAWED)
        }
    }

    /// All rounds: by scenario, then by contestant.
    fn play(&self, scenarios: &[Played], contestants: &[Contestant]) -> Vec<Vec<Record>> {
        let mut progress = Progress::new(self.progress);
        let mut records = vec![vec![Record::default(); contestants.len()]; scenarios.len()];
        for round in 1..=self.rounds {
            for (played, records) in scenarios.iter().zip(&mut records) {
                for (contestant, record) in contestants.iter().zip(records) {
                    if !contestant.can_play(&played.scenario) {
                        continue;
                    }
                    progress.label = format!(
                        "round {round} of {}, {}, {}: ",
                        self.rounds, played.words, contestant.name
                    );
                    match once(contestant, &played.scenario, &mut progress) {
                        Ok(report) => record.reports.push(report),
                        Err(why) => {
                            progress.clear();
                            let place = format!("{} in `{}`", contestant.name, played.words);
                            complain(&format!("{place}: {why}"), None);
                            record.failures.push(why);
                        }
                    }
                }
            }
        }
        progress.clear();
        records
    }
}

/// One broker, one scenario, once.
fn once(
    contestant: &Contestant,
    scenario: &Scenario,
    progress: &mut Progress,
) -> Result<Report, String> {
    let running = contestant.start()?;
    let mut scenario = scenario.clone();
    let common = scenario.common_mut();
    common.host = "127.0.0.1".to_owned();
    common.port = running.port();
    common.pid = running.pids();
    common.raw = contestant.is_relay();
    scenario::run(&scenario, progress)
}

impl Record {
    fn faults(&self) -> Vec<String> {
        self.reports.iter().flat_map(Report::faults).collect()
    }

    /// The stage with this place in each report.
    fn stages(&self, at: usize) -> impl Iterator<Item = &Stage> {
        self.reports
            .iter()
            .filter_map(move |report| report.stages.get(at))
    }

    /// The broker's memory: where clients connect, what each takes; else the most there was.
    fn memory(&self, at: usize) -> Option<(u64, &'static str)> {
        let is_connecting = self.stages(at).any(|stage| stage.unit == Unit::Connections);
        let mut bytes: Vec<u64> = self
            .reports
            .iter()
            .filter_map(|report| match is_connecting {
                true => u64::try_from(report.bytes_per_client()?).ok(),
                false => Some(report.stages.get(at)?.broker?.resident_peak),
            })
            .collect();
        bytes.sort_unstable();
        let median = *bytes.get(bytes.len() / 2)?;
        Some((median, if is_connecting { "/client" } else { "" }))
    }

    /// What a stage's values have in the middle.
    fn median(&self, at: usize, value: impl Fn(&Stage) -> Option<f64>) -> Option<Span> {
        Span::of(self.stages(at).filter_map(value).collect())
    }
}

/// The middle of several values, and their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Span {
    /// `None` of no values.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(*values.get(middle.wrapping_sub(1))?, values[middle])
        } else {
            values[middle]
        };
        Some(Self {
            least: values[0],
            median,
            most: values[values.len() - 1],
        })
    }

    fn json(self) -> Value {
        json!({ "least": self.least, "median": self.median, "most": self.most })
    }
}

/// The values that rows compare.
fn per_cpu(stage: &Stage) -> Option<f64> {
    stage.per_cpu_second()
}

fn p50_us(stage: &Stage) -> Option<f64> {
    Some(ratio(stage.latency?.p50, 1_000))
}

fn p99_us(stage: &Stage) -> Option<f64> {
    Some(ratio(stage.latency?.p99, 1_000))
}

/// The table of one scenario.
fn comparison(words: &str, contestants: &[Contestant], records: &[Record]) -> String {
    let mut out = format!("{words}\n");
    let Some(model) = records.iter().find_map(|record| record.reports.first()) else {
        out.push_str("  nothing could be measured\n\n");
        return out;
    };
    for (at, stage) in model.stages.iter().enumerate() {
        if stage.unit == Unit::Idle {
            continue;
        }
        out.push_str(&format!(
            "  {:<14}{:>14} {:>25} {:>7} {:>12} {:>10} {:>10} {:>6} {:>14}\n",
            stage.name,
            format!("{}/CPU s", short(stage.unit)),
            "least – most",
            "ratio",
            "/s",
            "p50 µs",
            "p99 µs",
            "own",
            "memory",
        ));
        let first = records
            .first()
            .and_then(|record| record.median(at, per_cpu));
        for (contestant, record) in contestants.iter().zip(records) {
            if !record.reports.is_empty() {
                out.push_str(&row(&contestant.name, record, at, first));
            }
        }
    }
    for (contestant, record) in contestants.iter().zip(records) {
        for fault in record.failures.iter().chain(&record.faults()) {
            out.push_str(&format!("  {}: {fault}\n", contestant.name));
        }
    }
    out.push('\n');
    out
}

fn short(unit: Unit) -> &'static str {
    match unit {
        Unit::Deliveries => "del",
        Unit::Publications => "pub",
        Unit::Connections => "conn",
        Unit::Filters => "filters",
        Unit::Idle => "",
    }
}

fn row(name: &str, record: &Record, at: usize, first: Option<Span>) -> String {
    let number = |number: Option<f64>| {
        number.map_or_else(|| "–".to_owned(), |number| grouped(rounded(number)))
    };
    let median =
        |value: fn(&Stage) -> Option<f64>| record.median(at, value).map(|span| span.median);
    let cpu = record.median(at, per_cpu);
    let span = cpu.map_or_else(String::new, |span| {
        format!(
            "{} – {}",
            grouped(rounded(span.least)),
            grouped(rounded(span.most))
        )
    });
    let to_first = cpu.zip(first).map_or_else(
        || "–".to_owned(),
        |(own, first)| format!("{:.2}", own.median / first.median),
    );
    let own = median(Stage::own_share)
        .map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0));
    let memory = record.memory(at).map_or_else(
        || "–".to_owned(),
        |(bytes, each)| format!("{}{each}", sized(bytes)),
    );
    format!(
        "  {name:<14}{:>14} {span:>25} {to_first:>7} {:>12} {:>10} {:>10} {own:>6} {memory:>14}\n",
        number(cpu.map(|span| span.median)),
        number(median(|stage| Some(stage.rate()))),
        number(median(p50_us)),
        number(median(p99_us)),
    )
}

/// Everything, for machines.
fn json_of(scenarios: &[Played], contestants: &[Contestant], records: &[Vec<Record>]) -> Value {
    let of_scenario = |(played, records): (&Played, &Vec<Record>)| {
        let brokers: Vec<Value> = contestants
            .iter()
            .zip(records)
            .map(|(contestant, record)| {
                let stages = record
                    .reports
                    .first()
                    .map_or(&[][..], |report| report.stages.as_slice());
                let medians: Vec<Value> = (0..stages.len())
                    .map(|at| {
                        json!({
                            "stage": stages[at].name,
                            "per_broker_cpu_second": record.median(at, per_cpu).map(Span::json),
                            "per_second": record.median(at, |stage| Some(stage.rate())).map(Span::json),
                            "latency_p50_us": record.median(at, p50_us).map(Span::json),
                            "latency_p99_us": record.median(at, p99_us).map(Span::json),
                        })
                    })
                    .collect();
                json!({
                    "broker": contestant.name,
                    "medians": medians,
                    "failures": record.failures,
                    "runs": record.reports.iter().map(Report::json).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({ "scenario": played.words, "brokers": brokers })
    };
    Value::Array(scenarios.iter().zip(records).map(of_scenario).collect())
}

#[cfg(test)]
mod tests;
