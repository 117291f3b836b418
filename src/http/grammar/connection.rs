//! What becomes of a connection after a message (RFC 9112 section 9.3).

use super::values::elements;

/// The connection options that matter to persistence, from all the `Connection` fields of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Persistence {
    /// It stays open: the default of HTTP/1.1.
    Keep,
    /// It stays open because `keep-alive` asks for it in HTTP/1.0; a response has to say so too.
    KeepAlive,
    /// This message is the last one.
    Close,
}

impl ConnectionOptions {
    /// RFC 9110 section 7.6.1: a list of tokens in any case, in one field or several.
    pub(in crate::http) fn add(&mut self, value: &[u8]) {
        for option in elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9112 section 9.3, in its order: close, then 1.1, then 1.0 with keep-alive.
    #[inline]
    pub(in crate::http) fn persistence(self, is_version_10: bool) -> Persistence {
        match (self.close, is_version_10, self.keep_alive) {
            (true, ..) | (_, true, false) => Persistence::Close,
            (false, false, _) => Persistence::Keep,
            (false, true, true) => Persistence::KeepAlive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_wins_then_the_version_decides() {
        for (values, in_10, in_11) in [
            (&[][..], Persistence::Close, Persistence::Keep),
            (&["x, y"], Persistence::Close, Persistence::Keep),
            (&["Keep-Alive"], Persistence::KeepAlive, Persistence::Keep),
            (&["x,\tCLOSE ,"], Persistence::Close, Persistence::Close),
            (
                &["keep-alive", "close"],
                Persistence::Close,
                Persistence::Close,
            ),
            (
                &["closed, keep-alives"],
                Persistence::Close,
                Persistence::Keep,
            ),
        ] {
            let mut options = ConnectionOptions::default();
            for value in values {
                options.add(value.as_bytes());
            }
            assert_eq!(options.persistence(true), in_10, "{values:?} in 1.0");
            assert_eq!(options.persistence(false), in_11, "{values:?} in 1.1");
        }
    }
}
