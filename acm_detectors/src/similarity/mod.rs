//! Auto-associative kernel regression: what each sensor should read, by the healthy rows that are most alike.
//!
//! A row is compared with representative rows of the training data; their mean, weighted by likeness, is what it should read.
//! It needs no straight line between sensors: machines with many operating points, and loads that bend, have their rows in the
//! memory. What it leaves over is whitened by its covariance on rows that were not remembered, and its size and its lasting
//! shift are followed by exponentially weighted means (Lowry, Woodall, Champ and Rigdon 1992,
//! doi 10.1080/00401706.1992.10485232).
//!
//! # Examples
//!
//! ```
//! use acm_detectors::similarity::Similarity;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 is the square of the load of sensor 0.
//! let healthy = Array2::from_shape_fn((400, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64 / 50.0 - 1.0;
//!     if sensor == 0 { load } else { load * load + 0.01 * (row % 7) as f64 }
//! });
//! // 100 rows are remembered; single rows are watched, at a false alarm in 100.
//! let detector = Similarity::new(100, 5, &[1.0], 4, 0.01)?;
//! let model = detector.fit(healthy.view().into())?;
//! // The second row's sensor 1 reads far too little for that load, though both readings are usual.
//! let rows = array![[0.8, 0.67], [0.8, 0.1]];
//! let (mut score, mut expected) = ([0.0; 2], [0.0; 4]);
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[0] < 1.0 && 1.0 < score[1]);
//! model.estimate(rows.view().into(), &mut expected)?;
//! assert!((expected[1] - 0.67).abs() < 0.1);
//! # Ok(())
//! # }
//! ```

mod absent;
mod choice;
mod fit;
mod prototypes;
mod rounded;
mod score;
#[cfg(test)]
mod score_tests;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::{room, share_missing};
use acm_linalg::{Result, Samples};

use crate::alone::Alone;
use crate::constants::{self, Constants};
use crate::gaps::Dense;
use crate::held_out::HeldOut;
use crate::lagged::Lagged;
use crate::packed::Packed;
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::wandering::Wandering;
use prototypes::Prototypes;
use watch::{Kind, Norms};

pub use watch::SimilarityMemory;

/// Most memories that may be asked for.
const MOST_MEMORIES: usize = 16;

/// The least limit of the parts together.
const LEAST_TOP: f64 = 1e-3;

/// Parameters of the detector.
#[derive(Debug, Clone, PartialEq)]
pub struct Similarity {
    memory: usize,
    neighbours: usize,
    smoothing: Vec<f64>,
    folds: usize,
    false_alarm_rate: f64,
    constants: bool,
}

constants::parameter!(Similarity);

/// A detector that remembers healthy rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedSimilarity {
    parameters: Similarity,
    /// Without lags or means: points are the scaled rows.
    lagged: Lagged,
    rows: usize,
    prototypes: Prototypes,
    /// Mean of the residuals.
    offset: Vec<f64>,
    /// How many times larger squared residuals are without each sensor.
    blur: Vec<f64>,
    /// L⁻¹ of their covariance L Lᵀ.
    whitening: Packed,
    /// (d, d), row-major: L.
    factor: Vec<f64>,
    /// The covariance's inverse.
    precision: Dense,
    norms: Norms,
    /// The mean squared length of whitened residuals on healthy rows.
    usual: f64,
    /// Of the greatest of the parts, one more and cubed.
    held_out: HeldOut,
    wandering: Option<Wandering>,
    /// The limit of the greatest of the parts.
    top: f64,
    rounding: Rounding,
    /// For each coarser step what judges rows that are rounded to it.
    rounded: Vec<(Packed, Dense)>,
    alone: Alone,
    constants: Constants,
    left_out: LeftOut,
}

constants::told!(FittedSimilarity);

impl Similarity {
    /// A detector that remembers `memory` rows, of which those as far as the neighbour of number `neighbours` weigh 1 / e;
    /// residuals are watched with the weights `smoothing` of the latest row; `folds` stretches of the training rows are each judged by a
    /// memory of the others; `false_alarm_rate` is that of all parts together.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `memory` is at least 2, `neighbours` at least 1, there are 1 to 16 weights above
    /// 0 and at most 1, at least 2 folds, and `0 < false_alarm_rate < 0.5`.
    pub fn new(
        memory: usize,
        neighbours: usize,
        smoothing: &[f64],
        folds: usize,
        false_alarm_rate: f64,
    ) -> Result<Self> {
        require(memory >= 2, "memory", "at least 2", memory)?;
        require(neighbours >= 1, "neighbours", "at least 1", neighbours)?;
        let count = smoothing.len();
        require((1..=MOST_MEMORIES).contains(&count), "smoothing", "1 to 16 numbers", count)?;
        for &weight in smoothing {
            require(weight > 0.0 && weight <= 1.0, "smoothing", "above 0 and at most 1 each", weight)?;
        }
        require(folds >= 2, "folds", "at least 2", folds)?;
        let rate = false_alarm_rate;
        require(rate > 0.0 && rate < 0.5, "false_alarm_rate", "above 0 and below 0.5", rate)?;
        Ok(Self {
            memory,
            neighbours,
            smoothing: copied(smoothing, "weights of the latest row")?,
            folds,
            false_alarm_rate,
            constants: true,
        })
    }

    /// Rows that are remembered at most.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The neighbour that weighs 1 / e.
    #[must_use]
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// Weights of the latest row.
    #[must_use]
    pub fn smoothing(&self) -> &[f64] {
        &self.smoothing
    }

    /// Stretches that the training rows are cut into.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// Share of healthy rows that may alarm.
    #[must_use]
    pub fn false_alarm_rate(&self) -> f64 {
        self.false_alarm_rate
    }
}

impl FittedSimilarity {
    /// The limit of the greatest of the parts.
    fn reach(&self, alpha: f64) -> f64 {
        let limit = self.held_out.limit(alpha);
        let limit = self.wandering.as_ref().map_or(limit, |wandering| wandering.limit(0, limit, alpha));
        (limit.cbrt() - 1.0).max(LEAST_TOP)
    }

    /// What a healthy row's score exceeds with probability `alpha`, from stretches of the training rows, each judged by what is
    /// remembered of the others: 1 at the rate of the parameters.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `alpha` lies between 0 and 1.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        require(alpha > 0.0 && alpha < 1.0, "alpha", "between 0 and 1", alpha)?;
        Ok(self.reach(alpha) / self.top)
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used()?, out)
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. The limit is then wide
    /// enough for each half of the rows by what is remembered of the other.
    #[must_use]
    pub fn wandering(&self) -> &[usize] {
        self.wandering.as_ref().map_or(&[], |wandering| &wandering.columns)
    }

    /// The share of healthy rows that is expected in alarm: the rate asked for, or what either half of the rows has at the limit
    /// that the other one sets, where they wander.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        let rate = self.parameters.false_alarm_rate;
        self.wandering.as_ref().map_or(rate, |wandering| wandering.expected)
    }

    /// The parameters it was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &Similarity {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.lagged.columns
    }

    /// Rows at fit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.prototypes.count()
    }

    /// The rows that are remembered (m, d), row-major; NaN in columns that were left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn memory(&self) -> Result<Vec<f64>> {
        let (columns, kept) = (self.columns(), &self.lagged.kept);
        let mut all = room(self.remembered(), columns, f64::NAN, "the remembered rows")?;
        let values = self.prototypes.values()?;
        let scaling = &self.lagged.scaling;
        for (out, row) in all.chunks_exact_mut(columns).zip(values.chunks_exact(kept.len())) {
            for (place, (&column, value)) in kept.iter().zip(row).enumerate() {
                out[column] = scaling.center[place] + scaling.scale[place] * value;
            }
        }
        Ok(all)
    }

    /// The kernel's width, in standard deviations of the sensors.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.prototypes.width()
    }

    /// Standard deviation of the residual of each sensor, in its unit; NaN in columns that were left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn residual_sd(&self) -> Result<Vec<f64>> {
        let size = self.lagged.kept.len();
        let squares = |row: usize| self.factor[row * size..][..=row].iter().map(|value| value * value).sum::<f64>();
        let scales = self.lagged.scaling.scale.iter().enumerate();
        let sds = scales
            .map(|(row, scale)| squares(row).sqrt() * scale)
            .gathered("a value for each column")?;
        self.lagged.spread(&sds)
    }

    /// The parts' names: power or shift, and the memory.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn part_names(&self) -> Result<Vec<String>> {
        let name = |kind| if kind == Kind::Power { "power" } else { "shift" };
        let parts = self.parameters.parts()?;
        let names = parts.iter().map(|part| format!("{} {}", name(part.kind), part.memory));
        names.gathered("the parts of the score")
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Which columns have a part in the model.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn used(&self) -> Result<Vec<bool>> {
        self.lagged.used()
    }

    /// What is subtracted from each column; NaN where it was left out.
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
}
