//! The one table of configuration keys: name, values, default, reason, and what a change takes.
//!
//! The file is read by this table, `bowline check` prints it, and `docs/reference/configuration.md`
//! is written from it. Defaults are not repeated here: they are `Config::default()`.

use bowline_core::{OnFull, ReceiveMaximumExcess, ShareStrategy};

use super::Durability;
use super::key::{Key, Kind, Place, Reload, Value};
use crate::telemetry::log::{LogFormat, LogLevel};

/// No bound but that of the number's own type.
const ANY: u64 = u64::MAX;
/// For numbers that are four bytes on the wire.
const ANY_U32: u64 = u32::MAX as u64;
/// For numbers that are two bytes on the wire.
const ANY_U16: u64 = u16::MAX as u64;
/// The largest packet that MQTT can frame: five bytes of fixed header and what they can count.
const PACKET_BYTES_MOST: u64 = 268_435_460;

/// A row for a number that is always there.
macro_rules! number {
    ($name:literal, $($field:ident).+, $min:expr, $max:expr, $reload:ident, $doc:literal) => {
        Key {
            name: $name,
            kind: Kind::Number { min: $min, max: $max },
            reload: Reload::$reload,
            doc: $doc,
            absent: "",
            place: Place::Config {
                get: |config| u64::try_from(config.$($field).+).ok().map(Value::Number),
                set: |config, value| {
                    if let Value::Number(number) = value {
                        config.$($field).+ = number.try_into().expect("within the row's bounds");
                    }
                },
            },
        }
    };
}

/// A row for a number whose zero or `None` means that there is no bound.
macro_rules! bound {
    ($name:literal, $($field:ident).+, zero, $max:expr, $reload:ident, $absent:literal, $doc:literal) => {
        Key {
            name: $name,
            kind: Kind::Number { min: 1, max: $max },
            reload: Reload::$reload,
            doc: $doc,
            absent: $absent,
            place: Place::Config {
                get: |config| match config.$($field).+ {
                    0 => None,
                    number => Some(Value::Number(number.into())),
                },
                set: |config, value| {
                    if let Value::Number(number) = value {
                        config.$($field).+ = number.try_into().expect("within the row's bounds");
                    }
                },
            },
        }
    };
    ($name:literal, $($field:ident).+, none, $max:expr, $reload:ident, $absent:literal, $doc:literal) => {
        Key {
            name: $name,
            kind: Kind::Number { min: 1, max: $max },
            reload: Reload::$reload,
            doc: $doc,
            absent: $absent,
            place: Place::Config {
                get: |config| config.$($field).+.and_then(|n| n.try_into().ok()).map(Value::Number),
                set: |config, value| {
                    if let Value::Number(number) = value {
                        config.$($field).+ = number.try_into().ok();
                    }
                },
            },
        }
    };
}

/// A row for a choice between words: the words and their values, in one list.
macro_rules! choice {
    (
        $name:literal, $table:ident . $field:ident, $reload:ident,
        [$($word:literal => $value:path),+ $(,)?], $doc:literal
    ) => {
        Key {
            name: $name,
            kind: Kind::Choice(&[$($word),+]),
            reload: Reload::$reload,
            doc: $doc,
            absent: "",
            place: Place::Config {
                get: |config| Some(Value::Text(match config.$table.$field {
                    $($value => $word,)+
                }.to_owned())),
                set: |config, value| {
                    let Value::Text(word) = value else { return };
                    match word.as_str() {
                        $($word => config.$table.$field = $value,)+
                        _ => {}
                    }
                },
            },
        }
    };
}

/// Every key, section by section, in the order of the documentation.
pub static KEYS: &[Key] = &[
    Key {
        name: "listener.address",
        kind: Kind::Address,
        reload: Reload::Restart,
        doc: "Where to listen. One `[[listener]]` for each place; `0.0.0.0:1883` is every IPv4 \
              address of the machine, `[::]:1883` every IPv6 address, and each takes only its own \
              kind. Port 0 lets the system choose. The default is what clients on the same machine \
              reach, whichever address `localhost` stands for, and nobody else.",
        absent: "`127.0.0.1:1883` and `[::1]:1883`",
        place: Place::Listener {
            get: |listener| Some(Value::Text(listener.address.clone())),
            set: |listener, value| {
                if let Value::Text(address) = value {
                    listener.address = address;
                }
            },
        },
    },
    Key {
        name: "access.allow_anonymous",
        kind: Kind::Truth,
        reload: Reload::NewConnections,
        doc: "Whether clients that nobody has authenticated may connect from other machines. \
              Without it, listening on an address that other machines reach is refused.",
        absent: "",
        place: Place::Config {
            get: |config| Some(Value::Truth(config.access.allow_anonymous)),
            set: |config, value| {
                if let Value::Truth(truth) = value {
                    config.access.allow_anonymous = truth;
                }
            },
        },
    },
    choice!(
        "journal.durability", journal.durability, Restart,
        ["disk" => Durability::Disk, "os" => Durability::Os, "memory" => Durability::Memory],
        "What an acknowledgement is worth. `disk`: the message is on stable storage or was \
         acknowledged by everybody it was for. `os`: as `disk`, but written without a sync. \
         `memory`: the message is in RAM and lost when the broker stops. Only `memory` is there \
         in this version; the others are refused, not ignored."
    ),
    Key {
        name: "journal.directory",
        kind: Kind::Directory,
        reload: Reload::Restart,
        doc: "Where the data lies. Not used with durability `memory`.",
        absent: "`$XDG_DATA_HOME/bowline`, or `~/.local/share/bowline`",
        place: Place::Config {
            get: |config| {
                let directory = config.journal.directory.as_ref()?;
                Some(Value::Text(directory.to_string_lossy().into_owned()))
            },
            set: |config, value| {
                if let Value::Text(path) = value {
                    config.journal.directory = Some(path.into());
                }
            },
        },
    },
    bound!(
        "limits.connections_max",
        shell.connections_max,
        none,
        ANY_U32,
        NewConnections,
        "the open files that the system allows, less 128",
        "Connections at once, those that have not sent their CONNECT included. Further ones are \
         closed as they come."
    ),
    number!(
        "limits.connect_timeout_secs",
        shell.connect_timeout_secs,
        1,
        3_600,
        NewConnections,
        "How long a connection may take to send its whole CONNECT. Then it is closed without an \
         answer: whoever says nothing holds a place that others need."
    ),
    number!(
        "limits.half_open_connections_max",
        shell.half_open_max,
        1,
        ANY_U32,
        Restart,
        "Connections that have not sent their CONNECT yet. One more drops the oldest."
    ),
    number!(
        "limits.half_open_bytes_max",
        shell.half_open_bytes_max,
        1_024,
        ANY,
        Restart,
        "Bytes held for such connections together. More drops the oldest."
    ),
    number!(
        "limits.connect_bytes_max",
        limits.connect_bytes_max,
        64,
        PACKET_BYTES_MOST,
        Restart,
        "The largest CONNECT, will and password included. A larger one is refused (0x95): nobody \
         knows yet who sends it."
    ),
    number!(
        "limits.packet_bytes_max",
        limits.packet_bytes_max,
        64,
        PACKET_BYTES_MOST,
        Restart,
        "The largest packet of any other kind; said to 5.0 clients in CONNACK. A larger one ends \
         the connection (0x95). The default leaves room for cameras that publish pictures. Memory \
         follows the bytes that have arrived, not the length that a packet claims."
    ),
    number!(
        "limits.topic_levels_max",
        limits.topic_levels_max,
        1,
        65_536,
        Restart,
        "Levels of a topic name or filter (`a/b/c` has three). More is refused (0x90, 0x8f; 3.x: \
         connection closed)."
    ),
    bound!(
        "limits.keep_alive_secs_max",
        limits.keep_alive_secs_max,
        zero,
        ANY_U16,
        Restart,
        "as the client asks",
        "The longest Keep Alive. A client that asks for more is told this one (5.0 only)."
    ),
    number!(
        "limits.sessions_max",
        limits.sessions_max,
        1,
        ANY_U32,
        Restart,
        "Sessions of one worker, those of absent clients included. A client that needs one more \
         is refused (0x97)."
    ),
    number!(
        "limits.outbound_bytes_max",
        limits.outbound_bytes_max,
        1_024,
        ANY_U32,
        Restart,
        "Bytes that wait for one slow reader. Beyond, QoS 0 messages to it are dropped and \
         counted, and others stay in its queue. It slows nobody else down."
    ),
    number!(
        "limits.deferred_bytes_max",
        limits.deferred_bytes_max,
        1_024,
        ANY_U32,
        Restart,
        "Packets of one client that was told to wait, held in order while its acknowledgements \
         still take effect. Beyond, nothing more is read from it."
    ),
    number!(
        "session.expiry_secs_max",
        limits.session_expiry_secs_max,
        0,
        ANY_U32,
        Restart,
        "The longest Session Expiry Interval; said to 5.0 clients in CONNACK. A week, so that a \
         device may be away over the holidays, and a forgotten one does not stay for ever."
    ),
    number!(
        "session.expiry_v3_secs",
        limits.session_expiry_secs_v3,
        0,
        ANY_U32,
        Restart,
        "How long the session of a 3.1 or 3.1.1 client with clean session off outlasts its \
         connection; these versions cannot say it themselves."
    ),
    number!(
        "session.queue_messages_max",
        limits.queue_messages_max,
        1,
        ANY_U32,
        Restart,
        "Messages queued or in flight for one session; then `session.on_full`."
    ),
    number!(
        "session.queue_bytes_max",
        limits.queue_bytes_max,
        1_024,
        ANY,
        Restart,
        "Bytes queued or in flight for one session; then `session.on_full`."
    ),
    choice!(
        "session.on_full", limits.on_full, Restart,
        [
            "end" => OnFull::End,
            "hold" => OnFull::Hold,
            "reject" => OnFull::Reject,
            "drop-oldest" => OnFull::DropOldest,
            "drop-newest" => OnFull::DropNewest,
        ],
        "What a full queue does. `end`: the session ends, and its client is told so when it comes \
         back; nobody else suffers for a forgotten client. `hold`: publishers to it wait, then as \
         `reject`. `reject`: such publishes are refused (0x97; 3.x: connection closed). \
         `drop-oldest`, `drop-newest`: a message is dropped, counted and logged."
    ),
    number!(
        "session.hold_timeout_millis",
        limits.hold_timeout_millis,
        1,
        ANY_U32,
        Restart,
        "How long `on_full = \"hold\"` lets a publisher wait."
    ),
    number!(
        "session.subscriptions_max",
        limits.subscriptions_per_session_max,
        1,
        ANY_U32,
        Restart,
        "Subscriptions of one session. More is refused (0x97). Home automation needs thousands."
    ),
    number!(
        "session.receive_maximum",
        limits.receive_maximum_in,
        1,
        ANY_U16,
        Restart,
        "QoS 1 and 2 messages that a client may have open towards us; said to 5.0 clients in \
         CONNACK."
    ),
    choice!(
        "session.receive_maximum_excess", limits.receive_maximum_excess, Restart,
        [
            "pause" => ReceiveMaximumExcess::Pause,
            "disconnect" => ReceiveMaximumExcess::Disconnect,
        ],
        "What a client meets that has more open than that. `pause`: its further publishes wait, \
         since many clients do not count. `disconnect`: 0x93, by the letter of the standard."
    ),
    number!(
        "session.inflight_v3_messages_max",
        limits.receive_maximum_out_v3,
        1,
        ANY_U16,
        Restart,
        "QoS 1 and 2 messages that we have open towards a 3.1 or 3.1.1 client."
    ),
    number!(
        "session.inflight_v5_messages_max",
        limits.receive_maximum_out_v5,
        1,
        ANY_U16,
        Restart,
        "QoS 1 and 2 messages that we have open towards a 5.0 client, if its own Receive Maximum \
         is not smaller."
    ),
    number!(
        "session.read_ahead_messages_max",
        limits.read_ahead_messages,
        1,
        ANY_U32,
        Restart,
        "Messages read ahead for a session whose backlog does not lie in RAM."
    ),
    number!(
        "session.topic_aliases_in_max",
        limits.topic_alias_in_max,
        0,
        ANY_U16,
        Restart,
        "Topic aliases that a 5.0 client may use towards us."
    ),
    number!(
        "session.topic_aliases_out_max",
        limits.topic_alias_out_max,
        0,
        ANY_U16,
        Restart,
        "Topic aliases that we use towards a 5.0 client that allows them."
    ),
    number!(
        "session.will_delay_secs_max",
        limits.will_delay_secs_max,
        0,
        ANY_U32,
        Restart,
        "The longest delay of a will."
    ),
    choice!(
        "share.strategy", limits.share_strategy, Restart,
        [
            "round-robin" => ShareStrategy::RoundRobin,
            "random" => ShareStrategy::Random,
            "sticky" => ShareStrategy::Sticky,
            "hash-topic" => ShareStrategy::HashTopic,
            "hash-client" => ShareStrategy::HashClient,
        ],
        "How a shared subscription (`$share/…`) chooses the member that gets a message. \
         `hash-topic` keeps the messages of one topic with one member, `hash-client` those of one \
         publisher. A member with a full window is passed over in any case."
    ),
    number!(
        "retain.messages_max",
        limits.retained_messages_max,
        0,
        ANY_U32,
        Restart,
        "Retained messages of one worker. More is refused (0x97)."
    ),
    number!(
        "retain.bytes_max",
        limits.retained_bytes_max,
        0,
        ANY,
        Restart,
        "Bytes of retained messages of one worker. More is refused (0x97)."
    ),
    number!(
        "retain.page_topics_max",
        limits.retained_page_topics,
        1,
        ANY_U32,
        Restart,
        "Retained topics looked at for one new subscriber before others get their turn."
    ),
    number!(
        "retain.page_bytes_max",
        limits.retained_page_bytes,
        1,
        ANY_U32,
        Restart,
        "Bytes of retained messages given to one new subscriber before others get their turn."
    ),
    bound!(
        "retry.interval_secs",
        limits.retry_interval_secs,
        zero,
        ANY_U32,
        Restart,
        "never",
        "After how long a message that a 3.1 or 3.1.1 client has not acknowledged is sent again \
         on the same connection. TCP has delivered it already; only clients that forget need \
         this, and 5.0 forbids it."
    ),
    bound!(
        "workers.count",
        workers.count,
        none,
        64,
        Restart,
        "one per processor",
        "Threads that serve clients. A client belongs to one of them by its client id."
    ),
    number!(
        "workers.reads_per_turn_max",
        shell.reads_per_turn_max,
        1,
        1_024,
        Restart,
        "Reads of 64 KiB from one connection before the others get their turn."
    ),
    number!(
        "workers.packets_per_turn_max",
        limits.packets_per_turn_max,
        1,
        ANY_U32,
        Restart,
        "Packets handled for one connection before the others get their turn."
    ),
    number!(
        "workers.mailbox_bytes_max",
        shell.mailbox_bytes_max,
        1_024,
        ANY_U32,
        Restart,
        "Bytes on their way from one worker to one other. Beyond, the sender reads no sockets \
         until the other has caught up."
    ),
    number!(
        "tcp.keep_alive_idle_secs",
        shell.tcp_keep_alive_idle_secs,
        1,
        32_767,
        NewConnections,
        "Silence on a connection before TCP itself asks whether the other machine is still \
         there. Finds clients that vanished behind a router although they use no Keep Alive."
    ),
    number!(
        "tcp.keep_alive_interval_secs",
        shell.tcp_keep_alive_interval_secs,
        1,
        32_767,
        NewConnections,
        "Time between two such questions."
    ),
    number!(
        "tcp.keep_alive_probes_max",
        shell.tcp_keep_alive_probes_max,
        1,
        127,
        NewConnections,
        "Unanswered questions after which the connection counts as broken."
    ),
    number!(
        "tcp.linger_millis",
        shell.linger_millis,
        0,
        60_000,
        NewConnections,
        "How long a client that we disconnect may take to read why."
    ),
    number!(
        "tcp.lingering_connections_max",
        shell.lingering_max,
        1,
        ANY_U32,
        NewConnections,
        "Connections of one worker that linger so at once. One more drops the oldest."
    ),
    number!(
        "stop.timeout_millis",
        shell.stop_timeout_millis,
        0,
        3_600_000,
        Live,
        "How long a graceful stop may take. Then what is left is dropped."
    ),
    choice!(
        "log.level", log.level, Live,
        [
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
        ],
        "How much is said on stderr. `info` tells who comes and goes."
    ),
    choice!(
        "log.format", log.format, Restart,
        ["text" => LogFormat::Text, "json" => LogFormat::Json],
        "How a line looks: for people, or one JSON object with the same keys."
    ),
];

/// The row of a key.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests;
