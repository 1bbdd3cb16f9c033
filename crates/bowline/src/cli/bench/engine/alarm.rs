//! Waking up in time: within microseconds where the system can, else within a millisecond.
//!
//! epoll counts in milliseconds, and an open loop at thousands of messages a second needs more.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// The alarm's own token; no connection has it.
pub(super) const TOKEN: Token = Token(usize::MAX);

/// An alarm that makes the poll return.
#[derive(Debug)]
pub(super) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: rustix::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Alarm {
    pub(super) fn new(registry: &Registry) -> io::Result<Self> {
        use rustix::fd::AsRawFd;
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = mio::unix::SourceFd(&timer.as_raw_fd());
        registry.register(&mut source, TOKEN, mio::Interest::READABLE)?;
        Ok(Self { timer })
    }

    /// Rings once after `wait`. Returns how long the poll may wait at most.
    pub(super) fn ring_in(&self, wait: Duration) -> Duration {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        // Zero would turn it off.
        let wait = wait.max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()),
            },
        };
        match timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once) {
            Ok(_) => Duration::MAX,
            // Then the poll's own clock has to do.
            Err(_) => wait,
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(super) fn new(_registry: &Registry) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Returns how long the poll may wait at most.
    pub(super) fn ring_in(&self, wait: Duration) -> Duration {
        wait
    }
}
