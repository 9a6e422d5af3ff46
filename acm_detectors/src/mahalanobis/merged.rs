//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result};

use super::{FittedMahalanobis, MahalanobisDetector, whitening};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::lagged::LEAST_ROWS;
use crate::merged::{Merged, WHAT, require_no_lags};
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::states::States;

impl MahalanobisDetector {
    /// Learns from moments of healthy rows: their means, standard deviations and covariance, each over the rows in which it is
    /// known. The same moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: limits are the theoretical ones, for as many rows as the rarest pair of columns has, and no reading is
    /// told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::Parameter`] with lags, of which moments know nothing; [`Error::Unfit`] for the share of Ledoit and Wolf, which
    /// needs the rows, and where no column changes; [`Error::TooFew`] unless each pair of columns has six rows, and without
    /// shrinkage more rows than columns; [`Error::Singular`] where columns determine one another and nothing is shrunk, or gaps
    /// make the covariances of pairs contradict each other; [`Error::Memory`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedMahalanobis> {
        require_no_lags(self.lags)?;
        let share = match self.shrinkage {
            Shrinkage::Nothing => 0.0,
            Shrinkage::Share(share) => share,
            Shrinkage::LedoitWolf => {
                return Err(Error::Unfit {
                    name: "shrinkage",
                    requirement: "a value other than \"ledoit_wolf\", which needs the rows: a number between 0 and 1, or \"none\"",
                });
            }
        };
        let merged = Merged::of(moments, sums)?;
        let width = merged.width();
        merged.require(if share > 0.0 { LEAST_ROWS } else { LEAST_ROWS.max(width + 1) })?;
        let mut scaled = merged.correlations()?;
        scaled.iter_mut().for_each(|value| *value *= 1.0 - share);
        // The scaled columns have variance 1, which is the mean of the diagonal, too.
        scaled.iter_mut().step_by(width + 1).for_each(|value| *value = 1.0);
        let (whitening, precision) = whitening::dense(&scaled, width)?;
        let (rows, scaling) = (merged.rows, merged.scaling()?);
        let lagged = merged.lagged(scaling, room(width, 1, 0.0, WHAT)?);
        Ok(FittedMahalanobis {
            parameters: *self,
            lagged,
            rows,
            covariance: scaled,
            shrinkage: share,
            whitening,
            precision,
            held_out: None,
            wandering: None,
            states: States::default(),
            rounding: Rounding::default(),
            rounded: Vec::new(),
            alone: Alone::default(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        })
    }
}
