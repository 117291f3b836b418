//! Report files, read back: good, or refused with a sentence that names the field.

use serde_json::Deserializer;

use super::report::{FORMAT, Report};
use super::{check, tables, text};
use crate::terminal::clean;

/// Longer sentences about a file are cut: they quote it.
const SENTENCE_CHARS_MAX: usize = 300;

impl Report {
    /// Reads a report, or says why it is none that can be believed.
    ///
    /// Lines before and after it are passed over: `kubectl logs` mixes both standard streams.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        let whole = parse(text).and_then(|(report, end)| match text[end..].trim() {
            "" => Ok(report),
            _ => Err("something follows the report".to_owned()),
        });
        let report = whole.or_else(|error| match places(text).as_slice() {
            [] => Err(error),
            [place] => parse(&text[*place..]).map(|(report, _)| report),
            more => Err(format!(
                "it holds {} reports: give each a file of its own",
                more.len()
            )),
        });
        report
            .and_then(|report| check::check(&report).map(|()| report))
            .map_err(|sentence| clean(&cut(&sentence)))
    }
}

/// The report that a text begins with, and where it ends.
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
    // Another format has other fields: its name says more than the first field that is missing.
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

/// Where objects begin that look like a report: a brace and `"format"`.
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

/// Reads a report as `--merge` does, joins it with itself, and writes both in every form. For
/// fuzzing.
///
/// # Errors
///
/// The sentence that says why it is no report.
///
/// # Panics
///
/// When what was written is not read back as it was.
pub fn read_report(text: &str) -> Result<String, String> {
    let report = Report::read(text)?;
    let again = Report::new(report.settings.clone(), report.measured());
    let read = Report::read(&again.json());
    assert_eq!(read.as_ref(), Ok(&again), "what was written is read back");
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
        out += &tables::markdown(report);
        out += &tables::csv(report);
        out += &tables::hgrm(report);
        out += &report.json();
    }
    Ok(out)
}
