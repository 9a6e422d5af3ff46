//! Overall model residual: how far a row is from what its sensors predict of each other.
//!
//! A linear model of healthy rows predicts each sensor from the others (ridge) or all of them from a few components (PLS,
//! PCA). The length of what it leaves unexplained, in units of the sensors' spreads, grows when sensors stop moving together,
//! even while each one stays within its own limits.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::omr::{Model, Omr};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 follows the load of sensor 0.
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64;
//!     if sensor == 0 { load } else { 2.0 * load + (row % 7) as f64 }
//! });
//! let model = Omr::new(Model::Ridge, 5, 1.0, 100.0)?.fit(healthy.view().into())?;
//! // The second row's sensor 1 reads far too little for that load.
//! let rows = array![[50.0, 103.0], [50.0, 20.0]];
//! let (mut score, mut expected) = ([0.0; 2], [0.0; 4]);
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[0] < 3.0 && 10.0 < score[1]);
//! // What the others let expect of each sensor.
//! model.predict(rows.view().into(), &mut expected)?;
//! assert!((expected[3] - 103.0).abs() < 5.0);
//! # Ok(())
//! # }
//! ```

mod blame;
mod gaps;
mod held_out;
mod merged;
mod pls;
mod ridge;
mod root;
mod score;
mod standard;
mod state;
mod subspace;
#[cfg(test)]
mod tests;

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::{room, share_missing};
use acm_linalg::{Error, Result, Samples, Scaling};
use ndarray::ArrayView2;

use crate::alone::Coarse;
use crate::complete::completed;
use crate::constants::{self, Constants};
use crate::held_out::{HeldOut, complete, limit_of};
use crate::screen::{LeftOut, Screened};
use crate::wandering::{self, Wandering};
use blame::Blame;
use gaps::Usual;
use root::Root;
use standard::Standard;
use subspace::Subspace;

/// Least scale of the residual's norms and of the sensors' squared residuals, relative to the sensors' spreads.
const FLOOR: f64 = 1e-6;

/// Rows that suffice, however many sensors there are.
const ENOUGH_ROWS: usize = 50;

/// Rows that there must be, however few sensors there are.
const LEAST_ROWS: usize = 20;

/// Which model predicts the sensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Model {
    /// PCA where sensors outnumber rows, ridge with more than 1,000 rows of fewer than 20 sensors, else PLS.
    Auto,
    /// Partial least squares of all sensors on themselves.
    Pls,
    /// Ridge regression of each sensor on the others.
    Ridge,
    /// Reconstruction from principal components.
    Pca,
}

impl Model {
    /// All of them, by the names users know.
    pub const ALL: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("pls", Self::Pls),
        ("ridge", Self::Ridge),
        ("pca", Self::Pca),
    ];

    /// The name as users know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, model)| *model == self).map_or("", |(name, _)| name)
    }

    /// The model of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, model)| *model)
    }

    fn resolved(self, rows: usize, sensors: usize) -> Self {
        match self {
            Self::Auto if sensors > rows => Self::Pca,
            Self::Auto if rows > 1000 && sensors < 20 => Self::Ridge,
            Self::Auto => Self::Pls,
            chosen => chosen,
        }
    }
}

/// Parameters of the overall model residual.
#[derive(Debug, Clone, PartialEq)]
pub struct Omr {
    model: Model,
    components: usize,
    alpha: f64,
    clip: f64,
    constants: bool,
}

constants::parameter!(Omr);

impl Omr {
    /// `components` at most are kept by PLS and PCA, fewer where sensors or rows are few; `alpha` is the ridge's penalty;
    /// scores end at `clip`, which may be infinite, or beyond it where healthy rows come close to it.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming `n_components`, `alpha` or `clip`.
    pub fn new(model: Model, components: usize, alpha: f64, clip: f64) -> Result<Self> {
        require(components > 0, "n_components", "at least 1", components)?;
        require(alpha >= 0.0 && alpha.is_finite(), "alpha", "a finite number of at least 0", alpha)?;
        require(clip > 0.0, "clip", "above 0", clip)?;
        Ok(Self {
            model,
            components,
            alpha,
            clip,
            constants: true,
        })
    }

    /// The model asked for.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model
    }

    /// Components asked for.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components
    }

    /// The ridge's penalty.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Where scores end, at least.
    #[must_use]
    pub fn clip(&self) -> f64 {
        self.clip
    }

    /// Learns how the sensors move together in healthy rows.
    ///
    /// Sensors that are missing in more than half of the rows, or in two thirds where rows are many, or whose known values change by
    /// no more than rounding, are not watched. Missing values of the others are replaced by what the present ones let expect, with the noise about that;
    /// then each sensor is taken relative to its mean and standard deviation.
    ///
    /// Any number of threads and any memory layout give the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer rows than max(20, min(50, watched sensors)); [`Error::Unfit`] with fewer than two sensors
    /// to watch; [`Error::Singular`] naming `alpha` where a ridge cannot tell sensors apart; [`Error::Memory`];
    /// [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedOmr> {
        x.require(LEAST_ROWS)?;
        let given = x;
        let screened = Screened::of(x)?;
        let training = screened.training(x)?;
        let (all, x) = (x, training.samples());
        let mut standard = Standard::fit(x)?;
        let counts = complete(&standard.lagged()?, x)?;
        let complete = completed(x, &standard.watched, &standard.scaling.select(&standard.watched)?, None)?;
        let x = complete.as_ref().map_or(x, |complete| complete.view().into());
        if complete.is_some() {
            standard = Standard::fit(x)?;
        }
        let (rows, sensors) = (x.rows(), standard.watched.len());
        if sensors < 2 {
            return Err(Error::Unfit {
                name: "x",
                requirement: "at least two columns that vary and are known in half of the rows",
            });
        }
        given.require(ENOUGH_ROWS.min(sensors).max(LEAST_ROWS))?;
        let root = root::of(x, &standard)?;
        let chosen = self.model.resolved(rows, sensors);
        let prediction = self.prediction(chosen, root, rows)?;
        if matches!(&prediction, Prediction::Subspace(space) if space.rank == 0) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "columns with a component in common",
            });
        }
        let intercept = prediction.intercept(&standard.mean)?;
        let points = standard.lagged()?;
        let spread = room(sensors, 1, 1.0, "a spread for each sensor")?;
        let mut fitted = FittedOmr {
            parameters: self.clone(),
            chosen,
            scaling: standard.scaling,
            watched: standard.watched,
            usual: Usual::of(&spread, &prediction)?,
            prediction,
            intercept,
            norm_scale: 1.0,
            spread,
            blame: None,
            weights: room(x.columns(), 1, 1.0, "a weight for each sensor")?,
            held_out: None,
            wandering: None,
            coarse: Coarse::default(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        };
        fitted.calibrate(x)?;
        fitted.hold_out(x, &points, &counts)?;
        fitted.learn_steps(all, training.samples())?;
        let mut used = room(x.columns(), 1, false, "a mark for each column")?;
        fitted.watched.iter().for_each(|&column| used[column] = true);
        fitted.constants = Constants::learn(self.constants, &screened, all, &used)?;
        fitted.left_out = screened.left_out();
        Ok(fitted)
    }

    /// From the root of so many rows.
    fn prediction(&self, chosen: Model, root: Root, rows: usize) -> Result<Prediction> {
        let components = self.components.min(root.columns - 1).min(rows - 1);
        Ok(match chosen {
            Model::Ridge => Prediction::Whole(ridge::coefficients(&root, self.alpha)?),
            Model::Pca => Prediction::Subspace(subspace::principal(&root, components)?),
            Model::Pls | Model::Auto => Prediction::Subspace(pls::fit(root, components)?),
        })
    }

    /// As [`Omr::fit`], on the rows of the most frequent label alone (the smallest of equally frequent ones): the regime in
    /// which the machine mostly runs. The label -1 stands for an unknown regime and is left out.
    ///
    /// Cost: a copy of the chosen rows.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a label for each row; [`Error::Unfit`] where all are -1; those of [`Omr::fit`].
    pub fn fit_most_frequent(&self, x: Samples<'_>, labels: &[i64]) -> Result<FittedOmr> {
        if labels.len() != x.rows() {
            return Err(Error::Length {
                name: "labels",
                expected: x.rows(),
                got: labels.len(),
            });
        }
        let mut sorted = room(labels.len(), 1, 0, "the labels")?;
        sorted.copy_from_slice(labels);
        sorted.sort_unstable();
        let runs = sorted.chunk_by(|one, next| one == next).filter(|run| run[0] != -1);
        // Of equal lengths `max_by_key` takes the last.
        let label = runs.rev().max_by_key(|run| run.len()).map(|run| run[0]).ok_or(Error::Unfit {
            name: "labels",
            requirement: "a label other than -1",
        })?;
        let rows = labels.iter().filter(|&&other| other == label).count();
        if rows == labels.len() {
            return self.fit(x);
        }
        let columns = x.columns();
        let mut kept = room(rows, columns, 0.0, "the rows of the most frequent label")?;
        let chosen = || (0..labels.len()).filter(|&row| labels[row] == label);
        for (row, to) in chosen().zip(kept.chunks_exact_mut(columns.max(1))) {
            x.read(row..row + 1, to);
        }
        let kept = ArrayView2::from_shape((rows, columns), &kept).map_err(|_| Error::Memory {
            what: "the rows of the most frequent label",
            rows,
            columns,
        })?;
        let mut fitted = self.fit(kept.into())?;
        // Of all rows, not of the chosen ones.
        let numbers = chosen().map(|row| row as u64).gathered("the rows of the most frequent label")?;
        for row in &mut fitted.left_out.rows {
            *row = usize::try_from(*row).map_or(*row, |place| numbers[place]);
        }
        Ok(fitted)
    }
}

/// How the watched sensors follow from themselves, all relative to their means and spreads.
#[derive(Debug, Clone, PartialEq)]
enum Prediction {
    /// Coefficient of sensor i on sensor j at (i, j).
    Whole(Vec<f64>),
    Subspace(Subspace),
}

impl Prediction {
    /// What is added where rows are about `mean`.
    fn intercept(&self, mean: &[f64]) -> Result<Vec<f64>> {
        let mut intercept = copied(mean, "a mean for each column")?;
        for (to, back) in intercept.iter_mut().zip(self.of(mean)?) {
            *to -= back;
        }
        Ok(intercept)
    }

    /// One row times the coefficients.
    fn of(&self, row: &[f64]) -> Result<Vec<f64>> {
        let times = |row: &[f64], matrix: &[f64], width: usize| {
            let mut out = room(width, 1, 0.0, "a row")?;
            for (factor, line) in row.iter().zip(matrix.chunks_exact(width)) {
                line.iter().zip(&mut out).for_each(|(value, to)| *to += factor * value);
            }
            Ok(out)
        };
        match self {
            Self::Whole(matrix) => times(row, matrix, row.len()),
            Self::Subspace(space) => times(&times(row, &space.into, space.rank)?, &space.back, row.len()),
        }
    }
}

/// An overall model residual fitted on healthy rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedOmr {
    parameters: Omr,
    chosen: Model,
    /// Of all columns.
    scaling: Scaling,
    /// Columns that take part, rising. What follows has their number.
    watched: Vec<usize>,
    prediction: Prediction,
    intercept: Vec<f64>,
    norm_scale: f64,
    /// Variance of each sensor's squared residuals.
    spread: Vec<f64>,
    /// What follows from it.
    usual: Usual,
    /// What contributions are told by; in files of former versions they are squares over their spread.
    blame: Option<Blame>,
    /// Of all columns.
    weights: Vec<f64>,
    /// Squared lengths of residuals of rows that the model has not seen.
    held_out: Option<HeldOut>,
    wandering: Option<Wandering>,
    coarse: Coarse,
    constants: Constants,
    left_out: LeftOut,
}

constants::told!(FittedOmr);

impl FittedOmr {
    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What a healthy row's score exceeds with probability `alpha`, from stretches of the training rows, each judged by a model
    /// of the others.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `alpha` lies between 0 and 1; [`Error::Unfit`] for a model from a file of a former version.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        let limit = limit_of(self.held_out.as_ref(), alpha)?;
        let limit = self.wandering.as_ref().map_or(limit, |wandering| wandering.limit(0, limit, alpha));
        let limit = limit.sqrt() / self.norm_scale;
        // A row at the clip is an alarm, however rare alarms are to be.
        Ok(limit.min(self.end().next_down()))
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. The limit is then wide
    /// enough for each half of the rows by a prediction from the other.
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

    /// Where scores end: at the clip, or at twice the limit of one row in a hundred, where that is more.
    #[must_use]
    pub fn end(&self) -> f64 {
        let usual = self.held_out.as_ref().map_or(0.0, |held| {
            let limit = held.limit(0.01);
            let limit = self.wandering.as_ref().map_or(limit, |wandering| wandering.limit(0, limit, 0.01));
            limit.sqrt() / self.norm_scale
        });
        self.parameters.clip.max(2.0 * usual)
    }

    /// What the model was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &Omr {
        &self.parameters
    }

    /// The model in use: never [`Model::Auto`].
    #[must_use]
    pub fn model(&self) -> Model {
        self.chosen
    }

    /// Components in use; none for a ridge.
    #[must_use]
    pub fn components(&self) -> Option<usize> {
        match &self.prediction {
            Prediction::Whole(_) => None,
            Prediction::Subspace(space) => Some(space.rank),
        }
    }

    /// Columns of the rows it was fitted on.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.scaling.columns()
    }

    /// Columns that take part, rising.
    #[must_use]
    pub fn watched(&self) -> &[usize] {
        &self.watched
    }

    /// The share of the watched columns that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let mut used = room(self.columns(), 1, false, "a mark for each column")?;
        self.watched.iter().for_each(|&column| used[column] = true);
        share_missing(x, &used, out)
    }

    /// What missing values of each column count as, and what the columns are taken relative to.
    #[must_use]
    pub fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// (d, d) row-major: how much column j's prediction rises with column i, both relative to their means and spreads; 0 for
    /// columns that do not take part.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn coefficients(&self) -> Result<Vec<f64>> {
        let columns = self.columns();
        let mut all = room(columns, columns, 0.0, "coefficients")?;
        let mut unit = room(self.watched.len(), 1, 0.0, "a row")?;
        for (place, &from) in self.watched.iter().enumerate() {
            unit[place] = 1.0;
            for (&to, value) in self.watched.iter().zip(self.prediction.of(&unit)?) {
                all[from * columns + to] = value;
            }
            unit[place] = 0.0;
        }
        Ok(all)
    }

    /// The norm of the residual that counts as a score of 1.
    #[must_use]
    pub fn norm_scale(&self) -> f64 {
        self.norm_scale
    }

    /// What each column's contribution is multiplied by.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// With other weights of the columns' contributions; 1 unless set. Scores do not depend on them.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one for each column; [`Error::Parameter`] where one is negative or not finite.
    pub fn weigh(mut self, weights: &[f64]) -> Result<Self> {
        if weights.len() != self.columns() {
            return Err(Error::Length {
                name: "weights",
                expected: self.columns(),
                got: weights.len(),
            });
        }
        for &weight in weights {
            require(weight >= 0.0 && weight.is_finite(), "weights", "finite numbers of at least 0", weight)?;
        }
        self.weights.copy_from_slice(weights);
        Ok(self)
    }
}
