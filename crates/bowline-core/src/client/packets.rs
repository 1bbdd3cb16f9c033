//! Packets from the server: which may come when, and who handles them.
//!
//! Promises: bytes that are no MQTT, and packets that have no place here, end the connection with
//! the fitting reason and change nothing else.

use alloc::string::{String, ToString};
use core::num::NonZeroU16;

use bowline_packet::{Auth, Frame, Next, Packet, ProtocolVersion, Publish, ReasonCode, next_frame};

use super::error::Violation;
use super::event::{AuthExchange, ClientEvent, ClientOut, Delivery, Disconnection};
use super::incoming::Arrival;
use super::message::{Message, MessageProperties, owned_user_properties};
use super::options::Acknowledgement;
use super::{Client, Link, PACKET_BYTES_MAX};

impl Client {
    /// Handles all complete packets; returns the bytes used.
    pub(super) fn handle_packets(
        &mut self,
        now_ms: u64,
        bytes: &[u8],
        out: &mut ClientOut,
    ) -> usize {
        let packet_bytes_max = self
            .options
            .maximum_packet_size
            .map_or(PACKET_BYTES_MAX, |max| {
                usize::try_from(max.get()).unwrap_or(PACKET_BYTES_MAX)
            });
        let mut used = 0;
        while self.link != Link::Down {
            let rest = bytes.get(used..).unwrap_or_default();
            let handled = match next_frame(rest, packet_bytes_max) {
                Ok(Next::Incomplete { .. }) => break,
                Ok(Next::Frame(frame)) => {
                    used += frame.len;
                    self.handle_frame(now_ms, frame, out)
                }
                Err(why) => Err(Violation::from(why)),
            };
            if let Err(violation) = handled {
                self.fail(violation, out);
            }
        }
        used
    }

    fn handle_frame(
        &mut self,
        now_ms: u64,
        frame: Frame<'_>,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let packet = Packet::decode(self.options.version, frame)?;
        match (self.link, packet) {
            (Link::AwaitingConnAck { clean_start, .. }, Packet::ConnAck(connack)) => {
                self.on_connack(now_ms, clean_start, &connack, out)
            }
            (Link::AwaitingConnAck { .. } | Link::Up, Packet::Auth(auth)) => {
                out.events.push(ClientEvent::Auth(auth_exchange(&auth)));
                Ok(())
            }
            (Link::AwaitingConnAck { .. } | Link::Up, Packet::Disconnect(packet)) => {
                let end = Disconnection::ByServer {
                    reason: packet.reason,
                    reason_string: packet.reason_string.map(ToString::to_string),
                    server_reference: packet.server_reference.map(ToString::to_string),
                };
                self.end(end, out);
                Ok(())
            }
            (Link::Up, packet) => self.handle_packet(now_ms, packet, out),
            (Link::AwaitingConnAck { .. } | Link::Down, _) => Err(Violation::protocol_error(
                "the first packet of a server must be CONNACK",
            )),
        }
    }

    fn handle_packet(
        &mut self,
        now_ms: u64,
        packet: Packet<'_>,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let version = self.options.version;
        match packet {
            Packet::Publish(publish) => return self.on_publish(&publish, out),
            Packet::PubRel(ack) => return self.incoming.pub_rel(ack.packet_id, version, out),
            Packet::PingResp => self.keep_alive.pong(),
            Packet::PubAck(ack) => self.outgoing.pub_ack(&ack, &mut self.ids, out)?,
            Packet::PubRec(ack) => self.outgoing.pub_rec(&ack, version, &mut self.ids, out)?,
            Packet::PubComp(ack) => self.outgoing.pub_comp(&ack, &mut self.ids, out)?,
            Packet::SubAck(ack) => self.requests.sub_ack(&ack, &mut self.ids, out)?,
            Packet::UnsubAck(ack) => self.requests.unsub_ack(&ack, &mut self.ids, out)?,
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Disconnect(_)
            | Packet::Auth(_) => {
                return Err(Violation::protocol_error(
                    "a packet that a server may not send here",
                ));
            }
        }
        self.send_outgoing(now_ms, out); // An acknowledgement may have opened the window.
        Ok(())
    }

    fn on_publish(&mut self, publish: &Publish<'_>, out: &mut ClientOut) -> Result<(), Violation> {
        let topic = self.resolve_topic(publish)?;
        let automatic = match self.options.acknowledgement {
            Acknowledgement::Automatic => true,
            Acknowledgement::Manual => false,
        };
        let mut token = None;
        if let Some(packet_id) = publish.packet_id {
            let receive_maximum = self.receive_maximum();
            let arrival =
                self.incoming
                    .arrive(packet_id, publish.qos, publish.dup, receive_maximum)?;
            match arrival {
                Arrival::Repeated => {
                    self.incoming.send_owed(self.options.version, out);
                    return Ok(());
                }
                Arrival::New(new) => token = Some(new),
            }
        }
        let delivery = Delivery {
            message: Message {
                topic,
                payload: publish.payload.to_vec(),
                qos: publish.qos,
                retain: publish.retain,
                properties: MessageProperties::from_packet(&publish.properties),
            },
            dup: publish.dup,
            packet_id: publish.packet_id,
            topic_alias: publish.properties.topic_alias,
            token: token.filter(|_| !automatic),
        };
        out.events.push(ClientEvent::Message(delivery));
        if let Some(token) = token.filter(|_| automatic) {
            // A token that was just made is not stale.
            let _ = self.incoming.settle(token, ReasonCode::Success);
            self.incoming.send_owed(self.options.version, out);
        }
        Ok(())
    }

    /// The topic of a PUBLISH, through its Topic Alias if it has one (section 3.3.2.3.4).
    fn resolve_topic(&mut self, publish: &Publish<'_>) -> Result<String, Violation> {
        let Some(alias) = publish.properties.topic_alias else {
            return Ok(publish.topic.to_string());
        };
        if alias == 0 || alias > self.options.topic_alias_maximum {
            // [MQTT-3.1.2-26]
            return Err(Violation::new(
                ReasonCode::TopicAliasInvalid,
                "topic alias above our maximum",
            ));
        }
        let index = usize::from(alias) - 1;
        if publish.topic.is_empty() {
            let known = self.topic_aliases.get(index).cloned().flatten();
            return known.ok_or_else(|| Violation::protocol_error("unknown topic alias"));
        }
        if self.topic_aliases.len() <= index {
            self.topic_aliases.resize(index + 1, None);
        }
        if let Some(place) = self.topic_aliases.get_mut(index) {
            *place = Some(publish.topic.to_string());
        }
        Ok(publish.topic.to_string())
    }

    /// How many QoS 1 and 2 messages the server may have under way; 3.x knows no bound.
    fn receive_maximum(&self) -> usize {
        let ours = match self.options.version {
            ProtocolVersion::V31 | ProtocolVersion::V311 => None,
            ProtocolVersion::V5 => self.options.receive_maximum,
        };
        ours.map_or(u16::MAX, NonZeroU16::get).into()
    }
}

fn auth_exchange(auth: &Auth<'_>) -> AuthExchange {
    AuthExchange {
        reason: auth.reason,
        authentication_method: auth.authentication_method.map(ToString::to_string),
        authentication_data: auth.authentication_data.map(<[u8]>::to_vec),
        reason_string: auth.reason_string.map(ToString::to_string),
        user_properties: owned_user_properties(&auth.user_properties),
    }
}
