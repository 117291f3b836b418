//! The command: it prepares, runs, prints the report and returns the exit code.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clap::Args as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::compare::{self, Outcome};
use super::find::{self, Found};
use super::goal::{By, Goal};
use super::hosts;
use super::live::{Live, Point};
use super::measured::Measured;
use super::options::{BenchOptions, Format, hey_flags};
use super::plan::Plan;
use super::prepare::prepare;
use super::report::Report;
use super::run::run;
use super::{merge, outputs, overload, picture, summary, tables, text};
use crate::signals;
use crate::terminal::{note, print};

/// No request succeeded, or it could not run or write.
const EXIT_NOTHING: u8 = 1;
/// The arguments are wrong.
const EXIT_USAGE: u8 = 2;
/// A `--fail-if` condition was met, or a figure is worse.
const EXIT_CONDITION: u8 = 3;
/// Some of the files to join were left out.
const EXIT_LEFT_OUT: u8 = 4;
/// `--find` or `--compare` has no answer.
const EXIT_NO_ANSWER: u8 = 5;

/// Runs the command.
#[must_use]
pub(crate) fn bench(options: &BenchOptions) -> ExitCode {
    let options = &of_curl(options);
    if let Err(sentence) = outputs::check(options) {
        note("hullo bench", sentence);
        return EXIT_USAGE.into();
    }
    if let Some(goal) = &options.find {
        return find(options, goal).unwrap_or_else(|(code, sentence)| {
            note("hullo bench", sentence);
            code.into()
        });
    }
    if let [old, new] = options.compare.as_slice() {
        return compare(options, old, new).unwrap_or_else(|(code, sentence)| {
            note("hullo bench", sentence);
            code.into()
        });
    }
    let results = if !options.hosts.hosts.is_empty() {
        on_hosts(options)
    } else if options.merge.is_empty() {
        measure(options)
    } else {
        let merged = merge::merge(&options.merge).map_err(|sentence| (EXIT_USAGE, sentence));
        merged.map(|(report, left_out)| Results {
            report,
            left_out,
            written: Ok(()),
            points: Vec::new(),
        })
    };
    let results = match results {
        Ok(results) => results,
        Err((code, sentence)) => {
            note("hullo bench", sentence);
            return code.into();
        }
    };
    let Results {
        report, left_out, ..
    } = &results;
    match publish(options, report, &results.points).and(results.written.clone()) {
        Ok(()) => verdict(options, report, *left_out).into(),
        Err(sentence) => {
            note("hullo bench", sentence);
            ExitCode::FAILURE
        }
    }
}

/// With what a curl command says apart from its request.
fn of_curl(options: &BenchOptions) -> Cow<'_, BenchOptions> {
    let Some(curl) = &options.curl else {
        return Cow::Borrowed(options);
    };
    for sentence in &curl.notes {
        note("hullo bench", format!("note: {sentence}"));
    }
    let mut options = options.clone();
    options.url = Some(curl.url.clone());
    options.tls.insecure |= curl.insecure;
    Cow::Owned(options)
}

type Failure = (u8, String);

struct Results {
    report: Report,
    /// Of the files to join.
    left_out: usize,
    /// What is missing in the files that are written during a run.
    written: Result<(), String>,
    /// For pictures.
    points: Vec<Point>,
}

fn find(options: &BenchOptions, goal: &Goal) -> Result<ExitCode, Failure> {
    check_find(options).map_err(|sentence| (EXIT_USAGE, sentence))?;
    let stop = stop_on_signal()
        .map_err(|error| (EXIT_NOTHING, format!("cannot listen for signals: {error}")))?;
    let found = find::find(options, goal, &stop).map_err(|sentence| (EXIT_NOTHING, sentence))?;
    publish_found(options, &found).map_err(|sentence| (EXIT_NOTHING, sentence))?;
    Ok(if found.has_answer() {
        ExitCode::SUCCESS
    } else {
        EXIT_NO_ANSWER.into()
    })
}

fn compare(options: &BenchOptions, old: &Path, new: &Path) -> Result<ExitCode, Failure> {
    if !matches!(options.output, Format::Summary | Format::Markdown) {
        return Err((
            EXIT_USAGE,
            "--compare writes only a Markdown table: leave out -o".to_owned(),
        ));
    }
    let (text, outcome) = compare::compare(old, new).map_err(|sentence| (EXIT_USAGE, sentence))?;
    print(&text).map_err(|error| {
        (
            EXIT_NOTHING,
            format!("cannot write the comparison: {error}"),
        )
    })?;
    Ok(match outcome {
        Outcome::Passes => ExitCode::SUCCESS,
        Outcome::Worse => EXIT_CONDITION.into(),
        Outcome::Failed => EXIT_NOTHING.into(),
        Outcome::Unknown => EXIT_NO_ANSWER.into(),
    })
}

/// What only some of the flags of a search can do.
fn check_find(options: &BenchOptions) -> Result<(), String> {
    if !matches!(options.output, Format::Summary | Format::Json) {
        return Err("--find writes text or, with -o json, JSON".to_owned());
    }
    if options.find_by == By::Connections && options.connections.is_some() {
        return Err(
            "--find-by connections finds the number of connections: leave out -c".to_owned(),
        );
    }
    if options.find_by == By::Connections && options.arrivals.is_some() {
        return Err("--arrivals is for rates: leave it out, or find by rate".to_owned());
    }
    prepare(&BenchOptions {
        connections: None,
        arrivals: None,
        ..options.clone()
    })
    .map(|_| ())
}

fn publish_found(options: &BenchOptions, found: &Found) -> Result<(), String> {
    let written = [
        write(options.json.as_ref(), || found.json()),
        write(options.svg.as_ref(), || find::svg(found)),
    ];
    let text = if options.output == Format::Json {
        found.json()
    } else {
        find::text(found)
    };
    print_report(&text, written)
}

/// Writes a file, if it is wanted.
fn write(path: Option<&PathBuf>, text: impl FnOnce() -> String) -> Result<(), String> {
    let Some(path) = path else {
        return Ok(());
    };
    fs::write(path, text()).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Also when a file could not be written: what was measured must not be lost with it. Returns the first error.
fn print_report(
    text: &str,
    written: impl IntoIterator<Item = Result<(), String>>,
) -> Result<(), String> {
    let printed = print(text).map_err(|error| format!("cannot write the report: {error}"));
    written.into_iter().chain([printed]).collect()
}

fn on_hosts(options: &BenchOptions) -> Result<Results, Failure> {
    let curl = options.curl.as_ref();
    if curl.is_some_and(|curl| curl.is_from_stdin) {
        let sentence =
            "--curl - reads standard input, which --hosts needs: give the command as an argument";
        return Err((EXIT_USAGE, sentence.to_owned()));
    }
    let command = BenchOptions::augment_args(clap::Command::new("bench"));
    let words = hey_flags(std::env::args_os()).into_iter().skip(2);
    let arguments = hosts::arguments(command, words).map_err(|sentence| (EXIT_USAGE, sentence))?;
    let stop = stop_on_signal()
        .map_err(|error| (EXIT_NOTHING, format!("cannot listen for signals: {error}")))?;
    let report = hosts::run(&options.hosts, options.seed, &arguments, &stop)
        .map_err(|sentence| (EXIT_NOTHING, sentence))?;
    Ok(Results {
        report,
        left_out: 0,
        written: Ok(()),
        points: Vec::new(),
    })
}

fn measure(options: &BenchOptions) -> Result<Results, Failure> {
    let (plan, settings) = prepare(options).map_err(|sentence| (EXIT_USAGE, sentence))?;
    let stop = stop_on_signal()
        .map_err(|error| (EXIT_NOTHING, format!("cannot listen for signals: {error}")))?;
    if options.hosts.until_stdin_ends {
        stop_with_stdin(Arc::clone(&stop));
    }
    let wants_history = options.svg.is_some() || options.html.is_some();
    let mut live = Live::new(&options.live, &settings.url, wants_history)
        .map_err(|sentence| (EXIT_NOTHING, sentence))?;
    let measured = repeat(options, &plan, &stop, &mut live)
        .map_err(|error| (EXIT_NOTHING, format!("an event loop failed: {error}")))?;
    Ok(Results {
        report: Report::new(settings, measured),
        left_out: 0,
        points: live.points(),
        written: live.finish(),
    })
}

/// The first signal ends the run and the report is printed. A later one ends the process.
fn stop_on_signal() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let end = |signal| process::exit(128 + signal);
    signals::stop_on(&[SIGINT, SIGTERM], Arc::clone(&stop), end)?;
    Ok(stop)
}

/// For --hosts: the process that started the run holds the other end.
fn stop_with_stdin(stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut byte = [0; 1];
        while matches!(io::stdin().read(&mut byte), Ok(1..)) {}
        stop.store(true, Ordering::Relaxed);
    });
}

fn repeat(
    options: &BenchOptions,
    plan: &Plan,
    stop: &Arc<AtomicBool>,
    live: &mut Live,
) -> io::Result<Measured> {
    let mut all = None;
    for number in 1..=options.repeat {
        live.begin(plan, (number, options.repeat));
        let result = run(plan, stop, live);
        live.end();
        let measured = Measured::of(result?, plan.offered());
        match &mut all {
            None => all = Some(measured),
            Some(all) => all.follow(measured),
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    all.ok_or_else(|| io::Error::other("there was no run"))
}

fn publish(options: &BenchOptions, report: &Report, points: &[Point]) -> Result<(), String> {
    let written = [
        write(options.json.as_ref(), || report.json()),
        write(options.hdr.as_ref(), || tables::hgrm(report)),
        write(options.svg.as_ref(), || picture::svg(report, points)),
        write(options.html.as_ref(), || picture::page(report, points)),
    ];
    let text = match options.output {
        Format::Summary => summary::of(report, summary::width()),
        Format::Hey => text::of(report),
        Format::Json => report.json(),
        Format::Csv => {
            // A table of figures has no place for it, and they mislead without it.
            if let Some(sentence) = overload::missed(report) {
                note("hullo bench", format!("warning: {sentence}"));
            }
            tables::csv(report)
        }
        Format::Markdown => tables::markdown_table(report),
    };
    print_report(&text, written)
}

fn verdict(options: &BenchOptions, report: &Report, left_out: usize) -> u8 {
    let met: Vec<String> = options
        .fail_if
        .iter()
        .filter_map(|condition| condition.met(report))
        .collect();
    for sentence in &met {
        note("hullo bench", format!("failed: {sentence}"));
    }
    // Without a good answer the numbers mean nothing: that comes before the conditions on them.
    if report.responses == 0 {
        note("hullo bench", "no request was answered");
        EXIT_NOTHING
    } else if report.succeeded() == 0 {
        note("hullo bench", "every request failed");
        EXIT_NOTHING
    } else if !met.is_empty() {
        EXIT_CONDITION
    } else if left_out > 0 {
        EXIT_LEFT_OUT
    } else {
        0
    }
}
