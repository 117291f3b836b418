//! Answers to the load's request while the load runs, compared with those from before it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::plain::{Plain, Request};
use crate::race::record::Sampled;

/// Between two samples: so few that they cost next to nothing.
const EVERY_MIN: Duration = Duration::from_millis(100);
/// So many in a test that lasts longer.
const SAMPLES: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Samples while `load` runs, which is expected to take `time` if it is known.
pub(in crate::race) fn beside<T>(
    request: &Request<'_>,
    plain: &Plain,
    time: Option<Duration>,
    load: impl FnOnce() -> T,
) -> (T, Sampled) {
    let every = time.map_or(EVERY_MIN, |time| (time / (SAMPLES + 1)).max(EVERY_MIN));
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        let sampler = scope.spawn(|| sample(request, plain, every, &is_over));
        let done = load();
        is_over.store(true, Ordering::Relaxed);
        (done, sampler.join().unwrap_or_default())
    })
}

fn sample(request: &Request<'_>, plain: &Plain, every: Duration, is_over: &AtomicBool) -> Sampled {
    let mut sampled = Sampled::default();
    loop {
        let start = Instant::now();
        while start.elapsed() < every {
            if is_over.load(Ordering::Relaxed) {
                return sampled;
            }
            sleep(LOOK_AGAIN);
        }
        match request.compare(plain) {
            Ok(difference) => {
                sampled.answers += 1;
                sampled.different += u64::from(difference.is_some());
                sampled.example = sampled.example.or(difference);
            }
            // A server that serves one connection at a time is not asked again: it would disturb the load.
            Err(_) => return sampled,
        }
    }
}
