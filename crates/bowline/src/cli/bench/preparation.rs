//! What must be known and in place before a scenario can begin.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::cast::{Manner, WindowBy};
use super::engine::transport::congestion_control;
use super::options::Scenario;
use super::process::Processes;
use crate::net::listener::resolve;

/// How the clients of a scenario behave. Looks for the broker: a name may stand for several
/// addresses, and the first that answers is taken.
pub(super) fn manner(scenario: &Scenario) -> Result<Manner, String> {
    let common = scenario.common();
    let random = getrandom::u32().map_err(|why| format!("cannot get random numbers: {why}"))?;
    let [high, low, ..] = random.to_be_bytes();
    Ok(Manner {
        run: u16::from_be_bytes([high, low]),
        address: find(&common.host, common.port, common.raw)?,
        version: common.version(),
        username: common.username.clone(),
        password: common.password.clone(),
        qos: common.qos,
        retain: matches!(scenario, Scenario::Retained { .. }),
        payload_bytes: common.payload_bytes(),
        window: common.window(),
        window_by: common.window_by(),
        is_lasting: common.lasting,
        is_raw: common.raw,
        gather: Duration::from_micros(common.gather),
        filters_per_subscribe: match scenario {
            Scenario::Filters {
                filters_per_subscribe,
                ..
            } => usize::try_from(*filters_per_subscribe).expect("32 bits fit"),
            Scenario::OneToOne { .. }
            | Scenario::FanOut { .. }
            | Scenario::FanIn { .. }
            | Scenario::Shared { .. }
            | Scenario::Connect { .. }
            | Scenario::Retained { .. }
            | Scenario::Offline { .. } => 1,
        },
    })
}

/// The address of the broker. A relay counts connections, so it is not tried.
fn find(host: &str, port: u16, is_raw: bool) -> Result<SocketAddr, String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let place = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let addresses = resolve(&place).map_err(|why| format!("cannot find `{place}`: {why}"))?;
    if is_raw && let Some(address) = addresses.first() {
        return Ok(*address);
    }
    let mut last = "the name stands for no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(address),
            Err(why) => last = why.to_string(),
        }
    }
    Err(format!(
        "cannot connect to {place}: {last}\nhint: start a broker, or say where it is with `-h` and \
         `-p`"
    ))
}

/// Raises the limit of open files, and refuses what still does not fit.
pub(super) fn make_room_for_descriptors(scenario: &Scenario) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// For everything that is not a connection.
    const RESERVE: u64 = 64;
    let (publishers, subscribers) = scenario.clients();
    let needed = u64::from(publishers) + u64::from(subscribers) + RESERVE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    if in_force.is_none_or(|most| most >= needed) {
        return Ok(());
    }
    Err(format!(
        "{needed} files would have to be open, and the system allows {}\nhint: raise it with \
         `ulimit -n`, or use fewer clients",
        in_force.unwrap_or(0)
    ))
}

/// The values in force, for people and machines.
pub(super) fn settings(
    scenario: &Scenario,
    manner: &Manner,
    processes: Option<&Processes>,
) -> Vec<(&'static str, Value)> {
    let common = scenario.common();
    let (publishers, subscribers) = scenario.clients();
    let mut settings = vec![
        ("MQTT", json!(manner.version.to_string())),
        ("QoS", json!(manner.qos as u8)),
        ("publishers", json!(publishers)),
        ("subscribers", json!(subscribers)),
        ("payload", json!(manner.payload_bytes)),
    ];
    match common.rate {
        Some(rate) => settings.push(("rate", json!(rate))),
        None => settings.push(("window", json!(manner.window))),
    }
    if manner.window_by == WindowBy::Acknowledgement {
        settings.push(("window-by", json!("acknowledgement")));
    }
    match *scenario {
        Scenario::Filters { filters, .. } => settings.push(("filters", json!(filters))),
        Scenario::Retained { topics, .. } => settings.push(("topics", json!(topics))),
        Scenario::OneToOne { .. }
        | Scenario::FanOut { .. }
        | Scenario::FanIn { .. }
        | Scenario::Shared { .. }
        | Scenario::Connect { .. }
        | Scenario::Offline { .. } => {}
    }
    if common.threads > 1 {
        settings.push(("threads", json!(common.threads)));
    }
    if common.gather > 0 {
        settings.push(("gather-us", json!(common.gather)));
    }
    if manner.is_lasting {
        settings.push(("sessions", json!("lasting")));
    }
    if let Some(name) = congestion_control() {
        settings.push(("congestion", json!(name)));
    }
    if let Some(processes) = processes {
        settings.push(("pids", json!(processes.pids())));
    }
    settings
}
