//! How many connections are open, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Descriptors kept for everything that is not a connection: listeners, epoll, logs, journal.
const RESERVED_DESCRIPTORS: u64 = 128;

/// The places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    max: usize,
}

/// A taken place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Places {
    /// As many places as `configured`, or as many as the process may have descriptors, less a
    /// reserve. Raises the soft limit of descriptors to the hard one first.
    pub(crate) fn new(configured: Option<usize>) -> Self {
        let possible = descriptors_max()
            .saturating_sub(RESERVED_DESCRIPTORS)
            .max(1);
        let possible = usize::try_from(possible).unwrap_or(usize::MAX);
        if let Some(wanted) = configured.filter(|&wanted| wanted > possible) {
            tracing::warn!(
                connections_max = wanted,
                possible,
                "the limit of open files allows fewer connections than configured"
            );
        }
        let max = configured.map_or(possible, |wanted| wanted.min(possible));
        Self {
            taken: Arc::default(),
            max,
        }
    }

    /// Takes a place, if one is free.
    pub(crate) fn take(&self) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.max {
            Some(Place(Arc::clone(&self.taken)))
        } else {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }

    /// Places taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Places in all.
    pub(crate) const fn max(&self) -> usize {
        self.max
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The descriptors that this process may have, after raising its soft limit to the hard one.
fn descriptors_max() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let in_force = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            limit.current
        }
    };
    // `None` is "unlimited".
    in_force.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
