//! Suites that give all servers the same amount of work: rates, rest, sweeps, and requests other than a GET.

use std::time::Duration;

use hullo::http::{Handler, Request, Responded, ResponseWriter};

use super::*;

/// Takes two milliseconds of its only thread for each request, so it answers 500 requests/s at most.
#[derive(Clone)]
struct Slow;

impl Handler for Slow {
    fn handle(&self, _: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        reply.text(&[b"done\n"])
    }
}

fn tests_of<'a>(json: &'a Value, key: &str) -> Vec<&'a Value> {
    list(json, "tests")
        .iter()
        .filter(|test| !test[key].is_null())
        .collect()
}

#[test]
fn a_rate_is_the_same_for_all_and_who_cannot_make_it_is_marked() {
    let slow = start(Slow);
    let url = format!("slow=http://{}/", slow.local_addr());
    let flags = [
        "-s", "cost", "--rates", "50,1k", "-r", "3", "-z", "500ms", "-c", "10",
    ];
    let (ran, json) = written(&[&flags[..], &["--warmup", "50ms", &server("a"), &url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let rates: Vec<f64> = tests_of(&json, "offered_rate")
        .iter()
        .map(|test| number(&test["offered_rate"]))
        .collect();
    assert_eq!(rates, [50.0, 1000.0]);
    for result in list(&json, "results") {
        let is_fast = word(result, "test") == "cost-2";
        if word(result, "target") == "slow" && word(result, "test") != "cost-rest" {
            assert_eq!(!result["missed"].is_null(), is_fast, "{result}");
        }
    }
    let of = |test: &str, target: &str| {
        let mut summaries = list(&json, "summaries").iter();
        summaries
            .find(|of| word(of, "test") == test && word(of, "target") == target)
            .unwrap()
    };
    // It runs in this process, so how busy it was is not known.
    let why = word(of("cost-2", "slow"), "missed");
    assert!(["server", "connections"].contains(&why), "{why}");
    assert!(of("cost-2", "slow")["requests_per_second"]["ratio"].is_null());
    assert!(of("cost-1", "slow")["requests_per_second"]["ratio"].is_object());
    assert!(
        ran.text.contains("Did not make 1,000 requests/s: slow ("),
        "{}",
        ran.text
    );
    // At rest, a server costs next to nothing, and that is measured.
    let rest = &of("cost-rest", "a")["cpu_ns_per_second"]["median"];
    assert!((0.0..50e6).contains(&number(rest)), "{rest}");
    assert!(of("cost-1", "a")["cpu_ns_per_second"].is_null());
    slow.stop().unwrap();
}

#[test]
fn a_sweep_measures_each_value() {
    let picture = TemporaryFile::new();
    let (ran, json) = measured(&[
        "--sweep",
        "connections=1,4",
        "--sweep",
        "pipeline=1,8",
        "-r",
        "1",
        "--svg",
        picture.path(),
        &server("a"),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let points: Vec<String> = tests_of(&json, "sweep")
        .iter()
        .map(|test| {
            format!(
                "{} {} {}",
                word(test, "id"),
                test["connections"],
                test["pipeline"]
            )
        })
        .collect();
    assert_eq!(
        points,
        [
            "sweep-connections-1 1 1",
            "sweep-connections-4 4 1",
            "sweep-pipeline-1 10 1",
            "sweep-pipeline-8 10 8"
        ]
    );
    assert!(
        ran.text.contains("Over the number of pipelined requests"),
        "{}",
        ran.text
    );
    let svg = std::fs::read_to_string(&picture.0).unwrap();
    assert!(svg.contains("Requests/s over "), "{svg}");
}

/// Answers with the method, a field and the size of the content.
#[derive(Clone)]
struct Told;

impl Handler for Told {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        self.handle_other(request, reply)
    }

    fn handle_other(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let kind = request.fields_named("x-kind").next();
        if request.method_token() == "POST" && kind == Some(b"a b") {
            return reply.text(&[b"right\n"]);
        }
        reply.send(hullo::http::Status::BAD_REQUEST, &[], &[b"wrong\n"])
    }
}

#[test]
fn each_generator_sends_the_request_that_was_asked_for() {
    let told = start(Told);
    let url = format!("told=http://{}/", told.local_addr());
    let flags = [
        "-s",
        "churn",
        "-r",
        "1",
        "-m",
        "POST",
        "-H",
        "X-Kind: a b",
        "-d",
        "x=1&y=\"2\"",
    ];
    for (generator, time) in [("hullo", "100ms"), ("hey", "1s"), ("wrk", "1s")] {
        let is_there = generator == "hullo" || Command::new(generator).arg("-v").output().is_ok();
        if !is_there {
            continue;
        }
        let more = [
            "-z", time, "-c", "2", "-g", generator, "--warmup", "50ms", &url,
        ];
        let (ran, json) = written(&[&flags[..], &more].concat());
        assert_eq!(ran.code, 0, "{generator}: {}", ran.complaint);
        let result = &list(&json, "results")[0];
        assert!(
            number(&result["requests"]) > 0.0 && result["errors"].as_object().unwrap().is_empty(),
            "{result}"
        );
        let request = &json["settings"]["request"];
        assert_eq!(request["method"], "POST");
        assert_eq!(request["content_bytes"], 9);
    }
    // Without the field, it is another request.
    let (ran, _) = measured(&["-s", "churn", "-r", "1", "-m", "POST", &url]);
    assert_eq!(ran.code, 1, "{}", ran.text);
    told.stop().unwrap();
}

fn order_of(json: &Value) -> Vec<String> {
    let results = list(json, "results").iter();
    results
        .map(|result| {
            let (round, process) = (&result["round"], &result["process"]);
            format!("{round} {process} {}", word(result, "target"))
        })
        .collect()
}

#[test]
fn a_seed_decides_the_order_and_each_process_is_measured() {
    let servers = ["a", "b", "c"].map(server);
    let [a, b, c] = servers.each_ref().map(String::as_str);
    let flags = [
        "-s",
        "churn",
        "-r",
        "3",
        "--seed",
        "5",
        "--processes",
        "2",
        a,
        b,
        c,
    ];
    let (ran, json) = measured(&flags);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let order = order_of(&json);
    assert_eq!(order.len(), 3 * 2 * 3);
    // All servers once in each turn, and not always in the same order.
    let mut turns: Vec<Vec<&str>> = Vec::new();
    for turn in order.chunks(3) {
        let names = turn.iter().map(|of| of.rsplit(' ').next().unwrap());
        turns.push(names.collect());
        let places: Vec<&str> = turn
            .iter()
            .map(|of| of.rsplit_once(' ').unwrap().0)
            .collect();
        assert!(places.iter().all(|place| *place == places[0]), "{order:?}");
    }
    for names in &turns {
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["a", "b", "c"]);
    }
    assert!(turns.iter().any(|names| *names != turns[0]), "{turns:?}");
    assert_eq!(json["settings"]["seed"], 5);
    let summary = &list(&json, "summaries")[1];
    assert_eq!(summary["rounds"], 3);
    assert!(
        summary["requests_per_second"]["ratio"].is_object(),
        "{summary}"
    );
    let intervals = list(summary, "latency_intervals_ns");
    assert_eq!(intervals.len(), list(summary, "latency_ns").len());
    for (interval, median) in intervals.iter().zip(list(summary, "latency_ns")) {
        assert!(
            number(&interval[1]) <= number(&median[1])
                && number(&median[1]) <= number(&interval[2])
        );
    }
    assert!(ran.text.contains("2 processes of each"), "{}", ran.text);
    // The same seed gives the same order.
    let (_, again) = measured(&flags);
    assert_eq!(order_of(&again), order);
}

#[test]
fn a_warm_up_lasts_until_the_server_is_steady() {
    let (ran, json) = written(&[
        "-s",
        "churn",
        "-r",
        "1",
        "-z",
        "100ms",
        "-c",
        "10",
        "--warmup",
        "auto:700ms",
        &server("a"),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let warm_up = &list(&json, "results")[0]["warm_up"];
    let is_steady = warm_up["steady"] == true;
    // Six windows of 100 ms, or what the bound lets it do.
    assert!(number(&warm_up["elapsed_ns"]) >= 600e6, "{warm_up}");
    let warns = json["warnings"]
        .to_string()
        .contains("a was not steady after a warm-up");
    assert_eq!(warns, !is_steady, "{}", json["warnings"]);
    let (_, json) = measured(&["-s", "churn", "-r", "1", &server("a")]);
    assert!(list(&json, "results")[0]["warm_up"].is_null());
}

#[test]
fn a_machine_that_is_not_quiet_ends_the_race_with_the_reason() {
    let mut busy = Command::new("sh")
        .args(["-c", "while :; do :; done"])
        .spawn()
        .unwrap();
    let (ran, json) = measured(&["-s", "churn", "-r", "3", "--quiet-wait", "1s", &server("a")]);
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert_eq!(ran.code, 1, "{}", ran.text);
    let words = "given up: the machine was not quiet within 1 s: other programs used ";
    assert!(ran.complaint.contains(words), "{}", ran.complaint);
    assert!(list(&json, "results").is_empty());
    assert!(
        json["warnings"]
            .to_string()
            .contains("The race was given up"),
        "{}",
        json["warnings"]
    );
}

#[test]
fn what_the_machine_is_and_what_else_ran_is_recorded() {
    let (ran, json) = measured(&["-s", "churn", "-r", "1", &server("a")]);
    let environment = &json["environment"];
    assert!(number(&environment["open_files"]) > 0.0, "{environment}");
    let disturbance = &list(&json, "results")[0]["disturbance"];
    assert!(
        (0.0..=1.0).contains(&number(&disturbance["others"])),
        "{disturbance}"
    );
    let counts = &list(&json, "results")[0]["server"]["counts"];
    assert_eq!(
        counts.is_null(),
        !environment["no_counters"].is_null(),
        "{counts}"
    );
    assert!(ran.text.contains("Environment: "), "{}", ran.text);
    if counts.is_null() {
        let text = ran.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("counters not available here"), "{text}");
    }
}

#[test]
fn requests_of_a_file_are_sent() {
    let file = TemporaryFile::new();
    let requests = r#"{"path": "/a", "weight": 3, "expect": {"body": "Hello, visitor! You've requested: /a\n"}}
{"method": "HEAD", "path": "/b/{seq}"}
"#;
    std::fs::write(&file.0, requests).unwrap();
    let flags = ["-s", "churn", "-r", "1", "--request-file", file.path()];
    let (ran, json) = measured(&[&flags[..], &[&server("a")]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let result = &list(&json, "results")[0];
    assert!(
        number(&result["requests"]) > 0.0 && result["errors"].as_object().unwrap().is_empty(),
        "{result}"
    );
    assert_eq!(json["settings"]["request"]["content"], requests);
    let warnings = json["warnings"].to_string();
    assert!(
        warnings.contains("only the status was compared"),
        "{warnings}"
    );
    // What the file expects, and does not get, is an error.
    std::fs::write(&file.0, r#"{"path": "/a", "expect": {"status": 404}}"#).unwrap();
    let (ran, _) = measured(&[&flags[..], &[&server("a")]].concat());
    assert_eq!(ran.code, 1, "{}", ran.text);
}
