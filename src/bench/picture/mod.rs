//! A run as a picture (`--svg`) or a page (`--html`): latency and requests/s over time, and the distribution.

mod page;

pub(super) use self::page::page;
use super::line_chart::{Chart, Line, draw_all, seconds};
use super::live::Point;
use super::report::{Report, ratio};
use crate::terminal::clean;

/// The same as on the page of a race: it has the colours of a dark page.
const STYLE: &str = include_str!("../../race/report/chart.css");
const FONT: &str = "svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}\n";

/// The steps of the distribution: each halves how many answers were slower.
const STEPS_MAX: i32 = 40;
const STEPS_PER_HALF: i32 = 2;

/// For other pages: it has its own style sheet.
pub(super) fn svg(report: &Report, points: &[Point]) -> String {
    let style = format!("<style>\n{FONT}{STYLE}</style>\n");
    let mut charts = charts(report, points);
    if let Some(first) = charts.first_mut() {
        first.title = format!("{}, {}", first.title, clean(&report.settings.url));
    }
    draw_all(&charts, &style)
}

fn charts(report: &Report, points: &[Point]) -> [Chart; 3] {
    [latency(points), rates(points), distribution(report)]
}

/// The middle of an interval, in seconds.
fn middle(point: &Point) -> f64 {
    (point.start as f64 + point.end as f64) / 2e9
}

fn latency(points: &[Point]) -> Chart {
    let answered = points.iter().filter(|point| point.responses > 0);
    let times: Vec<_> = answered
        .map(|point| (middle(point), point.latency()))
        .collect();
    let line = |name, quantile: f64| Line {
        name,
        points: times
            .iter()
            .map(|(at, times)| (*at, times.quantile(quantile) as f64 / 1e9))
            .collect(),
    };
    Chart {
        title: "Latency over time".to_owned(),
        x: "seconds".to_owned(),
        y: "latency".to_owned(),
        is_x_log: false,
        is_y_log: true,
        show_x: None,
        show_y: Some(seconds),
        lines: vec![
            line("p50", 0.5),
            line("p90", 0.9),
            line("p99", 0.99),
            line("max", 1.0),
        ],
        mark: None,
    }
}

fn rates(points: &[Point]) -> Chart {
    let line = |name, of: fn(&Point) -> u64| Line {
        name,
        points: points
            .iter()
            .map(|point| {
                let length = (point.end - point.start) as f64;
                (middle(point), ratio(of(point) as f64 * 1e9, length))
            })
            .collect(),
    };
    let mut lines = vec![line("answers/s", |point| point.responses)];
    if points.iter().any(|point| point.errors > 0) {
        lines.push(line("errors/s", |point| point.errors));
    }
    Chart {
        title: "Requests/s over time".to_owned(),
        x: "seconds".to_owned(),
        y: "per second".to_owned(),
        is_x_log: false,
        is_y_log: false,
        show_x: None,
        show_y: None,
        lines,
        mark: None,
    }
}

/// Over the factor by which answers that were slower are fewer: the tail is as wide as the rest.
fn distribution(report: &Report) -> Chart {
    let line = |name, times: &super::times::Times| {
        let count = times.count() as f64;
        let steps =
            (0..=STEPS_MAX).map(|step| 2_f64.powf(f64::from(step) / f64::from(STEPS_PER_HALF)));
        // Beyond, it is the slowest answer.
        let steps = steps.take_while(|rarity| *rarity <= count);
        Line {
            name,
            points: steps
                .map(|rarity| (rarity, times.quantile(1.0 - 1.0 / rarity) as f64 / 1e9))
                .collect(),
        }
    };
    let mut lines = Vec::new();
    if report.offer.is_some() {
        lines.push(line("response time", &report.latency.times()));
        lines.push(line("service time", &report.service.times()));
    } else {
        lines.push(line("latency", &report.latency.times()));
    }
    Chart {
        title: "Latency by percentile".to_owned(),
        x: "answers that were not slower".to_owned(),
        y: "latency".to_owned(),
        is_x_log: true,
        is_y_log: true,
        show_x: Some(percentile),
        show_y: Some(seconds),
        lines,
        mark: None,
    }
}

fn percentile(rarity: f64) -> String {
    let percent = 100.0 - 100.0 / rarity.max(1.0);
    let text = format!("{percent:.4}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::super::report_tests::{report, tally};
    use super::*;

    #[test]
    fn a_rarity_is_a_percentile() {
        for (rarity, text) in [(1.0, "0 %"), (10.0, "90 %"), (1e4, "99.99 %"), (0.0, "0 %")] {
            assert_eq!(percentile(rarity), text);
        }
    }

    #[test]
    fn the_distribution_ends_with_what_was_counted() {
        let chart = distribution(&report(tally(&[1_000_000; 100])));
        let last = chart.lines[0].points.last().unwrap();
        assert!(
            (50.0..=100.0).contains(&last.0) && (last.1 - 0.001).abs() < 1e-6,
            "{last:?}"
        );
    }

    #[test]
    fn a_picture_without_answers_is_drawn() {
        let svg = svg(&report(super::super::tally::Tally::new()), &[]);
        assert_eq!(svg.matches("<svg").count(), 1);
        assert!(
            svg.contains("Latency by percentile") && !svg.contains("NaN"),
            "{svg}"
        );
    }
}
