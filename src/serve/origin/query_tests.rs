//! Queries, and what they make of a plan: all good values, all bad ones, and any bytes.

use form_urlencoded::parse;
use proptest::prelude::*;

use super::super::plan::{Content, Echo, Ending, Trickle};
use super::super::shares::Shares;
use super::super::spread::Spread;
use super::*;

fn bounds() -> Bounds {
    Bounds::new(60_000_000_000, 1 << 30)
}

fn plan_of(query: &str) -> Result<Plan, String> {
    Plan::default().changed(parse(query.as_bytes()), &bounds())
}

#[track_caller]
fn changes(query: &str, change: impl FnOnce(&mut Plan)) {
    let mut expected = Plan::default();
    change(&mut expected);
    assert_eq!(plan_of(query), Ok(expected), "{query}");
}

#[test]
fn each_parameter_changes_the_plan() {
    for query in ["", "&&", "_=1", "_x=abc&_y"] {
        changes(query, |_| {});
    }
    changes("delay=50ms", |plan| {
        plan.delay = Some(Spread::Always(50_000_000));
    });
    changes("delay=1..2.5s", |plan| {
        plan.delay = Some(Spread::Even(1_000_000_000, 2_500_000_000));
    });
    changes("size=10KiB", |plan| {
        plan.content = Content::Pattern(Spread::Always(10_240));
    });
    changes("echo", |plan| plan.content = Content::Echo(Echo::Json));
    changes("echo=&chunked=", |plan| {
        plan.content = Content::Echo(Echo::Json);
        plan.is_chunked = true;
    });
    changes("echo=content", |plan| {
        plan.content = Content::Echo(Echo::Content);
    });
    changes("echo=stream", |plan| {
        plan.content = Content::Echo(Echo::Stream);
    });
    changes("trickle=1KiB/100ms", |plan| {
        plan.trickle = Some(Trickle {
            bytes: 1024,
            every: 100_000_000,
        });
    });
    for (query, ending) in [
        ("close", Ending::Close),
        ("close=early", Ending::CloseEarly),
        ("abort", Ending::Abort),
        ("reset", Ending::Reset),
        ("reset=early", Ending::ResetEarly),
    ] {
        changes(query, |plan| plan.ending = ending);
    }
    changes("header=A:1&hostname&header=A:+b%20c:d+", |plan| {
        let fields = [("A", "1"), ("A", "b c:d")];
        plan.fields = fields
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        plan.has_hostname = true;
    });
}

#[test]
fn a_percent_sign_is_written_in_three_ways() {
    for query in ["status=503:5", "status=503:5%25", "status=503:5%"] {
        changes(query, |plan| {
            plan.status = Some(Shares::read("503:5%").unwrap());
        });
    }
}

#[test]
fn a_query_changes_what_it_names_of_the_defaults() {
    let defaults = "delay=1s&size=1KiB&close&header=A:1&header=B:2&hostname&chunked&trickle=1/1s";
    let defaults = plan_of(defaults).unwrap();
    let changed = |query: &str| {
        defaults
            .changed(parse(query.as_bytes()), &bounds())
            .unwrap()
    };
    assert_eq!(changed("_=1"), defaults);
    let with = |change: fn(&mut Plan)| {
        let mut plan = defaults.clone();
        change(&mut plan);
        plan
    };
    assert_eq!(changed("delay=off"), with(|plan| plan.delay = None));
    assert_eq!(
        changed("delay=2s"),
        with(|plan| plan.delay = Some(Spread::Always(2_000_000_000)))
    );
    assert_eq!(
        changed("echo"),
        with(|plan| plan.content = Content::Echo(Echo::Json))
    );
    assert_eq!(changed("echo=off"), defaults);
    assert_eq!(
        changed("size=off"),
        with(|plan| plan.content = Content::Greeting)
    );
    assert_eq!(changed("abort=off"), defaults);
    assert_eq!(changed("reset"), with(|plan| plan.ending = Ending::Reset));
    assert_eq!(
        changed("header=C:3"),
        with(|plan| plan.fields = vec![("C".into(), "3".into())])
    );
    let all_off = "delay=off&size=off&close=off&header=off&hostname=off&chunked=off&trickle=off";
    assert_eq!(changed(all_off), Plan::default());
}

const NOT_A_TIME: &str = "not a time: write 10s, 1m30s, 500ms, or a number of seconds";
const NOT_A_SIZE: &str =
    "not a size: write a number of bytes, or of KiB, MiB or GiB, such as 16KiB";

/// Queries, what is wrong with their last pair, and a good one.
const WRONG: &[(&str, &str, &str)] = &[
    ("delay", NOT_A_TIME, "delay=50ms"),
    ("delay=soon", NOT_A_TIME, "delay=50ms"),
    ("delay=-1s", NOT_A_TIME, "delay=50ms"),
    ("delay=61s", "at most 1m (--max-delay)", "delay=50ms"),
    ("delay=1s&delay=1s", "it is given twice", "delay=50ms"),
    ("status", "a status is a code from 200 to 599", "status=503"),
    (
        "status=100",
        "a status is a code from 200 to 599",
        "status=503",
    ),
    ("size=1kb", NOT_A_SIZE, "size=10KiB"),
    ("size=2GiB", "at most 1GiB (--max-size)", "size=10KiB"),
    ("size=1&echo", "it excludes size", "echo"),
    (
        "echo=json",
        "it has no value, or content, or stream",
        "echo",
    ),
    ("chunked=1", "it has no value", "chunked"),
    (
        "trickle=1KiB",
        "write a size, a slash and a time",
        "trickle=1KiB/100ms",
    ),
    (
        "trickle=0/1s",
        "at least 1 byte and 1ms",
        "trickle=1KiB/100ms",
    ),
    (
        "trickle=1/1us",
        "at least 1 byte and 1ms",
        "trickle=1KiB/100ms",
    ),
    (
        "trickle=1/61s",
        "at most 1m (--max-delay)",
        "trickle=1KiB/100ms",
    ),
    (
        "trickle=2GiB/1s",
        "at most 1GiB (--max-size)",
        "trickle=1KiB/100ms",
    ),
    ("close=late", "it has no value, or early", "close"),
    ("reset=late", "it has no value, or early", "reset"),
    ("abort=early", "it has no value", "abort"),
    ("close&reset", "it excludes close", "reset"),
    ("abort&close=early", "it excludes abort", "close"),
    (
        "header=A",
        "write a name, a colon and a value",
        "header=Retry-After:1",
    ),
    (
        "header=:a",
        "the field name is not a token",
        "header=Retry-After:1",
    ),
    (
        "header=A+B:a",
        "the field name is not a token",
        "header=Retry-After:1",
    ),
    ("hostname=a", "it has no value", "hostname"),
];

#[test]
fn what_is_wrong_is_said_with_a_good_example() {
    for (query, error, example) in WRONG {
        let pair = query.rsplit('&').next().unwrap().replace('+', " ");
        let line = format!("{pair}: {error}. Example: {example}\n");
        assert_eq!(plan_of(query), Err(line));
    }
}

#[test]
fn a_field_that_frames_the_message_is_refused() {
    let framing = "the server itself sends the field, or leaves it out";
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "Date",
        "Upgrade",
    ] {
        let line = format!("header={name}:1: {framing}. Example: header=Retry-After:1\n");
        assert_eq!(plan_of(&format!("header={name}:1")), Err(line));
    }
    let split = plan_of("header=A:a%0D%0AB:b").unwrap_err();
    assert!(
        split.starts_with(r"header=A:a\r\nB:b: the field value contains a control"),
        "{split}"
    );
}

#[test]
fn an_unknown_name_gets_the_known_ones() {
    let known = "there are delay, status, size, echo, chunked, trickle, close, reset, abort, header and hostname";
    let ignored = "A name that begins with _ is ignored.";
    for (query, name) in [
        ("dealy=50ms", "dealy"),
        ("Delay=1s", "Delay"),
        ("=1", ""),
        ("%0A", r"\n"),
    ] {
        let line = format!("{name}: not a parameter: {known}. {ignored}\n");
        let error = plan_of(query).unwrap_err();
        assert!(error.starts_with(&line), "{error}");
        let lines = error.lines().skip(1);
        let examples: Vec<&str> = lines
            .map(|line| line.split_whitespace().next().unwrap())
            .collect();
        assert_eq!(examples.len(), PARAMETERS.len());
        assert_eq!((examples[0], examples[10]), ("delay=50ms", "hostname"));
    }
    let long = plan_of(&"x".repeat(5000)).unwrap_err();
    assert!(long.lines().next().unwrap().len() < 300, "{long}");
}

#[test]
fn a_stream_excludes_what_would_keep_it_waiting() {
    for (query, name) in [
        ("delay=1s", "delay"),
        ("trickle=1/1s", "trickle"),
        ("close", "close"),
        ("close=early", "close"),
        ("reset=early", "reset"),
    ] {
        let error = plan_of(&format!("echo=stream&{query}")).unwrap_err();
        assert!(
            error.starts_with(&format!("echo=stream: it excludes {name}")),
            "{error}"
        );
    }
    for query in [
        "delay=0",
        "abort",
        "reset",
        "chunked",
        "status=503",
        "header=A:1",
    ] {
        assert!(plan_of(&format!("echo=stream&{query}")).is_ok(), "{query}");
    }
}

#[test]
fn the_readme_has_each_parameter() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for parameter in &PARAMETERS {
        for example in parameter.examples {
            let code = format!("`{}`", parameter.pair(example));
            assert!(readme.contains(&code), "{code} is missing in {path}");
        }
    }
}

#[test]
fn the_examples_are_good() {
    for parameter in &PARAMETERS {
        for example in parameter.examples {
            assert!(
                plan_of(&parameter.pair(example)).is_ok(),
                "{}={example}",
                parameter.name
            );
        }
    }
}

proptest! {
    #[test]
    fn no_query_panics(query in any::<Vec<u8>>()) {
        let _ = Plan::default().changed(parse(&query), &bounds());
    }

    #[test]
    fn no_value_panics(
        at in 0..PARAMETERS.len(),
        value in "[0-9a-zA-Z.,:=/%+\u{b5} -]{0,40}|(p[0-9.]{1,4}=[0-9.]{0,9}(ms|s|KiB)?,?){0,4}|.*",
    ) {
        let pair = [(PARAMETERS[at].name, value)];
        if let Ok(plan) = Plan::default().changed(pair.into_iter(), &bounds()) {
            let random = crate::random::Random::new(1, 0);
            let delay = plan.delay.map_or(0, |delay| delay.draw(&random));
            prop_assert!(delay <= 60_000_000_000);
            if let Content::Pattern(size) = plan.content {
                prop_assert!(size.draw(&random) <= 1 << 30);
            }
        }
    }
}
