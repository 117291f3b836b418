//! What [`Options`] may be: checked when a server binds.

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::Options;

impl Options {
    /// The most that [`Options::workers`] may be.
    pub const WORKERS_MAX: usize = 1024;
    /// The least that each of [`Options::timeouts`] may be.
    pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);
    /// The most that each of [`Options::timeouts`] may be: a year.
    pub const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
    /// The least that [`Options::max_buffered_bytes`] may be for each worker.
    pub const BUFFERED_BYTES_MIN: usize = 1 << 20;

    /// Checks each field that has a range, except the memory, whose range depends on the machine.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] with the name of the field, its value and its range.
    pub(super) fn check(&self) -> io::Result<()> {
        self.limits
            .check()
            .map_err(|error| out_of_range(format!("limits.{error}")))?;
        let (workers, max) = (self.workers, Self::WORKERS_MAX);
        if workers.get() > max {
            return Err(out_of_range(format!(
                "workers is {workers}: out of range, from 1 to {max}"
            )));
        }
        let timeouts = [
            ("head", self.timeouts.head),
            ("idle", self.timeouts.idle),
            ("body", self.timeouts.body),
            ("write", self.timeouts.write),
            ("linger", self.timeouts.linger),
        ];
        let (min, max) = (Self::TIMEOUT_MIN, Self::TIMEOUT_MAX);
        match timeouts
            .iter()
            .find(|(_, time)| !(min..=max).contains(time))
        {
            Some((name, time)) => Err(out_of_range(format!(
                "timeouts.{name} is {time:?}: out of range, from {min:?} to {max:?}"
            ))),
            None => Ok(()),
        }
    }

    /// The error of a memory that is too small for the workers.
    pub(super) fn too_little_memory(bytes: NonZeroUsize, workers: NonZeroUsize) -> io::Error {
        let min = Self::BUFFERED_BYTES_MIN.saturating_mul(workers.get());
        let plural = if workers.get() == 1 { "" } else { "s" };
        out_of_range(format!(
            "max_buffered_bytes is {bytes}: too small for {workers} worker{plural}, at least {min} ({}MiB)",
            min >> 20
        ))
    }
}

fn out_of_range(sentence: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}
