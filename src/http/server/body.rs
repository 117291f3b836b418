//! The content of a request: read to its end, to the byte where the next request begins, and
//! discarded.

use super::super::grammar::body::Body;
use super::super::grammar::chunked::BodyRead;
use super::super::grammar::chunked::{Extensions, Rules};
use super::limits::{EXTENSION_BYTES_MAX, Limits, TRAILER_BYTES_MAX};
use super::reject::Reject;

/// Skips what `input` has of a body.
pub(super) fn skip(body: &mut Body, input: &[u8], limits: &Limits) -> Result<BodyRead, Reject> {
    let rules = Rules {
        extensions: Extensions::Check,
        extension_bytes_max: EXTENSION_BYTES_MAX,
        trailer_bytes_max: TRAILER_BYTES_MAX,
        // At most `Limits::FIELDS_MAX`.
        trailer_fields_max: limits.fields as u32,
        content_bytes_max: limits.body_bytes,
    };
    Ok(body.read(input, &rules, |_| {})?)
}
