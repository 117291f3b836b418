//! https: what the flags ask for, the streams, and what is counted of handshakes.

mod handshakes;
mod setup;
mod stream;

pub(super) use handshakes::Handshakes;
pub(crate) use handshakes::Tls;
pub(super) use setup::setup;
pub(crate) use setup::{TlsFlags, TlsSettings};
pub(super) use stream::{ThreadTls, TlsStream, failure};
