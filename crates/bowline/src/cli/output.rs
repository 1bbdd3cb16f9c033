//! How `pub` and `sub` speak: data on stdout, talk on stderr.
//!
//! Promises: a message leaves with one write and is flushed before anything else happens, also
//! into a pipe; talk is lower-case, and a progress line never mixes with another line.
//! Deliberately absent: colour.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Writes one message to stdout and flushes.
pub(super) fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A line of packet trace; on stdout, as mosquitto_pub and mosquitto_sub have it.
pub(super) fn say_trace(line: &str) {
    // Nobody listens any more: then nobody misses it.
    let _ = write_out(format!("{line}\n").as_bytes());
}

/// A line on stderr.
pub(super) fn say(line: &str) {
    let mut err = io::stderr().lock();
    // The return first wipes a progress line, if there is one.
    let wipe = if io::stderr().is_terminal() {
        "\r\x1b[K"
    } else {
        ""
    };
    let _ = writeln!(err, "{wipe}{line}");
}

/// An error on stderr.
pub(super) fn complain(what: &str) {
    say(&format!("error: {what}"));
}

/// How far a long input has come, on stderr.
pub(super) struct Progress {
    shown: bool,
    started: Instant,
    last: Instant,
    interval: Duration,
}

impl Progress {
    /// On a terminal, and where it was asked for: there in lines of their own, once a second.
    pub(super) fn new(asked: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let interval = Duration::from_millis(if terminal { 200 } else { 1000 });
        let now = Instant::now();
        Self {
            shown: terminal || asked,
            started: now,
            last: now,
            interval,
        }
    }

    /// Shows the numbers, if it is time to.
    pub(super) fn update(&mut self, sent: u64, acknowledged: u64, refused: u64) {
        if self.shown && self.last.elapsed() >= self.interval {
            self.last = Instant::now();
            self.show(sent, acknowledged, refused, false);
        }
    }

    /// Shows the last numbers, if any were shown.
    pub(super) fn finish(&mut self, sent: u64, acknowledged: u64, refused: u64) {
        if self.shown && self.started.elapsed() >= self.interval {
            self.show(sent, acknowledged, refused, true);
        }
    }

    fn show(&self, sent: u64, acknowledged: u64, refused: u64, last: bool) {
        let secs = self.started.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = acknowledged as f64 / secs;
        let waiting = sent.saturating_sub(acknowledged).saturating_sub(refused);
        let refused = if refused > 0 {
            format!(", {refused} not acknowledged")
        } else {
            String::new()
        };
        let line = format!(
            "{sent} sent, {acknowledged} done{refused}, {waiting} on their way, {rate:.0}/s"
        );
        let mut err = io::stderr().lock();
        let _ = if io::stderr().is_terminal() {
            write!(err, "\r\x1b[K{line}{}", if last { "\n" } else { "" })
        } else {
            writeln!(err, "{line}")
        };
        let _ = err.flush();
    }
}
