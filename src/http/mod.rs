//! The core: bytes in, bytes out. It knows no socket, thread or clock, and prints nothing.
//!
//! ```text
//!  input ──> scan ──> head ──> session ──> reply ──> output
//!            where    what it  one         status,   the block
//!            it ends  says     conversation fields   owed to the peer
//!                      └─ target            body: how a body ends
//! ```
//!
//! What outlives a turn (half a head, the head of a request whose body is on its way) is held in
//! [`Blocks`].
//!
//! A shell hands it bytes ([`Session::advance`]), the end of input ([`Session::end`]), the time
//! ([`Shared::tick`]), a time-out ([`Session::handle_timeout`]) and a shortage
//! ([`Session::handle_overload`]); it answers with a [`Step`], and its [`Phase`] names what it waits
//! for. So a test can play any conversation: whole, byte by byte, cut at every place.
//!
//! What it answers is RFC 9110 and RFC 9112 read strictly wherever they leave a choice, because
//! every known request-smuggling attack lives in a leniency.

mod blocks;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "only the commands are clients")
)]
pub(crate) mod client;
mod grammar;
mod server;

pub use blocks::{Block, Blocks};
pub use server::{
    Answers, Field, Handler, Limits, Method, OutOfRange, Output, Overload, Phase, Reason, Reject,
    Request, Responded, ResponseWriter, Session, Shared, Status, Step, Wants,
};

/// RFC 9110 section 5.6.2: a method or a field name.
#[cfg(feature = "cli")]
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && grammar::bytes::TOKEN.covers(text.as_bytes())
}
