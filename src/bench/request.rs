//! The bytes that are sent: rendered once, before the run.

/// One request, as the options describe it.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query. `{n}` stands for the place in the batch.
    pub(super) path: String,
    /// What `Host` says, unless the fields do.
    pub(super) host: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) closes: bool,
}

/// What is replaced by the place of a request in its batch, so that answers can be told apart.
pub(super) const PLACE: &str = "{n}";

/// Requests to be written at once, one after another.
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
        for place in 0..pipeline {
            request.render(place, &mut batch.bytes);
            batch.ends.push(batch.bytes.len());
        }
        batch
    }

    /// How many requests it holds.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where the request in this place begins; for the place after the last, the end.
    #[inline]
    pub(super) fn start(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// What stands between two offsets.
    #[inline]
    pub(super) fn bytes(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }
}

impl Request {
    fn render(&self, place: usize, out: &mut Vec<u8>) {
        let path = self.path.replace(PLACE, &place.to_string());
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
        // RFC 9112 section 3.2: a client sends exactly one, and best as the first field.
        if !has("host") {
            line(&["Host: ", &self.host]);
        }
        if !has("user-agent") {
            line(&["User-Agent: hullo/", env!("CARGO_PKG_VERSION")]);
        }
        for (name, value) in &self.fields {
            line(&[name, ": ", value]);
        }
        // RFC 9110 section 8.6: where a body has a meaning, its absence is said too.
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

/// Takes a field line of `-H` apart, or says what is wrong with it.
pub(super) fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("{line:?} has no colon: write -H 'Name: value'"))?;
    let (name, value) = (name.trim(), value.trim());
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(format!("{name:?} is no field name"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("the value of {name} holds a control character"));
    }
    // What frames a request is written here, so that no two requests become one.
    if ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!(
            "{name} is written by hullo itself: give the body with -d or -D"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
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
    fn renders_what_is_asked_for() {
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
    fn fields_of_the_user_come_instead_of_ours() {
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
    fn a_batch_knows_its_places() {
        let request = Request {
            path: "/{n}/{n}".into(),
            ..get()
        };
        let batch = Batch::new(&request, 12);
        assert_eq!(batch.len(), 12);
        for place in 0..12 {
            let one = batch.bytes(batch.start(place), batch.start(place + 1));
            let line = format!("GET /{place}/{place} HTTP/1.1\r\n");
            assert!(one.starts_with(line.as_bytes()) && one.ends_with(b"\r\n\r\n"));
        }
    }

    #[test]
    fn fields_are_taken_apart_or_refused() {
        assert_eq!(field("A: b: c"), Ok(("A".into(), "b: c".into())));
        assert_eq!(field("A:"), Ok(("A".into(), String::new())));
        for (line, word) in [
            ("A", "no colon"),
            (": b", "no field name"),
            ("A b: c", "no field name"),
            ("A: b\r\nC: d", "control"),
            ("content-length: 5", "-d or -D"),
            ("Transfer-Encoding: chunked", "-d or -D"),
        ] {
            let error = field(line).unwrap_err();
            assert!(error.contains(word), "{line:?}: {error}");
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
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
