//! Bytes to packets to the rooms that act on them.

use bowline_packet::{
    Ack, Frame, Next, Packet, PacketType, ProtocolVersion, Publish, ReasonCode, next_frame,
};

use super::{Phase, Refusal};
use crate::broker::{Broker, Received};
use crate::gate::Mark;
use crate::ids::ConnectionId;
use crate::out::Out;
use crate::time::Now;

impl Broker {
    /// Handles the packets that `bytes` begins with, in order.
    ///
    /// A connection that was closed consumes everything; a paused one consumes what fits its
    /// bounded space and leaves the rest with the caller.
    pub fn receive(&mut self, now: Now, id: ConnectionId, bytes: &[u8], out: &mut Out) -> Received {
        let received = self.receive_packets(now, id, bytes, out);
        self.finish_turn(now, out);
        received
    }

    fn receive_packets(
        &mut self,
        now: Now,
        id: ConnectionId,
        bytes: &[u8],
        out: &mut Out,
    ) -> Received {
        let gone = Received {
            consumed: bytes.len(),
            more: false,
        };
        let Some(mark) = self.connections.mark(id) else {
            return gone;
        };
        if let Some(connection) = self.connections.get_mut(id) {
            connection.last_received = now.instant;
        }
        let mut consumed = 0;
        for _ in 0..self.options.limits.packets_per_turn_max {
            let Some(connection) = self.connections.marked(mark) else {
                return gone;
            };
            let packet_bytes_max = match connection.phase {
                Phase::Fresh => self.options.limits.connect_bytes_max,
                Phase::Opening | Phase::Open => self.options.limits.packet_bytes_max,
            };
            let rest = bytes.get(consumed..).unwrap_or_default();
            let frame = match next_frame(rest, packet_bytes_max) {
                Ok(Next::Frame(frame)) => frame,
                Ok(Next::Incomplete { needed_bytes: _ }) => {
                    self.check_first_byte(mark, rest, now, out);
                    return Received {
                        consumed,
                        more: false,
                    };
                }
                Err(malformed) => {
                    self.refuse(id, &Refusal::Malformed(malformed), now, out);
                    return gone;
                }
            };
            if !self.may_handle(mark, &frame, now, out) {
                return Received {
                    consumed,
                    more: false,
                };
            }
            let packet = rest.get(..frame.len).unwrap_or_default();
            consumed += frame.len;
            self.on_frame(mark, frame, packet, now, out);
            if out.is_pressed() {
                return Received {
                    consumed,
                    more: true,
                };
            }
        }
        Received {
            consumed,
            more: consumed < bytes.len(),
        }
    }

    /// A first packet that is not CONNECT is refused by its first byte, before its body arrives.
    fn check_first_byte(&mut self, mark: Mark, rest: &[u8], now: Now, out: &mut Out) {
        let is_fresh = self
            .connections
            .marked(mark)
            .is_some_and(|c| c.phase == Phase::Fresh);
        if is_fresh && rest.first().is_some_and(|first| first >> 4 != 1) {
            self.refuse(mark.connection, &Refusal::NotConnectFirst, now, out);
        }
    }

    /// One whole packet.
    fn on_frame(&mut self, mark: Mark, frame: Frame<'_>, packet: &[u8], now: Now, out: &mut Out) {
        let id = mark.connection;
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let kind = frame.packet_type();
        if connection.phase == Phase::Fresh && kind != PacketType::Connect {
            self.refuse(id, &Refusal::NotConnectFirst, now, out);
            return;
        }
        if self.must_defer(mark, kind) {
            self.defer(mark, packet);
            return;
        }
        let Some(connection) = self.connections.marked(mark) else {
            return;
        };
        let version = connection.version;
        // The packets of which there are many do not take the way through the enum of all.
        let done = match kind {
            PacketType::Publish => Publish::decode(version, frame)
                .map(|publish| self.on_publish(mark, &publish, now, out)),
            PacketType::PubAck => {
                Ack::decode(version, frame).map(|ack| self.on_puback(id, &ack, now, out))
            }
            PacketType::Connect
            | PacketType::ConnAck
            | PacketType::PubRec
            | PacketType::PubRel
            | PacketType::PubComp
            | PacketType::Subscribe
            | PacketType::SubAck
            | PacketType::Unsubscribe
            | PacketType::UnsubAck
            | PacketType::PingReq
            | PacketType::PingResp
            | PacketType::Disconnect
            | PacketType::Auth => {
                Packet::decode(version, frame).map(|packet| self.on_packet(mark, &packet, now, out))
            }
        };
        match done {
            Ok(()) => {}
            Err(malformed) => {
                let Some(connection) = self.connections.marked(mark) else {
                    return;
                };
                if kind == PacketType::Connect && connection.phase == Phase::Fresh {
                    connection.version = claimed_version(&frame);
                }
                self.refuse(id, &Refusal::Malformed(malformed), now, out);
            }
        }
    }

    /// One decoded packet of a connection whose time has come.
    pub(crate) fn on_packet(&mut self, mark: Mark, packet: &Packet<'_>, now: Now, out: &mut Out) {
        let id = mark.connection;
        match packet {
            Packet::Connect(connect) => {
                let is_fresh = self
                    .connections
                    .marked(mark)
                    .is_some_and(|c| c.phase == Phase::Fresh);
                if is_fresh {
                    self.on_connect(id, connect, now, out);
                } else {
                    self.refuse(id, &Refusal::SecondConnect, now, out);
                }
            }
            Packet::Publish(publish) => self.on_publish(mark, publish, now, out),
            Packet::PubAck(ack) => self.on_puback(id, ack, now, out),
            Packet::PubRec(ack) => self.on_pubrec(id, ack, now, out),
            Packet::PubRel(ack) => self.on_pubrel(id, ack, now, out),
            Packet::PubComp(ack) => self.on_pubcomp(id, ack, now, out),
            Packet::Subscribe(subscribe) => self.on_subscribe(id, subscribe, now, out),
            Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(id, unsubscribe, now, out),
            Packet::PingReq => {
                // [MQTT-3.12.4-1]
                out.append(id, |bytes| bytes.extend_from_slice(&[0xD0, 0x00]));
            }
            Packet::Disconnect(disconnect) => self.on_disconnect(id, disconnect, now, out),
            Packet::Auth(_) => self.refuse(id, &Refusal::UnexpectedAuth, now, out),
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
                self.refuse(id, &Refusal::ServerOnlyPacket, now, out)
            }
        }
    }

    /// The network closed the connection.
    pub(crate) fn on_closed(&mut self, id: ConnectionId, cause: &str, now: Now, out: &mut Out) {
        let ending = super::Ending {
            reason: ReasonCode::UnspecifiedError,
            words: cause,
            will: true,
            by_us: false,
        };
        self.close(id, &ending, now, out);
    }
}

/// In whose words a CONNECT that cannot be decoded is refused: by the protocol level that it
/// names. A level above 5 is a successor of 5.0, which answers as 5.0 does [MQTT-3.1.2-2].
fn claimed_version(frame: &Frame<'_>) -> ProtocolVersion {
    let name_bytes = frame
        .body
        .first_chunk()
        .map_or(0, |length| u16::from_be_bytes(*length));
    let level = frame
        .body
        .get(2 + usize::from(name_bytes))
        .copied()
        .unwrap_or_default();
    match level {
        5..=0x7F => ProtocolVersion::V5,
        0..=4 | 0x80..=0xFF => ProtocolVersion::V311,
    }
}
