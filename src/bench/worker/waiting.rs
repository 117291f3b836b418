//! How a thread waits for events, and until when.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::{Events, Poll, Registry};

use super::TIMER;
use super::timer::Timer;
use crate::bench::context::Clock;

/// The longest wait: a stop is noticed after this time.
const WAIT_NANOS_MAX: u64 = 50_000_000;

/// The poller of a thread, and its timer.
pub(super) struct Waiting {
    poller: Poll,
    timer: Timer,
    /// With `--poll`: polls for so long before it sleeps.
    poll_nanos: u64,
    /// How long it has polled in vain.
    polled: u64,
}

impl Waiting {
    pub(super) fn new(poll_nanos: u64) -> io::Result<Self> {
        let poller = Poll::new()?;
        let timer = Timer::new(poller.registry(), TIMER)?;
        Ok(Self {
            poller,
            timer,
            poll_nanos,
            polled: 0,
        })
    }

    /// The clock restarts at 0.
    pub(super) fn reset(&mut self) {
        self.timer.reset();
        self.polled = 0;
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poller.registry()
    }

    pub(super) fn polled(&self) -> u64 {
        self.polled
    }

    /// Waits for events, at most from `now` until `end`; not at all if that has passed. Returns the time.
    pub(super) fn wait(
        &mut self,
        events: &mut Events,
        (now, end): (u64, u64),
        clock: Clock,
        stop: &AtomicBool,
    ) -> io::Result<u64> {
        let timeout = self.timeout(now, end)?;
        if self.poll_nanos == 0 {
            return self.poll(events, timeout, clock);
        }
        let sleep_at = now.saturating_add(self.poll_nanos);
        let due = now.saturating_add(timeout.as_nanos() as u64);
        let (mut time, mut polled_until) = (now, now);
        while time < sleep_at && !stop.load(Ordering::Relaxed) {
            time = self.poll(events, Duration::ZERO, clock)?;
            if !events.is_empty() || time >= due {
                break;
            }
            polled_until = time;
        }
        self.polled += polled_until - now;
        if events.is_empty() && time < due {
            time = self.poll(events, Duration::from_nanos(due - time), clock)?;
        }
        Ok(time)
    }

    fn poll(&mut self, events: &mut Events, timeout: Duration, clock: Clock) -> io::Result<u64> {
        match self.poller.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(clock.now()),
        }
    }

    fn timeout(&mut self, now: u64, end: u64) -> io::Result<Duration> {
        let most = Duration::from_nanos(WAIT_NANOS_MAX);
        match end.saturating_sub(now) {
            0 => Ok(Duration::ZERO),
            WAIT_NANOS_MAX.. => Ok(most),
            left => {
                self.timer.set(end, now)?;
                Ok(Timer::timeout(Duration::from_nanos(left), most))
            }
        }
    }
}
