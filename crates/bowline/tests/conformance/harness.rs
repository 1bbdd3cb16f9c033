//! The broker under test: our own in this process, or any other by its address.
//!
//! `BOWLINE_TEST_ADDRESS=HOST:PORT` names a broker that is already running; then the knobs have no
//! effect and each test runs once. Otherwise each test gets brokers of its own with 1, 2 and 4
//! workers. This file alone knows how a broker is started.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bowline::config::{Config, Listener};
use bowline::server::Server;
use bowline_core::ReceiveMaximumExcess;

/// Numbers of workers that every test runs with.
const WORKERS: [usize; 3] = [1, 2, 4];

/// Names another broker to test, as `HOST:PORT`.
const ADDRESS: &str = "BOWLINE_TEST_ADDRESS";

/// What a test asks for beyond the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Knobs {
    /// A client that exceeds our Receive Maximum is disconnected, as the standard's letter has it;
    /// by default it is paused.
    pub(crate) disconnect_on_excess: bool,
    /// The longest keep alive that clients get; by default what they ask for.
    pub(crate) keep_alive_secs_max: Option<u16>,
}

/// A broker that runs as long as this value lives.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    /// Whether it is ours, with its defaults and the knobs in force.
    pub(crate) is_ours: bool,
}

impl Broker {
    /// A name that no other test on this machine uses, for client ids and first topic levels.
    /// At most 20 bytes of letters and digits, which MQTT 3.1 accepts too.
    pub(crate) fn name(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("n{:x}x{count}", std::process::id())
    }
}

/// Runs a test on a broker with each number of workers.
pub(crate) fn on_each(test: impl Fn(&Broker) + Sync) {
    on_each_with(Knobs::default(), test);
}

/// The same with knobs turned.
pub(crate) fn on_each_with(knobs: Knobs, test: impl Fn(&Broker) + Sync) {
    if let Some(broker) = elsewhere() {
        return test(&broker);
    }
    std::thread::scope(|scope| {
        for workers in WORKERS {
            let test = &test;
            // The name of the thread is what a failure shows first.
            std::thread::Builder::new()
                .name(format!("workers = {workers}"))
                .spawn_scoped(scope, move || {
                    let (broker, _server) = in_process(workers, knobs);
                    test(&broker);
                })
                .expect("a thread for each number of workers");
        }
    });
}

fn elsewhere() -> Option<Broker> {
    let address = std::env::var(ADDRESS).ok()?;
    let mut found = address.to_socket_addrs().expect("the address is HOST:PORT");
    let address = found.next().expect("the address leads somewhere");
    Some(Broker {
        address,
        is_ours: false,
    })
}

/// A broker of ours on a free port, and what keeps it running.
fn in_process(workers: usize, knobs: Knobs) -> (Broker, Server) {
    let mut config = Config {
        listeners: vec![Listener::at("127.0.0.1:0")],
        ..Config::default()
    };
    config.workers.count = Some(workers);
    if knobs.disconnect_on_excess {
        config.limits.receive_maximum_excess = ReceiveMaximumExcess::Disconnect;
    }
    if let Some(secs) = knobs.keep_alive_secs_max {
        config.limits.keep_alive_secs_max = secs;
    }
    let server = Server::start(config).expect("nothing is in the way of port 0");
    (
        Broker {
            address: server.addresses()[0],
            is_ours: true,
        },
        server,
    )
}

/// Lets protocol time pass where the standard gives no event to wait for.
pub(crate) fn let_pass(time: Duration) {
    std::thread::sleep(time);
}
