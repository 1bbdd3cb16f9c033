//! The options that `serve` and `check` share: they go before the file, and the file before the
//! defaults.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::load::{Loaded, Source};
use crate::config::problem::Problem;
use crate::config::{Durability, Listener};
use crate::telemetry::log::LogFormat;

/// What a broker is told on the command line.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Listen here, in place of what the configuration says (repeatable)
    #[arg(long, value_name = "HOST:PORT")]
    listen: Vec<String>,

    /// Listen on this port of the loopback addresses [default: 1883]
    #[arg(short, long, value_name = "N", conflicts_with = "listen")]
    port: Option<u16>,

    /// Keep the data in this directory [default: $XDG_DATA_HOME/bowline]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// What an acknowledgement is worth; only `memory` is there in this version
    #[arg(
        long,
        value_enum,
        value_name = "disk|os|memory",
        hide_possible_values = true
    )]
    durability: Option<DurabilityName>,

    /// Threads that serve clients [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: Option<u8>,

    /// Read the configuration from this TOML file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Say more (repeat for still more)
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,

    /// How log lines look
    #[arg(
        long,
        value_enum,
        value_name = "text|json",
        hide_possible_values = true
    )]
    log_format: Option<LogFormatName>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DurabilityName {
    Disk,
    Os,
    Memory,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatName {
    Text,
    Json,
}

impl Options {
    /// What is in force with these options, and where each value comes from.
    pub(crate) fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let mut loaded = match &self.config {
            Some(path) => Loaded::from_file(path)?,
            None => Loaded::default(),
        };
        self.apply(&mut loaded).map_err(|problem| vec![problem])?;
        Ok(loaded)
    }

    /// The file that was read.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        self.config.as_ref()
    }

    fn apply(&self, loaded: &mut Loaded) -> Result<(), Problem> {
        let Self {
            listen,
            port,
            data_dir,
            durability,
            workers,
            config: _,
            verbose,
            log_format,
        } = self;
        if !listen.is_empty() {
            loaded.config.listeners = listen.iter().map(Listener::at).collect();
            loaded.set_source("listener.address", Source::CommandLine);
        }
        if let Some(port) = *port {
            if !loaded.config.listeners.is_empty() {
                return Err(Problem {
                    place: None,
                    what: "`--port` moves the default listeners, and the configuration has its own"
                        .to_owned(),
                    hint: Some(format!("say `--listen 127.0.0.1:{port}`")),
                });
            }
            loaded.config.port = Some(port);
            loaded.set_source("listener.address", Source::CommandLine);
        }
        if let Some(directory) = data_dir {
            loaded.config.journal.directory = Some(directory.clone());
            loaded.set_source("journal.directory", Source::CommandLine);
        }
        if let Some(durability) = durability {
            loaded.config.journal.durability = match durability {
                DurabilityName::Disk => Durability::Disk,
                DurabilityName::Os => Durability::Os,
                DurabilityName::Memory => Durability::Memory,
            };
            loaded.set_source("journal.durability", Source::CommandLine);
        }
        if let Some(workers) = *workers {
            loaded.config.workers.count = Some(workers.into());
            loaded.set_source("workers.count", Source::CommandLine);
        }
        if *verbose > 0 {
            loaded.config.log.level = loaded.config.log.level.more(*verbose);
            loaded.set_source("log.level", Source::CommandLine);
        }
        if let Some(format) = log_format {
            loaded.config.log.format = match format {
                LogFormatName::Text => LogFormat::Text,
                LogFormatName::Json => LogFormat::Json,
            };
            loaded.set_source("log.format", Source::CommandLine);
        }
        Ok(())
    }
}
