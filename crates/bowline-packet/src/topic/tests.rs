//! Topic Names, Topic Filters, share names, and the reference matcher, by tables.

use std::string::String;
use std::vec::Vec;

use super::*;

/// Well-formed filters with share name, filter proper, number of levels and whether they have
/// wildcards. [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
/// [MQTT3-4.7.1-2] [MQTT3-4.7.1-3]
#[test]
fn filters_that_are() {
    for (filter, share, proper, levels, wildcards) in [
        ("a", None, "a", 1, false),
        ("/", None, "/", 2, false),
        ("a//b", None, "a//b", 3, false),
        ("#", None, "#", 1, true),
        ("+", None, "+", 1, true),
        ("/+", None, "/+", 2, true),
        ("+/#", None, "+/#", 2, true),
        ("a/+/b/#", None, "a/+/b/#", 4, true),
        (" ", None, " ", 1, false),
        ("$SYS/#", None, "$SYS/#", 2, true),
        ("$share", None, "$share", 1, false),
        ("$shared/a", None, "$shared/a", 2, false),
        ("a/$share/g/b", None, "a/$share/g/b", 4, false),
        ("$share/g/a", Some("g"), "a", 1, false),
        ("$share/g//", Some("g"), "/", 2, false),
        ("$share/g h/+/b", Some("g h"), "+/b", 2, true),
        ("$share/$share/#", Some("$share"), "#", 1, true),
    ] {
        let parsed = TopicFilter::parse(filter).expect(filter);
        assert_eq!(parsed.as_str(), filter);
        assert_eq!(parsed.share().map(ShareName::as_str), share, "{filter}");
        assert_eq!(parsed.filter(), proper);
        assert_eq!(parsed.level_count(), levels, "{filter}");
        assert_eq!(parsed.has_wildcards(), wildcards, "{filter}");
    }
}

/// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
/// [MQTT3-4.7.1-2] [MQTT3-4.7.1-3] [MQTT3-4.7.3-1] [MQTT3-4.7.3-2]
#[test]
fn filters_that_are_not() {
    for (filter, why) in [
        ("", TopicError::Empty),
        ("a\0", TopicError::Nul),
        ("##", TopicError::MultiLevelWildcard),
        ("a#", TopicError::MultiLevelWildcard),
        ("a/#/b", TopicError::MultiLevelWildcard),
        ("#/", TopicError::MultiLevelWildcard),
        ("+#", TopicError::MultiLevelWildcard),
        ("++", TopicError::SingleLevelWildcard),
        ("a+", TopicError::SingleLevelWildcard),
        ("a/+b/c", TopicError::SingleLevelWildcard),
        ("$share/", TopicError::ShareNameEmpty),
        ("$share//a", TopicError::ShareNameEmpty),
        ("$share/g", TopicError::ShareFilterMissing),
        ("$share/g/", TopicError::ShareFilterMissing),
        ("$share/+/a", TopicError::ShareNameWildcard),
        ("$share/g#/a", TopicError::ShareNameWildcard),
        ("$share/g/a#", TopicError::MultiLevelWildcard),
        ("$share/g/+a", TopicError::SingleLevelWildcard),
    ] {
        assert_eq!(TopicFilter::parse(filter), Err(why), "{filter}");
    }
}

/// [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT3-4.7.1-1] [MQTT3-4.7.3-1] [MQTT3-4.7.3-2]
#[test]
fn names() {
    for name in ["a", "/", "//", "$share/g/a", " ", "é/漢", "a*"] {
        assert_eq!(TopicName::parse(name).map(TopicName::as_str), Ok(name));
    }
    for (name, why) in [
        ("", TopicError::Empty),
        ("a\0+", TopicError::Nul),
        ("+", TopicError::WildcardInName),
        ("a/b#", TopicError::WildcardInName),
    ] {
        assert_eq!(TopicName::parse(name), Err(why), "{name}");
    }
}

/// [MQTT-4.7.3-3] [MQTT3-4.7.3-3]
#[test]
fn the_longest_names_and_filters() {
    let mut text: String = core::iter::repeat_n('x', 65_535).collect();
    assert!(TopicName::parse(&text).is_ok());
    assert!(TopicFilter::parse(&text).is_ok());
    text.push('x');
    assert_eq!(TopicName::parse(&text), Err(TopicError::TooLong));
    assert_eq!(TopicFilter::parse(&text), Err(TopicError::TooLong));
}

/// [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4]
/// [MQTT3-4.7.1-2] [MQTT3-4.7.1-3] [MQTT3-4.7.2-1] [MQTT3-4.7.3-4]
#[test]
fn what_a_filter_matches() {
    let topics = [
        "a", "A", "a/b", "a/b/c", "/", "/a", "a/", "a//c", "$SYS", "$SYS/a", "$SYS/a/b", "é",
    ];
    for (filter, expected) in [
        ("a", &["a"][..]),
        ("a/b", &["a/b"]),
        ("/", &["/"]),
        ("é", &["é"]),
        ("e\u{301}", &[]), // Not normalised.
        (
            "#",
            &["a", "A", "a/b", "a/b/c", "/", "/a", "a/", "a//c", "é"],
        ),
        ("a/#", &["a", "a/b", "a/b/c", "a/", "a//c"]),
        ("a/b/#", &["a/b", "a/b/c"]),
        ("+", &["a", "A", "é"]),
        ("+/+", &["a/b", "/", "/a", "a/"]),
        ("/+", &["/", "/a"]),
        ("+/", &["/", "a/"]),
        ("a/+", &["a/b", "a/"]),
        ("a/+/c", &["a/b/c", "a//c"]),
        ("+/+/#", &["a/b", "a/b/c", "/", "/a", "a/", "a//c"]),
        ("$SYS/#", &["$SYS", "$SYS/a", "$SYS/a/b"]),
        ("$SYS/+", &["$SYS/a"]),
        ("$SYS/+/b", &["$SYS/a/b"]),
        ("+/a", &["/a"]),
    ] {
        let found: Vec<_> = topics
            .into_iter()
            .filter(|topic| matches(filter, topic))
            .collect();
        assert_eq!(found, expected, "{filter}");
    }
}
