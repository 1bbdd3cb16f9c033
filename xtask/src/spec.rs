//! The conformance table: normative statements joined with the marks in code and tests.
//!
//! `docs/spec/*.toml` holds each statement of MQTT 3.1.1 and 5.0 in one line of our own words. A mark
//! is an id in square brackets in a comment: `MQTT-…` for 5.0, `MQTT3-…` for 3.1.1. In code it claims
//! that the rule is kept there; on or in a test it says that the test holds it. A mark on a table
//! counts for the tests of the same file that read the table. The state of a statement follows from
//! its marks and is stored nowhere, so it cannot be wished for.

mod marks;
mod page;
mod statements;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::{Outcome, files};
use marks::{Mark, Place};
use statements::Statement;

/// The page, from the root.
const PAGE: &str = "docs/conformance.md";

/// Writes the page and says what it counted.
pub(crate) fn write(root: &Path) -> Outcome {
    let joined = Joined::read(root)?;
    let page = page::render(&joined);
    std::fs::write(root.join(PAGE), page).map_err(|e| vec![format!("cannot write {PAGE}: {e}")])?;
    let mut said = page::counts(&joined);
    for complaint in joined.complaints().iter().chain(&joined.remarks()) {
        said.push_str(complaint);
        said.push('\n');
    }
    Ok(said)
}

/// Changes nothing; fails when the page is stale or the marks do not hold together.
pub(crate) fn check(root: &Path) -> Outcome {
    let joined = Joined::read(root)?;
    let mut complaints = joined.complaints();
    let stands = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    if stands != page::render(&joined) {
        complaints.push(format!(
            "{PAGE} is stale\nhint: run `cargo xtask spec` and commit the page"
        ));
    }
    if complaints.is_empty() {
        Ok(page::counts(&joined))
    } else {
        Err(complaints)
    }
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A test holds it.
    Tested,
    /// Code claims it, no test holds it. `spec --check` fails on it.
    Kept,
    /// Nothing claims it.
    Open,
    /// It binds nothing in a server, and no test of ours holds it either.
    NotOurs,
}

/// Statements and marks, side by side.
#[derive(Debug)]
struct Joined {
    statements: Vec<Statement>,
    marks: Vec<Mark>,
}

impl Joined {
    fn read(root: &Path) -> Result<Self, Vec<String>> {
        let statements = statements::read(root)?;
        let read = files::read(root, &[".rs", ".py", ".js", ".mjs", ".cjs", ".sh"])?;
        Ok(Self {
            statements,
            marks: read.iter().flat_map(marks::find).collect(),
        })
    }

    fn state(&self, statement: &Statement) -> State {
        let mut claimed = false;
        for mark in self.marks_of(statement) {
            match mark.place {
                Place::Test(_) => return State::Tested,
                Place::Code => claimed = true,
                Place::Adrift => {}
            }
        }
        match (claimed, &statement.not_ours) {
            (true, _) => State::Kept,
            (false, Some(_)) => State::NotOurs,
            (false, None) => State::Open,
        }
    }

    fn marks_of(&self, statement: &Statement) -> impl Iterator<Item = &Mark> {
        let mark = statement.mark();
        self.marks.iter().filter(move |m| m.id == mark)
    }

    /// What makes `--check` fail, the staleness of the page apart.
    fn complaints(&self) -> Vec<String> {
        let known: Vec<String> = self.statements.iter().map(Statement::mark).collect();
        let mut complaints = Vec::new();
        for mark in &self.marks {
            if !known.contains(&mark.id) {
                complaints.push(format!(
                    "{}:{}: [{}] is no statement of docs/spec\nhint: 5.0 ids are written [MQTT-…], \
                     3.1.1 ids [MQTT3-…]",
                    mark.file, mark.line, mark.id
                ));
            }
        }
        for statement in &self.statements {
            if self.state(statement) == State::Kept {
                let claims = self
                    .marks_of(statement)
                    .filter(|mark| mark.place == Place::Code);
                let claims: Vec<String> = claims
                    .map(|mark| format!("{}:{}", mark.file, mark.line))
                    .collect();
                complaints.push(format!(
                    "a claimed statement without a test: [{}] {} ({})\nhint: put the mark on the \
                     test that fails when the rule is broken, or write that test",
                    statement.mark(),
                    statement.line,
                    claims.join(", ")
                ));
            }
        }
        complaints
    }

    /// What is worth a look, but no failure.
    fn remarks(&self) -> Vec<String> {
        let adrift = self.marks.iter().filter(|mark| mark.place == Place::Adrift);
        adrift
            .map(|mark| {
                format!(
                    "{}:{}: [{}] stands in a test file but belongs to no test, so it counts for \
                     none",
                    mark.file, mark.line, mark.id
                )
            })
            .collect()
    }
}
