//! What the application receives, and how it says that it is done with it.
//!
//! Promises: with QoS 1 and 2 nothing is acknowledged before the application has had the message
//! and has said so, by coming back for the next one or by [`Received::ack`]; a message that it
//! has not acknowledged comes again after a reconnect, and not twice before that.

use std::ops::Deref;

use bowline_core::client::{AckToken, Delivery};
use bowline_packet::ReasonCode;
use tokio::sync::{mpsc, oneshot};

use crate::backlog::Arrived;
use crate::driver::{Command, Settle, Settlement};
use crate::error::Closed;
use crate::options::AckMode;

/// The messages that arrive, in order.
#[derive(Debug)]
pub struct Messages {
    received: mpsc::Receiver<Arrived>,
    settled: mpsc::UnboundedSender<Settle>,
    /// Also keeps the client connected as long as somebody may still want messages.
    commands: mpsc::Sender<Command>,
    mode: AckMode,
    /// [`AckMode::OnNext`]: what the application has at present.
    last: Option<AckToken>,
    /// What came by an earlier connection was given back and will be repeated.
    from_connection: u64,
}

/// A message that arrived. It dereferences to [`Delivery`]: `received.message.topic`,
/// `received.dup`.
#[derive(Debug)]
pub struct Received {
    delivery: Delivery,
    settled: mpsc::UnboundedSender<Settle>,
    mode: AckMode,
}

impl Messages {
    pub(crate) fn new(
        received: mpsc::Receiver<Arrived>,
        settled: mpsc::UnboundedSender<Settle>,
        commands: mpsc::Sender<Command>,
        mode: AckMode,
    ) -> Self {
        Self {
            received,
            settled,
            commands,
            mode,
            last: None,
            from_connection: 0,
        }
    }

    /// The next message; `None` when the client has ended. With [`AckMode::OnNext`] this call
    /// acknowledges the message before it. Cancel safe.
    pub async fn recv(&mut self) -> Option<Received> {
        self.acknowledge_last();
        loop {
            let arrived = self.received.recv().await?;
            if let Some(received) = self.hand_over(arrived) {
                return Some(received);
            }
        }
    }

    /// The next message if one is there already.
    pub fn try_recv(&mut self) -> Option<Received> {
        self.acknowledge_last();
        loop {
            let arrived = self.received.try_recv().ok()?;
            if let Some(received) = self.hand_over(arrived) {
                return Some(received);
            }
        }
    }

    /// Asks the server to repeat everything that was not acknowledged, in its first order: gives
    /// it all back (also what waits here unseen) and makes a new connection at once. What was
    /// received before is not handed out any more, and acknowledging it has no effect; QoS 0
    /// messages, which nobody can repeat, are kept. It needs a session that outlives connections.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn redeliver(&mut self) -> Result<(), Closed> {
        self.last = None;
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Redeliver { reply })
            .await
            .map_err(|_| Closed)?;
        self.from_connection = answer.await.map_err(|_| Closed)?;
        Ok(())
    }

    fn acknowledge_last(&mut self) {
        if let Some(token) = self.last.take() {
            // If the client has ended, the server will repeat it in the next session.
            let _ = self.settled.send(Settle {
                token,
                as_what: Settlement::Acknowledged,
            });
        }
    }

    fn hand_over(&mut self, arrived: Arrived) -> Option<Received> {
        let Arrived {
            delivery,
            connection,
        } = arrived;
        if connection < self.from_connection && delivery.token.is_some() {
            return None;
        }
        if self.mode == AckMode::OnNext {
            self.last = delivery.token;
        }
        Some(Received {
            delivery,
            settled: self.settled.clone(),
            mode: self.mode,
        })
    }
}

impl Received {
    /// The application is done with the message: it may be acknowledged. PUBACK and PUBREC leave
    /// in the order of receipt, so this one may wait for earlier ones. Nothing to do for QoS 0.
    ///
    /// # Errors
    /// [`Closed`]: the client has ended, and the message will come again if the session lasts.
    pub async fn ack(mut self) -> Result<(), Closed> {
        self.settle(Settlement::Acknowledged)
    }

    /// The application could not process the message and wants it again. A server repeats it only
    /// on a new connection: see [`Client::reconnect`](crate::Client::reconnect).
    ///
    /// # Errors
    /// [`Closed`]: the client has ended, and the message will come again if the session lasts.
    pub async fn nack(mut self) -> Result<(), Closed> {
        self.settle(Settlement::GivenBack)
    }

    /// The application refuses the message for good: the server is told `reason` (5.0, at least
    /// 0x80) and does not send it again.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn refuse(mut self, reason: ReasonCode) -> Result<(), Closed> {
        self.settle(Settlement::Refused(reason))
    }

    /// The delivery itself, for keeps; it counts as acknowledged or not by the rules of the mode,
    /// as if it had been dropped.
    #[must_use]
    pub fn into_delivery(self) -> Delivery {
        self.delivery.clone()
    }

    fn settle(&mut self, as_what: Settlement) -> Result<(), Closed> {
        let Some(token) = self.delivery.token.take() else {
            return Ok(());
        };
        self.settled
            .send(Settle { token, as_what })
            .map_err(|_| Closed)
    }
}

impl Deref for Received {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.delivery
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.mode == AckMode::Manual {
            // Without this the repetition would be taken for one that is still in work.
            let _ = self.settle(Settlement::GivenBack);
        }
    }
}
