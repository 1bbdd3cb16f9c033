//! What a benchmark is told on the command line.
//!
//! One subcommand per scenario, each with its own numbers, and the options that all share. Values
//! that make no sense together are refused before anything is connected.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use bowline_packet::{ProtocolVersion, QoS};
use clap::{Args, Subcommand, ValueEnum};

use super::cast::WindowBy;
use super::stamp::{FLOWS_MAX, STAMP_BYTES};
use crate::cli::connection::qos;

/// A scenario, with its own numbers.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Scenario {
    /// Pairs of one publisher and one subscriber, each on a topic of its own
    #[command(disable_help_flag = true, disable_version_flag = true)]
    OneToOne {
        /// Pairs of publisher and subscriber
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        pairs: u32,
        #[command(flatten)]
        common: Common,
    },
    /// One publisher, many subscribers: each message is delivered to all of them
    #[command(disable_help_flag = true, disable_version_flag = true)]
    FanOut {
        /// Subscribers
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one())]
        subscribers: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Many publishers, each on its own topic, and one subscriber with a wildcard
    #[command(disable_help_flag = true, disable_version_flag = true)]
    FanIn {
        /// Publishers
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one())]
        publishers: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Publishers, and a share group that divides their messages among its members
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Shared {
        /// Publishers
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        publishers: u32,
        /// Members of the group
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        subscribers: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Many filters, one in four with `#`, one in four with `+`; each message matches one of them
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Filters {
        /// Topic filters in all
        #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = at_least_one())]
        filters: u32,
        /// Publishers
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        publishers: u32,
        /// Subscribers; they divide the filters among themselves
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one())]
        subscribers: u32,
        /// Filters in one SUBSCRIBE
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one())]
        filters_per_subscribe: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Connect many clients as fast as it goes, hold them idle, let them go
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Connect {
        /// Clients
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one())]
        connections: u32,
        /// Connections under way at the same time
        #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one())]
        at_once: u32,
        /// Each client also subscribes to one filter of its own
        #[arg(long)]
        subscribe: bool,
        /// How long the clients stay idle, and how long the broker gets afterwards to tidy up
        #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
        hold: Duration,
        #[command(flatten)]
        common: Common,
    },
    /// Store a retained message on each of many topics, then let subscribers fetch them all
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Retained {
        /// Topics, with one retained message each
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one())]
        topics: u32,
        /// Publishers; they divide the topics among themselves
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        publishers: u32,
        /// Subscribers, each of which fetches all messages
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
        subscribers: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Queue messages for lasting sessions whose clients are away, then let them fetch the backlog
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Offline {
        /// Publishers
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = at_least_one())]
        publishers: u32,
        /// Lasting sessions
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = at_least_one())]
        sessions: u32,
        #[command(flatten)]
        common: Common,
    },
}

/// The options that all scenarios share.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// The broker's name or address
    #[arg(
        short = 'h',
        long,
        default_value = "127.0.0.1",
        help_heading = "Broker"
    )]
    pub(super) host: String,
    /// The broker's port
    #[arg(short = 'p', long, default_value_t = 1883, help_heading = "Broker")]
    pub(super) port: u16,
    /// User name
    #[arg(short = 'u', long, help_heading = "Broker")]
    pub(super) username: Option<String>,
    /// Password
    #[arg(
        short = 'P',
        long = "pw",
        value_name = "PASSWORD",
        help_heading = "Broker"
    )]
    pub(super) password: Option<String>,
    /// Process to measure (repeatable); default: who listens on the port, if it is on this machine
    #[arg(long, value_name = "PID", help_heading = "Broker")]
    pub(super) pid: Vec<u32>,

    /// Protocol version
    #[arg(short = 'V', long, value_enum, default_value_t = Version::V311, help_heading = "Messages")]
    protocol_version: Version,
    /// QoS of publications and subscriptions
    #[arg(short, long, default_value = "0", value_parser = qos, help_heading = "Messages")]
    pub(super) qos: QoS,
    /// Size of the payload in bytes, 16 or more (flow, sequence number and time live in it)
    #[arg(
        short = 's',
        long,
        value_name = "BYTES",
        default_value_t = 64,
        help_heading = "Messages"
    )]
    payload: u32,
    /// Subscribers have lasting sessions
    #[arg(long, help_heading = "Messages")]
    pub(super) lasting: bool,

    /// Messages that one publisher has outstanding; default: 32, at QoS 0 up to 1,000 (64 KiB)
    #[arg(short, long, value_name = "N", value_parser = at_least_one(), help_heading = "Load")]
    window: Option<u32>,
    /// What ends a message's being outstanding; QoS 0 knows delivery only
    #[arg(long, value_enum, default_value_t = WindowBy::Both, help_heading = "Load")]
    pub(super) window_by: WindowBy,
    /// Open loop: so many messages a second in all, in time, whatever the broker does
    #[arg(short, long, value_name = "PER_SECOND", value_parser = rate, help_heading = "Load")]
    pub(super) rate: Option<f64>,
    /// How long to measure
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = seconds, help_heading = "Load")]
    pub(super) duration: Duration,
    /// How long to run before measuring
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds, help_heading = "Load")]
    pub(super) warm_up: Duration,
    /// Send so many messages in all, in place of a time; all of it is measured
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Load")]
    pub(super) messages: Option<u64>,
    /// Give up when nothing has moved for so long
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, help_heading = "Load")]
    pub(super) patience: Duration,
    /// Threads of the load generator; each plays its part of the scenario for itself
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one(), help_heading = "Load")]
    pub(super) threads: u32,
    /// Wait so long between two turns of a closed loop: cheaper for the load generator, and for
    /// brokers too, which then get and give more at a time
    #[arg(
        long,
        value_name = "MICROSECONDS",
        default_value_t = 0,
        help_heading = "Load"
    )]
    pub(super) gather: u64,
    /// The broker is a relay that copies bytes between pairs of connections
    #[arg(long, hide = true)]
    pub(super) raw: bool,

    /// Write the results as JSON to this file; `-` is stdout, in place of the table
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) json: Option<PathBuf>,
    /// Say on stderr how it goes, also where stderr is no terminal
    #[arg(long, help_heading = "Output")]
    pub(super) progress: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Output")]
    help: Option<bool>,
}

/// The words for protocol versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Version {
    #[value(name = "311", alias = "mqttv311", alias = "3.1.1")]
    V311,
    #[value(name = "5", alias = "mqttv5", alias = "5.0")]
    V5,
}

/// The bytes that the default window of QoS 0 may come to.
const WINDOW_BYTES: u32 = 64 * 1024;

impl Scenario {
    /// Its name on the command line.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::OneToOne { .. } => "one-to-one",
            Self::FanOut { .. } => "fan-out",
            Self::FanIn { .. } => "fan-in",
            Self::Shared { .. } => "shared",
            Self::Filters { .. } => "filters",
            Self::Connect { .. } => "connect",
            Self::Retained { .. } => "retained",
            Self::Offline { .. } => "offline",
        }
    }

    /// The options that all scenarios share.
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::OneToOne { common, .. }
            | Self::FanOut { common, .. }
            | Self::FanIn { common, .. }
            | Self::Shared { common, .. }
            | Self::Filters { common, .. }
            | Self::Connect { common, .. }
            | Self::Retained { common, .. }
            | Self::Offline { common, .. } => common,
        }
    }

    /// The same, to be changed.
    pub(super) fn common_mut(&mut self) -> &mut Common {
        match self {
            Self::OneToOne { common, .. }
            | Self::FanOut { common, .. }
            | Self::FanIn { common, .. }
            | Self::Shared { common, .. }
            | Self::Filters { common, .. }
            | Self::Connect { common, .. }
            | Self::Retained { common, .. }
            | Self::Offline { common, .. } => common,
        }
    }

    /// Its clients: publishers, then subscribers.
    pub(super) fn clients(&self) -> (u32, u32) {
        match *self {
            Self::OneToOne { pairs, .. } => (pairs, pairs),
            Self::FanOut { subscribers, .. } => (1, subscribers),
            Self::FanIn { publishers, .. } => (publishers, 1),
            Self::Shared {
                publishers,
                subscribers,
                ..
            }
            | Self::Filters {
                publishers,
                subscribers,
                ..
            }
            | Self::Retained {
                publishers,
                subscribers,
                ..
            } => (publishers, subscribers),
            Self::Connect { connections, .. } => (0, connections),
            Self::Offline {
                publishers,
                sessions,
                ..
            } => (publishers, sessions),
        }
    }

    /// How many threads can play it side by side.
    fn parts(&self) -> u32 {
        let (publishers, subscribers) = self.clients();
        match self {
            Self::FanOut { .. } | Self::Connect { .. } => subscribers,
            Self::FanIn { .. } => publishers,
            Self::OneToOne { .. }
            | Self::Shared { .. }
            | Self::Filters { .. }
            | Self::Retained { .. }
            | Self::Offline { .. } => publishers.min(subscribers),
        }
    }

    /// Refuses what makes no sense, in words with a hint.
    pub(super) fn check(&self) -> Result<(), String> {
        let common = self.common();
        let is_offline = matches!(self, Self::Offline { .. });
        let (publishers, _) = self.clients();
        if common.payload_bytes() < STAMP_BYTES {
            return Err(format!(
                "a payload of {} bytes has no room for flow, sequence number and time\nhint: say \
                 `--payload {STAMP_BYTES}` or more",
                common.payload
            ));
        }
        if usize::try_from(publishers).is_ok_and(|count| count >= FLOWS_MAX) {
            return Err(format!(
                "at most {} publishers can be told apart",
                FLOWS_MAX - 1
            ));
        }
        if common.threads > 1 && common.threads > self.parts() {
            return Err(format!(
                "{} threads have not one client of each kind to play for each of them\nhint: fewer \
                 threads, or more clients",
                common.threads
            ));
        }
        if is_offline && common.qos == QoS::AtMostOnce {
            return Err(
                "absent clients get no QoS 0 messages from most brokers\nhint: add `--qos 1`"
                    .to_owned(),
            );
        }
        if common.qos == QoS::AtMostOnce && common.window_by == WindowBy::Acknowledgement {
            return Err("QoS 0 has no acknowledgements\nhint: leave out `--window-by`".to_owned());
        }
        if common.raw && !matches!(self, Self::OneToOne { .. }) {
            return Err("a relay has pairs only\nhint: one-to-one".to_owned());
        }
        Ok(())
    }
}

impl Common {
    pub(super) fn version(&self) -> ProtocolVersion {
        match self.protocol_version {
            Version::V311 => ProtocolVersion::V311,
            Version::V5 => ProtocolVersion::V5,
        }
    }

    pub(super) fn payload_bytes(&self) -> usize {
        usize::try_from(self.payload).expect("32 bits fit")
    }

    /// The window, asked for or by default.
    pub(super) fn window(&self) -> usize {
        // A packet has a payload and about 32 bytes besides. QoS 0 needs a deep window to keep the
        // broker busy, and a bounded one so that nobody has to drop.
        let default = match self.qos {
            QoS::AtMostOnce => (WINDOW_BYTES / self.payload.saturating_add(32)).clamp(8, 1_000),
            QoS::AtLeastOnce | QoS::ExactlyOnce => 32,
        };
        let window = match (self.window, self.rate) {
            (Some(window), _) => window,
            (None, None) => default,
            // An open loop is held up by nothing but the identifiers.
            (None, Some(_)) => 10_000,
        };
        usize::try_from(window).expect("32 bits fit")
    }

    /// When a message is no longer outstanding.
    pub(super) fn window_by(&self) -> WindowBy {
        match self.qos {
            QoS::AtMostOnce => WindowBy::Delivery,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.window_by,
        }
    }
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// A number of seconds, such as `0.5`.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|secs| Duration::try_from_secs_f64(secs).ok())
        .ok_or_else(|| "must be a number of seconds".to_owned())
}

/// Messages a second, above zero.
fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "must be a number above 0".to_owned())
}
