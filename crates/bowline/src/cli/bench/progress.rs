//! How it goes, on stderr: in one line on a terminal, in lines of their own where it was asked for.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::engine::Counts;
use super::process::Usage;
use super::report::{grouped, ratio, rounded, sized};

/// The progress line.
#[derive(Debug)]
pub(super) struct Progress {
    is_shown: bool,
    is_terminal: bool,
    /// Stands in front: which broker, which round.
    pub(super) label: String,
    last: Instant,
    counts: Counts,
    cpu: Option<Duration>,
}

impl Progress {
    /// On a terminal, or where it was asked for.
    pub(super) fn new(is_asked: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            is_shown: is_terminal || is_asked,
            is_terminal,
            label: String::new(),
            last: Instant::now(),
            counts: Counts::default(),
            cpu: None,
        }
    }

    /// Shows how a stage goes, if it is time to.
    pub(super) fn show(&mut self, stage: &str, counts: Counts, usage: Option<Usage>) {
        const INTERVAL: Duration = Duration::from_secs(1);
        let passed = self.last.elapsed();
        if !self.is_shown || passed < INTERVAL {
            return;
        }
        let moved = counts.since(self.counts);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |count: u64| grouped(rounded(ratio(count * 1_000, millis)));
        let mut line = format!(
            "{}{stage}: {} connected, {}/s published, {}/s delivered, {} missing",
            self.label,
            grouped(counts.connected),
            rate(moved.published),
            rate(moved.delivered),
            grouped(counts.skipped),
        );
        if let (Some(usage), Some(before)) = (usage, self.cpu) {
            let percent = usage.cpu().saturating_sub(before).as_secs_f64() * 100.0;
            line.push_str(&format!(
                ", broker {:.0} % CPU, {}",
                percent / passed.as_secs_f64(),
                sized(usage.resident_bytes)
            ));
        }
        self.last = Instant::now();
        self.counts = counts;
        self.cpu = usage.map(Usage::cpu);
        self.write(&line);
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.is_shown && self.is_terminal {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
        self.counts = Counts::default();
        self.cpu = None;
    }

    fn write(&self, line: &str) {
        // If stderr is gone there is nobody to tell.
        drop(if self.is_terminal {
            write!(io::stderr(), "\r\x1b[K{line}")
        } else {
            writeln!(io::stderr(), "{line}")
        });
    }
}
