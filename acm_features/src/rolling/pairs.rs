//! Rolling covariance and correlation of two columns.
//!
//! The central moments of a pair grow and merge as in Pébay (2008), Sandia SAND2008-6212, equations 2.1, 3.1 and 3.11, each
//! side relative to a value of its own: nothing is subtracted that has not been inside the window.

use acm_linalg::columns::{Pick, Plane, Source};
use acm_linalg::lanes::{Element, Row, V};
use acm_linalg::memory::reserved;
use acm_linalg::{Error, Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::beyond::LEAST_SQUARES;
use super::block;
use super::summary::{Place, Sight, State, Statistic, Values, inverse};
use super::windows::Windows;

/// Count, means and sums of products of deviations; means relative to the origins.
#[derive(Clone, Copy)]
pub(crate) struct Joint<S: Simd> {
    count: V<S>,
    origin: Values<S>,
    mean: Values<S>,
    /// Of x with itself and of y with itself.
    spread: Values<S>,
    cross: V<S>,
}

impl<S: Simd> State<S> for Joint<S> {
    const PAIRS: bool = true;
    const SIZE: usize = 8;
    const UNKNOWN: usize = 5;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let zeros = Values { x: zero, y: zero };
        Self {
            count: zero,
            origin: zeros,
            mean: zeros,
            spread: zeros,
            cross: zero,
        }
    }

    #[inline(always)]
    fn before(simd: S, first: Values<S>) -> Self {
        Self {
            origin: first,
            ..Self::empty(simd)
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, place: Place) -> Self {
        let (origin, count, difference);
        if CLEAN {
            origin = self.origin;
            count = self.count + 1.0;
            difference = Values {
                x: (row.x - origin.x) - self.mean.x,
                y: (row.y - origin.y) - self.mean.y,
            };
        } else {
            let first = self.count.simd_eq(0.0);
            let zero = f64x8::splat(simd, 0.0);
            let valid = row.x.simd_eq(row.x) & row.y.simd_eq(row.y);
            origin = Values {
                x: (valid & first).select(row.x, self.origin.x),
                y: (valid & first).select(row.y, self.origin.y),
            };
            count = self.count + valid.select(f64x8::splat(simd, 1.0), zero);
            difference = Values {
                x: valid.select((row.x - origin.x) - self.mean.x, zero),
                y: valid.select((row.y - origin.y) - self.mean.y, zero),
            };
        }
        let inverse = inverse::<S, CLEAN>(simd, count, place.inverse);
        let weight = self.count * inverse;
        let weighted = difference.x * weight;
        Self {
            count,
            origin,
            mean: Values {
                x: self.mean.x + difference.x * inverse,
                y: self.mean.y + difference.y * inverse,
            },
            spread: Values {
                x: self.spread.x + difference.x * weighted,
                y: self.spread.y + difference.y * (difference.y * weight),
            },
            cross: self.cross + difference.y * weighted,
        }
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, known: f64) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let no_older = self.count.simd_eq(0.0);
        let none = no_older | newer.count.simd_eq(0.0);
        let count = self.count + newer.count;
        let mut difference = Values {
            x: (newer.origin.x - self.origin.x) + (newer.mean.x - self.mean.x),
            y: (newer.origin.y - self.origin.y) + (newer.mean.y - self.mean.y),
        };
        // Times the counts, where one of them is 0 the difference of numbers adds nothing.
        if !CLEAN {
            difference = Values {
                x: none.select(zero, difference.x),
                y: none.select(zero, difference.y),
            };
        }
        let part = newer.count * inverse::<S, CLEAN>(simd, count, known);
        let weight = self.count * part;
        let weighted = difference.x * weight;
        Self {
            count,
            origin: Values {
                x: no_older.select(newer.origin.x, self.origin.x),
                y: no_older.select(newer.origin.y, self.origin.y),
            },
            mean: Values {
                x: no_older.select(newer.mean.x, self.mean.x + difference.x * part),
                y: no_older.select(newer.mean.y, self.mean.y + difference.y * part),
            },
            spread: Values {
                x: self.spread.x + newer.spread.x + difference.x * weighted,
                y: self.spread.y + newer.spread.y + difference.y * (difference.y * weight),
            },
            cross: self.cross + newer.cross + difference.y * weighted,
        }
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        memory[0].store(self.count);
        memory[1].store(self.origin.x);
        memory[2].store(self.origin.y);
        memory[3].store(self.mean.x);
        memory[4].store(self.mean.y);
        memory[5].store(self.spread.x);
        memory[6].store(self.spread.y);
        memory[7].store(self.cross);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        let pair = |first: usize| Values::load(simd, &memory[first], &memory[first + 1]);
        Self {
            count: memory[0].load(simd),
            origin: pair(1),
            mean: pair(3),
            spread: pair(5),
            cross: memory[7].load(simd),
        }
    }

    #[inline(always)]
    fn save_unknown(self, memory: &mut [Row]) {
        memory[0].store(self.mean.x);
        memory[1].store(self.mean.y);
        memory[2].store(self.spread.x);
        memory[3].store(self.spread.y);
        memory[4].store(self.cross);
    }

    #[inline(always)]
    fn load_unknown(simd: S, memory: &[Row], like: Self, count: f64) -> Self {
        Self {
            count: f64x8::splat(simd, count),
            origin: like.origin,
            mean: Values::load(simd, &memory[0], &memory[1]),
            spread: Values::load(simd, &memory[2], &memory[3]),
            cross: memory[4].load(simd),
        }
    }
}

impl<S: Simd> Joint<S> {
    /// Pearson's correlation, within [-1, 1]; NaN where either side is constant, or its squared deviations leave the numbers
    /// or lose digits to them.
    #[inline(always)]
    fn correlation(self, simd: S, window: Sight) -> V<S> {
        let one = f64x8::splat(simd, 1.0);
        // One root rounds less than two; two do not leave the numbers where the product would.
        let product = self.spread.x * self.spread.y;
        let plain = product.simd_ge(f64::MIN_POSITIVE) & product.simd_lt(f64::INFINITY);
        let scale = if plain.all_true() {
            product.sqrt()
        } else {
            plain.select(product.sqrt(), self.spread.x.sqrt() * self.spread.y.sqrt())
        };
        let correlation = self.cross / scale;
        let mut known = self.spread.x.simd_ge(LEAST_SQUARES) & self.spread.y.simd_ge(LEAST_SQUARES);
        if window.whole.is_none() {
            known &= self.spread.x.simd_lt(f64::INFINITY) & self.spread.y.simd_lt(f64::INFINITY);
            known &= correlation.simd_eq(correlation);
        }
        let within = correlation.max(-one).min(one);
        let correlation = known.select(within, f64x8::splat(simd, f64::NAN));
        window.of_enough(simd, window.count(simd, self.count), 2.0, correlation)
    }
}

/// Correlation where `CORRELATION`, else covariance.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<const CORRELATION: bool> {
    ddof: f64,
}

impl<const CORRELATION: bool> Pairs<CORRELATION> {
    pub(crate) fn new(ddof: usize) -> Self {
        Self { ddof: ddof as f64 }
    }
}

impl<const CORRELATION: bool> Statistic for Pairs<CORRELATION> {
    type State<S: Simd> = Joint<S>;
    const POWERS: &'static [Option<i32>] = &[Some(if CORRELATION { 0 } else { 1 })];
    const SQUARES: bool = CORRELATION;
    const COST_NS: f64 = 5.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, joint: Joint<S>, window: Sight, results: &mut [Row]) {
        results[0].store(if CORRELATION {
            joint.correlation(simd, window)
        } else {
            let count = window.count(simd, joint.count);
            window.of_enough(simd, count, self.ddof + 1.0, joint.cross * (1.0 / (count - self.ddof)))
        });
    }
}

/// `x` and `y` column by column, or every column of `x` with the only one of `y`.
fn source<'a, T: Element>(x: Table<'a, T>, y: Table<'a, T>) -> Result<Source<'a, T>> {
    let pick = if y.ncols() == 1 { Pick::Same } else { Pick::Each };
    if y.nrows() != x.nrows() || (y.ncols() != 1 && y.ncols() != x.ncols()) {
        return Err(Error::Shape {
            name: "y",
            expected: x.dim(),
            got: y.dim(),
        });
    }
    let x = Plane {
        values: x,
        pick: Pick::Each,
        late: 0,
    };
    let y = Plane {
        values: y,
        pick,
        late: 0,
    };
    Ok(Source::pair(x, y))
}

/// Rolling covariance of each column of `x` with the same column of `y`, or with the only one.
///
/// `z[t] = sum((x[s] - mean x) (y[s] - mean y)) / (count - ddof)` over the window's rows in which neither is missing
///
/// Shapes: x (n, d), y (n, d) or (n, 1) -> (n, d).
/// Missing: a row with NaN or infinity on either side is skipped; NaN out while fewer than `max(min_periods, ddof + 1)` remain.
/// Cost: O(n d), whatever the window. Source: Pébay 2008.
///
/// # Errors
/// [`Error::Shape`] for another `y` or `out`; [`Error::Length`] for other times; [`Error::Memory`]; [`Error::Interrupted`].
pub fn rolling_cov<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    y: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    ddof: usize,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Pairs::<false>::new(ddof), source(x.into(), y.into())?, windows.into(), out)
}

/// Rolling Pearson correlation of each column of `x` with the same column of `y`, or with the only one.
///
/// Shapes: x (n, d), y (n, d) or (n, 1) -> (n, d).
/// Missing: a row with NaN or infinity on either side is skipped; NaN out while fewer than `max(min_periods, 2)` remain, and
/// where either side is constant.
/// Never beyond [-1, 1].
/// Cost and source: as [`rolling_cov`].
///
/// # Errors
/// As [`rolling_cov`].
pub fn rolling_corr<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    y: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    block::run(Pairs::<true>::new(1), source(x.into(), y.into())?, windows.into(), out)
}

/// Rolling Pearson correlation of one column with another some rows earlier, for pairs of columns and every lag.
///
/// `z[t, p, k] = correlation of x[s, a] with x[s - k, b]` over the window's rows s, (a, b) the p-th pair, 0 <= k <= max_lag
///
/// Shapes: x (n, d) -> (n, pairs * (max_lag + 1)), the lags of a pair adjacent.
/// Missing: as [`rolling_corr`]; rows before the first are missing.
/// Cost: O(n pairs (max_lag + 1)), whatever the window. Source: Pébay 2008.
///
/// # Examples
///
/// ```
/// use acm_features::rolling::{Window, rolling_lag_corr};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Column 1 does a row later what column 0 does.
/// let x = array![[1.0, 0.0], [3.0, 1.0], [2.0, 3.0], [5.0, 2.0], [0.0, 5.0]];
/// let mut out = Array2::<f64>::zeros((5, 2));
/// rolling_lag_corr(x.view(), Window::new(4, 2)?, 1, &[(1, 0)], out.view_mut())?;
/// assert!(out[[4, 0]] < 0.5 && (out[[4, 1]] - 1.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::NoColumn`] where a pair names a column that is not there; else as [`rolling_corr`].
pub fn rolling_lag_corr<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    max_lag: usize,
    pairs: &[(usize, usize)],
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    for &(a, b) in pairs {
        if a.max(b) >= x.ncols() {
            return Err(Error::NoColumn {
                name: "pairs",
                columns: x.ncols(),
                value: a.max(b),
            });
        }
    }
    let too_many = || Error::Memory {
        what: "the pairs and lags",
        rows: pairs.len(),
        columns: max_lag,
    };
    let lags = max_lag.checked_add(1).ok_or_else(too_many)?;
    let count = pairs.len().checked_mul(lags).ok_or_else(too_many)?;
    let mut ahead = reserved(count, "the pairs and lags")?;
    let mut late = reserved(count, "the pairs and lags")?;
    for &(a, b) in pairs {
        for lag in 0..lags {
            ahead.push((a, 0));
            late.push((b, lag));
        }
    }
    let plane = |columns| Plane {
        values: x,
        pick: Pick::Listed(columns),
        late: 0,
    };
    block::run(Pairs::<true>::new(1), Source::pair(plane(&ahead), plane(&late)), windows.into(), out)
}
