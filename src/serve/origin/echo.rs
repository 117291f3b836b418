//! A request as JSON.

use base64::prelude::{BASE64_STANDARD, Engine as _};
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
                base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }
}

/// The JSON of a request, with a line feed at its end.
pub(super) fn json(request: &Request<'_>, hostname: &str) -> Vec<u8> {
    let content = request.content();
    let data = match std::str::from_utf8(content) {
        Ok(text) => Data::Text(text),
        Err(_) => Data::Base64(BASE64_STANDARD.encode(content)),
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
