//! Expectation and the sums for the maximisation in one walk over the rows.
//!
//! The sums are taken about anchors, the means before the step, so that the covariances of clusters that lie far apart lose no
//! digits. Pieces of rows depend on the number of rows alone and join in their order: any number of threads gives the same
//! bytes.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::parallel::{self, Stop, Watch};
use acm_linalg::samples::room;
use fearless_simd::{Level, Simd, dispatch};

use super::gaussians::{Gaussians, Room, cost_ns};
use super::tiles::TILES;
use super::{Covariance, diag, full};

/// Pieces of rows with sums of their own, at most.
const PIECES: usize = 16;

/// Tiles that are worth a piece of their own.
const PIECE_TILES: usize = 2 * TILES;

/// Sums of all pieces together, at most, unless a single piece needs more.
const SUMS: usize = 8_000_000;

/// Sums over rows, weighted by the responsibilities of each component.
#[derive(Clone)]
pub(super) struct Sums {
    /// Of the log densities.
    log: Row,
    /// Of the responsibilities.
    counts: Vec<Row>,
    /// Of the differences from the anchors, a list for each component.
    rests: Vec<Row>,
    /// Of their squares; of diagonal covariances only.
    pub(super) squares: Vec<Row>,
    /// Of the products of all pairs of them, a matrix for each component; of full covariances only.
    products: Vec<Row>,
}

impl Sums {
    fn new(covariance: Covariance, components: usize, width: usize) -> Result<Self> {
        let what = "the sums over the rows";
        let (squares, products) = match covariance {
            Covariance::Diag => (width, 0),
            Covariance::Full => (0, full::products(width)),
        };
        Ok(Self {
            log: Row::default(),
            counts: room(components, 1, Row::default(), what)?,
            rests: room(components, width, Row::default(), what)?,
            squares: room(components, squares, Row::default(), what)?,
            products: room(components, products, Row::default(), what)?,
        })
    }

    fn clear(&mut self) {
        self.log = Row::default();
        for rows in [&mut self.counts, &mut self.rests, &mut self.squares, &mut self.products] {
            rows.fill(Row::default());
        }
    }

    fn add(&mut self, other: &Self) {
        add_row(&mut self.log, &other.log);
        let rows = self
            .counts
            .iter_mut()
            .chain(&mut self.rests)
            .chain(&mut self.squares)
            .chain(&mut self.products);
        let others = other.counts.iter().chain(&other.rests).chain(&other.squares).chain(&other.products);
        rows.zip(others).for_each(|(all, part)| add_row(all, part));
    }

    /// The sum of the log densities.
    pub(super) fn log(&self) -> f64 {
        full::total(self.log.0)
    }

    pub(super) fn components(&self) -> usize {
        self.counts.len()
    }

    /// Rows of each component: never quite 0, so that one without a row divides by something.
    pub(super) fn counts(&self) -> Result<Vec<f64>> {
        let counts = self.counts.iter().map(|count| full::total(count.0) + 10.0 * f64::EPSILON);
        counts.gathered("the components")
    }

    /// The means of the rows of each component.
    pub(super) fn means(&self, anchors: &[f64]) -> Result<Vec<f64>> {
        let shifts = self.shifts(&self.counts()?)?;
        let means = anchors.iter().zip(shifts).map(|(anchor, shift)| anchor + shift);
        means.gathered("the components")
    }

    /// The means less the anchors.
    pub(super) fn shifts(&self, counts: &[f64]) -> Result<Vec<f64>> {
        let width = self.rests.len() / counts.len();
        let rests = self.rests.chunks_exact(width).zip(counts);
        let shifts = rests.flat_map(|(rests, count)| rests.iter().map(move |rest| full::total(rest.0) / count));
        shifts.gathered("the components")
    }

    /// The sums of products, symmetric to the bit.
    pub(super) fn matrices(&self, components: usize, width: usize) -> Result<Vec<f64>> {
        let area = full::products(width);
        let mut matrices = room(components * width, width, 0.0, "covariances")?;
        for component in 0..components {
            let from = &self.products[component * area..][..area];
            let to = &mut matrices[component * width * width..][..width * width];
            for row in 0..width {
                for column in 0..=row {
                    let product = full::product(from, row, column);
                    to[row * width + column] = product;
                    to[column * width + row] = product;
                }
            }
        }
        Ok(matrices)
    }
}

fn add_row(into: &mut Row, from: &Row) {
    for lane in 0..LANES {
        into.0[lane] += from.0[lane];
    }
}

/// Where responsibilities come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A component for each row.
    Labels(&'a [u32]),
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
    pieces: Vec<(Range<usize>, Sums)>,
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
        let mut pieces = reserved(count, "the sums")?;
        for number in 0..count {
            let range = (number * step).min(all)..((number + 1) * step).min(all);
            pieces.push((range, Sums::new(covariance, components, width)?));
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

    /// Sums over all rows about the anchors; without `products` neither squares nor products are needed.
    pub(super) fn sweep(&mut self, source: Source<'_>, anchors: &[f64], products: bool) -> Result<&Sums> {
        self.watch.look()?;
        let (tiles, rows, width, covariance) = (self.tiles, self.rows, self.width, self.covariance);
        let components = self.components;
        let level = Level::new();
        let walk = |room: &mut Room, (range, sums): (Range<usize>, &mut Sums), stop: &Stop| {
            sums.clear();
            for first in range.clone().step_by(TILES) {
                if stop.requested() {
                    return;
                }
                let count = TILES.min(range.end - first);
                let tiles = &tiles[first * width..(first + count) * width];
                let known = (rows - first * LANES).min(count * LANES);
                dispatch!(level, simd => match source {
                    Source::Labels(labels) => mark(&labels[first * LANES..][..known], room),
                    Source::Model(model) => model.share(simd, tiles, count, room),
                });
                forget(room, known, count);
                dispatch!(level, simd => gather(simd, tiles, count, covariance, room, anchors, sums, products));
            }
        };
        let cost = rows as f64 * 2.0 * cost_ns(covariance, components, width);
        let scratch = || Room::new(components, width, covariance == Covariance::Full);
        let jobs = self.pieces.iter_mut().map(|(range, sums)| (range.clone(), sums));
        parallel::run(jobs, cost, scratch, walk)?;
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
}

/// Responsibility 1 for the component that is named, 0 for the others.
fn mark(labels: &[u32], room: &mut Room) {
    room.shares.iter_mut().for_each(|share| share.fill(Row::default()));
    room.totals.fill(Row::default());
    for (row, &label) in labels.iter().enumerate() {
        if let Some(share) = room.shares.get_mut(label as usize) {
            share[row / LANES].0[row % LANES] = 1.0;
        }
    }
}

/// Lanes without a row count nothing.
fn forget(room: &mut Room, known: usize, count: usize) {
    for row in known..count * LANES {
        let (tile, lane) = (row / LANES, row % LANES);
        room.shares.iter_mut().for_each(|share| share[tile].0[lane] = 0.0);
        room.totals[tile].0[lane] = 0.0;
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "a block, what weighs its rows, and where its sums go"
)]
#[inline(always)]
fn gather<S: Simd>(
    simd: S,
    tiles: &[Row],
    count: usize,
    covariance: Covariance,
    room: &mut Room,
    anchors: &[f64],
    sums: &mut Sums,
    products: bool,
) {
    let components = room.shares.len();
    let (width, area) = (anchors.len() / components, sums.products.len() / components);
    let mut log = sums.log.load(simd);
    for total in &room.totals[..count] {
        log += total.load(simd);
    }
    sums.log.store(log);
    for component in 0..components {
        let shares = &room.shares[component];
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
                room.panels.gather(simd, tiles, count, shares, anchor, rests, products);
            }
        }
    }
}
