//! One leaf or another, whichever the windows call for.

use acm_linalg::Result;
use acm_linalg::columns::{Leaf, Tile};
use acm_linalg::lanes::Row;
use fearless_simd::Simd;

/// What serves windows of as many rows each, or what serves windows with bounds of their own.
pub(crate) enum Either<A, B> {
    Even(A),
    Uneven(B),
}

impl<A: Leaf, B: Leaf> Leaf for Either<A, B> {
    type Scratch = Either<A::Scratch, B::Scratch>;

    fn blocks(&self) -> Vec<usize> {
        match self {
            Self::Even(leaf) => leaf.blocks(),
            Self::Uneven(leaf) => leaf.blocks(),
        }
    }

    fn window(&self) -> usize {
        match self {
            Self::Even(leaf) => leaf.window(),
            Self::Uneven(leaf) => leaf.window(),
        }
    }

    fn lead(&self, end: usize) -> usize {
        match self {
            Self::Even(leaf) => leaf.lead(end),
            Self::Uneven(leaf) => leaf.lead(end),
        }
    }

    fn block(&self) -> Option<usize> {
        match self {
            Self::Even(leaf) => leaf.block(),
            Self::Uneven(leaf) => leaf.block(),
        }
    }

    fn tile_rows(&self) -> usize {
        match self {
            Self::Even(leaf) => leaf.tile_rows(),
            Self::Uneven(leaf) => leaf.tile_rows(),
        }
    }

    fn cost_ns(&self) -> f64 {
        match self {
            Self::Even(leaf) => leaf.cost_ns(),
            Self::Uneven(leaf) => leaf.cost_ns(),
        }
    }

    fn scratch(&self, rows: usize) -> Result<Self::Scratch> {
        Ok(match self {
            Self::Even(leaf) => Either::Even(leaf.scratch(rows)?),
            Self::Uneven(leaf) => Either::Uneven(leaf.scratch(rows)?),
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut Self::Scratch, tile: &Tile<'_>, out: &mut [Row]) {
        match (self, scratch) {
            (Self::Even(leaf), Either::Even(scratch)) => leaf.tile(simd, scratch, tile, out),
            (Self::Uneven(leaf), Either::Uneven(scratch)) => leaf.tile(simd, scratch, tile, out),
            _ => {}
        }
    }
}
