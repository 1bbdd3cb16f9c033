//! An MQTT client (3.1, 3.1.1, 5.0) for tokio, whose acknowledgement is a promise.
//!
//! Publish, and know that the server has the message:
//!
//! ```no_run
//! use bowline_client::{Client, Message, Options, QoS};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, _messages) = Client::connect(Options::new("localhost", 1883)).await?;
//! for celsius in 20..25 {
//!     let message = Message::new("sensor/temperature", format!("temp:{celsius}"))
//!         .with_qos(QoS::AtLeastOnce);
//!     let published = client.publish(message).await?; // PUBACK came
//!     eprintln!("acknowledged: {:?}", published.packet_id);
//! }
//! client.disconnect().await;
//! # Ok(())
//! # }
//! ```
//!
//! Receive, and let each message be acknowledged only after it was processed. In a plain loop
//! that happens by itself, when the program comes back for the next one:
//!
//! ```no_run
//! use bowline_client::{Client, Options, QoS};
//!
//! # async fn process(_: &[u8]) -> Result<(), Box<dyn std::error::Error>> { Ok(()) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("localhost", 1883)
//!     .with_client_id("kitchen")
//!     .with_lasting_session(7 * 24 * 3600);
//! let (client, mut messages) = Client::connect(options).await?;
//! client.subscribe("sensor/#", QoS::AtLeastOnce).await?;
//! while let Some(received) = messages.recv().await {
//!     process(&received.message.payload).await?; // fails: not acknowledged, comes again
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Or say it yourself, in any order, from any task:
//!
//! ```no_run
//! # use bowline_client::{Client, Options, QoS};
//! # async fn process(_: &[u8]) -> bool { true }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new("localhost", 1883)
//!     .with_client_id("kitchen")
//!     .with_lasting_session(3600)
//!     .with_manual_ack();
//! let (client, mut messages) = Client::connect(options).await?;
//! client.subscribe("sensor/#", QoS::AtLeastOnce).await?;
//! while let Some(received) = messages.recv().await {
//!     if process(&received.message.payload).await {
//!         received.ack().await?;
//!     } else {
//!         received.nack().await?; // not acknowledged: comes again on the next connection ...
//!         messages.redeliver().await?; // ... which is now, and everything after it, in order
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A lost connection is repaired by itself, with growing waits; the session goes on where the
//! server still has it (QoS 1 and 2 messages are re-sent in order, with DUP), and otherwise the
//! subscriptions are renewed and what was not acknowledged is published anew. Every queue is
//! bounded, and a full one makes its source wait.
//!
//! The protocol itself is the sans-IO client of `bowline-core`; this crate adds the socket, the
//! clock and the waiting. Deliberately absent: TLS and WebSocket, which come as further kinds of
//! [`Endpoint`].

mod backlog;
mod backoff;
mod chance;
mod client;
mod driver;
mod error;
mod messages;
mod options;
mod trace;
mod transport;

pub use bowline_core::client::{
    AuthExchange, ClientOptions, Connected, Delivery, Disconnection, Impossible, Message,
    MessageProperties, RequestOutcome, ServerLimits, SubscribeRequest, UnsubscribeRequest,
    UsageError, UserPropertyList, Will,
};
pub use bowline_packet::{
    PacketId, ProtocolVersion, QoS, ReasonCode, RetainHandling, SubscriptionOptions,
};

pub use client::{Client, Publication, Published};
pub use error::{Closed, ConnectError, PublishError, RequestError};
pub use messages::{Messages, Received};
pub use options::{AckMode, Notice, Options, random_client_id};
pub use transport::Endpoint;
