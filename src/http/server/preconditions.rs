//! Conditional requests: what `If-Match` and `If-None-Match` make of a request (RFC 9110 section 13).

use super::super::grammar::entity_tags::{EntityTag, entity_tags};
use super::etag::ETag;
use super::method::Method;
use super::request::Request;
use super::response::{Responded, ResponseWriter};
use super::status::Status;

/// What the preconditions of a request come to (RFC 9110 section 13.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precondition {
    /// Perform the method.
    Proceed,
    /// The client has the current representation: answer 304, as [`ResponseWriter::not_modified`] does.
    NotModified,
    /// Answer 412 ([`Status::PRECONDITION_FAILED`]), and do not perform the method.
    Failed,
}

/// What one field, `If-Match` or `If-None-Match`, says about the current entity-tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// There is no such field.
    Absent,
    /// The field is neither `*` nor a list of entity-tags.
    Malformed,
    Yes,
    No,
}

impl Request<'_> {
    /// Evaluates `If-Match` and `If-None-Match` in the order of RFC 9110 section 13.2.2. `current` is
    /// the entity-tag of the current representation of the target; `None`: there is none.
    ///
    /// Ask only if the response would be a success (2xx) without preconditions: section 13.2.1 has
    /// them ignored otherwise, and for OPTIONS and TRACE. A malformed field never lets a method
    /// change something: a malformed `If-Match` fails, and so does a malformed `If-None-Match`, except
    /// for GET and HEAD.
    ///
    /// `If-Modified-Since` and `If-Unmodified-Since` are ignored: they compare a modification date,
    /// which is not known here (sections 13.1.3 and 13.1.4). So is `If-Range`.
    #[must_use]
    pub fn preconditions(&self, current: Option<&ETag>) -> Precondition {
        let is_read = match self.method() {
            Method::Options | Method::Trace | Method::Connect => return Precondition::Proceed,
            Method::Get | Method::Head => true,
            _ => false,
        };
        // Step 1. Section 13.1.1: strong comparison.
        match listed(self.fields_named("If-Match"), current, ETag::is_strongly) {
            Listed::No | Listed::Malformed => return Precondition::Failed,
            Listed::Absent | Listed::Yes => {}
        }
        // Step 3. Section 13.1.2: weak comparison.
        match listed(self.fields_named("If-None-Match"), current, ETag::is_weakly) {
            Listed::Absent | Listed::No => Precondition::Proceed,
            Listed::Yes if is_read => Precondition::NotModified,
            Listed::Malformed if is_read => Precondition::Proceed,
            Listed::Yes | Listed::Malformed => Precondition::Failed,
        }
    }
}

/// Several fields of one name are one list (RFC 9110 section 5.3). `*` must stand alone.
fn listed<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    current: Option<&ETag>,
    is: fn(&ETag, EntityTag<'_>) -> bool,
) -> Listed {
    let mut result = Listed::Absent;
    let mut is_any = false;
    for value in values {
        if is_any || (value == b"*" && result != Listed::Absent) {
            return Listed::Malformed;
        }
        if result == Listed::Absent {
            result = Listed::No;
        }
        if value == b"*" {
            is_any = true;
            continue;
        }
        for tag in entity_tags(value) {
            let Some(tag) = tag else {
                return Listed::Malformed;
            };
            if current.is_some_and(|current| is(current, tag)) {
                result = Listed::Yes;
            }
        }
    }
    if is_any && current.is_some() {
        return Listed::Yes;
    }
    result
}

impl ResponseWriter<'_> {
    /// 304 (Not Modified) with the `ETag` of the current representation, for
    /// [`Precondition::NotModified`].
    ///
    /// RFC 9110 section 15.4.5 wants `Cache-Control`, `Content-Location`, `Expires` and `Vary` in it
    /// as well, if a 200 would have them: if so, use [`send`](Self::send) with [`ETag::field`].
    pub fn not_modified(self, etag: &ETag) -> Responded {
        self.send(Status::NOT_MODIFIED, &[etag.field()], &[])
    }
}
