//! Statistics of trailing windows: row t sees rows t - window + 1 ... t.

mod all;
mod block;
mod extremes;
mod moments;
mod order;
mod slope;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
mod window;

pub(crate) use all::AllMoments;
pub(crate) use block::{Blocks, tile_rows};
pub use extremes::{rolling_max, rolling_min};
pub use moments::{rolling_kurt, rolling_mean_std, rolling_skew, rolling_std, rolling_var};
pub(crate) use order::{Order, Wanted, middle};
pub use order::{rolling_mad, rolling_median, rolling_quantile};
pub use slope::rolling_slope;
pub use sums::{rolling_mean, rolling_sum};
pub use window::Window;
