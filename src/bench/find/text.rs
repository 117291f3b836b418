//! What a search has found, as text.

use std::fmt::Write as _;

use super::found::{Capacity, Found, Trial};
use crate::bench::durations::short;
use crate::bench::goal::By;
use crate::terminal::clean;

/// The length of the longest bar.
const BAR_MAX: f64 = 20.0;

pub(in crate::bench) fn of(found: &Found) -> String {
    let mut out = String::new();
    let goal = clean(&found.goal);
    let _ = match (&found.capacity, &found.refused) {
        (Some(capacity), _) => write!(out, "{}", answer(found.by, &goal, capacity)),
        (None, reason) => {
            let reason = clean(reason.as_deref().unwrap_or("unknown"));
            let _ = writeln!(out, "No capacity found for {goal}: {reason}.");
            match found.at_least {
                Some(load) => writeln!(out, "At least {load:.0} {} held.", found.by.unit()),
                None => Ok(()),
            }
        }
    };
    let usable = found.trials.iter().filter(|trial| trial.held.is_some());
    let (all, usable) = (found.trials.len(), usable.count());
    let length = short(found.trial_ns as f64);
    let _ = writeln!(
        out,
        "{all} trials of {length}, or longer at low rates; {} of them say nothing.",
        all - usable
    );
    curve(found, &mut out);
    out
}

fn answer(by: By, goal: &str, capacity: &Capacity) -> String {
    let Capacity {
        load,
        low,
        high,
        requests_per_second,
        confirmed,
        confirming,
    } = capacity;
    let (load, low, high) = (figure(*load), figure(*low), figure(*high));
    let unit = by.unit();
    let rate = match by {
        By::Rate => String::new(),
        By::Connections => format!(", which get {} requests/s", figure(*requests_per_second)),
    };
    let mut out =
        format!("Capacity: {load} {unit}{rate}, while {goal}\n95 % interval: {low} to {high}\n");
    if *confirming > 0 {
        let _ = writeln!(
            out,
            "Confirmed: {confirmed} of {confirming} more trials at {low} held"
        );
    } else {
        let _ = writeln!(
            out,
            "Not confirmed: the trials ended before the interval was narrow"
        );
    }
    out
}

/// Three digits of what is small, and no fraction of what is not.
fn figure(load: f64) -> String {
    let digits = match load {
        load if load.fract() == 0.0 || load >= 100.0 => 0,
        load if load >= 10.0 => 1,
        _ => 2,
    };
    format!("{load:.digits$}")
}

/// Latency over load: a line for each trial.
fn curve(found: &Found, out: &mut String) {
    let trials = found.sorted();
    let most = trials.iter().map(|trial| trial.p99_ns).max().unwrap_or(0);
    let least = trials.iter().map(|trial| trial.p99_ns).min().unwrap_or(0);
    let _ = writeln!(
        out,
        "\n{:>10} {:>8} {:>8} {:>8} {:>7}  {:6} p99, log scale",
        found.by.unit(),
        "p50",
        "p90",
        "p99",
        "errors",
        "goal"
    );
    for trial in trials {
        let [p50, p90, p99] =
            [trial.p50_ns, trial.p90_ns, trial.p99_ns].map(|nanos| short(nanos as f64));
        let goal = verdict(trial);
        let _ = writeln!(
            out,
            "{:>10} {p50:>8} {p90:>8} {p99:>8} {:>7}  {goal:6} |{}",
            figure(trial.load),
            trial.errors.saturating_add(trial.unanswered),
            bar(trial.p99_ns, least, most)
        );
    }
}

fn verdict(trial: &Trial) -> &'static str {
    match trial.held {
        Some(true) => "holds",
        Some(false) => "fails",
        None => "-",
    }
}

fn bar(nanos: u64, least: u64, most: u64) -> String {
    let log = |nanos: u64| (nanos.max(1) as f64).ln();
    let range = (log(most) - log(least)).max(1e-9);
    let length = 1.0 + (BAR_MAX - 1.0) * (log(nanos) - log(least)) / range;
    "\u{25a0}".repeat(length.round() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(capacity: Option<Capacity>) -> Found {
        let trial = |load: f64, p99_ms: u64, held| Trial {
            load,
            held,
            p50_ns: 1_000_000,
            p90_ns: 2_000_000,
            p99_ns: p99_ms * 1_000_000,
            errors: 1,
            unanswered: 2,
            ..Trial::default()
        };
        Found {
            format: super::super::FORMAT.to_owned(),
            version: "0.0.0".to_owned(),
            url: "http://a/".to_owned(),
            goal: "p99<5ms".to_owned(),
            by: By::Rate,
            trial_ns: 5_000_000_000,
            refused: capacity
                .is_none()
                .then(|| "the generator was the limit".to_owned()),
            at_least: capacity.is_none().then_some(400.0),
            capacity,
            trials: vec![
                trial(1600.0, 40, Some(false)),
                trial(400.0, 3, Some(true)),
                trial(800.0, 6, None),
            ],
        }
    }

    #[test]
    fn the_answer_comes_first_and_then_the_curve_by_load() {
        let text = of(&found(Some(Capacity {
            load: 612.4,
            low: 590.0,
            high: 633.0,
            requests_per_second: 612.4,
            confirmed: 3,
            confirming: 3,
        })));
        let expected = "\
Capacity: 612 requests/s, while p99<5ms
95 % interval: 590 to 633
Confirmed: 3 of 3 more trials at 590 held
3 trials of 5.00 s, or longer at low rates; 1 of them say nothing.

requests/s      p50      p90      p99  errors  goal   p99, log scale
       400  1.00 ms  2.00 ms  3.00 ms       3  holds  |\u{25a0}
       800  1.00 ms  2.00 ms  6.00 ms       3  -      |\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}
      1600  1.00 ms  2.00 ms  40.0 ms       3  fails  |\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}\u{25a0}
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_refusal_says_why_and_what_held() {
        let text = of(&found(None));
        assert!(
            text.starts_with("No capacity found for p99<5ms: the generator was the limit.\nAt least 400 requests/s held.\n"),
            "{text}"
        );
    }
}
