//! Whether the server runs or stops: one value for all workers, which each reads once in a turn.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the workers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Accept and serve.
    Run,
    /// Return after the current turn; connections are closed as they stand.
    Stop,
}

/// The phase of a server. It only moves forward: to ask for an earlier one changes nothing.
#[derive(Debug)]
pub(crate) struct Lifecycle(AtomicU8);

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(Phase::Run as u8))
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.0.load(Ordering::Acquire) >= Phase::Stop as u8 {
            Phase::Stop
        } else {
            Phase::Run
        }
    }

    /// Moves on to `phase`. A worker that sleeps has to be woken to see it.
    pub(crate) fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_forward_only() {
        let lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.phase(), Phase::Run);
        lifecycle.advance(Phase::Stop);
        assert_eq!(lifecycle.phase(), Phase::Stop);
        lifecycle.advance(Phase::Run);
        assert_eq!(lifecycle.phase(), Phase::Stop);
    }
}
