//! The table is whole, and each row does what it says.

use bowline_core::Limits;

use super::*;
use crate::config::key::Place;
use crate::config::{Access, Config, Journal, Log, Workers};
use crate::server::limits::ShellLimits;

/// Some value of the kind that is not the default.
fn another(key: &Key, default: Option<&Value>) -> Value {
    match key.kind {
        Kind::Number { min, max } => {
            let candidates = [min, max.min(u64::from(u32::MAX)), min + 1];
            let other = candidates
                .into_iter()
                .find(|n| Some(&Value::Number(*n)) != default);
            Value::Number(other.unwrap())
        }
        Kind::Truth => Value::Truth(default != Some(&Value::Truth(true))),
        Kind::Choice(words) => {
            let texts = words.iter().map(|word| Value::Text((*word).to_owned()));
            texts
                .into_iter()
                .find(|text| Some(text) != default)
                .unwrap()
        }
        Kind::Directory | Kind::Address => Value::Text("/elsewhere".to_owned()),
    }
}

#[test]
fn every_row_sets_what_it_reads_and_nothing_else() {
    for key in KEYS {
        let Place::Config { get, set } = key.place else {
            continue;
        };
        let mut config = Config::default();
        let value = another(key, get(&config).as_ref());
        set(&mut config, value.clone());
        assert_eq!(get(&config), Some(value), "{}", key.name);
        for other in KEYS.iter().filter(|other| other.name != key.name) {
            assert_eq!(
                other.values(&config),
                other.values(&Config::default()),
                "{}",
                other.name
            );
        }
    }
}

#[test]
fn every_value_has_a_row() {
    // Each row changes one value: a configuration in which every row has set another value than
    // the default differs from the default in every field. A new field fails to compile here.
    let mut config = Config::default();
    for key in KEYS {
        if let Place::Config { get, set } = key.place {
            let value = another(key, get(&config).as_ref());
            set(&mut config, value);
        }
    }
    let default = Config::default();
    macro_rules! all_differ {
        ($type:ident { $($field:ident),+ $(,)? }, $left:expr, $right:expr) => {
            let $type { $($field),+ } = $left;
            $(assert!(*$field != $right.$field, "no row sets `{}`", stringify!($field));)+
        };
    }
    all_differ!(
        Limits {
            connect_bytes_max,
            packet_bytes_max,
            topic_levels_max,
            topic_alias_in_max,
            topic_alias_out_max,
            receive_maximum_in,
            receive_maximum_out_v3,
            receive_maximum_out_v5,
            receive_maximum_excess,
            queue_messages_max,
            queue_bytes_max,
            on_full,
            hold_timeout_millis,
            outbound_bytes_max,
            deferred_bytes_max,
            packets_per_turn_max,
            subscriptions_per_session_max,
            sessions_max,
            session_expiry_secs_max,
            session_expiry_secs_v3,
            keep_alive_secs_max,
            will_delay_secs_max,
            retained_messages_max,
            retained_bytes_max,
            retained_page_topics,
            retained_page_bytes,
            read_ahead_messages,
            retry_interval_secs,
            share_strategy,
        },
        &config.limits,
        default.limits
    );
    all_differ!(
        ShellLimits {
            connections_max,
            connect_timeout_secs,
            half_open_max,
            half_open_bytes_max,
            reads_per_turn_max,
            mailbox_bytes_max,
            tcp_keep_alive_idle_secs,
            tcp_keep_alive_interval_secs,
            tcp_keep_alive_probes_max,
            linger_millis,
            lingering_max,
            stop_timeout_millis,
        },
        &config.shell,
        default.shell
    );
    all_differ!(Access { allow_anonymous }, &config.access, default.access);
    all_differ!(
        Journal {
            durability,
            directory
        },
        &config.journal,
        default.journal
    );
    all_differ!(Workers { count }, &config.workers, default.workers);
    all_differ!(Log { level, format }, &config.log, default.log);
}

#[test]
fn names_follow_the_style() {
    let mut seen = Vec::new();
    for key in KEYS {
        let (section, name) = key.name.split_once('.').expect("section.name");
        let is_snake = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        assert!(is_snake(section) && is_snake(name), "{}", key.name);
        assert!(!seen.contains(&key.name), "{} is there twice", key.name);
        seen.push(key.name);
        assert!(
            key.doc.ends_with('.') && !key.doc.contains("  "),
            "{}",
            key.name
        );
        let default = key.values(&Config::default());
        let is_absent = default.first().is_none_or(Option::is_none);
        assert_eq!(
            is_absent,
            !key.absent.is_empty(),
            "{}: what no value means",
            key.name
        );
    }
}

#[test]
fn defaults_lie_within_their_bounds() {
    for key in KEYS {
        let Kind::Number { min, max } = key.kind else {
            continue;
        };
        if let Some(Some(Value::Number(default))) = key.values(&Config::default()).first() {
            assert!((min..=max).contains(default), "{}", key.name);
        }
    }
}
