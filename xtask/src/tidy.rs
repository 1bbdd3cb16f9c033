//! House rules that no compiler checks, as a ratchet: a rule is added when a review repeats itself.
//!
//! Each rule reads one file and names what to write instead. Formatting, lints and licences are the
//! business of other tools and absent here.

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::Outcome;
use crate::files::{self, File};
use crate::source::{Source, line_of, words};

/// From here on a file needs a reason for its length.
const LINES_MAX: usize = 600;

/// Opens the line of a module doc that allows a longer file: `//! Long (at most 900 lines): why`.
const LONG: &str = "//! Long (at most ";

/// Whether to print the files over [`LINES_MAX`] that give a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LongFiles {
    Listed,
    Quiet,
}

/// Reads every Rust file of the tree.
pub(crate) fn run(root: &Path, long_files: LongFiles) -> Outcome {
    let read = files::read(root, &[".rs"])?;
    let complaints: Vec<String> = read.iter().flat_map(look_at).collect();
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let mut said = format!("tidy: {} files\n", read.len());
    if long_files == LongFiles::Listed {
        for file in &read {
            let lines = file.text.lines().count();
            if lines > LINES_MAX {
                said.push_str(&format!(
                    "long, with a reason: {} ({lines} lines)\n",
                    file.path
                ));
            }
        }
    }
    Ok(said)
}

/// A rule: what it finds in a file, as (line, words).
type Rule = fn(&File, &Source) -> Vec<(usize, String)>;

const RULES: &[Rule] = &[
    opening,
    length,
    file_names,
    module_names,
    leftovers,
    allowances,
    no_std,
    outside_of_core,
];

/// All complaints about one file, as `path:line: words`.
fn look_at(file: &File) -> Vec<String> {
    let source = Source::read(&file.text);
    let found = RULES.iter().flat_map(|rule| rule(file, &source));
    found
        .map(|(line, words)| format!("{}:{line}: {words}", file.path))
        .collect()
}

fn opening(file: &File, _: &Source) -> Vec<(usize, String)> {
    if file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![(
        1,
        "the file does not open with `//!`\nhint: say first what lives here, what it promises, and \
         what is deliberately absent"
            .to_owned(),
    )]
}

fn length(file: &File, _: &Source) -> Vec<(usize, String)> {
    let lines = file.text.lines().count();
    let module_doc = file.text.lines().take_while(|line| line.starts_with("//!"));
    let allowed = module_doc
        .filter_map(|line| line.strip_prefix(LONG))
        .find_map(|rest| {
            let (number, reason) = rest.split_once(" lines): ")?;
            let number: usize = number.replace(',', "").parse().ok()?;
            (!reason.trim().is_empty()).then_some(number)
        });
    let bound = allowed.unwrap_or(LINES_MAX);
    if lines <= bound {
        return Vec::new();
    }
    vec![(
        bound + 1,
        format!(
            "{lines} lines, and at most {bound} are allowed\nhint: look for the seam; if it is one \
             thing, say so in the module doc: `{LONG}N lines): reason`"
        ),
    )]
}

/// Names that say nothing, and what to do instead.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "managers", "misc",
];

fn empty_name(name: &str) -> String {
    format!("`{name}` says nothing\nhint: name it by the noun it is about, as the standard does")
}

fn file_names(file: &File, _: &Source) -> Vec<(usize, String)> {
    let parts = file
        .path
        .split('/')
        .map(|part| part.trim_end_matches(".rs"));
    parts
        .filter(|part| EMPTY_NAMES.contains(part))
        .map(|part| (1, empty_name(part)))
        .collect()
}

fn module_names(file: &File, source: &Source) -> Vec<(usize, String)> {
    let named = words(&source.code, "mod").filter_map(|at| {
        let name = source.code[at + 3..].trim_start();
        let end = name
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(name.len());
        EMPTY_NAMES
            .contains(&&name[..end])
            .then(|| (at, &name[..end]))
    });
    named
        .map(|(at, name)| (line_of(&file.text, at), empty_name(name)))
        .collect()
}

/// What is left behind by accident in code, and what to do instead.
const LEFT_IN_CODE: &[(&str, &str)] = &[
    (
        "todo!",
        "write it, or return an error that says what is missing",
    ),
    (
        "unimplemented!",
        "write it, or return an error that says what is missing",
    ),
    ("dbg!", "remove it, or log it with a level"),
    (
        "#[ignore",
        "make the test fast and certain, or put it into a section of `./test`",
    ),
];

/// What is left behind by accident in comments, and what to do instead.
const LEFT_IN_COMMENTS: &[(&str, &str)] = &[
    (
        "FIXME",
        "mend it now, or open an issue and say in the code what holds until then",
    ),
    (
        "XXX",
        "mend it now, or open an issue and say in the code what holds until then",
    ),
];

fn leftovers(file: &File, source: &Source) -> Vec<(usize, String)> {
    let views = [
        (&source.code, LEFT_IN_CODE),
        (&source.comments, LEFT_IN_COMMENTS),
    ];
    let mut found = Vec::new();
    for (view, table) in views {
        for (word, instead) in table {
            for (at, _) in view.match_indices(word) {
                let words = format!("`{word}` is left behind\nhint: {instead}");
                found.push((line_of(&file.text, at), words));
            }
        }
    }
    found
}

fn allowances(file: &File, source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for opening in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
        for (at, _) in source.code.match_indices(opening) {
            let attribute = &source.code[at..];
            let end = attribute.find(")]").unwrap_or(attribute.len());
            if words(&attribute[..end], "reason").next().is_none() {
                found.push((
                    line_of(&file.text, at),
                    format!("`{opening}…)]` without a reason\nhint: add `reason = \"…\"`"),
                ));
            }
        }
    }
    found
}

/// The crates that have no standard library, which proves that they have no clock, file or socket.
const WITHOUT_STD: &[&str] = &["crates/bowline-packet/src/", "crates/bowline-core/src/"];

fn no_std(file: &File, source: &Source) -> Vec<(usize, String)> {
    let is_root = WITHOUT_STD
        .iter()
        .any(|home| file.path == format!("{home}lib.rs"));
    let says_so = source.code.contains("#![no_std]")
        || source.code.contains("#![cfg_attr(not(test), no_std)]");
    if !is_root || says_so {
        return Vec::new();
    }
    let words = "no `#![no_std]`\nhint: this crate has no clock, files, sockets or chance, and that \
                 attribute proves it";
    vec![(1, words.to_owned())]
}

/// What the crates without a standard library may not name outside tests, and what to do instead.
const OUTSIDE: &[(&str, &str)] = &[
    (
        "std::",
        "use `core::` or `alloc::`; time, chance and I/O enter as inputs",
    ),
    (
        "extern crate std",
        "use `core::` or `alloc::`; time, chance and I/O enter as inputs",
    ),
    ("RandomState", "hash with a seed that came in as an input"),
    (
        "DefaultHashBuilder",
        "hash with a seed that came in as an input",
    ),
    (
        "HashMap::new(",
        "its seed differs from run to run: give it a seeded hasher",
    ),
    (
        "HashSet::new(",
        "its seed differs from run to run: give it a seeded hasher",
    ),
    (
        "HashMap::with_capacity(",
        "its seed differs from run to run: give it a seeded hasher",
    ),
    (
        "HashSet::with_capacity(",
        "its seed differs from run to run: give it a seeded hasher",
    ),
];

fn outside_of_core(file: &File, source: &Source) -> Vec<(usize, String)> {
    let Some(within) = WITHOUT_STD
        .iter()
        .find_map(|home| file.path.strip_prefix(home))
    else {
        return Vec::new();
    };
    let is_tests =
        within == "tests.rs" || within.ends_with("/tests.rs") || within.contains("tests/");
    if is_tests {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (word, instead) in OUTSIDE {
        let places = source
            .code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|&at| {
                let before = source.code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && !source.is_test_only(at)
            });
        for at in places {
            let words = format!("`{word}` in a crate without a standard library\nhint: {instead}");
            found.push((line_of(&file.text, at), words));
        }
    }
    found
}
