//! Moments of rows that come in pieces and lie on many machines: counts, means, covariances and lag-1 slopes, merged to the
//! same bits in whatever order.
//!
//! A first pass fixes a centre and a scale for each column, and how far from the centre a reading may lie. Each reading then
//! counts as the whole number of steps of 2^-40 scales nearest to (x - center) / scale. Sums of whole numbers and of their
//! products are exact in 128 bits, so neither the cuts between pieces nor the order of merging change a bit. A sum that floats
//! carry would depend on both (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, chapter 4).
//!
//! # Examples
//!
//! ```
//! use acm_linalg::running::{RunningMoments, Sums};
//! use ndarray::{Array2, s};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = Array2::from_shape_fn((50, 2), |(row, column)| 1e8 + (row * (column + 3) % 11) as f64);
//! let moments = RunningMoments::new(vec![1e8; 2], vec![1.0; 2], 100.0)?;
//! let (mut whole, mut first, mut second) = (Sums::default(), Sums::default(), Sums::default());
//! moments.update(&mut whole, x.view().into(), true)?;
//! moments.update(&mut first, x.slice(s![..17, ..]).into(), true)?;
//! moments.update(&mut second, x.slice(s![17.., ..]).into(), true)?;
//! moments.merge(&mut first, &second, true)?;
//! assert_eq!(first, whole);
//! # Ok(())
//! # }
//! ```

mod exact;
mod sums;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result, require};
use crate::memory::{Gather, room};
use crate::samples::Samples;
use crate::scaling::{Manner, Scaling, rounding};
use crate::state::{Persist, Reader, Writer};

pub use sums::Sums;

/// Steps to a scale.
const STEPS: f64 = (1_u64 << 40) as f64;

/// The farthest that readings may lie from the centre, in scales: their steps are below 2^52.
const FARTHEST: f64 = 4096.0;

/// Interquartile range of a normal distribution of variance 1.
const NORMAL_RANGE: f64 = 1.348_979_500_392_163_5;

pub(super) const WHAT: &str = "sums for each pair of columns";

/// What the first pass has fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningMoments {
    center: Vec<f64>,
    scale: Vec<f64>,
    reach: f64,
}

impl RunningMoments {
    /// # Errors
    /// [`Error::Length`] unless there is a scale for each centre; [`Error::Parameter`] unless centres are finite, scales are
    /// positive and finite, and `reach` is in (0, 4096]; [`Error::TooFew`] without a column.
    pub fn new(center: Vec<f64>, scale: Vec<f64>, reach: f64) -> Result<Self> {
        if center.is_empty() {
            return Err(Error::TooFew {
                name: "center",
                what: "value",
                least: 1,
                got: 0,
            });
        }
        if center.len() != scale.len() {
            return Err(Error::Length {
                name: "scale",
                expected: center.len(),
                got: scale.len(),
            });
        }
        for &value in &center {
            require(value.is_finite(), "center", "finite", value)?;
        }
        for &value in &scale {
            require(value.is_finite() && value >= f64::MIN_POSITIVE, "scale", "finite and above 0", value)?;
        }
        require(reach > 0.0 && reach <= FARTHEST, "reach", "above 0 and at most 4096", reach)?;
        Ok(Self { center, scale, reach })
    }

    /// By a sample: medians, and interquartile ranges over that of a normal distribution, which codes and spikes do not move.
    /// Where half of the readings are alike the standard deviation takes the range's place. A column that stands still has its
    /// level for a scale, one that does so at 0 or has no value 1.
    ///
    /// # Errors
    /// Those of [`Self::new`]; [`Error::TooFew`] without a row; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn of_sample(x: Samples<'_>, reach: f64) -> Result<Self> {
        x.require(1)?;
        let robust = Scaling::fit(x, Manner::Robust, 0.0)?;
        let standard = Scaling::fit(x, Manner::Standard, 0.0)?;
        let columns = robust.center.iter().zip(robust.scale.iter().zip(&standard.scale));
        let scale = columns.map(|(&center, (&range, &deviation))| {
            let floor = rounding(center);
            let spread = if range > floor { range / NORMAL_RANGE } else { deviation };
            match center.abs() {
                _ if spread > floor && spread.is_finite() => spread,
                level if level >= f64::MIN_POSITIVE => level,
                _ => 1.0,
            }
        });
        let scale = scale.gathered(WHAT)?;
        Self::new(robust.center, scale, reach)
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.center.len()
    }

    /// What is subtracted from each column.
    #[must_use]
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// What each column is divided by.
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// How many scales from the centre a reading may lie.
    #[must_use]
    pub fn reach(&self) -> f64 {
        self.reach
    }

    /// So many rows at most: no sum leaves 126 bits then.
    #[must_use]
    pub fn most_rows(&self) -> u64 {
        let square = (self.reach * STEPS + 1.0).powi(2);
        // No more than 2^40 in any case, for products of counts stay far below 2^128 then.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count between 2^22 and 2^40"
        )]
        let rows = (2.0_f64.powi(126) / square).min(2.0_f64.powi(40)) as u64;
        rows
    }

    /// The steps of a reading; none where it is missing, and whether it lies beyond reach.
    #[inline]
    fn steps(&self, value: f64, column: usize) -> (Option<i64>, bool) {
        if !value.is_finite() {
            return (None, false);
        }
        let scaled = (value - self.center[column]) / self.scale[column];
        if scaled.abs() <= self.reach {
            (Some((scaled * STEPS).round_ties_even() as i64), false)
        } else {
            (None, true)
        }
    }

    /// Counts the rows of `x`; they come right after those before where they `follow`.
    ///
    /// Shapes: x (m, d). Missing: NaN and infinity, and what lies beyond reach, which is counted.
    /// Cost: m d² / 2 products of whole numbers; for a row with k missing values k d sums more.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Parameter`] beyond [`Self::most_rows`]; [`Error::Memory`]; [`Error::Interrupted`]. `sums` may
    /// hold some of the rows then.
    pub fn update(&self, sums: &mut Sums, x: Samples<'_>, follow: bool) -> Result<()> {
        x.require_columns(self.columns())?;
        self.admit(sums.rows(), x.rows() as u64)?;
        sums.update(self, x, follow)
    }

    /// Adds what `other` has counted; its rows come right after those of `sums` where they `follow`.
    ///
    /// # Errors
    /// [`Error::Parameter`] beyond [`Self::most_rows`]; [`Error::Memory`].
    pub fn merge(&self, sums: &mut Sums, other: &Sums, follow: bool) -> Result<()> {
        self.admit(sums.rows(), other.rows())?;
        sums.merge(other, follow)
    }

    fn admit(&self, rows: u64, more: u64) -> Result<()> {
        let all = rows.saturating_add(more);
        let requirement = "fewer rows: sums of so many would not be exact at this `reach`";
        require(all <= self.most_rows(), "x", requirement, usize::try_from(all).unwrap_or(usize::MAX))
    }

    /// Mean of each column, in its own unit; NaN without a reading.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn mean(&self, sums: &Sums) -> Result<Vec<f64>> {
        let means = (0..self.columns()).map(|column| match sums.known(column) {
            0 => f64::NAN,
            count => self.center[column] + self.scale[column] * (exact::mean(sums.sum(column), count) / STEPS),
        });
        means.gathered(WHAT)
    }

    /// Covariance of each pair of columns over the rows in which both are known, (d, d), divisor count - `ddof`; NaN for pairs
    /// of no more such rows.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn covariance(&self, sums: &Sums, ddof: u64) -> Result<Vec<f64>> {
        let d = self.columns();
        let mut out = room(d, d, f64::NAN, WHAT)?;
        for one in 0..d {
            for other in 0..=one {
                let count = sums.pairs(one, other);
                if count > ddof && count > 0 {
                    let (product, left, right) = sums.together(one, other);
                    let central = exact::central(product, left, right, count) / (count - ddof) as f64;
                    let value = (central / STEPS * self.scale[one]) * (self.scale[other] / STEPS);
                    (out[one * d + other], out[other * d + one]) = (value, value);
                }
            }
        }
        Ok(out)
    }

    /// The slope of each column's readings on those of the row before, by least squares with an intercept: an AR(1) coefficient.
    /// NaN where less than two readings follow another, or those that are followed are all alike.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn lag_slope(&self, sums: &Sums) -> Result<Vec<f64>> {
        (0..self.columns()).map(|column| sums.lag_slope(column)).gathered(WHAT)
    }
}

impl RunningMoments {
    /// What `phi` times the deviation of the reading before leaves of each column's deviations, about the means of both sides: its
    /// standard deviation. NaN where no reading follows another.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one for each column; [`Error::Memory`].
    pub fn lag_rest(&self, sums: &Sums, phi: &[f64]) -> Result<Vec<f64>> {
        if phi.len() != self.columns() {
            return Err(Error::Length {
                name: "phi",
                expected: self.columns(),
                got: phi.len(),
            });
        }
        let rest = phi.iter().zip(&self.scale).enumerate().map(|(column, (phi, scale))| {
            let Some((_, [before, after, both])) = sums.lag(column) else {
                return f64::NAN;
            };
            // Of the best slope it is the part that no slope explains; any other leaves that and the square of the difference.
            let best = if before > 0.0 { both / before } else { 0.0 };
            let least = (after - best * both).max(0.0);
            (least + (phi - best).powi(2) * before).sqrt() / STEPS * scale
        });
        rest.gathered(WHAT)
    }

    /// `Ok` where squares of readings are numbers that float64 holds.
    ///
    /// # Errors
    /// [`Error::Unfit`] naming `moments`.
    pub fn require_squares(&self) -> Result<()> {
        if self.scale.iter().all(|scale| (1e-140..1e140).contains(scale)) {
            return Ok(());
        }
        Err(Error::Unfit {
            name: "moments",
            requirement: "scales between 1e-140 and 1e140, whose squares are numbers; take another unit",
        })
    }
}

impl Persist for RunningMoments {
    const KIND: &'static str = "RunningMoments";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        7 * self.columns().saturating_mul(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        to.reals("center", &self.center);
        to.reals("scale", &self.scale);
        to.real("reach", self.reach);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let columns = from.length("center")?;
        let (center, scale) = (from.reals("center", columns)?, from.reals("scale", columns)?);
        Self::new(center, scale, from.real("reach")?).map_err(|error| from.blamed("scale", error))
    }
}
