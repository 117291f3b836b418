//! The command itself: it probes, measures in turn, writes the reports and says how it went.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};

use super::measure::Bench;
use super::options::Options;
use super::record::{self, FORMAT, Record, Settings};
use super::server::Server;
use super::suite::{Amount, MANY, Suite};
use super::target::{PATH, Target, Way};
use super::{compare, machine, probe, summary};
use crate::load::stop_on_signal;
use crate::server::{open_file_limit, raise_open_file_limit};

/// A server could not be measured to the end.
const EXIT_OUT: u8 = 1;
/// The arguments are at fault.
const EXIT_USAGE: u8 = 2;

/// Does what the options say, and returns how it went.
#[must_use]
pub fn race(options: &Options) -> ExitCode {
    let done = if let Some([old, new]) = options.compare.as_deref() {
        comparison(old, new)
    } else if let Some(path) = &options.from {
        read(path).and_then(|record| publish(options, &record))
    } else {
        run(options)
    };
    match done {
        Ok(code) => code.into(),
        Err((code, sentence)) => {
            eprintln!("hullo race: {sentence}");
            code.into()
        }
    }
}

type Failure = (u8, String);

fn comparison(old: &Path, new: &Path) -> Result<u8, Failure> {
    let text =
        compare::text(&read(old)?, &read(new)?).map_err(|sentence| (EXIT_USAGE, sentence))?;
    print(&text).map(|()| 0)
}

fn read(path: &Path) -> Result<Record, Failure> {
    let wrong = |error: String| (EXIT_USAGE, format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let record: Record =
        serde_json::from_str(&text).map_err(|error| wrong(format!("it is no race: {error}")))?;
    if record.format != FORMAT {
        return Err(wrong(format!(
            "its format is {}, not {FORMAT}",
            record.format
        )));
    }
    Ok(record)
}

fn run(options: &Options) -> Result<u8, Failure> {
    let mut race = Race::prepare(options).map_err(|sentence| (EXIT_USAGE, sentence))?;
    let stop = stop_on_signal()
        .map_err(|error| (EXIT_OUT, format!("cannot wait for signals: {error}")))?;
    race.run(&stop);
    publish(options, &race.record)
}

/// Writes the files, prints the tables, and says whether all went to the end.
fn publish(options: &Options, record: &Record) -> Result<u8, Failure> {
    let write = |path: &Option<std::path::PathBuf>, text: &dyn Fn() -> String| match path {
        Some(path) => fs::write(path, text()).map_err(|error| {
            (
                EXIT_OUT,
                format!("cannot write {}: {error}", path.display()),
            )
        }),
        None => Ok(()),
    };
    // The most precious first.
    write(&options.json, &|| record.json())?;
    write(&options.html, &|| super::report::page(record))?;
    write(&options.markdown, &|| super::report::markdown(record))?;
    write(&options.svg, &|| super::report::picture(record))?;
    print(&super::report::text(record))?;
    let out: Vec<&str> = record
        .targets
        .iter()
        .filter(|target| target.out.is_some())
        .map(|target| target.name.as_str())
        .collect();
    if record.results.is_empty() {
        Err((EXIT_OUT, "nothing was measured".to_owned()))
    } else if out.is_empty() {
        Ok(0)
    } else {
        let names = out.join(", ");
        Err((EXIT_OUT, format!("not measured to the end: {names}")))
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // Whoever reads only the first lines has seen what they wanted.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err((EXIT_OUT, format!("cannot write the report: {error}")))
        }
        _ => Ok(()),
    }
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
        };
        let record = record(options, &bench)?;
        Ok(Self {
            targets: &options.targets,
            bench,
            record,
            failed: HashSet::new(),
        })
    }

    fn run(&mut self, stop: &Arc<AtomicBool>) {
        let start = Instant::now();
        raise_open_file_limit();
        let files = open_file_limit() as u64;
        if self
            .record
            .tests
            .iter()
            .any(|test| test.idle_connections + 200 > files)
        {
            self.record.warnings.push(format!(
                "{files} open files are too few for {MANY} connections: raise the limit with ulimit -n"
            ));
        }
        self.probe(stop);
        let tests = self.record.tests.clone();
        let rounds = self.record.settings.rounds;
        let turns = tests.len() * rounds * self.targets.len();
        let line = line(turns);
        for test in &tests {
            for round in 1..=rounds {
                for (index, target) in self.targets.iter().enumerate() {
                    line.set_message(format!(
                        "{}: {}, round {round} of {rounds}",
                        test.title, target.name
                    ));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    self.turn(index, test, round, stop);
                    line.inc(1);
                }
            }
        }
        line.finish_and_clear();
        if stop.load(Ordering::Relaxed) {
            let sentence = "it was ended by a signal: what follows is what there was".to_owned();
            self.record.warnings.push(sentence);
        }
        let Record {
            tests,
            targets,
            results,
            ..
        } = &self.record;
        self.record.summaries = summary::of(tests, targets, results);
        self.record.elapsed_ms = start.elapsed().as_millis() as u64;
    }

    /// Asks each target what it does. Who does not start is out.
    fn probe(&mut self, stop: &Arc<AtomicBool>) {
        for (target, entry) in self.targets.iter().zip(&mut self.record.targets) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match Server::start(target, self.bench.workers, &self.bench.server_cores) {
                Ok(server) => {
                    entry.behaviour = probe::probe(server.address, &server.authority, &target.path);
                }
                Err(sentence) => out(entry, &sentence),
            }
        }
    }

    fn turn(&mut self, index: usize, test: &record::Test, round: usize, stop: &Arc<AtomicBool>) {
        let (Some(target), Some(entry)) =
            (self.targets.get(index), self.record.targets.get_mut(index))
        else {
            return;
        };
        // Who cannot take one test may well take the next.
        if entry.behaviour.is_empty() || self.failed.contains(&(index, test.id.clone())) {
            return;
        }
        match self.bench.measure(test, target, round) {
            // What a signal cut short is no measurement.
            _ if stop.load(Ordering::Relaxed) => {}
            Ok(result) => self.record.results.push(result),
            Err(sentence) => {
                self.failed.insert((index, test.id.clone()));
                out(entry, &format!("{}, round {round}: {sentence}", test.title));
            }
        }
    }
}

fn out(entry: &mut record::Target, sentence: &str) {
    eprintln!("hullo race: {} is out: {sentence}", entry.name);
    entry.out = Some(match entry.out.take() {
        Some(before) => format!("{before}; {sentence}"),
        None => sentence.to_owned(),
    });
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

/// A record of a race that has not begun.
fn record(options: &Options, bench: &Bench) -> Result<Record, String> {
    let suites = Suite::expand(&options.suite);
    let amount = Amount {
        requests: options.requests,
        duration_ns: options.duration,
        connections: options.connections.into(),
    };
    let mut warnings = Vec::new();
    let mut tests: Vec<record::Test> = suites
        .iter()
        .flat_map(|suite| suite.tests(amount))
        .collect();
    tests.retain(|test| match options.generator.cannot(test) {
        Some(reason) => {
            warnings.push(format!("left out: {} ({reason})", test.title));
            false
        }
        None => true,
    });
    if tests.is_empty() {
        return Err(format!("{}; take --generator hullo", warnings.join(", ")));
    }
    if bench
        .server_cores
        .iter()
        .any(|core| bench.load_cores.contains(core))
    {
        warnings.push("servers and load share cores: they measure each other".to_owned());
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
            suites: suites.iter().map(|suite| suite.name()).collect(),
            rounds: options.rounds as usize,
            server_cpus: bench.server_cores.clone(),
            load_cpus: bench.load_cores.clone(),
            workers: bench.workers,
            path: PATH.to_owned(),
            generator: options.generator.name(),
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
