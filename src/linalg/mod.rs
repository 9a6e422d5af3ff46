//! Python's view of `acm_linalg`.

mod decompositions;

pub(crate) use decompositions::*;
