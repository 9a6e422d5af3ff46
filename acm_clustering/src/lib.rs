//! Operating regimes of sensor histories: k-means, HDBSCAN, indices of a partition, how many clusters there are, sequences of labels.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::kmeans::KMeans;
//! use acm_clustering::labels::{minimum_dwell, smooth};
//! use acm_clustering::{silhouette_score, davies_bouldin};
//! use ndarray::array;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = array![[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0]];
//! let fitted = KMeans::new(2, 3, 100, 1e-4, 7)?.fit(x.view().into(), None)?;
//! let mut labels = [0_i64; 4];
//! fitted.predict(x.view().into(), &mut labels)?;
//! assert!(labels[0] == labels[1] && labels[1] != labels[2] && labels[2] == labels[3]);
//! assert!(silhouette_score(x.view().into(), &labels, None)? > 0.9);
//! assert!(davies_bouldin(x.view().into(), &labels)? < 0.1);
//!
//! // A state that lasts for one row is no state.
//! let mut steady = [0; 6];
//! smooth(&[0, 0, 1, 0, 2, 2], 3, false, &mut steady)?;
//! assert_eq!(steady, [0, 0, 0, 0, 2, 2]);
//! minimum_dwell(&[0, 0, 1, 0, 2, 2], 2, &mut steady)?;
//! assert_eq!(steady, [0, 0, 0, 0, 2, 2]);
//! # Ok(())
//! # }
//! ```

pub mod choose;
pub mod hdbscan;
mod indices;
pub mod kmeans;
pub mod labels;
mod partition;
mod silhouette;
mod unimodal;
mod validity;

pub use indices::{calinski_harabasz, davies_bouldin};
pub use silhouette::{silhouette_samples, silhouette_score};
pub use validity::validity_index;
