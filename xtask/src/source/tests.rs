//! Small files, and what the reader of shapes sees in them.

use super::{Source, line_of};

/// Each row: a line of source, and what of it is left as code.
const CODE: &[(&str, &str)] = &[
    ("a // b", "a     "),
    ("a /* b /* c */ d */ e", "a                   e"),
    (r#"f("x // y")"#, r#"f("      ")"#),
    (r##"f(r#"a " b"#, g)"##, r##"f(r#"     "#, g)"##),
    (r#"f(b"\"x", g)"#, r#"f(b"   ", g)"#),
    ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
    (r"m('{', '\'', 'é')", r"m(' ', '  ', '  ')"),
    ("for r in rows {}", "for r in rows {}"),
];

#[test]
fn comments_and_literals_are_not_code() {
    for (text, code) in CODE {
        assert_eq!(Source::read(text).code, *code, "{text}");
    }
}

const FILE: &str = r#"//! A file.

/// Above.
#[test]
fn first() {
    // inside first
    let rows = ["row of first"];
}

/// On the table.
const TABLE: &[&str] = &["row; of table"];

fn walks() -> usize {
    TABLE.len()
}

#[tokio::test(flavor = "current_thread")]
async fn second() {
    walks();
}

// on nothing that a test names
fn alone() {}

#[cfg(test)]
mod inner {
    use std::fmt;
}
"#;

/// Each row: words of the file, and the tests they belong to.
const BELONGING: &[(&str, &[&str])] = &[
    ("A file", &[]),
    ("Above", &["first"]),
    ("inside first", &["first"]),
    ("row of first", &["first"]),
    ("On the table", &["second"]),
    ("row; of table", &["second"]),
    ("TABLE.len", &["second"]),
    ("on nothing", &[]),
];

#[test]
fn a_place_belongs_to_the_test_it_stands_on_or_is_named_by() {
    let source = Source::read(FILE);
    for (words, tests) in BELONGING {
        let at = FILE.find(words).expect("the words stand in the file");
        assert_eq!(source.tests_at(at), *tests, "{words}");
    }
}

#[test]
fn test_only_regions_are_known() {
    let source = Source::read(FILE);
    let at = |words| FILE.find(words).expect("the words stand in the file");
    assert!(source.is_test_only(at("use std::fmt")));
    assert!(source.is_test_only(at("inside first")));
    assert!(!source.is_test_only(at("fn alone")));
}

#[test]
fn lines_count_from_one() {
    assert_eq!(line_of("a\nb\nc", 0), 1);
    assert_eq!(line_of("a\nb\nc", 4), 3);
}
