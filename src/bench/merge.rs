//! Joins the results of several machines from their files.

use std::path::{Path, PathBuf};

use super::input;
use super::machines::{ClockDifference, Machine};
use super::measured::Measured;
use super::report::{Report, RunSummary, Settings};
use crate::terminal::{clean, note};

/// The files joined so far.
struct Joined {
    settings: Settings,
    measured: Measured,
    first: String,
    /// The runs of each file, to find duplicates.
    runs: Vec<(String, Vec<RunSummary>)>,
}

/// Joins the files that can be joined. Returns the report and the number of files left out; standard
/// error and the warnings of the report say why.
///
/// # Errors
///
/// When no file could be joined.
pub(super) fn merge(paths: &[PathBuf]) -> Result<(Report, usize), String> {
    let files = paths.iter().map(|path| {
        let name = clean(&path.display().to_string());
        let report = read(path);
        (name, None, report)
    });
    join(files)
}

/// Joins results by name, with how far their clocks were off, if that is known.
pub(super) fn join(
    results: impl ExactSizeIterator<Item = (String, Option<ClockDifference>, Result<Report, String>)>,
) -> Result<(Report, usize), String> {
    let all = results.len();
    let mut joined = None;
    let mut left_out = Vec::new();
    for (name, clock, report) in results {
        let added = report.and_then(|report| add(&mut joined, &name, clock, &report));
        if let Err(error) = added {
            let sentence = format!("{name} cannot be joined: {error}");
            note("hullo bench", &sentence);
            left_out.push(sentence);
        }
    }
    let Some(Joined {
        settings, measured, ..
    }) = joined
    else {
        return Err("none of the files can be joined".to_owned());
    };
    let mut report = Report::new(settings, measured);
    if !left_out.is_empty() {
        let missing = left_out.len();
        let counted = format!("{missing} of {all} files were left out");
        report.warnings.splice(0..0, [counted]);
        report.warnings.append(&mut left_out.clone());
    }
    Ok((report, left_out.len()))
}

pub(super) fn read(path: &Path) -> Result<Report, String> {
    let bytes = input::read(path, input::FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    // Log lines around the report may hold any bytes; those of the report are checked.
    Report::read(&String::from_utf8_lossy(&bytes))
}

/// What was measured on a machine of this name, or on those that were joined before.
fn measured(name: &str, clock: Option<ClockDifference>, report: &Report) -> Measured {
    let mut measured = report.measured();
    if measured.by_machine.is_empty() && measured.machines == 1 {
        measured.by_machine = vec![Machine {
            name: name.to_owned(),
            busy: measured.busy,
            queued: measured.queued,
            clock,
        }];
    }
    measured
}

fn add(
    joined: &mut Option<Joined>,
    name: &str,
    clock: Option<ClockDifference>,
    report: &Report,
) -> Result<(), String> {
    let Some(joined) = joined else {
        *joined = Some(Joined {
            settings: report.settings.clone(),
            measured: measured(name, clock, report),
            first: name.to_owned(),
            runs: vec![(name.to_owned(), report.runs.clone())],
        });
        return Ok(());
    };
    // Two runs that began in the same millisecond still differ in their nanoseconds.
    let has_run = |(_, runs): &&(String, Vec<RunSummary>)| {
        let mut again = report.runs.iter().filter(|run| runs.contains(run));
        again.next().is_some()
    };
    if let Some((before, _)) = joined.runs.iter().find(has_run) {
        return Err(format!(
            "one of its runs is also in {before} and would be counted twice"
        ));
    }
    if !joined.settings.is_same_load(&report.settings) {
        let first = &joined.first;
        note(
            "hullo bench",
            format!("note: the settings of {name} differ from those of {first}"),
        );
    }
    joined.measured.join(measured(name, clock, report));
    joined.runs.push((name.to_owned(), report.runs.clone()));
    Ok(())
}
