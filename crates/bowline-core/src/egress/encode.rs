//! One PUBLISH as bytes for one client: encoded alone, or once for all clients of a shape.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::Range;

use bowline_packet::{
    PacketId, ProtocolVersion, Publish, PublishProperties, QoS, SubscriptionIdentifiers,
};

use crate::connection::{AliasOut, Connection};
use crate::ids::ConnectionId;
use crate::message::MessageView;
use crate::out::Out;
use crate::outbound::SHARED_PAYLOAD_BYTES_MIN;
use crate::time::Instant;

/// One message, encoded once for each kind of receiver. Kept by the broker and re-used.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    shapes: Vec<Shape>,
    bytes: Vec<u8>,
    payload: Option<Rc<[u8]>>,
    is_used: bool,
}

/// What makes two receivers' packets alike but for the Packet Identifier.
#[derive(Debug)]
struct Shape {
    version: ProtocolVersion,
    qos: QoS,
    retain: bool,
    range: Range<usize>,
    packet_id_at: Option<usize>,
}

impl Fanout {
    /// Begins with a message for so many receivers; one alone is encoded in place.
    pub(crate) fn begin(&mut self, receivers: usize) {
        self.shapes.clear();
        self.bytes.clear();
        self.bytes.shrink_to(64 * 1024);
        self.payload = None;
        self.is_used = receivers > 1;
    }
}

/// How one PUBLISH goes to one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispatch<'a> {
    pub qos: QoS,
    pub retain: bool,
    pub dup: bool,
    pub packet_id: Option<PacketId>,
    pub identifiers: &'a [u32],
}

/// What happened to a packet that should leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    /// Larger than the client's Maximum Packet Size [MQTT-3.1.2-24].
    TooLarge,
}

/// Encodes one PUBLISH into the outbound bytes of a connection.
pub(super) fn write(
    connection: &mut Connection,
    id: ConnectionId,
    message: &MessageView<'_>,
    dispatch: &Dispatch<'_>,
    fanout: Option<&mut Fanout>,
    now: Instant,
    out: &mut Out,
) -> Written {
    let written = match fanout {
        Some(fanout) if fanout.serves(connection, dispatch) => {
            fanout.write(connection, id, message, dispatch, now, out)
        }
        Some(_) | None => write_alone(connection, id, message, dispatch, now, out),
    };
    if written == Written::Yes {
        out.counters.deliveries[dispatch.qos as usize] += 1;
        out.counters.payload_delivered_bytes += message.payload.len() as u64;
    }
    written
}

/// The packet as this client gets it.
fn packet<'a>(
    version: ProtocolVersion,
    message: &MessageView<'a>,
    dispatch: &Dispatch<'a>,
    now: Instant,
) -> Publish<'a> {
    let mut properties = PublishProperties::default();
    if version.has_properties() {
        if !message.properties.is_empty() {
            // The section was checked when the message came in.
            properties = PublishProperties::decode(message.properties).unwrap_or_default();
        }
        // [MQTT-3.3.2-6] What is left of the Message Expiry Interval.
        properties.message_expiry_secs = message
            .expires_at
            .map(|at| u32::try_from(at.since(now).as_millis().div_ceil(1_000)).unwrap_or(u32::MAX));
        properties.subscription_identifiers = SubscriptionIdentifiers::from(dispatch.identifiers);
    }
    Publish {
        dup: dispatch.dup,
        qos: dispatch.qos,
        retain: dispatch.retain,
        topic: message.topic,
        packet_id: dispatch.packet_id,
        properties,
        payload: message.payload,
    }
}

fn write_alone(
    connection: &mut Connection,
    id: ConnectionId,
    message: &MessageView<'_>,
    dispatch: &Dispatch<'_>,
    now: Instant,
    out: &mut Out,
) -> Written {
    let version = connection.version;
    let mut packet = packet(version, message, dispatch, now);
    let mut alias = AliasOut::None;
    if let Some(aliases) = connection.aliases_out.as_deref_mut() {
        alias = aliases.choose(message.topic);
        match alias {
            AliasOut::None => {}
            AliasOut::New(number) => packet.properties.topic_alias = Some(number),
            AliasOut::Known(number) => {
                packet.topic = "";
                packet.properties.topic_alias = Some(number);
            }
        }
    }
    let bytes_max = connection.packet_bytes_max as usize;
    let fits = out.append(id, |bytes| {
        let start = bytes.len();
        // What does not encode (a property section that grew past 256 MiB) is too large for
        // anybody.
        let fits = packet.encode(version, bytes).is_ok() && bytes.len() - start <= bytes_max;
        if !fits {
            bytes.truncate(start);
        }
        fits
    });
    if fits {
        return Written::Yes;
    }
    if let (AliasOut::New(_), Some(aliases)) = (alias, connection.aliases_out.as_deref_mut()) {
        aliases.undo();
    }
    Written::TooLarge
}

impl Fanout {
    /// Whether this receiver's packet has the shape of others.
    fn serves(&self, connection: &Connection, dispatch: &Dispatch<'_>) -> bool {
        self.is_used && dispatch.identifiers.is_empty() && connection.aliases_out.is_none()
    }

    fn write(
        &mut self,
        connection: &Connection,
        id: ConnectionId,
        message: &MessageView<'_>,
        dispatch: &Dispatch<'_>,
        now: Instant,
        out: &mut Out,
    ) -> Written {
        let version = connection.version;
        let is_shared = message.payload.len() >= SHARED_PAYLOAD_BYTES_MIN;
        let Some(place) = self.shape(version, message, dispatch, now) else {
            return Written::TooLarge;
        };
        let Some(shape) = self.shapes.get(place) else {
            return Written::TooLarge;
        };
        let Some(encoded) = self.bytes.get(shape.range.clone()) else {
            return Written::TooLarge;
        };
        let payload_bytes = if is_shared { message.payload.len() } else { 0 };
        if encoded.len() + payload_bytes > connection.packet_bytes_max as usize {
            return Written::TooLarge;
        }
        out.append(id, |bytes| {
            let start = bytes.len();
            bytes.extend_from_slice(encoded);
            if let (Some(at), Some(packet_id)) = (shape.packet_id_at, dispatch.packet_id)
                && let Some(place) = bytes.get_mut(start + at..start + at + 2)
            {
                place.copy_from_slice(&packet_id.get().to_be_bytes());
            }
        });
        if is_shared {
            let payload = self
                .payload
                .get_or_insert_with(|| Rc::from(message.payload));
            out.append_shared(id, Rc::clone(payload));
        }
        Written::Yes
    }

    /// Finds or encodes the packet of this shape; a payload that is shared stays outside.
    fn shape(
        &mut self,
        version: ProtocolVersion,
        message: &MessageView<'_>,
        dispatch: &Dispatch<'_>,
        now: Instant,
    ) -> Option<usize> {
        let (qos, retain) = (dispatch.qos, dispatch.retain);
        let has_properties = version.has_properties();
        let same = |shape: &Shape| {
            shape.version.has_properties() == has_properties
                && shape.qos == qos
                && shape.retain == retain
        };
        if let Some(place) = self.shapes.iter().position(same) {
            return Some(place);
        }
        let packet = packet(version, message, dispatch, now);
        let encoded = packet.encode(version, &mut self.bytes).ok()?;
        if message.payload.len() >= SHARED_PAYLOAD_BYTES_MIN {
            self.bytes
                .truncate(self.bytes.len() - message.payload.len());
        }
        let range = encoded.start..self.bytes.len();
        let packet_id_at = encoded.packet_id_at.map(|at| at - encoded.start);
        self.shapes.push(Shape {
            version,
            qos,
            retain,
            range,
            packet_id_at,
        });
        Some(self.shapes.len() - 1)
    }
}
