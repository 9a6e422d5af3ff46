//! Single sensors that are rounded more coarsely than in training: where one reads a round value that its training readings hit
//! by chance only once in ten thousand times, it is judged with what rounding to that takes away.
//!
//! With N the variances of what is rounded away from the sensors h of a row z, and Λ the precision, the distance is
//! zᵀ Λ (z − I_h w), (N⁻¹ + Λ_hh) w = (Λ z)_h (Woodbury).

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{extend, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Reader, Result, Writer};

use super::FittedMahalanobis;
use crate::fused::steps::{COARSEST, EXPONENTS, MATTERS, near, nearest, ten};
use crate::gaps::{Precision, dot, factorise, solve};

/// Steps in each power of ten.
const TENTHS: [f64; 3] = [1.0, 2.0, 5.0];

/// A step is so many times coarser than that of the training readings, and they lie on it in as few of the rows.
const COARSER: f64 = 1e4;

/// How far from a multiple of a step a reading may lie, as a share of it: some roundings.
const NEAR: f64 = 1e-13;

/// How far a reading in single precision may, in steps.
const NEAR_SINGLE: f64 = 0.5 / COARSER;

/// Steps of more standard deviations about what the others let expect would let faults of the sensor pass.
const WIDEST: f64 = 10.0;

/// Readings of more steps are whole numbers of them by their rounding.
const MOST_STEPS: f64 = 1e9;

const WHAT: &str = "steps of readings";

/// For each sensor the finest step that matters and the coarsest that is believed; 0 for none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Alone {
    finest: Vec<f64>,
    coarsest: Vec<f64>,
    /// One over the power of ten of which all these are multiples.
    grid: Vec<f64>,
}

impl Alone {
    /// For sensors of these steps in training (negative for states) and scales; `precise` is the diagonal of the precision.
    pub(super) fn learn(own: &[f64], scale: &[f64], precise: &[f64]) -> Result<Self> {
        let (mut finest, mut coarsest) = (reserved(own.len(), WHAT)?, reserved(own.len(), WHAT)?);
        let matters = (12.0 * MATTERS * own.len() as f64).sqrt();
        for ((&own, &scale), &precise) in own.iter().zip(scale).zip(precise) {
            let about = scale / precise.sqrt();
            let least = (COARSER * own).max(matters * about);
            let most = (WIDEST * about).min(COARSEST * scale);
            let any = own >= 0.0 && steps(least, most).next().is_some();
            finest.push(if any { least } else { 0.0 });
            coarsest.push(if any { most } else { 0.0 });
        }
        Self::of(finest, coarsest)
    }

    fn of(finest: Vec<f64>, coarsest: Vec<f64>) -> Result<Self> {
        let mut grid = reserved(finest.len(), WHAT)?;
        for (&least, &most) in finest.iter().zip(&coarsest) {
            let first = steps(least, most).next().filter(|_| least > 0.0);
            let power = first.and_then(|step| EXPONENTS.rev().map(ten).find(|power| *power <= step));
            grid.push(power.map_or(0.0, |power| 1.0 / power));
        }
        Ok(Self { finest, coarsest, grid })
    }

    /// Bits of the lanes in which a sensor may be rounded by itself; `raw` has a row for each column, `kept` are the sensors'.
    #[inline(always)]
    pub(super) fn lanes(&self, raw: &[Row], kept: &[usize]) -> u8 {
        let mut any = [false; LANES];
        for (&grid, &column) in self.grid.iter().zip(kept).filter(|pair| *pair.0 > 0.0) {
            for (any, value) in any.iter_mut().zip(raw[column].0) {
                *any |= on(value, value * grid);
            }
        }
        any.iter().rev().fold(0, |bits, &any| bits << 1 | u8::from(any))
    }

    /// The step that a reading of a sensor lies on; 0 for none.
    pub(super) fn step(&self, sensor: usize, value: f64) -> f64 {
        if self.grid[sensor] == 0.0 || !on(value, value * self.grid[sensor]) {
            return 0.0;
        }
        let steps = steps(self.finest[sensor], self.coarsest[sensor]);
        steps.filter(|step| on(value, value / step)).fold(0.0, f64::max)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        if self.grid.iter().any(|grid| *grid > 0.0) {
            to.reals("alone.finest", &self.finest);
            to.reals("alone.coarsest", &self.coarsest);
        }
    }

    /// Of a model of so many sensors; files of former versions have none.
    pub(super) fn read(from: &Reader<'_>, sensors: usize) -> Result<Self> {
        if !from.has("alone.finest") {
            return Ok(Self::default());
        }
        let finest = from.reals("alone.finest", sensors)?;
        let coarsest = from.reals("alone.coarsest", sensors)?;
        let sound = |value: &f64| *value >= 0.0 && value.is_finite();
        from.require(finest.iter().all(sound), "alone.finest")?;
        from.require(coarsest.iter().all(sound), "alone.coarsest")?;
        Self::of(finest, coarsest)
    }
}

/// Steps between these, rising.
fn steps(least: f64, most: f64) -> impl Iterator<Item = f64> {
    let all = EXPONENTS.flat_map(|exponent| TENTHS.map(|tenth| tenth * ten(exponent)));
    all.filter(move |step| (least..=most).contains(step))
}

/// Whether a reading is a whole number of steps, not 0: that is what many a sensor reads that has failed.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "whether it is no more than that is what is asked"
)]
fn on(value: f64, steps: f64) -> bool {
    let (whole, size) = (nearest(steps), steps.abs());
    let off = (steps - whole).abs();
    let single = (f64::from(value as f32) == value) & (off <= near(size).min(NEAR_SINGLE));
    (whole != 0.0) & (size < MOST_STEPS) & ((off <= NEAR * size) | single)
}

/// Where a row is judged by itself.
#[derive(Debug)]
pub(super) struct Lane {
    point: Vec<f64>,
    less: Vec<f64>,
    pulled: Vec<f64>,
    sensors: Vec<usize>,
    noise: Vec<f64>,
    factor: Vec<f64>,
    weights: Vec<f64>,
}

impl Lane {
    pub(super) fn new(width: usize) -> Result<Self> {
        Ok(Self {
            point: room(width, 1, 0.0, WHAT)?,
            less: room(width, 1, 0.0, WHAT)?,
            pulled: room(width, 1, 0.0, WHAT)?,
            sensors: Vec::new(),
            noise: Vec::new(),
            factor: Vec::new(),
            weights: Vec::new(),
        })
    }
}

impl FittedMahalanobis {
    /// Judges the row of a lane again where sensors of it are rounded by themselves: its score, or what its columns contribute.
    #[inline(never)]
    pub(super) fn judge_alone(
        &self,
        number: usize,
        raw: &[Row],
        points: &[Row],
        lane: &mut Lane,
        out: &mut [f64],
    ) -> Result<()> {
        let kept = &self.lagged.kept;
        lane.sensors.clear();
        lane.noise.clear();
        for (place, (to, point)) in lane.point.iter_mut().zip(points).enumerate() {
            *to = point.0[number];
            let step = self.alone.step(place, raw[kept[place]].0[number]);
            if step > 0.0 {
                extend(&mut lane.sensors, [place], WHAT)?;
                extend(&mut lane.noise, [(step / self.lagged.scaling.scale[place]).powi(2) / 12.0], WHAT)?;
            }
        }
        // Of a row with gaps what is expected would change, too.
        if lane.sensors.is_empty() || lane.point.iter().any(|value| value.is_nan()) {
            return Ok(());
        }
        let count = lane.sensors.len();
        lane.factor.clear();
        lane.weights.clear();
        extend(&mut lane.factor, (0..count * count).map(|_| 0.0), WHAT)?;
        extend(&mut lane.weights, (0..count).map(|_| 0.0), WHAT)?;
        self.precision.among(&lane.sensors, &mut lane.factor);
        for (value, noise) in lane.factor.iter_mut().step_by(count + 1).zip(&lane.noise) {
            *value += 1.0 / noise;
        }
        factorise(&mut lane.factor, count);
        self.precision.pull(&lane.sensors, &lane.point, &mut lane.weights);
        solve(&lane.factor, &mut lane.weights);
        // The distance is that of the point less its sensors' weights.
        lane.less.copy_from_slice(&lane.point);
        for (&place, weight) in lane.sensors.iter().zip(&lane.weights) {
            lane.less[place] -= weight;
        }
        self.precision.times(&lane.less, &mut lane.pulled);
        if let [score] = out {
            *score = dot(&lane.point, &lane.pulled);
        } else {
            for (place, &column) in kept.iter().enumerate() {
                out[column] = lane.point[place] * lane.pulled[place];
            }
        }
        Ok(())
    }
}
