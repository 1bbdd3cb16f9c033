//! Topic Names, Topic Filters and Share Names, parsed once.
//!
//! A value in hand is well formed. How many levels one wants to allow is policy and not judged
//! here. [`matches()`] is the reference for what a filter matches: short and slow on purpose, so
//! that faster matchers have something to be compared with.

use core::fmt;

/// Why a string is not a Topic Name or not a Topic Filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicError {
    /// It has no character `[MQTT-4.7.3-1]`.
    Empty,
    /// It contains U+0000 `[MQTT-4.7.3-2]`.
    Nul,
    /// It has more than 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// A Topic Name contains `+` or `#` `[MQTT-4.7.0-1]`.
    WildcardInName,
    /// `#` is not alone in its level, or its level is not the last `[MQTT-4.7.1-1]`.
    MultiLevelWildcard,
    /// `+` is not alone in its level `[MQTT-4.7.1-2]`.
    SingleLevelWildcard,
    /// The Share Name after `$share/` is empty `[MQTT-4.8.2-1]`.
    ShareNameEmpty,
    /// The Share Name contains `+` or `#` `[MQTT-4.8.2-2]`.
    ShareNameWildcard,
    /// There is no Topic Filter after the Share Name `[MQTT-4.8.2-2]`.
    ShareFilterMissing,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Nul => "it contains U+0000",
            Self::TooLong => "it has more than 65535 bytes",
            Self::WildcardInName => "a topic name cannot contain `+` or `#`",
            Self::MultiLevelWildcard => "`#` must be alone in the last level",
            Self::SingleLevelWildcard => "`+` must be alone in its level",
            Self::ShareNameEmpty => "the share name is empty",
            Self::ShareNameWildcard => "the share name contains `+` or `#`",
            Self::ShareFilterMissing => "no topic filter follows the share name",
        })
    }
}

impl core::error::Error for TopicError {}

/// The longest string that MQTT can carry, in bytes.
const STRING_BYTES_MAX: usize = 65_535;

/// A Topic Name: what a message is published under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Checks that `name` is a Topic Name.
    #[inline]
    pub fn parse(name: &'a str) -> Result<Self, TopicError> {
        // One pass without a branch per byte, which the compiler turns into wide compares. No byte
        // of a longer character in UTF-8 equals an ASCII character.
        let suspicious = name.as_bytes().iter().fold(false, |found, &byte| {
            found | (byte == b'+') | (byte == b'#') | (byte == 0)
        });
        if suspicious || name.is_empty() || name.len() > STRING_BYTES_MAX {
            return Err(why_not_a_name(name));
        }
        Ok(Self(name))
    }

    /// The name.
    #[inline]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

#[cold]
fn why_not_a_name(name: &str) -> TopicError {
    match check_text(name) {
        Err(why) => why,
        // [MQTT-4.7.0-1] [MQTT3-4.7.1-1]
        Ok(()) => TopicError::WildcardInName,
    }
}

/// What names and filters have in common.
fn check_text(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty); // [MQTT-4.7.3-1] [MQTT3-4.7.3-1]
    }
    if text.len() > STRING_BYTES_MAX {
        return Err(TopicError::TooLong); // [MQTT-4.7.3-3] [MQTT3-4.7.3-3]
    }
    if text.as_bytes().contains(&0) {
        return Err(TopicError::Nul); // [MQTT-4.7.3-2] [MQTT3-4.7.3-2]
    }
    Ok(())
}

/// A Topic Filter: what a subscription asks for, perhaps as one of a share group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter<'a>(&'a str);

impl<'a> TopicFilter<'a> {
    /// Checks that `filter` is a Topic Filter. With `$share/` in front it must be the filter of a
    /// Shared Subscription, in every version.
    pub fn parse(filter: &'a str) -> Result<Self, TopicError> {
        check_text(filter)?;
        match filter.strip_prefix(SHARE_PREFIX) {
            Some(shared) => check_shared(shared)?,
            None => check_levels(filter)?,
        }
        Ok(Self(filter))
    }

    /// A filter that was parsed before.
    pub(crate) fn parsed_before(filter: &'a str) -> Self {
        Self(filter)
    }

    /// The whole filter, with `$share/` and Share Name if it has them.
    #[inline]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The Share Name, if this is a Shared Subscription.
    pub fn share(self) -> Option<ShareName<'a>> {
        self.split_share().0
    }

    /// The filter that Topic Names are matched against: without `$share/` and Share Name.
    pub fn filter(self) -> &'a str {
        self.split_share().1
    }

    /// It contains `+` or `#`.
    pub fn has_wildcards(self) -> bool {
        self.filter().bytes().any(is_wildcard)
    }

    /// How many levels [`filter`](Self::filter) has; `a//b` has three.
    pub fn level_count(self) -> usize {
        self.filter().split('/').count()
    }

    fn split_share(self) -> (Option<ShareName<'a>>, &'a str) {
        match self
            .0
            .strip_prefix(SHARE_PREFIX)
            .and_then(|shared| shared.split_once('/'))
        {
            Some((name, filter)) => (Some(ShareName(name)), filter),
            None => (None, self.0),
        }
    }
}

/// The name of a share group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareName<'a>(&'a str);

impl<'a> ShareName<'a> {
    /// The name.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

const SHARE_PREFIX: &str = "$share/";

/// What follows `$share/`: a name, a slash, a filter.
fn check_shared(shared: &str) -> Result<(), TopicError> {
    let (name, filter) = match shared.split_once('/') {
        Some((name, filter)) => (name, Some(filter)),
        None => (shared, None),
    };
    if name.is_empty() {
        return Err(TopicError::ShareNameEmpty); // [MQTT-4.8.2-1]
    }
    if name.bytes().any(is_wildcard) {
        return Err(TopicError::ShareNameWildcard); // [MQTT-4.8.2-2]
    }
    match filter {
        Some(filter) if !filter.is_empty() => check_levels(filter),
        Some(_) | None => Err(TopicError::ShareFilterMissing), // [MQTT-4.8.2-2]
    }
}

/// Wildcards stand alone in their level, `#` in the last.
fn check_levels(filter: &str) -> Result<(), TopicError> {
    if !filter.bytes().any(is_wildcard) {
        return Ok(());
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        // [MQTT-4.7.1-1] [MQTT3-4.7.1-2]
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(TopicError::MultiLevelWildcard);
        }
        // [MQTT-4.7.1-2] [MQTT3-4.7.1-3]
        if level.contains('+') && level != "+" {
            return Err(TopicError::SingleLevelWildcard);
        }
    }
    Ok(())
}

fn is_wildcard(byte: u8) -> bool {
    byte == b'+' || byte == b'#'
}

/// Whether a filter (without `$share/` and Share Name) matches a Topic Name: the reference.
pub fn matches(filter: &str, topic: &str) -> bool {
    // [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    // Level by level and character by character. [MQTT-4.7.3-4] [MQTT3-4.7.3-4]
    let (mut wanted, mut found) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) | (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(name)) if level == name => {}
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests;
