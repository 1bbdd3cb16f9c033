//! From a TOML file to values, by the table of keys.
//!
//! Every problem of a file is found in one go. Unknown keys are problems: a bound that was spelt
//! wrong and silently ignored would be worse than a broker that does not start.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, Table, TableLike};

use super::key::{Key, Kind, Place, Value};
use super::keys::{KEYS, key};
use super::problem::{Problem, hint_for_key, hint_for_section, hint_for_word};
use super::{Config, Listener};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    #[default]
    Default,
    /// The file, at this line.
    File(usize),
    /// The command line.
    CommandLine,
}

/// A configuration, and where each of its values comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// By key, in the order of [`KEYS`].
    sources: Vec<Source>,
}

impl Default for Loaded {
    fn default() -> Self {
        Self {
            config: Config::default(),
            sources: vec![Source::Default; KEYS.len()],
        }
    }
}

impl Loaded {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_file(path: &Path) -> Result<Self, Vec<Problem>> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("cannot read `{file}`: {error}");
            vec![Problem {
                place: None,
                what,
                hint: None,
            }]
        })?;
        Self::from_text(&file, &text)
    }

    /// Reads the text of a file that is called `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader {
            file,
            text,
            loaded: Self::default(),
            problems: Vec::new(),
        };
        match Document::parse(text) {
            Ok(document) => reader.read(document.as_table()),
            Err(error) => {
                let what = error
                    .message()
                    .lines()
                    .next()
                    .unwrap_or("this is not TOML")
                    .to_owned();
                reader.problem(error.span(), what, None);
            }
        }
        if reader.problems.is_empty() {
            Ok(reader.loaded)
        } else {
            Err(reader.problems)
        }
    }

    /// Where the value of a key comes from.
    #[must_use]
    pub fn source(&self, name: &str) -> Source {
        let at = KEYS.iter().position(|key| key.name == name);
        at.and_then(|at| self.sources.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Notes where the value of a key comes from.
    pub fn set_source(&mut self, name: &str, source: Source) {
        let at = KEYS.iter().position(|key| key.name == name);
        if let Some(slot) = at.and_then(|at| self.sources.get_mut(at)) {
            *slot = source;
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    loaded: Loaded,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self, root: &Table) {
        for (name, item) in root.iter() {
            let span = root.key(name).and_then(toml_edit::Key::span);
            let has_section = KEYS.iter().any(|key| key.parts().0 == name);
            let repeats = KEYS
                .iter()
                .any(|key| key.parts().0 == name && key.is_of_listener());
            if !has_section {
                let kind = if item.is_table_like() {
                    "section"
                } else {
                    "key"
                };
                let what = format!("`{name}` is not a {kind}");
                self.problem(span, what, hint_for_section(name));
            } else if repeats {
                self.read_listeners(name, item, span);
            } else if let Some(table) = item.as_table_like() {
                self.read_section(name, table);
            } else {
                let what = format!("`{name}` is a section, not a key");
                let hint = format!("put its keys under a line `[{name}]`");
                self.problem(span, what, Some(hint));
            }
        }
    }

    fn read_section(&mut self, section: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(toml_edit::Key::span);
            let Some((at, key, value)) = self.read_value(section, name, item, span) else {
                continue;
            };
            if let Place::Config { get: _, set } = key.place {
                set(&mut self.loaded.config, value);
                self.loaded.set_source(key.name, Source::File(at));
            }
        }
    }

    /// `[[listener]]`, once for each.
    fn read_listeners(&mut self, section: &str, item: &Item, span: Option<Range<usize>>) {
        let Some(tables) = item.as_array_of_tables() else {
            let what = format!("`{section}` can be there more than once");
            let hint = format!("write `[[{section}]]` with two brackets on each side");
            self.problem(span, what, Some(hint));
            return;
        };
        for table in tables {
            let mut listener = Listener::at("");
            for (name, item) in table.iter() {
                let span = table.key(name).and_then(toml_edit::Key::span);
                let Some((at, key, value)) = self.read_value(section, name, item, span) else {
                    continue;
                };
                if let Place::Listener { get: _, set } = key.place {
                    set(&mut listener, value);
                    self.loaded.set_source(key.name, Source::File(at));
                }
            }
            if !table.contains_key("address") {
                let what = format!("this `[[{section}]]` has no `address`");
                let hint = "such as `address = \"127.0.0.1:1883\"`".to_owned();
                self.problem(table.span(), what, Some(hint));
            }
            self.loaded.config.listeners.push(listener);
        }
    }

    /// The line, the key and the value of `name` in `section`, or problems.
    fn read_value(
        &mut self,
        section: &str,
        name: &str,
        item: &Item,
        span: Option<Range<usize>>,
    ) -> Option<(usize, &'static Key, Value)> {
        let full_name = format!("{section}.{name}");
        let Some(key) = key(&full_name) else {
            let what = format!("`{full_name}` is not a key");
            self.problem(span, what, hint_for_key(section, name));
            return None;
        };
        let line = self.line(span.clone());
        match value_of(key.kind, item) {
            Ok(value) => Some((line, key, value)),
            Err(hint) => {
                let written = item
                    .span()
                    .and_then(|span| self.text.get(span))
                    .unwrap_or_default();
                let written = written.lines().next().unwrap_or_default();
                let what = format!(
                    "`{full_name}` must be {}, not `{written}`",
                    key.kind.expected()
                );
                self.problem(span, what, hint);
                None
            }
        }
    }

    fn problem(&mut self, span: Option<Range<usize>>, what: String, hint: Option<String>) {
        let line = self.line(span);
        self.problems.push(Problem {
            place: Some((self.file.to_owned(), line)),
            what,
            hint,
        });
    }

    /// The line of a place in the text, from 1.
    fn line(&self, span: Option<Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start);
        let before = self
            .text
            .as_bytes()
            .get(..start)
            .unwrap_or(self.text.as_bytes());
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

/// The value, if it is of this kind; else a hint, if there is one.
fn value_of(kind: Kind, item: &Item) -> Result<Value, Option<String>> {
    match kind {
        Kind::Number { min, max } => {
            let number = item.as_integer().ok_or_else(|| hint_for_number(item))?;
            let number = u64::try_from(number).map_err(|_| None)?;
            if (min..=max).contains(&number) {
                Ok(Value::Number(number))
            } else {
                Err(None)
            }
        }
        Kind::Truth => item.as_bool().map(Value::Truth).ok_or(None),
        Kind::Choice(words) => {
            let word = item.as_str().ok_or(None)?;
            if words.contains(&word) {
                Ok(Value::Text(word.to_owned()))
            } else {
                Err(hint_for_word(word, words))
            }
        }
        Kind::Directory | Kind::Address => match item.as_str() {
            Some(text) if !text.is_empty() => Ok(Value::Text(text.to_owned())),
            Some(_) | None => Err(None),
        },
    }
}

/// People write sizes as text with a unit; the unit is in the name of the key.
fn hint_for_number(item: &Item) -> Option<String> {
    let text = item.as_str()?.trim().replace('_', "");
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let factor: u64 = match unit.trim().to_lowercase().as_str() {
        "" | "b" | "s" | "sec" | "secs" | "ms" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => {
            return Some("write a number without quotes; the unit is in the key's name".to_owned());
        }
    };
    let number = number.checked_mul(factor)?;
    Some(format!(
        "write `{number}` without quotes; the unit is in the key's name"
    ))
}
