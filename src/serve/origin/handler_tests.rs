//! The handler in a conversation, with any bytes as the query.

use proptest::prelude::*;

use super::*;
use crate::http::{Limits, Output, Session, Shared, UnknownPeer, Wants};

fn origin(defaults: &str) -> Result<Origin, String> {
    let settings = Settings {
        defaults: defaults.to_owned(),
        ..Settings::default()
    };
    Origin::new(&settings, 1, "host".to_owned())
}

/// What a request is answered with in its first turn, and what the conversation waits for then.
fn play(defaults: &str, request: &[u8]) -> (String, Wants) {
    let shared = Shared::new(origin(defaults).unwrap(), Limits::default(), 0);
    let mut out = Output::new();
    let step = Session::default().advance(request, &UnknownPeer, &shared, &mut out);
    (
        String::from_utf8_lossy(out.bytes()).into_owned(),
        step.wants,
    )
}

#[test]
fn wrong_defaults_are_refused_before_the_server_starts() {
    let error = origin("size=1kb").unwrap_err();
    assert!(
        error.starts_with("--test-defaults: size=1kb: not a size"),
        "{error}"
    );
    assert!(!error.ends_with('\n'));
}

#[test]
fn the_first_turn_knows_what_to_wait_for() {
    for (query, start, wants) in [
        ("", "HTTP/1.1 200 OK\r\n", Wants::Input),
        ("?delay=1s", "", Wants::Wakeup),
        ("?delay=0", "HTTP/1.1 200 OK\r\n", Wants::Input),
        ("?delay=1s&abort", "", Wants::Wakeup),
        ("?size=1MiB", "HTTP/1.1 200 OK\r\n", Wants::Room),
        ("?trickle=1/1s", "HTTP/1.1 200 OK\r\n", Wants::Wakeup),
        ("?nonsense", "HTTP/1.1 400 Bad Request\r\n", Wants::Input),
    ] {
        let request = format!("GET /{query} HTTP/1.1\r\nHost: a\r\n\r\n");
        let (sent, then) = play("", request.as_bytes());
        assert!(
            sent.starts_with(start) && sent.is_empty() == start.is_empty(),
            "{sent}"
        );
        assert_eq!(then, wants, "{query}");
    }
}

proptest! {
    #[test]
    fn no_request_panics(query in any::<Vec<u8>>(), content in any::<Vec<u8>>(), head in any::<bool>()) {
        let method = if head { "HEAD" } else { "POST" };
        let length = content.len();
        let end = format!(" HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let start = format!("{method} /?");
        let request = [start.as_bytes(), &query, end.as_bytes(), &content].concat();
        play("", &request);
    }

    #[test]
    fn no_program_panics(
        pairs in prop::collection::vec(0..2 * parameters::PARAMETERS.len(), 0..4),
        content in "[a-z]{0,9}",
    ) {
        let query: Vec<String> = pairs.iter().map(|at| {
            let parameter = &parameters::PARAMETERS[at / 2];
            let examples = parameter.examples;
            parameter.pair(examples[at % 2 % examples.len()])
        }).collect();
        let query = query.join("&");
        let length = content.len();
        let request = format!("PUT /?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{content}");
        play("", request.as_bytes());
    }
}
