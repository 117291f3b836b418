//! The bytes of requests, and what may be in them.

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
