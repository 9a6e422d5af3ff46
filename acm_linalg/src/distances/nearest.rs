//! The nearest of a few centres for every row.

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::kernel::squares;
use super::points::{Points, careful, is_safe};
use crate::error::{Error, Result};
use crate::lanes::{LANES, Row, V};
use crate::parallel;
use crate::samples::Samples;

/// Rows that meet a group of centres while it stays in the nearest cache.
const ROWS: usize = 64;
const GROUPS: usize = ROWS / LANES;

/// Estimated time for a value's difference, in nanoseconds, and for a pair.
const COST_NS: f64 = 0.1;
const PAIR_NS: f64 = 0.5;

/// Time a job should take, in nanoseconds.
const JOB_NS: f64 = 400_000.0;

/// For eight rows each: the least sum of squares so far, and the number of its centre.
type Best = [(Row, Row); GROUPS];

/// Number of the centre with the least Euclidean distance, and that distance, for every row of `x`; of centres equally far
/// the first.
///
/// Shapes: x (n, d), centers (k, d) -> (n,), (n,).
/// Missing: a row with a NaN or an infinity has index -1 and distance NaN; a centre with one is nobody's.
/// Cost: n k d. Memory: a copy of the centres. Threads: rows; any number gives the same bytes.
/// Oracle: scikit-learn `pairwise_distances_argmin_min`.
///
/// # Errors
/// [`Error::TooFew`] without columns or centres; [`Error::Shape`] where `centers` has other columns;
/// [`Error::Length`] where a result's length is not the rows' number; [`Error::Memory`]; [`Error::Interrupted`].
pub fn nearest(x: Samples<'_>, centers: Samples<'_>, index: &mut [i64], distance: &mut [f64]) -> Result<()> {
    x.require(0)?;
    let (rows, width) = (x.rows(), x.columns());
    if centers.rows() == 0 {
        return Err(Error::TooFew {
            name: "centers",
            what: "row",
            least: 1,
            got: 0,
        });
    }
    let (expected, got) = ((centers.rows(), width), (centers.rows(), centers.columns()));
    if expected != got {
        return Err(Error::Shape {
            name: "centers",
            expected,
            got,
        });
    }
    for (name, got) in [("index", index.len()), ("distance", distance.len())] {
        if got != rows {
            return Err(Error::Length {
                name,
                expected: rows,
                got,
            });
        }
    }
    let centers = Points::new(centers)?;
    let row_ns = centers.count() as f64 * (PAIR_NS + COST_NS * width as f64);
    let step = rows_for(JOB_NS / row_ns);
    let jobs = index.chunks_mut(step).zip(distance.chunks_mut(step)).enumerate();
    let jobs = jobs.map(|(number, (index, distance))| (number * step, index, distance));
    let level = Level::new();
    let scratch = || Points::with_room(ROWS, width);
    parallel::run(jobs, row_ns * rows as f64, scratch, |points, (top, index, distance), stop| {
        let blocks = index.chunks_mut(ROWS).zip(distance.chunks_mut(ROWS)).enumerate();
        for (number, (index, distance)) in blocks {
            points.refill(x, top + number * ROWS, index.len(), false);
            let mut best: Best = [(Row::splat(f64::INFINITY), Row::splat(-1.0)); GROUPS];
            for group in 0..centers.groups() {
                if stop.requested() {
                    return;
                }
                dispatch!(level, simd => improve(simd, &centers, group, points, &mut best));
            }
            conclude(&centers, points, &best, index, distance);
        }
    })
}

/// Rows of a job, a multiple of a block's.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rows_for(rows: f64) -> usize {
    (rows.clamp(1.0, 65_536.0) as usize).next_multiple_of(ROWS)
}

/// Compares the best so far with the centres of a group, in their order.
#[inline(always)]
fn improve<S: Simd>(simd: S, centers: &Points, group: usize, points: &Points, best: &mut Best) {
    let first = group * LANES;
    let count = LANES.min(centers.count() - first);
    for number in 0..points.groups() {
        let mut found = [Row::splat(0.0); LANES];
        squares(simd, centers.group(group), points.group(number), &mut found);
        let (least, place) = &mut best[number];
        let mut held: V<S> = least.load(simd);
        let mut whose: V<S> = place.load(simd);
        for lane in 0..count {
            let sum: V<S> = found[lane].load(simd);
            let closer = sum.simd_lt(held);
            held = closer.select(sum, held);
            whose = closer.select(f64x8::splat(simd, (first + lane) as f64), whose);
        }
        least.store(held);
        place.store(whose);
    }
}

fn conclude(centers: &Points, points: &Points, best: &Best, index: &mut [i64], distance: &mut [f64]) {
    let calm = centers.is_calm() && points.is_calm();
    for (row, (index, distance)) in index.iter_mut().zip(distance).enumerate() {
        let (least, place) = &best[row / LANES];
        let (mut found, mut whose) = (least.0[row % LANES].sqrt(), place.0[row % LANES]);
        if !calm && !is_safe(found) {
            (found, whose) = (f64::INFINITY, -1.0);
            for center in 0..centers.count() {
                let other = careful(centers, center, points, row);
                if other < found {
                    (found, whose) = (other, center as f64);
                }
            }
        }
        *distance = if whose < 0.0 { f64::NAN } else { found };
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        let whose = whose as i64;
        *index = whose;
    }
}
