//! How many clusters there are, by silhouettes, the elbow of the inertia, or a criterion of information.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::choose::Search;
//! use acm_detectors::choose::{Method, choose};
//! use ndarray::Array2;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = Array2::from_shape_fn((90, 2), |(row, sensor)| {
//!     let noise = ((3 + sensor) * row % 7) as f64 / 10.0;
//!     (row / 30 * 10) as f64 + noise
//! });
//! let search = Search { least: 1, most: 5, sample: 1000, starts: 2, gap_references: 0, seed: 7 };
//! assert_eq!(choose(x.view().into(), &search, Method::Silhouette)?.k, 3);
//! # Ok(())
//! # }
//! ```

use acm_clustering::choose::{Found, Search};
use acm_linalg::memory::reserved;
use acm_linalg::{Result, Samples};

use crate::mixture::{Components, Covariance, GaussianMixture};

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The highest mean silhouette.
    Silhouette,
    /// The elbow of the inertia.
    Elbow,
    /// The lowest Bayesian information criterion of a mixture with diagonal covariances.
    Bic,
}

impl Method {
    /// Every manner and its name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("silhouette", Self::Silhouette),
        ("elbow", Self::Elbow),
        ("bic", Self::Bic),
    ];
}

/// The number of clusters and what speaks for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The number: 1 where there are no clusters.
    pub k: usize,
    /// What k-means found.
    pub found: Found,
    /// The information criterion of each number (Schwarz 1978, doi 10.1214/aos/1176344136); lower is better.
    pub bic: Vec<f64>,
}

/// The number of clusters among the rows of `x`, as `method` has it; 1 where [`Search::run`] finds no clusters.
///
/// # Errors
/// Those of [`Search::run`].
pub fn choose(x: Samples<'_>, search: &Search, method: Method) -> Result<Choice> {
    let found = search.run(x)?;
    let mut bic = reserved(found.ks.len(), "the numbers of clusters")?;
    for (&k, labels) in found.ks.iter().zip(&found.labels) {
        let rows = Samples::from(found.sample.view());
        let mixture = GaussianMixture::new(Components::Fixed(k), Covariance::Diag, 1, 1e-6, 1e-3, 100, search.seed)?;
        // From the clusters found: the mixture's own start would weigh the columns anew.
        let mixture = mixture.fit_from(rows, labels);
        bic.push(match mixture {
            Ok(mixture) => mixture.bic(rows)?,
            // Rows without any change have no mixture.
            Err(acm_linalg::Error::Unfit { .. }) => f64::NAN,
            Err(error) => return Err(error),
        });
    }
    let k = match method {
        Method::Silhouette => found.by_silhouette(),
        Method::Elbow => found.by_elbow(),
        Method::Bic => found.best(bic.iter().map(|bic| -bic)),
    };
    Ok(Choice { k, found, bic })
}
