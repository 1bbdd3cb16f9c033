//! The course of each scenario: who connects when, what is measured, and what is judged.

use std::time::Duration;

use bowline_packet::QoS;

use super::cast::Manner;
use super::casting;
use super::crew::{Crew, Done};
use super::engine::orders::{Order, Side};
use super::engine::{Counts, Verdict, Wish};
use super::options::{Common, Scenario};
use super::preparation::{make_room_for_descriptors, manner, settings};
use super::process::{Processes, Usage, own_cpu};
use super::progress::Progress;
use super::report::{BrokerUse, Report, Stage, Unit, percentiles};

/// How often the broker is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Connections under way at the same time, where the scenario does not say: fewer than the shortest
/// queue of a listener.
const AT_ONCE: usize = 64;

/// Runs a scenario.
///
/// # Errors
/// What kept it from being measured at all, in words.
pub(super) fn run(scenario: &Scenario, progress: &mut Progress) -> Result<Report, String> {
    scenario.check()?;
    make_room_for_descriptors(scenario)?;
    let common = scenario.common();
    let manner = manner(scenario)?;
    let processes = if common.pid.is_empty() {
        Processes::listening_on(manner.address)
    } else {
        Some(Processes::of(common.pid.clone()))
    };
    if !common.pid.is_empty() && processes.as_ref().and_then(Processes::usage).is_none() {
        return Err("there is no such process to measure\nhint: check `--pid`".to_owned());
    }
    let casts = casting::cast(scenario, manner.run, common.threads);
    let mut play = Play {
        crew: Crew::start(&manner, casts, common.patience)?,
        common,
        manner: &manner,
        processes,
        progress,
        stages: Vec::new(),
        failure: None,
    };
    play.act(scenario)?;
    play.progress.clear();
    let verdict = play.judge()?;
    Ok(Report {
        scenario: scenario.name(),
        settings: settings(scenario, &manner, play.processes.as_ref()),
        qos: manner.qos,
        verdict,
        counts: play.crew.counts(),
        stages: play.stages,
        failure: play.failure,
        clients: {
            let (publishers, subscribers) = scenario.clients();
            u64::from(publishers) + u64::from(subscribers)
        },
    })
}

/// A scenario being played.
struct Play<'a> {
    crew: Crew,
    common: &'a Common,
    manner: &'a Manner,
    processes: Option<Processes>,
    progress: &'a mut Progress,
    stages: Vec<Stage>,
    /// The first thing that went wrong without ending the run.
    failure: Option<String>,
}

/// What was when a measurement began.
#[derive(Clone, Copy)]
struct Begin {
    at: Duration,
    counts: Counts,
    usage: Option<Usage>,
    own_cpu: Duration,
}

impl Play<'_> {
    fn act(&mut self, scenario: &Scenario) -> Result<(), String> {
        match scenario {
            Scenario::OneToOne { .. }
            | Scenario::FanOut { .. }
            | Scenario::FanIn { .. }
            | Scenario::Shared { .. } => self.live(None),
            Scenario::Filters { filters, .. } => self.live(Some(*filters)),
            Scenario::Connect {
                at_once,
                subscribe,
                hold,
                ..
            } => self.storm(*at_once, *subscribe, *hold),
            Scenario::Retained { .. } => self.retained(),
            Scenario::Offline { .. } => self.offline(),
        }
    }

    /// Everybody is there; messages flow.
    fn live(&mut self, filters: Option<u32>) -> Result<(), String> {
        let wish = self.subscribing();
        if self.manner.is_raw {
            self.connect(Side::Pairs, wish, 1)?;
        } else if let Some(filters) = filters {
            let order = connecting(Side::Subscribers, wish, AT_ONCE);
            let stage = self.measure("subscribe", Unit::Filters, &order)?;
            stage.done = u64::from(filters);
            self.connect(Side::Publishers, Wish::CLEAN, AT_ONCE)?;
        } else {
            self.connect(Side::Subscribers, wish, AT_ONCE)?;
            self.connect(Side::Publishers, Wish::CLEAN, AT_ONCE)?;
        }
        self.publish("deliver", Unit::Deliveries)?;
        self.leave()
    }

    /// Many clients come, stay, and go.
    fn storm(&mut self, at_once: u32, subscribe: bool, hold: Duration) -> Result<(), String> {
        let wish = Wish {
            subscribes: subscribe,
            ..self.subscribing()
        };
        let at_once = usize::try_from(at_once).expect("32 bits fit");
        let order = connecting(Side::Subscribers, wish, at_once);
        let stage = self.measure("connect", Unit::Connections, &order)?;
        stage.done = stage.counts.connected;
        self.measure("idle", Unit::Idle, &Order::Hold(hold))?;
        self.measure("leave", Unit::Idle, &Order::Disconnect(Side::Subscribers))?;
        self.measure("after", Unit::Idle, &Order::Hold(hold))?;
        if self.manner.is_lasting {
            self.forget()?;
        }
        Ok(())
    }

    /// Messages are stored, then fetched.
    fn retained(&mut self) -> Result<(), String> {
        self.connect(Side::Publishers, Wish::CLEAN, AT_ONCE)?;
        let store = Order::Publish {
            messages: None,
            rate: self.own_rate(),
        };
        self.measure("store", Unit::Publications, &store)?;
        let fetch = connecting(Side::Subscribers, self.subscribing(), AT_ONCE);
        self.measure_both("fetch", &fetch, &Order::Receive)?;
        self.leave()
    }

    /// Messages wait for clients that are away.
    fn offline(&mut self) -> Result<(), String> {
        let lasting = Wish {
            is_lasting: true,
            ..self.subscribing()
        };
        self.connect(Side::Subscribers, lasting, AT_ONCE)?;
        self.order(&Order::Disconnect(Side::Subscribers))?;
        self.connect(Side::Publishers, Wish::CLEAN, AT_ONCE)?;
        let queue = Order::Publish {
            messages: Some(self.common.messages.unwrap_or(100_000)),
            rate: self.own_rate(),
        };
        self.measure("queue", Unit::Publications, &queue)?;
        let back = Wish {
            clean_start: false,
            is_lasting: true,
            subscribes: false,
            expects_session: true,
        };
        let fetch = connecting(Side::Subscribers, back, AT_ONCE);
        self.measure_both("drain", &fetch, &Order::Receive)?;
        self.order(&Order::Disconnect(Side::Publishers))?;
        self.order(&Order::Disconnect(Side::Subscribers))?;
        self.forget()
    }

    /// Publishes for the time that was asked for and measures it without warm-up and end, or
    /// publishes the messages that were asked for and measures all of it.
    fn publish(&mut self, name: &'static str, unit: Unit) -> Result<(), String> {
        let messages = self.common.messages;
        let order = Order::Publish {
            messages,
            rate: self.own_rate(),
        };
        if messages.is_some() {
            self.measure(name, unit, &order)?;
            return Ok(());
        }
        let (warm_up, duration) = (self.common.warm_up, self.common.duration);
        self.crew.give(&order);
        let mut peak = 0;
        self.watch_for(name, warm_up, &mut peak);
        peak = 0;
        self.crew.record(true);
        let begin = self.begin();
        self.watch_for(name, duration, &mut peak);
        let mut stage = self.end(name, unit, begin, None, peak);
        self.crew.record(false);
        self.crew.stop_publishing(true);
        let done = self.finish(name, &mut 0)?;
        self.crew.stop_publishing(false);
        stage.latency = percentiles(&done.latency);
        self.stages.push(stage);
        Ok(())
    }

    /// Gives an order and measures it from beginning to end.
    fn measure(
        &mut self,
        name: &'static str,
        unit: Unit,
        order: &Order,
    ) -> Result<&mut Stage, String> {
        let mut peak = 0;
        self.crew.record(true);
        let begin = self.begin();
        self.crew.give(order);
        let done = self.finish(name, &mut peak)?;
        self.crew.record(false);
        // Waiting in vain for what is lost is not part of it; staying idle is.
        let until = matches!(
            order,
            Order::Publish { .. } | Order::Receive | Order::Connect { .. }
        )
        .then_some(done.progress);
        let mut stage = self.end(name, unit, begin, until, peak);
        let times = match order {
            Order::Connect { .. } => &done.handshakes,
            Order::Publish { .. }
            | Order::Receive
            | Order::Hold(_)
            | Order::Disconnect(_)
            | Order::Erase
            | Order::Judge => &done.latency,
        };
        stage.latency = percentiles(times);
        self.stages.push(stage);
        Ok(self.stages.last_mut().expect("it was just pushed"))
    }

    /// Two orders in one measurement of deliveries. Latency has no meaning for what was stored.
    fn measure_both(
        &mut self,
        name: &'static str,
        first: &Order,
        second: &Order,
    ) -> Result<(), String> {
        let mut peak = 0;
        let begin = self.begin();
        self.crew.give(first);
        self.finish(name, &mut peak)?;
        self.crew.give(second);
        let done = self.finish(name, &mut peak)?;
        let stage = self.end(name, Unit::Deliveries, begin, Some(done.progress), peak);
        self.stages.push(stage);
        Ok(())
    }

    fn begin(&self) -> Begin {
        Begin {
            counts: self.crew.counts(),
            usage: self.usage(),
            own_cpu: own_cpu(),
            at: self.crew.now(),
        }
    }

    /// What has happened since `begin`; the time ends at `until`, or now.
    fn end(
        &self,
        name: &'static str,
        unit: Unit,
        begin: Begin,
        until: Option<Duration>,
        resident_peak: u64,
    ) -> Stage {
        let time = until.unwrap_or_else(|| self.crew.now());
        let counts = self.crew.counts().since(begin.counts);
        let broker = begin
            .usage
            .zip(self.usage())
            .map(|(before, after)| BrokerUse::between(before, after, resident_peak));
        let done = match (unit, self.manner.qos) {
            (Unit::Deliveries, _) => counts.delivered,
            (Unit::Publications, QoS::AtMostOnce) => counts.published,
            (Unit::Publications, QoS::AtLeastOnce | QoS::ExactlyOnce) => counts.acknowledged,
            (Unit::Connections, _) => counts.connected,
            (Unit::Filters | Unit::Idle, _) => 0,
        };
        Stage {
            name,
            unit,
            done,
            time: time.saturating_sub(begin.at),
            counts,
            broker,
            own_cpu: own_cpu().saturating_sub(begin.own_cpu),
            latency: None,
        }
    }

    /// Waits for the answers to an order.
    fn finish(&mut self, name: &str, peak: &mut u64) -> Result<Done, String> {
        let (processes, progress) = (&self.processes, &mut *self.progress);
        let done = self.crew.wait(TICK, |crew| {
            look(name, crew, processes.as_ref(), progress, peak);
        })?;
        if self.failure.is_none() {
            self.failure.clone_from(&done.failure);
        }
        if done.is_stalled && self.failure.is_none() {
            self.failure = Some(format!(
                "nothing moved any more for {} s in stage `{name}`",
                self.common.patience.as_secs_f32()
            ));
        }
        Ok(done)
    }

    /// Lets time pass while the engines work.
    fn watch_for(&mut self, name: &str, time: Duration, peak: &mut u64) {
        let (processes, progress) = (&self.processes, &mut *self.progress);
        self.crew.watch_for(time, TICK, |crew| {
            look(name, crew, processes.as_ref(), progress, peak);
        });
    }

    /// An order that must succeed.
    fn order(&mut self, order: &Order) -> Result<Done, String> {
        self.crew.give(order);
        let done = self.finish("prepare", &mut 0)?;
        Ok(done)
    }

    /// Connects; that it fails is the end.
    fn connect(&mut self, side: Side, wish: Wish, at_once: usize) -> Result<(), String> {
        let done = self.order(&connecting(side, wish, at_once))?;
        match done.failure {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }

    /// Everybody goes, and nothing stays behind.
    fn leave(&mut self) -> Result<(), String> {
        if self.manner.retain {
            self.erase()?;
        }
        self.order(&Order::Disconnect(Side::Publishers))?;
        self.order(&Order::Disconnect(Side::Subscribers))?;
        if self.manner.is_lasting {
            self.forget()?;
        }
        Ok(())
    }

    /// Ends the lasting sessions: a clean session takes their place and goes.
    fn forget(&mut self) -> Result<(), String> {
        self.connect(Side::Subscribers, Wish::CLEAN, AT_ONCE)?;
        self.order(&Order::Disconnect(Side::Subscribers))?;
        Ok(())
    }

    /// Removes the retained messages.
    fn erase(&mut self) -> Result<(), String> {
        self.order(&Order::Disconnect(Side::Subscribers))?;
        self.order(&Order::Erase)?;
        Ok(())
    }

    fn judge(&mut self) -> Result<Verdict, String> {
        self.order(&Order::Judge).map(|done| done.verdict)
    }

    /// How subscribers connect.
    fn subscribing(&self) -> Wish {
        Wish {
            is_lasting: self.manner.is_lasting,
            subscribes: true,
            ..Wish::CLEAN
        }
    }

    /// The part of the rate that each engine has.
    fn own_rate(&self) -> Option<f64> {
        self.common
            .rate
            .map(|rate| rate / f64::from(self.common.threads))
    }

    fn usage(&self) -> Option<Usage> {
        self.processes.as_ref().and_then(Processes::usage)
    }
}

fn connecting(side: Side, wish: Wish, at_once: usize) -> Order {
    Order::Connect {
        side,
        wish,
        at_once,
    }
}

/// Looks at the broker and says how it goes.
fn look(
    name: &str,
    crew: &Crew,
    processes: Option<&Processes>,
    progress: &mut Progress,
    peak: &mut u64,
) {
    let usage = processes.and_then(Processes::usage);
    *peak = usage.map_or(*peak, |usage| usage.resident_bytes.max(*peak));
    progress.show(name, crew.counts(), usage);
}
