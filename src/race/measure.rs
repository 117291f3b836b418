//! One measurement: a server in one round of one test is started, warmed up, loaded and sampled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::alike::unlike;
use super::cost::{self, Sample, ratio};
use super::counters::Counters;
use super::environment::{Disturbance, Files, Moment};
use super::generator::{Load, Order};
use super::host::Host;
use super::idle_connections::IdleConnections;
use super::order::Turn;
use super::probe::{self, Plain, Request};
use super::record::{
    Generator, GeneratorCost, LOST, Measurement, Missed, Sampled, ServerCost, Test, UNLIKE, WarmUp,
};
use super::server::Server;
use super::server_spec::ServerSpec;
use super::suite::FEW;
use super::summary::BUSY;
use super::warm_up::{STEADY_MIN_NS, Warming, until_steady};
use super::workload::Workload;

/// The kind of error of answers with a status that is none of success.
const STATUS: &str = "status";

/// Why there is no measurement of a server that has ended, where its guard has not.
const ENDED: &str = "all of its processes have ended";

/// Before memory is read: a server may free some of it late.
const SETTLE: Duration = Duration::from_millis(300);

/// Whether the race was ended meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How all servers are measured.
#[derive(Debug)]
pub(super) struct Setup {
    /// Where the servers run, if not here.
    pub(super) host: Option<Arc<Host>>,
    pub(super) generator: Generator,
    pub(super) workers: usize,
    pub(super) server_cores: Vec<usize>,
    pub(super) load_cores: Vec<usize>,
    pub(super) workload: Workload,
    /// Flags of `hullo bench`, for https; none if no server speaks it.
    pub(super) tls_flags: Vec<String>,
    pub(super) files: Files,
    /// Why the processor's counters cannot be read; none if they can.
    pub(super) no_counters: Option<String>,
    /// All of them, also those that the race may not use.
    pub(super) machine_cores: usize,
    pub(super) warm_up: Warming,
    /// Requests/s of each server in a closed model, by its name, once measured.
    pub(super) capacities: HashMap<String, f64>,
    /// The path that all servers are asked for, if it is a random one.
    pub(super) random_path: Option<String>,
    /// Set by a signal that ends the race.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) warnings: Vec<String>,
}

impl Setup {
    /// Starts a server where the servers run.
    pub(super) fn start(&self, target: &ServerSpec) -> Result<Server, String> {
        let cores = &self.server_cores;
        Server::start(target, self.host.as_ref(), self.workers, cores, &self.stop)
    }

    /// Whether the servers have a machine of their own.
    pub(super) fn is_apart(&self) -> bool {
        self.host.as_ref().is_some_and(|host| !host.is_here)
    }

    /// Returns the measurement, or why there is none.
    pub(super) fn measure(
        &mut self,
        test: &Test,
        target: &ServerSpec,
        turn: Turn,
    ) -> Result<Measurement, String> {
        let mut server = self.start(target)?;
        let measured = self.measure_running(test, target, turn, &server);
        measured.map_err(|sentence| match server.ending() {
            Some(ending) if test.connections > 0 => format!("ended under load, {ending}"),
            Some(ending) => format!("ended with idle connections open, {ending}"),
            None => sentence,
        })
    }

    fn measure_running(
        &mut self,
        test: &Test,
        target: &ServerSpec,
        turn: Turn,
        server: &Server,
    ) -> Result<Measurement, String> {
        let (scheme, authority) = (target.scheme(), &server.authority);
        let url = self.workload.url(scheme, authority, &target.path);
        // The race may add to its warnings meanwhile.
        let workload = self.workload.clone();
        let request = self.request(test, target, server, &workload);
        // Before the warm-up: a server must not have done its work by then.
        let plain = self.ask(&request, test, target)?;
        let warm_up = self.warm_up(test, &url, server)?;
        let mut idle = IdleConnections::new(&server.endpoint, &server.host, &target.path);
        if test.connections == 0 {
            let measure = if test.is_rest() {
                Self::rest
            } else {
                Self::idle
            };
            let result = measure(self, test, target, turn, server, &mut idle);
            self.warn_of(&idle, test, target);
            return result;
        }
        idle.grow(test.idle_connections, &self.stop);
        self.warn_of(&idle, test, target);
        let rate = self.rate(test, target, &url)?;
        let begun = self.begin(server);
        let order = Order {
            rate,
            content: plain.content.as_deref().filter(|_| !workload.is_mixed()),
            ..self.order(test, &url)
        };
        let time = test.duration_ns.map(Duration::from_nanos);
        let (load, sampled) = probe::beside(&request, &plain, time, || self.generator.run(&order));
        let load = load?;
        let (cost, disturbance) = self.end(begun, server, &load)?;
        let errors = self.faults(test, target, &plain, &load, &sampled);
        let mut result = measurement(test, target, turn, load);
        result.errors.extend(errors);
        result.rate = rate;
        result.warm_up = warm_up;
        result.disturbance = disturbance;
        // At its latency the rate takes more connections, but the latency is that of a server without rest.
        let is_busy = cost.as_ref().is_some_and(|cost| cost.busy() >= BUSY);
        if is_busy && result.missed == Some(Missed::Connections) {
            result.missed = Some(Missed::Server);
        }
        result.server = cost;
        result.sampled = Some(sampled);
        result.errors.extend(lost(test, &mut idle));
        Ok(result)
    }

    /// Exactly that of the load.
    fn request<'a>(
        &self,
        test: &Test,
        target: &'a ServerSpec,
        server: &'a Server,
        workload: &'a Workload,
    ) -> Request<'a> {
        Request {
            endpoint: &server.endpoint,
            host: &server.host,
            path: &target.path,
            is_random: self.random_path.as_ref() == Some(&target.path),
            workload,
            generator: self.generator.fields(),
            closes: !test.keepalive,
        }
    }

    /// What is wrong with all answers, by kind, that the generator does not know.
    fn faults(
        &mut self,
        test: &Test,
        target: &ServerSpec,
        plain: &Plain,
        load: &Load,
        sampled: &Sampled,
    ) -> BTreeMap<String, u64> {
        let mut faults = BTreeMap::new();
        // The requests that were compared are not those of the load.
        if self.workload.is_mixed() {
            return faults;
        }
        // No answer is two errors.
        let known = load.errors.values().copied().fold(0, u64::saturating_add);
        let others = load.requests.saturating_sub(known);
        if let Some(how) = unlike(plain, load, sampled, test) {
            self.warn(format!(
                "{}: {} answers the load unlike the probe: {how}",
                test.title, target.name
            ));
            faults.insert(UNLIKE.to_owned(), others);
        } else if !(200..300).contains(&plain.status) {
            // wrk takes a redirection for a success.
            let status = load.errors.get(STATUS).copied().unwrap_or(0);
            faults.insert(STATUS.to_owned(), status.saturating_add(others));
        }
        faults.retain(|_, count| *count > 0);
        faults
    }

    /// As many requests as the server answers.
    fn order<'a>(&'a self, test: &'a Test, url: &'a str) -> Order<'a> {
        Order {
            test,
            url,
            workload: &self.workload,
            tls: if url.starts_with("https:") {
                &self.tls_flags
            } else {
                &[]
            },
            rate: None,
            content: None,
            cores: &self.load_cores,
            stop: &self.stop,
        }
    }

    /// What an answer under load must be.
    fn ask(
        &mut self,
        request: &Request<'_>,
        test: &Test,
        target: &ServerSpec,
    ) -> Result<Plain, String> {
        let plain = probe::plain(request)?;
        if plain.varies {
            self.warn(format!(
                "{}: {} does not always answer the same, so the load compared only the status and the size of its answers",
                test.title, target.name
            ));
        }
        Ok(plain)
    }

    /// Adds a warning, unless it is already there.
    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a warning if fewer idle connections could be opened than the test asks for.
    fn warn_of(&mut self, idle: &IdleConnections, test: &Test, target: &ServerSpec) {
        if let Some(reason) = &idle.stopped {
            self.warn(format!("{}: {} stopped {reason}", test.title, target.name));
        }
    }

    /// Loads a server for as long as it takes, or as was asked for.
    fn warm_up(&self, test: &Test, url: &str, server: &Server) -> Result<Option<WarmUp>, String> {
        match self.warm_up {
            Warming::For(0) => Ok(None),
            // Nothing that a warm server does faster is measured.
            Warming::Steady { .. } if test.connections == 0 => {
                self.warm_up_for(test, url, STEADY_MIN_NS)?;
                Ok(None)
            }
            Warming::For(nanos) => {
                self.warm_up_for(test, url, nanos)?;
                Ok(None)
            }
            Warming::Steady { most_ns } => {
                let cpu_ns = || Some(self.sample(server)?.usage.cpu_ns);
                let load = |nanos| self.warm_up_for(test, url, nanos);
                until_steady(most_ns, &self.stop, cpu_ns, load).map(Some)
            }
        }
    }

    /// Always by hullo bench, which can run for less than a second.
    fn warm_up_for(&self, test: &Test, url: &str, nanos: u64) -> Result<Load, String> {
        let test = Test {
            connections: test.connections.max(1),
            requests: None,
            duration_ns: Some(nanos),
            ..test.clone()
        };
        let load = Generator::Hullo.run(&self.order(&test, url))?;
        if load.requests == 0 {
            return Err(format!(
                "answered no request during the warm-up: {:?}",
                load.errors
            ));
        }
        Ok(load)
    }

    /// The rate to ask for in an open model: a share of the server's capacity, which is measured once, so
    /// that all rounds ask for the same.
    fn rate(&mut self, test: &Test, target: &ServerSpec, url: &str) -> Result<Option<f64>, String> {
        let Some(part) = test.load else {
            return Ok(test.offered_rate);
        };
        let capacity = if let Some(known) = self.capacities.get(&target.name) {
            *known
        } else {
            let closed = Test {
                load: None,
                ..test.clone()
            };
            let load = self.generator.run(&self.order(&closed, url))?;
            let found = per_second(&load);
            if load.requests == 0 {
                return Err("answered no request while its capacity was measured".to_owned());
            }
            if load.utilisation >= BUSY {
                self.warnings.push(format!(
                    "The rates of {} are shares of the generator's capacity: the generator was the bottleneck",
                    target.name
                ));
            }
            self.capacities.insert(target.name.clone(), found);
            found
        };
        Ok(Some((capacity * part).max(1.0).round()))
    }

    /// Measures memory as a slope between two numbers of idle connections.
    fn idle(
        &self,
        test: &Test,
        target: &ServerSpec,
        turn: Turn,
        server: &Server,
        idle: &mut IdleConnections,
    ) -> Result<Measurement, String> {
        let look = || {
            sleep(SETTLE);
            server.memory()
        };
        idle.grow(FEW.min(test.idle_connections / 10), &self.stop);
        let (few, held_few) = (look(), idle.held());
        idle.grow(test.idle_connections, &self.stop);
        let (many, held_many) = (look(), idle.held());
        let mut result = measurement(test, target, turn, Load::default());
        if held_many > held_few {
            let more = (held_many - held_few) as f64;
            result.idle_connection_bytes = few
                .zip(many)
                .map(|(few, many)| many.saturating_sub(few) as f64 / more);
        }
        result.errors = lost(test, idle);
        let now = self.sample(server);
        if has_ended(now.as_ref()) {
            return Err(ENDED.to_owned());
        }
        result.server = now.map(|now| self.cost(&now, &now, &Load::default()));
        Ok(result)
    }

    /// Measures what a server uses while its connections are idle.
    fn rest(
        &self,
        test: &Test,
        target: &ServerSpec,
        turn: Turn,
        server: &Server,
        idle: &mut IdleConnections,
    ) -> Result<Measurement, String> {
        idle.grow(test.idle_connections, &self.stop);
        sleep(SETTLE);
        let (start, begun) = (Instant::now(), self.begin(server));
        let end = Duration::from_nanos(test.duration_ns.unwrap_or(0));
        while start.elapsed() < end && !self.stop.load(Ordering::Relaxed) {
            sleep(LOOK_AGAIN.min(end.saturating_sub(start.elapsed())));
        }
        let load = Load {
            elapsed_ns: start.elapsed().as_nanos() as u64,
            ..Load::default()
        };
        let (cost, disturbance) = self.end(begun, server, &load)?;
        let mut result = measurement(test, target, turn, load);
        result.server = cost;
        result.disturbance = disturbance;
        result.errors = lost(test, idle);
        Ok(result)
    }

    /// Starts to count what a server uses, and what else goes on.
    fn begin(&self, server: &Server) -> Begun {
        let sample = self.sample(server);
        let of_it = sample.as_ref().filter(|_| self.no_counters.is_none());
        let counters = of_it.and_then(|now| {
            let threads: Vec<u32> = now.usage.threads.keys().copied().collect();
            Counters::start(&threads).ok()
        });
        Begun {
            sample,
            moment: Moment::now(&self.files),
            counters,
        }
    }

    /// What it was, during this load. Or that the server has ended.
    fn end(
        &self,
        begun: Begun,
        server: &Server,
        load: &Load,
    ) -> Result<(Option<ServerCost>, Option<Disturbance>), String> {
        let counts = begun.counters.map(|counters| counters.counts());
        let (after, now) = (self.sample(server), Moment::now(&self.files));
        if has_ended(after.as_ref()) {
            return Err(ENDED.to_owned());
        }
        let both = begun.sample.zip(after);
        let both = both.as_ref();
        let cost = both.map(|(before, after)| ServerCost {
            counts,
            ..self.cost(before, after, load)
        });
        // On a machine of its own, the server has no load beside it.
        let load_ns = if self.is_apart() { 0 } else { load.cpu_ns };
        let others =
            both.map(|(before, after)| cost::others(before, after, load_ns, self.machine_cores));
        let moments = begun.moment.zip(now);
        let disturbance = moments.map(|(before, after)| Disturbance {
            others,
            ..after.since(&before)
        });
        Ok((cost, disturbance))
    }

    fn sample(&self, server: &Server) -> Option<Sample> {
        server.sample(&self.server_cores)
    }

    fn cost(&self, before: &Sample, after: &Sample, load: &Load) -> ServerCost {
        let cores = self.server_cores.len();
        cost::cost(before, after, load.requests, cores)
    }
}

/// What was counted when a measurement began.
struct Begun {
    sample: Option<Sample>,
    moment: Option<Moment>,
    counters: Option<Counters>,
}

/// Connections that the server did not accept, or has closed.
fn lost(test: &Test, idle: &mut IdleConnections) -> BTreeMap<String, u64> {
    let lost = test.idle_connections.saturating_sub(idle.held());
    let lost = (lost > 0).then(|| (LOST.to_owned(), lost));
    lost.into_iter().collect()
}

fn has_ended(now: Option<&Sample>) -> bool {
    now.is_some_and(|now| now.usage.processes == 0)
}

fn measurement(test: &Test, target: &ServerSpec, turn: Turn, load: Load) -> Measurement {
    Measurement {
        test: test.id.clone(),
        target: target.name.clone(),
        round: turn.round,
        process: None,
        warm_up: None,
        disturbance: None,
        requests: load.requests,
        elapsed_ns: load.elapsed_ns,
        requests_per_second: per_second(&load),
        generator: GeneratorCost {
            cpu_ns_per_request: ratio(load.cpu_ns as f64, load.requests as f64),
            utilisation: load.utilisation,
            queued: load.queued,
        },
        errors: load.errors,
        latency_ns: load.latency_ns,
        per_connection: load.per_connection,
        sampled: None,
        over_time: load.over_time,
        response_bytes: load.response_bytes,
        rate: None,
        missed: load.missed,
        handshakes: load.handshakes,
        idle_connection_bytes: None,
        server: None,
    }
}

fn per_second(load: &Load) -> f64 {
    ratio(load.requests as f64 * 1e9, load.elapsed_ns as f64)
}
