//! What clients can do to sockets: say nothing, say it byte by byte, say too much, not listen.

use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bowline::config::Config;
use bowline::server::Server;

use crate::client::{
    Client, PATIENCE, PINGREQ, PINGRESP, config, connect, connect_with_will, publish, server,
    subscribe,
};

/// A server with these bounds.
fn bounded(change: impl FnOnce(&mut Config)) -> (Server, SocketAddr) {
    let mut config = config(1);
    change(&mut config);
    let server = Server::start(config).unwrap();
    let address = server.addresses()[0];
    (server, address)
}

#[test]
fn whoever_does_not_connect_in_time_is_dropped() {
    let (_server, address) = bounded(|config| config.shell.connect_timeout_secs = 1);
    let mut connected = Client::connected(address, "in-time");
    let start = Instant::now();
    let mut silent = Client::open(address);
    let mut slow = Client::open(address);
    let connect = connect("slow");
    slow.send(&connect[..connect.len() - 1]);
    assert!(silent.rest().is_empty());
    assert!(slow.rest().is_empty());
    assert!(start.elapsed().as_millis() >= 1_000, "not before its time");
    connected.ping();
}

#[test]
fn too_many_without_connect_drop_the_oldest() {
    let (_server, address) = bounded(|config| config.shell.half_open_max = 2);
    let mut oldest = Client::open(address);
    let mut second = Client::open(address);
    let mut third = Client::open(address);
    assert!(oldest.rest().is_empty());
    for (client, id) in [(&mut second, "second"), (&mut third, "third")] {
        client.send(&connect(id));
        assert_eq!(client.packet(), [0x20, 2, 0, 0]);
    }
}

#[test]
fn no_more_connections_than_allowed() {
    let (_server, address) = bounded(|config| config.shell.connections_max = Some(2));
    let mut first = Client::connected(address, "first");
    let mut second = Client::connected(address, "second");
    Client::open(address).wait_for_end();
    first.ping();
    second.ping();
    drop(first);
    // The place is free as soon as the server has seen the end: until then a connection is closed
    // before anything is answered.
    let start = Instant::now();
    while Client::open(address).try_connect("again").is_none() {
        assert!(start.elapsed() < PATIENCE, "the place is never free again");
    }
    second.ping();
}

#[test]
fn what_is_no_connect_is_closed_and_disturbs_nobody() {
    let (_server, address) = bounded(|_| ());
    let mut bystander = Client::subscribed(address, "bystander", "#");
    let garbage: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0x16, 0x03, 0x01, 0x02, 0x00],
        &[0x00],
        &[0xff; 100],
        // [MQTT-3.1.0-1]
        PINGREQ,
        &publish("a", b"b"),
        // A length of five bytes.
        &[0x10, 0xff, 0xff, 0xff, 0xff, 0x7f],
        // A CONNECT that claims 256 MB.
        &[0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4],
        // Flags that a CONNECT does not have.
        &[0x11, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0],
        // A CONNECT that is whole and wrong.
        &[0x10, 2, 0, 4],
    ];
    for bytes in garbage {
        let mut client = Client::open(address);
        client.send(bytes);
        client.wait_for_end();
        bystander.ping();
    }
}

#[test]
fn any_segmentation_gives_the_same_answers() {
    let (_server, address) = bounded(|_| ());
    let conversation = |id: &str| {
        [
            connect(id),
            subscribe(id),
            publish(id, b"hello"),
            PINGREQ.to_vec(),
            publish(id, &[b'x'; 300]),
            PINGREQ.to_vec(),
        ]
        .concat()
    };
    for step in 1..=32 {
        let id = format!("split{step}");
        let mut client = Client::open(address);
        for part in conversation(&id).chunks(step) {
            client.send(part);
        }
        let answers = [
            vec![0x20, 2, 0, 0],
            vec![0x90, 3, 0, 1, 0],
            publish(&id, b"hello"),
            PINGRESP.to_vec(),
            publish(&id, &[b'x'; 300]),
            PINGRESP.to_vec(),
        ];
        for answer in answers {
            assert_eq!(client.packet(), answer, "in steps of {step}");
        }
    }
}

#[test]
fn packets_beyond_the_share_of_a_turn_are_handled_in_the_next() {
    let (_server, address) = bounded(|config| {
        config.limits.packets_per_turn_max = 1;
        config.shell.reads_per_turn_max = 1;
    });
    let mut client = Client::connected(address, "many");
    // All in one segment: no other readiness comes.
    client.send(&PINGREQ.repeat(500));
    for _ in 0..500 {
        assert_eq!(client.packet(), PINGRESP);
    }
}

#[test]
fn a_client_that_says_all_and_leaves_is_answered_and_noticed() {
    let (_server, address) = bounded(|_| ());
    for round in 0..50 {
        let mut client = Client::connected(address, &format!("leaver{round}"));
        // Words and end come together: one readiness for both.
        client.send(PINGREQ);
        client.socket.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.rest(), PINGRESP);
    }
}

#[test]
fn a_large_packet_may_come_byte_by_byte() {
    let (_server, address) = bounded(|_| ());
    let mut subscriber = Client::subscribed(address, "subscriber", "large");
    let mut publisher = Client::connected(address, "publisher");
    let payload: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let packet = publish("large", &payload);
    for byte in &packet {
        publisher.send(std::slice::from_ref(byte));
    }
    assert!(subscriber.packet() == packet, "byte for byte");
    publisher.ping();
}

#[test]
fn a_packet_at_the_bound_passes_and_one_beyond_does_not() {
    let (_server, address) = bounded(|config| config.limits.packet_bytes_max = 1_000_000);
    let mut subscriber = Client::subscribed(address, "subscriber", "bound");
    let mut publisher = Client::connected(address, "publisher");
    // Four bytes of fixed header, seven of topic.
    let fitting = publish("bound", &vec![b'x'; 1_000_000 - 11]);
    assert_eq!(fitting.len(), 1_000_000);
    publisher.send(&fitting);
    assert!(subscriber.packet() == fitting);
    // Its header is enough to know.
    publisher.send(&publish("bound", &vec![b'x'; 1_000_000 - 10])[..4]);
    publisher.wait_for_end();
    subscriber.ping();
}

/// Connects as a 5.0 client, misbehaves, and reads the answer: a DISCONNECT.
fn put_out(address: SocketAddr) -> Client {
    let mut client = Client::open(address);
    // Clean start, no properties, no Client Identifier.
    client.send(&[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 0, 0, 0, 0]);
    assert_eq!(client.packet()[0], 0x20, "CONNACK");
    // A second CONNECT [MQTT-3.1.0-2], and a lot behind it that nobody will look at.
    client.send(&[connect("second"), vec![0xc0; 200_000]].concat());
    assert_eq!(client.rest().first(), Some(&0xe0), "DISCONNECT");
    client
}

/// Waits until no more than `count` connections are open.
fn wait_for_connections(server: &Server, count: usize) {
    let start = Instant::now();
    while server.connections() > count {
        assert!(
            start.elapsed() < PATIENCE,
            "{} are open",
            server.connections()
        );
    }
}

#[test]
fn a_client_that_is_put_out_can_still_read_why() {
    let (server, address) = bounded(|config| config.shell.linger_millis = 60_000);
    let clients: Vec<Client> = (0..5).map(|_| put_out(address)).collect();
    // A socket that is gone would answer what it still sends with a reset.
    assert_eq!(server.connections(), 5);
    drop(clients);
    // It goes with its client, long before its time.
    wait_for_connections(&server, 0);
}

#[test]
fn a_client_that_is_put_out_does_not_stay_for_ever() {
    let (few, address) = bounded(|config| {
        config.shell.linger_millis = 60_000;
        config.shell.lingering_max = 2;
    });
    let _clients: Vec<Client> = (0..5).map(|_| put_out(address)).collect();
    wait_for_connections(&few, 2);
    let (short, address) = bounded(|config| config.shell.linger_millis = 50);
    let _clients: Vec<Client> = (0..5).map(|_| put_out(address)).collect();
    wait_for_connections(&short, 0);
}

#[test]
fn a_reader_that_does_not_read_costs_only_itself() {
    let (server, address) = bounded(|config| config.limits.outbound_bytes_max = 64 * 1024);
    let mut stalled = Client::subscribed(address, "stalled", "flood");
    let mut healthy = Client::subscribed(address, "healthy", "done");
    let mut publisher = Client::connected(address, "publisher");
    let packet = publish("flood", &[b'x'; 1_000]);
    let burst = packet.repeat(100);
    // More than the sockets of both sides hold.
    for _ in 0..500 {
        publisher.send(&burst);
    }
    publisher.ping();
    publisher.send(&publish("done", b""));
    assert_eq!(healthy.packet(), publish("done", b""));
    let dropped: u64 = server
        .reports()
        .iter()
        .map(|report| report.counters.dropped_qos0_slow_reader)
        .sum();
    assert!(dropped > 0, "what does not fit is dropped and counted");
    // What it did get is whole; and when it reads again, it is served again.
    let delivered = 50_000 - dropped;
    for _ in 0..delivered {
        assert_eq!(stalled.packet(), packet);
    }
    publisher.send(&publish("flood", b"again"));
    assert_eq!(stalled.packet(), publish("flood", b"again"));
}

/// Says that it is over, also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_disconnect_counts_although_its_client_did_not_wait() {
    let (server, address) = bounded(|_| ());
    let mut witness = Client::subscribed(address, "witness", "will");
    let mut flooder = Client::connected(address, "flooder");
    let mut marker = Client::connected(address, "marker");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        // So that the broker is likely to be writing when the client goes.
        scope.spawn(|| {
            let burst = publish("flood", &[b'x'; 100]).repeat(2_000);
            while !is_over.load(Ordering::Relaxed) {
                flooder.send(&burst);
                flooder.ping();
            }
        });
        for round in 0..20 {
            let mut mortal = Client::open(address);
            mortal.send(&connect_with_will("mortal", "will"));
            assert_eq!(mortal.packet(), [0x20, 2, 0, 0]);
            mortal.send(&subscribe("flood"));
            mortal.packet();
            mortal.packet();
            // [MQTT-3.14.4-3] The will is withdrawn, although closing with unread bytes resets
            // the connection.
            mortal.send(&[0xe0, 0]);
            drop(mortal);
            while server.reports()[0].gauges.connections > 3 {}
            let mark = publish("will", format!("after {round}").as_bytes());
            marker.send(&mark);
            assert_eq!(witness.packet(), mark, "the mark, not the will");
        }
    });
}

#[test]
fn without_a_disconnect_the_will_is_published() {
    let (_server, address) = bounded(|_| ());
    let mut witness = Client::subscribed(address, "witness", "will");
    let mut mortal = Client::open(address);
    mortal.send(&connect_with_will("mortal", "will"));
    assert_eq!(mortal.packet(), [0x20, 2, 0, 0]);
    drop(mortal);
    assert_eq!(witness.packet(), publish("will", b"gone"));
}

#[test]
fn messages_of_every_size_arrive_whole_and_in_order() {
    let server = server(2);
    let address = server.addresses()[0];
    let mut publisher = Client::connected(address, "publisher");
    // Some on the publisher's worker, some on the other.
    let mut subscribers: Vec<Client> = (0..6)
        .map(|n| Client::subscribed(address, &format!("reader{n}"), "size/#"))
        .collect();
    // Around the sizes where something changes: shared payloads, read buffers, growth.
    let sizes = [
        0, 1, 127, 128, 4_095, 4_096, 4_097, 16_384, 65_530, 65_536, 200_000, 1_000_000,
    ];
    let packets: Vec<Vec<u8>> = sizes
        .iter()
        .map(|&size| publish(&format!("size/{size}"), &vec![b'y'; size]))
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| publisher.send(&packets.concat()));
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                for packet in &packets {
                    assert!(subscriber.packet() == *packet, "{} bytes", packet.len());
                }
            });
        }
    });
}
