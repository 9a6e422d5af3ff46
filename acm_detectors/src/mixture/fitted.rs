//! A fitted mixture: densities, scores, responsibilities, contributions.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::parallel::Stop;
use acm_linalg::samples::{by_rows, room, share_missing};
use acm_linalg::{Persist, Reader, Result, Samples, Scaling, Writer, scaling};
use fearless_simd::{Level, dispatch};

use super::covariance::Covariance;
use super::gaps::{GapScratch, lacks};
use super::gaussians::{DensityScratch, Gaussians};
use super::steps::Run;
use super::tiles::{BLOCK, Frame, TILES};
use super::{Components, GaussianMixture, aic, bic};
use crate::constants::{self, Constants, RAREST};
use crate::gaps::Trouble;
use crate::held_out::{HeldOut, NAMES, limit_of};
use crate::screen::LeftOut;

/// Makes the median absolute deviation of normal values their standard deviation.
const NORMAL: f64 = 1.4826;

/// No spread of the training rows' log densities is smaller.
const LEAST_SPREAD: f64 = 1e-6;

/// A fitted Gaussian mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedGaussianMixture {
    pub(super) parameters: GaussianMixture,
    pub(super) frame: Frame,
    pub(super) model: Gaussians,
    lower_bound: f64,
    steps: usize,
    converged: bool,
    /// Median and spread of the training rows' negative log densities.
    usual: [f64; 2],
    /// How surprising rows are that the components have not seen.
    held_out: Option<HeldOut>,
    constants: Constants,
    left_out: LeftOut,
}

/// Scratch for the rows of a job.
struct RowsScratch {
    all: Vec<Row>,
    tiles: Vec<Row>,
    scratch: DensityScratch,
    parts: Vec<Row>,
    gaps: GapScratch,
    /// Which tiles have rows with missing values.
    incomplete: [bool; TILES],
}

constants::told!(FittedGaussianMixture);

impl FittedGaussianMixture {
    pub(super) fn new(
        parameters: GaussianMixture,
        frame: Frame,
        run: Run,
        x: Samples<'_>,
        running: Option<&[bool]>,
        left_out: LeftOut,
    ) -> Result<Self> {
        let mut fitted = Self {
            parameters,
            frame,
            model: run.model.ready()?,
            lower_bound: run.lower_bound,
            steps: run.steps,
            converged: run.converged,
            usual: [0.0, 1.0],
            held_out: None,
            constants: Constants::default(),
            left_out,
        };
        let mut used = room(x.columns(), 1, false, "a mark for each column")?;
        fitted.frame.kept.iter().for_each(|&column| used[column] = true);
        fitted.constants = Constants::beside(fitted.parameters.constants, x, &used)?;
        let mut densities = room(x.rows(), 1, 0.0, "a density for each row")?;
        fitted.standing(x, &mut densities)?;
        fitted.held_out = Some(fitted.hold_out(x, &densities, running)?);
        // Rows of standstill are all alike: they tell nothing of how densities vary.
        let mut row = 0;
        densities.retain(|density| {
            row += 1;
            !density.is_nan() && running.is_none_or(|running| running[row - 1])
        });
        densities.iter_mut().for_each(|density| *density = -*density);
        let (median, mad) = scaling::median_mad(&mut densities);
        fitted.usual = [median, (NORMAL * mad).max(LEAST_SPREAD)];
        Ok(fitted)
    }

    /// What a healthy row's score exceeds with probability `alpha`, from stretches of the training rows, each judged by
    /// components of the others.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `alpha` lies between 0 and 1; [`acm_linalg::Error::Unfit`] for a model from a
    /// file of a former version.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        let surprise = limit_of(self.held_out.as_ref(), alpha)?;
        let [median, spread] = self.usual;
        Ok((0.5 * surprise - self.most() - median) / spread)
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The parameters of the fit.
    #[must_use]
    pub fn parameters(&self) -> &GaussianMixture {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.frame.scaling.columns()
    }

    /// Columns that change, in rising order: those that means and covariances are about.
    #[must_use]
    pub fn kept(&self) -> &[usize] {
        &self.frame.kept
    }

    /// The share of the kept columns that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let mut used = room(self.columns(), 1, false, "a mark for each column")?;
        self.frame.kept.iter().for_each(|&column| used[column] = true);
        share_missing(x, &used, out)
    }

    /// Medians, centres and scales of all columns.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.frame.scaling
    }

    /// Components.
    #[must_use]
    pub fn components(&self) -> usize {
        self.model.components()
    }

    /// Shares of the components.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.model.weights
    }

    /// Means of the scaled kept columns, a row for each component.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.model.means
    }

    /// Variances of the scaled kept columns, a row for each component; or covariances, a matrix for each.
    #[must_use]
    pub fn covariances(&self) -> &[f64] {
        &self.model.covariances
    }

    /// Mean log density of the training rows before the last step of the best run.
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        self.lower_bound
    }

    /// Steps of the best run.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Whether the best run ended because it stood still.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// How unlikely each row is: its negative log density, less the training rows' median, over 1.4826 times their median
    /// absolute deviation (at least 1e-6).
    ///
    /// Of a row with missing values the density is that of the present ones, with its distances from the components brought to
    /// where they would stand among those of complete rows. NaN for a row without any value of a kept column.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] for another `out`; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`]; so for all below.
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.standing(x, out)?;
        let [median, spread] = self.usual;
        out.iter_mut().for_each(|value| *value = (-*value - median) / spread);
        if !self.constants.is_empty() {
            self.constants.raise(x, self.limit(RAREST)?.max(1.0), out)?;
        }
        Ok(())
    }

    fn standing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, 1, out, |desk, count, out| {
            for (row, out) in out.iter_mut().enumerate().take(count) {
                *out = desk.scratch.standing[row / LANES].0[row % LANES];
            }
            Ok(())
        })
    }

    /// Natural logarithm of the density of each scaled row, of its known values where some are missing; 0 without any.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::score`].
    pub fn log_density(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, 1, out, |desk, count, out| {
            for (row, out) in out.iter_mut().enumerate().take(count) {
                *out = desk.scratch.totals[row / LANES].0[row % LANES];
            }
            Ok(())
        })
    }

    /// Responsibility of each component for each row: `n * k` values, a row's sum is 1.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::score`].
    pub fn responsibilities(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let components = self.components();
        self.walk(x, components, out, |desk, count, out| {
            for (row, out) in out.chunks_exact_mut(components).enumerate().take(count) {
                for (out, share) in out.iter_mut().zip(&desk.scratch.shares) {
                    *out = share[row / LANES].0[row % LANES];
                }
            }
            Ok(())
        })
    }

    /// The component that is most responsible for each row; the first of equal ones.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::score`].
    pub fn predict(&self, x: Samples<'_>, out: &mut [i64]) -> Result<()> {
        self.walk(x, 1, out, |desk, count, out| {
            for (row, out) in out.iter_mut().enumerate().take(count) {
                let mut most = 0.0;
                for (component, share) in (0..).zip(&desk.scratch.shares) {
                    let share = share[row / LANES].0[row % LANES];
                    if share > most {
                        (most, *out) = (share, component);
                    }
                }
            }
            Ok(())
        })
    }

    /// Each column's part of the squared Mahalanobis distance of each row from the components, weighted by their
    /// responsibilities: `n * d` values.
    ///
    /// With diagonal covariances Σ_k r_k (z_j - m_kj)² / s_kj; with full ones the signed Σ_k r_k (z - m_k)_j (S_k⁻¹ (z - m_k))_j.
    /// Both sum to the distance. Columns that were left out and missing values have no part.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let columns = self.columns();
        let (width, level) = (self.frame.width(), Level::new());
        self.walk(x, columns, out, |desk, count, out| {
            let RowsScratch {
                tiles,
                scratch,
                parts,
                gaps,
                incomplete,
                ..
            } = desk;
            out.fill(0.0);
            for (number, out) in out.chunks_mut(LANES * columns).enumerate().take(count.div_ceil(LANES)) {
                let tile = &tiles[number * width..(number + 1) * width];
                dispatch!(level, simd => self.model.explain(simd, tile, number, scratch, parts));
                if incomplete[number] {
                    for lane in (0..LANES).filter(|&lane| lacks(tile, lane)) {
                        self.model.explain_gaps(tile, number, lane, scratch, gaps, parts)?;
                    }
                }
                for (lane, out) in out.chunks_exact_mut(columns).enumerate() {
                    for (&column, part) in self.frame.kept.iter().zip(&*parts) {
                        out[column] = part.0[lane];
                    }
                }
            }
            Ok(())
        })?;
        self.constants.share(x, out)
    }

    /// Schwarz's Bayesian information criterion of the mixture for these rows; lower is better.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::score`]; [`acm_linalg::Error::TooFew`] for no row.
    pub fn bic(&self, x: Samples<'_>) -> Result<f64> {
        Ok(bic(&self.model, self.mean_log_density(x)?, x.rows()))
    }

    /// Akaike's information criterion of the mixture for these rows; lower is better.
    ///
    /// # Errors
    /// Those of [`FittedGaussianMixture::bic`].
    pub fn aic(&self, x: Samples<'_>) -> Result<f64> {
        Ok(aic(&self.model, self.mean_log_density(x)?, x.rows()))
    }

    fn mean_log_density(&self, x: Samples<'_>) -> Result<f64> {
        x.require_columns(self.columns())?;
        x.require(1)?;
        let mut densities = room(x.rows(), 1, 0.0, "a density for each row")?;
        self.log_density(x, &mut densities)?;
        Ok(densities.iter().sum::<f64>() / x.rows() as f64)
    }

    /// Evaluates the components block by block and calls `take` with each block's number of rows and their results.
    fn walk<R: Send>(
        &self,
        x: Samples<'_>,
        each: usize,
        out: &mut [R],
        take: impl Fn(&mut RowsScratch, usize, &mut [R]) -> Result<()> + Sync,
    ) -> Result<()> {
        x.require_columns(self.columns())?;
        let width = self.frame.width();
        let level = Level::new();
        let desk = || {
            let what = "a block of rows";
            Ok(RowsScratch {
                all: room(x.columns(), 1, Row::default(), what)?,
                tiles: room(TILES, width, Row::default(), what)?,
                scratch: DensityScratch::new(self.components(), width, false)?,
                parts: room(width, 1, Row::default(), what)?,
                gaps: GapScratch::new(self.components(), width)?,
                incomplete: [false; TILES],
            })
        };
        let cost = self.model.cost_ns() + 8.0 * x.columns() as f64;
        let trouble = Trouble::default();
        by_rows(x.rows(), each, out, cost, desk, |desk, rows: Range<usize>, out, stop: &Stop| {
            for (first, out) in rows.clone().step_by(BLOCK).zip(out.chunks_mut(BLOCK * each)) {
                if stop.requested() {
                    return;
                }
                let known = BLOCK.min(rows.end - first);
                let count = known.div_ceil(LANES);
                let RowsScratch {
                    all,
                    tiles,
                    scratch,
                    gaps,
                    incomplete,
                    ..
                } = desk;
                let block = &mut tiles[..count * width];
                dispatch!(level, simd => {
                    for (number, tile) in (0..).zip(block.chunks_exact_mut(width)) {
                        incomplete[number] = self.frame.pack_gaps(simd, &x, first + number * LANES, all, tile);
                    }
                });
                dispatch!(level, simd => self.model.share(simd, block, count, scratch));
                for (number, tile) in block.chunks_exact(width).enumerate().filter(|(number, _)| incomplete[*number]) {
                    for lane in (0..LANES).filter(|&lane| lacks(tile, lane)) {
                        if !trouble.none(self.model.share_gaps(tile, number, lane, scratch, gaps)) {
                            return;
                        }
                    }
                }
                if !trouble.none(take(desk, known, out)) {
                    return;
                }
            }
        })?;
        trouble.told()
    }
}

impl Persist for FittedGaussianMixture {
    const KIND: &'static str = "GaussianMixture";
    const VERSION: u64 = 4;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let parameters = &self.parameters;
        let components = match parameters.components() {
            Components::Fixed(count) => count as u64,
            Components::Bic => 0,
        };
        to.count("n_components", components);
        let covariance = match parameters.covariance() {
            Covariance::Diag => "diag",
            Covariance::Full => "full",
        };
        to.text("covariance", covariance);
        to.count("n_init", parameters.n_init() as u64);
        to.real("reg", parameters.reg());
        to.real("tol", parameters.tol());
        to.count("max_iter", parameters.max_iter() as u64);
        to.count("seed", parameters.seed());
        self.frame.write(to);
        self.model.write(to);
        to.real("lower_bound", self.lower_bound);
        to.count("steps", self.steps as u64);
        to.count("converged", u64::from(self.converged));
        to.reals("usual", &self.usual);
        if let Some(held_out) = &self.held_out {
            held_out.write(to, &NAMES);
        }
        self.constants.write(parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let components = match from.size("n_components")? {
            0 => Components::Bic,
            count => Components::Fixed(count),
        };
        let covariance = match from.text("covariance")? {
            "diag" => Covariance::Diag,
            "full" => Covariance::Full,
            _ => return Err(from.wrong("covariance")),
        };
        let (n_init, max_iter) = (from.size("n_init")?, from.size("max_iter")?);
        let (reg, tol) = (from.real("reg")?, from.real("tol")?);
        let parameters = GaussianMixture::new(components, covariance, n_init, reg, tol, max_iter, from.count("seed")?)
            .map_err(|_| from.wrong("n_components"))?
            .with_constants(Constants::watched(from));
        let frame = Frame::read(from)?;
        let model = Gaussians::read(from, covariance, frame.width())?;
        let alike = match components {
            Components::Fixed(count) => count == model.components(),
            Components::Bic => true,
        };
        from.require(alike, "n_components")?;
        let usual = from.reals("usual", 2)?;
        let [median, spread] = [usual[0], usual[1]];
        from.require(median.is_finite() && spread.is_finite() && spread > 0.0, "usual")?;
        let lower_bound = from.real("lower_bound")?;
        from.require(lower_bound.is_finite(), "lower_bound")?;
        let converged = from.count("converged")?;
        from.require(converged <= 1, "converged")?;
        let left_out = LeftOut::read(from, frame.scaling.columns())?;
        let constants = Constants::read(from, frame.scaling.columns())?;
        Ok(Self {
            parameters,
            frame,
            model,
            lower_bound,
            steps: from.size("steps")?,
            converged: converged == 1,
            usual: [median, spread],
            held_out: HeldOut::read(from, &NAMES)?,
            constants,
            left_out,
        })
    }
}
