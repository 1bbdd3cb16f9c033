//! The task behind a [`Client`](crate::Client): it owns the socket and the clock, and drives the
//! sans-IO client of `bowline-core`.
//!
//! Promises: every queue is bounded, and a full one makes its source wait. What waits to be sent is
//! bounded by the session's own options, what is encoded by [`UNSENT_BYTES_MAX`] beyond one
//! message, what was received by the application's channel and one read. The exception is an
//! application that waits for the server while it takes no messages: there what was received is
//! bounded by our Receive Maximum and, for QoS 0, by a bound of its own, because to stop
//! reading would be to wait for each other for ever. Deliberately absent: any decision about MQTT.

mod dialogue;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bowline_core::client::{
    Client as Core, ClientOut, Connected, Disconnection, PublishToken, RequestToken,
};
use bowline_packet::ReasonCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::backlog::{Arrived, Backlog};
use crate::backoff::Backoff;
use crate::client::Published;
use crate::error::{ConnectError, Ended, PublishError};
use crate::options::{Notice, Options};
use crate::trace::PacketTrace;
use crate::transport::Stream;

pub(crate) use dialogue::{Command, Publish, RequestReply, Settle, Settlement};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// No further message is taken from the application while so many bytes wait for the socket.
const UNSENT_BYTES_MAX: usize = 256 * 1024;

pub(crate) struct Driver {
    options: Options,
    core: Core,
    out: ClientOut,
    /// How much of `out.bytes` the socket has taken.
    written: usize,
    /// How much of `out.bytes` the packet trace has seen.
    traced: usize,
    clock: Instant,
    publishes: mpsc::Receiver<Publish>,
    commands: mpsc::Receiver<Command>,
    settled: mpsc::UnboundedReceiver<Settle>,
    received: Backlog,
    /// Counts the network connections.
    connection: u64,
    /// Who waits for the first connection.
    first: Option<oneshot::Sender<Result<Connected, ConnectError>>>,
    publications: HashMap<PublishToken, oneshot::Sender<Result<Published, PublishError>>>,
    requests: HashMap<RequestToken, RequestReply>,
    backoff: Backoff,
    connected_at: Option<Instant>,
    trace: Option<PacketTrace>,
    /// All handles that can publish are gone.
    no_more_publishes: bool,
}

/// Why a connection is over.
enum End {
    /// By itself.
    Lost(Disconnection),
    /// To be replaced at once.
    Replaced,
    /// For good.
    Finished,
}

impl Driver {
    pub(crate) fn new(
        options: Options,
        publishes: mpsc::Receiver<Publish>,
        commands: mpsc::Receiver<Command>,
        settled: mpsc::UnboundedReceiver<Settle>,
        received: mpsc::Sender<Arrived>,
        first: oneshot::Sender<Result<Connected, ConnectError>>,
    ) -> Self {
        Self {
            core: Core::new(options.for_core()),
            out: ClientOut::default(),
            written: 0,
            traced: 0,
            clock: Instant::now(),
            publishes,
            commands,
            settled,
            received: Backlog::new(received),
            connection: 0,
            first: Some(first),
            publications: HashMap::new(),
            requests: HashMap::new(),
            backoff: Backoff::new(options.reconnect_wait_first, options.reconnect_wait_longest),
            connected_at: None,
            trace: (options.trace_packets && options.observer.is_some())
                .then(|| PacketTrace::new(options.session.version)),
            no_more_publishes: false,
            options,
        }
    }

    /// Connects, and connects again, until there is no reason to.
    pub(crate) async fn run(mut self) {
        loop {
            let opened = self.while_offline(open(self.options.clone())).await;
            let end = match opened {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(Ok(stream)) => self.serve(stream).await,
                ControlFlow::Continue(Err(source)) => {
                    if self.refuse_first(|options| ConnectError::Network {
                        endpoint: options.endpoint.clone(),
                        source: io::Error::new(source.kind(), source.to_string()),
                    }) {
                        return;
                    }
                    let why = ConnectError::Network {
                        endpoint: self.options.endpoint.clone(),
                        source,
                    };
                    if self.wait(why.to_string(), None).await.is_break() {
                        return;
                    }
                    continue;
                }
            };
            match end {
                End::Finished => return,
                End::Replaced => {}
                End::Lost(why) => {
                    if self.refuse_first(|_| ConnectError::Server(why.clone())) {
                        return;
                    }
                    if let Disconnection::ByServer {
                        reason: ReasonCode::SessionTakenOver,
                        ..
                    } = why
                    {
                        // Coming back would take the session from the other one, and so on.
                        self.notify_disconnected(Ended(&why).to_string(), Some(why), None);
                        return;
                    }
                    if self
                        .wait(Ended(&why).to_string(), Some(why))
                        .await
                        .is_break()
                    {
                        return;
                    }
                }
            }
        }
    }

    /// Answers the caller of `connect` with an error; true: and that was it.
    fn refuse_first(&mut self, error: impl FnOnce(&Options) -> ConnectError) -> bool {
        if self.options.retry_first_connection {
            return false;
        }
        match self.first.take() {
            None => false,
            Some(first) => {
                let _ = first.send(Err(error(&self.options)));
                true
            }
        }
    }

    /// Waits before the next attempt.
    async fn wait(&mut self, why: String, disconnection: Option<Disconnection>) -> ControlFlow<()> {
        let wait = self.backoff.next_wait();
        self.notify_disconnected(why, disconnection, Some(wait));
        self.while_offline(sleep(wait)).await.map_continue(|()| ())
    }

    /// Does `what` while there is no connection, and takes in what the application says.
    async fn while_offline<T>(&mut self, what: impl Future<Output = T>) -> ControlFlow<(), T> {
        tokio::pin!(what);
        loop {
            tokio::select! {
                result = &mut what => return ControlFlow::Continue(result),
                publish = self.publishes.recv(),
                    if self.core.has_room() && !self.no_more_publishes => self.publish(publish),
                Some(settle) = self.settled.recv() => self.settle(&settle),
                () = self.received.room() => self.received.hand_over(),
                command = self.commands.recv() => match command {
                    None | Some(Command::Disconnect { .. }) => return ControlFlow::Break(()),
                    Some(command) => { let _ = self.obey(command); }
                },
            }
            self.handle_events();
        }
    }

    /// Serves one network connection from CONNECT to its end.
    async fn serve(&mut self, stream: Stream) -> End {
        let Stream {
            mut reader,
            mut writer,
        } = stream;
        self.out.bytes.clear();
        (self.written, self.traced) = (0, 0);
        self.connected_at = None;
        self.connection += 1;
        if let Some(trace) = &mut self.trace {
            trace.new_connection();
        }
        if let Err(why) = self.core.connect(self.now_ms(), &mut self.out) {
            if let Some(first) = self.first.take() {
                let _ = first.send(Err(ConnectError::Options(why)));
            }
            return End::Finished;
        }
        let mut buffer = vec![0; READ_BYTES];
        let mut reading = true;
        let end = loop {
            if let Some(end) = self.handle_events() {
                break end;
            }
            if reading != self.wants_to_read() {
                reading = !reading;
                self.core.set_reading_paused(self.now_ms(), !reading);
            }
            self.trace_sent();
            let unsent = self.out.bytes.get(self.written..).unwrap_or_default();
            let timer = self
                .core
                .next_timeout()
                .map(|ms| self.clock + Duration::from_millis(ms));
            tokio::select! {
                read = reader.read(&mut buffer), if reading => match read {
                    Ok(0) | Err(_) => self.core.connection_lost(&mut self.out),
                    Ok(count) => {
                        let bytes = buffer.get(..count).unwrap_or_default();
                        self.trace_received(bytes);
                        self.core.handle_bytes(self.now_ms(), bytes, &mut self.out);
                    }
                },
                wrote = writer.write(unsent), if !unsent.is_empty() => match wrote {
                    Ok(0) | Err(_) => self.core.connection_lost(&mut self.out),
                    Ok(count) => self.note_written(count),
                },
                publish = self.publishes.recv(), if self.takes_publishes() => self.publish(publish),
                Some(settle) = self.settled.recv() => self.settle(&settle),
                () = self.received.room() => self.received.hand_over(),
                command = self.commands.recv() => {
                    let command = command.unwrap_or(Command::Disconnect {
                        reason: ReasonCode::Success,
                        session_expiry_secs: None,
                    });
                    if let ControlFlow::Break(end) = self.obey(command) {
                        break end;
                    }
                }
                () = at(timer) => self.core.handle_timeout(self.now_ms(), &mut self.out),
            }
        };
        self.trace_sent();
        if let Some(since) = self.connected_at {
            self.backoff.note_connection(since.elapsed());
        }
        let rest = self
            .out
            .bytes
            .split_off(self.written.min(self.out.bytes.len()));
        self.out.bytes.clear();
        (self.written, self.traced) = (0, 0);
        // The last words (DISCONNECT and what was queued before it), if the server listens.
        let _ = timeout(self.options.shutdown_timeout, async {
            writer.write_all(&rest).await?;
            writer.shutdown().await
        })
        .await;
        end
    }

    /// An application that does not take its messages makes the server wait, but not while it may
    /// itself be waiting for the server: an answer would never be read.
    fn wants_to_read(&self) -> bool {
        self.received.is_empty()
            || !self.publications.is_empty()
            || !self.requests.is_empty()
            || self.written < self.out.bytes.len()
    }

    fn takes_publishes(&self) -> bool {
        !self.no_more_publishes
            && self.core.has_room()
            && self.out.bytes.len() - self.written < UNSENT_BYTES_MAX
    }

    fn note_written(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.out.bytes.len() {
            self.out.bytes.clear();
            (self.written, self.traced) = (0, 0);
            if self.out.bytes.capacity() > 4 * UNSENT_BYTES_MAX {
                self.out.bytes = Vec::new();
            }
        } else if self.written > UNSENT_BYTES_MAX {
            self.out.bytes.drain(..self.written);
            self.traced = self.traced.saturating_sub(self.written);
            self.written = 0;
        }
    }

    fn trace_sent(&mut self) {
        if let Some(trace) = &self.trace {
            for line in trace.sent(self.out.bytes.get(self.traced..).unwrap_or_default()) {
                self.options.notify(|| Notice::Sent(line));
            }
            self.traced = self.out.bytes.len();
        }
    }

    fn trace_received(&mut self, bytes: &[u8]) {
        if let Some(trace) = &mut self.trace {
            for line in trace.received(bytes) {
                self.options.notify(|| Notice::Arrived(line));
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn notify_disconnected(
        &self,
        why: String,
        disconnection: Option<Disconnection>,
        retry_in: Option<Duration>,
    ) {
        self.options.notify(|| Notice::Disconnected {
            why,
            disconnection,
            retry_in,
        });
    }
}

/// Opens the endpoint in the time that is given for it.
async fn open(options: Options) -> io::Result<Stream> {
    timeout(options.open_timeout, options.endpoint.open())
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
}

/// Ends at the given time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
