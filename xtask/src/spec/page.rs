//! The page `docs/conformance.md`: counts first, then one table for each version.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::marks::Place;
use super::statements::{Statement, Version};
use super::{Joined, State};

const HEAD: &str = "\
# Conformance

Each normative statement of MQTT 5.0 and 3.1.1 by its number, in one line of our own words, with the
tests that hold it. Written by `cargo xtask spec` from `docs/spec/*.toml` and the marks in code and
tests; do not edit.

- **tested**: the named tests fail when the rule is broken
- **kept**: code claims it, but no test holds it yet
- **open**: nothing claims it yet
- **not ours**: it binds nothing in a server; the reason stands in place of tests
";

pub(super) fn render(joined: &Joined) -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n| version | tested | kept | open | not ours | all |\n");
    page.push_str("|---|---:|---:|---:|---:|---:|\n");
    for version in Version::ALL {
        let [tested, kept, open, not_ours] = count(joined, version);
        let all = tested + kept + open + not_ours;
        let name = version.name();
        line(
            &mut page,
            &format!("| {name} | {tested} | {kept} | {open} | {not_ours} | {all} |"),
        );
    }
    for version in Version::ALL {
        line(&mut page, &format!("\n## MQTT {}\n", version.name()));
        line(&mut page, "| id | binds | statement | state | held by |");
        line(&mut page, "|---|---|---|---|---|");
        for statement in of(joined, version) {
            line(&mut page, &row(joined, statement));
        }
    }
    page
}

/// One line for each version.
pub(super) fn counts(joined: &Joined) -> String {
    let mut said = String::new();
    for version in Version::ALL {
        let [tested, kept, open, not_ours] = count(joined, version);
        let name = version.name();
        line(
            &mut said,
            &format!("MQTT {name}: {tested} tested, {kept} kept, {open} open, {not_ours} not ours"),
        );
    }
    said
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a String cannot fail");
}

fn of(joined: &Joined, version: Version) -> impl Iterator<Item = &Statement> {
    joined
        .statements
        .iter()
        .filter(move |statement| statement.version == version)
}

/// Tested, kept, open, not ours.
fn count(joined: &Joined, version: Version) -> [usize; 4] {
    let mut counts = [0; 4];
    for statement in of(joined, version) {
        let column = match joined.state(statement) {
            State::Tested => 0,
            State::Kept => 1,
            State::Open => 2,
            State::NotOurs => 3,
        };
        counts[column] += 1;
    }
    counts
}

fn row(joined: &Joined, statement: &Statement) -> String {
    let (state, held_by) = match joined.state(statement) {
        State::Tested => ("tested", tests(joined, statement)),
        State::Kept => ("**kept**", String::new()),
        State::Open => ("**open**", String::new()),
        State::NotOurs => ("not ours", statement.not_ours.clone().unwrap_or_default()),
    };
    let text = statement.line.replace('|', "\\|");
    format!(
        "| {} | {} | {text} | {state} | {held_by} |",
        statement.id, statement.side
    )
}

/// `file: test, test; file: test`, each once, sorted.
fn tests(joined: &Joined, statement: &Statement) -> String {
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mark in joined.marks_of(statement) {
        if let Place::Test(test) = &mark.place {
            let short = mark.file.strip_prefix("crates/").unwrap_or(&mark.file);
            by_file.entry(short).or_default().push(test);
        }
    }
    let files = by_file.into_iter().map(|(file, mut tests)| {
        tests.sort_unstable();
        tests.dedup();
        format!("`{file}`: {}", tests.join(", ").replace('|', "\\|"))
    });
    files.collect::<Vec<_>>().join("; ")
}
