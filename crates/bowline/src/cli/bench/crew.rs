//! The engines on their threads, given orders together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cast::{Cast, Manner};
use super::engine::orders::{Answer, Order};
use super::engine::{Counts, Engine, Signals, Verdict};
use super::latency::Latency;

/// All engines.
pub(super) struct Crew {
    orders: Vec<Sender<Order>>,
    answers: Receiver<Result<Answer, String>>,
    signals: Vec<Arc<Signals>>,
    threads: Vec<JoinHandle<()>>,
    epoch: Instant,
}

/// What all engines together answer.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) failure: Option<String>,
    pub(super) is_stalled: bool,
    /// When something last moved, from the crew's epoch.
    pub(super) progress: Duration,
    pub(super) latency: Latency,
    pub(super) handshakes: Latency,
    pub(super) verdict: Verdict,
}

impl Crew {
    /// Starts a thread for each cast. `patience` is how long nothing may move before an order is
    /// given up.
    pub(super) fn start(
        manner: &Manner,
        casts: Vec<Cast>,
        patience: Duration,
    ) -> Result<Self, String> {
        let epoch = Instant::now();
        let (answer, answers) = mpsc::channel();
        let mut crew = Self {
            orders: Vec::new(),
            answers,
            signals: Vec::new(),
            threads: Vec::new(),
            epoch,
        };
        for (number, cast) in casts.into_iter().enumerate() {
            let (give, orders) = mpsc::channel();
            let signals = Arc::new(Signals::default());
            crew.orders.push(give);
            crew.signals.push(Arc::clone(&signals));
            let (manner, answer) = (manner.clone(), answer.clone());
            let run = move || play(manner, &cast, signals, epoch, &orders, &answer, patience);
            let thread = std::thread::Builder::new()
                .name(format!("bench-{number}"))
                .spawn(run)
                .map_err(|why| format!("cannot start a thread: {why}"))?;
            crew.threads.push(thread);
        }
        Ok(crew)
    }

    /// Gives an order to all and does not wait.
    pub(super) fn give(&self, order: &Order) {
        for engine in &self.orders {
            // Who does not listen has failed, and its answer says so.
            drop(engine.send(order.clone()));
        }
    }

    /// Waits until all have answered; `watch` is called about every `tick` meanwhile.
    pub(super) fn wait(
        &self,
        tick: Duration,
        mut watch: impl FnMut(&Self),
    ) -> Result<Done, String> {
        let mut done: Option<Done> = None;
        let mut missing = self.orders.len();
        while missing > 0 {
            match self.answers.recv_timeout(tick) {
                Ok(answer) => {
                    missing -= 1;
                    let next = Done::from(answer?);
                    match &mut done {
                        Some(done) => done.add(next),
                        None => done = Some(next),
                    }
                }
                Err(RecvTimeoutError::Timeout) => watch(self),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("internal error: the load generator failed".to_owned());
                }
            }
        }
        done.ok_or_else(|| "internal error: there is no load generator".to_owned())
    }

    /// Waits for as long as nobody answers, at most `time`. Returns false if an answer is there.
    pub(super) fn watch_for(
        &self,
        time: Duration,
        tick: Duration,
        mut watch: impl FnMut(&Self),
    ) -> bool {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::sleep(left.min(tick));
            if self.threads.iter().any(JoinHandle::is_finished) {
                return false;
            }
            watch(self);
        }
        true
    }

    /// Whether times are recorded from now on.
    pub(super) fn record(&self, is_recording: bool) {
        for signals in &self.signals {
            signals.is_recording.store(is_recording, Ordering::Relaxed);
        }
    }

    /// Tells publishers to send no more, or that they may again.
    pub(super) fn stop_publishing(&self, is_stopping: bool) {
        for signals in &self.signals {
            signals.is_stopping.store(is_stopping, Ordering::Relaxed);
        }
    }

    /// What all have counted since the start.
    pub(super) fn counts(&self) -> Counts {
        let all = self.signals.iter();
        all.map(|signals| *signals.counts.lock().expect("nobody panics with it"))
            .sum()
    }

    /// The time on the clock of the stamps.
    pub(super) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.orders.clear();
        for thread in self.threads.drain(..) {
            // A panic was reported by the thread itself.
            drop(thread.join());
        }
    }
}

/// The life of an engine's thread: orders, until nobody gives any.
fn play(
    manner: Manner,
    cast: &Cast,
    signals: Arc<Signals>,
    epoch: Instant,
    orders: &Receiver<Order>,
    answer: &Sender<Result<Answer, String>>,
    patience: Duration,
) {
    let mut engine = match Engine::new(manner, cast, signals, epoch) {
        Ok(engine) => engine,
        Err(why) => return drop(answer.send(Err(why))),
    };
    while let Ok(order) = orders.recv() {
        if answer.send(Ok(engine.obey(&order, patience))).is_err() {
            return;
        }
    }
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self {
            failure: answer.failure,
            is_stalled: answer.is_stalled,
            progress: Duration::from_nanos(answer.progress_ns),
            latency: answer.latency,
            handshakes: answer.handshakes,
            verdict: answer.verdict,
        }
    }
}

impl Done {
    fn add(&mut self, other: Self) {
        if self.failure.is_none() {
            self.failure = other.failure;
        }
        self.is_stalled |= other.is_stalled;
        self.progress = self.progress.max(other.progress);
        self.latency.add(&other.latency);
        self.handshakes.add(&other.handshakes);
        self.verdict = [self.verdict, other.verdict].into_iter().sum();
    }
}
