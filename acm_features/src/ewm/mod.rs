//! Exponentially weighted mean and standard deviation.
//!
//! Every result moves by a share of the distance to the new value: `m' = m + k (x - m)`, with what the addition rounds
//! away kept beside it. An error made in a step is a rounding of that small move, and fades as fast as the values
//! do: the mean of 1e9 ± 1e-3 keeps its digits, and so does what is left of a spike of 1e15. Where the new value weighs more
//! than the past the move starts from it instead.
//!
//! # Examples
//!
//! ```
//! use acm_features::ewm::{Decay, Weighing, ewm_mean};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[1.0], [2.0], [f64::NAN], [4.0]];
//! let weighing = Weighing { adjust: false, ignore_na: true, ..Weighing::default() };
//! let mut out = Array2::zeros(x.dim());
//! ewm_mean(x.view(), Decay::alpha(0.5)?, weighing, out.view_mut())?;
//! assert_eq!(out, array![[1.0], [1.5], [1.5], [2.75]]);
//! # Ok(())
//! # }
//! ```

mod decay;
mod live;
mod state;
#[cfg(test)]
mod tests;

use std::ops::Range;

use acm_linalg::columns::{allocate, reserve};
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use ndarray::{ArrayViewMut2, s};

pub use self::decay::{Decay, Weighing};
use self::decay::{Plan, Step};
pub use self::live::{Fading, Weighted};
pub(crate) use self::live::{KEPT, Walk};
use self::state::{Move, State};
use crate::column::output::pieces;
use crate::column::rows::{load, store};

const TILE_ROWS: usize = 256;

const COST_NS: f64 = 4.0;

#[inline(always)]
fn tile<S: Simd, const ADJUST: bool, const STD: bool, const CLEAN: bool, const DEPTHS: bool>(
    simd: S,
    mut state: State<S>,
    rows: &mut [Row],
    steps: &[Step],
    plan: &Plan<'_>,
) -> State<S> {
    for (row, step) in rows.iter_mut().zip(steps) {
        state = state.push::<ADJUST, STD, CLEAN, DEPTHS>(simd, row.load(simd), *step, plan);
        row.store(state.result::<STD, DEPTHS>(simd, plan));
    }
    state
}

/// Groups of eight columns that walk side by side: a mean waits for the one before it, a dozen roundings one after the
/// other, and they wait together.
const TOGETHER: usize = 4;

/// The same for groups in which nothing is missing and every column weighs the same.
#[inline(always)]
fn tiles<S: Simd, const STD: bool, const GROUPS: usize>(
    simd: S,
    states: &mut [State<S>; TOGETHER],
    tiles: &mut [&mut [Row]],
    moves: &[Move],
    unknown: usize,
    plan: &Plan<'_>,
) {
    let Some(tiles) = tiles.first_chunk_mut::<GROUPS>() else {
        return;
    };
    let mut own: [State<S>; GROUPS] = std::array::from_fn(|group| states[group]);
    for (row, by) in moves.iter().enumerate() {
        for group in 0..GROUPS {
            let row = &mut tiles[group][row];
            own[group] = own[group].moved::<STD>(row.load(simd), *by);
            row.store(own[group].result_of::<STD>(simd, *by, plan));
        }
    }
    for tile in tiles {
        tile[..unknown].fill(Row::splat(f64::NAN));
    }
    states[..GROUPS].copy_from_slice(&own);
}

/// A thread's own memory: a tile for each group, its steps and what they do.
struct Scratch {
    tiles: Vec<Row>,
    steps: Vec<Step>,
    moves: Vec<Move>,
}

/// A group's columns, counted from the first of its job.
fn columns_of(group: usize, columns: usize) -> Range<usize> {
    group * LANES..((group + 1) * LANES).min(columns)
}

/// Some groups of eight columns, the first of them column `first`, from their first row to their last.
#[inline(always)]
fn walk<S: Simd, T: Element, const ADJUST: bool, const STD: bool>(
    simd: S,
    x: &Table<'_, T>,
    first: usize,
    out: &mut ArrayViewMut2<'_, T>,
    scratch: &mut Scratch,
    plan: &Plan<'_>,
    stop: &Stop,
) {
    let groups = out.ncols().div_ceil(LANES);
    let idle: [Row; TOGETHER] = std::array::from_fn(|group| {
        let used = out.ncols().saturating_sub(group * LANES);
        Row(std::array::from_fn(|lane| if lane < used { 0.0 } else { 1.0 }))
    });
    let mut states = [State::empty(simd); TOGETHER];
    let mut last = idle;
    for start in (0..x.nrows()).step_by(TILE_ROWS) {
        if stop.requested() {
            return;
        }
        let rows = start..(start + TILE_ROWS).min(x.nrows());
        let steps = &mut scratch.steps[..rows.len()];
        plan.steps(start, steps);
        let mut alike = true;
        let mut clean = [true; TOGETHER];
        for group in 0..groups {
            let columns = columns_of(group, out.ncols());
            let tile = &mut scratch.tiles[group * TILE_ROWS..][..rows.len()];
            load(simd, x, rows.clone(), &(first + columns.start..first + columns.end), tile);
            let idle_lanes = idle[group].load(simd).simd_gt(0.0);
            let mut newest = last[group].load(simd);
            states[group] = states[group].tidied::<STD>(simd, newest, idle_lanes);
            let mut valid = idle[group].load(simd).simd_ge(0.0);
            for row in &*tile {
                let value = row.load(simd);
                let known = value.simd_eq(value);
                valid &= known | idle_lanes;
                newest = known.select(value, newest);
            }
            last[group].store(newest);
            clean[group] = valid.all_true();
            alike &= clean[group] && states[group].weighs_as(states[0], idle_lanes) && !states[group].deep(steps, true);
        }
        let mut done = 0;
        if alike {
            let moves = &mut scratch.moves[..rows.len()];
            let after = states[0].moves::<ADJUST, STD>(simd, steps, moves, plan);
            // The first values of a column weigh more than what came before.
            done = moves.iter().rposition(Move::mostly_new).map_or(0, |row| row + 1);
            if done < rows.len() {
                let (seen, needed) = (states[0].seen() + done as f64, plan.needed());
                for group in 0..groups {
                    let tile_rows = &mut scratch.tiles[group * TILE_ROWS..][..done];
                    states[group] =
                        tile::<S, ADJUST, STD, true, false>(simd, states[group], tile_rows, &steps[..done], plan);
                }
                let rest = &scratch.moves[done..rows.len()];
                let unknown = (1..=rest.len()).take_while(|row| seen + (*row as f64) < needed).count();
                let mut tiles_left = scratch.tiles.chunks_mut(TILE_ROWS).map(|tile| &mut tile[done..rows.len()]);
                let mut sides: [&mut [Row]; TOGETHER] = std::array::from_fn(|_| tiles_left.next().unwrap_or_default());
                match groups {
                    1 => tiles::<S, STD, 1>(simd, &mut states, &mut sides, rest, unknown, plan),
                    2 => tiles::<S, STD, 2>(simd, &mut states, &mut sides, rest, unknown, plan),
                    3 => tiles::<S, STD, 3>(simd, &mut states, &mut sides, rest, unknown, plan),
                    _ => tiles::<S, STD, 4>(simd, &mut states, &mut sides, rest, unknown, plan),
                }
                for state in &mut states[..groups] {
                    *state = state.weighing(after);
                }
                done = rows.len();
            } else {
                done = 0;
            }
        }
        for group in 0..groups {
            let rows_of = &mut scratch.tiles[group * TILE_ROWS..][..rows.len()];
            if done == 0 {
                let state = states[group];
                states[group] = match (clean[group], state.deep(steps, clean[group])) {
                    (true, false) => tile::<S, ADJUST, STD, true, false>(simd, state, rows_of, steps, plan),
                    (false, false) => tile::<S, ADJUST, STD, false, false>(simd, state, rows_of, steps, plan),
                    (_, true) => tile::<S, ADJUST, STD, false, true>(simd, state, rows_of, steps, plan),
                };
            }
            let columns = columns_of(group, out.ncols());
            store(rows_of, rows.clone(), &mut out.slice_mut(s![.., columns]));
        }
    }
}

#[inline(never)]
fn run<T: Element, const STD: bool>(x: &Table<'_, T>, plan: &Plan<'_>, out: ArrayViewMut2<'_, T>) -> Result<()> {
    if out.dim() != x.dim() {
        return Err(Error::Shape {
            name: "out",
            expected: x.dim(),
            got: out.dim(),
        });
    }
    if let Some((_, times)) = plan.decay.in_time
        && times.nanoseconds().len() != x.nrows()
    {
        return Err(Error::Length {
            name: "times",
            expected: x.nrows(),
            got: times.nanoseconds().len(),
        });
    }
    if x.is_empty() {
        return Ok(());
    }
    let level = Level::new();
    let cost = COST_NS * x.nrows() as f64 * x.ncols().next_multiple_of(LANES) as f64;
    let groups = x.ncols().div_ceil(LANES);
    let threads = parallel::num_threads();
    let each = groups.div_ceil(groups.div_ceil(TOGETHER).next_multiple_of(threads)).min(TOGETHER);
    let scratch = || {
        let rows = TILE_ROWS.min(x.nrows());
        Ok(Scratch {
            tiles: allocate(each * TILE_ROWS, "a tile of rows")?,
            steps: reserve(rows, Step::NONE, "a tile of steps")?,
            moves: reserve(rows, Move::NONE, "a tile of steps")?,
        })
    };
    let jobs = pieces(out, each * LANES)?.into_iter().enumerate();
    parallel::run(jobs, cost, scratch, |scratch, (number, mut out), stop| {
        let first = number * each * LANES;
        if plan.weighing.adjust {
            dispatch!(level, simd => walk::<_, T, true, STD>(simd, x, first, &mut out, scratch, plan, stop));
        } else {
            dispatch!(level, simd => walk::<_, T, false, STD>(simd, x, first, &mut out, scratch, plan, stop));
        }
    })
}

/// Exponentially weighted mean of each column.
///
/// `y[t] = sum(w[s] x[s]) / sum(w[s])` over the known `x[s]`, s <= t, with `w[s] = (1 - alpha)^(t - s)` where adjusted; else
/// `y[t] = (keep y[t'] + alpha x[t]) / (keep + alpha)`, y of the first known value itself, with `keep` what the rows since the
/// last known value t' left of its weight.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity; there the mean is that of the last known value, and its weight fades on unless `ignore_na`. NaN
/// while fewer than `min_periods` (at least one) were known.
/// The weights fade for ever: an outage may be of any length.
/// In time: `w[s] = 2^(-(times[t] - times[s]) / half_life)`; unadjusted, a new value weighs what the past lost.
/// Cost: O(n d). Threads: columns.
/// Oracle: pandas `ewm(...).mean()`. Source: Roberts (1959), doi 10.1080/00401706.1959.10489860; increments as in West (1979),
/// doi 10.1145/359146.359153.
///
/// # Errors
/// [`Error::Shape`] for another `out`; [`Error::Length`] for other times; [`Error::Memory`]; [`Error::Interrupted`].
pub fn ewm_mean<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    decay: Decay<'_>,
    weighing: Weighing,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let plan = Plan {
        decay,
        weighing,
        bias: false,
    };
    run::<T, false>(&x.into(), &plan, out)
}

/// Exponentially weighted standard deviation of each column, about [`ewm_mean`] with the same weights.
///
/// `y[t]^2 = sum(w[s] (x[s] - mean)^2) / sum(w[s])`, unless `bias` divided by `1 - sum(w[s]^2) / sum(w[s])^2`.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: as [`ewm_mean`]; the unbiased deviation of one value is NaN, the biased one 0. A constant gives exactly 0.
/// Infinite from the first squared deviation on that exceeds the largest float64.
/// Cost: O(n d). Threads: columns. Oracle: pandas `ewm(...).std(bias)`. Source: as [`ewm_mean`].
///
/// # Errors
/// As [`ewm_mean`].
pub fn ewm_std<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    decay: Decay<'_>,
    weighing: Weighing,
    bias: bool,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let plan = Plan { decay, weighing, bias };
    run::<T, true>(&x.into(), &plan, out)
}
