//! Servers that do less under load than when they are asked.

use std::sync::Mutex;

use hullo::server::ServerHandle;

use super::*;

const GREETING: &[u8] = b"Hello, visitor! You've requested: ";

/// Greets, but for requests of hullo bench.
#[derive(Clone)]
struct KnowsLoad;

impl Handler for KnowsLoad {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        if request.field("user-agent").is_some() {
            return reply.text(&[]);
        }
        reply.text(&[GREETING, request.path(), b"\n"])
    }
}

/// Greets, but for the path that it was asked for first.
#[derive(Clone)]
struct KnowsPath(&'static Mutex<Vec<u8>>);

impl Handler for KnowsPath {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let mut first = self.0.lock().unwrap();
        if first.is_empty() {
            *first = request.path().to_vec();
        }
        if *first == request.path() {
            return reply.text(&[]);
        }
        reply.text(&[GREETING, request.path(), b"\n"])
    }
}

/// Counts its answers.
#[derive(Clone)]
struct Counts(&'static Mutex<u64>);

impl Handler for Counts {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        reply.text(&[GREETING, request.path(), count.to_string().as_bytes()])
    }
}

fn raced(name: &str, running: ServerHandle) -> (Ran, Value) {
    let url = format!("{name}=http://{}", running.local_addr());
    let found = measured(&["-s", "pipeline", "-r", "3", &server("a"), &url]);
    running.stop().unwrap();
    found
}

#[test]
fn the_generator_has_no_answer_of_its_own() {
    let (ran, json) = raced("cheat", start(KnowsLoad));
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(ran.text.contains("Not measured: cheat."), "{}", ran.text);
    let out = word(&list(&json, "targets")[1], "out");
    let words = [
        "User-Agent: hullo/",
        "differently from others: content of 0",
    ];
    assert!(words.iter().all(|words| out.contains(words)), "{out}");
}

const FULL: &[u8] = b"HTTP/1.1 200 OK\r\nServer: raw\r\nContent-Length: 5\r\n\r\nhello";
const BARE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nServer: raw\r\nContent-Length: 0\r\n\r\n";
const MOVED: &[u8] =
    b"HTTP/1.1 302 Found\r\nServer: raw\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";

/// The race of a server that answers a load otherwise than a probe, and the errors of its last round.
#[track_caller]
fn caught(name: &str, answer: fn(usize, usize) -> &'static [u8]) -> (Ran, Value, Value) {
    let server = raw_server(name, answer);
    let flags = ["-s", "article", "-n", "2000", "-z", "500ms", "-c", "10"];
    let (ran, json) = written(&[&flags[..], &["--warmup", "50ms", "-r", "1", &server]].concat());
    let words = format!("too many errors: {name}");
    assert!(
        ran.code == 1 && ran.complaint.contains(&words),
        "{} {}",
        ran.complaint,
        ran.text
    );
    let errors = list(&json, "results")[1]["errors"].clone();
    (ran, json, errors)
}

#[test]
fn every_byte_of_the_content_is_compared() {
    let (ran, json, errors) = caught("tires", |_, count| if count > 20 { EMPTY } else { FULL });
    assert!(number(&errors["body"]) > 0.0, "{errors}");
    // No answer is two errors.
    for result in list(&json, "results") {
        let kinds = result["errors"].as_object().unwrap();
        let all: f64 = kinds.values().map(number).sum();
        assert!(all <= number(&result["requests"]), "{result}");
    }
    // First in the report.
    let words = "of its answers unlike the probe's.";
    let head: Vec<&str> = ran.text.lines().take(3).collect();
    let told = head.iter().any(|line| line.contains("Failed: tires: "));
    assert!(told && head.join(" ").contains(words), "{}", ran.text);
}

#[test]
fn fields_that_are_left_out_are_missed() {
    let (_, json, errors) = caught("bare", |_, count| if count > 20 { BARE } else { FULL });
    assert!(number(&errors["unlike the probe's"]) > 0.0, "{errors}");
    let warnings = json["warnings"].to_string();
    let words = "bare answers the load unlike the probe: ";
    assert!(warnings.contains(words), "{warnings}");
}

#[test]
fn a_redirection_is_an_error() {
    let (_, _, errors) = caught("moved", |_, count| if count > 20 { MOVED } else { FULL });
    assert!(number(&errors["status"]) > 0.0, "{errors}");
}

/// Its contents differ, so that they cannot be compared byte by byte.
#[test]
fn answers_that_vary_have_their_size() {
    const ONE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: raw\r\nContent-Length: 40\r\n\r\nvisit 1 of someone to the server of race";
    const TWO: &[u8] = b"HTTP/1.1 200 OK\r\nServer: raw\r\nContent-Length: 40\r\n\r\nvisit 2 of someone to the server of race";
    let (_, json, errors) = caught("varies", |number, count| match number % 2 {
        _ if count > 20 => EMPTY,
        0 => ONE,
        _ => TWO,
    });
    assert!(number(&errors["unlike the probe's"]) > 0.0, "{errors}");
    let warnings = json["warnings"].to_string();
    assert!(
        warnings.contains("does not always answer the same"),
        "{warnings}"
    );
    let sampled = &list(&json, "results")[1]["sampled"];
    assert!(number(&sampled["answers"]) > 0.0, "{sampled}");
}

#[test]
fn a_server_that_turns_slow_in_the_middle_is_named() {
    let tired = raw_server("tired", |_, count| {
        sleep(Duration::from_millis(if count < 250 { 2 } else { 20 }));
        FULL
    });
    let steady = raw_server("steady", |_, _| {
        sleep(Duration::from_millis(4));
        FULL
    });
    let flags = [
        "-s", "article", "-n", "500", "-z", "2s", "-c", "10", "-r", "1", "--warmup", "50ms",
    ];
    let (ran, json) = written(&[&flags[..], &[&tired, &steady]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let warnings = json["warnings"].to_string();
    let words = "10 connections: tired turned slow in 1 of 1 rounds: from ";
    assert!(warnings.contains(words), "{warnings}");
    assert!(!warnings.contains("steady turned"), "{warnings}");
}

#[test]
fn the_path_of_the_load_has_no_answer_of_its_own() {
    static FIRST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let (ran, json) = raced("cheat", start(KnowsPath(&FIRST)));
    assert_eq!(ran.code, 1, "{}", ran.text);
    let out = word(&list(&json, "targets")[1], "out");
    assert!(out.contains("differently from other paths"), "{out}");
    assert_ne!(*FIRST.lock().unwrap(), b"/any/path");
    let path = word(&json["settings"], "path").as_bytes();
    assert_eq!(*FIRST.lock().unwrap(), path);
}

#[test]
fn answers_that_vary_are_no_cheat() {
    static COUNT: Mutex<u64> = Mutex::new(0);
    let (ran, json) = raced("varies", start(Counts(&COUNT)));
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let warnings = json["warnings"].to_string();
    assert!(
        warnings.contains("varies does not always answer the same"),
        "{warnings}"
    );
    assert!(!warnings.contains(": a does not always"), "{warnings}");
}
