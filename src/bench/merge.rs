//! Joins the results of several machines, from their files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::report::{Measured, Part, Report, Settings};
use crate::terminal::{clean, note};

/// A day of results, and far more than is read by mistake.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What was joined so far.
struct Joined {
    settings: Settings,
    measured: Measured,
    first: String,
    /// The runs of each file, to see when one comes again.
    runs: Vec<(String, Vec<Part>)>,
}

/// Joins what can be joined. Returns the report, and how many files were left out of it: what is
/// wrong with them is said on standard error, and in its warnings.
///
/// # Errors
///
/// When nothing could be joined.
pub(super) fn merge(paths: &[PathBuf]) -> Result<(Report, usize), String> {
    let mut joined = None;
    let mut left_out = Vec::new();
    for path in paths {
        let name = clean(&path.display().to_string());
        let added = read(path).and_then(|report| add(&mut joined, &name, &report));
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
        return Err("there is nothing to join".to_owned());
    };
    let mut report = Report::new(settings, measured);
    if !left_out.is_empty() {
        let (missing, all) = (left_out.len(), paths.len());
        let counted = format!("{missing} of {all} files were left out of this");
        report.warnings.splice(0..0, [counted]);
        report.warnings.append(&mut left_out.clone());
    }
    Ok((report, left_out.len()))
}

fn read(path: &Path) -> Result<Report, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("it is longer than 256 MiB".to_owned());
    }
    // Log lines beside the report may hold anything; in the report itself it is text.
    Report::read(&String::from_utf8_lossy(&bytes))
}

fn add(joined: &mut Option<Joined>, name: &str, report: &Report) -> Result<(), String> {
    let Some(joined) = joined else {
        *joined = Some(Joined {
            settings: report.settings.clone(),
            measured: report.measured(),
            first: name.to_owned(),
            runs: vec![(name.to_owned(), report.runs.clone())],
        });
        return Ok(());
    };
    // Runs that began at the same millisecond do not agree in every nanosecond.
    let has_run = |(_, runs): &&(String, Vec<Part>)| {
        let mut again = report.runs.iter().filter(|run| runs.contains(run));
        again.next().is_some()
    };
    if let Some((before, _)) = joined.runs.iter().find(has_run) {
        return Err(format!(
            "a run of it is also in {before}, and would be counted twice"
        ));
    }
    if !joined.settings.is_same_work(&report.settings) {
        let first = &joined.first;
        note(
            "hullo bench",
            format!("note: {name} had other settings than {first}"),
        );
    }
    joined.measured.join(report.measured());
    joined.runs.push((name.to_owned(), report.runs.clone()));
    Ok(())
}
