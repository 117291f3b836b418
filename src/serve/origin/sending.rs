//! Content that is sent piece by piece: the pattern, or bytes in memory.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::plan::Trickle;
use crate::http::{Piece, Produced, Source};

/// What content of a given length repeats. The byte at offset `n` is that at `n % 64` of this line.
const LINE: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n";

/// So many bytes of the pattern are at hand.
const PATTERN_BYTES: usize = 16 * 1024;

static PATTERN: [u8; PATTERN_BYTES] = {
    let mut pattern = [0; PATTERN_BYTES];
    let mut i = 0;
    while i < PATTERN_BYTES {
        pattern[i] = LINE[i % LINE.len()];
        i += 1;
    }
    pattern
};

/// The data of a response.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// So many bytes of the pattern.
    Pattern(u64),
    Bytes(Cow<'static, [u8]>),
}

impl Data {
    /// A pattern that is short becomes bytes, which are sent without a [`Source`].
    pub(super) fn pattern(length: u64) -> Self {
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| PATTERN.get(..length));
        match bytes {
            Some(bytes) => Self::Bytes(bytes.into()),
            None => Self::Pattern(length),
        }
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Pattern(length) => *length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Some bytes from `start` on.
    fn from(&self, start: u64) -> &[u8] {
        match self {
            Self::Pattern(_) => &PATTERN[(start % LINE.len() as u64) as usize..],
            Self::Bytes(bytes) => {
                let rest = usize::try_from(start)
                    .ok()
                    .and_then(|start| bytes.get(start..));
                rest.unwrap_or_default()
            }
        }
    }
}

/// Sends data, or the first part of it, at a pace perhaps.
#[derive(Debug)]
pub(super) struct Sending {
    data: Data,
    sent: u64,
    /// Here it ends.
    end: u64,
    /// In this way.
    outcome: Produced,
    trickle: Option<Trickle>,
    /// When the first piece was due. `None`: none has been asked for.
    start: Option<Instant>,
}

impl Sending {
    pub(super) fn whole(data: Data) -> Self {
        Self {
            end: data.length(),
            data,
            sent: 0,
            outcome: Produced::End,
            trickle: None,
            start: None,
        }
    }

    /// Only the first half is sent, then the connection ends as `outcome` says.
    pub(super) fn cut(data: Data, outcome: Produced) -> Self {
        Self {
            end: data.length() / 2,
            outcome,
            ..Self::whole(data)
        }
    }

    pub(super) fn at_pace(self, trickle: Option<Trickle>) -> Self {
        Self { trickle, ..self }
    }

    /// How far the piece goes that is sent now, and how long it is until then.
    fn piece_at(&self, elapsed: Duration) -> (u64, Option<Duration>) {
        let Some(Trickle { bytes, every }) = self.trickle else {
            return (self.end, None);
        };
        let number = self.sent / bytes.max(1);
        // By the number of the piece, so that lateness does not add up.
        let due = Duration::from_nanos(every.saturating_mul(number));
        let wait = due.checked_sub(elapsed).filter(|wait| !wait.is_zero());
        let end = (number + 1).saturating_mul(bytes);
        (end.min(self.end), wait)
    }

    fn produce_at(&mut self, elapsed: Duration, piece: &mut Piece<'_>) -> Produced {
        let (end, wait) = self.piece_at(elapsed);
        if self.sent < self.end
            && let Some(wait) = wait
        {
            return Produced::WaitFor(wait);
        }
        while self.sent < end && piece.room() > 0 {
            let bytes = self.data.from(self.sent);
            let left = usize::try_from(end - self.sent).unwrap_or(usize::MAX);
            let pushed = piece.push(&bytes[..bytes.len().min(left)]);
            self.sent += pushed as u64;
        }
        if self.sent >= self.end {
            self.outcome
        } else {
            Produced::More
        }
    }
}

impl Source for Sending {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        if self.trickle.is_none() {
            return self.produce_at(Duration::ZERO, piece);
        }
        let start = *self.start.get_or_insert_with(Instant::now);
        self.produce_at(start.elapsed(), piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_one_line_again_and_again() {
        assert!(PATTERN.chunks(64).all(|line| line == LINE));
        assert_eq!(PATTERN_BYTES % LINE.len(), 0);
        let data = Data::pattern(1 << 20);
        for start in [0, 1, 63, 64, 100, 99_999] {
            assert_eq!(data.from(start)[0], LINE[start as usize % 64]);
            assert!(data.from(start).len() > PATTERN_BYTES - 64);
        }
        assert!(matches!(Data::pattern(0), Data::Bytes(bytes) if bytes.is_empty()));
        assert!(matches!(Data::pattern(16384), Data::Bytes(bytes) if bytes.len() == 16384));
        assert!(matches!(Data::pattern(16385), Data::Pattern(16385)));
    }

    #[test]
    fn a_piece_is_due_by_its_number() {
        let trickle = Trickle {
            bytes: 10,
            every: 1000,
        };
        let data = Data::Bytes(vec![0; 25].into());
        let mut sending = Sending::whole(data).at_pace(Some(trickle));
        for (sent, elapsed, end, wait) in [
            (0, 0, 10, None),
            (3, 0, 10, None),
            (10, 0, 20, Some(1000)),
            (10, 999, 20, Some(1)),
            (10, 1000, 20, None),
            (20, 1500, 25, Some(500)),
            (20, 9999, 25, None),
        ] {
            sending.sent = sent;
            let expected = (end, wait.map(Duration::from_nanos));
            let elapsed = Duration::from_nanos(elapsed);
            assert_eq!(sending.piece_at(elapsed), expected, "{sent} {elapsed:?}");
        }
    }
}
