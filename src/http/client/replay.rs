//! Plays bytes to a reader in pieces, for tests and for fuzzing.

use super::{EarlyEnd, Head, Memo, ProtocolError, Reader, Response, Sink};

/// How a replay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With so many bytes that belong to no whole response.
    Open(usize),
    Closed(EarlyEnd),
    Refused(ProtocolError),
}

/// What a reader made of some bytes: the same, however they are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) responses: Vec<Response>,
    /// Of all responses, one after the other.
    pub(crate) content: Vec<u8>,
    pub(crate) ending: Ending,
}

impl Sink for Vec<u8> {
    fn head(&mut self, _: &Head, _: &[u8]) {}

    fn content(&mut self, piece: &[u8]) {
        self.extend_from_slice(piece);
    }
}

/// Plays `pieces` to one reader as a connection would, and then the end of the connection if
/// `closed`.
pub(crate) fn replay(pieces: &[&[u8]], head_only: bool, closed: bool) -> Played {
    let (mut reader, mut memo) = (Reader::default(), Memo::default());
    let (mut unread, mut content, mut responses) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            match reader.read(&unread, head_only, &mut memo, &mut content) {
                Ok(read) => {
                    unread.drain(..read.consumed);
                    responses.extend(read.response);
                    if read.response.is_none() || unread.is_empty() {
                        break;
                    }
                }
                Err(error) => {
                    return Played {
                        responses,
                        content,
                        ending: Ending::Refused(error),
                    };
                }
            }
        }
    }
    let mut ending = Ending::Open(unread.len());
    if closed {
        match reader.end(unread.len()) {
            Ok(response) => responses.push(response),
            Err(early) => ending = Ending::Closed(early),
        }
    }
    Played {
        responses,
        content,
        ending,
    }
}
