//! Who has to be closed when.
//!
//! There are few kinds of deadline, each with one constant length. So each kind is one list in the
//! order in which its members joined it, which is the order in which they come due: no wheel, no
//! heap, no allocation, and its front is also the one that has waited longest.
//!
//! The links stand in a table beside the connections, by the same index.

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
        match self.links.get(index as usize) {
            Some(link) if link.kind == Some(kind) && now < link.since + RESOLUTION_MS => {}
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

    fn due(&self, kind: Kind) -> Option<(u64, Index)> {
        let front = self.lists[kind as usize].front;
        let link = self.links.get(front as usize)?;
        Some((
            link.since.saturating_add(self.lengths.0[kind as usize]),
            front,
        ))
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
