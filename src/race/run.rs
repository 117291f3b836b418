//! A race under way: it probes the servers, then measures them in turn.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::measure::Setup;
use super::plan::Plan;
use super::probe;
use super::progress::{self, Progress};
use super::record::{self, Record};
use super::server::Server;
use super::server_spec::ServerSpec;
use super::{summary, warn};
use crate::terminal::note;

#[derive(Debug)]
pub(super) struct Race {
    servers: Vec<ServerSpec>,
    pub(super) setup: Setup,
    pub(super) record: Record,
    /// Index of a server, and a test in which it could not be measured.
    failed: HashSet<(usize, String)>,
}

impl From<Plan> for Race {
    fn from(plan: Plan) -> Self {
        Self {
            servers: plan.servers,
            setup: plan.setup,
            record: plan.record,
            failed: HashSet::new(),
        }
    }
}

impl Race {
    pub(super) fn run(&mut self, is_quiet: bool) {
        let start = Instant::now();
        let mut progress = Progress::start(&self.record, &self.setup, is_quiet);
        self.probe();
        progress.probed(self.servers.len());
        let tests = self.record.tests.clone();
        let rounds = self.record.settings.rounds;
        for test in &tests {
            let estimate = progress::turn(test, &self.setup);
            for round in 1..=rounds {
                for index in 0..self.servers.len() {
                    if self.is_over() {
                        continue;
                    }
                    let name = self.servers.get(index).map_or("", |server| &server.name);
                    progress.at(&format!(
                        "{}: {name}, round {round} of {rounds}",
                        test.title
                    ));
                    self.turn(index, test, round);
                    progress.advance(estimate);
                }
            }
        }
        progress.end();
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
        for (target, entry) in self.servers.iter().zip(&mut self.record.targets) {
            if setup.stop.load(Ordering::Relaxed) {
                return;
            }
            match Server::start(target, setup.workers, &setup.server_cores, &setup.stop) {
                Ok(server) => {
                    let (address, host) = (server.address, &server.authority);
                    let status = probe::status(address, host, &target.path);
                    if let Some(status) = status.filter(|status| !(200..300).contains(status)) {
                        let sentence = format!(
                            "{} answers {status} to {}: give it a path that it serves with --path",
                            target.name, target.path
                        );
                        complain(&sentence);
                        self.record.warnings.push(sentence);
                    }
                    entry.behaviour = probe::probe(address, host, &target.path);
                }
                // The signal was the cause, not the server.
                Err(_) if setup.stop.load(Ordering::Relaxed) => {}
                Err(sentence) => out(entry, &sentence),
            }
        }
    }

    fn turn(&mut self, index: usize, test: &record::Test, round: usize) {
        let (Some(target), Some(entry)) =
            (self.servers.get(index), self.record.targets.get_mut(index))
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

pub(super) fn complain(sentence: &str) {
    note("hullo race", sentence);
}

fn out(entry: &mut record::Target, sentence: &str) {
    complain(&format!("{} could not be measured: {sentence}", entry.name));
    entry.out = Some(match entry.out.take() {
        Some(before) => format!("{before}; {sentence}"),
        None => sentence.to_owned(),
    });
}
