//! The bytes of the requests, rendered once before the run.

use crate::http::is_token;

/// One request, as the options describe it.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query. `{n}` is replaced by the position in the batch.
    pub(super) path: String,
    /// The value of `Host`, unless `fields` has one.
    pub(super) host: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) closes: bool,
}

/// Replaced by the position of a request in its batch, so that the order of answers can be checked.
pub(super) const PLACEHOLDER: &str = "{n}";

/// Pipelined requests, written at once.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
}

impl Batch {
    pub(super) fn new(request: &Request, pipeline: usize) -> Self {
        let mut batch = Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(pipeline),
        };
        for position in 0..pipeline {
            request.render(position, &mut batch.bytes);
            batch.ends.push(batch.bytes.len());
        }
        batch
    }

    /// The number of requests.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The offset of the request at this position; for the position after the last, the end.
    #[inline]
    pub(super) fn start(&self, position: usize) -> usize {
        position
            .checked_sub(1)
            .map_or(0, |before| self.ends[before])
    }

    /// The bytes between two offsets.
    #[inline]
    pub(super) fn bytes(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }
}

impl Request {
    fn render(&self, position: usize, out: &mut Vec<u8>) {
        let path = self.path.replace(PLACEHOLDER, &position.to_string());
        let has = |name: &str| {
            self.fields
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        let mut line = |parts: &[&str]| {
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        };
        line(&[&self.method, " ", &path, " HTTP/1.1"]);
        // RFC 9112 section 3.2: a client sends exactly one; RFC 9110 section 7.2: best as the first field.
        if !has("host") {
            line(&["Host: ", &self.host]);
        }
        if !has("user-agent") {
            line(&["User-Agent: hullo/", env!("CARGO_PKG_VERSION")]);
        }
        for (name, value) in &self.fields {
            line(&[name, ": ", value]);
        }
        // RFC 9110 section 8.6: send Content-Length: 0 where the method anticipates content.
        let may_have_body = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        if !self.body.is_empty() || may_have_body {
            line(&["Content-Length: ", &self.body.len().to_string()]);
        }
        if self.closes && !has("connection") {
            line(&["Connection: close"]);
        }
        line(&[]);
        out.extend_from_slice(&self.body);
    }
}

/// Parses a field line of `-H`.
pub(crate) fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("{line:?} has no colon: write -H 'Name: value'"))?;
    let (name, value) = (name.trim(), value.trim());
    if !is_token(name) {
        return Err(format!("{name:?} is not a field name"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("the value of {name} contains a control character"));
    }
    // These frame the request: a wrong one would merge two requests or split one.
    if ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "hullo sets {name} itself: give the content with -d or -D"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The method, in upper case as hey sends it.
pub(super) fn method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    if !is_token(&method) {
        return Err(format!("{method:?} is not a method"));
    }
    if method == "CONNECT" {
        return Err("CONNECT opens a tunnel: there is no HTTP in it to measure".to_owned());
    }
    Ok(method)
}

/// RFC 4648 section 4, for `-a`.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (i, &byte)| {
            bits | u32::from(byte) << (16 - 8 * i)
        });
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = concat!("User-Agent: hullo/", env!("CARGO_PKG_VERSION"), "\r\n");

    fn get() -> Request {
        Request {
            method: "GET".into(),
            path: "/a".into(),
            host: "h:1".into(),
            ..Request::default()
        }
    }

    #[track_caller]
    fn check(request: &Request, expected: &str) {
        let batch = Batch::new(request, 1);
        let bytes = batch.bytes(0, batch.start(1));
        assert_eq!(
            std::str::from_utf8(bytes),
            Ok(expected.replace("{AGENT}", AGENT).as_str())
        );
    }

    #[test]
    fn requests_are_rendered() {
        check(&get(), "GET /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}\r\n");
        let post = Request {
            method: "POST".into(),
            body: b"x=1".to_vec(),
            fields: vec![("Content-Type".into(), "text/plain".into())],
            closes: true,
            ..get()
        };
        check(
            &post,
            "POST /a HTTP/1.1\r\nHost: h:1\r\n{AGENT}Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nx=1",
        );
        let empty = Request {
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
        let request = Request {
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
        let request = Request {
            path: "/{n}/{n}".into(),
            ..get()
        };
        let batch = Batch::new(&request, 12);
        assert_eq!(batch.len(), 12);
        for position in 0..12 {
            let one = batch.bytes(batch.start(position), batch.start(position + 1));
            let line = format!("GET /{position}/{position} HTTP/1.1\r\n");
            assert!(one.starts_with(line.as_bytes()) && one.ends_with(b"\r\n\r\n"));
        }
    }

    #[test]
    fn fields_are_parsed_or_refused() {
        assert_eq!(field("A: b: c"), Ok(("A".into(), "b: c".into())));
        assert_eq!(field("A:"), Ok(("A".into(), String::new())));
        for (line, word) in [
            ("A", "no colon"),
            (": b", "not a field name"),
            ("A b: c", "not a field name"),
            ("A: b\r\nC: d", "control"),
            ("content-length: 5", "-d or -D"),
            ("Transfer-Encoding: chunked", "-d or -D"),
        ] {
            let error = field(line).unwrap_err();
            assert!(error.contains(word), "{line:?}: {error}");
        }
    }

    #[test]
    fn base64_has_the_test_vectors_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}\u{fe}", "w7/Dvg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
