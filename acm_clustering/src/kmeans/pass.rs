//! One pass over the rows for all runs of a fit: each row to its nearest centre, and the sums by centre.
//!
//! The nearest centre is that of the largest product x c - c c / 2, where that is larger than the next by more than
//! rounding can account for; else squared differences decide.
//!
//! A row whose nearest centre was nearer than all others by more than the centres have moved since keeps its label
//! without a look at them: eight rows are passed over where that holds for all of them. The labels are those that all
//! distances would have given, to the last row.
//!
//! Source: Hamerly (2010), "Making k-means even faster", doi 10.1137/1.9781611972801.12, whose two bounds of a row are
//! one here, their difference.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::samples::room;
use acm_linalg::{Result, parallel};
use fearless_simd::{Level, dispatch};

use super::block::{Active, BlockSums, index};
use super::points::{Points, fold};

/// Fewest centres times columns for bounds to pay: keeping them takes about as long as that many squares.
const BOUNDED: usize = 32;

/// What a pass needs to know of a fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) clusters: usize,
    /// Whether bounds are kept; not where they cost more than they save.
    bounded: bool,
    /// Part of a distance that its rounding, and that of all losses after it, may come to at most.
    guard: f64,
}

impl Plan {
    /// For `passes` passes at most.
    pub(super) fn new(points: &Points, clusters: usize, passes: usize) -> Self {
        Self {
            clusters,
            bounded: passes > 1 && clusters > 1 && clusters * points.columns >= BOUNDED,
            guard: 8.0 * f64::EPSILON * (points.columns as f64 + 64.0 + passes as f64),
        }
    }
}

/// Some rows and what all runs know about them.
pub(super) struct Piece {
    pub(super) tiles: Range<usize>,
    /// By run, then by tile: the rows' clusters, as lanes carry them.
    labels: Vec<Row>,
    /// By run, then by tile: by how much the nearest centre is known to be nearer than all others.
    leads: Vec<Row>,
    /// By run, then by centre and column.
    sums: Vec<f64>,
    /// By run, then by centre.
    counts: Vec<f64>,
    /// By run.
    inertia: Vec<f64>,
    moved: Vec<bool>,
    /// Tiles whose products did not tell the nearest centre.
    close: Vec<usize>,
    /// Whether rounding decided on a row, in any pass.
    tied: Vec<bool>,
}

impl Piece {
    /// The pieces of all rows, for `runs` runs.
    pub(super) fn all(points: &Points, plan: Plan, runs: usize) -> Result<Vec<Self>> {
        let mut pieces = Vec::new();
        for tiles in points.pieces(plan.clusters) {
            let bounds = if plan.bounded { tiles.len() } else { 0 };
            pieces.push(Self {
                labels: room(tiles.len(), runs, Row::splat(-1.0), "labels of each start")?,
                leads: room(bounds, runs, Row::splat(f64::NEG_INFINITY), "bounds of each start")?,
                tiles,
                sums: room(runs, plan.clusters * points.columns, 0.0, "sums of each start")?,
                counts: room(runs, plan.clusters, 0.0, "sums of each start")?,
                inertia: room(runs, 1, 0.0, "sums of each start")?,
                moved: room(runs, 1, false, "sums of each start")?,
                close: room(runs, 1, 0, "sums of each start")?,
                tied: room(runs, 1, false, "sums of each start")?,
            });
        }
        Ok(pieces)
    }

    /// The labels of the piece's tiles in a run.
    fn labels(&self, run: usize) -> &[Row] {
        let length = self.tiles.len();
        &self.labels[run * length..][..length]
    }
}

/// What a pass found for a run, of all pieces.
pub(super) struct Found<'a> {
    pieces: &'a [Piece],
    run: usize,
}

impl<'a> Found<'a> {
    pub(super) fn of(pieces: &'a [Piece], run: usize) -> Self {
        Self { pieces, run }
    }

    pub(super) fn inertia(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.inertia[self.run]).sum()
    }

    pub(super) fn moved(&self) -> bool {
        self.pieces.iter().any(|piece| piece.moved[self.run])
    }

    /// Tiles whose products did not tell the nearest centre.
    pub(super) fn close(&self) -> usize {
        self.pieces.iter().map(|piece| piece.close[self.run]).sum()
    }

    /// Whether rounding decided on a row, in this pass or one before.
    pub(super) fn tied(&self) -> bool {
        self.pieces.iter().any(|piece| piece.tied[self.run])
    }

    /// The weights of the clusters.
    pub(super) fn counts(&self, into: &mut [f64]) {
        join(self.pieces.iter().map(|piece| &*piece.counts), self.run, into);
    }

    /// The weighted sums of the clusters' rows, centre after centre.
    pub(super) fn sums(&self, into: &mut [f64]) {
        join(self.pieces.iter().map(|piece| &*piece.sums), self.run, into);
    }

    pub(super) fn label(&self, row: usize) -> usize {
        let tile = row / LANES;
        let piece = &self.pieces[tile / self.pieces[0].tiles.len()];
        index(piece.labels(self.run)[tile - piece.tiles.start].0[row % LANES]) as usize
    }

    /// The labels of all rows.
    pub(super) fn labels(&self, points: &Points) -> Result<Vec<u32>> {
        let mut labels = room(points.rows, 1, 0, "the labels")?;
        let tiles = self.pieces.iter().flat_map(|piece| piece.labels(self.run));
        for (to, from) in labels.chunks_mut(LANES).zip(tiles) {
            to.iter_mut().zip(from.0).for_each(|(to, from)| *to = index(from));
        }
        Ok(labels)
    }
}

/// The sum of the pieces' parts that belong to a run.
fn join<'a>(parts: impl Iterator<Item = &'a [f64]>, run: usize, into: &mut [f64]) {
    into.fill(0.0);
    let length = into.len();
    for part in parts {
        let part = &part[run * length..][..length];
        into.iter_mut().zip(part).for_each(|(all, part)| *all += part);
    }
}

/// Labels all rows in all active runs and sums them up by label.
pub(super) fn pass(points: &Points, plan: Plan, pieces: &mut [Piece], active: &[Active]) -> Result<()> {
    let (columns, clusters) = (points.columns, plan.clusters);
    let width = clusters * columns;
    let block = points.block(clusters);
    let cost = (0.15 * clusters as f64 + 0.3) * (points.rows * columns * active.len()) as f64;
    parallel::run(
        pieces,
        cost,
        || BlockSums::new(points, plan.clusters, plan.guard),
        |sums, piece, stop| {
            for &Active { run, .. } in active {
                piece.sums[run * width..][..width].fill(0.0);
                piece.counts[run * clusters..][..clusters].fill(0.0);
                piece.inertia[run] = 0.0;
                piece.moved[run] = false;
                piece.close[run] = 0;
            }
            let count = piece.tiles.len();
            for start in (0..count).step_by(block) {
                let length = block.min(count - start);
                let first = piece.tiles.start + start;
                for active in active {
                    if stop.requested() {
                        return;
                    }
                    let run = active.run;
                    let labels = &mut piece.labels[run * count + start..][..length];
                    // The inertia asks for every row's distance.
                    let leads: &mut [Row] = if plan.bounded && active.moving {
                        &mut piece.leads[run * count + start..][..length]
                    } else {
                        &mut []
                    };
                    dispatch!(Level::new(), simd => sums.add(simd, points, first, active, labels, leads));
                    piece.moved[run] |= sums.moved;
                    piece.inertia[run] += fold(&sums.inertia);
                    piece.close[run] += sums.close;
                    piece.tied[run] |= sums.tied;
                    sums.tied = false;
                    sums.moved = false;
                    sums.close = 0;
                    sums.inertia = Row::splat(0.0);
                    empty(&mut sums.counts, &mut piece.counts[run * clusters..][..clusters]);
                    if active.moving {
                        empty(&mut sums.sums, &mut piece.sums[run * width..][..width]);
                    }
                }
            }
        },
    )
}

/// Adds sums in lanes to sums, and sets them to 0.
fn empty(from: &mut [Row], to: &mut [f64]) {
    for (from, to) in from.iter_mut().zip(to) {
        *to += fold(from);
        *from = Row::splat(0.0);
    }
}
