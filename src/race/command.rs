//! The command itself: it probes, measures in turn, writes the reports and says how it went.

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

use super::measure::Bench;
use super::options::Options;
use super::record::{self, FORMAT, Record, Settings, Suite};
use super::report::View;
use super::server::{self, Server};
use super::suite::{Amount, MANY, expand};
use super::target::{Target, Way, random_path};
use super::{compare, machine, probe, process_tree, report, summary, verdict, warn};
use crate::server::{open_file_limit, raise_open_file_limit};
use crate::signals;
use crate::terminal::{note, print_styled};

/// A server could not be measured to the end.
const EXIT_OUT: u8 = 1;
/// The arguments are at fault.
const EXIT_USAGE: u8 = 2;

/// Does what the options say, and returns how it went.
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

/// Tells the user.
fn complain(sentence: &str) {
    note("hullo race", sentence);
}

/// What the race itself has open beside its idle connections.
const FILES_BESIDE: u64 = 200;

type Failure = (u8, String);

fn comparison(old: &Path, new: &Path) -> Result<u8, Failure> {
    let text =
        compare::text(&read(old)?, &read(new)?).map_err(|sentence| (EXIT_USAGE, sentence))?;
    print(&text).map(|()| 0)
}

/// Reads what `--json` has written, makes every form of its report, and compares it with itself. For
/// tests of the reader.
///
/// # Errors
///
/// Why it is not the record of a race, in words.
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
    // Without a measurement there is nothing to compare.
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
    stop_on_signal(&race.bench.stop)
        .map_err(|error| (EXIT_OUT, format!("cannot wait for signals: {error}")))?;
    process_tree::become_subreaper();
    race.run();
    let published = publish(options, &race.record);
    all_ended()?;
    published?;
    outcome(&race.record)
}

/// Is nothing left of the servers?
fn all_ended() -> Result<(), Failure> {
    let left = server::left();
    if left.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = left.iter().map(ToString::to_string).collect();
    let sentence = format!(
        "processes of a server could not be ended, and disturb what was measured after it: {}",
        ids.join(", ")
    );
    Err((EXIT_OUT, sentence))
}

/// A signal ends the race, and what there is is reported. A second one changes nothing: who dies now
/// leaves servers behind.
fn stop_on_signal(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let mut stopping = vec![SIGINT, SIGTERM];
    stopping.extend(signals::hangup());
    signals::stop_on(&stopping, Arc::clone(stop), |_| ())
}

/// Writes the files and prints the tables. What cannot be written does not keep the rest from a
/// reader.
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

/// Before an hour of work: could its reports be written?
fn can_write(options: &Options) -> Result<(), Failure> {
    let paths = [
        &options.json,
        &options.html,
        &options.markdown,
        &options.svg,
    ];
    for path in paths.into_iter().flatten() {
        // It keeps what is there.
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
    targets: &'a [Target],
    bench: Bench,
    record: Record,
    /// Places of targets, and tests that they could not be measured in.
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
                "two servers are called {name}: give each a name of its own"
            ));
        }
        let (servers, load) = match (&options.cpus, &options.load_cpus) {
            (Some(servers), Some(load)) => (servers.0.clone(), load.0.clone()),
            (Some(servers), None) => (servers.0.clone(), others(&servers.0)),
            (None, Some(load)) => (others(&load.0), load.0.clone()),
            (None, None) => machine::halves(&machine::allowed()),
        };
        let bench = Bench {
            generator: options.generator,
            workers: options.workers.map_or(servers.len(), Into::into),
            server_cores: servers,
            load_cores: load,
            warm_up_ns: options.warmup,
            capacities: HashMap::new(),
            stop: Arc::default(),
            warnings: Vec::new(),
        };
        let record = record(options, &bench)?;
        Ok(Self {
            targets: &options.targets,
            bench,
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
        self.bench.stop.load(Ordering::Relaxed)
    }

    /// What follows from the measurements.
    fn conclude(&mut self) {
        let sides = [&self.bench.server_cores, &self.bench.load_cores];
        let [servers, load] = sides.map(|cores| cores.iter().collect::<BTreeSet<_>>());
        let shared = servers == load;
        let record = &mut self.record;
        record.warnings.append(&mut self.bench.warnings);
        if self.bench.stop.load(Ordering::Relaxed) {
            let sentence = "it was ended by a signal: what follows is what there was".to_owned();
            record.warnings.push(sentence);
        }
        record.summaries = summary::of(&record.tests, &record.targets, &record.results, shared);
        record.warnings.extend(warn::of(record));
    }

    /// Asks each target what it does. Who does not start is out.
    fn probe(&mut self) {
        let bench = &self.bench;
        for (target, entry) in self.targets.iter().zip(&mut self.record.targets) {
            if bench.stop.load(Ordering::Relaxed) {
                return;
            }
            match Server::start(target, bench.workers, &bench.server_cores, &bench.stop) {
                Ok(server) => {
                    entry.behaviour = probe::probe(server.address, &server.authority, &target.path);
                }
                // What a signal cut short is nobody's fault.
                Err(_) if bench.stop.load(Ordering::Relaxed) => {}
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
        // Who cannot take one test may well take the next.
        if entry.behaviour.is_empty() || self.failed.contains(&(index, test.id.clone())) {
            return;
        }
        let measured = self.bench.measure(test, target, round);
        match measured {
            // What a signal cut short is no measurement.
            _ if self.bench.stop.load(Ordering::Relaxed) => {}
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

/// Do servers and load have a core in common?
fn shares(bench: &Bench) -> bool {
    let mut cores = bench.server_cores.iter();
    cores.any(|core| bench.load_cores.contains(core))
}

/// The cores that are not among these; when those are all, the same.
fn others(cores: &[usize]) -> Vec<usize> {
    let mut rest = machine::allowed();
    rest.retain(|core| !cores.contains(core));
    if rest.is_empty() {
        cores.to_vec()
    } else {
        rest
    }
}

/// How far it is, on a terminal; nothing anywhere else.
fn line(turns: usize) -> ProgressBar {
    let bar = ProgressBar::new(turns as u64);
    if let Ok(style) = ProgressStyle::with_template("[{elapsed}, {eta} left] {bar:20} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The tests of these suites that can be run here, and of the others a warning for each.
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
            "{} requests are too few for {} connections: raise -n, or lower -c",
            amount.requests, amount.connections
        ));
    }
    let mut tests: Vec<record::Test> = suites
        .iter()
        .flat_map(|suite| suite.tests(amount))
        .collect();
    // Servers inherit it, and not all of them can live with a high one.
    if tests.iter().any(|test| test.idle_connections > 0) {
        raise_open_file_limit();
    }
    let files = open_file_limit() as u64;
    let reason = |test: &record::Test| {
        if test.idle_connections + FILES_BESIDE > files {
            return Some(format!(
                "{files} open files are too few: ulimit -n {}",
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
        return Err(format!(
            "nothing is left to be run: {}",
            warnings.join(", ")
        ));
    }
    Ok(tests)
}

/// A record of a race that has not begun.
fn record(options: &Options, bench: &Bench) -> Result<Record, String> {
    let suites = expand(&options.suite);
    let mut warnings = Vec::new();
    let tests = tests(options, &suites, &mut warnings)?;
    if shares(bench) {
        warnings.push("servers and load share cores: they measure each other".to_owned());
    }
    let quota = available_parallelism().map_or(usize::MAX, Into::into);
    let cores = machine::allowed().len();
    if quota < cores {
        warnings.push(format!(
            "{cores} cores may be used, but only the time of {quota}: servers and load share it"
        ));
    }
    let is_running = |target: &&Target| matches!(target.way, Way::Running { .. });
    for target in options.targets.iter().filter(is_running) {
        warnings.push(format!(
            "{} runs already: on which cores is not known, nor what it costs",
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
            server_cpus: bench.server_cores.clone(),
            load_cpus: bench.load_cores.clone(),
            workers: bench.workers,
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

fn entry(target: &Target) -> record::Target {
    let (command, url) = match &target.way {
        Way::Command(command) => (Some(command.clone()), None),
        Way::Running { url, .. } => (
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
