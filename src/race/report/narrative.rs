//! The title, and one line for each test that says what came out.

use super::rows::{CPU, Measure, Row, SPEED};
use crate::race::format::{factor, percent, ratio, sign, time};
use crate::race::record::{Bound, Ratio, Record, Target, Test};
use crate::terminal::clean;

/// More targets than this are counted, not named.
const NAMED_MAX: usize = 4;
/// Sides that are both less busy wait for the machine.
const IDLE_MAX: f64 = 0.5;
/// Of a title with names.
const TITLE_CHARS_MAX: usize = 60;

/// `hullo, hyper and Go side by side`.
pub(super) fn title(record: &Record) -> String {
    let names: Vec<String> = record.targets.iter().map(|t| clean(&t.name)).collect();
    match names.as_slice() {
        [] => "A race without a server".to_owned(),
        [one] => format!("{one} under load"),
        [others @ .., last] => {
            let all = format!("{} and {last}", others.join(", "));
            let is_short = names.len() <= NAMED_MAX && all.chars().count() <= TITLE_CHARS_MAX;
            let servers = format!("{} servers", names.len());
            format!("{} side by side", if is_short { all } else { servers })
        }
    }
}

/// `Not measured: Go.` Why is in the warnings.
pub(super) fn unmeasured(record: &Record) -> Option<String> {
    let out = record.targets.iter().filter(|target| target.out.is_some());
    let name = |target: &Target| {
        let is_measured = record.results.iter().any(|of| of.target == target.name);
        let how_far = if is_measured { " (not to the end)" } else { "" };
        format!("{}{how_far}", clean(&target.name))
    };
    listed("Not measured", out.map(name).collect())
}

/// With its suite, where another test has the same title.
pub(super) fn heading(record: &Record, test: &Test) -> String {
    let mut tests = record.tests.iter();
    if tests.any(|other| other.title == test.title && other.id != test.id) {
        format!("{} ({})", clean(&test.title), test.suite)
    } else {
        clean(&test.title)
    }
}

/// Of a test with requests: speed where it is the servers' own, cost, and the bottleneck.
pub(super) fn work(rows: &[Row]) -> String {
    if rows.iter().all(|row| row.summary.requests == 0) {
        return "No server answered a request.".to_owned();
    }
    let is_own = |row: &Row| row.summary.bound == Bound::Server;
    // The first server's speed is in each ratio.
    let speed = rows.first().filter(|first| is_own(first));
    let mut said = failures(rows);
    let failed = said.len();
    said.extend(speed.and_then(|_| ratios(&SPEED, rows, is_own)));
    said.extend(ratios(&CPU, rows, |_| true));
    if said.len() == failed {
        said.extend(medians(&SPEED, rows));
        said.extend(medians(&CPU, rows));
    }
    said.extend(bottleneck(rows));
    said.join(" ")
}

/// `Failed: Go: 100 % errors (status).`, with each server once, also in several tests.
pub(super) fn failures(rows: &[Row]) -> Vec<String> {
    let mut failed: Vec<(usize, String)> = Vec::new();
    for row in rows {
        let is_known = failed.iter().any(|(number, _)| *number == row.number);
        if let Some(why) = row.failure().filter(|_| !is_known) {
            failed.push((row.number, format!("{}: {why}", row.name)));
        }
    }
    let failed = failed.into_iter().map(|(_, told)| told);
    listed("Failed", failed.collect()).into_iter().collect()
}

/// At the highest rate that each server was asked for.
pub(super) fn rate(rows: &[Row]) -> String {
    let loads = rows.iter().filter_map(|row| row.test.load);
    let most = loads.fold(0.0, f64::max);
    let is_shown = |row: &&Row| row.test.load >= Some(most) && row.failure().is_none();
    let highest = rows.iter().filter(is_shown);
    let shown = highest.filter_map(|row| {
        let p99 = row.percentile(99.0)?;
        Some(format!("{} {}", row.name, time(p99)))
    });
    let what = format!("p99 at {} of its own capacity", percent(most));
    let mut said = failures(rows);
    said.extend(listed(&what, shown.collect()));
    if said.is_empty() {
        "No latency was measured.".to_owned()
    } else {
        said.join(" ")
    }
}

/// The ratios, or the medians where there are none.
pub(super) fn compared(measure: &Measure, rows: &[Row]) -> Option<String> {
    ratios(measure, rows, |_| true).or_else(|| medians(measure, rows))
}

/// `CPU per request: hyper ×1.18 (1.15–1.21), warp no difference (0.98–1.02).`
fn ratios(measure: &Measure, rows: &[Row], is_own: impl Fn(&Row) -> bool) -> Option<String> {
    let own = rows.iter().filter(|row| is_own(row));
    let mut known: Vec<(&str, &Ratio)> = own
        .filter_map(|row| Some((row.name.as_str(), measure.ratio(row)?)))
        .collect();
    let (all, what) = (known.len(), measure.name);
    if all <= NAMED_MAX {
        let shown = known
            .iter()
            .map(|(name, by)| format!("{name} {}", ratio(by)));
        return listed(what, shown.collect());
    }
    known.retain(|(_, by)| by.differs);
    known.sort_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean));
    let end = |(name, by): &(&str, &Ratio)| format!("{} ({name})", factor(by));
    let ends = match known.as_slice() {
        [] => String::new(),
        [one] => format!(", {}", end(one)),
        [least, .., most] => format!(", {} to {}", end(least), end(most)),
    };
    let differ = known.len();
    Some(format!("{what}: {differ} of {all} servers differ{ends}."))
}

/// `Requests/s: hullo 412,000, hyper 390,000 ×0.95.`
pub(super) fn medians(measure: &Measure, rows: &[Row]) -> Option<String> {
    let works = rows.iter().filter(|row| row.is_compared());
    let known = works.filter_map(|row| {
        let figure = measure.with_unit(measure.of(row)?.median);
        let by = measure.ratio(row).map(sign).unwrap_or_default();
        Some(format!("{} {figure}{by}", row.name))
    });
    listed(measure.name, known.collect())
}

pub(super) fn listed(what: &str, mut shown: Vec<String>) -> Option<String> {
    let more = shown.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        shown.truncate(NAMED_MAX);
        shown.push(format!("{more} more below"));
    }
    (!shown.is_empty()).then(|| format!("{what}: {}.", shown.join(", ")))
}

/// Whose requests/s they are, if not the servers'.
fn bottleneck(rows: &[Row]) -> Option<String> {
    let bound_by = |bound| rows.iter().filter(move |row| row.summary.bound == bound);
    let all = |bound| bound_by(bound).count() == rows.len();
    let busy = bound_by(Bound::Generator).filter_map(Row::generator_busy);
    if let Some(busy) = busy.reduce(f64::min) {
        let names: Vec<&str> = bound_by(Bound::Generator)
            .map(|row| row.name.as_str())
            .collect();
        let whose = match names.len() {
            _ if all(Bound::Generator) => String::new(),
            ..=NAMED_MAX => format!(" for {}", names.join(", ")),
            number => format!(" for {number} servers"),
        };
        let busy = percent(busy);
        return Some(format!(
            "The generator, {busy} busy, was the bottleneck{whose}: it set the requests/s."
        ));
    }
    let said = match () {
        () if all(Bound::Neither) => return Some(neither(rows)),
        () if all(Bound::Shared) => {
            "Servers and generator shared their cores: requests/s measure both."
        }
        () if all(Bound::Unknown) => {
            "How busy the servers were is not known: something else may have set the requests/s."
        }
        () => return None,
    };
    Some(said.to_owned())
}

/// Where the machine sets the pace, because each side waits to be woken by the other.
fn neither(rows: &[Row]) -> String {
    let most = |busy: &dyn Fn(&Row) -> Option<f64>| rows.iter().filter_map(busy).reduce(f64::max);
    let server = most(&|row| row.median(|round| Some(round.server.as_ref()?.utilisation)));
    let generator = most(&|row| row.generator_busy());
    match server.zip(generator) {
        Some((server, generator)) if server < IDLE_MAX && generator < IDLE_MAX => format!(
            "Neither side was busy (servers at most {}, generator {}): requests/s are the machine's, which wakes them up.",
            percent(server),
            percent(generator)
        ),
        _ => "Neither side was busy all the time: requests/s measure neither.".to_owned(),
    }
}
