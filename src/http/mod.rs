//! The core: bytes in, bytes out. It knows no socket, thread or clock, and prints nothing.
//!
//! It holds HTTP's grammar once (`grammar`), and two roles that read by it: one conversation as a
//! server (`server`, the engine), and one as a client (`client`, for `hullo bench` and
//! `hullo race`). Where a client may be more lenient than a server, the role passes in a named rule.
//!
//! ```text
//!  server:  input ──> scan ──> head ──> session ──> response ──> output
//!                     where it  what it  one         status,      the block
//!                     ends      means    conversation fields      to be sent
//!                      └─ target, method  ├─ receiving: content of the request
//!                                         └─ ongoing: a response that takes longer
//!
//!  client:  input ──> head ──> reader ──> response, content
//!
//!  both read by grammar: bytes, values, lines, fields, framing, connection, body, chunked
//! ```
//!
//! What outlives a turn (part of a head, the head of a request whose body has not arrived, or content
//! that a handler wants whole) is held in [`Blocks`].
//!
//! A shell hands it bytes ([`Session::advance`]), the end of input ([`Session::end`]), the time
//! ([`Shared::tick`]), a time-out ([`Session::handle_timeout`]) and a shortage
//! ([`Session::handle_overload`]); it answers with a [`Step`], and its [`Phase`] names what it waits
//! for. A response may be delayed or come from another thread: then the shell keeps a timer
//! ([`Session::take_delay`], [`Session::fire`]) or is woken ([`Waker`], [`Session::wake`]). So a test can play any conversation: whole, byte by byte, cut at every place.
//!
//! It reads RFC 9110 and RFC 9112 strictly wherever they leave a choice, because every known
//! request-smuggling attack exploits a leniency.

mod blocks;
mod boxed;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "only the commands are clients")
)]
pub(crate) mod client;
mod grammar;
mod server;

pub use blocks::{Block, Blocks};
pub(crate) use boxed::Boxed;
pub use server::{
    Answers, Collected, Completion, Content, ContentReader, ETag, Exchange, Field, FieldError,
    Handler, InvalidETag, InvalidStatus, Limits, Method, Observed, OutOfRange, Output, Overload,
    Peer, Phase, Piece, Precondition, Produced, QueryPairs, Reason, Reject, Request, Responded,
    Response, ResponseWriter, Session, Shared, Source, Status, Step, UnknownPeer, Version, Wake,
    Waker, Wants, collect, handler_fn, observed, source_fn,
};

/// RFC 9110 section 5.6.2: a method or a field name.
#[cfg(feature = "cli")]
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && grammar::bytes::TOKEN.covers(text.as_bytes())
}
