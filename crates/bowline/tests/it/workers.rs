//! Workers reach each other: at once, in order, and without holding each other up for ever.

use std::time::{Duration, Instant};

use bowline::server::Server;

use crate::client::{Client, config, publish, server};

#[test]
fn a_message_wakes_the_workers_that_sleep() {
    const ROUNDS: u32 = 50;
    let server = server(4);
    let address = server.addresses()[0];
    let mut subscribers: Vec<Client> = (0..12)
        .map(|n| Client::subscribed(address, &format!("sleeper{n}"), "wake"))
        .collect();
    let mut publisher = Client::connected(address, "waker");
    let start = Instant::now();
    for round in 0..ROUNDS {
        let packet = publish("wake", round.to_string().as_bytes());
        publisher.send(&packet);
        for subscriber in &mut subscribers {
            assert_eq!(subscriber.packet(), packet);
        }
    }
    // A worker that is not woken sleeps up to a second: then this would take most of a minute.
    let mean = start.elapsed() / ROUNDS;
    assert!(
        mean < Duration::from_millis(400),
        "{mean:?} per message: a wake-up is lost"
    );
}

#[test]
fn order_holds_across_workers() {
    const MESSAGES: u32 = 20_000;
    let server = server(2);
    let address = server.addresses()[0];
    let mut subscribers: Vec<Client> = (0..4)
        .map(|n| Client::subscribed(address, &format!("order{n}"), "order"))
        .collect();
    let mut publisher = Client::connected(address, "publisher");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                publisher.send(&publish("order", &number.to_be_bytes()));
                // Leaves room for the readers: QoS 0 to a slow reader is dropped by right.
                if number % 500 == 499 {
                    publisher.ping();
                }
            }
        });
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                for number in 0..MESSAGES {
                    let packet = subscriber.packet();
                    assert_eq!(packet[packet.len() - 4..], number.to_be_bytes());
                }
            });
        }
    });
}

#[test]
fn full_mailboxes_hold_publishers_back_and_lose_nothing() {
    const MESSAGES: u64 = 2_000;
    let mut config = config(2);
    // Full with the first message in each direction.
    config.shell.mailbox_bytes_max = 1;
    config.limits.outbound_bytes_max = 64 * 1024 * 1024;
    let server = Server::start(config).unwrap();
    let address = server.addresses()[0];
    // Everybody sends to everybody, so that both workers hold each other back.
    let mut clients: Vec<Client> = (0..6)
        .map(|n| Client::subscribed(address, &format!("both{n}"), "all"))
        .collect();
    let packet = publish("all", &[b'z'; 500]);
    std::thread::scope(|scope| {
        for client in &mut clients {
            let mut writer = client.socket.try_clone().unwrap();
            let packet = &packet;
            scope.spawn(move || {
                for _ in 0..MESSAGES {
                    std::io::Write::write_all(&mut writer, packet).unwrap();
                }
            });
            scope.spawn(|| {
                for _ in 0..6 * MESSAGES {
                    assert_eq!(client.packet().len(), packet.len());
                }
            });
        }
    });
}
