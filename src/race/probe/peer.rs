//! The client's side of one connection. It waits a bounded time for a bounded number of bytes, and
//! reads answers as strictly as `hullo bench` does, by the same code.

use std::fmt;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::thread::sleep;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::http::client::{
    Head, Memo, ProtocolError, Reader, Response, Sink, field_names, field_values,
};
use crate::race::connection::{Connection, Endpoint, Got, Unconnected, failure, is_later};
use crate::tls::Cause;

/// After little room for what the server sends.
const ROOM_BYTES: usize = 128 * 1024;

/// So soon a server closes after it has sent the end.
const RESET_WAIT: Duration = Duration::from_millis(100);

/// More content is not read.
const CONTENT_BYTES_MAX: usize = 1024 * 1024;

pub(in crate::race) struct Peer {
    connection: Connection,
    patience: Duration,
    deadline: Instant,
    /// Came, and belongs to no answer that was read.
    unread: Vec<u8>,
    /// The server has reset the connection, whatever may be read of it still.
    reset: bool,
}

/// A whole answer.
pub(in crate::race) struct Answer {
    pub(super) status: u16,
    pub(super) content: Vec<u8>,
    /// Its content came in chunks.
    pub(super) chunked: bool,
    /// The server will not answer another request on this connection, as it says.
    pub(super) closes: bool,
    /// The values of all its `Date` fields.
    pub(super) dates: Vec<String>,
    /// The names of its fields, in lower case.
    pub(super) fields: Vec<String>,
    /// Its size, with head and framing.
    pub(super) bytes: usize,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::race) enum Miss {
    Connect,
    Tls(Cause),
    /// Not one byte of it came.
    Nothing(Stop),
    /// It began.
    Half(Stop),
    TooLong,
    Protocol(ProtocolError),
}

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::race) enum Stop {
    Late,
    End,
    /// Over TLS, the connection ended without `close_notify`.
    Cut,
    Reset,
    /// What came was not TLS, or an alert.
    Failed,
}

/// What a connection brings next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Bytes,
    Stop(Stop),
}

/// What has come of an answer.
#[derive(Default)]
struct Received {
    content: Vec<u8>,
    chunked: bool,
    closes: bool,
    dates: Vec<String>,
    fields: Vec<String>,
    bytes: usize,
}

impl Sink for Received {
    fn head(&mut self, head: &Head, bytes: &[u8]) {
        self.chunked = head.is_chunked();
        self.closes = head.closes;
        let dates = field_values(bytes, b"date");
        self.dates = dates
            .map(|date| String::from_utf8_lossy(date).into_owned())
            .collect();
        self.fields = field_names(bytes);
    }

    fn content(&mut self, piece: &[u8]) {
        self.content.extend_from_slice(piece);
    }
}

impl Received {
    fn answer(self, response: &Response) -> Answer {
        Answer {
            status: response.status,
            content: self.content,
            chunked: self.chunked,
            closes: self.closes,
            dates: self.dates,
            fields: self.fields,
            bytes: self.bytes,
        }
    }
}

impl Peer {
    pub(in crate::race) fn connect(endpoint: &Endpoint, patience: Duration) -> Result<Self, Miss> {
        let deadline = Instant::now() + patience;
        Self::on(endpoint.connect(patience), patience, deadline)
    }

    /// With so little room for what the server sends that it cannot send much before it is read.
    pub(super) fn connect_narrowly(endpoint: &Endpoint, patience: Duration) -> Result<Self, Miss> {
        let deadline = Instant::now() + patience;
        Self::on(endpoint.connect_narrowly(patience), patience, deadline)
    }

    fn on(
        connection: Result<Connection, Unconnected>,
        patience: Duration,
        deadline: Instant,
    ) -> Result<Self, Miss> {
        Ok(Self {
            connection: connection?,
            patience,
            deadline,
            unread: Vec::new(),
            reset: false,
        })
    }

    /// From here on there is as much time again.
    pub(super) fn more_time(&mut self) {
        self.deadline = Instant::now() + self.patience;
    }

    /// Sends as much as the server takes in time. Whether it took them shows in what it answers, which it
    /// may do before it has read all.
    pub(in crate::race) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut left = bytes.as_ref();
        while let Some(wait) = self.wait() {
            let is_sent = left.is_empty() && self.connection.is_flushed();
            let socket = self.connection.socket();
            if is_sent || socket.set_write_timeout(Some(wait)).is_err() {
                return;
            }
            match self.connection.write(left) {
                Ok(taken) => left = left.get(taken..).unwrap_or_default(),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    // After a FIN alone, writing does not fail.
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                        self.reset = true;
                        return;
                    }
                    _ => return,
                },
            }
        }
    }

    /// Sends the last that will be sent. Its end comes in the same segment where the kernel can do
    /// that: so it does not depend on chance whether the server sees the one before the other.
    pub(super) fn send_last(&mut self, bytes: impl AsRef<[u8]>) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(self.connection.socket()).set_tcp_cork(true);
        self.send(bytes);
        // It fails only when the connection is gone, which the answer will tell.
        let _ = self.connection.socket().shutdown(Shutdown::Write);
    }

    /// From here on there is room for what the server sends, after [`Self::connect_narrowly`].
    pub(super) fn read_fast(&self) {
        // It fails only when the connection is gone, which the answer will tell.
        let _ = SockRef::from(self.connection.socket()).set_recv_buffer_size(ROOM_BYTES);
    }

    /// The next answer. `head_only`: to a HEAD request, so that it has no content.
    pub(in crate::race) fn answer(&mut self, head_only: bool) -> Result<Answer, Miss> {
        let (mut reader, mut memo) = (Reader::default(), Memo::default());
        let mut received = Received::default();
        loop {
            let read = reader.read(&self.unread, head_only, &mut memo, &mut received)?;
            self.unread.drain(..read.consumed);
            received.bytes += read.consumed;
            if let Some(response) = read.response {
                return Ok(received.answer(&response));
            }
            if received.content.len() > CONTENT_BYTES_MAX {
                return Err(Miss::TooLong);
            }
            let Err(stop) = self.fill() else {
                continue;
            };
            if reader.is_before_head(self.unread.len()) {
                return Err(Miss::Nothing(stop));
            }
            return match reader.end(self.unread.len()) {
                // Whether the end was cut over TLS is a question of its own: `close_notify`.
                Ok(response) if matches!(stop, Stop::End | Stop::Cut) => {
                    Ok(received.answer(&response))
                }
                _ => Err(Miss::Half(stop)),
            };
        }
    }

    /// Whether the next head is that of 100 Continue. It is read with the answer.
    pub(super) fn continues(&mut self) -> bool {
        const CONTINUE: &[u8] = b"HTTP/1.1 100";
        while self.unread.len() < CONTINUE.len() && CONTINUE.starts_with(&self.unread) {
            if self.fill().is_err() {
                return false;
            }
        }
        self.unread.starts_with(CONTINUE)
    }

    /// Waits for the next byte, or the end.
    pub(super) fn next(&mut self, wait: Duration) -> Next {
        self.deadline = Instant::now() + wait;
        if self.unread.is_empty()
            && let Err(stop) = self.fill()
        {
            return Next::Stop(stop);
        }
        Next::Bytes
    }

    /// The same, as long as is waited for the end of a connection.
    pub(super) fn end(&mut self) -> Next {
        self.next(self.patience)
    }

    /// The same, after content that the server may not have read. If it closes without having read it, a reset follows
    /// the end.
    pub(super) fn end_of_content(&mut self) -> Next {
        let end = self.end();
        if !matches!(end, Next::Stop(Stop::End | Stop::Cut)) {
            return end;
        }
        sleep(RESET_WAIT);
        match self.connection.socket().take_error() {
            Ok(None) => end,
            _ => Next::Stop(Stop::Reset),
        }
    }

    /// The connection itself, of which nothing more is to be read.
    pub(in crate::race) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Reads once, at least a byte.
    fn fill(&mut self) -> Result<(), Stop> {
        while let Some(wait) = self.wait() {
            let socket = self.connection.socket();
            if socket.set_read_timeout(Some(wait)).is_err() {
                return Err(Stop::Reset);
            }
            match self.connection.read(&mut self.unread) {
                Ok(Got::Bytes) => return Ok(()),
                Ok(Got::Nothing) => {}
                // The kernel reports an error once: after that of a write, the end of a reset looks like any.
                Ok(Got::End) if self.reset => return Err(Stop::Reset),
                Ok(Got::End) => return Err(Stop::End),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_later(&error) => return Err(Stop::Late),
                Err(error) if failure(&error).is_some() => return Err(Stop::Failed),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && !self.reset => {
                    return Err(Stop::Cut);
                }
                Err(_) => {
                    self.reset = true;
                    return Err(Stop::Reset);
                }
            }
        }
        Err(Stop::Late)
    }

    /// How long a call may take; nothing when the time is over.
    fn wait(&self) -> Option<Duration> {
        let left = self.deadline.checked_duration_since(Instant::now());
        // The kernel counts in micro-seconds, and takes none of them for all the time in the world.
        left.filter(|left| *left >= Duration::from_micros(1))
    }
}

impl From<Unconnected> for Miss {
    fn from(unconnected: Unconnected) -> Self {
        match unconnected {
            Unconnected::Socket(_) => Self::Connect,
            Unconnected::Late => Self::Nothing(Stop::Late),
            Unconnected::Tls(failure) => Self::Tls(failure.cause),
        }
    }
}

impl From<ProtocolError> for Miss {
    fn from(bad: ProtocolError) -> Self {
        Self::Protocol(bad)
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Connect => "no connection",
            Self::Tls(cause) => cause.sentence(),
            Self::Nothing(Stop::Late) => "no answer in time",
            Self::Nothing(Stop::End | Stop::Cut) => "closes without an answer",
            Self::Nothing(Stop::Reset) => "resets without an answer",
            Self::Nothing(Stop::Failed) => "violates TLS without an answer",
            Self::Half(Stop::Late) => "half an answer in time",
            Self::Half(Stop::End | Stop::Cut) => "closes inside the answer",
            Self::Half(Stop::Reset) => "resets inside the answer",
            Self::Half(Stop::Failed) => "violates TLS inside the answer",
            Self::TooLong => "content over 1 MiB",
            Self::Protocol(bad) => bad.sentence(),
        })
    }
}
