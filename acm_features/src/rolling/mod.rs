//! Statistics of rolling windows: row t sees rows t - window + 1 ... t, or as [`Windows`] says.

mod all;
mod beyond;
mod block;
mod bounds;
mod extremes;
mod moments;
mod order;
mod pairs;
mod ranges;
mod slope;
mod summary;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
mod time_slope;
mod window;
mod windows;

pub(crate) use all::AllMoments;
pub(crate) use block::{Blocks, tile_rows};
pub(crate) use bounds::Bounds;
pub use extremes::{rolling_max, rolling_min, rolling_range};
pub(crate) use moments::Powers;
pub use moments::{rolling_kurt, rolling_mean_std, rolling_skew, rolling_std, rolling_var};
pub(crate) use order::{Order, Wanted, middle};
pub use order::{rolling_mad, rolling_median, rolling_quantile};
pub use pairs::{rolling_corr, rolling_cov, rolling_lag_corr};
pub(crate) use ranges::Ranges;
pub use slope::rolling_slope;
pub(crate) use summary::{Place, Sight, State, Values, where_enough};
pub(crate) use sums::Compensated;
pub use sums::{rolling_mean, rolling_sum};
pub(crate) use time_slope::TimeSlope;
pub use window::Window;
pub(crate) use windows::Layout;
pub use windows::{Times, Windows};
