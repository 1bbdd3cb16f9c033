//! What it costs to match a topic, and to keep a filter, as filters grow in number.
//!
//! `cargo bench -p bowline-core --bench match_cost`
//!
//! The filters have the shapes that deployments use, mixed, four of five with wildcards. A topic
//! matches the same number of filters, however many there are. *All* draws each topic from all
//! devices, so that memory is met cold; *busy* draws from 1,000 of them.
//! The bytes of a filter include its value (4) and its text where that is 38 bytes or less.
#![allow(
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints, and has no interface"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use bowline_core::FilterTree;

const TOPICS: usize = 200_000;
const FILTERS_PER_DEVICE: u64 = 5;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Topics one behind the other, so that reading them is not what is measured.
#[derive(Default)]
struct Topics {
    text: String,
    ends: Vec<usize>,
}

impl Topics {
    fn of(devices: u64) -> Self {
        let mut chance = Chance(devices);
        let mut topics = Self::default();
        for _ in 0..TOPICS {
            let device = chance.below(devices);
            let site = device % 97;
            let text = &mut topics.text;
            match chance.below(5) {
                0 => write!(text, "site{site}/dev{device}/cmd"),
                1 => write!(text, "site{site}/dev{device}/state/temperature"),
                2 => write!(text, "site{site}/dev{device}/alarm/{device}"),
                3 => write!(text, "fleet/m{}/dev{device}/set/interval", device % 7),
                _ => write!(text, "other/dev{device}/value"),
            }
            .expect("a String takes all");
            topics.ends.push(topics.text.len());
        }
        topics
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends
            .iter()
            .map(move |&end| &self.text[core::mem::replace(&mut start, end)..end])
    }
}

fn tree_of(devices: u64) -> (FilterTree<u32>, usize) {
    let mut tree = FilterTree::new(0x0B0E);
    let mut text_bytes = 0;
    let mut add = |filter: String| {
        text_bytes += filter.len();
        *tree.entry(&filter) += 1;
    };
    for device in 0..devices {
        let site = device % 97;
        add(format!("site{site}/dev{device}/cmd"));
        add(format!("site{site}/dev{device}/#"));
        add(format!("+/dev{device}/state/+"));
        add(format!("site{site}/+/alarm/{device}"));
        add(format!("fleet/m{}/dev{device}/set/+", device % 7));
    }
    for filter in [
        "+/+/state/#",
        "site1/#",
        "+/+/alarm/+",
        "fleet/+/+/set/+",
        "$SYS/#",
    ] {
        add(filter.to_owned());
    }
    (tree, text_bytes)
}

fn nanos_per_match(tree: &FilterTree<u32>, topics: &Topics) -> (f64, f64) {
    let mut best = f64::INFINITY;
    let mut matched = 0u32;
    for _ in 0..5 {
        matched = 0;
        let start = Instant::now();
        for topic in topics.iter() {
            tree.matches(topic, |value| matched += black_box(*value));
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    (
        best * 1e9 / TOPICS as f64,
        f64::from(matched) / TOPICS as f64,
    )
}

fn main() {
    println!(
        "filters    all: ns/match   busy: ns/match   matches   bytes/filter   text bytes   insert ns"
    );
    for filters in [1_000, 10_000, 100_000, 1_000_000] {
        let devices = filters / FILTERS_PER_DEVICE;
        let start = Instant::now();
        let (mut tree, text_bytes) = tree_of(devices);
        let insert = start.elapsed().as_secs_f64() * 1e9 / tree.len() as f64;
        let (all, matched) = nanos_per_match(&tree, &Topics::of(devices));
        let (busy, _) = nanos_per_match(&tree, &Topics::of(devices.min(1000)));
        tree.shrink_to_fit();
        let bytes = tree.allocated_bytes() as f64 / tree.len() as f64;
        let text = text_bytes as f64 / tree.len() as f64;
        println!(
            "{filters:>9}   {all:>11.0}   {busy:>14.0}   {matched:>7.2}   {bytes:>12.1}   {text:>10.1}   {insert:>9.0}"
        );
    }
}
