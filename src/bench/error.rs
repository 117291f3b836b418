//! How a request can fail. Each failed request is counted once, as one of these.

use std::io;

use serde::{Deserialize, Serialize};

use super::tls;
use crate::http::client::ProtocolError;
use crate::tls::Cause;

/// The one list of error kinds. It makes the enum, the counts, their keys in JSON and in
/// `--fail-if`, and the sentences of the report.
macro_rules! error_kinds {
    ($($(#[$doc:meta])+ $kind:ident $(($cause:ty))? => $key:ident, $sentence:literal;)+) => {
        /// Why a request has no answer, or not the expected one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum ErrorKind {
            $($(#[$doc])+ $kind $(($cause))?,)+
        }

        impl ErrorKind {
            /// Its name in JSON.
            pub(super) const fn key(self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => stringify!($key),)+
                }
            }
        }

        /// Failed requests by kind. Each counts once.
        #[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub(crate) struct ErrorCounts {
            $($(#[$doc])+ pub(super) $key: u64,)+
        }

        impl ErrorCounts {
            /// The count of one kind.
            pub(super) const fn count_mut(&mut self, kind: ErrorKind) -> &mut u64 {
                match kind {
                    $(ErrorKind::$kind { .. } => &mut self.$key,)+
                }
            }

            /// All kinds, in the order of the list.
            pub(crate) fn rows(&self) -> impl Iterator<Item = Row> + use<> {
                [$(Row { key: stringify!($key), sentence: $sentence, count: self.$key },)+].into_iter()
            }

            pub(super) const fn total(&self) -> u64 {
                0_u64 $(.saturating_add(self.$key))+
            }

            /// What came after these.
            pub(super) const fn since(&self, before: &Self) -> Self {
                Self { $($key: self.$key.saturating_sub(before.$key),)+ }
            }

            pub(super) const fn add(&mut self, other: &Self) {
                $(self.$key = self.$key.saturating_add(other.$key);)+
            }
        }
    };
}

error_kinds! {
    /// The server refused the connection.
    Refused => refused, "connection refused";
    /// No connection for another reason: no route, no free port, no descriptor.
    Connect => connect, "cannot connect";
    /// The connection was reset with the request in flight.
    Reset => reset, "connection reset";
    /// The server closed the connection before the first byte of the answer.
    Closed => closed, "connection closed before the answer";
    /// The connection ended in the middle of the answer.
    Short => short, "short body: connection closed in the middle of the answer";
    /// The answer was not complete in time.
    Timeout => timeout, "timeout";
    /// TLS failed: the certificate is not accepted, the server sent an alert, or the like.
    Tls(Cause) => tls, "TLS";
    /// The bytes received are not an HTTP answer to the request.
    Protocol(ProtocolError) => bad_response, "bad response";
    /// A complete answer whose status is not in `--expect-status`.
    Status => status, "unexpected status";
    /// A complete answer whose body is not that of `--expect-body`.
    Body => body, "unexpected body";
}

/// One error kind in a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Its name in JSON and in `--fail-if`.
    pub(crate) key: &'static str,
    pub(super) sentence: &'static str,
    pub(crate) count: u64,
}

/// What was wrong with a bad response, in the order of [`ProtocolError::index`].
pub(super) const CAUSES: [&str; ProtocolError::ALL.len()] = {
    let mut causes = [""; ProtocolError::ALL.len()];
    let mut index = 0;
    while index < causes.len() {
        causes[index] = ProtocolError::ALL[index].sentence();
        index += 1;
    }
    causes
};

impl ErrorKind {
    /// Did connecting fail? TLS mostly fails there.
    pub(super) const fn is_connect(self) -> bool {
        matches!(self, Self::Refused | Self::Connect | Self::Tls(_))
    }

    /// The kind of an error of connect(2), or of TLS.
    pub(super) fn of_connect(error: &io::Error) -> Self {
        if let Some(failure) = tls::failure(error) {
            return Self::Tls(failure.cause);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Connect,
        }
    }
}
