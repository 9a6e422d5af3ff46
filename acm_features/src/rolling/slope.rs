//! Rolling least-squares slope.

use acm_linalg::Result;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::block::{self, Place, Summary, Values, count_of};
use super::sums::{Compensated, SumState, seen, split, where_enough};
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

impl<S: Simd> Line<S> {
    #[inline(always)]
    pub(crate) fn empty(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            cross: Compensated::zero(simd),
            places: zero,
            squares: zero,
        }
    }

    /// With a row as [`seen`] gives it.
    #[inline(always)]
    pub(crate) fn push(self, (x, one): (V<S>, V<S>), position: f64) -> Self {
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
    pub(crate) fn merge(self, newer: Self) -> Self {
        Self {
            cross: self.cross.merge(newer.cross),
            places: self.places + newer.places,
            squares: self.squares + newer.squares,
        }
    }

    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row]) {
        memory[0].store(self.cross.high);
        memory[1].store(self.cross.low);
        memory[2].store(self.places);
        memory[3].store(self.squares);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, memory: &[Row]) -> Self {
        Self {
            cross: Compensated {
                high: memory[0].load(simd),
                low: memory[1].load(simd),
            },
            places: memory[2].load(simd),
            squares: memory[3].load(simd),
        }
    }

    /// `(n sum(t x) - sum(t) sum(x)) / (n sum(t t) - sum(t)^2)`, 0 for a single row.
    #[inline(always)]
    pub(crate) fn slope(self, simd: S, (count, sum): (V<S>, Compensated<S>), min_periods: f64) -> V<S> {
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
        where_enough(simd, count, min_periods.max(1.0), slope)
    }
}

/// The product as a float64 and what its rounding lost (Dekker 1971).
#[inline(always)]
pub(super) fn product<S: Simd>(a: V<S>, b: V<S>) -> (V<S>, V<S>) {
    let product = a * b;
    let (a_high, a_low) = split(a);
    let (b_high, b_low) = split(b);
    let lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, lost)
}

/// The slope of the values against their row's position.
struct Slope;

#[derive(Clone, Copy)]
struct SlopeState<S: Simd> {
    values: SumState<S>,
    line: Line<S>,
}

impl Summary for Slope {
    type State<S: Simd> = SlopeState<S>;
    const SIZE: usize = 7;
    const POWERS: &'static [Option<i32>] = &[Some(1)];
    const RESULTS: usize = 1;
    const COST_NS: f64 = 4.0;

    #[inline(always)]
    fn empty<S: Simd>(simd: S) -> SlopeState<S> {
        SlopeState {
            values: SumState::empty(simd),
            line: Line::empty(simd),
        }
    }

    #[inline(always)]
    fn push<S: Simd, const CLEAN: bool>(
        simd: S,
        state: SlopeState<S>,
        Values { x, .. }: Values<S>,
        place: Place,
    ) -> SlopeState<S> {
        SlopeState {
            values: state.values.push::<CLEAN>(simd, x),
            line: state.line.push(seen::<S, CLEAN>(simd, x), place.position),
        }
    }

    #[inline(always)]
    fn merge<S: Simd, const CLEAN: bool>(
        _simd: S,
        older: SlopeState<S>,
        newer: SlopeState<S>,
        _known: f64,
    ) -> SlopeState<S> {
        SlopeState {
            values: older.values.merge(newer.values),
            line: older.line.merge(newer.line),
        }
    }

    #[inline(always)]
    fn save<S: Simd>(state: SlopeState<S>, memory: &mut [Row]) {
        state.values.save(memory);
        state.line.save(&mut memory[3..]);
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, memory: &[Row]) -> SlopeState<S> {
        SlopeState {
            values: SumState::load(simd, memory),
            line: Line::load(simd, &memory[3..]),
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const CLEAN: bool>(
        &self,
        simd: S,
        state: SlopeState<S>,
        min_periods: f64,
        whole: f64,
        results: &mut [Row],
    ) {
        let count = count_of::<S, CLEAN>(simd, state.values.count, whole);
        results[0].store(state.line.slope(simd, (count, state.values.sum), min_periods));
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
pub fn rolling_slope<'w, T: Element>(
    x: ArrayView2<'_, T>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let windows = windows.into();
    if windows.with_times() {
        block::run_ranges(TimeSlope, x, windows, out)
    } else {
        block::run(Slope, x, windows, out)
    }
}
