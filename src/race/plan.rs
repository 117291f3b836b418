//! What a race will do: which servers on which cores, and which tests.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::environment::{Environment, Files};
use super::gate::Rule;
use super::host::{self, Host};
use super::machine::Cores;
use super::measure::Setup;
use super::options::Options;
use super::record::{self, FORMAT, Generator, Record, Settings, Suite};
use super::server_spec::{ServerSpec, Source};
use super::stats::ROUNDS_MIN;
use super::suite::{Amount, MANY, all_tests, expand};
use super::warm_up::Warming;
use super::workload::Workload;
use super::{counters, machine, probe, resume};
use crate::bench::TlsSettings;
use crate::server::{open_file_limit, raise_open_file_limit};

/// Open files of the race itself, besides its idle connections.
const FILES_BESIDE: u64 = 200;

/// A race that has not begun.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) servers: Vec<ServerSpec>,
    pub(super) setup: Setup,
    /// Without results.
    pub(super) record: Record,
    pub(super) rule: Rule,
    pub(super) probes_slowly: bool,
}

impl Plan {
    /// Checks the arguments against each other and against this machine. `before`: the race that goes on.
    pub(super) fn of(options: &Options, before: Option<&Record>) -> Result<Self, String> {
        let targets = options.targets.iter();
        let names: Vec<&str> = targets.map(|target| target.name.as_str()).collect();
        if let Some(name) = names
            .iter()
            .find(|name| names.iter().filter(|other| other == name).count() > 1)
        {
            return Err(format!(
                "two servers are named {name}: give each its own name"
            ));
        }
        let workload = workload(options)?;
        let rounds = options.rounds as usize;
        if options.has_rule() && (names.len() < 2 || rounds < ROUNDS_MIN) {
            return Err(format!(
                "--fail-if and --until compare servers, and take two of them and {ROUNDS_MIN} rounds: there are {} and {rounds}",
                names.len()
            ));
        }
        let path = path(options, before)?;
        let host = host(options)?;
        let (targets, tls) = secured(options, &path, host.as_deref())?;
        let (servers, load) = cores(options, host.as_deref())?;
        let apart = host.as_ref().filter(|host| !host.is_here);
        let setup = Setup {
            host: host.clone(),
            generator: options.generator,
            workers: options.workers.map_or(servers.len(), Into::into),
            server_cores: servers,
            load_cores: load,
            workload,
            tls_flags: tls.map_or_else(Vec::new, |_| options.https.arguments(options.generator)),
            files: Files::of_system(),
            no_counters: match apart {
                Some(_) => Some("the servers run on another machine".to_owned()),
                None => counters::unavailable(),
            },
            machine_cores: apart.map_or_else(machine::all, |host| host.about.machine.cores),
            warm_up: options.warmup,
            capacities: HashMap::new(),
            random_path: options.path.is_none().then(|| path.clone()),
            stop: Arc::default(),
            warnings: Vec::new(),
        };
        let seed = seed(options, before);
        let record = record(options, &setup, (&targets, tls), &path, seed)?;
        let mut plan = Self {
            servers: targets,
            setup,
            record,
            rule: options.rule(),
            probes_slowly: options.slow_probes,
        };
        if let Some(before) = before {
            resume::resume(&mut plan.record, before)?;
            plan.setup.capacities = resume::capacities(before);
        }
        Ok(plan)
    }
}

/// The path that is requested, unless a URL has another: the same for all servers of a race, and new in
/// each race, so that no server can prepare for it.
fn path(options: &Options, before: Option<&Record>) -> Result<String, String> {
    let Some(before) = before else {
        let path = options.path.clone();
        return Ok(path.unwrap_or_else(probe::random_path));
    };
    let old = &before.settings.path;
    let is_flag = |word: &String| word.split('=').next() == Some("--path");
    let had_one = before.command.iter().any(is_flag);
    match &options.path {
        Some(path) if had_one && path == old => Ok(old.clone()),
        None if !had_one => Ok(old.clone()),
        _ => Err(format!(
            "--resume: that race had another --path: it asked for {old}"
        )),
    }
}

/// As given, or as in the race that goes on, or a new one.
fn seed(options: &Options, before: Option<&Record>) -> u64 {
    let of_clock = || u64::from(now().subsec_micros());
    let old = before.and_then(|before| before.settings.seed);
    options.seed.map(u64::from).or(old).unwrap_or_else(of_clock)
}

/// Since 1970.
fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

/// Where the servers run, if not here.
fn host(options: &Options) -> Result<Option<Arc<Host>>, String> {
    let is_running = |target: &&ServerSpec| matches!(target.source, Source::Running { .. });
    let running = options.targets.iter().find(is_running);
    match (&options.server_host, options.netns, running) {
        (None, false, _) => Ok(None),
        (_, _, Some(target)) => Err(format!(
            "{} is a URL: with --server-host and --netns, each server is a command",
            target.name
        )),
        (Some(name), ..) => host::over_ssh(name, &options.ssh).map(Some),
        (None, true, _) => host::through_netns().map(Some),
    }
}

/// The servers as they are asked, and what was asked of TLS.
fn secured(
    options: &Options,
    path: &str,
    host: Option<&Host>,
) -> Result<(Vec<ServerSpec>, Option<TlsSettings>), String> {
    let mut targets: Vec<ServerSpec> = options.targets.iter().map(|of| of.at(path)).collect();
    let name = options.request.host.as_ref();
    for target in &mut targets {
        target.host = name.cloned();
    }
    let address = host.map_or(Ipv4Addr::LOCALHOST.into(), |host| host.address);
    let name = name.map(String::as_str);
    let https = &options.https;
    let tls = https.secure(&mut targets, address, name, options.generator)?;
    Ok((targets, tls))
}

/// Those of the servers and of the load.
fn cores(options: &Options, host: Option<&Host>) -> Result<(Vec<usize>, Vec<usize>), String> {
    let here = machine::allowed();
    if let Some(host) = host.filter(|host| !host.is_here) {
        let there = &host.about.cores;
        let of = |chosen: &Option<Cores>, all: &[usize]| {
            chosen
                .as_ref()
                .map_or(Ok(all.to_vec()), |chosen| chosen.of(all))
        };
        return Ok((of(&options.cpus, there)?, of(&options.load_cpus, &here)?));
    }
    let of = |chosen: &Option<Cores>| chosen.as_ref().map(|chosen| chosen.of(&here)).transpose();
    Ok(match (of(&options.cpus)?, of(&options.load_cpus)?) {
        (Some(servers), Some(load)) => (servers, load),
        (Some(servers), None) => {
            let load = others(&servers);
            (servers, load)
        }
        (None, Some(load)) => (others(&load), load),
        (None, None) => machine::halves(&here),
    })
}

fn workload(options: &Options) -> Result<Workload, String> {
    let workload = Workload::of(&options.request)?;
    if workload.is_mixed() && options.generator != Generator::Hullo {
        return Err(format!(
            "{} sends one request again and again: --request-file needs --generator hullo",
            options.generator
        ));
    }
    workload.check()?;
    Ok(workload)
}

/// Whether servers and load have a core in common.
fn shares(setup: &Setup) -> bool {
    if setup.is_apart() {
        return false;
    }
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

/// The tests of these suites that can run here; each of the others adds a warning.
fn tests(
    options: &Options,
    suites: &[Suite],
    host: Option<&Host>,
    warnings: &mut Vec<String>,
) -> Result<Vec<record::Test>, String> {
    let amount = Amount {
        requests: options.requests,
        duration_ns: options.duration,
        connections: options.connections.into(),
        rates: rates(&options.rates),
    };
    if !options.rates.is_empty() && !suites.contains(&Suite::Cost) {
        return Err("--rates are those of the suite cost: add --suite cost".to_owned());
    }
    if suites.contains(&Suite::Article) && amount.requests < amount.connections {
        return Err(format!(
            "{} requests are too few for {} connections: raise -n or lower -c",
            amount.requests, amount.connections
        ));
    }
    let mut tests = all_tests(suites, &options.sweep, &amount)?;
    // Only when needed: servers inherit the limit, and some misbehave with a high one.
    if tests.iter().any(|test| test.idle_connections > 0) {
        raise_open_file_limit();
        host.map_or(Ok(()), Host::raise_file_limit)?;
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
            warnings.push(format!("Left out: {} ({reason})", test.title));
            false
        }
        None => true,
    });
    if tests.is_empty() {
        return Err(format!("no test can be run. {}", warnings.join(". ")));
    }
    Ok(tests)
}

/// From the lowest, each once; without a choice, three.
fn rates(given: &[f64]) -> Vec<f64> {
    if given.is_empty() {
        return vec![1e3, 1e4, 1e5];
    }
    let mut rates = given.to_vec();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    rates
}

fn environment(setup: &Setup) -> Environment {
    Environment::read(
        &setup.files,
        &setup.server_cores,
        &setup.load_cores,
        open_file_limit() as u64,
        setup.no_counters.clone(),
    )
}

/// Those that were chosen, or the default.
fn suites(options: &Options) -> Vec<Suite> {
    match (options.suite.is_empty(), options.sweep.is_empty()) {
        (true, true) => vec![Suite::Article],
        (true, false) => vec![Suite::Sweep],
        (false, _) => expand(&options.suite),
    }
}

/// The record of a race that has not begun.
fn record(
    options: &Options,
    setup: &Setup,
    (targets, tls): (&[ServerSpec], Option<TlsSettings>),
    path: &str,
    seed: u64,
) -> Result<Record, String> {
    let suites = suites(options);
    let mut warnings = Vec::from_iter(setup.workload.caution().map(str::to_owned));
    let tests = tests(options, &suites, setup.host.as_deref(), &mut warnings)?;
    warnings.extend(cautions(options, setup));
    Ok(Record {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_unix_ms: now().as_millis() as u64,
        elapsed_ms: 0,
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        machine: machine::describe(),
        environment: Some(environment(setup)),
        settings: Settings {
            suites,
            rounds: options.rounds as usize,
            server_cpus: setup.server_cores.clone(),
            load_cpus: setup.load_cores.clone(),
            workers: setup.workers,
            path: path.to_owned(),
            generator: options.generator,
            generator_version: options.generator.version()?,
            warm_up_ns: options.warmup.most_ns(),
            warm_up_until_steady: matches!(options.warmup, Warming::Steady { .. }).then_some(true),
            seed: Some(seed),
            processes_per_round: (options.processes > 1).then_some(options.processes as usize),
            quiet_wait_ns: options.quiet_wait,
            request: setup.workload.record(),
            tls,
            server_host: setup.host.as_ref().map(|host| host.record()),
        },
        targets: targets.iter().map(entry).collect(),
        tests,
        results: Vec::new(),
        summaries: Vec::new(),
        warnings,
        gate: None,
    })
}

/// What is known before of the cores.
fn cautions(options: &Options, setup: &Setup) -> Vec<String> {
    let mut warnings = Vec::new();
    if shares(setup) {
        warnings.push("Servers and load share cores, so each disturbs the other".to_owned());
    }
    let quota = available_parallelism().map_or(usize::MAX, Into::into);
    let cores = machine::allowed().len();
    if quota < cores {
        warnings.push(format!(
            "A CPU quota allows the time of {quota} of the {cores} cores, which servers and load share"
        ));
    }
    let is_running = |target: &&ServerSpec| matches!(target.source, Source::Running { .. });
    for target in options.targets.iter().filter(is_running) {
        warnings.push(format!(
            "{} was already running: its cores and its CPU time are not known",
            target.name
        ));
    }
    warnings
}

fn entry(target: &ServerSpec) -> record::Target {
    let (command, url) = match &target.source {
        Source::Command(command) => (Some(command.clone()), None),
        Source::Running { url, .. } => (
            None,
            Some(format!(
                "{}://{}{}",
                target.scheme(),
                url.authority,
                target.path
            )),
        ),
    };
    record::Target {
        name: target.name.clone(),
        command,
        url,
        https: target.is_https.then_some(true),
        tls: None,
        behaviour: Vec::new(),
        out: None,
    }
}
