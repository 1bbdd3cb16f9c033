//! Every bound of the core in one table: unit, default, reason, and what reaching it does.
//!
//! A queue, table or buffer that input can grow has its row here. Deliberately absent: where the
//! values come from (the configuration) and the bounds of the shell (its own table).

/// What happens to a message for a session whose queue is full [design P2].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// End the session as the standard allows: DISCONNECT 0x97, session present 0 on its return.
    #[default]
    End,
    /// The publisher waits up to `hold_timeout_millis`, then as `Reject`.
    Hold,
    /// Refuse the PUBLISH as a whole: 0x97 in 5.0, the connection is closed in 3.x.
    Reject,
    /// Drop the oldest queued message of that session, counted.
    DropOldest,
    /// Drop the new message for that session, counted.
    DropNewest,
}

/// What happens to a client that has more QoS 1 and 2 messages open than it was allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiveMaximumExcess {
    /// Its further PUBLISH packets wait; everything else goes on. Many clients need this.
    #[default]
    Pause,
    /// DISCONNECT 0x93, by the letter of the standard (5.0, section 3.3.4).
    Disconnect,
}

/// How a share group chooses the member that gets a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareStrategy {
    /// Each member in turn.
    #[default]
    RoundRobin,
    /// By chance, from a seeded sequence.
    Random,
    /// The same member as long as it can take messages.
    Sticky,
    /// By the Topic Name: one topic, one member, while the members stay the same.
    HashTopic,
    /// By the publisher's session: the same member, until the publisher begins a new session.
    HashClient,
}

/// The bounds of one broker core. `Default` is what the documentation states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CONNECT, bytes. A larger one is refused with 0x95 and closed. 64 KiB.
    pub connect_bytes_max: usize,
    /// Any other packet, bytes; said in CONNACK (5.0). A larger one ends the connection (0x95).
    /// 16 MiB: cameras publish pictures of several MB.
    pub packet_bytes_max: usize,
    /// Topic levels of a Topic Name or Filter. More: 0x90 or 0x8F, 3.x: connection closed. 128.
    pub topic_levels_max: usize,
    /// Client's Topic Alias Maximum as we tell it in CONNACK. 16.
    pub topic_alias_in_max: u16,
    /// Aliases that we use towards a client that allows them. 16.
    pub topic_alias_out_max: u16,
    /// Receive Maximum that we tell 5.0 clients; also kept for 3.x clients. 1,024.
    pub receive_maximum_in: u16,
    /// Messages in flight towards a 3.x client, and the most towards a 5.0 client. 256 and 65,535.
    pub receive_maximum_out_v3: u16,
    /// The most messages in flight towards a 5.0 client, whatever it allows. 1,024.
    pub receive_maximum_out_v5: u16,
    /// What exceeding `receive_maximum_in` does.
    pub receive_maximum_excess: ReceiveMaximumExcess,
    /// Messages queued or in flight for one session. 100,000; then `on_full`.
    pub queue_messages_max: usize,
    /// Bytes queued or in flight for one session. 128 MiB; then `on_full`.
    pub queue_bytes_max: usize,
    /// What reaching either bound of a lasting session does. A session that ends with its
    /// connection is always disconnected (0x97).
    pub on_full: OnFull,
    /// How long `OnFull::Hold` lets a publisher wait, milliseconds. 10,000.
    pub hold_timeout_millis: u64,
    /// Outbound bytes of one connection beyond which QoS 0 is dropped and QoS 1 and 2 stay
    /// queued. 256 KiB.
    pub outbound_bytes_max: usize,
    /// Packets of one paused connection that wait in order, bytes; beyond, reading stops. 64 KiB.
    pub deferred_bytes_max: usize,
    /// Packets handled for one connection in one turn before the others get theirs. 1,024.
    pub packets_per_turn_max: usize,
    /// Subscriptions of one session. More: 0x97. 50,000.
    pub subscriptions_per_session_max: usize,
    /// Sessions of one worker's share. More: CONNACK 0x97. 1,000,000.
    pub sessions_max: usize,
    /// Session Expiry Interval at most, seconds; said in CONNACK (5.0). 7 days.
    pub session_expiry_secs_max: u32,
    /// Session Expiry Interval of a 3.x session with clean session off, seconds. 7 days.
    pub session_expiry_secs_v3: u32,
    /// Keep Alive at most, seconds; 0 = as the client asks. A larger one is answered with Server
    /// Keep Alive (5.0). 0.
    pub keep_alive_secs_max: u16,
    /// Delay of a will at most, seconds. 7 days, as a session.
    pub will_delay_secs_max: u32,
    /// Retained messages of one worker's share. More: 0x97. 1,000,000.
    pub retained_messages_max: usize,
    /// Bytes of retained messages of one worker's share. More: 0x97. 1 GiB.
    pub retained_bytes_max: usize,
    /// Retained topics looked at for one subscriber in one step of its replay. 256.
    pub retained_page_topics: usize,
    /// Bytes of retained messages handed over in one step of a replay. 64 KiB (or one message).
    pub retained_page_bytes: usize,
    /// Messages read ahead for one session whose backlog does not lie in RAM. 64.
    pub read_ahead_messages: usize,
    /// Seconds after which an unacknowledged message is sent again on a live 3.x connection;
    /// 0 = never. 5.0 forbids it [MQTT-4.4.0-1].
    pub retry_interval_secs: u32,
    /// How share groups choose.
    pub share_strategy: ShareStrategy,
}

impl Limits {
    /// At so many messages a queue that was full counts as full no longer.
    pub(crate) const fn queue_messages_low(&self) -> usize {
        four_fifths(self.queue_messages_max)
    }

    /// At so many bytes a queue that was full counts as full no longer.
    pub(crate) const fn queue_bytes_low(&self) -> usize {
        four_fifths(self.queue_bytes_max)
    }
}

const fn four_fifths(number: usize) -> usize {
    number - number.div_ceil(5)
}

impl Limits {
    /// Whether a Topic Name, or a Topic Filter without its share prefix, has more levels than
    /// allowed. Nearly all are shorter than the bound has levels: those are not looked at.
    pub(crate) fn has_too_many_levels(&self, topic: &str) -> bool {
        let levels_max = self.topic_levels_max;
        topic.len() >= levels_max
            && topic.bytes().filter(|byte| *byte == b'/').count() >= levels_max
    }
}

impl Default for Limits {
    fn default() -> Self {
        const WEEK_SECS: u32 = 7 * 24 * 60 * 60;
        Self {
            connect_bytes_max: 64 * 1024,
            packet_bytes_max: 16 * 1024 * 1024,
            topic_levels_max: 128,
            topic_alias_in_max: 16,
            topic_alias_out_max: 16,
            receive_maximum_in: 1_024,
            receive_maximum_out_v3: 256,
            receive_maximum_out_v5: 1_024,
            receive_maximum_excess: ReceiveMaximumExcess::Pause,
            queue_messages_max: 100_000,
            queue_bytes_max: 128 * 1024 * 1024,
            on_full: OnFull::End,
            hold_timeout_millis: 10_000,
            outbound_bytes_max: 256 * 1024,
            deferred_bytes_max: 64 * 1024,
            packets_per_turn_max: 1_024,
            subscriptions_per_session_max: 50_000,
            sessions_max: 1_000_000,
            session_expiry_secs_max: WEEK_SECS,
            session_expiry_secs_v3: WEEK_SECS,
            keep_alive_secs_max: 0,
            will_delay_secs_max: WEEK_SECS,
            retained_messages_max: 1_000_000,
            retained_bytes_max: 1024 * 1024 * 1024,
            retained_page_topics: 256,
            retained_page_bytes: 64 * 1024,
            read_ahead_messages: 64,
            retry_interval_secs: 0,
            share_strategy: ShareStrategy::RoundRobin,
        }
    }
}
