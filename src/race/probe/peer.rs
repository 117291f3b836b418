//! The client's side of one connection. It waits a bounded time for a bounded number of bytes, and
//! reads answers as strictly as `hullo bench` does, by the same code.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::bench::chunked::Chunked;
use crate::bench::error::{CAUSES, ProtocolError};
use crate::bench::head::{Framing, Head, Scan, parse};

/// More content is not read.
const CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// More interim answers (1xx) before one final answer are refused.
const INTERIM_MAX: usize = 32;

pub(in crate::race) struct Peer {
    stream: TcpStream,
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
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::race) enum Miss {
    Connect,
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
    Reset,
}

/// What a connection brings next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Bytes,
    Stop(Stop),
}

impl Peer {
    pub(in crate::race) fn connect(address: SocketAddr, patience: Duration) -> Result<Self, Miss> {
        let deadline = Instant::now() + patience;
        let stream = TcpStream::connect_timeout(&address, patience).map_err(|_| Miss::Connect)?;
        // What is sent in two parts is to arrive in two parts.
        stream.set_nodelay(true).map_err(|_| Miss::Connect)?;
        Ok(Self {
            stream,
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

    /// Sends as much as the server takes in time. How that went is told by what it answers, which it
    /// may do before it has read all.
    pub(in crate::race) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut left = bytes.as_ref();
        while let Some(wait) = self.wait() {
            if left.is_empty() || self.stream.set_write_timeout(Some(wait)).is_err() {
                return;
            }
            match self.stream.write(left) {
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
        let _ = socket2::SockRef::from(&self.stream).set_tcp_cork(true);
        self.send(bytes);
        // It fails only when the connection is gone, which the answer will tell.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer. `head_only`: to a HEAD request, so that it has no content.
    pub(in crate::race) fn answer(&mut self, head_only: bool) -> Result<Answer, Miss> {
        for _ in 0..=INTERIM_MAX {
            let (head, dates) = self.head()?;
            // RFC 9110 section 15.2.2: only who asks for an upgrade is told to switch.
            if head.status == 101 {
                return Err(Miss::Protocol(ProtocolError::Upgrade));
            }
            if head.is_interim() {
                continue;
            }
            // RFC 9112 section 6.3, rule 1: these have no content, whatever their fields say.
            let has_content = !head_only && !matches!(head.status, 204 | 304);
            let content = if has_content {
                self.content(head.framing)?
            } else {
                Vec::new()
            };
            return Ok(Answer {
                status: head.status,
                content,
                chunked: head.framing == Framing::Chunked,
                closes: head.closes,
                dates,
            });
        }
        Err(Miss::Protocol(ProtocolError::Interim))
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

    /// The connection itself, of which nothing more is to be read.
    pub(in crate::race) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn head(&mut self) -> Result<(Head, Vec<String>), Miss> {
        let mut scan = Scan::default();
        loop {
            if let Some(length) = scan.end(&self.unread)? {
                let bytes: Vec<u8> = self.unread.drain(..length).collect();
                return Ok((parse(&bytes)?, values(&bytes, "date")));
            }
            if let Err(stop) = self.fill() {
                let is_none = self.unread.is_empty();
                return Err(if is_none {
                    Miss::Nothing(stop)
                } else {
                    Miss::Half(stop)
                });
            }
        }
    }

    fn content(&mut self, framing: Framing) -> Result<Vec<u8>, Miss> {
        let mut content = Vec::new();
        let mut chunked = Chunked::default();
        loop {
            let (taken, ended) = match framing {
                Framing::Length(length) => {
                    let left = length.saturating_sub(content.len() as u64);
                    let taken = usize::try_from(left).unwrap_or(usize::MAX);
                    let taken = taken.min(self.unread.len());
                    content.extend(self.unread.iter().take(taken));
                    (taken, content.len() as u64 == length)
                }
                Framing::Chunked => {
                    chunked.read(&self.unread, |data| content.extend_from_slice(data))?
                }
                Framing::Close => {
                    content.extend_from_slice(&self.unread);
                    (self.unread.len(), false)
                }
            };
            self.unread.drain(..taken.min(self.unread.len()));
            if ended {
                return Ok(content);
            }
            if content.len() > CONTENT_BYTES_MAX {
                return Err(Miss::TooLong);
            }
            match self.fill() {
                Ok(()) => {}
                Err(Stop::End) if framing == Framing::Close => return Ok(content),
                Err(stop) => return Err(Miss::Half(stop)),
            }
        }
    }

    /// Reads once, at least a byte.
    fn fill(&mut self) -> Result<(), Stop> {
        let mut block = [0; 16 * 1024];
        while let Some(wait) = self.wait() {
            if self.stream.set_read_timeout(Some(wait)).is_err() {
                return Err(Stop::Reset);
            }
            match self.stream.read(&mut block) {
                // An error is told once: after that of a write, the end of a reset looks like any.
                Ok(0) if self.reset => return Err(Stop::Reset),
                Ok(0) => return Err(Stop::End),
                Ok(count) => {
                    self.unread.extend(block.iter().take(count));
                    return Ok(());
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(Stop::Late),
                    _ => {
                        self.reset = true;
                        return Err(Stop::Reset);
                    }
                },
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

/// The values of all fields of this name, in a head that was parsed.
fn values(head: &[u8], name: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(head);
    let lines = text.split("\r\n").skip(1);
    let fields = lines.filter_map(|line| line.split_once(':'));
    fields
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_matches([' ', '\t']).to_owned())
        .collect()
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
            Self::Nothing(Stop::Late) => "no answer in time",
            Self::Nothing(Stop::End) => "closes without an answer",
            Self::Nothing(Stop::Reset) => "resets without an answer",
            Self::Half(Stop::Late) => "half an answer in time",
            Self::Half(Stop::End) => "closes inside the answer",
            Self::Half(Stop::Reset) => "resets inside the answer",
            Self::TooLong => "content over 1 MiB",
            Self::Protocol(bad) => CAUSES.get(*bad as usize).copied().unwrap_or("no HTTP"),
        })
    }
}
