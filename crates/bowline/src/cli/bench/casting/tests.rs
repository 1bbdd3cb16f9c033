//! Every message of a cast goes to who expects it, and to nobody else; the parts share nothing.

use std::collections::HashSet;

use bowline_packet::matches;
use clap::Parser;

use super::super::cast::{Cast, Expects, Filters};
use super::super::options::Scenario;
use super::cast;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn casts(words: &str, threads: u32) -> Vec<Cast> {
    let line = std::iter::once("line").chain(words.split_whitespace());
    let line = Line::try_parse_from(line).expect("it makes sense");
    cast(&line.scenario, 0xABCD, threads)
}

fn filters(filters: &Filters) -> Vec<String> {
    (0..filters.len()).map(|at| filters.filter(at)).collect()
}

/// What is matched against topics.
fn matched(filter: &str) -> &str {
    filter.strip_prefix("$share/bench/").unwrap_or(filter)
}

#[test]
fn a_message_reaches_who_expects_it() {
    for words in [
        "one-to-one --pairs 5",
        "fan-out --subscribers 7",
        "fan-in --publishers 6",
        "shared --publishers 4 --subscribers 3",
        "filters --filters 103 --publishers 3 --subscribers 7",
        "offline -q 1 --publishers 3 --sessions 5",
        "retained --topics 50 --publishers 3 --subscribers 2",
    ] {
        for threads in [1, 2, 3] {
            let casts = casts(words, threads);
            for cast in &casts {
                check(cast, &casts, words);
            }
        }
    }
}

/// Compares for each message who gets it by the filters with who expects it.
fn check(cast: &Cast, all: &[Cast], words: &str) {
    for (flow, publisher) in cast.publishers.iter().enumerate() {
        let shape = publisher.topics.shape();
        let messages = publisher.topics.messages().unwrap_or(120);
        for number in 0..messages {
            let (topic, stream) = publisher.topics.choose(number);
            let topic = shape.topic(topic);
            for (at, subscriber) in all.iter().flat_map(|other| &other.subscribers).enumerate() {
                let is_own = cast
                    .subscribers
                    .iter()
                    .any(|own| own.client_id == subscriber.client_id);
                let expects = is_own
                    && match &subscriber.expects {
                        Expects::Nothing => false,
                        Expects::Lines { flows, stream: own } => {
                            flows.contains(&flow) && *own == stream
                        }
                        Expects::Share | Expects::Sets => true,
                    };
                let copies = filters(&subscriber.filters)
                    .iter()
                    .filter(|filter| matches(matched(filter), &topic))
                    .count();
                assert_eq!(copies, usize::from(expects), "{words}: {topic} to {at}");
            }
        }
    }
}

#[test]
fn parts_add_up_and_have_their_own_names() {
    for (words, publishers, subscribers) in [
        ("one-to-one --pairs 5", 5, 5),
        ("fan-in --publishers 7", 7, 3),
        ("fan-out --subscribers 7", 3, 7),
        ("connect --connections 10", 0, 10),
        ("filters --publishers 4 --subscribers 5 --filters 11", 4, 5),
    ] {
        let casts = casts(words, 3);
        let flows: usize = casts.iter().map(|cast| cast.publishers.len()).sum();
        let all: usize = casts.iter().map(|cast| cast.subscribers.len()).sum();
        // Where there is one of a kind, each part has one.
        assert_eq!((flows, all), (publishers, subscribers), "{words}");
        let names: HashSet<&str> = casts
            .iter()
            .flat_map(|cast| {
                let publishers = cast.publishers.iter().map(|p| p.client_id.as_str());
                publishers.chain(cast.subscribers.iter().map(|s| s.client_id.as_str()))
            })
            .collect();
        assert_eq!(names.len(), flows + all, "{words}");
        assert!(names.iter().all(|name| name.len() <= 23));
    }
}

#[test]
fn every_topic_has_its_turn() {
    let casts = casts("filters --filters 103 --publishers 1 --subscribers 7", 1);
    let topics = &casts[0].publishers[0].topics;
    let seen: HashSet<u32> = (0..103).map(|number| topics.choose(number).0).collect();
    assert_eq!(seen.len(), 103);
}
