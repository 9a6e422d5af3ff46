//! Squared Mahalanobis distances from the mean of healthy data.

#[cfg(test)]
mod tests;

use acm_linalg::covariance::{Centered, Shrinkage, shrunk};
use acm_linalg::dense::cholesky;
use acm_linalg::error::require;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::Manner;
use acm_linalg::{Error, Persist, Reader, Result, Samples, Writer};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use crate::lagged::Lagged;
pub use crate::lagged::Live;
use crate::limits::{chi2_upper, t2_limit};

/// Rows of the whitening matrix that are worked on at once.
const GROUP: usize = 4;

/// A column of which the others leave less than this share of its variance is determined by them.
const NOTHING: f64 = 1e-12;

/// Parameters of the Mahalanobis detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MahalanobisDetector {
    /// How much the covariance is drawn towards a multiple of the identity.
    pub shrinkage: Shrinkage,
    /// Earlier rows beside each row.
    pub lags: usize,
}

/// A Mahalanobis detector that knows healthy data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedMahalanobis {
    parameters: MahalanobisDetector,
    lagged: Lagged,
    rows: usize,
    /// (width, width), row-major.
    covariance: Vec<f64>,
    shrinkage: f64,
    whitening: Whitening,
}

impl MahalanobisDetector {
    /// # Errors
    /// [`Error::Parameter`] unless a share of shrinkage lies in [0, 1].
    pub fn new(shrinkage: Shrinkage, lags: usize) -> Result<Self> {
        if let Shrinkage::Share(share) = shrinkage {
            require((0.0..=1.0).contains(&share), "shrinkage", "between 0 and 1", share)?;
        }
        Ok(Self { shrinkage, lags })
    }

    /// Learns from healthy rows, oldest first: means, standard deviations and the covariance of the scaled columns.
    ///
    /// Missing values take their column's median; columns without a value, or that change by no more than rounding, are
    /// left out; scaled values are clipped to ±1e6.
    ///
    /// # Errors
    /// [`Error::TooFew`] unless there are six rows more than lags, and without shrinkage more rows than coordinates;
    /// [`Error::Unfit`] where no column changes;
    /// [`Error::Singular`] where columns determine one another and nothing is shrunk; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedMahalanobis> {
        let mut lagged = Lagged::fit(x, Manner::Standard, self.lags)?;
        if matches!(self.shrinkage, Shrinkage::Nothing | Shrinkage::Share(0.0)) {
            x.require(lagged.width() + 1)?;
        }
        let points = lagged.points(x);
        let centered = Centered::new(&points)?;
        let mean = centered.mean()?;
        let found = shrunk(&centered, self.shrinkage)?;
        let width = lagged.width();
        lagged.mean = mean;
        Ok(FittedMahalanobis {
            parameters: *self,
            whitening: Whitening::new(&found.covariance, width)?,
            lagged,
            rows: x.rows(),
            covariance: found.covariance,
            shrinkage: found.shrinkage,
        })
    }
}

impl FittedMahalanobis {
    /// The squared Mahalanobis distance of each row.
    ///
    /// Shapes: x (n, d) -> (n,).
    /// Missing: the training median.
    /// Cost: n d² / 2 products. Threads: rows.
    /// Oracle: scikit-learn `LedoitWolf().mahalanobis` of the scaled rows, 1e-10.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] for another `out`; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, false, out)
    }

    /// What each sensor contributes to the squared distance of each row: z_j (S⁻¹ z)_j, signed, summing to it; a deviation
    /// of one sensor alone is all its own. Shares of a sensor's lags count together, and a column that was left out has none.
    ///
    /// # Errors
    /// Those of [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, true, out)
    }

    /// The scores of the rows that follow those that `live` has seen: what the whole history at once would give for them,
    /// to the last bit.
    ///
    /// # Errors
    /// Those of [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut Live, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        if self.lagged.lags == 0 {
            return self.score(x, out);
        }
        let (all, old) = live.before(x)?;
        let latest = Live::of(&all, self.lagged.lags)?;
        self.walk(all.view().into(), old, false, out)?;
        *live = latest;
        Ok(())
    }

    /// The rows of `x` from `skip` on: their scores, or what the columns contribute.
    fn walk(&self, x: Samples<'_>, skip: usize, parts: bool, out: &mut [f64]) -> Result<()> {
        let points = self.lagged.width();
        let width = if parts { self.lagged.columns } else { 1 };
        let passes = if parts { 2.0 } else { 1.0 };
        by_rows(
            x.rows() - skip,
            width,
            out,
            2.0 * points as f64 + 0.03 * passes * (points * points) as f64,
            || {
                let rows = |count| room(count, 1, Row::default(), "eight rows");
                let padded = points.next_multiple_of(GROUP);
                Ok((self.lagged.scratch()?, rows(padded)?, rows(padded)?, rows(padded)?))
            },
            |(raw, points, white, back), rows, out, stop| {
                for (out, first) in out.chunks_mut(LANES * width).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    dispatch!(Level::new(), simd => {
                        self.lagged.pack(simd, &x, first + skip, raw, points);
                        let square = self.whitening.whiten(simd, points, white);
                        if parts {
                            self.whitening.back(simd, white, back);
                            for place in 0..points.len() {
                                let point: V<_> = points[place].load(simd);
                                points[place].store(point * back[place].load(simd));
                            }
                            self.lagged.fold(&points[..self.lagged.width()], out.len() / width, out);
                        } else {
                            let mut squares = Row::default();
                            squares.store(square);
                            out.copy_from_slice(&squares.0[..out.len()]);
                        }
                    });
                }
            },
        )
    }

    /// What a healthy row's score exceeds with probability `alpha`: after Hotelling for the number of training rows, or χ²
    /// where they are no more than the coordinates. Shrinkage makes it an approximation.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `alpha` lies between 0 and 1.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        require(alpha > 0.0 && alpha < 1.0, "alpha", "between 0 and 1", alpha)?;
        let width = self.lagged.width();
        Ok(if self.rows > width {
            // The covariance's divisor is n, Hotelling's n - 1.
            let rows = self.rows as f64;
            t2_limit(width, self.rows, alpha) * (rows / (rows - 1.0))
        } else {
            chi2_upper(width as f64, alpha)
        })
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &MahalanobisDetector {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.lagged.columns
    }

    /// Which columns have a part in the model: those that changed at fit.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn used(&self) -> Result<Vec<bool>> {
        self.lagged.used()
    }

    /// Coordinates of a point: kept columns · (lags + 1).
    #[must_use]
    pub fn width(&self) -> usize {
        self.lagged.width()
    }

    /// Rows at fit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// (w, w), row-major, with w = kept columns · (lags + 1): the shrunk covariance of the scaled columns.
    #[must_use]
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The share of the identity in it.
    #[must_use]
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// What is subtracted from each column before scaling; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn center(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.center)
    }

    /// What each column is divided by; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn scale(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.scale)
    }
}

/// L⁻¹ of a covariance L Lᵀ, in groups of four rows.
#[derive(Debug, Clone, PartialEq)]
struct Whitening {
    width: usize,
    /// Group by group, column by column up to the group's last row; rows beyond the last are zero.
    entries: Vec<[f64; GROUP]>,
}

impl Whitening {
    fn new(covariance: &[f64], width: usize) -> Result<Self> {
        let dependent = || Error::Singular {
            name: "x",
            requirement: "free of columns that others determine, unless `shrinkage` is above 0",
        };
        let lower = cholesky(covariance, width, "x").map_err(|error| match error {
            Error::Singular { .. } => dependent(),
            other => other,
        })?;
        for row in 0..width {
            let pivot = lower[row * width + row];
            if pivot * pivot <= NOTHING * covariance[row * width + row] {
                return Err(dependent());
            }
        }
        let inverse = invert(&lower, width)?;
        let padded = width.next_multiple_of(GROUP);
        let mut entries = room(padded / GROUP * (padded + GROUP) / 2, 1, [0.0; GROUP], "a whitening matrix")?;
        let mut start = 0;
        for group in 0..padded / GROUP {
            let length = (group + 1) * GROUP;
            for inside in 0..GROUP {
                let row = group * GROUP + inside;
                if row < width {
                    for column in 0..=row {
                        entries[start + column][inside] = inverse[row * width + column];
                    }
                }
            }
            start += length;
        }
        Ok(Self { width, entries })
    }

    /// y = L⁻¹ z; the sum of its squares.
    #[inline(always)]
    fn whiten<S: Simd>(&self, simd: S, points: &[Row], white: &mut [Row]) -> V<S> {
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let mut sum = zero;
        let mut start = 0;
        for group in 0..self.width.div_ceil(GROUP) {
            let length = (group + 1) * GROUP;
            let entries = &self.entries[start..start + length];
            let points = &points[..length];
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            for place in 0..length {
                let point: V<S> = points[place].load(simd);
                let [p, q, r, s] = entries[place];
                a += point * p;
                b += point * q;
                c += point * r;
                d += point * s;
            }
            let white = &mut white[length - GROUP..length];
            white[0].store(a);
            white[1].store(b);
            white[2].store(c);
            white[3].store(d);
            sum += (a * a + b * b) + (c * c + d * d);
            start += length;
        }
        sum
    }

    /// L⁻ᵀ y.
    #[inline(always)]
    fn back<S: Simd>(&self, simd: S, white: &[Row], out: &mut [Row]) {
        out.fill(Row::default());
        let mut start = 0;
        for group in 0..self.width.div_ceil(GROUP) {
            let length = (group + 1) * GROUP;
            let entries = &self.entries[start..start + length];
            let white = &white[length - GROUP..length];
            let out = &mut out[..length];
            let a: V<S> = white[0].load(simd);
            let b: V<S> = white[1].load(simd);
            let c: V<S> = white[2].load(simd);
            let d: V<S> = white[3].load(simd);
            for place in 0..length {
                let value: V<S> = out[place].load(simd);
                let [p, q, r, s] = entries[place];
                out[place].store(value + ((a * p + b * q) + (c * r + d * s)));
            }
            start += length;
        }
    }
}

/// The inverse of a lower triangular matrix without zeros on its diagonal.
fn invert(lower: &[f64], width: usize) -> Result<Vec<f64>> {
    let mut inverse = room(width, width, 0.0, "a whitening matrix")?;
    let mut watch = Watch::start();
    for row in 0..width {
        watch.after(row * width / 4)?;
        let pivot = lower[row * width + row];
        let (above, current) = inverse.split_at_mut(row * width);
        let current = &mut current[..width];
        for (earlier, factor) in above.chunks_exact(width).zip(&lower[row * width..row * width + row]) {
            current.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= factor * earlier);
        }
        current[row] = 1.0;
        current.iter_mut().for_each(|value| *value /= pivot);
    }
    Ok(inverse)
}

impl Persist for FittedMahalanobis {
    const KIND: &'static str = "MahalanobisDetector";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        self.covariance.len()
    }

    fn write(&self, to: &mut Writer) {
        match self.parameters.shrinkage {
            Shrinkage::LedoitWolf => to.text("manner", "ledoit_wolf"),
            Shrinkage::Nothing => to.text("manner", "none"),
            Shrinkage::Share(share) => {
                to.text("manner", "share");
                to.real("share", share);
            }
        }
        self.lagged.write(to);
        to.count("rows", self.rows as u64);
        to.matrix("covariance", self.lagged.width(), self.lagged.width(), &self.covariance);
        to.real("shrinkage", self.shrinkage);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let lagged = Lagged::read(from)?;
        let shrinkage = match from.text("manner")? {
            "ledoit_wolf" => Shrinkage::LedoitWolf,
            "none" => Shrinkage::Nothing,
            "share" => Shrinkage::Share(from.real("share")?),
            _ => return Err(from.wrong("manner")),
        };
        let parameters = MahalanobisDetector::new(shrinkage, lagged.lags).map_err(|_| from.wrong("share"))?;
        let width = lagged.width();
        let covariance = from.matrix("covariance", width, width)?;
        from.require(covariance.iter().all(|value| value.is_finite()), "covariance")?;
        let rows = from.size("rows")?;
        from.require(rows >= 2, "rows")?;
        let share = from.real("shrinkage")?;
        from.require((0.0..=1.0).contains(&share), "shrinkage")?;
        Ok(Self {
            parameters,
            whitening: Whitening::new(&covariance, width).map_err(|error| match error {
                Error::Singular { .. } => from.wrong("covariance"),
                other => other,
            })?,
            lagged,
            rows,
            covariance,
            shrinkage: share,
        })
    }
}
