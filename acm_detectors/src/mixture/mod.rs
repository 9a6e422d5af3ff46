//! Gaussian mixture: healthy rows come from a few operating states, each with its own level and spread; a row that none of
//! them makes likely is abnormal.
//!
//! p(z) = Σ_k w_k N(z; m_k, S_k), with z the robustly scaled row. Fitted by expectation and maximisation (Dempster, Laird and
//! Rubin 1977, Maximum likelihood from incomplete data via the EM algorithm, doi 10.1111/j.2517-6161.1977.tb01600.x) from
//! k-means clusters; the number of components by Schwarz's criterion (1978, doi 10.1214/aos/1176344136).
//!
//! # Examples
//!
//! ```
//! use acm_detectors::mixture::{Components, Covariance, GaussianMixture};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Two operating states.
//! let healthy = Array2::from_shape_fn((100, 1), |(row, _)| (row / 50 * 10) as f64 + (row % 5) as f64);
//! let mixture = GaussianMixture::new(Components::Fixed(2), Covariance::Diag, 1, 1e-6, 1e-3, 100, 7)?;
//! let model = mixture.fit(healthy.view().into())?;
//! let rows = array![[2.0], [12.0], [7.0]];
//! let (mut state, mut score) = ([0; 3], [0.0; 3]);
//! model.predict(rows.view().into(), &mut state)?;
//! assert_ne!(state[0], state[1]);
//! // Between the states nothing is usual.
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[2] > score[0] && score[2] > score[1]);
//! # Ok(())
//! # }
//! ```

mod complete;
mod covariance;
mod diag;
mod fitted;
mod full;
mod gaps;
#[cfg(test)]
mod gaps_tests;
mod gaussians;
mod held_out;
pub(crate) mod logsum;
mod state;
mod steps;
#[cfg(test)]
mod steps_tests;
mod sums;
mod sweep;
#[cfg(test)]
mod tests;
mod tiles;

use acm_clustering::kmeans;
use acm_linalg::error::require;
use acm_linalg::lanes::Row;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples, seed};
use ndarray::Array2;
use rand::RngExt;

pub use self::covariance::Covariance;
use self::covariance::Sharing;
pub use self::fitted::FittedGaussianMixture;
use self::gaussians::Gaussians;
pub use self::steps::{Found, Shape, from_shares};
use self::steps::{Rule, Run};
use self::sweep::{Pieces, Source};
use self::tiles::Frame;
use crate::complete::completed;
use crate::constants;
use crate::screen::Screened;

/// Most components that the criterion chooses from.
const MOST_BY_BIC: usize = 5;

/// Steps of k-means for a start, at most: what it leaves undone, expectation and maximisation do.
const START_STEPS: usize = 10;

/// How often what is missing is drawn by the components, and steps in between, at most.
const ROUNDS: u64 = 5;
const ROUND_STEPS: usize = 5;

/// As many rows for each column of a component tell how the columns move together in it.
const ENOUGH: usize = 10;

/// What is added to every variance of the components that draw, at most.
const LITTLE: f64 = 1e-6;

/// How many components a mixture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Components {
    /// As many.
    Fixed(usize),
    /// As many, between 1 and min(5, √n / 2), as the Bayesian information criterion of the training rows likes best.
    Bic,
}

/// Parameters of a Gaussian mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixture {
    components: Components,
    covariance: Covariance,
    n_init: usize,
    reg: f64,
    tol: f64,
    max_iter: usize,
    seed: u64,
    constants: bool,
}

constants::parameter!(GaussianMixture);

impl GaussianMixture {
    /// `n_init` starts are tried; `reg` is added to every variance (of the scaled sensors); steps end when the mean log
    /// density of the training rows changes by less than `tol`, or after `max_iter` of them.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no components, starts or steps; `reg` or `tol` below 0 or not finite.
    pub fn new(
        components: Components,
        covariance: Covariance,
        n_init: usize,
        reg: f64,
        tol: f64,
        max_iter: usize,
        seed: u64,
    ) -> Result<Self> {
        if let Components::Fixed(count) = components {
            let fits = u32::try_from(count).is_ok();
            require(count >= 1 && fits, "n_components", "between 1 and 4294967295", count)?;
        }
        require(n_init >= 1, "n_init", "at least 1", n_init)?;
        require(reg >= 0.0 && reg.is_finite(), "reg", "a finite number that is at least 0", reg)?;
        require(tol >= 0.0 && tol.is_finite(), "tol", "a finite number that is at least 0", tol)?;
        require(max_iter >= 1, "max_iter", "at least 1", max_iter)?;
        Ok(Self {
            components,
            covariance,
            n_init,
            reg,
            tol,
            max_iter,
            seed,
            constants: true,
        })
    }

    /// How many components are asked for.
    #[must_use]
    pub fn components(&self) -> Components {
        self.components
    }

    /// The kind of covariance.
    #[must_use]
    pub fn covariance(&self) -> Covariance {
        self.covariance
    }

    /// Starts.
    #[must_use]
    pub fn n_init(&self) -> usize {
        self.n_init
    }

    /// What is added to every variance.
    #[must_use]
    pub fn reg(&self) -> f64 {
        self.reg
    }

    /// The change of the mean log density that ends a run.
    #[must_use]
    pub fn tol(&self) -> f64 {
        self.tol
    }

    /// Most steps of a run.
    #[must_use]
    pub fn max_iter(&self) -> usize {
        self.max_iter
    }

    /// Seed of the starts.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The mixture of the rows of `x`: of all starts the one that ends with the highest log density.
    ///
    /// Missing: NaN and infinity become what the others of their row let expect, with the noise about that, and in rows without any
    /// value the medians of their columns. Columns that do not change are left out.
    /// Cost: O(n d k) a step, O(n d² k) for full covariances; holds the scaled rows. Any number of threads and any layout
    /// gives the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] for fewer rows than components; [`Error::Unfit`] where no column changes; [`Error::Singular`]
    /// where `reg` is too small for the components' covariances, whatever the start and, where it is open, their number;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedGaussianMixture> {
        let candidates = match self.components {
            Components::Fixed(count) => count..=count,
            Components::Bic => {
                let rows = x.rows();
                let most = (1..=MOST_BY_BIC).take_while(|count| 4 * count * count <= rows).last();
                1..=most.unwrap_or(1)
            }
        };
        x.require(*candidates.start())?;
        let screened = Screened::of(x)?.with_clusters()?;
        let training = screened.training(x)?;
        let (moving, running) = (screened.moving(x)?, screened.running()?);
        let x = training.samples();
        let frame = Frame::of(x, moving.samples())?;
        drop(moving);
        let mut complete = completed(x, &frame.kept, &frame.scaling.select(&frame.kept)?, None)?;
        let filled = complete.as_ref().map_or(x, |complete| complete.view().into());
        let tiles = frame.tiles(filled)?;
        let mut best: Option<(f64, Run)> = None;
        for components in candidates {
            if let Some(run) = self.best_run(filled, &frame, &tiles, components)? {
                let criterion = bic(&run.model, run.lower_bound, x.rows());
                if best.as_ref().is_none_or(|(least, _)| criterion < *least) {
                    best = Some((criterion, run));
                }
            }
        }
        let (_, mut run) = best.ok_or_else(gaussians::singular)?;
        drop(tiles);
        if complete.is_some() {
            run = self.again(x, &frame, run, &mut complete)?;
        }
        let x = complete.as_ref().map_or(x, |complete| complete.view().into());
        FittedGaussianMixture::new(self.clone(), frame, run, x, running.as_deref(), screened.left_out())
    }

    /// As [`GaussianMixture::fit`], from a single start: the component of each row.
    ///
    /// # Errors
    /// Those of `fit`; [`Error::Length`] unless there is a label for each row; [`Error::Parameter`] for a label that is no
    /// component, or where the number of components is left open.
    pub fn fit_from(&self, x: Samples<'_>, labels: &[u32]) -> Result<FittedGaussianMixture> {
        let Components::Fixed(components) = self.components else {
            return Err(Error::Unfit {
                name: "n_components",
                requirement: "a value where labels are given",
            });
        };
        x.require(components)?;
        if labels.len() != x.rows() {
            return Err(Error::Length {
                name: "labels",
                expected: x.rows(),
                got: labels.len(),
            });
        }
        if let Some(&label) = labels.iter().find(|&&label| label as usize >= components) {
            require(false, "labels", "less than `n_components`", label as usize)?;
        }
        let screened = Screened::of(x)?.with_labels()?;
        let (training, labels) = (screened.training(x)?, screened.kept(labels)?);
        let (moving, running) = (screened.moving(x)?, screened.running()?);
        let x = training.samples();
        let frame = Frame::of(x, moving.samples())?;
        drop(moving);
        let mut complete = completed(x, &frame.kept, &frame.scaling.select(&frame.kept)?, None)?;
        let tiles = frame.tiles(complete.as_ref().map_or(x, |complete| complete.view().into()))?;
        let mut pieces = Pieces::new(&tiles, x.rows(), frame.width(), self.covariance, components)?;
        let mut run = self.rule().run(&mut pieces, Source::Labels(&labels))?;
        drop(pieces);
        drop(tiles);
        if complete.is_some() {
            run = self.again(x, &frame, run, &mut complete)?;
        }
        let x = complete.as_ref().map_or(x, |complete| complete.view().into());
        FittedGaussianMixture::new(self.clone(), frame, run, x, running.as_deref(), screened.left_out())
    }

    /// The mixture with what is missing in `x` as its components let expect it, in some rounds; the rows of the last.
    fn again(&self, x: Samples<'_>, frame: &Frame, run: Run, complete: &mut Option<Array2<f64>>) -> Result<Run> {
        let components = run.model.components();
        if components == 1 {
            return Ok(run);
        }
        // Components that do not know how the sensors move together would draw rows that suit them better than true ones.
        let knows = x.rows() >= ENOUGH * components * frame.width();
        let drawing = if knows { Covariance::Full } else { self.covariance };
        let mut draws = run.model.clone().ready()?;
        if drawing != self.covariance
            && let Some(filled) = complete.as_ref()
            && let Some(found) = self.drawing(filled.view().into(), frame, drawing, &draws)?
        {
            draws = found;
        }
        for round in 0..ROUNDS {
            let filled = complete::completed(x, frame, &draws, round)?;
            if let Some(found) = self.drawing(filled.view().into(), frame, drawing, &draws)? {
                draws = found;
            }
        }
        let filled = complete::completed(x, frame, &draws, ROUNDS)?;
        let tiles = frame.tiles(filled.view().into())?;
        let mut pieces = Pieces::new(&tiles, x.rows(), frame.width(), self.covariance, components)?;
        let start = if drawing == self.covariance { &draws } else { &run.model };
        match self.rule().run(&mut pieces, Source::Model(start)) {
            Ok(found) => {
                *complete = Some(filled);
                Ok(found)
            }
            Err(Error::Singular { .. }) => Ok(run),
            Err(error) => Err(error),
        }
    }

    /// Components that draw what is missing, some steps on from `draws` by the rows of `x`; `None` where these do not tell columns
    /// apart.
    fn drawing(
        &self,
        x: Samples<'_>,
        frame: &Frame,
        covariance: Covariance,
        draws: &Gaussians,
    ) -> Result<Option<Gaussians>> {
        let tiles = frame.tiles(x)?;
        let mut pieces = Pieces::new(&tiles, x.rows(), frame.width(), covariance, draws.components())?;
        let rule = Rule {
            covariance,
            // What is added to the variances would be drawn, and added again.
            reg: self.reg.min(LITTLE),
            max_iter: self.max_iter.min(ROUND_STEPS),
            ..self.rule()
        };
        match rule.run(&mut pieces, Source::Model(draws)) {
            Ok(found) => found.model.ready().map(Some),
            Err(Error::Singular { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rule(&self) -> Rule {
        Rule {
            covariance: self.covariance,
            sharing: Sharing::None,
            reg: self.reg,
            tol: self.tol,
            max_iter: self.max_iter,
        }
    }

    /// None where every start ends in a covariance that is not positive definite.
    fn best_run(&self, x: Samples<'_>, frame: &Frame, tiles: &[Row], components: usize) -> Result<Option<Run>> {
        let rows = x.rows();
        let mut pieces = Pieces::new(tiles, rows, frame.width(), self.covariance, components)?;
        let mut best: Option<Run> = None;
        for start in 0..if components == 1 { 1 } else { self.n_init } {
            let labels = if components == 1 {
                room(rows, 1, 0, "a label for each row")?
            } else {
                let seed = seed::stream(self.seed, start as u64).random();
                kmeans::labels_for(x, Some(&frame.scaling), components, 1, START_STEPS, seed)?.labels
            };
            let run = match self.rule().run(&mut pieces, Source::Labels(&labels)) {
                Err(Error::Singular { .. }) => continue,
                run => run?,
            };
            if best.as_ref().is_none_or(|best| run.lower_bound > best.lower_bound) {
                best = Some(run);
            }
        }
        Ok(best)
    }
}

/// Schwarz's criterion for a mean log density over `rows` rows.
fn bic(model: &Gaussians, mean_log: f64, rows: usize) -> f64 {
    let rows = rows as f64;
    model.freedom() as f64 * rows.ln() - 2.0 * mean_log * rows
}

/// Akaike's criterion.
fn aic(model: &Gaussians, mean_log: f64, rows: usize) -> f64 {
    2.0 * model.freedom() as f64 - 2.0 * mean_log * rows as f64
}
