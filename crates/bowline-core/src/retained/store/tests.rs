//! The cursor against a plain filter over all topics, with changes between its pages.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::{Page, RetainedStore};

/// SplitMix64: enough chance for a test, and the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below a usize")
    }

    /// Levels on both sides of `/` in the order of bytes, and beginnings of each other.
    fn level(&mut self) -> &'static str {
        ["a", "a!", "a0", "b", "", "$x", "ä", "!"][self.below(8)]
    }

    fn topic(&mut self) -> String {
        let levels: Vec<_> = (0..1 + self.below(4)).map(|_| self.level()).collect();
        levels.join("/")
    }

    fn filter(&mut self) -> String {
        let mut levels: Vec<_> = (0..1 + self.below(4))
            .map(|_| {
                if self.below(2) == 0 {
                    "+"
                } else {
                    self.level()
                }
            })
            .collect();
        if self.below(3) == 0 {
            *levels.last_mut().expect("at least one") = "#";
        }
        levels.join("/")
    }
}

/// MQTT 4.7, as short as it goes.
fn naive(filter: &str, topic: &str) -> bool {
    fn below(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => below(filter, topic),
            ([f, filter @ ..], [t, topic @ ..]) => f == t && below(filter, topic),
            ([], _) | (_, []) => false,
        }
    }
    let filter: Vec<&str> = filter.split('/').collect();
    let topic: Vec<&str> = topic.split('/').collect();
    !(topic[0].starts_with('$') && ["+", "#"].contains(&filter[0])) && below(&filter, &topic)
}

fn store_of(topics: &[&str]) -> RetainedStore<()> {
    let mut store = RetainedStore::new();
    for topic in topics {
        store.set(topic, ());
    }
    store
}

/// All pages with this budget: what was visited, and the number of pages.
fn walk(store: &RetainedStore<()>, filter: &str, budget: usize) -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    for pages in 1.. {
        let page = store.page(filter, after.as_deref(), budget, |topic, ()| {
            found.push(topic.to_string());
            true
        });
        match page {
            Page::Done => return (found, pages),
            Page::More { last_seen } => {
                assert!(
                    after.is_none_or(|after| after < last_seen),
                    "each page gets on"
                );
                after = Some(last_seen);
            }
        }
    }
    unreachable!("a walk ends")
}

#[test]
fn a_topic_has_one_message() {
    let mut store = RetainedStore::new();
    assert_eq!(store.set("a", 1), None);
    assert_eq!(store.set("a", 2), Some(1));
    assert_eq!(
        (store.get("a"), store.get("b"), store.len()),
        (Some(&2), None, 1)
    );
    *store.get_mut("a").expect("was set") += 1;
    assert_eq!((store.remove("a"), store.remove("a")), (Some(3), None));
    assert!(store.is_empty());
}

#[test]
fn neighbours_in_the_order_of_bytes_are_not_lost() {
    let topics = [
        "$SYS/a", "a", "a!", "a!/x", "a/x", "a/x/y", "a/y", "a0", "a0/x", "b/x", "ä/x",
    ];
    let store = store_of(&topics);
    let cases: [(&str, &[&str]); 12] = [
        (
            "#",
            &[
                "a", "a!", "a!/x", "a/x", "a/x/y", "a/y", "a0", "a0/x", "b/x", "ä/x",
            ],
        ),
        ("+/x", &["a!/x", "a/x", "a0/x", "b/x", "ä/x"]),
        ("+", &["a", "a!", "a0"]),
        ("a/#", &["a", "a/x", "a/x/y", "a/y"]),
        ("a/+", &["a/x", "a/y"]),
        ("a", &["a"]),
        ("+/x/#", &["a!/x", "a/x", "a/x/y", "a0/x", "b/x", "ä/x"]),
        ("a/x", &["a/x"]),
        ("$SYS/#", &["$SYS/a"]),
        ("$SYS/+", &["$SYS/a"]),
        ("+/a", &[]),
        ("c/#", &[]),
    ];
    for (filter, expected) in cases {
        for budget in 1..=topics.len() + 1 {
            assert_eq!(
                walk(&store, filter, budget).0,
                expected,
                "{filter}, budget {budget}"
            );
        }
    }
}

#[test]
fn agrees_with_a_plain_filter_over_all_topics() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let topics: BTreeSet<String> = (0..chance.below(120)).map(|_| chance.topic()).collect();
        let store = store_of(&topics.iter().map(String::as_str).collect::<Vec<_>>());
        for _ in 0..20 {
            let filter = chance.filter();
            let budget = 1 + chance.below(topics.len() + 1);
            let expected: Vec<String> = topics
                .iter()
                .filter(|topic| naive(&filter, topic))
                .cloned()
                .collect();
            assert_eq!(
                walk(&store, &filter, budget).0,
                expected,
                "{filter} budget {budget}"
            );
        }
    }
}

#[test]
fn a_topic_that_stays_is_visited_once_whatever_changes_between_pages() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let mut store = RetainedStore::new();
        for number in 0..100 {
            store.set(&chance.topic(), number);
        }
        let filter = chance.filter();
        let budget = 1 + chance.below(6);
        let mut stayed: BTreeSet<String> =
            store.iter().map(|(topic, _)| topic.to_string()).collect();
        let mut visits: BTreeMap<String, u32> = BTreeMap::new();
        let mut after = None;
        loop {
            let stop_after = chance.below(4);
            let mut visited = 0;
            let page = store.page(&filter, after.as_deref(), budget, |topic, _| {
                *visits.entry(topic.to_string()).or_default() += 1;
                visited += 1;
                visited <= stop_after
            });
            assert!(visited <= budget.min(stop_after + 1));
            let Page::More { last_seen } = page else {
                break;
            };
            // Also the topic that the cursor stands on may go.
            if chance.below(3) == 0 {
                store.remove(&last_seen);
                stayed.remove(&last_seen);
            }
            for _ in 0..chance.below(4) {
                let topic = chance.topic();
                if chance.below(2) == 0 {
                    store.set(&topic, 0);
                } else {
                    store.remove(&topic);
                    stayed.remove(&topic);
                }
            }
            after = Some(last_seen);
        }
        for (topic, &count) in &visits {
            assert!(naive(&filter, topic), "{filter} does not match {topic}");
            assert_eq!(count, 1, "{topic} was seen twice");
        }
        for topic in stayed.iter().filter(|topic| naive(&filter, topic)) {
            assert!(
                visits.contains_key(topic),
                "{topic} was skipped by {filter}"
            );
        }
    }
}

#[test]
fn a_visit_that_says_stop_is_the_last_of_its_page() {
    let store = store_of(&["a/1", "a/2", "a/3"]);
    let mut seen = Vec::new();
    let page = store.page("a/+", None, 100, |topic, ()| {
        seen.push(topic.to_string());
        seen.len() < 2
    });
    assert_eq!(
        (page, seen),
        (
            Page::More {
                last_seen: "a/2".to_string()
            },
            vec!["a/1".into(), "a/2".into()]
        )
    );
}

/// 1,000 sites with 10 rooms of 20 topics each: the looks are counted by way of the budget.
#[test]
fn what_cannot_match_is_sought_past() {
    let mut store = RetainedStore::new();
    for site in 0..1000 {
        for room in 0..10 {
            for topic in 0..20 {
                store.set(&format!("site{site}/room{room}/t{topic}"), ());
            }
        }
    }
    let cases = [
        ("site500/room3/t7", 1, 2),
        ("site500/room3/#", 20, 21),
        ("site500/+/t7", 10, 31),
        ("+/room3/t7", 1000, 3001),
        ("+/nowhere/+", 0, 2001),
        ("+", 0, 1001),
        ("nowhere/#", 0, 1),
        ("#", 200_000, 200_001),
    ];
    for (filter, matches, looks_max) in cases {
        let mut found = 0;
        let page = store.page(filter, None, looks_max, |_, ()| {
            found += 1;
            true
        });
        assert_eq!((page, found), (Page::Done, matches), "{filter}");
    }
}

#[test]
fn a_page_in_the_middle_of_nothing_seeks_on_from_there() {
    let mut store = RetainedStore::new();
    for number in 0..1000 {
        store.set(&format!("a/{number}"), ());
    }
    store.set("b/x", ());
    let (found, pages) = walk(&store, "+/x", 1);
    assert_eq!(found, ["b/x"]);
    assert!(pages <= 5, "a budget of one still seeks, {pages} pages");
}

#[test]
fn odd_text_and_long_text_do_no_harm() {
    let long = vec!["a"; 32_768].join("/");
    let store = store_of(&["", "/", "//", &long, "+", "#"]);
    for filter in [
        "",
        "/",
        "#/a",
        "+a",
        "a#",
        "#/#",
        "+/+",
        &long,
        &format!("{long}/#"),
    ] {
        walk(&store, filter, 3);
    }
    assert_eq!(walk(&store, &vec!["+"; 32_768].join("/"), 1).0, [long]);
}
