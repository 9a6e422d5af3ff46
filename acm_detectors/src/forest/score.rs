//! Scoring: rows side by side down one tree after the other.

use std::ops::Range;

use acm_linalg::error::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::parallel::Stop;
use acm_linalg::samples::{self, Samples, room};

use fearless_simd::{Level, Simd, dispatch};

use super::crown::LEVELS;
use super::tree::{Tree, Trees};

/// Values of a block of rows: such a block stays close to the core while all trees pass over it.
const BLOCK_VALUES: usize = 4096;

/// Estimated time for a step of a row, in nanoseconds.
pub(super) const STEP_NS: f64 = 1.2;

/// Rows in tiles of eight: a [`Row`] for each sensor, a lane for each row. One row waits for memory while the others go on.
pub(super) struct Block {
    tiles: Vec<Row>,
    columns: usize,
}

impl Block {
    /// Room for the rows that a block of `rows` has at most, a multiple of eight.
    pub(super) fn new(columns: usize, rows: usize) -> Result<Self> {
        Ok(Self {
            tiles: room(rows.div_ceil(LANES), columns, Row::default(), "a block of rows")?,
            columns,
        })
    }

    /// Rows of a block, out of `rows`.
    pub(super) fn height(columns: usize, rows: usize) -> usize {
        (BLOCK_VALUES / columns).clamp(LANES, 16 * LANES).min(rows).next_multiple_of(LANES)
    }

    /// Reads the rows, missing values as NaN; each tile, and whether none of its values is missing.
    pub(super) fn read(&mut self, x: Samples<'_>, rows: Range<usize>) -> impl Iterator<Item = (&[Row], bool)> + Clone {
        let count = rows.len().div_ceil(LANES);
        let mut whole = 0_u32;
        for (number, tile) in self.tiles.chunks_exact_mut(self.columns).take(count).enumerate() {
            x.pack(rows.start + number * LANES, tile);
            if is_whole(tile) {
                whole |= 1 << number;
            } else {
                // One comparison tells what is missing.
                let values = tile.iter_mut().flat_map(|row| &mut row.0);
                values.for_each(|value| *value = if value.is_finite() { *value } else { f64::NAN });
            }
        }
        let tiles = self.tiles.chunks_exact(self.columns).take(count);
        tiles.enumerate().map(move |(number, tile)| (tile, whole >> number & 1 == 1))
    }
}

fn is_whole(tile: &[Row]) -> bool {
    let known = |row: &Row| row.0.iter().fold(true, |known, value| known & (value.abs() < f64::INFINITY));
    tile.iter().fold(true, |whole, row| whole & known(row))
}

/// The path length of each row, summed over the trees.
pub(super) fn path_lengths(trees: &Trees, x: Samples<'_>, columns: usize, out: &mut [f64]) -> Result<()> {
    let height = Block::height(columns, x.rows());
    let level = Level::new();
    samples::by_rows(
        x.rows(),
        1,
        out,
        STEP_NS * trees.steps() + 2.0 * columns as f64,
        || {
            let sums = room(height / LANES, 1, Row::default(), "sums of a block of rows")?;
            Ok((Block::new(columns, height)?, sums))
        },
        |(block, sums), rows, out, stop| {
            for (number, out) in out.chunks_mut(height).enumerate() {
                let first = rows.start + number * height;
                let tiles = block.read(x, first..first + out.len());
                sums.fill(Row::default());
                dispatch!(level, simd => down(simd, trees, tiles, sums, stop));
                out.chunks_mut(LANES)
                    .zip(&*sums)
                    .for_each(|(out, sums)| out.copy_from_slice(&sums.0[..out.len()]));
            }
        },
    )
}

#[inline(always)]
fn down<'a, S: Simd>(
    simd: S,
    trees: &Trees,
    tiles: impl Iterator<Item = (&'a [Row], bool)> + Clone,
    sums: &mut [Row],
    stop: &Stop,
) {
    for tree in trees.iter() {
        if stop.requested() {
            return;
        }
        for ((tile, whole), sums) in tiles.clone().zip(&mut *sums) {
            let leaves = leaves(simd, &tree, trees.width(), tile, whole);
            for lane in 0..LANES {
                sums.0[lane] += tree.paths[leaves[lane] as usize];
            }
        }
    }
}

/// The leaf of each row; `whole` says that no value is missing.
#[inline(always)]
pub(super) fn leaves<S: Simd>(simd: S, tree: &Tree<'_>, width: usize, tile: &[Row], whole: bool) -> [u32; LANES] {
    if width > 0 {
        let mut leaves = [0; LANES];
        for lane in 0..LANES {
            leaves[lane] = slanted(tree, width, tile, lane);
        }
        leaves
    } else if whole {
        fall(simd, tree, tile)
    } else {
        walk(tree, tile)
    }
}

/// The leaf of each row, where no value is missing.
#[inline(always)]
fn fall<S: Simd>(simd: S, tree: &Tree<'_>, tile: &[Row]) -> [u32; LANES] {
    let mut at = tree.crown.pass(simd, tile);
    for _ in LEVELS..tree.depth {
        for lane in 0..LANES {
            at[lane] = next::<true>(tree, at[lane], tile, lane);
        }
    }
    at
}

/// The leaf of each row.
#[inline(always)]
fn walk(tree: &Tree<'_>, tile: &[Row]) -> [u32; LANES] {
    let mut at = [0; LANES];
    for _ in 0..tree.depth {
        for lane in 0..LANES {
            at[lane] = next::<false>(tree, at[lane], tile, lane);
        }
    }
    at
}

/// The child that a row goes to from the node `at`; a leaf itself. Missing values are NaN; `WHOLE` promises that there are
/// none.
#[inline(always)]
pub(super) fn next<const WHOLE: bool>(tree: &Tree<'_>, at: u32, tile: &[Row], lane: usize) -> u32 {
    let node = &tree.nodes[at as usize];
    let value = tile[node.feature as usize].0[lane];
    let up = u32::from(value >= node.threshold);
    if WHOLE {
        return node.child + up;
    }
    node.child + up + u32::from(value.is_nan() & tree.strays[at as usize])
}

/// The child that a row goes to from the node `at` of a tree with oblique splits; a leaf itself.
#[inline(always)]
pub(super) fn next_slanted(tree: &Tree<'_>, width: usize, at: u32, tile: &[Row], lane: usize) -> u32 {
    let node = &tree.nodes[at as usize];
    if node.child == at {
        return at;
    }
    let first = node.feature as usize * width;
    let mut place = 0.0;
    for term in &tree.terms[first..first + width] {
        place += term.part(tile[term.feature as usize].0[lane]);
    }
    node.child + u32::from(place >= node.threshold)
}

/// The leaf of a row in a tree with oblique splits.
pub(super) fn slanted(tree: &Tree<'_>, width: usize, tile: &[Row], lane: usize) -> u32 {
    let mut at = 0;
    for _ in 0..tree.depth {
        at = next_slanted(tree, width, at, tile, lane);
    }
    at
}
