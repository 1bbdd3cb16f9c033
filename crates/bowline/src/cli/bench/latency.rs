//! Times in an HDR histogram: from the intended sending to the delivery.
//!
//! Promises: three significant digits from 1 ns to an hour; recording does not allocate. Longer
//! times count as an hour. Messages of one write have one time, so a run of equal times costs one
//! entry ([`Latency::note`] and [`Latency::settle`]).

#[cfg(test)]
mod tests;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// An hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// A histogram of nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    histogram: Histogram<u64>,
    /// The run of equal times that has not been entered yet.
    sent_ns: u64,
    count: u64,
}

/// What people ask of a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Percentiles {
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) p999: u64,
    pub(super) max: u64,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, LONGEST_NS, 3)
                .expect("1 ns to an hour in three digits is within what it can do"),
            sent_ns: 0,
            count: 0,
        }
    }

    /// Enters one time.
    pub(super) fn record(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
    }

    /// Notes a message that was sent at `sent_ns` and arrived before `now_ns`, the same for all
    /// until [`settle`](Self::settle).
    #[inline]
    pub(super) fn note(&mut self, sent_ns: u64, now_ns: u64) {
        if sent_ns != self.sent_ns {
            self.settle(now_ns);
            self.sent_ns = sent_ns;
        }
        self.count += 1;
    }

    /// Enters what was noted.
    #[inline]
    pub(super) fn settle(&mut self, now_ns: u64) {
        if self.count > 0 {
            let ns = now_ns.saturating_sub(self.sent_ns);
            self.histogram.saturating_record_n(ns, self.count);
            self.count = 0;
        }
    }

    /// Adds what another one holds.
    pub(super) fn add(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("both have the same bounds");
    }

    /// How many times it holds.
    pub(super) fn len(&self) -> u64 {
        self.histogram.len()
    }

    /// Hands over what it holds and starts anew.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.histogram.value_at_quantile(quantile);
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.histogram.max(),
        }
    }
}

impl Percentiles {
    /// In microseconds, for machines.
    pub(super) fn json(self) -> Value {
        let us = |ns: u64| super::report::ratio(ns, 1_000);
        json!({
            "p50": us(self.p50), "p90": us(self.p90), "p99": us(self.p99),
            "p99.9": us(self.p999), "max": us(self.max),
        })
    }
}
