//! The thread that writes log lines, so that nobody who serves clients waits for a terminal.
//!
//! A stderr that is a full pipe or a stopped terminal blocks whoever writes to it. Lines go to a
//! bounded queue; when it is full they are dropped and counted, and the next line that can be
//! written says how many.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Lines that wait for stderr.
const LINES_MAX: usize = 4_096;
/// How long the end of the program waits for them.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a flush looks for room in a full queue.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Where lines go in; cloned freely.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

enum Item {
    Line(String),
    /// Answer when everything before is written.
    Flush(SyncSender<()>),
}

impl Writer {
    /// A writer with its thread, which lives as long as the process. `lost` words the line about
    /// dropped ones.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(super) fn start(
        to: impl Write + Send + 'static,
        lost: impl Fn(u64) -> String + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, items) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(to, &items, &counted, lost))?;
        Ok(Self { queue, dropped })
    }

    /// Writes a line soon. Never waits.
    pub(super) fn write(&self, line: String) {
        match self.queue.try_send(Item::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until what was written before stands on stderr, but not for ever.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let (done, is_done) = sync_channel(1);
        let mut flush = Item::Flush(done);
        // A full queue takes nothing until a line is written; there is no way to wait for that
        // with a limit but to look again.
        while let Err(TrySendError::Full(back)) = self.queue.try_send(flush) {
            if Instant::now() > deadline {
                return;
            }
            flush = back;
            std::thread::sleep(LOOK_AGAIN);
        }
        // If it takes longer, nobody reads, and the end should not wait for nobody.
        let _ = is_done.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

fn write_all(
    mut to: impl Write,
    items: &Receiver<Item>,
    dropped: &AtomicU64,
    lost: impl Fn(u64) -> String,
) {
    for item in items {
        match item {
            Item::Line(line) => {
                // If stderr is gone there is nobody left to tell.
                drop(to.write_all(line.as_bytes()));
                let count = dropped.swap(0, Ordering::Relaxed);
                if count > 0 {
                    drop(to.write_all(lost(count).as_bytes()));
                }
            }
            Item::Flush(done) => {
                // Whoever asked has stopped waiting.
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A terminal that writes nothing until it is told how many lines it may.
    struct Stopped {
        permits: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.permits.recv().expect("the test holds the other end");
            self.written
                .lock()
                .unwrap()
                .push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn stopped() -> (Writer, Sender<()>, Arc<Mutex<String>>) {
        let (permit, permits) = channel();
        let written = Arc::default();
        let to = Stopped {
            permits,
            written: Arc::clone(&written),
        };
        let writer = Writer::start(to, |count| format!("{count} lost\n")).unwrap();
        (writer, permit, written)
    }

    #[test]
    fn a_stopped_terminal_holds_nobody_up_and_says_later_what_was_lost() {
        let (writer, permit, written) = stopped();
        // One is in the hands of the writer or still in the queue; so many are lost for certain.
        for number in 0..LINES_MAX + 1 + 10 {
            writer.write(format!("{number}\n"));
        }
        let lost = writer.dropped.load(Ordering::Relaxed);
        assert!((10..=11).contains(&lost), "{lost}");
        for _ in 0..LINES_MAX + 100 {
            permit.send(()).unwrap();
        }
        writer.flush();
        let written = written.lock().unwrap();
        let mut lines = written.lines();
        assert_eq!(lines.next(), Some("0"));
        assert_eq!(lines.next(), Some(format!("{lost} lost").as_str()));
        assert_eq!(lines.next(), Some("1"));
    }
}
