//! The status page: readable without its script, which only asks for it again.

#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "a template passes its fields by reference"
)]

use askama::Template;

use super::snapshot::{Second, Snapshot};

#[derive(Template)]
#[template(path = "status.html", config = "src/serve/admin/askama.toml")]
struct Page<'a> {
    now: &'a Snapshot,
    chart: Chart,
    /// The share of its time in which the busiest worker was busy.
    busiest: f64,
    tables: [Table; 3],
}

/// What was counted by kind.
struct Table {
    id: &'static str,
    title: &'static str,
    /// What the kinds are called.
    column: &'static str,
    /// Those of which there were some.
    rows: Vec<Row>,
}

struct Row {
    name: String,
    last_minute: u64,
    total: u64,
}

pub(super) fn page(now: &Snapshot) -> String {
    let chart = Chart::of(&now.requests.last_minute);
    let busy = now.workers.iter().map(|worker| worker.busy);
    let page = Page {
        now,
        chart,
        busiest: busy.fold(0.0, f64::max),
        tables: [responses(now), closes(now), refusals(now)],
    };
    // It writes into a string, which does not fail.
    page.render().unwrap_or_default()
}

impl Table {
    fn new(
        id: &'static str,
        title: &'static str,
        column: &'static str,
        rows: impl Iterator<Item = Row>,
    ) -> Self {
        Self {
            id,
            title,
            column,
            rows: rows.filter(|row| row.total > 0).collect(),
        }
    }
}

fn responses(now: &Snapshot) -> Table {
    let rows = now.requests.by_status.iter().map(|count| Row {
        name: format!("{} {}", count.status, count.phrase),
        last_minute: count.last_minute,
        total: count.total,
    });
    Table::new("responses", "Responses", "Status", rows)
}

fn closes(now: &Snapshot) -> Table {
    let rows = now.connections.closed.iter().map(|count| Row {
        name: words(&count.reason),
        last_minute: count.last_minute,
        total: count.total,
    });
    Table::new("closes", "Closed connections", "Reason", rows)
}

fn refusals(now: &Snapshot) -> Table {
    let rows = now.refusals.iter().map(|count| Row {
        name: format!("{}: {}", count.status, words(&count.reason)),
        last_minute: count.last_minute,
        total: count.total,
    });
    Table::new("refusals", "Refusals", "Reason", rows)
}

/// A bar for each second of the last minute, now on the right. A unit is a second wide, and the height is
/// [`HEIGHT`] units.
struct Chart {
    bars: Vec<Bar>,
    /// What the top of the chart stands for.
    most: f64,
}

struct Bar {
    x: f64,
    height: f64,
    says: String,
}

/// How high the chart is, in its own units.
const HEIGHT: f64 = 20.0;
const SECONDS: f64 = 60.0;

impl Chart {
    fn of(seconds: &[Second]) -> Self {
        let rates = seconds.iter().map(|second| second.requests_per_second);
        let most = ceiling(rates.fold(0.0, f64::max));
        let bar = |second: &Second| Bar {
            x: SECONDS - 1.0 - second.seconds_ago,
            height: HEIGHT * second.requests_per_second / most,
            says: format!(
                "{:.0} s ago: {} requests/s",
                second.seconds_ago,
                figure(&second.requests_per_second)
            ),
        };
        let is_seen = |bar: &Bar| bar.x > -1.0;
        Self {
            bars: seconds.iter().map(bar).filter(is_seen).collect(),
            most,
        }
    }
}

/// A round number that is not below the value: 1, 2 or 5 times a power of ten.
fn ceiling(value: f64) -> f64 {
    if value <= 1.0 {
        return 1.0;
    }
    let power = 10.0_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= value)
        .unwrap_or(value)
}

/// `0.37`, `3.7`, `412,000`.
fn figure(value: &f64) -> String {
    let value = *value;
    match value {
        _ if value < 0.005 => "0".to_owned(),
        _ if value < 1.0 => format!("{value:.2}"),
        _ if value < 10.0 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// `10,000`.
fn count(value: &u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn percent(share: &f64) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1}\u{a0}%")
    } else {
        format!("{percent:.0}\u{a0}%")
    }
}

/// In the unit in which it is at least 1, to three digits.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if value < step - 0.5 || units.peek().is_none() {
            let decimals = match value {
                _ if value < 9.995 => 2,
                _ if value < 99.95 => 1,
                _ => 0,
            };
            return format!("{value:.decimals$}\u{a0}{unit}");
        }
        value /= step;
    }
    String::new()
}

#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
fn size(bytes: &u64) -> String {
    bytes_of(&(*bytes as f64))
}

fn bytes_of(bytes: &f64) -> String {
    if *bytes < 999.5 {
        return format!("{bytes:.0}\u{a0}B");
    }
    scaled(*bytes / 1000.0, 1000.0, &["kB", "MB", "GB", "TB", "PB"])
}

fn time(seconds: &Option<f64>) -> String {
    seconds.map_or("–".to_owned(), |seconds| {
        scaled(seconds * 1e6, 1000.0, &["µs", "ms", "s"])
    })
}

/// `3 d 4 h`, `5 min 6 s`.
fn age(seconds: &f64) -> String {
    #[expect(clippy::cast_sign_loss, reason = "it is not negative")]
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |one, name, rest, unit| format!("{one}\u{a0}{name} {rest}\u{a0}{unit}");
    match seconds {
        0..60 => format!("{seconds}\u{a0}s"),
        60..3600 => two(minutes, "min", seconds % 60, "s"),
        3600..86400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

fn cpu(seconds: &f64) -> String {
    if *seconds < 60.0 {
        format!("{seconds:.1}\u{a0}s")
    } else {
        age(seconds)
    }
}

/// `peer_left` as `peer left`.
fn words(reason: &str) -> String {
    reason.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_for_readers() {
        let of = |value: f64| figure(&value);
        assert_eq!(
            [0.0, 0.25, 3.12, 99.6, 1234.5].map(of),
            ["0", "0.25", "3.1", "100", "1,234"]
        );
        let sizes = [0, 999, 1000, 1_234_567, 123_456_789_000].map(|bytes| size(&bytes));
        assert_eq!(
            sizes,
            [
                "0\u{a0}B",
                "999\u{a0}B",
                "1.00\u{a0}kB",
                "1.23\u{a0}MB",
                "123\u{a0}GB"
            ]
        );
        let times = [0.000_007, 0.000_999_9, 0.0123, 5.0].map(|seconds| time(&Some(seconds)));
        assert_eq!(
            times,
            [
                "7.00\u{a0}µs",
                "1.00\u{a0}ms",
                "12.3\u{a0}ms",
                "5.00\u{a0}s"
            ]
        );
        assert_eq!(time(&None), "–");
        let ages = [5.9, 61.0, 7_260.0, 90_000.0].map(|seconds| age(&seconds));
        assert_eq!(
            ages,
            [
                "5\u{a0}s",
                "1\u{a0}min 1\u{a0}s",
                "2\u{a0}h 1\u{a0}min",
                "1\u{a0}d 1\u{a0}h"
            ]
        );
        let shares = [0.0, 0.034, 0.5, 1.0].map(|share| percent(&share));
        assert_eq!(
            shares,
            ["0\u{a0}%", "3.4\u{a0}%", "50\u{a0}%", "100\u{a0}%"]
        );
    }

    #[test]
    fn the_top_of_the_chart_is_round_and_not_too_low() {
        for (value, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (1.1, 2.0),
            (3.0, 5.0),
            (5.1, 10.0),
            (70_000.0, 100_000.0),
        ] {
            assert!(
                (ceiling(value) - top).abs() < 1e-9,
                "{value}: {}",
                ceiling(value)
            );
        }
    }

    #[test]
    fn a_bar_stands_where_its_second_was() {
        let second = |ago: f64, rate: f64| Second {
            seconds_ago: ago,
            requests_per_second: rate,
        };
        let chart = Chart::of(&[second(61.0, 9.0), second(59.2, 100.0), second(0.0, 50.0)]);
        let places: Vec<(f64, f64)> = chart.bars.iter().map(|bar| (bar.x, bar.height)).collect();
        assert_eq!(places.len(), 2, "one is too old");
        assert!((places[0].0 + 0.2).abs() < 1e-9 && (places[0].1 - HEIGHT).abs() < 1e-9);
        assert!((places[1].0 - 59.0).abs() < 1e-9 && (places[1].1 - HEIGHT / 2.0).abs() < 1e-9);
    }
}
