//! From a scenario to the parts that each engine plays.

use super::cast::{Cast, Expects, Filters, Publishes, Subscribes, Topics};
use super::engine::template::TopicShape;
use super::options::Scenario;

/// Divides a scenario among `threads` engines. Each gets whole flows: fan-out and share groups are
/// played once per engine, with its part of the clients.
pub(super) fn cast(scenario: &Scenario, run: u16, threads: u32) -> Vec<Cast> {
    let (publishers, subscribers) = scenario.clients();
    let mut first = Place::default();
    (0..threads)
        .map(|engine| {
            let part = |all: u32| all / threads + u32::from(engine < all % threads);
            // A scenario that has one publisher has one per engine.
            let publishers = match publishers {
                0 => 0,
                _ => part(publishers).max(1),
            };
            let subscribers = part(subscribers).max(1);
            let place = Place { engine, ..first };
            first.publisher += publishers;
            first.subscriber += subscribers;
            let cast = Stage {
                run,
                threads,
                place,
                publishers,
                subscribers,
            }
            .cast(scenario, part);
            first.number += numbers(scenario, part);
            cast
        })
        .collect()
}

/// Numbered topics of one engine.
fn numbers(scenario: &Scenario, part: impl Fn(u32) -> u32) -> u32 {
    match *scenario {
        Scenario::Filters { filters, .. } => part(filters),
        Scenario::Retained { topics, .. } => part(topics),
        Scenario::Offline { sessions, .. } => part(sessions).max(1),
        Scenario::OneToOne { .. }
        | Scenario::FanOut { .. }
        | Scenario::FanIn { .. }
        | Scenario::Shared { .. }
        | Scenario::Connect { .. } => 0,
    }
}

/// Where an engine's clients and topics begin.
#[derive(Clone, Copy, Default)]
struct Place {
    engine: u32,
    publisher: u32,
    subscriber: u32,
    number: u32,
}

/// What one engine's cast is made from.
struct Stage {
    run: u16,
    threads: u32,
    place: Place,
    publishers: u32,
    subscribers: u32,
}

impl Stage {
    fn cast(&self, scenario: &Scenario, part: impl Fn(u32) -> u32) -> Cast {
        let flows = 0..size(self.publishers);
        let own_flow = |at: u32| size(at)..size(at) + 1;
        let all = Expects::Lines { flows, stream: 0 };
        match *scenario {
            Scenario::OneToOne { .. } => self.with(
                1,
                |at| Topics::One(self.topic(at)),
                |at| {
                    let flows = own_flow(at);
                    (
                        Filters::One(self.topic(at)),
                        Expects::Lines { flows, stream: 0 },
                    )
                },
            ),
            Scenario::FanOut { .. } => self.with(
                self.subscribers,
                |at| Topics::One(self.topic(at)),
                |_| (Filters::One(self.topic(0)), all.clone()),
            ),
            Scenario::FanIn { .. } => self.with(
                1,
                |at| Topics::One(self.topic(at)),
                |_| (Filters::One(format!("{}/+", self.root())), all.clone()),
            ),
            Scenario::Shared { .. } => self.with(
                1,
                |at| Topics::One(self.topic(at)),
                |_| {
                    let filter = format!("$share/bench/{}/+", self.root());
                    (Filters::One(filter), Expects::Share)
                },
            ),
            Scenario::Filters { filters, .. } => self.numbered(part(filters).max(1), 1, true),
            Scenario::Offline { .. } => self.numbered(self.subscribers, 0, false),
            Scenario::Connect { .. } => self.with(
                0,
                |at| Topics::One(self.topic(at)),
                |at| (Filters::One(self.topic(at)), Expects::Nothing),
            ),
            Scenario::Retained { topics, .. } => {
                let first = self.place.number;
                self.with(
                    0,
                    |at| Topics::Each {
                        shape: self.shape(),
                        first: first + at,
                        step: self.publishers,
                        end: first + part(topics),
                    },
                    |_| (Filters::One(format!("{}/#", self.root())), Expects::Sets),
                )
            }
        }
    }

    /// Numbered topics that are spread over the subscribers.
    fn numbered(&self, count: u32, copies: u32, is_mixed: bool) -> Cast {
        let first = self.place.number;
        let per_receiver = count.div_ceil(self.subscribers);
        let flows = 0..size(self.publishers);
        self.with(
            copies,
            |_| Topics::Spread {
                shape: self.shape(),
                first,
                count,
                per_receiver,
            },
            |at| {
                let from = (at * per_receiver).min(count);
                let to = (from + per_receiver).min(count);
                let filters = Filters::Numbered {
                    root: self.root(),
                    numbers: first + from..first + to,
                    is_mixed,
                };
                let (flows, stream) = (flows.clone(), size(at));
                (filters, Expects::Lines { flows, stream })
            },
        )
    }

    fn with(
        &self,
        copies: u32,
        topics: impl Fn(u32) -> Topics,
        wants: impl Fn(u32) -> (Filters, Expects),
    ) -> Cast {
        // Identifiers of at most 23 characters: no 3.1.1 server may refuse them [MQTT3-3.1.3-5].
        let run = self.run;
        let publishers = (0..self.publishers).map(|at| Publishes {
            client_id: format!("bench-{run:04x}-p{}", self.place.publisher + at),
            topics: topics(at),
        });
        let subscribers = (0..self.subscribers).map(|at| {
            let (filters, expects) = wants(at);
            Subscribes {
                client_id: format!("bench-{run:04x}-s{}", self.place.subscriber + at),
                filters,
                expects,
            }
        });
        Cast {
            engine: (u64::from(self.place.engine), u64::from(self.threads)),
            first_flow: self.place.publisher,
            publishers: publishers.collect(),
            subscribers: subscribers.collect(),
            copies: u64::from(copies),
        }
    }

    /// The level above all topics of this engine.
    fn root(&self) -> String {
        format!("bench/{:04x}-{}", self.run, self.place.engine)
    }

    fn topic(&self, at: u32) -> String {
        format!("{}/{at:08}", self.root())
    }

    fn shape(&self) -> TopicShape {
        TopicShape::Numbered {
            prefix: format!("{}/", self.root()),
            suffix: "/v".to_owned(),
        }
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).expect("32 bits fit")
}

#[cfg(test)]
mod tests;
