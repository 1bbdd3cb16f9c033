//! The format language of `sub -F`, as mosquitto_sub has it.
//!
//! Promises: a format is parsed once, before anything is received; an unfinished or unknown
//! sequence is an error. It differs on purpose in `%j` and
//! `%J`: the time stamp is RFC 3339 with microseconds and `retain` is a boolean, so that other
//! programs can read both. Deliberately absent: the newline after each message (`-N` decides).

use std::fmt::Write as _;

use bowline_client::{Delivery, MessageProperties};
use jiff::Zoned;

/// The letters that [`field`] knows.
const FIELDS: &str = "tpxXlqrmACDEFPRSIUjJfd";

const HINT: &str = "hint: `bowline sub --help` lists them all";

/// A parsed format.
#[derive(Debug, Clone, PartialEq)]
pub struct Format {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// Printed as it is.
    Literal(Vec<u8>),
    /// `%` and a letter.
    Field { spec: Spec, letter: char },
    /// `@` and a letter: strftime.
    Time(char),
}

/// What may stand between `%` and the letter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Spec {
    left: bool,
    zero: bool,
    width: usize,
    /// Longest text; digits after the point for `%f` and `%d`; nibbles per group for `%x`.
    precision: Option<usize>,
    /// Between the groups of `%x`.
    separator: Option<char>,
}

/// Why a message cannot be printed in the wanted format.
#[derive(Debug, Clone, PartialEq)]
pub enum Unprintable {
    /// `%J`, and the payload is not JSON.
    NotJson,
    /// `%f` or `%d`, and the payload has another length than 4 or 8 bytes.
    NotFloat,
}

impl std::fmt::Display for Unprintable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotJson => "payload is not valid JSON",
            Self::NotFloat => "payload is not a binary floating point number of this size",
        })
    }
}

impl Format {
    /// Parses a format; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            let piece = match next {
                '%' => {
                    let spec = parse_spec(&mut rest);
                    let letter = rest.next().ok_or("unfinished sequence after `%`")?;
                    if letter == '%' {
                        literal.push(b'%');
                        continue;
                    }
                    if !FIELDS.contains(letter) {
                        return Err(format!("unknown sequence `%{letter}`\n{HINT}"));
                    }
                    Piece::Field { spec, letter }
                }
                '@' => match rest.next().ok_or("unfinished sequence after `@`")? {
                    '@' => {
                        literal.push(b'@');
                        continue;
                    }
                    letter => Piece::Time(letter),
                },
                '\\' => {
                    let letter = rest.next().ok_or("unfinished sequence after `\\`")?;
                    let byte = escape(letter)
                        .ok_or_else(|| format!("unknown sequence `\\{letter}`\n{HINT}"))?;
                    literal.push(byte);
                    continue;
                }
                plain => {
                    let mut bytes = [0; 4];
                    literal.extend_from_slice(plain.encode_utf8(&mut bytes).as_bytes());
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// Appends one message as the format wants it. On error nothing was appended.
    pub fn render(
        &self,
        delivery: &Delivery,
        now: &Zoned,
        pretty: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Unprintable> {
        let start = out.len();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Time(letter) => out.extend_from_slice(time(now, *letter).as_bytes()),
                Piece::Field { spec, letter } => {
                    if let Err(why) = field(delivery, now, pretty, *spec, *letter, out) {
                        out.truncate(start);
                        return Err(why);
                    }
                }
            }
        }
        Ok(())
    }
}

fn parse_spec(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Spec {
    let mut spec = Spec::default();
    while let Some(flag) = rest.next_if(|c| matches!(c, '-' | '0')) {
        match flag {
            '-' => spec.left = true,
            _ => spec.zero = true,
        }
    }
    spec.width = parse_number(rest).unwrap_or(0);
    if rest.next_if_eq(&'.').is_some() {
        spec.precision = Some(parse_number(rest).unwrap_or(0));
        spec.separator = rest.next_if(|c| c.is_ascii_punctuation() && *c != '%');
    }
    spec
}

/// Digits as a number; more than anybody needs counts as 9,999.
fn parse_number(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = rest
        .next_if(char::is_ascii_digit)
        .and_then(|c| c.to_digit(10))
    {
        number = Some((number.unwrap_or(0) * 10 + digit as usize).min(9_999));
    }
    number
}

fn escape(letter: char) -> Option<u8> {
    match letter {
        '\\' => Some(b'\\'),
        '0' => Some(0),
        'a' => Some(0x07),
        'e' => Some(0x1b),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(0x0b),
        _ => None,
    }
}

/// Appends what `%` and `letter` stand for.
fn field(
    delivery: &Delivery,
    now: &Zoned,
    pretty: bool,
    spec: Spec,
    letter: char,
    out: &mut Vec<u8>,
) -> Result<(), Unprintable> {
    let message = &delivery.message;
    let properties = &message.properties;
    match letter {
        't' => spec.text(&message.topic, out),
        'p' => spec.pad(&message.payload, false, out),
        'x' => spec.hex(&message.payload, |byte| format!("{byte:02x}"), out),
        'X' => spec.hex(&message.payload, |byte| format!("{byte:02X}"), out),
        'l' => spec.number(Some(message.payload.len()), out),
        'q' => spec.number(Some(message.qos as u8), out),
        'r' => spec.number(Some(u8::from(message.retain)), out),
        'm' => spec.number(Some(delivery.packet_id.map_or(0, |id| id.get())), out),
        'A' => spec.number(delivery.topic_alias, out),
        'C' => spec.text(properties.content_type.as_deref().unwrap_or_default(), out),
        'D' => out.extend_from_slice(properties.correlation_data.as_deref().unwrap_or_default()),
        'E' => spec.number(properties.message_expiry_secs, out),
        'F' => spec.number(properties.payload_format_is_utf8.map(u8::from), out),
        'P' => out.extend_from_slice(user_properties(properties).as_bytes()),
        'R' => spec.text(
            properties.response_topic.as_deref().unwrap_or_default(),
            out,
        ),
        'S' => spec.number(properties.subscription_identifiers.first(), out),
        'I' => spec.text(&now.strftime("%Y-%m-%dT%H:%M:%S%z").to_string(), out),
        'U' => {
            let timestamp = now.timestamp();
            let text = format!(
                "{}.{:09}",
                timestamp.as_second(),
                timestamp.subsec_nanosecond()
            );
            out.extend_from_slice(text.as_bytes());
        }
        'j' => json(delivery, now, pretty, &json_text(&message.payload), out),
        'J' => {
            let valid = serde_json::from_slice::<serde_json::Value>(&message.payload).is_ok();
            let payload = std::str::from_utf8(&message.payload).ok().filter(|_| valid);
            json(
                delivery,
                now,
                pretty,
                payload.ok_or(Unprintable::NotJson)?.trim(),
                out,
            );
        }
        'f' => {
            let bytes: [u8; 4] = message
                .payload
                .as_slice()
                .try_into()
                .map_err(|_| Unprintable::NotFloat)?;
            spec.float(f32::from_le_bytes(bytes).into(), out);
        }
        'd' => {
            let bytes: [u8; 8] = message
                .payload
                .as_slice()
                .try_into()
                .map_err(|_| Unprintable::NotFloat)?;
            spec.float(f64::from_le_bytes(bytes), out);
        }
        _ => {} // `Format::parse` lets no other letter pass.
    }
    Ok(())
}

impl Spec {
    fn text(self, text: &str, out: &mut Vec<u8>) {
        let cut = match self.precision.and_then(|max| text.char_indices().nth(max)) {
            Some((end, _)) => text.get(..end).unwrap_or(text),
            None => text,
        };
        self.pad(cut.as_bytes(), false, out);
    }

    fn number(self, number: Option<impl ToString>, out: &mut Vec<u8>) {
        let text = number.map_or_else(String::new, |number| number.to_string());
        self.pad(text.as_bytes(), self.zero && !text.is_empty(), out);
    }

    fn float(self, number: f64, out: &mut Vec<u8>) {
        let digits = self.precision.unwrap_or(6);
        self.pad(format!("{number:.digits$}").as_bytes(), self.zero, out);
    }

    fn hex(self, payload: &[u8], digits: impl Fn(&u8) -> String, out: &mut Vec<u8>) {
        let mut text: String = payload.iter().map(digits).collect();
        if let Some(group) = self.precision.filter(|group| *group > 0) {
            let separator = self.separator.unwrap_or(' ');
            let mut grouped = String::with_capacity(2 * text.len());
            for (index, nibble) in text.chars().enumerate() {
                if index > 0 && index % group == 0 {
                    grouped.push(separator);
                }
                grouped.push(nibble);
            }
            text = grouped;
        }
        self.pad(text.as_bytes(), self.zero, out);
    }

    fn pad(self, bytes: &[u8], zero: bool, out: &mut Vec<u8>) {
        // Columns, not bytes, as far as the text has any.
        let length = std::str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count());
        let missing = self.width.saturating_sub(length);
        let fill = std::iter::repeat_n(if zero && !self.left { b'0' } else { b' ' }, missing);
        if self.left {
            out.extend_from_slice(bytes);
            out.extend(fill);
        } else {
            out.extend(fill);
            out.extend_from_slice(bytes);
        }
    }
}

/// `@` and `letter`: one conversion of strftime, or nanoseconds.
fn time(now: &Zoned, letter: char) -> String {
    if letter == 'N' {
        return format!("{:09}", now.timestamp().subsec_nanosecond());
    }
    jiff::fmt::strtime::format(format!("%{letter}"), now).unwrap_or_default()
}

fn user_properties(properties: &MessageProperties) -> String {
    let pairs: Vec<String> = properties
        .user_properties
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    pairs.join(" ")
}

/// Appends the message as a JSON object; `payload` is JSON already.
fn json(delivery: &Delivery, now: &Zoned, pretty: bool, payload: &str, out: &mut Vec<u8>) {
    let message = &delivery.message;
    let mut text = format!(
        "{{\"tst\":\"{}\",\"topic\":{},\"qos\":{},\"retain\":{},\"payloadlen\":{},",
        now.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z"),
        quoted(&message.topic),
        message.qos as u8,
        message.retain,
        message.payload.len(),
    );
    if let Some(id) = delivery.packet_id {
        let _ = write!(text, "\"mid\":{},", id.get());
    }
    let properties = json_properties(delivery);
    if !properties.is_empty() {
        let _ = write!(text, "\"properties\":{{{}}},", properties.join(","));
    }
    let _ = write!(text, "\"payload\":{payload}}}");
    if pretty {
        text = indented(&text);
    }
    out.extend_from_slice(text.as_bytes());
}

fn json_properties(delivery: &Delivery) -> Vec<String> {
    let properties = &delivery.message.properties;
    let mut members = Vec::new();
    let mut member = |name: &str, value: Option<String>| {
        members.extend(value.map(|value| format!("\"{name}\":{value}")));
    };
    let utf8 = properties.payload_format_is_utf8;
    member(
        "payload-format-indicator",
        utf8.map(|utf8| u8::from(utf8).to_string()),
    );
    let expiry = properties.message_expiry_secs;
    member(
        "message-expiry-interval",
        expiry.map(|secs| secs.to_string()),
    );
    member(
        "content-type",
        properties.content_type.as_deref().map(quoted),
    );
    member(
        "response-topic",
        properties.response_topic.as_deref().map(quoted),
    );
    member(
        "correlation-data",
        properties.correlation_data.as_deref().map(json_text),
    );
    let identifier = properties.subscription_identifiers.first();
    member("subscription-identifier", identifier.map(u32::to_string));
    member(
        "topic-alias",
        delivery.topic_alias.map(|alias| alias.to_string()),
    );
    if !properties.user_properties.is_empty() {
        let pairs: Vec<String> = properties
            .user_properties
            .iter()
            .map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)))
            .collect();
        member("user-properties", Some(format!("{{{}}}", pairs.join(","))));
    }
    members
}

/// Bytes as a JSON string; what is not UTF-8 becomes U+FFFD, because JSON has no bytes.
fn json_text(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Valid JSON, one member per line, two spaces per level; the values stay exactly as they are.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(2 * json.len());
    let (mut level, mut in_string, mut escaped) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    while let Some(next) = rest.next() {
        if in_string {
            text.push(next);
            in_string = escaped || next != '"';
            escaped = !escaped && next == '\\';
            continue;
        }
        while rest.next_if(char::is_ascii_whitespace).is_some() {}
        let empty = matches!((next, rest.peek()), ('{', Some('}')) | ('[', Some(']')));
        match next {
            '"' => {
                in_string = true;
                text.push(next);
            }
            '{' | '[' if empty => text.push(next),
            '}' | ']' if text.ends_with(['{', '[']) => text.push(next),
            '{' | '[' => {
                level += 1;
                text.push(next);
                new_line(&mut text, level);
            }
            '}' | ']' => {
                level = level.saturating_sub(1);
                new_line(&mut text, level);
                text.push(next);
            }
            ',' => {
                text.push(next);
                new_line(&mut text, level);
            }
            ':' => text.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => text.push(other),
        }
    }
    text
}

fn new_line(text: &mut String, level: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests;
