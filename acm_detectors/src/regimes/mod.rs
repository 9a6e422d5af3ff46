//! Operating regimes of a machine: what it usually does, which of that it is doing now, and how sure that is.
//!
//! Rows are scaled by the sensors' medians and interquartile ranges; k-means or HDBSCAN finds the regimes. A row belongs to the nearest
//! centre, or to none (UNKNOWN) where it is farther from it than the regime's training rows are.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::regimes::{Count, Regimes};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Fifty rows of one regime, then fifty of another.
//! let x = Array2::from_shape_fn((100, 2), |(row, sensor)| {
//!     let noise = ((3 + sensor) * row % 7) as f64 / 10.0;
//!     (row / 50 * 10) as f64 + noise
//! });
//! let model = Regimes::new(Count::Auto, 5, 10, 0.99, 1.5, 1, 7)?.fit(x.view().into(), None)?;
//! assert_eq!(model.numbers().len(), 2);
//! let mut labels = [0; 3];
//! model.predict(array![[0.3, 0.3], [10.3, 10.3], [50.0, -50.0]].view().into(), &mut labels)?;
//! // The last row is like neither of them.
//! assert!(labels[0] != labels[1] && labels[2] == -1);
//! # Ok(())
//! # }
//! ```

mod apart;
mod dense;
mod fit;
mod score;
#[cfg(test)]
mod score_tests;
mod state;
#[cfg(test)]
mod tests;

use acm_linalg::error::require;
use acm_linalg::memory::Gather;
use acm_linalg::samples::share_missing;
use acm_linalg::{Result, Samples, Scaling};

use crate::constants::{self, Constants};
use crate::screen::LeftOut;

pub use score::RegimesMemory;

/// How many regimes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// As many.
    Fixed(usize),
    /// As many as the silhouette of the training rows likes best; one where they have no clusters.
    Auto,
}

/// What finds the regimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// k-means: every row has a place.
    KMeans,
    /// HDBSCAN: as many as there are, of any shape; what lies between them is UNKNOWN.
    Hdbscan,
}

/// Parameters of the regimes.
#[derive(Debug, Clone, PartialEq)]
pub struct Regimes {
    method: Method,
    count: Count,
    most: usize,
    min_rows: usize,
    quantile: f64,
    margin: f64,
    smoothing: usize,
    seed: u64,
    constants: bool,
}

constants::parameter!(Regimes);

/// What a machine usually does.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRegimes {
    parameters: Regimes,
    scaling: Scaling,
    /// Whether each sensor has a part: it changed at fit.
    used: Vec<bool>,
    /// (k, d), one centre after the other, scaled; 0 for sensors that are left out.
    centers: Vec<f64>,
    /// The number of each regime.
    numbers: Vec<i64>,
    /// Above all numbers that were ever given.
    fresh: i64,
    /// Training rows of each regime.
    rows: Vec<u64>,
    /// Median distance of each regime's training rows to its centre.
    scales: Vec<f64>,
    /// Distance over the scale beyond which a row is UNKNOWN.
    limits: Vec<f64>,
    /// (k, d): robust standard deviation of each sensor within each regime, in its unit.
    spreads: Vec<f64>,
    labels: Vec<i64>,
    constants: Constants,
    left_out: LeftOut,
    density: Option<Density>,
}

/// What HDBSCAN made of the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density {
    /// Rows that are in none of its clusters, or far from all others where those are one.
    pub noise: u64,
    /// Rows that are nearer to the centre of another regime than to that of their own.
    pub elsewhere: u64,
    /// Whether more than half of the rows are noise, so that k-means has parted them.
    pub given_up: bool,
}

constants::told!(FittedRegimes);

impl Regimes {
    /// `count` regimes, or as many between 2 and `most` as there are. A row is UNKNOWN beyond `margin` times the `quantile` of
    /// its regime's training distances; a regime of fewer than `min_rows` rows takes scale and limit from all rows together.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] for counts of 0, `most` below 2, `quantile` not between 0 and 1, or `margin` below 1.
    pub fn new(
        count: Count,
        most: usize,
        min_rows: usize,
        quantile: f64,
        margin: f64,
        smoothing: usize,
        seed: u64,
    ) -> Result<Self> {
        if let Count::Fixed(count) = count {
            require((1..=1000).contains(&count), "n_regimes", "\"auto\" or between 1 and 1000", count)?;
        }
        require((2..=1000).contains(&most), "k_max", "between 2 and 1000", most)?;
        require(min_rows >= 1, "min_rows", "at least 1", min_rows)?;
        require(quantile > 0.0 && quantile <= 1.0, "unknown_quantile", "above 0 and at most 1", quantile)?;
        require(margin >= 1.0 && margin.is_finite(), "margin", "finite and at least 1", margin)?;
        require((1..=1_000_000).contains(&smoothing), "smoothing", "between 1 and 1000000", smoothing)?;
        Ok(Self {
            method: Method::KMeans,
            count,
            most,
            min_rows,
            quantile,
            margin,
            smoothing,
            seed,
            constants: true,
        })
    }

    /// With another method that finds them.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] for [`Method::Hdbscan`] with a given number.
    pub fn with_method(mut self, method: Method) -> Result<Self> {
        if let (Method::Hdbscan, Count::Fixed(count)) = (method, self.count) {
            require(false, "n_regimes", "\"auto\" with method=\"hdbscan\", which finds how many there are", count)?;
        }
        self.method = method;
        Ok(self)
    }

    /// What finds the regimes.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// How many regimes.
    #[must_use]
    pub fn count(&self) -> Count {
        self.count
    }

    /// Most regimes that are looked for.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Rows that a regime needs for a scale of its own.
    #[must_use]
    pub fn min_rows(&self) -> usize {
        self.min_rows
    }

    /// Share of a regime's training rows within its limit before the margin.
    #[must_use]
    pub fn quantile(&self) -> f64 {
        self.quantile
    }

    /// Factor of the limit.
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// Rows that [`FittedRegimes::track`] smooths over.
    #[must_use]
    pub fn smoothing(&self) -> usize {
        self.smoothing
    }

    /// What everything is drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl FittedRegimes {
    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What HDBSCAN made of the training rows, where it was asked.
    #[must_use]
    pub fn density(&self) -> Option<Density> {
        self.density
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &Regimes {
        &self.parameters
    }

    /// Sensors.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.used.len()
    }

    /// Regimes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.len()
    }

    /// Whether each sensor has a part.
    #[must_use]
    pub fn used(&self) -> &[bool] {
        &self.used
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used, out)
    }

    /// (k, d): each regime's centre in the sensors' units; the median for sensors that are left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn centers(&self) -> Result<Vec<f64>> {
        let scaling = &self.scaling;
        let unscaled = |(place, value): (usize, &f64)| {
            let column = place % self.columns();
            value * scaling.scale[column] + scaling.center[column]
        };
        self.centers.iter().enumerate().map(unscaled).gathered("the centres")
    }

    /// The number of each regime.
    #[must_use]
    pub fn numbers(&self) -> &[i64] {
        &self.numbers
    }

    /// Training rows of each regime.
    #[must_use]
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// What the distances to each regime's centre are divided by.
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The score beyond which a row nearest to each regime is UNKNOWN.
    #[must_use]
    pub fn limits(&self) -> &[f64] {
        &self.limits
    }

    /// (k, d): 1.4826 times the median absolute deviation of each sensor within each regime, in its unit.
    #[must_use]
    pub fn spreads(&self) -> &[f64] {
        &self.spreads
    }

    /// Labels of the training rows.
    #[must_use]
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }
}
