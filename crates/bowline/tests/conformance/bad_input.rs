//! How bad input is tried: one row at a time, on a connection of its own, beside a neighbour.
//!
//! The tables stand in the files `bad_*.rs`. For each row and version the broker must say the right
//! thing for the version and close, and the neighbour on the same broker must not notice.

use crate::client::{Client, Next};
use crate::harness::{Broker, on_each};
use crate::wire::{Packet, Publish, V5, Version};

/// Bad bytes on a connection that is otherwise in order.
pub(crate) struct Row {
    /// What is wrong, with the statements that the row holds.
    pub(crate) what: &'static str,
    pub(crate) versions: &'static [Version],
    pub(crate) bytes: fn(Version) -> Vec<u8>,
    /// The codes of 5.0 that are right; none if silence is the only answer.
    pub(crate) codes: &'static [u8],
}

impl Row {
    pub(crate) const fn new(
        what: &'static str,
        versions: &'static [Version],
        codes: &'static [u8],
        bytes: fn(Version) -> Vec<u8>,
    ) -> Self {
        Self {
            what,
            versions,
            bytes,
            codes,
        }
    }
}

/// Tries each row on a connection that has been accepted. 5.0 hears a DISCONNECT.
pub(crate) fn try_connected(rows: &[Row]) {
    try_each(rows, |broker, version| broker.client(version));
}

/// Tries each row as the first bytes of a connection. 5.0 hears a CONNACK.
pub(crate) fn try_first(rows: &[Row]) {
    try_each(rows, Broker::open);
}

fn try_each(rows: &[Row], open: fn(&Broker, Version) -> Client) {
    on_each(|broker| {
        let mut neighbour = broker.client(V5);
        let topic = broker.name();
        neighbour.subscribe(&topic, 1);
        let mut wrong = Vec::new();
        for row in rows {
            for &version in row.versions {
                let mut client = open(broker, version);
                client.send_if_open(&(row.bytes)(version));
                if let Err(why) = answer(broker, &mut client, row) {
                    wrong.push(format!("{}, {version:?}: {why}", row.what));
                }
                // The neighbour's round trip.
                neighbour.publish(Publish::new(&topic, 0, row.what));
                assert_eq!(neighbour.message().text(), row.what);
            }
        }
        assert!(
            wrong.is_empty(),
            "{} rows:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    });
}

/// Whether the broker answers as the row says. Another broker may close without the code.
fn answer(broker: &Broker, client: &mut Client, row: &Row) -> Result<(), String> {
    let said = match client.next_within(std::time::Duration::from_secs(4)) {
        None => return Err("neither answered nor closed".to_owned()),
        Some(Next::Closed) => None,
        Some(Next::Packet(
            Packet::Disconnect { code, .. }
            | Packet::ConnAck {
                session_present: false,
                code,
                ..
            },
        )) => Some(code),
        Some(Next::Packet(other)) => return Err(format!("answered with {other:?}")),
    };
    let may_speak = client.version == V5 && !row.codes.is_empty();
    match said {
        None if may_speak && broker.is_ours => return Err("closed without a word".to_owned()),
        None => return Ok(()),
        Some(code) if !may_speak => return Err(format!("said {code:#04x} before closing")),
        Some(code) if !row.codes.contains(&code) => return Err(format!("said {code:#04x}")),
        Some(_) => {}
    }
    match client.next_within(std::time::Duration::from_secs(4)) {
        Some(Next::Closed) => Ok(()),
        None => Err("said so, but did not close".to_owned()),
        Some(Next::Packet(other)) => Err(format!("went on with {other:?}")),
    }
}
