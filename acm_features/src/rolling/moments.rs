//! Rolling variance, standard deviation, skewness and kurtosis.
//!
//! Central moments grow by one value and merge as in Pébay (2008), "Formulas for robust, one-pass parallel computation of
//! covariances and arbitrary-order statistical moments", Sandia SAND2008-6212, equations 2.1, 3.1 and those for p = 3, 4.
//! Values enter relative to an origin that is itself one of them (the first pushed), so the moments of 1e9 ± 1e-3 are as
//! exact as those of ± 1e-3; merging adds the difference of the origins.

use acm_linalg::lanes::{Element, Row, V};
use acm_linalg::{Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::block;
use super::summary::{Place, Sight, State, Statistic, Values, inverse};
use super::sums::Compensated;
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
    /// With one more value, and by what that changed it.
    #[inline(always)]
    fn grown<const CLEAN: bool>(self, simd: S, x: V<S>, place: Place) -> (Self, Step<S>) {
        let (origin, count, difference) = if CLEAN {
            (self.origin, self.count + 1.0, (x - self.origin) - self.mean)
        } else {
            let first = self.count.simd_eq(0.0);
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

    /// With a newer neighbour, and by what that changed it: by nothing where either side is empty.
    #[inline(always)]
    fn merged<const CLEAN: bool>(self, simd: S, newer: Self, known: f64) -> (Self, Step<S>) {
        let zero = f64x8::splat(simd, 0.0);
        let no_older = self.count.simd_eq(0.0);
        let no_newer = newer.count.simd_eq(0.0);
        let count = self.count + newer.count;
        let difference = (newer.origin - self.origin) + (newer.mean - self.mean);
        // Times the counts, where one of them is 0 the difference of numbers adds nothing.
        let difference = if CLEAN { difference } else { (no_older | no_newer).select(zero, difference) };
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
    pub(crate) fn variance(self, simd: S, ddof: f64, window: Sight) -> V<S> {
        let count = window.count(simd, self.count);
        let variance = self.m2 * (1.0 / (count - ddof));
        if window.whole.is_some() {
            return window.of_enough(simd, count, ddof + 1.0, variance);
        }
        // NaN here only says that deviations or their squares went beyond the largest float64.
        let variance = variance.simd_eq(variance).select(variance, f64x8::splat(simd, f64::INFINITY));
        window.of_enough(simd, count, ddof + 1.0, variance)
    }
}

impl<S: Simd> State<S> for Spread<S> {
    const SIZE: usize = 4;
    const UNKNOWN: usize = 2;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            count: zero,
            origin: zero,
            mean: zero,
            m2: zero,
        }
    }

    #[inline(always)]
    fn before(simd: S, first: Values<S>) -> Self {
        Self {
            origin: first.x,
            ..Self::empty(simd)
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self {
        self.grown::<CLEAN>(simd, row.x, place).0
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self {
        self.merged::<CLEAN>(simd, newer, inverse).0
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        memory[0].store(self.count);
        memory[1].store(self.origin);
        memory[2].store(self.mean);
        memory[3].store(self.m2);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            count: memory[0].load(simd),
            origin: memory[1].load(simd),
            mean: memory[2].load(simd),
            m2: memory[3].load(simd),
        }
    }

    #[inline(always)]
    fn save_unknown(self, memory: &mut [Row]) {
        memory[0].store(self.mean);
        memory[1].store(self.m2);
    }

    #[inline(always)]
    fn load_unknown(simd: S, memory: &[Row], like: Self, count: f64) -> Self {
        Self {
            count: f64x8::splat(simd, count),
            origin: like.origin,
            mean: memory[0].load(simd),
            m2: memory[1].load(simd),
        }
    }
}

/// Variance, or standard deviation where `ROOT`.
#[derive(Clone, Copy)]
pub(crate) struct Variance<const ROOT: bool> {
    ddof: f64,
}

impl<const ROOT: bool> Variance<ROOT> {
    pub(crate) fn new(ddof: usize) -> Self {
        Self { ddof: ddof as f64 }
    }
}

impl<const ROOT: bool> Statistic for Variance<ROOT> {
    type State<S: Simd> = Spread<S>;
    const POWERS: &'static [Option<i32>] = &[Some(if ROOT { 1 } else { 2 })];
    const COST_NS: f64 = 3.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, spread: Spread<S>, window: Sight, results: &mut [Row]) {
        let variance = spread.variance(simd, self.ddof, window);
        results[0].store(if ROOT { variance.sqrt() } else { variance });
    }
}

/// Mean and standard deviation at once.
#[derive(Clone, Copy)]
pub(crate) struct MeanStd {
    ddof: f64,
}

impl MeanStd {
    pub(crate) fn new(ddof: usize) -> Self {
        Self { ddof: ddof as f64 }
    }
}

impl Statistic for MeanStd {
    type State<S: Simd> = (Spread<S>, Compensated<S>);
    const POWERS: &'static [Option<i32>] = &[Some(1), Some(1)];
    const COST_NS: f64 = 4.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, (spread, sum): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, spread.count);
        results[0].store(window.of_enough(simd, count, 1.0, sum.mean(simd, count, window)));
        results[1].store(spread.variance(simd, self.ddof, window).sqrt());
    }
}

/// The spread with the sums of third and, where `KURT`, fourth powers of the deviations.
#[derive(Clone, Copy)]
pub(crate) struct Powers<S: Simd, const KURT: bool> {
    pub(crate) spread: Spread<S>,
    m3: V<S>,
    m4: V<S>,
}

impl<S: Simd, const KURT: bool> State<S> for Powers<S, KURT> {
    const SIZE: usize = Spread::<S>::SIZE + 2;
    const UNKNOWN: usize = Spread::<S>::UNKNOWN + 2;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            spread: Spread::empty(simd),
            m3: zero,
            m4: zero,
        }
    }

    #[inline(always)]
    fn before(simd: S, first: Values<S>) -> Self {
        Self {
            spread: Spread::before(simd, first),
            ..Self::empty(simd)
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self {
        let before = self.spread;
        let (spread, Step { part, growth }) = before.grown::<CLEAN>(simd, row.x, place);
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
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self {
        let (a, b) = (self.spread, newer.spread);
        let (spread, Step { part, growth }) = a.merged::<CLEAN>(simd, b, inverse);
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
    fn save(self, memory: &mut [Row]) {
        self.spread.save(memory);
        memory[4].store(self.m3);
        memory[5].store(self.m4);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            spread: Spread::load(simd, memory),
            m3: memory[4].load(simd),
            m4: memory[5].load(simd),
        }
    }

    #[inline(always)]
    fn save_unknown(self, memory: &mut [Row]) {
        self.spread.save_unknown(memory);
        memory[2].store(self.m3);
        memory[3].store(self.m4);
    }

    #[inline(always)]
    fn load_unknown(simd: S, memory: &[Row], like: Self, count: f64) -> Self {
        Self {
            spread: Spread::load_unknown(simd, memory, like.spread, count),
            m3: memory[2].load(simd),
            m4: memory[3].load(simd),
        }
    }
}

impl<S: Simd, const KURT: bool> Powers<S, KURT> {
    /// Bias-corrected skewness: Joanes & Gill (1998), doi 10.1111/1467-9884.00122, G1.
    #[inline(always)]
    pub(crate) fn skew(self, simd: S, window: Sight) -> V<S> {
        let n = window.count(simd, self.spread.count);
        let m2 = self.spread.m2;
        let power = m2 * m2.sqrt();
        let skew = (n * (n - 1.0).sqrt() / (n - 2.0)) * (self.m3 / power);
        let defined = representable(power) & skew.abs().simd_lt(f64::INFINITY);
        let skew = defined.select(skew, f64x8::splat(simd, f64::NAN));
        window.of_enough(simd, n, 3.0, skew)
    }

    /// Bias-corrected excess kurtosis: Joanes & Gill (1998), G2.
    #[inline(always)]
    pub(crate) fn kurt(self, simd: S, window: Sight) -> V<S> {
        let n = window.count(simd, self.spread.count);
        let power = self.spread.m2 * self.spread.m2;
        let scale = (n - 1.0) / ((n - 2.0) * (n - 3.0));
        let kurt = scale * (n * (n + 1.0) * (self.m4 / power) - 3.0 * (n - 1.0));
        let defined = representable(power) & kurt.abs().simd_lt(f64::INFINITY);
        let kurt = defined.select(kurt, f64x8::splat(simd, f64::NAN));
        window.of_enough(simd, n, 4.0, kurt)
    }
}

/// Whether a power of the spread kept its digits: below the least normal float64 those of the deviations' powers are gone.
#[inline(always)]
fn representable<S: Simd>(power: V<S>) -> <V<S> as SimdBase<S>>::Mask {
    power.simd_ge(f64::MIN_POSITIVE)
}

/// Skewness, or kurtosis where `KURT`.
#[derive(Clone, Copy)]
pub(crate) struct Shape<const KURT: bool>;

impl<const KURT: bool> Statistic for Shape<KURT> {
    type State<S: Simd> = Powers<S, KURT>;
    const POWERS: &'static [Option<i32>] = &[None];
    const COST_NS: f64 = 5.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, powers: Powers<S, KURT>, window: Sight, results: &mut [Row]) {
        results[0].store(if KURT { powers.kurt(simd, window) } else { powers.skew(simd, window) });
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
pub fn rolling_var<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Variance::<false>::new(ddof), x.into(), windows.into(), out)
}

/// Trailing rolling standard deviation of each column: the root of [`rolling_var`].
///
/// # Examples
///
/// ```
/// use acm_features::rolling::{Window, rolling_std};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// // An offset costs no digits.
/// let x = array![[1e9 + 1.0], [1e9 + 2.0], [1e9 + 4.0]];
/// let mut out = Array2::zeros(x.dim());
/// rolling_std(x.view(), Window::new(2, 1)?, 0, out.view_mut())?;
/// assert_eq!(out, array![[0.0], [0.5], [1.0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_std<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Variance::<true>::new(ddof), x.into(), windows.into(), out)
}

/// Trailing rolling mean and standard deviation of each column in one pass.
///
/// Shapes: x (n, d) -> (n, 2 d), mean and standard deviation of a column adjacent. The numbers are those of
/// [`super::rolling_mean`] and [`rolling_std`].
///
/// # Errors
/// As [`rolling_var`].
pub fn rolling_mean_std<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(MeanStd::new(ddof), x.into(), windows.into(), out)
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
pub fn rolling_skew<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Shape::<false>, x.into(), windows.into(), out)
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
pub fn rolling_kurt<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Shape::<true>, x.into(), windows.into(), out)
}
