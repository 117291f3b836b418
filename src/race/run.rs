//! A race under way: it probes the servers, then measures them in turn.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::gate::{self, Rule};
use super::measure::Setup;
use super::order::{Turn, order};
use super::plan::Plan;
use super::probe;
use super::progress::{self, Progress};
use super::record::{self, Record, Summary};
use super::server_spec::ServerSpec;
use super::{quiet, summary, warn};
use crate::terminal::note;

#[derive(Debug)]
pub(super) struct Race {
    servers: Vec<ServerSpec>,
    pub(super) setup: Setup,
    pub(super) record: Record,
    /// Index of a server, and a test in which it could not be measured.
    failed: HashSet<(usize, String)>,
    rule: Rule,
    probes_slowly: bool,
    /// Why it did not go on, if a signal was not the reason.
    pub(super) given_up: Option<String>,
}

impl From<Plan> for Race {
    fn from(plan: Plan) -> Self {
        Self {
            servers: plan.servers,
            setup: plan.setup,
            record: plan.record,
            failed: HashSet::new(),
            rule: plan.rule,
            probes_slowly: plan.probes_slowly,
            given_up: None,
        }
    }
}

impl Race {
    /// Measures all that is not measured yet. `keep` gets the record after each round.
    pub(super) fn run(&mut self, is_quiet: bool, mut keep: impl FnMut(&Record)) {
        let start = Instant::now();
        let before = self.record.elapsed_ms;
        let mut progress = Progress::start(&self.record, &self.setup, is_quiet);
        self.probe();
        if self.probes_slowly {
            progress.at("slow probes, up to 65 s");
            self.probe_slowly();
        }
        progress.probed(self.servers.len());
        let tests = self.record.tests.clone();
        let rounds = self.record.settings.rounds;
        for test in &tests {
            for round in 1..=rounds {
                let measured = self.record.results.len();
                self.round(test, round, &mut progress);
                self.record.elapsed_ms = before + start.elapsed().as_millis() as u64;
                if self.record.results.len() > measured {
                    keep(&self.concluded());
                }
            }
        }
        self.go_on(start, before, &mut progress, &mut keep);
        progress.end();
        self.record = self.concluded();
    }

    /// Adds rounds to the tests that are not decided.
    fn go_on(
        &mut self,
        start: Instant,
        before: u64,
        progress: &mut Progress,
        keep: &mut impl FnMut(&Record),
    ) {
        while !self.is_late(start) {
            let open = self.rule.open_tests(&self.concluded());
            if open.is_empty() {
                return;
            }
            progress.add_rounds(&open, self.added(&open));
            for test in &open {
                let measured = self.record.rounds_of(&test.id);
                // The last of them may have been interrupted before the race was resumed.
                for round in measured..=gate::next_look(measured) {
                    if self.is_late(start) {
                        break;
                    }
                    self.round(test, round, progress);
                    self.record.elapsed_ms = before + start.elapsed().as_millis() as u64;
                }
            }
            keep(&self.concluded());
        }
    }

    /// About how long the rounds take that are added to these tests.
    fn added(&self, tests: &[record::Test]) -> Duration {
        let processes = self.record.settings.processes_per_round.unwrap_or(1);
        let of = |test: &record::Test| {
            let measured = self.record.rounds_of(&test.id);
            let rounds = gate::next_look(measured) - measured;
            let turns = self.servers.len() * processes * rounds;
            let turns = u32::try_from(turns).unwrap_or(u32::MAX);
            progress::turn(test, &self.setup).saturating_mul(turns)
        };
        tests.iter().map(of).sum()
    }

    /// Whether no rounds are to be added any more.
    fn is_late(&self, start: Instant) -> bool {
        self.is_over() || start.elapsed() >= self.rule.time_max
    }

    /// Measures all servers in a random order, once for each of their processes.
    fn round(&mut self, test: &record::Test, round: usize, progress: &mut Progress) {
        if self.is_measured(test, round) || !self.wait_until_quiet() {
            return;
        }
        let processes = self.record.settings.processes_per_round.unwrap_or(1);
        for process in 1..=processes {
            let turn = Turn { round, process };
            let count = self.servers.len();
            let seed = self.record.settings.seed.unwrap_or(0);
            for index in order(seed, &test.id, turn, count) {
                if self.is_over() {
                    return;
                }
                self.step(index, test, turn, progress);
            }
        }
    }

    /// Whether nothing of a round is left to measure, as in those from before a race was resumed.
    fn is_measured(&self, test: &record::Test, round: usize) -> bool {
        let processes = self.record.settings.processes_per_round.unwrap_or(1);
        let mut turns = (1..=processes).map(|process| Turn { round, process });
        turns.all(|turn| {
            let mut servers = self.servers.iter().enumerate();
            servers.all(|(index, server)| {
                self.is_out(index, test) || self.record.has(&test.id, &server.name, turn)
            })
        })
    }

    /// Whether a server is not measured any more in a test. In the next one it may be.
    fn is_out(&self, index: usize, test: &record::Test) -> bool {
        let entry = self.record.targets.get(index);
        let did_start = entry.is_some_and(|entry| !entry.behaviour.is_empty());
        !did_start || self.failed.contains(&(index, test.id.clone()))
    }

    /// Whether the race can go on.
    fn wait_until_quiet(&mut self) -> bool {
        let most = self.record.settings.quiet_wait_ns;
        if let Some(most) = most.filter(|_| !self.is_over()) {
            let waited = quiet::wait(Duration::from_nanos(most), &self.setup.stop);
            self.given_up = waited.err();
        }
        !self.is_over()
    }

    /// Measures a server, unless it was measured before.
    fn step(&mut self, index: usize, test: &record::Test, turn: Turn, progress: &mut Progress) {
        let name = self.servers.get(index).map_or("", |server| &server.name);
        if self.record.has(&test.id, name, turn) {
            return;
        }
        let rounds = self.record.settings.rounds.max(turn.round);
        progress.at(&format!(
            "{}: {name}, round {} of {rounds}",
            test.title, turn.round
        ));
        self.turn(index, test, turn);
        progress.advance(progress::turn(test, &self.setup));
        if progress.is_live() {
            progress.show(&self.summaries(std::slice::from_ref(test)));
        }
    }

    fn is_over(&self) -> bool {
        self.given_up.is_some() || self.setup.stop.load(Ordering::Relaxed)
    }

    fn summaries(&self, tests: &[record::Test]) -> Vec<Summary> {
        let sides = [&self.setup.server_cores, &self.setup.load_cores];
        let [servers, load] = sides.map(|cores| cores.iter().collect::<BTreeSet<_>>());
        let record = &self.record;
        let seed = record.settings.seed.unwrap_or(0);
        summary::of(
            tests,
            &record.targets,
            &record.results,
            servers == load && !self.setup.is_apart(),
            seed,
        )
    }

    /// The record with its summaries and warnings, as if the race ended here.
    fn concluded(&self) -> Record {
        let mut record = self.record.clone();
        let warnings = self.setup.warnings.iter();
        let new = warnings.filter(|warning| !self.record.warnings.contains(warning));
        record.warnings.extend(new.cloned());
        record.warnings.extend(warn::interruption(
            &record,
            self.is_over(),
            self.given_up.as_deref(),
        ));
        record.summaries = self.summaries(&record.tests);
        let found = warn::of(&record);
        record.warnings.extend(found);
        record.gate = self.rule.judge(&record);
        record
    }

    /// Probes each target. One that does not start is not measured.
    fn probe(&mut self) {
        let setup = &self.setup;
        for (target, entry) in self.servers.iter().zip(&mut self.record.targets) {
            if setup.stop.load(Ordering::Relaxed) {
                return;
            }
            // Known from before the race was interrupted.
            if !entry.behaviour.is_empty() {
                continue;
            }
            match setup.start(target) {
                Ok(server) => {
                    let (endpoint, host) = (&server.endpoint, &server.host);
                    entry.tls.clone_from(&server.protocol);
                    let status = probe::status(endpoint, host, &target.path, &setup.workload);
                    let is_asked = !setup.workload.is_mixed();
                    let odd = |status: &u16| is_asked && !(200..300).contains(status);
                    if let Some(status) = status.filter(odd) {
                        let sentence = format!(
                            "{} answers {status} to {}: give it a path that it serves with --path",
                            target.name, target.path
                        );
                        complain(&sentence);
                        self.record.warnings.push(sentence);
                    }
                    entry.behaviour = probe::probe(endpoint, host, &target.path);
                }
                // The signal was the cause, not the server.
                Err(_) if setup.stop.load(Ordering::Relaxed) => {}
                Err(sentence) => out(entry, &sentence),
            }
        }
    }

    /// Probes what takes long, all servers at the same time. One that is not there is not asked.
    fn probe_slowly(&mut self) {
        let setup = &self.setup;
        thread::scope(|scope| {
            for (target, entry) in self.servers.iter().zip(&mut self.record.targets) {
                // Known from before the race was interrupted, or out.
                if entry.behaviour.is_empty() || probe::has_slow(&entry.behaviour) {
                    continue;
                }
                scope.spawn(|| {
                    if let Ok(server) = setup.start(target) {
                        let (endpoint, host) = (&server.endpoint, &server.host);
                        let finding =
                            probe::probe_slowly(endpoint, host, &target.path, &setup.stop);
                        entry.behaviour.extend(finding);
                    }
                });
            }
        });
    }

    fn turn(&mut self, index: usize, test: &record::Test, turn: Turn) {
        if self.is_out(index, test) {
            return;
        }
        let (Some(target), Some(entry)) =
            (self.servers.get(index), self.record.targets.get_mut(index))
        else {
            return;
        };
        let measured = self.setup.measure(test, target, turn);
        match measured {
            // A measurement that was cut short does not count.
            _ if self.setup.stop.load(Ordering::Relaxed) => {}
            Ok(mut result) => {
                // With one process each, there is nothing to tell apart.
                let processes = self.record.settings.processes_per_round;
                result.process = processes.map(|_| turn.process);
                self.record.results.push(result);
            }
            Err(sentence) => {
                self.failed.insert((index, test.id.clone()));
                let round = turn.round;
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
