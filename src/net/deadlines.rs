//! When the wait of a connection has lasted too long.
//!
//! There are few kinds of time-out, each of one constant length. So each kind is one list in the
//! order in which its members joined it, which is the order in which they come due: without a wheel,
//! a heap or an allocation. Its front has also waited longest.
//!
//! The links stand in a table beside the connections, by the same index.

use std::collections::TryReserveError;
use std::time::Duration;

use super::slots::{Index, PLACES_AT_FIRST};
use crate::http::Phase;

/// How long a peer may take. Each is exact to a tenth of a second.
/// Each field has a method of the same name that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a head to its last (`408`). Trickling does not extend it.
    pub head: Duration,
    /// Silence before the first byte, or between two requests (closed without an answer). Empty
    /// lines do not extend it.
    pub idle: Duration,
    /// The next 4 KiB of a body, or its end (`408`).
    pub body: Duration,
    /// Responses, 64 KiB at most, that the peer does not take (closed).
    pub write: Duration,
    /// The peer's end of the connection, after a closing answer (closed).
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    /// Sets [`head`](Self::head).
    #[must_use]
    pub const fn head(self, head: Duration) -> Self {
        Self { head, ..self }
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub const fn idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// Sets [`body`](Self::body).
    #[must_use]
    pub const fn body(self, body: Duration) -> Self {
        Self { body, ..self }
    }

    /// Sets [`write`](Self::write).
    #[must_use]
    pub const fn write(self, write: Duration) -> Self {
        Self { write, ..self }
    }

    /// Sets [`linger`](Self::linger).
    #[must_use]
    pub const fn linger(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }
}

/// What a connection waits for: what its [`Phase`] names, or what its socket has yet to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Timeout {
    /// The first byte of a request.
    Idle,
    /// The end of a head.
    Head,
    /// More of a body.
    Body,
    /// Room for a response: the peer does not read.
    Write,
    /// The peer's end of the connection, after ours.
    Linger,
}

impl Timeout {
    /// The time-out of a phase, if it has one.
    #[inline]
    pub(crate) fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Between => Some(Self::Idle),
            Phase::Head => Some(Self::Head),
            Phase::Body => Some(Self::Body),
            Phase::Response => None,
        }
    }

    const ALL: [Self; 5] = [
        Self::Idle,
        Self::Head,
        Self::Body,
        Self::Write,
        Self::Linger,
    ];

    /// How long it is, in milliseconds.
    pub(crate) fn millis(self, timeouts: &Timeouts) -> u64 {
        let length = match self {
            Self::Idle => timeouts.idle,
            Self::Head => timeouts.head,
            Self::Body => timeouts.body,
            Self::Write => timeouts.write,
            Self::Linger => timeouts.linger,
        };
        u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
    }
}

/// How exact a deadline is: a busy connection moves to the end of its list at most once in this time.
const RESOLUTION_MS: u64 = 100;

/// How long a connection may stay idle in a drain: time for a request that is on its way.
const IDLE_IN_DRAIN_MS: u64 = 1_000;

const NONE: Index = Index::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    before: Index,
    after: Index,
    /// When the wait began, in milliseconds: 48 bits, which last for thousands of years.
    since_low: u32,
    since_high: u16,
    kind: Option<Timeout>,
}

/// What an idle connection costs, besides its place in the table of connections.
const _: () = assert!(size_of::<Link>() <= 16);

const UNLINKED: Link = Link {
    before: NONE,
    after: NONE,
    since_low: 0,
    since_high: 0,
    kind: None,
};

impl Link {
    #[inline]
    fn since(&self) -> u64 {
        u64::from(self.since_high) << 32 | u64::from(self.since_low)
    }
}

#[derive(Clone, Copy, Debug)]
struct List {
    front: Index,
    back: Index,
    len: usize,
}

/// The deadlines of all connections of a worker.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// The length of each kind in milliseconds.
    lengths: [u64; Timeout::ALL.len()],
    links: Vec<Link>,
    lists: [List; Timeout::ALL.len()],
    /// From when on idle connections have [`IDLE_IN_DRAIN_MS`], those as well that were idle before.
    idle_short_from: u64,
}

impl Deadlines {
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        let lists = [List {
            front: NONE,
            back: NONE,
            len: 0,
        }; Timeout::ALL.len()];
        Self {
            lengths: Timeout::ALL.map(|timeout| timeout.millis(timeouts)),
            links: Vec::with_capacity(PLACES_AT_FIRST),
            lists,
            idle_short_from: u64::MAX,
        }
    }

    /// Connections may stay idle for a second after `from`, or after they have become idle. No deadline
    /// becomes later.
    pub(crate) fn shorten_idle(&mut self, from: u64) {
        self.idle_short_from = self.idle_short_from.min(from);
    }

    /// The connection waits for this; the wait goes on if it already did.
    #[inline]
    pub(crate) fn start(&mut self, index: Index, kind: Timeout, now: u64) {
        if self.kind(index) != Some(kind) {
            self.move_to(index, kind, now);
        }
    }

    /// The connection waits for this; the wait starts now.
    #[inline]
    pub(crate) fn restart(&mut self, index: Index, kind: Timeout, now: u64) {
        let resolution = RESOLUTION_MS.min(self.lengths[kind as usize] / 10);
        match self.links.get(index as usize) {
            Some(link) if link.kind == Some(kind) && now < link.since() + resolution => {}
            _ => self.move_to(index, kind, now),
        }
    }

    /// The connection waits for nothing.
    pub(crate) fn cancel(&mut self, index: Index) {
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
        Timeout::ALL
            .iter()
            .filter_map(|&kind| self.due(kind).map(|(due, _)| due))
            .min()
    }

    /// A connection whose deadline has passed. It stays in its list until it is cancelled or waits for
    /// something else.
    pub(crate) fn overdue(&self, now: u64) -> Option<(Index, Timeout)> {
        Timeout::ALL.iter().find_map(|&kind| {
            let (due, index) = self.due(kind)?;
            (due <= now).then_some((index, kind))
        })
    }

    /// How many wait for this.
    pub(crate) fn count(&self, kind: Timeout) -> usize {
        self.lists[kind as usize].len
    }

    /// The connection that has waited longest for this, and since when.
    pub(crate) fn longest(&self, kind: Timeout) -> Option<(Index, u64)> {
        let front = self.lists[kind as usize].front;
        Some((front, self.links.get(front as usize)?.since()))
    }

    /// When a connection began to wait, in milliseconds.
    pub(crate) fn since(&self, index: Index) -> Option<u64> {
        let link = self.links.get(index as usize)?;
        link.kind.map(|_| link.since())
    }

    /// Makes room for this many connections.
    pub(crate) fn try_reserve(&mut self, connections: usize) -> Result<(), TryReserveError> {
        let more = connections.saturating_sub(self.links.len());
        self.links.try_reserve(more)
    }

    fn due(&self, kind: Timeout) -> Option<(u64, Index)> {
        let (front, since) = self.longest(kind)?;
        let due = since.saturating_add(self.lengths[kind as usize]);
        if kind != Timeout::Idle {
            return Some((due, front));
        }
        // Later for one that is idle since later: the list stays in order.
        let short = since.max(self.idle_short_from);
        Some((due.min(short.saturating_add(IDLE_IN_DRAIN_MS)), front))
    }

    #[inline]
    fn kind(&self, index: Index) -> Option<Timeout> {
        self.links.get(index as usize)?.kind
    }

    fn move_to(&mut self, index: Index, kind: Timeout, now: u64) {
        self.cancel(index);
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
            before,
            after: NONE,
            since_low: now as u32,
            since_high: (now >> 32) as u16,
            kind: Some(kind),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all that are due at `now`, in order.
    fn take_overdue(deadlines: &mut Deadlines, now: u64) -> Vec<(Index, Timeout)> {
        let mut taken = Vec::new();
        while let Some((index, kind)) = deadlines.overdue(now) {
            taken.push((index, kind));
            deadlines.cancel(index);
        }
        taken
    }

    #[test]
    fn each_kind_has_its_own_length() {
        let mut deadlines = Deadlines::new(&Timeouts::default());
        for (index, kind) in Timeout::ALL.into_iter().enumerate() {
            deadlines.start(index as Index, kind, 1000);
        }
        assert_eq!(deadlines.next(), Some(3_000));
        assert_eq!(take_overdue(&mut deadlines, 2_999), []);
        assert_eq!(take_overdue(&mut deadlines, 3_000), [(4, Timeout::Linger)]);
        assert_eq!(take_overdue(&mut deadlines, 11_000), [(1, Timeout::Head)]);
        assert_eq!(deadlines.next(), Some(31_000));
        assert_eq!(take_overdue(&mut deadlines, 76_000).len(), 3);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn to_start_again_extends_nothing_and_to_restart_does() {
        let mut deadlines = Deadlines::new(&Timeouts::default());
        deadlines.start(0, Timeout::Head, 0);
        deadlines.start(0, Timeout::Head, 9_999);
        assert_eq!(deadlines.next(), Some(10_000));
        deadlines.restart(0, Timeout::Head, 5_000);
        assert_eq!(deadlines.next(), Some(15_000));
        deadlines.restart(0, Timeout::Head, 5_000 + RESOLUTION_MS - 1);
        assert_eq!(
            deadlines.next(),
            Some(15_000),
            "too soon to be worth a move"
        );
        deadlines.start(0, Timeout::Idle, 6_000);
        assert_eq!(deadlines.next(), Some(81_000));
    }

    #[test]
    fn in_a_drain_idle_connections_have_a_second() {
        let mut deadlines = Deadlines::new(&Timeouts::default());
        // 74.5, 50 and 0 seconds before the drain, and half a second after it.
        for (index, since) in [(0, 500), (1, 25_000), (2, 75_000), (3, 75_500)] {
            deadlines.start(index, Timeout::Idle, since);
        }
        deadlines.start(4, Timeout::Head, 70_000);
        deadlines.shorten_idle(75_000);
        for (now, index, kind) in [
            (75_500, 0, Timeout::Idle),
            (76_000, 1, Timeout::Idle),
            (76_000, 2, Timeout::Idle),
            (76_500, 3, Timeout::Idle),
            (80_000, 4, Timeout::Head),
        ] {
            assert_eq!(deadlines.next(), Some(now));
            assert_eq!(deadlines.overdue(now - 1), None);
            assert_eq!(deadlines.overdue(now), Some((index, kind)));
            deadlines.cancel(index);
        }
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn a_time_of_more_than_32_bits_is_kept() {
        let mut deadlines = Deadlines::new(&Timeouts::default());
        for now in [u64::from(u32::MAX), 1 << 32, (1 << 48) - 1] {
            deadlines.cancel(0);
            deadlines.start(0, Timeout::Head, now);
            assert_eq!(deadlines.since(0), Some(now));
            assert_eq!(deadlines.next(), Some(now + 10_000));
        }
    }

    /// The lists against the obvious: a table of what each waits for and since when.
    #[test]
    fn agrees_with_a_plain_table() {
        let mut deadlines = Deadlines::new(&Timeouts::default());
        let mut table: Vec<Option<(Timeout, u64)>> = vec![None; 50];
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let mut now = 0;
        for _ in 0..20_000 {
            now += random(400);
            let index = random(50) as usize;
            let kind = Timeout::ALL[random(5) as usize];
            match random(3) {
                0 => {
                    deadlines.cancel(index as Index);
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
                    deadlines.start(index as Index, kind, now);
                    if table[index].is_none_or(|(old, _)| old != kind) {
                        table[index] = Some((kind, now));
                    }
                }
            }
            let due = |&(kind, since): &(Timeout, u64)| since + kind.millis(&Timeouts::default());
            assert_eq!(deadlines.next(), table.iter().flatten().map(due).min());
            let longest = |of| {
                let since = table
                    .iter()
                    .flatten()
                    .filter(|(kind, _)| *kind == of)
                    .map(|(_, s)| *s);
                since.min()
            };
            for kind in Timeout::ALL {
                assert_eq!(
                    deadlines.longest(kind).map(|(_, since)| since),
                    longest(kind)
                );
            }
        }
    }
}
