//! Python's view of `acm_clustering`.

mod hdbscan;
mod indices;
mod kmeans;
mod labels;
mod silhouette;

pub(crate) use hdbscan::*;
pub(crate) use indices::*;
pub(crate) use kmeans::*;
pub(crate) use labels::*;
pub(crate) use silhouette::*;
