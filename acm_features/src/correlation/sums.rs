//! The sums behind all pairs: tiles of columns by streams of rows, each with sums of its own, merged in a fixed order.
//!
//! How the work is cut depends on the shape alone, never on the threads.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::parallel::{self, Stop};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::moments::PairSums;
use super::pack::{EDGE, Packed, Panel, Share, Side};
use super::products::{BLOCK, Square, count, mask, multiply};

/// Most groups along an edge of a tile where masks stand beside the values.
const EDGE_WITH_GAPS: usize = EDGE / 2;

/// Jobs that suffice to keep the threads even.
const JOBS: usize = 64;

/// Memory that the tiles' sums may take for that, in bytes; a stream of each tile there is in any case.
const SUMS: usize = 1 << 24;

const ZERO: Square = [Row::splat(0.0); LANES];

/// The sums of eight by eight pairs, where columns have gaps. Rows of the squares are left columns, but for the sums of
/// the left columns, whose rows are right columns.
#[derive(Debug, Clone, Copy)]
struct Shared {
    count: Square,
    left: Square,
    left_squares: Square,
    right: Square,
    right_squares: Square,
}

/// PairSums of eight columns on their own, where nothing is missing.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    sum: Row,
    squares: Row,
}

/// The sums of a tile over some rows.
#[derive(Debug)]
struct Tile {
    /// Groups of the left and the right columns.
    left: Range<usize>,
    right: Range<usize>,
    /// By pair of groups, row = left column, lane = right column.
    products: Vec<Square>,
    shared: Vec<Shared>,
    left_own: Vec<Own>,
    right_own: Vec<Own>,
}

/// The sums of all pairs.
#[derive(Debug)]
pub(super) struct AllSums {
    rows: f64,
    gaps: bool,
    symmetric: bool,
    /// Groups along an edge of a tile, tiles along an edge of the matrix.
    edge: usize,
    along: usize,
    tiles: Vec<Tile>,
}

impl Tile {
    fn new(left: Range<usize>, right: Range<usize>, symmetric: bool, gaps: bool) -> Result<Self> {
        let what = "the sums of a tile of columns";
        let pairs = if symmetric && left == right {
            left.len() * (left.len() + 1) / 2
        } else {
            left.len() * right.len()
        };
        let empty = Shared {
            count: ZERO,
            left: ZERO,
            left_squares: ZERO,
            right: ZERO,
            right_squares: ZERO,
        };
        let own = |groups: usize| reserve(if gaps { 0 } else { groups }, Own::default(), what);
        Ok(Self {
            products: reserve(pairs, ZERO, what)?,
            shared: reserve(if gaps { pairs } else { 0 }, empty, what)?,
            left_own: own(left.len())?,
            right_own: own(right.len())?,
            left,
            right,
        })
    }

    /// Whether only the pairs on and above the diagonal are there.
    fn half(&self, symmetric: bool) -> bool {
        symmetric && self.left == self.right
    }

    /// Adds a block of rows.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, symmetric: bool, left: &Packed, right: &Packed) {
        let half = self.half(symmetric);
        // A column's sums over the rows of columns that have the whole block are those over its own.
        let mut left_sums = [Own::default(); EDGE_WITH_GAPS];
        let mut right_sums = left_sums;
        for (own, other, sums) in [(left, right, &mut left_sums), (right, left, &mut right_sums)] {
            if other.shares.contains(&Share::All) {
                for (sums, panel) in sums.iter_mut().zip(&own.values) {
                    sums.add(simd, panel);
                }
            }
        }
        let mut place = 0;
        for g in 0..self.left.len() {
            let first = if half { g } else { 0 };
            for h in first..self.right.len() {
                let products = &mut self.products[place];
                let shared = self.shared.get_mut(place);
                place += 1;
                let Some(shared) = shared else {
                    multiply(simd, &right.values[h], &left.values[g], products);
                    continue;
                };
                if left.shares[g] == Share::None || right.shares[h] == Share::None {
                    continue;
                }
                multiply(simd, &right.values[h], &left.values[g], products);
                let sums = (&mut shared.right, &mut shared.right_squares);
                masked(simd, (&right.values[h], &right_sums[h]), (&left.masks[g], left.shares[g]), sums);
                if half && g == h {
                    (shared.left, shared.left_squares) = (shared.right, shared.right_squares);
                } else {
                    let sums = (&mut shared.left, &mut shared.left_squares);
                    masked(simd, (&left.values[g], &left_sums[g]), (&right.masks[h], right.shares[h]), sums);
                }
                count(&left.bits[g], &right.bits[h], &mut shared.count);
            }
        }
        for (own, panel) in self.left_own.iter_mut().zip(&left.values) {
            own.add(simd, panel);
        }
        if half {
            self.right_own.copy_from_slice(&self.left_own);
        } else {
            for (own, panel) in self.right_own.iter_mut().zip(&right.values) {
                own.add(simd, panel);
            }
        }
    }

    /// Adds the sums of the same columns over other rows.
    fn merge(&mut self, other: &Self) {
        let add = |into: &mut Square, from: &Square| {
            for (into, from) in into.iter_mut().zip(from) {
                add_row(into, from);
            }
        };
        for (into, from) in self.products.iter_mut().zip(&other.products) {
            add(into, from);
        }
        for (into, from) in self.shared.iter_mut().zip(&other.shared) {
            add(&mut into.count, &from.count);
            add(&mut into.left, &from.left);
            add(&mut into.left_squares, &from.left_squares);
            add(&mut into.right, &from.right);
            add(&mut into.right_squares, &from.right_squares);
        }
        let own = self.left_own.iter_mut().chain(&mut self.right_own);
        for (into, from) in own.zip(other.left_own.iter().chain(&other.right_own)) {
            add_row(&mut into.sum, &from.sum);
            add_row(&mut into.squares, &from.squares);
        }
    }
}

/// Adds the sums of eight columns over the rows that eight others have.
#[inline(always)]
fn masked<S: Simd>(
    simd: S,
    (values, own): (&Panel, &Own),
    (others, share): (&Panel, Share),
    (sums, squares): (&mut Square, &mut Square),
) {
    if share == Share::All {
        let (sum, square): (V<S>, V<S>) = (own.sum.load(simd), own.squares.load(simd));
        for (sums, squares) in sums.iter_mut().zip(squares) {
            sums.store(sums.load(simd) + sum);
            squares.store(squares.load(simd) + square);
        }
    } else {
        mask(simd, values, others, sums, squares);
    }
}

fn add_row(into: &mut Row, from: &Row) {
    for lane in 0..LANES {
        into.0[lane] += from.0[lane];
    }
}

impl Own {
    /// In the order in which the products add up, so that a column's squares are its product with itself to the last bit.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, panel: &Panel) {
        let mut sum: V<S> = f64x8::splat(simd, 0.0);
        let mut squares = sum;
        for row in panel {
            let z = row.load(simd);
            sum += z;
            squares += z * z;
        }
        self.sum.store(self.sum.load(simd) + sum);
        self.squares.store(self.squares.load(simd) + squares);
    }
}

impl AllSums {
    /// PairSums up all pairs of a left column with a right one; `right` none: the pairs on and above the diagonal of `left`
    /// with itself. Both sides have the same shape.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub(super) fn new<'a, T: Element>(left: &'a Side<'a, T>, right: Option<&'a Side<'a, T>>) -> Result<Self> {
        let symmetric = right.is_none();
        let right = right.unwrap_or(left);
        let (rows, columns) = left.x.dim();
        let gaps = left.columns.iter().chain(right.columns).any(|column| column.gaps);
        let groups = columns.div_ceil(LANES);
        let along = groups.div_ceil(if gaps { EDGE_WITH_GAPS } else { EDGE }).max(1);
        let edge = groups.div_ceil(along).max(1);
        let along = groups.div_ceil(edge);
        let blocks = rows.div_ceil(BLOCK);
        let count = if symmetric { along * (along + 1) / 2 } else { along * along };
        let tile_bytes = edge * edge * size_of::<Square>() * if gaps { 6 } else { 1 };
        let streams = JOBS.min(SUMS / tile_bytes) / count.max(1);
        let streams = streams.clamp(1, blocks.div_ceil(2).max(1));

        let span = |tile: usize| tile * edge..(tile * edge + edge).min(groups);
        let mut tiles = reserved(count.saturating_mul(streams), "the sums of the columns")?;
        for i in 0..along {
            let first = if symmetric { i } else { 0 };
            for j in first..along {
                for _ in 0..streams {
                    tiles.push(Tile::new(span(i), span(j), symmetric, gaps)?);
                }
            }
        }

        // Tiles of the same rows one after the other: the later ones find them in a cache.
        let jobs = tiles
            .iter_mut()
            .enumerate()
            .map(|(number, tile)| (number % streams, number / streams, tile));
        let mut jobs = jobs.gathered("the jobs")?;
        // A stable sort would ask for memory.
        jobs.sort_unstable_by_key(|&(stream, place, _)| (stream, place));
        let level = Level::new();
        let products = columns as f64 * columns as f64 * if symmetric { 0.5 } else { 1.0 };
        let cost = rows as f64 * (products * if gaps { 0.25 } else { 0.04 } + columns as f64);
        let other = if symmetric && along == 1 { 0 } else { edge };
        let room = || Ok((Packed::new(edge, gaps)?, Packed::new(other, gaps)?));
        parallel::run(jobs, cost, room, |room, (stream, _, tile), stop| {
            let (left_room, right_room) = room;
            for block in stream * blocks / streams..(stream + 1) * blocks / streams {
                if stop.requested() {
                    return;
                }
                let rows = block * BLOCK..(block * BLOCK + BLOCK).min(rows);
                work(level, tile, symmetric, (left, left_room), (right, right_room), rows, stop);
            }
        })?;

        let mut merged: Vec<Tile> = reserved(count, "the sums of the columns")?;
        for (number, tile) in tiles.into_iter().enumerate() {
            match merged.last_mut() {
                Some(first) if number % streams > 0 => first.merge(&tile),
                _ => merged.push(tile),
            }
        }
        Ok(Self {
            rows: rows as f64,
            gaps,
            symmetric,
            edge,
            along,
            tiles: merged,
        })
    }

    /// The sums of column `i` of the left side with column `j` of the right one; `i <= j` where they are one.
    pub(super) fn of(&self, i: usize, j: usize) -> PairSums {
        let (g, h, a, b) = (i / LANES, j / LANES, i % LANES, j % LANES);
        let (across, down) = (g / self.edge, h / self.edge);
        let number = if self.symmetric {
            // Tiles above the diagonal, row by row.
            across * self.along - across * (across + 1) / 2 + down
        } else {
            across * self.along + down
        };
        let tile = &self.tiles[number];
        let (g, h) = (g % self.edge, h % self.edge);
        let width = tile.right.len();
        let place = if tile.half(self.symmetric) {
            g * width - g * (g + 1) / 2 + h
        } else {
            g * width + h
        };
        let product = tile.products[place][a].0[b];
        if self.gaps {
            let shared = &tile.shared[place];
            PairSums {
                count: shared.count[a].0[b],
                product,
                left: shared.left[b].0[a],
                left_squares: shared.left_squares[b].0[a],
                right: shared.right[a].0[b],
                right_squares: shared.right_squares[a].0[b],
            }
        } else {
            let (left, right) = (&tile.left_own[g], &tile.right_own[h]);
            PairSums {
                count: self.rows,
                product,
                left: left.sum.0[a],
                left_squares: left.squares.0[a],
                right: right.sum.0[b],
                right_squares: right.squares.0[b],
            }
        }
    }
}

/// Packs a block and adds it to a tile; apart, so that the instructions of this processor reach all of it.
fn work<T: Element>(
    level: Level,
    tile: &mut Tile,
    symmetric: bool,
    (left, left_room): (&Side<'_, T>, &mut Packed),
    (right, right_room): (&Side<'_, T>, &mut Packed),
    rows: Range<usize>,
    stop: &Stop,
) {
    if tile.half(symmetric) {
        dispatch!(level, simd => {
            left_room.fill(simd, left, tile.left.clone(), rows);
            tile.add(simd, symmetric, left_room, left_room);
        });
    } else {
        dispatch!(level, simd => {
            left_room.fill(simd, left, tile.left.clone(), rows.clone());
            right_room.fill(simd, right, tile.right.clone(), rows);
        });
        if !stop.requested() {
            dispatch!(level, simd => tile.add(simd, symmetric, left_room, right_room));
        }
    }
}
