//! Single sensors that are rounded more coarsely than in training: where one reads a round value that its training readings hit
//! by chance only once in a hundred times, it is judged with what rounding to that takes away: a fault is lost so in one of a hundred
//! of its rows. What the readings of all sensors tell together is in [`crate::together`].
//!
//! With N the variances of what is rounded away from the sensors h of a row z, and Λ the inverse of the covariance that a form
//! zᵀΛz has, that of the row's own covariance is zᵀ Λ (z − I_h w), (N⁻¹ + Λ_hh) w = (Λ z)_h (Woodbury).

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, extend, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Reader, Result, Samples, Writer};

use crate::fused::steps::{EXPONENTS, MATTERS, near, nearest, ten};
use crate::gaps::{factorise, solve};
use crate::rounding::{self, Rounding};
use crate::together::Together;

/// Steps in each power of ten.
const TENTHS: [f64; 3] = [1.0, 2.0, 5.0];

/// The share of the rows in which fine readings seem to be rounded.
pub(crate) const CHANCE: f64 = 0.01;

/// A step is so many times coarser than that of the training readings, and they lie on it in as few of the rows.
const COARSER: f64 = 1.0 / CHANCE;

/// The same where training readings have no step, and of rows that are rounded as a whole already.
const SURELY: f64 = 1e4;

/// So many times as many readings as by chance are none.
const USUAL: f64 = 4.0;

/// How far from a multiple of a step a reading may lie, as a share of it: some roundings.
pub(crate) const NEAR: f64 = 1e-13;

/// How far a reading in single precision may, in steps.
pub(crate) const NEAR_SINGLE: f64 = 5e-5;

/// Steps of more standard deviations about what the others let expect would let faults of the sensor pass.
const WIDEST: f64 = 12.0;

/// Steps of more standard deviations of the sensor itself leave of it hardly more than one reading.
pub(crate) const WIDE: f64 = 3.0;

/// Of a statistic whose mean the rounding of one sensor raises by less than this share nothing is lost but faults.
pub(crate) const SHARE: f64 = 0.1;

/// Readings of more steps are whole numbers of them by their rounding.
const MOST_STEPS: f64 = 1e9;

const WHAT: &str = "steps of readings";

/// For each sensor the finest step that matters and the coarsest that is believed; 0 for none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Alone {
    finest: Vec<f64>,
    coarsest: Vec<f64>,
    /// One over the power of ten of which all these are multiples.
    grid: Vec<f64>,
    together: Together,
}

impl Alone {
    /// For sensors of these steps in training and these scales; `precise` is one over the variance, scaled, that the others leave of
    /// each, and where `least` are given they are the variances of rounding that matter.
    pub(crate) fn learn(rounding: &Rounding, scale: &[f64], precise: &[f64], least: Option<&[f64]>) -> Result<Self> {
        let own = rounding.own();
        let (mut finest, mut coarsest) = (reserved(own.len(), WHAT)?, reserved(own.len(), WHAT)?);
        let mut matter = reserved(own.len(), WHAT)?;
        let sensors = own.len() as f64;
        for (place, ((&own, &scale), &precise)) in own.iter().zip(scale).zip(precise).enumerate() {
            let about = scale / precise.sqrt();
            let matters = match least {
                Some(least) => (12.0 * least[place]).sqrt() * scale,
                None => (12.0 * MATTERS * sensors).sqrt() * about,
            };
            matter.push(matters);
            let least = (COARSER * own).max(matters);
            let most = (WIDEST * about).min(WIDE * scale);
            let any = own >= 0.0 && steps(least, most).next().is_some();
            finest.push(if any { least } else { 0.0 });
            coarsest.push(if any { most } else { 0.0 });
        }
        Self::of(finest, coarsest, Together::learn(rounding, scale, matter)?)
    }

    /// Without the sensors `kept` of which more of the training readings `x` lie on such steps than by chance: those of a grid that
    /// is no decimal one.
    pub(crate) fn unusual(mut self, x: Samples<'_>, kept: &[usize]) -> Result<Self> {
        self.together = self.together.unusual(x, kept)?;
        let most = |place: usize| {
            let coarser = if self.together.is_fine(place) { SURELY } else { COARSER };
            USUAL / coarser * x.rows() as f64
        };
        let mut column = room(x.rows(), 1, 0.0, "a column")?;
        for (place, &from) in kept.iter().enumerate() {
            if self.finest[place] == 0.0 {
                continue;
            }
            x.read_column(from, &mut column);
            if column.iter().filter(|&&value| self.step(place, value) > 0.0).count() as f64 > most(place) {
                (self.finest[place], self.coarsest[place]) = (0.0, 0.0);
            }
        }
        Self::of(self.finest, self.coarsest, self.together)
    }

    fn of(finest: Vec<f64>, coarsest: Vec<f64>, together: Together) -> Result<Self> {
        let mut grid = reserved(finest.len(), WHAT)?;
        for (&least, &most) in finest.iter().zip(&coarsest) {
            let first = steps(least, most).next().filter(|_| least > 0.0);
            let power = first.and_then(|step| EXPONENTS.rev().map(ten).find(|power| *power <= step));
            grid.push(power.map_or(0.0, |power| 1.0 / power));
        }
        Ok(Self {
            finest,
            coarsest,
            grid,
            together,
        })
    }

    /// Bits of the lanes in which sensors may be rounded by themselves; `raw` has a row for each column, `kept` are the sensors'.
    #[inline(always)]
    pub(crate) fn lanes(&self, raw: &[Row], kept: &[usize]) -> u8 {
        self.any(raw, kept) | self.together.lanes(raw, kept)
    }

    /// Bits of those in which one may be.
    #[inline(always)]
    fn any(&self, raw: &[Row], kept: &[usize]) -> u8 {
        // Most rows are far from all steps: a look without branches, which no reading that lies on one escapes, tells.
        let mut spare = [f64::NEG_INFINITY; LANES];
        for (&grid, &column) in self.grid.iter().zip(kept).filter(|pair| *pair.0 > 0.0) {
            let values = &raw[column].0;
            for lane in 0..LANES {
                let steps = values[lane] * grid;
                let whole = nearest(steps);
                let within = NEAR_SINGLE + NEAR * steps.abs() - (steps - whole).abs();
                let within = if whole == 0.0 { f64::NEG_INFINITY } else { within };
                spare[lane] = if within > spare[lane] { within } else { spare[lane] };
            }
        }
        if spare.iter().all(|&spare| spare < 0.0) {
            return 0;
        }
        let mut any = [false; LANES];
        for (&grid, &column) in self.grid.iter().zip(kept).filter(|pair| *pair.0 > 0.0) {
            for (any, value) in any.iter_mut().zip(raw[column].0) {
                *any |= on(value, value * grid);
            }
        }
        any.iter().rev().fold(0, |bits, &any| bits << 1 | u8::from(any))
    }

    /// The step that a reading of a sensor lies on; 0 for none.
    pub(crate) fn step(&self, sensor: usize, value: f64) -> f64 {
        if self.grid[sensor] == 0.0 || !on(value, value * self.grid[sensor]) {
            return 0.0;
        }
        let steps = steps(self.finest[sensor], self.coarsest[sensor]);
        steps.filter(|step| on(value, value / step)).fold(0.0, f64::max)
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if self.grid.iter().any(|grid| *grid > 0.0) {
            to.reals("alone.finest", &self.finest);
            to.reals("alone.coarsest", &self.coarsest);
        }
        self.together.write(to);
    }

    /// Of a model of so many sensors; files of former versions have none.
    pub(crate) fn read(from: &Reader<'_>, sensors: usize) -> Result<Self> {
        if !from.has("alone.finest") && !from.has("together.first") {
            return Ok(Self::default());
        }
        let together = Together::read(from, sensors)?;
        let (finest, coarsest) = if from.has("alone.finest") {
            (from.reals("alone.finest", sensors)?, from.reals("alone.coarsest", sensors)?)
        } else {
            (room(sensors, 1, 0.0, WHAT)?, room(sensors, 1, 0.0, WHAT)?)
        };
        let sound = |value: &f64| *value >= 0.0 && value.is_finite();
        from.require(finest.iter().all(sound), "alone.finest")?;
        from.require(coarsest.iter().all(sound), "alone.coarsest")?;
        Self::of(finest, coarsest, together)
    }
}

/// Steps between these, rising.
pub(crate) fn steps(least: f64, most: f64) -> impl Iterator<Item = f64> {
    let all = EXPONENTS.flat_map(|exponent| TENTHS.map(|tenth| tenth * ten(exponent)));
    all.filter(move |step| (least..=most).contains(step))
}

/// Whether a reading is a whole number of steps, not 0: that is what many a sensor reads that has failed.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "whether it is no more than that is what is asked"
)]
pub(crate) fn on(value: f64, steps: f64) -> bool {
    let (whole, size) = (nearest(steps), steps.abs());
    let off = (steps - whole).abs();
    let single = (f64::from(value as f32) == value) & (off <= near(size).min(NEAR_SINGLE));
    (whole != 0.0) & (size < MOST_STEPS) & ((off <= NEAR * size) | single)
}

/// Sensors of a row, with the variances of what is rounded away from them.
#[derive(Debug, Default)]
pub(crate) struct Noisy {
    pub(crate) sensors: Vec<usize>,
    /// Scaled.
    pub(crate) noise: Vec<f64>,
    /// L of unit N⁻¹ + Λ_hh, and w.
    factor: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl Noisy {
    /// Those that are rounded more coarsely than all of the row, which is judged as of number `judge`; whether there are any, and then
    /// all others are found too. `reading` is that of a sensor.
    pub(crate) fn find(
        &mut self,
        alone: &Alone,
        rounding: &Rounding,
        judge: usize,
        scale: &[f64],
        reading: impl Fn(usize) -> f64,
    ) -> Result<bool> {
        // Of a model from a file of a former version, rows that are rounded as a whole are no more than that.
        if alone.grid.is_empty() || judge > 0 && alone.together.is_empty() {
            return Ok(false);
        }
        let (rounded, together) = (judge > 0, &alone.together);
        let common = |place: usize| rounding.common(judge, place);
        let told = together.told(rounded, common, &reading);
        let own = |place: usize, common: f64| {
            let value = reading(place);
            let step = alone.step(place, value);
            let step = if step >= SURELY * common { step } else { 0.0 };
            told.map_or(step, |told| {
                together.step(place, value, rounded, [common, WIDE * scale[place]], told).max(step)
            })
        };
        let coarsest = told.map(|_| (0..scale.len()).map(|place| own(place, common(place))).fold(0.0, f64::max));
        let mut any = false;
        self.take(scale.iter().enumerate().map(|(place, &scale)| {
            let common = common(place);
            let step = match coarsest {
                Some(coarsest) if reading(place) == 0.0 && rounding.passes_zero(place) => {
                    together.step_of_zero(place, common, coarsest.min(WIDE * scale))
                }
                _ => own(place, common),
            };
            any |= step > 0.0;
            let step = step.max(common);
            if step > 0.0 { rounding::noise(step, scale) } else { 0.0 }
        }))?;
        Ok(any)
    }

    /// Those of which something is rounded away; whether there are any.
    fn take(&mut self, noise: impl Iterator<Item = f64>) -> Result<bool> {
        self.sensors.clear();
        self.noise.clear();
        for (place, noise) in noise.enumerate().filter(|(_, noise)| *noise > 0.0) {
            extend(&mut self.sensors, [place], WHAT)?;
            extend(&mut self.noise, [noise], WHAT)?;
        }
        Ok(!self.sensors.is_empty())
    }

    /// Finds w for a form of covariance Λ⁻¹ `unit`; how much less it is for that. `among` gives Λ_hh, a lower triangle, and `pull`
    /// (Λ z)_h.
    pub(crate) fn weigh(
        &mut self,
        unit: f64,
        among: impl FnOnce(&[usize], &mut [f64]),
        pull: impl FnOnce(&[usize], &mut [f64]),
    ) -> Result<f64> {
        let count = self.sensors.len();
        self.factor.clear();
        self.weights.clear();
        extend(&mut self.factor, (0..count * count).map(|_| 0.0), WHAT)?;
        extend(&mut self.weights, (0..2 * count).map(|_| 0.0), WHAT)?;
        among(&self.sensors, &mut self.factor);
        for (value, noise) in self.factor.iter_mut().step_by(count + 1).zip(&self.noise) {
            *value += unit / noise;
        }
        factorise(&mut self.factor, count);
        let (weights, pulled) = self.weights.split_at_mut(count);
        pull(&self.sensors, pulled);
        weights.copy_from_slice(pulled);
        solve(&self.factor, weights);
        let less = weights.iter().zip(pulled).map(|(weight, pulled)| weight * *pulled).sum();
        self.weights.truncate(count);
        Ok(less)
    }

    /// The sensors with their w.
    pub(crate) fn weighed(&self) -> impl Iterator<Item = (usize, f64)> {
        self.sensors.iter().copied().zip(self.weights.iter().copied())
    }

    /// The diagonal of L.
    pub(crate) fn pivots(&self) -> impl Iterator<Item = f64> {
        self.factor.iter().step_by(self.sensors.len() + 1).copied()
    }
}

/// Rows and single sensors that are rounded more coarsely than in training.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Coarse {
    rounding: Rounding,
    alone: Alone,
    scale: Vec<f64>,
}

impl Coarse {
    /// Of the sensors `kept` of `x`, without bad readings `clean`, with these scales; `power` is what a unit of each sensor's variance, scaled, adds to a
    /// statistic that is `usual`, `precise` one over the variance that the others leave of it, `least` as for [`Alone::learn`].
    pub(crate) fn learn(
        [x, clean]: [Samples<'_>; 2],
        kept: &[usize],
        scale: Vec<f64>,
        power: &[f64],
        usual: f64,
        precise: &[f64],
        least: Option<&[f64]>,
    ) -> Result<Self> {
        let rounding = Rounding::learn(x, kept, &scale, power, usual)?;
        let alone = Alone::learn(&rounding, &scale, precise, least)?.unusual(clean, kept)?;
        Ok(Self { rounding, alone, scale })
    }

    /// For each lane whether it may be rounded: 0 for not at all, 1 where single sensors may be, 2 more than the number of the step of
    /// the whole row.
    #[inline(always)]
    pub(crate) fn lanes(&self, raw: &[Row], kept: &[usize]) -> [usize; LANES] {
        if self.scale.is_empty() {
            return [0; LANES];
        }
        let alone = self.alone.lanes(raw, kept);
        let judges = self.rounding.lying(raw, kept);
        std::array::from_fn(|lane| match judges[lane] {
            0 => usize::from(alone >> lane & 1),
            judge => judge + 1,
        })
    }

    /// The noise of a lane of that number; whether there is any.
    pub(crate) fn noise(&self, number: usize, reading: impl Fn(usize) -> f64, noisy: &mut Noisy) -> Result<bool> {
        match number {
            0 => Ok(false),
            1 => noisy.find(&self.alone, &self.rounding, 0, &self.scale, reading),
            _ if noisy.find(&self.alone, &self.rounding, number - 1, &self.scale, reading)? => Ok(true),
            _ => noisy.take(self.rounding.noise(number - 2, &self.scale)),
        }
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if !self.scale.is_empty() {
            self.rounding.write(to, &rounding::BESIDE);
            self.alone.write(to);
        }
    }

    /// Of a model of sensors with these scales; files of former versions have none.
    pub(crate) fn read(from: &Reader<'_>, scale: impl ExactSizeIterator<Item = f64>) -> Result<Self> {
        if !from.has(rounding::BESIDE.own) {
            return Ok(Self::default());
        }
        let scale = scale.gathered(WHAT)?;
        Ok(Self {
            rounding: Rounding::read(from, scale.len(), &rounding::BESIDE)?,
            alone: Alone::read(from, scale.len())?,
            scale,
        })
    }
}
