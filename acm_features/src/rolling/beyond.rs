//! Windows whose sums or squares leave the range of float64, taken again with their values scaled by a power of two.
//!
//! Such a scale changes no digit. What is not a number the first time has left the range, or is not defined: the second
//! time tells. All this is outside the loops over the rows, which only note that there may be such a window.

use std::sync::atomic::{AtomicBool, Ordering};

use acm_linalg::columns::{self, History, Leaf, Pick, Plane, Source, Tile, reserve};
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::{Error, Result};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Sums of values below this, and of their squares, stay among the numbers: 2^480.
const LARGE: f64 = f64::from_bits((1023 + 480) << 52);

/// Squares of the differences of values above this keep their digits: 2^-380.
const SMALL: f64 = f64::from_bits((1023 - 380) << 52);

/// Scale that brings large values back among the numbers, and small ones by its inverse: 2^-600.
const SHRINK: f64 = f64::from_bits((1023 - 600) << 52);
const GROW: f64 = f64::from_bits((1023 + 600) << 52);

/// The least sum of squares that has lost no digits to numbers too small: 2^-960.
pub(crate) const LEAST_SQUARES: f64 = f64::from_bits((1023 - 960) << 52);

/// Times which [`LARGE`] leaves the range.
const BEYOND: f64 = f64::from_bits((1023 + 544) << 52);

/// Whether any lane of any row holds a missing or a large value.
#[inline(always)]
pub(crate) fn any_odd<S: Simd>(simd: S, rows: &[Row]) -> bool {
    let mut sum = f64x8::splat(simd, 0.0);
    for row in rows {
        // 0 for an ordinary number, NaN for NaN and for what is infinite after the first product.
        sum += row.load(simd) * BEYOND * 0.0;
    }
    sum.simd_ne(sum).any_true()
}

/// Notes whether a window may have left the range.
#[derive(Debug, Default)]
pub(crate) struct Watch(AtomicBool);

impl Watch {
    pub(crate) fn noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Notes large values of the rows that no tile before had, and small ones where `SQUARES` must keep their digits.
    #[inline(always)]
    pub(crate) fn look<S: Simd, const SQUARES: bool>(&self, simd: S, tile: &Tile<'_>, inputs: [&[Row]; 2]) {
        if self.noted() {
            return;
        }
        let zero = f64x8::splat(simd, 0.0);
        let mut found = zero.simd_ne(zero);
        for rows in inputs {
            // The first tile of a job may be the only one to see the rows before it.
            for row in &rows[if tile.continues { tile.lead.min(rows.len()) } else { 0 }..] {
                let size = row.load(simd).abs();
                found |= size.simd_ge(LARGE);
                if SQUARES {
                    found |= size.simd_lt(SMALL) & size.simd_gt(0.0);
                }
            }
        }
        if found.any_true() {
            self.note();
        }
    }

    /// Notes results that are not defined, of the lanes in use whose windows do not reach over the history's start.
    #[inline(always)]
    pub(crate) fn look_at_results<S: Simd>(&self, simd: S, tile: &Tile<'_>, window: usize, results: &[Row]) {
        let mut sum = f64x8::splat(simd, 0.0);
        for row in results {
            sum += row.load(simd) * 0.0;
        }
        let mut found = Row::default();
        found.store(sum);
        let lanes = found.0.iter().zip(&tile.start).take(tile.lanes.min(LANES));
        if lanes.into_iter().any(|(sum, start)| sum.is_nan() && start.saturating_add(1) >= window) {
            self.note();
        }
    }
}

/// A side of the inputs, scaled.
fn scaled<T: Element>(values: ArrayView2<'_, T>, scale: f64) -> Result<Array2<f64>> {
    let (rows, columns) = values.dim();
    let mut memory = reserve(values.len(), 0.0, "scaled values")?;
    for (place, value) in memory.iter_mut().zip(values.iter()) {
        let value = value.widen();
        let product = value * scale;
        // What becomes infinite would count as missing; as the largest number its squares still leave the range.
        *place = if value.is_finite() { product.clamp(f64::MIN, f64::MAX) } else { f64::NAN };
    }
    Array2::from_shape_vec((rows, columns), memory).map_err(|_| Error::Memory {
        what: "scaled values",
        rows,
        columns,
    })
}

/// The scales to try on a side.
fn scales<T: Element>(values: ArrayView2<'_, T>) -> [Option<f64>; 3] {
    let (mut large, mut small) = (false, false);
    for value in values {
        let size = value.widen().abs();
        large |= size >= LARGE && size < f64::INFINITY;
        small |= size < SMALL && size > 0.0;
    }
    [Some(1.0), large.then_some(SHRINK), small.then_some(GROW)]
}

/// Takes the results of `leaf` that are no numbers again from scaled inputs. `powers` tells, for each of a column's results,
/// which power of the scale of x it is proportional to; none where it stays as it is. `SQUARES`: it depends on no scale, nor
/// on that of y.
pub(crate) fn again<T: Element, L: Leaf, const SQUARES: bool>(
    leaf: &L,
    source: Source<'_, T>,
    history: History<'_>,
    powers: &[Option<i32>],
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let mut planes = source.planes();
    let Some(x) = planes.next() else { return Ok(()) };
    let y = planes.next();
    let (x_scales, y_scales) = if SQUARES {
        (scales(x.values), y.map_or([Some(1.0), None, None], |y| scales(y.values)))
    } else {
        ([None, Some(SHRINK), None], [Some(1.0), None, None])
    };
    for x_scale in x_scales.into_iter().flatten() {
        for y_scale in y_scales.into_iter().flatten() {
            if (x_scale, y_scale) == (1.0, 1.0) {
                continue;
            }
            let x_values = scaled(x.values, x_scale)?;
            let y_values = y.map(|y| scaled(y.values, y_scale)).transpose()?;
            let scaled_x = plane(&x_values, x.pick);
            let source = match (&y_values, y) {
                (Some(values), Some(y)) => Source::pair(scaled_x, plane(values, y.pick)),
                _ => Source::single(scaled_x),
            };
            let memory = reserve(out.len(), f64::NAN, "results of scaled values")?;
            let mut found = Array2::from_shape_vec(out.dim(), memory).map_err(|_| Error::Memory {
                what: "results of scaled values",
                rows: out.nrows(),
                columns: out.ncols(),
            })?;
            columns::run(leaf, source, history, found.view_mut())?;
            merge(&mut out, &found, powers, x_scale);
        }
    }
    Ok(())
}

fn plane<'a>(values: &'a Array2<f64>, pick: Pick<'a>) -> Plane<'a, f64> {
    Plane {
        values: values.view(),
        pick,
    }
}

/// Replaces what is no number by what the scaled values gave.
fn merge<T: Element>(out: &mut ArrayViewMut2<'_, T>, found: &Array2<f64>, powers: &[Option<i32>], scale: f64) {
    for (mut column, (found, power)) in
        out.columns_mut().into_iter().zip(found.columns().into_iter().zip(powers.iter().cycle()))
    {
        let Some(power) = *power else { continue };
        for (value, &found) in column.iter_mut().zip(found) {
            if !value.widen().is_finite() && !found.is_nan() {
                // One power after the other: their product may itself leave the range.
                *value = T::narrow((0..power).fold(found, |found, _| found / scale));
            }
        }
    }
}
