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
mod state;
#[cfg(test)]
mod tests;

use acm_linalg::columns::{allocate, reserve};
use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use ndarray::ArrayViewMut2;

pub use self::decay::{Decay, Weighing};
use self::decay::{Plan, Step};
use self::state::State;
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

/// A thread's own memory: a tile and its steps.
type Scratch = (Vec<Row>, Vec<Step>);

/// Eight columns from their first row to their last.
#[inline(always)]
fn walk<S: Simd, T: Element, const ADJUST: bool, const STD: bool>(
    simd: S,
    x: &Table<'_, T>,
    group: usize,
    out: &mut ArrayViewMut2<'_, T>,
    (buffer, steps): &mut Scratch,
    plan: &Plan<'_>,
    stop: &Stop,
) {
    let columns = group * LANES..group * LANES + out.ncols();
    let idle = Row(std::array::from_fn(|lane| if lane < out.ncols() { 0.0 } else { 1.0 }));
    let idle_lanes = idle.load(simd).simd_gt(0.0);
    let mut state = State::empty(simd);
    let mut last = idle.load(simd);
    for start in (0..x.nrows()).step_by(TILE_ROWS) {
        if stop.requested() {
            return;
        }
        let rows = start..(start + TILE_ROWS).min(x.nrows());
        let buffer = &mut buffer[..rows.len()];
        let steps = &mut steps[..rows.len()];
        load(simd, x, rows.clone(), &columns, buffer);
        plan.steps(start, steps);
        state = state.tidied::<STD>(simd, last, idle_lanes);
        let mut valid = idle.load(simd).simd_ge(0.0);
        for row in &*buffer {
            let value = row.load(simd);
            let known = value.simd_eq(value);
            valid &= known | idle_lanes;
            last = known.select(value, last);
        }
        let clean = valid.all_true();
        state = match (clean, state.deep(steps, clean)) {
            (true, false) => tile::<S, ADJUST, STD, true, false>(simd, state, buffer, steps, plan),
            (false, false) => tile::<S, ADJUST, STD, false, false>(simd, state, buffer, steps, plan),
            (_, true) => tile::<S, ADJUST, STD, false, true>(simd, state, buffer, steps, plan),
        };
        store(buffer, rows, out);
    }
}

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
    let scratch = || {
        let rows = TILE_ROWS.min(x.nrows());
        Ok((allocate(rows, "a tile of rows")?, reserve(rows, Step::NONE, "a tile of steps")?))
    };
    let jobs = pieces(out, LANES)?.into_iter().enumerate();
    parallel::run(jobs, cost, scratch, |scratch, (group, mut out), stop| {
        if plan.weighing.adjust {
            dispatch!(level, simd => walk::<_, T, true, STD>(simd, x, group, &mut out, scratch, plan, stop));
        } else {
            dispatch!(level, simd => walk::<_, T, false, STD>(simd, x, group, &mut out, scratch, plan, stop));
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
