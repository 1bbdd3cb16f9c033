//! The Client Identifiers that the server assigns: random, so that nobody can guess another's.

/// What stands before the random part.
const PREFIX: &[u8; 8] = b"bowline-";
/// Characters of the random part: 80 bits.
const RANDOM_CHARS: usize = 16;
/// Base 32 without the letters that people misread.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A Client Identifier for a connection that brings none [MQTT-3.1.3-6].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AssignedId([u8; PREFIX.len() + RANDOM_CHARS]);

impl AssignedId {
    /// A new one.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM_CHARS];
        getrandom::fill(&mut random)?;
        let mut id = [0; PREFIX.len() + RANDOM_CHARS];
        let (prefix, rest) = id.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX);
        for (char, byte) in rest.iter_mut().zip(random) {
            *char = ALPHABET[usize::from(byte) % ALPHABET.len()];
        }
        Ok(Self(id))
    }

    /// The identifier.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("prefix and alphabet are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_plain() {
        let ids: HashSet<String> = (0..1_000)
            .map(|_| AssignedId::random().unwrap().as_str().to_owned())
            .collect();
        assert_eq!(ids.len(), 1_000);
        for id in &ids {
            assert_eq!(id.len(), 24);
            // What every Server must allow in a Client Identifier [MQTT-3.1.3-5], and the hyphen.
            assert!(
                id.chars()
                    .all(|char| char.is_ascii_alphanumeric() || char == '-'),
                "{id}"
            );
        }
    }
}
