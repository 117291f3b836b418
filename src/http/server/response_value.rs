//! A response as a value, which owns its fields and its content.

use std::borrow::Cow;
use std::fmt;

use super::field::{Field, FieldError};
use super::source::Source;
use super::status::Status;

/// A response that owns its bytes: it can be built in several places, stored and sent to another
/// thread. [`ResponseWriter::respond`](super::ResponseWriter::respond) writes it.
///
/// The engine adds `Date`, `Content-Length` and `Connection`.
///
/// ```
/// use hullo::http::{FieldError, Response, Status};
///
/// fn created(id: u64) -> Result<Response, FieldError> {
///     let location = format!("/users/{id}");
///     let response = Response::new(Status::CREATED).field("Location", location)?;
///     Ok(response.content_type("application/json").content(b"{}"))
/// }
/// # assert!(created(7).is_ok());
/// ```
#[must_use = "a response does nothing until it is passed to `ResponseWriter::respond`"]
pub struct Response {
    pub(super) status: Status,
    /// Each field as CR LF, name, colon, space, value.
    pub(super) fields: Vec<u8>,
    pub(super) body: Body,
}

const _: () = assert!(size_of::<Response>() <= 64);

/// Where the content comes from.
pub(super) enum Body {
    Bytes(Cow<'static, [u8]>),
    Source {
        /// `None`: it is not known before the end.
        length: Option<u64>,
        source: Box<dyn Source>,
    },
}

const CONTENT_TYPE: &str = "Content-Type";

impl Response {
    /// A response without fields and content.
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Body::Bytes(Cow::Borrowed(&[])),
        }
    }

    /// `200 OK` with this content as `text/plain; charset=utf-8`.
    pub fn text(content: impl Into<Cow<'static, str>>) -> Self {
        let response = Self::new(Status::OK).content_type("text/plain; charset=utf-8");
        match content.into() {
            Cow::Borrowed(text) => response.content(text.as_bytes()),
            Cow::Owned(text) => response.content(text.into_bytes()),
        }
    }

    /// Sets the status.
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Adds a copy of a field. A name may be repeated, as `Set-Cookie` needs it.
    ///
    /// # Errors
    ///
    /// See [`FieldError`].
    pub fn field(self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, FieldError> {
        Ok(self.with_field(Field::from_bytes(name, value.as_ref())?))
    }

    /// Adds a copy of a field that has been checked. A name may be repeated.
    pub fn with_field(mut self, field: Field<'_>) -> Self {
        for part in field.line() {
            self.fields.extend_from_slice(part);
        }
        self
    }

    /// Sets `Content-Type`, in place of one that was given before.
    ///
    /// # Panics
    ///
    /// When it is not a valid field value: see [`FieldError`]. Use [`field`](Self::field) for one
    /// that is not known at build time.
    pub fn content_type(mut self, content_type: &'static str) -> Self {
        let field = Field::from_static(CONTENT_TYPE, content_type);
        self.remove(CONTENT_TYPE);
        self.with_field(field)
    }

    /// Sets the content: the data of the response. It is not sent if the status
    /// [has none](Status::has_content), or to HEAD.
    pub fn content(mut self, content: impl Into<Cow<'static, [u8]>>) -> Self {
        self.body = Body::Bytes(content.into());
        self
    }

    /// Content that is produced when the peer takes it. Its length is not known before: it is sent
    /// in chunks, or to a peer of HTTP/1.0 until the connection is closed.
    pub fn stream(mut self, source: impl Source + 'static) -> Self {
        self.body = Body::Source {
            length: None,
            source: Box::new(source),
        };
        self
    }

    /// As [`stream`](Self::stream), of content with a known length in bytes. What is produced beyond it
    /// is dropped; a source that ends before it has [`Failed`](super::Produced::Failed).
    pub fn stream_sized(mut self, length: u64, source: impl Source + 'static) -> Self {
        self.body = Body::Source {
            length: Some(length),
            source: Box::new(source),
        };
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Removes the fields of that name, in any case.
    fn remove(&mut self, name: &str) {
        let mut kept = Vec::new();
        for line in self.lines() {
            let line_name = line.split(|&byte| byte == b':').next();
            if !line_name.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes())) {
                kept.extend_from_slice(b"\r\n");
                kept.extend_from_slice(line);
            }
        }
        self.fields = kept;
    }

    /// The field lines, without their CR LF: neither byte can stand within a field.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.fields.split(|&byte| byte == b'\n').skip(1);
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<String> = self
            .lines()
            .map(|line| line.escape_ascii().to_string())
            .collect();
        let content_bytes = match &self.body {
            Body::Bytes(content) => Some(content.len() as u64),
            Body::Source { length, .. } => *length,
        };
        out.debug_struct("Response")
            .field("status", &self.status)
            .field("fields", &fields)
            .field("content_bytes", &content_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(response: &Response) -> String {
        String::from_utf8(response.fields.clone()).unwrap()
    }

    #[test]
    fn a_response_keeps_its_fields_in_order() {
        let response = Response::text("hi")
            .field("Set-Cookie", "a=1")
            .and_then(|it| it.field("Set-Cookie", b"b=2".as_slice()))
            .unwrap()
            .content_type("text/html")
            .with_field(Field::from_static("X", ""));
        let expected = "\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: text/html\r\nX: ";
        assert_eq!(fields(&response), expected);
        assert_eq!(response.status(), Status::OK);
        let shown = r#"fields: ["Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Type: text/html", "X: "], content_bytes: Some(2)"#;
        assert!(format!("{response:?}").contains(shown), "{response:?}");
    }

    #[test]
    fn a_bad_field_is_refused() {
        let refused = |name, value| Response::new(Status::OK).field(name, value).err();
        assert_eq!(refused("A", "\n"), Some(FieldError::Value));
        assert_eq!(refused("Date", "x"), Some(FieldError::Managed));
    }

    #[test]
    fn a_response_goes_to_another_thread() {
        fn is_send<T: Send + 'static>() {}
        is_send::<Response>();
    }
}
