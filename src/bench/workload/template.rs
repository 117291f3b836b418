//! A request as bytes, with places for values.

use super::placeholder::{FORMS, Piece, Placeholder, pieces};
use super::table::{Column, Place, Table};
use super::values::{Slot, Values};
use crate::bench::expect::{Expected, Statuses};
use crate::bench::request::Batch;

/// One request, as the flags or a line of the request file describe it.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Spec {
    /// Where it stands, for errors: empty, or `FILE:3`.
    pub(in crate::bench) at: String,
    /// In the report. Without one: method and path.
    pub(in crate::bench) name: Option<String>,
    pub(in crate::bench) method: String,
    /// Path and query.
    pub(in crate::bench) path: String,
    /// The value of `Host`, unless `fields` has one.
    pub(in crate::bench) host: String,
    pub(in crate::bench) fields: Vec<(String, String)>,
    pub(in crate::bench) content: Content,
    pub(in crate::bench) closes: bool,
    /// Braces are text.
    pub(in crate::bench) is_literal: bool,
    /// How often it is sent, relative to the others.
    pub(in crate::bench) weight: u64,
    pub(in crate::bench) statuses: Option<Statuses>,
    /// The content of its answer.
    pub(in crate::bench) body: Option<String>,
}

/// Placeholders are looked for in a text only: bytes of a file may look like one by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Content {
    pub(in crate::bench) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

impl Spec {
    pub(in crate::bench) fn has_field(&self, name: &str) -> bool {
        self.values_of(name).next().is_some()
    }

    /// The values of all fields with this name.
    pub(in crate::bench) fn values_of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let named = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(named)
            .map(|field| field.1.as_str())
    }

    /// An error with the place.
    pub(in crate::bench) fn wrong(&self, error: impl std::fmt::Display) -> String {
        if self.at.is_empty() {
            error.to_string()
        } else {
            format!("{}: {error}", self.at)
        }
    }
}

/// Fixed bytes with places between them.
#[derive(Clone, Debug, Default)]
struct Text {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Bytes {
        from: usize,
        to: usize,
    },
    /// The value of this slot.
    Value(usize),
    /// The number of bytes of the content.
    Length,
    /// The `Cookie` field, if there are cookies.
    Cookies,
}

impl Text {
    fn push(&mut self, bytes: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        match self.parts.last_mut() {
            Some(Part::Bytes { to, .. }) => *to = end,
            _ if end > from => self.parts.push(Part::Bytes { from, to: end }),
            _ => {}
        }
    }

    fn append(&mut self, other: &Self) {
        for part in &other.parts {
            match *part {
                Part::Bytes { from, to } => self.push(&other.bytes[from..to]),
                part => self.parts.push(part),
            }
        }
    }

    fn slots(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(slot) => Some(*slot),
            _ => None,
        })
    }

    /// The same for each request.
    fn is_fixed(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| matches!(part, Part::Bytes { .. }))
    }

    #[inline]
    fn write(&self, values: &Values, length: usize, cookies: &[u8], out: &mut Vec<u8>) {
        for part in &self.parts {
            match *part {
                Part::Bytes { from, to } => out.extend_from_slice(&self.bytes[from..to]),
                Part::Value(slot) => out.extend_from_slice(values.get(slot)),
                Part::Length => {
                    let mut digits = itoa::Buffer::new();
                    out.extend_from_slice(digits.format(length).as_bytes());
                }
                Part::Cookies => out.extend_from_slice(cookies),
            }
        }
    }
}

/// A request that can be written with any values.
#[derive(Clone, Debug)]
pub(super) struct Template {
    request: Text,
    /// Of the content: its fixed bytes, and the slots of the others.
    content_fixed: usize,
    content_slots: Vec<usize>,
    pub(super) slots: Vec<Slot>,
    /// The request, if it is always the same.
    pub(super) prepared: Option<Batch>,
    /// The number of its name.
    pub(super) name: usize,
    statuses: Option<Statuses>,
    body: Option<Text>,
    head_only: bool,
}

impl Template {
    pub(super) fn new(
        spec: &Spec,
        name: usize,
        columns: &mut Columns<'_>,
        has_cookies: bool,
    ) -> Result<Self, String> {
        let mut maker = Maker {
            columns,
            is_literal: spec.is_literal,
            slots: Vec::new(),
            texts: Vec::new(),
        };
        let content = match &spec.content {
            Content::Text(text) => maker.text(text, Place::Content)?,
            Content::Bytes(bytes) => fixed(bytes),
        };
        let request = maker.request(spec, &content, has_cookies)?;
        let body = spec.body.as_ref();
        let body = body.map(|text| maker.text(text, Place::Content));
        let mut template = Self {
            request,
            content_fixed: content.bytes.len(),
            content_slots: content.slots().collect(),
            body: body.transpose()?,
            slots: maker.slots,
            prepared: None,
            name,
            statuses: spec.statuses.clone(),
            head_only: spec.method == "HEAD",
        };
        if template.request.is_fixed() {
            let mut batch = Batch::default();
            template.write(&Values::default(), b"", &mut batch);
            template.prepared = Some(batch);
        }
        Ok(template)
    }

    /// Appends the request with these values.
    #[inline]
    pub(super) fn write(&self, values: &Values, cookies: &[u8], batch: &mut Batch) {
        let slots = self.content_slots.iter();
        let filled: usize = slots.map(|slot| values.get(*slot).len()).sum();
        let length = self.content_fixed + filled;
        batch.push(|out| self.request.write(values, length, cookies, out));
    }

    /// Appends what the content of the answer should be, if that differs from request to request.
    #[inline]
    pub(super) fn write_body(&self, values: &Values, out: &mut Vec<u8>) {
        if let Some(body) = self.body.as_ref().filter(|body| !body.is_fixed()) {
            body.write(values, 0, b"", out);
        }
    }

    /// What the answer should be. `body` is what `write_body` has appended.
    #[inline]
    pub(super) fn expected<'a>(&'a self, body: &'a [u8]) -> Expected<'a> {
        let text = self.body.as_ref();
        Expected {
            statuses: self.statuses.as_ref(),
            body: text.map(|text| {
                if text.is_fixed() {
                    text.bytes.as_slice()
                } else {
                    body
                }
            }),
            head_only: self.head_only,
        }
    }

    /// Do requests differ in nothing but their position in a batch?
    pub(super) fn is_fixed_by_position(&self) -> bool {
        let mut parts = self.request.parts.iter();
        parts.all(|part| !matches!(part, Part::Cookies))
            && self.slots.iter().all(|slot| *slot == Slot::Position)
    }

    /// The longest request, without cookies.
    pub(super) fn bytes_max(&self, columns: &[Column]) -> usize {
        let longest = |slot: usize| match self.slots.get(slot) {
            Some(Slot::Column(number)) => columns.get(*number).map_or(0, Column::bytes_max),
            _ => UUID_BYTES,
        };
        self.request.bytes.len() + self.request.slots().map(longest).sum::<usize>()
    }
}

/// The longest value that does not come from a file.
const UUID_BYTES: usize = 36;

fn fixed(bytes: &[u8]) -> Text {
    let mut text = Text::default();
    text.push(bytes);
    text
}

/// The columns of a CSV file that templates use.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    table: Option<&'a Table>,
    known: Vec<(String, bool)>,
    pub(super) used: Vec<Column>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(table: Option<&'a Table>) -> Self {
        Self {
            table,
            known: Vec::new(),
            used: Vec::new(),
        }
    }

    fn number(&mut self, name: &str, encoded: bool, place: Place) -> Result<usize, String> {
        let table = self
            .table
            .ok_or_else(|| format!("{{csv:{name}}} needs a file of values: --csv FILE"))?;
        let column = table.column(name, encoded, place)?;
        let is_it = |known: &(String, bool)| known.0 == name && known.1 == encoded;
        if let Some(number) = self.known.iter().position(is_it) {
            return Ok(number);
        }
        self.known.push((name.to_owned(), encoded));
        self.used.push(column);
        Ok(self.used.len() - 1)
    }
}

/// Makes the texts of one template.
struct Maker<'a, 'b> {
    columns: &'a mut Columns<'b>,
    is_literal: bool,
    slots: Vec<Slot>,
    /// The placeholder of each slot.
    texts: Vec<String>,
}

impl Maker<'_, '_> {
    fn text(&mut self, text: &str, place: Place) -> Result<Text, String> {
        if self.is_literal {
            return Ok(fixed(text.as_bytes()));
        }
        let mut made = Text::default();
        for piece in pieces(text)? {
            match piece {
                Piece::Text(text) if place == Place::Path && text.contains(['{', '}']) => {
                    return Err(format!(
                        "{text:?} has a brace, but none of the placeholders {FORMS}: for the character itself, write %7B and %7D"
                    ));
                }
                Piece::Text(text) => made.push(text.as_bytes()),
                Piece::Placeholder(text, placeholder) => {
                    let slot = self.slot(text, placeholder, place)?;
                    made.parts.push(Part::Value(slot));
                }
            }
        }
        Ok(made)
    }

    fn slot(
        &mut self,
        text: &str,
        placeholder: Placeholder,
        place: Place,
    ) -> Result<usize, String> {
        let slot = match placeholder {
            Placeholder::Position => Slot::Position,
            Placeholder::Sequence => Slot::Sequence,
            Placeholder::Random { min, max } => Slot::Random { min, max },
            Placeholder::Uuid => Slot::Uuid,
            // Also where it is known: each place allows other values.
            Placeholder::Column { name, encoded } => {
                Slot::Column(self.columns.number(&name, encoded, place)?)
            }
        };
        if let Some(number) = self.texts.iter().position(|known| known == text) {
            return Ok(number);
        }
        self.slots.push(slot);
        self.texts.push(text.to_owned());
        Ok(self.slots.len() - 1)
    }

    fn request(&mut self, spec: &Spec, content: &Text, has_cookies: bool) -> Result<Text, String> {
        let mut out = Text::default();
        out.push(format!("{} ", spec.method).as_bytes());
        out.append(&self.text(&spec.path, Place::Path)?);
        out.push(b" HTTP/1.1\r\n");
        // RFC 9112 section 3.2: a client sends exactly one; RFC 9110 section 7.2: best as the first field.
        if !spec.has_field("host") {
            out.push(format!("Host: {}\r\n", spec.host).as_bytes());
        }
        if !spec.has_field("user-agent") {
            out.push(concat!("User-Agent: hullo/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes());
        }
        for (name, value) in &spec.fields {
            // RFC 6265 section 5.4: there is only one, and it is made of the cookies of the connection.
            if has_cookies && name.eq_ignore_ascii_case("cookie") {
                continue;
            }
            out.push(format!("{name}: ").as_bytes());
            out.append(&self.text(value, Place::Field)?);
            out.push(b"\r\n");
        }
        if has_cookies {
            out.parts.push(Part::Cookies);
        }
        // RFC 9110 section 8.6: send Content-Length: 0 where the method anticipates content.
        let may_have_body = matches!(spec.method.as_str(), "POST" | "PUT" | "PATCH");
        if !spec.content.is_empty() || may_have_body {
            out.push(b"Content-Length: ");
            if content.is_fixed() {
                out.push(content.bytes.len().to_string().as_bytes());
            } else {
                out.parts.push(Part::Length);
            }
            out.push(b"\r\n");
        }
        if spec.closes && !spec.has_field("connection") {
            out.push(b"Connection: close\r\n");
        }
        out.push(b"\r\n");
        out.append(content);
        Ok(out)
    }
}
