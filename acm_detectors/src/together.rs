//! Sensors that each have a coarser step of their own than in training: what the readings of a row tell together.
//!
//! A reading that is as fine as those of the training lies on a step ten times coarser once in ten times, on one a hundred times
//! coarser once in a hundred. The digits that the readings of a row have too few are then a sum of geometric numbers; where it is
//! one that fine rows have in one of a hundred, the row is rounded. A fault is lost so in one of a hundred of its rows at most.

use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Reader, Result, Samples, Writer};

use crate::alone::{CHANCE, MOST_STEPS, NEAR, NEAR_SINGLE, WIDE, on};
use crate::fused::steps::{EXPONENTS, nearest, steps, ten};
use crate::rounding::Rounding;

/// Digits that a reading tells at most: those that fail read round values.
const MOST_DIGITS: usize = 2;

/// A sensor whose training readings lie on a step ten times coarser more often tells nothing.
const USUAL: f64 = 0.2;

/// The same of one whose training readings have no step.
const USUAL_FINE: f64 = 4e-4;

/// The share of the rows in which those of a row that is rounded as a whole seem to be more so.
const RARE: f64 = 1e-4;

/// Readings of more steps than this do not tell whether they lie on them.
const MOST_TOLD: f64 = 1.2e6;

/// Readings that have no step are finer than their sensor's scale by this.
const NONE: f64 = 1e-4;

/// How far from a multiple of a step a reading that lies on it may be at most, in steps.
const OFF: f64 = 1.1 * (NEAR_SINGLE + NEAR * MOST_STEPS);

/// Sums of shares are rounded.
const ROUNDINGS: f64 = 1e-9;

const WHAT: &str = "steps of readings";

/// What a sensor tells by.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Together {
    /// The power of ten that a reading lies on which tells a digit; 0 for sensors that tell nothing.
    first: Vec<f64>,
    /// Steps that matter.
    least: Vec<f64>,
    /// 1 where all digits are told by the first.
    whole: Vec<f64>,
    /// One over the first.
    grid: Vec<f64>,
    /// One over the power of ten of which all steps that matter are multiples; 0 for none.
    coarse: Vec<f64>,
    /// Digits that all of them, all but one, and all but one of a row that is rounded as a whole must tell.
    needed: usize,
    needed_others: usize,
    needed_beside: usize,
}

impl Together {
    /// Of sensors with these scales; steps from `least` on matter.
    pub(crate) fn learn(rounding: &Rounding, scale: &[f64], least: Vec<f64>) -> Result<Self> {
        let mut first = reserved(scale.len(), WHAT)?;
        let mut whole = reserved(scale.len(), WHAT)?;
        for (&own, &scale) in rounding.own().iter().zip(scale) {
            let least = if own > 0.0 { 0.999 * 10.0 * own } else { NONE * scale };
            let step = EXPONENTS.map(ten).find(|step| *step >= least).filter(|step| *step <= WIDE * scale);
            first.push(step.filter(|_| own >= 0.0).unwrap_or(0.0));
            whole.push(f64::from(u8::from(own <= 0.0)));
        }
        Self::of(first, least, whole)
    }

    /// Without the sensors `kept` whose training readings lie on coarser steps more often than by chance.
    pub(crate) fn unusual(mut self, x: Samples<'_>, kept: &[usize]) -> Result<Self> {
        let mut column = room(x.rows(), 1, 0.0, "a column")?;
        for (place, &from) in kept.iter().enumerate().take(self.first.len()) {
            if self.first[place] > 0.0 {
                x.read_column(from, &mut column);
                let known = || column.iter().filter(|value| value.is_finite());
                let size = known().map(|value| value.abs()).sum::<f64>() / known().count().max(1) as f64;
                // Readings too large for their step to be told may have one just below what can be.
                let least = 10.0 * size / MOST_TOLD;
                if self.is_fine(place) && self.first[place] < least {
                    (self.first[place], self.whole[place]) =
                        (EXPONENTS.map(ten).find(|step| *step >= least).unwrap_or(0.0), 0.0);
                }
                let lie = column.iter().filter(|&&value| self.digits(place, value, 0.0) > 0).count();
                let usual = if self.is_fine(place) { USUAL_FINE } else { USUAL };
                if lie as f64 > usual * x.rows() as f64 {
                    self.first[place] = 0.0;
                }
            }
        }
        Self::of(self.first, self.least, self.whole)
    }

    fn of(first: Vec<f64>, least: Vec<f64>, whole: Vec<f64>) -> Result<Self> {
        let grid = first.iter().map(|&first| if first > 0.0 { 1.0 / first } else { 0.0 });
        let coarse = least.iter().map(|&least| {
            let power = steps(least, f64::INFINITY)
                .first()
                .and_then(|step| EXPONENTS.rev().map(ten).find(|power| power <= step));
            power.map_or(0.0, |power| 1.0 / power)
        });
        let sensors = first.iter().filter(|&&first| first > 0.0).count();
        let others = |chance: f64| if sensors > 1 { needed(sensors - 1, chance) } else { usize::MAX };
        Ok(Self {
            grid: grid.gathered(WHAT)?,
            coarse: coarse.gathered(WHAT)?,
            needed: needed(sensors, CHANCE),
            needed_others: others(CHANCE),
            needed_beside: others(RARE),
            first,
            least,
            whole,
        })
    }

    /// The power of ten that a reading lies on which tells more than the row as a whole, whose step is `common`, and the digits of it
    /// and of the next one; 0 of it for sensors that tell nothing.
    pub(crate) fn first(&self, sensor: usize, common: f64) -> (f64, [usize; 2]) {
        // Files of former versions have none.
        let mut step = self.first.get(sensor).copied().unwrap_or(0.0);
        if step == 0.0 {
            return (0.0, [0, 0]);
        }
        let mut first = if self.whole[sensor] > 0.0 { MOST_DIGITS } else { 1 };
        while step < 0.999 * 10.0 * common {
            (step, first) = (step * 10.0, 1);
        }
        (step, [first, MOST_DIGITS - first])
    }

    /// How many digits a reading has too few, beside those that the row as a whole has not, whose step is `common`; at most two.
    fn digits(&self, sensor: usize, value: f64, common: f64) -> usize {
        let (step, [first, next]) = self.first(sensor, common);
        if step == 0.0 || !on(value, value / step) {
            return 0;
        }
        let step = step * 10.0;
        if next > 0 && on(value, value / step) { first + next } else { first }
    }

    /// Whether a reading may lie on a step of at most `most` that matters: most of those that have digits too few do not.
    #[inline(always)]
    pub(crate) fn may_matter(&self, sensor: usize, value: f64, most: f64) -> bool {
        let grid = self.coarse[sensor];
        let steps = value * grid;
        // Missing readings lie nowhere.
        grid > 0.0 && (steps - nearest(steps)).abs() <= OFF * (most * grid).max(1.0)
    }

    /// Whether a sensor's training readings have no step.
    pub(crate) fn is_fine(&self, sensor: usize) -> bool {
        self.whole[sensor] > 0.0
    }

    /// Whether there is nothing that tells.
    pub(crate) fn is_empty(&self) -> bool {
        self.needed == 0
    }

    /// Digits that the others of a sensor must tell, in a row that is rounded as a whole, or is not.
    pub(crate) fn enough(&self, rounded: bool) -> usize {
        if rounded { self.needed_beside } else { self.needed_others }
    }

    /// What all readings of a row tell; `None` where that is not enough for any.
    pub(crate) fn told(
        &self,
        rounded: bool,
        common: impl Fn(usize) -> f64,
        reading: impl Fn(usize) -> f64,
    ) -> Option<usize> {
        let told = (0..self.first.len()).map(|place| self.digits(place, reading(place), common(place))).sum();
        (self.needed > 0 && told >= self.enough(rounded)).then_some(told)
    }

    /// The step that a reading lies on, of a row whose readings have told so much; 0 where those of the others have not enough.
    pub(crate) fn step(&self, sensor: usize, value: f64, rounded: bool, [common, most]: [f64; 2], told: usize) -> f64 {
        if !self.may_matter(sensor, value, most) {
            return 0.0;
        }
        if told - self.digits(sensor, value, common).min(told) < self.enough(rounded) {
            return 0.0;
        }
        let least = self.least[sensor].max(1.999 * common);
        // Coarser ones would let pass whatever fails at a round value.
        steps(least, most)
            .iter()
            .rev()
            .find(|&step| on(value, value / step))
            .copied()
            .unwrap_or(0.0)
    }

    /// The step of a reading of 0, which lies on all of them, in a row whose coarsest is this.
    pub(crate) fn step_of_zero(&self, sensor: usize, common: f64, coarsest: f64) -> f64 {
        steps(self.least[sensor].max(1.999 * common), 1.001 * coarsest)
            .last()
            .copied()
            .unwrap_or(0.0)
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if self.needed > 0 {
            to.reals("together.first", &self.first);
            to.reals("together.least", &self.least);
            to.reals("together.whole", &self.whole);
        }
    }

    /// Of a model of so many sensors; files of former versions have none.
    pub(crate) fn read(from: &Reader<'_>, sensors: usize) -> Result<Self> {
        if !from.has("together.first") {
            return Ok(Self::default());
        }
        let first = from.reals("together.first", sensors)?;
        let range = ten(EXPONENTS.start)..=ten(EXPONENTS.end);
        from.require(first.iter().all(|first| *first == 0.0 || range.contains(first)), "together.first")?;
        let least = from.reals("together.least", sensors)?;
        let sound = |value: &f64| *value >= 0.0 && value.is_finite();
        from.require(least.iter().all(sound), "together.least")?;
        let whole = from.reals("together.whole", sensors)?;
        from.require(whole.iter().all(|&whole| whole == 0.0 || whole == 1.0), "together.whole")?;
        Self::of(first, least, whole)
    }
}

/// Digits that so many fine readings have too few in this share of the rows at most; 0 for no readings. Each has `k` of them with
/// probability .9 · .1^k: the sum is negative binomial.
fn needed(sensors: usize, chance: f64) -> usize {
    if sensors == 0 {
        return 0;
    }
    let count = sensors as f64;
    let (mut share, mut below, mut digits) = (0.9_f64.powf(count), 0.0, 0);
    while 1.0 - below > chance + ROUNDINGS && digits < MOST_DIGITS * sensors + 1 {
        below += share;
        share *= 0.1 * (count + digits as f64) / (digits as f64 + 1.0);
        digits += 1;
    }
    digits.max(MOST_DIGITS)
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;

    #[test]
    fn steps_that_are_too_many_in_a_reading_tell_nothing() {
        let mut random = stream(8, 0);
        let offset = [0.0, 15_000.0];
        let train = Array2::from_shape_fn((400, 2), |(_, place)| offset[place] + 3.4 * random.random::<f64>() - 1.7);
        let kept = [0, 1];
        let rounding = Rounding::learn(train.view().into(), &kept, &[1.0; 2], &[1.0; 2], 2.0).unwrap();
        let together = Together::learn(&rounding, &[1.0; 2], vec![1e-3; 2]).unwrap();
        let first = |together: &Together| [0, 1].map(|place| together.first(place, 0.0));
        let told = (1e-4, [2, 0]);
        assert_eq!(first(&together), [told; 2]);
        assert_eq!(
            [false, true].map(|rounded| together.enough(rounded)),
            [CHANCE, RARE].map(|chance| needed(1, chance))
        );
        // A tenth of 1.2 million steps is more than .1 allows of readings about 15,000.
        assert_eq!(first(&together.unusual(train.view().into(), &kept).unwrap()), [told, (1.0, [1, 1])]);
    }

    #[test]
    fn fine_rows_have_so_many_digits_too_few_once_in_a_hundred_times() {
        // By the negative binomial distribution: 1 - F(m - 1) is .0083 of six at 4, .01 of one at 2.
        assert_eq!([0, 1, 2, 3, 5, 6, 7, 10, 50, 100].map(|n| needed(n, 0.01)), [0, 2, 3, 3, 4, 4, 5, 5, 13, 21]);
    }

    #[test]
    fn zero_lies_on_the_coarsest_step_of_its_row_that_matters() {
        let of = Together {
            least: vec![0.05, 3.0],
            ..Together::default()
        };
        assert_eq!(of.step_of_zero(0, 0.0, 0.1), 0.1);
        assert_eq!(of.step_of_zero(0, 0.03, 0.5), 0.5);
        // Finer than what matters, or than twice the step of the row as a whole.
        assert_eq!(
            [
                of.step_of_zero(0, 0.0, 0.02),
                of.step_of_zero(0, 0.06, 0.1),
                of.step_of_zero(1, 0.0, 2.0)
            ],
            [0.0; 3]
        );
        assert_eq!(of.step_of_zero(1, 0.0, 5.0), 5.0);
    }
}
