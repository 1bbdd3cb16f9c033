//! Marks and statements as small data, and what the table makes of them.

use super::marks::{self, Place};
use super::page;
use super::statements::{self, Version};
use super::{Joined, State};
use crate::files::File;

const STATEMENTS: &str = r#"
[statements]
"MQTT-2.1.3-1" = { level = "MUST", side = "both", section = "2.1.3 Flags", line = "flags are right" }
"MQTT-10.1.1-1" = { level = "MUST", side = "both", section = "10", line = "comes last" }
"MQTT-3.1.2-20" = { level = "MUST", side = "client", section = "3.1.2", line = "ping", state = "client", why = "binds clients" }
"#;

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn joined(files: &[File]) -> Joined {
    Joined {
        statements: statements::parse(Version::V5, STATEMENTS).expect("the fixture is right"),
        marks: files.iter().flat_map(marks::find).collect(),
    }
}

/// Each row: a file, and the places its marks count for.
const PLACES: &[(&str, &str, &[&str])] = &[
    (
        "crates/a/src/lib.rs",
        "// [MQTT-2.1.3-1]\nfn f() {}",
        &["code"],
    ),
    (
        "crates/a/src/lib.rs",
        "fn f() { g(\"[MQTT-2.1.3-1]\") }",
        &[],
    ),
    (
        "crates/a/src/a/tests.rs",
        "/// [MQTT-2.1.3-1]\n#[test]\nfn t() {}",
        &["t"],
    ),
    (
        "crates/a/src/a/tests.rs",
        "#[test]\nfn t() {\n    row(\"[MQTT-2.1.3-1]\");\n}",
        &["t"],
    ),
    (
        "crates/a/src/a/tests.rs",
        "//! [MQTT-2.1.3-1]\n\n#[test]\nfn t() {}",
        &["adrift"],
    ),
    (
        "crates/a/src/lib.rs",
        "#[cfg(test)]\nmod tests {\n    // [MQTT-2.1.3-1]\n    #[test]\n    fn t() {}\n}",
        &["t"],
    ),
    (
        "crates/a/tests/it/main.rs",
        "const ROWS: &[u8] = &[\n    // [MQTT-2.1.3-1]\n    1,\n];\n#[test]\nfn a() { ROWS; }\n#[test]\nfn b() { ROWS; }\n#[test]\nfn c() {}",
        &["a", "b"],
    ),
    (
        "tests/clients/paho.py",
        "def test_x():\n    \"\"\"Does it. [MQTT-2.1.3-1]\"\"\"\n",
        &["test_x"],
    ),
    (
        "tests/clients/paho.py",
        "def test_x():\n    pass\n\n# [MQTT-2.1.3-1]\ndef test_y():\n    pass\n",
        &["test_y"],
    ),
    (
        "tests/clients/js/a.mjs",
        "// [MQTT-2.1.3-1]\ntest('does it', async () => {})\n",
        &["does it"],
    ),
    (
        "tests/clients/all.sh",
        "echo # [MQTT-2.1.3-1]\n",
        &["all.sh"],
    ),
    ("xtask/src/spec/tests.rs", "// [MQTT-2.1.3-1]\n", &[]),
    (
        "crates/a/src/lib.rs",
        "// [MQTT-…] [MQTT-1] [MQTT-1.2-] [1]\n",
        &[],
    ),
];

#[test]
fn a_mark_counts_for_its_place() {
    for (path, text, places) in PLACES {
        let found = marks::find(&file(path, text));
        let found: Vec<&str> = found
            .iter()
            .map(|mark| match &mark.place {
                Place::Code => "code",
                Place::Test(test) => test,
                Place::Adrift => "adrift",
            })
            .collect();
        assert_eq!(found, *places, "{path}: {text}");
    }
}

const CLAIM: &str = "// [MQTT-2.1.3-1]\nfn f() {}";
const TEST: &str = "/// [MQTT-2.1.3-1]\n#[test]\nfn holds() {}";

#[test]
fn the_state_follows_from_the_marks() {
    let code = file("crates/a/src/lib.rs", CLAIM);
    let test = file("crates/a/src/tests.rs", TEST);
    let rows: [(&[File], State); 4] = [
        (&[], State::Open),
        (std::slice::from_ref(&code), State::Kept),
        (std::slice::from_ref(&test), State::Tested),
        (&[code.clone(), test.clone()], State::Tested),
    ];
    for (files, state) in rows {
        let joined = joined(files);
        assert_eq!(joined.state(&joined.statements[0]), state, "{files:?}");
        assert_eq!(joined.state(&joined.statements[1]), State::NotOurs);
    }
}

#[test]
fn a_claim_without_a_test_is_a_complaint() {
    let complaints = joined(&[file("crates/a/src/lib.rs", CLAIM)]).complaints();
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].starts_with("a claimed statement without a test: [MQTT-2.1.3-1]"));
    assert!(
        complaints[0].contains("crates/a/src/lib.rs:1"),
        "{}",
        complaints[0]
    );
}

#[test]
fn an_unknown_id_is_a_complaint() {
    for text in ["// [MQTT-9.9.9-9]", "// [MQTT3-2.1.3-1]"] {
        let complaints = joined(&[file("crates/a/src/lib.rs", text)]).complaints();
        assert_eq!(complaints.len(), 1, "{text}");
        assert!(
            complaints[0].contains("is no statement"),
            "{}",
            complaints[0]
        );
    }
}

#[test]
fn statements_are_sorted_by_number() {
    let statements = statements::parse(Version::V5, STATEMENTS).expect("the fixture is right");
    let ids: Vec<&str> = statements
        .iter()
        .map(|statement| statement.id.as_str())
        .collect();
    assert_eq!(ids, ["MQTT-2.1.3-1", "MQTT-3.1.2-20", "MQTT-10.1.1-1"]);
}

#[test]
fn a_bad_statement_is_named() {
    let row = r#""MQTT-1.1.1-1" = { level = "SHOULD", side = "both", section = "1", line = "x" }"#;
    let why = statements::parse(Version::V311, &format!("[statements]\n{row}"))
        .expect_err("SHOULD is no level");
    assert_eq!(why, ["MQTT-1.1.1-1: `level` is one of MUST, MUST NOT, MAY"]);
}

#[test]
fn the_page_names_state_and_tests() {
    let joined = joined(&[file("crates/a/src/tests.rs", TEST)]);
    let page = page::render(&joined);
    for expected in [
        "| 5.0 | 1 | 0 | 1 | 1 | 3 |",
        "| MQTT-2.1.3-1 | both | flags are right | tested | `a/src/tests.rs`: holds |",
        "| MQTT-3.1.2-20 | client | ping | not ours | binds clients |",
        "| MQTT-10.1.1-1 | both | comes last | **open** |  |",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
}
