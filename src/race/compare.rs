//! What changed between two races.

use super::format::NOISY;
use super::record::{Bound, Measurement, Record, Settings, Summary, Target, Test};
use super::stats::{TOGETHER, median, unpaired};
use super::{summary, verdict};
use crate::markdown;
use crate::terminal::clean;

const HEAD: [&str; 8] = [
    "Test",
    "Server",
    "Figure",
    "Old",
    "New",
    "New / old",
    "Interval",
    "",
];

/// What came out.
#[derive(Debug)]
pub(super) struct Comparison {
    /// A row for each target, test and figure that both races have.
    pub(super) text: String,
    /// Figures that are worse, each as `Test: server, figure`.
    pub(super) worse: Vec<String>,
}

/// The tests of the new race that the old one has too.
pub(super) fn common_tests<'a>(old: &Record, new: &'a Record) -> Vec<&'a Test> {
    // Versions may differ in how they word a title.
    let untitled = |test: &Test| Test {
        title: String::new(),
        ..test.clone()
    };
    let is_old = |test: &&Test| old.tests.iter().any(|old| untitled(old) == untitled(test));
    new.tests.iter().filter(is_old).collect()
}

/// Compares two races, or says why they cannot be compared.
pub(super) fn compare(old: &Record, new: &Record) -> Result<Comparison, String> {
    let tests = common_tests(old, new);
    let pairs = tests
        .iter()
        .flat_map(|test| new.targets.iter().map(move |target| (test, target)));
    let rows: Vec<[String; 8]> = pairs
        .flat_map(|(test, target)| rows(old, new, test, &target.name))
        .collect();
    if rows.is_empty() {
        return Err("the two races have no test of a server in common: use the same names, suites and durations".to_owned());
    }
    let worse = rows.iter().filter(|row| row[7] == WORSE);
    let worse = worse.map(|[test, server, figure, ..]| format!("{test}: {server}, {figure}"));
    let worse = worse.collect();
    let mut text = markdown::table(&HEAD, &rows, HEAD.len());
    for note in notes(old, new) {
        text += "\nNote: ";
        text += &note;
        text += "\n";
    }
    Ok(Comparison { text, worse })
}

const WORSE: &str = "worse";
const FAILED: &str = "too many errors";

type Figure = (&'static str, f64, fn(&Measurement) -> Option<f64>, Better);

#[derive(Clone, Copy)]
enum Better {
    More,
    Less,
}

const SPEED: &str = "requests/s";
const COST: &str = "CPU µs/request";

/// Name with unit, what a figure is divided by for that unit, the figure, and which way is better.
const FIGURES: [Figure; 4] = [
    (
        SPEED,
        1.0,
        |result| (result.requests > 0).then_some(result.requests_per_second),
        Better::More,
    ),
    (
        COST,
        1000.0,
        |result| Some(result.server.as_ref()?.cpu_ns_per_request).filter(|_| result.requests > 0),
        Better::Less,
    ),
    (
        "CPU µs/second at rest",
        1000.0,
        |result| summary::cpu_per_second(result).filter(|_| result.requests == 0),
        Better::Less,
    ),
    (
        "bytes/idle connection",
        1.0,
        |result| result.idle_connection_bytes,
        Better::Less,
    ),
];

fn rows(old: &Record, new: &Record, test: &Test, target: &str) -> Vec<[String; 8]> {
    let figures = |record: &Record, of: fn(&Measurement) -> Option<f64>| -> Vec<f64> {
        record
            .results
            .iter()
            .filter(|result| result.test == test.id && result.target == target)
            .filter_map(of)
            .collect()
    };
    let is_so = |judge: fn(&[&Measurement]) -> bool| {
        [old, new].iter().any(|record| {
            let of = |result: &&Measurement| result.test == test.id && result.target == target;
            judge(&record.results.iter().filter(of).collect::<Vec<_>>())
        })
    };
    // A server that fails is cheap.
    let failed = is_so(summary::fails);
    let uncounted = is_so(summary::is_uncounted);
    let missed = is_so(|rounds| summary::missed(rounds).is_some());
    FIGURES
        .iter()
        .filter_map(|&(name, unit, of, better)| {
            let (before, after) = (figures(old, of), figures(new, of));
            let shown = |figures: &[f64]| median(figures).map(|figure| short(figure / unit));
            let (was, is) = (shown(&before)?, shown(&after)?);
            let uncounted = uncounted && name == COST;
            let compared =
                unpaired(&after, &before, TOGETHER).filter(|_| !failed && !uncounted && !missed);
            let (ratio, interval, word) = match compared {
                None if failed => (String::new(), String::new(), FAILED),
                None if missed => (String::new(), String::new(), "rate not made"),
                None if uncounted => (String::new(), String::new(), "CPU time incomplete"),
                None => (String::new(), String::new(), "too few rounds"),
                Some(ratio) => (
                    format!("{:.3}", ratio.mean),
                    if ratio.is_noisy() {
                        "too wide".to_owned()
                    } else {
                        format!("{:.3} to {:.3}", ratio.low, ratio.high)
                    },
                    match (ratio.differs, ratio.mean > 1.0, better) {
                        (false, ..) if ratio.is_noisy() => NOISY,
                        (false, ..) if ratio.is_equal() => "no difference",
                        (false, ..) => "no difference shown",
                        (true, true, Better::More) | (true, false, Better::Less) => "better",
                        (true, ..) => WORSE,
                    },
                ),
            };
            let word = if name == SPEED && !failed && !is_of_servers(old, new, test, target) {
                "not the server's"
            } else {
                word
            };
            let (title, target) = (clean(&test.title), clean(target));
            let row = [&title, &target, name, &was, &is, &ratio, &interval, word];
            Some(row.map(str::to_owned))
        })
        .collect()
}

/// Whether the server was the bottleneck in both races.
fn is_of_servers(old: &Record, new: &Record, test: &Test, target: &str) -> bool {
    [old, new].iter().all(|record| {
        let of = |summary: &&Summary| summary.test == test.id && summary.target == target;
        let found = record.summaries.iter().find(of);
        found.is_some_and(|summary| summary.bound == Bound::Server)
    })
}

/// Three digits at least.
fn short(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}

fn notes(old: &Record, new: &Record) -> Vec<String> {
    let mut notes = Vec::new();
    for (which, record, other) in [("old", old, new), ("new", new, old)] {
        if let Err(fault) = verdict::of_common(record, other) {
            let fault = markdown::escape(&clean(&fault));
            notes.push(format!("the {which} race failed: {fault}"));
        }
    }
    if old.machine != new.machine {
        notes.push("the races ran on different machines or systems".to_owned());
    }
    let bare = |record: &Record| Settings {
        suites: Vec::new(),
        // Each race has its own.
        path: String::new(),
        seed: None,
        ..record.settings.unchanging()
    };
    if bare(old) != bare(new) {
        notes.push("the races had different cores, workers, warm-ups or generators".to_owned());
    }
    let commands = |record: &Record| -> Vec<(String, Option<String>)> {
        let of = |target: &Target| (target.name.clone(), target.command.clone());
        record.targets.iter().map(of).collect()
    };
    if commands(old) != commands(new) {
        notes.push(
            "the races had different servers, or started them with different commands".to_owned(),
        );
    }
    let protocols = |record: &Record| -> Vec<(Option<bool>, Option<String>)> {
        let targets = record.targets.iter();
        targets.map(|of| (of.https, of.tls.clone())).collect()
    };
    if protocols(old) != protocols(new) {
        notes.push(
            "a server was asked over https in one race only, or with another version or cipher suite of TLS"
                .to_owned(),
        );
    }
    notes.push(
        "a machine changes over time: to be sure, run old and new side by side in one race"
            .to_owned(),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::super::record::{ServerHost, Suite};
    use super::super::report::sample::{record, servers};
    use super::*;

    #[test]
    fn what_each_race_has_of_its_own_is_no_difference() {
        let mut old = record(&servers(2), &[Suite::Churn], 3);
        let host = |link_ns| ServerHost {
            name: "other".to_owned(),
            address: "10.0.0.7".to_owned(),
            machine: old.machine.clone(),
            link_ns,
        };
        let (far, near) = (host(90_000), host(80_000));
        old.settings.server_host = Some(far);
        let mut new = old.clone();
        new.settings.server_host = Some(near);
        new.settings.quiet_wait_ns = Some(60_000_000_000);
        new.settings.seed = Some(43);
        "/another/path".clone_into(&mut new.settings.path);
        assert_eq!(notes(&old, &new), notes(&old, &old));
        new.settings.workers += 1;
        let notes = notes(&old, &new);
        assert!(notes[0].contains("different cores, workers"), "{notes:?}");
    }
}
