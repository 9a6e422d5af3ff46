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
use fearless_simd::Simd;

use crate::fused::steps::{EXPONENTS, MATTERS, near, nearest, steps, ten};
use crate::gaps::{factorise, solve};
use crate::look::{Look, Quiet, Suspect, Suspects};
use crate::rounding::{self, Rounding};
use crate::together::Together;

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

/// A form that is less by a greater share for what is rounded away is computed anew: roundings would grow.
pub(crate) const MOST_LESS: f64 = 0.9;

/// Readings of more steps are whole numbers of them by their rounding.
pub(crate) const MOST_STEPS: f64 = 1e9;

const WHAT: &str = "steps of readings";

/// For each sensor the finest step that matters and the coarsest that is believed; 0 for none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Alone {
    finest: Vec<f64>,
    coarsest: Vec<f64>,
    /// One over the power of ten of which all these are multiples.
    grid: Vec<f64>,
    together: Together,
    /// For rows that are rounded as a whole to none and each of the coarser steps; none where nothing can be found.
    looks: Vec<Look>,
    /// For rows on a step that does not matter.
    quiet: Option<Quiet>,
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
            let any = own >= 0.0 && !steps(least, most).is_empty();
            finest.push(if any { least } else { 0.0 });
            coarsest.push(if any { most } else { 0.0 });
        }
        Self::of(finest, coarsest, Together::learn(rounding, scale, matter)?, rounding)
    }

    /// Without the sensors `kept` of which more of the training readings `x` lie on such steps than by chance: those of a grid that
    /// is no decimal one.
    pub(crate) fn unusual(mut self, x: Samples<'_>, kept: &[usize], rounding: &Rounding) -> Result<Self> {
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
        Self::of(self.finest, self.coarsest, self.together, rounding)
    }

    fn of(finest: Vec<f64>, coarsest: Vec<f64>, together: Together, rounding: &Rounding) -> Result<Self> {
        let mut found = Self {
            grid: Vec::new(),
            looks: reserved(rounding.steps().len() + 1, WHAT)?,
            finest,
            coarsest,
            together,
            quiet: None,
        };
        found.grid = (0..found.finest.len()).map(|place| found.grid_from(place, 0.0)).gathered(WHAT)?;
        // Of a model from a file of a former version, rows that are rounded as a whole are no more than that.
        let judges = if found.together.is_empty() { 1 } else { rounding.steps().len() + 1 };
        for judge in 0..judges {
            let step = rounding.step(judge);
            found.looks.push(found.look(judge > 0, SURELY, |place| rounding.rounded_to(step, place))?);
        }
        let step = rounding.quiet();
        let finer = (0..found.finest.len())
            .filter(|&place| rounding.rounded_to(step, place) > 0.0)
            .gathered(WHAT)?;
        if !finer.is_empty() && !found.together.is_empty() {
            let look = found.look(false, COARSER, |place| rounding.rounded_to(step, place))?;
            found.quiet = Some(Quiet { step, finer, look });
        }
        Ok(found)
    }

    /// What rows are looked at with whose sensors have these steps as a whole: so many times coarser ones count.
    fn look(&self, rounded: bool, coarser: f64, common: impl Fn(usize) -> f64) -> Result<Look> {
        let mut look = Look::default();
        for place in 0..self.finest.len() {
            let common = common(place);
            look.of_sensor(place, self.grid_from(place, coarser * common), self.together.first(place, common))?;
        }
        look.of_rows(rounded, self.together.enough(rounded));
        Ok(look)
    }

    /// One over the power of ten of which the steps of a sensor that are at least this are multiples; 0 for none.
    fn grid_from(&self, place: usize, least: f64) -> f64 {
        let (finest, most) = (self.finest[place], self.coarsest[place]);
        let first = steps(finest.max(least), most).first().filter(|_| finest > 0.0);
        let power = first.and_then(|step| EXPONENTS.rev().map(ten).find(|power| power <= step));
        power.map_or(0.0, |power| 1.0 / power)
    }

    /// The lanes in which sensors may be rounded by themselves, where the rows are judged by these numbers; `raw` has a row for each
    /// column, `kept` are the sensors'.
    #[inline(always)]
    pub(crate) fn lanes<S: Simd>(&self, simd: S, judges: [usize; LANES], raw: &[Row], kept: &[usize]) -> Suspects {
        if judges.iter().all(|&judge| judge == judges[0]) {
            return self.judged(simd, judges[0], raw, kept);
        }
        let mut suspects = Suspects::default();
        for judge in 0..self.looks.len() {
            let own = (0..LANES).filter(|&lane| judges[lane] == judge).fold(0, |bits, lane| bits | 1 << lane);
            if own > 0 {
                suspects = suspects.with(self.judged(simd, judge, raw, kept), own);
            }
        }
        suspects
    }

    /// The same where all rows are judged by one number.
    #[inline(always)]
    fn judged<S: Simd>(&self, simd: S, judge: usize, raw: &[Row], kept: &[usize]) -> Suspects {
        let quiet = self.quiet.as_ref().filter(|_| judge == 0);
        match self.looks.get(judge) {
            Some(look) => look.lanes(simd, quiet, raw, kept),
            None => Suspects::default(),
        }
    }

    /// What a suspected row has been looked at with, its step as a whole, and so many times coarser ones count.
    fn as_looked(&self, suspect: Suspect, rounding: &Rounding) -> Option<(&Look, f64, f64)> {
        match &self.quiet {
            Some(quiet) if suspect.quiet => Some((&quiet.look, quiet.step, COARSER)),
            _ => self.looks.get(suspect.judge).map(|look| (look, rounding.step(suspect.judge), SURELY)),
        }
    }

    /// The step that a reading of a sensor lies on; 0 for none.
    pub(crate) fn step(&self, sensor: usize, value: f64) -> f64 {
        if self.grid[sensor] == 0.0 || !on(value, value * self.grid[sensor]) {
            return 0.0;
        }
        let mut steps = steps(self.finest[sensor], self.coarsest[sensor]).iter().rev();
        steps.find(|&step| on(value, value / step)).copied().unwrap_or(0.0)
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if self.grid.iter().any(|grid| *grid > 0.0) {
            to.reals("alone.finest", &self.finest);
            to.reals("alone.coarsest", &self.coarsest);
        }
        self.together.write(to);
    }

    /// Of a model of so many sensors; files of former versions have none.
    pub(crate) fn read(from: &Reader<'_>, sensors: usize, rounding: &Rounding) -> Result<Self> {
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
        Self::of(finest, coarsest, together, rounding)
    }
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

/// The variance, scaled, of what rounding to a step takes away; 0 for none.
fn noise_of(step: f64, scale: f64) -> f64 {
    if step > 0.0 { rounding::noise(step, scale) } else { 0.0 }
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
    /// Those that the readings lie on.
    steps: Vec<f64>,
}

impl Noisy {
    /// Those that are rounded more coarsely than all of the row, which is judged as of number `judge` and has been looked at; whether
    /// there are any, and then all others are found too. `reading` is that of a sensor.
    pub(crate) fn find(
        &mut self,
        alone: &Alone,
        rounding: &Rounding,
        suspect: Suspect,
        scale: &[f64],
        reading: impl Fn(usize) -> f64,
    ) -> Result<bool> {
        let Some((look, whole, coarser)) = alone.as_looked(suspect, rounding) else {
            return Ok(false);
        };
        let (rounded, together) = (suspect.judge > 0, &alone.together);
        let common = |place: usize| rounding.rounded_to(whole, place);
        let mattering = |place: usize| {
            let value = reading(place);
            value == 0.0 || together.may_matter(place, value, WIDE * scale[place])
        };
        // Where nothing that lies on a step that matters is told, nothing is.
        let told = if suspect.told && (0..scale.len()).any(mattering) {
            together.told(rounded, common, &reading)
        } else {
            None
        };
        let own = |place: usize, common: f64| {
            let value = reading(place);
            let step = alone.step(place, value);
            let step = if step >= coarser * common { step } else { 0.0 };
            told.map_or(step, |told| {
                together.step(place, value, rounded, [common, WIDE * scale[place]], told).max(step)
            })
        };
        if told.is_none() {
            let found = look
                .places(&reading)
                .map(|place| (place, noise_of(own(place, common(place)), scale[place])));
            let any = self.take(found)?;
            if !any || whole == 0.0 {
                // Nothing is rounded away from any other.
                return Ok(any);
            }
        }
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        extend(&mut steps, (0..scale.len()).map(|place| own(place, common(place))), WHAT)?;
        let coarsest = told.map(|_| steps.iter().copied().fold(0.0, f64::max));
        if coarsest == Some(0.0) {
            self.steps = steps;
            return Ok(false);
        }
        let mut any = false;
        self.take(scale.iter().enumerate().map(|(place, &scale)| {
            let common = common(place);
            let step = match coarsest {
                Some(coarsest) if reading(place) == 0.0 && rounding.passes_zero(place) => {
                    together.step_of_zero(place, common, coarsest.min(WIDE * scale))
                }
                _ => steps[place],
            };
            any |= step > 0.0;
            (place, noise_of(step.max(common), scale))
        }))?;
        self.steps = steps;
        Ok(any)
    }

    /// Those of which something is rounded away; whether there are any.
    fn take(&mut self, noise: impl Iterator<Item = (usize, f64)>) -> Result<bool> {
        self.sensors.clear();
        self.noise.clear();
        for (place, noise) in noise.filter(|(_, noise)| *noise > 0.0) {
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
        let alone = Alone::learn(&rounding, &scale, precise, least)?.unusual(clean, kept, &rounding)?;
        Ok(Self { rounding, alone, scale })
    }

    /// For each lane whether it may be rounded.
    #[inline(always)]
    pub(crate) fn lanes<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> [Suspect; LANES] {
        if self.scale.is_empty() {
            return [Suspect::default(); LANES];
        }
        let judges = self.rounding.lying(simd, raw, kept);
        self.alone.lanes(simd, judges, raw, kept).each(judges)
    }

    /// The noise of a lane of which this is suspected; whether there is any.
    pub(crate) fn noise(&self, suspect: Suspect, reading: impl Fn(usize) -> f64, noisy: &mut Noisy) -> Result<bool> {
        if suspect.any() && noisy.find(&self.alone, &self.rounding, suspect, &self.scale, reading)? {
            return Ok(true);
        }
        match suspect.judge.checked_sub(1) {
            Some(number) => noisy.take(self.rounding.noise(number, &self.scale).enumerate()),
            None => Ok(false),
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
        let rounding = Rounding::read(from, scale.len(), &rounding::BESIDE)?;
        Ok(Self {
            alone: Alone::read(from, scale.len(), &rounding)?,
            rounding,
            scale,
        })
    }
}
