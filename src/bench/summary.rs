//! The report for a person at a terminal: suitable units, aligned columns, as wide as the terminal.

use std::fmt::Write as _;
use std::io;

use rustix::termios::{isatty, tcgetwinsize};

use super::distribution::Distribution;
use super::durations::short;
use super::layout::Layout;
use super::load_text;
use super::log_histogram::{self, grouped};
use super::report::{Report, Settings, ratio};
use super::text::{self, Section};
use crate::terminal::clean;

/// Where standard output is not a terminal.
const WIDTH: usize = 80;

/// Longer lines are harder to read.
const WIDTH_MAX: usize = 100;
/// Narrower than any terminal that is used.
const WIDTH_MIN: usize = 40;

/// The width of the terminal on standard output.
pub(super) fn width() -> usize {
    let stdout = io::stdout();
    let size = isatty(&stdout)
        .then(|| tcgetwinsize(&stdout).ok())
        .flatten();
    let columns = size.map(|size| usize::from(size.ws_col));
    // A terminal that does not know its width says 0.
    let columns = columns.filter(|columns| *columns > 0);
    columns.map_or(WIDTH, |columns| columns.clamp(WIDTH_MIN, WIDTH_MAX))
}

pub(super) fn of(report: &Report, width: usize) -> String {
    text::framed(report, |out| {
        for (title, lines) in sections(report, width) {
            section(title, &lines, out);
        }
    })
}

/// Those without lines are to be left out.
pub(super) fn sections(report: &Report, width: usize) -> Vec<Section> {
    // After the start of an interval, its rate, and with errors their number.
    let layout = Layout::short(u8::try_from(width.saturating_sub(40).clamp(5, 40)).unwrap_or(40));
    let mut sections: Vec<Section> = vec![
        ("Summary", facts(report)),
        (
            load_text::latency_title(report),
            load_text::latency(report, layout),
        ),
        (
            "Latency histogram (log scale: answers within a time, and all so far)",
            log_histogram::lines(&report.latency, width.saturating_sub(INDENT.len())),
        ),
        ("Mean time of a request", parts(report)),
    ];
    sections.extend(text::load(report, layout));
    sections.extend(text::counts(report, layout));
    sections
}

const INDENT: &str = "  ";

/// A section without lines is left out. Names and what follows them make two columns.
fn section(title: &str, lines: &[String], out: &mut String) {
    if lines.is_empty() {
        return;
    }
    let names = lines.iter().filter_map(|line| line.split_once('\t'));
    let longest = names.map(|(name, _)| name.chars().count()).max();
    let longest = longest.unwrap_or(0);
    let _ = writeln!(out, "\n{title}:");
    for line in lines {
        let _ = match line.split_once('\t') {
            Some((name, rest)) => writeln!(out, "{INDENT}{name:longest$}  {rest}"),
            None => writeln!(out, "{INDENT}{line}"),
        };
    }
}

fn facts(report: &Report) -> Vec<String> {
    let Report {
        settings, latency, ..
    } = report;
    let mut lines = vec![
        format!("request:\t{} {}", what(settings), clean(&settings.url)),
        format!("load:\t{}", load(report)),
        format!(
            "answered:\t{} in {}, {}/s",
            grouped(report.responses),
            short(report.elapsed_ns as f64),
            rate(report.requests_per_second)
        ),
        format!("failed:\t{}", grouped(report.errors.total)),
    ];
    if latency.count > 0 {
        lines.push(format!("latency:\t{}", moments(latency)));
    }
    if report.received_bytes > 0 {
        let bytes = report.received_bytes as f64;
        let per_second = ratio(bytes * 1e9, report.elapsed_ns as f64);
        let each = ratio(report.body_bytes as f64, report.responses as f64);
        lines.push(format!(
            "received:\t{}, {}/s, {} of content each",
            size(bytes),
            size(per_second),
            size(each)
        ));
    }
    lines.extend(load_text::offer(report, Layout::short(0)));
    lines
}

fn load(report: &Report) -> String {
    let settings = &report.settings;
    let connections = settings.connections.saturating_mul(report.machines);
    let mut load = match (&settings.rates, settings.rate) {
        (Some(rates), _) => format!("{} requests/s on ", rates.replace(',', ", then ")),
        (None, Some(each)) => format!("{} requests/s on ", rate(each)),
        (None, None) => String::new(),
    };
    if settings.connections_auto {
        load += "up to ";
    }
    load += &count(connections, "connection");
    if settings.pipeline > 1 {
        load = load + ", " + &count(settings.pipeline, "request") + " in a write";
    }
    match (settings.keepalive, settings.requests_per_connection) {
        (false, _) => load += ", each for one request",
        (true, Some(requests)) => load = load + ", each for " + &count(requests, "request"),
        (true, None) => {}
    }
    load + ", " + &count(settings.threads, "thread")
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

fn moments(times: &Distribution) -> String {
    format!(
        "mean {}, deviation {}, {} to {}",
        short(times.mean_ns),
        short(times.stdev_ns),
        short(times.min_ns as f64),
        short(times.max_ns as f64)
    )
}

/// Whole requests, unless there are few.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        few if few < 9.995 => format!("{few:.2}"),
        some if some < 99.95 => format!("{some:.1}"),
        many => grouped(many.round() as u64),
    }
}

/// Three digits of a number of bytes.
pub(super) fn size(bytes: f64) -> String {
    let (value, unit) = match bytes {
        b if b < 999.5 => return format!("{b:.0} B"),
        b if b < 999.5e3 => (b / 1e3, "kB"),
        b if b < 999.5e6 => (b / 1e6, "MB"),
        b => (b / 1e9, "GB"),
    };
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// What a request waits for, one after the other. Connecting and the handshake are part of the first request
/// of a connection.
fn parts(report: &Report) -> Vec<String> {
    let answered = match &report.offer {
        Some(_) => &report.service,
        None => &report.latency,
    };
    if answered.count == 0 {
        return Vec::new();
    }
    let count = answered.count as f64;
    let (connect, read) = (&report.connect, &report.reading);
    let handshake = report.tls.as_ref().map(|tls| &tls.handshake);
    let connecting = connect
        .sum_ns
        .saturating_add(handshake.map_or(0, |times| times.sum_ns));
    let rest = answered.sum_ns.saturating_sub(connecting);
    let wait = rest.saturating_sub(read.sum_ns) as f64 / count;
    let mut lines = Vec::new();
    if report.settings.lookup_ns > 0 {
        let lookup = short(report.settings.lookup_ns as f64);
        lines.push(format!("lookup:\t{lookup}, once before the run"));
    }
    if connect.count > 0 {
        lines.push(format!(
            "connect:\t{}; {} times {}",
            short(connect.sum_ns as f64 / count),
            grouped(connect.count),
            moments(connect)
        ));
    }
    if let Some(handshake) = handshake.filter(|times| times.count > 0) {
        lines.push(format!(
            "handshake:\t{}; {} times {}",
            short(handshake.sum_ns as f64 / count),
            grouped(handshake.count),
            moments(handshake)
        ));
    }
    lines.push(format!("wait:\t{} for the first byte", short(wait)));
    lines.push(match read.count {
        0 => "read:\tno time: each answer came in one read".to_owned(),
        several => format!(
            "read:\t{} for the rest; {} answers came in several reads, {}",
            short(read.sum_ns as f64 / count),
            grouped(several),
            moments(read)
        ),
    });
    if report.lag.count > 0 {
        let late = moments(&report.lag);
        lines.push(format!(
            "sent late:\t{late}, although a connection was free"
        ));
    }
    lines
}

/// The method, or the request file.
pub(super) fn what(settings: &Settings) -> String {
    let file = || clean(settings.request_file.as_deref().unwrap_or_default());
    settings.method.clone().unwrap_or_else(file)
}

#[cfg(test)]
mod tests {
    use super::super::report_tests::{open_report, report, tally};
    use super::*;

    #[test]
    fn units_suit_the_figures() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.6, "1.00 kB"),
            (15_700_000.0, "15.7 MB"),
            (2.5e11, "250 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (each, text) in [(0.5, "0.50"), (12.34, "12.3"), (261_323.4, "261,323")] {
            assert_eq!(rate(each), text);
        }
    }

    /// 100 answers of 1 to 100 ms in a second, of which 10 took 2 ms to be read, on 2 new connections of
    /// 3 ms: (5050 - 20 - 6) ms / 100 = 50.2 ms of waiting.
    #[test]
    fn the_times_of_a_request_add_up() {
        let mut tally = tally(&(1..=100).map(|ms| ms * 1_000_000).collect::<Vec<_>>());
        tally.statuses[200] = 100;
        tally.received_bytes = 12_000;
        tally.reading.record(2_000_000, 10);
        tally.connect.record(3_000_000, 2);
        let text = of(&report(tally), 80);
        for line in [
            "\nSummary:\n  request:   GET http://127.0.0.1/\n  load:      1 connection, 1 thread\n",
            "  answered:  100 in 1.00 s, 100/s\n  failed:    0\n",
            "  latency:   mean 50.5 ms, deviation 28.9 ms, 1.00 ms to 100 ms\n",
            "  received:  12.0 kB, 12.0 kB/s, 10 B of content each\n",
            "  connect:  60.0 \u{b5}s; 2 times mean 3.00 ms",
            "  wait:     50.2 ms for the first byte\n",
            "  read:     200 \u{b5}s for the rest; 10 answers came in several reads, mean 2.00 ms",
            "\n  50% in 50.0 ms\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        assert!(!text.contains('\t') && !text.contains(" secs"), "{text}");
    }

    #[test]
    fn bars_fit_a_narrow_terminal() {
        let mut tally = tally(&(1..=1000).map(|n| n * n * 1000).collect::<Vec<_>>());
        tally.statuses[200] = 1000;
        tally.bins = [100, 900, 0]
            .map(|responses| super::super::tally::Bin {
                responses,
                errors: 7,
            })
            .to_vec();
        let text = of(&report(tally), 60);
        let bars: Vec<&str> = text
            .lines()
            .filter(|line| line.contains('\u{25a0}'))
            .collect();
        assert!(bars.len() > 5, "{text}");
        for bar in bars {
            assert!(bar.chars().count() <= 60, "{bar:?}");
        }
    }

    #[test]
    fn an_open_run_shows_its_rates() {
        let text = of(&open_report(|_, _| {}), 80);
        assert!(
            text.contains("  load:                  500 requests/s on 10 connections, 1 thread\n"),
            "{text}"
        );
        assert!(text.contains("Offered/sec:           500.0000\n"), "{text}");
        assert!(
            text.contains("  wait:  100 ms for the first byte\n"),
            "{text}"
        );
    }
}
