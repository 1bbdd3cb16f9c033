//! `bowline sub`: receive, and acknowledge what was processed.
//!
//! Promises: a message is acknowledged only after it was written and flushed, or after the
//! command of `--exec` has succeeded; what was not processed stays with the server (for as long as
//! the session lasts). A connection that is lost later is made again, for ever. Stdout carries
//! only messages, except with `-d`.

use std::future::pending;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use bowline_client::{
    Client, Delivery, Message, Messages, ProtocolVersion, QoS, ReasonCode, Received, RequestError,
    RetainHandling, SubscribeRequest, SubscriptionOptions, UnsubscribeRequest,
};
use bowline_packet::{TopicFilter, matches};
use clap::{Args, ValueEnum};
use jiff::Zoned;
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::{ConnectionArgs, FAILED, TIMED_OUT, Target, qos, report_connect_error};
use super::exec::{execute, wait_after};
use super::format::Format;
use super::output::{complain, say, write_out};
use super::signals::Interrupt;

/// How long a session of `--exec` outlives a connection if nobody said otherwise, in seconds.
const EXEC_EXPIRY_SECS: u32 = 300;
/// Messages that the server sends ahead of the command that processes them.
const EXEC_RECEIVE_MAXIMUM: u16 = 100;
/// A burst of retained messages is over when nothing came for so long.
const RETAINED_PAUSE: Duration = Duration::from_secs(1);

/// Subscribe to topics and print, or process, the messages.
///
/// Exit code 0: done (-C reached, -E, interrupted). 27: -W passed. Otherwise the server's reason
/// code where it refused the connection or every topic filter (135: not authorized), or else 1.
#[derive(Debug, Args)]
#[command(
    version = super::VERSION,
    disable_version_flag = true,
    disable_help_flag = true,
    after_help = "Letters are those of mosquitto_sub. It differs on purpose: a message is \
                  acknowledged after it was printed or processed, so that what did not come out \
                  comes again in a lasting session (-c); when every filter is refused the exit \
                  code is the reason code; the protocol version is 5.0 unless -V says otherwise; \
                  --help exits 0.",
    after_long_help = FORMAT_HELP
)]
pub struct SubscribeArgs {
    /// A topic filter, with wildcards + and #; repeatable
    #[arg(short, long, allow_hyphen_values = true)]
    topic: Vec<String>,
    /// Quality of service of all filters
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// Do not print messages whose topic matches this filter; repeatable
    #[arg(short = 'T', long, value_name = "FILTER", allow_hyphen_values = true)]
    filter_out: Vec<String>,
    /// Unsubscribe from this filter; repeatable
    #[arg(short = 'U', long, value_name = "FILTER", allow_hyphen_values = true)]
    unsubscribe: Vec<String>,
    /// Do not print retained messages (those that are already there when one subscribes)
    #[arg(short = 'R')]
    no_retained: bool,
    /// Print only retained messages, and exit at the first that is not
    #[arg(long, conflicts_with = "no_retained")]
    retained_only: bool,
    /// Clear the retained messages that are received (not those of -T); on a terminal it lists
    /// them and asks first
    #[arg(long)]
    remove_retained: bool,
    /// Do not ask
    #[arg(long, requires = "remove_retained")]
    yes: bool,
    /// Keep the retain flag of messages as it was published (5.0)
    #[arg(long)]
    retain_as_published: bool,
    /// When the server sends the retained messages (5.0)
    #[arg(long, value_enum, default_value_t = Retained::Always, value_name = "WHEN")]
    retain_handling: Retained,
    /// Exit after this many messages
    #[arg(short = 'C', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Exit with 27 after this many seconds
    #[arg(short = 'W', value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Exit as soon as the subscriptions are made (with -c: to create a session)
    #[arg(short = 'E')]
    exit_when_subscribed: bool,
    /// Run a shell command for each message, one after another: payload on stdin, the rest in
    /// BOWLINE_TOPIC, BOWLINE_QOS, BOWLINE_RETAIN, BOWLINE_DUP, BOWLINE_PACKET_ID,
    /// BOWLINE_CONTENT_TYPE, BOWLINE_RESPONSE_TOPIC, BOWLINE_CORRELATION_DATA,
    /// BOWLINE_USER_PROPERTY_NAME. The message is acknowledged only if the command exits 0.
    /// Otherwise, after 1, 2, 4 … 30 seconds, sub reconnects, and the server sends this message and
    /// all later ones again, in order. That needs a session that outlives a connection: -c, or
    /// 5.0, where it lasts 300 seconds unless -x says otherwise. QoS 0 is never sent again
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true, conflicts_with_all = ["format", "verbose", "remove_retained"])]
    exec: Option<String>,
    /// Print `topic payload`
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
    /// Print no newline after each message
    #[arg(short = 'N', help_heading = "Output")]
    no_newline: bool,
    /// Print each message in this format; see below
    #[arg(
        short = 'F',
        value_name = "FORMAT",
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    format: Option<String>,
    /// Indent the JSON of %j and %J
    #[arg(long, help_heading = "Output")]
    pretty: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What `--help` says about `-F`.
const FORMAT_HELP: &str = "\
Letters are those of mosquitto_sub. It differs on purpose: a message is acknowledged after it was
printed or processed, so that what did not come out comes again in a lasting session (-c); when
every filter is refused the exit code is the reason code; the protocol version is 5.0 unless -V
says otherwise; --help exits 0.

Format (-F):
  %t topic             %p payload            %x %X payload in hexadecimal
  %l payload length    %q QoS                %r retain, 0 or 1
  %m packet identifier %j JSON, payload as a string
                       %J JSON, payload as JSON (an error if it is none)
  %I time, ISO 8601    %U time, seconds since 1970 with nanoseconds
  %f %d payload as a binary float or double, little-endian
  5.0: %A topic alias  %C content type       %D correlation data
       %E expiry       %F payload format     %P user properties, name:value
       %R response topic                     %S subscription identifier
  %% @@ \\\\             the character itself
  @X                   the local time, strftime's %X; @N nanoseconds
  \\0 \\a \\e \\n \\r \\t \\v as in C; \\e is escape
  between % and letter: - left, 0 with zeros, width, .longest (for %x: .nibbles per group and
  then the character between groups)";

/// The words of `--retain-handling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Retained {
    /// Whenever one subscribes
    Always,
    /// Only for a new subscription
    New,
    /// Never
    Never,
}

/// Runs `bowline sub`.
#[must_use]
pub fn run(args: &SubscribeArgs) -> ExitCode {
    match args.prepare() {
        Ok((target, format)) => super::runtime::block_on(subscribe(args, target, format)),
        Err(why) => {
            complain(&why);
            ExitCode::from(FAILED)
        }
    }
}

impl SubscribeArgs {
    fn prepare(&self) -> Result<(Target, Option<Format>), String> {
        let mut target = self.connection.target()?;
        if self.topic.is_empty() && target.topic.is_none() && self.unsubscribe.is_empty() {
            return Err("no topic filter given\nhint: add -t FILTER".to_owned());
        }
        let url_topic = target.topic.iter();
        for filter in self.topic.iter().chain(&self.unsubscribe).chain(url_topic) {
            TopicFilter::parse(filter).map_err(|why| format!("`{filter}`: {why}"))?;
        }
        for filter in &self.filter_out {
            TopicFilter::parse(filter).map_err(|why| format!("`{filter}`: {why}"))?;
        }
        let format = self.format.as_deref().map(Format::parse).transpose()?;
        let session = &mut target.options.session;
        if self.exec.is_some() && session.version == ProtocolVersion::V5 {
            if !target.expiry_given {
                session.session_expiry_secs = Some(EXEC_EXPIRY_SECS);
            }
            if !target.properties.sets_receive_maximum() {
                session.receive_maximum = EXEC_RECEIVE_MAXIMUM.try_into().ok();
            }
        }
        target.options = target.options.with_manual_ack();
        Ok((target, format))
    }

    fn request(&self, target: &Target) -> SubscribeRequest {
        let options = SubscriptionOptions {
            qos: self.qos,
            retain_as_published: self.retain_as_published,
            retain_handling: match self.retain_handling {
                Retained::Always => RetainHandling::SendAtSubscribe,
                Retained::New => RetainHandling::SendIfNew,
                Retained::Never => RetainHandling::DoNotSend,
            },
            ..SubscriptionOptions::default()
        };
        let filters = self.topic.iter().chain(&target.topic);
        SubscribeRequest {
            filters: filters.map(|filter| (filter.clone(), options)).collect(),
            identifier: target.properties.subscription_identifier,
            user_properties: target.properties.subscribe_user.clone(),
        }
    }
}

async fn subscribe(args: &SubscribeArgs, target: Target, format: Option<Format>) -> ExitCode {
    let quiet = args.connection.quiet;
    let mut interrupt = Interrupt::new();
    let connecting = Client::connect(target.options.clone());
    let (client, messages) = match connecting.await {
        Ok(both) => both,
        Err(why) => return report_connect_error(&why, quiet),
    };
    let deadline = args
        .timeout
        .map(|secs| Instant::now() + Duration::from_secs(secs));
    let mut run = Run {
        args,
        target,
        format,
        client,
        messages,
        printed: 0,
        to_clear: Vec::new(),
    };
    let end = tokio::select! {
        end = run.run() => end,
        () = interrupt.wait() => End { code: 0, with_will: true },
        () = at(deadline) => {
            if !quiet {
                say("Timed out");
            }
            End { code: TIMED_OUT, with_will: false }
        }
    };
    let reason = if end.with_will {
        ReasonCode::DisconnectWithWill
    } else {
        ReasonCode::Success
    };
    run.client.disconnect_with(reason, run.last_expiry()).await;
    ExitCode::from(end.code)
}

/// How `sub` ends.
struct End {
    code: u8,
    with_will: bool,
}

impl End {
    fn with(code: u8) -> Self {
        Self {
            code,
            with_will: false,
        }
    }
}

/// One run of `sub`.
struct Run<'a> {
    args: &'a SubscribeArgs,
    target: Target,
    format: Option<Format>,
    client: Client,
    messages: Messages,
    /// Messages that count for `-C`.
    printed: u64,
    /// `--remove-retained` on a terminal: topics to ask about.
    to_clear: Vec<String>,
}

impl Run<'_> {
    async fn run(&mut self) -> End {
        if let Err(end) = self.make_subscriptions().await {
            return end;
        }
        if self.args.exit_when_subscribed {
            return End::with(0);
        }
        let mut failures = 0;
        loop {
            let quiet_since = (!self.to_clear.is_empty()).then(|| Instant::now() + RETAINED_PAUSE);
            let received = tokio::select! {
                received = self.messages.recv() => received,
                () = at(quiet_since) => {
                    self.ask_and_clear().await;
                    continue;
                }
            };
            let Some(received) = received else {
                self.complain("another client took the session over");
                return End::with(FAILED);
            };
            match self.process(&received, &mut failures).await {
                Done::Yes => {
                    // The end of the client is told by the next `recv`.
                    let _ = received.ack().await;
                }
                Done::Again => {
                    drop(received);
                    let _ = self.messages.redeliver().await;
                    continue;
                }
                Done::Enough => return End::with(0),
                Done::Failed => return End::with(FAILED),
            }
            if self.args.count.is_some_and(|count| self.printed >= count) {
                return End::with(0);
            }
        }
    }

    async fn make_subscriptions(&mut self) -> Result<(), End> {
        let request = self.args.request(&self.target);
        if !request.filters.is_empty() {
            let filters: Vec<String> = request
                .filters
                .iter()
                .map(|(filter, _)| filter.clone())
                .collect();
            let answer = self.client.request_subscription(request).await;
            let outcome = answer.map_err(|why| self.request_failed(&why))?;
            let mut refused = Vec::new();
            for (filter, code) in filters.iter().zip(&outcome.codes) {
                if code.is_error() {
                    refused.push(code.code());
                    self.complain(&format!("`{filter}` refused: {}", code.description()));
                }
            }
            if let Some(code) = refused.first().filter(|_| refused.len() == filters.len()) {
                return Err(End::with(*code));
            }
        }
        if !self.args.unsubscribe.is_empty() {
            let request = UnsubscribeRequest {
                filters: self.args.unsubscribe.clone(),
                user_properties: self.target.properties.unsubscribe_user.clone(),
            };
            let answer = self.client.request_unsubscription(request).await;
            answer.map_err(|why| self.request_failed(&why))?;
        }
        Ok(())
    }

    fn request_failed(&self, why: &RequestError) -> End {
        self.complain(&why.to_string());
        End::with(FAILED)
    }

    /// Prints the message, or runs the command.
    async fn process(&mut self, received: &Received, failures: &mut u32) -> Done {
        let (args, message) = (self.args, &received.message);
        if args.retained_only && !message.retain {
            return Done::Enough;
        }
        if args
            .filter_out
            .iter()
            .any(|filter| matches(filter, &message.topic))
        {
            return Done::Yes;
        }
        if args.remove_retained && message.retain {
            self.remove(&message.topic).await;
        }
        if args.no_retained && message.retain {
            return Done::Yes;
        }
        if let Some(command) = &args.exec {
            match execute(command, received).await {
                Ok(()) => *failures = 0,
                Err(why) => {
                    *failures += 1;
                    return self.after_failure(received, *failures, &why).await;
                }
            }
        } else if let Err(why) = self.print(received) {
            if why.kind() == io::ErrorKind::BrokenPipe {
                return Done::Enough; // Whoever read it has read enough, as `head` does.
            }
            self.complain(&format!("cannot write to stdout: {why}"));
            return Done::Failed;
        }
        self.printed += 1;
        Done::Yes
    }

    async fn after_failure(&self, received: &Delivery, failures: u32, why: &str) -> Done {
        let topic = &received.message.topic;
        if received.token.is_none() {
            self.complain(&format!(
                "`{topic}`: {why}; at QoS 0 it will not come again"
            ));
            return Done::Yes;
        }
        let lasting = self.target.lasting
            || self
                .target
                .options
                .session
                .session_expiry_secs
                .is_some_and(|secs| secs > 0);
        if !lasting {
            self.complain(&format!(
                "`{topic}`: {why}; the session does not last, so the message is lost\n\
                 hint: add -c -i ID"
            ));
            return Done::Yes;
        }
        let wait = wait_after(failures);
        self.complain(&format!(
            "`{topic}`: {why}; not acknowledged, again in {} s",
            wait.as_secs()
        ));
        sleep(wait).await;
        Done::Again
    }

    fn print(&self, delivery: &Delivery) -> io::Result<()> {
        let message = &delivery.message;
        let mut line = Vec::with_capacity(message.payload.len() + message.topic.len() + 2);
        let empty = message.payload.is_empty();
        if let Some(format) = &self.format {
            if let Err(why) = format.render(delivery, &Zoned::now(), self.args.pretty, &mut line) {
                self.complain(&format!("{why} on topic {}", message.topic));
                return Ok(());
            }
        } else if empty && (!self.args.verbose || self.args.no_newline) {
            return Ok(()); // Not even a newline, as in mosquitto_sub.
        } else if self.args.verbose {
            line.extend_from_slice(message.topic.as_bytes());
            line.push(b' ');
            line.extend_from_slice(if empty { b"(null)" } else { &message.payload });
        } else {
            line.extend_from_slice(&message.payload);
        }
        if !self.args.no_newline {
            line.push(b'\n');
        }
        write_out(&line)
    }

    /// A retained message came that is to be cleared.
    async fn remove(&mut self, topic: &str) {
        if self.args.yes || !io::stdin().is_terminal() {
            self.clear(topic).await;
        } else {
            self.to_clear.push(topic.to_owned());
        }
    }

    async fn clear(&self, topic: &str) {
        let empty = Message::new(topic, "")
            .with_qos(QoS::AtLeastOnce)
            .with_retain(true);
        match self.client.publish(empty).await {
            Ok(_) => say(&format!("cleared `{topic}`")),
            Err(why) => self.complain(&format!("`{topic}` was not cleared: {why}")),
        }
    }

    /// Lists what was found, asks, and clears.
    async fn ask_and_clear(&mut self) {
        let topics = std::mem::take(&mut self.to_clear);
        for topic in &topics {
            say(&format!("retained: `{topic}`"));
        }
        say(&format!(
            "clear these {} retained messages? [y/N]",
            topics.len()
        ));
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let yes = answer.await.is_ok_and(|answer| {
            answer.is_ok_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes"))
        });
        if yes {
            for topic in &topics {
                self.clear(topic).await;
            }
        }
    }

    /// The session of `--exec` was ours only for the time of the run.
    fn last_expiry(&self) -> Option<u32> {
        let ours = self.args.exec.is_some()
            && !self.target.expiry_given
            && self.target.options.session.version == ProtocolVersion::V5;
        self.target
            .properties
            .disconnect_expiry_secs
            .or_else(|| ours.then_some(0))
    }

    fn complain(&self, what: &str) {
        if !self.args.connection.quiet {
            complain(what);
        }
    }
}

/// What is to be done with a message.
enum Done {
    /// Acknowledge it.
    Yes,
    /// Have it and everything after it sent again.
    Again,
    /// Do not acknowledge it, and stop: all is well.
    Enough,
    /// Do not acknowledge it, and stop.
    Failed,
}

/// Ends at the given time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
