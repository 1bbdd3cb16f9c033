//! Each event in the words that people read.

use super::*;
use crate::telemetry::log::LogFormat;
use crate::telemetry::log::tests::lines;

#[test]
fn each_event_has_its_line() {
    let client_id = || Box::from("kitchen");
    let peer = || Box::from("127.0.0.1:50123");
    let ended = |why, messages_discharged| Event::SessionEnded {
        client_id: client_id(),
        why,
        messages_discharged,
    };
    let left = |reason, cause: &str| Event::ClientDisconnected {
        client_id: client_id(),
        peer: peer(),
        reason,
        cause: cause.into(),
    };
    let cases = [
        (
            Event::ClientConnected {
                client_id: client_id(),
                peer: peer(),
                version: ProtocolVersion::V311,
                keep_alive_secs: 60,
                session_present: true,
                session_expiry_secs: 604_800,
            },
            "info  client connected  client=kitchen address=127.0.0.1:50123 version=3.1.1 \
             keep_alive=60 session_present=true session_expiry=604800",
        ),
        (
            left(ReasonCode::Success, "disconnected"),
            "info  client disconnected  client=kitchen address=127.0.0.1:50123 cause=disconnected",
        ),
        (
            left(
                ReasonCode::SessionTakenOver,
                "another connection took the session over",
            ),
            "info  client disconnected  client=kitchen address=127.0.0.1:50123 \
             reason=\"0x8e session taken over\" cause=\"another connection took the session over\"",
        ),
        (
            Event::ConnectRefused {
                peer: peer(),
                reason: ReasonCode::MalformedPacket,
                cause: "bad".into(),
            },
            "warn  connection refused  address=127.0.0.1:50123 \
             reason=\"0x81 malformed packet\" cause=bad",
        ),
        (
            ended(SessionEnd::Connection, 0),
            "debug session ended  client=kitchen cause=\"its connection ended\"",
        ),
        (
            ended(SessionEnd::Expired, 7),
            "warn  session ended with messages still owed to it  client=kitchen \
             cause=\"its expiry interval passed\" messages_discharged=7",
        ),
        (
            Event::PublishRefused {
                client_id: client_id(),
                topic: "a/b".into(),
                reason: ReasonCode::QuotaExceeded,
            },
            "warn  publish refused  client=kitchen topic=a/b reason=\"0x97 quota exceeded\"",
        ),
        (
            Event::QueueFull {
                client_id: client_id(),
                policy: OnFull::DropOldest,
            },
            "warn  queue full  client=kitchen policy=drop-oldest",
        ),
        (
            Event::ReceiveMaximumExceeded {
                client_id: client_id(),
            },
            "warn  client exceeds its receive maximum; its further messages wait  client=kitchen",
        ),
    ];
    for (event, expected) in cases {
        let line = lines(LogFormat::Text, || {
            EventLog::default().tell_all(&mut vec![event])
        });
        assert_eq!(line, format!("2026-11-21T08:00:00.123Z {expected}\n"));
    }
}

#[test]
fn a_flood_of_bad_clients_is_not_a_flood_of_lines() {
    let refused = || Event::ConnectRefused {
        peer: "192.0.2.7:1".into(),
        reason: ReasonCode::MalformedPacket,
        cause: "bad".into(),
    };
    let mut log = EventLog::default();
    let line = lines(LogFormat::Text, || {
        log.tell_all(&mut std::iter::repeat_with(refused).take(1_000).collect());
    });
    assert_eq!(line.lines().count(), 100);
}
