//! `--find`: how much a server can take while a goal holds.
//!
//! ```text
//!  goal ─┐
//!        ├─> search ─> trial ─> a run of hullo bench, judged ─> found ─> text, curve, JSON
//!  rules ┘     └─ posterior: what the trials so far say
//! ```

mod curve;
mod found;
mod posterior;
#[cfg(test)]
mod queue_tests;
mod search;
mod text;
mod trial;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(super) use curve::svg;
pub(super) use found::Found;
use found::{Capacity, FORMAT, Trial};
use search::{Outcome, Rules, search};
pub(super) use text::of as text;
use trial::Trials;

use super::durations::short;
use super::goal::{By, Goal};
use super::options::BenchOptions;
use crate::terminal::note;

/// The length of a trial, without -z.
const TRIAL_NANOS: u64 = 5_000_000_000;

const RATE_MAX: f64 = 1e9;
const CONNECTIONS_MAX: f64 = 60_000.0;

/// A search that takes more of them does not end.
const TRIALS_MAX: usize = 50;

/// The first rate, in relation to what one connection at a time would have: well below the capacity.
const START: f64 = 0.25;

/// No rate below this part of it is tried.
const START_MIN: f64 = START / 100.0;

/// Searches the capacity.
///
/// # Errors
///
/// When a trial cannot be made, or the search was interrupted.
pub(super) fn find(
    options: &BenchOptions,
    goal: &Goal,
    stop: &Arc<AtomicBool>,
) -> Result<Found, String> {
    let by = options.find_by;
    let trial_ns = options.duration.unwrap_or(TRIAL_NANOS).max(1);
    let mut trials = Trials::new(options, goal, by, trial_ns, stop);
    let alone = trials.alone()?;
    if let Some(nanos) = goal.nanos().filter(|nanos| *nanos < alone) {
        let reason = format!(
            "a request alone, without any other, already takes {}, and the goal is {}",
            short(alone as f64),
            short(nanos as f64)
        );
        let refused = Outcome::Refused { reason, held: None };
        return Ok(found(options, goal, trial_ns, refused, Vec::new()));
    }
    let rules = match by {
        By::Rate => Rules {
            start: (START * 1e9 / alone as f64).min(RATE_MAX),
            load_min: START_MIN * 1e9 / alone as f64,
            load_max: RATE_MAX,
            is_whole: false,
            trials_max: TRIALS_MAX,
        },
        By::Connections => Rules {
            start: 1.0,
            load_min: 1.0,
            load_max: CONNECTIONS_MAX,
            is_whole: true,
            trials_max: TRIALS_MAX,
        },
    };
    let mut attempt = |load: f64| {
        let trial = trials.attempt(load)?;
        let verdict = match trial.held {
            Some(true) => "holds".to_owned(),
            Some(false) => format!("fails: {}", trial.said),
            None => format!("says nothing: {}", trial.said),
        };
        note("hullo bench", format!("{load:.0} {}: {verdict}", by.unit()));
        Ok(trial)
    };
    let (outcome, tried) = search(&rules, &mut attempt)?;
    Ok(found(options, goal, trial_ns, outcome, tried))
}

fn found(
    options: &BenchOptions,
    goal: &Goal,
    trial_ns: u64,
    outcome: Outcome,
    trials: Vec<Trial>,
) -> Found {
    let (capacity, refused, at_least) = match outcome {
        Outcome::Found {
            load,
            low,
            high,
            confirmed: (confirmed, confirming),
        } => {
            let requests_per_second = match options.find_by {
                By::Rate => load,
                By::Connections => rate_near(&trials, load),
            };
            let capacity = Capacity {
                load,
                low,
                high,
                requests_per_second,
                confirmed,
                confirming,
            };
            (Some(capacity), None, None)
        }
        Outcome::Refused { reason, held } => (None, Some(reason), held),
    };
    Found {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        url: options.url.clone().unwrap_or_default(),
        goal: goal.text().to_owned(),
        by: options.find_by,
        trial_ns,
        capacity,
        refused,
        at_least,
        trials,
    }
}

/// The mean of the trials whose load is nearest.
fn rate_near(trials: &[Trial], load: f64) -> f64 {
    let distance = |trial: &Trial| (trial.load.ln() - load.ln()).abs();
    let nearest = trials.iter().map(distance).fold(f64::MAX, f64::min);
    let near = trials.iter().filter(|trial| distance(trial) <= nearest);
    let rates: Vec<f64> = near.map(|trial| trial.requests_per_second).collect();
    rates.iter().sum::<f64>() / (rates.len() as f64).max(1.0)
}
