//! Log lines on stderr: for people, or as JSON with the same keys.
//!
//! `2026-11-21T08:00:00.123Z info  client connected  client=kitchen address=… version=5`: time,
//! level, what happened, then what it happened to. Control characters are escaped, so that a
//! Client Identifier cannot forge a line. Deliberately absent: files and rotation (the journal of
//! the system does that).

use std::fmt::{self, Write as _};
use std::io;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::writer::Writer;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Only what needs somebody now.
    Error,
    /// Also what somebody should look at.
    Warn,
    /// Also who comes and goes.
    #[default]
    Info,
    /// Also what helps to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// `steps` levels more.
    #[must_use]
    pub fn more(self, steps: u8) -> Self {
        let levels = [
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ];
        let at = levels
            .iter()
            .position(|&level| level == self)
            .unwrap_or_default();
        levels[(at + usize::from(steps)).min(levels.len() - 1)]
    }

    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// The log of this process; when it is dropped, what was said stands on stderr.
#[derive(Debug)]
pub struct Log {
    writer: Writer,
}

impl Drop for Log {
    fn drop(&mut self) {
        self.writer.flush();
    }
}

/// Sends the log lines of this process to stderr from now on.
///
/// # Errors
/// The system cannot start a thread.
pub fn start(format: LogFormat, level: LogLevel) -> io::Result<Log> {
    let lost = move |count| {
        // Not by `tracing`: this line must not be lost in turn.
        let message = "log lines were lost: nobody reads them fast enough";
        let mut fields = Fields {
            format,
            message: String::new(),
            rest: String::new(),
        };
        fields.text("message", message);
        fields.bare("lost", &count);
        line(format, SystemTime::now(), Level::WARN, &fields)
    };
    let writer = Writer::start(io::stderr(), lost)?;
    let lines = Lines {
        format,
        writer: writer.clone(),
    };
    let subscriber = tracing_subscriber::registry()
        .with(level.filter())
        .with(lines);
    // Somebody who embeds the server may have a subscriber of their own; theirs stays.
    drop(tracing::subscriber::set_global_default(subscriber));
    Ok(Log { writer })
}

/// Writes each event as one line.
struct Lines {
    format: LogFormat,
    writer: Writer,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.writer
            .write(line_of(self.format, SystemTime::now(), event));
    }
}

/// One event as a line.
fn line_of(format: LogFormat, time: SystemTime, event: &Event<'_>) -> String {
    let mut fields = Fields {
        format,
        message: String::new(),
        rest: String::new(),
    };
    event.record(&mut fields);
    line(format, time, *event.metadata().level(), &fields)
}

/// One line, with its newline.
fn line(format: LogFormat, time: SystemTime, level: Level, fields: &Fields) -> String {
    let Fields { message, rest, .. } = fields;
    let time = humantime::format_rfc3339_millis(time);
    let level = level_name(level);
    match format {
        LogFormat::Text if rest.is_empty() => format!("{time} {level:<5} {message}\n"),
        LogFormat::Text => format!("{time} {level:<5} {message} {rest}\n"),
        LogFormat::Json => {
            format!("{{\"time\":\"{time}\",\"level\":\"{level}\",\"message\":{message}{rest}}}\n")
        }
    }
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Gathers the fields of an event.
struct Fields {
    format: LogFormat,
    message: String,
    rest: String,
}

impl Fields {
    /// A value that is text.
    fn text(&mut self, name: &str, value: &str) {
        match self.format {
            LogFormat::Text if name == "message" => self.message = plain(value),
            LogFormat::Text => {
                let value = plain(value);
                let needs_quotes = value.is_empty() || value.contains([' ', '"', '=']);
                let value = if needs_quotes { quoted(&value) } else { value };
                self.bare(name, &value);
            }
            LogFormat::Json if name == "message" => self.message = json(value),
            LogFormat::Json => self.bare(name, &json(value)),
        }
    }

    /// A value that stands as it is: a number, a truth value, or finished text.
    fn bare(&mut self, name: &str, value: &dyn fmt::Display) {
        let written = match self.format {
            LogFormat::Text => write!(self.rest, " {name}={value}"),
            LogFormat::Json => write!(self.rest, ",\"{name}\":{value}"),
        };
        written.expect("writing to a string cannot fail");
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), &value);
    }
}

/// The text with control characters as escapes: a line stays a line.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        // Also the marks that turn the direction of writing, which hide what stands there.
        let hides = matches!(char, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if char.is_control() || hides {
            plain.extend(char.escape_default());
        } else {
            plain.push(char);
        }
    }
    plain
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

/// The text as a JSON string.
fn json(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            char if char.is_control() => {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    write!(json, "\\u{unit:04x}").expect("writing to a string cannot fail");
                }
            }
            char => json.push(char),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
pub(super) mod tests;
