//! Python's view of `acm_detectors`.

mod ar1;
mod choose;
pub(crate) mod decisions;
mod forest;
mod fused;
mod mahalanobis;
mod mixture;
mod omr;
mod pca;
mod regime_detector;
mod regimes;
mod rows;
mod similarity;
mod slow;

pub(crate) use ar1::*;
pub(crate) use choose::*;
pub(crate) use decisions::*;
pub(crate) use forest::*;
pub(crate) use fused::*;
pub(crate) use mahalanobis::*;
pub(crate) use mixture::*;
pub(crate) use omr::*;
pub(crate) use pca::*;
pub(crate) use regime_detector::*;
pub(crate) use regimes::*;
pub(crate) use rows::*;
pub(crate) use similarity::*;
pub(crate) use slow::*;
