//! A field of a response, checked once, so that it cannot break the head it is written to.

use std::error::Error;
use std::fmt;

use super::super::grammar::bytes::{FIELD_VALUE, TOKEN};

/// A field of a response (RFC 9110 section 5): a name and a value, both borrowed.
///
/// Both are checked when it is made, so a value may come from a peer: no byte of it can end the
/// line, or the head.
///
/// ```
/// use hullo::http::{Field, FieldError};
///
/// const HTML: Field<'static> = Field::from_static("Content-Type", "text/html");
/// let location = format!("/users/{}", 7);
/// assert_eq!(Field::new("Location", &location)?.value(), b"/users/7");
/// assert_eq!(Field::new("Location", "/\r\nX: y"), Err(FieldError::Value));
/// assert_eq!(Field::new("Content-Length", "0"), Err(FieldError::Managed));
/// # Ok::<(), FieldError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field<'a> {
    name: &'a str,
    value: &'a [u8],
}

/// What is wrong with a field of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldError {
    /// The name is not a token (RFC 9110 section 5.6.2).
    Name,
    /// The value contains a control character other than the tab (section 5.5).
    Value,
    /// The value begins or ends with a space or a tab, which a recipient would strip.
    Space,
    /// The engine alone sends fields with this name, or decides that there is none.
    ///
    /// - `Content-Length`, `Transfer-Encoding` and `Trailer` say where a message ends and what follows
    ///   its content;
    /// - `Connection`, `Keep-Alive`, `Proxy-Connection` and `TE` are about the connection (RFC 9110
    ///   section 7.6.1), which the engine manages;
    /// - `Upgrade` offers another protocol on the connection. The engine speaks none, so a handler
    ///   cannot send a valid 426 either (section 15.5.22);
    /// - `Date` is the time at which the engine writes the response (section 6.6.1).
    Managed,
}

/// The names that [`FieldError::Managed`] stands for, in lower case.
const MANAGED: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl<'a> Field<'a> {
    /// Checks a name and a value.
    ///
    /// # Errors
    ///
    /// See [`FieldError`].
    pub const fn new(name: &'a str, value: &'a str) -> Result<Self, FieldError> {
        Self::from_bytes(name, value.as_bytes())
    }

    /// Checks a name and a value, which may contain bytes that are not ASCII (`obs-text`).
    ///
    /// # Errors
    ///
    /// See [`FieldError`].
    pub const fn from_bytes(name: &'a str, value: &'a [u8]) -> Result<Self, FieldError> {
        if name.is_empty() || !TOKEN.covers(name.as_bytes()) {
            return Err(FieldError::Name);
        }
        if is_managed(name.as_bytes()) {
            return Err(FieldError::Managed);
        }
        if !FIELD_VALUE.covers(value) {
            return Err(FieldError::Value);
        }
        match value {
            [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => Err(FieldError::Space),
            _ => Ok(Self { name, value }),
        }
    }

    /// A field that is known at build time. In a constant, an error is one of compilation.
    ///
    /// # Panics
    ///
    /// When the name or the value is not valid: see [`FieldError`].
    #[must_use]
    pub const fn from_static(name: &'static str, value: &'static str) -> Field<'static> {
        match Field::new(name, value) {
            Ok(field) => field,
            Err(error) => panic!("{}", error.sentence()),
        }
    }

    /// A field whose name and value are known to be valid.
    pub(super) const fn of_checked(name: &'static str, value: &'a [u8]) -> Self {
        Self { name, value }
    }

    /// The bytes of the field line, with the CR LF that ends the line before it.
    pub(super) const fn line(&self) -> [&'a [u8]; 4] {
        [b"\r\n", self.name.as_bytes(), b": ", self.value]
    }

    /// The name as it was given; a recipient compares it without regard to case.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }
}

/// Whether the engine alone decides about fields with this name.
const fn is_managed(name: &[u8]) -> bool {
    let mut i = 0;
    while i < MANAGED.len() {
        if is_in_any_case(name, MANAGED[i].as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

/// `[u8]::eq_ignore_ascii_case` is `const` only since Rust 1.89.
const fn is_in_any_case(name: &[u8], lower: &[u8]) -> bool {
    if name.len() != lower.len() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if name[i].to_ascii_lowercase() != lower[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.value.escape_ascii())
    }
}

impl FieldError {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Name => "the field name is not a token",
            Self::Value => "the field value contains a control character",
            Self::Space => "the field value begins or ends with white space",
            Self::Managed => "the server itself sends the field, or leaves it out",
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.sentence())
    }
}

impl Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_token_and_a_clean_value() {
        for (name, value, expected) in [
            ("X", "", Ok(())),
            ("X-Y_z!", "a b\tc", Ok(())),
            ("Content-Type", "text/html; charset=utf-8", Ok(())),
            ("X", "\u{e9}", Ok(())),
            ("", "a", Err(FieldError::Name)),
            ("X ", "a", Err(FieldError::Name)),
            ("X:", "a", Err(FieldError::Name)),
            ("X\r\nY", "a", Err(FieldError::Name)),
            ("\u{e9}", "a", Err(FieldError::Name)),
            ("X", "a\r\nb", Err(FieldError::Value)),
            ("X", "a\n", Err(FieldError::Value)),
            ("X", "\r", Err(FieldError::Value)),
            ("X", "\0", Err(FieldError::Value)),
            ("X", "\u{7f}", Err(FieldError::Value)),
            ("X", "\u{1}", Err(FieldError::Value)),
            ("X", " a", Err(FieldError::Space)),
            ("X", "a\t", Err(FieldError::Space)),
            ("X", " ", Err(FieldError::Space)),
            ("Date", "a", Err(FieldError::Managed)),
            ("CONTENT-length", "a", Err(FieldError::Managed)),
            ("Dates", "a", Ok(())),
        ] {
            assert_eq!(
                Field::new(name, value).map(|_| ()),
                expected,
                "{name:?}: {value:?}"
            );
        }
        for name in MANAGED {
            assert_eq!(Field::new(name, "a"), Err(FieldError::Managed), "{name}");
        }
    }

    #[test]
    fn a_field_is_shown_on_one_line() {
        let field = Field::from_bytes("X", b"a\xff\"").unwrap();
        assert_eq!(format!("{field:?}"), "X: a\\xff\\\"");
    }

    #[test]
    #[should_panic(expected = "the field name is not a token")]
    fn a_bad_constant_panics() {
        let _ = Field::from_static("a b", "c");
    }
}
