//! A publisher: what it sends next, and what is still unacknowledged.
//!
//! Closed loop: as many messages outstanding as the window allows. Open loop: the messages that
//! are due, stamped with the time at which they were due, whenever they really leave; so a broker
//! that stalls does not hide it by holding the generator up too.

use bowline_packet::{ProtocolVersion, QoS};

use super::super::cast::{Manner, Topics, WindowBy};
use super::super::stamp::Stamp;
use super::Flow;
use super::in_flight::InFlight;
use super::template::Template;

/// Bytes that one publisher writes in one turn, so that the packets stay in the cache.
const TURN_BYTES_MAX: usize = 256 * 1024;

/// A publisher's state.
#[derive(Debug)]
pub(super) struct Publisher {
    template: Template,
    topics: Topics,
    qos: QoS,
    window: usize,
    window_by: WindowBy,
    pub(super) in_flight: InFlight,
    /// Messages sent in all orders to publish; the next one's number.
    sent: u64,
    /// Messages that the present order leaves to send.
    left: u64,
    /// Messages that are due but not sent, in an open loop.
    pub(super) due: u64,
    /// When its messages are due, in an open loop.
    pub(super) pace: Option<Pace>,
    /// PUBREL packets to send with the next write.
    pub(super) owed: Vec<u8>,
    /// The barrier behind its last message.
    pub(super) barrier: Barrier,
}

/// A PINGREQ behind the last message of a publisher that gets no other answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    NotNeeded,
    Wanted,
    Sent,
    Passed,
}

/// When messages are due, by their number since the order to publish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    first_ns: f64,
    interval_ns: f64,
    /// The number of the first message of this order.
    from: u64,
}

impl Pace {
    /// When the message is due.
    fn due_ns(&self, number: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "53 bits of nanoseconds are 104 days"
        )]
        let due = (self.first_ns + (number - self.from) as f64 * self.interval_ns) as u64;
        due
    }
}

/// What an order to publish says to one publisher.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// Messages, or as many as there is time for.
    pub(super) messages: Option<u64>,
    /// When the first is due and the time between them, nanoseconds; `None` in a closed loop.
    pub(super) pace: Option<(f64, f64)>,
    /// Nothing else tells when the broker has it all.
    pub(super) needs_barrier: bool,
}

impl Publisher {
    pub(super) fn new(manner: &Manner, topics: Topics) -> Result<Self, String> {
        let template = Template::new(
            manner.version,
            manner.qos,
            manner.retain,
            &topics.shape(),
            manner.payload_bytes,
        )?;
        let in_flight = InFlight::new(match manner.qos {
            QoS::AtMostOnce => 1,
            QoS::AtLeastOnce | QoS::ExactlyOnce => manner.window,
        });
        Ok(Self {
            template,
            topics,
            qos: manner.qos,
            window: manner.window,
            window_by: manner.window_by,
            in_flight,
            sent: 0,
            left: 0,
            due: 0,
            pace: None,
            owed: Vec::new(),
            barrier: Barrier::NotNeeded,
        })
    }

    /// The broker takes no more than so many unacknowledged messages [MQTT-3.3.4-9].
    pub(super) fn bound_window(&mut self, receive_maximum: u16) {
        if self.qos != QoS::AtMostOnce {
            self.window = self.window.min(usize::from(receive_maximum));
        }
    }

    /// Takes an order.
    pub(super) fn begin(&mut self, task: Task) {
        self.left = match (task.messages, self.topics.messages()) {
            (Some(asked), Some(given)) => asked.min(given),
            (Some(messages), None) | (None, Some(messages)) => messages,
            (None, None) => u64::MAX,
        };
        self.due = 0;
        self.pace = task.pace.map(|(first_ns, interval_ns)| Pace {
            first_ns,
            interval_ns,
            from: self.sent,
        });
        self.barrier = if task.needs_barrier {
            Barrier::Wanted
        } else {
            Barrier::NotNeeded
        };
    }

    /// Sends no more.
    pub(super) fn stop(&mut self) {
        self.left = 0;
    }

    /// It has nothing more to send.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Every message is acknowledged, or behind the barrier.
    pub(super) fn is_answered(&self) -> bool {
        self.in_flight.open() == 0
            && match self.barrier {
                Barrier::NotNeeded | Barrier::Passed => true,
                Barrier::Wanted | Barrier::Sent => false,
            }
    }

    /// Appends to `out` what may be sent now. Returns the number of messages.
    pub(super) fn fill(
        &mut self,
        flow: &mut Flow,
        copies: u64,
        stamp: Stamp,
        out: &mut Vec<u8>,
    ) -> u64 {
        out.append(&mut self.owed);
        let room = u64::try_from(TURN_BYTES_MAX / self.template.len()).unwrap_or(1);
        let most = self.credit(flow, copies).min(self.left).min(room.max(1));
        let mut filled = 0;
        while filled < most {
            let packet_id = match self.qos {
                QoS::AtMostOnce => 0,
                QoS::AtLeastOnce | QoS::ExactlyOnce => {
                    match self.in_flight.take(self.qos == QoS::ExactlyOnce) {
                        Some(packet_id) => packet_id,
                        None => break,
                    }
                }
            };
            let (topic, stream) = self.topics.choose(self.sent);
            let sent_ns = match self.pace {
                Some(pace) => pace.due_ns(self.sent),
                None => stamp.sent_ns,
            };
            let stamp = Stamp {
                sequence: flow.streams[stream],
                sent_ns,
                ..stamp
            };
            self.template.append(out, packet_id, topic, stamp);
            flow.streams[stream] += 1;
            self.sent += 1;
            filled += 1;
        }
        flow.sent += filled;
        self.due = self.due.saturating_sub(filled);
        if self.left != u64::MAX {
            self.left -= filled;
        }
        if self.left == 0 && self.barrier == Barrier::Wanted {
            self.barrier = Barrier::Sent;
            out.extend_from_slice(&super::PINGREQ);
        }
        filled
    }

    /// Packets that remove its retained messages, with a barrier behind them.
    pub(super) fn erasure(&mut self, version: ProtocolVersion) -> Result<Vec<u8>, String> {
        let mut packets = Vec::new();
        let shape = self.topics.shape();
        let template = Template::new(version, QoS::AtMostOnce, true, &shape, 0)?;
        let nothing = Stamp {
            flow: 0,
            sequence: 0,
            run: 0,
            sent_ns: 0,
        };
        for number in 0..self.topics.messages().unwrap_or(0) {
            template.append(&mut packets, 0, self.topics.choose(number).0, nothing);
        }
        packets.extend_from_slice(&super::PINGREQ);
        self.barrier = Barrier::Sent;
        Ok(packets)
    }

    /// It would send more if it were asked again at once.
    pub(super) fn wants_another_turn(&self, flow: &Flow, copies: u64) -> bool {
        self.left > 0 && self.credit(flow, copies) > 0
    }

    /// Messages that the window, or the pace, allows now.
    fn credit(&self, flow: &Flow, copies: u64) -> u64 {
        let window = u64::try_from(self.window).unwrap_or(u64::MAX);
        let unacknowledged = u64::try_from(self.in_flight.open()).unwrap_or(u64::MAX);
        if self.pace.is_some() {
            let room = match self.qos {
                QoS::AtMostOnce => u64::MAX,
                QoS::AtLeastOnce | QoS::ExactlyOnce => window.saturating_sub(unacknowledged),
            };
            return self.due.min(room);
        }
        let outstanding = match self.window_by {
            WindowBy::Acknowledgement => unacknowledged,
            WindowBy::Delivery => flow.undelivered(copies),
            WindowBy::Both => unacknowledged.max(flow.undelivered(copies)),
        };
        // The identifiers bound what is unacknowledged in every case.
        window.saturating_sub(outstanding)
    }
}
