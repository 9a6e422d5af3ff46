//! Python's view of `acm_linalg`.

mod decompositions;
mod distances;

pub(crate) use decompositions::*;
pub(crate) use distances::*;
