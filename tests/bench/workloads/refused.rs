//! Files and flags that are refused, with the reason.

use super::*;

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
