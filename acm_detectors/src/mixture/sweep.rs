//! Expectation and the sums for the maximisation in one walk over the rows.
//!
//! The sums are taken about anchors, the means before the step, so that the covariances of clusters that lie far apart lose no
//! digits. Pieces of rows depend on the number of rows alone and join in their order: any number of threads gives the same
//! bytes.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop, Watch};
use acm_linalg::{Result, Samples};
use fearless_simd::{Level, Simd, dispatch};

use super::covariance::Covariance;
use super::diag;
use super::gaussians::{DensityScratch, Gaussians, cost_ns};
use super::sums::WeightedSums;
use super::tiles::TILES;

/// Pieces of rows with sums of their own, at most.
const PIECES: usize = 16;

/// Tiles that are worth a piece of their own.
const PIECE_TILES: usize = 2 * TILES;

/// Sums of all pieces together, at most, unless a single piece needs more.
const SUMS: usize = 8_000_000;

/// Where responsibilities come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A component for each row.
    Labels(&'a [u32]),
    /// Those of each row, from this column on.
    Shares(Samples<'a>, usize),
    /// The densities of the components; their means are the anchors.
    Model(&'a Gaussians),
}

/// The rows in pieces, each with its sums.
pub(super) struct Pieces<'a> {
    tiles: &'a [Row],
    rows: usize,
    width: usize,
    covariance: Covariance,
    components: usize,
    pieces: Vec<(Range<usize>, WeightedSums)>,
    watch: Watch,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(
        tiles: &'a [Row],
        rows: usize,
        width: usize,
        covariance: Covariance,
        components: usize,
    ) -> Result<Self> {
        let area = match covariance {
            Covariance::Diag => 2 * LANES * width,
            Covariance::Full => width.saturating_mul(width),
        };
        let all = rows.div_ceil(LANES);
        let most = (SUMS / area.saturating_mul(components).max(1)).clamp(1, PIECES);
        let count = (all / PIECE_TILES).clamp(1, most);
        let step = all.div_ceil(count);
        let ranges = (0..count).map(|number| (number * step).min(all)..((number + 1) * step).min(all));
        Self::of(tiles, rows, width, covariance, components, ranges)
    }

    /// Pieces of these tiles.
    pub(super) fn of(
        tiles: &'a [Row],
        rows: usize,
        width: usize,
        covariance: Covariance,
        components: usize,
        ranges: impl ExactSizeIterator<Item = Range<usize>>,
    ) -> Result<Self> {
        let mut pieces = reserved(ranges.len(), "the sums")?;
        for range in ranges {
            pieces.push((range, WeightedSums::new(covariance, components, width)?));
        }
        Ok(Self {
            tiles,
            rows,
            width,
            covariance,
            components,
            pieces,
            watch: Watch::start(),
        })
    }

    pub(super) fn components(&self) -> usize {
        self.components
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Sums over all rows about the anchors; without `products` neither squares nor products are needed.
    pub(super) fn sweep(&mut self, source: Source<'_>, anchors: &[f64], products: bool) -> Result<&WeightedSums> {
        self.gather(source, anchors, products)?;
        let mut pieces = self.pieces.iter_mut();
        // There is always a first piece.
        let Some((_, all)) = pieces.next() else {
            return Err(acm_linalg::Error::Unfit {
                name: "x",
                requirement: "rows",
            });
        };
        pieces.for_each(|(_, part)| all.add(part));
        Ok(all)
    }

    /// Sums over the rows of the pieces that are `inside`.
    pub(super) fn among(&self, inside: impl Fn(usize) -> bool) -> Result<WeightedSums> {
        let mut all = WeightedSums::new(self.covariance, self.components, self.width)?;
        let others = self.pieces.iter().enumerate().filter(|(number, _)| inside(*number));
        others.for_each(|(_, (_, part))| all.add(part));
        Ok(all)
    }

    /// Sums over the rows of each piece.
    pub(super) fn gather(&mut self, source: Source<'_>, anchors: &[f64], products: bool) -> Result<()> {
        self.watch.look()?;
        let (tiles, rows, width, covariance) = (self.tiles, self.rows, self.width, self.covariance);
        let components = self.components;
        let level = Level::new();
        let walk = |scratch: &mut DensityScratch, (range, sums): (Range<usize>, &mut WeightedSums), stop: &Stop| {
            sums.clear();
            for first in range.clone().step_by(TILES) {
                if stop.requested() {
                    return;
                }
                let count = TILES.min(range.end - first);
                let tiles = &tiles[first * width..(first + count) * width];
                let known = (rows - first * LANES).min(count * LANES);
                dispatch!(level, simd => match source {
                    Source::Labels(labels) => mark(&labels[first * LANES..][..known], scratch),
                    Source::Shares(shares, column) => take(shares, column, first * LANES, known, scratch),
                    Source::Model(model) => model.share(simd, tiles, count, scratch),
                });
                forget(scratch, known, count);
                dispatch!(level, simd => add_up(simd, tiles, count, covariance, scratch, anchors, sums, products));
            }
        };
        let cost = rows as f64 * 2.0 * cost_ns(covariance, components, width);
        let new_scratch = || DensityScratch::new(components, width, covariance == Covariance::Full);
        let jobs = self.pieces.iter_mut().map(|(range, sums)| (range.clone(), sums));
        parallel::run(jobs, cost, new_scratch, walk)
    }
}

/// Responsibility 1 for the component that is named, 0 for the others.
fn mark(labels: &[u32], scratch: &mut DensityScratch) {
    scratch.shares.iter_mut().for_each(|share| share.fill(Row::default()));
    scratch.totals.fill(Row::default());
    for (row, &label) in labels.iter().enumerate() {
        if let Some(share) = scratch.shares.get_mut(label as usize) {
            share[row / LANES].0[row % LANES] = 1.0;
        }
    }
}

/// The responsibilities of `known` rows from `first` on.
fn take(shares: Samples<'_>, column: usize, first: usize, known: usize, scratch: &mut DensityScratch) {
    scratch.totals.fill(Row::default());
    for (component, share) in scratch.shares.iter_mut().enumerate() {
        for row in 0..known {
            share[row / LANES].0[row % LANES] = shares.value(first + row, column + component);
        }
    }
}

/// Lanes without a row count nothing.
fn forget(scratch: &mut DensityScratch, known: usize, count: usize) {
    for row in known..count * LANES {
        let (tile, lane) = (row / LANES, row % LANES);
        scratch.shares.iter_mut().for_each(|share| share[tile].0[lane] = 0.0);
        scratch.totals[tile].0[lane] = 0.0;
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "a block, what weighs its rows, and where its sums go"
)]
#[inline(always)]
fn add_up<S: Simd>(
    simd: S,
    tiles: &[Row],
    count: usize,
    covariance: Covariance,
    scratch: &mut DensityScratch,
    anchors: &[f64],
    sums: &mut WeightedSums,
    products: bool,
) {
    let components = scratch.shares.len();
    let (width, area) = (anchors.len() / components, sums.products.len() / components);
    let mut log = sums.log.load(simd);
    for total in &scratch.totals[..count] {
        log += total.load(simd);
    }
    sums.log.store(log);
    for component in 0..components {
        let shares = &scratch.shares[component];
        let mut held = sums.counts[component].load(simd);
        for share in &shares[..count] {
            held += share.load(simd);
        }
        sums.counts[component].store(held);
        let columns = component * width..(component + 1) * width;
        let anchor = &anchors[columns.clone()];
        let rests = &mut sums.rests[columns.clone()];
        match covariance {
            Covariance::Diag => {
                diag::gather(simd, tiles, count, shares, anchor, rests, &mut sums.squares[columns]);
            }
            Covariance::Full => {
                let products = products.then(|| &mut sums.products[component * area..(component + 1) * area]);
                scratch.panels.gather(simd, tiles, count, shares, anchor, rests, products);
            }
        }
    }
}
