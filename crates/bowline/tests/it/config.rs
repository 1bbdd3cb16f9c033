//! What is wrong with a configuration is said with its place and its remedy.

use bowline::config::load::{Loaded, Source};
use bowline::config::{Durability, Listener};
use bowline_core::OnFull;

/// Texts, and everything that is said about them.
const WRONG: &[(&str, &str)] = &[
    (
        "[limits]\npacket_byte_max = 5\n",
        "f.toml:2: `limits.packet_byte_max` is not a key\n\
         hint: did you mean `limits.packet_bytes_max`?",
    ),
    (
        "[limits]\n\nqueue_messages_max = 4\n",
        "f.toml:3: `limits.queue_messages_max` is not a key\n\
         hint: `queue_messages_max` is in section `[session]`",
    ),
    (
        "[limits]\nwxyz = 1\n",
        "f.toml:2: `limits.wxyz` is not a key",
    ),
    (
        "[sesion]\n",
        "f.toml:1: `sesion` is not a section\nhint: did you mean `[session]`?",
    ),
    (
        "# mine\nallow_anonymous = true\n",
        "f.toml:2: `allow_anonymous` is not a key\n\
         hint: `allow_anonymous` is a key of section `[access]`",
    ),
    (
        "limits = 3\n",
        "f.toml:1: `limits` is a section, not a key\nhint: put its keys under a line `[limits]`",
    ),
    (
        "[limits]\npacket_bytes_max = \"16 MiB\"\n",
        "f.toml:2: `limits.packet_bytes_max` must be a whole number from 64 to 268435460, not \
         `\"16 MiB\"`\nhint: write `16777216` without quotes; the unit is in the key's name",
    ),
    (
        "[limits]\ntopic_levels_max = 0\n",
        "f.toml:2: `limits.topic_levels_max` must be a whole number from 1 to 65536, not `0`",
    ),
    (
        "[limits]\nkeep_alive_secs_max = -1\n",
        "f.toml:2: `limits.keep_alive_secs_max` must be a whole number from 1 to 65535, not `-1`",
    ),
    (
        "[limits]\nsessions_max = 1.5\n",
        "f.toml:2: `limits.sessions_max` must be a whole number from 1 on, not `1.5`",
    ),
    (
        "[access]\nallow_anonymous = \"yes\"\n",
        "f.toml:2: `access.allow_anonymous` must be `true` or `false`, not `\"yes\"`",
    ),
    (
        "[session]\non_full = \"drop_oldest\"\n",
        "f.toml:2: `session.on_full` must be `\"end\"`, `\"hold\"`, `\"reject\"`, \
         `\"drop-oldest\"` or `\"drop-newest\"`, not `\"drop_oldest\"`\n\
         hint: did you mean `\"drop-oldest\"`?",
    ),
    (
        "[journal]\ndurability = \"Memory\"\n",
        "f.toml:2: `journal.durability` must be `\"disk\"`, `\"os\"` or `\"memory\"`, not \
         `\"Memory\"`\nhint: did you mean `\"memory\"`?",
    ),
    (
        "[listener]\naddress = \"127.0.0.1:1\"\n",
        "f.toml:1: `listener` can be there more than once\n\
         hint: write `[[listener]]` with two brackets on each side",
    ),
    (
        "[[listener]]\naddres = \"127.0.0.1:1\"\n",
        "f.toml:2: `listener.addres` is not a key\nhint: did you mean `listener.address`?\n\
         f.toml:1: this `[[listener]]` has no `address`\n\
         hint: such as `address = \"127.0.0.1:1883\"`",
    ),
    ("[limits\n", "f.toml:1: unclosed table, expected `]`"),
    (
        "[limits]\nsessions_max = 1\nsessions_max = 2\n",
        "f.toml:3: duplicate key",
    ),
    // Everything is said in one go.
    (
        "[log]\nlevel = \"loud\"\nformat = 1\n",
        "f.toml:2: `log.level` must be `\"error\"`, `\"warn\"`, `\"info\"`, `\"debug\"` or \
         `\"trace\"`, not `\"loud\"`\n\
         f.toml:3: `log.format` must be `\"text\"` or `\"json\"`, not `1`",
    ),
];

#[test]
fn what_is_wrong_is_said() {
    for (text, expected) in WRONG {
        let problems = Loaded::from_text("f.toml", text).expect_err(text);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.join("\n"), *expected, "{text}");
    }
}

#[test]
fn a_file_sets_what_it_says_and_nothing_else() {
    let text = "\
        [[listener]]\n\
        address = \"0.0.0.0:1883\"\n\
        [[listener]]\n\
        address = \"[::]:1883\"\n\
        [access]\n\
        allow_anonymous = true\n\
        [journal]\n\
        durability = \"os\"\n\
        directory = \"/var/lib/bowline\"\n\
        [session]\n\
        on_full = \"drop-newest\"\n\
        [limits]\n\
        packet_bytes_max = 1_048_576\n\
        [workers]\n\
        count = 3\n";
    let loaded = Loaded::from_text("f.toml", text).expect("it is right");
    let config = &loaded.config;
    assert_eq!(
        config.listeners,
        [Listener::at("0.0.0.0:1883"), Listener::at("[::]:1883")]
    );
    assert!(config.access.allow_anonymous);
    assert_eq!(config.journal.durability, Durability::Os);
    assert_eq!(
        config.journal.directory.as_deref(),
        Some("/var/lib/bowline".as_ref())
    );
    assert_eq!(config.limits.on_full, OnFull::DropNewest);
    assert_eq!(config.limits.packet_bytes_max, 1 << 20);
    assert_eq!(config.workers.count, Some(3));

    let mut untouched = config.limits.clone();
    untouched.on_full = OnFull::End;
    untouched.packet_bytes_max = 16 << 20;
    assert_eq!(untouched, bowline_core::Limits::default());
    assert_eq!(loaded.source("limits.packet_bytes_max"), Source::File(13));
    assert_eq!(loaded.source("limits.connect_bytes_max"), Source::Default);
}
