//! Received messages on their way to the application.
//!
//! Promises: order is kept; nothing is lost but QoS 0 messages beyond [`WAITING_BYTES_MAX`], and
//! that is told. Deliberately absent: when to stop reading from the network; the driver decides.

use std::collections::VecDeque;
use std::future::pending;

use bowline_core::client::Delivery;
use tokio::sync::mpsc;

/// So much may wait here beyond the application's channel; it comes to that only if the
/// application waits for the server while it takes no messages.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A message and the connection that it came by.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) delivery: Delivery,
    pub(crate) connection: u64,
}

/// The application's channel, and what found no room in it.
#[derive(Debug)]
pub(crate) struct Backlog {
    channel: mpsc::Sender<Arrived>,
    waiting: VecDeque<Arrived>,
    /// Bytes of topic and payload in `waiting`.
    waiting_bytes: usize,
}

impl Backlog {
    pub(crate) fn new(channel: mpsc::Sender<Arrived>) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    /// Whether this message must be dropped.
    pub(crate) fn is_too_full_for(&self, delivery: &Delivery) -> bool {
        self.waiting_bytes > WAITING_BYTES_MAX && delivery.token.is_none()
    }

    /// Takes a message in.
    pub(crate) fn push(&mut self, arrived: Arrived) {
        self.waiting_bytes += size(&arrived.delivery);
        self.waiting.push_back(arrived);
    }

    /// Hands messages over as far as the channel has room.
    pub(crate) fn hand_over(&mut self) {
        while let Some(arrived) = self.waiting.pop_front() {
            let size = size(&arrived.delivery);
            match self.channel.try_send(arrived) {
                // Nobody wants messages any more: unacknowledged, they stay with the server.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => self.waiting_bytes -= size,
                Err(mpsc::error::TrySendError::Full(arrived)) => {
                    self.waiting.push_front(arrived);
                    return;
                }
            }
        }
    }

    /// Ends when the application takes messages again, or never will; does not end while none
    /// waits for it. Then it is time to [`Backlog::hand_over`].
    pub(crate) async fn room(&self) {
        if self.waiting.is_empty() {
            return pending().await;
        }
        // An error says that nobody will take them: handing them over finds out the same.
        let _ = self.channel.reserve().await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn size(delivery: &Delivery) -> usize {
    delivery.message.topic.len() + delivery.message.payload.len()
}
