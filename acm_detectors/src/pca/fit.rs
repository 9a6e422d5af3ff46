//! Fitting the monitor, and its limits.

use acm_linalg::error::require;
use acm_linalg::pca::principal;
use acm_linalg::samples::room;
use acm_linalg::scaling::{Manner, quantile};
use acm_linalg::{Result, Samples};

use super::gaps::Subspace;
use super::kernel::Directions;
use super::{Components, FittedPca, Limits, PcaDetector, Statistic, held_out};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::lagged::{Lagged, NOTHING_CHANGES};
use crate::limits;
use crate::rounding::Rounding;
use crate::screen::{LeftOut, Screened};
use crate::states::States;

/// Components along which the data vary by less than this share of the first are rounding: T² would divide by it.
pub(super) const NOTHING: f64 = 1e-12;

pub(super) fn require_alpha(alpha: f64) -> Result<()> {
    require(alpha > 0.0 && alpha < 1.0, "alpha", "between 0 and 1", alpha)
}

impl PcaDetector {
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] for a count of 0, or a share or `alpha` that does not lie between 0 and 1.
    pub fn new(components: Components, lags: usize, scaling: Manner, alpha: f64, limits: Limits) -> Result<Self> {
        components.require("n_components")?;
        require_alpha(alpha)?;
        Ok(Self {
            components,
            lags,
            scaling,
            alpha,
            limits,
            constants: true,
        })
    }

    /// Components that are kept; a count beyond what rows and columns allow keeps all there are.
    #[must_use]
    pub fn components(&self) -> Components {
        self.components
    }

    /// Earlier rows beside each row.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.lags
    }

    /// How columns are scaled.
    #[must_use]
    pub fn scaling(&self) -> Manner {
        self.scaling
    }

    /// The significance that the limits of the score are for.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Where the limits of the score come from.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Learns from healthy rows, oldest first.
    ///
    /// Missing values are replaced by what the others let expect, with the noise about that; columns without a value, or
    /// that change by no more than rounding, are left out; scaled values are clipped to ±1e6; where the interquartile range
    /// is below a hundredth of the standard deviation, the latter scales.
    ///
    /// Shapes: x (n, d), n >= lags + 6.
    /// Cost: that of [`acm_linalg::pca::pca`] on d (lags + 1) columns, and of scoring, once more than that for the limits from
    /// held-out rows, and their ten decompositions (fewer from 200 coordinates on). Keeps two values a row.
    ///
    /// # Errors
    /// [`acm_linalg::Error::TooFew`]; [`acm_linalg::Error::Unfit`] where no column changes; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedPca> {
        let screened = Screened::of(x)?;
        let (training, states) = screened.beside(x, self.lags)?;
        let (all, x) = (x, training.samples());
        let mut lagged = Lagged::fit(x, self.scaling, self.lags)?;
        let rows = lagged.telling(x)?;
        let complete = lagged.completed(x)?;
        let x = complete.as_ref().map_or(x, |complete| complete.view().into());
        let found = principal(&lagged.points(x), self.components)?;
        let first = found.variances.first().copied().unwrap_or(0.0);
        let large = found.variances.iter().take_while(|&&variance| variance > NOTHING * first).count();
        let kept = found.kept.min(large).min(rows.saturating_sub(1));
        if kept == 0 {
            return Err(NOTHING_CHANGES);
        }
        let mut components = found.components;
        components.truncate(kept * lagged.width());
        let directions = Directions::new(&components, &found.variances, lagged.width())?;
        lagged.mean = found.mean;
        let mut fitted = FittedPca {
            parameters: *self,
            lagged,
            rows,
            components,
            variances: found.variances,
            spe: room(x.rows(), 1, 0.0, "the training statistics")?,
            t2: room(x.rows(), 1, 0.0, "the training statistics")?,
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
        let mut spe = std::mem::take(&mut fitted.spe);
        let mut t2 = std::mem::take(&mut fitted.t2);
        fitted.statistic(x, Statistic::Spe, &mut spe)?;
        fitted.statistic(x, Statistic::T2, &mut t2)?;
        for statistic in [&mut spe, &mut t2] {
            statistic.retain(|value| !value.is_nan());
            statistic.sort_unstable_by(f64::total_cmp);
        }
        (fitted.spe, fitted.t2) = (spe, t2);
        fitted.held_out = held_out::statistics(&fitted, x)?;
        let alpha = share(&fitted, self.alpha, self.limits);
        fitted.spe_limit = spe_limit(&fitted, alpha, self.limits);
        fitted.t2_limit = t2_limit(&fitted, alpha, self.limits);
        fitted.states = States::new(&states, &fitted.lagged, |row, out| Subspace::of(&fitted).times(row, out))?;
        fitted.learn_steps(all, training.samples())?;
        fitted.constants = Constants::learn(self.constants, &screened, all, &fitted.used()?)?;
        fitted.left_out = screened.left_out();
        Ok(fitted)
    }
}

/// What each statistic has of the score's significance: half, unless there is no residual.
pub(super) fn share(model: &FittedPca, alpha: f64, method: Limits) -> f64 {
    let both = spe_limit(model, alpha, method) > floor(model);
    if method == Limits::HeldOut && both { alpha / 2.0 } else { alpha }
}

/// What rounding may leave of the data's variance.
fn floor(model: &FittedPca) -> f64 {
    NOTHING * model.variances.iter().sum::<f64>()
}

pub(super) fn spe_limit(model: &FittedPca, alpha: f64, method: Limits) -> f64 {
    let limit = match (method, &model.held_out) {
        (Limits::HeldOut, Some(held_out)) => held_out.spe_limit(alpha),
        (Limits::HeldOut | Limits::Theoretical, _) => {
            limits::spe_limit(&model.variances[model.directions.count()..], alpha)
        }
        (Limits::Empirical, _) => upper(&model.spe, alpha),
    };
    limit.max(floor(model))
}

pub(super) fn t2_limit(model: &FittedPca, alpha: f64, method: Limits) -> f64 {
    let least = NOTHING * model.directions.count() as f64;
    match (method, &model.held_out) {
        (Limits::HeldOut, Some(held_out)) => held_out.t2_limit(alpha).max(least),
        (Limits::HeldOut | Limits::Theoretical, _) => limits::t2_limit(model.directions.count(), model.rows, alpha),
        (Limits::Empirical, _) => upper(&model.t2, alpha).max(least),
    }
}

/// The quantile 1 - `alpha` of rising values.
fn upper(rising: &[f64], alpha: f64) -> f64 {
    let place = (1.0 - alpha) * rising.len().saturating_sub(1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let below = place as usize;
    let end = rising.len().min(below + 2);
    let mut two = [f64::NAN; 2];
    let near = &rising[below.min(end)..end];
    two[..near.len()].copy_from_slice(near);
    quantile(&mut two[..near.len()], place - below as f64)
}
