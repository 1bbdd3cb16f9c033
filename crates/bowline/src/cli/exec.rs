//! `sub --exec`: a command per message.
//!
//! Promises: the payload is the command's stdin, topic and properties are in its environment,
//! and only exit status 0 counts as processed. Deliberately absent: commands side by side; order
//! is worth more.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use bowline_client::Delivery;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// First wait after a failure; it doubles.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Longest wait after a failure.
const WAIT_LONGEST: Duration = Duration::from_secs(30);

/// What every variable begins with.
const PREFIX: &str = "BOWLINE_";

/// Runs the command for one message; `Err` says in plain words how it failed.
pub(super) async fn execute(command: &str, delivery: &Delivery) -> Result<(), String> {
    let mut shell = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
    shell
        .arg(if cfg!(windows) { "/C" } else { "-c" })
        .arg(command);
    // What a message does not have must not be inherited from somebody else's.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            shell.env_remove(name);
        }
    }
    shell
        .envs(environment(delivery))
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let mut child = shell
        .spawn()
        .map_err(|why| format!("cannot run the command: {why}"))?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A command need not read its input.
            match stdin.write_all(&delivery.message.payload).await {
                Err(why) if why.kind() != io::ErrorKind::BrokenPipe => return Err(why),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    };
    let (fed, status) = tokio::join!(feed, child.wait());
    fed.map_err(|why| format!("cannot pass the payload on: {why}"))?;
    let status = status.map_err(|why| format!("cannot wait for the command: {why}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("command failed ({status})"))
    }
}

/// The wait before the message is asked for again, after so many failures in a row.
pub(super) fn wait_after(failures: u32) -> Duration {
    let doubled = WAIT_FIRST.saturating_mul(
        1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    doubled.min(WAIT_LONGEST)
}

/// The variables that describe a message. Those of properties it does not have are absent.
fn environment(delivery: &Delivery) -> Vec<(String, String)> {
    let message = &delivery.message;
    let properties = &message.properties;
    let flag = |flag: bool| u8::from(flag).to_string();
    let mut variables = vec![
        ("TOPIC".to_owned(), message.topic.clone()),
        ("QOS".to_owned(), (message.qos as u8).to_string()),
        ("RETAIN".to_owned(), flag(message.retain)),
        ("DUP".to_owned(), flag(delivery.dup)),
    ];
    let mut add = |name: &str, value: Option<String>| {
        variables.extend(value.map(|value| (name.to_owned(), value)));
    };
    add(
        "PACKET_ID",
        delivery.packet_id.map(|id| id.get().to_string()),
    );
    add("CONTENT_TYPE", properties.content_type.clone());
    add("RESPONSE_TOPIC", properties.response_topic.clone());
    let correlation = properties.correlation_data.clone();
    add(
        "CORRELATION_DATA",
        correlation.and_then(|data| String::from_utf8(data).ok()),
    );
    add(
        "MESSAGE_EXPIRY",
        properties.message_expiry_secs.map(|secs| secs.to_string()),
    );
    add(
        "PAYLOAD_FORMAT",
        properties.payload_format_is_utf8.map(flag),
    );
    let identifier = properties.subscription_identifiers.first();
    add("SUBSCRIPTION_IDENTIFIER", identifier.map(u32::to_string));
    for (name, value) in &properties.user_properties {
        add(
            &format!("USER_PROPERTY_{}", variable_name(name)),
            Some(value.clone()),
        );
    }
    variables
        .into_iter()
        // The operating system has no words with U+0000 in them.
        .filter(|(_, value)| !value.contains('\0'))
        .map(|(name, value)| (format!("{PREFIX}{name}"), value))
        .collect()
}

/// A name that shells can use: letters and digits in upper case, everything else as `_`.
fn variable_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowline_client::{Message, MessageProperties, PacketId, QoS};

    fn delivery() -> Delivery {
        let properties = MessageProperties {
            content_type: Some("text/plain".into()),
            user_properties: vec![("trace-id".into(), "7".into())],
            correlation_data: Some(vec![0, 1]),
            ..MessageProperties::default()
        };
        let message = Message::new("a/b", "hello")
            .with_qos(QoS::AtLeastOnce)
            .with_properties(properties);
        Delivery {
            message,
            dup: true,
            packet_id: PacketId::new(7),
            topic_alias: None,
            token: None,
        }
    }

    #[test]
    fn the_environment_of_a_command() {
        let expected = [
            ("BOWLINE_TOPIC", "a/b"),
            ("BOWLINE_QOS", "1"),
            ("BOWLINE_RETAIN", "0"),
            ("BOWLINE_DUP", "1"),
            ("BOWLINE_PACKET_ID", "7"),
            ("BOWLINE_CONTENT_TYPE", "text/plain"),
            ("BOWLINE_USER_PROPERTY_TRACE_ID", "7"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(environment(&delivery()), expected);
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let secs: Vec<u64> = (1..8)
            .map(|failures| wait_after(failures).as_secs())
            .collect();
        assert_eq!(secs, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_exit_status_0_counts() {
        let delivery = delivery();
        let payload_and_topic = r#"test "$(cat)" = hello && test "$BOWLINE_TOPIC" = a/b"#;
        assert_eq!(execute(payload_and_topic, &delivery).await, Ok(()));
        assert_eq!(
            execute("true", &delivery).await,
            Ok(()),
            "it need not read its input"
        );
        let failed = execute("exit 3", &delivery).await.expect_err("3 is not 0");
        assert!(failed.contains("exit status: 3"), "{failed}");
    }
}
