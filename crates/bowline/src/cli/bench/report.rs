//! What came out: a table for people, JSON for machines, and whether it was flawless.
//!
//! A rate is only worth something if nothing was lost, so the verdict stands beside the rates and
//! decides the exit code.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use bowline_packet::QoS;
use serde_json::{Value, json};

use super::engine::{Counts, Verdict};
use super::latency::{Latency, Percentiles};
use super::process::Usage;

/// What a stage of a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Messages that arrived.
    Deliveries,
    /// Messages that were sent (QoS 0) or acknowledged (QoS 1 and 2).
    Publications,
    Connections,
    Filters,
    /// Nothing is to happen.
    Idle,
}

/// One measured stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// How many of the unit.
    pub(super) done: u64,
    pub(super) time: Duration,
    pub(super) counts: Counts,
    pub(super) broker: Option<BrokerUse>,
    /// CPU time of the load generator.
    pub(super) own_cpu: Duration,
    pub(super) latency: Option<Percentiles>,
}

/// What the broker used in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BrokerUse {
    pub(super) user: Duration,
    pub(super) system: Duration,
    pub(super) resident_before: u64,
    pub(super) resident_after: u64,
    pub(super) resident_peak: u64,
    pub(super) written_bytes: Option<u64>,
}

impl BrokerUse {
    /// From the usage before and after, and the most memory seen.
    pub(super) fn between(before: Usage, after: Usage, resident_peak: u64) -> Self {
        Self {
            user: after.user.saturating_sub(before.user),
            system: after.system.saturating_sub(before.system),
            resident_before: before.resident_bytes,
            resident_after: after.resident_bytes,
            resident_peak: resident_peak
                .max(before.resident_bytes)
                .max(after.resident_bytes),
            written_bytes: after
                .written_bytes
                .zip(before.written_bytes)
                .map(|(after, before)| after.saturating_sub(before)),
        }
    }

    pub(super) fn cpu(self) -> Duration {
        self.user + self.system
    }
}

/// A whole run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) scenario: &'static str,
    /// The values in force, as `name value` for people and machines.
    pub(super) settings: Vec<(&'static str, Value)>,
    pub(super) qos: QoS,
    pub(super) stages: Vec<Stage>,
    /// Over the whole run, warm-up included.
    pub(super) verdict: Verdict,
    pub(super) counts: Counts,
    /// What ended the run early, if something did.
    pub(super) failure: Option<String>,
    /// Clients that the memory is divided by.
    pub(super) clients: u64,
}

impl Stage {
    /// How many a second.
    pub(super) fn rate(&self) -> f64 {
        per_second(self.done, self.time)
    }

    /// How many per second of the broker's CPU; `None` if that is not known, or too little to
    /// measure.
    pub(super) fn per_cpu_second(&self) -> Option<f64> {
        const LEAST: Duration = Duration::from_millis(30);
        let cpu = self.broker?.cpu();
        (cpu >= LEAST && self.done > 0).then(|| per_second(self.done, cpu))
    }

    /// CPU time of the load generator for each second of the broker's.
    pub(super) fn own_share(&self) -> Option<f64> {
        let cpu = self.broker?.cpu();
        (cpu > Duration::ZERO).then(|| self.own_cpu.as_secs_f64() / cpu.as_secs_f64())
    }

    fn json(&self) -> Value {
        let broker = self.broker.map(|used| {
            json!({
                "cpu_user_secs": used.user.as_secs_f64(),
                "cpu_system_secs": used.system.as_secs_f64(),
                "resident_bytes_before": used.resident_before,
                "resident_bytes_after": used.resident_after,
                "resident_bytes_peak": used.resident_peak,
                "written_bytes": used.written_bytes,
            })
        });
        json!({
            "stage": self.name,
            "unit": self.unit.name(),
            "done": self.done,
            "secs": self.time.as_secs_f64(),
            "per_second": self.rate(),
            "per_broker_cpu_second": self.per_cpu_second(),
            "published": self.counts.published,
            "acknowledged": self.counts.acknowledged,
            "delivered": self.counts.delivered,
            "broker": broker,
            "own_cpu_secs": self.own_cpu.as_secs_f64(),
            "own_reads": self.counts.reads,
            "own_writes": self.counts.writes,
            "latency_us": self.latency.map(Percentiles::json),
        })
    }

    fn lines(&self, out: &mut String) {
        let unit = self.unit.name();
        let mut line = format!("{:<10}", self.name);
        match self.unit {
            Unit::Idle => write!(line, "{:.1} s", self.time.as_secs_f64()),
            Unit::Deliveries | Unit::Publications | Unit::Connections | Unit::Filters => write!(
                line,
                "{} {unit} in {:.2} s = {}/s",
                grouped(self.done),
                self.time.as_secs_f64(),
                grouped(rounded(self.rate())),
            ),
        }
        .expect("writing to a string cannot fail");
        push(out, &line);
        if let Some(used) = self.broker {
            let per_cpu = self.per_cpu_second().map_or_else(String::new, |rate| {
                format!(" = {} {unit} per CPU second", grouped(rounded(rate)))
            });
            push(
                out,
                &format!(
                    "  broker  CPU {:.2} s ({:.2} user, {:.2} system){per_cpu}",
                    used.cpu().as_secs_f64(),
                    used.user.as_secs_f64(),
                    used.system.as_secs_f64(),
                ),
            );
            let written = used
                .written_bytes
                .map_or_else(String::new, |bytes| format!("; {} to disk", sized(bytes)));
            push(
                out,
                &format!(
                    "          memory {} before, {} after, {} at most{written}",
                    sized(used.resident_before),
                    sized(used.resident_after),
                    sized(used.resident_peak),
                ),
            );
        }
        let share = self.own_share().map_or_else(String::new, |share| {
            format!(", {:.0} % of the broker's", share * 100.0)
        });
        push(
            out,
            &format!("  own     CPU {:.2} s{share}", self.own_cpu.as_secs_f64()),
        );
        if let Some(latency) = self.latency {
            let us = |ns: u64| grouped(rounded(ratio(ns, 1_000)));
            push(
                out,
                &format!(
                    "  latency p50 {}  p90 {}  p99 {}  p99.9 {}  max {} µs",
                    us(latency.p50),
                    us(latency.p90),
                    us(latency.p99),
                    us(latency.p999),
                    us(latency.max),
                ),
            );
        }
    }
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Publications => "publications",
            Self::Connections => "connections",
            Self::Filters => "filters",
            Self::Idle => "idle",
        }
    }
}

impl Report {
    /// What was wrong, in words; empty if nothing was.
    pub(super) fn faults(&self) -> Vec<String> {
        let counts = &self.counts;
        let mut faults = Vec::new();
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                faults.push(format!("{} {what}", grouped(count)));
            }
        };
        let lost = format!(
            "of {} deliveries lost (QoS {})",
            grouped(self.verdict.expected),
            self.qos as u8
        );
        note(self.verdict.lost, &lost);
        // At QoS 1 a message may come twice [MQTT-4.3.2-1]; at 0 and 2 it may not.
        if self.qos != QoS::AtLeastOnce {
            note(counts.duplicates, "deliveries twice");
        }
        note(counts.reordered, "deliveries out of order");
        note(counts.foreign, "deliveries that were not for who got them");
        note(counts.refused, "publications refused");
        note(counts.lost_connections, "connections lost");
        faults.extend(self.failure.clone());
        faults
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let settings: serde_json::Map<String, Value> = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        json!({
            "scenario": self.scenario,
            "settings": settings,
            "stages": self.stages.iter().map(Stage::json).collect::<Vec<_>>(),
            "expected": self.verdict.expected,
            "lost": self.verdict.lost,
            "duplicates": self.counts.duplicates,
            "out_of_order": self.counts.reordered,
            "foreign": self.counts.foreign,
            "refused": self.counts.refused,
            "lost_connections": self.counts.lost_connections,
            "faults": self.faults(),
            "resident_bytes_per_client": self.bytes_per_client(),
        })
    }

    /// Memory that the broker took for each client, from the stage in which they connected.
    pub(super) fn bytes_per_client(&self) -> Option<i64> {
        let stage = self
            .stages
            .iter()
            .find(|stage| stage.unit == Unit::Connections)?;
        let used = stage.broker?;
        let grown =
            i64::try_from(used.resident_after).ok()? - i64::try_from(used.resident_before).ok()?;
        grown.checked_div(i64::try_from(self.clients).ok()?)
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let settings: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            })
            .collect();
        push(
            &mut out,
            &format!("{}: {}", self.scenario, settings.join(", ")),
        );
        for stage in &self.stages {
            stage.lines(&mut out);
        }
        if let Some(bytes) = self.bytes_per_client() {
            push(
                &mut out,
                &format!("memory    {bytes} bytes of the broker's per client"),
            );
        }
        let counts = &self.counts;
        push(
            &mut out,
            &format!(
                "verdict   {} of {} deliveries lost, {} twice, {} out of order, {} refused",
                grouped(self.verdict.lost),
                grouped(self.verdict.expected),
                grouped(counts.duplicates),
                grouped(counts.reordered),
                grouped(counts.refused),
            ),
        );
        out
    }
}

/// The percentiles, if there is anything in it.
pub(super) fn percentiles(latency: &Latency) -> Option<Percentiles> {
    (latency.len() > 0).then(|| latency.percentiles())
}

/// A quotient for people.
#[expect(clippy::cast_precision_loss, reason = "for people; 53 bits are enough")]
pub(super) fn ratio(number: u64, by: u64) -> f64 {
    number as f64 / by as f64
}

fn per_second(count: u64, time: Duration) -> f64 {
    ratio(count, 1) / time.as_secs_f64().max(1e-9)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for people, and never negative"
)]
pub(super) fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the largest unit that leaves three digits.
pub(super) fn sized(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", ratio(bytes, size)),
        None => format!("{bytes} B"),
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}
