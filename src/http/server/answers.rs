//! What a worker's conversations have answered, counted.

use super::reject::Reject;
use super::status::Status;

/// How many responses were written, by class of their status, and how many requests were refused,
/// by reason. It counts up from the start of its [`Output`](super::Output).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// 2xx to 5xx.
    responses: [u64; 4],
    refusals: [u64; Reject::ALL.len()],
    refused: u64,
}

impl Answers {
    pub(super) const fn new() -> Self {
        Self {
            responses: [0; 4],
            refusals: [0; Reject::ALL.len()],
            refused: 0,
        }
    }

    /// Final responses with a 2xx, 3xx, 4xx and 5xx status.
    #[inline]
    #[must_use]
    pub fn responses(&self) -> [u64; 4] {
        self.responses
    }

    /// Requests that were refused for this reason.
    #[must_use]
    pub fn refused_for(&self, reason: Reject) -> u64 {
        self.refusals
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Refusals for each reason, in the order of [`Reject::ALL`].
    pub(crate) fn refusals(&self) -> &[u64; Reject::ALL.len()] {
        &self.refusals
    }

    /// All refusals.
    #[inline]
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    #[inline]
    pub(super) fn count_ok(&mut self) {
        self.responses[0] += 1;
    }

    pub(super) fn count(&mut self, status: Status) {
        // The class is from 2 to 5.
        if let Some(count) = self.responses.get_mut(usize::from(status.class() - 2)) {
            *count += 1;
        }
    }

    #[cold]
    pub(super) fn count_refusal(&mut self, reject: Reject) {
        self.refusals[reject as usize] += 1;
        self.refused += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_and_reason_has_a_place() {
        let mut answers = Answers::new();
        answers.count_ok();
        for &reject in Reject::ALL {
            answers.count(reject.status());
            answers.count_refusal(reject);
            assert_eq!(answers.refused_for(reject), 1, "{reject:?}");
        }
        answers.count(Status::NO_CONTENT);
        let all = Reject::ALL.len() as u64;
        let [ok, redirect, client, server] = answers.responses();
        assert_eq!((ok, redirect, client + server), (2, 0, all));
        assert_eq!(server, 4, "501, 503 twice, 505");
        assert_eq!(answers.refused(), all);
    }
}
