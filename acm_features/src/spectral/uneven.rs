//! Band energies of windows whose rows differ in number, one by one.

use acm_linalg::Result;
use acm_linalg::columns::{Leaf, Tile};
use acm_linalg::lanes::Row;
use fearless_simd::Simd;

use super::bands::Bands;
use super::leading::{self, LeadingScratch};
use crate::rolling::Bounds;

/// Rows of a tile.
const TILE_ROWS: usize = 512;

/// The leaf for windows with bounds of their own.
pub(crate) struct UnevenEnergy<'a> {
    pub(crate) bounds: Bounds<'a>,
    pub(crate) bands: &'a Bands,
    pub(crate) min_periods: usize,
    /// Windows of fewer rows have no energy.
    pub(crate) least: usize,
}

impl Leaf for UnevenEnergy<'_> {
    type Scratch = LeadingScratch;

    fn blocks(&self) -> Vec<usize> {
        vec![self.bands.len()]
    }

    fn window(&self) -> usize {
        self.bounds.longest()
    }

    fn block(&self) -> Option<usize> {
        None
    }

    fn tile_rows(&self) -> usize {
        TILE_ROWS
    }

    fn cost_ns(&self) -> f64 {
        10.0 * self.bounds.longest() as f64
    }

    fn scratch(&self, _rows: usize) -> Result<LeadingScratch> {
        LeadingScratch::new(self.bounds.longest(), self.bands.len())
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut LeadingScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let first = tile.start[0] - tile.lead;
        let start = tile.start[0] - self.bounds.ahead();
        let mut at = self.bounds.window_of(start);
        let windows = (start..).map(|row| {
            self.bounds.advance(&mut at, row);
            &tile.x[at.start - first..at.end - first]
        });
        leading::each(simd, scratch, (self.bands, self.min_periods, self.least), windows, tile, out);
    }
}
