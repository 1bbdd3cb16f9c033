//! What the application says to the task behind a client, and what it hears from it.
//!
//! Promises: what is said by one way before something is said by another is done first; each
//! question is answered once.

use std::mem;
use std::ops::ControlFlow;

use bowline_core::client::{
    AckToken, ClientEvent, Delivery, Message, PublishOutcome, RequestOutcome, RequestToken,
    SubscribeRequest, UnsubscribeRequest, UsageError,
};
use bowline_packet::{PacketId, ReasonCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Driver, End};
use crate::backlog::Arrived;
use crate::client::Published;
use crate::error::{PublishError, RequestError};
use crate::options::Notice;

/// A message and who waits for its end.
#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) message: Message,
    pub(crate) reply: oneshot::Sender<Result<Published, PublishError>>,
}

pub(crate) type RequestReply = oneshot::Sender<Result<RequestOutcome, RequestError>>;

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

impl Driver {
    /// Takes in a message, and those that wait behind it, so that they leave with one write.
    pub(super) fn publish(&mut self, publish: Option<Publish>) {
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

    pub(super) fn settle(&mut self, settle: &Settle) {
        let (token, now_ms) = (settle.token, self.now_ms());
        // Stale: settled twice, or the session is gone. Either way there is nothing to do.
        let _ = match settle.as_what {
            Settlement::Acknowledged => self.core.ack(now_ms, token, &mut self.out),
            Settlement::GivenBack => self.core.give_back(token),
            Settlement::Refused(reason) => self.core.refuse(now_ms, token, reason, &mut self.out),
        };
    }

    pub(super) fn obey(&mut self, command: Command) -> ControlFlow<End> {
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

    fn expect_answer(&mut self, token: Result<RequestToken, UsageError>, reply: RequestReply) {
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
    pub(super) fn handle_events(&mut self) -> Option<End> {
        let mut end = None;
        let mut events = mem::take(&mut self.out.events);
        for event in events.drain(..) {
            match event {
                ClientEvent::Message(delivery) => self.take_delivery(delivery),
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
        self.received.hand_over();
        end
    }

    fn take_delivery(&mut self, delivery: Delivery) {
        if self.received.is_too_full_for(&delivery) {
            self.options.notify(|| Notice::Dropped {
                topic: delivery.message.topic,
            });
        } else {
            self.received.push(Arrived {
                delivery,
                connection: self.connection,
            });
        }
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
