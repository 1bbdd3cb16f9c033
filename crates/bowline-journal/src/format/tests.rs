//! The bytes of headers, frames and records, and what is refused.

use super::*;

fn header() -> FileHeader {
    FileHeader {
        class: Class::Log,
        zeroed: true,
        align: 512,
        number: 7,
        store: *b"0123456789abcdef",
        salt: 0x1122_3344_5566_7788,
        size: 65_536,
        cut: Lsn::new(6, 8192),
        durable: Lsn::new(6, 4096),
        covers: Lsn::ZERO,
        replay: Lsn::ZERO,
        replay_sequence: 0,
        writer: Writer::new("bowline 0.1.0"),
    }
}

#[test]
fn a_header_reads_back_and_any_flipped_bit_of_its_sector_is_seen() {
    let bytes = header().encode();
    assert_eq!(bytes.len(), HEADER_BYTES as usize);
    assert_eq!(FileHeader::decode(&bytes), Ok(header()));
    for bit in 0..HEADER_SECTOR_BYTES * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let expected = HeaderFault::DamagedWithCopy(Box::new(header()));
        assert_eq!(FileHeader::decode(&flipped), Err(expected), "bit {bit}");
    }
    assert_eq!(FileHeader::decode(&bytes[..511]), Err(HeaderFault::Damaged));
    assert_eq!(FileHeader::decode(&[0; 4096]), Err(HeaderFault::Damaged));
}

#[test]
fn a_later_version_or_feature_is_named_with_its_writer() {
    for (at, value) in [(8, 2_u8), (16, 1), (11, 2)] {
        let mut bytes = header().encode();
        bytes[at] = value;
        let sum = crc32c::crc32c(&bytes[..HEADER_SUM_AT]).to_le_bytes();
        bytes[HEADER_SUM_AT..HEADER_SUM_AT + 4].copy_from_slice(&sum);
        let Err(HeaderFault::TooNew { writer, .. }) = FileHeader::decode(&bytes) else {
            panic!("byte {at} was accepted");
        };
        assert_eq!(writer.to_string(), "bowline 0.1.0");
    }
}

#[test]
fn a_frame_verifies_only_in_its_file_place_and_life() {
    let frame = FrameHeader {
        length: 100,
        sequence: 9,
        durable: Lsn::new(7, 4096),
        count: 2,
        last: false,
        body_sum: 77,
    };
    let seed = header().seed();
    let bytes = frame.encode(seed, 8192);
    assert_eq!(FrameHeader::decode(&bytes, seed, 8192), Some(frame));
    assert_eq!(FrameHeader::decode(&bytes, seed, 12_288), None);
    let another_life = FileHeader {
        salt: 1,
        ..header()
    }
    .seed();
    let another_file = FileHeader {
        number: 8,
        ..header()
    }
    .seed();
    assert_eq!(FrameHeader::decode(&bytes, another_life, 8192), None);
    assert_eq!(FrameHeader::decode(&bytes, another_file, 8192), None);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(FrameHeader::decode(&flipped, seed, 8192), None, "bit {bit}");
        // One flipped bit does not hide what it was meant to be.
        assert!(
            FrameHeader::looks_like(&flipped, 9, Lsn::new(7, 4096)).is_some(),
            "bit {bit}"
        );
    }
    assert_eq!(FrameHeader::looks_like(&bytes, 10, Lsn::new(7, 8192)), None);
}

#[test]
fn records_read_back_in_order_with_their_offsets() {
    let seed = header().seed();
    let mut body = Vec::new();
    let start = 4096 + FRAME_HEADER_BYTES;
    push_record(&mut body, seed, start, 1, false, &[b"ab", b"c"]);
    push_record(&mut body, seed, start + 11, 2, true, &[b"payload"]);
    push_record(&mut body, seed, start + 11 + 32, 3, true, &[&[7; 40]]);
    let records: Vec<_> = Records::new(&body, 4096).map(Result::unwrap).collect();
    let seen: Vec<_> = records
        .iter()
        .map(|r| (r.kind, r.live, r.offset, r.bytes.len()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, false, start, 3),
            (2, true, start + 11, 7),
            (3, true, start + 43, 40)
        ]
    );
    assert!(records.iter().all(|record| record.verifies(seed)));
    body[11 + 12] ^= 1;
    let broken: Vec<_> = Records::new(&body, 4096)
        .map(|r| r.unwrap().verifies(seed))
        .collect();
    assert_eq!(broken, [true, false, true]);
    // A body cut anywhere ends in a fault or at a record's end, never in a panic.
    for end in 0..body.len() {
        let whole = Records::new(&body[..end], 4096)
            .filter_map(Result::ok)
            .count();
        assert!(whole < 3);
    }
}

#[test]
fn names_parse_back_and_others_are_left_alone() {
    for class in Class::ALL {
        assert_eq!(parse_file_name(&file_name(42, class)), Some((42, class)));
    }
    for name in [
        "lock",
        "42.seg",
        "00000000042.seg",
        "9999999999.seg",
        "0000000042.tmp",
        "000000004x.seg",
        "",
    ] {
        assert_eq!(parse_file_name(name), None, "{name}");
    }
}

#[test]
fn a_writer_keeps_whole_characters() {
    let long = Writer::new("bowline-with-a-very-long-name-é-0.1.0");
    assert_eq!(long.to_string(), "bowline-with-a-very-long-name-é");
    assert_eq!(Writer::new("").to_string(), "an unnamed program");
}
