//! One conversation as a client: bytes in, responses out.
//!
//! ```text
//!  input ──> head ──> reader ──> a response, and its content to a Sink
//!            scan, parse,  interim responses, body
//!            memo
//! ```
//!
//! It is strict, as a client that measures has to be: a response that is not framed as RFC 9112
//! says is a failed request, not a good one followed by noise. Where RFC 9112 is strict with a sender
//! and lenient with a recipient, and real servers need it, it accepts more than
//! [`server`](super::server) does: other transfer codings before `chunked`, and any text after a
//! chunk size.
//!
//! `hullo bench` and the probes of `hullo race` read responses with it. It knows neither: a [`Sink`]
//! takes the head and the content.

mod error;
mod head;
mod reader;
pub(crate) mod replay;

pub(crate) use error::ProtocolError;
pub(crate) use head::{HEAD_BYTES_MAX, Head, Memo, STATUSES, field_names, field_values};
pub(crate) use reader::{EarlyEnd, Reader, Response, Sink};

#[cfg(test)]
mod cuts;
#[cfg(test)]
mod tests;
