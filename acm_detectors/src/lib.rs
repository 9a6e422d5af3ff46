//! Anomaly detectors for sensor histories: fitted on healthy data, they score anything, higher being more abnormal; and the
//! decisions that turn scores into alarms.
//!
//! # Examples
//!
//! All detectors work alike: checked parameters learn from healthy rows, and what they have learned scores any rows.
//!
//! ```
//! use acm_detectors::mahalanobis::{FittedMahalanobis, LaggedMemory, MahalanobisDetector};
//! use acm_linalg::Persist;
//! use acm_linalg::covariance::Shrinkage;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 follows the load of sensor 0.
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64;
//!     if sensor == 0 { load } else { 2.0 * load + (row % 7) as f64 }
//! });
//! let model = MahalanobisDetector::new(Shrinkage::LedoitWolf, 0)?.fit(healthy.view().into())?;
//! let limit = model.limit(0.001)?;
//! // The second row's sensor 1 reads far too little for that load.
//! let rows = array![[50.0, 103.0], [50.0, 20.0]];
//! let mut score = [0.0; 2];
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[0] < limit && limit < score[1]);
//!
//! // In pieces, by a model that was saved: the same bytes.
//! let model = FittedMahalanobis::from_bytes(&model.to_bytes()?)?;
//! let (mut memory, mut piece) = (LaggedMemory::default(), [0.0]);
//! for (row, score) in rows.rows().into_iter().zip(score) {
//!     let row = row.insert_axis(ndarray::Axis(0));
//!     model.update(&mut memory, row.into(), &mut piece)?;
//!     assert_eq!(piece, [score]);
//! }
//! # Ok(())
//! # }
//! ```

mod alone;
pub mod ar1;
pub mod choose;
mod complete;
pub mod constants;
pub mod decisions;
mod folds;
pub mod forest;
pub mod fused;
mod gaps;
pub mod given;
mod held_out;
mod lagged;
pub mod limits;
mod look;
pub mod mahalanobis;
mod merged;
pub mod mixture;
pub mod omr;
mod packed;
pub mod pca;
pub mod product;
pub mod regime_detector;
pub mod regimes;
mod rounding;
pub mod screen;
pub mod similarity;
pub mod slow;
mod standing;
mod states;
mod together;
pub mod wandering;

#[cfg(test)]
mod elimination;
#[cfg(test)]
mod merged_tests;
#[cfg(test)]
mod moments_tests;
#[cfg(test)]
mod told_tests;
