//! The language of the scenarios, and the check of one.
//!
//! A line is an action, or what it causes: `a > PACKET` is sent by client `a`, `a < PACKET` is got
//! by it and stands right behind the action. `a >> PACKET` is sent in one piece with the next.
//! `a > close` breaks the network, `a > bytes 30 05 …` sends what a codec would not.
//! `a stalls`, `a reads [BYTES]`: its socket. `a mail held`, `a mail flows [b]`: what the worker of
//! `a` hands over (to that of `b`). `wait 5s`; `commits held`, `commit`, `commits flow`; `counters`; `events`; `stop`.
//! First lines: `limits NAME=VALUE …`; `only workers=1,2 … because WHY` restricts the variants;
//! `place client:a=0 topic:t=1 …` puts things on workers.
//!
//! Long (at most 700 lines): one small language, its words and what they do.

use std::num::{NonZeroU16, NonZeroU32};

use bowline_core::{Commits, Limits, OnFull, ReceiveMaximumExcess, ShareStrategy, worker_of};
use bowline_packet::{
    Ack, AckKind, Auth, Connect, Disconnect, Packet, PacketId, ProtocolVersion, Publish,
    PublishProperties, QoS, ReasonCode, RetainHandling, Subscribe, SubscribeFilters,
    SubscriptionOptions, TopicFilter, Unsubscribe, UnsubscribeFilters, UserProperties, Will,
};

use crate::transcript::{counter_lines, event_lines, take_lines};
use crate::world::{Variant, World};

/// Runs a script in all its variants and compares what the clients got with what it says.
///
/// With `UPDATE` in the environment (and one test thread) the actual transcript takes the place
/// of the script in its source file, to be read with care and committed or not.
#[track_caller]
pub(crate) fn check(text: &str) {
    let script = Script::parse(text);
    for variant in script.variants() {
        let actual = script.run(variant);
        if actual == script.lines {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            update(std::panic::Location::caller().file(), text, &actual);
            return;
        }
        panic!(
            "the transcript differs in {variant:?}\n{}",
            diff(&script.lines, &actual)
        );
    }
}

/// Puts the actual transcript into the source.
fn update(file: &str, text: &str, actual: &[String]) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let source = std::fs::read_to_string(&file).expect("the source of the test is there");
    let body = actual.iter().fold(String::from("\n"), |mut body, line| {
        if !line.is_empty() {
            body += "        ";
        }
        body += line;
        body.push('\n');
        body
    });
    let source = source.replacen(text, &(body + "        "), 1);
    std::fs::write(&file, source).expect("the source of the test can be written");
}

struct Script {
    lines: Vec<String>,
    limits: Limits,
    only: Only,
    places: Vec<(String, usize)>,
}

/// Restrictions of the variants; empty is all.
#[derive(Default)]
struct Only {
    workers: Vec<usize>,
    commits: Option<Commits>,
    unload: Option<bool>,
    single_bytes: Option<bool>,
}

impl Script {
    fn parse(text: &str) -> Self {
        let lines: Vec<String> = text.trim().lines().map(|l| l.trim().to_owned()).collect();
        let mut script = Self {
            lines: Vec::new(),
            limits: Limits::default(),
            only: Only::default(),
            places: Vec::new(),
        };
        for line in &lines {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "limits" => pairs(rest).for_each(|(k, v)| set_limit(&mut script.limits, k, v)),
                "only" => script.only = Only::parse(rest),
                "place" => {
                    let places = pairs(rest).map(|(k, v)| (k.to_owned(), number(v)));
                    script.places = places.collect();
                }
                _ => {}
            }
        }
        script.lines = lines;
        script
    }

    fn variants(&self) -> Vec<Variant> {
        let mut variants = Vec::new();
        for workers in [1, 2, 4] {
            for commits in [Commits::AtOnce, Commits::Reported] {
                for unload in [false, true] {
                    for single_bytes in [false, true] {
                        let variant = Variant {
                            workers,
                            commits,
                            unload,
                            single_bytes,
                        };
                        if self.only.allows(variant) {
                            variants.push(variant);
                        }
                    }
                }
            }
        }
        assert!(!variants.is_empty(), "no variant is left");
        variants
    }

    /// A seed that puts everything on the workers that the script wants.
    fn seed(&self, workers: usize) -> u64 {
        let fits = |seed: &u64| {
            self.places.iter().all(|(what, worker)| {
                let (_, name) = what.split_once(':').expect("client:, topic: or group:");
                worker_of(name.as_bytes(), *seed, workers).index() == worker % workers
            })
        };
        (1..).find(fits).expect("some seed fits")
    }

    /// The actions of the script with what they really cause.
    fn run(&self, variant: Variant) -> Vec<String> {
        let mut world = World::new(variant, &self.limits, self.seed(variant.workers));
        let mut actual = Vec::new();
        let mut retained = Vec::new();
        for line in &self.lines {
            if is_result(line) {
                continue;
            }
            actual.push(line.clone());
            let lines = act(&mut world, line, &mut retained);
            world.settle();
            actual.extend(take_lines(&mut world));
            actual.extend(lines);
        }
        clear(world, &retained, variant);
        actual
    }
}

impl Only {
    fn parse(text: &str) -> Self {
        let (restrictions, _why) = text.split_once(" because ").expect("`because WHY`");
        let mut only = Self::default();
        for (name, value) in pairs(restrictions) {
            match (name, value) {
                ("workers", list) => only.workers = list.split(',').map(number).collect(),
                ("commits", "at_once") => only.commits = Some(Commits::AtOnce),
                ("commits", "reported") => only.commits = Some(Commits::Reported),
                ("unload", value) => only.unload = Some(value == "yes"),
                ("bytes", value) => only.single_bytes = Some(value == "single"),
                _ => panic!("no such restriction: {name}={value}"),
            }
        }
        only
    }

    fn allows(&self, variant: Variant) -> bool {
        (self.workers.is_empty() || self.workers.contains(&variant.workers))
            && self.commits.is_none_or(|is| is == variant.commits)
            && self.unload.is_none_or(|is| is == variant.unload)
            && self
                .single_bytes
                .is_none_or(|is| is == variant.single_bytes)
    }
}

/// Whether the line is what an action caused.
fn is_result(line: &str) -> bool {
    let second = line.split(' ').nth(1);
    second == Some("<") || line.starts_with("= ") || line.starts_with("! ")
}

/// Does what one line says. Returns what it asked for, as lines.
fn act(world: &mut World, line: &str, retained: &mut Vec<String>) -> Vec<String> {
    let words = tokens(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["#", ..] | ["limits" | "only" | "place", ..] => {}
        ["wait", time] => world.wait(micros(time)),
        ["commits", "held"] => world.commits_are_held = true,
        ["commits", "flow"] => world.commits_are_held = false,
        ["commit"] => {
            world.commit();
        }
        ["counters"] => return counter_lines(&world.counters()),
        ["events"] => return event_lines(std::mem::take(&mut world.events)),
        ["stop"] => world.stop(),
        [client, "stalls"] => {
            let client = world.client(client);
            world.clients[client].stalls = true;
        }
        [client, "reads"] => {
            let client = world.client(client);
            world.clients[client].stalls = false;
            world.read(client, usize::MAX);
        }
        [client, "reads", bytes] => {
            let client = world.client(client);
            world.read(client, number(bytes));
        }
        [client, "mail", "held"] => {
            let client = world.client(client);
            world.hold_mail(client);
        }
        [client, "mail", "flows"] => {
            let client = world.client(client);
            world.release_mail(client, None);
        }
        [client, "mail", "flows", to] => {
            let (client, to) = (world.client(client), world.client(to));
            world.release_mail(client, Some(to));
        }
        [client, ">", "close"] => {
            let client = world.client(client);
            world.cut(client);
        }
        [client, ">", "bytes", bytes @ ..] => {
            let client = world.client(client);
            let bytes: Vec<u8> = bytes.iter().map(|byte| hex(byte)).collect();
            world.send(client, &bytes);
        }
        [name, arrow @ (">" | ">>"), packet, rest @ ..] => {
            let client = world.client(name);
            let bytes = encode(name, world.version(client), packet, rest, retained);
            if *arrow == ">>" {
                world.clients[client].unsent.extend(bytes);
            } else {
                world.send(client, &bytes);
            }
        }
        _ => panic!("what does this line mean? {line}"),
    }
    Vec::new()
}

/// Ends everything and sees that nothing is left.
fn clear(mut world: World, retained: &[String], variant: Variant) {
    world.commits_are_held = false;
    for client in 0..world.clients.len() {
        world.clients[client].stalls = false;
        if world.is_connected(client) {
            world.release_mail(client, None);
        }
    }
    world.settle();
    let janitor = world.client("the janitor");
    let connect = Connect::new(ProtocolVersion::V311, "the janitor");
    let mut bytes = Vec::new();
    let fits = "a scenario's own packets fit";
    connect.encode(connect.version, &mut bytes).expect(fits);
    world.send(janitor, &bytes);
    world.settle();
    for topic in retained {
        let mut bytes = Vec::new();
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: true,
            topic,
            packet_id: None,
            properties: PublishProperties::default(),
            payload: b"",
        };
        publish.encode(connect.version, &mut bytes).expect(fits);
        world.send(janitor, &bytes);
    }
    world.settle();
    for client in 0..world.clients.len() {
        world.cut(client);
    }
    world.settle();
    world.skip(8 * 24 * 60 * 60 * 1_000_000);
    for gauges in world.gauges() {
        assert_eq!(
            gauges,
            bowline_core::Gauges::default(),
            "everything is given back in {variant:?}"
        );
    }
}

/// Words at blanks, but not inside of quotes, which stay.
fn tokens(line: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    let mut quoted = false;
    for character in line.chars() {
        quoted ^= character == '"';
        if character == ' ' && !quoted {
            tokens.extend(Some(std::mem::take(&mut token)).filter(|t| !t.is_empty()));
        } else {
            token.push(character);
        }
    }
    tokens.extend(Some(token).filter(|t| !t.is_empty()));
    tokens
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').expect("NAME=VALUE"))
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number that fits: {text}"))
}

fn hex(text: &str) -> u8 {
    u8::from_str_radix(text.trim_start_matches("0x"), 16).expect("two hexadecimal digits")
}

fn micros(text: &str) -> u64 {
    if let Some(millis) = text.strip_suffix("ms") {
        number::<u64>(millis) * 1_000
    } else {
        number::<u64>(text.strip_suffix('s').expect("5s or 100ms")) * 1_000_000
    }
}

/// The rest of a packet's line: a value by its name, or what has none.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [&'a str]);

impl<'a> Fields<'a> {
    fn value(self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find_map(|word| {
            let (key, value) = word.split_once('=')?;
            (key == name).then_some(value)
        });
        found.map(|value| value.trim_matches('"'))
    }

    fn number<T: std::str::FromStr>(self, name: &str) -> Option<T> {
        self.value(name).map(number)
    }

    fn flag(self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn qos(self, name: &str) -> QoS {
        self.number(name).map_or(QoS::AtMostOnce, |bits| {
            QoS::from_bits(bits).expect("qos=0, 1 or 2")
        })
    }
}

fn encode(
    name: &str,
    version: ProtocolVersion,
    packet: &str,
    rest: &[&str],
    retained: &mut Vec<String>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let fields = Fields(rest);
    let encoded = match packet {
        "CONNECT" => return encode_connect(name, rest, retained),
        "PUBLISH" => return encode_publish(version, rest, retained),
        "SUBSCRIBE" => return encode_subscribe(version, rest),
        "UNSUBSCRIBE" => {
            let filters: Vec<TopicFilter<'_>> = rest[1..]
                .iter()
                .map(|filter| TopicFilter::parse(filter).expect("a topic filter"))
                .collect();
            let packet = Unsubscribe {
                packet_id: packet_id(rest),
                user_properties: UserProperties::default(),
                filters: UnsubscribeFilters::from(&filters[..]),
            };
            packet.encode(version, &mut bytes)
        }
        "PUBACK" => ack(rest).encode(AckKind::PubAck, version, &mut bytes),
        "PUBREC" => ack(rest).encode(AckKind::PubRec, version, &mut bytes),
        "PUBREL" => ack(rest).encode(AckKind::PubRel, version, &mut bytes),
        "PUBCOMP" => ack(rest).encode(AckKind::PubComp, version, &mut bytes),
        "PINGREQ" => Packet::PingReq.encode(version, &mut bytes),
        "DISCONNECT" => {
            let reason = rest.first().filter(|word| word.starts_with("0x"));
            let mut packet = Disconnect::new(reason_code(reason.copied()));
            packet.session_expiry_secs = fields.number("expiry");
            packet.encode(version, &mut bytes)
        }
        "AUTH" => {
            let mut packet = Auth::new(ReasonCode::ReAuthenticate);
            packet.authentication_method = Some(fields.value("auth").unwrap_or("method"));
            packet.encode(version, &mut bytes)
        }
        _ => panic!("no such packet: {packet}"),
    };
    encoded.expect("what a script sends encodes; else use `bytes`");
    bytes
}

fn packet_id(rest: &[&str]) -> PacketId {
    let id = rest.first().expect("a packet identifier");
    PacketId::new(number(id)).expect("not zero; else use `bytes`")
}

fn reason_code(word: Option<&str>) -> ReasonCode {
    word.map_or(ReasonCode::Success, |word| {
        ReasonCode::from_u8(hex(word)).expect("a reason code")
    })
}

fn ack<'a>(rest: &[&'a str]) -> Ack<'a> {
    Ack::new(packet_id(rest), reason_code(rest.get(1).copied()))
}

fn encode_connect(name: &str, rest: &[&str], retained: &mut Vec<String>) -> Vec<u8> {
    let fields = Fields(rest);
    let version = match rest.first() {
        Some(&"v31") => ProtocolVersion::V31,
        Some(&"v311") => ProtocolVersion::V311,
        Some(&"v5") => ProtocolVersion::V5,
        _ => panic!("CONNECT v31, v311 or v5"),
    };
    let mut connect = Connect::new(version, fields.value("id").unwrap_or(name));
    connect.clean_start = fields.flag("clean");
    connect.keep_alive_secs = fields.number("keep_alive").unwrap_or(0);
    connect.username = fields.value("username");
    connect.password = fields.value("password").map(str::as_bytes);
    connect.session_expiry_secs = fields.number("expiry");
    connect.receive_maximum = fields.number("receive_maximum").and_then(NonZeroU16::new);
    connect.maximum_packet_size = fields.number("packet_bytes").and_then(NonZeroU32::new);
    connect.topic_alias_maximum = fields.number("aliases").unwrap_or(0);
    connect.request_response_information = fields.flag("wants_response_information");
    connect.request_problem_information = !fields.flag("wants_no_reasons");
    connect.authentication_method = fields.value("auth");
    if let Some(topic) = fields.value("will") {
        let payload = fields.value("will_payload").unwrap_or("gone").as_bytes();
        let mut will = Will::new(fields.qos("will_qos"), topic, payload);
        will.retain = fields.flag("will_retain");
        will.delay_secs = fields.number("will_delay").unwrap_or(0);
        will.properties.message_expiry_secs = fields.number("will_expiry");
        will.properties.content_type = fields.value("will_content");
        if will.retain {
            retained.push(topic.to_owned());
        }
        connect.will = Some(will);
    }
    let mut bytes = Vec::new();
    connect.encode(version, &mut bytes).expect("it encodes");
    bytes
}

fn encode_publish(version: ProtocolVersion, rest: &[&str], retained: &mut Vec<String>) -> Vec<u8> {
    let fields = Fields(rest);
    let qos = fields.qos("qos");
    let topic = rest[usize::from(qos > QoS::AtMostOnce)];
    let topic = if topic == "-" { "" } else { topic };
    let text = rest.iter().find(|word| word.starts_with('"'));
    let payload = match fields.number("size") {
        Some(size) => vec![b'x'; size],
        None => text.map_or("", |text| text.trim_matches('"')).into(),
    };
    let user: Vec<(&str, &str)> = fields
        .value("user")
        .into_iter()
        .map(|pair| pair.split_once(':').expect("user=NAME:VALUE"))
        .collect();
    let packet = Publish {
        dup: fields.flag("dup"),
        qos,
        retain: fields.flag("retain"),
        topic,
        packet_id: (qos > QoS::AtMostOnce).then(|| packet_id(rest)),
        properties: PublishProperties {
            payload_format_is_utf8: fields.number::<u8>("format").map(|flag| flag == 1),
            message_expiry_secs: fields.number("expiry"),
            topic_alias: fields.number("alias"),
            response_topic: fields.value("response"),
            correlation_data: fields.value("correlation").map(str::as_bytes),
            content_type: fields.value("content"),
            user_properties: UserProperties::from(&user[..]),
            ..PublishProperties::default()
        },
        payload: &payload,
    };
    if packet.retain && !topic.is_empty() {
        retained.push(topic.to_owned());
    }
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("it encodes");
    bytes
}

fn encode_subscribe(version: ProtocolVersion, rest: &[&str]) -> Vec<u8> {
    let mut filters = Vec::new();
    // `1 FILTER options, FILTER options`
    for part in rest[1..].split_inclusive(|word| word.ends_with(',')) {
        let part: Vec<&str> = part.iter().map(|word| word.trim_end_matches(',')).collect();
        let fields = Fields(&part);
        let options = SubscriptionOptions {
            qos: fields.qos("qos"),
            no_local: fields.flag("no_local"),
            retain_as_published: fields.flag("rap"),
            retain_handling: match fields.number("rh") {
                None | Some(0) => RetainHandling::SendAtSubscribe,
                Some(1) => RetainHandling::SendIfNew,
                Some(2) => RetainHandling::DoNotSend,
                Some(3u8..) => panic!("rh=0, 1 or 2; else use `bytes`"),
            },
        };
        filters.push((TopicFilter::parse(part[0]).expect("a filter"), options));
    }
    let packet = Subscribe {
        packet_id: packet_id(rest),
        subscription_identifier: Fields(rest).number("id"),
        user_properties: UserProperties::default(),
        filters: SubscribeFilters::from(&filters[..]),
    };
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("it encodes");
    bytes
}

fn set_limit(limits: &mut Limits, name: &str, value: &str) {
    match name {
        "connect_bytes_max" => limits.connect_bytes_max = number(value),
        "packet_bytes_max" => limits.packet_bytes_max = number(value),
        "topic_levels_max" => limits.topic_levels_max = number(value),
        "topic_alias_in_max" => limits.topic_alias_in_max = number(value),
        "topic_alias_out_max" => limits.topic_alias_out_max = number(value),
        "receive_maximum_in" => limits.receive_maximum_in = number(value),
        "receive_maximum_out_v3" => limits.receive_maximum_out_v3 = number(value),
        "receive_maximum_out_v5" => limits.receive_maximum_out_v5 = number(value),
        "receive_maximum_excess" => {
            limits.receive_maximum_excess = match value {
                "pause" => ReceiveMaximumExcess::Pause,
                "disconnect" => ReceiveMaximumExcess::Disconnect,
                _ => panic!("pause or disconnect"),
            }
        }
        "queue_messages_max" => limits.queue_messages_max = number(value),
        "queue_bytes_max" => limits.queue_bytes_max = number(value),
        "on_full" => {
            limits.on_full = match value {
                "end" => OnFull::End,
                "hold" => OnFull::Hold,
                "reject" => OnFull::Reject,
                "drop-oldest" => OnFull::DropOldest,
                "drop-newest" => OnFull::DropNewest,
                _ => panic!("no such policy: {value}"),
            }
        }
        "hold_timeout_millis" => limits.hold_timeout_millis = number(value),
        "outbound_bytes_max" => limits.outbound_bytes_max = number(value),
        "deferred_bytes_max" => limits.deferred_bytes_max = number(value),
        "packets_per_turn_max" => limits.packets_per_turn_max = number(value),
        "subscriptions_per_session_max" => limits.subscriptions_per_session_max = number(value),
        "sessions_max" => limits.sessions_max = number(value),
        "session_expiry_secs_max" => limits.session_expiry_secs_max = number(value),
        "session_expiry_secs_v3" => limits.session_expiry_secs_v3 = number(value),
        "keep_alive_secs_max" => limits.keep_alive_secs_max = number(value),
        "will_delay_secs_max" => limits.will_delay_secs_max = number(value),
        "retained_messages_max" => limits.retained_messages_max = number(value),
        "retained_bytes_max" => limits.retained_bytes_max = number(value),
        "retained_page_topics" => limits.retained_page_topics = number(value),
        "retained_page_bytes" => limits.retained_page_bytes = number(value),
        "read_ahead_messages" => limits.read_ahead_messages = number(value),
        "retry_interval_secs" => limits.retry_interval_secs = number(value),
        "share_strategy" => {
            limits.share_strategy = match value {
                "round-robin" => ShareStrategy::RoundRobin,
                "random" => ShareStrategy::Random,
                "sticky" => ShareStrategy::Sticky,
                "hash-topic" => ShareStrategy::HashTopic,
                "hash-client" => ShareStrategy::HashClient,
                _ => panic!("no such strategy: {value}"),
            }
        }
        _ => panic!("no such limit: {name}"),
    }
}

/// Both texts, line by line; what only one has is marked.
fn diff(expected: &[String], actual: &[String]) -> String {
    let (rows, columns) = (expected.len(), actual.len());
    // The longest common part from each place on.
    let mut common = vec![vec![0usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if expected[row] == actual[column] {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut text = String::new();
    while row < rows || column < columns {
        let same = row < rows && column < columns && expected[row] == actual[column];
        if same {
            text += &format!("    {}\n", expected[row]);
            row += 1;
            column += 1;
        } else if row < rows
            && (column == columns || common[row + 1][column] >= common[row][column + 1])
        {
            text += &format!("  - {}\n", expected[row]);
            row += 1;
        } else {
            text += &format!("  + {}\n", actual[column]);
            column += 1;
        }
    }
    text
}
