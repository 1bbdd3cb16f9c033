//! The beginning, the end, and everything that happens to a connection in between.

use std::sync::{Arc, Mutex};

use bowline_client::{
    Client, ConnectError, Disconnection, Message, Notice, Options, QoS, ReasonCode,
};
use bowline_packet::{AckKind, ConnAck, Disconnect, Packet, UserProperties};

use crate::server::{Peer, Server, patiently};

async fn say_disconnect(peer: &mut Peer, reason: ReasonCode) {
    let packet = Disconnect {
        reason,
        session_expiry_secs: None,
        reason_string: None,
        user_properties: UserProperties::default(),
        server_reference: None,
    };
    peer.send(&Packet::Disconnect(packet)).await;
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server::start().await;
    let options = server.options();
    drop(server);
    let error = Client::connect(options).await.expect_err("nobody listens");
    assert!(matches!(error, ConnectError::Network { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("cannot connect to 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn the_server_refuses() {
    let server = Server::start().await;
    let (connected, ()) = tokio::join!(Client::connect(server.options()), async {
        let mut peer = server.accept().await;
        peer.send(&Packet::ConnAck(ConnAck::new(
            false,
            ReasonCode::NotAuthorized,
        )))
        .await;
        peer.expect("end").await;
    });
    let error = connected.expect_err("it was refused");
    assert!(
        matches!(
            &error,
            ConnectError::Server(Disconnection::Refused { code: 135, .. })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_patient_client_waits_for_the_first_connection_too() {
    let server = Server::start().await;
    let mut options = server.options();
    options.retry_first_connection = true;
    let (connected, _peer) = tokio::join!(Client::connect(options), async {
        drop(server.accept().await);
        let mut peer = server.accept().await;
        peer.send(&Packet::ConnAck(ConnAck::new(
            false,
            ReasonCode::ServerBusy,
        )))
        .await;
        server.welcome(false).await
    });
    connected.expect("the third attempt succeeds");
}

#[tokio::test]
async fn a_server_that_lost_the_session_is_asked_again_for_everything() {
    let server = Server::start().await;
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&notices);
    let options = server.options().with_observer(move |notice| {
        let line = match notice {
            Notice::Connected(connected) => format!("present {}", connected.session_present),
            Notice::Disconnected { why, retry_in, .. } => {
                format!("{why}, again: {}", retry_in.is_some())
            }
            other => format!("{other:?}"),
        };
        seen.lock().expect("nobody panics here").push(line);
    });
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let (granted, ()) = tokio::join!(client.subscribe("a/#", QoS::AtLeastOnce), async {
        peer.expect("SUBSCRIBE m1 a/#").await;
        peer.grant(1, &[1]).await;
    });
    granted.expect("it was granted");
    let message = Message::new("t", "x").with_qos(QoS::AtLeastOnce);
    let publication = client.submit(message).await.expect("there is room");
    peer.expect("PUBLISH d0 q1 m2 t x").await;
    say_disconnect(&mut peer, ReasonCode::ServerShuttingDown).await;
    drop(peer);
    let mut peer = server.welcome(false).await;
    peer.expect("SUBSCRIBE m3 a/#").await;
    peer.expect("PUBLISH d0 q1 m4 t x").await;
    peer.send_ack(AckKind::PubAck, 4, ReasonCode::Success).await;
    publication.await.expect("the server took it");
    let notices = notices.lock().expect("nobody panics here").clone();
    let description = ReasonCode::ServerShuttingDown.description();
    let lost = format!("the server disconnected: {description} (code 139), again: true");
    assert_eq!(
        notices,
        ["present false".to_owned(), lost, "present false".to_owned()]
    );
}

#[tokio::test]
async fn a_session_that_was_taken_over_is_not_taken_back() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, mut messages) = connected.expect("the server welcomes it");
    say_disconnect(&mut peer, ReasonCode::SessionTakenOver).await;
    assert!(patiently(messages.recv()).await.is_none());
    client.ended().await;
}

#[tokio::test]
async fn the_last_handle_says_goodbye() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, messages) = connected.expect("the server welcomes it");
    drop(client);
    peer.deliver(0, false, "for whoever is left").await;
    let mut messages = messages;
    assert!(patiently(messages.recv()).await.is_some());
    drop(messages);
    peer.expect("DISCONNECT 0").await;
    peer.expect("end").await;
}

#[tokio::test]
async fn publishing_while_there_is_no_connection() {
    let server = Server::start().await;
    let (connected, peer) = tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    drop(peer);
    let mut peer = server.accept().await; // Connected, but not welcome yet.
    let mut publications = Vec::new();
    for number in 0..300 {
        let message = Message::new("t", number.to_string()).with_qos(QoS::AtLeastOnce);
        publications.push(client.submit(message).await.expect("there is room"));
    }
    peer.send(&Packet::ConnAck(ConnAck::new(true, ReasonCode::Success)))
        .await;
    for number in 0..300_u16 {
        peer.expect(&format!("PUBLISH d0 q1 m{} t {number}", number + 1))
            .await;
        peer.send_ack(AckKind::PubAck, number + 1, ReasonCode::Success)
            .await;
    }
    for publication in publications {
        publication.await.expect("the server took it");
    }
}

#[tokio::test]
async fn a_trace_shows_each_packet() {
    let server = Server::start().await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let mut options: Options = server.options().with_packet_trace();
    options = options.with_observer(move |notice| {
        let line = match notice {
            Notice::Sent(line) => format!("> {line}"),
            Notice::Arrived(line) => format!("< {line}"),
            _ => return,
        };
        seen.lock().expect("nobody panics here").push(line);
    });
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let message = Message::new("t", "secret").with_qos(QoS::AtLeastOnce);
    let (published, ()) = tokio::join!(client.publish(message), async {
        peer.expect("PUBLISH d0 q1 m1 t secret").await;
        peer.send_ack(AckKind::PubAck, 1, ReasonCode::Success).await;
    });
    published.expect("the server took it");
    client.disconnect().await;
    let success = format!("rc 0 {}", ReasonCode::Success.description());
    let expected = [
        "> CONNECT (clean 0, keep alive 60, id 'c')".to_owned(),
        format!("< CONNACK ({success}, session present 0)"),
        "> PUBLISH (d0, q1, r0, m1, 't', 6 bytes)".to_owned(),
        format!("< PUBACK (m1, {success})"),
        format!("> DISCONNECT ({success})"),
    ];
    assert_eq!(*lines.lock().expect("nobody panics here"), expected);
}
