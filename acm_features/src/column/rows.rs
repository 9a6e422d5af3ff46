//! Rows of up to eight neighbouring columns, from the caller's memory into lanes.

use std::ops::Range;

use acm_linalg::Table;
use acm_linalg::lanes::{Element, LANES, Row, V, canonical, loaded};
use fearless_simd::{Simd, prelude::*};

/// Copies rows of some columns into `tile`; what is missing becomes NaN, and so do lanes without a column.
#[inline(always)]
pub(crate) fn load<S: Simd, T: Element>(
    simd: S,
    x: &Table<'_, T>,
    rows: Range<usize>,
    columns: &Range<usize>,
    tile: &mut [Row],
) {
    let part = x.of_neighbours(columns.clone()).of_rows(rows);
    if part.ncols() == LANES
        && let Some(part) = part.with_whole_rows()
    {
        let missing = V::<S>::splat(simd, f64::NAN);
        for (values, row) in part.rows().into_iter().zip(tile) {
            if let Some(Ok(values)) = values.to_slice().map(<&[T; LANES]>::try_from) {
                let values = loaded(simd, &values.map(T::widen));
                row.store(values.abs().simd_lt(f64::INFINITY).select(values + 0.0, missing));
            }
        }
        return;
    }
    if part.ncols() < LANES {
        tile.fill(Row::splat(f64::NAN));
    }
    for (lane, column) in part.columns().enumerate() {
        match column.to_slice() {
            Some(values) => {
                for (value, row) in values.iter().zip(&mut *tile) {
                    row.0[lane] = canonical(value.widen(), f64::NAN);
                }
            }
            None => {
                for (value, row) in column.iter().zip(&mut *tile) {
                    row.0[lane] = canonical(value.widen(), f64::NAN);
                }
            }
        }
    }
}
