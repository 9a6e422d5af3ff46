//! Contributions: what each split on a row's path takes from the path length, credited to the sensors it looks at.

use acm_linalg::error::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::samples::{self, Samples, room};

use super::node::Term;
use super::score::{Block, STEP_NS, next, next_slanted, slanted};
use super::tree::{Tree, Trees};

/// What the sensors take from each row's path, relative to its length, as the mean over the trees, into `out` (n, d).
///
/// Before a split a row's path is expected to be as long as the mean of the training rows at that node, after it as the mean
/// of those that went the same way; the difference is the sensor's. Divided by the path's length, trees that set the row
/// apart soon count for more than those in which it goes along with many: they know which sensor it is.
pub(super) fn contributions(trees: &Trees, x: Samples<'_>, columns: usize, out: &mut [f64]) -> Result<()> {
    let height = Block::height(columns, x.rows());
    let count = trees.count() as f64;
    samples::by_rows(
        x.rows(),
        columns,
        out,
        3.0 * STEP_NS * trees.steps() + 4.0 * columns as f64,
        || {
            let credit = room(height / LANES, columns, Row::default(), "contributions of a block of rows")?;
            Ok((Block::new(columns, height)?, credit))
        },
        |(block, credit), rows, out, stop| {
            for (number, out) in out.chunks_mut(height * columns).enumerate() {
                let first = rows.start + number * height;
                let tiles = block.read(x, first..first + out.len() / columns);
                credit.fill(Row::default());
                for tree in trees.iter() {
                    if stop.requested() {
                        return;
                    }
                    for ((tile, whole), credit) in tiles.clone().zip(credit.chunks_exact_mut(columns)) {
                        if trees.width() > 0 {
                            share(&tree, trees.width(), tile, credit);
                        } else if whole {
                            give::<true>(&tree, tile, credit);
                        } else {
                            give::<false>(&tree, tile, credit);
                        }
                    }
                }
                for (out, credit) in out.chunks_mut(LANES * columns).zip(credit.chunks_exact(columns)) {
                    for (lane, out) in out.chunks_exact_mut(columns).enumerate() {
                        out.iter_mut().zip(credit).for_each(|(out, credit)| *out = credit.0[lane] / count);
                    }
                }
            }
        },
    )
}

#[inline(always)]
fn give<const WHOLE: bool>(tree: &Tree<'_>, tile: &[Row], credit: &mut [Row]) {
    // No tree is higher: see `tree::MOST_ROWS`.
    let mut trail = [[0; LANES]; 32];
    let depth = (tree.depth as usize).min(trail.len() - 1);
    for step in 0..depth {
        for lane in 0..LANES {
            trail[step + 1][lane] = next::<WHOLE>(tree, trail[step][lane], tile, lane);
        }
    }
    let mut weight = [0.0; LANES];
    let mut expected = [tree.paths[0]; LANES];
    for lane in 0..LANES {
        weight[lane] = 1.0 / tree.paths[trail[depth][lane] as usize].max(1.0);
    }
    for step in 0..depth {
        for lane in 0..LANES {
            let feature = tree.nodes[trail[step][lane] as usize].feature as usize;
            let path = tree.paths[trail[step + 1][lane] as usize];
            // At a leaf nothing changes any more.
            credit[feature].0[lane] += (expected[lane] - path) * weight[lane];
            expected[lane] = path;
        }
    }
}

/// An oblique split's sensors share by how far each moves the row along the direction.
fn share(tree: &Tree<'_>, width: usize, tile: &[Row], credit: &mut [Row]) {
    for lane in 0..LANES {
        let length = tree.paths[slanted(tree, width, tile, lane) as usize].max(1.0);
        let mut at = 0;
        for _ in 0..tree.depth {
            let child = next_slanted(tree, width, at, tile, lane);
            if child == at {
                break;
            }
            let gain = (tree.paths[at as usize] - tree.paths[child as usize]) / length;
            let first = tree.nodes[at as usize].feature as usize * width;
            let terms = &tree.terms[first..first + width];
            let moved = |term: &Term| term.part(tile[term.feature as usize].0[lane]).abs();
            let total: f64 = terms.iter().map(moved).sum();
            if total > 0.0 && total.is_finite() {
                for term in terms {
                    credit[term.feature as usize].0[lane] += gain * (moved(term) / total);
                }
            } else {
                let bearing = terms.iter().filter(|term| term.weight != 0.0);
                let part = gain / bearing.clone().count() as f64;
                bearing.for_each(|term| credit[term.feature as usize].0[lane] += part);
            }
            at = child;
        }
    }
}
