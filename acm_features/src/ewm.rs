//! Exponentially weighted mean and standard deviation.
//!
//! Every result moves by a share of the distance to the new value: `m' = m + k (x - m)`, with what the addition rounds
//! away kept beside it. An error made in a step is a rounding of that small move, and fades as fast as the values
//! do: the mean of 1e9 ± 1e-3 keeps its digits, and so does what is left of a spike of 1e15. Where the new value weighs more
//! than the past the move starts from it instead.

use acm_linalg::columns::{allocate, reserve};
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::column::pieces;
use crate::column::rows::{load, store};
use crate::rolling::{Compensated, Times, where_enough};

const TILE_ROWS: usize = 256;

const COST_NS: f64 = 4.0;

/// How fast a weight fades.
#[derive(Debug, Clone, Copy)]
pub struct Decay<'a> {
    /// What a step takes from a weight and what it leaves, each to its own last digit.
    step: Step,
    /// Nanoseconds in which a weight halves and the rows' times, where steps are counted in time.
    in_time: Option<(f64, Times<'a>)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    loss: f64,
    keep: f64,
}

impl Step {
    const NONE: Self = Self { loss: 0.0, keep: 1.0 };

    /// So many half-lives.
    fn halving(times: f64) -> Self {
        Self {
            loss: -(-times * std::f64::consts::LN_2).exp_m1(),
            keep: (-times).exp2(),
        }
    }
}

impl<'a> Decay<'a> {
    /// A row's weight is `1 - alpha` times that of the next.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 < alpha <= 1`.
    pub fn alpha(alpha: f64) -> Result<Self> {
        require(alpha > 0.0 && alpha <= 1.0, "alpha", "above 0 and at most 1", alpha)?;
        let keep = 1.0 - alpha;
        Ok(Self::by_row(Step { loss: alpha, keep }))
    }

    /// `alpha = 2 / (span + 1)`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `span` is finite and at least 1.
    pub fn span(span: f64) -> Result<Self> {
        require(span >= 1.0 && span.is_finite(), "span", "at least 1", span)?;
        let (loss, keep) = (2.0 / (span + 1.0), (span - 1.0) / (span + 1.0));
        Ok(Self::by_row(Step { loss, keep }))
    }

    /// A weight halves in so many rows: `alpha = 1 - 2^(-1 / rows)`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `rows` is finite and above 0.
    pub fn half_life(rows: f64) -> Result<Self> {
        require(rows > 0.0 && rows.is_finite(), "halflife", "above 0", rows)?;
        Ok(Self::by_row(Step::halving(1.0 / rows)))
    }

    /// A weight halves in so many nanoseconds of the rows' times.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless it is above 0.
    pub fn half_life_in_time(nanoseconds: i64, times: Times<'a>) -> Result<Self> {
        require(nanoseconds > 0, "halflife", "a duration above 0, in nanoseconds", nanoseconds as f64)?;
        Ok(Self {
            step: Step::NONE,
            in_time: Some((nanoseconds as f64, times)),
        })
    }

    fn by_row(step: Step) -> Self {
        Self { step, in_time: None }
    }
}

/// What else defines the weights, and how many values a result needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighing {
    /// Whether weights are divided by their sum from the first value on; else the first value counts as the mean before it.
    pub adjust: bool,
    /// Whether weights fade by known values alone; else by rows.
    pub ignore_na: bool,
    /// Known values a result needs, at least one.
    pub min_periods: usize,
}

impl Default for Weighing {
    fn default() -> Self {
        Self {
            adjust: true,
            ignore_na: false,
            min_periods: 1,
        }
    }
}

/// One call's weights.
#[derive(Clone, Copy)]
struct Plan<'a> {
    decay: Decay<'a>,
    weighing: Weighing,
    bias: bool,
}

impl Plan<'_> {
    /// The decay from the row before to each row from `first` on.
    fn steps(&self, first: usize, steps: &mut [Step]) {
        let Some((half_life, times)) = self.decay.in_time else {
            steps.fill(self.decay.step);
            return;
        };
        let times = times.nanoseconds();
        let (mut before, mut known) = (0, Step::NONE);
        for (row, step) in (first..).zip(steps) {
            let elapsed = match (row.checked_sub(1).and_then(|row| times.get(row)), times.get(row)) {
                (Some(&earlier), Some(&now)) => now.saturating_sub(earlier),
                _ => 0,
            };
            // Most histories have few different steps.
            if elapsed != before {
                (before, known) = (elapsed, Step::halving(elapsed as f64 / half_life));
            }
            *step = known;
        }
    }
}

/// What a column's rows so far come to.
#[derive(Clone, Copy)]
struct State<S: Simd> {
    seen: V<S>,
    mean: Compensated<S>,
    /// Sum of the weights over that of the last value.
    weight: Compensated<S>,
    /// What the weights lost and kept since the last value.
    loss: Compensated<S>,
    keep: V<S>,
    /// Weighted mean of the squared deviations.
    variance: Compensated<S>,
    /// 1 less the squared weights' sum over the squared sum of the weights.
    spread: Compensated<S>,
}

/// The shares of the past and of the new value in a mean.
#[derive(Clone, Copy)]
struct Shares<S: Simd> {
    past: V<S>,
    new: V<S>,
    /// Whether the new value has more than half.
    mostly_new: <V<S> as SimdBase<S>>::Mask,
}

/// The sum with what its last rounding lost in `low` alone.
#[inline(always)]
fn settled<S: Simd>(sum: Compensated<S>) -> Compensated<S> {
    let high = sum.high + sum.low;
    Compensated {
        high,
        low: sum.low - (high - sum.high),
    }
}

#[inline(always)]
fn alone<S: Simd>(simd: S, high: V<S>) -> Compensated<S> {
    Compensated {
        high,
        low: f64x8::splat(simd, 0.0),
    }
}

#[inline(always)]
fn either<S: Simd>(mask: <V<S> as SimdBase<S>>::Mask, yes: Compensated<S>, no: Compensated<S>) -> Compensated<S> {
    Compensated {
        high: mask.select(yes.high, no.high),
        low: mask.select(yes.low, no.low),
    }
}

impl<S: Simd> State<S> {
    #[inline(always)]
    fn empty(simd: S) -> Self {
        let zero = Compensated::zero(simd);
        Self {
            seen: f64x8::splat(simd, 0.0),
            mean: zero,
            weight: zero,
            loss: zero,
            keep: f64x8::splat(simd, 1.0),
            variance: zero,
            spread: zero,
        }
    }

    /// With the next row; where it is missing, only time has passed.
    #[inline(always)]
    fn push<const ADJUST: bool, const STD: bool, const CLEAN: bool>(
        self,
        simd: S,
        x: V<S>,
        step: Step,
        plan: &Plan<'_>,
    ) -> Self {
        let left = (1.0 - self.loss.high) - self.loss.low;
        let loss = self.loss.add(left * step.loss);
        let keep = self.keep * step.keep;
        let (weight, shares) = if ADJUST {
            self.adjusted(simd, loss, keep)
        } else {
            self.unadjusted(simd, loss, keep, plan)
        };
        let Shares { past, new, mostly_new } = shares;

        // Half of the distance, which cannot overflow.
        let half = (x * 0.5 - self.mean.high * 0.5) - self.mean.low * 0.5;
        let base = either(mostly_new, alone(simd, x), self.mean);
        let factor = mostly_new.select(past * -2.0, new * 2.0);
        let mean = settled(base.add(factor * half));

        let (mut variance, mut spread) = (self.variance, self.spread);
        if STD {
            // Factor by factor: the square of the first value's distance from nothing may be infinite.
            let gain = (past * half * 4.0) * (new * half);
            let slow = settled(variance.add(gain - (variance.high + variance.low) * new));
            variance = either(mostly_new, alone(simd, past * variance.high + gain), slow);
            let grown = (past * 2.0 - (past + 1.0) * spread.high) * new;
            let slow = settled(spread.add(grown));
            spread = either(mostly_new, alone(simd, past * (past * spread.high + new * 2.0)), slow);
        }
        let fresh = Self {
            seen: self.seen + 1.0,
            mean,
            weight,
            loss: Compensated::zero(simd),
            keep: f64x8::splat(simd, 1.0),
            variance,
            spread,
        };
        if CLEAN {
            return fresh;
        }
        let valid = x.simd_eq(x);
        let (loss, keep) = if plan.weighing.ignore_na { (self.loss, self.keep) } else { (loss, keep) };
        Self {
            seen: valid.select(fresh.seen, self.seen),
            mean: either(valid, fresh.mean, self.mean),
            weight: either(valid, fresh.weight, self.weight),
            loss: either(valid, fresh.loss, loss),
            keep: valid.select(fresh.keep, keep),
            variance: either(valid, fresh.variance, self.variance),
            spread: either(valid, fresh.spread, self.spread),
        }
    }

    /// Weights that sum to `w' = 1 + keep w`, as a move from `w` where little is lost.
    #[inline(always)]
    fn adjusted(self, simd: S, loss: Compensated<S>, keep: V<S>) -> (Compensated<S>, Shares<S>) {
        let before = self.weight;
        let lost = loss.high * before.high + (loss.low * before.high + loss.high * before.low);
        let kept = keep * before.high;
        let slow = settled(before.add(1.0 - lost));
        let weight = either(loss.high.simd_gt(0.5), alone(simd, kept + 1.0), slow);
        let new = 1.0 / weight.high;
        let shares = Shares {
            past: kept * new,
            new,
            mostly_new: new.simd_gt(0.5),
        };
        (weight, shares)
    }

    /// The past weighs what it kept; the new value `alpha`, or in time what the past lost.
    #[inline(always)]
    fn unadjusted(self, simd: S, loss: Compensated<S>, keep: V<S>, plan: &Plan<'_>) -> (Compensated<S>, Shares<S>) {
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let first = self.seen.simd_eq(0.0);
        let (past, new) = if plan.decay.in_time.is_some() {
            (keep, loss.high + loss.low)
        } else {
            let alpha = plan.decay.step.loss;
            let sum = keep + alpha;
            (keep / sum, alpha / sum)
        };
        let new = first.select(one, new);
        let shares = Shares {
            past: first.select(zero, past),
            new,
            mostly_new: new.simd_gt(0.5),
        };
        (alone(simd, one), shares)
    }

    #[inline(always)]
    fn result<const STD: bool>(self, simd: S, plan: &Plan<'_>) -> V<S> {
        let needed = plan.weighing.min_periods.max(1) as f64;
        let value = if STD {
            let variance = if plan.bias {
                self.variance.high
            } else {
                self.variance.high / self.spread.high
            };
            // NaN here only says that a squared deviation went beyond the largest float64.
            let root = variance.sqrt();
            let root = root.simd_eq(root).select(root, f64x8::splat(simd, f64::INFINITY));
            let defined = self.spread.high.simd_gt(0.0);
            let undefined = f64x8::splat(simd, if plan.bias { 0.0 } else { f64::NAN });
            defined.select(root, undefined)
        } else {
            self.mean.high
        };
        where_enough(simd, self.seen, needed, value)
    }
}

#[inline(always)]
fn tile<S: Simd, const ADJUST: bool, const STD: bool, const CLEAN: bool>(
    simd: S,
    mut state: State<S>,
    rows: &mut [Row],
    steps: &[Step],
    plan: &Plan<'_>,
) -> State<S> {
    for (row, step) in rows.iter_mut().zip(steps) {
        state = state.push::<ADJUST, STD, CLEAN>(simd, row.load(simd), *step, plan);
        row.store(state.result::<STD>(simd, plan));
    }
    state
}

/// A thread's own memory: a tile and its steps.
type Scratch = (Vec<Row>, Vec<Step>);

/// Eight columns from their first row to their last.
#[inline(always)]
fn walk<S: Simd, T: Element, const ADJUST: bool, const STD: bool>(
    simd: S,
    x: &ArrayView2<'_, T>,
    group: usize,
    out: &mut ArrayViewMut2<'_, T>,
    (buffer, steps): &mut Scratch,
    plan: &Plan<'_>,
    stop: &Stop,
) {
    let columns = group * LANES..group * LANES + out.ncols();
    let idle = Row(std::array::from_fn(|lane| if lane < out.ncols() { 0.0 } else { 1.0 }));
    let mut state = State::empty(simd);
    for start in (0..x.nrows()).step_by(TILE_ROWS) {
        if stop.requested() {
            return;
        }
        let rows = start..(start + TILE_ROWS).min(x.nrows());
        let buffer = &mut buffer[..rows.len()];
        let steps = &mut steps[..rows.len()];
        load(simd, x, rows.clone(), &columns, buffer);
        plan.steps(start, steps);
        let mut valid = idle.load(simd).simd_ge(0.0);
        for row in &*buffer {
            let value = row.load(simd);
            valid &= value.simd_eq(value) | idle.load(simd).simd_gt(0.0);
        }
        state = if valid.all_true() {
            tile::<S, ADJUST, STD, true>(simd, state, buffer, steps, plan)
        } else {
            tile::<S, ADJUST, STD, false>(simd, state, buffer, steps, plan)
        };
        store(buffer, rows, out);
    }
}

fn run<T: Element, const STD: bool>(x: &ArrayView2<'_, T>, plan: &Plan<'_>, out: ArrayViewMut2<'_, T>) -> Result<()> {
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
    let jobs = pieces(out, LANES).into_iter().enumerate().collect();
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
/// In time: `w[s] = 2^(-(times[t] - times[s]) / half_life)`; unadjusted, a new value weighs what the past lost.
/// Cost: O(n d). Threads: columns.
/// Oracle: pandas `ewm(...).mean()`. Source: Roberts (1959), doi 10.1080/00401706.1959.10489860; increments as in West (1979),
/// doi 10.1145/359146.359153.
///
/// # Errors
/// [`Error::Shape`] for another `out`; [`Error::Length`] for other times; [`Error::Memory`]; [`Error::Interrupted`].
pub fn ewm_mean<T: Element>(
    x: ArrayView2<'_, T>,
    decay: Decay<'_>,
    weighing: Weighing,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let plan = Plan {
        decay,
        weighing,
        bias: false,
    };
    run::<T, false>(&x, &plan, out)
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
pub fn ewm_std<T: Element>(
    x: ArrayView2<'_, T>,
    decay: Decay<'_>,
    weighing: Weighing,
    bias: bool,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let plan = Plan { decay, weighing, bias };
    run::<T, true>(&x, &plan, out)
}

#[cfg(test)]
#[path = "ewm_tests.rs"]
mod tests;
