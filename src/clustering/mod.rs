//! Python's view of `acm_clustering`.

mod kmeans;

pub(crate) use kmeans::*;
