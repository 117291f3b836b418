//! A request whose content is still on its way: what has come of it is discarded, kept or passed on,
//! to the byte where the next request begins.

use std::fmt;

use super::super::blocks::{Block, Blocks};
use super::super::grammar::body::Body;
use super::super::grammar::chunked::{BodyRead, Extensions, Rules};
use super::super::grammar::connection::Persistence;
use super::content::ContentReader;
use super::held_request::HeldRequest;
use super::limits::{BODY_PROGRESS_BYTES, EXTENSION_BYTES_MAX, Limits, TRAILER_BYTES_MAX};
use super::ongoing::Ongoing;
use super::reject::Reject;
use super::response_value::Response;

/// A request whose content has not come to its end.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) request: HeldRequest,
    pub(super) incoming: Incoming,
    /// The response has begun before the content has ended.
    pub(super) ongoing: Option<Box<Ongoing>>,
    /// The response has ended before the content has.
    pub(super) answered: Option<Persistence>,
    /// How much has come since the last progress was reported.
    unreported: usize,
}

/// Content that arrives, and where it goes.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) body: Body,
    pub(super) sink: Sink,
    /// The most bytes that the content may have.
    pub(super) max: u64,
}

/// Where content goes.
pub(super) enum Sink {
    Discard,
    /// `None`: none has come.
    Block(Option<Block>),
    Reader(Box<dyn ContentReader>),
}

impl fmt::Debug for Sink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Discard => "Discard",
            Self::Block(_) => "Block",
            Self::Reader(_) => "Reader",
        })
    }
}

/// Why the rest of the content is not read.
pub(super) enum Stop {
    Reject(Reject),
    /// The handler's reader refuses it.
    Refused(Box<Response>),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl Incoming {
    /// Reads what `input` has of the body.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        limits: &Limits,
        blocks: &Blocks,
    ) -> Result<BodyRead, Stop> {
        let rules = Rules {
            extensions: Extensions::Check,
            extension_bytes_max: EXTENSION_BYTES_MAX,
            trailer_bytes_max: TRAILER_BYTES_MAX,
            // At most `Limits::FIELDS_MAX`.
            trailer_fields_max: limits.fields as u32,
            content_bytes_max: self.max,
        };
        let mut taken = Ok(());
        let sink = &mut self.sink;
        let read = self.body.read(input, &rules, |piece| {
            if taken.is_ok() && !piece.is_empty() {
                taken = sink.take(piece, blocks);
            }
        });
        taken?;
        Ok(read.map_err(Reject::from)?)
    }
}

impl Sink {
    fn take(&mut self, piece: &[u8], blocks: &Blocks) -> Result<(), Stop> {
        match self {
            Self::Discard => {}
            Self::Reader(reader) => {
                let taken = reader.read(piece);
                taken.map_err(|response| Stop::Refused(Box::new(response)))?;
            }
            Self::Block(kept) => keep(kept, piece, blocks).ok_or(Reject::BufferLimit)?,
        }
        Ok(())
    }
}

/// Appends to what is kept. `None`: the kernel is out of memory.
fn keep(kept: &mut Option<Block>, mut piece: &[u8], blocks: &Blocks) -> Option<()> {
    let Some(block) = kept else {
        *kept = Some(blocks.filled(piece)?);
        return Some(());
    };
    piece = &piece[block.append(piece)..];
    if !piece.is_empty() {
        let capacity = 2 * block.len().max(piece.len());
        let mut grown = blocks.with_capacity(capacity, &block.bytes())?;
        grown.append(piece);
        *block = grown;
    }
    Some(())
}

impl Receiving {
    pub(super) fn new(
        request: HeldRequest,
        incoming: Incoming,
        ongoing: Option<Box<Ongoing>>,
    ) -> Self {
        Self {
            request,
            incoming,
            ongoing,
            answered: None,
            unreported: 0,
        }
    }

    /// So much more has come.
    pub(super) fn count(&mut self, bytes: usize) {
        self.unreported = self.unreported.saturating_add(bytes);
    }

    /// Has enough come since the last call for the time-out to start again?
    pub(super) fn take_progress(&mut self) -> bool {
        let progressed = self.unreported >= BODY_PROGRESS_BYTES;
        if progressed {
            self.unreported = 0;
        }
        progressed
    }

    /// How much memory it has taken from the blocks.
    pub(super) fn block_bytes(&self) -> usize {
        let kept = match &self.incoming.sink {
            Sink::Block(Some(block)) => block.capacity(),
            _ => 0,
        };
        self.request.head.capacity() + kept
    }
}
