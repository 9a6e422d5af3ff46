//! Memory whose size the input decides: asked for, never taken for granted.
//!
//! A vector that grows by itself ends the process where memory lacks. What is had here is an [`Error::Memory`] instead. A
//! large block is only given where some headroom is left besides, so that the small allocations that cannot be refused (a
//! job's box, an error's text, a dependency's few bytes) still find room.

use std::cell::Cell;
use std::hint::black_box;

use crate::error::{Error, Result};

/// What is left over, in bytes, when memory is given.
const HEADROOM: usize = 1 << 20;

/// The headroom is looked for each time that a thread was given so many bytes.
const GIVEN: usize = 1 << 16;

thread_local! {
    /// Bytes given since the headroom was last found.
    static SINCE: Cell<usize> = const { Cell::new(0) };
}

const fn lacking(what: &'static str, rows: usize, columns: usize) -> Error {
    Error::Memory { what, rows, columns }
}

/// `Ok` where `bytes` could be had now, and the headroom besides. For a dependency's workspace, which is asked for in a way
/// that cannot be refused.
///
/// # Errors
/// [`Error::Memory`].
pub fn probe(bytes: usize, what: &'static str) -> Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    let found = memory.try_reserve_exact(bytes.saturating_add(HEADROOM));
    // The compiler may take memory that nobody looks at for had.
    black_box(&mut memory);
    SINCE.set(0);
    found.map_err(|_| lacking(what, bytes.max(1), 1))
}

/// To be called when `bytes` were given.
fn given(bytes: usize, what: &'static str) -> Result<()> {
    let since = SINCE.get().saturating_add(bytes);
    if since < GIVEN {
        SINCE.set(since);
        Ok(())
    } else {
        probe(0, what)
    }
}

/// An empty vector with room for `length` values.
///
/// # Errors
/// [`Error::Memory`].
pub fn reserved<T>(length: usize, what: &'static str) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    grow(&mut memory, length, what)?;
    Ok(memory)
}

/// So much more room, if it is not there: exactly, or doubled where there is something already, so that a value costs the
/// same however many there are.
fn grow<T>(memory: &mut Vec<T>, more: usize, what: &'static str) -> Result<()> {
    let length = memory.len();
    if memory.capacity() - length < more {
        let more = more.max(length);
        memory
            .try_reserve_exact(more)
            .map_err(|_| lacking(what, length.saturating_add(more), 1))?;
        given(more * size_of::<T>(), what)?;
    }
    Ok(())
}

/// `length` values, all `value`.
///
/// # Errors
/// [`Error::Memory`].
pub fn reserve<T: Clone>(length: usize, value: T, what: &'static str) -> Result<Vec<T>> {
    let mut memory = reserved(length, what)?;
    memory.resize(length, value);
    Ok(memory)
}

/// `rows` x `columns` values, all `value`.
///
/// # Errors
/// [`Error::Memory`].
pub fn room<T: Clone>(rows: usize, columns: usize, value: T, what: &'static str) -> Result<Vec<T>> {
    let length = rows.checked_mul(columns).ok_or(lacking(what, rows, columns))?;
    reserve(length, value, what).map_err(|_| lacking(what, rows, columns))
}

/// A copy of `values`.
///
/// # Errors
/// [`Error::Memory`].
pub fn copied<T: Copy>(values: &[T], what: &'static str) -> Result<Vec<T>> {
    let mut memory = reserved(values.len(), what)?;
    memory.extend_from_slice(values);
    Ok(memory)
}

/// Appends `value`.
///
/// # Errors
/// [`Error::Memory`].
#[inline]
pub fn push<T>(to: &mut Vec<T>, value: T, what: &'static str) -> Result<()> {
    if to.len() == to.capacity() {
        grow(to, 4, what)?;
    }
    to.push(value);
    Ok(())
}

/// Appends all values of `more`.
///
/// # Errors
/// [`Error::Memory`].
pub fn extend<T>(to: &mut Vec<T>, more: impl IntoIterator<Item = T>, what: &'static str) -> Result<()> {
    let more = more.into_iter();
    let (least, most) = more.size_hint();
    grow(to, least, what)?;
    if most == Some(least) {
        to.extend(more);
        return Ok(());
    }
    for value in more {
        push(to, value, what)?;
    }
    Ok(())
}

/// Appends a text.
///
/// # Errors
/// [`Error::Memory`].
pub fn append(to: &mut String, more: &str, what: &'static str) -> Result<()> {
    let length = to.len();
    if to.capacity() - length < more.len() {
        let more = more.len().max(length);
        to.try_reserve_exact(more).map_err(|_| lacking(what, length.saturating_add(more), 1))?;
        given(more, what)?;
    }
    to.push_str(more);
    Ok(())
}

/// Iterators into vectors.
pub trait Gather: Iterator + Sized {
    /// All values, in their order.
    ///
    /// # Errors
    /// [`Error::Memory`].
    fn gathered(self, what: &'static str) -> Result<Vec<Self::Item>> {
        let mut memory = Vec::new();
        extend(&mut memory, self, what)?;
        Ok(memory)
    }

    /// All values, in their order, or the first error among them.
    ///
    /// # Errors
    /// [`Error::Memory`], and the iterator's own.
    fn gathered_ok<T>(self, what: &'static str) -> Result<Vec<T>>
    where
        Self: Iterator<Item = Result<T>>,
    {
        let mut memory = reserved(self.size_hint().0, what)?;
        for value in self {
            push(&mut memory, value?, what)?;
        }
        Ok(memory)
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than any machine has, and yet no overflow.
    const BEYOND: usize = isize::MAX as usize / 16;

    #[test]
    fn what_cannot_be_had_is_an_error_that_says_what() {
        let error = reserve(BEYOND, 0.0, "a tile").unwrap_err();
        assert_eq!(error, lacking("a tile", BEYOND, 1));
        assert_eq!(room(BEYOND, 4, 0.0, "a tile"), Err(lacking("a tile", BEYOND, 4)));
        assert_eq!(room(usize::MAX, 2, 0_u8, "a tile"), Err(lacking("a tile", usize::MAX, 2)));
        assert!(reserved::<f64>(usize::MAX, "a tile").is_err());
        assert!(probe(usize::MAX, "a workspace").is_err() && probe(BEYOND, "a workspace").is_err());
        assert!((0..BEYOND).gathered("numbers").is_err());
        let mut some = vec![1_u64];
        assert!(extend(&mut some, (0..).take(BEYOND), "numbers").is_err());
        assert_eq!(some, [1]);
    }

    #[test]
    fn what_can_be_had_is_what_std_gives() {
        assert_eq!(room(2, 3, 7, "x").unwrap(), vec![7; 6]);
        assert_eq!(copied(&[1, 2], "x").unwrap(), [1, 2]);
        assert_eq!((0..9).filter(|n| n % 2 == 0).gathered("x").unwrap(), [0, 2, 4, 6, 8]);
        assert_eq!([3, 1].iter().map(|n| 2 * n).gathered("x").unwrap(), [6, 2]);
        let mut all = reserved(1, "x").unwrap();
        for n in 0..100 {
            push(&mut all, n, "x").unwrap();
        }
        extend(&mut all, 100..200, "x").unwrap();
        assert!(all.into_iter().eq(0..200));
        let mut text = String::new();
        ["flow", "", " é"].iter().for_each(|more| append(&mut text, more, "x").unwrap());
        assert_eq!(text, "flow é");
        probe(0, "x").unwrap();
    }

    #[test]
    fn an_error_among_the_values_is_handed_on() {
        let values = |bad: usize| (0..5).map(move |n| if n == bad { Err(Error::InUse) } else { Ok(n) });
        assert_eq!(values(9).gathered_ok("x").unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(values(3).gathered_ok("x"), Err(Error::InUse));
    }
}
