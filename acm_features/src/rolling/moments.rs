//! Rolling variance, standard deviation, skewness and kurtosis.
//!
//! Central moments grow by one value and merge as in Pébay (2008), "Formulas for robust, one-pass parallel computation of
//! covariances and arbitrary-order statistical moments", Sandia SAND2008-6212, equations 2.1, 3.1 and those for p = 3, 4.
//! Values enter relative to an origin that is itself one of them (the first pushed), so the moments of 1e9 ± 1e-3 are as
//! exact as those of ± 1e-3; merging adds the difference of the origins.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block::{self, Place, Summary, Values, count_of, inverse};
use super::sums::{Compensated, seen, where_enough};
use super::windows::Windows;

/// Count, mean and sum of squared deviations; the mean relative to `origin`.
#[derive(Clone, Copy)]
pub(crate) struct Spread<S: Simd> {
    pub(crate) count: V<S>,
    origin: V<S>,
    mean: V<S>,
    m2: V<S>,
}

/// What further moments need of a push or a merge.
#[derive(Clone, Copy)]
struct Step<S: Simd> {
    /// The difference over the count after the step.
    part: V<S>,
    /// What the squared deviations grew by.
    growth: V<S>,
}

impl<S: Simd> Spread<S> {
    #[inline(always)]
    pub(crate) fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            count: zero,
            origin: zero,
            mean: zero,
            m2: zero,
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, x: V<S>, place: Place) -> (Self, Step<S>) {
        let first = self.count.simd_eq(0.0);
        let (origin, count, difference) = if CLEAN {
            let origin = first.select(x, self.origin);
            (origin, self.count + 1.0, (x - origin) - self.mean)
        } else {
            let zero = f64x8::splat(simd, 0.0);
            let valid = x.simd_eq(x);
            let origin = (valid & first).select(x, self.origin);
            let count = self.count + valid.select(f64x8::splat(simd, 1.0), zero);
            (origin, count, valid.select((x - origin) - self.mean, zero))
        };
        let part = difference * inverse::<S, CLEAN>(simd, count, place.inverse);
        let growth = difference * part * self.count;
        let grown = Self {
            count,
            origin,
            mean: self.mean + part,
            m2: self.m2 + growth,
        };
        (grown, Step { part, growth })
    }

    /// The merge, and the difference of the means, 0 where either side is empty.
    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, known: f64) -> (Self, Step<S>) {
        let zero = f64x8::splat(simd, 0.0);
        let no_older = self.count.simd_eq(0.0);
        let no_newer = newer.count.simd_eq(0.0);
        let count = self.count + newer.count;
        let difference = (newer.origin - self.origin) + (newer.mean - self.mean);
        let difference = (no_older | no_newer).select(zero, difference);
        let part = difference * inverse::<S, CLEAN>(simd, count, known);
        let growth = difference * part * (self.count * newer.count);
        let merged = Self {
            count,
            origin: no_older.select(newer.origin, self.origin),
            mean: no_older.select(newer.mean, self.mean + part * newer.count),
            m2: self.m2 + newer.m2 + growth,
        };
        (merged, Step { part, growth })
    }

    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row]) {
        memory[0].store(self.count);
        memory[1].store(self.origin);
        memory[2].store(self.mean);
        memory[3].store(self.m2);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            count: memory[0].load(simd),
            origin: memory[1].load(simd),
            mean: memory[2].load(simd),
            m2: memory[3].load(simd),
        }
    }

    #[inline(always)]
    pub(crate) fn variance(self, simd: S, count: V<S>, ddof: f64, min_periods: f64) -> V<S> {
        let variance = self.m2 * (1.0 / (count - ddof));
        // NaN here only says that deviations or their squares went beyond the largest float64.
        let variance = variance.simd_eq(variance).select(variance, f64x8::splat(simd, f64::INFINITY));
        where_enough(simd, count, min_periods.max(ddof + 1.0), variance)
    }
}

/// Variance, or standard deviation where `ROOT`.
struct Variance<const ROOT: bool> {
    ddof: f64,
}

impl<const ROOT: bool> Summary for Variance<ROOT> {
    type State<S: Simd> = Spread<S>;
    const SIZE: usize = 4;
    const POWERS: &'static [Option<i32>] = &[Some(if ROOT { 1 } else { 2 })];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 3.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> Spread<S> {
        Spread::empty(simd)
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: Spread<S>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> Spread<S> {
        state.push::<CLEAN>(simd, x, place).0
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(simd: S, older: Spread<S>, newer: Spread<S>, known: f64) -> Spread<S> {
        older.merge::<CLEAN>(simd, newer, known).0
    }

    #[inline(always)]
    fn save<S: Simd>(state: Spread<S>, memory: &mut [Row]) {
        state.save(memory);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> Spread<S> {
        Spread::load(simd, memory)
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: Spread<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.count, whole);
        let variance = state.variance(simd, count, self.ddof, min_periods);
        results[0].store(if ROOT { variance.sqrt() } else { variance });
    }
}

/// Mean and standard deviation at once.
struct MeanStd {
    ddof: f64,
}

#[derive(Clone, Copy)]
struct MeanStdState<S: Simd> {
    spread: Spread<S>,
    sum: Compensated<S>,
}

impl Summary for MeanStd {
    type State<S: Simd> = MeanStdState<S>;
    const SIZE: usize = 6;
    const POWERS: &'static [Option<i32>] = &[Some(1), Some(1)];
    const RESULTS: usize = 2;
    const COST_NS: f64 = 4.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> MeanStdState<S> {
        MeanStdState {
            spread: Spread::empty(simd),
            sum: Compensated::zero(simd),
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: MeanStdState<S>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> MeanStdState<S> {
        MeanStdState {
            spread: state.spread.push::<CLEAN>(simd, x, place).0,
            sum: state.sum.add(seen::<S, CLEAN>(simd, x).0),
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(
        simd: S,
        older: MeanStdState<S>,
        newer: MeanStdState<S>,
        known: f64,
    ) -> MeanStdState<S> {
        MeanStdState {
            spread: older.spread.merge::<CLEAN>(simd, newer.spread, known).0,
            sum: older.sum.merge(newer.sum),
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: MeanStdState<S>, memory: &mut [Row]) {
        state.spread.save(memory);
        memory[4].store(state.sum.high);
        memory[5].store(state.sum.low);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> MeanStdState<S> {
        MeanStdState {
            spread: Spread::load(simd, memory),
            sum: Compensated {
                high: memory[4].load(simd),
                low: memory[5].load(simd),
            },
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: MeanStdState<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.spread.count, whole);
        let mean = state.sum.mean(count);
        results[0].store(where_enough(simd, count, min_periods.max(1.0), mean));
        results[1].store(state.spread.variance(simd, count, self.ddof, min_periods).sqrt());
    }
}

/// The spread with the sums of third and, where `KURT`, fourth powers of the deviations.
#[derive(Clone, Copy)]
pub(crate) struct ShapeState<S: Simd, const KURT: bool> {
    pub(crate) spread: Spread<S>,
    m3: V<S>,
    m4: V<S>,
}

impl<S: Simd, const KURT: bool> ShapeState<S, KURT> {
    #[inline(always)]
    pub(crate) fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            spread: Spread::empty(simd),
            m3: zero,
            m4: zero,
        }
    }

    #[inline(always)]
    pub(crate) fn push<const CLEAN: bool>(self, simd: S, x: V<S>, place: Place) -> Self {
        let before = self.spread;
        let (spread, Step { part, growth }) = before.push::<CLEAN>(simd, x, place);
        let n = spread.count;
        let m3 = self.m3 + part * (growth * (n - 2.0) - 3.0 * before.m2);
        let m4 = if KURT {
            let square = part * part;
            self.m4 + square * (growth * (n * n - 3.0 * n + 3.0) + 6.0 * before.m2) - 4.0 * part * self.m3
        } else {
            self.m4
        };
        Self { spread, m3, m4 }
    }

    #[inline(always)]
    pub(crate) fn merge<const CLEAN: bool>(self, simd: S, newer: Self, known: f64) -> Self {
        let (a, b) = (self.spread, newer.spread);
        let (spread, Step { part, growth }) = a.merge::<CLEAN>(simd, b, known);
        let (na, nb) = (a.count, b.count);
        let m3 = self.m3 + newer.m3 + part * (growth * (na - nb) + 3.0 * (na * b.m2 - nb * a.m2));
        let m4 = if KURT {
            let square = part * part;
            self.m4
                + newer.m4
                + square * (growth * (na * na - na * nb + nb * nb) + 6.0 * (na * na * b.m2 + nb * nb * a.m2))
                + 4.0 * part * (na * newer.m3 - nb * self.m3)
        } else {
            self.m4
        };
        Self { spread, m3, m4 }
    }

    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row]) {
        self.spread.save(memory);
        memory[4].store(self.m3);
        memory[5].store(self.m4);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            spread: Spread::load(simd, memory),
            m3: memory[4].load(simd),
            m4: memory[5].load(simd),
        }
    }

    /// Bias-corrected skewness: Joanes & Gill (1998), doi 10.1111/1467-9884.00122, G1.
    #[inline(always)]
    pub(crate) fn skew(self, simd: S, n: V<S>, min_periods: f64) -> V<S> {
        let m2 = self.spread.m2;
        let power = m2 * m2.sqrt();
        let skew = (n * (n - 1.0).sqrt() / (n - 2.0)) * (self.m3 / power);
        let defined = representable(power) & skew.abs().simd_lt(f64::INFINITY);
        let skew = defined.select(skew, f64x8::splat(simd, f64::NAN));
        where_enough(simd, n, min_periods.max(3.0), skew)
    }

    /// Bias-corrected excess kurtosis: Joanes & Gill (1998), G2.
    #[inline(always)]
    pub(crate) fn kurt(self, simd: S, n: V<S>, min_periods: f64) -> V<S> {
        let power = self.spread.m2 * self.spread.m2;
        let scale = (n - 1.0) / ((n - 2.0) * (n - 3.0));
        let kurt = scale * (n * (n + 1.0) * (self.m4 / power) - 3.0 * (n - 1.0));
        let defined = representable(power) & kurt.abs().simd_lt(f64::INFINITY);
        let kurt = defined.select(kurt, f64x8::splat(simd, f64::NAN));
        where_enough(simd, n, min_periods.max(4.0), kurt)
    }
}

/// Whether a power of the spread kept its digits: below the least normal float64 those of the deviations' powers are gone.
#[inline(always)]
fn representable<S: Simd>(power: V<S>) -> <V<S> as SimdBase<S>>::Mask {
    power.simd_ge(f64::MIN_POSITIVE)
}

/// Skewness, or kurtosis where `KURT`.
struct Shape<const KURT: bool>;

impl<const KURT: bool> Summary for Shape<KURT> {
    type State<S: Simd> = ShapeState<S, KURT>;
    const SIZE: usize = 6;
    const POWERS: &'static [Option<i32>] = &[None];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 5.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> ShapeState<S, KURT> {
        ShapeState::empty(simd)
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: ShapeState<S, KURT>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> ShapeState<S, KURT> {
        state.push::<CLEAN>(simd, x, place)
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(
        simd: S,
        older: ShapeState<S, KURT>,
        newer: ShapeState<S, KURT>,
        known: f64,
    ) -> ShapeState<S, KURT> {
        older.merge::<CLEAN>(simd, newer, known)
    }

    #[inline(always)]
    fn save<S: Simd>(state: ShapeState<S, KURT>, memory: &mut [Row]) {
        state.save(memory);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> ShapeState<S, KURT> {
        ShapeState::load(simd, memory)
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: ShapeState<S, KURT>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.spread.count, whole);
        results[0].store(if KURT {
            state.kurt(simd, count, min_periods)
        } else {
            state.skew(simd, count, min_periods)
        });
    }
}

/// Trailing rolling variance of each column.
///
/// `y[t] = sum((x[s] - mean)^2) / (count - ddof)` over the non-missing `x[s]`, t - window < s <= t
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `max(min_periods, ddof + 1)` remain. A constant window
/// gives exactly 0. Infinite where the
/// variance itself exceeds the largest float64.
/// Cost: O(n d), whatever the window. Source: Pébay 2008.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_var<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Variance::<false> { ddof: ddof as f64 }, x, windows.into(), out)
}

/// Trailing rolling standard deviation of each column: the root of [`rolling_var`].
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_std<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Variance::<true> { ddof: ddof as f64 }, x, windows.into(), out)
}

/// Trailing rolling mean and standard deviation of each column in one pass.
///
/// Shapes: x (n, d) -> (n, 2 d), mean and standard deviation of a column adjacent. The numbers are those of
/// [`super::rolling_mean`] and [`rolling_std`].
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_mean_std<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(MeanStd { ddof: ddof as f64 }, x, windows.into(), out)
}

/// Trailing rolling skewness of each column, bias-corrected.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `max(min_periods, 3)` remain, and where the window is
/// constant.
/// Cost: O(n d), whatever the window. Source: Pébay 2008; Joanes & Gill 1998, G1.
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_skew<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Shape::<false>, x, windows.into(), out)
}

/// Trailing rolling excess kurtosis of each column, bias-corrected.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `max(min_periods, 4)` remain, and where the window is
/// constant.
/// Cost: O(n d), whatever the window. Source: Pébay 2008; Joanes & Gill 1998, G2.
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_kurt<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Shape::<true>, x, windows.into(), out)
}
