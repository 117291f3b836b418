//! Wakes a loop at a time that is more exact than a poll's timeout, which counts milliseconds.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// On Linux a timerfd; elsewhere the poll's timeout has to do.
pub(super) struct Timer {
    #[cfg(target_os = "linux")]
    timer: rustix::fd::OwnedFd,
    set_to: u64,
}

impl Timer {
    /// Time begins anew.
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

    /// Rings at `time`, if `time` comes after `now`. Only the last time counts.
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

    /// How long a poll may sleep at most, when the timer is set.
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
