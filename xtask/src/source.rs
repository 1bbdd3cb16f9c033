//! A Rust source file seen as code, comments and text, with its tests and other named items.
//!
//! A reader of shapes, no parser: it knows comments, literals and brackets, which is all that the
//! chores ask, and so it also sees tests that a macro wraps. It keeps the length and the lines of the
//! file, so a byte position means the same place in each view.

#[cfg(test)]
mod tests;

use std::ops::Range;

/// The three views of a file: the same bytes, with everything else blanked.
#[derive(Debug)]
pub(crate) struct Source {
    /// Code without comments and without what stands inside literals.
    pub(crate) code: String,
    /// Comments only, doc comments among them.
    pub(crate) comments: String,
    /// What stands inside text literals only.
    pub(crate) literals: String,
    /// Functions, constants, statics and macros, in the order in which they begin.
    pub(crate) items: Vec<Item>,
    /// Regions that are compiled for tests only.
    pub(crate) test_only: Vec<Range<usize>>,
}

/// A named item with the comments and attributes directly above it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
    pub(crate) is_test: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let kinds = kinds(text.as_bytes());
        let code = only(text, &kinds, Kind::Code);
        let comments = only(text, &kinds, Kind::Comment);
        let literals = only(text, &kinds, Kind::Literal);
        let items = items(text, &code);
        let test_only = test_only(&code);
        Self {
            code,
            comments,
            literals,
            items,
            test_only,
        }
    }

    /// Whether the byte at `at` is compiled for tests only (the file's own place apart).
    pub(crate) fn is_test_only(&self, at: usize) -> bool {
        self.test_only.iter().any(|region| region.contains(&at))
            || self
                .items
                .iter()
                .any(|item| item.is_test && item.span.contains(&at))
    }

    /// The tests that the byte at `at` belongs to: the test it stands in or on; else the tests of
    /// this file that name the item it stands in or on, directly or through other items.
    pub(crate) fn tests_at(&self, at: usize) -> Vec<&str> {
        let standing_in = |item: &&Item| item.span.contains(&at);
        let direct: Vec<&str> = self
            .items
            .iter()
            .filter(standing_in)
            .filter(|item| item.is_test)
            .map(name_of)
            .collect();
        if !direct.is_empty() {
            return direct;
        }
        let mut reached: Vec<&Item> = self.items.iter().filter(standing_in).collect();
        let mut next = 0;
        while next < reached.len() {
            let name = &reached[next].name;
            for item in &self.items {
                if !reached.contains(&item) && names(&self.code[item.span.clone()], name) {
                    reached.push(item);
                }
            }
            next += 1;
        }
        reached
            .into_iter()
            .filter(|item| item.is_test)
            .map(name_of)
            .collect()
    }
}

fn name_of(item: &Item) -> &str {
    &item.name
}

/// The line of a byte position, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// The positions where `word` stands in `code` as a whole word.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let bytes = code.as_bytes();
            !is_part(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && !is_part(bytes.get(at + word.len()))
        })
}

fn names(code: &str, name: &str) -> bool {
    name != "_" && words(code, name).next().is_some()
}

/// What each byte is. Quotes count as code, what they hold as literal.
fn kinds(bytes: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (kind, length) = if rest.starts_with(b"//") {
            (
                Kind::Comment,
                rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            )
        } else if rest.starts_with(b"/*") {
            (Kind::Comment, block_comment(rest))
        } else if let Some((opening, length)) = raw_text(bytes, at) {
            at += opening;
            (Kind::Literal, length)
        } else if rest[0] == b'"' {
            at += 1;
            (Kind::Literal, quoted(&bytes[at..], b'"'))
        } else if let Some(length) = character(rest) {
            at += 1;
            (Kind::Literal, length)
        } else {
            (Kind::Code, 1)
        };
        let end = (at + length).min(bytes.len());
        kinds[at..end].fill(kind);
        // The closing quote of a plain literal is stepped over, or it would open the next one.
        let closing = usize::from(kind == Kind::Literal);
        at = end + closing;
    }
    kinds
}

/// The length of a block comment, nested ones within it.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// For `r"…"`, `br#"…"#` and the like at `at`: the length of the opening and of what it holds.
fn raw_text(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let inside_a_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if inside_a_word {
        return None;
    }
    let rest = &bytes[at..];
    let prefix = [&b"br"[..], b"cr", b"r"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..]
        .iter()
        .take_while(|&&b| b == b'#')
        .count();
    let opening = prefix.len() + hashes + 1;
    if rest.get(opening - 1) != Some(&b'"') {
        return None;
    }
    let closing: Vec<u8> = std::iter::once(b'"')
        .chain(std::iter::repeat_n(b'#', hashes))
        .collect();
    let held = &rest[opening..];
    let length = held
        .windows(closing.len())
        .position(|w| w == closing)
        .unwrap_or(held.len());
    Some((opening, length))
}

/// The length of what stands before the closing `quote`, escapes stepped over.
fn quoted(held: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < held.len() {
        match held[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at,
            _ => at += 1,
        }
    }
    held.len()
}

/// For a character literal: the length of what it holds. A lifetime is none.
fn character(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    let held = &rest[1..];
    if held.first() == Some(&b'\\') {
        return Some(quoted(held, b'\''));
    }
    let width = std::str::from_utf8(&held[..held.len().min(4)])
        .or_else(|error| std::str::from_utf8(&held[..error.valid_up_to()]))
        .ok()?
        .chars()
        .next()?
        .len_utf8();
    (held.get(width) == Some(&b'\'')).then_some(width)
}

/// The text with every byte blanked that is not of `kind`; lines stay.
fn only(text: &str, kinds: &[Kind], kind: Kind) -> String {
    let bytes = text.bytes().zip(kinds);
    let kept = bytes.map(|(byte, &k)| {
        if k == kind || byte == b'\n' {
            byte
        } else {
            b' '
        }
    });
    String::from_utf8(kept.collect()).expect("kinds change at ASCII bytes only")
}

/// Functions, constants, statics and macros by their keyword.
fn items(text: &str, code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for keyword in ["fn", "const", "static", "macro_rules!"] {
        let word = keyword.trim_end_matches('!');
        for at in words(code, word) {
            if let Some(item) = item(text, code, at, keyword) {
                items.push(item);
            }
        }
    }
    items.sort_by_key(|item| item.span.start);
    items
}

fn item(text: &str, code: &str, at: usize, keyword: &str) -> Option<Item> {
    // `<const N: usize>`, `*const T` and `&'static str` are no items.
    let before = code[..at].trim_end();
    if before.ends_with(['<', ',', '*', '(', '\'']) {
        return None;
    }
    let after = code[at..].strip_prefix(keyword)?.trim_start();
    let after = if keyword == "static" {
        after.strip_prefix("mut ").unwrap_or(after)
    } else {
        after
    };
    let name: String = after
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    if name.is_empty() || (keyword == "const" && name == "fn") {
        return None;
    }
    let end = end_of(code, at, keyword != "const" && keyword != "static");
    let start = start_with_head(text, at);
    let is_test = keyword == "fn" && is_test_head(&code[start..at]);
    Some(Item {
        name,
        span: start..end,
        is_test,
    })
}

/// Where the item that begins at `at` ends: at its `;`, or, if `by_body`, at the end of its body.
fn end_of(code: &str, at: usize, by_body: bool) -> usize {
    let mut depth = 0usize;
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' && by_body {
                    return at + offset + 1;
                }
            }
            b';' if depth == 0 => return at + offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// The start of the item whose keyword is at `at`, with the comments and attributes above it.
fn start_with_head(text: &str, at: usize) -> usize {
    let mut start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    while start > 0 {
        let above = text[..start - 1]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let line = text[above..start - 1].trim();
        let is_outer_comment = line.starts_with("//") && !line.starts_with("//!");
        // The last lines of an attribute that spans several end in `)]` or are `]`.
        let is_attribute = line.starts_with("#[") || line == ")]" || line == "]";
        if !is_outer_comment && !is_attribute {
            break;
        }
        start = above;
    }
    start
}

fn is_test_head(head: &str) -> bool {
    head.lines().map(str::trim).any(|line| {
        line.starts_with("#[test]") || line.contains("::test]") || line.contains("::test(")
    })
}

/// The regions under `#[cfg(test)]`.
fn test_only(code: &str) -> Vec<Range<usize>> {
    let marker = "#[cfg(test)]";
    code.match_indices(marker)
        .map(|(at, _)| at..end_of(code, at + marker.len(), true))
        .collect()
}
