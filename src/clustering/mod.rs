//! Python's view of `acm_clustering`.

mod indices;
mod kmeans;

pub(crate) use indices::*;
pub(crate) use kmeans::*;
