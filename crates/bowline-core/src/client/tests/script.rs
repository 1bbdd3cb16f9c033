//! A small language for tests of the client.
//!
//! A script is lines: `!` is a call of the application or the driver, `<` a packet from the
//! server, `>` a packet that the client then sends, `*` an event that it then tells. [`check`]
//! performs the `!` and `<` lines, writes down what comes out, and compares the whole.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZeroU16;

use bowline_packet::{
    Ack, AckKind, Auth, ConnAck, Disconnect, Next, Packet, PacketId, ProtocolVersion, Publish,
    PublishProperties, QoS, ReasonCode, SubAck, SubscriptionOptions, UnsubAck, UserProperties,
    next_frame,
};

use crate::client::{
    AckToken, AuthExchange, Client, ClientEvent, ClientOptions, ClientOut, Disconnection, Message,
    PublishOutcome, SubscribeRequest, UnsubscribeRequest,
};

/// Runs a script on a client with these options.
#[track_caller]
pub(super) fn check(options: ClientOptions, script: &str) {
    let expected: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut player = Player {
        version: options.version,
        client: Client::new(options),
        now_ms: 0,
        tokens: BTreeMap::new(),
        segment_bytes: usize::MAX,
    };
    let mut actual: Vec<String> = Vec::new();
    for line in expected.iter().filter(|line| line.starts_with(['!', '<'])) {
        actual.push((*line).to_owned());
        actual.extend(player.play(line));
    }
    assert!(
        actual == expected,
        "the transcript was:\n\n{}\n",
        actual.join("\n")
    );
}

struct Player {
    version: ProtocolVersion,
    client: Client,
    now_ms: u64,
    /// Tokens of received messages, by payload.
    tokens: BTreeMap<String, AckToken>,
    /// Bytes from the server arrive in pieces of this size.
    segment_bytes: usize,
}

impl Player {
    fn play(&mut self, line: &str) -> Vec<String> {
        let (kind, rest) = line.split_at(1);
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut out = ClientOut::default();
        if kind == "!" {
            if let Err(why) = self.call(&words, &mut out) {
                return [format!("* error: {why}")].into();
            }
        } else {
            for piece in from_server(self.version, &words).chunks(self.segment_bytes) {
                self.client.handle_bytes(self.now_ms, piece, &mut out);
            }
        }
        let mut lines = sent(self.version, &out.bytes);
        for event in out.events {
            lines.push(format!("* {}", self.event(event)));
        }
        lines
    }

    fn call(
        &mut self,
        words: &[&str],
        out: &mut ClientOut,
    ) -> Result<(), crate::client::UsageError> {
        let (client, now_ms) = (&mut self.client, self.now_ms);
        match *words {
            ["connect"] => client.connect(now_ms, out)?,
            ["lost"] => client.connection_lost(out),
            ["at", time] => {
                self.now_ms = number(time);
                assert!(
                    client.next_timeout().is_some_and(|due| due <= self.now_ms),
                    "due is {:?}, not {time}",
                    client.next_timeout()
                );
                client.handle_timeout(self.now_ms, out);
            }
            ["early", time] => {
                self.now_ms = number(time);
                assert!(
                    client.next_timeout().is_some_and(|due| due > self.now_ms),
                    "it is due"
                );
                client.handle_timeout(self.now_ms, out);
            }
            ["now", time] => self.now_ms = number(time),
            ["segments", bytes] => self.segment_bytes = number(bytes),
            ["deaf", word] => client.set_reading_paused(now_ms, word == "1"),
            ["publish", q, topic, payload] => {
                let message = Message::new(topic, payload).with_qos(qos(q));
                client.publish(now_ms, &message, out)?;
            }
            ["publish", q, "retain", topic, payload] => {
                let message = Message::new(topic, payload)
                    .with_qos(qos(q))
                    .with_retain(true);
                client.publish(now_ms, &message, out)?;
            }
            ["subscribe", q, ref filters @ ..] => {
                let options = SubscriptionOptions {
                    qos: qos(q),
                    ..Default::default()
                };
                let filters = filters.iter().map(|f| ((*f).to_owned(), options)).collect();
                let request = SubscribeRequest {
                    filters,
                    ..Default::default()
                };
                client.subscribe(now_ms, request, out)?;
            }
            ["unsubscribe", ref filters @ ..] => {
                let filters = filters.iter().map(|f| (*f).to_owned()).collect();
                let request = UnsubscribeRequest {
                    filters,
                    ..Default::default()
                };
                client.unsubscribe(now_ms, request, out)?;
            }
            ["ack", payload] => client.ack(now_ms, self.tokens[payload], out)?,
            ["refuse", payload] => {
                let reason = ReasonCode::ImplementationSpecificError;
                client.refuse(now_ms, self.tokens[payload], reason, out)?;
            }
            ["give-back", payload] => client.give_back(self.tokens[payload])?,
            ["give-back-all"] => client.give_back_all(),
            ["abandon"] => client.abandon_connection(out),
            ["auth", code] => {
                let exchange = AuthExchange {
                    reason: reason(code),
                    authentication_method: Some("m".to_owned()),
                    authentication_data: None,
                    reason_string: None,
                    user_properties: Vec::new(),
                };
                client.auth(now_ms, &exchange, out)?;
            }
            ["disconnect"] => client.disconnect(ReasonCode::Success, None, out),
            ["disconnect", "will"] => client.disconnect(ReasonCode::DisconnectWithWill, None, out),
            _ => panic!("no such call: {words:?}"),
        }
        Ok(())
    }

    fn event(&mut self, event: ClientEvent) -> String {
        match event {
            ClientEvent::Connected(connected) => format!(
                "connected present={} id={} ka={}",
                u8::from(connected.session_present),
                connected.client_id,
                connected.keep_alive_secs
            ),
            ClientEvent::Message(delivery) => {
                let message = &delivery.message;
                let payload = String::from_utf8_lossy(&message.payload).into_owned();
                let line = publish_line(
                    "message",
                    delivery.dup,
                    message.qos,
                    delivery.packet_id,
                    &message.topic,
                    &payload,
                );
                if let Some(token) = delivery.token {
                    self.tokens.insert(payload, token);
                }
                line
            }
            ClientEvent::Published {
                packet_id, outcome, ..
            } => {
                let how = match outcome {
                    PublishOutcome::Sent => "sent".to_owned(),
                    PublishOutcome::Acknowledged { reason, .. } => {
                        format!("acknowledged {}", reason.code())
                    }
                    PublishOutcome::Refused { reason, .. } => format!("refused {}", reason.code()),
                    PublishOutcome::Impossible(why) => format!("impossible {why:?}"),
                    PublishOutcome::Uncertain => "uncertain".to_owned(),
                };
                format!("published {} {how}", id(packet_id))
            }
            ClientEvent::Subscribed(outcome) => {
                format!(
                    "subscribed {} {}",
                    id(outcome.packet_id),
                    codes(&outcome.codes)
                )
            }
            ClientEvent::Unsubscribed(outcome) => {
                format!(
                    "unsubscribed {} {}",
                    id(outcome.packet_id),
                    codes(&outcome.codes)
                )
            }
            ClientEvent::SubscriptionLost { filter, reason } => {
                format!("subscription lost {filter} {}", reason.code())
            }
            ClientEvent::Auth(auth) => format!("auth {}", auth.reason.code()),
            ClientEvent::Disconnected(why) => match why {
                Disconnection::Requested => "disconnected requested".to_owned(),
                Disconnection::Closed => "disconnected closed".to_owned(),
                Disconnection::Refused { code, .. } => format!("disconnected refused {code}"),
                Disconnection::ByServer { reason, .. } => {
                    format!("disconnected by server {}", reason.code())
                }
                Disconnection::ConnAckTimedOut => "disconnected no connack".to_owned(),
                Disconnection::PongTimedOut => "disconnected no pong".to_owned(),
                Disconnection::Protocol { reason, what } => {
                    format!("disconnected protocol {}: {what}", reason.code())
                }
            },
        }
    }
}

/// The bytes of a server's packet.
fn from_server(version: ProtocolVersion, words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = match words {
        ["CONNACK", present, more @ ..] => {
            let mut packet = ConnAck::new(*present == "present=1", ReasonCode::Success);
            for word in more {
                let (name, value) = word.split_once('=').expect("name=value");
                match name {
                    "rc" => packet.reason = reason(value),
                    "rm" => packet.receive_maximum = NonZeroU16::new(number(value)),
                    "ka" => packet.server_keep_alive_secs = Some(number(value)),
                    "id" => packet.assigned_client_id = Some(value),
                    "maxpacket" => packet.maximum_packet_size = Some(number(value)),
                    "maxqos" => packet.maximum_qos = QoS::from_bits(number(value)),
                    "retain" => packet.retain_available = Some(value == "1"),
                    _ => panic!("no such property: {word}"),
                }
            }
            Packet::ConnAck(packet).encode(version, &mut bytes)
        }
        ["PUBLISH", dup, q, packet_id, rest @ ..] => {
            let (topic, payload, alias) = match rest {
                [topic, payload] => (*topic, *payload, None),
                [topic, payload, alias] => (*topic, *payload, alias.strip_prefix("alias=")),
                _ => panic!("PUBLISH d0 q1 m1 topic payload [alias=1]"),
            };
            let packet = Publish {
                dup: *dup == "d1",
                qos: qos(q),
                retain: false,
                topic: if topic == "-" { "" } else { topic },
                packet_id: PacketId::new(number(packet_id.trim_start_matches('m'))),
                properties: PublishProperties {
                    topic_alias: alias.map(number),
                    ..Default::default()
                },
                payload: payload.as_bytes(),
            };
            packet.encode(version, &mut bytes).map(drop)
        }
        [
            name @ ("PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP"),
            packet_id,
            code @ ..,
        ] => {
            let kind = match *name {
                "PUBACK" => AckKind::PubAck,
                "PUBREC" => AckKind::PubRec,
                "PUBREL" => AckKind::PubRel,
                _ => AckKind::PubComp,
            };
            let code = code
                .first()
                .map_or(ReasonCode::Success, |code| reason(code));
            Ack::new(packet(packet_id), code).encode(kind, version, &mut bytes)
        }
        ["SUBACK", packet_id, codes @ ..] => {
            let codes: Vec<u8> = codes.iter().map(|code| number(code)).collect();
            let packet = SubAck {
                packet_id: packet(packet_id),
                reason_string: None,
                user_properties: UserProperties::default(),
                codes: &codes,
            };
            Packet::SubAck(packet).encode(version, &mut bytes)
        }
        ["UNSUBACK", packet_id, codes @ ..] => {
            let codes: Vec<u8> = codes.iter().map(|code| number(code)).collect();
            let packet = UnsubAck {
                packet_id: packet(packet_id),
                reason_string: None,
                user_properties: UserProperties::default(),
                codes: &codes,
            };
            Packet::UnsubAck(packet).encode(version, &mut bytes)
        }
        ["PINGRESP"] => Packet::PingResp.encode(version, &mut bytes),
        ["PINGREQ"] => Packet::PingReq.encode(version, &mut bytes),
        ["DISCONNECT", code] => {
            let packet = Disconnect {
                reason: reason(code),
                session_expiry_secs: None,
                reason_string: None,
                user_properties: UserProperties::default(),
                server_reference: None,
            };
            Packet::Disconnect(packet).encode(version, &mut bytes)
        }
        ["AUTH", code] => {
            let packet = Auth {
                reason: reason(code),
                authentication_method: Some("m"),
                authentication_data: None,
                reason_string: None,
                user_properties: UserProperties::default(),
            };
            Packet::Auth(packet).encode(version, &mut bytes)
        }
        ["BYTES", raw @ ..] => {
            bytes.extend(
                raw.iter()
                    .map(|byte| u8::from_str_radix(byte, 16).expect("hex")),
            );
            Ok(())
        }
        _ => panic!("no such packet: {words:?}"),
    };
    encoded.expect("the script's packets are right");
    bytes
}

/// The packets that the client sent, a line each.
fn sent(version: ProtocolVersion, bytes: &[u8]) -> Vec<String> {
    let (mut lines, mut used) = (Vec::new(), 0);
    while let Next::Frame(frame) = next_frame(&bytes[used..], usize::MAX).expect("it is ours") {
        used += frame.len;
        let packet = Packet::decode(version, frame).expect("it is ours");
        lines.push(format!("> {}", sent_line(&packet)));
    }
    assert_eq!(used, bytes.len(), "only whole packets are sent");
    lines
}

fn sent_line(packet: &Packet<'_>) -> String {
    let ack = |name: &str, ack: &Ack<'_>| match ack.reason {
        ReasonCode::Success => format!("{name} {}", id(Some(ack.packet_id))),
        other => format!("{name} {} {}", id(Some(ack.packet_id)), other.code()),
    };
    match packet {
        Packet::Connect(connect) => {
            format!(
                "CONNECT clean={} id={}",
                u8::from(connect.clean_start),
                connect.client_id
            )
        }
        Packet::Publish(publish) => publish_line(
            "PUBLISH",
            publish.dup,
            publish.qos,
            publish.packet_id,
            publish.topic,
            &String::from_utf8_lossy(publish.payload),
        ),
        Packet::PubAck(packet) => ack("PUBACK", packet),
        Packet::PubRec(packet) => ack("PUBREC", packet),
        Packet::PubRel(packet) => ack("PUBREL", packet),
        Packet::PubComp(packet) => ack("PUBCOMP", packet),
        Packet::Subscribe(packet) => {
            let filters: Vec<String> = packet
                .filters
                .iter()
                .map(|(filter, options)| format!("{}:{}", filter.as_str(), options.qos as u8))
                .collect();
            format!(
                "SUBSCRIBE {} {}",
                id(Some(packet.packet_id)),
                filters.join(" ")
            )
        }
        Packet::Unsubscribe(packet) => {
            let filters: Vec<&str> = packet
                .filters
                .iter()
                .map(|filter| filter.as_str())
                .collect();
            format!(
                "UNSUBSCRIBE {} {}",
                id(Some(packet.packet_id)),
                filters.join(" ")
            )
        }
        Packet::PingReq => "PINGREQ".to_owned(),
        Packet::Disconnect(packet) => format!("DISCONNECT {}", packet.reason.code()),
        Packet::Auth(packet) => format!("AUTH {}", packet.reason.code()),
        Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {
            panic!("a client does not send {packet:?}")
        }
    }
}

fn publish_line(
    name: &str,
    dup: bool,
    qos: QoS,
    packet_id: Option<PacketId>,
    topic: &str,
    payload: &str,
) -> String {
    format!(
        "{name} d{} q{} {} {topic} {payload}",
        u8::from(dup),
        qos as u8,
        id(packet_id)
    )
}

fn id(packet_id: Option<PacketId>) -> String {
    format!("m{}", packet_id.map_or(0, PacketId::get))
}

fn codes(codes: &[ReasonCode]) -> String {
    let codes: Vec<String> = codes.iter().map(|code| code.code().to_string()).collect();
    codes.join(" ")
}

fn packet(word: &str) -> PacketId {
    PacketId::new(number(word.trim_start_matches('m'))).expect("not zero")
}

fn reason(word: &str) -> ReasonCode {
    ReasonCode::from_u8(number(word)).expect("a reason code")
}

fn qos(word: &str) -> QoS {
    QoS::from_bits(number(word.trim_start_matches('q'))).expect("q0, q1 or q2")
}

#[track_caller]
fn number<T: core::str::FromStr>(word: &str) -> T {
    word.parse()
        .unwrap_or_else(|_| panic!("not a number: {word}"))
}
