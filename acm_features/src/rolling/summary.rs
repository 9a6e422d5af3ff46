//! What a window's rows come to, and what is asked of it.
//!
//! A [`State`] grows by a row at either end and merges with its newer neighbour; two states of the same rows are one. A
//! [`Statistic`] says which state it needs and finishes it: a new one of known sums or moments is its formula.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

/// What some neighbouring rows of a window come to, in registers.
pub(crate) trait State<S: Simd>: Copy {
    /// Whether it reads a second input.
    const PAIRS: bool = false;

    /// Whether it counts from a row's time where windows have bounds of their own.
    const TIMES: bool = false;

    /// Rows of memory it takes.
    const SIZE: usize;

    /// Rows of memory that [`Self::save_unknown`] takes.
    const UNKNOWN: usize = Self::SIZE;

    fn empty(simd: S) -> Self;

    /// The empty state that this row is the first to be pushed onto, where nothing is missing.
    #[inline(always)]
    fn before(simd: S, first: Values<S>) -> Self {
        let _ = first;
        Self::empty(simd)
    }

    /// With one more row; missing values are NaN. `CLEAN`: nothing in the window is missing, so every count is known, and the
    /// first row is that of [`Self::before`].
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self;

    /// With a newer neighbour; where `CLEAN` they make up a whole window and `inverse` is 1 over its rows.
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self;

    fn save(self, memory: &mut [Row]);

    fn load(simd: S, memory: &[Row]) -> Self;

    /// What is not known of it where nothing is missing, given another that began with the same row.
    #[inline(always)]
    fn save_unknown(self, memory: &mut [Row]) {
        self.save(memory);
    }

    /// The state of so many rows that began as `like` did.
    #[inline(always)]
    fn load_unknown(simd: S, memory: &[Row], like: Self, count: f64) -> Self {
        let _ = (like, count);
        Self::load(simd, memory)
    }
}

/// Both of the same rows.
impl<S: Simd, A: State<S>, B: State<S>> State<S> for (A, B) {
    const PAIRS: bool = A::PAIRS || B::PAIRS;
    const TIMES: bool = A::TIMES || B::TIMES;
    const SIZE: usize = A::SIZE + B::SIZE;
    const UNKNOWN: usize = A::UNKNOWN + B::UNKNOWN;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        (A::empty(simd), B::empty(simd))
    }

    #[inline(always)]
    fn before(simd: S, first: Values<S>) -> Self {
        (A::before(simd, first), B::before(simd, first))
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self {
        (self.0.push::<CLEAN>(simd, row, place), self.1.push::<CLEAN>(simd, row, place))
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self {
        (self.0.merge::<CLEAN>(simd, newer.0, inverse), self.1.merge::<CLEAN>(simd, newer.1, inverse))
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        let (first, second) = memory.split_at_mut(A::SIZE);
        self.0.save(first);
        self.1.save(second);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        let (first, second) = memory.split_at(A::SIZE);
        (A::load(simd, first), B::load(simd, second))
    }

    #[inline(always)]
    fn save_unknown(self, memory: &mut [Row]) {
        let (first, second) = memory.split_at_mut(A::UNKNOWN);
        self.0.save_unknown(first);
        self.1.save_unknown(second);
    }

    #[inline(always)]
    fn load_unknown(simd: S, memory: &[Row], like: Self, count: f64) -> Self {
        let (first, second) = memory.split_at(A::UNKNOWN);
        (A::load_unknown(simd, first, like.0, count), B::load_unknown(simd, second, like.1, count))
    }
}

/// How many values there are.
#[derive(Clone, Copy)]
pub(crate) struct Count<S: Simd>(pub(crate) V<S>);

impl<S: Simd> State<S> for Count<S> {
    const SIZE: usize = 1;
    const UNKNOWN: usize = 0;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        Self(f64x8::splat(simd, 0.0))
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, _place: Place) -> Self {
        Self(self.0 + seen::<S, CLEAN>(simd, row.x).1)
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, _simd: S, newer: Self, _inverse: f64) -> Self {
        Self(self.0 + newer.0)
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        memory[0].store(self.0);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self(memory[0].load(simd))
    }

    #[inline(always)]
    fn save_unknown(self, _memory: &mut [Row]) {}

    #[inline(always)]
    fn load_unknown(simd: S, _memory: &[Row], _like: Self, count: f64) -> Self {
        Self(f64x8::splat(simd, count))
    }
}

/// What is asked of a window.
pub(crate) trait Statistic: Copy + Sync {
    type State<S: Simd>: State<S>;

    /// For each result the power of the scale of x that it is proportional to, where it is to be right however large the
    /// values are.
    const POWERS: &'static [Option<i32>];

    /// Results it gives.
    const RESULTS: usize = Self::POWERS.len();

    /// Whether it is a ratio of sums of squares, on which small values tell as well.
    const SQUARES: bool = false;

    /// Estimated time for one value, in nanoseconds.
    const COST_NS: f64;

    /// The results, NaN where they are not defined or the window has too few values.
    fn finish<S: Simd>(&self, simd: S, state: Self::State<S>, window: Sight, results: &mut [Row]);
}

/// Rows of memory that the state of a statistic takes, whatever the instructions.
pub(crate) fn size_of_state<K: Statistic>() -> usize {
    fn size<S: Simd, K: Statistic>(_simd: S) -> usize {
        K::State::<S>::SIZE
    }
    dispatch!(Level::new(), simd => size::<_, K>(simd))
}

/// What is known of a window before its values.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    /// Non-missing values that a result needs.
    pub(crate) min_periods: f64,
    /// Its rows, where none is missing and all are ordinary numbers: a constant of the loop.
    pub(crate) whole: Option<f64>,
}

impl Sight {
    /// The count of a window, known or as its state has it.
    #[inline(always)]
    pub(crate) fn count<S: Simd>(self, simd: S, counted: V<S>) -> V<S> {
        self.whole.map_or(counted, |whole| f64x8::splat(simd, whole))
    }

    /// `value` where `count` reaches what is asked for, and `least` itself, else NaN.
    #[inline(always)]
    pub(crate) fn of_enough<S: Simd>(self, simd: S, count: V<S>, least: f64, value: V<S>) -> V<S> {
        let needed = self.min_periods.max(least);
        match self.whole {
            Some(whole) if whole >= needed => value,
            Some(_) => f64x8::splat(simd, f64::NAN),
            None => where_enough(simd, count, needed, value),
        }
    }
}

/// A row's values, by lane.
#[derive(Clone, Copy)]
pub(crate) struct Values<S: Simd> {
    pub(crate) x: V<S>,
    /// Those of the second input; `x` again where there is none.
    pub(crate) y: V<S>,
}

impl<S: Simd> Values<S> {
    #[inline(always)]
    pub(crate) fn load(simd: S, x: &Row, y: &Row) -> Self {
        Self {
            x: x.load(simd),
            y: y.load(simd),
        }
    }
}

/// Where a row stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// A whole number that rises by 1 a row.
    pub(crate) position: f64,
    /// 1 over the rows of the summary with this one; of use only where none is missing.
    pub(crate) inverse: f64,
}

/// 1 over the count after a push or a merge: read from a table where the count is known, the same bits computed elsewhere.
#[inline(always)]
pub(crate) fn inverse<S: Simd, const CLEAN: bool>(simd: S, count: V<S>, known: f64) -> V<S> {
    if CLEAN {
        f64x8::splat(simd, known)
    } else {
        1.0 / count.max(f64x8::splat(simd, 1.0))
    }
}

/// The value and 1, or 0 and 0 where it is missing.
#[inline(always)]
pub(crate) fn seen<S: Simd, const CLEAN: bool>(simd: S, x: V<S>) -> (V<S>, V<S>) {
    let one = f64x8::splat(simd, 1.0);
    if CLEAN {
        return (x, one);
    }
    let zero = f64x8::splat(simd, 0.0);
    let valid = x.simd_eq(x);
    (valid.select(x, zero), valid.select(one, zero))
}

/// `value` where at least `needed` values were seen, else NaN.
#[inline(always)]
pub(crate) fn where_enough<S: Simd>(simd: S, count: V<S>, needed: f64, value: V<S>) -> V<S> {
    count.simd_ge(needed).select(value, f64x8::splat(simd, f64::NAN))
}
