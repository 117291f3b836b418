//! What a worker's conversations have answered, counted.

use super::reject::Reject;
use super::status::Status;

/// How many responses were written, by their status, and how many requests were refused, by reason. It
/// counts up from the start of its [`Output`](super::Output).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// 200, by the shortest way to one.
    ok: u64,
    /// The others: 2xx to 5xx.
    classes: [u64; 4],
    /// The same ones, in the order of their codes.
    statuses: [u64; Status::COUNT],
    /// Which of these have changed since they were taken, a bit for each.
    changed: [u64; Status::COUNT.div_ceil(64)],
    refusals: [u64; Reject::ALL.len()],
    refused: u64,
}

impl Answers {
    pub(super) const fn new() -> Self {
        Self {
            ok: 0,
            classes: [0; 4],
            statuses: [0; Status::COUNT],
            changed: [0; Status::COUNT.div_ceil(64)],
            refusals: [0; Reject::ALL.len()],
            refused: 0,
        }
    }

    /// Final responses with a 2xx, 3xx, 4xx and 5xx status.
    #[inline]
    #[must_use]
    pub fn responses(&self) -> [u64; 4] {
        let [success, redirect, client, server] = self.classes;
        [self.ok + success, redirect, client, server]
    }

    /// All final responses.
    #[inline]
    pub(crate) fn total(&self) -> u64 {
        self.ok + self.classes.iter().sum::<u64>()
    }

    /// Final responses with this status.
    #[must_use]
    pub fn responses_with(&self, status: Status) -> u64 {
        let others = self.statuses.get(status.place()).copied();
        let ok = if status == Status::OK { self.ok } else { 0 };
        ok + others.unwrap_or_default()
    }

    /// 200 by the shortest way, which the statuses of [`take_changed`](Self::take_changed) are without.
    #[inline]
    pub(crate) fn ok(&self) -> u64 {
        self.ok
    }

    /// Calls `changed` with the place and the count of each status that was counted since the last call.
    #[inline]
    pub(crate) fn take_changed(&mut self, mut changed: impl FnMut(usize, u64)) {
        for (word, bits) in self.changed.iter_mut().enumerate() {
            while *bits != 0 {
                let place = 64 * word + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                changed(place, self.statuses.get(place).copied().unwrap_or_default());
            }
        }
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
        self.ok += 1;
    }

    pub(super) fn count(&mut self, status: Status) {
        // The class is from 2 to 5.
        if let Some(count) = self.classes.get_mut(usize::from(status.class() - 2)) {
            *count += 1;
        }
        let place = status.place();
        if let Some(count) = self.statuses.get_mut(place) {
            *count += 1;
        }
        if let Some(bits) = self.changed.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
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
        let with = |code| answers.responses_with(Status::new(code).unwrap());
        assert_eq!([200, 204, 501, 503, 599].map(with), [1, 1, 1, 2, 0]);
        assert_eq!((200..=599).map(with).sum::<u64>(), all + 2);
    }

    #[test]
    fn changed_statuses_are_taken_once() {
        let mut answers = Answers::new();
        let taken = |answers: &mut Answers| {
            let mut taken = Vec::new();
            answers.take_changed(|place, count| {
                taken.push((Status::at(place).unwrap().code(), count));
            });
            taken
        };
        answers.count_ok();
        for code in [599, 200, 404, 263, 264, 404] {
            answers.count(Status::new(code).unwrap());
        }
        let expected = [(200, 1), (263, 1), (264, 1), (404, 2), (599, 1)];
        assert_eq!(taken(&mut answers), expected);
        assert_eq!(taken(&mut answers), []);
        answers.count(Status::NOT_FOUND);
        assert_eq!(taken(&mut answers), [(404, 3)]);
    }
}
