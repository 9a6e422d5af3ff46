//! Statistics of rolling windows: row t sees rows t - window + 1 ... t, or as [`Windows`] says.
//!
//! # Examples
//!
//! ```
//! use acm_features::rolling::{Times, Window, Windows, rolling_corr, rolling_max, rolling_median, rolling_slope};
//! use ndarray::{Array2, array, s};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[3.0_f64], [1.0], [4.0], [1.0], [5.0]];
//! let mut out = Array2::zeros(x.dim());
//! rolling_median(x.view(), Window::new(3, 2)?, out.view_mut())?;
//! assert!(out[[0, 0]].is_nan());
//! assert_eq!(out.slice(s![1.., 0]).to_vec(), [2.0, 3.0, 1.0, 4.0]);
//!
//! // In the middle of its window, of every second row.
//! let windows = Windows::from(Window::new(3, 1)?).centred(true).every(2)?;
//! let mut some = Array2::zeros((windows.kept(5), 1));
//! rolling_max(x.view(), windows, some.view_mut())?;
//! assert_eq!(some.column(0).to_vec(), [3.0, 4.0, 5.0]);
//!
//! // What two minutes hold, at irregular times; slopes are then per second.
//! let minutes = [0, 1, 2, 9, 10].map(|minute| minute * 60_000_000_000);
//! let lasting = Windows::lasting(120_000_000_000, 1, Times::new(&minutes)?)?;
//! rolling_slope(x.view(), lasting, out.view_mut())?;
//! assert_eq!(out[[3, 0]], 0.0);
//! assert!((out[[4, 0]] - 4.0 / 60.0).abs() < 1e-15);
//!
//! // Each column with the only one of the other array.
//! rolling_corr(x.view(), x.mapv(|value| -value).view(), Window::new(4, 2)?, out.view_mut())?;
//! assert_eq!(out[[4, 0]], -1.0);
//! # Ok(())
//! # }
//! ```

mod all;
mod beyond;
mod block;
mod bounds;
mod exact;
mod extremes;
mod moments;
mod order;
mod pairs;
mod slope;
mod summary;
mod sums;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod time_mean;
mod time_slope;
mod uneven;
mod window;
mod windows;

pub(crate) use all::AllMoments;
pub(crate) use beyond::{LARGE, SMALL};
pub(crate) use block::tile_rows;
pub(crate) use bounds::Bounds;
pub(crate) use exact::SumsOrBlocks;
pub use extremes::*;
pub use moments::*;
pub use order::*;
pub use pairs::*;
pub use slope::*;
pub(crate) use summary::{Place, Sight, State, Statistic, Values, size_of_state, where_enough};
pub use sums::*;
pub(crate) use time_mean::{Column as TimeColumn, Reading};
pub use time_mean::{TimeMean, rolling_time_mean};
pub(crate) use time_slope::TimeSlope;
pub(crate) use uneven::Uneven;
pub use window::Window;
pub(crate) use windows::Layout;
pub use windows::{Closed, Times, Windows};
