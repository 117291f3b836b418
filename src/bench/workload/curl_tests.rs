//! Commands as browsers write them, and as people do.

use proptest::prelude::*;

use super::curl::Curl;
use super::template::Content;

#[track_caller]
fn read(command: &str) -> Curl {
    Curl::read(command).unwrap()
}

/// Method, URL, fields as lines, and content.
#[track_caller]
fn check(command: &str, first: &str, fields: &[&str], content: &str) {
    let curl = read(command);
    assert_eq!(format!("{} {}", curl.method, curl.url), first, "{command}");
    let lines: Vec<String> = curl
        .fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(lines, fields, "{command}");
    let bytes = match curl.content {
        Content::Text(text) => text.into_bytes(),
        Content::Bytes(bytes) => bytes,
    };
    assert_eq!(String::from_utf8_lossy(&bytes), content, "{command}");
}

/// Chrome 130, "Copy as cURL (bash)".
#[test]
fn a_command_of_chrome() {
    let command = r#"curl 'http://localhost:8080/api/items?filter=\[a\]&x=\{1\}' \
  -X 'PATCH' \
  -H 'Accept: application/json, text/plain, */*' \
  -H 'Accept-Language: de-DE,de;q=0.9' \
  -H 'Cache-Control: no-cache' \
  -H 'Connection: keep-alive' \
  -H 'Content-Type: application/json' \
  -b 'sid=abc; theme=dark' \
  -H 'Origin: http://localhost:8080' \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36' \
  -H 'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"' \
  --data-raw $'{"name":"it\'s\\u0021","text":"a\\nb"}' \
  --insecure"#;
    check(
        command,
        "PATCH http://localhost:8080/api/items?filter=[a]&x=%7B1%7D",
        &[
            "Accept: application/json, text/plain, */*",
            "Accept-Language: de-DE,de;q=0.9",
            "Cache-Control: no-cache",
            "Content-Type: application/json",
            "Origin: http://localhost:8080",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
            "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"",
            "Cookie: sid=abc; theme=dark",
        ],
        r#"{"name":"it's\u0021","text":"a\nb"}"#,
    );
    assert!(read(command).insecure);
}

/// Firefox 132, "Copy as cURL (POSIX)".
#[test]
fn a_command_of_firefox() {
    check(
        "curl 'http://localhost:8080/login' --compressed -X POST -H 'User-Agent: Mozilla/5.0' -H 'Accept: */*' -H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Content-Type: application/x-www-form-urlencoded' -H 'Content-Length: 17' -H 'Connection: keep-alive' -H 'Cookie: a=1' -H 'Priority: u=0' --data-raw 'user=me&pass=%26x'",
        "POST http://localhost:8080/login",
        &[
            "User-Agent: Mozilla/5.0",
            "Accept: */*",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Content-Type: application/x-www-form-urlencoded",
            "Cookie: a=1",
            "Priority: u=0",
        ],
        "user=me&pass=%26x",
    );
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Command, method and URL, fields, and content.
type Case = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

const CASES: &[Case] = &[
    (
        "curl localhost:8080",
        "GET http://localhost:8080",
        &["Accept: */*"],
        "",
    ),
    (
        "/usr/bin/curl -sSfL http://a/ -o /dev/null -w '%{http_code}'",
        "GET http://a/",
        &["Accept: */*"],
        "",
    ),
    (
        "curl -XPUT -d a=1 -d b=2 http://a/",
        "PUT http://a/",
        &["Accept: */*", FORM],
        "a=1&b=2",
    ),
    (
        "curl -d@/dev/null http://a/",
        "POST http://a/",
        &["Accept: */*", FORM],
        "",
    ),
    (
        "curl --data-raw @x http://a/",
        "POST http://a/",
        &["Accept: */*", FORM],
        "@x",
    ),
    (
        "curl -G -d a=1 --data-urlencode 'b=c d&' http://a/?x",
        "GET http://a/?x&a=1&b=c+d%26",
        &["Accept: */*"],
        "",
    ),
    (
        "curl -G -d a=1 'http://a/x#part?'",
        "GET http://a/x?a=1",
        &["Accept: */*"],
        "",
    ),
    (
        "curl --json '{}' http://a/",
        "POST http://a/",
        &["Content-Type: application/json", "Accept: application/json"],
        "{}",
    ),
    (
        "curl -I --url http://a/",
        "HEAD http://a/",
        &["Accept: */*"],
        "",
    ),
    (
        "curl -u me:secret -A me -e http://b/ -r 0-9 http://a/",
        "GET http://a/",
        &[
            "Authorization: Basic bWU6c2VjcmV0",
            "User-Agent: me",
            "Referer: http://b/",
            "Range: bytes=0-9",
            "Accept: */*",
        ],
        "",
    ),
    (
        "curl -A one -H 'user-agent: two' -H Accept: -H 'X;' http://a/",
        "GET http://a/",
        &["user-agent: two", "X: "],
        "",
    ),
    (
        "curl --compressed -k -- http://a/",
        "GET http://a/",
        &["Accept-Encoding: deflate, gzip, br, zstd", "Accept: */*"],
        "",
    ),
    (
        "curl --form-string 'a=@b;c' http://a/",
        "POST http://a/",
        &[
            "Accept: */*",
            "Content-Type: multipart/form-data; boundary=hullo-0000000000000000",
        ],
        "--hullo-0000000000000000\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n@b;c\r\n--hullo-0000000000000000--\r\n",
    ),
];

#[test]
fn options_are_those_of_curl() {
    for (command, first, fields, content) in CASES {
        check(command, first, fields, content);
    }
}

#[test]
fn what_is_left_out_is_told() {
    let notes = read("curl -L --http2 -m 5 http://a/").notes;
    assert_eq!(notes.len(), 3);
    assert_eq!(
        notes[0],
        "-L of the curl command was left out: redirects are not followed"
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused_by_name() {
    for (command, said) in [
        ("", "it begins with \"\", not with curl"),
        ("wget http://a/", "it begins with \"wget\""),
        ("curl", "it has no URL"),
        ("curl http://a/ http://b/", "it has two URLs"),
        (
            "curl --frobnicate http://a/",
            "the option --frobnicate of curl is not known",
        ),
        ("curl -sZ http://a/", "the option -Z of curl is not known"),
        ("curl http://a/ -X", "-X has no value"),
        ("curl http://a/ --data", "--data has no value"),
        (
            "curl -x b:1 http://a/",
            "-x of curl is not carried out: the benchmark would measure the proxy",
        ),
        ("curl --http2-prior-knowledge http://a/", "sends HTTP/1.1"),
        (
            "curl --resolve a:80:127.0.0.1 http://a/",
            "put the address into the URL",
        ),
        ("curl -T file http://a/", "--data-binary @FILE"),
        ("curl http://a/ --next http://b/", "--request-file"),
        (
            "curl -b cookies.txt http://a/",
            "a file of cookies is not read",
        ),
        ("curl -u me http://a/", "there is no password"),
        ("curl -H nocolon http://a/", "has no colon"),
        ("curl -H $'A: b\\r\\nC: d' http://a/", "control character"),
        ("curl -X 'A B' http://a/", "is not a method"),
        (
            "curl -d @/nowhere/at.all http://a/",
            "cannot read /nowhere/at.all",
        ),
        ("curl -F a=b -d c http://a/", "both a form"),
        ("curl http://a/?b&c", "is not in quotes"),
        ("curl ^\"http://a/^\" -H ^\"A: b^\"", "Copy as cURL (bash)"),
        ("@/nowhere/at.all", "cannot read /nowhere/at.all"),
    ] {
        let error = Curl::read(command).unwrap_err();
        assert!(error.contains(said), "{command}: {error}");
    }
}

proptest! {
    /// Whatever is pasted: an answer, and fields that cannot end a line.
    #[test]
    fn any_command_is_taken_or_refused(rest in "( (-[XHdGFbuAekIsLmo]{1,2}|--(data|header|json|form|cookie|compressed|url)|'[^']{0,9}'|\\$'([a-z]|\\\\[rnx0-9']){0,5}'|[a-z:/=@;]{0,9})){0,6}") {
        if let Ok(curl) = Curl::read(&format!("curl{rest}")) {
            prop_assert!(!curl.url.is_empty() && !curl.method.is_empty());
            for (name, value) in &curl.fields {
                prop_assert!(!name.contains(['\r', '\n', ':', '?']) && !value.contains(['\r', '\n']));
            }
        }
    }
}
