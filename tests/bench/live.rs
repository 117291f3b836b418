//! What is told of a run while it runs.

use super::*;

use std::io::{BufRead as _, Write as _};
use std::process::Stdio;

/// Answers each request after this time.
fn slow(peer: &mut Peer) {
    while peer.request().is_some() {
        thread::sleep(DELAY);
        peer.send(HELLO);
    }
}

const DELAY: Duration = Duration::from_millis(20);

fn intervals(text: &str) -> Vec<Value> {
    let schema = include_str!("../../src/bench/live/timeline.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .inspect(|line| assert!(validator.is_valid(line), "{line}"))
        .collect()
}

/// 4 connections to a server that takes 20 ms: at most 4 / 0.02 s = 200 requests/s, which a busy machine may
/// not reach; 50 in each quarter of a second.
#[test]
fn a_timeline_has_a_histogram_for_each_interval() {
    let url = format!("http://{}/", serve(slow));
    let file = TemporaryFile::new();
    let flags = ["-z", "1s", "-c", "4", "--timeline", file.path()];
    let flags = [
        &flags[..],
        &["--timeline-interval", "250ms", "--repeat", "2"],
    ]
    .concat();
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.text);
    let lines = intervals(&file.text());
    // At the end of a run the last answers are awaited.
    assert!((8..=10).contains(&lines.len()), "{}", file.text());
    let mut end = 0;
    for line in &lines {
        let start = number(&line["start_ns"]);
        assert_eq!(start, if start == 0 { 0 } else { end }, "no gap: {line}");
        end = number(&line["end_ns"]);
        let responses = number(&line["responses"]);
        assert_eq!(responses, number(&line["latency"]["count"]));
        if end - start == 250_000_000 {
            assert!((4..=56).contains(&responses), "{line}");
            // From one second on, nothing more is sent.
            let in_flight = number(&line["in_flight"]);
            assert!(
                in_flight == 4 || end == 1_000_000_000 && in_flight < 4,
                "{line}"
            );
        }
        if responses > 0 {
            assert!(number(&line["latency"]["percentiles_ns"]["p50"]) >= 20_000_000);
        }
    }
    let runs: Vec<u64> = lines.iter().map(|line| number(&line["run"])).collect();
    assert!(runs.is_sorted() && runs.first() == Some(&1) && runs.last() == Some(&2));
    // The intervals, joined, are the report.
    let sum = |pointer: &str| {
        lines
            .iter()
            .map(|line| number(line.pointer(pointer).unwrap()))
            .sum::<u64>()
    };
    for (pointer, of_report) in [
        ("/responses", "/responses"),
        ("/latency/sum_ns", "/latency/sum_ns"),
        ("/received_bytes", "/received_bytes"),
        ("/connections_opened", "/connections/opened"),
    ] {
        let whole = number(json.pointer(of_report).unwrap());
        assert_eq!(sum(pointer), whole, "{pointer}");
    }
    let mut counts = std::collections::BTreeMap::new();
    for pair in lines
        .iter()
        .flat_map(|line| line["latency"]["histogram"]["counts"].as_array().unwrap())
    {
        *counts.entry(number(&pair[0])).or_insert(0) += number(&pair[1]);
    }
    let whole: std::collections::BTreeMap<u64, u64> =
        serde_json::from_value::<Vec<(u64, u64)>>(json["latency"]["histogram"]["counts"].clone())
            .unwrap()
            .into_iter()
            .collect();
    assert_eq!(counts, whole);
}

/// The report is whole whatever becomes of the file; the exit code tells.
#[test]
fn a_file_that_cannot_be_written_does_not_end_the_run() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let flags = ["-z", "600ms", "-c", "2", "--timeline-interval", "50ms"];
    let full = bench(&[&flags[..], &["--timeline", "/dev/full", &url]].concat());
    assert_eq!(full.code, 1);
    assert_eq!(
        full.stderr.matches("cannot write /dev/full").count(),
        1,
        "{}",
        full.stderr
    );
    assert!(
        full.stderr
            .contains("hullo bench: /dev/full is not complete\n"),
        "{}",
        full.stderr
    );
    assert!(
        full.text.contains("\nStatus code distribution:\n"),
        "{}",
        full.text
    );
    let nowhere = bench(&[&flags[..], &["--timeline", "/nowhere/at.all", &url]].concat());
    assert_eq!((nowhere.code, nowhere.text.as_str()), (1, ""));
    assert!(
        nowhere.stderr.contains("cannot write /nowhere/at.all"),
        "{}",
        nowhere.stderr
    );
    // The reader has left after the first line.
    let line = format!(
        "{} bench {} --timeline >(head -n1 >/dev/null) {url}",
        env!("CARGO_BIN_EXE_hullo"),
        flags.join(" ")
    );
    let closed = Ran::from(
        std::process::Command::new("bash")
            .args(["-c", &line])
            .output()
            .unwrap(),
    );
    assert_eq!(closed.code, 0, "{}", closed.stderr);
    assert!(
        closed.stderr.matches("Broken pipe").count() <= 1,
        "{}",
        closed.stderr
    );
    assert!(
        closed.text.contains("\nStatus code distribution:\n"),
        "{}",
        closed.text
    );
}

/// What Prometheus sees while the run goes on, and the report after it.
#[test]
fn metrics_are_told_while_it_runs() {
    let url = format!("http://{}/", serve(slow));
    let file = TemporaryFile::new();
    let flags = [
        "-z",
        "3s",
        "-c",
        "4",
        "--metrics",
        "127.0.0.1:0",
        "--json",
        file.path(),
        &url,
    ];
    let mut child = command(&flags)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line
        .strip_prefix("hullo bench: metrics at http://")
        .unwrap();
    let address = address.strip_suffix("/metrics").unwrap().to_owned();
    let get = |head: &str| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let request = format!("{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(get("GET /").starts_with("HTTP/1.1 404 "));
    assert!(get("POST /metrics").starts_with("HTTP/1.1 404 "));
    let counted = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("hullo_bench_responses_total{code=\"200\"} "));
        line.map_or(0, |line| {
            line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        })
    };
    let start = Instant::now();
    let mut text = String::new();
    while counted(&text) == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
        thread::sleep(Duration::from_millis(50));
        text = get("GET /metrics");
    }
    assert!(text.contains("text/plain; version=0.0.4"), "{text}");
    assert!(
        text.contains("\nhullo_bench_in_flight_requests 4\n"),
        "{text}"
    );
    assert!(
        text.contains("hullo_bench_latency_seconds_bucket{le=\"0.01\"} 0\n"),
        "{text}"
    );
    let count = format!("hullo_bench_latency_seconds_count {}\n", counted(&text));
    assert!(text.contains(&count), "{text}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let report: Value = serde_json::from_str(&file.text()).unwrap();
    // It was asked before the end.
    assert!(counted(&text) < number(&report["responses"]), "{text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let ran = bench(&["-n", "20", "-c", "2", "--metrics", &taken, &url]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("for --metrics: "), "{}", ran.stderr);
}

/// Runs it on a terminal so wide. `script` provides the terminal.
fn on_terminal(columns: u16, flags: &str) -> Ran {
    let binary = env!("CARGO_BIN_EXE_hullo");
    let line = format!("stty cols {columns}; '{binary}' bench {flags}");
    let output = std::process::Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("script is part of every Debian");
    Ran::from(output)
}

/// The progress on a terminal: what stands between the line's carriage returns.
fn shown(ran: &Ran) -> Vec<String> {
    let before = ran.text.split("Summary:").next().unwrap();
    let plain = before.replace("\u{1b}[2K", "\r").replace("\u{1b}[1A", "");
    let lines = plain.split('\r').map(|line| line.trim().to_owned());
    lines.filter(|line| line.contains("requests/s")).collect()
}

#[test]
fn a_terminal_shows_how_the_run_goes() {
    let url = format!("http://{}/", serve(slow));
    let ran = on_terminal(100, &format!("-z 2s -c 3 {url}"));
    assert_eq!(ran.code, 0);
    let lines = shown(&ran);
    // At the very end nothing is in flight.
    let parts = [
        " requests/s, 3 in flight, p50 ",
        " ms, p99 ",
        " ms, 0 errors, ",
        " s left",
    ];
    let whole = |line: &&String| parts.iter().all(|part| line.contains(part));
    let last = lines.iter().rfind(whole);
    let last = last.unwrap_or_else(|| panic!("no line has {parts:?}: {lines:#?}"));
    assert!(lines.first().unwrap().ends_with("2 s left"), "{lines:#?}");
    // 3 / 20 ms = 150/s at most.
    let rate: f64 = last.split(' ').next().unwrap().parse().unwrap();
    assert!((10.0..=160.0).contains(&rate), "{last}");
    assert!(
        ran.text.contains("Status code distribution:"),
        "{}",
        ran.text
    );
}

#[test]
fn a_narrow_terminal_has_lines_that_fit() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let ran = on_terminal(60, &format!("-z 1200ms -c 2 {url}"));
    let lines = shown(&ran);
    assert!(
        lines.iter().all(|line| line.chars().count() < 60),
        "{lines:#?}"
    );
    let bars: Vec<&str> = ran
        .text
        .lines()
        .filter(|line| line.contains('\u{25a0}'))
        .collect();
    assert!(bars.len() > 2, "{}", ran.text);
    assert!(
        bars.iter()
            .all(|line| line.trim_end().chars().count() <= 60),
        "{bars:#?}"
    );
}

#[test]
fn quiet_means_no_progress() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let ran = on_terminal(80, &format!("--quiet -z 500ms -c 2 {url}"));
    assert_eq!(ran.code, 0);
    assert_eq!(shown(&ran), [""; 0]);
    assert!(!ran.text.contains('\u{1b}'), "{:?}", ran.text);
}

/// Escape sequences that a server sends, wherever it can, do not reach the terminal.
#[test]
fn what_a_server_sends_does_not_reach_the_terminal() {
    const EVIL: &str = "\u{1b}]0;evil\u{7}\u{1b}[31mevil\u{9b}31mevil";
    let heads = [
        format!("HTTP/1.1 200 {EVIL}\r\nContent-Length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX: {EVIL}\r\nServer: {EVIL}\r\nContent-Length: 0\r\n\r\n"),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{EVIL}",
            EVIL.len()
        ),
        format!("HTTP/1.1 302 {EVIL}\r\nLocation: http://{EVIL}/\r\nContent-Length: 0\r\n\r\n"),
        format!("{EVIL}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{EVIL}\r\n"),
    ];
    for head in heads {
        let answer = head.clone();
        let url = format!(
            "http://{}/",
            serve(move |peer| {
                while peer.request().is_some() {
                    peer.send(&answer);
                }
            })
        );
        let ran = on_terminal(80, &format!("-n 20 -c 2 --expect-body x {url}"));
        assert!(!ran.text.contains("evil"), "{head:?}: {:?}", ran.text);
        assert!(
            !ran.text.contains('\u{9b}') && !ran.text.contains('\u{7}'),
            "{:?}",
            ran.text
        );
    }
}

/// A row for each request: the times of an answer in two parts, 30 ms apart, on connections for one request each.
#[test]
fn each_request_has_a_row() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            while peer.request().is_some() {
                thread::sleep(DELAY);
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
                thread::sleep(PAUSE);
                peer.send("llo");
            }
        })
    );
    let file = TemporaryFile::new();
    let flags = [
        "-n",
        "6",
        "-c",
        "2",
        "--disable-keepalive",
        "--repeat",
        "2",
        "--samples",
        file.path(),
    ];
    let (ran, json) = measured(&[&flags[..], &["--expect-status", "201", &url]].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let text = file.text();
    let (head, rows) = text.split_once('\n').unwrap();
    assert!(head.starts_with("response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset,"));
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 12);
    let seconds = |row: &[&str], column: usize| row[column].parse::<f64>().unwrap();
    for row in &rows {
        assert_eq!((row[6], row[9]), ("200", "status"), "{row:?}");
        let [took, connect, delay, read] = [0, 1, 4, 5].map(|column| seconds(row, column));
        assert!(delay >= 0.02 && read >= 0.025 && connect > 0.0, "{row:?}");
        // Until the first byte is written, and from then on.
        assert!((took - connect - delay - read).abs() < 1e-6, "{row:?}");
    }
    // The report has the same sums.
    let sum = |column| rows.iter().map(|row| seconds(row, column)).sum::<f64>();
    for (column, name) in [(0, "latency"), (1, "connect"), (5, "reading")] {
        let whole = json[name]["sum_ns"].as_f64().unwrap() / 1e9;
        assert!((sum(column) - whole).abs() < 1e-6, "{name}");
    }
    let refused = bench(&[
        "-n",
        "4",
        "-c",
        "2",
        "--samples",
        file.path(),
        &format!("http://{}/", closed_port()),
    ]);
    assert_eq!(refused.code, 1);
    let rows = file.text();
    assert_eq!(
        rows.lines()
            .filter(|row| row.contains(",0,") && row.ends_with(",refused,1"))
            .count(),
        4,
        "{rows}"
    );
}

const PAUSE: Duration = Duration::from_millis(30);

#[test]
fn a_run_is_drawn() {
    let url = format!("http://{}/", serve(slow));
    let (svg, html) = (TemporaryFile::new(), TemporaryFile::new());
    let flags = [
        "-z",
        "1s",
        "-c",
        "2",
        "--svg",
        svg.path(),
        "--html",
        html.path(),
        &url,
    ];
    assert_eq!(bench(&flags).code, 0);
    let (svg, html) = (svg.text(), html.text());
    assert!(
        svg.contains("Latency over time, http://127.0.0.1")
            && svg.contains("prefers-color-scheme:dark")
    );
    for text in ["p99", "answers/s", "Latency by percentile", "90 %", " ms"] {
        assert!(svg.contains(text) && html.contains(text), "{text}");
    }
    assert!(
        html.contains("<h2>Summary</h2>") && html.contains("<dt>90%</dt><dd>2"),
        "{html}"
    );
}

/// Two results of the same server do not differ; one of a server that takes 20 ms longer is worse.
#[test]
fn two_results_are_compared() {
    let results = |pause: Duration| {
        let url = format!(
            "http://{}/",
            serve(move |peer| {
                while peer.request().is_some() {
                    thread::sleep(DELAY + pause);
                    peer.send(HELLO);
                }
            })
        );
        let file = TemporaryFile::new();
        let flags = [
            "-n",
            "20",
            "-c",
            "2",
            "--repeat",
            "5",
            "--json",
            file.path(),
            &url,
        ];
        assert_eq!(bench(&flags).code, 0);
        file
    };
    let (old, new) = (results(Duration::ZERO), results(DELAY));
    let same = bench(&["--compare", old.path(), old.path()]);
    assert_eq!((same.code, same.stderr.as_str()), (0, ""), "{}", same.text);
    assert!(same.text.contains("| no difference"), "{}", same.text);
    let worse = bench(&["--compare", old.path(), new.path()]);
    assert_eq!(worse.code, 3, "{}", worse.text);
    let row = worse
        .text
        .lines()
        .find(|line| line.contains("| p50 "))
        .unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let ratio: f64 = cells[4].parse().unwrap();
    // (20 + 20) ms / 20 ms, on a busy machine less.
    assert!((1.5..=2.1).contains(&ratio) && cells[6] == "worse", "{row}");
    assert_eq!(bench(&["--compare", new.path(), old.path()]).code, 0);
    let one = TemporaryFile::new();
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    bench(&["-n", "20", "-c", "2", "--json", one.path(), &url]);
    assert_eq!(bench(&["--compare", one.path(), one.path()]).code, 5);
    let bad = bench(&["--compare", old.path(), "/nowhere/at.all"]);
    assert_eq!(bad.code, 2);
    let json = bench(&["--compare", old.path(), old.path(), "-o", "json"]);
    assert_eq!(json.code, 2);
    assert!(json.stderr.contains("leave out -o"), "{}", json.stderr);
    assert!(
        bad.stderr.contains("/nowhere/at.all cannot be compared"),
        "{}",
        bad.stderr
    );
}
