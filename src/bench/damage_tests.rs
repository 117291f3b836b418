//! A report file damaged in any field is refused by the name of the field, or harmless.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::cpu::Cost;
use super::error::ErrorKind;
use super::machines::{ClockDifference, Machine};
use super::measured::Measured;
use super::pace::Arrivals;
use super::per_connection::{ConnectionCounts, PerConnection};
use super::plan::Offer;
use super::rates::{Profile, Rates};
use super::read::read_report;
use super::report::{Report, Settings};
use super::report_tests::{report, tally};
use super::run::Run;
use super::tally::{Bin, Tally};
use super::tls::TlsSettings;
use super::workload::TemplateCounts;
use crate::http::client::ProtocolError;
use crate::tls::{Cause, Handshake};

static SAMPLE: LazyLock<Value> = LazyLock::new(sample);

/// All answers of the sample, and some of its errors.
fn template() -> TemplateCounts {
    let mut counts = TemplateCounts::new(&Arc::from("GET /"));
    for (nanos, status) in [
        (900, 200),
        (1_000, 200),
        (2_000_000, 200),
        (2_000_000, 200),
        (77_000_000, 503),
    ] {
        counts.answer(status, 10, None);
        counts.latency.record(nanos, 1);
    }
    counts.fail(ErrorKind::Connect);
    counts.give_up();
    counts
}

/// With a value in every field.
fn sample() -> Value {
    let mut tally = tally(&[900, 1_000, 2_000_000, 2_000_000, 77_000_000]);
    tally.connect.record(5_000, 2);
    tally.lag.record(700, 5);
    tally.service.record(800, 5);
    tally.unanswered.record(900_000, 3);
    (tally.unanswered_sent, tally.connections_used) = (1, 2);
    (tally.due, tally.sent) = (8, 6);
    (tally.backlog_at_half, tally.backlog_at_end) = (1, 3);
    tally.due_in_phase = vec![5, 6];
    tally.phases = vec![tally.latency.clone(), tally.service.clone()];
    tally.templates = vec![template()];
    (tally.statuses[200], tally.statuses[503]) = (4, 1);
    tally.record_error(ErrorKind::Connect, 2);
    add_tls(&mut tally);
    tally.record_error(ErrorKind::Protocol(ProtocolError::Chunk), 1);
    tally.bins = vec![Bin {
        responses: 5,
        errors: 4,
    }];
    (
        tally.connections.opened,
        tally.connections.opened_in_warmup,
        tally.connections.closed_for_unasked_bytes,
    ) = (4, 2, 1);
    let connection = |answers, errors| ConnectionCounts {
        answers,
        errors,
        latency_sum: 4_000_000 * answers,
    };
    tally.per_connection = PerConnection::of(&[connection(5, 1), connection(0, 1)]);
    (tally.busy_nanos, tally.left_over) = (120_000_000, 1);
    (tally.thread_nanos, tally.all_busy_nanos) = (80_000_000, 20_000_000);
    let run = |tally| Run {
        tally,
        started_unix_ms: 1_700_000_000_000,
        elapsed: 80_000_000,
        costs: vec![Cost {
            cpu: 3_000_000,
            queued: 1_000,
        }],
        connect_error: Some("No route to host (os error 113)".to_owned()),
    };
    let settings = Settings {
        rate: Some(100.0),
        rate_per_connection: Some(1.0),
        requests_per_connection: Some(7),
        request_file: Some("requests.jsonl".to_owned()),
        rates: Some("50,150".to_owned()),
        arrivals: Some(Arrivals::Poisson),
        duration_ns: Some(80_000_000),
        deadline_ns: Some(90_000_000),
        tls: Some(TLS),
        ..report(tally.clone()).settings
    };
    let offer = offer();
    let mut measured = Measured::of(run(tally), Some((&offer, 80_000_000)));
    measured.by_machine = vec![machine(&measured)];
    serde_json::from_str(&Report::new(settings, measured).json()).unwrap()
}

fn machine(measured: &Measured) -> Machine {
    Machine {
        name: "one".to_owned(),
        busy: measured.busy,
        queued: measured.queued,
        clock: Some(ClockDifference::of(1_000, 9_000, 3_000)),
    }
}

const TLS: TlsSettings = TlsSettings {
    verified: true,
    resumption: true,
    client_certificate: false,
};

fn add_tls(tally: &mut Tally) {
    tally.record_error(ErrorKind::Tls(Cause::Expired), 1);
    let handshake = Handshake {
        protocol: "TLSv1.3 TLS_AES_128_GCM_SHA256".to_owned(),
        is_resumed: true,
    };
    tally.handshakes.record(&handshake, 3_000_000, 150_000);
}

fn offer() -> Offer {
    let rates = Rates::parse("50,150").unwrap();
    Offer {
        profile: rates.over(Some(80_000_000)).unwrap(),
        warmup: Profile::constant(50.0),
        arrivals: Arrivals::Poisson,
        seed: 1,
    }
}

/// The paths of a value and of all values below it.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                paths(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// Reads a sample with one value replaced.
fn read_with(path: &str, value: Value) -> Result<String, String> {
    let mut damaged = SAMPLE.clone();
    *damaged.pointer_mut(path).unwrap() = value;
    let result = std::panic::catch_unwind(|| read_report(&damaged.to_string()));
    let result = result.unwrap_or_else(|_| panic!("{damaged} at {path}"));
    if let Err(error) = &result {
        assert!(error.contains('`'), "{path}: {error} names no field");
        assert!(!error.chars().any(char::is_control), "{path}: {error:?}");
    }
    result
}

#[test]
fn impossible_numbers_are_refused() {
    let sample = &*SAMPLE;
    read_report(&sample.to_string()).unwrap();
    let mut all = Vec::new();
    paths(sample, "", &mut all);
    let numbers = all
        .iter()
        .filter(|path| sample.pointer(path).unwrap().is_number());
    for path in numbers {
        for small in [0, 1] {
            let mut damaged = SAMPLE.clone();
            *damaged.pointer_mut(path).unwrap() = json!(small);
            // If it passes, the report made from it equals it.
            let _ = Report::read(&damaged.to_string());
        }
        let _ = read_with(path, json!(1_u64 << 53));
        for wrong in [json!(1_u64 << 63), json!(u64::MAX), json!(-1), json!(1e308)] {
            let read = read_with(path, wrong.clone());
            assert!(read.is_err(), "{path} is {wrong}: {read:?}");
        }
    }
}

/// A path, the value put there, and a part of the error.
fn contradictions() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/latency/min_ns", json!(78_000_000), "`latency.min_ns` is"),
        ("/latency/sum_ns", json!(1), "`latency.sum_ns` is 1"),
        ("/latency/max_ns", json!(88_000_000), "its histogram says"),
        (
            "/latency/percentiles_ns/p50",
            json!(7),
            "p50` is 7, but the",
        ),
        (
            "/requests_per_second",
            json!(1e6),
            "is 1000000.0, but the other fields",
        ),
        ("/responses", json!(6), "but `responses` add up to 6"),
        ("/statuses/503", json!(2), "but `statuses` add up to 6"),
        ("/errors/total", json!(5), "is 5, but its kinds add up to 4"),
        (
            "/errors/tls_causes",
            json!({}),
            "`errors.kinds.tls` is 1, but its causes",
        ),
        (
            "/errors/tls_causes",
            json!({"no": 1}),
            "has an unknown cause",
        ),
        (
            "/tls/resumed",
            json!(2),
            "`tls.resumed` is 2, not from 0 to 1",
        ),
        (
            "/tls/protocols",
            json!({}),
            "`tls.handshake.count` is 1, not from 0 to 0",
        ),
        (
            "/over_time/errors/0",
            json!(1),
            "`over_time.errors` add up to 1",
        ),
        ("/over_time/errors", json!([]), "has 0 intervals"),
        (
            "/runs/0/responses",
            json!(1),
            "`runs[0].requests_per_second` is",
        ),
        ("/runs/0/errors", json!(1), "but `runs` add up to 1"),
        ("/runs/0/p99_ns", json!(1), "`runs[0].p90_ns` is"),
        ("/runs", json!([]), "`runs` has 0 runs of 1 machines"),
        ("/statuses", json!({"999": 5}), "not an HTTP status"),
        ("/settings/url", json!("ftp://a"), "`settings.url`: "),
    ]
}

/// The same for connections.
fn contradictions_of_connections() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "/per_connection/answers/sum",
            json!(4),
            "`per_connection.answers.sum` is 4, but `responses` add up to 5",
        ),
        (
            "/per_connection/answers/min",
            json!(1),
            "`per_connection.answers.min` is 1, but its histogram says 0",
        ),
        (
            "/per_connection/answers/p50",
            json!(3),
            "p50` is 3, but the",
        ),
        (
            "/per_connection/mean_latency_ns/count",
            json!(2),
            "mean_latency_ns.count` is 2, but the counts",
        ),
        (
            "/per_connection/starved",
            json!(3),
            "`per_connection.starved` is 3, not from 0 to 2",
        ),
        (
            "/per_connection/with_errors",
            json!(0),
            "with_errors` is 0, but there are 2 errors",
        ),
        (
            "/per_connection/errors",
            json!(5),
            "`per_connection.errors` is 5, not from 0 to 4",
        ),
    ]
}

#[test]
fn contradictions_are_refused() {
    let all = [contradictions(), contradictions_of_connections()].concat();
    for (path, value, said) in all {
        let error = read_with(path, value).unwrap_err();
        assert!(error.contains(said), "{path}: {error}");
    }
}

#[test]
fn escape_sequences_in_a_file_reach_no_terminal() {
    let sample = &*SAMPLE;
    let mut all = Vec::new();
    paths(sample, "", &mut all);
    let mut passed = 0;
    let escapes = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\nWarning: all is well";
    for path in all {
        let value = sample.pointer(&path).unwrap();
        if value.is_string()
            && let Ok(text) = read_with(&path, json!(escapes))
        {
            passed += 1;
            let shown = text.lines().filter(|line| !line.starts_with('{'));
            for line in shown {
                assert!(
                    !line.chars().any(|c| c.is_control() && c != '\t'),
                    "{line:?}"
                );
                assert!(!line.starts_with("Warning: all is well"), "{text}");
            }
        }
        if let Value::Object(fields) = value {
            let mut fields = fields.clone();
            fields.insert(escapes.to_owned(), json!(1));
            let read = read_with(&path, Value::Object(fields));
            assert!(read.is_err(), "{path} has another field: {read:?}");
        }
    }
    assert!(passed > 0, "the system's message may be any text");
}

#[test]
fn no_field_may_be_missing() {
    let sample = &*SAMPLE;
    let mut all = Vec::new();
    paths(sample, "", &mut all);
    for path in all {
        let Some(Value::Object(fields)) = sample.pointer(&path) else {
            continue;
        };
        for name in fields.keys() {
            let mut rest = fields.clone();
            rest.remove(name);
            let read = read_with(&path, Value::Object(rest));
            assert!(read.is_err(), "{path} without {name}: {read:?}");
        }
    }
}

#[test]
fn a_report_is_found_between_the_lines_of_a_log() {
    let report = SAMPLE.to_string();
    // `serde_json::Value` sorts its fields: ours begins with its format.
    let report = Report::read(&report).unwrap().json();
    let whole = read_report(&report).unwrap();
    for text in [
        format!("hullo bench: failed: p99>1ms: it is 7 ms\n{report}"),
        format!("{report}hullo bench: a note {{1}}\n"),
        format!("{{\"level\":\"info\"}}\n2026-11-24T18:00:00Z {report}{{}}\n"),
    ] {
        assert_eq!(read_report(&text).as_ref(), Ok(&whole), "{text}");
    }
    let twice = read_report(&format!("{report}{report}")).unwrap_err();
    assert!(twice.contains("it holds 2 reports"), "{twice}");
    for half in [&report[..report.len() / 2], &report[1..], "a log\n", " \n"] {
        assert!(read_report(half).is_err(), "{half}");
    }
}

#[test]
fn the_seed_of_the_fuzzer_is_a_report() {
    read_report(include_str!("../../tests/fuzz/report.json")).unwrap();
}
