//! What each protocol version has, by tables.

use super::*;

/// [MQTT-3.1.2-1] [MQTT3-3.1.2-1]
#[test]
fn a_version_is_known_by_name_and_level() {
    for (name, level, version) in [
        ("MQIsdp", 3, Some(ProtocolVersion::V31)),
        ("MQTT", 4, Some(ProtocolVersion::V311)),
        ("MQTT", 5, Some(ProtocolVersion::V5)),
        ("MQTT", 3, None),
        ("MQIsdp", 4, None),
        ("MQTT", 6, None),
        ("mqtt", 4, None),
        ("", 4, None),
    ] {
        assert_eq!(
            ProtocolVersion::named(name.as_bytes(), level),
            version,
            "{name} {level}"
        );
        if let Some(version) = version {
            assert_eq!((version.protocol_name(), version.level()), (name, level));
        }
    }
    assert!(ProtocolVersion::ALL.is_sorted());
    assert_eq!(
        ProtocolVersion::ALL.map(|v| std::format!("{v}")),
        ["3.1", "3.1.1", "5.0"]
    );
}
