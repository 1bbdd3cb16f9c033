//! Publishing and waiting for the acknowledgement.

use bowline_client::{Client, Message, PublishError, QoS, ReasonCode};
use bowline_packet::AckKind;

use crate::server::Server;

fn message(payload: &str) -> Message {
    Message::new("t", payload).with_qos(QoS::AtLeastOnce)
}

#[tokio::test]
async fn publish_ends_with_the_acknowledgement() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let first = client.submit(message("one")).await.expect("there is room");
    let second = client.submit(message("two")).await.expect("there is room");
    peer.expect("PUBLISH d0 q1 m1 t one").await;
    peer.expect("PUBLISH d0 q1 m2 t two").await;
    peer.send_ack(AckKind::PubAck, 2, ReasonCode::NotAuthorized)
        .await;
    peer.send_ack(AckKind::PubAck, 1, ReasonCode::NoMatchingSubscribers)
        .await;
    let first = first.await.expect("the server took it");
    assert_eq!(first.packet_id.map(|id| id.get()), Some(1));
    assert_eq!(first.reason, ReasonCode::NoMatchingSubscribers);
    let refused = second.await.expect_err("the server refused it");
    assert!(
        matches!(
            refused,
            PublishError::Refused {
                reason: ReasonCode::NotAuthorized,
                ..
            }
        ),
        "{refused:?}"
    );
}

/// [MQTT-4.4.0-1]
#[tokio::test]
async fn a_lost_puback_is_answered_by_dup_in_order() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let first = client.submit(message("one")).await.expect("there is room");
    let second = client.submit(message("two")).await.expect("there is room");
    peer.expect("PUBLISH d0 q1 m1 t one").await;
    peer.expect("PUBLISH d0 q1 m2 t two").await;
    drop(peer);
    let mut peer = server.welcome(true).await;
    peer.expect("PUBLISH d1 q1 m1 t one").await;
    peer.expect("PUBLISH d1 q1 m2 t two").await;
    peer.send_ack(AckKind::PubAck, 1, ReasonCode::Success).await;
    peer.send_ack(AckKind::PubAck, 2, ReasonCode::Success).await;
    first.await.expect("the server took it");
    second.await.expect("the server took it");
}

#[tokio::test]
async fn what_was_submitted_leaves_before_the_goodbye() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let mut publications = Vec::new();
    for payload in ["one", "two", "three"] {
        publications.push(
            client
                .submit(message(payload))
                .await
                .expect("there is room"),
        );
    }
    tokio::join!(client.disconnect(), async {
        peer.expect("PUBLISH d0 q1 m1 t one").await;
        peer.expect("PUBLISH d0 q1 m2 t two").await;
        peer.expect("PUBLISH d0 q1 m3 t three").await;
        peer.expect("DISCONNECT 0").await;
        peer.expect("end").await;
    });
    for publication in publications {
        assert_eq!(publication.await, Err(PublishError::Closed));
    }
    assert_eq!(
        client.publish(message("four")).await,
        Err(PublishError::Closed)
    );
}

#[tokio::test]
async fn a_full_queue_makes_the_caller_wait() {
    let server = Server::start().await;
    let mut options = server.options();
    options.session.queue_messages_max = 10;
    options.session.in_flight_max = 3;
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let publishing = async {
        let mut publications = Vec::new();
        for number in 0..500 {
            let message = message(&number.to_string());
            publications.push(client.submit(message).await.expect("it waits for room"));
        }
        for publication in publications {
            publication.await.expect("the server took it");
        }
    };
    let serving = async {
        for number in 0..500_u16 {
            let id = number + 1;
            peer.expect(&format!("PUBLISH d0 q1 m{id} t {number}"))
                .await;
            peer.send_ack(AckKind::PubAck, id, ReasonCode::Success)
                .await;
        }
    };
    tokio::join!(publishing, serving);
}
