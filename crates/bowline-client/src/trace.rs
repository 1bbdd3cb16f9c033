//! Packets in one line each, for people who look for a fault.
//!
//! Promises: never shows a password or a payload. It decodes what passes a second time, so it
//! costs something; it exists only when it is asked for.

use bowline_packet::{
    Ack, Frame, Next, Packet, ProtocolVersion, Publish, QoS, ReasonCode, next_frame,
};

/// Larger than any packet.
const ANY_SIZE: usize = usize::MAX;

/// Frames the received bytes again; what is sent is always whole packets.
#[derive(Debug)]
pub(crate) struct PacketTrace {
    version: ProtocolVersion,
    received: Vec<u8>,
}

impl PacketTrace {
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            received: Vec::new(),
        }
    }

    pub(crate) fn new_connection(&mut self) {
        self.received.clear();
    }

    /// The packets in `bytes`, which holds only whole ones.
    pub(crate) fn sent(&self, bytes: &[u8]) -> Vec<String> {
        lines(self.version, bytes).0
    }

    /// The packets that `bytes` completed.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Vec<String> {
        self.received.extend_from_slice(bytes);
        let (lines, used) = lines(self.version, &self.received);
        self.received.drain(..used);
        lines
    }
}

fn lines(version: ProtocolVersion, bytes: &[u8]) -> (Vec<String>, usize) {
    let (mut lines, mut used) = (Vec::new(), 0);
    while let Ok(Next::Frame(frame)) = next_frame(bytes.get(used..).unwrap_or_default(), ANY_SIZE) {
        used += frame.len;
        lines.push(line(version, frame));
    }
    (lines, used)
}

fn line(version: ProtocolVersion, frame: Frame<'_>) -> String {
    let packet = match Packet::decode(version, frame) {
        Ok(packet) => packet,
        Err(why) => return format!("an invalid packet: {why}"),
    };
    match packet {
        Packet::Connect(connect) => format!(
            "CONNECT (clean {}, keep alive {}, id '{}'{}{})",
            u8::from(connect.clean_start),
            connect.keep_alive_secs,
            connect.client_id,
            if connect.will.is_some() { ", will" } else { "" },
            if connect.username.is_some() {
                ", user name"
            } else {
                ""
            },
        ),
        Packet::ConnAck(connack) => format!(
            "CONNACK ({}, session present {})",
            reason(connack.reason),
            u8::from(connack.session_present)
        ),
        Packet::Publish(publish) => publish_line(&publish),
        Packet::PubAck(ack) => ack_line("PUBACK", &ack),
        Packet::PubRec(ack) => ack_line("PUBREC", &ack),
        Packet::PubRel(ack) => ack_line("PUBREL", &ack),
        Packet::PubComp(ack) => ack_line("PUBCOMP", &ack),
        Packet::Subscribe(subscribe) => {
            let filters: Vec<String> = subscribe
                .filters
                .iter()
                .map(|(filter, options)| format!("'{}' q{}", filter.as_str(), options.qos as u8))
                .collect();
            format!(
                "SUBSCRIBE (m{}, {})",
                subscribe.packet_id.get(),
                filters.join(", ")
            )
        }
        Packet::SubAck(ack) => codes_line("SUBACK", ack.packet_id.get(), ack.codes),
        Packet::Unsubscribe(unsubscribe) => {
            let filters: Vec<String> = unsubscribe
                .filters
                .iter()
                .map(|filter| format!("'{}'", filter.as_str()))
                .collect();
            format!(
                "UNSUBSCRIBE (m{}, {})",
                unsubscribe.packet_id.get(),
                filters.join(", ")
            )
        }
        Packet::UnsubAck(ack) => codes_line("UNSUBACK", ack.packet_id.get(), ack.codes),
        Packet::PingReq => "PINGREQ".to_owned(),
        Packet::PingResp => "PINGRESP".to_owned(),
        Packet::Disconnect(disconnect) => format!("DISCONNECT ({})", reason(disconnect.reason)),
        Packet::Auth(auth) => format!("AUTH ({})", reason(auth.reason)),
    }
}

fn publish_line(publish: &Publish<'_>) -> String {
    let id = match (publish.qos, publish.packet_id) {
        (QoS::AtMostOnce, _) | (_, None) => "m0".to_owned(),
        (QoS::AtLeastOnce | QoS::ExactlyOnce, Some(id)) => format!("m{}", id.get()),
    };
    format!(
        "PUBLISH (d{}, q{}, r{}, {id}, '{}', {} bytes)",
        u8::from(publish.dup),
        publish.qos as u8,
        u8::from(publish.retain),
        publish.topic,
        publish.payload.len()
    )
}

fn ack_line(name: &str, ack: &Ack<'_>) -> String {
    format!("{name} (m{}, {})", ack.packet_id.get(), reason(ack.reason))
}

fn codes_line(name: &str, packet_id: u16, codes: &[u8]) -> String {
    let codes: Vec<String> = codes.iter().map(u8::to_string).collect();
    format!("{name} (m{packet_id}, codes {})", codes.join(" "))
}

fn reason(reason: ReasonCode) -> String {
    format!("rc {} {}", reason.code(), reason.description())
}
