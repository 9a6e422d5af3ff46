//! A fitted mixture: densities, scores, responsibilities, contributions.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::Gather;
use acm_linalg::parallel::Stop;
use acm_linalg::samples::{by_rows, room, share_missing};
use acm_linalg::{Result, Samples, Scaling, scaling};
use fearless_simd::{Level, dispatch};

use super::gaps::{GapScratch, lacks};
use super::gaussians::{DensityScratch, Gaussians};
use super::steps::Run;
use super::tiles::{BLOCK, Frame, TILES};
use super::{GaussianMixture, aic, bic};
use crate::alone::{Coarse, Noisy};
use crate::constants::{self, Constants, RAREST};
use crate::gaps::Trouble;
use crate::held_out::{HeldOut, limit_of};
use crate::look::Suspect;
use crate::screen::LeftOut;
use crate::wandering::{self, Wandering};

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
    pub(super) lower_bound: f64,
    pub(super) steps: usize,
    pub(super) converged: bool,
    /// Median and spread of the training rows' negative log densities.
    pub(super) usual: [f64; 2],
    /// How surprising rows are that the components have not seen.
    pub(super) held_out: Option<HeldOut>,
    pub(super) wandering: Option<Wandering>,
    pub(super) coarse: Coarse,
    pub(super) constants: Constants,
    pub(super) left_out: LeftOut,
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
    /// Which rows are rounded, tile by tile.
    coarse: [[Suspect; LANES]; TILES],
    noisy: Noisy,
    /// The row that the block begins with.
    first: usize,
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
            wandering: None,
            coarse: Coarse::default(),
            constants: Constants::default(),
            left_out,
        };
        let mut used = room(x.columns(), 1, false, "a mark for each column")?;
        fitted.frame.kept.iter().for_each(|&column| used[column] = true);
        fitted.constants = Constants::beside(fitted.parameters.constants, x, &used)?;
        let mut densities = room(x.rows(), 1, 0.0, "a density for each row")?;
        fitted.standing(x, &mut densities)?;
        let (held_out, wandering) = fitted.hold_out(x, &densities, running)?;
        (fitted.held_out, fitted.wandering) = (Some(held_out), wandering);
        fitted.learn_steps(x)?;
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
        let surprise = self.wandering.as_ref().map_or(surprise, |wandering| wandering.limit(0, surprise, alpha));
        let [median, spread] = self.usual;
        Ok((0.5 * surprise - self.most() - median) / spread)
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. The limit is then wide
    /// enough for each half of the rows by components of the other.
    #[must_use]
    pub fn wandering(&self) -> &[usize] {
        self.wandering.as_ref().map_or(&[], |wandering| &wandering.columns)
    }

    /// The share of healthy rows that is expected above the limit at 0.01: as much, or what either half of the rows has at the
    /// limit that the other one sets, where they wander.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        self.wandering.as_ref().map_or(wandering::RATE, |wandering| wandering.expected)
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
        self.walk(x, 1, true, out, |desk, count, out| {
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
        self.walk(x, 1, false, out, |desk, count, out| {
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
        self.walk(x, components, false, out, |desk, count, out| {
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
        self.walk(x, 1, false, out, |desk, count, out| {
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
        self.walk(x, columns, true, out, |desk, count, out| {
            let RowsScratch {
                tiles,
                scratch,
                parts,
                gaps,
                incomplete,
                coarse,
                noisy,
                all,
                first,
            } = desk;
            out.fill(0.0);
            for (number, out) in out.chunks_mut(LANES * columns).enumerate().take(count.div_ceil(LANES)) {
                let tile = &tiles[number * width..(number + 1) * width];
                dispatch!(level, simd => self.model.explain(simd, tile, number, scratch, parts));
                if incomplete[number] {
                    for lane in (0..LANES).filter(|&lane| lacks(tile, lane)) {
                        self.model.explain_gaps(tile, number, lane, None, scratch, gaps, parts)?;
                    }
                }
                if !coarse[number].iter().all(|coarse| coarse.is_none()) {
                    self.each_rounded(&x, *first, number, tile, coarse, all, noisy, |lane, noisy| {
                        self.model.explain_gaps(tile, number, lane, Some(noisy), scratch, gaps, parts)
                    })?;
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

    /// Finds the steps of the training readings.
    fn learn_steps(&mut self, x: Samples<'_>) -> Result<()> {
        let kept = &self.frame.kept;
        let about = (0..kept.len()).map(|place| self.model.about(place));
        let precise = about.map(|about| 1.0 / about).gathered("steps of readings")?;
        let scale = kept
            .iter()
            .map(|&column| self.frame.scaling.scale[column])
            .gathered("steps of readings")?;
        self.coarse = Coarse::learn([x, x], kept, scale, &precise, kept.len() as f64, &precise, None)?;
        Ok(())
    }

    /// Each complete row of a tile that is rounded, with the noise of that; `first` is the row that the block begins with.
    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "a tile, where it is from, and room")]
    fn each_rounded(
        &self,
        x: &Samples<'_>,
        first: usize,
        number: usize,
        tile: &[Row],
        coarse: &[[Suspect; LANES]; TILES],
        all: &mut [Row],
        noisy: &mut Noisy,
        mut take: impl FnMut(usize, &mut Noisy) -> Result<()>,
    ) -> Result<()> {
        x.pack(first + number * LANES, all);
        for (lane, &coarse) in coarse[number].iter().enumerate() {
            let reading = |place: usize| all[self.frame.kept[place]].0[lane];
            if !lacks(tile, lane) && self.coarse.noise(coarse, reading, noisy)? {
                take(lane, noisy)?;
            }
        }
        Ok(())
    }

    /// Evaluates the components block by block, those of `rounded` rows by what that has taken away, and calls `take` with each block's number of rows and their results.
    fn walk<R: Send>(
        &self,
        x: Samples<'_>,
        each: usize,
        rounded: bool,
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
                coarse: [[Suspect::default(); LANES]; TILES],
                noisy: Noisy::default(),
                first: 0,
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
                    coarse,
                    noisy,
                    first: begin,
                    ..
                } = desk;
                *begin = first;
                let block = &mut tiles[..count * width];
                dispatch!(level, simd => {
                    for (number, tile) in (0..).zip(block.chunks_exact_mut(width)) {
                        incomplete[number] = self.frame.pack_gaps(simd, &x, first + number * LANES, all, tile);
                        if rounded {
                            coarse[number] = self.coarse.lanes(simd, all, &self.frame.kept);
                        }
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
                for (number, tile) in block
                    .chunks_exact(width)
                    .enumerate()
                    .filter(|(number, _)| !coarse[*number].iter().all(|coarse| coarse.is_none()))
                {
                    let done = self.each_rounded(&x, first, number, tile, coarse, all, noisy, |lane, noisy| {
                        self.model.share_rounded(tile, number, lane, noisy, scratch, gaps)
                    });
                    if !trouble.none(done) {
                        return;
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
