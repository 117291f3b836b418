//! Signals that are a wish to stop.

use std::ffi::c_int;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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
