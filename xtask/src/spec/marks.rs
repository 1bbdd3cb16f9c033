//! Marks in files: where they stand and what they count for.
//!
//! In Rust a mark counts in comments, and in the text of a test (a row of its table). In the scripts
//! of real clients it counts wherever it stands, for the function or test around or below it.

use crate::files::File;
use crate::source::{Source, line_of};

/// An id in brackets at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// As written, without the brackets.
    pub(super) id: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) place: Place,
}

/// What a mark counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In code: a claim that the rule is kept.
    Code,
    /// In or on this test: it holds the rule.
    Test(String),
    /// Among tests, but on none.
    Adrift,
}

/// All marks of a file that count. A file of neither code nor tests has none.
pub(super) fn find(file: &File) -> Vec<Mark> {
    let path = file.path.as_str();
    if path.starts_with("xtask/") {
        return Vec::new(); // its tests hold marks as data
    }
    if path.ends_with(".rs") {
        rust(file)
    } else if path.starts_with("tests/") || path.contains("/tests/") {
        script(file)
    } else {
        Vec::new()
    }
}

fn rust(file: &File) -> Vec<Mark> {
    let all_tests = file.path.ends_with("/tests.rs")
        || file.path.starts_with("tests/")
        || file.path.contains("/tests/");
    let source = Source::read(&file.text);
    let in_comments = ids(&source.comments).map(|found| (found, true));
    let in_literals = ids(&source.literals).map(|found| (found, false));
    let mut marks = Vec::new();
    for ((at, id), is_comment) in in_comments.chain(in_literals) {
        let test_only = all_tests || source.is_test_only(at);
        let mut push = |place| marks.push(mark(file, at, id, place));
        if !test_only {
            if is_comment {
                push(Place::Code);
            }
            continue;
        }
        let tests = source.tests_at(at);
        if tests.is_empty() && is_comment {
            push(Place::Adrift);
        }
        for test in tests {
            push(Place::Test(test.to_owned()));
        }
    }
    marks
}

/// A mark in a script: for the function or named test that it stands in, or directly above.
fn script(file: &File) -> Vec<Mark> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut marks = Vec::new();
    for (at, id) in ids(&file.text) {
        let line = line_of(&file.text, at);
        let is_comment = |line: &&&str| {
            let line = line.trim_start();
            line.starts_with('#') || line.starts_with("//") || line.starts_with('@')
        };
        let here = lines[line - 1];
        let below = lines[line - 1..].iter().find(|line| !is_comment(line));
        let on_the_next = is_comment(&&here)
            .then_some(below)
            .flatten()
            .and_then(|l| test_name(l));
        let around = || lines[..line].iter().rev().find_map(|l| test_name(l));
        let whole = || file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let test = on_the_next.or_else(around).unwrap_or_else(whole);
        marks.push(mark(file, at, id, Place::Test(test)));
    }
    marks
}

/// The name in `def test_x(`, `test("x", …)`, `it("x", …)`, `function x(` or `x() {`.
fn test_name(line: &str) -> Option<String> {
    let line = line
        .trim_start()
        .trim_start_matches("async ")
        .trim_start_matches("await ");
    let called = ["test(", "it("]
        .iter()
        .find_map(|opening| line.strip_prefix(opening));
    if let Some(rest) = called {
        let quote = rest
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'))?;
        return rest[1..].split(quote).next().map(str::to_owned);
    }
    let defined = ["def ", "function "]
        .iter()
        .find_map(|opening| line.strip_prefix(opening));
    let shell = line.trim_end().strip_suffix("() {");
    let name = defined.and_then(|rest| rest.split('(').next()).or(shell)?;
    Some(name.trim().to_owned())
}

fn mark(file: &File, at: usize, id: &str, place: Place) -> Mark {
    Mark {
        id: id.to_owned(),
        file: file.path.clone(),
        line: line_of(&file.text, at),
        place,
    }
}

/// The ids in brackets of a text, with their positions: `MQTT-1.2.3-4` or `MQTT3-1.2.3-4`.
fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("[MQTT").filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let id = &rest[..rest.find(']')?];
        is_id(id).then_some((at, id))
    })
}

fn is_id(id: &str) -> bool {
    let Some(numbers) = id
        .strip_prefix("MQTT-")
        .or_else(|| id.strip_prefix("MQTT3-"))
    else {
        return false;
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let Some((section, statement)) = numbers.split_once('-') else {
        return false;
    };
    section.contains('.') && section.split('.').all(is_number) && is_number(statement)
}
