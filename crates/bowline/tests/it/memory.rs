//! What bad input costs: nothing that stays, and nothing that was only claimed.
//!
//! The bounds are far above what the broker needs and far below what it would hold if it believed
//! a claimed length or kept anything of a refused connection.

use crate::cli::Running;
use crate::client::{Client, connect};

const MIB: usize = 1024 * 1024;

/// Bytes behind an accepted 3.1.1 CONNECT, each of which ends the connection.
const BAD: &[&[u8]] = &[
    // Reserved packet type, wrong flags, five bytes of length.
    &[0x00, 0x00],
    &[0x80, 0x00],
    &[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    // PUBLISH: QoS 3, packet identifier 0, a wildcard, an empty topic, text that is not UTF-8.
    &[0x36, 0x05, 0x00, 0x01, b'a', 0x00, 0x01],
    &[0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x00],
    &[0x30, 0x03, 0x00, 0x01, b'#'],
    &[0x30, 0x02, 0x00, 0x00],
    &[0x30, 0x03, 0x00, 0x01, 0xFF],
    // A topic longer than its packet.
    &[0x30, 0x04, 0xFF, 0xFF, b'a', b'b'],
    // SUBSCRIBE without a filter, with `$share` misused, with identifier 0.
    &[0x82, 0x02, 0x00, 0x01],
    &[
        0x82, 0x0E, 0x00, 0x01, 0x00, 0x09, b'$', b's', b'h', b'a', b'r', b'e', b'/', b'/', b'f', 0,
    ],
    &[0x82, 0x06, 0x00, 0x00, 0x00, 0x01, b'a', 0x00],
    // What only a server sends.
    &[0x20, 0x02, 0x00, 0x00],
    &[0x90, 0x03, 0x00, 0x01, 0x00],
    &[0xD0, 0x00, 0xB0, 0x02, 0x00, 0x01],
];

#[test]
fn refused_connections_leave_nothing_behind() {
    let running = Running::start(&["--workers", "2"]);
    let round = |rounds: usize| {
        for _ in 0..rounds {
            for bytes in BAD {
                let mut client = Client::connected(running.address, "bad");
                client.send(bytes);
                client.wait_for_end();
            }
        }
    };
    round(20);
    let before = running.resident_bytes();
    round(100);
    let grown = running.resident_bytes().saturating_sub(before);
    assert!(
        grown < 2 * MIB,
        "{grown} bytes stay of {} connections",
        100 * BAD.len()
    );
}

#[test]
fn a_claimed_length_costs_what_arrived() {
    let running = Running::start(&["--workers", "2"]);
    let before = running.resident_bytes();
    let mut clients = Vec::new();
    for number in 0..64 {
        let mut client = Client::connected(running.address, &format!("claims{number}"));
        client.ping();
        // A PUBLISH of 16 MiB, of which the beginning comes.
        client.send(&[0x30, 0xF0, 0xFF, 0xFF, 0x07, 0x00, 0x01, b'a', 0, 0, 0, 0]);
        clients.push(client);
    }
    // Those before CONNECT: a CONNECT of 64 KiB, of which the beginning comes.
    for _ in 0..64 {
        let mut client = Client::open(running.address);
        let mut packet = connect("c");
        packet.splice(1..2, [0xFF, 0xFF, 0x03]);
        client.send(&packet);
        clients.push(client);
    }
    // One that comes later is served by each worker after it has read all of the above.
    for number in 0..16 {
        Client::connected(running.address, &format!("later{number}")).ping();
    }
    let grown = running.resident_bytes().saturating_sub(before);
    assert!(
        grown < 8 * MIB,
        "{grown} bytes for 1 GiB that was only claimed"
    );
}
