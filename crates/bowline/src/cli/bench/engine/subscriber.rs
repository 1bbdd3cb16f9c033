//! A subscriber: answers what comes and judges it by its stamp.

use bowline_packet::{PacketType, ProtocolVersion, QoS};

use super::super::cast::Expects;
use super::super::sequence::{Arrival, Line, Seen};
use super::super::stamp::Stamp;
use super::Desk;

/// A subscriber's state.
#[derive(Debug)]
pub(super) struct Subscriber {
    watch: Watch,
}

/// What it watches.
#[derive(Debug)]
enum Watch {
    Nothing,
    /// The lines of the flows from `first` on; which of a flow's streams it gets.
    Lines {
        first: usize,
        stream: usize,
        lines: Vec<Line>,
    },
    /// The number that each flow has reached here; what is complete is judged for the group.
    Share {
        reached: Vec<u64>,
    },
    Sets(Vec<Seen>),
}

/// What is wrong with what was received, and how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Verdict {
    /// Deliveries that were due.
    pub(in super::super) expected: u64,
    /// Deliveries that never came.
    pub(in super::super) lost: u64,
}

/// What stands in a PUBLISH, as far as it matters here.
pub(super) struct Delivery<'a> {
    pub(super) qos: QoS,
    pub(super) packet_id: [u8; 2],
    pub(super) payload: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// Reads the body of a PUBLISH without judging the topic or the properties.
    #[inline]
    pub(super) fn read(first_byte: u8, body: &'a [u8], version: ProtocolVersion) -> Option<Self> {
        let (topic_bytes, rest) = body.split_first_chunk()?;
        let mut rest = rest.get(usize::from(u16::from_be_bytes(*topic_bytes))..)?;
        let qos = QoS::from_bits(first_byte >> 1 & 0b11)?;
        let mut packet_id = [0; 2];
        if qos != QoS::AtMostOnce {
            (packet_id, rest) = rest.split_first_chunk().map(|(id, rest)| (*id, rest))?;
        }
        if version.has_properties() {
            let (section_bytes, after) = read_varint(rest)?;
            rest = after.get(section_bytes..)?;
        }
        Some(Self {
            qos,
            packet_id,
            payload: rest,
        })
    }
}

/// A Variable Byte Integer and what stands behind it.
#[inline]
fn read_varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// The first bytes of the answers.
pub(super) const PUBACK: u8 = (PacketType::PubAck as u8) << 4;
pub(super) const PUBREC: u8 = (PacketType::PubRec as u8) << 4;
pub(super) const PUBREL: u8 = (PacketType::PubRel as u8) << 4 | 0b0010;
pub(super) const PUBCOMP: u8 = (PacketType::PubComp as u8) << 4;

impl Subscriber {
    pub(super) fn new(expects: &Expects, flows: usize) -> Self {
        let watch = match expects {
            Expects::Nothing => Watch::Nothing,
            Expects::Lines { flows, stream } => Watch::Lines {
                first: flows.start,
                stream: *stream,
                lines: flows.clone().map(|_| Line::default()).collect(),
            },
            Expects::Share => Watch::Share {
                reached: vec![0; flows],
            },
            Expects::Sets => Watch::Sets((0..flows).map(|_| Seen::default()).collect()),
        };
        Self { watch }
    }

    /// A PUBLISH came: puts the answer into `desk.out` and judges it.
    #[inline]
    pub(super) fn receive(&mut self, delivery: &Delivery<'_>, desk: &mut Desk) {
        let [high, low] = delivery.packet_id;
        match delivery.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => desk.out.extend_from_slice(&[PUBACK, 2, high, low]),
            QoS::ExactlyOnce => desk.out.extend_from_slice(&[PUBREC, 2, high, low]),
        }
        desk.counts.delivered += 1;
        let stamp = Stamp::read(delivery.payload).filter(|stamp| stamp.run == desk.run);
        let flow = stamp.and_then(|stamp| {
            let flow = usize::try_from(stamp.flow.checked_sub(desk.first_flow)?).ok()?;
            (flow < desk.flows.len()).then_some((stamp, flow))
        });
        let Some((stamp, flow)) = flow else {
            desk.counts.foreign += 1;
            return;
        };
        self.judge(flow, stamp.sequence, desk);
        if desk.is_recording {
            desk.latency.note(stamp.sent_ns, desk.now_ns);
        }
    }

    /// Which messages are new, and what that tells about others.
    #[inline]
    fn judge(&mut self, flow: usize, sequence: u64, desk: &mut Desk) {
        let counts = &mut desk.counts;
        // How many messages of the flow need no longer be waited for.
        let released = match &mut self.watch {
            Watch::Nothing => {
                counts.foreign += 1;
                0
            }
            Watch::Lines { first, lines, .. } => {
                let line = flow.checked_sub(*first).and_then(|at| lines.get_mut(at));
                let Some(line) = line else {
                    counts.foreign += 1;
                    return;
                };
                match line.arrive(sequence) {
                    Arrival::InOrder => {
                        counts.fresh += 1;
                        1
                    }
                    Arrival::Ahead(skipped) => {
                        counts.fresh += 1;
                        counts.skipped += skipped;
                        skipped + 1
                    }
                    Arrival::Late => {
                        counts.fresh += 1;
                        counts.reordered += 1;
                        counts.skipped = counts.skipped.saturating_sub(1);
                        0
                    }
                    Arrival::Duplicate => {
                        counts.duplicates += 1;
                        0
                    }
                }
            }
            Watch::Share { reached } => {
                let is_new = sequence < desk.flows[flow].sent && desk.seen[flow].arrive(sequence);
                if !is_new {
                    counts.duplicates += 1;
                    0
                } else {
                    if sequence < reached[flow] {
                        counts.reordered += 1;
                    }
                    reached[flow] = reached[flow].max(sequence + 1);
                    counts.fresh += 1;
                    1
                }
            }
            Watch::Sets(seen) => {
                if sequence < desk.flows[flow].sent && seen[flow].arrive(sequence) {
                    counts.fresh += 1;
                } else {
                    counts.duplicates += 1;
                }
                0
            }
        };
        if released > 0 {
            desk.release(flow, released);
        }
    }

    /// It is one of a group.
    pub(super) fn is_sharing(&self) -> bool {
        matches!(self.watch, Watch::Share { .. })
    }

    /// Deliveries that are due here for what was sent; the group's are the engine's to count.
    pub(super) fn verdict(&self, flows: &[super::Flow]) -> Verdict {
        let each = |expected: u64, lost: u64| Verdict { expected, lost };
        let verdicts: Vec<Verdict> = match &self.watch {
            Watch::Nothing | Watch::Share { .. } => Vec::new(),
            Watch::Lines {
                first,
                stream,
                lines,
            } => lines
                .iter()
                .enumerate()
                .map(|(at, line)| {
                    let sent = flows[first + at].streams.get(*stream).copied().unwrap_or(0);
                    each(sent, line.missing(sent))
                })
                .collect(),
            Watch::Sets(seen) => seen
                .iter()
                .zip(flows)
                .map(|(seen, flow)| each(flow.sent, seen.missing(flow.sent)))
                .collect(),
        };
        verdicts.into_iter().sum()
    }
}

impl std::iter::Sum for Verdict {
    fn sum<I: Iterator<Item = Self>>(verdicts: I) -> Self {
        verdicts.fold(Self::default(), |sum, verdict| Self {
            expected: sum.expected + verdict.expected,
            lost: sum.lost + verdict.lost,
        })
    }
}
