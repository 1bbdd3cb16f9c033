//! Packets as this test sees them: bytes out, and a strict reading of the bytes that come back.
//!
//! Written by hand from the standard and sharing nothing with the broker's codec. What goes out may
//! be wrong on purpose; what comes in must be right to the bit, or the test fails.

/// The protocol versions that the broker serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V31,
    V311,
    V5,
}

pub(crate) use Version::{V5, V31, V311};

pub(crate) const ALL: &[Version] = &[V31, V311, V5];
pub(crate) const V3: &[Version] = &[V31, V311];
pub(crate) const SINCE_311: &[Version] = &[V311, V5];

/// Property identifiers, by the names of the standard.
pub(crate) mod property {
    pub(crate) const PAYLOAD_FORMAT: u8 = 0x01;
    pub(crate) const MESSAGE_EXPIRY: u8 = 0x02;
    pub(crate) const CONTENT_TYPE: u8 = 0x03;
    pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
    pub(crate) const CORRELATION_DATA: u8 = 0x09;
    pub(crate) const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
    pub(crate) const SESSION_EXPIRY: u8 = 0x11;
    pub(crate) const ASSIGNED_CLIENT_IDENTIFIER: u8 = 0x12;
    pub(crate) const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub(crate) const AUTHENTICATION_METHOD: u8 = 0x15;
    pub(crate) const AUTHENTICATION_DATA: u8 = 0x16;
    pub(crate) const REQUEST_PROBLEM_INFORMATION: u8 = 0x17;
    pub(crate) const WILL_DELAY: u8 = 0x18;
    pub(crate) const REQUEST_RESPONSE_INFORMATION: u8 = 0x19;
    pub(crate) const RESPONSE_INFORMATION: u8 = 0x1A;
    pub(crate) const REASON_STRING: u8 = 0x1F;
    pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
    pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub(crate) const TOPIC_ALIAS: u8 = 0x23;
    pub(crate) const MAXIMUM_QOS: u8 = 0x24;
    pub(crate) const RETAIN_AVAILABLE: u8 = 0x25;
    pub(crate) const USER: u8 = 0x26;
    pub(crate) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    pub(crate) const WILDCARD_AVAILABLE: u8 = 0x28;
    pub(crate) const IDENTIFIERS_AVAILABLE: u8 = 0x29;
    pub(crate) const SHARED_AVAILABLE: u8 = 0x2A;
}

/// What a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Byte(u8),
    Two(u16),
    Four(u32),
    Var(u32),
    Text(Vec<u8>),
    Pair(String, String),
}

pub(crate) type Property = (u8, Value);

pub(crate) fn byte(id: u8, value: u8) -> Property {
    (id, Value::Byte(value))
}

pub(crate) fn two(id: u8, value: u16) -> Property {
    (id, Value::Two(value))
}

pub(crate) fn four(id: u8, value: u32) -> Property {
    (id, Value::Four(value))
}

pub(crate) fn text(id: u8, value: &str) -> Property {
    (id, Value::Text(value.as_bytes().to_vec()))
}

pub(crate) fn pair(name: &str, value: &str) -> Property {
    (
        property::USER,
        Value::Pair(name.to_owned(), value.to_owned()),
    )
}

pub(crate) fn subscription_identifier(value: u32) -> Property {
    (property::SUBSCRIPTION_IDENTIFIER, Value::Var(value))
}

/// The number that a property of a packet holds, if the packet has it.
pub(crate) fn number(properties: &[Property], id: u8) -> Option<u32> {
    properties
        .iter()
        .find(|property| property.0 == id)
        .map(|(_, value)| match value {
            Value::Byte(value) => u32::from(*value),
            Value::Two(value) => u32::from(*value),
            Value::Four(value) | Value::Var(value) => *value,
            Value::Text(_) | Value::Pair(..) => panic!("property {id:#04x} holds no number"),
        })
}

/// The bytes that a property of a packet holds, if the packet has it.
pub(crate) fn bytes_of(properties: &[Property], id: u8) -> Option<&[u8]> {
    properties
        .iter()
        .find(|property| property.0 == id)
        .map(|(_, value)| match value {
            Value::Text(value) => value.as_slice(),
            Value::Byte(_) | Value::Two(_) | Value::Four(_) | Value::Var(_) | Value::Pair(..) => {
                panic!("property {id:#04x} holds no text")
            }
        })
}

/// All subscription identifiers of a packet, sorted.
pub(crate) fn subscription_identifiers(properties: &[Property]) -> Vec<u32> {
    let mut found: Vec<u32> = properties
        .iter()
        .filter(|property| property.0 == property::SUBSCRIPTION_IDENTIFIER)
        .filter_map(|property| number(std::slice::from_ref(property), property.0))
        .collect();
    found.sort_unstable();
    found
}

// Out -------------------------------------------------------------------------------------------

pub(crate) fn varint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A string or binary field: two bytes of length, then the bytes.
pub(crate) fn field(held: impl AsRef<[u8]>) -> Vec<u8> {
    let held = held.as_ref();
    let length = u16::try_from(held.len()).expect("the tests send no longer field");
    [&length.to_be_bytes(), held].concat()
}

/// A whole packet: first byte, remaining length, body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("the tests send no longer packet");
    [&[first], varint(length).as_slice(), body].concat()
}

/// A property section with its length; nothing for the versions that have none.
pub(crate) fn section(version: Version, properties: &[Property]) -> Vec<u8> {
    if version != V5 {
        assert!(properties.is_empty(), "only 5.0 has properties");
        return Vec::new();
    }
    let mut held = Vec::new();
    for (id, value) in properties {
        held.push(*id);
        match value {
            Value::Byte(value) => held.push(*value),
            Value::Two(value) => held.extend(value.to_be_bytes()),
            Value::Four(value) => held.extend(value.to_be_bytes()),
            Value::Var(value) => held.extend(varint(*value)),
            Value::Text(value) => held.extend(field(value)),
            Value::Pair(name, value) => {
                held.extend(field(name));
                held.extend(field(value));
            }
        }
    }
    let length = u32::try_from(held.len()).expect("the tests send no longer section");
    [varint(length), held].concat()
}

/// The four acknowledgements: their first bytes.
pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;

pub(crate) const PINGREQ: [u8; 2] = [0xC0, 0x00];
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0x00];

/// An acknowledgement of success, the same in all versions.
pub(crate) fn ack(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

/// An acknowledgement of 5.0 with a reason code.
pub(crate) fn ack_with(first: u8, id: u16, code: u8) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    packet(first, &[high, low, code])
}

pub(crate) fn subscribe(
    version: Version,
    id: u16,
    filters: &[(&str, u8)],
    properties: &[Property],
) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(section(version, properties));
    for (filter, options) in filters {
        body.extend(field(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(section(version, &[]));
    for filter in filters {
        body.extend(field(filter));
    }
    packet(0xA2, &body)
}

/// A DISCONNECT of 5.0 with code and properties.
pub(crate) fn disconnect_with(code: u8, properties: &[Property]) -> Vec<u8> {
    packet(
        0xE0,
        &[&[code], section(V5, properties).as_slice()].concat(),
    )
}

/// An AUTH of 5.0.
pub(crate) fn auth(code: u8, properties: &[Property]) -> Vec<u8> {
    packet(
        0xF0,
        &[&[code], section(V5, properties).as_slice()].concat(),
    )
}

/// A PUBLISH, on its way out or in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) dup: bool,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) topic: String,
    /// 0 for QoS 0.
    pub(crate) id: u16,
    pub(crate) properties: Vec<Property>,
    pub(crate) payload: Vec<u8>,
}

impl Publish {
    pub(crate) fn new(topic: &str, qos: u8, payload: impl AsRef<[u8]>) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.as_ref().to_vec());
        Self {
            qos,
            topic,
            payload,
            id: u16::from(qos > 0),
            ..Self::default()
        }
    }

    pub(crate) fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }

    pub(crate) fn dup(self) -> Self {
        Self { dup: true, ..self }
    }

    pub(crate) fn retain(self) -> Self {
        Self {
            retain: true,
            ..self
        }
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn bytes(&self, version: Version) -> Vec<u8> {
        let flags = u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain);
        let mut body = field(&self.topic);
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        body.extend(section(version, &self.properties));
        body.extend(&self.payload);
        packet(0x30 | flags, &body)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("the payload is text")
    }

    pub(crate) fn number(&self, id: u8) -> Option<u32> {
        number(&self.properties, id)
    }
}

// In --------------------------------------------------------------------------------------------

/// A packet of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    ConnAck {
        session_present: bool,
        code: u8,
        properties: Vec<Property>,
    },
    Publish(Publish),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP, told apart by the first byte.
    Ack {
        first: u8,
        id: u16,
        code: u8,
        properties: Vec<Property>,
    },
    SubAck {
        id: u16,
        codes: Vec<u8>,
        properties: Vec<Property>,
    },
    UnsubAck {
        id: u16,
        codes: Vec<u8>,
        properties: Vec<Property>,
    },
    PingResp,
    Disconnect {
        code: u8,
        properties: Vec<Property>,
    },
    Auth {
        code: u8,
        properties: Vec<Property>,
    },
}

/// Takes the first whole packet off `buffer`, if there is one. Panics if it is not right.
pub(crate) fn take(version: Version, buffer: &mut Vec<u8>) -> Option<Packet> {
    let (length, width) = remaining_length(buffer)?;
    let end = 1 + width + length;
    if buffer.len() < end {
        return None;
    }
    let whole: Vec<u8> = buffer.drain(..end).collect();
    Some(decode(version, whole[0], &whole[1 + width..]))
}

/// Remaining length and the bytes that it takes.
fn remaining_length(buffer: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0usize;
    for (place, byte) in buffer.iter().skip(1).enumerate() {
        assert!(
            place < 4,
            "the server sends a length of more than four bytes"
        );
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            assert!(
                place == 0 || *byte != 0,
                "the server sends a length longer than needed"
            );
            return Some((length, place + 1));
        }
    }
    None
}

fn decode(version: Version, first: u8, body: &[u8]) -> Packet {
    let mut rest = Rest {
        version,
        bytes: body,
    };
    let packet = match first {
        0x20 => {
            let flags = rest.byte();
            assert!(
                flags <= 1,
                "reserved bits in the flags of CONNACK: {flags:#04x}"
            );
            let code = rest.byte();
            Packet::ConnAck {
                session_present: flags == 1,
                code,
                properties: rest.section(),
            }
        }
        0x30..=0x3F => {
            let (dup, qos, retain) = (first & 8 != 0, first >> 1 & 3, first & 1 != 0);
            assert!(qos < 3, "QoS 3 from the server");
            let topic = rest.string();
            let id = if qos > 0 { rest.two() } else { 0 };
            assert!(qos == 0 || id > 0, "packet identifier 0 from the server");
            assert!(qos > 0 || !dup, "DUP on QoS 0 from the server");
            let properties = rest.section();
            let payload = std::mem::take(&mut rest.bytes).to_vec();
            Packet::Publish(Publish {
                dup,
                qos,
                retain,
                topic,
                id,
                properties,
                payload,
            })
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => {
            let id = rest.two();
            assert!(
                version == V5 || rest.bytes.is_empty(),
                "a code in an ack before 5.0"
            );
            let (code, properties) = rest.optional_code_and_section();
            Packet::Ack {
                first,
                id,
                code,
                properties,
            }
        }
        0x90 => {
            let (id, properties) = (rest.two(), rest.section());
            Packet::SubAck {
                id,
                properties,
                codes: std::mem::take(&mut rest.bytes).to_vec(),
            }
        }
        0xB0 => {
            let (id, properties) = (rest.two(), rest.section());
            let codes = std::mem::take(&mut rest.bytes).to_vec();
            assert!(
                version == V5 || codes.is_empty(),
                "codes in UNSUBACK before 5.0"
            );
            Packet::UnsubAck {
                id,
                properties,
                codes,
            }
        }
        0xD0 => Packet::PingResp,
        0xE0 => {
            assert!(version == V5, "a DISCONNECT of the server before 5.0");
            let (code, properties) = rest.optional_code_and_section();
            Packet::Disconnect { code, properties }
        }
        0xF0 => {
            assert!(version == V5, "AUTH before 5.0");
            let (code, properties) = rest.optional_code_and_section();
            Packet::Auth { code, properties }
        }
        _ => panic!("the server sends first byte {first:#04x}, which is none of its packets"),
    };
    assert!(
        rest.bytes.is_empty(),
        "bytes left over in {packet:?}: {:02x?}",
        rest.bytes
    );
    packet
}

/// What is left of a body.
struct Rest<'a> {
    version: Version,
    bytes: &'a [u8],
}

impl<'a> Rest<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        assert!(
            count <= self.bytes.len(),
            "the server's packet ends within a field"
        );
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn two(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn four(&mut self) -> u32 {
        u32::from(self.two()) << 16 | u32::from(self.two())
    }

    fn field(&mut self) -> &'a [u8] {
        let length = self.two();
        self.bytes(usize::from(length))
    }

    fn string(&mut self) -> String {
        let text = String::from_utf8(self.field().to_vec()).expect("text of the server is UTF-8");
        assert!(!text.contains('\0'), "U+0000 in text of the server");
        text
    }

    fn varint(&mut self) -> u32 {
        let mut value = 0;
        for place in 0..4 {
            let byte = self.byte();
            value |= u32::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                assert!(
                    place == 0 || byte != 0,
                    "a number longer than needed from the server"
                );
                return value;
            }
        }
        panic!("a number of more than four bytes from the server");
    }

    fn section(&mut self) -> Vec<Property> {
        if self.version != V5 {
            return Vec::new();
        }
        let length = self.varint() as usize;
        let mut held = Rest {
            version: self.version,
            bytes: self.bytes(length),
        };
        let mut properties: Vec<Property> = Vec::new();
        while !held.bytes.is_empty() {
            let id = held.byte();
            let may_repeat = id == property::USER || id == property::SUBSCRIPTION_IDENTIFIER;
            let is_new = properties.iter().all(|property| property.0 != id);
            assert!(
                may_repeat || is_new,
                "property {id:#04x} twice in a packet of the server"
            );
            properties.push((id, held.value(id)));
        }
        properties
    }

    fn value(&mut self, id: u8) -> Value {
        match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => Value::Byte(self.byte()),
            0x13 | 0x21 | 0x22 | 0x23 => Value::Two(self.two()),
            0x02 | 0x11 | 0x18 | 0x27 => Value::Four(self.four()),
            0x0B => Value::Var(self.varint()),
            0x09 | 0x16 => Value::Text(self.field().to_vec()),
            0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => {
                Value::Text(self.string().into_bytes())
            }
            0x26 => Value::Pair(self.string(), self.string()),
            _ => panic!("property {id:#04x} from the server, which is none"),
        }
    }

    fn optional_code_and_section(&mut self) -> (u8, Vec<Property>) {
        let code = if self.bytes.is_empty() {
            0
        } else {
            self.byte()
        };
        (
            code,
            if self.bytes.is_empty() {
                Vec::new()
            } else {
                self.section()
            },
        )
    }
}
