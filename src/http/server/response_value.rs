//! A response as a value, which can be kept, sent to another thread and written later.

use std::borrow::Cow;
use std::fmt;

use super::source::Source;
use super::status::Status;

/// A response as a value.
#[derive(Debug)]
pub struct Response {
    pub(super) status: Status,
    /// As they stand in the head: `\r\nName: value` for each.
    pub(super) fields: Vec<u8>,
    pub(super) body: Body,
}

pub(super) enum Body {
    Bytes(Cow<'static, [u8]>),
    Source {
        /// `None`: it is not known before the end.
        length: Option<u64>,
        source: Box<dyn Source>,
    },
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(out, "{} bytes", bytes.len()),
            Self::Source { length, .. } => write!(out, "a source of {length:?} bytes"),
        }
    }
}

impl Response {
    /// A response without fields of its own, and with no content.
    #[must_use]
    pub fn new(status: Status) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Body::Bytes(Cow::Borrowed(&[])),
        }
    }

    /// A sentence in plain text.
    pub(super) fn sentence(status: Status, sentence: &'static str) -> Self {
        let mut response = Self::new(status);
        response.fields = b"\r\nContent-Type: text/plain; charset=utf-8".to_vec();
        response.body = Body::Bytes(Cow::Borrowed(sentence.as_bytes()));
        response
    }

    /// The content, which may be of any size.
    #[must_use]
    pub fn content(mut self, content: impl Into<Cow<'static, [u8]>>) -> Self {
        self.body = Body::Bytes(content.into());
        self
    }

    /// Content that is produced when the peer takes it. Its length is not known before: it is sent
    /// in chunks, or to a peer of HTTP/1.0 until the connection is closed.
    #[must_use]
    pub fn stream(mut self, source: impl Source + 'static) -> Self {
        self.body = Body::Source {
            length: None,
            source: Box::new(source),
        };
        self
    }

    /// As [`stream`](Self::stream), of content that has just this length. What is produced beyond it
    /// is dropped, and a source that ends before it has [`Failed`](super::Produced::Failed).
    #[must_use]
    pub fn stream_sized(mut self, length: u64, source: impl Source + 'static) -> Self {
        self.body = Body::Source {
            length: Some(length),
            source: Box::new(source),
        };
        self
    }
}
