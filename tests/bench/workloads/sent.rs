//! What is sent: values, content, fields and cookies.

use super::*;

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
    let page = include_str!("../../../src/bench/WORKLOADS.md");
    let requests = include_str!("../../../src/bench/workload/example/requests.jsonl");
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
