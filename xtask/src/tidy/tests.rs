//! One small file for each house rule, and a word of the complaint.

use super::{LINES_MAX, look_at};
use crate::files::File;

fn complaints(path: &str, text: &str) -> Vec<String> {
    look_at(&File {
        path: path.to_owned(),
        text: text.to_owned(),
    })
}

/// Each row: path, text, and how the one complaint begins, if there is one.
const ROWS: &[(&str, &str, Option<&str>)] = &[
    ("a.rs", "//! A file.\n", None),
    (
        "a.rs",
        "fn f() {}\n",
        Some("a.rs:1: the file does not open"),
    ),
    (
        "a/util.rs",
        "//! A file.\n",
        Some("a/util.rs:1: `util` says nothing"),
    ),
    (
        "common/a.rs",
        "//! A file.\n",
        Some("common/a.rs:1: `common` says nothing"),
    ),
    (
        "a.rs",
        "//! A file.\nmod helpers {}\n",
        Some("a.rs:2: `helpers` says nothing"),
    ),
    ("a.rs", "//! A file.\nmod commonplace;\n", None),
    (
        "a.rs",
        "//! A file.\nfn f() {\n    todo!()\n}\n",
        Some("a.rs:3: `todo!` is left behind"),
    ),
    (
        "a.rs",
        "//! A file.\nfn f() { dbg!(1); }\n",
        Some("a.rs:2: `dbg!` is left behind"),
    ),
    (
        "a.rs",
        "//! A file.\n// FIXME: later\n",
        Some("a.rs:2: `FIXME` is left behind"),
    ),
    (
        "a.rs",
        "//! A file.\n#[ignore]\nfn f() {}\n",
        Some("a.rs:2: `#[ignore` is left behind"),
    ),
    ("a.rs", "//! A file.\nfn f() { g(\"todo! FIXME\") }\n", None),
    (
        "a.rs",
        "//! A file.\n#[allow(dead_code)]\nfn f() {}\n",
        Some("a.rs:2: `#[allow(…)]` without"),
    ),
    (
        "a.rs",
        "//! A file.\n#[allow(dead_code, reason = \"x\")]\nfn f() {}\n",
        None,
    ),
    (
        "crates/bowline-core/src/lib.rs",
        "//! Core.\n#![no_std]\n",
        None,
    ),
    (
        "crates/bowline-packet/src/lib.rs",
        "//! P.\n",
        Some("crates/bowline-packet/src/lib.rs:1: no `#![no_std]`"),
    ),
    (
        "crates/bowline-core/src/a.rs",
        "//! A.\nuse std::fs;\n",
        Some("crates/bowline-core/src/a.rs:2: `std::` in"),
    ),
    (
        "crates/bowline-core/src/a.rs",
        "//! A.\n// std::fs\nuse my_std::x;\n",
        None,
    ),
    (
        "crates/bowline-core/src/a.rs",
        "//! A.\n#[cfg(test)]\nmod t {\n    use std::fs;\n}\n",
        None,
    ),
    (
        "crates/bowline-core/src/a/tests.rs",
        "//! A.\nuse std::fs;\n",
        None,
    ),
    ("crates/bowline/src/a.rs", "//! A.\nuse std::fs;\n", None),
    (
        "crates/bowline-core/src/a.rs",
        "//! A.\nfn f() { HashMap::new(); }\n",
        Some("crates/bowline-core/src/a.rs:2: `HashMap::new(`"),
    ),
];

#[test]
fn each_rule_finds_what_it_forbids_and_no_more() {
    for (path, text, expected) in ROWS {
        let found = complaints(path, text);
        match expected {
            None => assert_eq!(found, [""; 0], "{path}: {text}"),
            Some(words) => {
                assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
                assert!(found[0].starts_with(words), "{found:?}");
                assert!(found[0].contains("\nhint: "), "{found:?}");
            }
        }
    }
}

#[test]
fn a_long_file_states_its_bound_and_its_reason() {
    let long = |doc: &str, lines: usize| format!("//! A file.\n{doc}{}", "\n".repeat(lines));
    let rows = [
        ("", LINES_MAX - 1, true),
        ("", LINES_MAX, false),
        ("//! Long (at most 900 lines): one table.\n", 898, true),
        ("//! Long (at most 900 lines): one table.\n", 899, false),
        ("//! Long (at most 900 lines): \n", 700, false),
    ];
    for (doc, lines, allowed) in rows {
        let found = complaints("a.rs", &long(doc, lines));
        assert_eq!(found.is_empty(), allowed, "{doc}{lines}: {found:?}");
    }
}
