//! Python's view of `acm_clustering`.

mod choose;
mod indices;
mod kmeans;
mod labels;
mod regimes;

pub(crate) use choose::*;
pub(crate) use indices::*;
pub(crate) use kmeans::*;
pub(crate) use labels::*;
pub(crate) use regimes::*;
