//! `--expect-status` and `--expect-body`.

use std::fmt;

/// A set of status codes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Statuses([bool; 600]);

impl Statuses {
    /// `200`, `2xx`, `200-299`, and lists of these with commas.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut set = [false; 600];
        for item in text.split(',').map(str::trim) {
            let (low, high) = bounds(item).ok_or_else(|| {
                format!(
                    "{item:?} is not a status: write 200, 2xx, 200-299, or a list such as 200,304"
                )
            })?;
            set[low..=high].fill(true);
        }
        Ok(Self(set))
    }

    pub(super) fn has(&self, status: u16) -> bool {
        self.0.get(usize::from(status)).copied().unwrap_or(false)
    }
}

impl fmt::Debug for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.iter().filter(|set| **set).count();
        write!(f, "Statuses({count})")
    }
}

fn bounds(item: &str) -> Option<(usize, usize)> {
    let status = |text: &str| {
        let number: usize = text.parse().ok()?;
        (text.len() == 3 && (100..600).contains(&number)).then_some(number)
    };
    if let Some(class) = item.strip_suffix("xx").or(item.strip_suffix("XX")) {
        let low = status(&format!("{class}00"))?;
        return Some((low, low + 99));
    }
    match item.split_once('-') {
        Some((low, high)) => Some((status(low)?, status(high)?)).filter(|(low, high)| low <= high),
        None => status(item).map(|one| (one, one)),
    }
}

/// What the answers should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Expect {
    pub(super) statuses: Option<Statuses>,
    /// The body for each position in a batch.
    pub(super) bodies: Option<Vec<Vec<u8>>>,
    /// The requests use HEAD.
    pub(super) head_only: bool,
}

impl Expect {
    /// What the answer at this position should be.
    #[inline]
    pub(super) fn at(&self, position: usize) -> Expected<'_> {
        let bodies = self.bodies.as_ref();
        Expected {
            statuses: self.statuses.as_ref(),
            body: bodies.and_then(|bodies| bodies.get(position).map(Vec::as_slice)),
            head_only: self.head_only,
        }
    }
}

/// What one answer should be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expected<'a> {
    pub(super) statuses: Option<&'a Statuses>,
    pub(super) body: Option<&'a [u8]>,
    /// RFC 9110 section 9.3.2: an answer to HEAD has no content.
    pub(super) head_only: bool,
}

impl<'a> Expected<'a> {
    /// The content to compare with.
    #[inline]
    pub(super) fn content(&self) -> Option<&'a [u8]> {
        self.body.filter(|_| !self.head_only)
    }
}

/// Compares a body that arrives in pieces with the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The number of bytes compared.
    at: usize,
    equal: bool,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { at: 0, equal: true }
    }
}

impl Comparison {
    #[inline]
    pub(super) fn feed(&mut self, expected: Option<&[u8]>, piece: &[u8]) {
        if let Some(expected) = expected {
            let rest = expected.get(self.at..).unwrap_or_default();
            self.equal &= rest.starts_with(piece);
            self.at = self.at.saturating_add(piece.len());
        }
    }

    /// Was the complete body the expected one?
    #[inline]
    pub(super) fn is_equal(&self, expected: Option<&[u8]>) -> bool {
        expected.is_none_or(|expected| self.equal && self.at == expected.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, yes: &[u16], no: &[u16]) {
        let set = Statuses::parse(text).unwrap();
        for status in yes {
            assert!(set.has(*status), "{text} has {status}");
        }
        for status in no {
            assert!(!set.has(*status), "{text} lacks {status}");
        }
    }

    #[test]
    fn a_status_is_a_code_a_class_a_range_or_a_list() {
        check("200", &[200], &[199, 201, 0, 599]);
        check("2xx", &[200, 299], &[199, 300]);
        check(
            "200-204, 3XX,404",
            &[200, 204, 300, 399, 404],
            &[205, 400, 405],
        );
        check("599", &[599], &[598, 600, u16::MAX]);
    }

    #[test]
    fn bad_statuses_are_refused() {
        for text in [
            "", "20", "2000", "0xx", "xx", "2x", "abc", "299-200", "200,", "-200", "+20",
        ] {
            let error = Statuses::parse(text).unwrap_err();
            assert!(error.contains("is not a status"), "{text}: {error}");
        }
    }

    #[test]
    fn a_body_is_compared_in_any_pieces() {
        for (body, equal) in [
            ("hello", true),
            ("hell", false),
            ("hello!", false),
            ("help!", false),
        ] {
            for cut in 0..=body.len() {
                let mut comparison = Comparison::default();
                comparison.feed(Some(b"hello"), &body.as_bytes()[..cut]);
                comparison.feed(Some(b"hello"), &body.as_bytes()[cut..]);
                assert_eq!(
                    comparison.is_equal(Some(b"hello")),
                    equal,
                    "{body} at {cut}"
                );
            }
        }
        let mut any = Comparison::default();
        any.feed(None, b"anything");
        assert!(any.is_equal(None));
        assert!(Comparison::default().is_equal(Some(b"")));
    }
}
