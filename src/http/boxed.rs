//! A box whose allocation may fail. That of a plain one would abort the process, at the moment when a peer's
//! request has taken the last memory.

use std::ops::{Deref, DerefMut};

/// A value on the heap.
#[derive(Debug)]
pub(crate) struct Boxed<T>(Box<[T; 1]>);

impl<T> Boxed<T> {
    /// `None`: there is no memory for it.
    pub(super) fn new(value: T) -> Option<Self> {
        let mut one = Vec::new();
        one.try_reserve_exact(1).ok()?;
        one.push(value);
        <Box<[T; 1]>>::try_from(one).ok().map(Self)
    }

    pub(super) fn into_inner(self) -> T {
        let [value] = *self.0;
        value
    }
}

impl<T> Deref for Boxed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let [value] = &*self.0;
        value
    }
}

impl<T> DerefMut for Boxed<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let [value] = &mut *self.0;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_one_value_by_one_pointer() {
        let mut boxed = Boxed::new(String::from("a")).unwrap();
        boxed.push('b');
        assert_eq!(*boxed, "ab");
        assert_eq!(boxed.into_inner(), "ab");
        assert_eq!(size_of::<Option<Boxed<String>>>(), size_of::<usize>());
    }
}
