//! Signals that ask a command to stop.

use std::ffi::c_int;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

/// A signal that follows the first one so soon is the same request: timeout(1) signals the process and
/// then its group.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// What a signal asks for, after those that came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To stop.
    First,
    /// What the first one asked for.
    Same,
    /// To stop at once.
    Again,
}

/// Signals that ask to stop, from the first one on.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    first: Option<Instant>,
}

impl Requests {
    /// A signal came at `now`.
    pub(crate) fn on_signal(&mut self, now: Instant) -> Asked {
        match self.first {
            None => {
                self.first = Some(now);
                Asked::First
            }
            Some(first) if now.saturating_duration_since(first) <= SAME_REQUEST => Asked::Same,
            Some(_) => Asked::Again,
        }
    }
}

/// Sets `stop` at the first of these signals, and calls `again` with each one that arrives more than
/// a second later. Both happen on a separate thread.
///
/// # Errors
///
/// Those of sigaction(2), and of starting the thread.
pub(crate) fn stop_on(
    signals: &[c_int],
    stop: Arc<AtomicBool>,
    mut again: impl FnMut(c_int) + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new(signals)?;
    let wait = move || {
        let mut requests = Requests::default();
        for signal in signals.forever() {
            stop.store(true, Ordering::Relaxed);
            if requests.on_signal(Instant::now()) == Asked::Again {
                again(signal);
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)?;
    Ok(())
}

/// `SIGHUP`, unless it is ignored: a process started by nohup(1) outlives its terminal.
#[must_use]
pub(crate) fn hangup() -> Option<c_int> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    (!is_ignored(SIGHUP, &status)).then_some(SIGHUP)
}

/// Whether the `status` file of a process lists a signal as ignored.
fn is_ignored(signal: c_int, status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_signal_counts_after_a_second() {
        let mut requests = Requests::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        for (millis, asked) in [
            (0, Asked::First),
            (1, Asked::Same),
            (1_000, Asked::Same),
            (1_001, Asked::Again),
            (1_002, Asked::Again),
        ] {
            assert_eq!(requests.on_signal(at(millis)), asked, "after {millis} ms");
        }
    }

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\tf\n";
        assert!(is_ignored(SIGHUP, status));
        assert!(is_ignored(13, status) && !is_ignored(2, status));
        assert!(!is_ignored(SIGHUP, ""));
    }
}
