//! How a request can fail. Each failed request is counted once, by one of these.

use std::io;

use crate::http::client::ProtocolError;

/// Why a request has no answer, or not the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// Nobody listens there.
    Refused,
    /// No connection, for another reason: no route, no free port, no descriptor.
    Connect,
    /// The connection was reset while the request was on it.
    Reset,
    /// The server closed the connection, without a word, before the first byte of the answer.
    Closed,
    /// The connection ended inside the answer.
    Short,
    /// The answer was not whole in time.
    TimeOut,
    /// What came is no answer to what was asked.
    Protocol(ProtocolError),
    /// A whole answer, with another status than `--expect-status` says.
    Status,
    /// A whole answer, with another body than `--expect-body` says.
    Body,
}

/// How a kind of failure is written in JSON and in `--fail-if`, and what a reader sees.
pub(super) const KINDS: [(&str, &str); 9] = [
    ("refused", "connection refused"),
    ("connect", "no connection"),
    ("reset", "connection reset"),
    ("closed", "connection closed before the answer"),
    (
        "short",
        "short body: connection closed in the middle of the answer",
    ),
    ("timeout", "time-out"),
    ("bad_response", "bad response"),
    ("status", "unexpected status"),
    ("body", "unexpected body"),
];

pub(super) const PROTOCOL: usize = 6;

/// What was wrong with a bad response, in the places of [`ProtocolError::index`].
pub(super) const CAUSES: [&str; ProtocolError::ALL.len()] = {
    let mut causes = [""; ProtocolError::ALL.len()];
    let mut place = 0;
    while place < causes.len() {
        causes[place] = ProtocolError::ALL[place].sentence();
        place += 1;
    }
    causes
};

impl ErrorKind {
    /// Its row in [`KINDS`].
    pub(super) const fn kind(self) -> usize {
        match self {
            Self::Refused => 0,
            Self::Connect => 1,
            Self::Reset => 2,
            Self::Closed => 3,
            Self::Short => 4,
            Self::TimeOut => 5,
            Self::Protocol(_) => PROTOCOL,
            Self::Status => 7,
            Self::Body => 8,
        }
    }

    /// Was there no connection at all?
    pub(super) const fn is_connect(self) -> bool {
        matches!(self, Self::Refused | Self::Connect)
    }

    /// What an error of connect(2) means.
    pub(super) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Connect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_row() {
        for (fault, name) in [
            (ErrorKind::Refused, "refused"),
            (ErrorKind::Connect, "connect"),
            (ErrorKind::Reset, "reset"),
            (ErrorKind::Closed, "closed"),
            (ErrorKind::Short, "short"),
            (ErrorKind::TimeOut, "timeout"),
            (ErrorKind::Protocol(ProtocolError::Head), "bad_response"),
            (ErrorKind::Status, "status"),
            (ErrorKind::Body, "body"),
        ] {
            assert_eq!(KINDS[fault.kind()].0, name);
        }
    }
}
