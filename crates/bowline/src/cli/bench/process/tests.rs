//! The lines of `/proc` as Linux writes them, and our own process as it is.

use std::net::TcpListener;
use std::time::Duration;

use super::{Processes, listening_inodes, own_cpu, read_stat, read_written};

#[test]
fn the_name_of_a_program_confuses_nobody() {
    let rest = "S 1 2 3 4 5 6 7 8 9 10 111 22 15 16 17 18 19 20 21 22 2345 0 0";
    for name in ["(broker)", "(a b)", "(a) R 1 (b)"] {
        let line = format!("4711 {name} {rest}\n");
        assert_eq!(read_stat(&line), Some((111, 22, 2_345)), "{name}");
    }
    assert_eq!(read_stat("4711 (broker) S 1 2"), None);
    assert_eq!(read_stat(""), None);
}

#[test]
fn written_bytes_are_those_that_reach_storage() {
    let io = "rchar: 1\nwchar: 2\nwrite_bytes: 345\ncancelled_write_bytes: 6\n";
    assert_eq!(read_written(io), Some(345));
    assert_eq!(read_written("rchar: 1\n"), None);
}

#[test]
fn only_listening_sockets_of_the_port_count() {
    let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0
   1: 0100007F:075B 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 23456 1 0
   2: 0100007F:075C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 34567 1 0
";
    assert_eq!(listening_inodes(table, 1_883), [12_345]);
    assert_eq!(listening_inodes(table, 1_885), [0_u64; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn we_can_look_at_ourselves_but_do_not_find_ourselves() {
    let usage = Processes::of(vec![std::process::id()]).usage().unwrap();
    assert!(usage.resident_bytes > 100_000);
    assert!(own_cpu() > Duration::ZERO);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let found = Processes::listening_on(listener.local_addr().unwrap());
    assert!(found.is_none());
}

#[test]
fn a_process_that_is_gone_has_no_usage() {
    assert_eq!(Processes::of(vec![u32::MAX]).usage(), None);
}
