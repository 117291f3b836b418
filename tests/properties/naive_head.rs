//! A head, read from one whole buffer as the grammar of RFC 9110 and RFC 9112 spells it, and judged
//! by the project's table. It is slow, and it does not say what is wrong.

use std::net::Ipv6Addr;

use hullo::http::Limits;

/// What has to come of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Refused,
    /// Its body is waited for.
    WaitsForBody,
    Answered {
        status: u16,
        connection: Option<&'static str>,
        /// What the handler is given, if it is called: method, path, query.
        told: Option<(String, String, Option<String>)>,
    },
}

/// `None` is a fault.
pub(crate) fn verdict(head: &[u8], limits: &Limits) -> Verdict {
    read(head, limits).unwrap_or(Verdict::Refused)
}

/// The bytes up to the first empty line that is not before the request line.
pub(crate) fn whole_head(input: &[u8]) -> Option<&[u8]> {
    let mut start = 0;
    while input[start..].starts_with(b"\r\n") {
        start += 2;
    }
    let end = crate::common::find(&input[start..], b"\r\n\r\n")?;
    Some(&input[..start + end + 4])
}

fn read(head: &[u8], limits: &Limits) -> Option<Verdict> {
    let mut head = head;
    let mut empty_lines = 0;
    while let Some(rest) = head.strip_prefix(b"\r\n") {
        head = rest;
        empty_lines += 1;
    }
    let text = head.strip_suffix(b"\r\n\r\n")?;
    // One character for each byte, so that it can be cut like text.
    let text: String = text.iter().map(|&byte| char::from(byte)).collect();
    let mut lines = text.split("\r\n");
    let line: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, version] = line[..] else {
        return None;
    };
    let fields: Vec<(String, &str)> = lines.map(field).collect::<Option<_>>()?;
    let is_within = empty_lines <= 4
        && head.len() <= limits.head_bytes
        && fields.len() <= limits.fields
        && target.len() <= limits.target_bytes
        && method.len() <= 64;
    let minor = version.strip_prefix("HTTP/1.")?;
    let minor_is_digit = minor.len() == 1 && minor.bytes().all(|byte| byte.is_ascii_digit());
    if !is_within || !minor_is_digit || !is_token(&bytes(method)) {
        return None;
    }
    let (path, query) = path_and_query(method, target)?;
    let meaning = Meaning {
        fields,
        is_version_10: minor == "0",
    };
    judge(method, (path, query), &meaning, limits)
}

fn judge(
    method: &str,
    (path, query): (String, Option<String>),
    meaning: &Meaning<'_>,
    limits: &Limits,
) -> Option<Verdict> {
    meaning.has_good_host().then_some(())?;
    let body = meaning.body_is_announced(limits)?;
    let is_expected = meaning.expects_only_continue();
    if method == "CONNECT" || (body && !is_expected) {
        return None;
    }
    if body {
        return Some(Verdict::WaitsForBody);
    }
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    let status = match method {
        _ if !is_expected => 417,
        "OPTIONS" => 204,
        "TRACE" => 405,
        _ if known => 200,
        _ => 501,
    };
    Some(Verdict::Answered {
        status,
        connection: meaning.connection(),
        told: (status == 200).then(|| (method.to_ascii_lowercase(), path, query)),
    })
}

/// `field-name ":" OWS field-value OWS`, the name in small letters.
fn field(line: &str) -> Option<(String, &str)> {
    if !is_field_line(&bytes(line)) {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    Some((name.to_ascii_lowercase(), value.trim_matches([' ', '\t'])))
}

/// The characters of a text whose characters are bytes.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| char as u8).collect()
}

pub(crate) fn is_field_line(line: &[u8]) -> bool {
    match line.iter().position(|&byte| byte == b':') {
        Some(colon) => is_token(&line[..colon]) && is_value(&line[colon + 1..]),
        None => false,
    }
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

pub(crate) fn is_value(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn path_and_query(method: &str, target: &str) -> Option<(String, Option<String>)> {
    let is_visible = |char: char| matches!(char, '!'..='~') && !"\"#<>".contains(char);
    if target.is_empty() || !target.chars().all(is_visible) {
        return None;
    }
    if target == "*" {
        return (method == "OPTIONS").then(|| ("*".to_owned(), None));
    }
    let mut local = target;
    if !target.starts_with('/') {
        if method == "CONNECT" {
            return Some(("/".to_owned(), None));
        }
        let (scheme, rest) = target.split_once("://")?;
        if !["http", "https"].contains(&&*scheme.to_ascii_lowercase()) {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        is_host(&rest[..end]).then_some(())?;
        local = &rest[end..];
    }
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (local, None),
    };
    is_encoded(path, "-._~!$&'()*+,;=:@/").then_some(())?;
    let path = if path.is_empty() { "/" } else { path };
    Some((path.to_owned(), query))
}

/// Letters, digits, these marks, and percent-encodings.
fn is_encoded(text: &str, marks: &str) -> bool {
    let mut parts = text.split('%');
    let is_plain = |part: &str| {
        let may_stand = |char: char| char.is_ascii_alphanumeric() || marks.contains(char);
        part.chars().all(may_stand)
    };
    let first = parts.next().unwrap_or_default();
    is_plain(first)
        && parts.all(|part| {
            let digits = part.get(..2).unwrap_or_default();
            let is_hex = |byte: u8| byte.is_ascii_hexdigit();
            digits.len() == 2 && digits.bytes().all(is_hex) && is_plain(&part[2..])
        })
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let port_is_good = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.trim_start_matches('0').len() <= 5
        && port.parse::<u32>().unwrap_or(0) <= 65535;
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host_is_good = match inner {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && is_encoded(host, "-._~!$&'()*+;="),
    };
    host_is_good && port_is_good
}

struct Meaning<'a> {
    fields: Vec<(String, &'a str)>,
    is_version_10: bool,
}

impl Meaning<'_> {
    fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|field| field.0 == name);
        named.map(|field| field.1).collect()
    }

    /// The elements of all the lists of that name, in small letters.
    fn elements(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        let elements = values.iter().flat_map(|value| value.split(','));
        let trimmed = elements.map(|element| element.trim_matches([' ', '\t']));
        trimmed.map(str::to_ascii_lowercase).collect()
    }

    fn has_good_host(&self) -> bool {
        match self.values("host")[..] {
            [] => self.is_version_10,
            [host] => is_host(host),
            _ => false,
        }
    }

    fn body_is_announced(&self, limits: &Limits) -> Option<bool> {
        let (lengths, codings) = (
            self.values("content-length"),
            self.elements("transfer-encoding"),
        );
        match (&lengths[..], &codings[..]) {
            ([], []) => Some(false),
            ([], [coding]) => (coding == "chunked" && !self.is_version_10).then_some(true),
            ([length], []) => {
                let is_plain = length.bytes().all(|byte| byte.is_ascii_digit());
                let length: u64 = length.parse().ok()?;
                (is_plain && length <= limits.body_bytes).then_some(length > 0)
            }
            _ => None,
        }
    }

    fn expects_only_continue(&self) -> bool {
        let mut expectations = self.elements("expect").into_iter();
        let is_met = |expectation: String| ["100-continue", ""].contains(&&*expectation);
        self.is_version_10 || expectations.all(is_met)
    }

    fn connection(&self) -> Option<&'static str> {
        let options = self.elements("connection");
        let has = |wanted: &str| options.iter().any(|option| option == wanted);
        match (has("close"), self.is_version_10, has("keep-alive")) {
            (true, ..) | (_, true, false) => Some("close"),
            (_, true, true) => Some("keep-alive"),
            _ => None,
        }
    }
}
