//! What a client got, as lines of text in the words of the scripts.

use bowline_core::{Counters, Event};
use bowline_packet::{
    Ack, ConnAck, Disconnect, Next, Packet, ProtocolVersion, Publish, ReasonCode, SubAck, UnsubAck,
    next_frame,
};

use crate::world::{Client, Got, World};

/// Payloads longer than this are told by their size.
const PAYLOAD_SHOWN_BYTES: usize = 60;

/// Takes what the clients got since the last call, as lines grouped by client.
pub(crate) fn take_lines(world: &mut World) -> Vec<String> {
    let mut lines = Vec::new();
    for client in &mut world.clients {
        take_client_lines(client, &mut lines);
    }
    lines
}

fn take_client_lines(client: &mut Client, lines: &mut Vec<String>) {
    let mut waiting: Option<(ProtocolVersion, Vec<u8>)> = None;
    let mut words = Vec::new();
    for got in client.got.drain(..) {
        match got {
            Got::Bytes(version, bytes) => match &mut waiting {
                Some((_, all)) => all.extend(bytes),
                None => waiting = Some((version, bytes)),
            },
            Got::Closed => {
                flush(&mut waiting, &mut words);
                words.push("closed".to_owned());
            }
        }
    }
    let rest = flush(&mut waiting, &mut words);
    if let Some((version, bytes)) = rest {
        // The end of a packet is still to come.
        client.got.push(Got::Bytes(version, bytes));
    }
    lines.extend(words.iter().map(|word| format!("{} < {word}", client.name)));
}

/// Decodes whole packets; what is left of a packet whose end is missing.
fn flush(
    waiting: &mut Option<(ProtocolVersion, Vec<u8>)>,
    words: &mut Vec<String>,
) -> Option<(ProtocolVersion, Vec<u8>)> {
    let (version, bytes) = waiting.take()?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match next_frame(rest, usize::MAX) {
            Ok(Next::Frame(frame)) => {
                let len = frame.len;
                match Packet::decode(version, frame) {
                    Ok(packet) => words.push(packet_text(version, &packet)),
                    Err(why) => words.push(format!("malformed {:02x?}: {why}", &rest[..len])),
                }
                rest = &rest[len..];
            }
            Ok(Next::Incomplete { needed_bytes: _ }) => return Some((version, rest.to_vec())),
            Err(why) => {
                words.push(format!("malformed {rest:02x?}: {why}"));
                break;
            }
        }
    }
    None
}

fn packet_text(version: ProtocolVersion, packet: &Packet<'_>) -> String {
    match packet {
        Packet::ConnAck(connack) => connack_text(connack),
        Packet::Publish(publish) => publish_text(publish),
        Packet::PubAck(ack) => ack_text("PUBACK", ack),
        Packet::PubRec(ack) => ack_text("PUBREC", ack),
        Packet::PubRel(ack) => ack_text("PUBREL", ack),
        Packet::PubComp(ack) => ack_text("PUBCOMP", ack),
        Packet::SubAck(suback) => suback_text(suback),
        Packet::UnsubAck(unsuback) => unsuback_text(version, unsuback),
        Packet::PingResp => "PINGRESP".to_owned(),
        Packet::Disconnect(disconnect) => disconnect_text(disconnect),
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Auth(_) => format!("unexpected {packet:?}"),
    }
}

fn connack_text(connack: &ConnAck<'_>) -> String {
    let mut text = "CONNACK".to_owned();
    if connack.session_present {
        text += " present";
    }
    push_reason(&mut text, connack.reason);
    // What is the same for every client of a broker is left out.
    if let Some(secs) = connack.session_expiry_secs {
        text += &format!(" expiry={secs}");
    }
    if let Some(id) = connack.assigned_client_id {
        text += &format!(" assigned={id}");
    }
    if let Some(secs) = connack.server_keep_alive_secs {
        text += &format!(" keep_alive={secs}");
    }
    if let Some(response) = connack.response_information {
        text += &format!(" response_information={response}");
    }
    push_words(&mut text, connack.reason_string);
    text
}

fn publish_text(publish: &Publish<'_>) -> String {
    let mut text = "PUBLISH".to_owned();
    if let Some(id) = publish.packet_id {
        text += &format!(" {id}");
    }
    text += if publish.topic.is_empty() { " -" } else { " " };
    text += publish.topic;
    let qos = publish.qos as u8;
    if qos > 0 {
        text += &format!(" qos={qos}");
    }
    for (word, is_set) in [("dup", publish.dup), ("retain", publish.retain)] {
        if is_set {
            text += &format!(" {word}");
        }
    }
    match str::from_utf8(publish.payload) {
        Ok(payload) if payload.len() <= PAYLOAD_SHOWN_BYTES => text += &format!(" {payload:?}"),
        _ => text += &format!(" size={}", publish.payload.len()),
    }
    let properties = &publish.properties;
    if let Some(alias) = properties.topic_alias {
        text += &format!(" alias={alias}");
    }
    if let Some(secs) = properties.message_expiry_secs {
        text += &format!(" expiry={secs}");
    }
    if !properties.subscription_identifiers.is_empty() {
        let ids: Vec<String> = properties
            .subscription_identifiers
            .iter()
            .map(|id| id.to_string())
            .collect();
        text += &format!(" id={}", ids.join("+"));
    }
    if let Some(utf8) = properties.payload_format_is_utf8 {
        text += &format!(" format={}", u8::from(utf8));
    }
    if let Some(topic) = properties.response_topic {
        text += &format!(" response={topic}");
    }
    if let Some(data) = properties.correlation_data {
        text += &format!(" correlation={}", String::from_utf8_lossy(data));
    }
    if let Some(content) = properties.content_type {
        text += &format!(" content={content}");
    }
    for (name, value) in properties.user_properties.iter() {
        text += &format!(" user={name}:{value}");
    }
    text
}

fn ack_text(name: &str, ack: &Ack<'_>) -> String {
    let mut text = format!("{name} {}", ack.packet_id);
    push_reason(&mut text, ack.reason);
    push_words(&mut text, ack.reason_string);
    text
}

fn suback_text(suback: &SubAck<'_>) -> String {
    let mut text = format!("SUBACK {}", suback.packet_id);
    push_codes(&mut text, suback.codes);
    push_words(&mut text, suback.reason_string);
    text
}

fn unsuback_text(version: ProtocolVersion, unsuback: &UnsubAck<'_>) -> String {
    let mut text = format!("UNSUBACK {}", unsuback.packet_id);
    if version == ProtocolVersion::V5 {
        push_codes(&mut text, unsuback.codes);
    }
    text
}

fn disconnect_text(disconnect: &Disconnect<'_>) -> String {
    let mut text = "DISCONNECT".to_owned();
    push_reason(&mut text, disconnect.reason);
    push_words(&mut text, disconnect.reason_string);
    text
}

fn push_reason(text: &mut String, reason: ReasonCode) {
    if reason != ReasonCode::Success {
        *text += &format!(" 0x{:02X}", reason.code());
    }
}

fn push_words(text: &mut String, words: Option<&str>) {
    if let Some(words) = words {
        *text += &format!(" {words:?}");
    }
}

fn push_codes(text: &mut String, codes: &[u8]) {
    for code in codes {
        *text += &match code {
            0..=2 => format!(" {code}"),
            _ => format!(" 0x{code:02X}"),
        };
    }
}

/// What was counted that is not the same in every scenario.
pub(crate) fn counter_lines(counters: &[Counters]) -> Vec<String> {
    type Read = fn(&Counters) -> u64;
    let rows: [(&str, Read); 17] = [
        ("deliveries_qos0", |c| c.deliveries[0]),
        ("deliveries_qos1", |c| c.deliveries[1]),
        ("deliveries_qos2", |c| c.deliveries[2]),
        ("redeliveries", |c| c.redeliveries),
        ("publishes_refused", |c| c.publishes_refused),
        ("dropped_qos0_slow_reader", |c| c.dropped_qos0_slow_reader),
        ("acked", |c| c.discharged_acked),
        ("negative_ack", |c| c.discharged_negative_ack),
        ("expired", |c| c.discharged_expired),
        ("session_ended", |c| c.discharged_session_ended),
        ("too_large", |c| c.discharged_too_large),
        ("dropped_oldest", |c| c.discharged_dropped_oldest),
        ("dropped_newest", |c| c.discharged_dropped_newest),
        ("returned", |c| c.discharged_returned),
        ("group_dropped", |c| c.group_dropped),
        ("group_expired", |c| c.group_expired),
        ("sessions_taken_over", |c| c.sessions_taken_over),
    ];
    let sums = rows.iter().map(|(name, read)| {
        let sum: u64 = counters.iter().map(read).sum();
        (name, sum)
    });
    sums.filter(|(_, sum)| *sum > 0)
        .map(|(name, sum)| format!("= {name} {sum}"))
        .collect()
}

/// The events that a person would want to see in a script; the comings and goings are left out.
pub(crate) fn event_lines(events: Vec<Event>) -> Vec<String> {
    let told = events.into_iter().filter_map(|event| match event {
        Event::ClientConnected { .. } => None,
        Event::ClientDisconnected {
            client_id,
            peer: _,
            reason,
            cause,
        } => Some(format!(
            "! {client_id} disconnected 0x{:02X}: {cause}",
            reason.code()
        )),
        Event::ConnectRefused {
            peer: _,
            reason,
            cause,
        } => Some(format!("! refused 0x{:02X}: {cause}", reason.code())),
        Event::SessionEnded {
            client_id,
            why,
            messages_discharged,
        } => Some(format!(
            "! {client_id} session ended: {why:?}, {messages_discharged} owed"
        )),
        Event::PublishRefused {
            client_id,
            topic,
            reason,
        } => Some(format!(
            "! {client_id} publish to {topic} refused 0x{:02X}",
            reason.code()
        )),
        Event::QueueFull { client_id, policy } => {
            Some(format!("! {client_id} queue full: {policy:?}"))
        }
        Event::ReceiveMaximumExceeded { client_id } => {
            Some(format!("! {client_id} receive maximum exceeded"))
        }
    });
    let mut lines: Vec<String> = told.collect();
    lines.sort();
    lines
}
