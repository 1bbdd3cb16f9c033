//! The handle that an application holds: publish, subscribe, disconnect.
//!
//! Promises: a call is answered when the server has answered it, however many connections that
//! takes; waiting for room is waiting, never dropping. The work is done by the task in
//! `driver.rs`; this file only talks to it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bowline_core::client::{
    Connected, Message, RequestOutcome, SubscribeRequest, UnsubscribeRequest,
};
use bowline_packet::{PacketId, QoS, ReasonCode, SubscriptionOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::driver::{Command, Driver, Publish};
use crate::error::{Closed, ConnectError, PublishError, RequestError};
use crate::messages::Messages;
use crate::options::Options;

/// Messages that were submitted and not yet looked at by the client's task. Small, because the
/// real queue is behind it.
const SUBMITTED_MAX: usize = 64;

/// A connected client. Clones are handles of the same one. When the last handle and the
/// [`Messages`] are gone, it disconnects.
#[derive(Debug, Clone)]
pub struct Client {
    publishes: mpsc::Sender<Publish>,
    commands: mpsc::Sender<Command>,
    ended: watch::Receiver<bool>,
}

/// A message that the server has taken (QoS 1: PUBACK; QoS 2: PUBCOMP), or that was sent (QoS 0).
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The identifier that it travelled under; absent for QoS 0.
    pub packet_id: Option<PacketId>,
    /// `Success`, or `NoMatchingSubscribers` from servers that say so.
    pub reason: ReasonCode,
    /// A remark of the server.
    pub reason_string: Option<String>,
}

/// A message on its way: a future that ends when the server has taken it. Dropping it does not
/// take the message back.
#[derive(Debug)]
pub struct Publication {
    reply: oneshot::Receiver<Result<Published, PublishError>>,
}

impl Client {
    /// Connects, and keeps connected: later losses are repaired by themselves, with the session
    /// continued where the server still has it, and with the subscriptions renewed where not.
    ///
    /// # Errors
    /// [`ConnectError`], if the first attempt fails (see [`Options::retry_first_connection`]).
    pub async fn connect(options: Options) -> Result<(Self, Messages), ConnectError> {
        Self::connect_with_answer(options)
            .await
            .map(|(client, messages, _)| (client, messages))
    }

    /// As [`Client::connect`], and says what the server answered.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_with_answer(
        options: Options,
    ) -> Result<(Self, Messages, Connected), ConnectError> {
        let (publishes, publishes_in) = mpsc::channel(SUBMITTED_MAX);
        let (commands, commands_in) = mpsc::channel(16);
        let (settled, settled_in) = mpsc::unbounded_channel();
        let (received, received_out) = mpsc::channel(options.received_messages_max.max(1));
        let (first, answer) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let messages = Messages::new(received_out, settled, commands.clone(), options.ack_mode);
        let driver = Driver::new(
            options,
            publishes_in,
            commands_in,
            settled_in,
            received,
            first,
        );
        tokio::spawn(async move {
            driver.run().await;
            let _ = end.send(true);
        });
        let connected = answer.await.unwrap_or(Err(ConnectError::Server(
            bowline_core::client::Disconnection::Closed,
        )))?;
        Ok((
            Self {
                publishes,
                commands,
                ended,
            },
            messages,
            connected,
        ))
    }

    /// Publishes a message and waits until the server has taken it.
    ///
    /// # Errors
    /// [`PublishError`]: it was not acknowledged, and why.
    pub async fn publish(&self, message: Message) -> Result<Published, PublishError> {
        self.submit(message).await?.await
    }

    /// Publishes a message without waiting for the server: waits only for room in the queue.
    /// Messages leave in the order of the calls.
    ///
    /// # Errors
    /// [`PublishError::Closed`].
    pub async fn submit(&self, message: Message) -> Result<Publication, PublishError> {
        let (reply, answer) = oneshot::channel();
        let publish = Publish { message, reply };
        self.publishes
            .send(publish)
            .await
            .map_err(|_| PublishError::Closed)?;
        Ok(Publication { reply: answer })
    }

    /// Subscribes to one Topic Filter; answers with the granted QoS.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn subscribe(&self, filter: &str, qos: QoS) -> Result<QoS, RequestError> {
        let options = SubscriptionOptions {
            qos,
            ..SubscriptionOptions::default()
        };
        let request = SubscribeRequest {
            filters: vec![(filter.to_owned(), options)],
            ..SubscribeRequest::default()
        };
        let outcome = self.request_subscription(request).await?;
        let code = outcome
            .codes
            .first()
            .copied()
            .unwrap_or(ReasonCode::UnspecifiedError);
        QoS::from_bits(code.code()).ok_or(RequestError::Refused {
            reason: code,
            reason_string: outcome.reason_string,
        })
    }

    /// Subscribes to any number of Topic Filters, with all options. The answer has a code for
    /// each, which may be a refusal.
    ///
    /// # Errors
    /// [`RequestError::Usage`], [`RequestError::Closed`].
    pub async fn request_subscription(
        &self,
        request: SubscribeRequest,
    ) -> Result<RequestOutcome, RequestError> {
        self.ask(|reply| Command::Subscribe { request, reply })
            .await
    }

    /// Unsubscribes from one Topic Filter.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), RequestError> {
        let request = UnsubscribeRequest {
            filters: vec![filter.to_owned()],
            ..Default::default()
        };
        let outcome = self.request_unsubscription(request).await?;
        match outcome.codes.first() {
            Some(code) if code.is_error() => Err(RequestError::Refused {
                reason: *code,
                reason_string: outcome.reason_string,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Unsubscribes from any number of Topic Filters.
    ///
    /// # Errors
    /// [`RequestError::Usage`], [`RequestError::Closed`].
    pub async fn request_unsubscription(
        &self,
        request: UnsubscribeRequest,
    ) -> Result<RequestOutcome, RequestError> {
        self.ask(|reply| Command::Unsubscribe { request, reply })
            .await
    }

    /// Gives up the present network connection and makes a new one at once: a server repeats only
    /// then what was given back by [`Received::nack`](crate::Received::nack). What else is in work
    /// stays so; to begin again with everything, in order, see
    /// [`Messages::redeliver`](crate::Messages::redeliver).
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn reconnect(&self) -> Result<(), Closed> {
        self.commands
            .send(Command::Reconnect)
            .await
            .map_err(|_| Closed)
    }

    /// Says goodbye and ends the client: what was submitted before is still sent, but not waited
    /// for. Returns when the last bytes have left.
    pub async fn disconnect(&self) {
        self.disconnect_with(ReasonCode::Success, None).await;
    }

    /// As [`Client::disconnect`], with a reason ([`ReasonCode::DisconnectWithWill`] has the will
    /// published) and, in 5.0, another session expiry in seconds.
    pub async fn disconnect_with(&self, reason: ReasonCode, session_expiry_secs: Option<u32>) {
        let command = Command::Disconnect {
            reason,
            session_expiry_secs,
        };
        // If the task is gone already, that is what was wanted.
        let _ = self.commands.send(command).await;
        self.ended().await;
    }

    /// Waits until the client has ended: by [`Client::disconnect`], or because another client
    /// took its session over.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means that the task is gone, which is the end too.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<RequestOutcome, RequestError>>) -> Command,
    ) -> Result<RequestOutcome, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| RequestError::Closed)?;
        answer.await.unwrap_or(Err(RequestError::Closed))
    }
}

impl Future for Publication {
    type Output = Result<Published, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(PublishError::Closed)))
    }
}
