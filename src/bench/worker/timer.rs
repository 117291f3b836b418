//! Wakes a loop more precisely than the timeout of a poll, which counts milliseconds.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// A timerfd on Linux; elsewhere the timeout of the poll.
pub(super) struct Timer {
    #[cfg(target_os = "linux")]
    timer: rustix::fd::OwnedFd,
    set_to: u64,
}

impl Timer {
    /// The clock restarts at 0.
    pub(super) fn reset(&mut self) {
        self.set_to = 0;
    }
}

#[cfg(target_os = "linux")]
impl Timer {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use rustix::fd::AsRawFd as _;
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = mio::unix::SourceFd(&timer.as_raw_fd());
        registry.register(&mut source, token, mio::Interest::READABLE)?;
        Ok(Self { timer, set_to: 0 })
    }

    /// Fires at `time`, or at once if that has passed. The last call replaces those before it.
    pub(super) fn set(&mut self, time: u64, now: u64) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        if self.set_to == time {
            return Ok(());
        }
        let nothing = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let wait = Duration::from_nanos(time.saturating_sub(now).max(1));
        let spec = Itimerspec {
            it_interval: nothing,
            it_value: Timespec {
                tv_sec: wait.as_secs().cast_signed(),
                tv_nsec: wait.subsec_nanos().into(),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        self.set_to = time;
        Ok(())
    }

    /// The timeout of a poll while the timer is set.
    pub(super) fn timeout(_wait: Duration, most: Duration) -> Duration {
        most
    }
}

#[cfg(not(target_os = "linux"))]
impl Timer {
    pub(super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self { set_to: 0 })
    }

    pub(super) fn set(&mut self, time: u64, _now: u64) -> io::Result<()> {
        self.set_to = time;
        Ok(())
    }

    pub(super) fn timeout(wait: Duration, most: Duration) -> Duration {
        wait.min(most)
    }
}
