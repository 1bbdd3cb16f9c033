//! The statements of `docs/spec/*.toml`, read and checked.

use std::path::Path;

use toml_edit::{Document, Item};

/// The two versions of the standard that have numbered statements. MQTT 3.1 has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

impl Version {
    pub(super) const ALL: [Self; 2] = [Self::V5, Self::V311];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }

    fn file(self) -> String {
        format!("docs/spec/mqtt-{}.toml", self.name())
    }
}

/// One normative statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) version: Version,
    /// As in the standard.
    pub(super) id: String,
    /// MUST, MUST NOT or MAY.
    pub(super) level: String,
    /// Whom it binds: `client`, `server` or `both`.
    pub(super) side: String,
    /// Number and title of the section.
    pub(super) section: String,
    /// What it says, in our own words.
    pub(super) line: String,
    /// Why it binds nothing in a server, where that is so.
    pub(super) not_ours: Option<String>,
}

impl Statement {
    /// The id as marks write it.
    pub(super) fn mark(&self) -> String {
        match self.version {
            Version::V5 => self.id.clone(),
            Version::V311 => self.id.replacen("MQTT-", "MQTT3-", 1),
        }
    }

    /// The numbers of the id, for sorting.
    fn numbers(&self) -> Vec<u32> {
        self.id
            .split(['-', '.'])
            .filter_map(|part| part.parse().ok())
            .collect()
    }
}

/// All statements: 5.0 first, each version in the order of the standard.
pub(super) fn read(root: &Path) -> Result<Vec<Statement>, Vec<String>> {
    let mut statements = Vec::new();
    let mut complaints = Vec::new();
    for version in Version::ALL {
        let file = version.file();
        let parsed = std::fs::read_to_string(root.join(&file))
            .map_err(|error| vec![format!("cannot read {file}: {error}")])
            .and_then(|text| parse(version, &text));
        match parsed {
            Ok(more) => statements.extend(more),
            Err(more) => complaints.extend(more.iter().map(|why| format!("{file}: {why}"))),
        }
    }
    if complaints.is_empty() {
        Ok(statements)
    } else {
        Err(complaints)
    }
}

/// The statements of one file.
pub(super) fn parse(version: Version, text: &str) -> Result<Vec<Statement>, Vec<String>> {
    let document: Document<&str> =
        Document::parse(text).map_err(|error| vec![format!("{error}")])?;
    let Some(rows) = document.get("statements").and_then(Item::as_table_like) else {
        return Err(vec!["no [statements]".to_owned()]);
    };
    let mut statements = Vec::new();
    let mut complaints = Vec::new();
    for (id, row) in rows.iter() {
        match statement(version, id, row) {
            Ok(statement) => statements.push(statement),
            Err(why) => complaints.push(format!("{id}: {why}")),
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    statements.sort_by_key(Statement::numbers);
    Ok(statements)
}

fn statement(version: Version, id: &str, row: &Item) -> Result<Statement, String> {
    let text = |key: &str| row.get(key).and_then(Item::as_str).map(str::to_owned);
    let needed = |key: &str| text(key).ok_or_else(|| format!("`{key}` is missing"));
    let one_of = |key: &str, allowed: &[&str]| {
        let value = needed(key)?;
        let known = allowed.contains(&value.as_str());
        known
            .then_some(value)
            .ok_or_else(|| format!("`{key}` is one of {}", allowed.join(", ")))
    };
    let not_ours = match text("state") {
        None => None,
        Some(_) => {
            one_of("state", &["client", "not applicable"])?;
            Some(needed("why")?)
        }
    };
    Ok(Statement {
        version,
        id: id.to_owned(),
        level: one_of("level", &["MUST", "MUST NOT", "MAY"])?,
        side: one_of("side", &["client", "server", "both"])?,
        section: needed("section")?,
        line: needed("line")?,
        not_ours,
    })
}
