//! Where a run starts: greedy k-means++.
//!
//! Centres are drawn one after the other, a row with a chance proportional to its weight times its squared distance to
//! the nearest centre so far; of 2 + ln k draws the one that lowers the weighted sum of those squares most is taken.
//! Source: Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA, section 2 and the
//! remark on several trials in section 7.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::parallel;
use acm_linalg::samples::room;
use acm_linalg::seed::Stream;
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use rand::RngExt;

use super::centers::Centers;
use super::points::{Points, fold};

/// Squared distances to the nearest centre so far, and to it or a candidate: a slot for each, in turn for each tile.
struct Piece<'a> {
    tiles: Range<usize>,
    slots: &'a mut [Row],
    /// The weighted sum of each slot.
    sums: Vec<f64>,
}

/// `clusters` rows of `points`, one after the other. Where there are fewer different rows, some come more than once.
/// The first are `given`, one after the other.
pub(super) fn greedy(points: &Points, clusters: usize, given: &[f64], random: &mut Stream) -> Result<Vec<f64>> {
    let columns = points.columns;
    let trials = trials(clusters);
    let width = trials + 1;
    let mut slots = room(points.count(), width, Row::splat(f64::INFINITY), "distances to the centres")?;
    let mut rest = slots.as_mut_slice();
    let mut pieces = Vec::new();
    for tiles in points.pieces(clusters) {
        let (slots, more) = rest.split_at_mut(tiles.len() * width);
        rest = more;
        pieces.push(Piece {
            tiles,
            slots,
            sums: room(width, 1, 0.0, "distances to the centres")?,
        });
    }

    let mut centers = room(clusters, columns, 0.0, "the centres")?;
    let mut candidates = room(trials, columns, 0.0, "candidates for a centre")?;
    let mut current = 0;
    let mut watch = parallel::Watch::start();
    for number in 0..clusters {
        watch.look()?;
        let taken = given.get(number * columns..(number + 1) * columns);
        // All rows are equally far from no centre at all.
        let drawn = if number == 0 || taken.is_some() { 1 } else { trials };
        for candidate in candidates.chunks_exact_mut(columns).take(drawn) {
            if let Some(taken) = taken {
                candidate.copy_from_slice(taken);
            } else {
                let row = draw(points, &pieces, (number > 0).then_some(current), random);
                candidate.iter_mut().zip(points.row(row)).for_each(|(to, from)| *to = from);
            }
        }
        measure(points, &mut pieces, &Centers::new(&candidates[..drawn * columns], columns)?, current)?;
        let total = |trial: usize| -> f64 { pieces.iter().map(|piece| piece.sums[slot(current, trial, width)]).sum() };
        let mut best = (0, total(0));
        for trial in 1..drawn {
            let total = total(trial);
            if total < best.1 {
                best = (trial, total);
            }
        }
        centers[number * columns..][..columns].copy_from_slice(&candidates[best.0 * columns..][..columns]);
        current = slot(current, best.0, width);
    }
    Ok(centers)
}

/// Draws for each centre.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
fn trials(clusters: usize) -> usize {
    2 + (clusters as f64).ln() as usize
}

/// The slot of a trial: those after the current one, in a circle.
fn slot(current: usize, trial: usize, width: usize) -> usize {
    (current + 1 + trial) % width
}

/// A row, with a chance proportional to its weight times what is in the slot, or to its weight alone.
fn draw(points: &Points, pieces: &[Piece<'_>], current: Option<usize>, random: &mut Stream) -> usize {
    let part: f64 = random.random();
    let far = |piece: &Piece<'_>, tile: usize, lane: usize, slot: usize| {
        let width = piece.sums.len();
        points.weight(tile).0[lane] * piece.slots[(tile - piece.tiles.start) * width + slot].0[lane]
    };
    if let Some(slot) = current {
        let total: f64 = pieces.iter().map(|piece| piece.sums[slot]).sum();
        // Otherwise every row is a centre already.
        if total > 0.0 {
            let mut left = part * total;
            let mut last = 0;
            for piece in pieces {
                if left >= piece.sums[slot] {
                    left -= piece.sums[slot];
                    continue;
                }
                for tile in piece.tiles.clone() {
                    for lane in 0..points.valid(tile) {
                        let share = far(piece, tile, lane, slot);
                        if share > 0.0 {
                            last = tile * LANES + lane;
                            if left < share {
                                return last;
                            }
                            left -= share;
                        }
                    }
                }
                return last;
            }
        }
    }
    by_weight(points, part)
}

fn by_weight(points: &Points, part: f64) -> usize {
    let total: f64 = (0..points.count()).map(|tile| fold(points.weight(tile))).sum();
    let mut left = part * total;
    let mut last = 0;
    for tile in 0..points.count() {
        let weights = points.weight(tile);
        let whole = fold(weights);
        if left >= whole {
            left -= whole;
            continue;
        }
        for lane in 0..points.valid(tile) {
            if weights.0[lane] > 0.0 {
                last = tile * LANES + lane;
                if left < weights.0[lane] {
                    return last;
                }
                left -= weights.0[lane];
            }
        }
        return last;
    }
    last
}

/// Fills the slots of the candidates from the current one.
fn measure(points: &Points, pieces: &mut [Piece<'_>], candidates: &Centers, current: usize) -> Result<()> {
    let block = points.block(candidates.count);
    let cost = 0.15 * (points.rows * points.columns * candidates.count) as f64;
    parallel::run(
        pieces,
        cost,
        || Ok(()),
        |(), piece, stop| {
            piece.sums.fill(0.0);
            let mut start = piece.tiles.start;
            while start < piece.tiles.end {
                if stop.requested() {
                    return;
                }
                let tiles = start..(start + block).min(piece.tiles.end);
                start = tiles.end;
                dispatch!(Level::new(), simd => piece.measure(simd, points, tiles, candidates, current));
            }
        },
    )
}

impl Piece<'_> {
    #[inline(always)]
    fn measure<S: Simd>(
        &mut self,
        simd: S,
        points: &Points,
        tiles: Range<usize>,
        candidates: &Centers,
        current: usize,
    ) {
        let width = self.sums.len();
        let mut found = [Row::splat(0.0); 4];
        for tile in tiles {
            let slots = &mut self.slots[(tile - self.tiles.start) * width..][..width];
            let nearest: V<S> = slots[current].load(simd);
            let weight: V<S> = points.weight(tile).load(simd);
            for group in 0..candidates.groups() {
                let count = candidates.squares(simd, points.tile(tile), group, &mut found);
                for place in 0..count {
                    let trial = slot(current, 4 * group + place, width);
                    let square: V<S> = nearest.min(found[place].load(simd));
                    slots[trial].store(square);
                    found[place].store(square * weight);
                    self.sums[trial] += fold(&found[place]);
                }
            }
        }
    }
}
