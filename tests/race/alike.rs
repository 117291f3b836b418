//! Servers that serve some connections well and others badly.

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

const ARTICLE: [&str; 10] = [
    "-s", "article", "-n", "500", "-z", "500ms", "-c", "40", "--warmup", "50ms",
];

#[test]
fn a_server_that_delays_half_of_its_connections_is_named() {
    let half = raw_server("half", |number, _| {
        let millis = if number % 2 == 0 { 60 } else { 2 };
        sleep(Duration::from_millis(millis));
        OK
    });
    let all = raw_server("all", |_, _| {
        sleep(Duration::from_millis(5));
        OK
    });
    let (ran, json) = written(&[&ARTICLE[..], &["-r", "2", &half, &all]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let warnings = json["warnings"].to_string();
    let said = "40 connections: half did not serve all connections alike in 2 of 2 rounds: 20 of 40 connections had under a quarter";
    assert!(warnings.contains(said), "{warnings}");
    assert!(ran.text.contains("half did not serve all"), "{}", ran.text);
    assert!(!warnings.contains(": all did not serve"), "{warnings}");
    let result = list(&json, "results")
        .iter()
        .find(|result| word(result, "test") == "article-2" && word(result, "target") == "half")
        .unwrap();
    let each = &result["per_connection"];
    assert_eq!(
        (&each["connections"], &each["starved"]),
        (&40.into(), &20.into())
    );
    assert!(
        number(&each["least"]) * 4.0 < number(&each["p90"]),
        "{each}"
    );
}

#[test]
fn a_server_that_fails_on_some_connections_is_named() {
    // It does not know a probe from the load, but by how much it asks for.
    let some = raw_server("some", |number, count| {
        sleep(Duration::from_millis(2));
        if number % 4 == 0 && count > 2 {
            BUSY
        } else {
            OK
        }
    });
    let (ran, json) = written(&[&ARTICLE[..], &["-r", "1", &some]].concat());
    assert_eq!(ran.code, 1, "{}", ran.complaint);
    let warnings = json["warnings"].to_string();
    let said = "some did not serve all connections alike in 1 of 1 rounds: all errors came from 10 of 40 connections";
    assert!(warnings.contains(said), "{warnings}");
}

/// Two workers have a socket each, and a hash decides which gets a connection.
#[test]
fn a_server_of_two_workers_serves_all_alike() {
    let fair = format!("fair={HULLO} --port {{port}} --workers 2");
    let flags = [
        "-s",
        "article,churn",
        "-n",
        "500",
        "-z",
        "1s",
        "-c",
        "100",
        "-r",
        "2",
        "--warmup",
        "50ms",
    ];
    let (ran, json) = written(&[&flags[..], &[&fair]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let warnings = json["warnings"].to_string();
    assert!(!warnings.contains("alike"), "{warnings} {json}");
    for result in list(&json, "results") {
        let each = &result["per_connection"];
        assert!(number(&each["connections"]) > 0.0, "{result}");
        assert!(number(&each["least"]) > 0.0, "{result}");
    }
}
