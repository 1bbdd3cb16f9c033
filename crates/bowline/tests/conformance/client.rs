//! A client that does what a test says, packet by packet, and fails loudly when the answer is another.
//!
//! It acknowledges nothing by itself. Every wait has a deadline; none is a sleep.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::Broker;
use crate::wire::{self, Packet, Property, Publish, V5, Version};

/// How long anything may take that should come at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A CONNECT, built field by field.
#[derive(Debug, Clone)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) id: String,
    pub(crate) clean: bool,
    pub(crate) keep_alive_secs: u16,
    pub(crate) properties: Vec<Property>,
    pub(crate) will: Option<Will>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
}

/// The will of a CONNECT.
#[derive(Debug, Clone, Default)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) properties: Vec<Property>,
}

impl Will {
    pub(crate) fn new(topic: &str, payload: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            payload: payload.as_bytes().to_vec(),
            ..Self::default()
        }
    }
}

impl Connect {
    /// Clean, keep alive 60 s, no will.
    pub(crate) fn new(version: Version, id: &str) -> Self {
        Self {
            version,
            id: id.to_owned(),
            clean: true,
            keep_alive_secs: 60,
            properties: Vec::new(),
            will: None,
            username: None,
            password: None,
        }
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn will(self, will: Will) -> Self {
        Self {
            will: Some(will),
            ..self
        }
    }

    pub(crate) fn keep_alive(self, keep_alive_secs: u16) -> Self {
        Self {
            keep_alive_secs,
            ..self
        }
    }

    /// Resumes a session if there is one; does not ask to keep it in 5.0.
    pub(crate) fn resuming(self) -> Self {
        Self {
            clean: false,
            ..self
        }
    }

    /// A session that outlives the connection: clean session off, in 5.0 with an expiry of an hour.
    pub(crate) fn lasting(self) -> Self {
        let resuming = self.resuming();
        if resuming.version == V5 {
            resuming.with(wire::four(wire::property::SESSION_EXPIRY, 3600))
        } else {
            resuming
        }
    }

    pub(crate) fn flags(&self) -> u8 {
        let will = self.will.as_ref();
        u8::from(self.clean) << 1
            | will.map_or(0, |will| 0x04 | will.qos << 3 | u8::from(will.retain) << 5)
            | u8::from(self.password.is_some()) << 6
            | u8::from(self.username.is_some()) << 7
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        wire::packet(0x10, &self.body(self.flags()))
    }

    /// The body with flags of the test's choice.
    pub(crate) fn body(&self, flags: u8) -> Vec<u8> {
        let (name, level) = match self.version {
            Version::V31 => ("MQIsdp", 3),
            Version::V311 => ("MQTT", 4),
            V5 => ("MQTT", 5),
        };
        let mut body = wire::field(name);
        body.extend([level, flags]);
        body.extend(self.keep_alive_secs.to_be_bytes());
        body.extend(wire::section(self.version, &self.properties));
        body.extend(wire::field(&self.id));
        if let Some(will) = &self.will {
            body.extend(wire::section(self.version, &will.properties));
            body.extend(wire::field(&will.topic));
            body.extend(wire::field(&will.payload));
        }
        body.extend(self.username.iter().flat_map(wire::field));
        body.extend(self.password.iter().flat_map(wire::field));
        body
    }
}

/// What comes next on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Packet(Packet),
    Closed,
}

/// One network connection, before or after CONNECT.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) version: Version,
    pub(crate) id: String,
    pub(crate) session_present: bool,
    /// The properties of CONNACK.
    pub(crate) granted: Vec<Property>,
    /// The size of the largest packet that came.
    pub(crate) largest_bytes: usize,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Packets that came while an acknowledgement was awaited.
    aside: VecDeque<Packet>,
    last_id: u16,
    /// Another broker may close without the word that ours says.
    may_be_curt: bool,
}

impl Broker {
    /// A connection on which nothing has been sent.
    pub(crate) fn open(&self, version: Version) -> Client {
        let stream = TcpStream::connect(self.address).expect("the broker listens");
        stream.set_nodelay(true).expect("a socket option");
        Client {
            version,
            id: String::new(),
            session_present: false,
            granted: Vec::new(),
            largest_bytes: 0,
            stream,
            buffer: Vec::new(),
            aside: VecDeque::new(),
            last_id: 0,
            may_be_curt: !self.is_ours,
        }
    }

    /// Sends the CONNECT and expects to be accepted.
    pub(crate) fn connect(&self, connect: &Connect) -> Client {
        let mut client = self.open(connect.version);
        client.id.clone_from(&connect.id);
        client.send(&connect.bytes());
        client.accepted();
        client
    }

    /// Waits until new subscribers are sent this retained message, or none. For messages whose
    /// arrival nobody acknowledges.
    pub(crate) fn until_retained(&self, topic: &str, expected: Option<&str>) {
        let deadline = Instant::now() + SOON;
        loop {
            let mut reader = self.client(Version::V311);
            reader.subscribe(topic, 0);
            let got = match reader.next_within(Duration::from_millis(200)) {
                None => None,
                Some(Next::Packet(Packet::Publish(message))) => Some(message.text().to_owned()),
                Some(other) => panic!("expected a retained message, got {other:?}"),
            };
            if got.as_deref() == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{got:?} is retained, not {expected:?}"
            );
        }
    }

    /// A clean session under a name of its own.
    pub(crate) fn client(&self, version: Version) -> Client {
        self.connect(&Connect::new(version, &self.name()))
    }
}

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the broker takes bytes");
    }

    /// Sends what the broker may refuse to read to its end.
    pub(crate) fn send_if_open(&mut self, bytes: &[u8]) {
        let _whatever = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub(crate) fn shut(&mut self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("the connection is open");
    }

    /// Cuts the connection without DISCONNECT.
    pub(crate) fn cut(self) {
        self.stream
            .shutdown(Shutdown::Both)
            .expect("the connection is open");
    }

    /// Leaves with DISCONNECT and waits until the broker has closed too.
    pub(crate) fn leave(mut self) {
        self.send(&wire::DISCONNECT);
        self.closed();
    }

    /// Expects CONNACK with success and keeps what it says.
    pub(crate) fn accepted(&mut self) {
        match self.packet() {
            Packet::ConnAck {
                session_present,
                code: 0,
                properties,
            } => {
                self.session_present = session_present;
                self.granted = properties;
            }
            other => panic!("expected CONNACK 0, got {other:?}"),
        }
    }

    /// The next packet or the end of the connection, whatever comes.
    pub(crate) fn next(&mut self) -> Next {
        self.next_within(SOON)
            .unwrap_or_else(|| panic!("nothing came within {SOON:?}"))
    }

    /// The same with a deadline; `None` if it passes.
    pub(crate) fn next_within(&mut self, time: Duration) -> Option<Next> {
        match self.aside.pop_front() {
            Some(packet) => Some(Next::Packet(packet)),
            None => self.read_within(time),
        }
    }

    fn read_within(&mut self, time: Duration) -> Option<Next> {
        let deadline = Instant::now() + time;
        loop {
            let held_bytes = self.buffer.len();
            if let Some(packet) = wire::take(self.version, &mut self.buffer) {
                let size_bytes = held_bytes - self.buffer.len();
                self.largest_bytes = self.largest_bytes.max(size_bytes);
                return Some(Next::Packet(packet));
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let left = left.max(Duration::from_millis(1));
            self.stream
                .set_read_timeout(Some(left))
                .expect("a socket option");
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Some(Next::Closed),
                Ok(count) => self.buffer.extend(&bytes[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    // The broker may close with bytes of ours unread, which resets the connection.
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                        return Some(Next::Closed);
                    }
                    _ => panic!("reading from the broker: {error}"),
                },
            }
        }
    }

    pub(crate) fn packet(&mut self) -> Packet {
        match self.next() {
            Next::Packet(packet) => packet,
            Next::Closed => panic!("expected a packet, but the broker closed the connection"),
        }
    }

    /// Expects the connection to be closed without another word.
    pub(crate) fn closed(&mut self) {
        match self.next() {
            Next::Closed => {}
            Next::Packet(packet) => panic!("expected the connection to be closed, got {packet:?}"),
        }
    }

    /// Expects to be thrown out: before 5.0 without a word, in 5.0 with one of `codes`.
    pub(crate) fn thrown_out(&mut self, codes: &[u8]) {
        if self.may_be_curt {
            return self.thrown_out_or_closed(codes);
        }
        if self.version == V5 {
            match self.packet() {
                Packet::Disconnect { code, .. } if codes.contains(&code) => {}
                other => panic!("expected DISCONNECT {codes:02x?}, got {other:?}"),
            }
        }
        self.closed();
    }

    /// The same where 5.0 leaves it open whether a word is said.
    pub(crate) fn thrown_out_or_closed(&mut self, codes: &[u8]) {
        match self.next() {
            Next::Closed => {}
            Next::Packet(Packet::Disconnect { code, .. }) if codes.contains(&code) => self.closed(),
            Next::Packet(other) => panic!("expected the end or {codes:02x?}, got {other:?}"),
        }
    }

    /// Expects this acknowledgement and gives its code.
    pub(crate) fn acked(&mut self, first: u8, id: u16) -> u8 {
        match self.packet() {
            Packet::Ack {
                first: f,
                id: i,
                code,
                ..
            } if (f, i) == (first, id) => code,
            other => panic!("expected {first:#04x} for {id}, got {other:?}"),
        }
    }

    /// Expects a PUBLISH; acknowledges nothing.
    pub(crate) fn message(&mut self) -> Publish {
        match self.packet() {
            Packet::Publish(publish) => publish,
            other => panic!("expected PUBLISH, got {other:?}"),
        }
    }

    /// Expects a PUBLISH and goes through its whole handshake.
    pub(crate) fn take(&mut self) -> Publish {
        let message = self.message();
        self.acknowledge(&message);
        message
    }

    /// Goes through the whole handshake of a message that came.
    pub(crate) fn acknowledge(&mut self, message: &Publish) {
        match message.qos {
            1 => self.send(&wire::ack(wire::PUBACK, message.id)),
            2 => {
                self.send(&wire::ack(wire::PUBREC, message.id));
                self.await_pubrel(message.id);
                self.send(&wire::ack(wire::PUBCOMP, message.id));
            }
            _ => {}
        }
    }

    /// Waits for PUBREL; what else comes before it stays to be read.
    fn await_pubrel(&mut self, id: u16) {
        let is_it = |packet: &Packet| matches!(packet, Packet::Ack { first: wire::PUBREL, id: i, .. } if *i == id);
        loop {
            match self.read_within(SOON) {
                Some(Next::Packet(packet)) if is_it(&packet) => return,
                Some(Next::Packet(packet)) => self.aside.push_back(packet),
                other => panic!("expected PUBREL for {id}, got {other:?}"),
            }
        }
    }

    /// Sends the first acknowledgement of a message and leaves a PUBREL to the caller.
    pub(crate) fn acknowledge_loosely(&mut self, message: &Publish) {
        match message.qos {
            1 => self.send(&wire::ack(wire::PUBACK, message.id)),
            2 => self.send(&wire::ack(wire::PUBREC, message.id)),
            _ => {}
        }
    }

    /// Expects PINGRESP as the very next packet: the connection lives and nothing else came.
    pub(crate) fn ping(&mut self) {
        self.send(&wire::PINGREQ);
        let answer = self.packet();
        assert_eq!(answer, Packet::PingResp, "to PINGREQ");
    }

    /// Subscribes and gives back what comes before SUBACK.
    pub(crate) fn subscribe_amid(&mut self, filters: &[(&str, u8)]) -> Vec<Publish> {
        let id = self.fresh_id();
        self.send(&wire::subscribe(self.version, id, filters, &[]));
        let mut before = Vec::new();
        loop {
            match self.packet() {
                Packet::SubAck { id: i, .. } if i == id => return before,
                Packet::Publish(message) => before.push(message),
                other => panic!("expected SUBACK, got {other:?}"),
            }
        }
    }

    /// A packet identifier that this client has not used yet.
    pub(crate) fn fresh_id(&mut self) -> u16 {
        self.last_id += 1;
        self.last_id
    }

    /// Subscribes to one filter with these options and expects its QoS to be granted.
    pub(crate) fn subscribe(&mut self, filter: &str, options: u8) {
        self.subscribe_with(filter, options, &[]);
    }

    pub(crate) fn subscribe_with(&mut self, filter: &str, options: u8, properties: &[Property]) {
        let id = self.fresh_id();
        self.send(&wire::subscribe(
            self.version,
            id,
            &[(filter, options)],
            properties,
        ));
        match self.packet() {
            Packet::SubAck { id: i, codes, .. } if i == id => {
                assert_eq!(codes, [options & 3], "SUBACK for {filter}");
            }
            other => panic!("expected SUBACK, got {other:?}"),
        }
    }

    /// Unsubscribes from one filter and gives the code, 0 where the version has none.
    pub(crate) fn unsubscribe(&mut self, filter: &str) -> u8 {
        let id = self.fresh_id();
        self.send(&wire::unsubscribe(self.version, id, &[filter]));
        match self.packet() {
            Packet::UnsubAck { id: i, codes, .. } if i == id => codes.first().copied().unwrap_or(0),
            other => panic!("expected UNSUBACK, got {other:?}"),
        }
    }

    /// Publishes under a fresh identifier and goes through the whole handshake.
    pub(crate) fn publish(&mut self, publish: Publish) {
        let id = if publish.qos > 0 { self.fresh_id() } else { 0 };
        let qos = publish.qos;
        self.send(&publish.id(id).bytes(self.version));
        match qos {
            1 => assert_success(self.acked(wire::PUBACK, id)),
            2 => {
                assert_success(self.acked(wire::PUBREC, id));
                self.send(&wire::ack(wire::PUBREL, id));
                assert_success(self.acked(wire::PUBCOMP, id));
            }
            _ => {}
        }
    }

    /// What this client's messages so far have brought to `reader`, each acknowledged, in order.
    ///
    /// A mark of each QoS says when all have come: a later message of the same QoS takes the same
    /// way through the broker and cannot overtake.
    pub(crate) fn all_for(&mut self, reader: &mut Self) -> Vec<Publish> {
        // Named by both, so that it is new in each direction.
        let topic = format!("mark/{}/{}/{}", self.id, reader.id, reader.last_id);
        let mut came = reader.subscribe_amid(&[(&topic, 2)]);
        for message in &came {
            reader.acknowledge(message);
        }
        for qos in 0..3 {
            self.publish(Publish::new(&topic, qos, "mark"));
        }
        let mut marks = 0;
        while marks < 3 {
            let message = reader.take();
            if message.topic == topic {
                marks += 1;
            } else {
                came.push(message);
            }
        }
        reader.unsubscribe(&topic);
        came
    }

    /// Expects that nothing this client has published so far is on its way to `reader`.
    pub(crate) fn nothing_for(&mut self, reader: &mut Self) {
        let came = self.all_for(reader);
        assert_eq!(came, [], "nothing was to come");
    }
}

fn assert_success(code: u8) {
    assert!(code < 0x80, "refused with {code:#04x}");
}
