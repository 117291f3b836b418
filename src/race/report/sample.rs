//! Records to try the tables and pictures with: the same every time.

use std::collections::BTreeMap;

use crate::race::counters::Counts;
use crate::race::environment::{Disturbance, Environment};
use crate::race::record::{
    Axis, Bound, Compared, FORMAT, Finding, Generator, GeneratorCost, Machine, Measurement, Missed,
    PerConnection, Point, Ratio, Record, ServerCost, Settings, Suite, Summary, Target, Test,
    WarmUp,
};
use crate::race::summary::{cpu_per_second, missed};

/// What a target of a sample is like.
#[derive(Clone)]
pub(in crate::race) struct Server {
    pub(in crate::race) name: String,
    /// Of CPU for a request.
    pub(in crate::race) cpu_ns: f64,
    /// Is it ours to look into?
    pub(in crate::race) is_ours: bool,
}

const PERCENTILES: [f64; 8] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0];
const PROBES: [&str; 11] = [
    "Greeting",
    "HTTP/1.0",
    "Keep-alive",
    "Pipelining",
    "HEAD",
    "Path verbatim",
    "Query left out",
    "Host missing",
    "Length twice",
    "Bare LF",
    "Slow head",
];

pub(in crate::race) fn server(name: &str, cpu_ns: f64) -> Server {
    Server {
        name: name.to_owned(),
        cpu_ns,
        is_ours: true,
    }
}

/// `hullo`, and others up to that number.
pub(in crate::race) fn servers(number: usize) -> Vec<Server> {
    let known = [
        ("hullo", 3720.0),
        ("hyper", 4230.0),
        ("Go", 8960.0),
        ("warp", 4430.0),
        ("axum", 4500.0),
        ("actix", 3990.0),
        ("nginx", 3760.0),
    ];
    (0..number)
        .map(|at| match known.get(at) {
            Some((name, cpu)) => server(name, *cpu),
            None => server(&format!("server-{at}"), 4000.0 + 1500.0 * at as f64),
        })
        .collect()
}

/// Of all suites.
pub(in crate::race) const ALL: [Suite; 7] = [
    Suite::Article,
    Suite::Churn,
    Suite::Pipeline,
    Suite::Idle,
    Suite::Rate,
    Suite::Cost,
    Suite::Sweep,
];

pub(in crate::race) fn record(servers: &[Server], suites: &[Suite], rounds: usize) -> Record {
    let tests: Vec<Test> = suites.iter().flat_map(|&suite| tests(suite)).collect();
    let mut record = Record {
        format: FORMAT.to_owned(),
        version: "0.1.0".to_owned(),
        started_unix_ms: 1_795_485_600_000,
        elapsed_ms: 754_000,
        command: [
            "hullo",
            "race",
            "hullo=hullo --port {port} --workers {workers}",
        ]
        .map(str::to_owned)
        .to_vec(),
        machine: Machine {
            cpu: "AMD EPYC 7B13".to_owned(),
            cores: 2,
            memory_bytes: 8_330_000_000,
            system: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            kernel: "Linux 6.18.5".to_owned(),
        },
        environment: Some(environment()),
        settings: Settings {
            suites: suites.to_vec(),
            rounds,
            server_cpus: vec![0],
            load_cpus: vec![1],
            workers: 1,
            path: "/any/path".to_owned(),
            generator: Generator::Hullo,
            generator_version: "0.1.0".to_owned(),
            warm_up_ns: 1_000_000_000,
            warm_up_until_steady: Some(true),
            seed: Some(42),
            processes_per_round: None,
            quiet_wait_ns: None,
            request: None,
            tls: None,
            server_host: None,
        },
        targets: servers.iter().enumerate().map(target).collect(),
        tests: Vec::new(),
        results: Vec::new(),
        summaries: Vec::new(),
        gate: None,
        warnings: vec!["two cores: the generator had one, the kernel both".to_owned()],
    };
    for test in &tests {
        for (number, server) in servers.iter().enumerate() {
            let measured = (1..=rounds).map(|round| measure(test, server, number, round));
            record.results.extend(measured);
        }
    }
    record.tests = tests;
    summarise(&mut record);
    record
}

fn environment() -> Environment {
    Environment {
        virtual_machine: Some("KVM".to_owned()),
        governors: Vec::new(),
        turbo: None,
        smt: Some(false),
        siblings_shared: false,
        cpu_quota: Some(1.5),
        open_files: 4096,
        somaxconn: Some(4096),
        client_ports: Some(28_232),
        tcp_tw_reuse: Some(2),
        waiting: Some(0.0),
        no_counters: Some("the machine has none".to_owned()),
    }
}

fn target((number, server): (usize, &Server)) -> Target {
    let finding = |(at, title): (usize, &&str)| {
        let right = number == 0 || (at * 7 + number * 5) % 6 != 1;
        Finding {
            id: title.to_lowercase(),
            title: (*title).to_owned(),
            right,
            saw: if right {
                "200, stays"
            } else {
                "400, closes without an answer"
            }
            .to_owned(),
        }
    };
    Target {
        name: server.name.clone(),
        command: server.is_ours.then(|| {
            format!(
                "/opt/servers/{} --listen 127.0.0.1:{{port}} --threads {{workers}}",
                server.name
            )
        }),
        url: (!server.is_ours).then(|| "http://10.0.0.7:8080".to_owned()),
        https: None,
        tls: None,
        behaviour: PROBES.iter().enumerate().map(finding).collect(),
        out: None,
    }
}

fn tests(suite: Suite) -> Vec<Test> {
    let plain = Test {
        id: format!("{suite}-1"),
        suite,
        title: "5 s, 100 connections".to_owned(),
        connections: 100,
        idle_connections: 0,
        requests: None,
        duration_ns: Some(5_000_000_000),
        pipeline: 1,
        keepalive: true,
        load: None,
        offered_rate: None,
        sweep: None,
    };
    match suite {
        Suite::Article => vec![
            Test {
                title: "10,000 requests, 100 connections".to_owned(),
                requests: Some(10_000),
                duration_ns: None,
                ..plain.clone()
            },
            Test {
                id: "article-2".to_owned(),
                ..plain
            },
        ],
        Suite::Pipeline => vec![Test {
            title: "5 s, 100 connections, 16 requests pipelined".to_owned(),
            pipeline: 16,
            ..plain
        }],
        Suite::Idle => vec![Test {
            title: "10,000 idle connections".to_owned(),
            connections: 0,
            idle_connections: 10_000,
            requests: Some(0),
            duration_ns: None,
            ..plain
        }],
        Suite::Rate => (1..=10)
            .map(|tenth| Test {
                id: format!("rate-{tenth}"),
                title: format!("{} % of the capacity", tenth * 10),
                load: Some(f64::from(tenth) / 10.0),
                ..plain.clone()
            })
            .collect(),
        Suite::Cost => rates(&plain),
        Suite::Sweep => connections(&plain),
        _ => vec![plain],
    }
}

/// Of the suite `cost`.
fn rates(plain: &Test) -> Vec<Test> {
    let rest = Test {
        id: "cost-rest".to_owned(),
        title: "5 s at rest, 100 connections open".to_owned(),
        connections: 0,
        idle_connections: 100,
        ..plain.clone()
    };
    let rates = [1e3, 1e4, 1.5e5].map(|rate| Test {
        id: format!("cost-{rate}"),
        title: format!("{rate} requests/s, 5 s, 100 connections"),
        offered_rate: Some(rate),
        ..plain.clone()
    });
    std::iter::once(rest).chain(rates).collect()
}

/// Of a sweep.
fn connections(plain: &Test) -> Vec<Test> {
    let at = |value| Test {
        id: format!("sweep-connections-{value}"),
        title: format!("5 s, {value} connections"),
        connections: value,
        sweep: Some(Point {
            axis: Axis::Connections,
            value,
        }),
        ..plain.clone()
    };
    [1, 16, 256].map(at).to_vec()
}

/// Between 0.98 and 1.02, and the same every time.
fn wobble(round: usize, number: usize) -> f64 {
    0.98 + 0.04 * ((round * 37 + number * 11) % 17) as f64 / 16.0
}

fn per_connection(test: &Test) -> PerConnection {
    PerConnection {
        connections: test.connections,
        least: 10,
        median: 100,
        p90: 120,
        greatest: 130,
        starved: 0,
        with_errors: 0,
        errors: 0,
    }
}

/// For so many requests, of so much CPU each, at this share of the capacity.
fn cost(server: &Server, number: usize, (cpu_ns, requests, load): (f64, f64, f64)) -> ServerCost {
    ServerCost {
        user_ns: (cpu_ns * requests * 0.3) as u64,
        system_ns: (cpu_ns * requests * 0.7) as u64,
        cpu_ns_per_request: cpu_ns,
        utilisation: load * 0.95,
        busiest_thread: 0.9,
        uncounted_ns: Some(0),
        rss_peak_bytes: 3_500_000 + 4_200_000 * number as u64,
        voluntary_switches: (requests / 90.0) as u64,
        involuntary_switches: 120,
        processes: 1,
        counts: server.name.starts_with('h').then_some(Counts {
            instructions: Some((requests * cpu_ns * 3.1) as u64),
            cycles: Some((requests * cpu_ns * 2.2) as u64),
            cache_misses: None,
            with_kernel: true,
        }),
    }
}

fn quiet() -> Disturbance {
    Disturbance {
        steal: Some(0.0),
        waiting: Some(0.3),
        throttled_ns: Some(0),
        others: Some(0.01),
    }
}

fn measure(test: &Test, server: &Server, number: usize, round: usize) -> Measurement {
    let cpu_ns = server.cpu_ns * wobble(round, number) / if test.pipeline > 1 { 8.0 } else { 1.0 };
    let idle = test.connections == 0;
    let capacity = 1e9 / (cpu_ns + 300.0);
    let offered = test.offered_rate.map(|rate| rate / capacity);
    let load = test.load.or(offered).unwrap_or(1.0).min(1.0);
    let speed = if idle { 0.0 } else { load * capacity };
    let time = |requests: u64| requests as f64 / speed * 1e9;
    let elapsed_ns = test.requests.map_or(5e9, time);
    let requests = (speed * elapsed_ns / 1e9).round();
    let used = if idle { 100.0 } else { requests };
    let slow = 1.0 / (1.05 - load * 0.98);
    let latency = |percentile: f64| {
        let rank = -(1.0 - percentile.min(99.999) / 100.0).log10();
        (
            percentile,
            (cpu_ns * 6.0 * slow * 2.2_f64.powf(rank)) as u64,
        )
    };
    Measurement {
        test: test.id.clone(),
        target: server.name.clone(),
        round,
        process: None,
        warm_up: Some(WarmUp {
            elapsed_ns: 600_000_000,
            steady: true,
        }),
        disturbance: Some(quiet()),
        requests: requests as u64,
        elapsed_ns: elapsed_ns as u64,
        requests_per_second: speed,
        errors: BTreeMap::new(),
        latency_ns: if idle {
            Vec::new()
        } else {
            PERCENTILES.map(latency).to_vec()
        },
        per_connection: (!idle).then(|| per_connection(test)),
        sampled: None,
        over_time: None,
        response_bytes: (!idle).then_some(158.0 + number as f64),
        rate: test.load.map(|_| speed).or(test.offered_rate),
        missed: offered.filter(|load| *load > 1.0).map(|_| Missed::Server),
        handshakes: None,
        idle_connection_bytes: (test.suite == Suite::Idle && server.is_ours).then(|| {
            130.0 * 3.7_f64.powi(i32::try_from(number % 5).unwrap_or(0)) * wobble(round, number)
        }),
        server: server
            .is_ours
            .then(|| cost(server, number, (cpu_ns, used, load))),
        generator: GeneratorCost {
            cpu_ns_per_request: 2700.0,
            utilisation: 0.993 * load,
            queued: Some(0.0),
        },
    }
}

/// As the engine does, but for its statistics.
pub(in crate::race) fn summarise(record: &mut Record) {
    record.summaries.clear();
    for test in &record.tests {
        let mut first: Option<Vec<Measurement>> = None;
        for target in &record.targets {
            let of = |m: &&Measurement| m.test == test.id && m.target == target.name;
            let rounds: Vec<Measurement> = record.results.iter().filter(of).cloned().collect();
            if rounds.is_empty() {
                continue;
            }
            let summary = summary(test, &rounds, first.as_deref());
            record.summaries.push(summary);
            first.get_or_insert(rounds);
        }
    }
}

fn summary(test: &Test, rounds: &[Measurement], first: Option<&[Measurement]>) -> Summary {
    let compared = |of: &dyn Fn(&Measurement) -> Option<f64>| {
        let mut values: Vec<f64> = rounds.iter().filter_map(of).collect();
        let others: Vec<f64> = first.unwrap_or_default().iter().filter_map(of).collect();
        let is_missed = |rounds: &[Measurement]| rounds.iter().any(|of| of.missed.is_some());
        let all = [rounds, first.unwrap_or_default()];
        let is_compared = !all.into_iter().any(is_missed);
        let ratio = (is_compared && values.len() > 1 && others.len() > 1).then(|| {
            let mean = values.iter().sum::<f64>() / others.iter().take(values.len()).sum::<f64>();
            let (low, high) = (mean * 0.985, mean * 1.015);
            Ratio {
                mean,
                low,
                high,
                differs: !(low..=high).contains(&1.0),
            }
        });
        values.sort_by(f64::total_cmp);
        Some(Compared {
            median: *values.get(values.len() / 2)?,
            least: *values.first()?,
            greatest: *values.last()?,
            ratio,
        })
    };
    let one = &rounds[0];
    Summary {
        test: test.id.clone(),
        target: one.target.clone(),
        rounds: rounds.len(),
        requests: rounds.iter().map(|round| round.requests).sum(),
        elapsed_ns: rounds.iter().map(|round| round.elapsed_ns).sum(),
        errors: rounds.iter().flat_map(|round| round.errors.values()).sum(),
        bound: match (test.pipeline, test.is_open_model()) {
            (_, true) => Bound::Neither,
            (1, false) => Bound::Generator,
            _ => Bound::Server,
        },
        requests_per_second: compared(&|round| Some(round.requests_per_second)).unwrap(),
        cpu_ns_per_request: compared(&|round| Some(round.server.as_ref()?.cpu_ns_per_request)),
        cpu_ns_per_second: compared(&|round| cpu_per_second(round).filter(|_| test.is_rest())),
        idle_connection_bytes: compared(&|round| round.idle_connection_bytes),
        missed: missed(&rounds.iter().collect::<Vec<_>>()),
        latency_ns: one.latency_ns.clone(),
        latency_intervals_ns: (rounds.len() > 2).then(|| {
            let around = |(p, ns): &(f64, u64)| (*p, *ns - ns / 20, *ns + ns / 20);
            one.latency_ns.iter().map(around).collect()
        }),
    }
}
