//! The reference of the configuration as a Markdown page, written from the table of keys.

use std::fmt::Write as _;

use super::Config;
use super::key::{Key, Kind};
use super::keys::KEYS;
use super::problem::sections;

/// What stands above the sections.
const HEAD: &str = "\
# Configuration

<!-- Written by `bowline generate configuration`. Change `crates/bowline/src/config/keys.rs`. -->

`bowline` needs no configuration. What differs from the defaults stands in one TOML file, which
`bowline serve --config FILE` reads and `bowline check --config FILE` explains: it prints each value
that is in force and where it comes from.

The unit of a number is in the name of its key, and a bound ends in `_max`. A key that is not there
has its default. Unknown keys and values that do not fit are errors. *Change* says what a changed
value takes: `live` and `new connections` will need a SIGHUP once this version knows how to reload;
until then everything takes a restart.

Not here, because the system has it: the congestion control of TCP (`sysctl
net.ipv4.tcp_congestion_control`) and the number of open files (`ulimit -n`, `LimitNOFILE=` of
systemd), of which a connection takes one. bowline raises the soft limit to the hard one at start.
";

/// The page.
#[must_use]
pub fn page() -> String {
    let defaults = Config::default();
    let mut page = HEAD.to_owned();
    for section in sections() {
        let of_listener = KEYS
            .iter()
            .any(|key| key.parts().0 == section && key.is_of_listener());
        let heading = if of_listener {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        };
        writeln!(page, "\n## `{heading}`").expect("writing to a string cannot fail");
        for key in KEYS.iter().filter(|key| key.parts().0 == section) {
            page.push_str(&entry(key, &defaults));
        }
    }
    page
}

/// The part about one key.
fn entry(key: &Key, defaults: &Config) -> String {
    let (_, name) = key.parts();
    let default = match key.values(defaults).first() {
        Some(Some(value)) => match sized(key, &value.to_string()) {
            Some(sized) => format!("`{value}` ({sized})"),
            None => format!("`{value}`"),
        },
        Some(None) | None => key.absent.to_owned(),
    };
    let doc = key.doc;
    let expected = key.kind.expected();
    let reload = key.reload;
    format!(
        "\n### `{name}`\n\n{doc}\n\n- Value: {expected}\n- Default: {default}\n- Change: {reload}\n"
    )
}

/// A large number of bytes or seconds in a unit that people can read.
pub(crate) fn sized(key: &Key, value: &str) -> Option<String> {
    let Kind::Number { .. } = key.kind else {
        return None;
    };
    let number: u64 = value.parse().ok()?;
    let units: &[(u64, &str)] = if key.name.contains("_bytes") || key.name.contains(".bytes") {
        &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
    } else if key.name.contains("_secs") {
        &[(86_400, "days"), (3_600, "hours"), (60, "minutes")]
    } else {
        return None;
    };
    let (size, unit) = units
        .iter()
        .find(|&&(size, _)| number >= size && number.is_multiple_of(size))?;
    let count = number / size;
    // Units of time are words and have a plural.
    let unit = if count == 1 {
        unit.trim_end_matches('s')
    } else {
        unit
    };
    Some(format!("{count} {unit}"))
}

#[cfg(test)]
mod tests {
    /// The page in the repository is the one that the table makes; to write it anew:
    /// `cargo run -p bowline -- generate configuration > docs/reference/configuration.md`.
    #[test]
    fn the_page_in_the_repository_is_current() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/configuration.md"
        );
        let written = std::fs::read_to_string(path).expect("the page is in the repository");
        assert!(
            written == super::page(),
            "docs/reference/configuration.md is not what `bowline generate configuration` prints"
        );
    }
}
