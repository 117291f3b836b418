//! Whether the server runs, drains or stops: one value for all workers, which each reads once in a turn.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What the workers are to do. Times are milliseconds of the clock that all workers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Accept and serve.
    Run,
    /// Answer what has been sent, close each connection after its last response, and return when none is
    /// left.
    Drain {
        /// New connections are accepted until then, and those that wait at a listener at that time.
        accept_until: u64,
        /// What is left then is cut.
        until: u64,
    },
    /// Return after the current turn; connections are closed as they stand.
    Stop,
}

impl Phase {
    #[inline]
    pub(super) fn is_drain(self) -> bool {
        matches!(self, Self::Drain { .. })
    }
}

/// Whether a worker takes another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Then {
    Turn,
    Return,
}

const RUN: u8 = 0;
const DRAIN: u8 = 1;
const STOP: u8 = 2;

/// The phase of a server. It only moves forward: to ask for an earlier one changes nothing, and
/// the times of a drain are only ever brought forward.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: AtomicU8,
    accept_until: AtomicU64,
    until: AtomicU64,
}

impl Lifecycle {
    pub(crate) const fn new() -> Self {
        Self {
            phase: AtomicU8::new(RUN),
            accept_until: AtomicU64::new(u64::MAX),
            until: AtomicU64::new(u64::MAX),
        }
    }

    /// While the server runs, this is one load.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            RUN => Phase::Run,
            DRAIN => {
                let until = self.until.load(Ordering::Relaxed);
                let accept_until = self.accept_until.load(Ordering::Relaxed).min(until);
                Phase::Drain {
                    accept_until,
                    until,
                }
            }
            _ => Phase::Stop,
        }
    }

    /// Moves on to `phase`. A worker that sleeps has to be woken to see it.
    pub(crate) fn advance(&self, phase: Phase) {
        let number = match phase {
            Phase::Run => RUN,
            Phase::Drain {
                accept_until,
                until,
            } => {
                self.accept_until.fetch_min(accept_until, Ordering::Relaxed);
                self.until.fetch_min(until, Ordering::Relaxed);
                DRAIN
            }
            Phase::Stop => STOP,
        };
        // After the times: who sees the phase sees them as well.
        self.phase.fetch_max(number, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(accept_until: u64, until: u64) -> Phase {
        Phase::Drain {
            accept_until,
            until,
        }
    }

    #[test]
    fn moves_forward_only() {
        let lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.phase(), Phase::Run);
        for (asked, phase) in [
            (Phase::Run, Phase::Run),
            (drain(5, 20), drain(5, 20)),
            (Phase::Run, drain(5, 20)),
            (drain(7, 30), drain(5, 20)),
            (drain(7, 15), drain(5, 15)),
            (drain(4, 30), drain(4, 15)),
            (drain(9, 3), drain(3, 3)),
            (Phase::Stop, Phase::Stop),
            (drain(1, 2), Phase::Stop),
            (Phase::Run, Phase::Stop),
        ] {
            lifecycle.advance(asked);
            assert_eq!(lifecycle.phase(), phase, "after {asked:?}");
        }
    }
}
