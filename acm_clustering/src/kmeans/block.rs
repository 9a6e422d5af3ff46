//! A block of rows in one run: labels, and sums by label in lanes.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::room;
use fearless_simd::{Simd, f64x8, prelude::*};

use super::centers::Centers;
use super::points::Points;

/// Tiles whose rows are summed up together.
const TOGETHER: usize = 8;

/// Clusters above which each row's is looked up: to ask all of them for their rows would take longer.
const MANY: usize = 16;

/// Part of the largest numbers in a squared distance below which another rounding may turn a difference round.
const TIED: f64 = 64.0 * f64::EPSILON;

/// Clusters whose sums stay in registers.
const ABREAST: usize = 4;

/// A run in the coming pass.
pub(super) struct Active {
    pub(super) run: usize,
    pub(super) centers: Centers,
    /// What rows lost at most of their leads since the pass before.
    pub(super) loss: f64,
    /// Whether the sums will move the centres; else the pass is for the labels and the inertia.
    pub(super) moving: bool,
    /// Whether to measure by squares: products are faster, but do not give distances and may be too close to tell.
    pub(super) direct: bool,
}

/// Sums in lanes, of a block of rows and one run.
pub(super) struct BlockSums {
    pub(super) sums: Vec<Row>,
    pub(super) counts: Vec<Row>,
    pub(super) inertia: Row,
    /// Whether a label became another.
    pub(super) moved: bool,
    /// Tiles whose products did not tell the nearest centre.
    pub(super) close: usize,
    /// Whether a row lies so near to the middle between two centres that rounding decides.
    pub(super) tied: bool,
    /// The weights of the tiles' rows, by cluster and tile: 0 for the rows of other clusters.
    shares: Vec<[Row; TOGETHER]>,
    /// Whether any of the tiles' rows belongs to a cluster.
    seen: Vec<bool>,
    guard: f64,
}

impl BlockSums {
    /// `guard`: the part of a distance that rounding may come to.
    pub(super) fn new(points: &Points, clusters: usize, guard: f64) -> Result<Self> {
        let what = "sums of a block";
        Ok(Self {
            sums: room(clusters, points.columns, Row::splat(0.0), what)?,
            counts: room(clusters, 1, Row::splat(0.0), what)?,
            inertia: Row::splat(0.0),
            moved: false,
            close: 0,
            tied: false,
            shares: room(clusters, 1, [Row::splat(0.0); TOGETHER], what)?,
            seen: room(clusters, 1, false, what)?,
            guard,
        })
    }

    /// Labels the rows of the tiles from `first` on and adds them. With `leads`, tiles are passed over whose rows keep
    /// theirs.
    #[inline(always)]
    pub(super) fn add<S: Simd>(
        &mut self,
        simd: S,
        points: &Points,
        first: usize,
        active: &Active,
        labels: &mut [Row],
        leads: &mut [Row],
    ) {
        let bounded = !leads.is_empty();
        let mut start = 0;
        while start < labels.len() {
            let end = (start + TOGETHER).min(labels.len());
            for place in start..end {
                if bounded {
                    let lead: V<S> = leads[place].load(simd) - active.loss;
                    leads[place].store(lead);
                    if lead.simd_gt(0.0).all_true() {
                        continue;
                    }
                }
                let (label, lead) = self.measure(simd, points, first + place, active, bounded);
                if bounded {
                    leads[place].store(lead);
                }
                let before: V<S> = labels[place].load(simd);
                // Lanes without a row lie at 0, and have no weight.
                let valid = points.valid(first + place);
                let mut moved = before.simd_ne(label).to_bitmask();
                moved &= (1 << valid) - 1;
                self.moved |= moved != 0;
                labels[place].store(label);
            }
            self.sum(simd, points, first + start..first + end, &labels[start..end], active.moving);
            start = end;
        }
    }

    /// The label of each row of a tile, and its lead where that is asked for.
    #[inline(always)]
    fn measure<S: Simd>(
        &mut self,
        simd: S,
        points: &Points,
        number: usize,
        active: &Active,
        bounded: bool,
    ) -> (V<S>, V<S>) {
        let tile = points.tile(number);
        let centers = &active.centers;
        let length: V<S> = points.length(number).load(simd);
        if !active.direct {
            let found = centers.largest_two(simd, tile);
            // How far the row is from any centre at most, and what rounding may do to products, and to squares.
            let reach = length + centers.reach;
            let doubt = reach * reach * (0.5 * self.guard);
            let margin = found.product - found.second;
            if margin.simd_gt(doubt).all_true() {
                return (found.label, margin / reach - reach * (2.0 * self.guard));
            }
            self.close += 1;
        }
        let found = centers.nearest_two(simd, tile);
        // Whoever takes squares by products of rows and centres rounds numbers of this size.
        let size = length + length + found.second.sqrt();
        let tied = (found.second - found.square).simd_le(size * size * TIED).to_bitmask();
        self.tied |= tied & ((1 << points.valid(number)) - 1) != 0;
        let inertia: V<S> = self.inertia.load(simd);
        self.inertia.store(inertia + found.square * points.weight(number).load(simd));
        if bounded {
            let (near, far): (V<S>, V<S>) = (found.square.sqrt(), found.second.sqrt());
            (found.label, (far - near) - far * self.guard)
        } else {
            (found.label, found.label)
        }
    }

    /// Adds the rows of some tiles to the sums of their clusters, their columns only if `whole`. All ways of doing so
    /// give the same bytes: a row of another cluster adds 0.
    #[inline(always)]
    fn sum<S: Simd>(&mut self, simd: S, points: &Points, tiles: Range<usize>, labels: &[Row], whole: bool) {
        let clusters = self.counts.len();
        if clusters > MANY {
            for (place, labels) in labels.iter().enumerate() {
                for lane in 0..LANES {
                    if is_first(&labels.0, lane) {
                        self.sum_one(simd, points, tiles.start + place, labels, index(labels.0[lane]) as usize, whole);
                    }
                }
            }
            return;
        }
        let mut there = 0;
        for cluster in 0..clusters {
            let mut count: V<S> = self.counts[cluster].load(simd);
            let mut seen = 0_u32;
            for place in 0..labels.len() {
                let label: V<S> = labels[place].load(simd);
                let weight: V<S> = points.weight(tiles.start + place).load(simd);
                let mine = label.simd_eq(cluster as f64);
                let share = mine.select(weight, f64x8::splat(simd, 0.0));
                self.shares[cluster][place].store(share);
                count += share;
                seen += u32::from(mine.any_true());
            }
            self.counts[cluster].store(count);
            self.seen[cluster] = seen > 0;
            there += seen as usize;
        }
        if !whole {
            return;
        }
        let columns = points.columns;
        if labels.len() < TOGETHER || clusters * TOGETHER >= 2 * there {
            for cluster in 0..clusters {
                if self.seen[cluster] {
                    for place in 0..labels.len() {
                        let tile = points.tile(tiles.start + place);
                        let share: V<S> = self.shares[cluster][place].load(simd);
                        if share.simd_gt(0.0).any_true() {
                            add_one(simd, tile, share, &mut self.sums[cluster * columns..][..columns]);
                        }
                    }
                }
            }
            return;
        }
        let tiles = points.tiles(tiles);
        let mut shares = self.shares.as_slice();
        let mut sums = self.sums.as_mut_slice();
        while shares.len() >= ABREAST {
            add_together::<S, ABREAST>(simd, tiles, columns, shares, sums);
            shares = &shares[ABREAST..];
            sums = &mut sums[ABREAST * columns..];
        }
        match shares.len() {
            1 => add_together::<S, 1>(simd, tiles, columns, shares, sums),
            2 => add_together::<S, 2>(simd, tiles, columns, shares, sums),
            3 => add_together::<S, 3>(simd, tiles, columns, shares, sums),
            _ => {}
        }
    }

    /// Adds those rows of a tile that belong to a cluster.
    #[inline(always)]
    fn sum_one<S: Simd>(&mut self, simd: S, points: &Points, number: usize, labels: &Row, cluster: usize, whole: bool) {
        let (tile, label): (&[Row], V<S>) = (points.tile(number), labels.load(simd));
        let weight: V<S> = points.weight(number).load(simd);
        let share = label.simd_eq(cluster as f64).select(weight, f64x8::splat(simd, 0.0));
        let count = &mut self.counts[cluster];
        count.store(count.load(simd) + share);
        if whole {
            add_one(simd, tile, share, &mut self.sums[cluster * tile.len()..][..tile.len()]);
        }
    }
}

/// Adds the rows of a tile, each with its share.
#[inline(always)]
fn add_one<S: Simd>(simd: S, tile: &[Row], share: V<S>, sums: &mut [Row]) {
    let sums = &mut sums[..tile.len()];
    for column in 0..tile.len() {
        let x: V<S> = tile[column].load(simd);
        sums[column].store(x.mul_add_precise(share, sums[column].load(simd)));
    }
}

/// Adds the rows of `TOGETHER` tiles to the sums of the first `N` clusters.
#[inline(always)]
fn add_together<S: Simd, const N: usize>(
    simd: S,
    tiles: &[Row],
    columns: usize,
    shares: &[[Row; TOGETHER]],
    sums: &mut [Row],
) {
    let (shares, sums) = (&shares[..N], &mut sums[..N * columns]);
    let tiles = &tiles[..TOGETHER * columns];
    for column in 0..columns {
        let mut all: [V<S>; N] = [f64x8::splat(simd, 0.0); N];
        for cluster in 0..N {
            all[cluster] = sums[cluster * columns + column].load(simd);
        }
        for place in 0..TOGETHER {
            let x: V<S> = tiles[place * columns + column].load(simd);
            for cluster in 0..N {
                let share: V<S> = shares[cluster][place].load(simd);
                all[cluster] = x.mul_add_precise(share, all[cluster]);
            }
        }
        for cluster in 0..N {
            sums[cluster * columns + column].store(all[cluster]);
        }
    }
}

/// Whether no lane before has the same label.
#[inline(always)]
fn is_first(labels: &[f64; LANES], lane: usize) -> bool {
    let mut seen = false;
    for before in 0..lane {
        seen |= labels[before] == labels[lane];
    }
    !seen
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

#[cfg(test)]
mod tests {
    use acm_linalg::Scaling;
    use acm_linalg::seed::stream;
    use fearless_simd::{Level, dispatch};
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;

    /// Labels and leads of the first eight rows.
    fn measured(x: &Array2<f64>, centers: &Array2<f64>, direct: bool) -> ([f64; LANES], [f64; LANES]) {
        let columns = x.ncols();
        let scaling = Scaling {
            fill: vec![0.0; columns],
            center: vec![0.0; columns],
            scale: vec![1.0; columns],
            known: vec![8; columns],
        };
        let points = Points::new(x.view().into(), &scaling, None).unwrap();
        let mut sums = BlockSums::new(&points, centers.nrows(), 8.0 * f64::EPSILON * (columns as f64 + 64.0)).unwrap();
        let active = Active {
            run: 0,
            centers: Centers::new(centers.as_slice().unwrap(), columns).unwrap(),
            loss: 0.0,
            moving: true,
            direct,
        };
        let (mut label, mut lead) = (Row::default(), Row::default());
        dispatch!(Level::new(), simd => {
            let found = sums.measure(simd, &points, 0, &active, true);
            label.store(found.0);
            lead.store(found.1);
        });
        (label.0, lead.0)
    }

    /// No row is passed over for longer than it stays nearest to its centre.
    #[test]
    fn a_lead_is_never_more_than_the_other_centres_are_farther() {
        let mut draw = stream(4, 0);
        for case in 0..200_usize {
            let (columns, count) = (1 + case % 4, 2 + case % 7);
            let x = Array2::from_shape_fn((LANES, columns), |_| draw.random_range(-2.0..2.0));
            let centers = Array2::from_shape_fn((count, columns), |_| draw.random_range(-2.0..2.0));
            for direct in [false, true] {
                let (labels, leads) = measured(&x, &centers, direct);
                for (lane, row) in x.rows().into_iter().enumerate() {
                    let far = |center: ndarray::ArrayView1<'_, f64>| {
                        row.iter().zip(center).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
                    };
                    let mut order: Vec<(f64, usize)> = centers.rows().into_iter().map(far).zip(0..).collect();
                    order.sort_by(|one, other| one.0.total_cmp(&other.0));
                    assert_eq!(index(labels[lane]) as usize, order[0].1);
                    let farther = order[1].0 - order[0].0;
                    // By products the row may be as far from both as it can be; by squares little is lost.
                    assert!(leads[lane] <= farther, "{case}: {} {farther}", leads[lane]);
                    assert!(!direct || leads[lane] > farther - 1e-12);
                }
            }
        }
        // Far from both on one line, a lead is all of what the other is farther, but for rounding.
        let x = Array2::from_elem((LANES, 1), -1.0);
        let apart = 2.0_f64.powi(-27);
        let (labels, leads) = measured(&x, &ndarray::array![[1.0], [1.0 - apart]], false);
        assert_eq!(labels, [1.0; LANES]);
        assert!(leads.iter().all(|&lead| lead <= apart && lead > 0.99 * apart), "{leads:?}");
    }
}
