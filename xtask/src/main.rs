//! Chores of the project, run as `cargo xtask CHORE`.
//!
//! `spec` joins the normative statements of MQTT with the marks in code and tests and writes
//! `docs/conformance.md`; `tidy` reads the tree for what no compiler sees. Each says in plain words
//! what to do. Nothing here is needed to build or to run bowline, and nothing here uses a network.
#![allow(
    clippy::print_stdout,
    reason = "a chore talks to the person who runs it"
)]

mod files;
mod source;
mod spec;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask CHORE [--check]

  spec     write docs/conformance.md from docs/spec/*.toml and the marks in code and tests
           --check: change nothing; fail if the page is stale, a mark names an unknown
           statement, or code claims a statement that no test holds
  tidy     look for what the house rules forbid, and list the long files
           --check: the same without the list";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match arguments.as_slice() {
        ["spec"] => spec::write(&root),
        ["spec", "--check"] => spec::check(&root),
        ["tidy"] => tidy::run(&root, tidy::LongFiles::Listed),
        ["tidy", "--check"] => tidy::run(&root, tidy::LongFiles::Quiet),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => Err(vec![format!(
            "no such chore: `{}`\nhint: `cargo xtask help` lists them",
            other.join(" ")
        )]),
    };
    match outcome {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(complaints) => {
            for complaint in &complaints {
                eprintln!("{complaint}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository: the directory above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the root of the workspace")
        .to_path_buf()
}

/// What a chore gives back: words to print, or complaints that make it fail.
type Outcome = Result<String, Vec<String>>;
