//! Requests that differ from each other, against a hullo with test endpoints.

use super::server::Server;
use super::*;

fn file(text: &str) -> TemporaryFile {
    let file = TemporaryFile::new();
    std::fs::write(&file.0, text).unwrap();
    file
}

fn template<'a>(json: &'a Value, name: &str) -> &'a Value {
    let templates = json["templates"].as_array().unwrap();
    let named = |template: &&Value| template["name"] == name;
    templates.iter().find(named).expect(name)
}

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

/// The server sends back what it was sent: each answer has the values of its own request.
#[test]
fn placeholders_reach_the_server_and_the_expectation() {
    let server = Server::start(&[]);
    let url = format!("http://{}", server.address());
    let values = file("id,term\n1,caf\u{e9}\n22,a b&c\n333,\"x,y\"\n");
    let content = r#"{\"seq\": {seq}, \"id\": \"{csv:id}\", \"term\": \"{csv:term}\", \"uuid\": \"{uuid}\", \"dice\": {rand:1-6}, \"place\": {n}}"#;
    let requests = file(&format!(
        r#"{{"method": "POST", "path": "/{{csv:id}}/{{csv:term:encoded}}?echo=content", "fields": {{"X-Id": "{{uuid}}", "Content-Type": "application/json"}}, "content": "{content}", "expect": {{"status": 200, "body": "{content}"}}}}"#
    ));
    for pipeline in ["1", "7"] {
        let flags = [
            "-n",
            "700",
            "-c",
            "5",
            "-p",
            pipeline,
            "--csv",
            values.path(),
        ];
        let flags = [&flags[..], &["--request-file", requests.path(), &url]].concat();
        let (ran, json) = measured(&flags);
        assert_eq!(
            (ran.code, number(&json["errors"]["total"])),
            (0, 0),
            "{}",
            ran.text
        );
        assert_eq!(number(&json["responses"]), 700);
        let name = "POST /{csv:id}/{csv:term:encoded}?echo=content";
        assert_eq!(number(&template(&json, name)["responses"]), 700);
    }
}

/// The page shows the file that its command sends; the greeting answers all paths.
#[test]
fn the_example_of_the_page_runs() {
    let page = include_str!("../../src/bench/WORKLOADS.md");
    let requests = include_str!("../../src/bench/workload/example/requests.jsonl");
    assert!(page.contains(&format!("```json\n{requests}```\n")));
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("$ hullo bench "))
        .unwrap();
    let server = Server::start(&[]);
    let line = line.replace("127.0.0.1:8080", server.address());
    let (ran, json) = measured(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(
        (ran.code, number(&json["errors"]["total"])),
        (0, 0),
        "{}",
        ran.text
    );
    assert_eq!(json["templates"].as_array().unwrap().len(), 3);
}

/// What the flags describe may have placeholders, too.
#[test]
fn a_single_url_may_have_placeholders() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let address = serve(move |peer| {
        while let Some(request) = peer.request() {
            all.lock().unwrap().push(request);
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/{{seq}}/{{rand:5-5}}");
    let flags = [
        "-n",
        "30",
        "-c",
        "3",
        "--threads",
        "1",
        "-m",
        "post",
        "-d",
        "{seq}",
    ];
    let (ran, json) = measured(&[&flags[..], &["-H", "X: {uuid}", &url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(number(&json["templates"][0]["responses"]), 30);
    let mut numbers: Vec<u64> = Vec::new();
    let mut names = Vec::new();
    for request in seen.lock().unwrap().iter() {
        let (head, content) = request.split_once("\r\n\r\n").unwrap();
        let number = content.parse().unwrap();
        assert!(
            head.starts_with(&format!("POST /{number}/5 HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(
            head.contains(&format!("\r\nContent-Length: {}", content.len())),
            "{head}"
        );
        numbers.push(number);
        names.push(head.split("\r\nX: ").nth(1).unwrap()[..36].to_owned());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 30);
    let refused = bench(&[&flags[..], &["http://127.0.0.1:1/{id}"]].concat());
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("{seq}, {rand:1-1000}"),
        "{}",
        refused.stderr
    );
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

#[test]
fn a_bad_file_is_refused_with_its_line() {
    let values = file("id\na b\n");
    for (line, said) in [
        ("", "has no request: write one per line"),
        (
            "{",
            ":2: EOF while parsing an object: write the whole request on one line",
        ),
        (
            "nonsense",
            ":2: expected ident at column 2: write JSON, as {\"path\": \"/\"}",
        ),
        ("[]", ":2: a list: write each request"),
        ("{}", ":2: missing field `path`"),
        (
            r#"{"path": "/", "metod": "PUT"}"#,
            ":2: unknown field `metod`, expected one of `path`, `name`, `method`",
        ),
        (
            r#"{"path": "x"}"#,
            ":2: the path \"x\" does not begin with /",
        ),
        (r#"{"path": "/a b"}"#, ":2: ' ' is not allowed in the path"),
        (r#"{"path": "/{id}"}"#, ":2: \"/{id}\" has a brace"),
        (
            r#"{"path": "/{csv:id}"}"#,
            "column id: ' ' is not allowed in a path: write {csv:id:encoded}",
        ),
        (
            r#"{"path": "/{csv:no}"}"#,
            "has no column \"no\": its first line names id",
        ),
        (
            r#"{"path": "/", "method": "a b"}"#,
            ":2: \"A B\" is not a method",
        ),
        (
            r#"{"path": "/", "fields": {"A b": "c"}}"#,
            ":2: \"A b\" is not a field name",
        ),
        (
            r#"{"path": "/", "fields": {"A": "b\r\nC: d"}}"#,
            ":2: the value of A contains a control character",
        ),
        (
            r#"{"path": "/", "fields": {"Content-Length": "5"}}"#,
            ":2: hullo sets Content-Length itself",
        ),
        (
            r#"{"path": "/", "fields": {"Connection": "close"}}"#,
            ":2: connections are for all requests",
        ),
        (
            r#"{"path": "/", "weight": 0}"#,
            ":2: \"weight\" is 0, not a whole number from 1",
        ),
        (r#"{"path": "/", "weight": 1.5}"#, ":2: \"weight\" is 1.5"),
        (
            r#"{"path": "/", "content": "a", "size": 5}"#,
            ":2: give one of \"content\", \"file\" and \"size\"",
        ),
        (
            r#"{"path": "/", "size": "5kb"}"#,
            ":2: \"size\": not a size",
        ),
        (
            r#"{"path": "/", "file": "nowhere.at.all"}"#,
            ":2: cannot read ",
        ),
        (
            r#"{"path": "/", "expect": {"status": 99}}"#,
            ":2: \"99\" is not a status",
        ),
        (
            r#"{"path": "/", "expect": {"state": 200}}"#,
            ":2: unknown field `state`",
        ),
        (
            r#"{"path": "/", "method": "HEAD", "expect": {"body": ""}}"#,
            ":2: the answer to HEAD has no body",
        ),
        (r#"[{"path": "/"}]"#, ":2: a list: write each request"),
        ("5", "expected an object, as {\"path\": \"/\"}"),
        (
            r#"{"path": "/", "fields": {"Content-Length": "5"}}"#,
            ":2: hullo sets Content-Length itself",
        ),
        ("{\"path\": \"/\x1b[31m\"}", ":2: "),
    ] {
        let requests = file(&format!("# First\n{line}\n"));
        let flags = ["--csv", values.path(), "--request-file", requests.path()];
        let ran = bench(&[&flags[..], &["http://127.0.0.1:1/"]].concat());
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{line}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(requests.path()) && !ran.stderr.contains('\x1b'),
            "{}",
            ran.stderr
        );
    }
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

#[test]
fn a_file_of_values_without_a_place_for_them_is_refused() {
    let values = file("a\n1\n");
    let ran = bench(&["--csv", values.path(), "http://127.0.0.1:1/csv:a"]);
    assert_eq!(ran.code, 2);
    let said = "--csv: no request has a value of this file: write {csv:COLUMN}";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn flags_that_a_request_file_replaces_are_refused() {
    let requests = file(r#"{"path": "/"}"#);
    for (flags, said) in [
        (&["http://127.0.0.1:1/a"][..], "leave /a out of the URL"),
        (&["-d", "x", "http://127.0.0.1:1/"], "cannot be used with"),
        (&["-m", "PUT", "http://127.0.0.1:1/"], "cannot be used with"),
    ] {
        let ran = bench(&[&["--request-file", requests.path()], flags].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

/// Content inline, from a file beside the request file, and of a size, with fields of a line and of the flags.
#[test]
fn content_and_fields_are_those_of_the_line_or_of_the_flags() {
    let body = file("{seq} stays as it is");
    let name = body.0.file_name().unwrap().to_str().unwrap().to_owned();
    let requests = file(&format!(
        r#"{{"path": "/file", "file": "{name}", "weight": 5}}
{{"path": "/size", "method": "put", "size": "2KiB", "fields": {{"X": "own", "Content-Type": "a/b"}}, "weight": 5}}
{{"path": "/literal", "content": "{{seq}}", "placeholders": false, "weight": 5}}
{{"path": "/none", "method": "HEAD", "weight": 5}}"#
    ));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let address = serve(move |peer| {
        while let Some(request) = peer.request() {
            let content = if request.starts_with("HEAD") {
                HELLO.trim_end_matches("hello")
            } else {
                HELLO
            };
            all.lock().unwrap().push(request);
            peer.send(content);
        }
    });
    let url = format!("http://{address}");
    let flags = [
        "-n", "100", "-c", "1", "-H", "X: all", "-T", "c/d", "-A", "e/f", "-p", "3",
    ];
    let (ran, json) = measured(&[&flags[..], &["--request-file", requests.path(), &url]].concat());
    assert_eq!(
        (ran.code, number(&json["errors"]["total"])),
        (0, 0),
        "{}",
        ran.text
    );
    let seen = seen.lock().unwrap();
    let agent = concat!("User-Agent: hullo/", env!("CARGO_PKG_VERSION"), "\r\n");
    let first = format!("Host: {address}\r\n{agent}");
    for expected in [
        format!(
            "GET /file HTTP/1.1\r\n{first}X: all\r\nAccept: e/f\r\nContent-Type: c/d\r\nContent-Length: 20\r\n\r\n{{seq}} stays as it is"
        ),
        format!(
            "PUT /size HTTP/1.1\r\n{first}X: own\r\nContent-Type: a/b\r\nAccept: e/f\r\nContent-Length: 2048\r\n\r\n{}",
            "x".repeat(2048)
        ),
        format!(
            "GET /literal HTTP/1.1\r\n{first}X: all\r\nAccept: e/f\r\nContent-Type: c/d\r\nContent-Length: 5\r\n\r\n{{seq}}"
        ),
        format!("HEAD /none HTTP/1.1\r\n{first}X: all\r\nAccept: e/f\r\n\r\n"),
    ] {
        let count = seen.iter().filter(|request| **request == expected).count();
        assert!(
            count > 5,
            "{expected:?}: {:?}",
            seen.iter().take(9).collect::<Vec<_>>()
        );
    }
}

/// Requests behind a closing answer are sent again with the same values, in the same order.
#[test]
fn requests_that_are_sent_again_are_the_same() {
    let json = succeeds_with(
        &[
            "-p",
            "5",
            "-m",
            "POST",
            "-d",
            "{seq} {uuid}",
            "--expect-body",
            "{seq} {uuid}",
        ],
        |peer| {
            let request = peer.request().unwrap_or_default();
            let content = request.split("\r\n\r\n").nth(1).unwrap_or_default();
            let length = content.len();
            peer.send(&format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}"
            ));
            peer.close();
        },
    );
    assert_eq!(number(&json["connections"]["requests_sent_again"]), 40);
}

#[track_caller]
fn succeeds_with(flags: &[&str], handle: impl Fn(&mut Peer) + Send + Sync + 'static) -> Value {
    let json = succeeds(flags, handle);
    assert_eq!(number(&json["templates"][0]["responses"]), 20);
    json
}

/// A server that counts visits in a cookie, per connection: each answer sets it one higher.
#[test]
fn cookies_are_kept_on_each_connection() {
    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let address = serve(move |peer| {
        for visit in 1.. {
            let Some(request) = peer.request() else {
                return;
            };
            let cookie = request
                .split("\r\nCookie: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next());
            let number = peer.number;
            let expected = match visit {
                1 => "lang=en".to_owned(),
                5.. if visit % 4 == 1 => "lang=en".to_owned(),
                _ => format!("lang=en; visit={number}-{}", visit - 1),
            };
            seen.lock()
                .unwrap()
                .push((cookie == Some(expected.as_str()), request.clone()));
            let attributes = if visit % 4 == 0 {
                "; Max-Age=0"
            } else {
                "; Path=/; HttpOnly"
            };
            peer.send(&HELLO.replace(
                "Content",
                &format!("Set-Cookie: visit={number}-{visit}{attributes}\r\nContent"),
            ));
        }
    });
    let url = format!("http://{address}/");
    let (ran, json) = measured(&[
        "-n",
        "60",
        "-c",
        "3",
        "--cookies",
        "-H",
        "Cookie: lang=en",
        &url,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(json["settings"]["cookies"], true);
    let all = all.lock().unwrap();
    assert_eq!(all.len(), 60);
    let wrong: Vec<&String> = all
        .iter()
        .filter(|(good, _)| !good)
        .map(|(_, request)| request)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Chrome's command, with a quotation mark in its content, from the command line, a file, and standard input.
#[test]
fn a_curl_command_is_sent_as_it_is() {
    let server = Server::start(&[]);
    let content = r#"{"name":"it's {seq}"}"#;
    let url = format!("http://{}/?echo=content", server.address());
    let line = format!(
        "curl '{url}' \\\n  -H 'Content-Type: application/json' \\\n  -H 'Connection: keep-alive' --compressed \\\n  --data-raw $'{}'",
        content.replace('\'', "\\'")
    );
    let command_file = file(&line);
    let at = format!("@{}", command_file.path());
    let expect = [
        "-n",
        "20",
        "-c",
        "2",
        "--expect-status",
        "200",
        "--expect-body",
        content,
    ];
    for text in [line.as_str(), at.as_str()] {
        let (ran, json) = measured(&[&expect[..], &["--curl", text]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.text);
        assert_eq!(number(&json["errors"]["total"]), 0);
        assert_eq!(
            (&json["settings"]["method"], &json["settings"]["url"]),
            (&"POST".into(), &url.as_str().into())
        );
    }
    let input = std::fs::File::open(&command_file.0).unwrap();
    let ran = Ran::from(
        command(&[&expect[..], &["--curl", "-"]].concat())
            .stdin(input)
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.text, ran.stderr);
    let ran = bench(&["--curl", "curl --frobnicate http://a/"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("the option --frobnicate of curl is not known"),
        "{}",
        ran.stderr
    );
    let told = bench(&["-n", "1", "-c", "1", "--curl", &format!("curl -L {url}")]);
    assert_eq!(told.code, 0);
    assert!(
        told.stderr
            .contains("note: -L of the curl command was left out"),
        "{}",
        told.stderr
    );
}

/// curl itself is the judge: the server must see the same content from both.
#[test]
fn a_form_is_that_of_curl() {
    let body = file("bytes \0 of a file\r\n");
    let path = format!("doc=@{};type=text/x-test;filename=a b.txt", body.path());
    let parts = ["-F", "name=value; no attribute", "-F", &path];
    let seen = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&seen);
    let address = serve(move |peer| {
        while let Some(request) = peer.request() {
            *all.lock().unwrap() = request;
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/");
    let parts = [&["-F", "name=value"][..], &parts[2..]].concat();
    let ran = bench(&[&["-n", "1", "-c", "1"][..], &parts, &[&url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ours = seen.lock().unwrap().clone();
    let curl = std::process::Command::new("curl")
        .args(["-sS", "-H", "Expect:"])
        .args(&parts)
        .arg(&url)
        .output();
    assert!(curl.unwrap().status.success());
    let theirs = seen.lock().unwrap().clone();
    let plain = |request: &str| {
        let boundary = request
            .split("boundary=")
            .nth(1)
            .unwrap()
            .split("\r\n")
            .next()
            .unwrap();
        let content = request.split_once("\r\n\r\n").unwrap().1;
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        content.replace(boundary, "BOUNDARY")
    };
    assert_eq!(plain(&ours), plain(&theirs));
}
