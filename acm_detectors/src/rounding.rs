//! Rows that are rounded more coarsely than the training rows were: on which steps their readings lie, and the noise that is.
//!
//! What a row lies on is read from all of its sensors at once, so that a sensor that fails at a round value is none of that.

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{push, reserved};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Reader, Result, Samples, Writer};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use crate::fused::steps::{
    COARSEST, EXPONENTS, FEW, MATTERS, MOST_MEMBERS, NEAR, TOO_FAR, near, nearest, nearest_of, step_of, ten,
};
use crate::lagged::Lagged;

/// The steps that count as a model's, in tenths of its own: readings in steps of .02 or .05 are judged as if rounded to .1.
const TENTHS: [i32; 3] = [2, 5, 10];

/// Decimal digits of evidence that a row has steps: finer readings lie on them by chance in one row of ten thousand.
const EVIDENCE: f64 = 4.0;

/// What a reading that lies on none of them takes from the evidence.
const OFF: f64 = 1.0;

/// Of readings that pass through 0 as large a share has either sign.
const SIGNS: f64 = 0.01;

/// As many times as readings on either side of it are those of 0, where it is a value like others.
const MOST_ZEROS: usize = 2;

/// Sums of digits are rounded.
const SLACK: f64 = 1e-9;

/// The same of sums that are no less: they end in another order.
const ROUNDINGS: f64 = 1e-6;

/// Tenths that are no whole fifth, half or step are further from one than this.
const APART: f64 = 0.05;

const WHAT: &str = "steps of readings";

/// Names of the parts in a file.
pub(crate) struct Names {
    pub(crate) own: &'static str,
    coarser: &'static str,
    zeros: &'static str,
}

pub(crate) const NAMES: Names = Names {
    own: "steps",
    coarser: "member.steps",
    zeros: "steps.zeros",
};

/// Where these mean something else.
pub(crate) const BESIDE: Names = Names {
    own: "rounding.own",
    coarser: "rounding.steps",
    zeros: "rounding.zeros",
};

/// The steps of training readings, and coarser ones that matter.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Rounding {
    /// Of each sensor: 0 for none, -1 for states.
    own: Vec<f64>,
    /// Of each sensor 1 where its readings pass through 0, so that one of 0 lies on every step like others; 0 where that is what it
    /// reads when it has failed or stands still.
    zeros: Vec<f64>,
    /// Rising.
    steps: Vec<f64>,
    /// (steps, d): the digits of evidence of a reading that lies on a fifth, a half or the whole of a step; 0 where it tells
    /// nothing.
    digits: Vec<[f64; 3]>,
    /// What all sensors together may tell.
    most: Vec<f64>,
    /// Of so many sensors must some lie on a step if all do enough.
    heads: Vec<usize>,
}

impl Rounding {
    /// Of the sensors `kept` of `x`, with these scales; `power` is what a unit of each sensor's variance, scaled, adds to a
    /// statistic that is `usual`.
    pub(crate) fn learn(x: Samples<'_>, kept: &[usize], scale: &[f64], power: &[f64], usual: f64) -> Result<Self> {
        let mut column = room(x.rows(), 1, 0.0, "a column")?;
        let mut own = reserved(kept.len(), WHAT)?;
        let mut sizes = reserved(kept.len(), WHAT)?;
        let mut zeros = reserved(kept.len(), WHAT)?;
        for &place in kept {
            x.read_column(place, &mut column);
            let step = step_of(&column);
            own.push(step);
            zeros.push(f64::from(u8::from(passes(&column, step))));
            let known = || column.iter().filter(|value| value.is_finite());
            sizes.push(known().map(|value| value.abs()).sum::<f64>() / known().count().max(1) as f64);
        }
        let continuous = own.iter().filter(|&&own| own >= 0.0).count();
        let mut steps = Vec::new();
        for exponent in EXPONENTS {
            let step = ten(exponent);
            // Of readings that are too large for a step nobody can tell whether they lie on it.
            let told = |place: usize| near(sizes[place] * 10.0 / step) < TOO_FAR;
            let coarser = (0..kept.len()).filter(|&place| finer(own[place], step) && told(place)).count();
            let readings = (0..kept.len())
                .filter(|&place| step <= COARSEST * scale[place] && own[place] >= 0.0)
                .count();
            if coarser == 0 || 2 * coarser < continuous || 2 * readings < continuous || steps.len() == MOST_MEMBERS {
                continue;
            }
            let added = (0..kept.len()).filter(|&place| finer(own[place], step));
            if added.map(|place| noise(step, scale[place]) * power[place]).sum::<f64>() >= MATTERS * usual {
                push(&mut steps, step, WHAT)?;
            }
        }
        Self::of(own, steps, zeros)
    }

    fn of(own: Vec<f64>, steps: Vec<f64>, zeros: Vec<f64>) -> Result<Self> {
        let mut digits = room(steps.len(), own.len(), [0.0; 3], WHAT)?;
        let mut most = reserved(steps.len(), WHAT)?;
        for (digits, &step) in digits.chunks_exact_mut(own.len().max(1)).zip(&steps) {
            for (digits, &own) in digits.iter_mut().zip(&own) {
                for (digits, parts) in digits.iter_mut().zip(TENTHS) {
                    let step = f64::from(parts) * step / 10.0;
                    if finer(own, step) {
                        *digits = (step / own).min(f64::from(parts)).log10();
                    }
                }
            }
            most.push(digits.iter().map(|digits| digits[2]).sum());
        }
        let mut found = Self {
            heads: reserved(steps.len(), WHAT)?,
            own,
            zeros,
            steps,
            digits,
            most,
        };
        for number in 0..found.steps.len() {
            let mut left = found.most[number];
            let digits = &found.digits[number * found.own.len()..][..found.own.len()];
            let few = digits.iter().take_while(|digits| {
                left -= lost(digits);
                left >= EVIDENCE - ROUNDINGS
            });
            let head = few.count() + 1;
            found.heads.push(head);
        }
        Ok(found)
    }

    /// The step of each sensor's training readings: 0 for none, negative for states.
    pub(crate) fn own(&self) -> &[f64] {
        &self.own
    }

    /// Whether a reading of 0 is one like others.
    pub(crate) fn passes_zero(&self, sensor: usize) -> bool {
        self.zeros.get(sensor).is_some_and(|&zeros| zeros > 0.0)
    }

    /// The step of rows judged as of number `judge`; 0 for none.
    pub(crate) fn step(&self, judge: usize) -> f64 {
        self.steps.get(judge.wrapping_sub(1)).copied().unwrap_or(0.0)
    }

    /// The step of a sensor in a row that is rounded to this as a whole; 0 where that is no coarser than its own, or there is none.
    pub(crate) fn rounded_to(&self, step: f64, sensor: usize) -> f64 {
        if step > 0.0 && finer(self.own[sensor], step) { step } else { 0.0 }
    }

    /// The coarsest step that does not matter, ten times finer than the first that does; 0 for none.
    pub(crate) fn quiet(&self) -> f64 {
        let first = self.steps.first().copied().unwrap_or(0.0);
        let below = EXPONENTS.map(ten).filter(|&step| step < 0.5 * first);
        below.fold(0.0, f64::max)
    }

    /// Coarser steps that matter, rising.
    pub(crate) fn steps(&self) -> &[f64] {
        &self.steps
    }

    /// The variance that rounding to step number `number` adds to each sensor, scaled.
    pub(crate) fn noise<'a>(&'a self, number: usize, scale: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let step = self.steps[number];
        let each = self.own.iter().zip(scale);
        each.map(move |(&own, &scale)| if finer(own, step) { noise(step, scale) } else { 0.0 })
    }

    /// The step that each row of `x` lies on, as a model whose rows become points by `lagged` judges it; 0 for none.
    pub(crate) fn resolution(&self, lagged: &Lagged, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(lagged.columns)?;
        by_rows(
            x.rows(),
            1,
            out,
            2.0 * lagged.kept.len() as f64,
            || lagged.scratch(),
            |raw, rows, out, stop| {
                for (out, first) in out.chunks_mut(LANES).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    x.pack(first, raw);
                    let judges = dispatch!(Level::new(), simd => self.lying(simd, raw, &lagged.kept));
                    for (out, judge) in out.iter_mut().zip(judges) {
                        *out = if judge == 0 { 0.0 } else { self.steps[judge - 1] };
                    }
                }
            },
        )
    }

    /// For each of the eight rows from `first` on one more than the number of the coarsest step that it lies on; 0 for none.
    /// `raw` is what [`Lagged::pack_gaps`] has read of them.
    #[inline(always)]
    pub(crate) fn judges<S: Simd>(
        &self,
        simd: S,
        lagged: &Lagged,
        x: &Samples<'_>,
        first: usize,
        raw: &mut [Row],
    ) -> [usize; LANES] {
        if self.steps.is_empty() {
            return [0; LANES];
        }
        if lagged.lags > 0 {
            x.pack(first, raw);
        }
        self.lying(simd, raw, &lagged.kept)
    }

    /// The same of rows that are read: `raw` has a row for each column, `kept` are those of the sensors.
    #[inline(always)]
    pub(crate) fn lying<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> [usize; LANES] {
        let mut judges = [0; LANES];
        for (number, &step) in self.steps.iter().enumerate() {
            if !self.may_lie_on(simd, number, 10.0 / step, raw, kept) {
                break;
            }
            let on = self.lie_on(number, 10.0 / step, raw, kept);
            let mut any = false;
            for (judge, on) in judges.iter_mut().zip(on) {
                // Who lies on a step lies on all finer ones.
                if on && *judge == number {
                    *judge = number + 1;
                    any = true;
                }
            }
            if !any {
                break;
            }
        }
        judges
    }

    /// Whether any of eight rows may have the evidence to lie on a step: most have not, which a sum tells that is never less.
    #[inline(always)]
    fn may_lie_on<S: Simd>(&self, simd: S, number: usize, tenths: f64, raw: &[Row], kept: &[usize]) -> bool {
        let sensors = self.own.len();
        let digits = &self.digits[number * sensors..(number + 1) * sensors];
        let (slope, most): (V<S>, V<S>) = (f64x8::splat(simd, NEAR.1), f64x8::splat(simd, TOO_FAR));
        let mut evidence: V<S> = f64x8::splat(simd, self.most[number]);
        let enough: V<S> = f64x8::splat(simd, EVIDENCE - ROUNDINGS);
        for ((digits, &column), place) in digits.iter().zip(kept).zip(0..) {
            let value: V<S> = raw[column].load(simd);
            let steps = value * tenths;
            let near = steps.abs() * slope + NEAR.0;
            // What is missing or too large tells nothing.
            let off = (steps - nearest_of(steps)).abs().simd_gt(near) & near.simd_lt(most);
            evidence = off.select(evidence - lost(digits), evidence);
            if place + 1 >= self.heads[number] && !evidence.simd_ge(enough).any_true() {
                return false;
            }
        }
        evidence.simd_ge(enough).any_true()
    }

    #[inline(always)]
    fn lie_on(&self, number: usize, tenths: f64, raw: &[Row], kept: &[usize]) -> [bool; LANES] {
        let sensors = self.own.len();
        let mut evidence = [[0.0_f64; LANES]; TENTHS.len()];
        // Whether any reading that is not 0 lies on it.
        let mut firm = [[false; LANES]; TENTHS.len()];
        let mut left = self.most[number];
        let all = self.digits[number * sensors..(number + 1) * sensors].iter().zip(kept);
        for ((digits, &column), &zeros) in all.zip(&self.zeros) {
            if digits[2] == 0.0 {
                continue;
            }
            let zeros = zeros > 0.0;
            left -= digits[2];
            let values = &raw[column].0;
            let mut greatest = [f64::NEG_INFINITY; LANES];
            for part in 0..TENTHS.len() {
                let (digits, parts) = (digits[part], 1.0 / f64::from(TENTHS[part]));
                let off = if digits > 0.0 { OFF } else { 0.0 };
                for lane in 0..LANES {
                    let steps = values[lane] * tenths;
                    let (nearest, near) = (nearest(steps), near(steps));
                    let share = nearest * parts;
                    // What is far smaller than a step does not lie on it, and what is far larger or missing tells nothing, nor does
                    // a 0 of most sensors.
                    let tells = (near < TOO_FAR) & ((steps != 0.0) | zeros);
                    let on = ((nearest != 0.0) | (steps == 0.0))
                        & ((steps - nearest).abs() <= near)
                        & ((share - self::nearest(share)).abs() < APART);
                    let told = if on { digits } else { -off };
                    let sum = evidence[part][lane] + if tells { told } else { 0.0 };
                    firm[part][lane] |= tells & on & (steps != 0.0);
                    evidence[part][lane] = sum;
                    greatest[lane] = if sum > greatest[lane] { sum } else { greatest[lane] };
                }
            }
            // Most rows show it within a few sensors.
            if greatest.iter().all(|greatest| greatest + left < EVIDENCE - SLACK) {
                return [false; LANES];
            }
        }
        std::array::from_fn(|lane| {
            (0..TENTHS.len()).any(|part| firm[part][lane] & (evidence[part][lane] >= EVIDENCE - SLACK))
        })
    }

    pub(crate) fn write(&self, to: &mut Writer, names: &Names) {
        if !self.own.is_empty() {
            to.reals(names.own, &self.own);
            to.reals(names.coarser, &self.steps);
            if self.zeros.contains(&1.0) {
                to.reals(names.zeros, &self.zeros);
            }
        }
    }

    /// Of a model of so many sensors; files of former versions know no steps.
    pub(crate) fn read(from: &Reader<'_>, sensors: usize, names: &Names) -> Result<Self> {
        if !from.has(names.own) {
            return Ok(Self::default());
        }
        let own = from.reals(names.own, sensors)?;
        from.require(own.iter().all(|&step| step >= FEW && step.is_finite()), names.own)?;
        let count = from.length(names.coarser)?;
        from.require(count <= MOST_MEMBERS, names.coarser)?;
        let steps = from.reals(names.coarser, count)?;
        let rising = steps.windows(2).all(|pair| pair[0] < pair[1]);
        let sound = steps.iter().all(|&step| (ten(EXPONENTS.start)..=ten(EXPONENTS.end)).contains(&step));
        from.require(rising && sound, names.coarser)?;
        let zeros = if from.has(names.zeros) {
            from.reals(names.zeros, sensors)?
        } else {
            room(sensors, 1, 0.0, WHAT)?
        };
        from.require(zeros.iter().all(|&zero| zero == 0.0 || zero == 1.0), names.zeros)?;
        Self::of(own, steps, zeros)
    }
}

/// Whether readings in steps of `own` pass through 0: many have either sign, and those of 0 are no more than those beside it let expect.
fn passes(readings: &[f64], own: f64) -> bool {
    let count = |of: &dyn Fn(f64) -> bool| readings.iter().filter(|value| value.is_finite() && of(**value)).count();
    let signs = [count(&|value| value < 0.0), count(&|value| value > 0.0)];
    let (zeros, beside) = (count(&|value| value == 0.0), count(&|value| value != 0.0 && value.abs() < 1.5 * own));
    let least = SIGNS * readings.len() as f64;
    own >= 0.0 && signs.iter().all(|&signs| signs as f64 >= least) && zeros <= MOST_ZEROS * (beside + 1)
}

/// What a reading that lies on no part of a step takes at least from the evidence that it might have given.
#[inline(always)]
fn lost(digits: &[f64; 3]) -> f64 {
    digits[2] + if digits[0] > 0.0 { OFF } else { 0.0 }
}

/// Whether a sensor's training readings are finer than a step.
fn finer(own: f64, step: f64) -> bool {
    own >= 0.0 && own < 0.999 * step
}

/// The variance of what is rounded away, scaled.
pub(crate) fn noise(step: f64, scale: f64) -> f64 {
    (step / scale).powi(2) / 12.0
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_step_matters_by_what_it_adds_to_the_statistic() {
        let mut random = stream(6, 0);
        let train = Array2::from_shape_simple_fn((300, 12), || 6.0 * random.random::<f64>() - 3.0);
        let kept: Vec<usize> = (0..12).collect();
        let scale: Vec<f64> = kept.iter().map(|&place| 1.5 + 0.1 * place as f64).collect();
        let mut least = Vec::new();
        for (power, usual) in [(9.0, 1.0), (0.3, 1.0), (0.02, 1.0), (400.0, 50.0), (9e4, 1.0)] {
            let power: Vec<f64> = kept.iter().map(|&place| power * (1.0 + 0.2 * place as f64)).collect();
            let rounding = Rounding::learn(train.view().into(), &kept, &scale, &power, usual).unwrap();
            for exponent in -4..=-1 {
                // The variance of a rounding error is a twelfth of the squared step.
                let added = |place: usize| (ten(exponent) / scale[place]).powi(2) / 12.0 * power[place];
                let matters = kept.iter().map(|&place| added(place)).sum::<f64>() >= 0.01 * usual;
                assert_eq!(rounding.steps().contains(&ten(exponent)), matters, "{power:?} {usual} {exponent}");
            }
            least.push(rounding.steps().iter().copied().fold(f64::INFINITY, f64::min));
        }
        least.sort_by(f64::total_cmp);
        assert!(least[0] < least[1] && least[1] < least[4], "{least:?}");
    }

    #[test]
    fn four_digits_are_evidence_enough_and_no_less() {
        // Sensors in steps of a tenth of .1: each that lies on it tells a digit, each that does not takes one.
        let of =
            |sensors: usize, zeros: f64| Rounding::of(vec![0.01; sensors], vec![0.1], vec![zeros; sensors]).unwrap();
        let lies = |values: &[f64], zeros: f64| {
            let raw: Vec<Row> = values.iter().map(|&value| Row::splat(value)).collect();
            let (rounding, kept) = (of(values.len(), zeros), (0..values.len()).collect::<Vec<_>>());
            let judges = dispatch!(Level::new(), simd => rounding.lying(simd, &raw, &kept));
            assert_eq!(judges, [judges[0]; LANES]);
            let on = rounding.lie_on(0, 100.0, &raw, &kept);
            assert_eq!(on, [judges[0] == 1; LANES]);
            on[0]
        };
        let [off, none] = [0.47, f64::NAN];
        assert!(lies(&[1.3, 2.7, -0.4, 3.1], 0.0) && !lies(&[1.3, 2.7, -0.4], 0.0));
        assert!(!lies(&[1.3, 2.7, -0.4, 3.1, off], 0.0) && lies(&[off, 1.3, 2.7, -0.4, 3.1, 0.2], 0.0));
        assert!(lies(&[1.3, none, 2.7, none, -0.4, 3.1], 0.0) && !lies(&[1.3, 2.7, none, 3.1], 0.0));
        // A reading of 0 tells where the sensor passes through it, but not by itself.
        assert!(!lies(&[1.3, 2.7, 0.0, 3.1], 0.0) && lies(&[1.3, 2.7, 0.0, 3.1], 1.0));
        assert!(!lies(&[0.0; 9], 1.0) && !lies(&[0.0; 9], 0.0));
    }

    #[test]
    fn no_row_that_lies_on_a_step_is_passed_over() {
        let share = |row: usize, column: usize, seed: u64| {
            let number = (row as u64 * 31 + column as u64 + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            ((number ^ number >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / 2.0_f64.powi(53)
        };
        for (sensors, offset) in [(1, 0.0), (6, 0.0), (7, 1500.0), (12, 0.0), (30, 9000.0)] {
            // Every third sensor has a step of its own in training already.
            let own = |column: usize| if column % 3 == 2 { 0.02_f64 } else { 1e-6 };
            let reading = |row: usize, column: usize, step: f64, seed: u64| {
                let step = own(column).max(step);
                ((offset + 6.0 * share(row, column, seed) - 3.0) / step).round() * step
            };
            let train = Array2::from_shape_fn((300, sensors), |(row, column)| reading(row, column, 0.0, 1));
            let (kept, scale) = ((0..sensors).collect::<Vec<_>>(), vec![1.7; sensors]);
            let rounding = Rounding::learn(train.view().into(), &kept, &scale, &vec![9.0; sensors], 1.0).unwrap();
            assert!(!rounding.steps().is_empty());
            let fresh = Array2::from_shape_fn((800, sensors), |(row, column)| {
                let chance = share(row, column, 99);
                match row % 8 {
                    0 => reading(row, column, 0.0, 7),
                    1 => reading(row, column, 0.1, 7),
                    2 => reading(row, column, 0.05, 7),
                    3 if chance < 0.2 => f64::NAN,
                    3 => reading(row, column, 0.1, 7),
                    4 => reading(row, column, if chance < 0.6 { 1.0 } else { 0.0 }, 7),
                    5 if chance < 0.3 => 0.0,
                    5 => reading(row, column, 1.0, 7),
                    6 if chance < 0.1 => [f64::INFINITY, 1e9, 1e300, -0.0][row / 8 % 4],
                    6 => reading(row, column, 0.2, 7),
                    _ => f64::from(reading(row, column, 0.1, 7) as f32),
                }
            });
            let (mut lie, mut passed) = (0, 0);
            let mut raw = vec![Row::default(); sensors];
            for first in 0..800 {
                // Eight times one row.
                let one = Array2::from_shape_fn((LANES, sensors), |(_, column)| fresh[[first, column]]);
                Samples::from(one.view()).pack(0, &mut raw);
                for (number, &step) in rounding.steps().iter().enumerate() {
                    let tenths = 10.0 / step;
                    let may = dispatch!(Level::new(), simd => rounding.may_lie_on(simd, number, tenths, &raw, &kept));
                    let on = rounding.lie_on(number, tenths, &raw, &kept);
                    assert!(may || on == [false; LANES], "{sensors} {first} {step}");
                    lie += usize::from(on[0]);
                    passed += usize::from(!may);
                }
            }
            assert!(passed > 50, "{sensors}: {passed}");
            assert!(sensors < 6 || lie > 100, "{sensors}: {lie}");
        }
    }
}
