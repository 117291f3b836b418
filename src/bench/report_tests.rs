//! Reports of known samples, and properties of any report.

use super::cpu::Cost;
use super::error::ErrorKind;
use super::measured::Measured;
use super::per_connection::{ConnectionCounts, PerConnection};
use super::report::{OfferedLoad, Report, Settings};
use super::run::Run;
use super::tally::{Bin, Tally};
use super::{tables, text};
use crate::http::client::ProtocolError;

/// Answers with these latencies.
pub(super) fn tally(nanos: &[u64]) -> Tally {
    let mut tally = Tally::new();
    for nanos in nanos {
        tally.latency.record(*nanos, 1);
        tally.responses += 1;
        tally.body_bytes += 10;
    }
    tally.per_connection = PerConnection::of(&[ConnectionCounts {
        answers: tally.responses,
        errors: 0,
        latency_sum: tally.latency.sum(),
    }]);
    tally
}

fn settings() -> Settings {
    Settings {
        url: "http://127.0.0.1/".into(),
        method: Some("GET".into()),
        request_file: None,
        cookies: false,
        connections: 1,
        connections_auto: false,
        threads: 1,
        pipeline: 1,
        requests: Some(1),
        duration_ns: None,
        warmup_ns: 0,
        repeat: 1,
        rate: None,
        rates: None,
        arrivals: None,
        rate_per_connection: None,
        timeout_ns: Some(20_000_000_000),
        deadline_ns: None,
        poll_ns: 0,
        keepalive: true,
        requests_per_connection: None,
        tls: None,
        lookup_ns: 0,
    }
}

fn measured(tally: Tally) -> Measured {
    let mut measured = Measured {
        cpu: tally.responses * 2000,
        tally,
        started_unix_ms: 1_700_000_000_000,
        elapsed: 1_000_000_000,
        machines: 1,
        busy: 0.5,
        queued: 0.0,
        offer: None,
        phases: Vec::new(),
        runs: Vec::new(),
        by_machine: Vec::new(),
        connect_error: None,
    };
    measured.runs = vec![measured.summary()];
    measured
}

/// The load of 1 s, with 10 connections that were never all busy.
pub(super) fn offered(due: u64, sent: u64) -> OfferedLoad {
    let load = OfferedLoad {
        requests_per_second: due as f64,
        sending_ns: 1_000_000_000,
        due,
        sent,
        sent_per_second: 0.0,
        all_busy: 0.0,
        busy_connections: 1.0,
        connections_used: 10,
        backlog_at_half: 0,
        backlog_at_end: 0,
        left_over: 0,
    };
    load.with_sent_per_second()
}

/// The same report of an open model.
pub(super) fn open_report(change: impl Fn(&mut Measured, &mut OfferedLoad)) -> Report {
    let mut measured = measured(tally(&[1_000_000; 500]));
    measured.tally.service.record(100_000_000, 500);
    let mut offer = offered(500, 500);
    change(&mut measured, &mut offer);
    measured.offer = Some(offer.with_sent_per_second());
    let settings = Settings {
        rate: Some(500.0),
        connections: 10,
        ..settings()
    };
    Report::new(settings, measured)
}

/// One second long, half busy.
pub(super) fn report(tally: Tally) -> Report {
    Report::new(settings(), measured(tally))
}

fn rich(seed: u64) -> Tally {
    let mut tally = tally(&(1..500).map(|i| i * i * seed + 7).collect::<Vec<_>>());
    tally.connect.record(1000 * seed, 3);
    tally.lag.record(seed, 1);
    tally.statuses[200] = 400;
    tally.statuses[usize::try_from(400 + seed).unwrap()] = 99;
    tally.record_error(ErrorKind::Protocol(ProtocolError::Chunk), seed);
    tally.record_error(ErrorKind::Reset, 2);
    tally.received_bytes = 77 * seed;
    tally.connections.opened = 5;
    tally.connections.closed_by_server = seed;
    tally.connections.requests_sent_again = 1;
    let responses = |i| if i == 0 { 499 - (seed + 1) } else { 1 };
    tally.bins = (0..seed + 2)
        .map(|i| Bin {
            responses: responses(i),
            errors: 1,
        })
        .collect();
    tally
}

#[test]
fn a_written_report_is_read_back_unchanged() {
    let written = report(rich(3));
    let read = Report::read(&written.json()).unwrap();
    assert_eq!(read, written);
    assert_eq!(Report::new(settings(), read.measured()), written);
}

/// Through JSON, as results of several machines are.
#[test]
fn joined_reports_equal_one_of_both() {
    let (a, b) = (report(rich(3)), report(rich(11)));
    let mut joined = Report::read(&a.json()).unwrap().measured();
    joined.join(Report::read(&b.json()).unwrap().measured());
    joined.machines = 1;
    joined.runs = vec![joined.summary()];
    let mut both = rich(3);
    for i in 1..500 {
        both.latency.record(i * i * 11 + 7, 1);
    }
    both.responses += 499;
    both.per_connection.add(&rich(11).per_connection);
    both.body_bytes += 4990;
    both.connect.record(11_000, 3);
    both.lag.record(11, 1);
    both.statuses[200] = 800;
    both.statuses[411] = 99;
    both.record_error(ErrorKind::Protocol(ProtocolError::Chunk), 11);
    both.record_error(ErrorKind::Reset, 2);
    both.received_bytes = 77 * 14;
    both.connections.opened = 10;
    both.connections.closed_by_server = 14;
    both.connections.requests_sent_again = 2;
    both.bins = (0..13)
        .map(|i| Bin {
            responses: match i {
                0 => 499 - 4 + 499 - 12,
                1..5 => 2,
                _ => 1,
            },
            errors: 1 + u64::from(i < 5),
        })
        .collect();
    assert_eq!(Report::new(settings(), joined), report(both));
}

#[test]
fn bad_reports_are_refused() {
    let good = report(rich(1)).json();
    for (text, word) in [
        (String::new(), "the file is empty"),
        ("{}".to_owned(), "missing field"),
        (
            good.replace("hullo-bench/1", "hullo-bench/2"),
            "its `format` is hullo-bench/2",
        ),
        (
            good.replace("\"significant_digits\":3", "\"significant_digits\":2"),
            "`latency.histogram.significant_digits` is 2",
        ),
        (
            good.replace("\"machines\":1", "\"machines\":-1"),
            "`machines`: invalid value",
        ),
        (
            good.replace("\"machines\":1", "\"machines\":1,\"more\":2"),
            "unknown field",
        ),
    ] {
        let error = Report::read(&text).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn warnings_appear_when_they_apply() {
    let warned = |change: &dyn Fn(&mut Measured), settings: Settings| {
        let mut measured = measured(rich(1));
        change(&mut measured);
        Report::new(settings, measured).warnings.join("\n")
    };
    assert_eq!(warned(&|_| {}, settings()), "");
    assert_eq!(warned(&|m| m.busy = 0.95, settings()), "");
    assert!(warned(&|m| m.busy = 0.96, settings()).contains("the generator was the bottleneck"));
    assert!(warned(&|m| m.queued = 0.06, settings()).contains("waited for a core 6 %"));
    assert!(warned(&|m| m.tally.unfinished = 7, settings()).contains("7 requests"));
    let deadline = |nanos| Settings {
        requests: Some(1000),
        deadline_ns: Some(nanos),
        ..settings()
    };
    assert!(warned(&|_| {}, deadline(1_000_000_000)).contains("498 were not sent"));
    // It was interrupted before.
    assert_eq!(warned(&|_| {}, deadline(1_000_000_001)), "");
    let open = Settings {
        rate: Some(1.0),
        ..settings()
    };
    assert_eq!(warned(&|_| {}, open.clone()), "");
    let late = |number| {
        move |m: &mut Measured| {
            m.offer = Some(offered(500, 500));
            m.tally.lag.record(2_000_000, number);
        }
    };
    assert_eq!(warned(&late(5), open.clone()), "");
    assert!(warned(&late(6), open).contains("it sent 6 of 500 requests 1 ms or more after"));
}

#[test]
fn the_text_has_the_layout_of_hey() {
    let mut tally = tally(&(1..=100).map(|ms| ms * 1_000_000).collect::<Vec<_>>());
    tally.statuses[200] = 100;
    tally.record_error(ErrorKind::Timeout, 5);
    tally.record_error(ErrorKind::Protocol(ProtocolError::Length), 2);
    tally.connections.opened = 3;
    tally.bins = vec![
        Bin {
            responses: 10,
            errors: 0
        };
        10
    ];
    // A run of exactly one second ends with an empty interval.
    tally.bins.push(Bin::default());
    let text = text::of(&report(tally));
    let expected = "
Summary:
  Total:\t1.0000 secs
  Slowest:\t0.100000 secs
  Fastest:\t0.001000 secs
  Average:\t0.050500 secs
  Requests/sec:\t100.0000

  Total data:\t1000 bytes
  Size/request:\t10 bytes

Response time histogram:
  0.001000 [1]\t|\u{25a0}\u{25a0}\u{25a0}\u{25a0}
  0.010900 [9]\t|";
    assert!(text.starts_with(expected), "{text}");
    for line in [
        "Latency distribution:\n  10% in 0.0100",
        "\n  99.99% in 0.100000 secs\n  100% in 0.100000 secs\n",
        "Status code distribution:\n  [200]\t100 responses\n",
        "Error distribution:\n  [5]\ttimeout\n  [2]\tbad response: Content-Length is not a number\n",
        "Requests/sec over time:\n  0.0 s [100]\t|\u{25a0}",
        "Connections:\n  opened:\t3\n",
        "Generator:\n  CPU/request:\t2.000 \u{b5}s\n  busiest thread:\t50.0 %\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let counts = text.lines().filter(|line| line.contains("\t|"));
    assert_eq!(counts.count(), 11 + 10);
}

#[test]
fn the_system_is_quoted_only_about_its_own_error() {
    let text = |kinds: &[ErrorKind]| {
        let mut tally = Tally::new();
        for kind in kinds {
            tally.record_error(*kind, 1);
        }
        let mut measured = measured(tally);
        measured.connect_error = Some("No route to host".to_owned());
        text::of(&Report::new(settings(), measured))
    };
    let alone = text(&[ErrorKind::Connect]);
    let both = text(&[ErrorKind::Connect, ErrorKind::Refused]);
    assert!(
        alone.contains("[1]\tcannot connect: No route to host\n"),
        "{alone}"
    );
    assert!(both.contains("[1]\tcannot connect\n"), "{both}");
}

#[test]
fn a_report_without_answers_is_valid() {
    let none = report(Tally::new());
    let text = text::of(&none);
    assert!(text.contains("Requests/sec:\t0.0000"), "{text}");
    assert!(
        !text.contains("NaN") && !text.contains("histogram"),
        "{text}"
    );
    assert_eq!(Report::read(&none.json()).unwrap(), none);
    assert!(
        tables::csv(&none)
            .lines()
            .last()
            .unwrap()
            .starts_with("all,1700000000000,1.000000,0,0,0.000,")
    );
    assert!(tables::hgrm(&none).contains("Total count    =            0"));
}

#[test]
fn tables_have_a_cell_for_each_column() {
    let report = report(rich(5));
    for line in tables::csv(&report).lines() {
        assert_eq!(line.split(',').count(), 13, "{line}");
    }
    for line in tables::markdown_table(&report).lines() {
        assert_eq!(line.matches('|').count(), 12, "{line}");
    }
}

#[test]
fn the_text_for_the_plotter_counts_all_answers() {
    let text = tables::hgrm(&report(tally(&[
        1_000_000, 2_000_000, 2_000_000, 40_000_000,
    ])));
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(2)
        .take_while(|line| !line.starts_with('#'))
        .map(|line| {
            line.split_whitespace()
                .map(|cell| cell.parse().unwrap())
                .collect()
        })
        .collect();
    assert!(
        rows.windows(2)
            .all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1]),
        "{text}"
    );
    let last = rows.last().unwrap();
    assert!(
        (last[0] - 40.0).abs() < 0.05 && (last[2] - 4.0).abs() < 0.1,
        "{text}"
    );
    assert!(text.contains("SubBuckets     =         2048]"), "{text}");
}

/// The last interval of a run is shorter than the others: its rate must not look lower.
#[test]
fn the_rate_over_time_is_that_of_each_interval() {
    let run = |number: u64| {
        let mut tally = tally(&[1_000_000; 130]);
        tally.statuses[200] = 130;
        tally.bins = [100, 30]
            .map(|responses| Bin {
                responses,
                errors: 0,
            })
            .to_vec();
        let run = Run {
            tally,
            started_unix_ms: 1_700_000_000_000 + number,
            elapsed: 130_000_000,
            costs: vec![Cost::default()],
            connect_error: None,
        };
        Measured::of(run, None)
    };
    let mut all = run(0);
    all.follow(run(1));
    all.follow(run(2));
    let settings = Settings {
        repeat: 3,
        ..settings()
    };
    let text = text::of(&Report::new(settings, all));
    let over_time = text.split("over time:\n").nth(1).unwrap();
    let lines: Vec<&str> = over_time.split("\n\n").next().unwrap().lines().collect();
    assert!(lines.len() >= 3, "{text}");
    assert!(lines.iter().all(|line| line.contains("[1000]")), "{text}");
}

/// Starting and ending dominate a short run: the fraction of the time that a thread ran means nothing.
#[test]
fn a_short_run_has_no_busy_generator() {
    let busy = |elapsed| {
        let costs = vec![Cost {
            cpu: elapsed,
            queued: elapsed,
        }];
        let run = Run {
            tally: tally(&[1_000]),
            started_unix_ms: 1_700_000_000_000,
            elapsed,
            costs,
            connect_error: None,
        };
        Report::new(settings(), Measured::of(run, None))
    };
    let (short, long) = (busy(49_999_999), busy(50_000_000));
    assert_eq!(short.warnings, [""; 0]);
    assert!(!text::of(&short).contains("busiest"));
    assert!(
        long.warnings[0].contains("100 % busy"),
        "{:?}",
        long.warnings
    );
    assert_eq!(long.generator.cpu_ns, 50_000_000);
}
