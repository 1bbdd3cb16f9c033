//! A client that sends exactly the bytes that it is told to, and a server to send them to.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bowline::config::{Config, Listener, Workers};
use bowline::server::Server;
use bowline_packet::{Next, ProtocolVersion, Publish, PublishProperties, QoS, next_frame};

/// Longer than any answer takes; only a failure waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A PINGREQ, and its answer.
pub(crate) const PINGREQ: &[u8] = &[0xc0, 0x00];
pub(crate) const PINGRESP: &[u8] = &[0xd0, 0x00];

/// A configuration that listens on a free port.
pub(crate) fn config(workers: usize) -> Config {
    Config {
        listeners: vec![Listener::at("127.0.0.1:0")],
        workers: Workers {
            count: Some(workers),
        },
        ..Config::default()
    }
}

/// A running server.
pub(crate) fn server(workers: usize) -> Server {
    Server::start(config(workers)).expect("nothing is in the way of port 0")
}

/// A 3.1.1 CONNECT, clean session, without keep alive.
pub(crate) fn connect(client_id: &str) -> Vec<u8> {
    let id_bytes = u8::try_from(client_id.len()).expect("short ids");
    let mut bytes = vec![
        0x10,
        12 + id_bytes,
        0,
        4,
        b'M',
        b'Q',
        b'T',
        b'T',
        4,
        2,
        0,
        0,
        0,
    ];
    bytes.push(id_bytes);
    bytes.extend_from_slice(client_id.as_bytes());
    bytes
}

/// As [`connect`], with a will `gone` at QoS 0.
pub(crate) fn connect_with_will(client_id: &str, topic: &str) -> Vec<u8> {
    let mut bytes = connect(client_id);
    bytes[9] |= 0x04;
    for text in [topic, "gone"] {
        bytes.extend_from_slice(&[0, u8::try_from(text.len()).expect("short texts")]);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes[1] = u8::try_from(bytes.len() - 2).expect("short CONNECTs");
    bytes
}

/// A SUBSCRIBE to one filter at QoS 0, with packet identifier 1.
pub(crate) fn subscribe(filter: &str) -> Vec<u8> {
    let filter_bytes = u8::try_from(filter.len()).expect("short filters");
    let mut bytes = vec![0x82, 5 + filter_bytes, 0, 1, 0, filter_bytes];
    bytes.extend_from_slice(filter.as_bytes());
    bytes.push(0);
    bytes
}

/// A PUBLISH at QoS 0.
pub(crate) fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: PublishProperties::default(),
        payload,
    };
    let mut bytes = Vec::new();
    publish
        .encode(ProtocolVersion::V311, &mut bytes)
        .expect("it fits");
    bytes
}

/// A connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    /// A connection that has sent nothing.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        socket
            .set_write_timeout(Some(PATIENCE))
            .expect("it is not zero");
        socket.set_nodelay(true).expect("TCP has it");
        Self {
            socket,
            read: Vec::new(),
        }
    }

    /// A connection whose 3.1.1 CONNECT was accepted.
    pub(crate) fn connected(address: SocketAddr, client_id: &str) -> Self {
        let mut client = Self::open(address);
        client.send(&connect(client_id));
        assert_eq!(client.packet(), [0x20, 2, 0, 0], "CONNACK");
        client
    }

    /// Sends a CONNECT; `None` if the server closes instead of accepting it.
    pub(crate) fn try_connect(mut self, client_id: &str) -> Option<Self> {
        let sent = self.socket.write_all(&connect(client_id));
        let mut connack = [0; 4];
        let read = sent.and_then(|()| self.socket.read_exact(&mut connack));
        read.is_ok_and(|()| connack == [0x20, 2, 0, 0])
            .then_some(self)
    }

    /// A connected client with a subscription.
    pub(crate) fn subscribed(address: SocketAddr, client_id: &str, filter: &str) -> Self {
        let mut client = Self::connected(address, client_id);
        client.send(&subscribe(filter));
        assert_eq!(client.packet(), [0x90, 3, 0, 1, 0], "SUBACK");
        client
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    /// The next whole packet.
    pub(crate) fn packet(&mut self) -> Vec<u8> {
        loop {
            let next = next_frame(&self.read, 64 << 20).expect("the server frames well");
            if let Next::Frame(frame) = next {
                let len = frame.len;
                return self.read.drain(..len).collect();
            }
            assert!(self.read_more(), "closed instead of a packet");
        }
    }

    /// Whatever comes until the server closes; fails if the connection is reset.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.read)
    }

    /// Waits until the connection is over, in whatever way.
    pub(crate) fn wait_for_end(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("still open: {error}"),
            }
        }
    }

    /// Asks for an answer, to know that everything before has been handled.
    pub(crate) fn ping(&mut self) {
        self.send(PINGREQ);
        assert_eq!(self.packet(), PINGRESP);
    }

    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(count) => {
                    self.read.extend_from_slice(&buffer[..count]);
                    return count > 0;
                }
                // A debugger or a stopped machine; no answer.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("neither an answer nor an end: {error}"),
            }
        }
    }
}
