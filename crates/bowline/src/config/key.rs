//! What a key of the configuration is: its name, its kind of value, and how it is set.

use std::fmt;

use super::{Config, Listener};

/// One documented key.
pub struct Key {
    /// `section.name`; the unit is in the name, a bound ends in `_max`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What a changed value takes to be in force.
    pub reload: Reload,
    /// What it does and why the default is what it is, in whole sentences of Markdown.
    pub doc: &'static str,
    /// What it means when there is no value, if the default is to have none.
    pub absent: &'static str,
    pub(super) place: Place,
}

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number within these bounds.
    Number {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// `true` or `false`.
    Truth,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A directory.
    Directory,
    /// `HOST:PORT`.
    Address,
}

/// What a changed value takes to be in force, once reload is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// SIGHUP, for everybody.
    Live,
    /// SIGHUP, for connections made from then on.
    NewConnections,
    /// A restart.
    Restart,
}

/// A value of one of the [`Kind`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A truth value.
    Truth(bool),
    /// A word, path or address.
    Text(String),
}

/// Where a value lives, with the ways there. `None` is "absent".
pub(super) enum Place {
    /// Once.
    Config {
        get: fn(&Config) -> Option<Value>,
        set: fn(&mut Config, Value),
    },
    /// In each `[[listener]]`.
    Listener {
        get: fn(&Listener) -> Option<Value>,
        set: fn(&mut Listener, Value),
    },
}

impl Key {
    /// The section and the name inside it.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name
            .split_once('.')
            .expect("every key of the table has a section; a test holds it")
    }

    /// The values in force: one, or one per listener.
    #[must_use]
    pub fn values(&self, config: &Config) -> Vec<Option<Value>> {
        match self.place {
            Place::Config { get, set: _ } => vec![get(config)],
            Place::Listener { get, set: _ } => config.listeners.iter().map(get).collect(),
        }
    }

    /// Whether it stands in each `[[listener]]`.
    #[must_use]
    pub const fn is_of_listener(&self) -> bool {
        matches!(self.place, Place::Listener { .. })
    }
}

impl Kind {
    /// What a value must be, after "must be".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Number { min, max } if max >= u64::from(u32::MAX) => {
                format!("a whole number from {min} on")
            }
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Choice(words) => {
                let quoted: Vec<String> =
                    words.iter().map(|word| format!("`\"{word}\"`")).collect();
                match quoted.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
                    None => String::new(),
                }
            }
            Self::Directory => "the path of a directory, in quotes".to_owned(),
            Self::Address => "`HOST:PORT`, in quotes".to_owned(),
        }
    }
}

impl fmt::Display for Value {
    /// As in a TOML file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::NewConnections => "new connections",
            Self::Restart => "restart",
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish()
    }
}
