//! What a request, or all of them, are answered with.

use super::shares::Shares;
use super::spread::{Spread, Unit};
use crate::units;

/// How much a parameter may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) delay: Unit,
    pub(super) size: Unit,
}

impl Bounds {
    /// `max_delay` in nanoseconds, `max_size` in bytes.
    pub(super) fn new(max_delay: u64, max_size: u64) -> Self {
        Self {
            delay: Unit {
                read: units::nanos,
                show: units::show_nanos,
                max: max_delay,
                flag: "--max-delay",
            },
            size: Unit {
                read: units::bytes,
                show: units::show_bytes,
                max: max_size,
                flag: "--max-size",
            },
        }
    }
}

/// How a request is answered. The default is the greeting, at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// In nanoseconds.
    pub(super) delay: Option<Spread>,
    /// `None`: 200.
    pub(super) status: Option<Shares>,
    pub(super) content: Content,
    /// The content is sent without its length.
    pub(super) is_chunked: bool,
    pub(super) trickle: Option<Trickle>,
    pub(super) ending: Ending,
    /// Names and values, which have been checked.
    pub(super) fields: Vec<(String, String)>,
    /// A field names the machine.
    pub(super) has_hostname: bool,
}

/// What the content of the response is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Content {
    #[default]
    Greeting,
    /// So many bytes of the pattern.
    Pattern(Spread),
    Echo(Echo),
}

/// What is sent back of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// All of it, as JSON.
    Json,
    /// Its content, when it has ended.
    Content,
    /// Its content, while it arrives.
    Stream,
}

/// What happens to the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is kept, if the peer wants it so.
    #[default]
    Keep,
    /// It is closed after the response.
    Close,
    /// It is closed in the middle of the content.
    CloseEarly,
    /// It is closed instead of a response.
    Abort,
    /// It is reset instead of a response.
    Reset,
    /// It is reset in the middle of the content.
    ResetEarly,
}

/// The content comes in pieces of so many bytes, one in each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trickle {
    /// At least 1.
    pub(super) bytes: u64,
    /// In nanoseconds.
    pub(super) every: u64,
}

impl Plan {
    /// Checks that a stream has no parameter that it cannot have: its head is sent at once, nobody knows
    /// its length, and what is read has to be sent on.
    ///
    /// # Errors
    ///
    /// A line that says which.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.content != Content::Echo(Echo::Stream) {
            return Ok(());
        }
        let delays = |delay: &Spread| *delay != Spread::Always(0);
        let excluded = [
            ("delay", self.delay.as_ref().is_some_and(delays)),
            ("trickle", self.trickle.is_some()),
            (
                "close",
                matches!(self.ending, Ending::Close | Ending::CloseEarly),
            ),
            ("reset", self.ending == Ending::ResetEarly),
        ];
        match excluded.iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(format!(
                "echo=stream: it excludes {name}. Example: echo=content, or {name}=off\n"
            )),
            None => Ok(()),
        }
    }
}
