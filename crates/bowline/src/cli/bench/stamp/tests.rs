//! A stamp comes back as it was written, up to the largest values.

use super::Stamp;

#[test]
fn what_was_written_is_read() {
    let table = [
        (0, 0, 0, 0),
        (1, 2, 3, 4),
        ((1 << 24) - 1, (1 << 40) - 1, u16::MAX, (1 << 48) - 1),
        (0, (1 << 40) - 1, 0, (1 << 48) - 1),
        ((1 << 24) - 1, 0, u16::MAX, 0),
    ];
    for (flow, sequence, run, sent_ns) in table {
        let stamp = Stamp {
            flow,
            sequence,
            run,
            sent_ns,
        };
        let mut payload = stamp.to_bytes().to_vec();
        payload.extend_from_slice(b"and more");
        assert_eq!(Stamp::read(&payload), Some(stamp));
    }
}

#[test]
fn a_payload_that_is_too_short_has_none() {
    assert_eq!(Stamp::read(&[0; 15]), None);
    assert_eq!(Stamp::read(&[]), None);
}
