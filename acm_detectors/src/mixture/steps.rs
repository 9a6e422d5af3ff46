//! Steps of expectation and maximisation from given responsibilities.

use acm_linalg::error::require;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};

use super::GaussianMixture;
use super::covariance::{Covariance, Sharing};
use super::gaussians::Gaussians;
use super::sweep::{Pieces, Source};
use super::tiles::plain;
use crate::mixture::Components;

/// How a step maximises, and when steps end.
pub(super) struct Rule {
    pub(super) covariance: Covariance,
    pub(super) sharing: Sharing,
    pub(super) reg: f64,
    pub(super) tol: f64,
    pub(super) max_iter: usize,
}

/// A run of expectation and maximisation.
pub(super) struct Run {
    pub(super) model: Gaussians,
    pub(super) lower_bound: f64,
    pub(super) steps: usize,
    pub(super) converged: bool,
}

impl Rule {
    /// Begins with a maximisation; ends where the mean log density changes by less than `tol`.
    pub(super) fn run(&self, pieces: &mut Pieces<'_>, start: Source<'_>) -> Result<Run> {
        let (components, width, rows) = (pieces.components(), pieces.width(), pieces.rows());
        let likeliest = |sums: &_, anchors: &[f64]| {
            Gaussians::from_sums(sums, anchors, rows, self.covariance, self.sharing, self.reg)
        };
        // First the means of the start, then all else about them.
        let mut anchors = room(components, width, 0.0, "the means")?;
        let sums = pieces.sweep(start, &anchors, false)?;
        anchors = sums.means(&anchors)?;
        let sums = pieces.sweep(start, &anchors, true)?;
        let mut model = likeliest(sums, &anchors)?;
        let mut run = (f64::NEG_INFINITY, 0, false);
        for step in 1..=self.max_iter {
            let sums = pieces.sweep(Source::Model(&model), &model.means, true)?;
            let lower_bound = sums.log() / rows as f64;
            let next = likeliest(sums, &model.means)?;
            model = next;
            let converged = (lower_bound - run.0).abs() < self.tol;
            run = (lower_bound, step, converged);
            if converged {
                break;
            }
        }
        let (lower_bound, steps, converged) = run;
        Ok(Run {
            model,
            lower_bound,
            steps,
            converged,
        })
    }
}

/// The covariances of the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A matrix for each component.
    Full,
    /// One matrix for all of them.
    Tied,
    /// A variance of each column for each component.
    Diag,
    /// One variance for each component.
    Spherical,
}

impl Shape {
    fn parts(self) -> (Covariance, Sharing) {
        match self {
            Self::Full => (Covariance::Full, Sharing::None),
            Self::Tied => (Covariance::Full, Sharing::Components),
            Self::Diag => (Covariance::Diag, Sharing::None),
            Self::Spherical => (Covariance::Diag, Sharing::Sensors),
        }
    }
}

/// Components that steps from given responsibilities lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Shares of the components.
    pub weights: Vec<f64>,
    /// A row for each component.
    pub means: Vec<f64>,
    /// One after the other, as [`Shape`] says; each tied or spherical one once.
    pub covariances: Vec<f64>,
    /// Mean log density of the rows before the last step.
    pub lower_bound: f64,
    /// Mean log density of the rows after it.
    pub log_density: f64,
    /// Steps.
    pub steps: usize,
    /// Whether the steps ended because the lower bound stood still.
    pub converged: bool,
}

/// Steps from each start in turn, of which the one that ends with the highest lower bound counts.
///
/// `x`: finite numbers, as they are: neither scaled nor filled. `shares`: the responsibilities of `components` components for
/// each row, of all starts side by side. The parameters are those of [`GaussianMixture::new`]. Any number of threads and any
/// layout gives the same bytes.
///
/// # Errors
/// Those of [`GaussianMixture::new`]; [`Error::TooFew`] for no rows or columns; [`Error::Shape`] unless `shares` has a row for
/// each of `x` and a whole number of starts; [`Error::Singular`] where `reg` is too small for the covariances of any start;
/// [`Error::Memory`]; [`Error::Interrupted`].
pub fn from_shares(
    x: Samples<'_>,
    shares: Samples<'_>,
    components: usize,
    shape: Shape,
    reg: f64,
    tol: f64,
    max_iter: usize,
) -> Result<Found> {
    let (covariance, sharing) = shape.parts();
    GaussianMixture::new(Components::Fixed(components), covariance, 1, reg, tol, max_iter, 0)?;
    x.require(1)?;
    let starts = shares.columns() / components;
    let whole = starts >= 1 && starts * components == shares.columns();
    if shares.rows() != x.rows() || !whole {
        return Err(Error::Shape {
            name: "shares",
            expected: (x.rows(), starts.max(1) * components),
            got: (shares.rows(), shares.columns()),
        });
    }
    let rule = Rule {
        covariance,
        sharing,
        reg,
        tol,
        max_iter,
    };
    let width = x.columns();
    let tiles = plain(x)?;
    let mut pieces = Pieces::new(&tiles, x.rows(), width, covariance, components)?;
    let mut best = rule.run(&mut pieces, Source::Shares(shares, 0))?;
    for start in 1..starts {
        let run = rule.run(&mut pieces, Source::Shares(shares, start * components))?;
        if run.lower_bound > best.lower_bound {
            best = run;
        }
    }
    let model = best.model;
    let log_density = pieces.sweep(Source::Model(&model), &model.means, false)?.log() / x.rows() as f64;
    let mut covariances = model.covariances;
    match sharing {
        Sharing::None => {}
        Sharing::Components => covariances.truncate(width * width),
        Sharing::Sensors => {
            for component in 0..components {
                covariances[component] = covariances[component * width];
            }
            covariances.truncate(components);
        }
    }
    require(log_density.is_finite(), "x", "finite numbers", log_density)?;
    Ok(Found {
        weights: model.weights,
        means: model.means,
        covariances,
        lower_bound: best.lower_bound,
        log_density,
        steps: best.steps,
        converged: best.converged,
    })
}
