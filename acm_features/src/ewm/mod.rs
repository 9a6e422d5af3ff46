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
#[cfg(test)]
mod gaps_tests;
mod live;
#[cfg(test)]
mod rows_tests;
mod state;
#[cfg(test)]
mod tests;
mod tiles;
#[cfg(test)]
mod tiles_tests;

use acm_linalg::columns::{allocate, reserve};
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use ndarray::ArrayViewMut2;

pub use self::decay::{Decay, Weighing};
use self::decay::{KnownSteps, Plan, Step};
pub use self::live::{Fading, Weighted};
pub(crate) use self::live::{KEPT, Walk};
use self::state::{Lanes, Long, Move, SIZE, State};
use self::tiles::{Columns, Line, Placed, Results};
use crate::column::output::pieces;

/// Rows after which what has faded is cleared away.
const TIDY_ROWS: usize = 256;

/// Rows that are read, computed and written at once: of few groups more of them fit the cache. They divide [`TIDY_ROWS`].
const fn tile_rows(groups: usize) -> usize {
    match groups {
        0..=2 => TIDY_ROWS,
        3..=4 => TIDY_ROWS / 2,
        _ => TIDY_ROWS / 4,
    }
}

const COST_NS: f64 = 4.0;

/// Groups of eight columns that walk side by side: a mean waits for the one before it, a dozen roundings one after the
/// other, and they wait together.
const TOGETHER: usize = 4;

/// Most groups of a job.
const GROUPS: usize = 16;

/// Most columns of a job.
const COLUMNS: usize = GROUPS * LANES;

/// Which of a tile's groups, and of how many.
#[derive(Clone, Copy)]
struct Sides<'a>(&'a [usize], usize);

/// A group whose columns each have weights of their own, in its first rows.
#[inline(always)]
fn apart<S: Simd, const ADJUST: bool, const STD: bool, const CLEAN: bool, const DEPTHS: bool>(
    simd: S,
    mut state: State<S>,
    (group, groups): (usize, usize),
    (tile, results): (&[Row], &mut [Row]),
    steps: &[Step],
    plan: &Plan<'_>,
) -> State<S> {
    let rows = tile.chunks_exact(groups).zip(results.chunks_exact_mut(groups));
    for ((row, result), step) in rows.zip(steps) {
        state = state.push::<ADJUST, STD, CLEAN, DEPTHS>(simd, row[group].load(simd), *step, plan);
        result[group].store(state.result::<STD, DEPTHS>(simd, plan));
    }
    state
}

/// Groups in which nothing is missing and every column weighs the same.
#[inline(always)]
fn alike<S: Simd, const STD: bool, const SIDES: usize>(
    simd: S,
    states: &mut [State<S>; GROUPS],
    Sides(which, groups): Sides<'_>,
    tile: &[Row],
    results: impl Iterator<Item = impl Line>,
    moves: &[Move],
    plan: &Plan<'_>,
) {
    let Some(which) = which.first_chunk::<SIDES>() else {
        return;
    };
    let mut own = which.map(|group| states[group]);
    for ((row, mut result), by) in tile.chunks_exact(groups).zip(results).zip(moves) {
        for side in 0..SIDES {
            own[side] = own[side].moved::<STD>(row[which[side]].load(simd), *by);
            result.put(which[side], own[side].result_of::<STD>(simd, *by, plan));
        }
    }
    for (group, state) in which.iter().zip(own) {
        states[*group] = state;
    }
}

/// [`alike`] of at most [`TOGETHER`].
#[inline(always)]
fn some_alike<S: Simd, const STD: bool>(
    simd: S,
    states: &mut [State<S>; GROUPS],
    sides: Sides<'_>,
    tile: &[Row],
    results: impl Iterator<Item = impl Line>,
    moves: &[Move],
    plan: &Plan<'_>,
) {
    match sides.0.len() {
        1 => alike::<S, STD, 1>(simd, states, sides, tile, results, moves, plan),
        2 => alike::<S, STD, 2>(simd, states, sides, tile, results, moves, plan),
        3 => alike::<S, STD, 3>(simd, states, sides, tile, results, moves, plan),
        _ => alike::<S, STD, TOGETHER>(simd, states, sides, tile, results, moves, plan),
    }
}

/// Means of one group that is alike, whose steps differ: what a row does to the weights is worked out beside what the row before
/// did to the means, for each waits for itself alone. The state is in `memory`.
// Apart from the walk, whose loops are not to grow by it.
#[inline(never)]
fn abreast<const ADJUST: bool>(
    level: Level,
    memory: &mut [Row; SIZE],
    (group, groups): (usize, usize),
    (tile, results): (&[Row], &mut [Row]),
    steps: &[Step],
    plan: &Plan<'_>,
) {
    dispatch!(level, simd => {
        let mut state = State::load(simd, memory);
        let lacking = state.lacking(steps.len(), plan);
        let mut weights = state;
        let rows = tile.chunks_exact(groups).zip(results.chunks_exact_mut(groups));
        for (number, ((row, result), step)) in rows.zip(steps).enumerate() {
            let (x, before) = (row[group].load(simd), weights);
            let by;
            (weights, by) = before.next::<ADJUST, false>(simd, *step, plan);
            let value;
            if by.mostly_new() || number < lacking {
                state = state.weighing(before).push::<ADJUST, false, true, false>(simd, x, *step, plan);
                value = state.result::<false, false>(simd, plan);
            } else {
                state = state.moved::<false>(x, by);
                value = state.result_of::<false>(simd, by, plan);
            }
            result[group].store(value);
        }
        state.weighing(weights).save(memory);
    });
}

/// Takes away the results of some lanes.
#[inline(always)]
fn write_missing<S: Simd>(simd: S, results: &mut [Row], (group, groups): (usize, usize), lanes: Lanes<S>) {
    let missing = V::<S>::splat(simd, f64::NAN);
    for row in results[group..].iter_mut().step_by(groups) {
        row.store(lanes.select(missing, row.load(simd)));
    }
}

/// A thread's own memory: a tile and its results, its steps and what they do.
struct Scratch {
    tile: Vec<Row>,
    results: Vec<Row>,
    steps: Vec<Step>,
    known: KnownSteps,
    moves: Vec<Move>,
    /// For one column.
    long: Option<Long>,
}

/// Some columns from their first row to their last.
#[inline(always)]
fn walk<S: Simd, T: Element, const ADJUST: bool, const STD: bool>(
    simd: S,
    x: &Columns<'_, T>,
    out: &mut Results<'_, T>,
    ((length, columns), height): ((usize, usize), usize),
    scratch: &mut Scratch,
    plan: &Plan<'_>,
    stop: &Stop,
) {
    let groups = columns.div_ceil(LANES);
    let mut states = [State::empty(simd); GROUPS];
    let mut last = [Row::default(); GROUPS];
    let nobody = states[0].nobody(simd);
    let (mut next, mut again) = (0, 0);
    while next < length {
        if stop.requested() {
            return;
        }
        let start = next;
        if let Some(long) = &mut scratch.long
            && start >= again
            && start.is_multiple_of(TIDY_ROWS)
        {
            states[0].save(&mut long.state);
            let (both, rows) = ((x, &mut *out), (start, length));
            let (walked, wait) = long.hurry::<T, ADJUST, STD>(simd.level(), both, rows, &mut last[0].0[0], plan);
            again = start + wait;
            if walked > 0 {
                states[0] = State::load(simd, &long.state);
                next += walked;
                continue;
            }
        }
        next += height;
        let rows = start..(start + height).min(length);
        let tile = &mut scratch.tile[..rows.len() * groups];
        let results = &mut scratch.results[..rows.len() * groups];
        let steps = &mut scratch.steps[..rows.len()];
        plan.steps(start, &mut scratch.known, steps);
        let steps = &*steps;
        let clean = x.load(simd.level(), rows.clone(), tile);
        let tile = &*tile;
        let (mut sides, mut in_step) = ([0; GROUPS], 0);
        let (mut others, mut alone) = ([(0, false); GROUPS], 0);
        // Lanes of columns without any value so far go along with the others, and their results are taken away afterwards.
        let (mut quiet, mut untold) = ([nobody; GROUPS], false);
        let mut placed = false;
        for group in 0..groups {
            let mut newest = last[group].load(simd);
            if start.is_multiple_of(TIDY_ROWS) {
                states[group] = states[group].tidied::<STD>(simd, newest, nobody);
            }
            let mut whole = true;
            if clean {
                newest = tile[(rows.len() - 1) * groups + group].load(simd);
            } else {
                let (mut every, mut some) = (newest.simd_eq(newest), nobody);
                for row in tile[group..].iter().step_by(groups) {
                    let value = row.load(simd);
                    let known = value.simd_eq(value);
                    every &= known;
                    some |= known;
                    newest = known.select(value, newest);
                }
                let silent = states[group].silent(!some);
                whole = (every | silent).all_true();
                if silent.all_true() {
                    write_missing(simd, results, (group, groups), silent);
                    untold = true;
                    continue;
                }
                if silent.any_true() {
                    quiet[group] = silent;
                    untold = true;
                    if whole {
                        states[group] = states[group].following(simd, silent);
                    }
                }
            }
            last[group].store(newest);
            let leader = states[sides[0]];
            if whole
                && (in_step == 0 || states[group].weighs_as(leader, nobody))
                && states[group].weighs_as(states[group], nobody)
                && !states[group].deep(steps, true)
            {
                sides[in_step] = group;
                in_step += 1;
            } else {
                others[alone] = (group, whole);
                alone += 1;
            }
        }
        // Of deviations, roots and quotients take longer than what waits.
        if in_step == 1 && !STD && plan.decay.in_time.is_some() {
            let (group, mut memory) = (sides[0], [Row::default(); SIZE]);
            states[group].save(&mut memory);
            abreast::<ADJUST>(simd.level(), &mut memory, (group, groups), (tile, &mut *results), steps, plan);
            states[group] = State::load(simd, &memory);
        } else if in_step > 0 {
            let moves = &mut scratch.moves[..rows.len()];
            let leader = states[sides[0]];
            let after = leader.moves::<ADJUST, STD>(simd, steps, moves, plan);
            // The first values of a column weigh more than what came before; the first results may lack values.
            let mostly_new = moves.iter().rposition(Move::mostly_new).map_or(0, |row| row + 1);
            let done = mostly_new.max(leader.lacking(rows.len(), plan));
            let which = Sides(&sides[..in_step], groups);
            if done == 0
                && alone == 0
                && !untold
                && let Some(mut lines) = out.lines(rows.clone())
            {
                for which in which.0.chunks(TOGETHER) {
                    let which = Sides(which, groups);
                    let to = lines.rows_mut().into_iter().filter_map(|row| row.into_slice()).map(Placed);
                    some_alike::<S, STD>(simd, &mut states, which, tile, to, moves, plan);
                }
                placed = true;
            } else {
                for &group in which.0 {
                    let (at, to) = ((group, groups), (tile, &mut *results));
                    states[group] =
                        apart::<S, ADJUST, STD, true, false>(simd, states[group], at, to, &steps[..done], plan);
                }
                let (moves, rest) = (&moves[done..], &tile[done * groups..]);
                for which in which.0.chunks(TOGETHER) {
                    let to = results[done * groups..].chunks_exact_mut(groups);
                    some_alike::<S, STD>(simd, &mut states, Sides(which, groups), rest, to, moves, plan);
                }
            }
            for &group in &sides[..in_step] {
                states[group] = states[group].weighing(after);
            }
        }
        for &(group, whole) in &others[..alone] {
            let (state, at, tile) = (states[group], (group, groups), (tile, &mut *results));
            states[group] = match (whole, state.deep(steps, whole)) {
                (true, false) => apart::<S, ADJUST, STD, true, false>(simd, state, at, tile, steps, plan),
                (false, false) => apart::<S, ADJUST, STD, false, false>(simd, state, at, tile, steps, plan),
                (_, true) => apart::<S, ADJUST, STD, false, true>(simd, state, at, tile, steps, plan),
            };
        }
        if untold {
            for group in 0..groups {
                if quiet[group].any_true() {
                    states[group] = states[group].without(simd, quiet[group]);
                    write_missing(simd, results, (group, groups), quiet[group]);
                }
            }
        }
        if !placed {
            out.store(simd, rows, results);
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
    // In wide jobs more of what a row is read for is used at once.
    let each = groups.div_ceil(groups.div_ceil(GROUPS).next_multiple_of(threads));
    let height = tile_rows(each);
    let scratch = || {
        let rows = height.min(x.nrows());
        Ok(Scratch {
            tile: allocate(each * rows, "a tile of rows")?,
            results: allocate(each * rows, "a tile of results")?,
            steps: reserve(rows, Step::NONE, "a tile of steps")?,
            known: KnownSteps::new(x.nrows(), plan)?,
            moves: reserve(rows, Move::NONE, "a tile of steps")?,
            long: if x.ncols() == 1 && plan.decay.in_time.is_none() {
                Long::new::<STD>(x.nrows())?
            } else {
                None
            },
        })
    };
    let jobs = pieces(out, each * LANES)?.into_iter().enumerate();
    parallel::run(jobs, cost, scratch, |scratch, (number, out), stop| {
        let (dim, first) = (out.dim(), number * each * LANES);
        let x = Columns::new(x.of_neighbours(first..first + dim.1));
        let mut out = Results::new(out);
        if plan.weighing.adjust {
            dispatch!(level, simd => walk::<_, T, true, STD>(simd, &x, &mut out, (dim, height), scratch, plan, stop));
        } else {
            dispatch!(level, simd => walk::<_, T, false, STD>(simd, &x, &mut out, (dim, height), scratch, plan, stop));
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
