//! One connection of either role: bytes in, bytes out.

use std::io::{Read as _, Write as _};
use std::ops::DerefMut;

use rustls::{CipherSuite, ConnectionCommon, HandshakeKind, ProtocolVersion, SideData};

use super::cause::Failure;
use super::{Handshake, RECORD_BYTES_MAX, Received};

/// Of a record: with fewer, nothing is known of it.
const HEADER_BYTES: usize = 5;

/// A connection of rustls: `ClientConnection`, or `ServerConnection`.
#[derive(Debug)]
pub(crate) struct Session<C> {
    connection: C,
    /// How many bytes of the peer were valid.
    valid: usize,
}

impl<C, S> Session<C>
where
    C: DerefMut<Target = ConnectionCommon<S>>,
    S: SideData,
{
    pub(super) fn new(mut connection: C) -> Self {
        // What is to be sent is taken at once.
        connection.set_buffer_limit(None);
        Self {
            connection,
            valid: 0,
        }
    }

    /// Takes what the peer sent, and writes the plaintext to `plain`, which has room for `input` and one record.
    /// There may be something to [`send`](Self::take_output) then, also after a failure: an alert.
    pub(crate) fn receive(
        &mut self,
        mut input: &[u8],
        plain: &mut [u8],
    ) -> Result<Received, Failure> {
        debug_assert!(plain.is_empty() || plain.len() >= input.len() + RECORD_BYTES_MAX);
        let mut received = Received::default();
        // An empty read would mean the end of the connection.
        while !input.is_empty() && !received.is_ended {
            let buffered = self.connection.read_tls(&mut input);
            let taken = buffered.map_err(|error| Failure::of_buffer(&error))?;
            let processed = self.connection.process_new_packets();
            let state =
                processed.map_err(|error| Failure::new(&error, self.valid < HEADER_BYTES))?;
            self.valid = self.valid.saturating_add(taken);
            received.is_ended = state.peer_has_closed();
            while let Some(room) = plain.get_mut(received.plain..)
                && let Ok(read @ 1..) = self.connection.reader().read(room)
            {
                received.plain += read;
            }
        }
        Ok(received)
    }

    /// Encrypts plaintext, and appends it to `output`, behind all else that is to be sent.
    pub(crate) fn send(&mut self, plain: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let written = self.connection.writer().write_all(plain);
        written.map_err(|error| Failure::of_buffer(&error))?;
        self.take_output(output);
        Ok(())
    }

    /// Ends the data of this side: RFC 8446 section 6.1.
    pub(crate) fn close(&mut self, output: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.take_output(output);
    }

    /// Appends what is to be sent.
    pub(crate) fn take_output(&mut self, output: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // Writing to memory does not fail.
            let Ok(1..) = self.connection.write_tls(output) else {
                break;
            };
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What was agreed on, when the handshake has ended.
    pub(crate) fn handshake(&self) -> Handshake {
        let version = self.connection.protocol_version().map_or("TLS", version);
        let suite = self.connection.negotiated_cipher_suite();
        let suite = suite.map_or_else(String::new, |suite| name(suite.suite()));
        Handshake {
            protocol: format!("{version} {suite}"),
            is_resumed: self.connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }
}

fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "TLS",
    }
}

/// As IANA registers it: rustls has `TLS13` in names of TLS 1.3.
fn name(suite: CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}
