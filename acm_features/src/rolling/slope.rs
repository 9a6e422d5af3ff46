//! Rolling least-squares slope.

use acm_linalg::lanes::{Element, Row, V};
use acm_linalg::{Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayViewMut2;

use super::block;
use super::exact::{self, Exact, Moves};
use super::summary::{Count, Place, Sight, State, Statistic, Values, seen};
use super::sums::{Compensated, product, product_of, split};
use super::time_slope::TimeSlope;
use super::windows::Windows;

/// What a least-squares line needs beside the values' own sum: sums over the positions of what is not missing.
///
/// A slope is a difference of products of sums, so the sums of values are kept to twice the digits of a float64 and the
/// products are exact: neither an offset nor spikes that balance each other cost any.
#[derive(Clone, Copy)]
pub(crate) struct Line<S: Simd> {
    /// Sum of value times position.
    cross: Compensated<S>,
    /// Sum of the positions.
    places: V<S>,
    /// Sum of their squares.
    squares: V<S>,
}

impl<S: Simd> State<S> for Line<S> {
    const SIZE: usize = 4;

    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            cross: Compensated::zero(simd),
            places: zero,
            squares: zero,
        }
    }

    #[inline(always)]
    fn push<const CLEAN: bool>(self, simd: S, row: Values<S>, Place { position, .. }: Place) -> Self {
        let (x, one) = seen::<S, CLEAN>(simd, row.x);
        // Both products are exact while positions stay below 2^26.
        let (high, low) = split(x);
        let place = one * position;
        Self {
            cross: self.cross.add(high * position).add(low * position),
            places: self.places + place,
            squares: self.squares + place * position,
        }
    }

    #[inline(always)]
    fn merge<const CLEAN: bool>(self, simd: S, newer: Self, inverse: f64) -> Self {
        Self {
            cross: self.cross.merge::<CLEAN>(simd, newer.cross, inverse),
            places: self.places + newer.places,
            squares: self.squares + newer.squares,
        }
    }

    #[inline(always)]
    fn save(self, memory: &mut [Row]) {
        self.cross.save(memory);
        memory[2].store(self.places);
        memory[3].store(self.squares);
    }

    #[inline(always)]
    fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            cross: Compensated::load(simd, memory),
            places: memory[2].load(simd),
            squares: memory[3].load(simd),
        }
    }
}

impl<S: Simd> Line<S> {
    /// `(n sum(t x) - sum(t) sum(x)) / (n sum(t t) - sum(t)^2)`, 0 for a single row.
    #[inline(always)]
    pub(crate) fn slope(self, simd: S, (count, sum): (V<S>, Compensated<S>), window: Sight) -> V<S> {
        let (upper, upper_lost) = product(count, self.cross.high);
        let (lower, lower_lost) = product(self.places, sum.high);
        let exact = Compensated {
            high: upper,
            low: (upper_lost - lower_lost) + (count * self.cross.low - self.places * sum.low),
        };
        let exact = exact.add(-lower);
        let spread = count * self.squares - self.places * self.places;
        let slope = (exact.high + exact.low) / spread;
        let slope = spread.simd_gt(0.0).select(slope, f64x8::splat(simd, 0.0));
        window.of_enough(simd, count, 1.0, slope)
    }
}

/// The slope of the values against their row's position.
#[derive(Clone, Copy)]
pub(crate) struct Slope;

impl Statistic for Slope {
    type State<S: Simd> = ((Count<S>, Compensated<S>), Line<S>);
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const COST_NS: f64 = 4.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, ((count, sum), line): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, count.0);
        results[0].store(line.slope(simd, (count, sum), window));
    }
}

/// The slope of a window in which nothing is missing, from its exact [`Exact::line`]: that is `2 / n` times the product of
/// the rows and the sum of values times positions less the product of both sums, and rounds as their difference does.
#[inline(always)]
pub(super) fn moved<S: Simd>(simd: S, line: Compensated<S>, window: Sight) -> V<S> {
    let rows = window.whole.unwrap_or(0.0);
    let half = f64x8::splat(simd, rows / 2.0);
    let sum = line.high + line.low;
    let lost = line.low - (sum - line.high);
    let (upper, missed) = product_of(simd, half, sum);
    let upper = upper + (missed + half * lost);
    let squares = rows * rows;
    let spread = f64x8::splat(simd, squares * (squares - 1.0) / 12.0);
    let slope = if rows > 1.0 { upper / spread } else { f64x8::splat(simd, 0.0) };
    window.of_enough(simd, half, 1.0, slope)
}

impl Moves for Slope {
    const LINE: bool = true;
    type Rest = Self;

    fn rest(&self) -> Option<Self> {
        None
    }

    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, sums: Exact<S>, window: Sight, results: &mut [Row]) {
        results[0].store(moved(simd, sums.line, window));
    }
}

/// Rolling slope of each column: least squares of the non-missing values against their rows' positions or times.
///
/// `y[t] = sum((s - mean s) (x[s] - mean x)) / sum((s - mean s)^2)` over the window's rows s; units of x per row, per second
/// where the windows have times
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain; 0 for one value, or
/// where all are of one instant.
/// Cost: O(n d), whatever the window. Source: the normal equations, in exact products (Dekker 1971) and compensated sums.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Length`] for other times; [`crate::Error::Memory`];
/// [`crate::Error::Interrupted`].
pub fn rolling_slope<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let windows = windows.into();
    if windows.with_times() {
        block::run_uneven(TimeSlope, x.into(), windows, out)
    } else {
        exact::run(Slope, x.into(), windows, out)
    }
}
