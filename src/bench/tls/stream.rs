//! TLS on a socket, with the calls that a plain socket has.

use std::io;
use std::time::Instant;

use super::super::cpu::cpu;
use super::super::socket::{Got, Socket};
use super::Handshakes;
use crate::outcome::Outcome;
use crate::tls::{Cause, Client, ClientSession, Failure, RECORD_BYTES_MAX};

/// The most ciphertext in one read.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The most plaintext that is encrypted before it is sent.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Memory that a connection keeps for what it sends next.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// What the streams of a thread share.
#[derive(Debug)]
pub(in crate::bench) struct ThreadTls {
    client: Option<Client>,
    /// For ciphertext.
    block: Box<[u8]>,
    pub(in crate::bench) handshakes: Handshakes,
}

impl ThreadTls {
    /// For so many connections. Without a client, they are plain.
    pub(in crate::bench) fn new(client: Option<&Client>, connections: usize) -> Self {
        let client = client.map(|client| client.with_own_sessions(connections));
        let bytes = if client.is_some() { READ_BYTES_MAX } else { 0 };
        Self {
            client,
            block: vec![0; bytes].into_boxed_slice(),
            handshakes: Handshakes::default(),
        }
    }

    /// A stream on this socket. Returns the socket if it is to be plain.
    pub(in crate::bench) fn stream(&self, socket: Socket) -> Result<io::Result<TlsStream>, Socket> {
        match &self.client {
            Some(client) => Ok(TlsStream::new(client, socket)),
            None => Err(socket),
        }
    }
}

/// A connection with TLS.
#[derive(Debug)]
pub(in crate::bench) struct TlsStream {
    socket: Socket,
    session: ClientSession,
    is_established: bool,
    /// The server has ended its data.
    is_ended: bool,
    /// Ciphertext, of which `sent` bytes are sent.
    output: Vec<u8>,
    sent: usize,
    /// Plaintext whose ciphertext is the end of `output`.
    encrypted: usize,
    began: Instant,
    /// When the first bytes were sent: it was connected.
    connected: Option<Instant>,
    /// Of the handshake, in nanoseconds.
    cpu: u64,
}

impl TlsStream {
    fn new(client: &Client, socket: Socket) -> io::Result<Self> {
        let started = cpu();
        let mut session = client.session().map_err(io::Error::other)?;
        let mut output = Vec::new();
        session.take_output(&mut output);
        Ok(Self {
            socket,
            session,
            is_established: false,
            is_ended: false,
            output,
            sent: 0,
            encrypted: 0,
            began: Instant::now(),
            connected: None,
            cpu: cpu().saturating_sub(started),
        })
    }

    pub(in crate::bench) fn connected_after(&self) -> u64 {
        let connected = self.connected.unwrap_or(self.began);
        nanos(self.began, connected)
    }

    /// Goes on with the handshake. What ends it is sent with the first data.
    fn shake_hands(&mut self, thread: &mut ThreadTls) -> Outcome<(), io::Error> {
        loop {
            if !self.session.is_handshaking() {
                self.is_established = true;
                let took = nanos(self.connected.unwrap_or(self.began), Instant::now());
                let handshake = self.session.handshake();
                thread.handshakes.record(&handshake, took, self.cpu);
                return Outcome::Done(());
            }
            match self.flush() {
                Outcome::Done(()) => {}
                other => return other,
            }
            let read = match self.socket.read(&mut thread.block) {
                Outcome::Done(0) => return cut("the connection ended in the handshake"),
                Outcome::Done(read) => read,
                Outcome::WouldBlock => return Outcome::WouldBlock,
                Outcome::Closed(error) => return cut(&error.to_string()),
            };
            let started = cpu();
            let received = self.session.receive(&thread.block[..read], &mut []);
            self.session.take_output(&mut self.output);
            self.cpu += cpu().saturating_sub(started);
            if let Err(failure) = received {
                return self.fail(failure);
            }
        }
    }

    /// Tells the server why, if the socket takes it.
    #[cold]
    fn fail<T>(&mut self, failure: Failure) -> Outcome<T, io::Error> {
        let _ = self.flush();
        Outcome::Closed(io::Error::other(failure))
    }

    /// Sends the ciphertext.
    fn flush(&mut self) -> Outcome<(), io::Error> {
        while self.sent < self.output.len() {
            match self.socket.write(&self.output[self.sent..]) {
                Outcome::Done(sent) => {
                    self.sent += sent;
                    self.connected.get_or_insert_with(Instant::now);
                }
                Outcome::WouldBlock => return Outcome::WouldBlock,
                Outcome::Closed(error) => {
                    // Before this, connecting failed.
                    return match self.connected {
                        Some(_) if !self.is_established => cut(&error.to_string()),
                        _ => Outcome::Closed(error),
                    };
                }
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES_MAX);
        self.sent = 0;
        Outcome::Done(())
    }

    /// Does not return before the socket takes no more: an event follows only then.
    pub(in crate::bench) fn write(
        &mut self,
        bytes: &[u8],
        thread: &mut ThreadTls,
    ) -> Outcome<usize, io::Error> {
        if !self.is_established {
            match self.shake_hands(thread) {
                Outcome::Done(()) => {}
                Outcome::WouldBlock => return Outcome::WouldBlock,
                Outcome::Closed(error) => return Outcome::Closed(error),
            }
        }
        let mut written = 0;
        while written < bytes.len() {
            if self.encrypted == 0 {
                let piece = &bytes[written..bytes.len().min(written + PIECE_BYTES_MAX)];
                if let Err(failure) = self.session.send(piece, &mut self.output) {
                    return self.fail(failure);
                }
                self.encrypted = piece.len();
            }
            match self.flush() {
                Outcome::Done(()) => written += std::mem::take(&mut self.encrypted),
                Outcome::WouldBlock if written == 0 => return Outcome::WouldBlock,
                Outcome::WouldBlock => break,
                Outcome::Closed(error) => return Outcome::Closed(error),
            }
        }
        Outcome::Done(written)
    }

    /// An end without `close_notify` is an error: the data may have been cut (RFC 8446 section 6.1).
    pub(in crate::bench) fn read(
        &mut self,
        block: &mut [u8],
        thread: &mut ThreadTls,
    ) -> Outcome<Got, io::Error> {
        if self.is_ended {
            return Outcome::Done(Got {
                bytes: 0,
                may_have_more: false,
            });
        }
        if !self.is_established {
            return Outcome::WouldBlock;
        }
        // The block also takes the rest of a record that has come in part.
        let room = block.len().saturating_sub(RECORD_BYTES_MAX);
        let room = room.min(thread.block.len());
        debug_assert!(room > 0, "a full block reads as the end of file");
        // Also after a short read without plaintext, such as a ticket: the end may be there, and no event follows.
        loop {
            let ciphertext = &mut thread.block[..room];
            let read = match self.socket.read(ciphertext) {
                Outcome::Done(0) => {
                    let kind = io::ErrorKind::UnexpectedEof;
                    return Outcome::Closed(io::Error::new(kind, "no close_notify"));
                }
                Outcome::Done(read) => read,
                Outcome::WouldBlock => return Outcome::WouldBlock,
                Outcome::Closed(error) => return Outcome::Closed(error),
            };
            let received = self.session.receive(&ciphertext[..read], block);
            self.session.take_output(&mut self.output);
            let received = match received {
                Ok(received) => received,
                Err(failure) => return self.fail(failure),
            };
            self.is_ended = received.is_ended;
            if received.plain > 0 || received.is_ended {
                return Outcome::Done(Got {
                    bytes: received.plain,
                    may_have_more: read == room || received.is_ended,
                });
            }
        }
    }
}

/// RFC 9112 section 9.8: a client sends `close_notify` before it closes.
impl Drop for TlsStream {
    fn drop(&mut self) {
        if self.is_established {
            self.session.close(&mut self.output);
            let _ = self.flush();
        }
    }
}

fn cut<T>(detail: &str) -> Outcome<T, io::Error> {
    Outcome::Closed(io::Error::other(Failure {
        cause: Cause::Ended,
        detail: detail.to_owned(),
    }))
}

/// The failure of TLS that an error of a stream is, if it is one.
pub(in crate::bench) fn failure(error: &io::Error) -> Option<&Failure> {
    error.get_ref()?.downcast_ref()
}

fn nanos(from: Instant, to: Instant) -> u64 {
    u64::try_from((to - from).as_nanos()).unwrap_or(u64::MAX)
}
