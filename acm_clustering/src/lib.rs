//! Operating regimes of sensor histories: k-means, indices of a partition, how many clusters there are, sequences of labels.

pub mod choose;
mod indices;
pub mod kmeans;
pub mod labels;
mod partition;
mod silhouette;
mod unimodal;

pub use indices::{calinski_harabasz, davies_bouldin};
pub use silhouette::{silhouette_samples, silhouette_score};
