//! Reports, `--merge`, and exit codes.

use super::*;

#[test]
fn each_repeated_run_and_the_total_are_reported() {
    let json = succeeds_thrice();
    assert_eq!(number(&json["responses"]), 60);
    assert_eq!(json["runs"].as_array().unwrap().len(), 3);
    assert_eq!(number(&json["connections"]["opened"]), 6);
    assert_eq!(number(&json["machines"]), 1);
}

fn succeeds_thrice() -> Value {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let flags = ["-n", "20", "-c", "2", "--repeat", "3"];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!(ran.code, 0);
    assert!(
        ran.text
            .contains("\nRuns (requests/sec, 50%, 99%, errors):\n  1:\t"),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("\n  median "), "{}", ran.text);
    let csv = bench(&[&flags[..], &["-o", "csv", &url]].concat()).text;
    let first = |line: &str| line.split(',').next().unwrap().to_owned();
    let column: Vec<String> = csv.lines().map(first).collect();
    assert_eq!(column, ["run", "1", "2", "3", "all"]);
    let markdown = bench(&[&flags[..], &["-o", "markdown", &url]].concat()).text;
    let cells: Vec<&str> = markdown
        .lines()
        .last()
        .unwrap()
        .split('|')
        .map(str::trim)
        .collect();
    assert_eq!(cells[1..4], ["all", "60", "0"], "{markdown}");
    json
}

#[test]
fn exit_codes() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let nowhere = format!("http://{}/", closed_port());
    for (code, flags, said) in [
        (
            0,
            vec!["--fail-if", "errors>0", "--fail-if", "p99>10s", &url],
            "",
        ),
        (
            3,
            vec!["--fail-if", "p50>1ns", &url],
            "failed: p50>1ns: it is ",
        ),
        (
            3,
            vec![
                "--fail-if",
                "responses!=50",
                "--fail-if",
                "responses==50",
                &url,
            ],
            "failed: responses==50: it is 50",
        ),
        (
            3,
            vec!["--expect-status", "200", "--fail-if", "errors<1", &url],
            "failed: errors<1: it is 0",
        ),
        (
            1,
            vec!["--expect-status", "404", &url],
            "every request failed",
        ),
        (
            1,
            vec!["--expect-body", "nope", &url],
            "every request failed",
        ),
        (
            1,
            vec!["--expect-status", "404", "--fail-if", "errors>0", &url],
            "failed: errors>0: it is 50",
        ),
        (
            1,
            vec!["--fail-if", "errors>0", &nowhere],
            "no request was answered",
        ),
        (2, vec!["ftp://localhost/"], "only http:// and https://"),
        (
            2,
            vec!["-x", "localhost:3128", &url],
            "would measure the proxy",
        ),
        (2, vec!["-c", "51", &url], "-n 50 is less than -c 51"),
        (
            2,
            vec!["-m", "HEAD", "--expect-body", "x", &url],
            "cannot be used with HEAD",
        ),
        (
            2,
            vec!["-D", "/nowhere/at.all", &url],
            "cannot read /nowhere/at.all",
        ),
        (2, vec!["-m", "CONNECT", &url], "tunnel"),
        (2, vec!["-z", "1s", "-c", "100000000", &url], "ulimit -n"),
        (2, vec!["--merge", "/nowhere/at.all"], "cannot be joined"),
        (2, vec!["--fail-if", "p99>5", &url], "needs a unit"),
    ] {
        let ran = bench(&[&["-n", "50"], &flags[..]].concat());
        assert_eq!(ran.code, code, "{flags:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{flags:?}: {}", ran.stderr);
    }
}

#[test]
fn an_interrupt_ends_the_run_and_prints_the_report() {
    let url = format!(
        "http://{}/",
        serve(|peer| {
            // The second connection is never answered, so that something is in flight.
            if peer.number == 0 {
                peer.answer_all(HELLO);
            }
            while peer.request().is_some() {}
        })
    );
    let start = Instant::now();
    let child = command(&["-z", "60s", "-c", "2", "-o", "json", &url])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(400));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, ""),
        "no progress line in a pipe either"
    );
    let json: Value = serde_json::from_str(&ran.text).unwrap();
    validate(&json);
    assert!(number(&json["responses"]) > 100);
    assert!(
        (1..=2).contains(&number(&json["unfinished"])),
        "{}",
        json["unfinished"]
    );
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("interrupted"), "{warnings}");
}

/// The sums of the counts of two results.
fn histogram_of_both(a: &Value, b: &Value) -> Vec<(u64, u64)> {
    let mut all = std::collections::BTreeMap::new();
    for json in [a, b] {
        for pair in json["latency"]["histogram"]["counts"].as_array().unwrap() {
            *all.entry(number(&pair[0])).or_insert(0) += number(&pair[1]);
        }
    }
    all.into_iter().collect()
}

#[test]
fn results_of_two_machines_join_exactly() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (a, b, all, hdr) = (
        TemporaryFile::new(),
        TemporaryFile::new(),
        TemporaryFile::new(),
        TemporaryFile::new(),
    );
    for (file, requests) in [(&a, "300"), (&b, "500")] {
        let ran = bench(&["-n", requests, "-c", "2", "--json", file.path(), &url]);
        assert_eq!(ran.code, 0);
    }
    let ran = bench(&[
        "--merge",
        a.path(),
        b.path(),
        "--json",
        all.path(),
        "--hdr",
        hdr.path(),
        "--fail-if",
        "responses==800",
    ]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let read = |file: &TemporaryFile| serde_json::from_str::<Value>(&file.text()).unwrap();
    let (a, b, all) = (read(&a), read(&b), read(&all));
    validate(&all);
    let sum = |path: &str| number(a.pointer(path).unwrap()) + number(b.pointer(path).unwrap());
    for path in [
        "/responses",
        "/statuses/200",
        "/body_bytes",
        "/connections/opened",
        "/latency/sum_ns",
        "/generator/cpu_ns",
        "/machines",
    ] {
        assert_eq!(number(all.pointer(path).unwrap()), sum(path), "{path}");
    }
    let histogram = histogram_of_both(&a, &b);
    let counts: Vec<(u64, u64)> =
        serde_json::from_value(all["latency"]["histogram"]["counts"].clone()).unwrap();
    assert_eq!(counts, histogram);
    // The percentile of all answers, not a mean of two percentiles.
    let rank = |percent: u64| {
        let mut left = percent * 800 / 100;
        let found = histogram.iter().find(|(_, count)| {
            left = left.saturating_sub(*count);
            left == 0
        });
        found.unwrap().0.min(number(&all["latency"]["max_ns"]))
    };
    let percentiles = &all["latency"]["percentiles_ns"];
    assert_eq!(number(&percentiles["p50"]), rank(50));
    assert_eq!(number(&percentiles["p99"]), rank(99));
    assert!(
        hdr.text().contains("Total count    =          800]"),
        "{}",
        hdr.text()
    );
    assert!(ran.text.contains("\n  machines: "), "{}", ran.text);
}

#[test]
fn the_schema_refuses_what_is_not_a_result() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (_, good) = measured(&["-n", "10", "-c", "2", &url]);
    let schema = serde_json::from_str(include_str!("../../src/bench/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&good));
    for path in [
        "/errors/bad_response_causes/malformed chunk",
        "/format",
        "/latency/histogram/counts/0/0",
        "/errors/kinds/refused",
        "/settings/url",
        "/runs/0/responses",
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = Value::Bool(true);
        assert!(!validator.is_valid(&bad), "{path}");
    }
    for (path, bad) in [
        ("/format", "hullo-bench/2".into()),
        ("/version", "one".into()),
        ("/settings/url", "ftp://a/".into()),
        ("/settings/rate", 0.into()),
        ("/settings/requests", 0.into()),
        ("/machines", 0.into()),
        ("/requests_per_second", (-1).into()),
        ("/over_time/interval_ns", 1.into()),
        ("/latency/histogram/significant_digits", 2.into()),
        ("/latency/histogram/counts/0/1", 0.into()),
        ("/statuses", serde_json::json!({ "600": 1 })),
        ("/runs", Value::Array(Vec::new())),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(path).unwrap() = bad;
        assert!(!validator.is_valid(&wrong), "{path}");
    }
    for object in [
        "",
        "/errors/kinds",
        "/errors/bad_response_causes",
        "/settings",
        "/latency/percentiles_ns",
        "/per_connection/answers",
    ] {
        let fields = good.pointer(object).and_then(Value::as_object).unwrap();
        for name in fields.keys() {
            let mut less = good.clone();
            let fields = less.pointer_mut(object).unwrap().as_object_mut().unwrap();
            fields.remove(name);
            assert!(!validator.is_valid(&less), "{object} without {name}");
        }
        let mut more = good.clone();
        let fields = more.pointer_mut(object).unwrap().as_object_mut().unwrap();
        fields.insert("more".into(), 1.into());
        assert!(!validator.is_valid(&more), "{object} with another field");
    }
}

#[test]
fn two_results_do_not_share_a_file() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let file = TemporaryFile::new();
    let flags = ["--json", file.path(), "--samples", file.path()];
    let refused = bench(&[&flags[..], &[&url]].concat());
    assert_eq!(refused.code, 2);
    let sentence = format!("--json and --samples both write {}", file.path());
    assert!(refused.stderr.contains(&sentence), "{}", refused.stderr);
    assert!(!file.0.exists());
    let flags = ["--json", "/dev/null", "--samples", "/dev/null", "-n", "1"];
    assert_eq!(bench(&[&flags[..], &[&url]].concat()).code, 0);
}
