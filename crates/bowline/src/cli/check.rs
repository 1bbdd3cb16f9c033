//! `bowline check`: what is in force, where it comes from, and what is promised on these terms.
//!
//! What it prints is itself a configuration file: values as TOML, the rest as comments.

use std::fmt::Write as _;

use clap::Args;

use super::options::Options;
use super::serve::exit_of;
use super::{Exit, complain, print};
use crate::config::directory::default_directory;
use crate::config::key::{Key, Value};
use crate::config::keys::KEYS;
use crate::config::load::{Loaded, Source};
use crate::config::problem::sections;
use crate::config::reference::sized;
use crate::config::{Config, DEFAULT_PORT};
use crate::server::Server;

/// Print what is in force, where it comes from, and what is promised
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit status: 0 in order, 2 wrong usage, 3 wrong configuration.")]
pub(crate) struct Check {
    #[command(flatten)]
    options: Options,
}

impl Check {
    /// Checks and prints.
    pub(crate) fn run(self) -> Exit {
        let loaded = match self.options.load() {
            Ok(loaded) => loaded,
            Err(problems) => {
                for problem in &problems {
                    complain(&problem.to_string(), None);
                }
                return Exit::Configuration;
            }
        };
        let file = self.options.file().map(|file| file.display().to_string());
        let printed = print(&report(&loaded, file.as_deref()));
        match Server::check(&loaded.config) {
            Ok(()) => printed,
            Err(error) => {
                complain(&error.to_string(), error.hint().as_deref());
                exit_of(&error)
            }
        }
    }
}

/// What `check` prints.
pub(super) fn report(loaded: &Loaded, file: Option<&str>) -> String {
    let mut report = match file {
        Some(file) => format!("# in force with {file}\n"),
        None => "# in force without a configuration file\n".to_owned(),
    };
    for section in sections() {
        let rows: Vec<Row> = KEYS
            .iter()
            .filter(|key| key.parts().0 == section)
            .flat_map(|key| Row::of(key, loaded, file))
            .collect();
        let width = rows
            .iter()
            .map(|row| row.setting.len())
            .max()
            .unwrap_or_default();
        for (at, row) in rows.iter().enumerate() {
            if at == 0 || row.repeats {
                let heading = row.heading(section);
                writeln!(report, "\n{heading}").expect("writing to a string cannot fail");
            }
            writeln!(report, "{:<width$}  # {}", row.setting, row.origin)
                .expect("writing to a string cannot fail");
        }
    }
    report.push('\n');
    for line in promises(&loaded.config) {
        writeln!(report, "# {line}").expect("writing to a string cannot fail");
    }
    report
}

/// One line of the report.
struct Row {
    /// `name = value`, or a comment if there is no value.
    setting: String,
    /// Where it comes from, and the value in a larger unit.
    origin: String,
    /// Stands in a table of its own each time.
    repeats: bool,
}

impl Row {
    /// The lines of a key: one, or one per listener.
    fn of(key: &Key, loaded: &Loaded, file: Option<&str>) -> Vec<Self> {
        let mut values = key.values(&loaded.config);
        if key.name == "listener.address" && values.is_empty() {
            let port = loaded.config.port.unwrap_or(DEFAULT_PORT);
            let loopbacks = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
            values = loopbacks.map(|address| Some(Value::Text(address))).to_vec();
        }
        let source = match loaded.source(key.name) {
            Source::Default => "default".to_owned(),
            Source::File(line) => format!("{}:{line}", file.unwrap_or("file")),
            Source::CommandLine => "command line".to_owned(),
        };
        let repeats = key.is_of_listener();
        let row = |value: Option<Value>| {
            let (_, name) = key.parts();
            match value {
                Some(value) => {
                    let value = value.to_string();
                    let origin = match sized(key, &value) {
                        Some(sized) => format!("{sized}; {source}"),
                        None => source.clone(),
                    };
                    Self {
                        setting: format!("{name} = {value}"),
                        origin,
                        repeats,
                    }
                }
                None => {
                    let absent = absent(key);
                    Self {
                        setting: format!("# {name}: {absent}"),
                        origin: source.clone(),
                        repeats,
                    }
                }
            }
        };
        values.into_iter().map(row).collect()
    }

    fn heading(&self, section: &str) -> String {
        if self.repeats {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        }
    }
}

/// What no value means; the data directory is said as it is here.
fn absent(key: &Key) -> String {
    match (key.name, default_directory()) {
        ("journal.directory", Some(directory)) => directory.display().to_string(),
        _ => key.absent.replace('`', ""),
    }
}

/// What is promised with these values, in plain words.
fn promises(config: &Config) -> Vec<String> {
    let limits = &config.limits;
    let who = if config.access.allow_anonymous {
        "anybody who reaches the listeners may connect, without a password"
    } else {
        "only programs on this machine may connect, without a password"
    };
    vec![
        "durability in force: memory".to_owned(),
        "an acknowledged message is in RAM, queued for every lasting session that it is for; it"
            .to_owned(),
        "outlives their absence, and is lost when the broker or the machine stops".to_owned(),
        format!(
            "a session lasts as its client asks, at most {} after the client has left (3.x: {})",
            duration(limits.session_expiry_secs_max),
            duration(limits.session_expiry_secs_v3),
        ),
        format!(
            "a session holds at most {} messages or {} bytes; then: {}",
            limits.queue_messages_max,
            limits.queue_bytes_max,
            crate::telemetry::events::on_full_words(limits.on_full),
        ),
        who.to_owned(),
    ]
}

/// Seconds in the largest unit that fits.
fn duration(secs: u32) -> String {
    let units = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let fitting = units
        .into_iter()
        .find(|(size, _)| secs >= *size && secs.is_multiple_of(*size));
    let (size, unit) = fitting.unwrap_or((1, "second"));
    let count = secs / size;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
