//! All distances between the rows of two arrays, or of one with itself.

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::{ArrayViewMut2, Axis};

use super::Metric;
use super::kernel::{Magnitudes, Square, Squares, sums};
use super::points::{Points, careful, is_safe};
use crate::error::{Error, Result};
use crate::lanes::{Element, LANES, Row, V};
use crate::memory::{Gather, push, reserved, room};
use crate::parallel;
use crate::samples::Samples;

/// Points along an edge of a tile, whose results stay in the nearest cache.
const EDGE: usize = 32;
const GROUPS: usize = EDGE / LANES;

/// Rows and groups of eight columns of a tile where nothing is to be mirrored: writing long rows costs less.
const HEIGHT: usize = 16;
const ACROSS: usize = 16;
const WIDTH: usize = ACROSS * LANES;

/// Estimated time for a value's difference, in nanoseconds, and for a pair.
const COST_NS: f64 = 0.1;
const PAIR_NS: f64 = 1.0;

/// Time a job should take, in nanoseconds.
const JOB_NS: f64 = 400_000.0;

/// Jobs along an edge of the result of an array with itself.
const ALONG: usize = 64;

const NOTHING: Square = [Row::splat(0.0); LANES];

/// Where distances go: an (n, m) array of either float type, in any memory layout.
#[derive(Debug)]
pub enum Target<'a> {
    /// Of float64.
    F64(ArrayViewMut2<'a, f64>),
    /// Of float32; rounded where it is written.
    F32(ArrayViewMut2<'a, f32>),
}

impl<'a> From<ArrayViewMut2<'a, f64>> for Target<'a> {
    fn from(out: ArrayViewMut2<'a, f64>) -> Self {
        Self::F64(out)
    }
}

impl<'a> From<ArrayViewMut2<'a, f32>> for Target<'a> {
    fn from(out: ArrayViewMut2<'a, f32>) -> Self {
        Self::F32(out)
    }
}

/// Distance of every row of `x` from every row of `y`; `y` none: of `x` from itself, symmetric to the bit and 0 on the
/// diagonal.
///
/// out[i, j] = sqrt(Σ_c (x[i, c] - y[j, c])²) for [`Metric::Euclidean`]
///
/// Shapes: x (n, d), y (m, d) -> (n, m).
/// Missing: NaN for every pair with a row that has a NaN or an infinity.
/// Range: a Euclidean distance that float64 can hold is right to the last digits even where its square overflows or
/// underflows; other metrics overflow to infinity.
/// Cost: n m d, half of it without `y`. Memory: a copy of `y` (of `x` without). Threads: tiles; any number gives the same
/// bytes.
/// Oracle: SciPy `cdist`, rtol 1e-12.
///
/// # Errors
/// [`Error::TooFew`] without columns; [`Error::Shape`] where `y` has other columns or `out` another shape;
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn pairwise(x: Samples<'_>, y: Option<Samples<'_>>, metric: Metric, out: Target<'_>) -> Result<()> {
    match out {
        Target::F64(out) => fill(x, y, metric, out),
        Target::F32(out) => fill(x, y, metric, out),
    }
}

fn fill<T: Element>(x: Samples<'_>, y: Option<Samples<'_>>, metric: Metric, out: ArrayViewMut2<'_, T>) -> Result<()> {
    x.require(0)?;
    let (rows, columns) = y.map_or((x.rows(), x.columns()), |y| (y.rows(), y.columns()));
    shape("y", (rows, x.columns()), (rows, columns))?;
    shape("out", (x.rows(), rows), out.dim())?;
    let mut right = y.map_or_else(|| Points::new(x), Points::new)?;
    if metric == Metric::Cosine {
        right.normalise()?;
    }
    if y.is_some() {
        apart(x, &right, metric, out)
    } else {
        within(&right, metric, out)
    }
}

fn shape(name: &'static str, expected: (usize, usize), got: (usize, usize)) -> Result<()> {
    if expected == got { Ok(()) } else { Err(Error::Shape { name, expected, got }) }
}

fn apart<T: Element>(x: Samples<'_>, right: &Points, metric: Metric, out: ArrayViewMut2<'_, T>) -> Result<()> {
    let (rows, width) = (x.rows(), x.columns());
    let pair = PAIR_NS + COST_NS * width as f64;
    let wide = steps(JOB_NS / (pair * HEIGHT as f64)).max(4 * WIDTH);
    let high = steps(JOB_NS / (pair * wide.min(right.count()).max(1) as f64));
    let jobs = grid(out, high, wide)?;
    let cost = pair * rows as f64 * right.count() as f64;
    let scratch = || Ok((Points::with_room(HEIGHT, width)?, room(HEIGHT, ACROSS, Row::splat(0.0), "a tile")?));
    let level = Level::new();
    parallel::run(jobs, cost, scratch, |(left, tile), (top, first, mut out), stop| {
        let (height, columns) = out.dim();
        for row in (0..height).step_by(HEIGHT) {
            let count = HEIGHT.min(height - row);
            left.refill(x, top + row, count, metric == Metric::Cosine);
            for column in (0..columns).step_by(WIDTH) {
                if stop.requested() {
                    return;
                }
                let size = (count, WIDTH.min(columns - column));
                compute(level, metric, (left, 0), (right, first + column), size, (tile, ACROSS));
                let out = out.slice_mut(ndarray::s![row..row + size.0, column..column + size.1]);
                write((tile, ACROSS), out);
            }
        }
    })
}

fn within<T: Element>(points: &Points, metric: Metric, out: ArrayViewMut2<'_, T>) -> Result<()> {
    let count = points.count();
    let step = count.div_ceil(ALONG).next_multiple_of(EDGE).max(EDGE);
    let along = count.div_ceil(step);
    // A job owns a tile and its mirror image.
    let tiles = grid(out, step, step)?.into_iter().map(|(_, _, tile)| Some(tile));
    let mut tiles = tiles.gathered("the jobs")?;
    let mut jobs = reserved(along * (along + 1) / 2, "the jobs")?;
    for i in 0..along {
        for j in i..along {
            let mirror = if i == j { None } else { tiles[j * along + i].take() };
            if let Some(tile) = tiles[i * along + j].take() {
                jobs.push((i * step, j * step, tile, mirror));
            }
        }
    }
    let pair = PAIR_NS + 0.5 * COST_NS * points.width() as f64;
    let level = Level::new();
    let scratch = || room(EDGE, GROUPS, Row::splat(0.0), "a tile");
    parallel::run(jobs, pair * count as f64 * count as f64, scratch, |tile, (top, first, mut out, mirror), stop| {
        let (height, columns) = out.dim();
        let mut mirror = mirror;
        for row in (0..height).step_by(EDGE) {
            // Within a job on the diagonal, too, the lower half is the mirror image of the upper.
            let start = if mirror.is_none() { row } else { 0 };
            for column in (start..columns).step_by(EDGE) {
                if stop.requested() {
                    return;
                }
                let size = (EDGE.min(height - row), EDGE.min(columns - column));
                compute(level, metric, (points, top + row), (points, first + column), size, (tile, GROUPS));
                if let Some(mirror) = &mut mirror {
                    reflect(tile, mirror.slice_mut(ndarray::s![column..column + size.1, row..row + size.0]));
                } else if row < column {
                    reflect(tile, out.slice_mut(ndarray::s![column..column + size.1, row..row + size.0]));
                } else {
                    rest(tile, size.0);
                }
                write((tile, GROUPS), out.slice_mut(ndarray::s![row..row + size.0, column..column + size.1]));
            }
        }
    })
}

/// Rows of a job, a multiple of a tile's.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn steps(points: f64) -> usize {
    (points.clamp(1.0, 16_384.0) as usize).next_multiple_of(EDGE)
}

/// A piece, and the row and the column it begins at.
type Piece<'a, T> = (usize, usize, ArrayViewMut2<'a, T>);

/// Cuts `out` into pieces of at most `high` rows and `wide` columns, with the numbers of their first ones.
fn grid<T>(out: ArrayViewMut2<'_, T>, high: usize, wide: usize) -> Result<Vec<Piece<'_, T>>> {
    let (rows, columns) = out.dim();
    let mut pieces = Vec::new();
    let mut below = out;
    for top in (0..rows).step_by(high) {
        let (mut beside, next) = below.split_at(Axis(0), high.min(rows - top));
        below = next;
        for first in (0..columns).step_by(wide) {
            let (piece, next) = beside.split_at(Axis(1), wide.min(columns - first));
            beside = next;
            push(&mut pieces, (top, first, piece), "the jobs")?;
        }
    }
    Ok(pieces)
}

/// Results of the points from `left.1` on with those from `right.1` on, `size` of either, into `tile.0`: `tile.1`
/// Rows for each left point.
fn compute(
    level: Level,
    metric: Metric,
    left: (&Points, usize),
    right: (&Points, usize),
    size: (usize, usize),
    (tile, across): (&mut [Row], usize),
) {
    let groups = |first: usize, count: usize| first / LANES..(first + count).div_ceil(LANES);
    let (i, j) = (groups(left.1, size.0), groups(right.1, size.1));
    dispatch!(level, simd => {
        for (place, j) in j.enumerate() {
            for (number, i) in i.clone().enumerate() {
                let mut square = NOTHING;
                eight(simd, metric, (left.0, i), (right.0, j), &mut square);
                for lane in 0..LANES {
                    tile[(number * LANES + lane) * across + place] = square[lane];
                }
            }
        }
    });
    if metric == Metric::Euclidean && !(left.0.is_calm() && right.0.is_calm()) {
        for row in 0..size.0 {
            for column in 0..size.1 {
                let found = &mut tile[row * across + column / LANES].0[column % LANES];
                if !is_safe(*found) {
                    *found = careful(left.0, left.1 + row, right.0, right.1 + column);
                }
            }
        }
    }
}

#[inline(always)]
fn eight<S: Simd>(simd: S, metric: Metric, left: (&Points, usize), right: (&Points, usize), out: &mut Square) {
    let (i, j) = (left.0.group(left.1), right.0.group(right.1));
    match metric {
        Metric::Manhattan => sums::<S, Magnitudes>(simd, i, j, out),
        _ => sums::<S, Squares>(simd, i, j, out),
    }
    match metric {
        Metric::Euclidean => {
            for row in out {
                row.store(row.load(simd).sqrt());
            }
        }
        Metric::Cosine => {
            let zeros: V<S> = right.0.zeros(right.1).load(simd);
            let one: V<S> = f64x8::splat(simd, 1.0);
            let two: V<S> = f64x8::splat(simd, 2.0);
            for lane in 0..LANES {
                let half = out[lane].load(simd) * 0.5;
                let half = half.simd_gt(two).select(two, half);
                let empty = zeros + left.0.zeros(left.1).0[lane];
                // What is missing stays so beside a row of zeros.
                out[lane].store(empty.simd_gt(0.0).select(one + half * 0.0, half));
            }
        }
        Metric::SquaredEuclidean | Metric::Manhattan => {}
    }
}

/// A point has no distance from itself, not even where the cosine of a row of zeros is to be told.
fn rest(tile: &mut [Row], count: usize) {
    for point in 0..count {
        let own = &mut tile[point * GROUPS + point / LANES].0[point % LANES];
        if !own.is_nan() {
            *own = 0.0;
        }
    }
}

fn write<T: Element>((tile, across): (&[Row], usize), mut out: ArrayViewMut2<'_, T>) {
    let (rows, columns) = out.dim();
    for row in 0..rows {
        let from = &tile[row * across..(row + 1) * across];
        let mut to = out.row_mut(row);
        if let Some(to) = to.as_slice_mut() {
            for place in 0..columns / LANES {
                let (from, to) = (&from[place].0, &mut to[place * LANES..(place + 1) * LANES]);
                for lane in 0..LANES {
                    to[lane] = T::narrow(from[lane]);
                }
            }
            for column in columns / LANES * LANES..columns {
                to[column] = T::narrow(from[column / LANES].0[column % LANES]);
            }
        } else {
            for column in 0..columns {
                to[column] = T::narrow(from[column / LANES].0[column % LANES]);
            }
        }
    }
}

/// Writes rows as columns.
fn reflect<T: Element>(tile: &[Row], mut out: ArrayViewMut2<'_, T>) {
    let (columns, rows) = out.dim();
    let tile = &tile[..rows * GROUPS];
    for column in 0..columns {
        let (place, lane) = (column / LANES, column % LANES);
        let mut to = out.row_mut(column);
        if let Some(to) = to.as_slice_mut() {
            let to = &mut to[..rows];
            for row in 0..rows {
                to[row] = T::narrow(tile[row * GROUPS + place].0[lane]);
            }
        } else {
            for row in 0..rows {
                to[row] = T::narrow(tile[row * GROUPS + place].0[lane]);
            }
        }
    }
}
