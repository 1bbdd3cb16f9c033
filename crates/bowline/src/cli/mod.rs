//! The command line: what is asked for, and how it ends.
//!
//! One file per subcommand. stdout is data, stderr is talk; an error is a sentence and, where
//! somebody can do something, a `hint:`.

pub mod bench;
mod check;
pub mod connection;
mod exec;
pub mod format;
mod options;
mod output;
mod properties;
pub mod publish;
mod runtime;
mod serve;
mod signals;
pub mod subscribe;
#[cfg(test)]
mod tests;
mod url;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::reference;

/// `0.1.0 (abc1234 2026-11-21)`, or the version alone where it was not built from a repository.
pub(crate) const VERSION: &str = env!("BOWLINE_VERSION");

/// An MQTT broker whose acknowledgement is a promise, with the clients that belong to it.
#[derive(Debug, Parser)]
#[command(
    name = "bowline",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    after_help = AFTER_HELP,
)]
struct Command {
    #[command(subcommand)]
    task: Option<Task>,
    /// `bowline` alone is `bowline serve`.
    #[command(flatten)]
    serve: serve::Serve,
}

const AFTER_HELP: &str = "\
Without a subcommand: `bowline serve`.

Examples:
  bowline                                     start on 127.0.0.1:1883 and [::1]:1883
  bowline --port 1884 -v                      another port, and say more
  bowline check --config bowline.toml         what is in force, and where it comes from
  bowline sub -t 'sensor/#' -v                print what comes, with its topic
  bowline pub -t sensor/temperature -q 1 -m temp:20
                                              publish; exit status 0: acknowledged

Exit status: 0 stopped, 1 failed, 2 wrong usage, 3 wrong configuration, 4 address in use.";

#[derive(Debug, Subcommand)]
enum Task {
    Serve(serve::Serve),
    Pub(publish::PublishArgs),
    Sub(subscribe::SubscribeArgs),
    Check(check::Check),
    Bench(bench::Bench),
    Generate(Generate),
}

/// Print a part of the documentation that is made from the program.
#[derive(Debug, Args)]
#[command(hide = true)]
struct Generate {
    /// Which part.
    #[arg(value_enum)]
    part: Part,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    /// docs/reference/configuration.md
    Configuration,
}

/// How a broker ended, for scripts and service managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Stopped = 0,
    /// While running.
    Failed = 1,
    /// The configuration is wrong, or asks for what is not there.
    Configuration = 3,
    /// The address or the data directory belongs to somebody else.
    InUse = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Usage errors are 2; `--help` and `--version` come this way too and are 0. If the
            // terminal is gone nobody reads it anyway.
            drop(error.print());
            return usage_exit(&error);
        }
    };
    match command.task {
        None => command.serve.run().into(),
        Some(Task::Serve(serve)) => serve.run().into(),
        Some(Task::Pub(publish)) => publish::run(&publish),
        Some(Task::Sub(subscribe)) => subscribe::run(&subscribe),
        Some(Task::Check(check)) => check.run().into(),
        Some(Task::Bench(bench)) => bench::run(&bench),
        Some(Task::Generate(Generate {
            part: Part::Configuration,
        })) => print(&reference::page()).into(),
    }
}

/// Wrong usage is 2, except for `pub` and `sub`, whose exit codes are those of mosquitto_pub and
/// mosquitto_sub: 1.
fn usage_exit(error: &clap::Error) -> ExitCode {
    let is_client = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "pub" || word == "sub");
    if error.use_stderr() && is_client {
        return ExitCode::from(1);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Writes data to stdout.
pub(crate) fn print(data: &str) -> Exit {
    match io::stdout().write_all(data.as_bytes()) {
        Ok(()) => Exit::Stopped,
        // Whoever read it has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Stopped,
        Err(error) => {
            complain(&format!("cannot write to stdout: {error}"), None);
            Exit::Failed
        }
    }
}

/// Writes a line for people to stderr.
pub(crate) fn say(line: &str) {
    // If stderr is gone there is nobody to tell.
    drop(writeln!(io::stderr(), "{line}"));
}

/// Writes an error, and what to do about it, to stderr.
pub(crate) fn complain(what: &str, hint: Option<&str>) {
    say(&format!("error: {what}"));
    if let Some(hint) = hint {
        say(&format!("hint: {hint}"));
    }
}
