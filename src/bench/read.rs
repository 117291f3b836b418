//! Reads report files. A bad one is refused with a sentence that names the field.

use serde_json::Deserializer;

use super::report::{FORMAT, Report};
use super::{check, summary, tables, text};
use crate::terminal::clean;

/// Longer errors are cut: they may quote the file.
const SENTENCE_CHARS_MAX: usize = 300;

impl Report {
    /// Reads and checks a report.
    ///
    /// Lines before and after it are skipped: `kubectl logs` mixes both standard streams.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the file is empty".to_owned());
        }
        let whole = parse(text).and_then(|(report, end)| match text[end..].trim() {
            "" => Ok(report),
            _ => Err("something follows the report".to_owned()),
        });
        let report = whole.or_else(|error| match places(text).as_slice() {
            [] => Err(error),
            [place] => parse(&text[*place..]).map(|(report, _)| report),
            more => Err(format!(
                "it holds {} reports: write each to a file of its own",
                more.len()
            )),
        });
        report
            .and_then(|report| check::check(&report).map(|()| report))
            .map_err(|sentence| clean(&cut(&sentence)))
    }
}

/// Parses the report at the beginning of a text. Also returns where it ends.
fn parse(text: &str) -> Result<(Report, usize), String> {
    let mut reports = Deserializer::from_str(text);
    let report = serde_path_to_error::deserialize(&mut reports).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match path.as_str() {
            "." => error.to_string(),
            path => format!("`{path}`: {error}"),
        }
    });
    // A file of another format lacks fields: the name of the format is the better error.
    let report: Report = report.map_err(|error| other_format(text).unwrap_or(error))?;
    if let Some(error) = other_format(text) {
        return Err(error);
    }
    let mut values = Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let _ = values.next();
    Ok((report, values.byte_offset()))
}

fn other_format(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        format: String,
    }
    let mut values = Deserializer::from_str(text).into_iter::<Named>();
    let format = values.next()?.ok()?.format;
    (format != FORMAT).then(|| format!("its `format` is {format}, not {FORMAT}"))
}

/// The offsets of objects that look like a report: a brace and `"format"`.
fn places(text: &str) -> Vec<usize> {
    let is_report = |(place, _): &(usize, &str)| {
        let inside = text[place + 1..].trim_start();
        let name = inside.strip_prefix("\"format\"").map(str::trim_start);
        name.is_some_and(|rest| rest.starts_with(':'))
    };
    text.match_indices('{')
        .filter(is_report)
        .map(|(place, _)| place)
        .collect()
}

fn cut(sentence: &str) -> String {
    match sentence.char_indices().nth(SENTENCE_CHARS_MAX) {
        Some((end, _)) => format!("{}\u{2026}", &sentence[..end]),
        None => sentence.to_owned(),
    }
}

/// Reads a report as `--merge` does, joins it with itself, and writes all in every format. For
/// fuzzing.
///
/// # Errors
///
/// When the text is not a valid report.
///
/// # Panics
///
/// When a written report is not read back unchanged.
pub fn read_report(text: &str) -> Result<String, String> {
    let report = Report::read(text)?;
    let again = Report::new(report.settings.clone(), report.measured());
    let read = Report::read(&again.json());
    assert_eq!(read.as_ref(), Ok(&again), "a written report is read back");
    let mut both = report.measured();
    both.join(report.measured());
    let mut twice = report.measured();
    twice.follow(report.measured());
    let mut out = String::new();
    for report in [
        &again,
        &Report::new(report.settings.clone(), both),
        &Report::new(report.settings.clone(), twice),
    ] {
        out += &text::of(report);
        out += &summary::of(report, 60);
        out += &tables::markdown_table(report);
        out += &tables::csv(report);
        out += &tables::hgrm(report);
        out += &report.json();
    }
    Ok(out)
}
