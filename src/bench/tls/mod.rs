//! https: what the flags ask for, the streams, and what is counted of handshakes.

mod handshakes;
mod setup;
mod stream;

pub(super) use handshakes::{Handshakes, Tls};
pub(super) use setup::{TlsFlags, TlsSettings, setup};
pub(super) use stream::{ThreadTls, TlsStream, failure};
