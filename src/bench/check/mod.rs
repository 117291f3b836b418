//! Whether a report from a file is plausible: each number is in its range, and derived numbers follow
//! from the others. A report that passes can be joined and written.

mod consistent;
mod numbers;

use std::collections::BTreeMap;

use self::consistent::{derived, is_near, sums};
use self::numbers::{
    COUNT_MAX, NANOS_MAX, at_most, distribution, equal, figures, sum, up_to, within,
};
use super::error::CAUSES;
use super::rates::Rates;
use super::report::{OfferedLoad, Phase, Report, RunSummary, Settings, ratio};
use super::request::method;
use super::tally::BIN_NANOS;
use super::tls::Tls;
use super::url::Url;
use crate::http::client::STATUSES;
use crate::tls::Cause;

/// The end of the year 9999.
const UNIX_MS_MAX: u64 = 253_402_300_800_000;

const RATE_MAX: f64 = 1e12;

/// Fractions of the time: a thread cannot run for more than all of it, but clocks differ a little.
const SHARE_MAX: f64 = 2.0;

/// Checks a report. The error names the field.
pub(super) fn check(report: &Report) -> Result<(), String> {
    settings(&report.settings)?;
    counts(report)?;
    if let Some(load) = &report.offer {
        offered_load(load)?;
    }
    over_time(report)?;
    runs(report)?;
    sums(report)?;
    for (name, times) in [
        ("latency", &report.latency),
        ("service", &report.service),
        ("connect", &report.connect),
        ("reading", &report.reading),
        ("lag", &report.lag),
    ] {
        distribution(name, times)?;
    }
    for phase in &report.phases {
        self::phase(phase)?;
    }
    templates(report)?;
    if let Some(unanswered) = &report.unanswered {
        distribution("unanswered.waited", &unanswered.waited)?;
        let count = unanswered.waited.count;
        within("unanswered.waited.count", count, 1, COUNT_MAX)?;
        at_most("unanswered.sent", unanswered.sent, count)?;
    }
    if let Some(tls) = &report.tls {
        self::tls(tls)?;
    }
    per_connection(report)?;
    derived(report)
}

fn settings(settings: &Settings) -> Result<(), String> {
    Url::parse(&settings.url).map_err(|error| format!("`settings.url`: {error}"))?;
    if let Some(said) = &settings.method
        && method(said).as_ref() != Ok(said)
    {
        let method = said;
        return Err(format!("`settings.method` is {method:?}, not a method"));
    }
    let some = |value: Option<u64>| value.unwrap_or(1);
    for (name, value, least, most) in [
        ("connections", settings.connections, 1, u32::MAX.into()),
        ("threads", settings.threads, 1, settings.connections),
        ("pipeline", settings.pipeline, 1, u16::MAX.into()),
        ("requests", some(settings.requests), 1, COUNT_MAX),
        ("duration_ns", some(settings.duration_ns), 1, NANOS_MAX),
        ("warmup_ns", settings.warmup_ns, 0, NANOS_MAX),
        ("repeat", settings.repeat, 1, u32::MAX.into()),
        ("timeout_ns", some(settings.timeout_ns), 1, NANOS_MAX),
        ("deadline_ns", some(settings.deadline_ns), 1, NANOS_MAX),
        ("poll_ns", settings.poll_ns, 0, NANOS_MAX),
        ("lookup_ns", settings.lookup_ns, 0, NANOS_MAX),
        (
            "requests_per_connection",
            some(settings.requests_per_connection),
            1,
            COUNT_MAX,
        ),
    ] {
        within(&format!("settings.{name}"), value, least, most)?;
    }
    if let Some(error) = settings
        .rates
        .as_deref()
        .and_then(|text| Rates::parse(text).err())
    {
        return Err(format!("`settings.rates`: {error}"));
    }
    for (name, rate) in [
        ("rate", settings.rate),
        ("rate_per_connection", settings.rate_per_connection),
    ] {
        up_to(&format!("settings.{name}"), rate.unwrap_or(0.0), RATE_MAX)?;
        if rate == Some(0.0) {
            return Err(format!("`settings.{name}` is 0, not above 0"));
        }
    }
    Ok(())
}

fn counts(report: &Report) -> Result<(), String> {
    let connections = &report.connections;
    let again = connections.requests_sent_again;
    let unasked = connections.closed_for_unasked_bytes;
    within("machines", report.machines, 1, COUNT_MAX)?;
    at_most("started_unix_ms", report.started_unix_ms, UNIX_MS_MAX)?;
    at_most("elapsed_ns", report.elapsed_ns, NANOS_MAX)?;
    for (name, value) in [
        ("responses", report.responses),
        ("body_bytes", report.body_bytes),
        ("received_bytes", report.received_bytes),
        ("unfinished", report.unfinished),
        ("connections.opened", connections.opened),
        ("connections.closed_by_server", connections.closed_by_server),
        ("connections.requests_sent_again", again),
        ("connections.closed_for_unasked_bytes", unasked),
    ] {
        at_most(name, value, COUNT_MAX)?;
    }
    let (warm, opened) = (connections.opened_in_warmup, connections.opened);
    at_most("connections.opened_in_warmup", warm, opened)?;
    statuses("statuses", &report.statuses)?;
    let errors = &report.errors;
    for row in errors.kinds.rows() {
        at_most(&format!("errors.kinds.{}", row.key), row.count, COUNT_MAX)?;
    }
    causes(&errors.bad_response_causes)?;
    tls_causes(&errors.tls_causes)?;
    at_most("generator.cpu_ns", report.generator.cpu_ns, NANOS_MAX)?;
    up_to("generator.busy", report.generator.busy, SHARE_MAX)?;
    up_to("generator.queued", report.generator.queued, SHARE_MAX)?;
    machines(report)
}

fn machines(report: &Report) -> Result<(), String> {
    let machines = &report.generator.machines;
    if report.machines > 1 || !machines.is_empty() {
        let listed = machines.len() as u64;
        within("machines", report.machines, listed, listed)?;
    }
    for machine in machines {
        up_to(
            "generator.machines.busy",
            machine.busy,
            report.generator.busy,
        )?;
        up_to(
            "generator.machines.queued",
            machine.queued,
            report.generator.queued,
        )?;
        let clock = machine.clock.unwrap_or_default();
        for (name, value) in [
            ("ahead_ns", clock.ahead_ns),
            ("behind_ns", clock.behind_ns),
            ("within_ns", clock.within_ns),
        ] {
            let name = format!("generator.machines.clock.{name}");
            at_most(&name, value, NANOS_MAX)?;
        }
    }
    Ok(())
}

fn statuses(name: &str, counts: &BTreeMap<u16, u64>) -> Result<(), String> {
    for (status, count) in counts {
        let name = format!("{name}.{status}");
        if !STATUSES.contains(status) {
            return Err(format!("`{name}`: not an HTTP status"));
        }
        within(&name, *count, 1, COUNT_MAX)?;
    }
    Ok(())
}

fn causes(counts: &BTreeMap<String, u64>) -> Result<(), String> {
    let field = "errors.bad_response_causes";
    if let Some(name) = counts.keys().find(|name| !CAUSES.contains(&name.as_str())) {
        return Err(format!("`{field}` has an unknown cause, {name:?}"));
    }
    for name in CAUSES {
        let count = counts
            .get(name)
            .ok_or_else(|| format!("`{field}` lacks {name:?}"))?;
        at_most(&format!("{field}.{name}"), *count, COUNT_MAX)?;
    }
    Ok(())
}

fn tls_causes(counts: &BTreeMap<String, u64>) -> Result<(), String> {
    for (name, count) in counts {
        if !Cause::ALL.iter().any(|cause| cause.sentence() == name) {
            return Err(format!(
                "`errors.tls_causes` has an unknown cause, {name:?}"
            ));
        }
        within(&format!("errors.tls_causes.{name}"), *count, 1, COUNT_MAX)?;
    }
    Ok(())
}

fn tls(tls: &Tls) -> Result<(), String> {
    distribution("tls.handshake", &tls.handshake)?;
    at_most("tls.resumed", tls.resumed, tls.handshake.count)?;
    at_most("tls.handshake_cpu_ns", tls.handshake_cpu_ns, NANOS_MAX)?;
    for (name, count) in &tls.protocols {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b" ._".contains(&byte);
        if !name.starts_with("TLS") || !name.bytes().all(is_name) {
            return Err(format!(
                "`tls.protocols` has {name:?}, not a version and a cipher suite"
            ));
        }
        within(&format!("tls.protocols.{name:?}"), *count, 1, COUNT_MAX)?;
    }
    // Those of the warm-up have no time.
    let protocols = sum(tls.protocols.values());
    let protocols = u64::try_from(protocols).unwrap_or(u64::MAX);
    at_most("tls.handshake.count", tls.handshake.count, protocols)
}

fn per_connection(report: &Report) -> Result<(), String> {
    let each = &report.per_connection;
    let (answers, latency) = (&each.answers, &each.mean_latency_ns);
    let name = |field: &str| format!("per_connection.{field}");
    figures(&name("answers"), "", answers)?;
    figures(&name("mean_latency_ns"), "", latency)?;
    let responses = u128::from(report.responses);
    equal(&name("answers.sum"), answers.sum, responses, "`responses`")?;
    for (field, value, most) in [
        ("mean_latency_ns.count", latency.count, answers.count),
        ("starved", each.starved, answers.count),
        ("errors", each.errors, report.errors.total),
        (
            "with_errors",
            each.with_errors,
            answers.count.min(each.errors),
        ),
    ] {
        at_most(&name(field), value, most)?;
    }
    if each.errors > 0 && each.with_errors == 0 {
        let errors = each.errors;
        return Err(format!(
            "`per_connection.with_errors` is 0, but there are {errors} errors"
        ));
    }
    Ok(())
}

fn offered_load(load: &OfferedLoad) -> Result<(), String> {
    let rate = load.requests_per_second;
    up_to("offer.requests_per_second", rate, RATE_MAX)?;
    up_to("offer.all_busy", load.all_busy, SHARE_MAX)?;
    up_to("offer.busy_connections", load.busy_connections, RATE_MAX)?;
    for (name, value, most) in [
        ("offer.sending_ns", load.sending_ns, NANOS_MAX),
        ("offer.due", load.due, COUNT_MAX),
        ("offer.sent", load.sent, load.due),
        ("offer.connections_used", load.connections_used, COUNT_MAX),
        ("offer.backlog_at_half", load.backlog_at_half, COUNT_MAX),
        ("offer.backlog_at_end", load.backlog_at_end, COUNT_MAX),
        ("offer.left_over", load.left_over, COUNT_MAX),
    ] {
        at_most(name, value, most)?;
    }
    let (said, sent) = (load.sent_per_second, load.clone().with_sent_per_second());
    if is_near(said, sent.sent_per_second) {
        Ok(())
    } else {
        Err(format!(
            "`offer.sent_per_second` is {said}, but the other fields give {}",
            sent.sent_per_second
        ))
    }
}

fn phase(phase: &Phase) -> Result<(), String> {
    at_most("phases.start_ns", phase.start_ns, NANOS_MAX)?;
    within("phases.length_ns", phase.length_ns, 1, NANOS_MAX)?;
    for (name, rate) in [("phases.from", phase.from), ("phases.to", phase.to)] {
        up_to(name, rate, RATE_MAX)?;
        if rate <= 0.0 {
            return Err(format!("`{name}` is 0, not above 0"));
        }
    }
    at_most("phases.due", phase.due, COUNT_MAX)?;
    distribution("phases.latency", &phase.latency)?;
    at_most("phases.latency.count", phase.latency.count, phase.due)
}

/// Each answer is that of one template; some errors are of requests that were never made.
fn templates(report: &Report) -> Result<(), String> {
    let mut responses = 0_u128;
    let mut errors = 0_u128;
    for template in &report.templates {
        for (name, value) in [
            ("templates.responses", template.responses),
            ("templates.body_bytes", template.body_bytes),
            ("templates.unanswered", template.unanswered),
        ] {
            at_most(name, value, COUNT_MAX)?;
        }
        for row in template.errors.rows() {
            at_most(
                &format!("templates.errors.{}", row.key),
                row.count,
                COUNT_MAX,
            )?;
        }
        statuses("templates.statuses", &template.statuses)?;
        distribution("templates.latency", &template.latency)?;
        let all = u128::from(template.responses);
        equal(
            "templates.latency.count",
            template.latency.count,
            all,
            "`responses`",
        )?;
        let counts = sum(template.statuses.values());
        equal(
            "templates.responses",
            template.responses,
            counts,
            "`statuses`",
        )?;
        responses += all;
        errors += u128::from(template.errors.total());
    }
    if report.templates.is_empty() {
        return Ok(());
    }
    equal("responses", report.responses, responses, "`templates`")?;
    if errors > u128::from(report.errors.total) {
        return Err(format!(
            "`errors.total` is {}, but those of `templates` add up to {errors}",
            report.errors.total
        ));
    }
    Ok(())
}

fn over_time(report: &Report) -> Result<(), String> {
    let over_time = &report.over_time;
    let interval = over_time.interval_ns;
    if interval != BIN_NANOS {
        return Err(format!(
            "`over_time.interval_ns` is {interval}, but only {BIN_NANOS} can be joined"
        ));
    }
    for (name, counts) in [
        ("over_time.responses", &over_time.responses),
        ("over_time.errors", &over_time.errors),
    ] {
        for count in counts {
            at_most(name, *count, COUNT_MAX)?;
        }
    }
    let (responses, errors) = (over_time.responses.len(), over_time.errors.len());
    if responses == errors {
        Ok(())
    } else {
        Err(format!(
            "`over_time.errors` has {errors} intervals, but `over_time.responses` has {responses}"
        ))
    }
}

fn runs(report: &Report) -> Result<(), String> {
    let machines = report.machines;
    if (report.runs.len() as u64) < machines {
        let runs = report.runs.len();
        return Err(format!("`runs` has {runs} runs of {machines} machines"));
    }
    for (number, run) in report.runs.iter().enumerate() {
        self::run(run).map_err(|error| error.replacen('`', &format!("`runs[{number}]."), 1))?;
    }
    Ok(())
}

fn run(run: &RunSummary) -> Result<(), String> {
    at_most("started_unix_ms", run.started_unix_ms, UNIX_MS_MAX)?;
    for (name, value, most) in [
        ("elapsed_ns", run.elapsed_ns, NANOS_MAX),
        ("responses", run.responses, COUNT_MAX),
        ("errors", run.errors, COUNT_MAX),
        ("p50_ns", run.p50_ns, run.p90_ns),
        ("p90_ns", run.p90_ns, run.p99_ns),
        ("p99_ns", run.p99_ns, run.p99_9_ns),
        ("p99_9_ns", run.p99_9_ns, run.max_ns),
        ("max_ns", run.max_ns, NANOS_MAX),
    ] {
        at_most(name, value, most)?;
    }
    let per_second = ratio(run.responses as f64 * 1e9, run.elapsed_ns as f64);
    if !is_near(run.requests_per_second, per_second) {
        let said = run.requests_per_second;
        return Err(format!(
            "`requests_per_second` is {said}, but the other fields give {per_second}"
        ));
    }
    up_to("mean_ns", run.mean_ns, NANOS_MAX as f64)?;
    let cpu = run.cpu_ns_per_request;
    up_to("cpu_ns_per_request", cpu, NANOS_MAX as f64)
}
