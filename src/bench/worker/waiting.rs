//! How a worker waits for answers, and until when.

use std::cmp::Reverse;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::Events;

use super::timer::Timer;
use super::worker::Worker;

/// The longest wait: a stop is noticed after this time.
const WAIT_NANOS_MAX: u64 = 50_000_000;

impl Worker<'_> {
    pub(super) fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout()?;
        if self.plan.poll == 0 {
            return self.wait_for(events, timeout);
        }
        let (began, end) = (self.now, self.now.saturating_add(self.plan.poll));
        let due = self.now.saturating_add(timeout.as_nanos() as u64);
        let mut polled_from = self.now;
        while self.now < end && !self.stop.load(Ordering::Relaxed) {
            self.wait_for(events, Duration::ZERO)?;
            if !events.is_empty() || self.now >= due {
                break;
            }
            polled_from = self.now;
        }
        self.polled += polled_from - began;
        if events.is_empty() && self.now < due {
            self.wait_for(events, Duration::from_nanos(due - self.now))?;
        }
        Ok(())
    }

    fn wait_for(&mut self, events: &mut Events, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => self.now = self.clock.now(),
        }
        Ok(())
    }

    fn timeout(&mut self) -> io::Result<Duration> {
        if !self.read_again.is_empty() || !self.ready.is_empty() {
            return Ok(Duration::ZERO);
        }
        let end = self.source.end(self.now);
        let can_send = !self.idle.is_empty() || self.used < self.connections.len();
        let due = self.source.due().filter(|_| can_send);
        let reconnect = self.reconnecting.front().map(|(time, _)| *time);
        let paced = self.paced.peek().map(|Reverse((time, _))| *time);
        let sweep = Some(self.next_sweep);
        let last = Some(self.paced_until).filter(|time| *time > self.now);
        let deadline = Some(self.deadline.min(self.next_slice));
        let exact = [end, due, reconnect, paced, sweep, last, deadline]
            .into_iter()
            .flatten()
            .min();
        let most = WAIT_NANOS_MAX.min(self.next_sweep.saturating_sub(self.now));
        let most = Duration::from_nanos(most);
        let Some(exact) = exact.filter(|time| *time < self.now + WAIT_NANOS_MAX) else {
            return Ok(most);
        };
        if exact <= self.now {
            return Ok(Duration::ZERO);
        }
        self.timer.set(exact, self.now)?;
        Ok(Timer::timeout(Duration::from_nanos(exact - self.now), most))
    }
}
