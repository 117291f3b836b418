//! Who has to be closed when.
//!
//! There are few kinds of deadline, each with one constant length. So each kind is one list in the
//! order in which its members joined it, which is the order in which they come due: no wheel, no
//! heap, no allocation, and its front is also the one that has waited longest.
//!
//! The links stand in a table beside the connections, by the same index.

use std::collections::TryReserveError;

use super::slots::Index;

/// What a connection is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The first byte of a request.
    Idle,
    /// The end of a head.
    Head,
    /// More of a body.
    Body,
    /// Room for a reply: the peer does not read.
    Write,
    /// The peer's end of the connection, after ours.
    Linger,
}

const KINDS: [Kind; 5] = [
    Kind::Idle,
    Kind::Head,
    Kind::Body,
    Kind::Write,
    Kind::Linger,
];

/// How long each may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lengths(pub(crate) [u64; KINDS.len()]);

/// A busy connection moves to the end of its list at most once in so many milliseconds: so exact,
/// and no more, is a deadline.
const RESOLUTION_MS: u64 = 100;

const NONE: Index = Index::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    kind: Option<Kind>,
    before: Index,
    after: Index,
    since: u64,
}

const UNLINKED: Link = Link {
    kind: None,
    before: NONE,
    after: NONE,
    since: 0,
};

#[derive(Clone, Copy, Debug)]
struct List {
    front: Index,
    back: Index,
    len: usize,
}

/// The deadlines of all connections of a worker.
#[derive(Debug)]
pub(crate) struct Deadlines {
    lengths: Lengths,
    links: Vec<Link>,
    lists: [List; KINDS.len()],
}

impl Deadlines {
    pub(crate) fn new(lengths: Lengths) -> Self {
        let lists = [List {
            front: NONE,
            back: NONE,
            len: 0,
        }; KINDS.len()];
        Self {
            lengths,
            links: Vec::new(),
            lists,
        }
    }

    /// The connection is waited for in this way, and has been since it first was.
    #[inline]
    pub(crate) fn enter(&mut self, index: Index, kind: Kind, now: u64) {
        if self.kind(index) != Some(kind) {
            self.move_to(index, kind, now);
        }
    }

    /// The connection is waited for in this way from now on.
    #[inline]
    pub(crate) fn restart(&mut self, index: Index, kind: Kind, now: u64) {
        let resolution = RESOLUTION_MS.min(self.lengths.0[kind as usize] / 10);
        match self.links.get(index as usize) {
            Some(link) if link.kind == Some(kind) && now < link.since + resolution => {}
            _ => self.move_to(index, kind, now),
        }
    }

    /// The connection has gone.
    pub(crate) fn leave(&mut self, index: Index) {
        let Some(&Link {
            kind: Some(kind),
            before,
            after,
            ..
        }) = self.links.get(index as usize)
        else {
            return;
        };
        let list = &mut self.lists[kind as usize];
        list.len -= 1;
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = after,
            None => list.front = after,
        }
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => list.back = before,
        }
        self.links[index as usize] = UNLINKED;
    }

    /// When the next deadline is.
    pub(crate) fn next(&self) -> Option<u64> {
        KINDS
            .iter()
            .filter_map(|&kind| self.due(kind).map(|(due, _)| due))
            .min()
    }

    /// A connection whose time is over. It stays in its list until it leaves or enters another.
    pub(crate) fn overdue(&self, now: u64) -> Option<(Index, Kind)> {
        KINDS.iter().find_map(|&kind| {
            let (due, index) = self.due(kind)?;
            (due <= now).then_some((index, kind))
        })
    }

    /// How many are waited for in this way.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.lists[kind as usize].len
    }

    /// Who has been waited for longest in this way, and since when.
    pub(crate) fn longest(&self, kind: Kind) -> Option<(Index, u64)> {
        let front = self.lists[kind as usize].front;
        Some((front, self.links.get(front as usize)?.since))
    }

    /// Those that are waited for in this way, the longest-waiting first, each with the time since.
    pub(crate) fn waiting(&self, kind: Kind) -> impl Iterator<Item = (Index, u64)> {
        let first = self.lists[kind as usize].front;
        let link = |index: Index| Some((index, *self.links.get(index as usize)?));
        let after = move |&(_, link_before): &(Index, Link)| link(link_before.after);
        std::iter::successors(link(first), after).map(|(index, link)| (index, link.since))
    }

    /// Makes room for so many connections.
    pub(crate) fn try_reserve(&mut self, connections: usize) -> Result<(), TryReserveError> {
        let more = connections.saturating_sub(self.links.len());
        self.links.try_reserve(more)
    }

    fn due(&self, kind: Kind) -> Option<(u64, Index)> {
        let (front, since) = self.longest(kind)?;
        Some((since.saturating_add(self.lengths.0[kind as usize]), front))
    }

    #[inline]
    fn kind(&self, index: Index) -> Option<Kind> {
        self.links.get(index as usize)?.kind
    }

    fn move_to(&mut self, index: Index, kind: Kind, now: u64) {
        self.leave(index);
        let place = index as usize;
        if place >= self.links.len() {
            self.links.resize(place + 1, UNLINKED);
        }
        let list = &mut self.lists[kind as usize];
        list.len += 1;
        let before = std::mem::replace(&mut list.back, index);
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = index,
            None => list.front = index,
        }
        self.links[place] = Link {
            kind: Some(kind),
            before,
            after: NONE,
            since: now,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths([75_000, 10_000, 30_000, 30_000, 2_000]);

    /// Takes everybody who is due at `now`, in order.
    fn take_overdue(deadlines: &mut Deadlines, now: u64) -> Vec<(Index, Kind)> {
        let mut taken = Vec::new();
        while let Some((index, kind)) = deadlines.overdue(now) {
            taken.push((index, kind));
            deadlines.leave(index);
        }
        taken
    }

    #[test]
    fn each_kind_has_its_own_length() {
        let mut deadlines = Deadlines::new(LENGTHS);
        for (index, kind) in KINDS.into_iter().enumerate() {
            deadlines.enter(index as Index, kind, 1000);
        }
        assert_eq!(deadlines.next(), Some(3_000));
        assert_eq!(take_overdue(&mut deadlines, 2_999), []);
        assert_eq!(take_overdue(&mut deadlines, 3_000), [(4, Kind::Linger)]);
        assert_eq!(take_overdue(&mut deadlines, 11_000), [(1, Kind::Head)]);
        assert_eq!(deadlines.next(), Some(31_000));
        assert_eq!(take_overdue(&mut deadlines, 76_000).len(), 3);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn to_enter_again_extends_nothing_and_to_restart_does() {
        let mut deadlines = Deadlines::new(LENGTHS);
        deadlines.enter(0, Kind::Head, 0);
        deadlines.enter(0, Kind::Head, 9_999);
        assert_eq!(deadlines.next(), Some(10_000));
        deadlines.restart(0, Kind::Head, 5_000);
        assert_eq!(deadlines.next(), Some(15_000));
        deadlines.restart(0, Kind::Head, 5_000 + RESOLUTION_MS - 1);
        assert_eq!(
            deadlines.next(),
            Some(15_000),
            "too soon to be worth a move"
        );
        deadlines.enter(0, Kind::Idle, 6_000);
        assert_eq!(deadlines.next(), Some(81_000));
    }

    /// The lists against the obvious: a table of who is waited for how and since when.
    #[test]
    fn agrees_with_a_plain_table() {
        let mut deadlines = Deadlines::new(LENGTHS);
        let mut table: Vec<Option<(Kind, u64)>> = vec![None; 50];
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let mut now = 0;
        for _ in 0..20_000 {
            now += random(400);
            let index = random(50) as usize;
            let kind = KINDS[random(KINDS.len() as u64) as usize];
            match random(3) {
                0 => {
                    deadlines.leave(index as Index);
                    table[index] = None;
                }
                1 => {
                    deadlines.restart(index as Index, kind, now);
                    match table[index] {
                        Some((old, since)) if old == kind && now < since + RESOLUTION_MS => {}
                        _ => table[index] = Some((kind, now)),
                    }
                }
                _ => {
                    deadlines.enter(index as Index, kind, now);
                    if table[index].is_none_or(|(old, _)| old != kind) {
                        table[index] = Some((kind, now));
                    }
                }
            }
            let due = |&(kind, since): &(Kind, u64)| since + LENGTHS.0[kind as usize];
            assert_eq!(deadlines.next(), table.iter().flatten().map(due).min());
            let longest = |of| {
                let since = table
                    .iter()
                    .flatten()
                    .filter(|(kind, _)| *kind == of)
                    .map(|(_, s)| *s);
                since.min()
            };
            for kind in KINDS {
                assert_eq!(
                    deadlines.longest(kind).map(|(_, since)| since),
                    longest(kind)
                );
            }
        }
    }
}
