//! Windows whose sums or squares leave the range of float64, taken again with their values scaled by a power of two.
//!
//! Such a scale changes no digit. What is not a number the first time has left the range, or is not defined: the second
//! time tells. All this is outside the loops over the rows, which only note that there may be such a window.

use std::sync::atomic::{AtomicBool, Ordering};

use acm_linalg::columns::{self, History, Leaf, Pick, Plane, Source, Tile};
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::memory::{Gather, reserve, room};
use acm_linalg::{Error, Result, parallel};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};

use super::survey::{HAS_LARGE, HAS_ODD, HAS_PLAIN, HAS_SMALL, LOOK_NS, rows_at_once, survey};

/// Sums of values below this, and of their squares, stay among the numbers: 2^480.
pub(crate) const LARGE: f64 = f64::from_bits((1023 + 480) << 52);

/// Squares of the differences of values above this keep their digits: 2^-380.
pub(crate) const SMALL: f64 = f64::from_bits((1023 - 380) << 52);

/// Scale that brings large values back among the numbers, and small ones by its inverse: 2^-600.
const SHRINK: f64 = f64::from_bits((1023 - 600) << 52);
const GROW: f64 = f64::from_bits((1023 + 600) << 52);

/// The least sum of squares that has lost no digits to numbers too small: 2^-960.
pub(crate) const LEAST_SQUARES: f64 = f64::from_bits((1023 - 960) << 52);

/// Times which [`LARGE`] leaves the range.
const BEYOND: f64 = f64::from_bits((1023 + 544) << 52);

/// 0 in the lanes of ordinary numbers, NaN in those of NaN and of what is infinite after the first product.
#[inline(always)]
fn oddity<S: Simd>(simd: S, row: &Row) -> V<S> {
    row.load(simd) * BEYOND * 0.0
}

/// Rows at the end before which there is one with a missing or a large value in any lane.
#[inline(always)]
pub(crate) fn ordinary_at_the_end<S: Simd>(simd: S, rows: &[Row]) -> usize {
    const TOGETHER: usize = 16;
    let mut known = 0;
    while rows.len() - known >= TOGETHER {
        // Four sums, for each waits for what it was before.
        let mut sums = [f64x8::splat(simd, 0.0); 4];
        let end = rows.len() - known;
        for [a, b, c, d] in rows[end - TOGETHER..end].as_chunks::<4>().0 {
            sums[0] += oddity(simd, a);
            sums[1] += oddity(simd, b);
            sums[2] += oddity(simd, c);
            sums[3] += oddity(simd, d);
        }
        let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        if sum.simd_ne(sum).any_true() {
            break;
        }
        known += TOGETHER;
    }
    while known < rows.len() {
        let sum = oddity(simd, &rows[rows.len() - known - 1]);
        if sum.simd_ne(sum).any_true() {
            break;
        }
        known += 1;
    }
    known
}

/// Scales to try on a side, each with what it takes: there is nothing to gain from a scale that leaves all values so small
/// that no square of them can be told.
const SCALES: [(f64, u8); 3] = [(1.0, HAS_PLAIN), (SHRINK, HAS_LARGE), (GROW, HAS_SMALL)];

#[cfg(test)]
thread_local! {
    /// Columns that calls on this thread looked at for large and small values, and columns that they took again.
    pub(super) static WORK: std::cell::Cell<(usize, usize)> = const { std::cell::Cell::new((0, 0)) };
}

/// Notes whether a window may have left the range.
#[derive(Debug, Default)]
pub(crate) struct RangeWatch(AtomicBool);

impl RangeWatch {
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

    /// Notes large and small values of a tile with results that are not defined, of lanes in use whose windows do not reach
    /// over the history's start. `plain` rows at the end of the tile before are known to hold none; returns how many rows at
    /// the end of this one are.
    #[inline(always)]
    pub(crate) fn look_at_results<S: Simd>(
        &self,
        simd: S,
        tile: &Tile<'_>,
        window: usize,
        results: &[Row],
        plain: usize,
    ) -> usize {
        if self.noted() || !undefined(simd, tile, window, results) {
            return 0;
        }
        let plain = if tile.continues { plain.min(tile.lead) } else { 0 };
        let unknown = tile.lead - plain;
        for rows in [tile.x, tile.y] {
            if extreme(simd.level(), &rows[..unknown]) || extreme(simd.level(), &rows[tile.lead..]) {
                self.note();
                return 0;
            }
        }
        tile.x.len()
    }
}

/// Whether there are large values, or small ones.
// Apart from the walk over the rows, whose loops are not to grow by it.
#[inline(never)]
fn extreme(level: Level, rows: &[Row]) -> bool {
    dispatch!(level, simd => {
        let zero = f64x8::splat(simd, 0.0);
        let mut found = zero.simd_ne(zero);
        for row in rows {
            let size = row.load(simd).abs();
            found |= size.simd_ge(LARGE) | (size.simd_lt(SMALL) & size.simd_gt(0.0));
        }
        found.any_true()
    })
}

/// Whether results are not defined, of the lanes in use whose windows do not reach over the history's start.
#[inline(always)]
fn undefined<S: Simd>(simd: S, tile: &Tile<'_>, window: usize, results: &[Row]) -> bool {
    let mut sum = f64x8::splat(simd, 0.0);
    for row in results {
        sum += row.load(simd) * 0.0;
    }
    let mut found = Row::default();
    found.store(sum);
    let width = results.len() / tile.rows().max(1);
    for (lane, start) in tile.start.iter().enumerate().take(tile.lanes.min(LANES)) {
        if !found.0[lane].is_nan() || start.saturating_add(1) < window.saturating_add(tile.late) {
            continue;
        }
        // Beyond the history's end there are no values: nothing is kept of what comes of them.
        let kept = tile.end.saturating_sub(*start).min(tile.rows());
        if results[..kept * width].iter().any(|row| !row.0[lane].is_finite()) {
            return true;
        }
    }
    false
}

/// Columns that have results, from row `first` on, which are no numbers and may become some.
fn unsure<T: Element>(out: ArrayView2<'_, T>, powers: &[Option<i32>], first: usize) -> Result<Vec<usize>> {
    let results = (0..out.ncols()).filter(|result| powers[result % powers.len()].is_some());
    let results = results.gathered("columns")?;
    let odd = survey(out.slice_move(s![first.., ..]).into(), &results, HAS_ODD)?;
    let found = results.iter().zip(odd).filter(|&(_, odd)| odd != 0);
    let mut columns = found.map(|(result, _)| result / powers.len()).gathered("columns")?;
    columns.dedup();
    Ok(columns)
}

/// Where the values of these columns of the results come from: a column of the matrix and how late it is.
fn sources(pick: Pick<'_>, columns: &[usize]) -> Result<Vec<(usize, usize)>> {
    let source = |&column: &usize| match pick {
        Pick::Each => (column, 0),
        Pick::Same => (0, 0),
        Pick::Listed(listed) => listed[column],
    };
    columns.iter().map(source).gathered("columns")
}

/// The columns of the matrix among these, each once, in their order.
fn distinct(sources: &[(usize, usize)]) -> Result<Vec<usize>> {
    let mut columns = sources.iter().map(|&(column, _)| column).gathered("columns")?;
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

fn place(distinct: &[usize], column: usize) -> usize {
    distinct.binary_search(&column).unwrap_or_else(|_| unreachable!("it is one of them"))
}

/// Whether there are large and small values in what each of these columns of the results comes from.
fn extremes<T: Element>(plane: Plane<'_, T>, columns: &[usize]) -> Result<Vec<u8>> {
    let sources = sources(plane.pick, columns)?;
    let distinct = distinct(&sources)?;
    #[cfg(test)]
    WORK.with(|work| work.set((work.get().0 + distinct.len(), work.get().1)));
    let found = survey(plane.values, &distinct, HAS_LARGE | HAS_SMALL | HAS_PLAIN)?;
    sources.iter().map(|&(column, _)| found[place(&distinct, column)]).gathered("columns")
}

/// A side of the inputs, scaled, with only what these columns of the results come from.
struct Scaled {
    values: Array2<f64>,
    sources: Vec<(usize, usize)>,
    late: usize,
}

impl Scaled {
    fn new<T: Element>(plane: Plane<'_, T>, columns: &[usize], scale: f64) -> Result<Self> {
        let mut sources = sources(plane.pick, columns)?;
        let distinct = distinct(&sources)?;
        for (column, _) in &mut sources {
            *column = place(&distinct, *column);
        }
        let columns_first = plane.values.is_column_major();
        let mut values = filled((plane.values.nrows(), distinct.len()), 0.0, columns_first, "scaled values")?;
        let cost = 2.0 * LOOK_NS * values.len() as f64;
        let rows = rows_at_once(distinct.len());
        let chunks = values.axis_chunks_iter_mut(Axis(0), rows).zip(plane.values.row_chunks(rows));
        parallel::run(
            chunks,
            cost,
            || Ok(()),
            |(), (mut to, from), _| {
                let scaled = |value: &T| {
                    let value = value.widen();
                    let product = value * scale;
                    // What becomes infinite would count as missing; as the largest number its squares still leave the
                    // range.
                    if value.is_finite() { product.clamp(f64::MIN, f64::MAX) } else { f64::NAN }
                };
                if let Some(from) = from.dense().filter(|_| !columns_first) {
                    for (to, from) in to.outer_iter_mut().zip(from.outer_iter()) {
                        to.into_iter().zip(&distinct).for_each(|(place, &column)| *place = scaled(&from[column]));
                    }
                } else {
                    for (to, &column) in to.columns_mut().into_iter().zip(&distinct) {
                        to.into_iter().zip(from.column(column)).for_each(|(place, value)| *place = scaled(value));
                    }
                }
            },
        )?;
        Ok(Self {
            values,
            sources,
            late: plane.late,
        })
    }

    fn plane(&self) -> Plane<'_, f64> {
        Plane {
            values: self.values.view().into(),
            pick: Pick::Listed(&self.sources),
            late: self.late,
        }
    }
}

fn filled((rows, columns): (usize, usize), value: f64, columns_first: bool, what: &'static str) -> Result<Array2<f64>> {
    let memory = room(rows, columns, value, what)?;
    Array2::from_shape_vec((rows, columns).set_f(columns_first), memory).map_err(|_| Error::Memory {
        what,
        rows,
        columns,
    })
}

/// Takes the results of `leaf` that are no numbers again from scaled inputs, of the columns that have large or small values.
/// `powers` tells, for each of a column's results, which power of the scale of x it is proportional to; none where it stays as
/// it is. `SQUARES`: it depends on no scale, nor on that of y. Windows of fewer than `least` rows have no results.
#[inline(never)]
pub(crate) fn again<T: Element, L: Leaf, const SQUARES: bool>(
    leaf: &L,
    source: Source<'_, T>,
    history: History<'_>,
    powers: &[Option<i32>],
    least: usize,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    // No float32 is large or small.
    if size_of::<T>() < size_of::<f64>() {
        return Ok(());
    }
    let mut planes = source.planes();
    let Some(x) = planes.next() else { return Ok(()) };
    let y = planes.next();
    let without = least.saturating_sub(1).saturating_sub(history.ahead).min(source.rows());
    let unsure = unsure(out.view(), powers, history.kept(without))?;
    let in_x = extremes(x, &unsure)?;
    let in_y = y.map_or_else(|| reserve(unsure.len(), 0, "columns"), |y| extremes(y, &unsure))?;
    for (x_scale, of_x) in SCALES {
        for (y_scale, of_y) in SCALES {
            if (x_scale, y_scale) == (1.0, 1.0) || (!SQUARES && (x_scale, y_scale) != (SHRINK, 1.0)) {
                continue;
            }
            let concerned = |&(_, (in_x, in_y)): &(&usize, (&u8, &u8))| {
                if SQUARES {
                    in_x & of_x != 0 && in_y & of_y != 0
                } else {
                    (in_x | in_y) & HAS_LARGE != 0
                }
            };
            let columns = unsure.iter().zip(in_x.iter().zip(&in_y)).filter(concerned);
            let columns = columns.map(|(&column, _)| column).gathered("columns")?;
            if columns.is_empty() {
                continue;
            }
            #[cfg(test)]
            WORK.with(|work| work.set((work.get().0, work.get().1 + columns.len())));
            let scaled_x = Scaled::new(x, &columns, x_scale)?;
            let scaled_y = y.map(|y| Scaled::new(y, &columns, y_scale)).transpose()?;
            let source = match &scaled_y {
                Some(scaled_y) => Source::pair(scaled_x.plane(), scaled_y.plane()),
                None => Source::single(scaled_x.plane()),
            };
            let shape = (out.nrows(), columns.len() * powers.len());
            let mut found = filled(shape, f64::NAN, false, "results of scaled values")?;
            columns::run(leaf, source, history, found.view_mut())?;
            merge(&mut out, &found, &columns, powers, x_scale)?;
        }
    }
    Ok(())
}

/// Replaces what is no number in these columns' results by what the scaled values gave.
fn merge<T: Element>(
    out: &mut ArrayViewMut2<'_, T>,
    found: &Array2<f64>,
    columns: &[usize],
    powers: &[Option<i32>],
    scale: f64,
) -> Result<()> {
    let rows = rows_at_once(found.ncols());
    let chunks = out.axis_chunks_iter_mut(Axis(0), rows).zip(found.axis_chunks_iter(Axis(0), rows));
    parallel::run(
        chunks,
        2.0 * LOOK_NS * found.len() as f64,
        || Ok(()),
        |(), (mut out, found), _| {
            for (number, found) in found.columns().into_iter().enumerate() {
                let (column, result) = (columns[number / powers.len()], number % powers.len());
                let Some(power) = powers[result] else { continue };
                for (value, &found) in out.column_mut(column * powers.len() + result).iter_mut().zip(found) {
                    if !value.widen().is_finite() && !found.is_nan() {
                        // One power after the other: their product may itself leave the range.
                        *value = T::narrow((0..power).fold(found, |found, _| found / scale));
                    }
                }
            }
        },
    )
}
