//! Content of a response that is produced piece by piece, when the peer takes it.

use std::io::{Read, Result};
use std::time::Duration;

use super::output::Output;

/// How a [`Source`] goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Produced {
    /// There is more: ask again when the peer has taken this.
    More,
    /// That was all.
    End,
    /// Nothing for now: ask again after a [`Waker::wake`](super::Waker::wake).
    Wait,
    /// Nothing for now: ask again after this time, or after a [`Waker::wake`](super::Waker::wake).
    WaitFor(Duration),
    /// The rest cannot be produced. The connection is closed before the end of the content, so that
    /// the peer sees that it is not whole.
    Failed,
    /// The same, with a reset of the connection. It may overtake what the peer has not received yet.
    Reset,
}

/// The content of a response, produced piece by piece.
///
/// It is called on the event loop, each time that the peer has taken what was produced before, so
/// that at most one block (64 KiB) is in memory for each peer. It may be called without a wake-up.
/// It is dropped when the content has ended, or the peer has left.
pub trait Source: Send {
    /// Appends to `piece` what there is, as far as it has room.
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced;
}

impl<F: FnMut(&mut Piece<'_>) -> Produced + Send> Source for F {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        self(piece)
    }
}

/// Makes a source of a closure. The closure is one as it stands; this only helps the compiler infer
/// the type of its parameter.
#[must_use]
pub fn source_fn<F>(source: F) -> F
where
    F: FnMut(&mut Piece<'_>) -> Produced + Send,
{
    source
}

/// Room for the next bytes of a response's content.
#[derive(Debug)]
pub struct Piece<'o> {
    out: &'o mut Output,
    end: usize,
}

impl<'o> Piece<'o> {
    /// Room for `bytes` behind what `out` holds.
    pub(super) fn new(out: &'o mut Output, bytes: usize) -> Self {
        let end = out.len() + bytes;
        Self { out, end }
    }

    /// How many bytes fit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len())
    }

    /// Appends as much of `bytes` as fits, and returns how much that is.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let taken = &bytes[..bytes.len().min(self.room())];
        self.out.push(taken);
        taken.len()
    }

    /// The room itself, to be written to from its start; then [`filled`](Self::filled).
    pub fn buffer(&mut self) -> &mut [u8] {
        self.out.room_until(self.end)
    }

    /// So many bytes at the start of the [`buffer`](Self::buffer) are content.
    pub fn filled(&mut self, bytes: usize) {
        self.out.filled(bytes.min(self.room()));
    }

    /// Appends what one call of `reader` gives, as far as it fits, and returns how much that is: 0 if it
    /// has ended.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn read_from(&mut self, reader: &mut impl Read) -> Result<usize> {
        let read = reader.read(self.buffer())?;
        self.filled(read);
        Ok(read)
    }
}
