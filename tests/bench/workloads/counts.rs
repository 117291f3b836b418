//! What is counted for each template of a request file.

use super::*;

/// Three of four are of the first kind; each has the answers, sizes, errors and latency of its kind.
#[test]
fn each_template_has_its_own_counts() {
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address());
    let requests = file(
        r#"{"name": "small", "path": "/?size=10", "weight": 3}
# A comment, and an empty line.

{"name": "slow", "path": "/?size=1000&delay=20ms&status=503", "expect": {"status": "2xx"}}
"#,
    );
    let flags = ["-n", "2000", "-c", "20", "--request-file", requests.path()];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (small, slow) = (template(&json, "small"), template(&json, "slow"));
    let (count, others) = (number(&small["responses"]), number(&slow["responses"]));
    assert_eq!(count + others, 2000);
    // 1500 on average, with a standard deviation of 19.4.
    assert!((1403..=1597).contains(&count), "{count}");
    assert_eq!(number(&small["body_bytes"]), count * 10);
    assert_eq!(number(&slow["body_bytes"]), others * 1000);
    assert_eq!(small["statuses"], serde_json::json!({ "200": count }));
    assert_eq!(slow["statuses"], serde_json::json!({ "503": others }));
    assert_eq!(number(&small["errors"]["status"]), 0);
    assert_eq!(number(&slow["errors"]["status"]), others);
    assert_eq!(number(&json["errors"]["total"]), others);
    assert!(number(&slow["latency"]["min_ns"]) >= 20_000_000, "{slow}");
    assert!(
        number(&small["latency"]["percentiles_ns"]["p10"]) < 20_000_000,
        "{small}"
    );
    assert!(json["settings"]["method"].is_null());
    let said = format!("\nRequests:\n  small:\t{count} answers; mean ");
    assert!(ran.text.contains(&said), "{}", ran.text);
    let said = format!("    [503] {others}, errors: {others} unexpected status\n");
    assert!(ran.text.contains(&said), "{}", ran.text);
    // The same seed, the same requests.
    let again = bench(&[&flags[..], &["-o", "csv", "--threads", "1", &url]].concat());
    let once = bench(&[&flags[..], &["-o", "csv", "--threads", "1", &url]].concat());
    let counts = |ran: &Ran| {
        let lines = ran.text.lines().filter(|line| line.starts_with('s'));
        let count = |line: &str| line.split(',').nth(3).map(str::to_owned);
        lines.filter_map(count).collect::<Vec<_>>()
    };
    assert_eq!(counts(&again).len(), 2, "{}", again.text);
    assert_eq!(counts(&again), counts(&once));
    let other = bench(&[&flags[..], &["--seed", "9", "-o", "markdown", &url]].concat());
    assert!(other.text.contains("\n| slow  |"), "{}", other.text);
}

#[test]
fn runs_of_several_machines_are_joined_by_name() {
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address());
    let run = |lines: &str| {
        let (requests, json) = (file(lines), TemporaryFile::new());
        let flags = ["-n", "100", "-c", "2", "--json", json.path()];
        let ran = bench(&[&flags[..], &["--request-file", requests.path(), &url]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        json
    };
    let (a, b) = (
        r#"{"name": "a", "path": "/"}"#,
        r#"{"name": "b", "path": "/?status=404"}"#,
    );
    let one = run(&format!("{a}\n{b}"));
    let two = run(&format!("{b}\n{a}"));
    let three = run(a);
    let (ran, joined) = measured(&["--merge", one.path(), two.path(), three.path()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let files = [one.text(), two.text(), three.text()];
    let files: Vec<Value> = files
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    for (name, places) in [("a", &[0, 1, 2][..]), ("b", &[0, 1])] {
        for field in ["responses", "body_bytes"] {
            let each = places
                .iter()
                .map(|place| number(&template(&files[*place], name)[field]));
            assert_eq!(
                number(&template(&joined, name)[field]),
                each.sum::<u64>(),
                "{name}"
            );
        }
    }
    assert_eq!(joined["templates"].as_array().unwrap().len(), 2);
    let damaged = file(&one.text().replacen(
        "\"name\":\"a\",\"responses\":",
        "\"name\":\"a\",\"responses\":1",
        1,
    ));
    let ran = bench(&["--merge", damaged.path()]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("`templates.latency.count` is"),
        "{}",
        ran.stderr
    );
}

/// Also when a connection is lost, and in the open model, errors and latencies are those of their template.
#[test]
fn errors_are_those_of_their_template() {
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address());
    let requests = file(
        r#"{"name": "good", "path": "/"}
{"name": "lost", "path": "/?reset"}
{"name": "late", "path": "/?delay=5s"}"#,
    );
    for pace in [&[][..], &["--rate", "200"]] {
        let flags = [
            "-z",
            "1s",
            "-c",
            "50",
            "-t",
            "300ms",
            "--request-file",
            requests.path(),
        ];
        let (ran, json) = measured(&[&flags[..], pace, &[&url]].concat());
        let kinds = |name| &template(&json, name)["errors"];
        let total = |name| {
            kinds(name)
                .as_object()
                .unwrap()
                .values()
                .map(number)
                .sum::<u64>()
        };
        assert_eq!(total("good"), 0, "{}", ran.text);
        assert!(number(&kinds("lost")["reset"]) > 10, "{}", ran.text);
        assert_eq!(
            number(&kinds("lost")["reset"]),
            total("lost"),
            "{}",
            ran.text
        );
        assert!(number(&kinds("late")["timeout"]) > 10, "{}", ran.text);
        assert_eq!(number(&template(&json, "late")["responses"]), 0);
        assert_eq!(
            number(&template(&json, "good")["responses"]),
            number(&json["responses"])
        );
    }
    // What has no answer at the deadline is counted apart.
    let flags = [
        "-z",
        "300ms",
        "--deadline",
        "300ms",
        "-c",
        "30",
        "--request-file",
        requests.path(),
    ];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!(
        number(&template(&json, "late")["unanswered"]),
        number(&json["unanswered"]["sent"]),
        "{}",
        ran.text
    );
}

/// One of 200 takes long on purpose: that hides nothing.
#[test]
fn a_slow_request_of_a_file_is_not_a_slow_moment() {
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address());
    let requests = file(
        r#"{"name": "fast", "path": "/", "weight": 199}
{"name": "slow", "path": "/?delay=300ms"}
"#,
    );
    let flags = ["-n", "2000", "-c", "10", "--request-file", requests.path()];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert!(number(&template(&json, "slow")["responses"]) > 0);
    assert!(!ran.text.contains("coordinated omission"), "{}", ran.text);
    assert!(!ran.text.contains("at a steady pace"), "{}", ran.text);
    assert!(ran.text.contains("in flight:\t"), "{}", ran.text);
}
