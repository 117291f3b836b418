//! The bytes of requests, and what may be in them.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::http::is_token;

/// Pipelined requests, written at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity()
    }

    /// Appends a request.
    #[inline]
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
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
            "hullo sets {name} itself, from the content: leave it out"
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

/// The value of `Authorization` for `user:password` (RFC 7617 section 2).
pub(super) fn basic_credentials(user: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parsed_or_refused() {
        assert_eq!(field("A: b: c"), Ok(("A".into(), "b: c".into())));
        assert_eq!(field("A:"), Ok(("A".into(), String::new())));
        for (line, word) in [
            ("A", "no colon"),
            (": b", "not a field name"),
            ("A b: c", "not a field name"),
            ("A: b\r\nC: d", "control"),
            ("content-length: 5", "sets content-length itself"),
            (
                "Transfer-Encoding: chunked",
                "sets Transfer-Encoding itself",
            ),
        ] {
            let error = field(line).unwrap_err();
            assert!(error.contains(word), "{line:?}: {error}");
        }
    }

    /// The examples of RFC 7617 sections 2 and 2.1.
    #[test]
    fn credentials_are_those_of_the_rfc() {
        for (user, value) in [
            ("Aladdin:open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("test:123£", "Basic dGVzdDoxMjPCow=="),
        ] {
            assert_eq!(basic_credentials(user), value);
        }
    }
}
