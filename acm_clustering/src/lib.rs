//! Operating regimes of sensor histories: k-means, silhouettes and other indices of a partition.

mod indices;
pub mod kmeans;
mod partition;
mod silhouette;

pub use indices::{calinski_harabasz, davies_bouldin};
pub use silhouette::{silhouette_samples, silhouette_score};
