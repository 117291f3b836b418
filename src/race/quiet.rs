//! `--quiet-wait`: waits until nothing else runs on the machine, or gives up with the reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::environment::{Files, Moment};
use super::format::percent;
use super::process_tree;
use crate::terminal::clean;

const WINDOW: Duration = Duration::from_millis(500);
/// One may be quiet by chance.
const QUIET_WINDOWS: u32 = 2;
/// Shares: of all cores' time that programs use, and of the time in which one waits for a core. A system at
/// rest is well below.
const BUSY_MAX: f64 = 0.05;
const WAITING_MAX: f64 = 0.02;
/// Programs that are named.
const NAMED_MAX: usize = 3;

/// What was seen in a window.
#[derive(Clone, Debug, Default)]
struct Look {
    busy: f64,
    waiting: Option<f64>,
    /// Names of programs, and their shares of a core.
    programs: Vec<(String, f64)>,
}

impl Look {
    fn is_quiet(&self) -> bool {
        self.busy <= BUSY_MAX && self.waiting.is_none_or(|waiting| waiting <= WAITING_MAX)
    }

    /// What disturbs.
    fn reason(&self) -> String {
        let mut reason = format!("other programs used {} of its cores", percent(self.busy));
        let named = self.programs.iter().filter(|(_, share)| *share > 0.0);
        let named = named.take(NAMED_MAX);
        let named: Vec<String> = named
            .map(|(name, share)| format!("{} {} of one", clean(name), percent(*share)))
            .collect();
        if !named.is_empty() {
            let _ = write!(reason, " ({})", named.join(", "));
        }
        if let Some(waiting) = self.waiting.filter(|waiting| *waiting > WAITING_MAX) {
            let waiting = percent(waiting);
            let _ = write!(reason, ", and some waited for a core {waiting} of the time");
        }
        reason
    }
}

/// Returns once the machine is quiet or `stop` is set. To be called while no server runs.
///
/// # Errors
///
/// What disturbs, if that does not end within the time.
pub(super) fn wait(most: Duration, stop: &AtomicBool) -> Result<(), String> {
    let files = Files::of_system();
    let start = Instant::now();
    wait_by(most, || start.elapsed(), || look(&files), stop)
}

fn wait_by(
    most: Duration,
    elapsed: impl Fn() -> Duration,
    mut look: impl FnMut() -> Look,
    stop: &AtomicBool,
) -> Result<(), String> {
    let mut quiet = 0;
    while !stop.load(Ordering::Relaxed) {
        let seen = look();
        quiet = if seen.is_quiet() { quiet + 1 } else { 0 };
        if quiet >= QUIET_WINDOWS {
            return Ok(());
        }
        if elapsed() >= most {
            return Err(format!(
                "the machine was not quiet within {} s: {}",
                most.as_secs_f64(),
                seen.reason()
            ));
        }
    }
    Ok(())
}

fn look(files: &Files) -> Look {
    let (before, used) = (Moment::now(files), process_tree::time_by_program());
    let start = Instant::now();
    sleep(WINDOW);
    let (after, now) = (Moment::now(files), process_tree::time_by_program());
    let time = start.elapsed().as_nanos() as f64;
    let Some((before, after)) = before.zip(after) else {
        return Look::default();
    };
    let mut programs: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, (name, nanos)) in &now {
        let then = used.get(id).map_or(0, |(_, nanos)| *nanos);
        *programs.entry(name).or_default() += nanos.saturating_sub(then);
    }
    let mut programs: Vec<(String, f64)> = programs
        .into_iter()
        .map(|(name, nanos)| (name.to_owned(), nanos as f64 / time))
        .collect();
    programs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Look {
        busy: after.busy_since(&before),
        waiting: after.since(&before).waiting,
        programs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for 3 s, each look half a second long.
    fn waited(looks: &[f64]) -> (usize, Result<(), String>) {
        let taken = std::cell::Cell::new(0);
        let look = || {
            let busy = looks.get(taken.get()).copied().unwrap_or(0.63);
            taken.set(taken.get() + 1);
            Look {
                busy,
                waiting: Some(busy / 10.0),
                programs: vec![("cargo\x1b[2J".to_owned(), 0.9), ("sh".to_owned(), 0.0)],
            }
        };
        let elapsed = || WINDOW * taken.get() as u32;
        let done = wait_by(
            Duration::from_secs(3),
            elapsed,
            look,
            &AtomicBool::new(false),
        );
        (taken.get(), done)
    }

    #[test]
    fn two_quiet_looks_are_awaited() {
        assert_eq!(waited(&[0.01, 0.02]), (2, Ok(())));
        assert_eq!(waited(&[0.01, 0.5, 0.01, 0.01]), (4, Ok(())));
        let (looks, given_up) = waited(&[0.01, 0.5, 0.01]);
        assert_eq!(looks, 6);
        assert_eq!(
            given_up.unwrap_err(),
            "the machine was not quiet within 3 s: other programs used 63 % of its cores (cargo\u{fffd}[2J 90 % of one), and some waited for a core 6 % of the time"
        );
    }

    #[test]
    fn a_signal_ends_the_wait() {
        let most = Duration::from_secs(60);
        assert_eq!(wait(most, &AtomicBool::new(true)), Ok(()));
    }

    #[test]
    fn a_busy_loop_is_seen_and_named() {
        let stop = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let seen = look(&Files::of_system());
            stop.store(true, Ordering::Relaxed);
            seen
        });
        assert!(seen.busy > 0.0 && !seen.programs.is_empty(), "{seen:?}");
    }
}
