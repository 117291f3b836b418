//! TLS between a socket and a reader, without I/O of its own: what the peer sent goes in, plaintext and what
//! is to be sent come out.
//!
//! ```text
//!  socket ─ ciphertext ─> session ─ plaintext ─> reader of HTTP
//!         <─ ciphertext ─         <─ plaintext ─
//! ```
//!
//! rustls does the work, with ring for the cryptography. Both roles have the same [`Session`]; only a client
//! is made here so far. A build without the feature `tls` has the same interface, and makes no client.

mod cause;
#[cfg(feature = "tls")]
mod client;
#[cfg(feature = "tls")]
mod failure;
#[cfg(feature = "tls")]
mod session;
#[cfg(all(test, feature = "tls"))]
mod tests;
#[cfg(feature = "tls")]
mod tickets;
#[cfg(feature = "tls")]
mod verify;
#[cfg(not(feature = "tls"))]
mod without;

pub(crate) use cause::{Cause, Failure};
#[cfg(feature = "tls")]
pub(crate) use client::{Client, ClientSession};
#[cfg(not(feature = "tls"))]
pub(crate) use without::{Client, ClientSession};

/// The longest record, as it is sent: RFC 8446 section 5.2, and 2048 bytes of expansion in TLS 1.2 (RFC 5246
/// section 6.2.3).
pub(crate) const RECORD_BYTES_MAX: usize = 5 + (1 << 14) + 2048;

/// How a client connects.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is no client"))]
pub(crate) struct ClientOptions {
    /// The host name or address that the certificate must be for. A name is sent to the server (SNI).
    pub(crate) name: String,
    pub(crate) trust: Trust,
    /// A certificate chain and its key, in PEM.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Resume sessions.
    pub(crate) resumption: bool,
}

/// Which certificates a client accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of the authorities that the system trusts.
    System,
    /// Those of these authorities, in PEM.
    Authorities(Vec<u8>),
    /// Any, for any name.
    Anything,
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Such as `TLSv1.3 TLS_AES_128_GCM_SHA256`.
    pub(crate) protocol: String,
    pub(crate) is_resumed: bool,
}

/// What came of bytes from the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes of plaintext.
    pub(crate) plain: usize,
    /// The peer has ended its data (`close_notify`): nothing follows.
    pub(crate) is_ended: bool,
}
