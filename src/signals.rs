//! Signals that are a wish to stop.

use std::ffi::c_int;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

/// Signals that come so soon after the first repeat it: timeout(1) signals the process, and then its
/// group.
const ONE_WISH: Duration = Duration::from_secs(1);

/// Sets `stop` at the first of these signals. One that comes later than a second after it calls
/// `again` with its number, on a thread of its own.
///
/// # Errors
///
/// Those of sigaction(2), and of starting a thread.
pub(crate) fn stop_on(
    signals: &[c_int],
    stop: Arc<AtomicBool>,
    mut again: impl FnMut(c_int) + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new(signals)?;
    let wait = move || {
        let mut first = None;
        for signal in signals.forever() {
            let first = *first.get_or_insert_with(Instant::now);
            stop.store(true, Ordering::Relaxed);
            if first.elapsed() > ONE_WISH {
                again(signal);
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)?;
    Ok(())
}

/// `SIGHUP`, unless it is ignored: a process that was started by nohup(1) goes on without a terminal.
#[must_use]
pub(crate) fn hangup() -> Option<c_int> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    (!is_ignored(SIGHUP, &status)).then_some(SIGHUP)
}

/// Is a signal ignored, as the kernel's `status` of a process says?
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
    fn ignored_signals_are_read_from_the_mask() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\tf\n";
        assert!(is_ignored(SIGHUP, status));
        assert!(is_ignored(13, status) && !is_ignored(2, status));
        assert!(!is_ignored(SIGHUP, ""));
    }
}
