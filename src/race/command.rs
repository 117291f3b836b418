//! The command itself: it probes the servers, measures them in turn and writes the reports.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::measure::Setup;
use super::options::Options;
use super::record::{self, FORMAT, Record, Settings, Suite};
use super::report::View;
use super::server::{self, Server};
use super::server_spec::{ServerSpec, Source, random_path};
use super::suite::{Amount, MANY, expand};
use super::{compare, machine, probe, process_tree, report, summary, verdict, warn};
use crate::server::{open_file_limit, raise_open_file_limit};
use crate::signals;
use crate::terminal::{note, print_styled};

/// A server could not be measured to the end.
const EXIT_OUT: u8 = 1;
/// The arguments are at fault.
const EXIT_USAGE: u8 = 2;

/// Runs the command, and returns its exit code.
#[must_use]
pub(crate) fn race(options: &Options) -> ExitCode {
    let done = if let Some([old, new]) = options.compare.as_deref() {
        comparison(old, new)
    } else if let Some(path) = &options.from {
        read(path).and_then(|record| {
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

fn complain(sentence: &str) {
    note("hullo race", sentence);
}

/// Open files of the race itself, besides its idle connections.
const FILES_BESIDE: u64 = 200;

type Failure = (u8, String);

fn comparison(old: &Path, new: &Path) -> Result<u8, Failure> {
    let text =
        compare::text(&read(old)?, &read(new)?).map_err(|sentence| (EXIT_USAGE, sentence))?;
    print(&text).map(|()| 0)
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
    ];
    let mut all: String = forms.iter().map(|form| form(&view)).collect();
    all += &record.json();
    // A record without measurements cannot be compared.
    all += &compare::text(&record, &record).unwrap_or_default();
    all += &verdict::of(&record).err().unwrap_or_default();
    Ok(all)
}

fn read(path: &Path) -> Result<Record, Failure> {
    let wrong = |error: String| (EXIT_USAGE, format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Record::read(&text).map_err(wrong)
}

fn run(options: &Options) -> Result<u8, Failure> {
    let mut race = Race::prepare(options).map_err(|sentence| (EXIT_USAGE, sentence))?;
    can_write(options)?;
    stop_on_signal(&race.setup.stop)
        .map_err(|error| (EXIT_OUT, format!("cannot handle signals: {error}")))?;
    process_tree::become_subreaper();
    race.run();
    let published = publish(options, &race.record);
    all_ended()?;
    published?;
    outcome(&race.record)
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
    let files: [(&Option<PathBuf>, &dyn Fn() -> String); 4] = [
        (&options.json, &|| record.json()),
        (&options.html, &|| report::page(&view)),
        (&options.markdown, &|| report::markdown(&view)),
        (&options.svg, &|| report::picture(&view)),
    ];
    let mut done = Ok(());
    for (path, form) in files {
        if let Some(path) = path {
            done = done.and(fs::write(path, form()).map_err(|error| cannot_write(path, &error)));
        }
    }
    done.and(print(&report::text(&view)))
}

fn outcome(record: &Record) -> Result<u8, Failure> {
    verdict::of(record)
        .map(|()| 0)
        .map_err(|sentence| (EXIT_OUT, sentence))
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

/// A race under way.
#[derive(Debug)]
struct Race<'a> {
    targets: &'a [ServerSpec],
    setup: Setup,
    record: Record,
    /// Index of a target, and a test in which it could not be measured.
    failed: HashSet<(usize, String)>,
}

impl<'a> Race<'a> {
    fn prepare(options: &'a Options) -> Result<Self, String> {
        let names: Vec<&str> = options
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        if let Some(name) = names
            .iter()
            .find(|name| names.iter().filter(|other| other == name).count() > 1)
        {
            return Err(format!(
                "two servers are named {name}: give each its own name"
            ));
        }
        let (servers, load) = match (&options.cpus, &options.load_cpus) {
            (Some(servers), Some(load)) => (servers.0.clone(), load.0.clone()),
            (Some(servers), None) => (servers.0.clone(), others(&servers.0)),
            (None, Some(load)) => (others(&load.0), load.0.clone()),
            (None, None) => machine::halves(&machine::allowed()),
        };
        let setup = Setup {
            generator: options.generator,
            workers: options.workers.map_or(servers.len(), Into::into),
            server_cores: servers,
            load_cores: load,
            warm_up_ns: options.warmup,
            capacities: HashMap::new(),
            stop: Arc::default(),
            warnings: Vec::new(),
        };
        let record = record(options, &setup)?;
        Ok(Self {
            targets: &options.targets,
            setup,
            record,
            failed: HashSet::new(),
        })
    }

    fn run(&mut self) {
        let start = Instant::now();
        self.probe();
        let tests = self.record.tests.clone();
        let rounds = self.record.settings.rounds;
        let line = line(tests.len() * rounds * self.targets.len());
        for test in &tests {
            for round in 1..=rounds {
                for (index, target) in self.targets.iter().enumerate() {
                    line.set_message(format!(
                        "{}: {}, round {round} of {rounds}",
                        test.title, target.name
                    ));
                    if !self.is_over() {
                        self.turn(index, test, round);
                        line.inc(1);
                    }
                }
            }
        }
        line.finish_and_clear();
        self.conclude();
        self.record.elapsed_ms = start.elapsed().as_millis() as u64;
    }

    fn is_over(&self) -> bool {
        self.setup.stop.load(Ordering::Relaxed)
    }

    /// Summarises the measurements and adds the warnings.
    fn conclude(&mut self) {
        let sides = [&self.setup.server_cores, &self.setup.load_cores];
        let [servers, load] = sides.map(|cores| cores.iter().collect::<BTreeSet<_>>());
        let shared = servers == load;
        let record = &mut self.record;
        record.warnings.append(&mut self.setup.warnings);
        if self.setup.stop.load(Ordering::Relaxed) {
            let sentence =
                "the race was ended by a signal: the report covers what was measured until then"
                    .to_owned();
            record.warnings.push(sentence);
        }
        record.summaries = summary::of(&record.tests, &record.targets, &record.results, shared);
        record.warnings.extend(warn::of(record));
    }

    /// Probes each target. One that does not start is not measured.
    fn probe(&mut self) {
        let setup = &self.setup;
        for (target, entry) in self.targets.iter().zip(&mut self.record.targets) {
            if setup.stop.load(Ordering::Relaxed) {
                return;
            }
            match Server::start(target, setup.workers, &setup.server_cores, &setup.stop) {
                Ok(server) => {
                    entry.behaviour = probe::probe(server.address, &server.authority, &target.path);
                }
                // The signal was the cause, not the server.
                Err(_) if setup.stop.load(Ordering::Relaxed) => {}
                Err(sentence) => out(entry, &sentence),
            }
        }
    }

    fn turn(&mut self, index: usize, test: &record::Test, round: usize) {
        let (Some(target), Some(entry)) =
            (self.targets.get(index), self.record.targets.get_mut(index))
        else {
            return;
        };
        // A server that fails one test may pass the next.
        if entry.behaviour.is_empty() || self.failed.contains(&(index, test.id.clone())) {
            return;
        }
        let measured = self.setup.measure(test, target, round);
        match measured {
            // A measurement that was cut short does not count.
            _ if self.setup.stop.load(Ordering::Relaxed) => {}
            Ok(result) => self.record.results.push(result),
            Err(sentence) => {
                self.failed.insert((index, test.id.clone()));
                out(entry, &format!("{}, round {round}: {sentence}", test.title));
            }
        }
    }
}

fn out(entry: &mut record::Target, sentence: &str) {
    complain(&format!("{} could not be measured: {sentence}", entry.name));
    entry.out = Some(match entry.out.take() {
        Some(before) => format!("{before}; {sentence}"),
        None => sentence.to_owned(),
    });
}

/// Whether servers and load have a core in common.
fn shares(setup: &Setup) -> bool {
    let mut cores = setup.server_cores.iter();
    cores.any(|core| setup.load_cores.contains(core))
}

/// All other cores, or the same if there are no others.
fn others(cores: &[usize]) -> Vec<usize> {
    let mut rest = machine::allowed();
    rest.retain(|core| !cores.contains(core));
    if rest.is_empty() {
        cores.to_vec()
    } else {
        rest
    }
}

/// A progress bar, on a terminal only.
fn line(turns: usize) -> ProgressBar {
    let bar = ProgressBar::new(turns as u64);
    if let Ok(style) = ProgressStyle::with_template("[{elapsed}, {eta} left] {bar:20} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The tests of these suites that can run here; each of the others adds a warning.
fn tests(
    options: &Options,
    suites: &[Suite],
    warnings: &mut Vec<String>,
) -> Result<Vec<record::Test>, String> {
    let amount = Amount {
        requests: options.requests,
        duration_ns: options.duration,
        connections: options.connections.into(),
    };
    if suites.contains(&Suite::Article) && amount.requests < amount.connections {
        return Err(format!(
            "{} requests are too few for {} connections: raise -n or lower -c",
            amount.requests, amount.connections
        ));
    }
    let mut tests: Vec<record::Test> = suites
        .iter()
        .flat_map(|suite| suite.tests(amount))
        .collect();
    // Only when needed: servers inherit the limit, and some misbehave with a high one.
    if tests.iter().any(|test| test.idle_connections > 0) {
        raise_open_file_limit();
    }
    let files = open_file_limit() as u64;
    let reason = |test: &record::Test| {
        if test.idle_connections + FILES_BESIDE > files {
            return Some(format!(
                "the limit of {files} open files is too low: run ulimit -n {}",
                MANY + FILES_BESIDE
            ));
        }
        options.generator.cannot(test).map(str::to_owned)
    };
    tests.retain(|test| match reason(test) {
        Some(reason) => {
            warnings.push(format!("left out: {} ({reason})", test.title));
            false
        }
        None => true,
    });
    if tests.is_empty() {
        return Err(format!("no test can be run: {}", warnings.join(", ")));
    }
    Ok(tests)
}

/// The record of a race that has not begun.
fn record(options: &Options, setup: &Setup) -> Result<Record, String> {
    let suites = expand(&options.suite);
    let mut warnings = Vec::new();
    let tests = tests(options, &suites, &mut warnings)?;
    if shares(setup) {
        warnings.push("servers and load share cores, so each disturbs the other".to_owned());
    }
    let quota = available_parallelism().map_or(usize::MAX, Into::into);
    let cores = machine::allowed().len();
    if quota < cores {
        warnings.push(format!(
            "a CPU quota allows the time of {quota} of the {cores} cores, which servers and load share"
        ));
    }
    let is_running = |target: &&ServerSpec| matches!(target.source, Source::Running { .. });
    for target in options.targets.iter().filter(is_running) {
        warnings.push(format!(
            "{} was already running: its cores and its CPU time are not known",
            target.name
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Record {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_unix_ms: now.as_millis() as u64,
        elapsed_ms: 0,
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        machine: machine::describe(),
        settings: Settings {
            suites,
            rounds: options.rounds as usize,
            server_cpus: setup.server_cores.clone(),
            load_cpus: setup.load_cores.clone(),
            workers: setup.workers,
            path: random_path().to_owned(),
            generator: options.generator,
            generator_version: options.generator.version()?,
            warm_up_ns: options.warmup,
        },
        targets: options.targets.iter().map(entry).collect(),
        tests,
        results: Vec::new(),
        summaries: Vec::new(),
        warnings,
    })
}

fn entry(target: &ServerSpec) -> record::Target {
    let (command, url) = match &target.source {
        Source::Command(command) => (Some(command.clone()), None),
        Source::Running { url, .. } => (
            None,
            Some(format!("http://{}{}", url.authority, target.path)),
        ),
    };
    record::Target {
        name: target.name.clone(),
        command,
        url,
        behaviour: Vec::new(),
        out: None,
    }
}
