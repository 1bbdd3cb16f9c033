//! PUBLISH packets that are encoded once and patched for each message.
//!
//! What differs from message to message is the stamp, the Packet Identifier and, for publishers
//! that write to many topics, eight digits of the Topic Name.

use bowline_packet::{PacketId, ProtocolVersion, Publish, PublishProperties, QoS};

use super::super::stamp::{STAMP_BYTES, Stamp};

/// Digits of the number in a Topic Name; so there are 100 million.
const DIGITS: usize = 8;

/// The Topic Name of a publisher: one, or one of many that differ in a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum TopicShape {
    /// Always the same.
    Fixed(String),
    /// `prefix` 00000042 `suffix`.
    Numbered { prefix: String, suffix: String },
}

impl TopicShape {
    /// The topic with this number, or the only one.
    pub(in super::super) fn topic(&self, number: u32) -> String {
        match self {
            Self::Fixed(topic) => topic.clone(),
            Self::Numbered { prefix, suffix } => format!("{prefix}{number:08}{suffix}"),
        }
    }
}

/// What a publisher sends, all but what differs.
#[derive(Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    /// Where each part stands in `bytes`.
    digits_at: Option<usize>,
    packet_id_at: Option<usize>,
    stamp_at: Option<usize>,
}

impl Template {
    /// A payload of `payload_bytes`: the stamp, then filling; or nothing at all where there is no
    /// room for a stamp.
    pub(super) fn new(
        version: ProtocolVersion,
        qos: QoS,
        retain: bool,
        topic: &TopicShape,
        payload_bytes: usize,
    ) -> Result<Self, String> {
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => PacketId::new(1),
        };
        // Not all alike: a broker that compresses must not look better than it is.
        let payload: Vec<u8> = (0..=u8::MAX).cycle().take(payload_bytes).collect();
        let name = topic.topic(0);
        let publish = Publish {
            dup: false,
            qos,
            retain,
            topic: &name,
            packet_id,
            properties: PublishProperties::default(),
            payload: &payload,
        };
        let mut bytes = Vec::new();
        let place = publish
            .encode(version, &mut bytes)
            .map_err(|why| format!("such a message cannot be sent: {why}"))?;
        let has_stamp = payload_bytes >= STAMP_BYTES;
        let stamp_at = has_stamp.then(|| bytes.len() - payload_bytes);
        let head_bytes = bytes.len() - payload_bytes;
        let digits_at = match topic {
            TopicShape::Fixed(_) => None,
            // The topic is the only text that ends where these do.
            TopicShape::Numbered { prefix, .. } => bytes[..head_bytes]
                .windows(name.len())
                .position(|window| window == name.as_bytes())
                .map(|at| at + prefix.len()),
        };
        Ok(Self {
            bytes,
            digits_at,
            packet_id_at: place.packet_id_at,
            stamp_at,
        })
    }

    /// The size of each packet, in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a packet. `packet_id` and `number` are without effect where there is no place for
    /// them.
    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>, packet_id: u16, number: u32, stamp: Stamp) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let packet = &mut out[start..];
        if let Some(at) = self.packet_id_at {
            packet[at..at + 2].copy_from_slice(&packet_id.to_be_bytes());
        }
        if let Some(at) = self.stamp_at {
            packet[at..at + STAMP_BYTES].copy_from_slice(&stamp.to_bytes());
        }
        if let Some(at) = self.digits_at {
            write_digits(&mut packet[at..at + DIGITS], number);
        }
    }
}

#[inline]
fn write_digits(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        let value = (number % 10) as u8;
        *digit = b'0' + value;
        number /= 10;
    }
}

#[cfg(test)]
mod tests;
