//! The header of a segment, and what is refused.

use super::*;

fn at(offset: u32, len: u32) -> Location {
    Location {
        lsn: Lsn::new(1, offset),
        len,
    }
}

#[test]
fn neighbours_in_adjacent_granules_are_told_apart() {
    let mut live = LiveRecords::default();
    // The closest that two live records can be: 32 bytes, at any offset.
    for offset in (4144..9000).step_by(32) {
        assert!(live.insert(at(offset + 5, 1)));
        assert!(!live.insert(at(offset + 5, 1)));
    }
    assert_eq!((live.count, live.bytes), (152, 152 * 32));
    assert!(live.contains(4149) && !live.contains(4100) && !live.contains(1 << 30));
    for offset in (4144..9000).step_by(32) {
        assert!(live.remove(at(offset + 5, 1)));
        assert!(!live.remove(at(offset + 5, 1)));
    }
    assert_eq!(
        (live.count, live.bytes, live.granules.capacity()),
        (0, 0, 0)
    );
}
