//! Numbers as people read them, and what counts as a fault at which QoS.

use std::time::Duration;

use bowline_packet::QoS;

use super::super::engine::{Counts, Verdict};
use super::{BrokerUse, Report, Stage, Unit, grouped, sized};

#[test]
fn numbers_are_grouped_and_sized() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (12_345_678, "12,345,678"),
    ] {
        assert_eq!(grouped(number), text);
    }
    for (bytes, text) in [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_536, "1.5 KiB"),
        (3 << 30, "3.0 GiB"),
    ] {
        assert_eq!(sized(bytes), text);
    }
}

fn report(qos: QoS, lost: u64, counts: Counts) -> Report {
    Report {
        scenario: "one-to-one",
        settings: Vec::new(),
        qos,
        stages: Vec::new(),
        verdict: Verdict {
            expected: 1_000,
            lost,
        },
        counts,
        failure: None,
        clients: 2,
    }
}

#[test]
fn each_fault_is_named_and_duplicates_only_where_they_are_one() {
    let none = Counts::default();
    let table = [
        (QoS::AtMostOnce, 0, none, ""),
        (
            QoS::AtMostOnce,
            3,
            none,
            "3 of 1,000 deliveries lost (QoS 0)",
        ),
        (
            QoS::ExactlyOnce,
            1,
            none,
            "1 of 1,000 deliveries lost (QoS 2)",
        ),
        (
            QoS::AtMostOnce,
            0,
            Counts {
                duplicates: 2,
                ..none
            },
            "2 deliveries twice",
        ),
        (
            QoS::AtLeastOnce,
            0,
            Counts {
                duplicates: 2,
                ..none
            },
            "",
        ),
        (
            QoS::AtLeastOnce,
            0,
            Counts {
                reordered: 4,
                ..none
            },
            "4 deliveries out of order",
        ),
        (
            QoS::AtLeastOnce,
            0,
            Counts { refused: 5, ..none },
            "5 publications refused",
        ),
        (
            QoS::AtLeastOnce,
            0,
            Counts {
                lost_connections: 1,
                foreign: 6,
                ..none
            },
            "6 deliveries that were not for who got them; 1 connections lost",
        ),
    ];
    for (qos, lost, counts, faults) in table {
        assert_eq!(report(qos, lost, counts).faults().join("; "), faults);
    }
}

#[test]
fn rates_are_per_second_and_per_second_of_the_brokers_cpu() {
    let mut stage = Stage {
        name: "deliver",
        unit: Unit::Deliveries,
        done: 1_000_000,
        time: Duration::from_secs(4),
        counts: Counts::default(),
        broker: None,
        own_cpu: Duration::from_millis(500),
        latency: None,
    };
    assert_eq!((stage.rate(), stage.per_cpu_second()), (250_000.0, None));
    let used = BrokerUse {
        user: Duration::from_millis(500),
        system: Duration::from_millis(1_500),
        resident_before: 0,
        resident_after: 0,
        resident_peak: 0,
        written_bytes: None,
    };
    stage.broker = Some(used);
    assert_eq!(stage.per_cpu_second(), Some(500_000.0));
    assert_eq!(stage.own_share(), Some(0.25));
    // Three ticks of the clock measure nothing.
    stage.broker = Some(BrokerUse {
        user: Duration::ZERO,
        system: Duration::from_millis(20),
        ..used
    });
    assert_eq!(stage.per_cpu_second(), None);
}
