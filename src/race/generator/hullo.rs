//! `hullo bench`, read from its JSON.

use super::{ANSWER_SECONDS, Call, Load, Order};
use crate::bench::distribution::Figures;
use crate::bench::overload::{self, Limit};
use crate::bench::per_connection::PerConnection as Counts;
use crate::bench::{Report, Tls};
use crate::race::guard::THIS;
use crate::race::record::{Handshakes, Missed, PerConnection};

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
    if let Some(host) = &order.workload.host {
        arguments.push(format!("--host={host}"));
    }
    arguments.extend(order.tls.iter().cloned());
    arguments.extend(order.workload.arguments());
    arguments.push(order.url.to_owned());
    Call {
        program: THIS.into(),
        arguments,
        script: None,
    }
}

/// Its report is between its warnings.
pub(super) fn read(output: &str) -> Result<Load, String> {
    let report = Report::read(output)?;
    let mut latency: Vec<(f64, u64)> = Vec::new();
    if report.latency.count > 0 {
        let percentiles = report.latency.percentiles_ns.rows();
        latency.extend(percentiles.filter_map(|(name, nanos)| {
            let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
            (percent >= 50.0).then_some((percent, nanos))
        }));
        latency.push((100.0, report.latency.max_ns));
    }
    let kinds = report.errors.kinds.rows().filter(|kind| kind.count > 0);
    let answers = report.responses as f64;
    Ok(Load {
        requests: report.responses,
        elapsed_ns: report.elapsed_ns,
        errors: kinds
            .map(|kind| (kind.key.to_owned(), kind.count))
            .collect(),
        latency_ns: latency,
        missed: missed(&report),
        handshakes: report.tls.as_ref().map(handshakes),
        per_connection: Some(per_connection(&report.per_connection)),
        response_bytes: (report.responses > 0).then(|| report.received_bytes as f64 / answers),
        content_bytes: None,
        cpu_ns: report.generator.cpu_ns,
        utilisation: report.generator.busy,
        queued: Some(report.generator.queued),
        over_time: Some(report.over_time.responses),
    })
}

/// What kept the rate from being made; none if it was, or if there was none.
fn missed(report: &Report) -> Option<Missed> {
    overload::limit(report).map(|limit| match limit {
        Limit::Server => Missed::Server,
        Limit::Connections => Missed::Connections,
        Limit::Generator | Limit::Cores => Missed::Generator,
    })
}

fn handshakes(tls: &Tls) -> Handshakes {
    Handshakes {
        full: tls.handshake.count.saturating_sub(tls.resumed),
        resumed: tls.resumed,
    }
}

fn per_connection(counts: &Counts<Figures>) -> PerConnection {
    PerConnection {
        connections: counts.answers.count,
        least: counts.answers.min,
        median: counts.answers.p50,
        p90: counts.answers.p90,
        greatest: counts.answers.max,
        starved: counts.starved,
        with_errors: counts.with_errors,
        errors: counts.errors,
    }
}
