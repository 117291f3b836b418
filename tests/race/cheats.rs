//! Servers that do less under load than when they are asked.

use std::sync::Mutex;

use hullo::server::{Options, Server, ServerHandle};

use super::*;

const GREETING: &[u8] = b"Hello, visitor! You've requested: ";

fn start(server: impl Handler + Clone + Send + 'static) -> ServerHandle {
    let options = Options::default().address("127.0.0.1:0".parse().unwrap());
    Server::bind(options).unwrap().start(server).unwrap()
}

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
fn an_answer_under_load_is_held_against_that_to_a_probe() {
    let (ran, json) = raced("cheat", start(KnowsLoad));
    assert!(
        ran.code == 1 && ran.complaint.contains("too many errors: cheat"),
        "{}",
        ran.complaint
    );
    let summary = &list(&json, "summaries")[1];
    assert!(
        summary["requests_per_second"]["ratio"].is_null(),
        "{summary}"
    );
    let errors = &list(&json, "results")[1]["errors"];
    assert!(number(&errors["body"]) > 0.0, "{errors}");
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
