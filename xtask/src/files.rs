//! The files of the tree that the chores read.
//!
//! Walks the directories themselves, so that it works on an unpacked archive too, where git knows
//! nothing. What a build or a test leaves behind is passed over.

use std::path::Path;

/// A text file: its path from the root, with `/`, and what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All files below `root` whose name ends in one of `endings`, sorted by path.
///
/// A file that is not UTF-8 or cannot be read is an error: the chores would overlook it.
pub(crate) fn read(root: &Path, endings: &[&str]) -> Result<Vec<File>, Vec<String>> {
    let mut found = Vec::new();
    let mut complaints = Vec::new();
    walk(root, "", endings, &mut found, &mut complaints);
    if !complaints.is_empty() {
        return Err(complaints);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(
    root: &Path,
    below: &str,
    endings: &[&str],
    found: &mut Vec<File>,
    complaints: &mut Vec<String>,
) {
    let directory = root.join(below);
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) => {
            complaints.push(format!("cannot list {}: {error}", directory.display()));
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            let left_behind = name.starts_with('.') || name == "target" || name == "node_modules";
            if !left_behind {
                walk(root, &path, endings, found, complaints);
            }
        } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            match std::fs::read_to_string(root.join(&path)) {
                Ok(text) => found.push(File { path, text }),
                Err(error) => complaints.push(format!("cannot read {path}: {error}")),
            }
        }
    }
}
