//! Receiving, and who acknowledges when.

use bowline_client::{Client, Message, QoS, ReasonCode, RequestError};
use bowline_packet::AckKind;

use crate::server::{Server, patiently};

#[tokio::test]
async fn a_plain_loop_acknowledges_what_it_has_processed() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (_client, mut messages) = connected.expect("the server welcomes it");
    peer.deliver(1, false, "one").await;
    peer.deliver(2, false, "two").await;
    let one = patiently(messages.recv()).await.expect("it was sent");
    assert_eq!(one.message.payload, b"one");
    // The program is lost while it processes `one`: nothing was acknowledged.
    drop(peer);
    let mut peer = server.welcome(true).await;
    peer.deliver(1, true, "one").await;
    peer.deliver(2, true, "two").await;
    // Neither comes twice to the same program; coming back for `two` acknowledges `one`.
    let two = patiently(messages.recv()).await.expect("it was sent");
    assert_eq!(two.message.payload, b"two");
    peer.expect("PUBACK m1 0").await;
    peer.deliver(3, false, "three").await;
    let three = patiently(messages.recv()).await.expect("it was sent");
    assert_eq!(three.message.payload, b"three");
    peer.expect("PUBACK m2 0").await;
    three.ack().await.expect("the client runs");
    peer.expect("PUBACK m3 0").await;
}

#[tokio::test]
async fn manual_acknowledgement_in_any_order() {
    let server = Server::start().await;
    let options = server.options().with_manual_ack();
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (_client, mut messages) = connected.expect("the server welcomes it");
    for (id, payload) in [(1, "one"), (2, "two"), (3, "three")] {
        peer.deliver(id, false, payload).await;
    }
    let one = patiently(messages.recv()).await.expect("it was sent");
    let two = patiently(messages.recv()).await.expect("it was sent");
    let three = patiently(messages.recv()).await.expect("it was sent");
    three.ack().await.expect("the client runs");
    two.refuse(ReasonCode::PayloadFormatInvalid)
        .await
        .expect("the client runs");
    one.ack().await.expect("the client runs");
    peer.expect("PUBACK m1 0").await;
    peer.expect("PUBACK m2 153").await;
    peer.expect("PUBACK m3 0").await;
}

#[tokio::test]
async fn what_is_dropped_without_acknowledgement_comes_again() {
    let server = Server::start().await;
    let options = server.options().with_manual_ack();
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (client, mut messages) = connected.expect("the server welcomes it");
    peer.deliver(1, false, "dropped").await;
    peer.deliver(2, false, "in work").await;
    drop(patiently(messages.recv()).await.expect("it was sent"));
    let in_work = patiently(messages.recv()).await.expect("it was sent");
    client.reconnect().await.expect("the client runs");
    peer.expect("end").await;
    let mut peer = server.welcome(true).await;
    peer.deliver(1, true, "dropped").await;
    peer.deliver(2, true, "in work").await;
    let again = patiently(messages.recv()).await.expect("it was sent again");
    assert!(again.dup && again.message.payload == b"dropped");
    again.ack().await.expect("the client runs");
    peer.expect("PUBACK m1 0").await;
    in_work.ack().await.expect("the client runs");
    peer.expect("PUBACK m2 0").await;
}

#[tokio::test]
async fn redelivery_keeps_the_order() {
    let server = Server::start().await;
    let mut options = server.options().with_manual_ack();
    options.received_messages_max = 1; // Some wait in the channel, some behind it.
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (_client, mut messages) = connected.expect("the server welcomes it");
    peer.deliver(1, false, "1").await;
    for id in 2..=4 {
        peer.deliver(id, false, &id.to_string()).await;
    }
    patiently(messages.recv())
        .await
        .expect("it was sent")
        .ack()
        .await
        .expect("the client runs");
    peer.expect("PUBACK m1 0").await;
    patiently(messages.recv())
        .await
        .expect("it was sent")
        .nack()
        .await
        .expect("the client runs");
    messages.redeliver().await.expect("the client runs");
    peer.expect("end").await;
    let mut peer = server.welcome(true).await;
    for id in 2..=4 {
        peer.deliver(id, true, &id.to_string()).await;
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        let received = patiently(messages.recv()).await.expect("it was sent again");
        order.push(String::from_utf8_lossy(&received.message.payload).into_owned());
        received.ack().await.expect("the client runs");
    }
    assert_eq!(order, ["2", "3", "4"]);
    for id in 2..=4 {
        peer.expect(&format!("PUBACK m{id} 0")).await;
    }
}

#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let server = Server::start().await;
    let mut options = server.options();
    options.received_messages_max = 2;
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (_client, mut messages) = connected.expect("the server welcomes it");
    let padding = "x".repeat(1000);
    tokio::join!(
        async {
            for number in 0..5000 {
                peer.deliver(0, false, &format!("{number} {padding}")).await;
            }
        },
        async {
            for number in 0..5000 {
                let received = patiently(messages.recv()).await.expect("it was sent");
                let expected = format!("{number} {padding}");
                assert_eq!(received.message.payload, expected.as_bytes());
                tokio::task::yield_now().await;
            }
        }
    );
}

#[tokio::test]
async fn subscriptions_are_answered() {
    let server = Server::start().await;
    let (connected, mut peer) =
        tokio::join!(Client::connect(server.options()), server.welcome(false));
    let (client, _messages) = connected.expect("the server welcomes it");
    let (granted, ()) = tokio::join!(client.subscribe("a/#", QoS::ExactlyOnce), async {
        peer.expect("SUBSCRIBE m1 a/#").await;
        peer.grant(1, &[1]).await;
    });
    assert_eq!(granted, Ok(QoS::AtLeastOnce));
    let (refused, ()) = tokio::join!(client.subscribe("b", QoS::AtMostOnce), async {
        peer.expect("SUBSCRIBE m2 b").await;
        peer.grant(2, &[0x87]).await;
    });
    let expected = RequestError::Refused {
        reason: ReasonCode::NotAuthorized,
        reason_string: None,
    };
    assert_eq!(refused, Err(expected));
    let wrong = client.subscribe("a/#/b", QoS::AtMostOnce).await;
    assert!(matches!(wrong, Err(RequestError::Usage(_))), "{wrong:?}");
}

/// The answer to a request stands behind more messages than anybody has room for.
#[tokio::test]
async fn an_application_that_publishes_while_it_receives() {
    let server = Server::start().await;
    let mut options = server.options();
    options.received_messages_max = 1;
    let (connected, mut peer) = tokio::join!(Client::connect(options), server.welcome(false));
    let (client, mut messages) = connected.expect("the server welcomes it");
    let padding = "x".repeat(10_000);
    let answering = async {
        for _ in 0..1000 {
            let received = patiently(messages.recv()).await.expect("it was sent");
            let answer = Message::new("answer", received.message.payload.len().to_string())
                .with_qos(QoS::AtLeastOnce);
            patiently(client.publish(answer))
                .await
                .expect("the server takes it");
        }
    };
    let serving = async {
        for _ in 0..1000 {
            peer.deliver(0, false, &padding).await;
        }
        for id in 1..=1000 {
            peer.expect(&format!("PUBLISH d0 q1 m{id} answer 10000"))
                .await;
            peer.send_ack(AckKind::PubAck, id, ReasonCode::Success)
                .await;
        }
    };
    tokio::join!(answering, serving);
}
