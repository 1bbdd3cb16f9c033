//! Every bound of the shell in one table: unit, default, reason, and what reaching it does.
//!
//! The bounds of what clients may do in MQTT are the core's ([`bowline_core::Limits`]); here stand
//! those of sockets, buffers and mailboxes. Deliberately absent: where the values come from (the
//! configuration) and constants that nobody needs to turn (beside the code that they belong to).

use std::time::Duration;

/// The bounds of the shell. `Default` is what the documentation states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellLimits {
    /// Connections at once, those before their CONNECT included. More are closed as they come.
    /// `None`: the descriptors that the process may open, less a reserve.
    pub connections_max: Option<usize>,
    /// Time from accept to a whole CONNECT, seconds. Then the connection is closed without an
    /// answer [MQTT-3.1.4-1]. 5.
    pub connect_timeout_secs: u64,
    /// Connections that have not sent their CONNECT yet. One more drops the oldest. 10,000.
    pub half_open_max: usize,
    /// Bytes held for such connections. More drops the oldest. 64 MiB.
    pub half_open_bytes_max: usize,
    /// Reads from one connection in one turn of its worker before the others get theirs. 4.
    pub reads_per_turn_max: usize,
    /// Bytes on their way from one worker to one other. Over it the sending worker reads no
    /// sockets until the other has caught up. 4 MiB.
    pub mailbox_bytes_max: usize,
    /// Silence on a connection before TCP itself asks whether the peer is still there, seconds.
    /// Finds dead peers behind NAT whose clients use no Keep Alive. 60.
    pub tcp_keep_alive_idle_secs: u64,
    /// Time between two such questions, seconds. 15.
    pub tcp_keep_alive_interval_secs: u64,
    /// Unanswered questions after which the connection counts as broken. 4.
    pub tcp_keep_alive_probes_max: u32,
    /// How long a connection that we closed may take to read our last words, milliseconds. 2,000.
    pub linger_millis: u64,
    /// Connections that linger so at once, per worker. One more drops the oldest. 1,024.
    pub lingering_max: usize,
    /// How long a graceful stop may take, milliseconds; then what is left is dropped. 5,000.
    pub stop_timeout_millis: u64,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self {
            connections_max: None,
            connect_timeout_secs: 5,
            half_open_max: 10_000,
            half_open_bytes_max: 64 * 1024 * 1024,
            reads_per_turn_max: 4,
            mailbox_bytes_max: 4 * 1024 * 1024,
            tcp_keep_alive_idle_secs: 60,
            tcp_keep_alive_interval_secs: 15,
            tcp_keep_alive_probes_max: 4,
            linger_millis: 2_000,
            lingering_max: 1_024,
            stop_timeout_millis: 5_000,
        }
    }
}

impl ShellLimits {
    /// Time from accept to a whole CONNECT.
    pub(crate) const fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_secs)
    }
}
