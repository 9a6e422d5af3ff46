//! Decisions on scores.

pub(crate) mod calibrate;
mod charts;
pub(crate) mod cusum;
pub(crate) mod episodes;
mod ewma;
mod fusion;
pub(crate) mod page_hinkley;

pub(crate) use calibrate::*;
pub(crate) use cusum::*;
pub(crate) use episodes::*;
pub(crate) use ewma::*;
pub(crate) use fusion::*;
pub(crate) use page_hinkley::*;
