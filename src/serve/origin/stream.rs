//! A request's content that is sent back while it is still arriving.

use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{ContentReader, Piece, Produced, Response, Source};

/// What has arrived and has not been sent. The engine reads no more while the peer does not take it.
type Pending = Arc<Mutex<Vec<u8>>>;

/// Takes the content. Its end is that it is dropped.
pub(super) struct Arriving(Pending);

/// Sends it back.
pub(super) struct Returning(Pending);

/// Both ends of one content.
pub(super) fn stream() -> (Arriving, Returning) {
    let pending = Pending::default();
    (Arriving(Arc::clone(&pending)), Returning(pending))
}

impl ContentReader for Arriving {
    fn read(&mut self, piece: &[u8]) -> Result<(), Response> {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pending.extend_from_slice(piece);
        Ok(())
    }
}

impl Source for Returning {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = piece.push(&pending);
        pending.drain(..sent);
        if !pending.is_empty() {
            Produced::More
        } else if Arc::strong_count(&self.0) == 1 {
            Produced::End
        } else {
            Produced::Wait
        }
    }
}
