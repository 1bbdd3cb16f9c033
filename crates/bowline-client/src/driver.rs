//! The task behind a [`Client`](crate::Client): it owns the socket and the clock, and drives the
//! sans-IO client of `bowline-core`.
//!
//! Promises: every queue is bounded (what waits to be sent by the session's own bounds, what was
//! received by the application's channel and one read, what is encoded by [`UNSENT_BYTES_MAX`]
//! beyond one message); a full queue makes its source wait. Deliberately absent: any decision
//! about MQTT.

use std::collections::{HashMap, VecDeque};
use std::future::{Future, pending};
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bowline_core::client::{
    AckToken, Client as Core, ClientEvent, ClientOut, Connected, Delivery, Disconnection, Message,
    PublishOutcome, PublishToken, RequestOutcome, RequestToken, SubscribeRequest,
    UnsubscribeRequest,
};
use bowline_packet::{PacketId, ReasonCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::backoff::Backoff;
use crate::client::Published;
use crate::error::{ConnectError, Ended, PublishError, RequestError};
use crate::options::{Notice, Options};
use crate::trace::PacketTrace;
use crate::transport::Stream;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// No further message is taken from the application while so many bytes wait for the socket.
const UNSENT_BYTES_MAX: usize = 256 * 1024;

/// A message and who waits for its end.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) message: Message,
    pub(crate) reply: oneshot::Sender<Result<Published, PublishError>>,
}

type RequestReply = oneshot::Sender<Result<RequestOutcome, RequestError>>;

/// What is rare.
#[derive(Debug)]
pub(crate) enum Command {
    Subscribe {
        request: SubscribeRequest,
        reply: RequestReply,
    },
    Unsubscribe {
        request: UnsubscribeRequest,
        reply: RequestReply,
    },
    Reconnect,
    /// Give everything back that is not settled, connect anew, and say from which connection on
    /// messages count.
    Redeliver {
        reply: oneshot::Sender<u64>,
    },
    Disconnect {
        reason: ReasonCode,
        session_expiry_secs: Option<u32>,
    },
}

/// A message and the connection that it came by.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) delivery: Delivery,
    pub(crate) connection: u64,
}

/// The application's word on a received message.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) token: AckToken,
    pub(crate) as_what: Settlement,
}

#[derive(Debug)]
pub(crate) enum Settlement {
    Acknowledged,
    GivenBack,
    Refused(ReasonCode),
}

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
    received: mpsc::Sender<Arrived>,
    /// Received, but the application's channel is full: nothing is read meanwhile.
    overflow: VecDeque<Arrived>,
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
            received,
            overflow: VecDeque::new(),
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
                room = room(&self.received, &self.overflow) => {
                    if room { self.hand_over() } else { self.overflow.clear() }
                }
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
            if reading != self.overflow.is_empty() {
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
                room = room(&self.received, &self.overflow) => {
                    if room { self.hand_over() } else { self.overflow.clear() }
                }
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

    fn takes_publishes(&self) -> bool {
        !self.no_more_publishes
            && self.core.has_room()
            && self.out.bytes.len() - self.written < UNSENT_BYTES_MAX
    }

    /// Takes in a message, and those that wait behind it, so that they leave with one write.
    fn publish(&mut self, publish: Option<Publish>) {
        let mut next = publish;
        if next.is_none() {
            self.no_more_publishes = true;
        }
        while let Some(Publish { message, reply }) = next {
            match self.core.publish(self.now_ms(), &message, &mut self.out) {
                Ok(token) => {
                    self.publications.insert(token, reply);
                }
                Err(why) => {
                    let _ = reply.send(Err(PublishError::Usage(why)));
                }
            }
            next = if self.takes_publishes() {
                self.publishes.try_recv().ok()
            } else {
                None
            };
        }
    }

    fn settle(&mut self, settle: &Settle) {
        let (token, now_ms) = (settle.token, self.now_ms());
        // Stale: settled twice, or the session is gone. Either way there is nothing to do.
        let _ = match settle.as_what {
            Settlement::Acknowledged => self.core.ack(now_ms, token, &mut self.out),
            Settlement::GivenBack => self.core.give_back(token),
            Settlement::Refused(reason) => self.core.refuse(now_ms, token, reason, &mut self.out),
        };
    }

    fn obey(&mut self, command: Command) -> ControlFlow<End> {
        let now_ms = self.now_ms();
        match command {
            Command::Subscribe { request, reply } => {
                let token = self.core.subscribe(now_ms, request, &mut self.out);
                self.expect_answer(token, reply);
            }
            Command::Unsubscribe { request, reply } => {
                let token = self.core.unsubscribe(now_ms, request, &mut self.out);
                self.expect_answer(token, reply);
            }
            Command::Reconnect => {
                self.take_in_what_was_said_before();
                self.core.abandon_connection(&mut self.out);
                self.handle_events();
                return ControlFlow::Break(End::Replaced);
            }
            Command::Redeliver { reply } => {
                self.take_in_what_was_said_before();
                self.core.give_back_all();
                self.core.abandon_connection(&mut self.out);
                self.handle_events();
                let _ = reply.send(self.connection + 1);
                return ControlFlow::Break(End::Replaced);
            }
            Command::Disconnect {
                reason,
                session_expiry_secs,
            } => {
                self.take_in_what_was_said_before();
                self.core
                    .disconnect(reason, session_expiry_secs, &mut self.out);
                self.handle_events();
                return ControlFlow::Break(End::Finished);
            }
        }
        ControlFlow::Continue(())
    }

    /// Commands come by another way than messages and acknowledgements; what the application said
    /// first must still happen first.
    fn take_in_what_was_said_before(&mut self) {
        while let Ok(settle) = self.settled.try_recv() {
            self.settle(&settle);
        }
        if self.takes_publishes()
            && let Ok(publish) = self.publishes.try_recv()
        {
            self.publish(Some(publish));
        }
    }

    fn expect_answer(
        &mut self,
        token: Result<RequestToken, bowline_core::client::UsageError>,
        reply: RequestReply,
    ) {
        match token {
            Ok(token) => {
                self.requests.insert(token, reply);
            }
            Err(why) => {
                let _ = reply.send(Err(RequestError::Usage(why)));
            }
        }
    }

    /// Tells the application what happened; returns the end of the connection, if that is it.
    fn handle_events(&mut self) -> Option<End> {
        let mut end = None;
        let mut events = std::mem::take(&mut self.out.events);
        for event in events.drain(..) {
            match event {
                ClientEvent::Message(delivery) => {
                    let connection = self.connection;
                    self.overflow.push_back(Arrived {
                        delivery,
                        connection,
                    });
                }
                ClientEvent::Published {
                    token,
                    packet_id,
                    outcome,
                } => {
                    if let Some(reply) = self.publications.remove(&token) {
                        let _ = reply.send(published(packet_id, outcome));
                    }
                }
                ClientEvent::Subscribed(outcome) | ClientEvent::Unsubscribed(outcome) => {
                    if let Some(reply) = self.requests.remove(&outcome.token) {
                        let _ = reply.send(Ok(outcome));
                    }
                }
                ClientEvent::Connected(connected) => {
                    self.connected_at = Some(Instant::now());
                    self.options.notify(|| Notice::Connected(connected.clone()));
                    if let Some(first) = self.first.take() {
                        let _ = first.send(Ok(connected));
                    }
                }
                ClientEvent::SubscriptionLost { filter, reason } => {
                    self.options
                        .notify(|| Notice::SubscriptionLost { filter, reason });
                }
                ClientEvent::Auth(exchange) => {
                    let answer = self
                        .options
                        .authenticator
                        .as_ref()
                        .and_then(|auth| auth(&exchange));
                    if let Some(answer) = answer {
                        let now_ms = self.now_ms();
                        let _ = self.core.auth(now_ms, &answer, &mut self.out);
                    }
                }
                ClientEvent::Disconnected(why) => end = Some(End::Lost(why)),
            }
        }
        if self.out.events.is_empty() {
            self.out.events = events; // Keeps its memory.
        }
        self.hand_over();
        end
    }

    /// Hands received messages over as far as the channel has room.
    fn hand_over(&mut self) {
        while let Some(arrived) = self.overflow.pop_front() {
            match self.received.try_send(arrived) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(arrived)) => {
                    self.overflow.push_front(arrived);
                    return;
                }
                // Nobody wants messages any more; unacknowledged, they stay with the server.
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
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

/// Ends when the application takes messages again (true) or never will (false); never ends while
/// nothing waits for it.
async fn room(received: &mpsc::Sender<Arrived>, overflow: &VecDeque<Arrived>) -> bool {
    if overflow.is_empty() {
        return pending().await;
    }
    received.reserve().await.is_ok()
}

/// Ends at the given time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

fn published(
    packet_id: Option<PacketId>,
    outcome: PublishOutcome,
) -> Result<Published, PublishError> {
    match outcome {
        PublishOutcome::Sent => Ok(Published {
            packet_id,
            reason: ReasonCode::Success,
            reason_string: None,
        }),
        PublishOutcome::Acknowledged {
            reason,
            reason_string,
        } => Ok(Published {
            packet_id,
            reason,
            reason_string,
        }),
        PublishOutcome::Refused {
            reason,
            reason_string,
        } => Err(PublishError::Refused {
            reason,
            reason_string,
            packet_id,
        }),
        PublishOutcome::Impossible(why) => Err(PublishError::Impossible(why)),
        PublishOutcome::Uncertain => Err(PublishError::Uncertain),
    }
}
