//! HTTP's grammar, written once: the rules of RFC 9110 and RFC 9112 that do not depend on which
//! role reads. Where a client may accept what a server refuses, the difference is a named rule that
//! the role passes in ([`chunked::Rules`], [`framing::OtherCodings`]), never a second parser.
//!
//! ```text
//!  bytes ──> values ──> framing ──> body ──> chunked
//!    │         └──────> connection
//!    └─────> lines, fields, entity_tags
//! ```
//!
//! Each module has an error of its own, a small `Copy` cause; a role maps it to what it reports.

pub(super) mod body;
pub(super) mod bytes;
pub(super) mod chunked;
pub(super) mod connection;
pub(super) mod entity_tags;
pub(super) mod fields;
pub(super) mod framing;
pub(super) mod lines;
pub(super) mod values;
