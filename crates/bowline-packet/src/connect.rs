//! CONNECT: who the client is and what it wants; with the will, its last word.
//!
//! The packet names the protocol version that the rest of the connection has. Session lifetime
//! stays as the client said it: Clean Session (3.x) and Clean Start (5.0) are one flag here, and
//! what a missing Session Expiry Interval means is the core's to say.

use alloc::vec::Vec;
use core::num::{NonZeroU16, NonZeroU32};
use core::str;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, Next, PacketType, PropertyId, ProtocolVersion, PublishProperties, QoS,
    TopicName, Unencodable, UserProperties, next_frame,
};

/// CONNECT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Connect<'a> {
    /// The version that the client speaks from here on.
    pub version: ProtocolVersion,
    /// Clean Start, before 5.0 Clean Session: do not go on with an earlier session.
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 turns it off.
    pub keep_alive_secs: u16,
    /// Client Identifier; empty asks the server for one.
    pub client_id: &'a str,
    /// What to publish if the connection ends without a DISCONNECT.
    pub will: Option<Will<'a>>,
    /// User Name.
    pub username: Option<&'a str>,
    /// Password, any bytes.
    pub password: Option<&'a [u8]>,
    /// Session Expiry Interval in seconds, as sent; 0xFFFF_FFFF is never.
    pub session_expiry_secs: Option<u32>,
    /// How many PUBLISH packets above QoS 0 the server may have unacknowledged.
    pub receive_maximum: Option<NonZeroU16>,
    /// The largest packet that the client takes, in bytes.
    pub maximum_packet_size: Option<NonZeroU32>,
    /// The highest Topic Alias that the server may use; 0 for none.
    pub topic_alias_maximum: u16,
    /// The client asks for Response Information.
    pub request_response_information: bool,
    /// The server may send Reason String and User Properties with any answer; true if absent.
    pub request_problem_information: bool,
    /// Authentication Method.
    pub authentication_method: Option<&'a str>,
    /// Authentication Data; what it means is the method's.
    pub authentication_data: Option<&'a [u8]>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
}

/// The will: a message that the server publishes when the client is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Will<'a> {
    /// QoS of the message.
    pub qos: QoS,
    /// It is to be retained.
    pub retain: bool,
    /// Its Topic Name.
    pub topic: &'a str,
    /// The message itself, any bytes.
    pub payload: &'a [u8],
    /// Will Delay Interval, in seconds.
    pub delay_secs: u32,
    /// What 5.0 says about the message: without Topic Alias and Subscription Identifiers.
    pub properties: PublishProperties<'a>,
}

const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS_SHIFT: u8 = 3;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

impl<'a> Connect<'a> {
    /// A CONNECT that asks for nothing special: clean start, no keep alive, no will.
    pub fn new(version: ProtocolVersion, client_id: &'a str) -> Self {
        Self {
            version,
            clean_start: true,
            keep_alive_secs: 0,
            client_id,
            will: None,
            username: None,
            password: None,
            session_expiry_secs: None,
            receive_maximum: None,
            maximum_packet_size: None,
            topic_alias_maximum: 0,
            request_response_information: false,
            request_problem_information: true,
            authentication_method: None,
            authentication_data: None,
            user_properties: UserProperties::default(),
        }
    }

    /// Decodes a CONNECT, which names its own version.
    pub fn decode(_version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        // The fixed header is judged again when the version is known.
        let body = frame.body_of(PacketType::Connect, ProtocolVersion::V31)?;
        let mut reader = Reader::new(body);
        let version = decode_version(&mut reader)?;
        frame.body_of(PacketType::Connect, version)?;
        let flags = reader.u8()?;
        check_flags(version, flags)?;
        let keep_alive_secs = reader.u16()?;
        let home = property::home(PacketType::Connect);
        let properties = Properties::read(home, version, &mut reader)?;
        if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
            return Err(Malformed::AuthenticationDataWithoutMethod);
        }
        // The payload has its fields in this order. [MQTT-3.1.3-1] [MQTT3-3.1.3-1]
        // [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT3-3.1.3-3] [MQTT3-3.1.3-4]
        let client_id = reader.string()?;
        let will = if flags & WILL != 0 {
            Some(Will::decode(version, flags, &mut reader)?)
        } else {
            None
        };
        // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT3-3.1.2-18] [MQTT3-3.1.2-19]
        let username = match announced(version, flags & USERNAME != 0, &reader) {
            // [MQTT-3.1.3-12] [MQTT3-3.1.3-11]
            true => Some(reader.string()?),
            false => None,
        };
        // [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT3-3.1.2-20] [MQTT3-3.1.2-21]
        let password = match announced(version, flags & PASSWORD != 0, &reader) {
            true => Some(reader.binary()?),
            false => None,
        };
        reader.finish()?;
        Ok(Self {
            version,
            clean_start: flags & CLEAN_START != 0,
            keep_alive_secs,
            client_id,
            will,
            username,
            password,
            session_expiry_secs: properties.session_expiry_secs,
            receive_maximum: properties.receive_maximum,
            maximum_packet_size: properties.maximum_packet_size,
            topic_alias_maximum: properties.topic_alias_maximum.unwrap_or(0),
            request_response_information: properties.request_response_information.unwrap_or(false),
            request_problem_information: properties.request_problem_information.unwrap_or(true),
            authentication_method: properties.authentication_method,
            authentication_data: properties.authentication_data,
            user_properties: properties.user_properties,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is. The version is that of the packet.
    pub fn encode(&self, _version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::Connect.first_byte(), self.version, self)
    }

    /// The size of the encoded packet, in bytes. The version is that of the packet.
    pub fn encoded_bytes(&self, _version: ProtocolVersion) -> usize {
        packet_bytes(self.version, self)
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        for (flag, is_set) in [
            (CLEAN_START, self.clean_start),
            (WILL, self.will.is_some()),
            (WILL_RETAIN, self.will.is_some_and(|will| will.retain)),
            (PASSWORD, self.password.is_some()),
            (USERNAME, self.username.is_some()),
        ] {
            if is_set {
                flags |= flag;
            }
        }
        flags
            | self
                .will
                .map_or(0, |will| (will.qos as u8) << WILL_QOS_SHIFT)
    }
}

/// The Client Identifier of a CONNECT that stands complete at the front of `buffer`, without
/// judging the rest of it. `None`: there is no such packet, or it is broken before that point.
pub fn peek_client_id(buffer: &[u8]) -> Option<&str> {
    let Ok(Next::Frame(frame)) = next_frame(buffer, usize::MAX) else {
        return None;
    };
    let mut reader = Reader::new(
        frame
            .body_of(PacketType::Connect, ProtocolVersion::V31)
            .ok()?,
    );
    let version = decode_version(&mut reader).ok()?;
    reader.take(3).ok()?; // flags and Keep Alive
    reader.property_section(version).ok()?;
    reader.string().ok()
}

/// Protocol name and level.
fn decode_version(reader: &mut Reader<'_>) -> Result<ProtocolVersion, Malformed> {
    let name = reader.binary()?;
    let level = reader.u8()?;
    // [MQTT-3.1.2-1] [MQTT-3.1.2-2] [MQTT3-3.1.2-1] [MQTT3-3.1.2-2]
    ProtocolVersion::named(name, level).ok_or_else(|| Malformed::UnsupportedProtocol {
        level,
        name_is_mqtt: ProtocolVersion::ALL
            .iter()
            .any(|v| v.protocol_name().as_bytes() == name),
    })
}

fn check_flags(version: ProtocolVersion, flags: u8) -> Result<(), Malformed> {
    // [MQTT-3.1.2-3] [MQTT3-3.1.2-3]
    if flags & RESERVED != 0 && version.reserves_connect_flag() {
        return Err(Malformed::ConnectReservedFlag);
    }
    let will_qos = flags >> WILL_QOS_SHIFT & 0b11;
    if flags & WILL == 0 {
        // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT3-3.1.2-11] [MQTT3-3.1.2-13] [MQTT3-3.1.2-15]
        if will_qos != 0 || flags & WILL_RETAIN != 0 {
            return Err(Malformed::WillFlagsWithoutWill);
        }
    } else if QoS::from_bits(will_qos).is_none() {
        return Err(Malformed::WillQosThree); // [MQTT-3.1.2-12] [MQTT3-3.1.2-14]
    }
    // [MQTT3-3.1.2-22]
    if flags & PASSWORD != 0 && flags & USERNAME == 0 && version.password_needs_username() {
        return Err(Malformed::PasswordWithoutUsername);
    }
    Ok(())
}

/// A credential that the flags announce is there, except where its absence is allowed.
fn announced(version: ProtocolVersion, flag: bool, reader: &Reader<'_>) -> bool {
    flag && !(reader.is_empty() && version.credentials_may_be_missing())
}

impl Body for Connect<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if self.password.is_some() && self.username.is_none() && version.password_needs_username() {
            sink.fault(Unencodable::PasswordWithoutUsername); // [MQTT3-3.1.2-22]
        }
        sink.string(version.protocol_name());
        sink.u8(version.level());
        sink.u8(self.flags());
        sink.u16(self.keep_alive_secs);
        sink.property_section(version, self);
        sink.string(self.client_id);
        if let Some(will) = &self.will {
            will.write_fields(version, sink);
        }
        if let Some(username) = self.username {
            sink.string(username);
        }
        if let Some(password) = self.password {
            sink.binary(password);
        }
    }
}

impl Section for Connect<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        use PropertyId as P;
        // What is as the standard has it by default is not said.
        let alias_maximum = Some(self.topic_alias_maximum).filter(|&aliases| aliases != 0);
        let response_information = self.request_response_information.then_some(true);
        let problem_information = (!self.request_problem_information).then_some(false);
        sink.property_u32(P::SessionExpiryInterval, self.session_expiry_secs);
        sink.property_u16(P::ReceiveMaximum, self.receive_maximum.map(NonZeroU16::get));
        sink.property_u32(
            P::MaximumPacketSize,
            self.maximum_packet_size.map(NonZeroU32::get),
        );
        sink.property_u16(P::TopicAliasMaximum, alias_maximum);
        sink.property_flag(P::RequestResponseInformation, response_information);
        sink.property_flag(P::RequestProblemInformation, problem_information);
        sink.property_text(P::AuthenticationMethod, self.authentication_method);
        sink.property_binary(P::AuthenticationData, self.authentication_data);
        sink.user_properties(self.user_properties);
    }
}

impl<'a> Will<'a> {
    /// A will without retain, delay and properties.
    pub fn new(qos: QoS, topic: &'a str, payload: &'a [u8]) -> Self {
        let properties = PublishProperties::default();
        Self {
            qos,
            retain: false,
            topic,
            payload,
            delay_secs: 0,
            properties,
        }
    }

    /// Will Properties, Will Topic and Will Payload. [MQTT-3.1.2-9] [MQTT3-3.1.2-9]
    fn decode(
        version: ProtocolVersion,
        flags: u8,
        reader: &mut Reader<'a>,
    ) -> Result<Self, Malformed> {
        let properties = Properties::read(property::WILL, version, reader)?;
        let topic = reader.string()?; // [MQTT-3.1.3-11] [MQTT3-3.1.3-10]
        TopicName::parse(topic).map_err(Malformed::TopicName)?;
        Ok(Self {
            qos: QoS::from_bits(flags >> WILL_QOS_SHIFT & 0b11).ok_or(Malformed::WillQosThree)?,
            retain: flags & WILL_RETAIN != 0,
            topic,
            payload: reader.binary()?,
            delay_secs: properties.will_delay_secs.unwrap_or(0),
            properties: PublishProperties::taken_from(&properties)?,
        })
    }

    /// Will Properties, Will Topic and Will Payload.
    fn write_fields<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        sink.property_section(version, self);
        sink.string(self.topic);
        sink.binary(self.payload);
    }
}

impl Section for Will<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        let delay_secs = Some(self.delay_secs).filter(|&secs| secs != 0);
        sink.property_u32(PropertyId::WillDelayInterval, delay_secs);
        self.properties.write_message(sink);
    }
}
