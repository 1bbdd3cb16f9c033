//! Medians, and what a comparison takes on the command line.

use clap::Parser;

use super::{Compare, Contestant, STANDARD, Span, parse_scenario};

#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Line {
    #[command(flatten)]
    compare: Compare,
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(Span::of(Vec::new()), None);
    for (values, least, median, most) in [
        (vec![3.0], 3.0, 3.0, 3.0),
        (vec![9.0, 1.0, 2.0], 1.0, 2.0, 9.0),
        (vec![4.0, 1.0, 2.0, 9.0], 1.0, 3.0, 9.0),
    ] {
        let span = Span {
            least,
            median,
            most,
        };
        assert_eq!(Span::of(values), Some(span));
    }
}

#[test]
fn the_standard_set_makes_sense() {
    for words in STANDARD {
        assert!(parse_scenario(words).is_ok(), "{words}");
    }
}

#[test]
fn a_broker_is_a_name_and_a_command_with_a_port() {
    let contestant = Contestant::parse("mosquitto=mosquitto -p {port}").unwrap();
    assert_eq!(contestant.name, "mosquitto");
    assert!(!contestant.is_relay() && Contestant::relay().is_relay());
    for (text, words) in [
        ("mosquitto", "NAME=COMMAND"),
        ("=mosquitto -p {port}", "NAME=COMMAND"),
        ("mosquitto=", "NAME=COMMAND"),
        ("mosquitto=mosquitto", "{port}"),
    ] {
        let refusal = Contestant::parse(text).unwrap_err();
        assert!(refusal.contains(words), "{text}: {refusal}");
    }
}

#[test]
fn a_relay_plays_pairs_only() {
    let relay = Contestant::relay();
    for (words, can) in [
        ("one-to-one -q 2", true),
        ("fan-out", false),
        ("retained", false),
    ] {
        assert_eq!(
            relay.can_play(&parse_scenario(words).unwrap().scenario),
            can
        );
    }
}

#[test]
fn scenarios_are_words_within_a_word() {
    let line = Line::try_parse_from([
        "compare",
        "--broker",
        "a=a {port}",
        "--broker",
        "b=b {port} {dir}",
        "--rounds",
        "3",
        "one-to-one -q 1",
        "fan-out",
    ])
    .unwrap();
    let compare = line.compare;
    assert_eq!((compare.brokers.len(), compare.rounds), (2, 3));
    let words: Vec<&str> = compare.scenarios.iter().map(|s| s.words.as_str()).collect();
    assert_eq!(words, ["one-to-one -q 1", "fan-out"]);
    for wrong in [
        &["compare"][..],
        &["compare", "--broker", "a=a {port}", "one-to-none"],
    ] {
        assert!(Line::try_parse_from(wrong).is_err());
    }
}
