//! Spectra: energies of frequency bands over trailing windows and whole columns, power spectra, and cycles.
//!
//! # Examples
//!
//! ```
//! use acm_features::spectral::{Bands, Taper, band_energy};
//! use ndarray::Array2;
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = Array2::from_shape_fn((8, 1), |(row, _)| if row % 2 == 0 { 1.0_f64 } else { -1.0 });
//! let bands = Bands::new([(0.0, 0.4), (0.4, 0.6)], 1.0)?;
//! let mut out = Array2::zeros((1, bands.len()));
//! band_energy(x.view(), Taper::Boxcar, &bands, out.view_mut())?;
//! assert!(out[[0, 0]].abs() < 1e-12 && (out[[0, 1]] - 64.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

mod bands;
mod block_dft;
mod chirp;
mod circle;
mod cuts;
mod energy;
mod gaps;
mod leading;
mod seasonality;
mod taper;
#[cfg(test)]
mod tests;
mod transform;
mod uneven;
mod welch;

pub use bands::Bands;
pub use block_dft::rolling_band_energy;
pub(crate) use block_dft::{BandEnergy, cut_energies};
pub(crate) use circle::{Point, fill as fill_circle, power};
pub use energy::band_energy;
pub(crate) use gaps::{BinSums, Part, SUMS};
pub use seasonality::{Search, Seasons, seasonality};
pub use taper::Taper;
pub(crate) use uneven::UnevenEnergy;
pub use welch::{Welch, power_spectrum};
