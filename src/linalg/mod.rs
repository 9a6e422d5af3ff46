//! Python's view of `acm_linalg`.

mod covariance;
mod dense;
mod distances;
mod lanes;
mod parallel;
pub(crate) mod pca;
mod running;
mod solve;
pub(crate) mod svd;

pub(crate) use covariance::*;
pub(crate) use dense::*;
pub(crate) use distances::*;
pub(crate) use lanes::*;
pub(crate) use parallel::*;
pub(crate) use running::*;
pub(crate) use solve::*;

use acm_linalg::Result;

/// What fills an array with a copy of `values`.
fn copied(values: &[f64]) -> impl FnOnce(&mut [f64]) -> Result<()> + Send {
    |out| {
        out.copy_from_slice(values);
        Ok(())
    }
}
