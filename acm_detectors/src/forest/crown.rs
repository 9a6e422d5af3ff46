//! The upper levels of a tree, which eight rows pass together.
//!
//! Every row passes them, so all their nodes are compared with all rows of a tile at once, without a row waiting for where it
//! has come to; what a row would not have met is not selected.

use acm_linalg::lanes::{LANES, Row, V};
use fearless_simd::{Simd, f64x8, mask64x8, prelude::*};

use super::node::Node;

/// Levels: one more doubles the comparisons, and saves each row one step.
pub(super) const LEVELS: u32 = 4;

const NODES: usize = (1 << LEVELS) - 1;
const ENDS: usize = 1 << LEVELS;

/// The upper levels as a complete binary tree: the children of node i are 2 i + 1 and 2 i + 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crown {
    features: [u32; NODES],
    thresholds: [f64; NODES],
    /// Where the walk goes on, a node number for each way through. The bits of a float64 that is moved, never computed with.
    ends: [f64; ENDS],
}

impl Crown {
    pub(super) const NONE: Self = Self {
        features: [0; NODES],
        thresholds: [f64::INFINITY; NODES],
        ends: [0.0; ENDS],
    };

    /// The crown of a tree; below a leaf there is the leaf itself.
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut crown = Self::NONE;
        let mut places = [0_u32; NODES + ENDS];
        for place in 0..NODES {
            let at = places[place];
            let node = &nodes[at as usize];
            crown.features[place] = node.feature;
            crown.thresholds[place] = node.threshold;
            places[2 * place + 1] = node.child;
            places[2 * place + 2] = node.child + u32::from(node.child != at);
        }
        for (end, &place) in crown.ends.iter_mut().zip(&places[NODES..]) {
            *end = f64::from_bits(u64::from(place));
        }
        crown
    }

    /// Which rows go right at a node.
    #[inline(always)]
    fn up<S: Simd>(&self, simd: S, tile: &[Row], place: usize) -> mask64x8<S> {
        let x: V<S> = tile[self.features[place] as usize].load(simd);
        x.simd_ge(self.thresholds[place])
    }

    /// The node that each row of a tile without missing values comes to.
    #[inline(always)]
    pub(super) fn pass<S: Simd>(&self, simd: S, tile: &[Row]) -> [u32; LANES] {
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let mut ways = [zero; ENDS / 2];
        for pair in 0..ENDS / 2 {
            let high: V<S> = f64x8::splat(simd, self.ends[2 * pair + 1]);
            let low: V<S> = f64x8::splat(simd, self.ends[2 * pair]);
            ways[pair] = self.up(simd, tile, ENDS / 2 - 1 + pair).select(high, low);
        }
        let mut level = ENDS / 4;
        while level > 0 {
            for pair in 0..level {
                ways[pair] = self.up(simd, tile, level - 1 + pair).select(ways[2 * pair + 1], ways[2 * pair]);
            }
            level /= 2;
        }
        let mut found = Row::default();
        found.store(ways[0]);
        let mut at = [0; LANES];
        for lane in 0..LANES {
            at[lane] = number(found.0[lane]);
        }
        at
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half of the bits is the number")]
#[inline(always)]
fn number(bits: f64) -> u32 {
    bits.to_bits() as u32
}
