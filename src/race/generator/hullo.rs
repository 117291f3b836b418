//! `hullo bench`, read from its JSON.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ANSWER_SECONDS, Call, Load, Order};
use crate::bench::overload::{Limit, Offered, connections_for};
use crate::race::guard::THIS;
use crate::race::record::{Missed, PerConnection};

pub(super) fn call(order: &Order<'_>) -> Call {
    let test = order.test;
    let mut arguments: Vec<String> = ["bench", "-o", "json", "--expect-status", "2xx"]
        .map(str::to_owned)
        .to_vec();
    let threads = (order.cores.len() as u64).clamp(1, test.connections.max(1));
    arguments.extend([
        format!("--timeout={ANSWER_SECONDS}s"),
        format!("--threads={threads}"),
        format!("--connections={}", test.connections),
    ]);
    if test.pipeline > 1 {
        arguments.push(format!("--pipeline={}", test.pipeline));
    }
    match (test.requests, test.duration_ns) {
        (Some(requests), _) => arguments.push(format!("--requests={requests}")),
        (None, duration) => arguments.push(format!("--duration={}ns", duration.unwrap_or(0))),
    }
    if !test.keepalive {
        arguments.push("--disable-keepalive".to_owned());
    }
    if let Some(rate) = order.rate {
        arguments.push(format!("--rate={rate}"));
    }
    if let Some(content) = order.content {
        arguments.push(format!("--expect-body={content}"));
    }
    arguments.extend(order.workload.arguments());
    arguments.push(order.url.to_owned());
    Call {
        program: THIS.into(),
        arguments,
        script: None,
    }
}

/// What is needed of its report.
#[derive(Deserialize)]
struct Report {
    elapsed_ns: u64,
    responses: u64,
    received_bytes: u64,
    errors: Errors,
    per_connection: Spread,
    over_time: OverTime,
    latency: Distribution,
    service: Service,
    offer: Option<Offer>,
    generator: Cost,
    settings: Settings,
}

/// Of 100 ms each.
#[derive(Deserialize)]
struct OverTime {
    responses: Vec<u64>,
}

#[derive(Deserialize)]
struct Errors {
    total: u64,
    kinds: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Spread {
    answers: Figures,
    starved: u64,
    with_errors: u64,
    errors: u64,
}

#[derive(Deserialize)]
struct Figures {
    count: u64,
    min: u64,
    max: u64,
    p50: u64,
    p90: u64,
}

impl From<Spread> for PerConnection {
    fn from(spread: Spread) -> Self {
        let answers = spread.answers;
        Self {
            connections: answers.count,
            least: answers.min,
            median: answers.p50,
            p90: answers.p90,
            greatest: answers.max,
            starved: spread.starved,
            with_errors: spread.with_errors,
            errors: spread.errors,
        }
    }
}

#[derive(Deserialize)]
struct Distribution {
    count: u64,
    max_ns: u64,
    percentiles_ns: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Cost {
    cpu_ns: u64,
    busy: f64,
    queued: f64,
}

/// From when a request was sent.
#[derive(Deserialize)]
struct Service {
    mean_ns: f64,
}

#[derive(Deserialize)]
struct Settings {
    connections: u64,
    pipeline: u64,
}

/// Of an open model.
#[derive(Deserialize)]
struct Offer {
    requests_per_second: f64,
    due: u64,
    sent: u64,
    left_over: u64,
    backlog_at_half: u64,
    backlog_at_end: u64,
}

impl Report {
    /// What kept the rate from being made; none if it was, or if there was none.
    fn missed(&self) -> Option<Missed> {
        let offer = self.offer.as_ref()?;
        let batches = offer.requests_per_second / self.settings.pipeline.max(1) as f64;
        let offered = Offered {
            due: offer.due,
            sent: offer.sent,
            left_over: offer.left_over,
            backlog_at_half: offer.backlog_at_half,
            backlog_at_end: offer.backlog_at_end,
            errors: self.errors.total,
            busy: self.generator.busy,
            queued: self.generator.queued,
            connections: self.settings.connections,
            needed: connections_for(batches, self.service.mean_ns),
            is_constant: true,
        };
        offered.limit().map(|limit| match limit {
            Limit::Server => Missed::Server,
            Limit::Connections => Missed::Connections,
            Limit::Generator | Limit::Cores => Missed::Generator,
        })
    }
}

pub(super) fn read(output: &str) -> Result<Load, String> {
    // Its warnings come before and after.
    let json = output
        .lines()
        .find(|line| line.starts_with('{'))
        .ok_or_else(|| output.trim().to_owned())?;
    let report: Report = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let missed = report.missed();
    let mut latency: Vec<(f64, u64)> = Vec::new();
    if report.latency.count > 0 {
        let percentiles = report.latency.percentiles_ns.iter();
        latency.extend(percentiles.filter_map(|(name, &nanos)| {
            let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
            (percent >= 50.0).then_some((percent, nanos))
        }));
        latency.push((100.0, report.latency.max_ns));
        latency.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let answers = report.responses as f64;
    Ok(Load {
        requests: report.responses,
        elapsed_ns: report.elapsed_ns,
        errors: report
            .errors
            .kinds
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        latency_ns: latency,
        missed,
        per_connection: Some(report.per_connection.into()),
        over_time: Some(report.over_time.responses),
        response_bytes: (report.responses > 0).then(|| report.received_bytes as f64 / answers),
        content_bytes: None,
        cpu_ns: report.generator.cpu_ns,
        utilisation: report.generator.busy,
        queued: Some(report.generator.queued),
    })
}
