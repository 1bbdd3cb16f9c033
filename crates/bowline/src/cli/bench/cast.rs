//! The parts that an engine plays: its clients, what they publish, and what they expect.
//!
//! A [`Cast`] is complete in itself: every message of its publishers goes to its own subscribers,
//! so that engines on several threads share nothing. Deliberately absent: when things happen,
//! which is the scenario's business.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use bowline_packet::{ProtocolVersion, QoS};

use super::engine::template::TopicShape;

/// What all clients of all engines have in common.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// Sets this run's messages, topics and clients apart from others.
    pub(super) run: u16,
    pub(super) address: SocketAddr,
    pub(super) version: ProtocolVersion,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) payload_bytes: usize,
    /// Messages that one publisher has outstanding at most.
    pub(super) window: usize,
    pub(super) window_by: WindowBy,
    /// The sessions of subscribers outlive their connections.
    pub(super) is_lasting: bool,
    /// No MQTT handshake: the other side is a relay that only copies bytes.
    pub(super) is_raw: bool,
    /// Wait so long between two turns of a closed loop, so that one read takes more.
    pub(super) gather: Duration,
    /// Topic Filters in one SUBSCRIBE.
    pub(super) filters_per_subscribe: usize,
}

/// When a message of a closed loop is no longer outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum WindowBy {
    /// When it is acknowledged (QoS 1 and 2).
    Acknowledgement,
    /// When all who want it have it.
    Delivery,
    /// When both have happened.
    Both,
}

/// The clients of one engine.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Which engine this is, and of how many.
    pub(super) engine: (u64, u64),
    /// The number of the first publisher in all of the run; publisher `n` here is flow
    /// `first_flow + n`.
    pub(super) first_flow: u32,
    pub(super) publishers: Vec<Publishes>,
    pub(super) subscribers: Vec<Subscribes>,
    /// Deliveries that each message makes while it is published; 0 where nobody listens yet.
    pub(super) copies: u64,
}

/// A publisher.
#[derive(Clone, Debug)]
pub(super) struct Publishes {
    pub(super) client_id: String,
    pub(super) topics: Topics,
}

/// Where a publisher's messages go.
#[derive(Clone, Debug)]
pub(super) enum Topics {
    /// To one topic; all receivers see the same numbers.
    One(String),
    /// To the `count` topics from `first` on, in an order that looks like chance but is not;
    /// `per_receiver` of them in a row belong to one receiver, and each receiver has numbers of
    /// its own.
    Spread {
        shape: TopicShape,
        first: u32,
        count: u32,
        per_receiver: u32,
    },
    /// To the topics `first`, `first + step`, … below `end`, each once.
    Each {
        shape: TopicShape,
        first: u32,
        step: u32,
        end: u32,
    },
}

impl Topics {
    /// The shape of the Topic Names.
    pub(super) fn shape(&self) -> TopicShape {
        match self {
            Self::One(topic) => TopicShape::Fixed(topic.clone()),
            Self::Spread { shape, .. } | Self::Each { shape, .. } => shape.clone(),
        }
    }

    /// How many receivers have numbers of their own.
    pub(super) fn streams(&self) -> usize {
        match self {
            Self::One(_) | Self::Each { .. } => 1,
            Self::Spread {
                count,
                per_receiver,
                ..
            } => usize::try_from(count.div_ceil(*per_receiver)).expect("32 bits fit"),
        }
    }

    /// The topic and the stream of a publisher's message with this number.
    #[inline]
    pub(super) fn choose(&self, number: u64) -> (u32, usize) {
        match self {
            Self::One(_) => (0, 0),
            Self::Spread {
                first,
                count,
                per_receiver,
                ..
            } => {
                let at = within(number.wrapping_mul(STRIDE) % u64::from(*count));
                let stream = usize::try_from(at / per_receiver).expect("32 bits fit");
                (first + at, stream)
            }
            Self::Each {
                first, step, end, ..
            } => {
                let topic = u64::from(*first) + number * u64::from(*step);
                (within(topic % u64::from(*end)), 0)
            }
        }
    }

    /// How many messages there are to send, where that is given.
    pub(super) fn messages(&self) -> Option<u64> {
        match self {
            Self::One(_) | Self::Spread { .. } => None,
            Self::Each {
                first, step, end, ..
            } => Some(u64::from(end.saturating_sub(*first).div_ceil(*step))),
        }
    }
}

/// A prime that no sensible number of topics is a multiple of, so that every topic has its turn.
const STRIDE: u64 = 7_368_787;

fn within(number: u64) -> u32 {
    u32::try_from(number).expect("a remainder of 32 bits")
}

/// A subscriber.
#[derive(Clone, Debug)]
pub(super) struct Subscribes {
    pub(super) client_id: String,
    pub(super) filters: Filters,
    pub(super) expects: Expects,
}

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub(super) enum Filters {
    /// Nothing: an idle client.
    None,
    One(String),
    /// A filter for each of these topics of `bench/RUN/NUMBER/v`.
    Numbered {
        root: String,
        numbers: Range<u32>,
        /// One in four with `#`, one in four with `+`; else all of them exact.
        is_mixed: bool,
    },
}

impl Filters {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Numbered { numbers, .. } => numbers.len(),
        }
    }

    /// The filter with this place in the list.
    pub(super) fn filter(&self, at: usize) -> String {
        match self {
            Self::None => String::new(),
            Self::One(filter) => filter.clone(),
            Self::Numbered {
                root,
                numbers,
                is_mixed,
            } => {
                let number = numbers.start + u32::try_from(at).expect("a place in 32 bits");
                match number % 4 {
                    2 if *is_mixed => format!("{root}/{number:08}/#"),
                    3 if *is_mixed => {
                        let (above, last) = root.rsplit_once('/').unwrap_or(("", root));
                        // One level of the root becomes a wildcard; the number keeps it unique.
                        debug_assert!(!last.is_empty() && !above.is_empty());
                        format!("{above}/+/{number:08}/v")
                    }
                    _ => format!("{root}/{number:08}/v"),
                }
            }
        }
    }
}

/// What a subscriber is to receive.
#[derive(Clone, Debug)]
pub(super) enum Expects {
    /// Nothing.
    Nothing,
    /// The flows (numbers within the cast) wholly and in order; of each the numbers of `stream`.
    Lines { flows: Range<usize>, stream: usize },
    /// Its share of all flows: each in order, and together with the others wholly.
    Share,
    /// All flows wholly, in any order: retained messages.
    Sets,
}
