//! `hullo race` as its users run it, on servers that start, fail to, end too early, or run already: what is
//! measured here, what is left behind in `ends` and `forks`, who is caught in `cheats` and `alike`,
//! what is written in `reports`, what is resumed in `interrupted`, what decides in `gates`, what is secure in `https`, what is asked for in
//! `same_work`. `servers` are those of this process.

mod alike;
mod cheats;
mod ends;
mod forks;
mod gates;
#[cfg(feature = "tls")]
mod https;
mod interrupted;
mod reports;
mod same_work;
mod servers;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hullo::http::{Handler, Request, Responded, ResponseWriter, Status};
use serde_json::Value;
use servers::{raw_server, start};

const HULLO: &str = env!("CARGO_BIN_EXE_hullo");

/// As short as it can be.
const SHORT: [&str; 8] = ["-z", "100ms", "-n", "500", "-c", "10", "--warmup", "50ms"];

/// A server that is started with this after its own name and flags.
fn server(name: &str) -> String {
    format!("{name}={HULLO} --port {{port}} --workers {{workers}}")
}

fn race(arguments: &[&str]) -> Command {
    let mut command = Command::new(HULLO);
    command.arg("race").args(arguments).stdin(Stdio::null());
    command
}

struct Ran {
    code: i32,
    text: String,
    complaint: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            text: String::from_utf8(output.stdout).unwrap(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn ran(arguments: &[&str]) -> Ran {
    race(arguments).output().unwrap().into()
}

/// Runs a short one, and holds its JSON against the schema.
fn measured(arguments: &[&str]) -> (Ran, Value) {
    written(&[&SHORT, arguments].concat())
}

/// Runs it, and holds its JSON against the schema.
fn written(arguments: &[&str]) -> (Ran, Value) {
    let file = TemporaryFile::new();
    let ran = ran(&[&["--json", file.path()], arguments].concat());
    let text = std::fs::read_to_string(&file.0).unwrap_or_else(|_| panic!("{}", ran.complaint));
    (ran, valid(&text))
}

#[track_caller]
fn valid(text: &str) -> Value {
    let json: Value = serde_json::from_str(text).unwrap();
    let schema = include_str!("../../src/race/report.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    json
}

/// A file that is gone when this is dropped.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hullo-race-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn list<'a>(json: &'a Value, key: &str) -> &'a Vec<Value> {
    json[key].as_array().unwrap()
}

fn word<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap()
}

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap()
}

#[test]
fn each_server_gets_the_same_work_in_turn() {
    let (a, b) = (server("a"), server("b"));
    let (ran, json) = measured(&["-s", "pipeline,article,churn", "-r", "3", &a, &b]);
    let estimate = "hullo race: 2 servers, 5 tests, 3 rounds: about ";
    assert!(ran.complaint.starts_with(estimate), "{}", ran.complaint);
    // Nothing else, unless the machine is so slow that it is said how far the race is.
    let others = ran.complaint.lines().skip(1);
    assert!(
        others.clone().all(|line| line.contains("% done")),
        "{}",
        ran.complaint
    );
    assert_eq!(ran.code, 0);
    let results = list(&json, "results");
    let mut order: Vec<String> = results
        .iter()
        .map(|result| {
            format!(
                "{} {} {}",
                word(result, "test"),
                result["round"],
                word(result, "target")
            )
        })
        .collect();
    // Within a round, it is random.
    order.chunks_mut(2).for_each(<[String]>::sort);
    let tests = ["article-1", "article-2", "article-3", "pipeline", "churn"];
    let wanted: Vec<String> = tests
        .iter()
        .flat_map(|test| [1, 2, 3].map(|round| (test, round)))
        .flat_map(|(test, round)| ["a", "b"].map(|name| format!("{test} {round} {name}")))
        .collect();
    assert_eq!(order, wanted);
    for result in results {
        let requests = number(&result["requests"]);
        if word(result, "test") == "article-1" {
            assert!((requests - 500.0).abs() < 0.1, "{result}");
        }
        assert!(
            requests > 0.0 && result["errors"].as_object().unwrap().is_empty(),
            "{result}"
        );
        let server = &result["server"];
        let cpu = number(&server["user_ns"]) + number(&server["system_ns"]);
        let each = number(&server["cpu_ns_per_request"]);
        assert_eq!(server["processes"], 1, "{result}");
        assert!(
            cpu > 0.0 && (cpu / requests / each - 1.0).abs() < 0.01,
            "{result}"
        );
        assert!(
            number(&server["utilisation"]) > 0.0 && number(&server["utilisation"]) < 1.5,
            "{result}"
        );
        assert!(number(&server["rss_peak_bytes"]) > 1e6, "{result}");
        assert!(
            number(&result["generator"]["cpu_ns_per_request"]) > 0.0,
            "{result}"
        );
        // "Hello, visitor! You've requested: /any/path\n" and its head.
        let bytes = number(&result["response_bytes"]);
        assert!((150.0..190.0).contains(&bytes), "{result}");
        assert!(list(result, "latency_ns").len() > 4, "{result}");
    }
    let summaries = list(&json, "summaries");
    assert_eq!(summaries.len(), 10);
    for summary in summaries {
        let is_first = word(summary, "target") == "a";
        assert_eq!(
            summary["requests_per_second"]["ratio"].is_null(),
            is_first,
            "{summary}"
        );
    }
    for target in list(&json, "targets") {
        let findings = list(target, "behaviour");
        assert_eq!(findings.len(), 17);
        assert!(
            findings.iter().all(|finding| finding["right"] == true),
            "{target}"
        );
    }
    let columns = [
        "Language",
        "Requests",
        "Concurrency",
        "Time Taken",
        "Errors",
        "Requests/sec",
    ];
    assert!(
        columns.iter().all(|column| ran.text.contains(column)),
        "{}",
        ran.text
    );
}

#[test]
fn memory_of_idle_connections_is_measured() {
    let (ran, json) = measured(&["-s", "idle", "-r", "1", &server("a")]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let result = &list(&json, "results")[0];
    let bytes = number(&result["idle_connection_bytes"]);
    assert!((40.0..1000.0).contains(&bytes), "{result}");
}

#[test]
fn a_ladder_of_rates_is_climbed() {
    let (ran, json) = measured(&["-s", "rate", "-r", "1", &server("a")]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let rates: Vec<f64> = list(&json, "results")
        .iter()
        .map(|result| number(&result["rate"]))
        .collect();
    assert_eq!(rates.len(), 7);
    assert!(rates.is_sorted() && rates[6] > 9.0 * rates[0], "{rates:?}");
    let low = &list(&json, "results")[0];
    let part = number(&low["requests_per_second"]) / rates[0];
    assert!((0.5..1.5).contains(&part), "{low}");
}

#[test]
fn a_server_that_runs_already_is_loaded_but_not_looked_into() {
    let other = start(hullo::Greeting);
    let url = format!("other=http://{}/its/path", other.local_addr());
    let (ran, json) = measured(&["-r", "2", &url, &server("a")]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let servers: Vec<bool> = list(&json, "results")
        .iter()
        .map(|result| result["server"].is_null())
        .collect();
    assert_eq!(servers[..4].iter().filter(|known| **known).count(), 2);
    let target = &list(&json, "targets")[0];
    assert!(word(target, "url").ends_with("/its/path") && target["command"].is_null());
    assert!(
        list(target, "behaviour")
            .iter()
            .all(|finding| finding["right"] == true),
        "{target}"
    );
    other.stop().unwrap();
}

#[test]
fn the_race_goes_on_without_a_server_that_fails() {
    let short_lived = format!("dies=exec timeout 2 {HULLO} --port {{port}}");
    let targets = [
        server("good"),
        "broken=echo no luck today; exit 7".to_owned(),
        short_lived,
    ];
    let (ran, json) = written(&[
        "-s",
        "churn",
        "-r",
        "1",
        "-z",
        "2.5s",
        &targets[0],
        &targets[1],
        &targets[2],
    ]);
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(
        ran.complaint
            .contains("not measured to the end: broken, dies"),
        "{}",
        ran.complaint
    );
    let targets = list(&json, "targets");
    assert!(targets[0]["out"].is_null());
    assert!(
        word(&targets[1], "out").contains("no luck today"),
        "{targets:?}"
    );
    assert!(
        word(&targets[2], "out").contains("ended under load"),
        "{targets:?}"
    );
    let measured: Vec<&str> = list(&json, "results")
        .iter()
        .map(|result| word(result, "target"))
        .collect();
    assert_eq!(measured, ["good"]);
}

#[test]
fn what_does_not_start_says_why() {
    for (target, words) in [
        (
            "a=echo no such luck; exit 3",
            "exit status: 3; it printed: no such luck",
        ),
        ("a=kill -11 $$", "signal: 11"),
        ("a=/no/such/program {port}", "not found"),
        ("a=http://127.0.0.1:1/", "127.0.0.1:1"),
    ] {
        let ran = ran(&[&SHORT[..], &[target]].concat());
        assert_eq!(ran.code, 1, "{}", ran.complaint);
        assert!(ran.complaint.contains(words), "{target}: {}", ran.complaint);
    }
}

#[test]
fn a_crash_under_load_shows_its_status_and_last_words() {
    let script = format!(
        "crash=timeout 2 {HULLO} --port {{port}}; echo '<out of luck>' >&2; echo 'code 9' >&2; exit 9"
    );
    let flags = ["-s", "churn", "-r", "1", "-z", "2.5s"];
    let (ran, json) = written(&[&flags[..], &[&script]].concat());
    assert_eq!(ran.code, 1, "{}", ran.text);
    let out = word(&list(&json, "targets")[0], "out");
    let words = "ended under load, exit status: 9; it printed: ";
    assert!(
        out.contains(words) && out.ends_with("<out of luck> | code 9"),
        "{out}"
    );
    assert!(
        ran.complaint.contains("exit status: 9"),
        "{}",
        ran.complaint
    );
}

/// Greets one path, and answers 404 to all others.
#[derive(Clone)]
struct OnePath;

impl Handler for OnePath {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        if request.path() == b"/index.html" {
            return reply.text(&[b"here\n"]);
        }
        reply.send(Status::NOT_FOUND, &[], &[b"No.\n"])
    }
}

#[test]
fn a_server_that_serves_few_paths_is_asked_for_one_of_them() {
    let running = start(OnePath);
    let url = format!("one=http://{}", running.local_addr());
    let (lost, json) = measured(&["-s", "churn", "-r", "1", &url]);
    assert_eq!(lost.code, 1, "{}", lost.complaint);
    let words = "give it a path that it serves with --path";
    assert!(lost.complaint.contains(words), "{}", lost.complaint);
    assert!(json["warnings"].to_string().contains(words));
    assert!(
        lost.text.contains("Failed: one: 100 % errors (status)"),
        "{}",
        lost.text
    );
    let (found, json) = measured(&[
        "-s",
        "churn",
        "-r",
        "1",
        "--path",
        "/index.html",
        "-q",
        &url,
    ]);
    assert_eq!((found.code, found.complaint.as_str()), (0, ""));
    assert_eq!(json["settings"]["path"], "/index.html");
    running.stop().unwrap();
}

/// Each of its lines has the id of a process that was started.
fn are_gone(pids: &TemporaryFile) -> bool {
    let text = std::fs::read_to_string(&pids.0).unwrap();
    assert!(!text.is_empty());
    text.lines().all(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Not every system's first process waits for those that were left to it.
        stat.is_empty() || stat.contains(") Z ")
    })
}

/// Waits until it holds.
#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(20));
    }
}

fn lines(file: &TemporaryFile) -> usize {
    std::fs::read_to_string(&file.0)
        .unwrap_or_default()
        .lines()
        .count()
}

#[test]
fn wrong_arguments_are_reported_and_nothing_runs() {
    for (arguments, words) in [
        (vec![], "NAME=COMMAND"),
        (vec!["./server"], "has no name"),
        (vec!["./server --port=80"], "not a name"),
        (vec!["-n", "5", "-c", "10", "a=x"], "too few"),
        (vec!["a=x", "a=y"], "two servers are named a"),
        (vec!["--https=b", "a=x"], "not the name of a server"),
        (vec!["--cacert", "f", "a=x"], "add --https"),
        (
            vec!["-g", "wrk", "--tls-resumption", "off", "--https", "a=x"],
            "hullo",
        ),
        (vec!["--cpus", "9999", "a=x"], "9999"),
        (vec!["--suite", "marathon", "a=x"], "marathon"),
        (vec!["-r", "0", "a=x"], "--rounds"),
        (vec!["-z", "0", "a=x"], "too short"),
        (
            vec!["-g", "wrk", "-s", "rate", "a=x"],
            "wrk has no open model",
        ),
        (vec!["--from", "/no/such/file"], "/no/such/file"),
        (vec!["--fail-if", "cpu", "a=x", "b=x"], "write cpu>+5%"),
        (vec!["--fail-if", "cpu>1%", "a=x"], "take two of them"),
        (vec!["--until", "2%", "-r", "2", "a=x", "b=x"], "3 rounds"),
        (vec!["--path", "x", "a=x"], "a path begins with /"),
        (vec!["--rates", "fast", "a=x"], "200, 1.5k or 2M"),
        (vec!["--rates", "1k", "a=x"], "add --suite cost"),
        (vec!["--warmup", "auto:300ms", "a=x"], "auto:600ms or more"),
        (vec!["--sweep", "workers=1,2", "a=x"], "not a sweep"),
        (
            vec!["-s", "idle", "--sweep", "connections=1,2", "a=x"],
            "does not change the suite idle",
        ),
        (vec!["-m", "A B", "a=x"], "not a method"),
        (
            vec!["--request-file", "/dev/null", "-g", "wrk", "a=x"],
            "needs --generator hullo",
        ),
        (vec!["--request-file", "/dev/null", "a=x"], "has no request"),
        (vec!["-D", "/no/such/file", "a=x"], "/no/such/file"),
    ] {
        let ran = ran(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.complaint);
        assert!(
            ran.complaint.contains(words),
            "{arguments:?}: {}",
            ran.complaint
        );
        assert_eq!(ran.text, "", "{arguments:?}");
    }
}
