//! Tests that differ in one number, and are shown together.

use crate::race::record::{Axis, Suite, Test};

/// What tests have in common that are shown together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    /// Rates that are shares of each server's capacity.
    Load,
    /// The same rates for all.
    Offered,
    Sweep(Suite, Axis),
}

impl Series {
    pub(super) fn of(test: &Test) -> Option<Self> {
        match (test.load, test.offered_rate, &test.sweep) {
            (Some(_), ..) => Some(Self::Load),
            (_, Some(_), _) => Some(Self::Offered),
            (.., Some(point)) => Some(Self::Sweep(test.suite, point.axis)),
            _ => None,
        }
    }

    /// Where a test stands on the curve.
    pub(super) fn at(test: &Test) -> f64 {
        let value = test.sweep.as_ref().map_or(0.0, |point| point.value as f64);
        test.load.or(test.offered_rate).unwrap_or(value)
    }
}
