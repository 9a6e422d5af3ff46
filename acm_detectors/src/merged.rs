//! Covariances that were gathered in pieces, and merged: what every fit from them begins with.

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::scaling::rounding;
use acm_linalg::{Error, Result, Scaling};

use crate::lagged::Lagged;

pub(crate) const WHAT: &str = "a covariance";

/// Means and covariances of the columns that change.
pub(crate) struct Merged {
    /// Columns in all.
    pub(crate) columns: usize,
    /// Those that change, rising. What follows has their number.
    pub(crate) kept: Vec<usize>,
    pub(crate) mean: Vec<f64>,
    /// By the number of rows, not one less.
    pub(crate) deviation: Vec<f64>,
    /// Rows of the rarest pair.
    pub(crate) rows: usize,
    known: Vec<u64>,
    /// (w, w), row-major, divided by the number of rows.
    covariance: Vec<f64>,
}

impl Merged {
    /// # Errors
    /// [`Error::Unfit`] for scales whose squares are no numbers, and where no column changes; [`Error::Memory`].
    pub(crate) fn of(moments: &RunningMoments, sums: &Sums) -> Result<Self> {
        moments.require_squares()?;
        let d = moments.columns();
        let (mean, all) = (moments.mean(sums)?, moments.covariance(sums, 0)?);
        let deviation = |column: usize| all[column * d + column].sqrt();
        let changes = |&column: &usize| sums.known(column) > 0 && deviation(column) > rounding(mean[column]);
        let kept = (0..d).filter(changes).gathered("the columns that change")?;
        if kept.is_empty() {
            return Err(Error::Unfit {
                name: "moments",
                requirement: "a column that changes, by more than the rounding of its values",
            });
        }
        let pairs = kept.iter().flat_map(|&one| kept.iter().map(move |&other| sums.pairs(one, other)));
        let rows = usize::try_from(pairs.min().unwrap_or(0)).unwrap_or(usize::MAX);
        let covariance = kept.iter().flat_map(|&one| kept.iter().map(move |&other| (one, other)));
        Ok(Self {
            columns: d,
            mean: kept.iter().map(|&column| mean[column]).gathered(WHAT)?,
            deviation: kept.iter().map(|&column| deviation(column)).gathered(WHAT)?,
            known: kept.iter().map(|&column| sums.known(column)).gathered(WHAT)?,
            covariance: covariance.map(|(one, other)| all[one * d + other]).gathered(WHAT)?,
            rows,
            kept,
        })
    }

    /// # Errors
    /// [`Error::TooFew`] where a pair of columns has fewer rows in common.
    pub(crate) fn require(&self, least: usize) -> Result<()> {
        if self.rows >= least {
            return Ok(());
        }
        Err(Error::TooFew {
            name: "moments",
            what: "common row",
            least,
            got: self.rows,
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.kept.len()
    }

    /// Covariances of columns over these scales, symmetric to the bit.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn over(&self, scale: &[f64]) -> Result<Vec<f64>> {
        let width = self.width();
        let mut scaled = room(width, width, 0.0, WHAT)?;
        for one in 0..width {
            for other in 0..=one {
                let value = self.covariance[one * width + other] / scale[one] / scale[other];
                (scaled[one * width + other], scaled[other * width + one]) = (value, value);
            }
        }
        Ok(scaled)
    }

    /// Correlations.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn correlations(&self) -> Result<Vec<f64>> {
        let mut found = self.over(&self.deviation)?;
        found.iter_mut().step_by(self.width() + 1).for_each(|value| *value = 1.0);
        Ok(found)
    }

    /// Means for centres, deviations for scales.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn scaling(&self) -> Result<Scaling> {
        Ok(Scaling {
            fill: copied(&self.mean, WHAT)?,
            center: copied(&self.mean, WHAT)?,
            scale: copied(&self.deviation, WHAT)?,
            known: copied(&self.known, WHAT)?,
        })
    }

    /// Points of the kept columns, so scaled, about `mean`.
    pub(crate) fn lagged(self, scaling: Scaling, mean: Vec<f64>) -> Lagged {
        Lagged {
            columns: self.columns,
            kept: self.kept,
            scaling,
            lags: 0,
            mean,
        }
    }
}

/// # Errors
/// [`Error::Parameter`] with lags, of which moments know nothing.
pub(crate) fn require_no_lags(lags: usize) -> Result<()> {
    require(lags == 0, "lags", "0 for a fit from moments, which hold no earlier rows", lags)
}

/// What rounding makes of a variance that is 0, as a share of the largest, at most.
const BELOW: f64 = 1e-9;

/// `Ok` for variances, largest first, along the axes of covariances that rows can have: gaps that differ from pair to pair leave
/// others.
///
/// # Errors
/// [`Error::Singular`] naming `moments`.
pub(crate) fn require_law(variances: &[f64]) -> Result<()> {
    match (variances.first(), variances.last()) {
        (Some(first), Some(last)) if *last < -BELOW * first => Err(Error::Singular {
            name: "moments",
            requirement: "of gaps that agree: those that differ from pair to pair have left covariances that contradict each other",
        }),
        _ => Ok(()),
    }
}
