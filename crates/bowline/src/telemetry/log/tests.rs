//! How lines look.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use super::*;

/// Keeps lines instead of writing them.
struct Kept {
    format: LogFormat,
    lines: Arc<Mutex<String>>,
}

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_248_000_123);
        self.lines
            .lock()
            .unwrap()
            .push_str(&line_of(self.format, time, event));
    }
}

/// The lines that `say` causes.
pub(in crate::telemetry) fn lines(format: LogFormat, say: impl FnOnce()) -> String {
    let lines = Arc::default();
    let kept = Kept {
        format,
        lines: Arc::clone(&lines),
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(kept), say);
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn a_client_connects() {
    tracing::info!(
        client = "kitchen",
        address = %"127.0.0.1:50123",
        version = "5",
        keep_alive = 60_u16,
        session_present = false,
        "client connected"
    );
    tracing::warn!("stopping");
}

#[test]
fn for_people() {
    assert_eq!(
        lines(LogFormat::Text, a_client_connects),
        "2026-11-21T08:00:00.123Z info  client connected  client=kitchen \
         address=127.0.0.1:50123 version=5 keep_alive=60 session_present=false\n\
         2026-11-21T08:00:00.123Z warn  stopping\n"
    );
}

#[test]
fn as_json() {
    assert_eq!(
        lines(LogFormat::Json, a_client_connects),
        "{\"time\":\"2026-11-21T08:00:00.123Z\",\"level\":\"info\",\
         \"message\":\"client connected\",\"client\":\"kitchen\",\
         \"address\":\"127.0.0.1:50123\",\"version\":\"5\",\"keep_alive\":60,\
         \"session_present\":false}\n\
         {\"time\":\"2026-11-21T08:00:00.123Z\",\"level\":\"warn\",\"message\":\"stopping\"}\n"
    );
}

#[test]
fn a_client_id_cannot_forge_a_line() {
    let forge = || {
        tracing::info!(
            client = "a\n2026 error \"x\"\u{1b}[2J\u{202e}ö",
            "connected"
        )
    };
    assert_eq!(
        lines(LogFormat::Text, forge),
        "2026-11-21T08:00:00.123Z info  connected  \
         client=\"a\\n2026 error \\\"x\\\"\\u{1b}[2J\\u{202e}ö\"\n"
    );
    let json = lines(LogFormat::Json, forge);
    assert!(
        json.contains("\"client\":\"a\\u000a2026 error \\\"x\\\"\\u001b[2J\u{202e}ö\""),
        "{json}"
    );
    assert_eq!(json.lines().count(), 1);
}

#[test]
fn more_of_verbose_ends_at_everything() {
    assert_eq!(LogLevel::Info.more(0), LogLevel::Info);
    assert_eq!(LogLevel::Info.more(1), LogLevel::Debug);
    assert_eq!(LogLevel::Warn.more(9), LogLevel::Trace);
}
