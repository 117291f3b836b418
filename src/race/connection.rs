//! A connection to a server, plain or with TLS, as a client that waits uses it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::tls::{Cause, Client, ClientSession, Failure, RECORD_BYTES_MAX};

/// In one call.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// For a server that is to notice that its client does not read.
const NARROW_BYTES: usize = 2048;
#[cfg(target_os = "linux")]
const SEGMENT_BYTES: u32 = 536;

/// Where a server listens, and what it speaks there.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// None for plain HTTP.
    pub(super) tls: Option<Client>,
}

impl Endpoint {
    /// The time is for both, connecting and the handshake.
    pub(super) fn connect(&self, patience: Duration) -> Result<Connection, Unconnected> {
        let deadline = Instant::now() + patience;
        let socket = TcpStream::connect_timeout(&self.address, patience)?;
        Connection::on(socket, self, deadline)
    }

    /// With so little room for what the server sends that it cannot send much before it is read.
    pub(super) fn connect_narrowly(&self, patience: Duration) -> Result<Connection, Unconnected> {
        let deadline = Instant::now() + patience;
        let connect = || {
            let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
            socket.set_recv_buffer_size(NARROW_BYTES)?;
            // The server's kernel makes its buffer as many segments long.
            #[cfg(target_os = "linux")]
            socket.set_tcp_mss(SEGMENT_BYTES)?;
            socket.connect_timeout(&self.address.into(), patience)?;
            Ok::<_, io::Error>(socket.into())
        };
        Connection::on(connect()?, self, deadline)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Unconnected {
    Socket(io::Error),
    /// The handshake was not over in time.
    Late,
    Tls(Failure),
}

impl From<io::Error> for Unconnected {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Bytes,
    /// Something of TLS alone.
    Nothing,
    /// The server has ended its data.
    End,
}

#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    tls: Option<Box<Tls>>,
}

#[derive(Debug)]
struct Tls {
    session: ClientSession,
    /// Ciphertext that is not sent yet.
    output: Vec<u8>,
    /// Came with the end of the handshake.
    early: Vec<u8>,
    is_ended: bool,
}

impl Connection {
    fn on(socket: TcpStream, endpoint: &Endpoint, deadline: Instant) -> Result<Self, Unconnected> {
        // What is sent in two parts is to arrive in two parts.
        socket.set_nodelay(true)?;
        let Some(client) = &endpoint.tls else {
            return Ok(Self { socket, tls: None });
        };
        let mut tls = Box::new(Tls {
            session: client.session().map_err(Unconnected::Tls)?,
            output: Vec::new(),
            early: Vec::new(),
            is_ended: false,
        });
        if let Err(error) = tls.shake_hands(&socket, deadline) {
            // The server is told why.
            let _ = tls.flush_once(&socket);
            return Err(in_handshake(&error));
        }
        Ok(Self {
            socket,
            tls: Some(tls),
        })
    }

    /// For its options.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Such as `TLSv1.3 TLS_AES_128_GCM_SHA256`, over TLS.
    pub(super) fn protocol(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        Some(tls.session.handshake().protocol)
    }

    /// Whether all that was written is sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.output.is_empty())
    }

    /// How many of the bytes it took, after one call on the socket. Over TLS some may then still have to be sent, by
    /// another write.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&self.socket, bytes),
        }
    }

    /// Reads once, and appends what came. An end without `close_notify` is an error, `UnexpectedEof`: the data may
    /// have been cut (RFC 8446 section 6.1).
    pub(super) fn read(&mut self, into: &mut Vec<u8>) -> io::Result<Got> {
        if let Some(tls) = &mut self.tls {
            return tls.read(&self.socket, into);
        }
        let mut block = [0; PIECE_BYTES_MAX];
        let count = self.socket.read(&mut block)?;
        into.extend(block.iter().take(count));
        Ok(if count == 0 { Got::End } else { Got::Bytes })
    }

    /// Whether it is open, and nothing for a reader has come.
    pub(super) fn is_idle(&mut self) -> bool {
        if self.socket.set_nonblocking(true).is_err() {
            return false;
        }
        let mut came = Vec::new();
        loop {
            match self.read(&mut came) {
                Ok(Got::Nothing) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
                Ok(Got::Bytes | Got::End) => return false,
            }
        }
    }

    /// It will end with a reset.
    pub(super) fn will_reset(&self) -> io::Result<()> {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))
    }
}

impl Tls {
    fn shake_hands(&mut self, socket: &TcpStream, deadline: Instant) -> io::Result<()> {
        self.session.take_output(&mut self.output);
        loop {
            while !self.output.is_empty() {
                socket.set_write_timeout(Some(left(deadline)?))?;
                again(self.flush_once(socket))?;
            }
            if !self.session.is_handshaking() {
                return Ok(());
            }
            socket.set_read_timeout(Some(left(deadline)?))?;
            let mut early = std::mem::take(&mut self.early);
            let got = self.receive(socket, &mut early);
            self.early = early;
            again(got)?;
        }
    }

    fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        if self.output.is_empty() {
            let piece = bytes.get(..PIECE_BYTES_MAX).unwrap_or(bytes);
            let sent = self.session.send(piece, &mut self.output);
            sent.map_err(io::Error::other)?;
            taken = piece.len();
        }
        match self.flush_once(socket) {
            // It is encrypted, and will be sent next.
            Err(error) if taken > 0 && is_later(&error) => Ok(taken),
            flushed => flushed.map(|()| taken),
        }
    }

    fn flush_once(&mut self, mut socket: &TcpStream) -> io::Result<()> {
        if !self.output.is_empty() {
            let sent = socket.write(&self.output)?;
            self.output.drain(..sent.min(self.output.len()));
        }
        Ok(())
    }

    fn read(&mut self, socket: &TcpStream, into: &mut Vec<u8>) -> io::Result<Got> {
        if !self.early.is_empty() {
            into.append(&mut self.early);
            return Ok(Got::Bytes);
        }
        if self.is_ended {
            return Ok(Got::End);
        }
        self.receive(socket, into)
    }

    fn receive(&mut self, mut socket: &TcpStream, into: &mut Vec<u8>) -> io::Result<Got> {
        let mut ciphertext = [0; PIECE_BYTES_MAX];
        let mut plain = vec![0; PIECE_BYTES_MAX + RECORD_BYTES_MAX];
        let count = socket.read(&mut ciphertext)?;
        if count == 0 {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "it ended without close_notify",
            ));
        }
        let input = ciphertext.get(..count).unwrap_or_default();
        let received = self.session.receive(input, &mut plain);
        self.session.take_output(&mut self.output);
        let received = received.map_err(io::Error::other)?;
        into.extend(plain.iter().take(received.plain));
        self.is_ended = received.is_ended;
        Ok(match received.plain {
            1.. => Got::Bytes,
            0 if received.is_ended => Got::End,
            0 => Got::Nothing,
        })
    }
}

/// RFC 9112 section 9.8: a client sends `close_notify` before it closes.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(tls) = &mut self.tls
            && self.socket.set_nonblocking(true).is_ok()
        {
            tls.session.close(&mut tls.output);
            let _ = tls.flush_once(&self.socket);
        }
    }
}

/// What is left of the time.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.checked_duration_since(Instant::now());
    // The kernel counts in micro-seconds, and takes none of them for all the time in the world.
    left.filter(|left| *left >= Duration::from_micros(1))
        .ok_or_else(|| ErrorKind::TimedOut.into())
}

/// Whether the socket may take it, or bring it, later.
pub(super) fn is_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// What a signal has interrupted is done again.
fn again<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
        done => done.map(Some),
    }
}

/// A connection that ends in its handshake is a failure of TLS.
fn in_handshake(error: &io::Error) -> Unconnected {
    if is_later(error) {
        return Unconnected::Late;
    }
    Unconnected::Tls(failure(error).cloned().unwrap_or_else(|| Failure {
        cause: Cause::Ended,
        detail: error.to_string(),
    }))
}

/// The failure of TLS that an error is, if it is one.
pub(super) fn failure(error: &io::Error) -> Option<&Failure> {
    error.get_ref()?.downcast_ref()
}
