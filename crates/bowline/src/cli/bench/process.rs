//! What the broker's processes use: CPU time, memory, disk traffic; and which processes they are.
//!
//! Read from `/proc`, so it is there on Linux only, and for brokers of the same user on the same
//! machine; elsewhere the report says nothing about it. Of a process that is not ours to look
//! into, disk traffic may be missing alone.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// Processes that are watched together.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    pids: Vec<u32>,
}

/// What they have used since their start, and hold now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// CPU time in user mode.
    pub(super) user: Duration,
    /// CPU time in the kernel.
    pub(super) system: Duration,
    /// Resident memory, bytes.
    pub(super) resident_bytes: u64,
    /// Bytes that they caused to be written to storage; `None` if we may not know.
    pub(super) written_bytes: Option<u64>,
}

impl Usage {
    /// CPU time.
    pub(super) fn cpu(self) -> Duration {
        self.user + self.system
    }
}

impl Processes {
    /// These processes.
    pub(super) fn of(pids: Vec<u32>) -> Self {
        Self { pids }
    }

    /// The processes that listen on the port, if they can be found; never our own.
    pub(super) fn listening_on(address: SocketAddr) -> Option<Self> {
        if !address.ip().is_loopback() && !address.ip().is_unspecified() {
            return None;
        }
        let inodes: HashSet<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .into_iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_inodes(&table, address.port()))
            .collect();
        let own = std::process::id();
        let pids: Vec<u32> = fs::read_dir("/proc")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|&pid| pid != own && holds_one_of(pid, &inodes))
            .collect();
        (!pids.is_empty()).then_some(Self { pids })
    }

    /// The process ids.
    pub(super) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// What they use; `None` if one of them is gone.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut all = Usage {
            written_bytes: Some(0),
            ..Usage::default()
        };
        for pid in &self.pids {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (user_ticks, system_ticks, pages) = read_stat(&stat)?;
            all.user += ticks(user_ticks);
            all.system += ticks(system_ticks);
            all.resident_bytes += pages * u64::try_from(rustix::param::page_size()).ok()?;
            let written = fs::read_to_string(format!("/proc/{pid}/io"))
                .ok()
                .and_then(|io| read_written(&io));
            all.written_bytes = all.written_bytes.zip(written).map(|(sum, own)| sum + own);
        }
        Some(all)
    }
}

/// CPU time of this process.
pub(super) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(secs) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn ticks(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second))
}

/// User ticks, system ticks and resident pages in a line of `/proc/PID/stat`.
fn read_stat(stat: &str) -> Option<(u64, u64, u64)> {
    // The name of the program is in parentheses and may itself hold anything.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    // State is the third field of the line: user time is the 14th, system time the next, resident
    // pages the 24th.
    let user = fields.nth(11)?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    let pages = fields.nth(8)?.trim().parse().ok()?;
    Some((user, system, pages))
}

fn read_written(io: &str) -> Option<u64> {
    let value = |name| {
        io.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    value("write_bytes:")
}

/// The inodes of sockets that listen on a port, in a table such as `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let port = format!("{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let local = fields.nth(1)?;
            let state = fields.nth(1)?;
            let is_it = state == LISTEN && local.rsplit_once(':')?.1 == port;
            is_it.then(|| fields.nth(5)?.parse().ok()).flatten()
        })
        .collect()
}

fn holds_one_of(pid: u32, inodes: &HashSet<u64>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| {
            target
                .to_str()
                .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'))
                .and_then(|inode| inode.parse().ok())
                .is_some_and(|inode| inodes.contains(&inode))
        })
}
