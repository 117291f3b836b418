//! What a connection reads and writes: a socket, or TLS on one.

use std::io;

use mio::{Registry, Token};

use super::socket::{Destination, Got, Socket};
use super::tls::{ThreadTls, TlsStream};
use crate::outcome::Outcome;

#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Begins to connect, and registers for events; with TLS if the thread has it.
    pub(super) fn open(
        destination: &Destination,
        (registry, token): (&Registry, Token),
        tls: &mut ThreadTls,
    ) -> io::Result<Self> {
        let socket = Socket::open(destination, registry, token)?;
        match tls.stream(socket) {
            Ok(stream) => Ok(Self::Tls(Box::new(stream?))),
            Err(socket) => Ok(Self::Plain(socket)),
        }
    }

    #[inline]
    pub(super) fn read(
        &mut self,
        block: &mut [u8],
        tls: &mut ThreadTls,
    ) -> Outcome<Got, io::Error> {
        match self {
            Self::Plain(socket) => {
                let room = block.len();
                match socket.read(block) {
                    Outcome::Done(bytes) => Outcome::Done(Got {
                        bytes,
                        may_have_more: bytes == room,
                    }),
                    Outcome::WouldBlock => Outcome::WouldBlock,
                    Outcome::Closed(error) => Outcome::Closed(error),
                }
            }
            Self::Tls(stream) => stream.read(block, tls),
        }
    }

    /// Writes as much as the socket takes. If not all of it, the rest is to be written again from where this
    /// one ended.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8], tls: &mut ThreadTls) -> Outcome<usize, io::Error> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes, tls),
        }
    }

    /// How long connecting took, in nanoseconds, where more than that has happened since.
    pub(super) fn connected_after(&self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => Some(stream.connected_after()),
        }
    }
}
