//! A server that does what a test tells it, packet by packet.

use std::time::Duration;

use bowline_client::{Options, PacketId, ProtocolVersion, QoS, ReasonCode};
use bowline_packet::{
    Ack, AckKind, ConnAck, Next, Packet, Publish, PublishProperties, SubAck, UserProperties,
    next_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what should not take long.
#[track_caller]
pub(crate) fn patiently<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let result = timeout(PATIENCE, what).await;
        result.unwrap_or_else(|_| panic!("nothing happened at {place}"))
    }
}

pub(crate) struct Server {
    listener: TcpListener,
}

/// One network connection, seen from the server.
pub(crate) struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0")
                .await
                .expect("loopback is there"),
        }
    }

    /// Options for a client of this server with a lasting session, that comes back at once.
    pub(crate) fn options(&self) -> Options {
        let port = self.listener.local_addr().expect("it is bound").port();
        let mut options = Options::new("127.0.0.1", port)
            .with_client_id("c")
            .with_version(ProtocolVersion::V5)
            .with_lasting_session(60);
        options.session.first_packet_id = PacketId::new(1).expect("1 is not zero");
        options.reconnect_wait_first = Duration::from_millis(1);
        options
    }

    /// The next connection, with its CONNECT read.
    pub(crate) async fn accept(&self) -> Peer {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        let (stream, _) = accepted
            .expect("a client connects")
            .expect("loopback works");
        let mut peer = Peer {
            stream,
            buffer: Vec::new(),
        };
        let connect = peer.next().await;
        assert!(connect.starts_with("CONNECT"), "{connect}");
        peer
    }

    /// The next connection, accepted.
    pub(crate) async fn welcome(&self, session_present: bool) -> Peer {
        let mut peer = self.accept().await;
        peer.send(&Packet::ConnAck(ConnAck::new(
            session_present,
            ReasonCode::Success,
        )))
        .await;
        peer
    }
}

impl Peer {
    pub(crate) async fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet
            .encode(ProtocolVersion::V5, &mut bytes)
            .expect("the test's packets are right");
        let written = patiently(self.stream.write_all(&bytes)).await;
        written.expect("loopback works");
    }

    pub(crate) async fn send_ack(&mut self, kind: AckKind, id: u16, reason: ReasonCode) {
        let ack = Ack::new(PacketId::new(id).expect("not zero"), reason);
        let packet = match kind {
            AckKind::PubAck => Packet::PubAck(ack),
            AckKind::PubRec => Packet::PubRec(ack),
            AckKind::PubRel => Packet::PubRel(ack),
            AckKind::PubComp => Packet::PubComp(ack),
        };
        self.send(&packet).await;
    }

    /// Sends a QoS 1 message; identifier 0: QoS 0.
    pub(crate) async fn deliver(&mut self, id: u16, dup: bool, payload: &str) {
        let packet_id = PacketId::new(id);
        let publish = Publish {
            dup,
            qos: if packet_id.is_some() {
                QoS::AtLeastOnce
            } else {
                QoS::AtMostOnce
            },
            retain: false,
            topic: "t",
            packet_id,
            properties: PublishProperties::default(),
            payload: payload.as_bytes(),
        };
        self.send(&Packet::Publish(publish)).await;
    }

    pub(crate) async fn grant(&mut self, id: u16, codes: &[u8]) {
        let packet = SubAck {
            packet_id: PacketId::new(id).expect("not zero"),
            reason_string: None,
            user_properties: UserProperties::default(),
            codes,
        };
        self.send(&Packet::SubAck(packet)).await;
    }

    /// The client sends exactly this next.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let next = self.next().await;
            assert_eq!(next, line, "expected at {place}");
        }
    }

    /// The next packet as a line; `end` when the client has closed.
    pub(crate) async fn next(&mut self) -> String {
        timeout(PATIENCE, self.read_line())
            .await
            .expect("the client sends something")
    }

    async fn read_line(&mut self) -> String {
        loop {
            if let Next::Frame(frame) = next_frame(&self.buffer, usize::MAX).expect("it is MQTT") {
                let length = frame.len;
                let packet = Packet::decode(ProtocolVersion::V5, frame).expect("it is MQTT");
                let line = describe(&packet);
                self.buffer.drain(..length);
                return line;
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return "end".to_owned(),
                Ok(_) => {}
            }
        }
    }
}

fn describe(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Connect(connect) => {
            format!(
                "CONNECT clean={} id={}",
                u8::from(connect.clean_start),
                connect.client_id
            )
        }
        Packet::Publish(publish) => format!(
            "PUBLISH d{} q{} m{} {} {}",
            u8::from(publish.dup),
            publish.qos as u8,
            publish.packet_id.map_or(0, PacketId::get),
            publish.topic,
            String::from_utf8_lossy(publish.payload)
        ),
        Packet::PubAck(ack) => format!("PUBACK m{} {}", ack.packet_id.get(), ack.reason.code()),
        Packet::PubRec(ack) => format!("PUBREC m{}", ack.packet_id.get()),
        Packet::PubRel(ack) => format!("PUBREL m{}", ack.packet_id.get()),
        Packet::PubComp(ack) => format!("PUBCOMP m{}", ack.packet_id.get()),
        Packet::Subscribe(subscribe) => {
            let filters: Vec<&str> = subscribe
                .filters
                .iter()
                .map(|(filter, _)| filter.as_str())
                .collect();
            format!(
                "SUBSCRIBE m{} {}",
                subscribe.packet_id.get(),
                filters.join(" ")
            )
        }
        Packet::Disconnect(disconnect) => format!("DISCONNECT {}", disconnect.reason.code()),
        other => format!("{other:?}"),
    }
}
