//! The disk in memory: what a power cut, a torn write and a failed call leave.

use super::*;

/// Every disk that a power cut can leave, at most 2^16 of them.
fn every_power_cut(disk: &MemoryDisk) -> Vec<MemoryDisk> {
    let undecided = disk.undecided();
    assert!(undecided <= 16);
    (0..1_u32 << undecided)
        .map(|choice| {
            let mut bit = 0;
            disk.after_power_cut(&mut || {
                bit += 1;
                choice >> (bit - 1) & 1 == 1
            })
        })
        .collect()
}

#[test]
fn what_was_synced_survives_every_power_cut_and_the_rest_may_tear() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    file.write_at(0, &[1; 1024]).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    file.write_at(0, &[2; 1024]).unwrap();
    assert_eq!(disk.undecided(), 2);
    let mut seen: Vec<(u8, u8)> = every_power_cut(&disk)
        .iter()
        .map(|cut| {
            let bytes = cut.bytes("a").unwrap();
            (bytes[0], bytes[1023])
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (2, 2)]);
}

#[test]
fn a_name_lasts_from_the_directory_sync_on() {
    let disk = MemoryDisk::new();
    disk.create("a").unwrap();
    let names = |disk: &MemoryDisk| {
        every_power_cut(disk)
            .iter()
            .map(|d| d.names())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&disk), [vec![], vec!["a".to_owned()]]);
    disk.sync_dir().unwrap();
    disk.rename("a", "b").unwrap();
    assert_eq!(names(&disk), [["a"], ["b"]]);
    disk.sync_dir().unwrap();
    assert_eq!(names(&disk), [["b"]]);
}

#[test]
fn after_a_failed_sync_a_successful_one_proves_nothing() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    file.write_at(0, &[0; 512]).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    file.write_at(0, &[9; 512]).unwrap();
    disk.fail_call(disk.counts().calls, Fault::Io);
    assert!(file.sync().is_err());
    file.sync().unwrap();
    let left: Vec<u8> = every_power_cut(&disk)
        .iter()
        .map(|d| d.bytes("a").unwrap()[0])
        .collect();
    assert_eq!(left, [0, 9]);
}

#[test]
fn a_full_disk_takes_no_more_and_still_overwrites() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(1000));
    let file = disk.create("a").unwrap();
    file.write_at(0, &[1; 1000]).unwrap();
    let error = file.write_at(999, &[1; 2]).unwrap_err();
    assert!(crate::disk::is_full(&error));
    file.write_at(0, &[2; 1000]).unwrap();
    disk.unlink("a").unwrap();
    disk.create("b").unwrap().write_at(0, &[1; 1000]).unwrap();
}

#[test]
fn without_power_nothing_works() {
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    disk.fail_call(1, Fault::PowerCut);
    assert!(file.write_at(0, &[1; 512]).is_err());
    assert_eq!(disk.bytes("a").unwrap().len(), 512);
    assert!(file.sync().is_err() && disk.list().is_err());
}
