//! Readings in steps: rows that are rounded coarser than the training rows were are judged by a model of rounded rows.

use std::ops::Range;

use acm_linalg::lanes::V;
use acm_linalg::memory::{Gather, copied, push, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};
use fearless_simd::Simd;
use ndarray::ArrayView2;

use super::folds::few;
use super::joint::Wider;
use super::memory::ResidualMeans;
use super::residuals::{divide, identity};
use super::resolution::Telling;
use super::{FittedFused, Fused};

/// Sensors with no more values than this are states, not readings in steps.
const FEW_VALUES: usize = 20;

/// Powers of ten that are looked at.
pub(crate) const EXPONENTS: Range<i32> = -9..4;

/// How far from a multiple of a step a reading may lie, in steps, and for each step of it: that of single precision.
pub(crate) const NEAR: (f64, f64) = (1e-6, 4e-8);

/// Readings of so many steps that they may lie this far from one tell nothing.
pub(crate) const TOO_FAR: f64 = 0.05;

/// Steps that raise the mean power by less than this share do not matter.
pub(crate) const MATTERS: f64 = 0.01;

/// Most models of rounded rows.
pub(crate) const MOST_MEMBERS: usize = 4;

/// Steps of more standard deviations than this make of a sensor a state: it is not rounded, its noise is at least as large.
pub(crate) const COARSEST: f64 = 2.0;

/// What stands for the step of a state.
pub(crate) const FEW: f64 = -1.0;

pub(super) const WHAT: &str = "steps of readings";

/// Readings this near the middle of two steps, in steps and for each of them, are midway: some roundings.
const MIDWAY: f64 = 1e-12;

/// A sensor of whose rounded readings a smaller share differs from the one that most have stands still, when rounded.
const MOVES: f64 = 0.02;

/// Sums with this are whole numbers, the nearest ones.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// How far from a multiple of `step` a reading may lie, in steps; `None` where it is too large to tell.
#[inline(always)]
fn tolerance(steps: f64) -> Option<f64> {
    let near = near(steps);
    (near < TOO_FAR).then_some(near)
}

/// The same, however large it is.
#[inline(always)]
pub(crate) fn near(steps: f64) -> f64 {
    NEAR.0 + NEAR.1 * steps.abs()
}

/// The nearest whole number, of less than 2^51.
#[inline(always)]
pub(crate) fn nearest(steps: f64) -> f64 {
    (steps + WHOLE) - WHOLE
}

/// The whole number, not 0, that a reading is near, `None` within if it is near none, `None` if it is too large to tell.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "below 2^31")]
pub(super) fn whole(steps: f64) -> Option<Option<i32>> {
    let near = tolerance(steps)?;
    let nearest = nearest(steps);
    // What is far smaller than a step does not lie on it.
    Some((nearest != 0.0 && (steps - nearest).abs() <= near).then_some(nearest as i32))
}

/// The same of eight.
#[inline(always)]
pub(crate) fn nearest_of<S: Simd>(steps: V<S>) -> V<S> {
    (steps + WHOLE) - WHOLE
}

/// Ten to the powers that are looked at and the one beyond.
const TENS: [f64; 14] = [
    1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4,
];

/// 1, 2 and 5 times each of the powers that are looked at, rising.
const STEPS: [f64; 39] = {
    let (mut steps, mut power) = ([0.0; 39], 0);
    while power < 13 {
        steps[3 * power] = TENS[power];
        steps[3 * power + 1] = 2.0 * TENS[power];
        steps[3 * power + 2] = 5.0 * TENS[power];
        power += 1;
    }
    steps
};

/// Ten to a power that is looked at, or the one beyond, in its nearest number.
pub(crate) fn ten(exponent: i32) -> f64 {
    usize::try_from(exponent - EXPONENTS.start).map_or(0.0, |place| TENS[place])
}

/// Steps between these, rising.
pub(crate) fn steps(least: f64, most: f64) -> &'static [f64] {
    if least.is_nan() || least > most {
        return &[];
    }
    let place = |beyond: &dyn Fn(f64) -> bool| STEPS.partition_point(|&step| !beyond(step));
    &STEPS[place(&|step| step >= least)..place(&|step| step > most)]
}

/// Rounds readings to multiples of 10^`exponent`. Those midway between two, as many are that were rounded before, go up and down by
/// turns: all one way would move the mean of what they stand for.
struct Rounder {
    exponent: i32,
    up: bool,
}

impl Rounder {
    fn new(exponent: i32) -> Self {
        Self { exponent, up: false }
    }

    fn rounded(&mut self, value: f64) -> f64 {
        let (step, small) = (10.0_f64.powi(self.exponent.abs()), self.exponent < 0);
        let steps = if small { value * step } else { value / step };
        let below = steps.floor();
        let whole = if (steps - below - 0.5).abs() <= MIDWAY * (1.0 + steps.abs()) {
            self.up = !self.up;
            if self.up { below + 1.0 } else { below }
        } else {
            steps.round()
        };
        if small { whole / step } else { whole * step }
    }
}

/// Whether rounded readings differ often enough to be a sensor that moves.
fn moves(readings: impl Iterator<Item = f64> + Clone) -> bool {
    let count = readings.clone().count();
    let mean = readings.clone().sum::<f64>() / count.max(1) as f64;
    let nearest = readings.clone().fold(f64::INFINITY, |nearest: f64, value| {
        if (value - mean).abs() < (nearest - mean).abs() { value } else { nearest }
    });
    let others = readings
        .filter(|value| (value - nearest).abs() > 1e-9 * nearest.abs().max(1e-300))
        .count();
    others as f64 >= MOVES * count as f64
}

/// The coarsest of 1, 2 and 5 times a power of ten whose multiples all known values are: 0 where there is none, -1 where the
/// values are few.
pub(crate) fn step_of(values: &[f64]) -> f64 {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let mut distinct = [0.0; FEW_VALUES + 1];
    let mut count = 0;
    for value in known() {
        if !distinct[..count].contains(&value) {
            distinct[count] = value;
            count += 1;
            if count > FEW_VALUES {
                break;
            }
        }
    }
    if count <= FEW_VALUES {
        return FEW;
    }
    for exponent in EXPONENTS.rev() {
        for digit in [5.0, 2.0, 1.0] {
            let step = digit * ten(exponent);
            let fits = |value: f64| {
                let steps = value / step;
                let whole = steps.round();
                // What is far smaller than a step is no multiple of it, but for 0 itself.
                value == 0.0 || whole != 0.0 && tolerance(steps).is_some_and(|near| (steps - whole).abs() <= near)
            };
            if known().all(fits) {
                return step;
            }
        }
    }
    0.0
}

impl Fused {
    /// Finds the steps of the training readings `raw`, and gives `model` a model for each coarser step that matters; `filled` has
    /// no gaps and nothing that was left out.
    pub(super) fn add_members(
        &self,
        model: &mut FittedFused,
        raw: Samples<'_>,
        filled: Samples<'_>,
        usable: &[bool],
        wider: &Wider,
    ) -> Result<()> {
        if few(raw.rows(), model.lagged.width()) {
            // Noise of their own would take the products of all coordinates.
            model.steps = room(model.lagged.kept.len(), 1, 0.0, WHAT)?;
            return Ok(());
        }
        let kept = copied(&model.lagged.kept, WHAT)?;
        let scale = copied(&model.lagged.scaling.scale, WHAT)?;
        let mut column = room(raw.rows(), 1, 0.0, "a column")?;
        let mut steps = reserved(kept.len(), WHAT)?;
        for &place in &kept {
            raw.read_column(place, &mut column);
            steps.push(step_of(&column));
        }
        let sensors = kept.len();
        let mut inverse = identity(sensors)?;
        divide(&model.factor, &mut inverse, sensors, sensors)?;
        // What a unit of each sensor's variance adds to the power.
        let mut power = room(sensors, 1, 0.0, WHAT)?;
        for row in inverse.chunks_exact(sensors) {
            power.iter_mut().zip(row).for_each(|(power, value)| *power += value * value);
        }
        let continuous = steps.iter().filter(|&&step| step >= 0.0).count();
        model.steps = steps;
        let (rows, columns) = (raw.rows(), raw.columns());
        let mut table = Vec::new();
        for exponent in EXPONENTS {
            let step = ten(exponent);
            let finer = |place: usize| model.steps[place] >= 0.0 && model.steps[place] < 0.999 * step;
            let noise_of = |place: usize| (step / scale[place]).powi(2) / 12.0;
            let coarser = (0..sensors).filter(|&place| finer(place)).count();
            let readings = (0..sensors).filter(|&place| step <= COARSEST * scale[place] && model.steps[place] >= 0.0);
            if coarser == 0 || 2 * coarser < continuous || 2 * readings.count() < continuous {
                continue;
            }
            let added: f64 = (0..sensors)
                .filter(|&place| finer(place))
                .map(|place| noise_of(place) * power[place])
                .sum();
            if added < MATTERS * sensors as f64 || model.members.len() == MOST_MEMBERS {
                continue;
            }
            if table.is_empty() {
                table = room(rows, columns, 0.0, "the training rows, rounded")?;
            }
            filled.read(0..rows, &mut table);
            let mut noise = room(sensors, 1, 0.0, WHAT)?;
            for place in (0..sensors).filter(|&place| finer(place)) {
                noise[place] = step * step / 12.0;
                let mut rounder = Rounder::new(exponent);
                let column = || table.iter().skip(kept[place]).step_by(columns).copied();
                let away = column().map(|value| rounder.rounded(value) - value).gathered(WHAT)?;
                if step <= COARSEST * scale[place] || moves(column().zip(&away).map(|(value, away)| value + away)) {
                    let column = table.iter_mut().skip(kept[place]).step_by(columns);
                    let mut rounder = Rounder::new(exponent);
                    column.for_each(|value| *value = rounder.rounded(*value));
                } else {
                    // It stays as it varies, but where its rounded readings lie, and as far from those as they are.
                    let mean = away.iter().sum::<f64>() / rows as f64;
                    let spread = away.iter().map(|away| (away - mean) * (away - mean)).sum::<f64>() / rows as f64;
                    noise[place] = noise[place].max(spread);
                    let column = table.iter_mut().skip(kept[place]).step_by(columns);
                    column.for_each(|value| *value += mean);
                }
            }
            let view = ArrayView2::from_shape((rows, columns), &table).map_err(|_| Error::Memory {
                what: "the training rows, rounded",
                rows,
                columns,
            })?;
            let member = self
                .learn(view.into(), view.into(), usable, Some((kept.as_slice(), noise.as_slice())), Some(wider), false)?
                .model;
            if member.lagged.kept == kept {
                push(&mut model.member_steps, step, WHAT)?;
                push(&mut model.members, member, WHAT)?;
            }
        }
        let mut telling = Telling::new(&model.steps, &model.member_steps)?;
        let count = telling.steps().len();
        for (place, &at) in kept.iter().enumerate() {
            // A sensor tells alone of what matters by itself and never seemed to be so in the training rows.
            raw.read_column(at, &mut column);
            for number in 0..count {
                let variance = (telling.steps()[number] / scale[place]).powi(2) / 12.0;
                let matters = variance * power[place] >= MATTERS * sensors as f64;
                if matters && !telling.runs_on(place, number, &column) {
                    telling.decide(place, number);
                }
            }
        }
        model.telling = telling;
        Ok(())
    }
}

impl FittedFused {
    /// Steps coarser than the training's for which there is a model, rising.
    #[must_use]
    pub fn member_steps(&self) -> &[f64] {
        &self.member_steps
    }

    /// The model that judges by this number: 0 is this one.
    pub(super) fn judge(&self, number: usize) -> &Self {
        if number == 0 { self } else { &self.members[number - 1] }
    }

    /// Takes the memories from the model `from` to the model `to`: what is unusual by one is so by the other. Readings would not
    /// do, as another subspace explains other sensors.
    pub(super) fn turn(&self, state: &mut ResidualMeans, from: usize, to: usize) {
        let (from, to) = (self.judge(from), self.judge(to));
        if from.usual > 0.0 {
            state.power.iter_mut().for_each(|power| *power *= to.usual / from.usual);
        }
        if let (Some(state), Some(from), Some(to)) = (&mut state.whole, &from.whole, &to.whole)
            && from.usual > 0.0
        {
            state.power.iter_mut().for_each(|power| *power *= to.usual / from.usual);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_moves_where_enough_readings_are_not_the_usual_one() {
        for usual in [20.0, 0.0, -3e-7] {
            let step = 0.01 * f64::abs(usual).max(1e-9);
            let readings = |others| (0..1000_u32).map(move |row| if row < others { usual + step } else { usual });
            let least = (0..1000).find(|&others| moves(readings(others)));
            assert_eq!(least.map(f64::from), Some((1000.0 * MOVES).ceil()), "{usual}");
            // Rounding is no move.
            assert!(!moves((0..1000).map(|row| usual * (1.0 + 1e-12 * f64::from(row % 2)))));
        }
    }

    #[test]
    fn steps_are_the_coarsest_that_fit() {
        let of = |step: f64| (0..60).map(|number| (37 * number % 61) as f64 * step).collect::<Vec<_>>();
        for step in [0.01, 0.5, 0.2, 10.0, 1e-6] {
            assert!((step_of(&of(step)) / step - 1.0).abs() < 1e-12, "{step}");
        }
        assert_eq!(step_of(&of(0.3)), 0.1);
        assert_eq!(step_of(&of(std::f64::consts::PI)), 0.0);
        assert_eq!(step_of(&[1.0; 50]), FEW);
        let single: Vec<f64> = of(0.01).iter().map(|value| f64::from(*value as f32)).collect();
        assert_eq!(step_of(&single), 0.01);
        assert_eq!([Rounder::new(-2).rounded(2.345_67), Rounder::new(2).rounded(-1234.0)], [2.35, -1200.0]);
        assert!(
            EXPONENTS
                .chain([EXPONENTS.end])
                .all(|exponent| ten(exponent) == format!("1e{exponent}").parse::<f64>().unwrap())
        );
        assert_eq!(steps(0.15, 1.0), [0.2, 0.5, 1.0]);
        assert!(steps(0.2, 0.15).is_empty() && steps(f64::NAN, 1.0).is_empty() && steps(1e5, 1e9).is_empty());
        let mut rounder = Rounder::new(0);
        assert_eq!([0.5, 0.5, -1.5, 0.4, -1.5].map(|value| rounder.rounded(value)), [1.0, 0.0, -1.0, 0.0, -2.0]);
    }
}
