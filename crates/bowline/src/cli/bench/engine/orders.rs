//! What an engine can be told to do, one thing after the other, and what it answers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::latency::Latency;
use super::connection::{Role, Stage};
use super::publisher::Task;
use super::{Engine, Transport, Verdict, Wish};
use bowline_packet::QoS;
use mio::Token;

/// Which clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Side {
    Publishers,
    Subscribers,
    /// A subscriber, its publisher, the next subscriber, …
    Pairs,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(in super::super) enum Order {
    /// Connect, at most so many at a time.
    Connect {
        side: Side,
        wish: Wish,
        at_once: usize,
    },
    /// Publish until told to stop, or so many messages of all engines together; then wait until all is answered and
    /// delivered.
    Publish {
        messages: Option<u64>,
        /// Messages a second of all publishers of this engine.
        rate: Option<f64>,
    },
    /// Wait until everything that was sent is delivered.
    Receive,
    /// Stay connected and do nothing.
    Hold(Duration),
    /// Say goodbye.
    Disconnect(Side),
    /// Remove the retained messages of the publishers.
    Erase,
    /// Judge what was received.
    Judge,
}

/// How an order went.
#[derive(Debug)]
pub(in super::super) struct Answer {
    /// What went wrong, if something did.
    pub(in super::super) failure: Option<String>,
    /// Nothing moved any more before all was done.
    pub(in super::super) is_stalled: bool,
    /// When something last moved, nanoseconds.
    pub(in super::super) progress_ns: u64,
    /// What was recorded since the last order.
    pub(in super::super) latency: Latency,
    pub(in super::super) handshakes: Latency,
    pub(in super::super) verdict: Verdict,
}

impl Engine {
    /// Does it. `patience` is how long nothing may move.
    pub(in super::super) fn obey(&mut self, order: &Order, patience: Duration) -> Answer {
        self.desk.failure = None;
        self.tick();
        self.desk.progress_ns = self.desk.now_ns;
        let done = match order {
            Order::Connect {
                side,
                wish,
                at_once,
            } => self.connect(*side, *wish, *at_once, patience),
            Order::Publish { messages, rate } => self.publish_all(*messages, *rate, patience),
            Order::Receive => self.receive_all(patience),
            Order::Hold(time) => self.hold(*time),
            Order::Disconnect(side) => self.disconnect(*side),
            Order::Erase => self.erase(patience),
            Order::Judge => Ok(true),
        };
        let (is_stalled, failed) = match done {
            Ok(is_done) => (!is_done, None),
            Err(why) => (true, Some(why)),
        };
        let verdict = match order {
            Order::Judge => self.judge(),
            Order::Connect { .. }
            | Order::Publish { .. }
            | Order::Receive
            | Order::Hold(_)
            | Order::Disconnect(_)
            | Order::Erase => Verdict::default(),
        };
        Answer {
            failure: self.desk.failure.take().or(failed),
            is_stalled,
            progress_ns: self.desk.progress_ns,
            latency: self.desk.latency.take(),
            handshakes: self.desk.handshakes.take(),
            verdict,
        }
    }

    /// Nothing has moved for too long.
    fn is_stuck(&self, patience: Duration) -> bool {
        let still_ns = self.desk.now_ns.saturating_sub(self.desk.progress_ns);
        Duration::from_nanos(still_ns) > patience
    }

    /// The clients of a side, in the order in which they connect.
    fn members(&self, side: Side) -> Vec<usize> {
        let (publishers, all) = (self.publishers, self.connections.len());
        match side {
            Side::Publishers => (0..publishers).collect(),
            Side::Subscribers => (publishers..all).collect(),
            Side::Pairs => (0..publishers.max(all - publishers))
                .flat_map(|at| [publishers + at, at])
                .filter(|&at| at < all)
                .collect(),
        }
    }

    fn connect(
        &mut self,
        side: Side,
        wish: Wish,
        at_once: usize,
        patience: Duration,
    ) -> Result<bool, String> {
        let mut waiting = self.members(side).into_iter().peekable();
        self.desk.handshaking = 0;
        loop {
            while self.desk.handshaking < at_once
                && let Some(at) = waiting.next()
            {
                self.open(at, wish)?;
            }
            if self.desk.failure.is_some() {
                return Ok(false);
            }
            if self.desk.handshaking == 0 && waiting.peek().is_none() {
                return Ok(true);
            }
            if self.is_stuck(patience) {
                let open = self.desk.handshaking;
                return Err(format!("the broker does not answer {open} connections"));
            }
            self.turn(Duration::MAX)?;
        }
    }

    fn open(&mut self, at: usize, wish: Wish) -> Result<(), String> {
        let connection = &mut self.connections[at];
        let address = self.manner.address;
        let transport = Transport::open(address, self.poll.registry(), Token(at))
            .map_err(|why| format!("cannot connect to {address}: {why}"))?;
        connection.transport = Some(transport);
        connection.stage = Stage::Opening;
        connection.wish = wish;
        self.tick();
        // Zero means that the handshake is over.
        self.connections[at].began_ns = self.desk.now_ns.max(1);
        self.desk.handshaking += 1;
        Ok(())
    }

    fn publish_all(
        &mut self,
        messages: Option<u64>,
        rate: Option<f64>,
        patience: Duration,
    ) -> Result<bool, String> {
        let mut schedule = self.begin(messages, rate);
        let mut is_stopped = false;
        loop {
            if !is_stopped && self.signals.is_stopping.load(Ordering::Relaxed) {
                is_stopped = true;
                for connection in &mut self.connections[..self.publishers] {
                    if let Some(publisher) = connection.publisher() {
                        publisher.stop();
                    }
                }
                // Who was told to stop may owe a barrier.
                (0..self.publishers).for_each(|at| self.desk.mark(at));
            }
            let wait = match &mut schedule {
                Some(schedule) if !is_stopped => self.make_due(schedule),
                Some(_) | None => Duration::MAX,
            };
            if self.all_sent() && self.all_settled() {
                return Ok(true);
            }
            if self.is_stuck(patience) {
                return Ok(false);
            }
            if rate.is_none() && !self.manner.gather.is_zero() {
                std::thread::sleep(self.manner.gather);
            }
            self.turn(wait)?;
        }
    }

    /// Gives every publisher its task.
    fn begin(&mut self, messages: Option<u64>, rate: Option<f64>) -> Option<Schedule> {
        let publishers = self.publishers;
        let (engine, engines) = self.part;
        let messages = messages.map(|all| all / engines + u64::from(engine < all % engines));
        let count = u64::try_from(publishers).unwrap_or(u64::MAX);
        let schedule = rate.map(|rate| Schedule {
            start_ns: exact(self.desk.now_ns),
            interval_ns: 1e9 / rate,
            next: 0,
        });
        let needs_barrier = self.copies == 0 && self.manner.qos == QoS::AtMostOnce;
        for at in 0..publishers {
            let number = u64::try_from(at).unwrap_or(u64::MAX);
            let share = messages.map(|all| all / count + u64::from(number < all % count));
            let pace = schedule.as_ref().map(|schedule| {
                let first_ns = schedule.start_ns + exact(number) * schedule.interval_ns;
                (first_ns, schedule.interval_ns * exact(count))
            });
            if let Some(publisher) = self.connections[at].publisher() {
                publisher.begin(Task {
                    messages: share,
                    pace,
                    needs_barrier,
                });
            }
            self.desk.mark(at);
        }
        schedule
    }

    /// Hands out what is due; returns the time until the next is.
    fn make_due(&mut self, schedule: &mut Schedule) -> Duration {
        self.tick();
        loop {
            let due_ns = schedule.start_ns + exact(schedule.next) * schedule.interval_ns;
            let wait_ns = due_ns - exact(self.desk.now_ns);
            if wait_ns > 0.0 {
                let wait = Duration::from_nanos(1) + Duration::from_secs_f64(wait_ns / 1e9);
                return self.alarm.ring_in(wait);
            }
            let count = u64::try_from(self.publishers.max(1)).unwrap_or(1);
            let at = usize::try_from(schedule.next % count).unwrap_or(0);
            if let Some(publisher) = self.connections[at].publisher() {
                publisher.due += 1;
            }
            self.desk.mark(at);
            schedule.next += 1;
        }
    }

    fn all_sent(&mut self) -> bool {
        self.connections[..self.publishers]
            .iter_mut()
            .all(|connection| {
                !connection.is_there()
                    || !connection.is_blocked()
                        && connection
                            .publisher()
                            .is_none_or(|publisher| publisher.is_done())
            })
    }

    fn all_settled(&mut self) -> bool {
        let copies = self.copies;
        let are_delivered = copies == 0
            || self
                .desk
                .flows
                .iter()
                .all(|flow| flow.released >= flow.sent * copies);
        are_delivered
            && self.connections[..self.publishers]
                .iter_mut()
                .all(|connection| {
                    !connection.is_there()
                        || connection
                            .publisher()
                            .is_none_or(|publisher| publisher.is_answered())
                })
    }

    fn receive_all(&mut self, patience: Duration) -> Result<bool, String> {
        loop {
            let verdict = self.judge();
            if self.desk.counts.fresh >= verdict.expected {
                return Ok(true);
            }
            // Judging is dear: only when the count says that it may be enough.
            while self.desk.counts.fresh < verdict.expected {
                if self.is_stuck(patience) {
                    return Ok(false);
                }
                self.turn(Duration::MAX)?;
            }
        }
    }

    fn hold(&mut self, time: Duration) -> Result<bool, String> {
        let until = Instant::now() + time;
        while let Some(wait) = until.checked_duration_since(Instant::now()) {
            self.turn(wait)?;
        }
        Ok(true)
    }

    fn disconnect(&mut self, side: Side) -> Result<bool, String> {
        for at in self.members(side) {
            if self.connections[at].is_there() {
                if self.manner.is_raw {
                    self.connections[at].close(Stage::Absent);
                } else {
                    self.connections[at].disconnect(self.manner.version);
                }
            }
        }
        Ok(true)
    }

    /// An empty retained message removes the one that is there [MQTT-3.3.1-6].
    fn erase(&mut self, patience: Duration) -> Result<bool, String> {
        let version = self.manner.version;
        for connection in &mut self.connections[..self.publishers] {
            let packets = connection
                .publisher()
                .map_or_else(|| Ok(Vec::new()), |publisher| publisher.erasure(version))?;
            connection.send(&packets);
        }
        loop {
            if self.all_sent() && self.all_settled() {
                return Ok(true);
            }
            if self.is_stuck(patience) {
                return Ok(false);
            }
            self.turn(Duration::MAX)?;
        }
    }

    /// What was due and what of it never came.
    fn judge(&self) -> Verdict {
        let flows = &self.desk.flows;
        let (mut is_shared, mut verdict) = (false, Verdict::default());
        for connection in &self.connections[self.publishers..] {
            match &connection.role {
                Role::Subscriber(subscriber) => {
                    is_shared |= subscriber.is_sharing();
                    let own = subscriber.verdict(flows);
                    verdict = [verdict, own].into_iter().sum();
                }
                Role::Publisher(_) => {}
            }
        }
        if is_shared {
            let group = flows
                .iter()
                .zip(&self.desk.seen)
                .map(|(flow, seen)| Verdict {
                    expected: flow.sent,
                    lost: seen.missing(flow.sent),
                });
            verdict = group.chain([verdict]).sum();
        }
        verdict
    }
}

/// An open loop: when the messages of all publishers are due, in turn.
#[derive(Debug)]
struct Schedule {
    start_ns: f64,
    interval_ns: f64,
    next: u64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits of nanoseconds are 104 days"
)]
fn exact(number: u64) -> f64 {
    number as f64
}
