//! The PCA monitor: a row's distance from the subspace of healthy data (SPE, also Q) and its distance within it
//! (Hotelling's T²).
//!
//! Of lagged rows it is dynamic PCA (Ku, Storer and Georgakis 1995, doi 10.1016/0169-7439(95)00076-3).
//!
//! # Examples
//!
//! ```
//! use acm_detectors::pca::{Limits, PcaDetector, Statistic};
//! use acm_linalg::pca::Components;
//! use acm_linalg::scaling::Manner;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 follows the load of sensor 0.
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64;
//!     if sensor == 0 { load } else { 2.0 * load + (row % 7) as f64 }
//! });
//! let detector = PcaDetector::new(Components::Share(0.9), 0, Manner::Standard, 0.01, Limits::Theoretical)?;
//! let model = detector.fit(healthy.view().into())?;
//! assert_eq!(model.kept_components(), 1);
//! // The second row's sensor 1 reads far too little for that load.
//! let rows = array![[50.0, 103.0], [50.0, 20.0]];
//! let mut score = [0.0; 2];
//! model.statistic(rows.view().into(), Statistic::Score, &mut score)?;
//! assert!(score[0] < 1.0 && 1.0 < score[1]);
//! let mut residual = [0.0; 4];
//! model.residuals(rows.view().into(), &mut residual)?;
//! assert!(residual[3] < 0.0);
//! # Ok(())
//! # }
//! ```

mod alone;
mod fit;
mod gaps;
mod held_out;
mod kernel;
mod merged;
mod persist;
mod rounded;
#[cfg(test)]
mod tests;

use acm_linalg::lanes::LANES;
use acm_linalg::pca::Components;
use acm_linalg::samples::{by_rows, share_missing};
use acm_linalg::scaling::Manner;
use acm_linalg::{Result, Samples};

use crate::alone::Alone;
use crate::constants::{self, Constants};
use crate::gaps::Trouble;
use crate::lagged::Lagged;
pub use crate::lagged::LaggedMemory;
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::states::States;
use gaps::Effect;
use held_out::HeldOutStatistics;
use kernel::Directions;

/// Where the limits of the statistics come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// From stretches of the training rows, each judged by a model of the others; half of the rate for each statistic, so that
    /// the score keeps the whole. As [`Limits::Theoretical`] where rows are too few to be cut.
    HeldOut,
    /// From the distributions the statistics have for normal data: [`crate::limits`].
    Theoretical,
    /// From the quantiles of the training rows' statistics.
    Empirical,
}

/// A statistic of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The squared distance from the subspace.
    Spe,
    /// Hotelling's T², the squared distance within the subspace in units of its variances.
    T2,
    /// The larger of the two over its limit: above 1 means an alarm.
    Score,
}

/// How a statistic zᵀ M z is shared out among the coordinates of z (Alcala and Qin 2009,
/// doi 10.1016/j.automatica.2009.02.027, and 2011, doi 10.1016/j.jprocont.2010.10.005). Either way the shares sum to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decomposition {
    /// z_i (M z)_i: signed, and a deviation of one sensor alone is all its own.
    Partial,
    /// The square of (M^½ z)_i, never negative; for the SPE the squared residual.
    Complete,
}

/// Parameters of the PCA monitor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PcaDetector {
    components: Components,
    lags: usize,
    scaling: Manner,
    alpha: f64,
    limits: Limits,
    constants: bool,
}

constants::parameter!(PcaDetector);

/// A PCA monitor that knows healthy data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPca {
    parameters: PcaDetector,
    lagged: Lagged,
    rows: usize,
    /// (k, width), row-major.
    components: Vec<f64>,
    /// Along all components, the kept ones first.
    variances: Vec<f64>,
    /// Of the training rows, rising.
    spe: Vec<f64>,
    t2: Vec<f64>,
    held_out: Option<HeldOutStatistics>,
    spe_limit: f64,
    t2_limit: f64,
    directions: Directions,
    states: States,
    rounding: Rounding,
    /// For each coarser step how the statistics of rows spread that are rounded to it.
    rounded: Vec<Effect>,
    alone: Alone,
    constants: Constants,
    left_out: LeftOut,
}

constants::told!(FittedPca);

impl FittedPca {
    /// A statistic of each row.
    ///
    /// Shapes: x (n, d) -> (n,).
    /// Missing: what the present coordinates let expect in the covariance of probabilistic PCA; the statistic is brought to where
    /// it would stand among those of complete rows, so that one limit holds for every row. NaN for a row without any value of
    /// a sensor in use.
    /// Cost: 2 n k d (lags + 1) products; of m missing values some m³ + m² k more. Threads: rows.
    /// Oracle: scikit-learn `PCA(svd_solver="full")` on the scaled rows, 1e-10.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] for another `out`; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`].
    pub fn statistic(&self, x: Samples<'_>, which: Statistic, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, kernel::Job::Statistic(which), 1, out)?;
        if which == Statistic::Score {
            self.constants.raise(x, 1.0, out)?;
        }
        Ok(())
    }

    /// The score of each row: [`Statistic::Score`].
    ///
    /// # Errors
    /// Those of [`Self::statistic`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.statistic(x, Statistic::Score, out)
    }

    /// What each sensor contributes to a statistic of each row; shares of a sensor's lags count together, and a column that
    /// was left out or a missing value has none.
    ///
    /// Shapes: x (n, d) -> (n, d), row-major.
    /// For the score: the contributions to the larger of the statistics, over its limit.
    ///
    /// # Errors
    /// Those of [`Self::statistic`].
    pub fn contributions(
        &self,
        x: Samples<'_>,
        which: Statistic,
        decomposition: Decomposition,
        out: &mut [f64],
    ) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, kernel::Job::Contributions(which, decomposition), self.lagged.columns, out)?;
        if which == Statistic::Score {
            self.constants.share(x, out)?;
        }
        Ok(())
    }

    /// What the subspace does not explain of each value, in units of its column's scale: positive where the value is higher
    /// than the others let expect. Of the row itself, not its lags; 0 in columns left out and for missing values.
    ///
    /// # Errors
    /// Those of [`Self::statistic`].
    pub fn residuals(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, kernel::Job::Residuals, self.lagged.columns, out)
    }

    /// The scores of the rows that follow those that `live` has seen: what the whole history at once would give for them,
    /// to the last bit.
    ///
    /// # Errors
    /// Those of [`Self::statistic`]; `live` is then as it was.
    pub fn update(&self, live: &mut LaggedMemory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        if self.lagged.lags == 0 {
            return self.score(x, out);
        }
        let (all, old) = live.before(x)?;
        let latest = LaggedMemory::of(&all, self.lagged.lags)?;
        self.walk(all.view().into(), old, kernel::Job::Statistic(Statistic::Score), 1, out)?;
        self.constants.raise(x, 1.0, out)?;
        *live = latest;
        Ok(())
    }

    /// The rows of `x` from `skip` on.
    fn walk(&self, x: Samples<'_>, skip: usize, job: kernel::Job, width: usize, out: &mut [f64]) -> Result<()> {
        let cost = 2.0 * self.lagged.width() as f64 + self.directions.cost_ns();
        let trouble = Trouble::default();
        by_rows(
            x.rows() - skip,
            width,
            out,
            cost,
            || kernel::Scratch::new(&self.lagged, &self.directions),
            |scratch, rows, out, stop| {
                for (out, first) in out.chunks_mut(LANES * width).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    if !trouble.none(kernel::eight(self, &x, first + skip, job, scratch, out)) {
                        return;
                    }
                }
            },
        )?;
        trouble.told()
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// Those of [`Self::statistic`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used()?, out)
    }

    /// The limit of the SPE at significance `alpha`; never below 1e-12 of the data's variance, so that what rounding leaves is
    /// no alarm.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `alpha` lies between 0 and 1; [`acm_linalg::Error::Unfit`] for quantiles of the
    /// training rows of a model of moments.
    pub fn spe_limit_at(&self, alpha: f64, limits: Limits) -> Result<f64> {
        fit::require_alpha(alpha)?;
        self.require_rows(limits)?;
        Ok(fit::spe_limit(self, alpha, limits))
    }

    /// The limit of T² at significance `alpha`; never below 1e-12 of its mean on the training rows.
    ///
    /// # Errors
    /// Those of [`Self::spe_limit_at`].
    pub fn t2_limit_at(&self, alpha: f64, limits: Limits) -> Result<f64> {
        fit::require_alpha(alpha)?;
        self.require_rows(limits)?;
        Ok(fit::t2_limit(self, alpha, limits))
    }

    /// `Ok` unless quantiles are asked for of rows that nobody has.
    fn require_rows(&self, limits: Limits) -> Result<()> {
        if limits == Limits::Empirical && self.spe.is_empty() {
            return Err(acm_linalg::Error::Unfit {
                name: "limits",
                requirement: "a value other than \"empirical\" for a model of moments, which has seen no row",
            });
        }
        Ok(())
    }

    /// The significance at which the score would take each limit, from `limits`: half of the constructor's where they are of
    /// held-out rows and there are two statistics.
    #[must_use]
    pub fn share_of_score(&self, limits: Limits) -> f64 {
        fit::share(self, self.parameters.alpha, limits)
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. Limits are then wide
    /// enough for each half of the rows by a model of the other.
    #[must_use]
    pub fn wandering(&self) -> &[usize] {
        let wandering = self.held_out.as_ref().and_then(|held_out| held_out.wandering.as_ref());
        wandering.map_or(&[], |wandering| &wandering.columns)
    }

    /// The share of healthy rows that is expected in alarm with held-out limits: the significance asked for, or what either half
    /// of the rows has at the limit that the other one sets, where they wander.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        let wandering = self.held_out.as_ref().and_then(|held_out| held_out.wandering.as_ref());
        wandering.map_or(self.parameters.alpha, |wandering| wandering.expected)
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &PcaDetector {
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

    /// Rows at fit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Components that were kept.
    #[must_use]
    pub fn kept_components(&self) -> usize {
        self.directions.count()
    }

    /// (k, kept columns · (lags + 1)), row-major: lag 0 of all kept columns, then lag 1 of all.
    #[must_use]
    pub fn components(&self) -> &[f64] {
        &self.components
    }

    /// (k,): variances of the scaled training rows along the components.
    #[must_use]
    pub fn explained_variance(&self) -> &[f64] {
        &self.variances[..self.directions.count()]
    }

    /// Along all components, the kept ones first.
    #[must_use]
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// Mean of the scaled training rows, by coordinate of a component.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.lagged.mean
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

    /// The limit of the SPE that the score uses.
    #[must_use]
    pub fn spe_limit(&self) -> f64 {
        self.spe_limit
    }

    /// The limit of T² that the score uses.
    #[must_use]
    pub fn t2_limit(&self) -> f64 {
        self.t2_limit
    }
}
