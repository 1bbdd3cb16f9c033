//! Text, level by level: what of a filter is compared and not looked up.

use alloc::boxed::Box;

/// UTF-8 text, up to `N` bytes of it in place.
#[derive(Debug)]
pub(super) enum Text<const N: usize> {
    Short(u8, [u8; N]),
    Long(Box<[u8]>),
}

impl<const N: usize> Text<N> {
    pub(super) fn new(text: &[u8]) -> Self {
        let mut bytes = [0; N];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(len)) => {
                room.copy_from_slice(text);
                Self::Short(len, bytes)
            }
            (None, _) | (_, Err(_)) => Self::Long(text.into()),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => &bytes[..usize::from(*len)],
            Self::Long(text) => text,
        }
    }
}

/// The level that starts at `at`.
pub(super) fn level_at(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at..];
    let end = rest
        .iter()
        .position(|&byte| byte == b'/')
        .unwrap_or(rest.len());
    &rest[..end]
}

/// Whether a filter has a level that is a wildcard.
pub(super) fn has_wildcard(filter: &[u8]) -> bool {
    filter.iter().any(|&byte| byte == b'+' || byte == b'#')
}

/// Whether the rest of a filter matches the rest of a topic. Each starts with the `/` that ends
/// the level before, or is empty if nothing follows.
pub(super) fn rest_matches(mut filter: &[u8], mut topic: &[u8]) -> bool {
    loop {
        let Some((_, below)) = filter.split_first() else {
            return topic.is_empty();
        };
        // [MQTT-4.7.1-1] [MQTT3-4.7.1-2]
        if below == b"#" {
            return true;
        }
        let Some((_, topic_below)) = topic.split_first() else {
            return false;
        };
        let wanted = level_at(below, 0);
        let level = level_at(topic_below, 0);
        // [MQTT-4.7.1-2] [MQTT3-4.7.1-3]
        if wanted != b"+" && wanted != level {
            return false;
        }
        filter = &below[wanted.len()..];
        topic = &topic_below[level.len()..];
    }
}
