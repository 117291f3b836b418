//! A request as JSON.

use serde::Serialize;

use crate::http::{Request, Version};

#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    target: Text<'a>,
    path: Text<'a>,
    query: Option<Text<'a>>,
    version: &'static str,
    /// Names and values, in their order.
    fields: Vec<(&'a str, Text<'a>)>,
    content: Content<'a>,
    peer: Option<String>,
    local: Option<String>,
    hostname: &'a str,
}

/// Bytes that are UTF-8, or are not.
#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Utf8(&'a str),
    Other { base64: String },
}

#[derive(Serialize)]
struct Content<'a> {
    length: usize,
    #[serde(flatten)]
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Data<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Text<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Utf8(text),
            Err(_) => Self::Other {
                base64: base64(bytes),
            },
        }
    }
}

/// The JSON of a request, with a line feed at its end.
pub(super) fn json(request: &Request<'_>, hostname: &str) -> Vec<u8> {
    let content = request.content();
    let data = match std::str::from_utf8(content) {
        Ok(text) => Data::Text(text),
        Err(_) => Data::Base64(base64(content)),
    };
    let peer = request.peer();
    let echo = Echo {
        method: request.method_token(),
        target: Text::new(request.target()),
        path: Text::new(request.path()),
        query: request.query().map(Text::new),
        version: match request.version() {
            Version::Http10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        },
        fields: request
            .fields()
            .map(|(name, value)| (name, Text::new(value)))
            .collect(),
        content: Content {
            length: content.len(),
            data,
        },
        peer: peer.addr().map(|address| address.to_string()),
        local: peer.local_addr().map(|address| address.to_string()),
        hostname,
    };
    // Strings, numbers and lists: nothing of it can fail.
    let mut json = serde_json::to_vec(&echo).unwrap_or_default();
    json.push(b'\n');
    json
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648 section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xFE]), "+//+");
    }
}
