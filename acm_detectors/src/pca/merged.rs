//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::dense::symmetric_eigen;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::pca::kept_of;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::scaling::Manner;
use acm_linalg::{Error, Result, Scaling};

use super::fit::{NOTHING, share, spe_limit, t2_limit};
use super::kernel::Directions;
use super::{FittedPca, Limits, PcaDetector};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::lagged::{LEAST_ROWS, NOTHING_CHANGES};
use crate::merged::{Merged, WHAT, require_law, require_no_lags};
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::states::States;

impl PcaDetector {
    /// Learns from moments of healthy rows: the components of their covariance, each entry over the rows in which it is known.
    /// Robust centres and scales are those of the moments' own first pass, standard ones the means and deviations. The same
    /// moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: limits are the theoretical ones, for as many rows as the rarest pair of columns has, and no reading is
    /// told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::Parameter`] with lags; [`Error::Unfit`] with limits from the training rows' quantiles, which need the rows, and
    /// where no column changes; [`Error::TooFew`] unless each pair of columns has six rows; [`Error::Singular`] where gaps make
    /// the covariances of pairs contradict each other; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedPca> {
        require_no_lags(self.lags)?;
        if self.limits == Limits::Empirical {
            return Err(Error::Unfit {
                name: "limits",
                requirement: "a value other than \"empirical\", which needs the rows: \"theoretical\"",
            });
        }
        let merged = Merged::of(moments, sums)?;
        merged.require(LEAST_ROWS)?;
        let (width, rows) = (merged.width(), merged.rows);
        let of_first_pass = |values: &[f64]| merged.kept.iter().map(|&column| values[column]).gathered(WHAT);
        let (scaling, mean) = if self.scaling == Manner::Robust {
            let (center, scale) = (of_first_pass(moments.center())?, of_first_pass(moments.scale())?);
            let means = merged.mean.iter().zip(center.iter().zip(&scale));
            let mean = means.map(|(mean, (center, scale))| (mean - center) / scale).gathered(WHAT)?;
            let scaling = Scaling {
                fill: copied(&center, WHAT)?,
                center,
                scale,
                known: merged.scaling()?.known,
            };
            (scaling, mean)
        } else {
            (merged.scaling()?, room(width, 1, 0.0, WHAT)?)
        };
        let mut covariance = merged.over(&scaling.scale)?;
        let unbiased = rows as f64 / (rows - 1) as f64;
        covariance.iter_mut().for_each(|value| *value *= unbiased);
        let (mut variances, mut components) = symmetric_eigen(&covariance, width, "moments")?;
        require_law(&variances)?;
        let first = variances[0];
        variances.iter_mut().for_each(|variance| *variance = variance.max(0.0));
        let large = variances.iter().take_while(|&&variance| variance > NOTHING * first).count();
        let kept = kept_of(&variances, self.components).min(large).min(rows - 1);
        if kept == 0 {
            return Err(NOTHING_CHANGES);
        }
        components.truncate(kept * width);
        let directions = Directions::new(&components, &variances, width)?;
        let mut fitted = FittedPca {
            parameters: *self,
            lagged: merged.lagged(scaling, mean),
            rows,
            components,
            variances,
            spe: Vec::new(),
            t2: Vec::new(),
            held_out: None,
            spe_limit: 1.0,
            t2_limit: 1.0,
            directions,
            states: States::default(),
            rounding: Rounding::default(),
            rounded: Vec::new(),
            alone: Alone::default(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        };
        let alpha = share(&fitted, self.alpha, self.limits);
        fitted.spe_limit = spe_limit(&fitted, alpha, self.limits);
        fitted.t2_limit = t2_limit(&fitted, alpha, self.limits);
        Ok(fitted)
    }
}
