//! Anomaly detectors for sensor histories: fitted on healthy data, they score anything, higher being more abnormal; and the
//! decisions that turn scores into alarms.

pub mod ar1;
pub mod choose;
pub mod decisions;
pub mod forest;
pub mod fused;
mod lagged;
pub mod limits;
pub mod mahalanobis;
pub mod mixture;
pub mod omr;
mod packed;
pub mod pca;
pub mod regime_detector;
pub mod regimes;
