//! The tree against a matcher of ten lines, and what the standard says about wildcards.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::node::ROOT;
use super::{FilterTree, child_hash, low_half};

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

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn topic(&mut self) -> String {
        let levels = 1 + self.below(5);
        let levels: Vec<&str> = (0..levels)
            .map(|_| self.of(&["a", "b", "", "$x", "a level longer than a node holds"]))
            .collect();
        levels.join("/")
    }

    fn filter(&mut self) -> String {
        let topic = self.topic();
        let mut levels: Vec<&str> = topic.split('/').collect();
        for level in &mut levels {
            if self.below(3) == 0 {
                *level = "+";
            }
        }
        if self.below(3) == 0 {
            *levels.last_mut().expect("split gives at least one") = "#";
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

/// A tree in which each filter's value is its own text.
fn tree_of(filters: &[&str]) -> FilterTree<String> {
    let mut tree = FilterTree::new(7);
    for &filter in filters {
        *tree.entry(filter) = filter.to_string();
    }
    tree
}

fn matched(tree: &FilterTree<String>, topic: &str) -> Vec<String> {
    let mut found = Vec::new();
    tree.matches(topic, |filter| found.push(filter.clone()));
    found
}

fn matched_sorted(tree: &FilterTree<String>, topic: &str) -> Vec<String> {
    let mut found = matched(tree, topic);
    found.sort();
    found
}

/// Each case alone in a tree, where it is a leaf, and among others, where it hangs at a node.
#[test]
fn wildcards_match_as_the_standard_says() {
    let cases = [
        // `#` takes any number of levels, also none. [MQTT-4.7.1-1] [MQTT3-4.7.1-2]
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/ranking",
            true,
        ),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/score/wimbledon",
            true,
        ),
        ("sport/tennis/player1/#", "sport/tennis/player10", false),
        ("sport/#", "sport", true),
        ("sport/#", "sport/", true),
        ("#", "a", true),
        ("#", "/", true),
        ("#", "a/b/c", true),
        // `+` takes one level, also an empty one. [MQTT-4.7.1-2] [MQTT3-4.7.1-3]
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "finance", true),
        ("+", "/finance", false),
        ("/+", "/finance", true),
        ("+/+", "/finance", true),
        ("+/tennis/#", "sport/tennis", true),
        ("+/tennis/#", "sport/tennis/a/b", true),
        ("sport/+/player1", "sport/tennis/player1", true),
        ("sport/+/player1", "sport//player1", true),
        ("+/+/#", "a", false),
        ("+/+/#", "a/b", true),
        // No first wildcard matches a topic with `$`. [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
        ("#", "$SYS", false),
        ("#", "$SYS/broker/uptime", false),
        ("+", "$SYS", false),
        ("+/broker/uptime", "$SYS/broker/uptime", false),
        ("+/#", "$SYS/broker/uptime", false),
        ("$SYS/#", "$SYS", true),
        ("$SYS/#", "$SYS/broker/uptime", true),
        ("$SYS/+/uptime", "$SYS/broker/uptime", true),
        ("$SYS/broker/uptime", "$SYS/broker/uptime", true),
        ("$SYS/#", "$SYSTEM", false),
        ("+/$SYS", "a/$SYS", true),
        ("a/#", "a/$SYS/b", true),
        // Levels are compared byte by byte, each a level however empty. [MQTT-4.7.3-4]
        // [MQTT3-4.7.3-4]
        ("ACCOUNTS", "Accounts", false),
        ("/a", "a", false),
        ("a/", "a", false),
        ("a//b", "a/b", false),
        ("a//b", "a//b", true),
        ("a/+/", "a/b", false),
        ("a/+/", "a/b/", true),
        ("+/b", "ä/b", true),
    ];
    let company = [
        "+/#",
        "+/+/+",
        "sport/#",
        "sport/+/+",
        "$SYS/+/+",
        "$SYS/#",
        "/+",
        "a/+/#",
    ];
    for (filter, topic, expected) in cases {
        assert_eq!(naive(filter, topic), expected, "naive: {filter} on {topic}");
        let alone = tree_of(&[filter]);
        assert_eq!(
            matched(&alone, topic).len(),
            usize::from(expected),
            "{filter} on {topic}"
        );
        for other in company.into_iter().filter(|&other| other != filter) {
            let both = tree_of(&[filter, other]);
            let found = matched(&both, topic).iter().any(|found| found == filter);
            assert_eq!(found, expected, "{filter} on {topic}, beside {other}");
        }
    }
}

#[test]
fn agrees_with_the_naive_matcher_while_filters_come_and_go() {
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let mut tree: FilterTree<String> = FilterTree::new(seed);
        let mut expected: BTreeMap<String, String> = BTreeMap::new();
        for step in 0..400 {
            let filter = chance.filter();
            if chance.below(3) == 0 {
                assert_eq!(tree.remove(&filter), expected.remove(&filter), "{filter}");
                assert_eq!(tree.get(&filter), None);
            } else {
                *tree.entry(&filter) = filter.clone();
                expected.insert(filter.clone(), filter.clone());
                assert_eq!(tree.get(&filter), Some(&filter));
            }
            assert_eq!(tree.len(), expected.len());
            if step % 97 == 0 {
                tree.shrink_to_fit();
            }
            let topic = chance.topic();
            let wanted: Vec<&String> = expected
                .values()
                .filter(|filter| naive(filter, &topic))
                .collect();
            assert_eq!(
                matched_sorted(&tree, &topic).iter().collect::<Vec<_>>(),
                wanted,
                "{topic}"
            );
        }
        let mut all: Vec<(&str, &String)> = tree.iter().collect();
        all.sort();
        assert!(
            all.into_iter()
                .eq(expected.iter().map(|(filter, value)| (&**filter, value)))
        );

        // Another history with the same end gives the same shape, so the same order.
        let mut other: FilterTree<String> = FilterTree::new(seed + 1000);
        for filter in expected.keys().rev() {
            *other.entry(filter) = filter.clone();
        }
        assert_eq!(tree.node_count(), other.node_count());
        for _ in 0..50 {
            let topic = chance.topic();
            assert_eq!(matched(&tree, &topic), matched(&other, &topic), "{topic}");
        }

        for filter in expected.keys() {
            assert_eq!(tree.remove(filter).as_ref(), Some(filter));
        }
        assert_eq!(
            (tree.len(), tree.node_count(), tree.tree.children.len()),
            (0, 0, 0)
        );
        tree.shrink_to_fit();
        assert!(tree.allocated_bytes() < 100, "the root is left");
    }
}

#[test]
fn nodes_stand_only_where_two_filters_go() {
    let mut tree = tree_of(&["a/b/c/d/+", "x/y", "x/z"]);
    assert_eq!(
        tree.node_count(),
        0,
        "one filter with wildcards is a leaf of the root"
    );
    tree.entry("a/b/#");
    assert_eq!(tree.node_count(), 2, "a and a/b");
    tree.entry("a/b/c/#");
    assert_eq!(tree.node_count(), 3);
    tree.remove("a/b/#");
    assert_eq!(tree.node_count(), 3, "two filters still go through a/b/c");
    tree.remove("a/b/c/d/+");
    assert_eq!(tree.node_count(), 0);
    assert_eq!(tree.len(), 3);
}

#[test]
fn matches_are_visited_level_by_level() {
    let filters = [
        "a/b", "#", "+/b", "a/#", "a/+", "+/+", "+/#", "a/b/#", "+/b/#",
    ];
    let tree = tree_of(&filters);
    let expected = [
        "a/b", "#", "+/#", "+/+", "a/#", "a/+", "a/b/#", "+/b/#", "+/b",
    ];
    assert_eq!(matched(&tree, "a/b"), expected);
    let mut reversed = filters;
    reversed.reverse();
    assert_eq!(matched(&tree_of(&reversed), "a/b"), expected);
}

#[test]
fn many_levels_take_no_recursion() {
    let deep = vec!["a"; 100_000].join("/");
    let tree = tree_of(&[
        &format!("{deep}/+"),
        &format!("{deep}/#"),
        &format!("{deep}/b/+"),
        &vec!["+"; 100_001].join("/"),
        &vec!["+"; 100_002].join("/"),
    ]);
    assert_eq!(tree.node_count(), 200_001);
    assert_eq!(matched(&tree, &format!("{deep}/c")).len(), 3);
    assert_eq!(matched(&tree, &deep).len(), 1);

    let mut tree = tree;
    let filters: Vec<String> = tree.iter().map(|(filter, _)| filter.to_string()).collect();
    for filter in filters {
        assert!(tree.remove(&filter).is_some());
    }
    assert_eq!(tree.node_count(), 0);
}

/// The tables keep 32 bits of hash; two levels, or one level under two nodes, may share them.
#[test]
fn equal_hashes_are_told_apart() {
    // Node numbers are given out in turn, so this is the one of `p{number}` below.
    let node = |number: u32| number + 1;
    let same_level = |seed| {
        let tree: FilterTree<String> = FilterTree::new(seed);
        let level_hash = tree.hash(b"x");
        first_equal(seed, |number| child_hash(node(number), level_hash))
    };
    let same_node = |seed| {
        let tree: FilterTree<String> = FilterTree::new(seed);
        first_equal(seed, |number| {
            child_hash(ROOT, tree.hash(format!("p{number}").as_bytes()))
        })
    };
    let whole_text = |seed| {
        let tree: FilterTree<String> = FilterTree::new(seed);
        first_equal(seed, |number| {
            low_half(tree.hash(format!("p{number}").as_bytes()))
        })
    };

    let (seed, _, last) = (0..).find_map(same_level).expect("one seed in a hundred");
    let mut tree: FilterTree<String> = FilterTree::new(seed);
    for number in 0..=last {
        tree.entry(&format!("p{number}/+"));
        tree.entry(&format!("p{number}/#"));
        assert!(tree.tree.nodes.get(node(number)).is_some());
    }
    check_pair(
        &mut tree,
        seed,
        |number| format!("p{number}/x/+"),
        same_level,
    );
    check_pair(
        &mut tree,
        seed,
        |number| format!("p{number}/x/y/#"),
        same_level,
    );

    let (seed, a, b) = (0..).find_map(same_node).expect("one seed in a hundred");
    let mut tree = FilterTree::new(seed);
    check_pair(&mut tree, seed, |number| format!("p{number}/+"), same_node);
    tree.entry(&format!("p{a}/#"));
    tree.entry(&format!("p{b}/#"));
    check_pair(&mut tree, seed, |number| format!("p{number}/+"), same_node);

    let (seed, ..) = (0..).find_map(whole_text).expect("one seed in a hundred");
    check_pair(
        &mut FilterTree::new(seed),
        seed,
        |number| format!("p{number}"),
        whole_text,
    );
}

/// The first two numbers with equal hashes; about one seed in a hundred has them.
fn first_equal(seed: u64, hash: impl Fn(u32) -> u32) -> Option<(u64, u32, u32)> {
    let mut seen = BTreeMap::new();
    (0..10_000).find_map(|number| {
        let other = seen.insert(hash(number), number)?;
        Some((seed, other, number))
    })
}

/// Adds the two filters whose hashes are equal, finds each by itself, and takes them out.
fn check_pair(
    tree: &mut FilterTree<String>,
    seed: u64,
    filter: impl Fn(u32) -> String,
    pair: impl Fn(u64) -> Option<(u64, u32, u32)>,
) {
    let (_, a, b) = pair(seed).expect("the seed was chosen so");
    let (a, b) = (filter(a), filter(b));
    *tree.entry(&a) = a.clone();
    assert_eq!(tree.get(&b), None);
    *tree.entry(&b) = b.clone();
    for filter in [&a, &b] {
        assert_eq!(tree.get(filter), Some(filter));
        let topic = filter.replace(['+', '#'], "z");
        let found = matched(tree, &topic);
        assert_eq!(
            found
                .iter()
                .filter(|found| [&a, &b].contains(found))
                .count(),
            1
        );
    }
    assert_eq!(tree.remove(&b), Some(b));
    assert_eq!(tree.get(&a), Some(&a));
}

#[test]
fn the_version_grows_with_each_change_and_only_then() {
    let mut tree: FilterTree<u32> = FilterTree::new(1);
    let mut last = tree.version();
    let mut grew = |tree: &FilterTree<u32>| {
        let grew = tree.version() > last;
        last = tree.version();
        grew
    };
    tree.entry("a/+");
    assert!(grew(&tree));
    *tree.entry("a/+") += 1;
    assert!(grew(&tree));
    assert!(tree.get_mut("a/+").is_some());
    assert!(grew(&tree));
    assert!(tree.get_mut("a/b").is_none());
    assert!(tree.remove("a/b").is_none());
    assert_eq!(tree.get("a/+"), Some(&1));
    tree.matches("a/b", |_| {});
    assert!(!grew(&tree));
    assert_eq!(tree.remove("a/+"), Some(1));
    assert!(grew(&tree));
}

#[test]
fn a_visit_may_ask_again() {
    let tree = tree_of(&["+/b", "+/#", "a/+", "a/#"]);
    let mut count = 0;
    tree.matches("a/b", |_| tree.matches("a/b", |_| count += 1));
    assert_eq!(count, 16);
}

/// Nobody hands such text in, but if somebody did, it would be an entry like any other.
#[test]
fn text_that_is_no_filter_does_no_harm() {
    let odd = [
        "", "#/a", "a/#/b", "a#", "+a", "a/b+/c", "#/#", "##", "/", "//",
    ];
    let mut tree = tree_of(&odd);
    for filter in odd {
        assert_eq!(tree.get(filter).map(String::as_str), Some(filter));
    }
    for topic in ["", "#", "#/a", "a/#/b", "+a", "/", "a/b+/c"] {
        matched(&tree, topic);
    }
    for filter in odd {
        assert_eq!(tree.remove(filter).as_deref(), Some(filter));
    }
    assert_eq!((tree.len(), tree.node_count()), (0, 0));
}
