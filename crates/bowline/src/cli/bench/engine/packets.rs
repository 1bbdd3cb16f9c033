//! What each packet from the broker does to the client that it is for.

use std::time::Duration;

use bowline_packet::{
    Ack, ConnAck, Disconnect, Frame, PacketType, ProtocolVersion, ReasonCode, SubAck,
};

use super::super::cast::Manner;
use super::connection::{Connection, Role, Stage, shortfall};
use super::desk::Desk;
use super::publisher::{Barrier, Publisher};
use super::subscriber::{Delivery, PUBCOMP, PUBREL};

/// What a packet from the broker does.
#[inline]
pub(super) fn handle_frame(
    connection: &mut Connection,
    at: usize,
    frame: Frame<'_>,
    manner: &Manner,
    desk: &mut Desk,
) -> Result<(), String> {
    let malformed = |why| format!("the broker sent a malformed packet: {why}");
    match (frame.packet_type(), &mut connection.role) {
        (PacketType::Publish, Role::Subscriber(subscriber)) => {
            let delivery = Delivery::read(frame.first_byte, frame.body, manner.version)
                .ok_or("the broker sent a malformed PUBLISH")?;
            desk.progress_ns = desk.now_ns;
            subscriber.receive(&delivery, desk);
        }
        (PacketType::PubRel, Role::Subscriber(_)) => {
            if let [high, low, ..] = *frame.body {
                desk.out.extend_from_slice(&[PUBCOMP, 2, high, low]);
            }
        }
        (
            PacketType::PubAck | PacketType::PubRec | PacketType::PubComp,
            Role::Publisher(publisher),
        ) => acknowledge(publisher, at, frame, manner.version, desk)?,
        (PacketType::ConnAck, _) => {
            let connack = ConnAck::decode(manner.version, frame).map_err(malformed)?;
            greeted(connection, &connack, manner, desk)?;
        }
        (PacketType::SubAck, _) => {
            let suback = SubAck::decode(manner.version, frame).map_err(malformed)?;
            if let Some(why) = shortfall(suback.codes, manner.qos) {
                return Err(why);
            }
            desk.progress_ns = desk.now_ns;
            if !connection.subscribe(manner)? {
                connection.stage = Stage::Ready;
            }
        }
        (PacketType::PingResp, Role::Publisher(publisher)) => {
            if publisher.barrier == Barrier::Sent {
                publisher.barrier = Barrier::Passed;
                desk.progress_ns = desk.now_ns;
            }
        }
        (PacketType::PingResp, Role::Subscriber(_)) => {}
        (PacketType::Disconnect, _) => {
            let why = Disconnect::decode(manner.version, frame).map_err(malformed)?;
            return Err(format!(
                "the broker disconnects a client: {}",
                why.reason.description()
            ));
        }
        (
            PacketType::Connect
            | PacketType::Publish
            | PacketType::PubAck
            | PacketType::PubRec
            | PacketType::PubRel
            | PacketType::PubComp
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::UnsubAck
            | PacketType::PingReq
            | PacketType::Auth,
            _,
        ) => {
            return Err(format!(
                "the broker sent a {} that nobody asked for",
                frame.packet_type()
            ));
        }
    }
    Ok(())
}

/// CONNACK came.
fn greeted(
    connection: &mut Connection,
    connack: &ConnAck<'_>,
    manner: &Manner,
    desk: &mut Desk,
) -> Result<(), String> {
    if connack.reason != ReasonCode::Success {
        return Err(format!(
            "the broker refuses a connection: {}",
            connack.reason.description()
        ));
    }
    if connection.wish.expects_session && !connack.session_present {
        return Err("the broker has not kept a lasting session".to_owned());
    }
    if let Some(secs) = connack.server_keep_alive_secs.filter(|&secs| secs > 0) {
        let half = Duration::from_millis(u64::from(secs) * 500);
        desk.ping_after = Some(desk.ping_after.map_or(half, |other| other.min(half)));
    }
    if let (Some(maximum), Some(publisher)) = (connack.receive_maximum, connection.publisher()) {
        publisher.bound_window(maximum.get());
    }
    let subscribes = connection.wish.subscribes;
    if !(subscribes && connection.subscribe(manner)?) {
        connection.stage = Stage::Ready;
    }
    Ok(())
}

/// PUBACK, PUBREC or PUBCOMP came.
#[inline]
fn acknowledge(
    publisher: &mut Publisher,
    at: usize,
    frame: Frame<'_>,
    version: ProtocolVersion,
    desk: &mut Desk,
) -> Result<(), String> {
    let ack = Ack::decode(version, frame)
        .map_err(|why| format!("the broker sent a malformed acknowledgement: {why}"))?;
    let packet_id = ack.packet_id.get();
    let is_refused = ack.reason.is_error();
    let in_flight = &mut publisher.in_flight;
    let (stepped, is_last) = match frame.packet_type() {
        PacketType::PubRec => {
            if !is_refused {
                let [high, low] = packet_id.to_be_bytes();
                publisher.owed.extend_from_slice(&[PUBREL, 2, high, low]);
            }
            (in_flight.pubrec(packet_id, !is_refused), is_refused)
        }
        PacketType::PubComp => (in_flight.pubcomp(packet_id), true),
        // The caller asks for these three alone.
        _ => (in_flight.puback(packet_id), true),
    };
    if stepped.is_err() {
        let name = frame.packet_type();
        return Err(format!("the broker sent a {name} for no message of ours"));
    }
    if is_refused {
        desk.counts.refused += 1;
    } else if is_last {
        desk.counts.acknowledged += 1;
    }
    desk.progress_ns = desk.now_ns;
    desk.mark(at);
    Ok(())
}
