//! The load before a measurement, and when it is enough.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::cost::ratio;
use super::generator::Load;
use super::record::WarmUp;
use super::steady::{WINDOWS, is_steady};
use crate::units;

/// Of a warm-up that ends when the server is steady.
const WINDOW_NS: u64 = 100_000_000;
pub(super) const STEADY_MIN_NS: u64 = WINDOW_NS * WINDOWS as u64;

/// A just-in-time compiler takes a few seconds at most.
const STEADY_MAX_NS: u64 = 5_000_000_000;

/// How long servers are loaded before they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warming {
    For(u64),
    /// Until the cost of a request has no trend.
    Steady {
        most_ns: u64,
    },
}

impl Warming {
    /// `auto`, `auto:20s` or `300ms`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |error: String| format!("{error}; or auto, or auto:10s to warm up until steady");
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Steady {
                most_ns: STEADY_MAX_NS,
            }),
            Some(("auto", most)) => {
                let most_ns = units::nanos(most).map_err(wrong)?;
                if most_ns < STEADY_MIN_NS {
                    let least = STEADY_MIN_NS / 1_000_000;
                    return Err(format!(
                        "too short to see whether a server is steady: write auto:{least}ms or more"
                    ));
                }
                Ok(Self::Steady { most_ns })
            }
            _ => units::nanos(text).map(Self::For).map_err(wrong),
        }
    }

    /// At most.
    pub(super) fn most_ns(self) -> u64 {
        match self {
            Self::For(nanos) | Self::Steady { most_ns: nanos } => nanos,
        }
    }

    /// As far as it is known before.
    pub(super) fn expected_ns(self) -> u64 {
        match self {
            Self::For(nanos) => nanos,
            // Most servers are steady after as few windows as it takes to know it.
            Self::Steady { most_ns } => most_ns.min(STEADY_MIN_NS * 3 / 2),
        }
    }
}

/// Loads a server window by window, until the cost of a request has no trend; where its cost is not known, its
/// time. `cpu_ns`: what the server has used so far.
pub(super) fn until_steady(
    most_ns: u64,
    stop: &AtomicBool,
    cpu_ns: impl Fn() -> Option<u64>,
    load: impl Fn(u64) -> Result<Load, String>,
) -> Result<WarmUp, String> {
    let start = Instant::now();
    let mut figures = Vec::new();
    loop {
        let before = cpu_ns();
        let load = load(WINDOW_NS)?;
        let cpu = before.zip(cpu_ns());
        let cpu = cpu.map(|(before, after)| after.saturating_sub(before));
        let time = cpu.unwrap_or(load.elapsed_ns);
        figures.push(ratio(time as f64, load.requests as f64));
        let elapsed_ns = start.elapsed().as_nanos() as u64;
        let steady = is_steady(&figures);
        // Where windows take longer than planned, it is not known before so many.
        let is_over = elapsed_ns >= most_ns && figures.len() >= WINDOWS;
        if steady || is_over || stop.load(Ordering::Relaxed) {
            return Ok(WarmUp { elapsed_ns, steady });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The windows of a warm-up in which a request costs this much, by the number of the window.
    fn windows(most_ns: u64, cost: fn(u64) -> u64) -> (u64, bool) {
        let (count, used) = (Cell::new(0), Cell::new(0));
        let load = |nanos| {
            assert_eq!(nanos, WINDOW_NS);
            used.set(used.get() + 100 * cost(count.get()));
            count.set(count.get() + 1);
            Ok(Load {
                requests: 100,
                ..Load::default()
            })
        };
        let stop = AtomicBool::new(false);
        let warm_up = until_steady(most_ns, &stop, || Some(used.get()), load).unwrap();
        (count.get(), warm_up.steady)
    }

    #[test]
    fn a_warm_up_ends_when_a_request_costs_the_same_or_the_time_is_over() {
        let most = WINDOWS as u64;
        assert_eq!(windows(u64::MAX, |_| 1000), (most, true));
        // Cheaper with each window until the fourth.
        let warming = windows(u64::MAX, |window| 5000 - 1000 * window.min(4));
        assert!(warming.0 > most && warming.1, "{warming:?}");
        assert_eq!(windows(0, |window| 1000 + 100 * window), (most, false));
    }

    #[test]
    fn a_signal_ends_a_warm_up() {
        let stop = AtomicBool::new(true);
        let warm_up = until_steady(u64::MAX, &stop, || None, |_| Ok(Load::default())).unwrap();
        assert!(!warm_up.steady);
        let failed = until_steady(0, &stop, || None, |_| Err("no answer".to_owned()));
        assert_eq!(failed.unwrap_err(), "no answer");
    }
}
