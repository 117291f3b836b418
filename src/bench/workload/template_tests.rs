//! The bytes of requests, fixed and with values.

use std::slice::from_ref;

use proptest::prelude::*;

use super::*;

const AGENT: &str = concat!("User-Agent: hullo/", env!("CARGO_PKG_VERSION"), "\r\n");

fn get() -> Spec {
    Spec {
        method: "GET".into(),
        path: "/a".into(),
        host: "h:1".into(),
        weight: 1,
        ..Spec::default()
    }
}

#[track_caller]
fn check(request: &Spec, expected: &str) {
    let batch = batch(request, 1);
    let bytes = batch.bytes(0, batch.start(1));
    assert_eq!(
        std::str::from_utf8(bytes),
        Ok(expected.replace("{AGENT}", AGENT).as_str())
    );
}

#[test]
fn requests_are_rendered() {
    check(&get(), "GET /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}\r\n");
    let post = Spec {
        method: "POST".into(),
        content: Content::Text("x=1".into()),
        fields: vec![("Content-Type".into(), "text/plain".into())],
        closes: true,
        ..get()
    };
    check(
        &post,
        "POST /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nx=1",
    );
    let empty = Spec {
        method: "PUT".into(),
        ..get()
    };
    check(
        &empty,
        "PUT /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}Content-Length: 0\r\n\r\n",
    );
}

#[test]
fn fields_of_the_user_replace_the_defaults() {
    let request = Spec {
        fields: vec![
            ("host".into(), "other".into()),
            ("USER-AGENT".into(), "me".into()),
            ("connection".into(), "close".into()),
        ],
        closes: true,
        ..get()
    };
    check(
        &request,
        "GET /a HTTP/1.1\r\nhost: other\r\nUSER-AGENT: me\r\nconnection: close\r\n\r\n",
    );
}

#[test]
fn each_request_of_a_batch_has_its_position() {
    let request = Spec {
        path: "/{n}/{n}".into(),
        ..get()
    };
    let batch = batch(&request, 12);
    for position in 0..12 {
        let one = batch.bytes(batch.start(position), batch.start(position + 1));
        let line = format!("GET /{position}/{position} HTTP/1.1\r\n");
        assert!(one.starts_with(line.as_bytes()) && one.ends_with(b"\r\n\r\n"));
    }
}

fn batch(spec: &Spec, pipeline: usize) -> Batch {
    let workload = Workload::new(from_ref(spec), None, 1, false).unwrap();
    workload.fixed(pipeline).unwrap().0
}

/// So many requests of a workload, each with what its answer should be.
fn composed(workload: &Workload, count: usize, pipeline: usize) -> Vec<(String, Option<String>)> {
    let mut composer = Composer::new(workload, 0, 1);
    let (mut requests, mut all) = (InFlight::default(), Vec::new());
    while all.len() < count {
        composer.compose(workload, pipeline, &mut requests);
        for place in 0..pipeline {
            let batch = requests.batch(workload);
            let bytes = batch
                .bytes(batch.start(place), batch.start(place + 1))
                .to_vec();
            let body = requests.awaited(workload, place).expected.body;
            let body = body.map(|body| String::from_utf8(body.to_vec()).unwrap());
            all.push((String::from_utf8(bytes).unwrap(), body));
        }
    }
    all
}

fn table(text: &str) -> Table {
    Table::parse("t.csv", text.as_bytes()).unwrap()
}

#[test]
fn placeholders_have_values_everywhere_and_equal_ones_the_same() {
    let spec = Spec {
        method: "PUT".into(),
        path: "/{n}/{seq}?id={csv:id}&q={csv:q:encoded}".into(),
        fields: vec![("X-Id".into(), "{uuid} {rand:10-99}".into())],
        content: Content::Text(
            "{\"id\":\"{csv:id}\",\"seq\":{seq},\"a\":{rand:10-99},\"b\":{rand:10-99:b}}".into(),
        ),
        body: Some("{seq} {csv:q}".into()),
        ..get()
    };
    let table = table("id,q\n7,x y\n88,\u{fc}\n");
    let workload = Workload::new(&[spec], Some(&table), 1, false).unwrap();
    assert!(workload.fixed(2).is_none());
    for (number, (request, body)) in composed(&workload, 50, 2).iter().enumerate() {
        let (id, query, plain) = [("7", "x%20y", "x y"), ("88", "%C3%BC", "\u{fc}")][number % 2];
        let (head, content) = request.split_once("\r\n\r\n").unwrap();
        let line = format!(
            "PUT /{}/{number}?id={id}&q={query} HTTP/1.1\r\n",
            number % 2
        );
        assert!(head.starts_with(&line), "{head}");
        let value = head.split("X-Id: ").nth(1).unwrap();
        let (uuid, rest) = value.split_at(36);
        let random = &rest[1..3];
        assert_eq!(uuid.matches('-').count(), 4, "{head}");
        let start = format!("{{\"id\":\"{id}\",\"seq\":{number},\"a\":{random},\"b\":");
        assert!(content.starts_with(&start), "{content}");
        assert!(
            head.contains(&format!("\r\nContent-Length: {}", content.len())),
            "{request}"
        );
        assert_eq!(body.as_deref(), Some(format!("{number} {plain}").as_str()));
    }
}

#[test]
fn braces_are_text_where_they_are_not_placeholders() {
    let json = "{\"a\":{\"rand\":1}} {x} {";
    let spec = Spec {
        method: "POST".into(),
        content: Content::Text(json.into()),
        fields: vec![("A".into(), "{b}".into())],
        ..get()
    };
    check(
        &spec,
        &format!(
            "POST /a HTTP/1.1\r\nHost: h:1\r\n{{AGENT}}A: {{b}}\r\nContent-Length: 22\r\n\r\n{json}"
        ),
    );
    let literal = Spec {
        content: Content::Text("{seq}".into()),
        is_literal: true,
        ..get()
    };
    check(
        &literal,
        "GET /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}Content-Length: 5\r\n\r\n{seq}",
    );
    // A file may hold any bytes.
    let file = Spec {
        content: Content::Bytes(b"{uuid}".to_vec()),
        ..get()
    };
    check(
        &file,
        "GET /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}Content-Length: 6\r\n\r\n{uuid}",
    );
}

#[test]
fn wrong_placeholders_are_refused_with_their_place() {
    let table = table("id\nx y\n");
    for (path, said) in [
        (
            "/{x}",
            "r:7: \"/{x}\" has a brace, but none of the placeholders {seq}, ",
        ),
        ("/{rand}", "r:7: {rand}: write the range"),
        (
            "/{csv:no}",
            "r:7: t.csv has no column \"no\": its first line names id",
        ),
        (
            "/{csv:id}",
            "r:7: t.csv:2: column id: ' ' is not allowed in a path",
        ),
    ] {
        let spec = Spec {
            at: "r:7".into(),
            path: path.into(),
            ..get()
        };
        let error = Workload::new(&[spec], Some(&table), 1, false).unwrap_err();
        assert!(error.starts_with(said), "{path}: {error}");
    }
    let spec = Spec {
        path: "/{csv:id}".into(),
        ..get()
    };
    let error = Workload::new(&[spec], None, 1, false).unwrap_err();
    assert_eq!(error, "{csv:id} needs a file of values: --csv FILE");
}

/// The number of each of two templates has a binomial distribution: 5 standard deviations either way.
#[test]
fn templates_come_as_often_as_their_weights_say() {
    let spec = |path: &str, weight| Spec {
        path: path.into(),
        weight,
        ..get()
    };
    let count = 20_000;
    for (one, other) in [(3, 1), (1, 1), (1, 99), (1_000_000, 1)] {
        let workload =
            Workload::new(&[spec("/one", one), spec("/other", other)], None, 1, false).unwrap();
        let all = composed(&workload, count, 1);
        let ones = all
            .iter()
            .filter(|(request, _)| request.starts_with("GET /one "))
            .count() as f64;
        let share = one as f64 / (one + other) as f64;
        let deviation = (count as f64 * share * (1.0 - share)).sqrt();
        let off = (ones - count as f64 * share).abs();
        assert!(off <= 5.0 * deviation + 0.5, "{one}:{other}: {ones}");
    }
    // The seed decides.
    let workload =
        |seed| Workload::new(&[spec("/one", 1), spec("/other", 1)], None, seed, false).unwrap();
    assert_eq!(
        composed(&workload(5), 100, 1),
        composed(&workload(5), 100, 1)
    );
    assert_ne!(
        composed(&workload(5), 100, 1),
        composed(&workload(6), 100, 1)
    );
}

#[test]
fn too_many_names_and_too_much_memory_are_refused() {
    let named = |number: usize, name: Option<&str>| Spec {
        at: format!("r:{number}"),
        path: format!("/{number}"),
        name: name.map(str::to_owned),
        ..get()
    };
    let many: Vec<Spec> = (1..=101).map(|number| named(number, None)).collect();
    let error = Workload::new(&many, None, 1, false).unwrap_err();
    assert!(
        error.starts_with("r:101: more than 100 requests with names"),
        "{error}"
    );
    let same: Vec<Spec> = (1..=1000)
        .map(|number| named(number, Some("all")))
        .collect();
    let workload = Workload::new(&same, None, 1, false).unwrap();
    assert_eq!(workload.names(), 1);
    let long = Spec {
        content: Content::Bytes(vec![0; 1 << 20]),
        path: "/{seq}".into(),
        ..get()
    };
    let workload = Workload::new(&[long], None, 1, false).unwrap();
    assert_eq!(workload.check_buffers(1000, 1), Ok(()));
    assert!(
        workload
            .check_buffers(1000, 2)
            .unwrap_err()
            .contains("need 2000 MiB")
    );
}

/// The buffers reach their size, and then no request needs more.
#[test]
fn requests_allocate_nothing() {
    let spec = |path: &str| Spec {
        path: path.into(),
        content: Content::Text("{uuid} {rand:1-9} {csv:id}".into()),
        body: Some("{seq}".into()),
        ..get()
    };
    let table = table("id\n1\nlonger\n");
    let workload = Workload::new(&[spec("/{seq}"), spec("/b")], Some(&table), 1, true).unwrap();
    let mut composer = Composer::new(&workload, 0, 1);
    let mut requests = InFlight::default();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        for _ in 0..1000 {
            composer.compose(&workload, 16, &mut requests);
        }
        sizes.push((composer.capacity(), requests.capacity()));
    }
    assert_eq!(sizes[1], sizes[2]);
}

#[test]
fn cookies_are_one_field_and_begin_with_those_of_the_request() {
    let spec = |cookie: &str| Spec {
        fields: vec![("cookie".into(), cookie.into()), ("A".into(), "b".into())],
        ..get()
    };
    let workload = Workload::new(&[spec("a=1; b=2")], None, 1, true).unwrap();
    let mut composer = Composer::new(&workload, 0, 1);
    let mut requests = InFlight::default();
    let mut next = |requests: &mut InFlight| {
        composer.compose(&workload, 1, requests);
        let batch = requests.batch(&workload);
        String::from_utf8(batch.bytes(0, batch.start(1)).to_vec()).unwrap()
    };
    let first = next(&mut requests);
    assert!(
        first.contains("A: b\r\nCookie: a=1; b=2\r\n\r\n"),
        "{first}"
    );
    assert_eq!(first.to_lowercase().matches("cookie").count(), 1, "{first}");
    let jar = requests.awaited(&workload, 0).jar.unwrap();
    jar.learn(b"HTTP/1.1 200 OK\r\nSet-Cookie: b=3; Path=/\r\n\r\n");
    assert!(next(&mut requests).contains("\r\nCookie: a=1; b=3\r\n"));
    let two = [spec("a=1"), spec("a=2")];
    let error = Workload::new(&two, None, 1, true).unwrap_err();
    assert!(error.contains("the cookie a has another value"), "{error}");
    // Without --cookies, a field is a field.
    assert!(Workload::new(&two, None, 1, false).is_ok());
}

proptest! {
    /// Whatever is in a request: a server that reads it finds its lines and its content, and nothing more.
    #[test]
    fn a_request_is_always_framed(
        path in "/([a-z]|\\{seq\\}|\\{uuid\\}|\\{csv:id:encoded\\}){0,4}",
        value in "([a-z ]|\\{rand:1-999\\}|\\{csv:id\\}){0,4}",
        content in "([a-z\r\n{}]|\\{seq\\}|\\{csv:id\\}|\\{n\\}){0,8}",
        rows in proptest::collection::vec("[ -~\u{e9}\r\n]{0,6}", 1..5),
        seed: u64,
    ) {
        let quoted = |row: &String| format!("\"{}\"\n", row.replace('"', "\"\""));
        let table = table(&format!("id\n{}", rows.iter().map(quoted).collect::<String>()));
        let spec = Spec {
            method: "POST".into(),
            path,
            fields: vec![("X".into(), value)],
            content: Content::Text(content),
            ..get()
        };
        let workload = match Workload::new(&[spec], Some(&table), seed, false) {
            Ok(workload) => workload,
            Err(error) => {
                prop_assert!(error.contains("not allowed in a header field"), "{}", error);
                return Ok(());
            }
        };
        for (request, _) in composed(&workload, 6, 3) {
            let (head, content) = request.split_once("\r\n\r\n").unwrap();
            let lines: Vec<&str> = head.split("\r\n").collect();
            let fields: Vec<&str> = lines.iter().skip(1).map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(fields, ["Host", "User-Agent", "X", "Content-Length"]);
            prop_assert_eq!(lines[0].split(' ').count(), 3);
            prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert_eq!(lines[4], format!("Content-Length: {}", content.len()));
        }
    }
}
