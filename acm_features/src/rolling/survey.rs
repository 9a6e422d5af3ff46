//! What there is among the values of columns: missing, large, small.

use std::sync::atomic::{AtomicU8, Ordering};

use acm_linalg::lanes::{Element, LANES, V, loaded};
use acm_linalg::memory::Gather;
use acm_linalg::{Result, Table, parallel};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::ArrayView1;

use super::beyond::{LARGE, SMALL};

/// Bits of what there is: something that is no number, a large value, a small one, one whose squares can be told.
pub(super) const HAS_ODD: u8 = 1;
pub(super) const HAS_LARGE: u8 = 2;
pub(super) const HAS_SMALL: u8 = 4;
pub(super) const HAS_PLAIN: u8 = 8;

/// The squares of however many values below this stay below the least sum of squares that is a result: 2^-520.
const FAINT: f64 = f64::from_bits((1023 - 520) << 52);

/// Estimated time of a look at a value, in nanoseconds.
pub(super) const LOOK_NS: f64 = 0.5;

/// Values of a job that looks at them, and the least rows.
const PACE: (usize, usize) = (1 << 16, 64);

pub(super) fn rows_at_once(columns: usize) -> usize {
    (PACE.0 / columns.max(1)).max(PACE.1)
}

/// What there is of `asked` in each of these columns, which rise.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn survey<T: Element>(values: Table<'_, T>, columns: &[usize], asked: u8) -> Result<Vec<u8>> {
    let seen = columns.iter().map(|_| AtomicU8::new(0)).gathered("columns")?;
    let known = |seen: &AtomicU8| seen.load(Ordering::Relaxed) == asked;
    let level = Level::new();
    let width = values.ncols();
    let cost = LOOK_NS * values.nrows() as f64 * columns.len() as f64;
    parallel::run(
        values.row_chunks(rows_at_once(columns.len())),
        cost,
        || Ok(()),
        |(), chunk, stop| {
            let together = chunk.with_whole_rows().is_some() && width >= LANES;
            let (mut columns, mut seen) = (columns, &seen[..]);
            while let Some(&first) = columns.first() {
                // Those that lie side by side with the first, for one look at all of them.
                let first = if together { first.min(width - LANES) } else { first };
                let last = if together { first + LANES } else { first + 1 };
                let some = columns.iter().take_while(|&&column| column < last).count();
                let (here, of_here);
                (here, columns) = columns.split_at(some);
                (of_here, seen) = seen.split_at(some);
                if of_here.iter().all(known) {
                    continue;
                }
                if stop.requested() {
                    return;
                }
                let found = if together {
                    dispatch!(level, simd => of_neighbours(simd, chunk, first))
                } else {
                    let found = dispatch!(level, simd => of_column(simd, chunk.column(first)));
                    [found.into_iter().fold(0, |all, bits| all | bits); LANES]
                };
                for (&column, seen) in here.iter().zip(of_here) {
                    let bits = found[column - first] & asked;
                    // Most often there is nothing new: no thread takes the others' cache line then.
                    if bits & !seen.load(Ordering::Relaxed) != 0 {
                        seen.fetch_or(bits, Ordering::Relaxed);
                    }
                }
            }
        },
    )?;
    seen.into_iter().map(AtomicU8::into_inner).gathered("columns")
}

/// What there is in eight columns from `first` on of a table with whole rows.
#[inline(always)]
fn of_neighbours<S: Simd, T: Element>(simd: S, x: Table<'_, T>, first: usize) -> [u8; LANES] {
    let mut extent = Extent::new(simd);
    if let Some(x) = x.with_whole_rows() {
        for row in x.outer_iter() {
            if let Some(eight) = row.to_slice().and_then(|row| row[first..].first_chunk()) {
                extent.add(simd, widened(simd, eight));
            }
        }
    }
    extent.bits()
}

/// What there is in a column, by lanes of its rows.
#[inline(always)]
fn of_column<S: Simd, T: Element>(simd: S, x: ArrayView1<'_, T>) -> [u8; LANES] {
    let mut extent = Extent::new(simd);
    if let Some(x) = x.to_slice() {
        let (eights, rest) = x.as_chunks();
        for eight in eights {
            extent.add(simd, widened(simd, eight));
        }
        for value in rest {
            extent.add(simd, f64x8::splat(simd, value.widen()));
        }
    } else {
        let mut eight = [0.0; LANES];
        for (row, value) in x.iter().enumerate() {
            eight[row % LANES] = value.widen();
            if row % LANES == LANES - 1 {
                extent.add(simd, loaded(simd, &eight));
            }
        }
        extent.add(simd, loaded(simd, &eight));
    }
    extent.bits()
}

#[inline(always)]
fn widened<S: Simd, T: Element>(simd: S, values: &[T; LANES]) -> V<S> {
    let mut lanes = [0.0; LANES];
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane = value.widen();
    }
    loaded(simd, &lanes)
}

/// The largest and the least size of the values of each lane, but for 0 and for what is no number.
struct Extent<S: Simd> {
    most: V<S>,
    least: V<S>,
    /// 1 where something is no number.
    odd: V<S>,
}

impl<S: Simd> Extent<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            most: zero,
            least: f64x8::splat(simd, f64::INFINITY),
            odd: zero,
        }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, x: V<S>) {
        let size = x.abs();
        let here = size.simd_lt(f64::INFINITY);
        let nonzero = here & size.simd_gt(0.0);
        self.odd = here.select(self.odd, f64x8::splat(simd, 1.0));
        self.most = here.select(size, self.most).max(self.most);
        self.least = nonzero.select(size, self.least).min(self.least);
    }

    #[inline(always)]
    fn bits(self) -> [u8; LANES] {
        let (most, least, odd): ([f64; LANES], [f64; LANES], [f64; LANES]) =
            (self.most.into(), self.least.into(), self.odd.into());
        let mut bits = [0; LANES];
        for (lane, bits) in bits.iter_mut().enumerate() {
            for (there, bit) in [
                (odd[lane] > 0.0, HAS_ODD),
                (most[lane] >= LARGE, HAS_LARGE),
                (least[lane] < SMALL, HAS_SMALL),
                (most[lane] >= FAINT, HAS_PLAIN),
            ] {
                *bits |= if there { bit } else { 0 };
            }
        }
        bits
    }
}
