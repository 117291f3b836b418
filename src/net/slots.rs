//! The table of connections: its places are reused, its tokens are not.

use std::collections::TryReserveError;

use super::kernel::Token;

/// Where a connection stands in its worker's table.
pub(crate) type Index = u32;

const _: () = assert!(usize::BITS >= 64, "a token holds an index and a generation");

/// A table of `T` with constant-time access whose places are reused.
///
/// An event may still name a connection that was closed in the same turn, after its place has gone
/// to another. So a token carries the generation of the place, and a stale one finds nothing.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    places: Vec<Slot<T>>,
    free: Option<Index>,
    /// How many places are taken.
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of what is in the place, or will be next.
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Taken(T),
    Free { next: Option<Index> },
}

/// There is room for so many connections from the start. What is not touched takes no memory, and a small table that
/// moved when it grew would leave its old place unused.
pub(super) const PLACES_AT_FIRST: usize = 8192;

/// The highest generation belongs to the tokens of listeners and of the waker.
const GENERATIONS: u32 = u32::MAX;

impl<T> Slots<T> {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::with_capacity(PLACES_AT_FIRST),
            free: None,
            len: 0,
        }
    }

    /// How many values the table holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Token, &T)> {
        let numbered = (0..).zip(&self.places);
        numbered.filter_map(|(index, slot)| match &slot.state {
            State::Taken(value) => Some((self.token(index), value)),
            State::Free { .. } => None,
        })
    }

    /// How many places there have ever been at once.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// Makes room for one more, and says for how many there is room then.
    pub(crate) fn try_reserve(&mut self) -> Result<usize, TryReserveError> {
        if self.free.is_none() {
            self.places.try_reserve(1)?;
        }
        Ok(self.places.len() + 1)
    }

    pub(crate) fn insert(&mut self, value: T) -> Index {
        self.len += 1;
        if let Some(index) = self.free
            && let Some(slot) = self.places.get_mut(index as usize)
            && let State::Free { next } = slot.state
        {
            self.free = next;
            slot.state = State::Taken(value);
            return index;
        }
        self.places.push(Slot {
            generation: 0,
            state: State::Taken(value),
        });
        (self.places.len() - 1) as Index
    }

    /// Frees a place; its tokens find nothing from now on.
    pub(crate) fn remove(&mut self, index: Index) -> Option<T> {
        let slot = self.places.get_mut(index as usize)?;
        let State::Taken(_) = slot.state else {
            return None;
        };
        self.len -= 1;
        slot.generation = (slot.generation + 1) % GENERATIONS;
        let state = std::mem::replace(&mut slot.state, State::Free { next: self.free });
        self.free = Some(index);
        match state {
            State::Taken(value) => Some(value),
            State::Free { .. } => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        match &mut self.places.get_mut(index as usize)?.state {
            State::Taken(value) => Some(value),
            State::Free { .. } => None,
        }
    }

    /// The token of what is in a place now.
    pub(crate) fn token(&self, index: Index) -> Token {
        let generation = self
            .places
            .get(index as usize)
            .map_or(0, |slot| slot.generation);
        Token((generation as usize) << 32 | index as usize)
    }

    /// The connection that a token names, if it is still there.
    #[inline]
    pub(crate) fn find(&self, token: Token) -> Option<Index> {
        let index = token.0 as Index;
        let slot = self.places.get(index as usize)?;
        let is_current = slot.generation as usize == token.0 >> 32;
        (is_current && matches!(slot.state, State::Taken(_))).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_token_finds_nothing() {
        let mut slots = Slots::new();
        let a = slots.insert("a");
        let token = slots.token(a);
        assert_eq!(slots.find(token), Some(a));
        assert_eq!(slots.remove(a), Some("a"));
        assert_eq!(slots.find(token), None);
        let b = slots.insert("b");
        assert_eq!(a, b, "the place is used again");
        assert_eq!(slots.find(token), None);
        assert_eq!(slots.find(slots.token(b)), Some(b));
    }

    #[test]
    fn places_are_counted_and_reused_last_first() {
        let mut slots = Slots::new();
        let places: Vec<_> = (0..4).map(|i| slots.insert(i)).collect();
        assert_eq!(slots.remove(places[1]), Some(1));
        assert_eq!(slots.remove(places[1]), None);
        assert_eq!(slots.remove(places[2]), Some(2));
        assert_eq!((slots.iter().count(), slots.len()), (2, 2));
        assert_eq!(
            (slots.insert(5), slots.insert(6), slots.insert(7)),
            (2, 1, 4)
        );
        assert_eq!((slots.iter().count(), slots.len()), (5, 5));
        assert_eq!(slots.remove(99), None);
    }

    #[test]
    fn no_generation_makes_a_reserved_token() {
        let mut slots = Slots::new();
        let index = slots.insert(());
        slots.places[0].generation = GENERATIONS - 1;
        let token = slots.token(index);
        assert!(!token.is_reserved());
        slots.remove(index);
        assert_eq!(slots.places[0].generation, 0);
        assert_eq!(slots.find(Token::of_listener(0)), None);
        assert_eq!(slots.find(Token::WAKER), None);
    }
}
