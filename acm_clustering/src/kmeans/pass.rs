//! One pass over the rows for all runs of a fit: each row to its nearest centre, and the sums by centre.
//!
//! A row whose nearest centre was nearer than all others by more than the centres have moved since keeps its label
//! without a look at them: eight rows are passed over where that holds for all of them. The labels are those that all
//! distances would have given, to the last row.
//!
//! Source: Hamerly (2010), "Making k-means even faster", doi 10.1137/1.9781611972801.12, whose two bounds of a row are
//! one here, their difference.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::room;
use acm_linalg::{Result, parallel};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::centers::Centers;
use super::points::{Points, fold};

/// Fewest centres times columns for bounds to pay: keeping them takes about as long as that many squares.
const BOUNDED: usize = 32;

/// A run in the coming pass.
pub(super) struct Active<'a> {
    pub(super) run: usize,
    pub(super) centers: Centers,
    /// By cluster: what its rows lost of their leads since the pass before.
    pub(super) losses: &'a [f64],
    /// Whether the sums will move the centres; else the pass is for the labels and the inertia.
    pub(super) moving: bool,
}

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
    /// By run, then by row; whole tiles.
    labels: Vec<u32>,
    /// By run, then by tile: by how much the nearest centre is known to be nearer than all others.
    leads: Vec<Row>,
    /// By run, then by centre and column.
    sums: Vec<f64>,
    /// By run, then by centre.
    counts: Vec<f64>,
    /// By run.
    inertia: Vec<f64>,
    moved: Vec<bool>,
}

/// Sums in lanes, of a block of rows and one run.
struct Heap {
    sums: Vec<Row>,
    counts: Vec<Row>,
    inertia: Row,
    /// Whether a label became another.
    moved: bool,
    guard: f64,
}

impl Piece {
    /// The pieces of all rows, for `runs` runs.
    pub(super) fn all(points: &Points, plan: Plan, runs: usize) -> Result<Vec<Self>> {
        let mut pieces = Vec::new();
        for tiles in points.pieces(plan.clusters) {
            let bounds = if plan.bounded { tiles.len() } else { 0 };
            pieces.push(Self {
                labels: room(tiles.len() * LANES, runs, u32::MAX, "labels of each start")?,
                leads: room(bounds, runs, Row::splat(0.0), "bounds of each start")?,
                tiles,
                sums: room(runs, plan.clusters * points.columns, 0.0, "sums of each start")?,
                counts: room(runs, plan.clusters, 0.0, "sums of each start")?,
                inertia: room(runs, 1, 0.0, "sums of each start")?,
                moved: room(runs, 1, false, "sums of each start")?,
            });
        }
        Ok(pieces)
    }

    /// The labels of the piece's rows in a run.
    pub(super) fn labels(&self, run: usize) -> &[u32] {
        let length = self.tiles.len() * LANES;
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

    /// The weights of the clusters.
    pub(super) fn counts(&self, into: &mut [f64]) {
        join(self.pieces.iter().map(|piece| &*piece.counts), self.run, into);
    }

    /// The weighted sums of the clusters' rows, centre after centre.
    pub(super) fn sums(&self, into: &mut [f64]) {
        join(self.pieces.iter().map(|piece| &*piece.sums), self.run, into);
    }

    pub(super) fn label(&self, row: usize) -> usize {
        let piece = &self.pieces[row / LANES / self.pieces[0].tiles.len()];
        piece.labels(self.run)[row - piece.tiles.start * LANES] as usize
    }

    /// The labels of all rows.
    pub(super) fn labels(&self, points: &Points) -> Result<Vec<u32>> {
        let mut labels = room(points.rows, 1, 0, "the labels")?;
        for piece in self.pieces {
            let rows = piece.tiles.start * LANES..(piece.tiles.end * LANES).min(points.rows);
            let length = rows.len();
            labels[rows].copy_from_slice(&piece.labels(self.run)[..length]);
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
pub(super) fn pass(points: &Points, plan: Plan, pieces: &mut [Piece], active: &[Active<'_>]) -> Result<()> {
    let (columns, clusters) = (points.columns, plan.clusters);
    let width = clusters * columns;
    let block = points.block(clusters);
    let cost = (0.15 * clusters as f64 + 0.3) * (points.rows * columns * active.len()) as f64;
    let scratch = || {
        Ok(Heap {
            sums: room(clusters, columns, Row::splat(0.0), "sums of a block")?,
            counts: room(clusters, 1, Row::splat(0.0), "sums of a block")?,
            inertia: Row::splat(0.0),
            moved: false,
            guard: plan.guard,
        })
    };
    parallel::run(pieces.iter_mut().collect(), cost, scratch, |heap, piece, stop| {
        for &Active { run, .. } in active {
            piece.sums[run * width..][..width].fill(0.0);
            piece.counts[run * clusters..][..clusters].fill(0.0);
            piece.inertia[run] = 0.0;
            piece.moved[run] = false;
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
                let labels = &mut piece.labels[(run * count + start) * LANES..][..length * LANES];
                let labels = labels.as_chunks_mut().0;
                // The inertia asks for every row's distance.
                let leads: &mut [Row] = if plan.bounded && active.moving {
                    &mut piece.leads[run * count + start..][..length]
                } else {
                    &mut []
                };
                dispatch!(Level::new(), simd => heap.add(simd, points, first, active, labels, leads));
                piece.moved[run] |= heap.moved;
                piece.inertia[run] += fold(&heap.inertia);
                heap.moved = false;
                heap.inertia = Row::splat(0.0);
                empty(&mut heap.counts, &mut piece.counts[run * clusters..][..clusters]);
                if active.moving {
                    empty(&mut heap.sums, &mut piece.sums[run * width..][..width]);
                }
            }
        }
    })
}

/// Adds sums in lanes to sums, and sets them to 0.
fn empty(from: &mut [Row], to: &mut [f64]) {
    for (from, to) in from.iter_mut().zip(to) {
        *to += fold(from);
        *from = Row::splat(0.0);
    }
}

impl Heap {
    /// Labels the rows of the tiles from `first` on and adds them. With `leads`, tiles are passed over whose rows keep
    /// theirs.
    #[inline(always)]
    fn add<S: Simd>(
        &mut self,
        simd: S,
        points: &Points,
        first: usize,
        active: &Active<'_>,
        labels: &mut [[u32; LANES]],
        leads: &mut [Row],
    ) {
        let bounded = !leads.is_empty();
        let mut inertia: V<S> = self.inertia.load(simd);
        for place in 0..labels.len() {
            let number = first + place;
            let tile = points.tile(number);
            let labels = &mut labels[place];
            if !(bounded && keep(&mut leads[place], labels, active.losses)) {
                let found = active.centers.nearest_two(simd, tile);
                inertia += found.square * points.weight(number).load(simd);
                if bounded {
                    let (near, far): (V<S>, V<S>) = (found.square.sqrt(), found.second.sqrt());
                    leads[place].store((far - near) - far * self.guard);
                }
                let mut label = Row::splat(0.0);
                label.store(found.label);
                let valid = points.valid(number);
                for lane in 0..LANES {
                    let now = index(label.0[lane]);
                    self.moved |= lane < valid && labels[lane] != now;
                    labels[lane] = now;
                }
            }
            self.count(simd, tile, points.weight(number), labels, active.moving);
        }
        self.inertia.store(inertia);
    }

    /// Adds the rows of a tile to the sums of their clusters, their columns only if `whole`.
    #[inline(always)]
    fn count<S: Simd>(&mut self, simd: S, tile: &[Row], weight: &Row, labels: &[u32; LANES], whole: bool) {
        let columns = tile.len();
        let weight: V<S> = weight.load(simd);
        let all: V<S> = Row(labels.map(f64::from)).load(simd);
        let zero: V<S> = f64x8::splat(simd, 0.0);
        for lane in 0..LANES {
            let label = labels[lane];
            let mut seen = false;
            for before in 0..lane {
                seen |= labels[before] == label;
            }
            if seen {
                continue;
            }
            let share = all.simd_eq(f64::from(label)).select(weight, zero);
            let count = &mut self.counts[label as usize];
            count.store(count.load(simd) + share);
            if whole {
                let sums = &mut self.sums[label as usize * columns..][..columns];
                for column in 0..columns {
                    let x: V<S> = tile[column].load(simd);
                    sums[column].store(sums[column].load(simd) + x * share);
                }
            }
        }
    }
}

/// Takes the losses off the leads; whether all that remain are above 0.
#[inline(always)]
fn keep(leads: &mut Row, labels: &[u32; LANES], losses: &[f64]) -> bool {
    let mut all = true;
    for lane in 0..LANES {
        // Rows that have no label yet have no lead.
        leads.0[lane] -= losses.get(labels[lane] as usize).copied().unwrap_or(f64::INFINITY);
        all &= leads.0[lane] > 0.0;
    }
    all
}

/// The number of a centre, which lanes carry as a real number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of a centre"
)]
#[inline(always)]
pub(super) fn index(label: f64) -> u32 {
    label as u32
}
