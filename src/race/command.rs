//! The command itself: it runs a race, or reads one, and writes the reports.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::options::Options;
use super::plan::Plan;
use super::record::{Gate, Outcome, Record};
use super::report::View;
use super::run::{Race, complain};
use super::{compare, gate, process_tree, report, server, store, verdict};
use crate::signals;
use crate::terminal::print_styled;

/// A server could not be measured to the end.
const EXIT_OUT: u8 = 1;
/// The arguments are at fault.
const EXIT_USAGE: u8 = 2;

/// A condition was met, or a figure of the new race is worse.
const EXIT_WORSE: u8 = 3;
/// A condition is undecided.
const EXIT_UNDECIDED: u8 = 4;

/// Runs the command, and returns its exit code.
#[must_use]
pub(crate) fn race(options: &Options) -> ExitCode {
    let done = if let Some([old, new]) = options.compare.as_deref() {
        comparison(options, [old, new])
    } else if let Some(path) = &options.from {
        read(path).and_then(|mut record| {
            if options.has_rule() {
                let mut rule = options.rule();
                // Its rounds were added after looks at the figures, for which an interval has to allow.
                rule.until = record.gate.as_ref().and_then(|gate| gate.until);
                record.gate = rule.judge(&record);
            }
            publish(options, &record)?;
            outcome(&record)
        })
    } else {
        run(options)
    };
    match done {
        Ok(code) => code.into(),
        Err((code, sentence)) => {
            complain(&sentence);
            code.into()
        }
    }
}

type Failure = (u8, String);

fn comparison(options: &Options, paths: [&Path; 2]) -> Result<u8, Failure> {
    let [before, after] = paths;
    let (old, new) = (read(before)?, read(after)?);
    // A server that was not measured has no figures that tell.
    let success = |record, other, path: &Path| {
        verdict::of_common(record, other).map_err(|fault| format!("{}: {fault}", path.display()))
    };
    let succeeded = success(&old, &new, before).and_then(|()| success(&new, &old, after));
    let compared = compare::compare(&old, &new).map_err(|sentence| match &succeeded {
        Ok(()) => (EXIT_USAGE, sentence),
        Err(fault) => (EXIT_OUT, format!("{fault}; {sentence}")),
    })?;
    let gate = (!options.fail_if.is_empty()).then(|| gate::of_races(&old, &new, &options.fail_if));
    let brief = report::comparison(&new, gate.as_ref(), &compared.text);
    if let Some(path) = &options.summary {
        write(path, &brief)?;
    }
    print(&brief)?;
    succeeded.map_err(|fault| (EXIT_OUT, fault))?;
    if let Some(gate) = &gate {
        return decided(&new, gate);
    }
    if !compared.worse.is_empty() {
        let sentence = format!("worse: {}", compared.worse.join("; "));
        return Err((EXIT_WORSE, sentence));
    }
    Ok(0)
}

/// Reads what `--json` wrote, makes every report of it, and compares it with itself. For tests of the
/// reader.
///
/// # Errors
///
/// Why the text is not the record of a race.
#[doc(hidden)]
pub fn read_record(text: &str) -> Result<String, String> {
    let record = Record::read(text)?;
    let view = View::of(&record);
    let forms = [
        report::text,
        report::markdown,
        report::page,
        report::picture,
        report::brief,
    ];
    let mut all: String = forms.iter().map(|form| form(&view)).collect();
    all += &record.json();
    // A record without measurements cannot be compared.
    let compared = compare::compare(&record, &record);
    all += &compared.map_or(String::new(), |compared| compared.text);
    all += &verdict::of(&record).err().unwrap_or_default();
    Ok(all)
}

fn read(path: &Path) -> Result<Record, Failure> {
    let wrong = |error: String| (EXIT_USAGE, format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Record::read(&text).map_err(wrong)
}

fn run(options: &Options) -> Result<u8, Failure> {
    let before = before(options)?;
    let plan = Plan::of(options, before.as_ref()).map_err(|sentence| (EXIT_USAGE, sentence))?;
    let mut race = Race::from(plan);
    can_write(options)?;
    stop_on_signal(&race.setup.stop)
        .map_err(|error| (EXIT_OUT, format!("cannot handle signals: {error}")))?;
    process_tree::become_subreaper();
    let mut has_complained = false;
    race.run(options.quiet, |record| {
        let kept = options.json.as_ref().filter(|path| store::is_plain(path));
        let kept = kept.map_or(Ok(()), |path| write(path, &record.json()));
        // It is tried again after the next round.
        if let Err((_, sentence)) = kept
            && !std::mem::replace(&mut has_complained, true)
        {
            complain(&sentence);
        }
    });
    let published = publish(options, &race.record);
    all_ended()?;
    published?;
    if let Some(reason) = &race.given_up {
        return Err((EXIT_OUT, format!("given up: {reason}")));
    }
    outcome(&race.record)
}

/// With `--resume`: what an earlier race has measured, if there is its file.
fn before(options: &Options) -> Result<Option<Record>, Failure> {
    let path = options.json.as_ref().filter(|_| options.resume);
    let has_content = |path: &&PathBuf| fs::metadata(path).is_ok_and(|known| known.len() > 0);
    path.filter(has_content).map(|path| read(path)).transpose()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    store::replace(path, text).map_err(|error| cannot_write(path, &error))
}

/// Whether all processes of the servers have ended.
fn all_ended() -> Result<(), Failure> {
    let left = server::left();
    if left.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = left.iter().map(ToString::to_string).collect();
    let sentence = format!(
        "these processes of a server could not be stopped and may have disturbed later measurements: {}",
        ids.join(", ")
    );
    Err((EXIT_OUT, sentence))
}

/// The first signal ends the race, which then reports what it has. Later ones are ignored: to die at
/// once would leave servers behind.
fn stop_on_signal(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let mut stopping = vec![SIGINT, SIGTERM];
    stopping.extend(signals::hangup());
    signals::stop_on(&stopping, Arc::clone(stop), |_| ())
}

/// Writes the files and prints the tables. A file that cannot be written does not stop the others.
fn publish(options: &Options, record: &Record) -> Result<(), Failure> {
    let view = View::of(record);
    // The most precious first.
    let files: [(&Option<PathBuf>, &dyn Fn() -> String); 5] = [
        (&options.json, &|| record.json()),
        (&options.html, &|| report::page(&view)),
        (&options.markdown, &|| report::markdown(&view)),
        (&options.svg, &|| report::picture(&view)),
        (&options.summary, &|| report::brief(&view)),
    ];
    let mut done = Ok(());
    for (path, form) in files {
        if let Some(path) = path {
            done = done.and(write(path, &form()));
        }
    }
    done.and(print(&report::text(&view)))
}

fn outcome(record: &Record) -> Result<u8, Failure> {
    verdict::of(record).map_err(|sentence| (EXIT_OUT, sentence))?;
    let gate = record.gate.as_ref();
    gate.map_or(Ok(0), |gate| decided(record, gate))
}

fn decided(record: &Record, gate: &Gate) -> Result<u8, Failure> {
    let sentence = report::verdict(record, gate);
    match gate.outcome() {
        Outcome::Passes => Ok(0),
        Outcome::Fails => Err((EXIT_WORSE, sentence)),
        Outcome::Undecided => Err((EXIT_UNDECIDED, sentence)),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let sentence = format!("cannot write {}: {error}", path.display());
    (EXIT_OUT, sentence)
}

/// Checks, before an hour of work, that the reports can be written.
fn can_write(options: &Options) -> Result<(), Failure> {
    let paths = [
        &options.json,
        &options.html,
        &options.markdown,
        &options.svg,
        &options.summary,
    ];
    for path in paths.into_iter().flatten() {
        // Appending keeps the old content.
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| cannot_write(path, &error))?;
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Failure> {
    print_styled(text).map_err(|error| (EXIT_OUT, format!("cannot write the report: {error}")))
}
