//! What is known of a column before any product: whether it has gaps, how it is scaled and about what it is centred.

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, LANES, Row, V, loaded};
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::ArrayView1;

use super::pack::{Column, eight, slices};

/// Rows that are read together.
const STEP: usize = 16;

/// Rows of one job.
const ROWS: usize = 1024;

/// Values looked at for a column's centre.
const SAMPLE: usize = 31;

/// Squares of scaled values neither overflow nor vanish between these.
const LEAST: f64 = 1e-100;
const MOST: f64 = 1e100;

/// Looks through the columns of `x`.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn scan<T: Element>(x: &Table<'_, T>) -> Result<Vec<Column>> {
    let (rows, columns) = x.dim();
    let (blocks, groups) = (rows.div_ceil(ROWS), columns.div_ceil(LANES));
    let length = blocks.saturating_mul(groups);
    let mut found = reserve(length, Extent::default(), "the extents of the columns")?;
    if length > 0 {
        let jobs = x.row_chunks(ROWS).zip(found.chunks_mut(groups));
        let level = Level::new();
        parallel::run(
            jobs,
            0.3 * x.len() as f64,
            || Ok(()),
            |(), (x, found), stop| {
                if !stop.requested() {
                    dispatch!(level, simd => sizes(simd, x, found));
                }
            },
        )?;
    }
    let known = Column {
        scale: 1.0,
        centre: 0.0,
        gaps: false,
        constant: true,
    };
    let mut result = reserve(columns, known, "the centres of the columns")?;
    for (group, eight) in result.chunks_mut(LANES).enumerate() {
        let mut extent = Extent::default();
        for here in found.iter().skip(group).step_by(groups) {
            extent.merge(here);
        }
        for (lane, column) in eight.iter_mut().enumerate() {
            let (least, most) = (extent.least.0[lane], extent.most.0[lane]);
            column.gaps = extent.gaps.0[lane] > 0.0;
            column.constant = least >= most;
            column.scale = scale_for(least.abs().max(most.abs()));
            column.centre = middle(x.column(group * LANES + lane)) * column.scale;
        }
    }
    Ok(result)
}

/// Whether a value of `x` is missing.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn has_gaps<T: Element>(x: &Table<'_, T>) -> Result<bool> {
    Ok(scan(x)?.iter().any(|column| column.gaps))
}

/// Between which values eight columns lie.
#[derive(Debug, Clone, Copy)]
struct Extent {
    least: Row,
    most: Row,
    /// 1 where a value is missing.
    gaps: Row,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            least: Row::splat(f64::INFINITY),
            most: Row::splat(f64::NEG_INFINITY),
            gaps: Row::splat(0.0),
        }
    }
}

impl Extent {
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, x: V<S>) {
        let here = x.abs().simd_lt(f64::INFINITY);
        let (least, most) = (self.least.load(simd), self.most.load(simd));
        self.least.store(here.select(x, least).min(least));
        self.most.store(here.select(x, most).max(most));
        let gaps = self.gaps.load(simd);
        self.gaps.store(here.select(gaps, f64x8::splat(simd, 1.0)));
    }

    fn note(&mut self, lane: usize, x: f64) {
        if x.abs() < f64::INFINITY {
            self.least.0[lane] = self.least.0[lane].min(x);
            self.most.0[lane] = self.most.0[lane].max(x);
        } else {
            self.gaps.0[lane] = 1.0;
        }
    }

    fn merge(&mut self, other: &Self) {
        for lane in 0..LANES {
            self.least.0[lane] = self.least.0[lane].min(other.least.0[lane]);
            self.most.0[lane] = self.most.0[lane].max(other.most.0[lane]);
            self.gaps.0[lane] = self.gaps.0[lane].max(other.gaps.0[lane]);
        }
    }
}

/// The extent of each column, by groups of eight.
#[inline(always)]
fn sizes<S: Simd, T: Element>(simd: S, x: Table<'_, T>, found: &mut [Extent]) {
    if let Some(x) = x.with_whole_rows() {
        for start in (0..x.nrows()).step_by(STEP) {
            let rows = slices::<T, STEP>(&x, start);
            let some = STEP.min(x.nrows() - start);
            for (group, found) in found.iter_mut().enumerate() {
                let mut extent = *found;
                for row in 0..some {
                    extent.add(simd, loaded(simd, &eight(rows[row], group * LANES, 0.0)));
                }
                *found = extent;
            }
        }
        return;
    }
    for (number, column) in x.columns().enumerate() {
        let found = &mut found[number / LANES];
        let Some(values) = column.to_slice() else {
            column.iter().for_each(|x| found.note(number % LANES, x.widen()));
            continue;
        };
        let mut extent = Extent::default();
        for start in (0..values.len()).step_by(LANES) {
            let padding = values[start].widen();
            extent.add(simd, loaded(simd, &eight(values, start, padding)));
        }
        for lane in 0..LANES {
            found.least.0[number % LANES] = found.least.0[number % LANES].min(extent.least.0[lane]);
            found.most.0[number % LANES] = found.most.0[number % LANES].max(extent.most.0[lane]);
            found.gaps.0[number % LANES] = found.gaps.0[number % LANES].max(extent.gaps.0[lane]);
        }
    }
}

/// The power of two that takes `largest` to about 1 where squares would be out of range, else 1.
pub(super) fn scale_for(largest: f64) -> f64 {
    // Of a column without values it is infinite.
    if largest == 0.0 || largest == f64::INFINITY || (LEAST..=MOST).contains(&largest) {
        return 1.0;
    }
    let exponent = (largest.to_bits() >> 52).cast_signed() - 1023;
    power_of_two(-exponent)
}

/// 2 to the `exponent`, as near as a normal number comes to it.
pub(super) fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits((exponent.clamp(-1022, 1023) + 1023).cast_unsigned() << 52)
}

/// The median of some of the column's values, spread over it without a period; 0 where all are missing.
fn middle<T: Element>(x: ArrayView1<'_, T>) -> f64 {
    let rows = x.len();
    let mut sample = [0.0; SAMPLE];
    let mut taken = 0;
    let mut take = |row: usize| {
        let value = x[row].widen();
        if value.is_finite() {
            sample[taken] = value + 0.0;
            taken += 1;
        }
    };
    if rows <= SAMPLE {
        (0..rows).for_each(&mut take);
    } else {
        // Weyl's sequence of the golden ratio.
        let mut place = 0.5_f64;
        for _ in 0..SAMPLE {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= place < 1")]
            let row = (place * rows as f64) as usize;
            take(row.min(rows - 1));
            place = (place + 0.618_033_988_749_894_9).fract();
        }
    }
    if taken == 0 {
        let first = x.iter().map(|value| value.widen()).find(|value| value.is_finite());
        return first.unwrap_or(0.0) + 0.0;
    }
    let sample = &mut sample[..taken];
    *sample.select_nth_unstable_by(taken / 2, f64::total_cmp).1
}
