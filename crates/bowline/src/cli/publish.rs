//! `bowline pub`: publish, and know that it arrived.
//!
//! Promises: exit code 0 means that each message was acknowledged (QoS 0: sent); a message that
//! the server refused makes the reason code the exit code. A connection that is lost later is
//! made again, for ever. Input is read only as fast as messages leave.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bowline_client::{
    Client, Message, Options, PacketId, ProtocolVersion, Publication, PublishError, Published, QoS,
    ReasonCode,
};
use clap::{ArgGroup, Args};
use tokio::sync::mpsc;

use super::connection::{ConnectionArgs, FAILED, Target, qos, report_connect_error};
use super::output::{Progress, complain, say};
use super::signals::Interrupt;

/// Messages whose acknowledgement we wait for at a time. More than any window, so that it is the
/// client's own queue that makes us wait.
const WAITING_MAX: usize = 10_000;
/// After an interrupt: how long to wait for what is on its way.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How long the session outlasts a lost connection: what it knows of QoS 1 and 2 messages lets us
/// send them again as the same messages.
const RUN_EXPIRY_SECS: u32 = 300;

/// Publish messages.
///
/// Exit code 0 means acknowledged. Otherwise it is the server's reason code where the server
/// refused the connection or a message (135: not authorized), or else 1.
#[derive(Debug, Args)]
#[command(
    version = super::VERSION,
    disable_version_flag = true,
    disable_help_flag = true,
    after_help = "Letters are those of mosquitto_pub. It differs on purpose: exit code 0 means \
                  acknowledged (mosquitto_pub also exits 0 when a message was refused), the \
                  protocol version is 5.0 unless -V says otherwise, and --help exits 0. With -q 1 \
                  or 2 and without -c the session lasts for the run, so that what was not \
                  acknowledged is sent again as the same message after a lost connection; it is \
                  ended at the end.",
    group = ArgGroup::new("input").required(true).multiple(false)
)]
pub struct PublishArgs {
    /// The topic to publish to
    #[arg(short, long, allow_hyphen_values = true)]
    topic: Option<String>,
    /// The message
    #[arg(
        short,
        long,
        value_name = "TEXT",
        group = "input",
        allow_hyphen_values = true
    )]
    message: Option<String>,
    /// The content of a file as one message
    #[arg(short, long, value_name = "PATH", group = "input")]
    file: Option<PathBuf>,
    /// Each line of stdin as a message
    #[arg(short = 'l', long, group = "input")]
    stdin_line: bool,
    /// All of stdin as one message
    #[arg(short = 's', long, group = "input")]
    stdin_file: bool,
    /// An empty message (with -r it clears what is retained)
    #[arg(short, long, group = "input")]
    null_message: bool,
    /// Quality of service
    #[arg(short, long, default_value = "0", value_parser = qos)]
    qos: QoS,
    /// Retain the message
    #[arg(short, long)]
    retain: bool,
    /// Publish it so often (not with -l)
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    repeat: u64,
    /// Seconds between repetitions
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    repeat_delay: f64,
    /// Messages of QoS 1 and 2 under way at a time. (mosquitto_pub: 20.)
    #[arg(short = 'M', long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..))]
    max_inflight: u16,
    /// Report each acknowledgement on stderr: packet identifier and reason code
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
    /// Show progress on stderr even if it is no terminal
    #[arg(long, help_heading = "Output")]
    progress: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs `bowline pub`.
#[must_use]
pub fn run(args: &PublishArgs) -> ExitCode {
    let prepared = args.prepare();
    let (target, input) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            complain(&why);
            return ExitCode::from(FAILED);
        }
    };
    super::runtime::block_on(publish(args, target, input))
}

/// Where payloads come from.
enum Input {
    Same {
        payload: Vec<u8>,
        count: u64,
        delay: Duration,
    },
    Lines(mpsc::Receiver<io::Result<Vec<u8>>>),
}

impl PublishArgs {
    fn prepare(&self) -> Result<(Target, Input), String> {
        let mut target = self.connection.target()?;
        let topic = self.topic.clone().or_else(|| target.topic.take());
        let topic = topic.ok_or("no topic given\nhint: add -t TOPIC")?;
        if topic.contains(['+', '#']) {
            return Err(format!(
                "`{topic}` has wildcards; one can subscribe to it, not publish to it"
            ));
        }
        target.topic = Some(topic);
        target.options.session.in_flight_max = self.max_inflight;
        if self.owns_session(&target) {
            target.options = target.options.with_lasting_session(RUN_EXPIRY_SECS);
            // In 5.0 a clean start does not keep the session from lasting.
            target.options.session.clean_start =
                target.options.session.version == ProtocolVersion::V5;
            target.options.session.first_packet_id = PacketId::new(1).expect("1 is not 0");
        }
        let delay = Duration::try_from_secs_f64(self.repeat_delay)
            .map_err(|_| "--repeat-delay must be a number of seconds".to_owned())?;
        if self.stdin_line {
            return Ok((target, Input::Lines(read_lines())));
        }
        let payload = self.payload()?;
        Ok((
            target,
            Input::Same {
                payload,
                count: self.repeat,
                delay,
            },
        ))
    }

    fn payload(&self) -> Result<Vec<u8>, String> {
        if let Some(text) = &self.message {
            return Ok(text.clone().into_bytes());
        }
        if let Some(path) = &self.file {
            return std::fs::read(path)
                .map_err(|why| format!("cannot read `{}`: {why}", path.display()));
        }
        if self.stdin_file {
            let mut payload = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut payload)
                .map_err(|why| format!("cannot read stdin: {why}"))?;
            if payload.is_empty() {
                return Err("stdin is empty\nhint: -n sends an empty message".to_owned());
            }
            return Ok(payload);
        }
        Ok(Vec::new()) // -n
    }

    /// Whether a session is made for this run, and ended with it: where messages are to be
    /// acknowledged and nobody asked for another session.
    fn owns_session(&self, target: &Target) -> bool {
        self.qos > QoS::AtMostOnce && !target.lasting && !target.expiry_given
    }

    fn message(&self, target: &Target, payload: Vec<u8>) -> Message {
        Message::new(target.topic.clone().unwrap_or_default(), payload)
            .with_qos(self.qos)
            .with_retain(self.retain)
            .with_properties(target.properties.publish.clone())
    }
}

/// The lines of stdin, read on a thread of their own: reading cannot be interrupted.
fn read_lines() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (lines, lines_out) = mpsc::channel(1024);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = stdin.read_until(b'\n', &mut line);
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let item = match read {
                Ok(0) => return,
                Ok(_) => Ok(line),
                Err(why) => Err(why),
            };
            if lines.blocking_send(item).is_err() {
                return;
            }
        }
    });
    lines_out
}

async fn publish(args: &PublishArgs, target: Target, mut input: Input) -> ExitCode {
    let quiet = args.connection.quiet;
    let owns_session = args.owns_session(&target);
    let is_v5 = target.options.session.version == ProtocolVersion::V5;
    let client = match Client::connect(target.options.clone()).await {
        // Nothing is subscribed to, but a lasting session may bring messages: they stay there.
        Ok((client, _)) => client,
        Err(why) => return report_connect_error(&why, quiet),
    };
    let mut interrupt = Interrupt::new();
    let mut run = Run::new(args);
    let interrupted = tokio::select! {
        () = run.send_all(&client, &target, &mut input) => false,
        () = interrupt.wait() => true,
    };
    if interrupted {
        let _ = tokio::time::timeout(LAST_WAIT, run.wait_for_all()).await;
    }
    let code = run.finish();
    let expiry = target
        .properties
        .disconnect_expiry_secs
        .or_else(|| owns_session.then_some(0));
    let reason = if interrupted {
        ReasonCode::DisconnectWithWill
    } else {
        ReasonCode::Success
    };
    client
        .disconnect_with(reason, expiry.filter(|_| is_v5))
        .await;
    if owns_session && !is_v5 {
        end_session(target.options).await;
    }
    code
}

/// 3.x knows no other way to end a session than a connection with a clean one.
async fn end_session(mut options: Options) {
    options.session.clean_start = true;
    options.session.will = None;
    // If it fails the session ends when the server thinks fit; nothing is owed to it.
    if let Ok((client, _)) = Client::connect(options).await {
        client.disconnect().await;
    }
}

/// One run of `pub`.
struct Run<'a> {
    args: &'a PublishArgs,
    waiting: VecDeque<(u64, Publication)>,
    sent: u64,
    acknowledged: u64,
    failed: u64,
    code: Option<u8>,
    progress: Progress,
}

impl<'a> Run<'a> {
    fn new(args: &'a PublishArgs) -> Self {
        let long = args.stdin_line || args.repeat > 1;
        Self {
            args,
            waiting: VecDeque::new(),
            sent: 0,
            acknowledged: 0,
            failed: 0,
            code: None,
            progress: Progress::new(args.progress && long),
        }
    }

    async fn send_all(&mut self, client: &Client, target: &Target, input: &mut Input) {
        loop {
            let payload = match input {
                Input::Same {
                    payload,
                    count,
                    delay,
                } => {
                    if *count == 0 {
                        break;
                    }
                    *count -= 1;
                    if self.sent > 0 && !delay.is_zero() {
                        let delay = *delay;
                        self.meanwhile(tokio::time::sleep(delay)).await;
                    }
                    payload.clone()
                }
                Input::Lines(lines) => match self.meanwhile(lines.recv()).await {
                    None => break,
                    Some(Ok(line)) => line,
                    Some(Err(why)) => {
                        self.fail(FAILED, &format!("cannot read stdin: {why}"));
                        break;
                    }
                },
            };
            let message = self.args.message(target, payload);
            if self.waiting.len() >= WAITING_MAX {
                self.wait_for_one().await;
            }
            match client.submit(message).await {
                Ok(publication) => {
                    self.sent += 1;
                    self.waiting.push_back((self.sent, publication));
                }
                Err(why) => {
                    self.fail(FAILED, &why.to_string());
                    break;
                }
            }
        }
        self.wait_for_all().await;
    }

    /// Waits for `what`, and takes acknowledgements in meanwhile.
    async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        loop {
            tokio::select! {
                biased;
                result = &mut what => return result,
                () = self.wait_for_one() => {}
            }
        }
    }

    async fn wait_for_all(&mut self) {
        while !self.waiting.is_empty() {
            self.wait_for_one().await;
        }
    }

    /// Waits for the end of the oldest message; for ever if there is none. Cancel safe.
    async fn wait_for_one(&mut self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        let (number, result) = loop {
            let Some((number, publication)) = self.waiting.front_mut() else {
                return pending().await;
            };
            let number = *number;
            tokio::select! {
                biased;
                result = publication => break (number, result),
                _ = ticks.tick() => {
                    self.progress.update(self.sent, self.acknowledged, self.failed);
                }
            }
        };
        self.waiting.pop_front();
        self.note(number, result);
        self.progress
            .update(self.sent, self.acknowledged, self.failed);
    }

    fn note(&mut self, number: u64, result: Result<Published, PublishError>) {
        match result {
            Ok(published) => {
                self.acknowledged += 1;
                if self.args.verbose || self.args.connection.debug {
                    say(&completion(number, self.args.qos, &published));
                }
            }
            Err(why) => {
                let code = match &why {
                    PublishError::Refused { reason, .. } => reason.code(),
                    PublishError::Impossible(_)
                    | PublishError::Uncertain
                    | PublishError::Usage(_)
                    | PublishError::Closed => FAILED,
                };
                self.failed += 1;
                self.fail(
                    code,
                    &format!("message {number} was not acknowledged: {why}"),
                );
            }
        }
    }

    fn fail(&mut self, code: u8, what: &str) {
        self.code.get_or_insert(code);
        if !self.args.connection.quiet {
            complain(what);
        }
    }

    fn finish(&mut self) -> ExitCode {
        self.progress
            .finish(self.sent, self.acknowledged, self.failed);
        let open = self.waiting.len();
        if open > 0 {
            self.fail(
                FAILED,
                &format!("{open} of {} messages were not acknowledged", self.sent),
            );
        }
        self.code.map_or(ExitCode::SUCCESS, ExitCode::from)
    }
}

fn completion(number: u64, qos: QoS, published: &Published) -> String {
    let Some(id) = published.packet_id else {
        return format!("message {number}: sent");
    };
    let word = match qos {
        QoS::AtMostOnce | QoS::AtLeastOnce => "acknowledged",
        QoS::ExactlyOnce => "completed",
    };
    let (reason, code) = (published.reason.description(), published.reason.code());
    format!(
        "message {number}: {word}, packet identifier {}, {reason} (code {code})",
        id.get()
    )
}
