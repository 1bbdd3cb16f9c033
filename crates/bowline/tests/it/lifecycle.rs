//! A server starts where it should, says why it does not, and stops without a trace.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bowline::config::{Config, Durability, Journal, Listener};
use bowline::server::{Server, StartError};

use crate::client::{Client, config, publish, server};

#[test]
fn by_default_both_loopback_families_are_served() {
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let server = Server::start(Config {
        port: Some(0),
        ..Config::default()
    })
    .unwrap();
    let is_ipv6: Vec<bool> = server.addresses().iter().map(SocketAddr::is_ipv6).collect();
    assert_eq!(
        is_ipv6,
        if has_ipv6 {
            vec![false, true]
        } else {
            vec![false]
        }
    );
    for &address in server.addresses() {
        assert!(address.ip().is_loopback() && address.port() != 0);
        Client::connected(address, "both").ping();
    }
}

#[test]
fn one_listener_may_be_a_name_with_several_addresses() {
    let listeners = vec![Listener::at("localhost:0")];
    let server = Server::start(Config {
        listeners,
        ..config(1)
    })
    .unwrap();
    assert!(!server.addresses().is_empty());
    for &address in server.addresses() {
        Client::connected(address, "name").ping();
    }
}

#[test]
fn what_stands_in_the_way_is_said() {
    let taken = server(1);
    let address = taken.addresses()[0];
    let at = |address: &str| Config {
        listeners: vec![Listener::at(address)],
        ..config(1)
    };
    let disk = Journal {
        durability: Durability::Disk,
        directory: None,
    };
    let cases = [
        (
            at(&address.to_string()),
            format!("cannot listen on {address}: the address is in use"),
            true,
        ),
        (
            at("0.0.0.0:0"),
            "`0.0.0.0:0` can be reached from other machines, and nothing says that anybody may \
             connect"
                .to_owned(),
            true,
        ),
        (
            at("1883"),
            "cannot listen on `1883`: invalid socket address".to_owned(),
            true,
        ),
        (
            Config {
                journal: disk,
                ..config(1)
            },
            "durability `disk` and `os` are not there yet, only `memory`".to_owned(),
            true,
        ),
        // An address of the block for documentation is nobody's.
        (
            Config {
                access: bowline::config::Access {
                    allow_anonymous: true,
                },
                ..at("192.0.2.1:0")
            },
            "cannot listen on 192.0.2.1:0: cannot assign requested address (os error 99)"
                .to_owned(),
            false,
        ),
    ];
    for (config, expected, has_hint) in cases {
        let error = Server::start(config).map(drop).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.hint().is_some(), has_hint, "{error}");
    }
    // The one who had the port still serves.
    Client::connected(address, "first").ping();
}

#[test]
fn a_stop_closes_every_connection_and_frees_the_port() {
    let mut server = server(2);
    let address = server.addresses()[0];
    let mut clients: Vec<Client> = (0..20)
        .map(|n| Client::connected(address, &format!("client{n}")))
        .collect();
    let mut half_open = Client::open(address);
    half_open.send(&[0x10]);
    assert!(server.connections() >= clients.len());

    server.stop().unwrap();
    assert_eq!(server.connections(), 0);
    for client in &mut clients {
        client.wait_for_end();
    }
    half_open.wait_for_end();
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
    server.stop().unwrap();

    // At once, although connections of the old one are in TIME_WAIT.
    let listeners = vec![Listener::at(address.to_string())];
    let again = Server::start(Config {
        listeners,
        ..config(1)
    })
    .unwrap();
    Client::connected(again.addresses()[0], "again").ping();
}

#[test]
fn a_stop_ends_also_under_load() {
    let mut server = server(2);
    let address = server.addresses()[0];
    let burst = publish("load", &[b'x'; 200]).repeat(50);
    let clients: Vec<Client> = (0..4)
        .map(|n| Client::subscribed(address, &format!("load{n}"), "load"))
        .collect();
    std::thread::scope(|scope| {
        for mut client in clients {
            let burst = &burst;
            // Sends until it is put out; reads nothing.
            scope.spawn(move || while client.socket.write_all(burst).is_ok() {});
        }
        // In the middle of it: something has arrived.
        while server
            .reports()
            .iter()
            .all(|report| report.counters.publishes_received[0] == 0)
        {}
        let start = Instant::now();
        server.stop().unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "not by its timeout: {:?}",
            start.elapsed()
        );
    });
    assert_eq!(server.connections(), 0);
}

#[test]
fn dropping_a_server_stops_it() {
    let server = server(1);
    let address = server.addresses()[0];
    let mut client = Client::connected(address, "dropped");
    drop(server);
    client.wait_for_end();
    assert!(matches!(
        Server::start(Config {
            listeners: vec![Listener::at(address.to_string())],
            ..config(1)
        }),
        Ok(_) | Err(StartError::InUse { .. })
    ));
}

#[test]
fn each_worker_reports() {
    let server = server(3);
    let address = server.addresses()[0];
    let _clients: Vec<Client> = (0..30)
        .map(|n| Client::connected(address, &format!("counted{n}")))
        .collect();
    let accepted: Vec<u64> = server
        .reports()
        .iter()
        .map(|report| report.counters.connections_accepted)
        .collect();
    assert_eq!(accepted.len(), 3);
    assert_eq!(accepted.iter().sum::<u64>(), 30);
    // Client ids spread over the workers: 30 on one of three would be a chance of 3^-29.
    assert!(accepted.iter().all(|&count| count < 30), "{accepted:?}");
}
