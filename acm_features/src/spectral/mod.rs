//! Spectra: energies of frequency bands over trailing windows and whole columns, power spectra, and cycles.

mod bands;
mod block_dft;
mod chirp;
mod circle;
mod cuts;
mod energy;
mod gaps;
mod leading;
mod ranges;
mod seasonality;
mod taper;
#[cfg(test)]
mod tests;
mod transform;
mod welch;

pub use bands::Bands;
pub use block_dft::rolling_band_energy;
pub(crate) use block_dft::{BandEnergy, cut_energies};
pub use energy::band_energy;
pub(crate) use ranges::EnergyRanges;
pub use seasonality::{Search, Seasons, seasonality};
pub use taper::Taper;
pub use welch::{Welch, power_spectrum};
