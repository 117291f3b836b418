//! The curve of latency over load, as a picture.

use super::found::{Found, Trial};
use crate::bench::goal::By;
use crate::bench::line_chart::{Chart, Line, draw};

/// p50 and p99 of each trial, the interval of the capacity, and how trials ended.
pub(in crate::bench) fn svg(found: &Found) -> String {
    let trials = found.sorted();
    let line = |name, of: fn(&Trial) -> u64| {
        let usable = trials.iter().filter(|trial| trial.held.is_some());
        let points = usable.map(|trial| (trial.load, of(trial) as f64 / 1e6));
        Line {
            name,
            points: points.collect(),
        }
    };
    let lines = vec![
        line("p50", |trial| trial.p50_ns),
        line("p90", |trial| trial.p90_ns),
        line("p99", |trial| trial.p99_ns),
    ];
    let capacity = found.capacity.as_ref();
    let x = match found.by {
        By::Rate => "requests/s offered",
        By::Connections => "connections",
    };
    let title = match &found.capacity {
        Some(capacity) => format!(
            "{:.0} {} ({:.0} to {:.0}) while {}",
            capacity.load,
            found.by.unit(),
            capacity.low,
            capacity.high,
            found.goal
        ),
        None => format!("No capacity found for {}", found.goal),
    };
    draw(&Chart {
        title,
        x: x.to_owned(),
        y: "latency, ms".to_owned(),
        is_x_log: true,
        is_y_log: true,
        show_x: None,
        show_y: None,
        lines,
        mark: capacity.map(|capacity| (capacity.low, capacity.high)),
    })
}
