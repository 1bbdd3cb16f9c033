//! Puts the commit into the version, where the program is built from its own repository.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // In a packaged copy that lies in somebody else's repository, git would answer for theirs.
    let commit = if root.join(".git").exists() {
        commit(&root)
    } else {
        None
    };
    match commit {
        Some(commit) => println!("cargo::rustc-env=BOWLINE_VERSION={version} ({commit})"),
        None => println!("cargo::rustc-env=BOWLINE_VERSION={version}"),
    }
    println!("cargo::rerun-if-changed=build.rs");
    // Changes with every commit and checkout.
    if let Some(log) = git(&root, &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={}", root.join(log).display());
    }
}

/// The commit and its day, such as `abc1234 2026-11-21`.
fn commit(root: &Path) -> Option<String> {
    git(root, &["log", "-1", "--abbrev=7", "--format=%h %cs"])
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    if text.is_empty() { None } else { Some(text) }
}
