//! Columns in step: where nothing is missing in any of them their weights are the same, and are computed once.

use acm_linalg::lanes::{LANES, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::super::decay::{Plan, Step};
use super::{Mask, Shares, State, deviation, either, settled, spread_after};
use crate::rolling::Compensated;

/// What a value does to every column that weighs the same.
#[derive(Clone, Copy)]
pub(in crate::ewm) struct Move {
    past: f64,
    pub(super) new: f64,
    mostly_new: bool,
    /// The correction for bias after it.
    spread: f64,
}

impl Move {
    pub(in crate::ewm) const NONE: Self = Self {
        past: 1.0,
        new: 0.0,
        mostly_new: false,
        spread: 0.0,
    };

    /// Whether the new value has more than half.
    pub(in crate::ewm) const fn mostly_new(&self) -> bool {
        self.mostly_new
    }
}

impl<S: Simd> State<S> {
    /// No lane.
    pub(in crate::ewm) fn nobody(self, simd: S) -> Mask<S> {
        f64x8::splat(simd, 0.0).simd_gt(0.0)
    }

    /// Those of some lanes that never had a value.
    #[inline(always)]
    pub(in crate::ewm) fn silent(self, lanes: Mask<S>) -> Mask<S> {
        lanes & self.seen.simd_eq(0.0)
    }

    /// With the weights of the first other lane in these, of columns without any value.
    #[inline(always)]
    pub(in crate::ewm) fn following(self, simd: S, silent: Mask<S>) -> Self {
        let first = (!silent.to_bitmask()).trailing_zeros() as usize % LANES;
        let as_first = |own: V<S>| silent.select(f64x8::splat(simd, own[first]), own);
        let both_as_first = |own: Compensated<S>| Compensated {
            high: as_first(own.high),
            low: as_first(own.low),
        };
        Self {
            seen: as_first(self.seen),
            mean: self.mean,
            weight: both_as_first(self.weight),
            loss: both_as_first(self.loss),
            keep: as_first(self.keep),
            deep: as_first(self.deep),
            variance: self.variance,
            spread: both_as_first(self.spread),
            root: as_first(self.root),
        }
    }

    /// As before any value, in these lanes.
    #[inline(always)]
    pub(in crate::ewm) fn without(self, simd: S, silent: Mask<S>) -> Self {
        let empty = Self::empty(simd);
        Self {
            seen: silent.select(empty.seen, self.seen),
            mean: either(silent, empty.mean, self.mean),
            weight: either(silent, empty.weight, self.weight),
            loss: either(silent, empty.loss, self.loss),
            keep: silent.select(empty.keep, self.keep),
            deep: silent.select(empty.deep, self.deep),
            variance: either(silent, empty.variance, self.variance),
            spread: either(silent, empty.spread, self.spread),
            root: silent.select(empty.root, self.root),
        }
    }

    /// Of so many rows with a value each, those whose results are of too few values; counted by the first lane.
    pub(in crate::ewm) fn lacking(&self, rows: usize, plan: &Plan<'_>) -> usize {
        (1..=rows).take_while(|row| self.seen[0] + (*row as f64) < plan.needed()).count()
    }

    /// Whether every lane but the idle ones weighs what the first of `other` does.
    #[inline(always)]
    pub(in crate::ewm) fn weighs_as(self, other: Self, idle: Mask<S>) -> bool {
        let pairs = [
            (self.seen, other.seen),
            (self.weight.high, other.weight.high),
            (self.weight.low, other.weight.low),
            (self.loss.high, other.loss.high),
            (self.loss.low, other.loss.low),
            (self.keep, other.keep),
            (self.spread.high, other.spread.high),
            (self.spread.low, other.spread.low),
        ];
        pairs.into_iter().all(|(own, first)| (own.simd_eq(first[0]) | idle).all_true())
    }

    /// With the weights of another, whose lanes all weigh the same.
    #[inline(always)]
    pub(in crate::ewm) fn weighing(self, other: Self) -> Self {
        let State { mean, variance, .. } = self;
        Self {
            mean,
            variance,
            ..other
        }
    }

    /// What values in each of these steps do, and the weights after them: those of the first lane, in every lane.
    #[inline(always)]
    pub(in crate::ewm) fn moves<const ADJUST: bool, const STD: bool>(
        self,
        simd: S,
        steps: &[Step],
        moves: &mut [Move],
        plan: &Plan<'_>,
    ) -> Self {
        let mut state = self;
        for value in [&mut state.seen, &mut state.keep, &mut state.deep, &mut state.root] {
            *value = f64x8::splat(simd, value[0]);
        }
        for sum in [&mut state.weight, &mut state.loss, &mut state.spread] {
            sum.high = f64x8::splat(simd, sum.high[0]);
            sum.low = f64x8::splat(simd, sum.low[0]);
        }
        let mut known: Option<(Step, Move)> = None;
        for (step, to) in steps.iter().zip(moves) {
            if let Some((same, known)) = known
                && same == *step
            {
                *to = known;
                state.seen += 1.0;
                continue;
            }
            let before = state;
            (state, *to) = before.next::<ADJUST, STD>(simd, *step, plan);
            // A weight that does not change any more changes nothing, as long as the steps are the same.
            let still = before.seen[0] > 0.0 && {
                let State { seen, .. } = before;
                State { seen, ..state }.weighs_as(before, seen.simd_lt(0.0))
            };
            known = still.then_some((*step, *to));
        }
        state
    }

    /// The weights after a value in this step, and what it does: to the first lane, which weighs what the others do.
    #[inline(always)]
    pub(in crate::ewm) fn next<const ADJUST: bool, const STD: bool>(
        self,
        simd: S,
        step: Step,
        plan: &Plan<'_>,
    ) -> (Self, Move) {
        let (after, shares) = self.weighed::<ADJUST, STD>(simd, step, plan);
        let by = Move {
            past: shares.past[0],
            new: shares.new[0],
            mostly_new: shares.new[0] > 0.5,
            spread: after.spread.high[0],
        };
        (after, by)
    }

    /// The weights after a step with a value in every lane.
    #[inline(always)]
    fn weighed<const ADJUST: bool, const STD: bool>(self, simd: S, step: Step, plan: &Plan<'_>) -> (Self, Shares<S>) {
        let faded = self.fade::<false>(simd, step);
        let (weight, shares) = if ADJUST {
            self.adjusted::<false>(simd, faded)
        } else {
            self.unadjusted::<false>(simd, faded, plan)
        };
        let spread = if STD {
            spread_after(simd, self.spread, shares, shares.past)
        } else {
            self.spread
        };
        let after = Self {
            seen: self.seen + 1.0,
            weight,
            loss: Compensated::zero(simd),
            keep: f64x8::splat(simd, 1.0),
            spread,
            ..self
        };
        (after, shares)
    }

    /// With a value in every lane that has not more than half of the weight; the weights stay as they are.
    #[inline(always)]
    pub(in crate::ewm) fn moved<const STD: bool>(self, x: V<S>, by: Move) -> Self {
        let (mean, mut variance) = (self.mean, self.variance);
        let half = (x * 0.5 - mean.high * 0.5) - mean.low * 0.5;
        if STD {
            let gain = (half * by.past * 4.0) * (half * by.new);
            variance = settled(variance.add(gain - (variance.high + variance.low) * by.new));
        }
        Self {
            mean: settled(mean.add(half * (by.new * 2.0))),
            variance,
            ..self
        }
    }

    /// The result after a move, of columns with as many values as it takes.
    #[inline(always)]
    pub(in crate::ewm) fn result_of<const STD: bool>(self, simd: S, by: Move, plan: &Plan<'_>) -> V<S> {
        if !STD {
            return self.mean.high;
        }
        if by.spread > 0.0 {
            deviation(simd, if plan.bias { self.variance.high } else { self.variance.high / by.spread })
        } else {
            f64x8::splat(simd, if plan.bias { 0.0 } else { f64::NAN })
        }
    }
}
