//! When to send PINGREQ, and when to give the server up.
//!
//! Promises: on an idle connection a PINGREQ leaves at least every Keep Alive interval
//! [MQTT-3.1.2-20]; a server from which nothing at all comes is noticed within the interval plus
//! the pong time-out. Any byte from the server counts as a sign of life.

/// The clock of one network connection. Times are milliseconds of the caller's clock.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// 0: off.
    interval_ms: u64,
    pong_timeout_ms: u64,
    last_sent_ms: u64,
    last_heard_ms: u64,
    /// Since when a PINGREQ waits for its answer.
    ping_sent_ms: Option<u64>,
    /// The driver does not read at present, so silence proves nothing.
    deaf: bool,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    SendPing,
    GiveUp,
}

impl KeepAlive {
    pub(super) fn start(now_ms: u64, keep_alive_secs: u16, pong_timeout_ms: Option<u64>) -> Self {
        let interval_ms = u64::from(keep_alive_secs) * 1000;
        Self {
            interval_ms,
            pong_timeout_ms: pong_timeout_ms.unwrap_or(interval_ms),
            last_sent_ms: now_ms,
            last_heard_ms: now_ms,
            ping_sent_ms: None,
            deaf: false,
        }
    }

    pub(super) fn sent(&mut self, now_ms: u64) {
        self.last_sent_ms = now_ms;
    }

    pub(super) fn heard(&mut self, now_ms: u64) {
        self.last_heard_ms = now_ms;
    }

    pub(super) fn pong(&mut self) {
        self.ping_sent_ms = None;
    }

    /// The driver stopped reading (`true`) or reads again.
    pub(super) fn set_deaf(&mut self, now_ms: u64, deaf: bool) {
        if self.deaf && !deaf {
            self.last_heard_ms = now_ms;
        }
        self.deaf = deaf;
    }

    /// When to call [`KeepAlive::handle_timeout`] next.
    pub(super) fn next_timeout(&self) -> Option<u64> {
        if self.interval_ms == 0 {
            return None;
        }
        let idle_since = if self.deaf || self.ping_sent_ms.is_some() {
            self.last_sent_ms
        } else {
            self.last_sent_ms.min(self.last_heard_ms)
        };
        let ping_due = idle_since + self.interval_ms;
        Some(
            self.give_up_at()
                .map_or(ping_due, |give_up| give_up.min(ping_due)),
        )
    }

    /// Decides what is due at `now_ms`; a ping that is due counts as sent.
    pub(super) fn handle_timeout(&mut self, now_ms: u64) -> Due {
        if self.give_up_at().is_some_and(|at| now_ms >= at) {
            return Due::GiveUp;
        }
        if self.next_timeout().is_none_or(|at| now_ms < at) {
            return Due::Nothing;
        }
        self.last_sent_ms = now_ms;
        self.ping_sent_ms.get_or_insert(now_ms);
        Due::SendPing
    }

    fn give_up_at(&self) -> Option<u64> {
        let asked_ms = self.ping_sent_ms.filter(|_| !self.deaf)?;
        Some(asked_ms.max(self.last_heard_ms) + self.pong_timeout_ms)
    }
}
