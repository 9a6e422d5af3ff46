//! AR(1): each sensor is expected to keep part of its last deviation; what departs from that is abnormal.
//!
//! The model of a sensor is x_t = mu + phi (x_{t-1} - mu) + r_t (Box, Jenkins and Reinsel, Time Series Analysis, section 3.2),
//! with a robust level and a robust scale of the residuals, so that the spikes of the training data do not hide those to come.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::ar1::{Ar1, Ar1Memory, Fuse};
//! use ndarray::{Array2, s};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // A wave, and one spike at the end.
//! let mut x = Array2::from_shape_fn((300, 1), |(row, _)| (0.1 * row as f64).sin() + 0.01 * (7 * row % 5) as f64);
//! x[[299, 0]] += 1.0;
//! let model = Ar1::new(0.99, None, Fuse::Mean)?.fit(x.slice(s![..200, ..]).into())?;
//! let (mut memory, mut score) = (Ar1Memory::default(), [0.0; 100]);
//! model.update(&mut memory, x.slice(s![200..250, ..]).into(), &mut score[..50])?;
//! model.update(&mut memory, x.slice(s![250.., ..]).into(), &mut score[50..])?;
//! assert!(score[..99].iter().all(|usual| 3.0 * usual < score[99]));
//! # Ok(())
//! # }
//! ```

mod merged;
mod score;
mod still;
#[cfg(test)]
mod tests;
mod usual;

use acm_linalg::error::require;
use acm_linalg::lanes::LANES;
use acm_linalg::memory::Gather;
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, median_mad, quantile, rounding, unit};
use acm_linalg::{Error, Persist, Reader, Result, Samples, Writer, parallel};
use fearless_simd::{Level, Simd, dispatch};

use crate::constants::{self, Constants};
use crate::held_out::{HeldOut, NAMES, limit_of};
use crate::screen::{LeftOut, Screened};
pub use score::{Ar1Memory, residuals};
pub(crate) use score::{Wanted, latest};
use still::Still;

const WHAT: &str = "the model of each column";

/// Scale of the median absolute deviation that is the standard deviation of normal numbers.
const NORMAL: f64 = 1.4826;

/// Values are clipped to this magnitude: their squares and the sums of them stay finite.
const LARGEST: f64 = 1e150;

/// Least scale of residuals, relative to what the column does; to its level where it does nothing.
const FLOOR: f64 = 1e-6;

/// Rows that tell a coefficient.
const LEAST_ROWS: usize = 3;

/// Rows that tell a scale, where most others are of standstill.
const ENOUGH_ROWS: usize = 20;

/// So many values tell the two numbers of a sensor that has a third of them.
const ENOUGH_VALUES: u64 = 100;

/// Estimated time to fit a value, in nanoseconds.
const FIT_NS: f64 = 25.0;

/// How the sensors' deviations become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fuse {
    /// Their mean.
    Mean,
    /// Their median.
    Median,
    /// Their 95th percentile.
    P95,
}

impl Fuse {
    /// Every manner and its name.
    pub const ALL: [(&'static str, Self); 3] = [("mean", Self::Mean), ("median", Self::Median), ("p95", Self::P95)];
}

/// Parameters of the detector.
#[derive(Debug, Clone, PartialEq)]
pub struct Ar1 {
    phi_cap: f64,
    sd_floor: Option<f64>,
    fuse: Fuse,
    constants: bool,
}

constants::parameter!(Ar1);

impl Ar1 {
    /// A detector whose coefficients stay within `phi_cap` of 0 and whose residuals' scales are at least `sd_floor`: by default
    /// 1e-6 of the root mean square about the median, of the median where the column stands still, and 1e-6 where that is 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= phi_cap < 1` and `sd_floor` is positive and finite.
    pub fn new(phi_cap: f64, sd_floor: Option<f64>, fuse: Fuse) -> Result<Self> {
        require((0.0..1.0).contains(&phi_cap), "phi_cap", "at least 0 and below 1", phi_cap)?;
        if let Some(floor) = sd_floor {
            require(floor > 0.0 && floor.is_finite(), "sd_floor", "positive and finite", floor)?;
        }
        Ok(Self {
            phi_cap,
            sd_floor,
            fuse,
            constants: true,
        })
    }

    /// Most that a coefficient may be, in magnitude.
    #[must_use]
    pub fn phi_cap(&self) -> f64 {
        self.phi_cap
    }

    /// Least scale of a sensor's residuals, in the sensor's unit, where it was given.
    #[must_use]
    pub fn sd_floor(&self) -> Option<f64> {
        self.sd_floor
    }

    /// How the sensors' deviations become one score.
    #[must_use]
    pub fn fuse(&self) -> Fuse {
        self.fuse
    }

    /// Level, coefficient and scale of each column of `x` (n, d): from its known values, clipped to ±1e150, and from
    /// those of them that follow one another from row to row; where hardly any do, gaps are closed up.
    ///
    /// A column with fewer than three known values, or that changes by no more than rounding, has coefficient 0;
    /// one with less than half of its values known, or a third where these are a hundred, is left out of the scores.
    /// Sensors that keep a value far from their others while the machine stands still have those of the rows in which it
    /// runs. Error codes, spikes, stuck sensors and rows unlike the others count as missing.
    ///
    /// Cost: nearly all of it is the look at the training rows, some ten covariances of them; then O(n d), and 9 n values a
    /// thread. Any number of threads gives the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than three rows or no column; [`Error::Unfit`] where no column has that much;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedAr1> {
        x.require(LEAST_ROWS)?;
        let screened = Screened::of(x)?;
        let training = screened.blanked(x)?;
        let x = training.samples();
        let (rows, columns) = (x.rows(), x.columns());
        let mut sensors = room(columns, 1, Sensor::default(), WHAT)?;
        let (still, marks) = Still::learn(x)?;
        let group = columns.div_ceil(parallel::num_threads()).min(LANES);
        parallel::run(
            sensors.chunks_mut(group).enumerate(),
            FIT_NS * (rows * columns) as f64,
            || Ok((room(group, rows, 0.0, "some columns")?, room(rows, 1, 0.0, "a column")?)),
            |(values, spare), (number, sensors), stop| {
                let first = number * group;
                let values = &mut values[..sensors.len() * rows];
                x.read_columns(first..first + sensors.len(), values);
                for (place, (values, sensor)) in values.chunks_exact_mut(rows).zip(sensors).enumerate() {
                    if stop.requested() {
                        return;
                    }
                    let mut apart = 0;
                    if still.values[first + place].is_finite() {
                        for value in values.iter_mut().zip(&marks).filter(|pair| *pair.1).map(|pair| pair.0) {
                            apart += u64::from(value.is_finite());
                            *value = f64::NAN;
                        }
                    }
                    *sensor = self.sensor(values, spare);
                    sensor.known += apart;
                }
            },
        )?;
        if sensors.iter().all(|sensor| !sensor.used(rows)) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a column with at least half of its values known, or a hundred that are a third of them",
            });
        }
        let mut fitted = FittedAr1 {
            parameters: self.clone(),
            mu: sensors.iter().map(|sensor| sensor.mu).gathered(WHAT)?,
            phi: sensors.iter().map(|sensor| sensor.phi).gathered(WHAT)?,
            sd: sensors.iter().map(|sensor| sensor.sd).gathered(WHAT)?,
            used: sensors.iter().map(|sensor| sensor.used(rows)).gathered(WHAT)?,
            clipped: sensors.iter().map(|sensor| sensor.clipped).sum(),
            usual: None,
            still,
            constants: Constants::default(),
            left_out: LeftOut::default(),
        };
        fitted.usual = fitted.training_scores(x, &marks)?;
        fitted.constants = Constants::among_used(self.constants, x)?;
        fitted.left_out = screened.left_out();
        Ok(fitted)
    }

    fn sensor(&self, values: &mut [f64], spare: &mut [f64]) -> Sensor {
        let (mut known, mut clipped) = (0, 0);
        for value in values.iter_mut() {
            if value.is_finite() {
                clipped += u64::from(value.abs() > LARGEST);
                *value = value.clamp(-LARGEST, LARGEST);
                spare[known] = *value;
                known += 1;
            } else {
                *value = f64::NAN;
            }
        }
        if known == 0 {
            return self.unknown();
        }
        let mu = quantile(&mut spare[..known], 0.5);
        // Of sensors that are read now and then no two values may be neighbours.
        let values = if pairs(values).nth(LEAST_ROWS - 1).is_some() {
            values
        } else {
            let known = keep_known(values);
            &mut values[..known]
        };
        let (phi, spread) = self.coefficient(values, mu);
        // Where the sensor stands still in most rows, the scale is that of the others.
        let all = pairs(values).count();
        let moving = pairs(values).filter(|(before, value)| before != value).count();
        let still = 2 * moving < all && moving >= ENOUGH_ROWS;
        let told = pairs(values).filter(|(before, value)| !still || before != value);
        let mut count = 0;
        for (residual, (before, value)) in spare.iter_mut().zip(told) {
            *residual = (value - mu) - phi * (before - mu);
            count += 1;
        }
        let (_, mad) = median_mad(&mut spare[..count]);
        let sd = NORMAL * mad;
        let floor = self.floor(spread, mu);
        Sensor {
            mu,
            phi,
            sd: if sd > floor { sd } else { floor },
            known: known as u64,
            clipped,
        }
    }

    /// A column without a value.
    fn unknown(&self) -> Sensor {
        Sensor {
            sd: self.sd_floor.unwrap_or(FLOOR),
            ..Sensor::default()
        }
    }

    /// The least scale of residuals of a column that spreads so much about that level.
    fn floor(&self, spread: f64, mu: f64) -> f64 {
        self.sd_floor
            .unwrap_or_else(|| match FLOOR * if spread > 0.0 { spread } else { mu.abs() } {
                0.0 => FLOOR,
                floor => floor.max(f64::MIN_POSITIVE),
            })
    }

    /// Yule and Walker's estimate about `mu`, and the root mean square about it; 0 and 0 of a column that stands still.
    fn coefficient(&self, values: &[f64], mu: f64) -> (f64, f64) {
        let level = Level::new();
        let (rows, most) = dispatch!(level, simd => extent(simd, values, mu));
        // Squares of tiny deviations are no numbers.
        let unit = unit(most).max(1.0);
        let share = 1.0 / rows as f64;
        let [spread, products, squares] = dispatch!(level, simd => moments(simd, values, mu, unit, share));
        let spread = spread.sqrt() / unit;
        if spread <= rounding(mu) {
            return (0.0, 0.0);
        }
        let phi = products / squares;
        let sure = rows >= LEAST_ROWS && phi.is_finite();
        (if sure { phi.clamp(-self.phi_cap, self.phi_cap) } else { 0.0 }, spread)
    }
}

/// How many values are known, and how far the farthest is from `mu`.
#[inline(always)]
fn extent<S: Simd>(_: S, values: &[f64], mu: f64) -> (usize, f64) {
    let (mut rows, mut most) = ([0; LANES], [0.0_f64; LANES]);
    for eight in values.chunks(LANES) {
        for ((rows, most), value) in rows.iter_mut().zip(&mut most).zip(eight) {
            *rows += usize::from(!value.is_nan());
            *most = most.max((value - mu).abs());
        }
    }
    (rows.iter().sum(), most.into_iter().fold(0.0, f64::max))
}

/// Of deviations from `mu` in `unit`: their squares' sum times `share`, and over the known values with a known one before, the sums
/// of the products of both and of the squares of the one before. Each is summed in eight lanes.
#[inline(always)]
fn moments<S: Simd>(_: S, values: &[f64], mu: f64, unit: f64, share: f64) -> [f64; 3] {
    let (mut spread, mut products, mut squares) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let about = |value: f64| (value - mu) * unit;
    for eight in values.chunks(LANES) {
        for (spread, &value) in spread.iter_mut().zip(eight) {
            let away = about(value);
            *spread += if away.is_nan() { 0.0 } else { away * away * share };
        }
    }
    let (before, after) = (&values[..values.len().saturating_sub(1)], values.get(1..).unwrap_or(&[]));
    for (before, after) in before.chunks(LANES).zip(after.chunks(LANES)) {
        for (lane, (&before, &after)) in before.iter().zip(after).enumerate() {
            let (before, after) = (about(before), about(after));
            let known = !before.is_nan() & !after.is_nan();
            products[lane] += if known { before * after } else { 0.0 };
            squares[lane] += if known { before * before } else { 0.0 };
        }
    }
    [spread, products, squares].map(|lanes| lanes.iter().sum())
}

/// Known values and the known ones right after them.
fn pairs(values: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let both = |pair: &[f64]| (pair[0], pair[1]);
    values.windows(2).map(both).filter(|(before, value)| !before.is_nan() && !value.is_nan())
}

/// The model of one column.
#[derive(Debug, Clone, Copy, Default)]
struct Sensor {
    mu: f64,
    phi: f64,
    sd: f64,
    known: u64,
    clipped: u64,
}

impl Sensor {
    fn used(&self, rows: usize) -> bool {
        let rows = rows as u64;
        self.known > 0 && (2 * self.known >= rows || (3 * self.known >= rows && self.known >= ENOUGH_VALUES))
    }
}

/// A detector that has seen healthy data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedAr1 {
    parameters: Ar1,
    mu: Vec<f64>,
    phi: Vec<f64>,
    sd: Vec<f64>,
    used: Vec<bool>,
    clipped: u64,
    /// The training rows' scores.
    usual: Option<HeldOut>,
    still: Still,
    constants: Constants,
    left_out: LeftOut,
}

constants::told!(FittedAr1);

impl FittedAr1 {
    /// What a healthy row's score exceeds with probability `alpha`, from the training rows' own scores; 1 where none of them
    /// departs from what is expected.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `alpha` lies between 0 and 1; [`Error::Unfit`] where no row has one before it, or for a model
    /// from a file of a former version.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        let limit = limit_of(self.usual.as_ref(), alpha)?;
        Ok(if limit > 0.0 { limit } else { 1.0 })
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The parameters it was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &Ar1 {
        &self.parameters
    }

    /// Sensors.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.mu.len()
    }

    /// Level of each sensor: its median.
    #[must_use]
    pub fn mu(&self) -> &[f64] {
        &self.mu
    }

    /// Lag-1 coefficient of each sensor.
    #[must_use]
    pub fn phi(&self) -> &[f64] {
        &self.phi
    }

    /// Robust standard deviation of each sensor's residuals.
    #[must_use]
    pub fn sd(&self) -> &[f64] {
        &self.sd
    }

    /// Whether each sensor takes part in the score.
    #[must_use]
    pub fn used(&self) -> &[bool] {
        &self.used
    }

    /// Training values beyond ±1e150, which were clipped.
    #[must_use]
    pub fn clipped(&self) -> u64 {
        self.clipped
    }
}

impl Persist for FittedAr1 {
    const KIND: &'static str = "AR1Detector";
    const VERSION: u64 = 4;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        to.real("phi_cap", self.parameters.phi_cap);
        if let Some(floor) = self.parameters.sd_floor {
            to.real("sd_floor", floor);
        }
        let name = Fuse::ALL.iter().find(|(_, fuse)| *fuse == self.parameters.fuse);
        to.text("fuse", name.map_or("", |(name, _)| name));
        to.reals("mu", &self.mu);
        to.reals("phi", &self.phi);
        to.reals("sd", &self.sd);
        to.counts("used", &self.used.iter().map(|&used| u64::from(used)).collect::<Vec<_>>());
        to.count("clipped", self.clipped);
        if let Some(usual) = &self.usual {
            usual.write(to, &NAMES);
        }
        if self.still.any() {
            to.reals("still", &self.still.values);
        }
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let fuse = from.text("fuse")?;
        let fuse = Fuse::ALL.iter().find(|(name, _)| *name == fuse);
        let &(_, fuse) = fuse.ok_or_else(|| from.wrong("fuse"))?;
        let sd_floor = if from.has("sd_floor") { Some(from.real("sd_floor")?) } else { None };
        let parameters = Ar1::new(from.real("phi_cap")?, sd_floor, fuse);
        let parameters = parameters.map_err(|_| from.wrong("phi_cap"))?;
        let parameters = parameters.with_constants(Constants::watched(from));
        let columns = from.length("mu")?;
        let used = from.counts("used", columns)?;
        let mut still = if from.has("still") {
            from.reals("still", columns)?
        } else {
            room(columns, 1, f64::NAN, WHAT)?
        };
        still.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f64::NAN);
        let read = Self {
            parameters,
            mu: from.reals("mu", columns)?,
            phi: from.reals("phi", columns)?,
            sd: from.reals("sd", columns)?,
            used: used.iter().map(|&used| used == 1).collect(),
            clipped: from.count("clipped")?,
            usual: HeldOut::read(from, &NAMES)?,
            still: Still::of(still),
            constants: Constants::read(from, columns)?,
            left_out: LeftOut::read(from, columns)?,
        };
        from.require(columns > 0 && read.mu.iter().all(|mu| mu.abs() <= LARGEST), "mu")?;
        from.require(read.phi.iter().all(|phi| phi.abs() < 1.0), "phi")?;
        from.require(read.sd.iter().all(|sd| *sd > 0.0 && sd.is_finite()), "sd")?;
        from.require(used.iter().all(|&used| used < 2) && read.used.contains(&true), "used")?;
        Ok(read)
    }
}
