//! Energies of frequency bands over trailing windows.

mod bands;
pub(crate) mod block_dft;
mod circle;
mod gaps;
mod leading;
#[cfg(test)]
mod tests;

pub use bands::Bands;
pub use block_dft::rolling_band_energy;
