//! What is wrong with a configuration, in words that name the place and the remedy.

use std::fmt;

use super::keys::KEYS;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file and the line, from 1; `None`: it is not about a place in a file.
    pub place: Option<(String, usize)>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.place {
            write!(f, "{file}:{line}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The remedy for a name that is no key: the same name in another section, or one that reads alike.
pub(super) fn hint_for_key(section: &str, name: &str) -> Option<String> {
    let elsewhere = KEYS.iter().find(|key| key.parts().1 == name);
    if let Some(key) = elsewhere {
        return Some(format!("`{}` is in section `[{}]`", name, key.parts().0));
    }
    let wanted = format!("{section}.{name}");
    nearest(&wanted, KEYS.iter().map(|key| key.name)).map(|key| format!("did you mean `{key}`?"))
}

/// The remedy for a section that is none.
pub(super) fn hint_for_section(section: &str) -> Option<String> {
    if let Some(key) = KEYS.iter().find(|key| key.parts().1 == section) {
        return Some(format!(
            "`{section}` is a key of section `[{}]`",
            key.parts().0
        ));
    }
    nearest(section, sections()).map(|section| format!("did you mean `[{section}]`?"))
}

/// The remedy for a word that is not to be chosen.
pub(super) fn hint_for_word(word: &str, words: &[&'static str]) -> Option<String> {
    let word = word.to_lowercase().replace('_', "-");
    nearest(&word, words.iter().copied()).map(|word| format!("did you mean `\"{word}\"`?"))
}

/// Every section once, in the order of the table.
pub(crate) fn sections() -> impl Iterator<Item = &'static str> {
    let names = KEYS.iter().map(|key| key.parts().0);
    names
        .clone()
        .enumerate()
        .filter(move |&(at, name)| !names.clone().take(at).any(|n| n == name))
        .map(|(_, name)| name)
}

/// The name that reads most like `wanted`, if one does.
fn nearest(wanted: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    /// Below this, two names only share letters by chance.
    const ALIKE_MIN: f64 = 0.8;
    names
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|&(alike, _)| alike >= ALIKE_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}
