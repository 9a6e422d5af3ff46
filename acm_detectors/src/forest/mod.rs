//! Isolation forest: rows that few random splits set apart from the others are abnormal.
//!
//! A tree is grown from `max_samples` rows drawn without replacement: a sensor drawn among those that vary, a threshold drawn
//! evenly between its least and greatest value, until a row stands alone or the tree is as high as a balanced one. With
//! E h(x) the mean path length of a row over the trees, and c as in a binary search tree,
//!
//! score(x) = 2^(-E h(x) / c(max_samples))
//!
//! lies in (0, 1]; an average row gets about 0.5. Liu, Ting and Zhou 2008, doi 10.1109/ICDM.2008.17.
//!
//! With `extension` > 0 a split looks at `extension + 1` sensors along a random direction (extended isolation forest; Hariri,
//! Carrasco Kind and Brunner 2021, doi 10.1109/TKDE.2019.2947676).
//!
//! Values and thresholds are compared in float64, as they are: neither an offset nor a unit of measurement matters.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::forest::{IsolationForest, SampleSize};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| ((37 + 8 * sensor) * row % 101) as f64);
//! let model = IsolationForest::new(50, SampleSize::Auto, 0, 7)?.fit(healthy.view().into())?;
//! let mut score = [0.0; 2];
//! model.score(array![[50.0, 50.0], [300.0, 50.0]].view().into(), &mut score)?;
//! assert!(score[0] < 0.5 && 0.5 < score[1] && score[1] <= 1.0);
//! # Ok(())
//! # }
//! ```

mod crown;
mod grow;
mod held_out;
mod node;
mod path;
mod score;
mod state;
#[cfg(test)]
mod tests;
mod tree;

use acm_linalg::Samples;
use acm_linalg::error::{Error, Result, require};
use acm_linalg::memory::Gather;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::{room, share_missing};

use crate::constants::{self, Constants, RAREST};
use crate::held_out::{HeldOut, limit_of};
use tree::{MOST_ROWS, Trees, average_path};

/// Rows between two looks at interrupts.
const LOOK: usize = 65_536;

/// Rows that a tree is grown from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SampleSize {
    /// 256, or all where there are fewer.
    Auto,
    /// So many, at least two, or all where there are fewer.
    Count(usize),
    /// This share of them, in (0, 1], that makes at least two.
    Share(f64),
}

/// Parameters of an isolation forest.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForest {
    n_estimators: usize,
    max_samples: SampleSize,
    extension: usize,
    seed: u64,
    constants: bool,
}

constants::parameter!(IsolationForest);

impl IsolationForest {
    /// `n_estimators` trees of `max_samples` rows, `extension + 1` sensors a split (all of them where there are fewer), from
    /// the random streams of `seed`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `n_estimators` is in 1..=1,000,000, and a count of rows in 2..=2^30 or a share in (0, 1].
    pub fn new(n_estimators: usize, max_samples: SampleSize, extension: usize, seed: u64) -> Result<Self> {
        require((1..=1_000_000).contains(&n_estimators), "n_estimators", "between 1 and 1000000", n_estimators)?;
        match max_samples {
            SampleSize::Auto => {}
            SampleSize::Count(rows) => {
                require((2..=MOST_ROWS).contains(&rows), "max_samples", "a number of rows between 2 and 2^30", rows)?;
            }
            SampleSize::Share(share) => {
                require(share > 0.0 && share <= 1.0, "max_samples", "a share above 0 and up to 1.0", share)?;
            }
        }
        Ok(Self {
            n_estimators,
            max_samples,
            extension,
            seed,
            constants: true,
        })
    }

    /// Trees.
    #[must_use]
    pub fn n_estimators(&self) -> usize {
        self.n_estimators
    }

    /// Rows that a tree is grown from, as asked for.
    #[must_use]
    pub fn max_samples(&self) -> SampleSize {
        self.max_samples
    }

    /// Sensors that a split looks at beyond the first.
    #[must_use]
    pub fn extension(&self) -> usize {
        self.extension
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Terms of a split of `columns` sensors; 0 where it looks at one sensor as it is.
    fn width(&self, columns: usize) -> usize {
        match self.extension.min(columns.saturating_sub(1)) {
            0 => 0,
            extension => extension + 1,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a row count"
    )]
    fn rows(&self, all: usize) -> usize {
        let rows = match self.max_samples {
            SampleSize::Auto => 256,
            SampleSize::Count(rows) => rows,
            SampleSize::Share(share) => (share * all as f64) as usize,
        };
        rows.clamp(1, all.clamp(1, MOST_ROWS))
    }

    /// Grows the trees from `x` (n, d).
    ///
    /// Missing values (NaN, infinity) go down the branch that took more of the node's known values; a sensor without two
    /// different known values is not split by. In an oblique split a missing value stands at the node's mean of the sensor.
    ///
    /// Cost: O(trees · rows · log rows), and a look at some 2,500 of the training rows and their scores, for the limit. The
    /// same bytes for any number of threads and any memory layout.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than two rows or no column; [`Error::Parameter`] naming `max_samples` for a share of less
    /// than two rows; [`Error::Unfit`] where all values are missing, or no column has two different ones; [`Error::Memory`];
    /// [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedIsolationForest> {
        x.require(2)?;
        let columns = x.columns();
        for (rows, what) in [(x.rows(), "the row numbers"), (columns, "the column numbers")] {
            if u32::try_from(rows).is_err() {
                let columns = 1;
                return Err(Error::Memory { what, rows, columns });
            }
        }
        let samples = self.rows(x.rows());
        if let SampleSize::Share(share) = self.max_samples {
            require(samples >= 2, "max_samples", "a share of at least 2 rows of `x`", share)?;
        }
        let known = |row| (0..columns).any(|column| x.value(row, column).is_finite());
        if !(0..x.rows()).any(known) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a value that is not missing",
            });
        }
        let mut used = room(columns, 1, false, "marks of the columns")?;
        parallel::run(
            used.iter_mut().enumerate(),
            2.0 * columns as f64,
            || Ok(()),
            |(), (column, used), stop| *used = changes(x, column, stop),
        )?;
        if !used.contains(&true) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a column that changes",
            });
        }
        let width = self.width(columns);
        let saplings = grow::grow(x, self.n_estimators, samples, width, self.seed)?;
        let mut fitted = FittedIsolationForest {
            parameters: self.clone(),
            columns,
            used: (0..)
                .zip(used)
                .filter_map(|(column, used)| used.then_some(column))
                .gathered("the columns that change")?,
            samples,
            trees: Trees::plant(&saplings, width)?,
            held_out: None,
            constants: Constants::default(),
        };
        fitted.held_out = held_out::scores(&fitted, x)?;
        fitted.constants = Constants::beside(self.constants, x, &fitted.used()?)?;
        Ok(fitted)
    }
}

/// Whether a column has two different known values.
fn changes(x: Samples<'_>, column: usize, stop: &Stop) -> bool {
    let mut first = None;
    for row in 0..x.rows() {
        if row.is_multiple_of(LOOK) && stop.requested() {
            return false;
        }
        let value = x.value(row, column);
        if value.is_finite() && *first.get_or_insert(value) != value {
            return true;
        }
    }
    false
}

/// A grown isolation forest.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedIsolationForest {
    parameters: IsolationForest,
    columns: usize,
    /// Columns that changed at fit, rising.
    used: Vec<u32>,
    samples: usize,
    trees: Trees,
    /// Scores of training rows by the trees that have not been grown from them.
    held_out: Option<HeldOut>,
    constants: Constants,
}

constants::told!(FittedIsolationForest);

impl FittedIsolationForest {
    /// What the forest was asked to be.
    #[must_use]
    pub fn parameters(&self) -> &IsolationForest {
        &self.parameters
    }

    /// Sensors.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Which sensors changed at fit: no split looks at the others.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn used(&self) -> Result<Vec<bool>> {
        let mut all = room(self.columns, 1, false, "marks of the columns")?;
        self.used.iter().for_each(|&column| all[column as usize] = true);
        Ok(all)
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used()?, out)
    }

    /// What a healthy row's score exceeds with probability `alpha`: from at most 2,500 of the training rows, each judged by the
    /// trees that have not been grown from it, without those that no healthy machine reads.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `alpha` lies between 0 and 1; [`Error::Unfit`] for a model from a file of a former version.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        // No score reaches 1.
        Ok(limit_of(self.held_out.as_ref(), alpha)?.min(0.999_999))
    }

    /// Rows that each tree was grown from.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Nodes of all trees together.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.trees.nodes()
    }

    /// The score of a path length summed over the trees.
    fn judge(&self, sum: f64) -> f64 {
        if self.samples < 2 {
            // Only of a forest saved before lone rows were refused: they have no neighbours to be set apart from.
            return 0.5;
        }
        (-sum / (average_path(self.samples) * self.trees.count() as f64)).exp2()
    }

    /// The score of each row of `x` (n, d) into `out` (n): in (0, 1], higher = more abnormal.
    ///
    /// Missing values follow the branches chosen at fit. A row's score does not depend on the rows beside it.
    ///
    /// Cost: O(n · trees · log rows). Oracle: scikit-learn's `-score_samples` of the same trees, rtol 1e-14.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] unless `out` has a place for each row; [`Error::Memory`];
    /// [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.check(x, 1, out.len())?;
        score::path_lengths(&self.trees, x, self.columns, out)?;
        out.iter_mut().for_each(|value| *value = self.judge(*value));
        if self.constants.is_empty() {
            return Ok(());
        }
        self.constants.raise_below_one(x, self.limit(RAREST)?, out)
    }

    /// What each sensor does to set each row apart, into `out` (n · d, row after row).
    ///
    /// A split is credited with the mean path length of the training rows at its node less that of those which went the same
    /// way, relative to the row's path length in that tree. So a row's contributions sum to the mean over the trees of
    ///
    /// (mean path length of the tree's training rows) / (path length of the row) - 1:
    ///
    /// about 0 for an average row, 1 for one that is set apart in half the steps. Negative: the sensor made the path longer.
    /// An oblique split is shared among its sensors by how far each moves the row along the direction.
    ///
    /// Paths as explanations: Carletti, Terzi and Susto 2023, doi 10.1016/j.engappai.2022.105730.
    ///
    /// # Errors
    /// Those of [`score`](Self::score), with a place for each value of `x` in `out`.
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.check(x, self.columns, out.len())?;
        path::contributions(&self.trees, x, self.columns, out)?;
        self.constants.share(x, out)
    }

    fn check(&self, x: Samples<'_>, width: usize, got: usize) -> Result<()> {
        x.require_columns(self.columns)?;
        let expected = x.rows() * width;
        if got == expected {
            return Ok(());
        }
        Err(Error::Length {
            name: "out",
            expected,
            got,
        })
    }
}
