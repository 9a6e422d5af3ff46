//! What a column's rows so far come to, eight columns side by side.
//!
//! After an outage almost nothing is left of the past's weight, and of the variance and its correction for bias the same
//! almost nothing: their ratio tends to half of the old variance plus half of the squared distance. Both are therefore kept as numbers
//! of moderate size times one power of two, as is the weight itself; no outage is long enough to lose it.

mod long;
mod moves;

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

#[cfg(test)]
pub(super) use self::long::Cut;
pub(super) use self::long::Long;
pub(super) use self::moves::Move;
use super::decay::{DEEP, Plan, Step};
use crate::rolling::{Compensated, where_enough};

/// `2^-128`, the root of [`DEEP`].
const ROOT: f64 = 1.0 / ((1_u128 << 127) as f64 * 2.0);

/// Rows of memory that a state takes.
pub(super) const SIZE: usize = 14;

/// Powers of [`DEEP`] after which nothing is left of any float64.
const NOTHING: usize = 7;

/// Less than this is nothing beside any weight that is told in one number.
const NEAR: f64 = DEEP * DEEP;

type Mask<S> = <V<S> as SimdBase<S>>::Mask;

/// Some of the lanes.
pub(super) type Lanes<S> = Mask<S>;

/// What a column's rows so far come to.
#[derive(Clone, Copy)]
pub(super) struct State<S: Simd> {
    seen: V<S>,
    mean: Compensated<S>,
    /// Sum of the weights over that of the last value.
    weight: Compensated<S>,
    /// What the weights lost and kept since the last value: `keep` times `DEEP^deep`.
    loss: Compensated<S>,
    keep: V<S>,
    deep: V<S>,
    /// Weighted mean of the squared deviations, and 1 less the squared weights' sum over the squared sum of the weights: both
    /// times the square of `root`.
    variance: Compensated<S>,
    spread: Compensated<S>,
    root: V<S>,
}

/// The shares of the past and of the new value in a mean.
#[derive(Clone, Copy)]
struct Shares<S: Simd> {
    past: V<S>,
    new: V<S>,
    /// Whether the new value has more than half.
    mostly_new: Mask<S>,
}

/// What passed since the last value.
#[derive(Clone, Copy)]
struct Faded<S: Simd> {
    loss: Compensated<S>,
    keep: V<S>,
    deep: V<S>,
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
fn either<S: Simd>(mask: Mask<S>, yes: Compensated<S>, no: Compensated<S>) -> Compensated<S> {
    Compensated {
        high: mask.select(yes.high, no.high),
        low: mask.select(yes.low, no.low),
    }
}

#[inline(always)]
fn times<S: Simd>(sum: Compensated<S>, factor: V<S>) -> Compensated<S> {
    Compensated {
        high: sum.high * factor,
        low: sum.low * factor,
    }
}

/// `value * factor^deep`, factor by factor: a product need not be as small as the last of them.
#[inline(always)]
fn deepened<S: Simd>(simd: S, value: V<S>, factor: f64, deep: V<S>) -> V<S> {
    let mut value = value;
    for power in 0..NOTHING {
        value = deep.simd_gt(power as f64).select(value * factor, value);
    }
    deep.simd_gt(NOTHING as f64).select(f64x8::splat(simd, 0.0), value)
}

/// The root; NaN only says that a squared deviation went beyond the largest float64.
#[inline(always)]
fn deviation<S: Simd>(simd: S, variance: V<S>) -> V<S> {
    let root = variance.sqrt();
    root.simd_eq(root).select(root, f64x8::splat(simd, f64::INFINITY))
}

/// The correction for bias with a new value; of the past's share in it a power of two may be left out.
#[inline(always)]
fn spread_after<S: Simd>(simd: S, spread: Compensated<S>, shares: Shares<S>, share: V<S>) -> Compensated<S> {
    let Shares { past, new, mostly_new } = shares;
    let grown = (past * 2.0 - (past + 1.0) * spread.high) * new;
    let slow = settled(spread.add(grown));
    either(mostly_new, alone(simd, past * (share * spread.high + new * 2.0)), slow)
}

impl<S: Simd> State<S> {
    #[inline(always)]
    pub(super) fn empty(simd: S) -> Self {
        let zero = Compensated::zero(simd);
        let (nothing, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        Self {
            seen: nothing,
            mean: zero,
            weight: zero,
            loss: zero,
            keep: one,
            deep: nothing,
            variance: zero,
            spread: zero,
            root: one,
        }
    }

    #[inline(always)]
    pub(super) fn save(self, memory: &mut [Row]) {
        let pairs = [self.mean, self.weight, self.loss, self.variance, self.spread];
        for (pair, memory) in pairs.into_iter().zip(memory.chunks_exact_mut(2)) {
            memory[0].store(pair.high);
            memory[1].store(pair.low);
        }
        for (value, memory) in [self.seen, self.keep, self.deep, self.root].into_iter().zip(&mut memory[10..]) {
            memory.store(value);
        }
    }

    #[inline(always)]
    pub(super) fn load(simd: S, memory: &[Row]) -> Self {
        let pair = |number: usize| Compensated {
            high: memory[2 * number].load(simd),
            low: memory[2 * number + 1].load(simd),
        };
        Self {
            mean: pair(0),
            weight: pair(1),
            loss: pair(2),
            variance: pair(3),
            spread: pair(4),
            seen: memory[10].load(simd),
            keep: memory[11].load(simd),
            deep: memory[12].load(simd),
            root: memory[13].load(simd),
        }
    }

    /// Before a tile: without what has faded to no effect. It would soon be a subnormal number, with which all is slow.
    /// `last` are the last values, `idle` the lanes without a column.
    #[inline(always)]
    pub(super) fn tidied<const STD: bool>(mut self, simd: S, last: V<S>, idle: Mask<S>) -> Self {
        const FAR_BELOW: f64 = 1.0 / DEEP;
        // Squares of less than this are nothing.
        const ROOT_OF_NOTHING: f64 = DEEP * DEEP / (1_u64 << 32) as f64;
        const DRIFT: f64 = 1.0 / (1_u64 << 42) as f64;
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        self.loss = either(idle, Compensated::zero(simd), self.loss);
        self.keep = idle.select(one, self.keep);
        self.deep = idle.select(zero, self.deep);
        // Over many small steps the product of what each keeps drifts; the sum of what they take does not.
        let left = (1.0 - self.loss.high) - self.loss.low;
        let drifted = (left - self.keep).abs().simd_gt(self.keep * DRIFT) & left.simd_gt(DRIFT.sqrt());
        self.keep = (drifted & self.deep.simd_eq(0.0)).select(left, self.keep);

        let rest = (self.mean.low * FAR_BELOW).abs().simd_lt(self.mean.high.abs());
        self.mean.low = rest.select(zero, self.mean.low);
        let least = if STD { ROOT_OF_NOTHING } else { f64::MIN_POSITIVE };
        let faded = self.mean.high.abs().simd_lt(least) & last.simd_eq(0.0);
        self.mean = either(faded, Compensated::zero(simd), self.mean);
        if STD {
            let faded = self.variance.high.abs().simd_lt(f64::MIN_POSITIVE) & self.mean.high.simd_eq(last);
            self.variance = either(faded, Compensated::zero(simd), self.variance);
        }
        self
    }

    /// Whether some row of a tile of these steps may leave less of a weight than [`DEEP`], or the tile began with such a row.
    /// Rows that leave more come to the same bits with and without powers of two: what a row gives is decided by the rows before
    /// it, however many share its tile.
    #[inline(always)]
    pub(super) fn deep(self, steps: &[Step], clean: bool) -> bool {
        let mut deep = self.deep.simd_gt(0.0) | self.root.simd_lt(1.0);
        if deep.any_true() || steps.iter().any(|step| step.deep > 0.0) {
            return true;
        }
        // After a value a weight is whole again, and no one step takes that much of it: of an alpha of 1 nothing at all is left.
        let fading = if clean { steps.len().min(1) } else { steps.len() };
        let mut kept = self.keep;
        for step in &steps[..fading] {
            kept *= step.keep;
            deep |= kept.simd_lt(DEEP) & kept.simd_gt(0.0);
            if deep.any_true() {
                return true;
            }
        }
        false
    }

    /// With the next row; where it is missing, only time has passed.
    #[inline(always)]
    pub(super) fn push<const ADJUST: bool, const STD: bool, const CLEAN: bool, const DEPTHS: bool>(
        self,
        simd: S,
        x: V<S>,
        step: Step,
        plan: &Plan<'_>,
    ) -> Self {
        let faded = self.fade::<DEPTHS>(simd, step);
        if CLEAN && !DEPTHS {
            return self.join::<ADJUST, STD, false>(simd, x, faded, plan);
        }
        let valid = x.simd_eq(x);
        let zero = f64x8::splat(simd, 0.0);
        let fresh = if DEPTHS {
            let Faded { loss, keep, deep } = faded;
            let deep = valid.select(deep, zero);
            let faded = Faded { loss, keep, deep };
            if !valid.any_true() {
                self
            } else if (deep.simd_gt(0.0) | self.root.simd_lt(1.0)).any_true() {
                self.join::<ADJUST, STD, true>(simd, x, faded, plan)
            } else {
                self.join::<ADJUST, STD, false>(simd, x, faded, plan)
            }
        } else {
            self.join::<ADJUST, STD, false>(simd, x, faded, plan)
        };
        let Faded { loss, keep, deep } = if plan.waits() {
            Faded {
                loss: self.loss,
                keep: self.keep,
                deep: self.deep,
            }
        } else {
            faded
        };
        Self {
            seen: valid.select(fresh.seen, self.seen),
            mean: either(valid, fresh.mean, self.mean),
            weight: either(valid, fresh.weight, self.weight),
            loss: either(valid, fresh.loss, loss),
            keep: valid.select(fresh.keep, keep),
            deep: if DEPTHS { valid.select(fresh.deep, deep) } else { self.deep },
            variance: either(valid, fresh.variance, self.variance),
            spread: either(valid, fresh.spread, self.spread),
            root: if DEPTHS { valid.select(fresh.root, self.root) } else { self.root },
        }
    }

    /// What has passed when a step more has.
    #[inline(always)]
    fn fade<const DEPTHS: bool>(self, simd: S, step: Step) -> Faded<S> {
        let mut left = (1.0 - self.loss.high) - self.loss.low;
        let (mut keep, mut deep) = (self.keep * step.keep, self.deep);
        if DEPTHS {
            let zero = f64x8::splat(simd, 0.0);
            left = left.abs().simd_lt(NEAR).select(zero, left);
            let small = keep.simd_lt(DEEP);
            keep = small.select(keep * (1.0 / DEEP), keep);
            deep += small.select(f64x8::splat(simd, 1.0), zero) + step.deep;
        }
        Faded {
            loss: self.loss.add(left * step.loss),
            keep,
            deep,
        }
    }

    /// With a value in every lane after what has passed.
    #[inline(always)]
    fn join<const ADJUST: bool, const STD: bool, const DEPTHS: bool>(
        self,
        simd: S,
        x: V<S>,
        faded: Faded<S>,
        plan: &Plan<'_>,
    ) -> Self {
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let (weight, shares) = if ADJUST {
            self.adjusted::<DEPTHS>(simd, faded)
        } else {
            self.unadjusted::<DEPTHS>(simd, faded, plan)
        };
        // Of the past's share, only the number that a power of two is still to be taken of.
        let Shares { past, new, mostly_new } = shares;

        // Half of the distance, which cannot overflow.
        let half = (x * 0.5 - self.mean.high * 0.5) - self.mean.low * 0.5;
        let base = either(mostly_new, alone(simd, x), self.mean);
        let factor = mostly_new.select(past * -2.0, new * 2.0);
        let mut change = factor * half;
        if DEPTHS {
            change = deepened(simd, change, DEEP, faded.deep);
        }
        let mean = settled(base.add(change));

        let (mut variance, mut spread, mut root) = (self.variance, self.spread, self.root);
        if STD {
            let mut share = past;
            if DEPTHS {
                let square = root.simd_gt(NEAR).select(root * root, zero);
                variance = times(variance, square);
                spread = times(spread, square);
                share = deepened(simd, past, DEEP, faded.deep);
                root = deepened(simd, one, ROOT, faded.deep);
            }
            // Factor by factor: the square of the first value's distance from nothing may be infinite.
            let gain = (past * half * 4.0) * (new * half);
            let slow = settled(variance.add(gain - (variance.high + variance.low) * new));
            variance = either(mostly_new, alone(simd, past * variance.high + gain), slow);
            spread = spread_after(simd, spread, shares, share);
        }
        Self {
            seen: self.seen + 1.0,
            mean,
            weight,
            loss: Compensated::zero(simd),
            keep: one,
            deep: zero,
            variance,
            spread,
            root,
        }
    }

    /// Weights that sum to `w' = 1 + keep w`, as a move from `w` where little is lost.
    #[inline(always)]
    fn adjusted<const DEPTHS: bool>(self, simd: S, faded: Faded<S>) -> (Compensated<S>, Shares<S>) {
        let (before, loss) = (self.weight, faded.loss);
        let lost = loss.high * before.high + (loss.low * before.high + loss.high * before.low);
        let kept = faded.keep * before.high;
        let added = if DEPTHS { deepened(simd, kept, DEEP, faded.deep) } else { kept };
        let slow = settled(before.add(1.0 - lost));
        let weight = either(loss.high.simd_gt(0.5), alone(simd, added + 1.0), slow);
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
    fn unadjusted<const DEPTHS: bool>(self, simd: S, faded: Faded<S>, plan: &Plan<'_>) -> (Compensated<S>, Shares<S>) {
        let (zero, one) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let first = self.seen.simd_eq(0.0);
        let keep = faded.keep;
        let (past, new) = if plan.decay.in_time.is_some() {
            (keep, faded.loss.high + faded.loss.low)
        } else {
            let alpha = plan.decay.step.loss;
            let sum = if DEPTHS { deepened(simd, keep, DEEP, faded.deep) } else { keep } + alpha;
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
    pub(super) fn result<const STD: bool, const DEPTHS: bool>(self, simd: S, plan: &Plan<'_>) -> V<S> {
        let value = if STD {
            let variance = if plan.bias {
                self.variance.high
            } else {
                self.variance.high / self.spread.high
            };
            let root = deviation(simd, variance);
            let root = if DEPTHS && plan.bias { root * self.root } else { root };
            let defined = self.spread.high.simd_gt(0.0);
            let undefined = f64x8::splat(simd, if plan.bias { 0.0 } else { f64::NAN });
            defined.select(root, undefined)
        } else {
            self.mean.high
        };
        where_enough(simd, self.seen, plan.needed(), value)
    }
}

#[cfg(test)]
mod tests;
