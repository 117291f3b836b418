//! A request as a handler sees it.

use std::borrow::Cow;
use std::fmt;

use super::super::grammar::fields::FieldLines;
use super::method::Method;
use super::peer::Peer;
use super::scan::Line;

/// A request that was understood and whose body, if any, has been read: what a handler answers.
///
/// It borrows the bytes that came in, and nothing of it is kept. What its methods return is found
/// in these bytes when it is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Begins with the request line.
    head: &'a [u8],
    line: &'a Line,
    content: &'a [u8],
    peer: &'a dyn Peer,
}

/// The version of HTTP that a request is served as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, and HTTP/1.2 to 1.9, which are served as 1.1 (RFC 9110 section 2.5).
    Http11,
}

impl<'a> Request<'a> {
    /// `line` has been read from the start of `head`.
    #[inline]
    pub(super) fn new(head: &'a [u8], line: &'a Line, peer: &'a dyn Peer) -> Self {
        Self {
            head,
            line,
            content: &[],
            peer,
        }
    }

    /// The same with its content.
    pub(super) fn with_content<'b>(&self, content: &'b [u8]) -> Request<'b>
    where
        'a: 'b,
    {
        Request { content, ..*self }
    }

    /// The request line, without its line end.
    #[inline]
    pub(super) fn line(&self) -> &'a [u8] {
        self.between(0, self.line.fields.saturating_sub(2))
    }

    /// The method, as far as it is in [`Method`].
    #[must_use]
    #[inline]
    pub fn method(&self) -> Method {
        self.line.method
    }

    /// The method as it stands in the request line: a token of at most 64 bytes (RFC 9110 section
    /// 9.1), also when it is [`Method::Unknown`].
    #[must_use]
    pub fn method_token(&self) -> &'a str {
        // One space stands between it and the target (RFC 9112 section 3).
        let token = self.between(0, self.line.target.0.saturating_sub(1));
        std::str::from_utf8(token).unwrap_or_default()
    }

    /// The request target as it stands in the request line, in whichever form (RFC 9112 section
    /// 3.2): visible ASCII.
    #[must_use]
    pub fn target(&self) -> &'a [u8] {
        let (start, end) = self.line.target;
        self.between(start, end)
    }

    /// The path as it stands in the target: not decoded, not normalised, without the query. It
    /// is a path of RFC 3986, so it is ASCII without control characters, and begins with `/`, except
    /// that of `OPTIONS *`, which is `*`.
    #[must_use]
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        let (start, end) = self.line.path;
        // RFC 9110 section 4.2.3: an empty path of an http URI is "/".
        if start == end {
            return b"/";
        }
        self.between(start, end)
    }

    /// What follows the first `?` of the target, if there is one: visible ASCII, not decoded.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        let after_path = self.between(self.line.path.1, self.line.target.1);
        after_path.strip_prefix(b"?")
    }

    /// The names and values of the query, decoded as a form (`application/x-www-form-urlencoded`
    /// of the WHATWG URL standard), in their order. There are none without a query.
    ///
    /// `+` is a space, a name without `=` has an empty value, and what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn query_pairs(&self) -> QueryPairs<'a> {
        QueryPairs(form_urlencoded::parse(self.query().unwrap_or_default()))
    }

    /// The content, if the handler wants it whole: see [`Content::Collect`](super::Content::Collect).
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        self.content
    }

    /// Who has sent it.
    #[must_use]
    pub fn peer(&self) -> &'a dyn Peer {
        self.peer
    }

    /// The version of HTTP.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.line.minor {
            0 => Version::Http10,
            _ => Version::Http11,
        }
    }

    /// The fields in their order: names as they were sent, values without the white space around
    /// them (RFC 9110 section 5). A value may contain bytes that are not ASCII.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let fields = self.lines();
        fields.map(|field| {
            (
                std::str::from_utf8(field.name).unwrap_or_default(),
                field.value,
            )
        })
    }

    /// The value of the first field of that name, in any case, without the white space around it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields_named(name).next()
    }

    /// The values of all fields of that name, in any case, in their order.
    pub fn fields_named<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let fields = self.lines();
        let named = fields.filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|field| field.value)
    }

    /// The field lines, which have been read before.
    fn lines(&self) -> FieldLines<'a> {
        FieldLines::new(
            self.head
                .get(self.line.fields as usize..)
                .unwrap_or_default(),
        )
    }

    /// The offsets come from the scan of this head, so they lie within it.
    #[inline]
    fn between(&self, start: u32, end: u32) -> &'a [u8] {
        let place = start as usize..end as usize;
        self.head.get(place).unwrap_or_default()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, target) = (self.method_token(), self.target().escape_ascii());
        write!(out, "Request({method} {target})")
    }
}

/// The decoded names and values of a query: see [`Request::query_pairs`].
#[derive(Clone)]
pub struct QueryPairs<'a>(form_urlencoded::Parse<'a>);

impl<'a> Iterator for QueryPairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for QueryPairs<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.clone()).finish()
    }
}
