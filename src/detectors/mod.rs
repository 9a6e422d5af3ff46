//! Python's view of `acm_detectors`.

mod ar1;

pub(crate) use ar1::*;
