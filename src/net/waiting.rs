//! How a worker waits for events: it polls for a while if that pays, and then sleeps.

use std::io;
use std::time::Duration;

use super::kernel::Kernel;
use super::polling::Spent;
use super::worker::Worker;
use crate::http::Handler;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Waits for events, at most for `timeout`: polls for a while if that pays, and then sleeps.
    #[inline]
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poller.poll_micros() {
            0 => self.kernel.wait(&mut self.events, timeout),
            micros => self.poll(micros, timeout),
        }
    }

    fn poll(&mut self, micros: u64, timeout: Option<Duration>) -> io::Result<()> {
        let timeout_micros = timeout.map_or(u64::MAX, |timeout| timeout.as_micros() as u64);
        let start = self.kernel.micros();
        loop {
            self.kernel.wait(&mut self.events, Some(Duration::ZERO))?;
            let polled = self.kernel.micros().saturating_sub(start);
            if !self.events.is_empty() {
                self.poller.on_hit(polled);
                return Ok(());
            }
            if polled >= timeout_micros {
                return Ok(());
            }
            if polled >= micros {
                self.poller.on_miss(polled);
                let rest = timeout.map(|time| time.saturating_sub(Duration::from_micros(polled)));
                return self.kernel.wait(&mut self.events, rest);
            }
        }
    }

    #[cold]
    pub(super) fn end_polling_span(&mut self) {
        let spent = Spent {
            cpu_nanos: self.kernel.cpu_nanos(),
            responses: self.out.answers().total(),
        };
        self.poller.end_span(self.now.micros, spent);
    }
}
