//! The options that `pub` and `sub` share: where the server is, who we are, session and will.
//!
//! Promises: letters and meaning are those of mosquitto_pub and mosquitto_sub; the default
//! version is 5.0, because only there a refusal has a reason. Exit codes stand in one place here.
//! Deliberately absent: TLS and WebSocket options, until the client has them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bowline_client::{
    ConnectError, Disconnection, Endpoint, Message, Notice, Options, ProtocolVersion, QoS, Will,
    random_client_id,
};
use clap::{Args, ValueEnum};

use super::output::{complain, say, say_trace};
use super::properties::Properties;
use super::url::Url;

/// Something went wrong before or beside MQTT.
pub const FAILED: u8 = 1;
/// `-W` passed.
pub const TIMED_OUT: u8 = 27;

/// The options that `pub` and `sub` share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The server's name or address
    #[arg(short = 'h', long, default_value = "localhost")]
    host: String,
    /// The server's port
    #[arg(short = 'p', long, default_value_t = 1883)]
    port: u16,
    /// Connect to this Unix domain socket instead
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Host, port, user, password and topic in one: mqtt://[user[:password]@]host[:port]/topic
    /// (it wins over -h and -p)
    #[arg(short = 'L', long, conflicts_with = "unix")]
    url: Option<String>,
    /// Client identifier; made by chance if absent
    #[arg(short = 'i', long, allow_hyphen_values = true)]
    id: Option<String>,
    /// Client identifier from this prefix and the process id
    #[arg(short = 'I', long, value_name = "PREFIX", conflicts_with = "id")]
    id_prefix: Option<String>,
    /// User name
    #[arg(short = 'u', long, allow_hyphen_values = true)]
    username: Option<String>,
    /// Password
    #[arg(
        short = 'P',
        long = "pw",
        value_name = "PASSWORD",
        allow_hyphen_values = true
    )]
    password: Option<String>,
    /// Use a lasting session: continue it, and leave it with the server. Needs -i
    #[arg(short = 'c', long = "disable-clean-session")]
    lasting: bool,
    /// How long the server keeps the session, in seconds (5.0); -1 or ∞: for ever. Default: for
    /// ever with -c, else not at all
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = expiry, allow_hyphen_values = true)]
    session_expiry_interval: Option<u32>,
    /// Keep alive in seconds; 0 turns it off
    #[arg(
        short = 'k',
        long = "keepalive",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    keep_alive: u16,
    /// Protocol version. (mosquitto_pub and mosquitto_sub begin with 3.1.1; here it is 5.0,
    /// because only 5.0 lets a server say that it refused a message.)
    #[arg(short = 'V', long, value_enum, default_value_t = Version::V5)]
    protocol_version: Version,
    /// A 5.0 property: COMMAND IDENTIFIER VALUE, or COMMAND user-property NAME VALUE. Repeatable
    #[arg(short = 'D', long = "property", num_args = 3..=4, value_names = ["COMMAND", "IDENTIFIER", "VALUE"])]
    properties: Vec<String>,
    /// Show each packet, on stdout
    #[arg(short = 'd', long)]
    pub(super) debug: bool,
    /// Say nothing about errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// Accepted and without effect: small packets are never held back
    #[arg(long, hide = true)]
    nodelay: bool,

    /// The server publishes a will on this topic if the connection is lost
    #[arg(long, value_name = "TOPIC", help_heading = "Will")]
    will_topic: Option<String>,
    /// Payload of the will
    #[arg(
        long,
        value_name = "TEXT",
        requires = "will_topic",
        allow_hyphen_values = true,
        help_heading = "Will"
    )]
    will_payload: Option<String>,
    /// QoS of the will
    #[arg(long, value_name = "QOS", requires = "will_topic", default_value = "0", value_parser = qos, help_heading = "Will")]
    will_qos: QoS,
    /// The will is retained
    #[arg(long, requires = "will_topic", help_heading = "Will")]
    will_retain: bool,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Output")]
    help: Option<bool>,
    /// Print version (-V is the protocol's)
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Output")]
    version: Option<bool>,
}

/// The words for protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    #[value(name = "5", alias = "mqttv5", alias = "5.0")]
    V5,
    #[value(name = "311", alias = "mqttv311", alias = "3.1.1")]
    V311,
    #[value(name = "31", alias = "mqttv31", alias = "3.1")]
    V31,
}

/// What the shared options come to.
pub(super) struct Target {
    pub(super) options: Options,
    pub(super) properties: Properties,
    /// The topic of the URL.
    pub(super) topic: Option<String>,
    pub(super) lasting: bool,
    pub(super) expiry_given: bool,
}

impl ConnectionArgs {
    /// Puts the options together; the error is for the user.
    pub(super) fn target(&self) -> Result<Target, String> {
        let properties = Properties::parse(&self.properties)?;
        let url = self.url.as_deref().map(Url::parse).transpose()?;
        let mut options = Options::at(self.endpoint(url.as_ref())?);
        let session = &mut options.session;
        session.version = match self.protocol_version {
            Version::V5 => ProtocolVersion::V5,
            Version::V311 => ProtocolVersion::V311,
            Version::V31 => ProtocolVersion::V31,
        };
        let is_v5 = session.version == ProtocolVersion::V5;
        let wants_v5 = !self.properties.is_empty() || self.session_expiry_interval.is_some();
        if wants_v5 && !is_v5 {
            return Err("-D and -x need protocol version 5\nhint: leave out -V".to_owned());
        }
        let lasting_id = self.id.is_some() || self.id_prefix.is_some();
        let for_ever = self.session_expiry_interval == Some(u32::MAX);
        if (self.lasting || for_ever) && !lasting_id {
            return Err("a lasting session needs a client identifier\nhint: add -i ID".to_owned());
        }
        session.client_id = match (&self.id, &self.id_prefix) {
            (Some(id), _) => id.clone(),
            (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
            (None, None) => random_client_id("bowline-"),
        };
        session.keep_alive_secs = self.keep_alive;
        session.username = self
            .username
            .clone()
            .or_else(|| url.as_ref().and_then(|url| url.username.clone()));
        session.password = self
            .password
            .clone()
            .or_else(|| url.as_ref().and_then(|url| url.password.clone()))
            .map(String::into_bytes);
        session.will = self.will(&properties);
        if self.lasting {
            let expiry = self.session_expiry_interval.unwrap_or(u32::MAX);
            options = options.with_lasting_session(expiry);
        } else {
            options.session.session_expiry_secs = self.session_expiry_interval;
        }
        properties.apply(&mut options.session)?;
        options.reconnect_wait_first = Duration::from_millis(500);
        if self.debug {
            options = options.with_packet_trace();
        }
        let quiet = self.quiet;
        options = options.with_observer(move |notice| tell(notice, quiet));
        Ok(Target {
            expiry_given: options.session.session_expiry_secs.is_some(),
            options,
            properties,
            topic: url.and_then(|url| url.topic),
            lasting: self.lasting,
        })
    }

    fn endpoint(&self, url: Option<&Url>) -> Result<Endpoint, String> {
        match (&self.unix, url) {
            #[cfg(unix)]
            (Some(path), _) => Ok(Endpoint::Unix { path: path.clone() }),
            #[cfg(not(unix))]
            (Some(_), _) => Err("this system has no Unix domain sockets".to_owned()),
            (None, Some(url)) => Ok(Endpoint::Tcp {
                host: url.host.clone(),
                port: url.port.unwrap_or(1883),
            }),
            (None, None) => Ok(Endpoint::Tcp {
                host: self.host.clone(),
                port: self.port,
            }),
        }
    }

    fn will(&self, properties: &Properties) -> Option<Will> {
        let topic = self.will_topic.clone()?;
        let payload = self.will_payload.clone().unwrap_or_default();
        let message = Message::new(topic, payload)
            .with_qos(self.will_qos)
            .with_retain(self.will_retain)
            .with_properties(properties.will.clone());
        Some(Will {
            message,
            delay_secs: properties.will_delay_secs,
        })
    }
}

/// What the client says while it runs. Losing the server is worth a line; packets come with -d.
fn tell(notice: &Notice, quiet: bool) {
    match notice {
        Notice::Sent(line) => say_trace(&format!("sending {line}")),
        Notice::Arrived(line) => say_trace(&format!("received {line}")),
        Notice::Disconnected {
            why,
            retry_in: Some(wait),
            ..
        } if !quiet => {
            say(&format!(
                "{why}; trying again in {:.1} s",
                wait.as_secs_f32()
            ));
        }
        Notice::SubscriptionLost { filter, reason } if !quiet => {
            say(&format!(
                "subscription to `{filter}` lost: {}",
                reason.description()
            ));
        }
        _ => {}
    }
}

/// Says why there is no connection; returns the exit code: the server's code if it refused.
pub(super) fn report_connect_error(error: &ConnectError, quiet: bool) -> ExitCode {
    if !quiet {
        complain(&error.to_string());
    }
    match error {
        ConnectError::Server(Disconnection::Refused { code, .. }) => ExitCode::from(*code),
        ConnectError::Network { .. } | ConnectError::Server(_) | ConnectError::Options(_) => {
            ExitCode::from(FAILED)
        }
    }
}

/// `0`, `1` or `2`.
pub(super) fn qos(text: &str) -> Result<QoS, String> {
    text.parse()
        .ok()
        .and_then(QoS::from_bits)
        .ok_or_else(|| "must be 0, 1 or 2".to_owned())
}

/// Seconds, or one of the words for "for ever".
fn expiry(text: &str) -> Result<u32, String> {
    match text {
        "-1" | "∞" => Ok(u32::MAX),
        _ => text
            .parse()
            .map_err(|_| "must be a number of seconds, -1 or ∞".to_owned()),
    }
}
