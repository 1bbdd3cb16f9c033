//! Where data lies when nobody says where: the platform's place for it.

use std::env;
use std::path::PathBuf;

/// The data directory of this user; `None` if the environment does not even name a home.
#[must_use]
pub fn default_directory() -> Option<PathBuf> {
    chosen(
        |name| env::var_os(name).map(PathBuf::from),
        cfg!(target_os = "macos"),
    )
}

/// The rule, with the environment as an argument.
fn chosen(variable: impl Fn(&str) -> Option<PathBuf>, is_macos: bool) -> Option<PathBuf> {
    // A relative path in these variables is to be ignored, says their specification.
    let absolute = |name| variable(name).filter(|path: &PathBuf| path.is_absolute());
    if is_macos {
        return absolute("HOME").map(|home| home.join("Library/Application Support/bowline"));
    }
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("bowline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_chooses() {
        type Variables<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(Variables<'_>, bool, Option<&str>)] = &[
            (
                &[("XDG_DATA_HOME", "/x"), ("HOME", "/home/a")],
                false,
                Some("/x/bowline"),
            ),
            (
                &[("HOME", "/home/a")],
                false,
                Some("/home/a/.local/share/bowline"),
            ),
            (
                &[("XDG_DATA_HOME", "x"), ("HOME", "/h")],
                false,
                Some("/h/.local/share/bowline"),
            ),
            (
                &[("HOME", "/Users/a")],
                true,
                Some("/Users/a/Library/Application Support/bowline"),
            ),
            (&[], false, None),
        ];
        for &(variables, is_macos, expected) in cases {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            };
            assert_eq!(
                chosen(variable, is_macos),
                expected.map(PathBuf::from),
                "{variables:?}"
            );
        }
    }
}
