//! Silhouettes: how much closer a row is to its own cluster than to the next one.
//!
//! Rows are sorted by cluster and cut into blocks. Every pair of blocks is met once, for both sides of each distance, in the
//! rounds of a tournament: within a round no two pairs share a block, so that the pairs run side by side, and a row's sums
//! grow round by round in an order that no number of threads changes.

use acm_linalg::distances::{Points, Square, squares};
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::seed::stream;
use acm_linalg::{Error, Result, Samples, error::require};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use rand::RngExt;

use crate::partition::{Partition, sorted_points};

/// Rows of a block.
const BLOCK: usize = 128;
const GROUPS: usize = BLOCK / LANES;

/// Sums of rows by cluster that may be held at once; with more, every distance is computed twice and none is.
const HELD: usize = 1 << 22;

/// Estimated time for a value's difference, in nanoseconds, and for a pair.
const COST_NS: f64 = 0.1;
const PAIR_NS: f64 = 1.0;

#[cfg(test)]
mod tests;

const NOTHING: Square = [Row::splat(0.0); LANES];

/// Silhouette of every row, in [-1, 1].
///
/// s = (b - a) / max(a, b), a the mean Euclidean distance to the other rows of the row's cluster, b the least mean distance
/// to the rows of another one; 0 for the only row of a cluster, and where a = b = 0.
///
/// Shapes: x (n, d), labels (n,) -> (n,). Labels are any numbers; none stands for noise.
/// Missing: an error; fill before.
/// Cost: n² d / 2 while n k is at most 2²², else n² d. Memory: a copy of `x` and n k sums, at most 32 MiB. Threads: blocks;
/// any number gives the same bytes.
/// Oracle: scikit-learn `silhouette_samples`, rtol 1e-12.
/// Source: Rousseeuw 1987, doi 10.1016/0377-0427(87)90125-7.
///
/// # Examples
///
/// ```
/// use acm_clustering::silhouette_samples;
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[0.0], [1.0], [10.0], [11.0]];
/// let found = silhouette_samples(x.view().into(), &[0, 0, 1, 1])?;
/// assert!((found[0] - 9.5 / 10.5).abs() < 1e-15 && (found[1] - 8.5 / 9.5).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`] without columns; [`Error::Length`], [`Error::Parameter`] naming `labels` unless they are of 2 to n - 1
/// kinds; [`Error::Unfit`] naming `x` where a value is missing; [`Error::Memory`]; [`Error::Interrupted`].
pub fn silhouette_samples(x: Samples<'_>, labels: &[i64]) -> Result<Vec<f64>> {
    x.require(0)?;
    let partition = Partition::new(labels, x.rows())?;
    silhouettes(x, &partition, HELD)
}

/// Mean silhouette of all rows, or of `sample.0` rows drawn without replacement by the stream of the seed `sample.1`, as if
/// there were no others.
///
/// # Errors
/// As [`silhouette_samples`]; [`Error::Parameter`] naming `sample_size` for a sample of no row, and where the rows drawn are of
/// one kind or of as many kinds as rows.
pub fn silhouette_score(x: Samples<'_>, labels: &[i64], sample: Option<(usize, u64)>) -> Result<f64> {
    x.require(0)?;
    let rows = x.rows();
    if labels.len() != rows {
        return Err(Error::Length {
            name: "labels",
            expected: rows,
            got: labels.len(),
        });
    }
    let partition = match sample {
        None => Partition::new(labels, rows)?,
        Some((size, seed)) => {
            require(size > 0, "sample_size", "at least 1", size)?;
            let chosen = draw(rows, size.min(rows), seed)?;
            let mut labels_of = room(chosen.len(), 1, 0, "the labels")?;
            labels_of.iter_mut().zip(&chosen).for_each(|(label, &row)| *label = labels[row]);
            let drawn = Partition::new(&labels_of, chosen.len());
            if let Err(Error::Parameter { .. }) = drawn {
                // Where all labels would do, it is the sample that is too small.
                Partition::new(labels, rows)?;
                return Err(Error::Parameter {
                    name: "sample_size",
                    requirement: "large enough to draw rows of at least 2 kinds of `labels`, and several of one kind",
                    value: size.into(),
                });
            }
            let mut partition = drawn?;
            partition.order.iter_mut().for_each(|row| *row = chosen[*row]);
            partition
        }
    };
    let count = partition.order.len();
    let values = silhouettes(x, &partition, HELD)?;
    let sum: f64 = partition.order.iter().map(|&row| values[row]).sum();
    Ok(sum / count as f64)
}

/// `size` different row numbers below `rows`, rising.
fn draw(rows: usize, size: usize, seed: u64) -> Result<Vec<usize>> {
    let mut all = room(rows, 1, 0, "the row numbers")?;
    all.iter_mut().enumerate().for_each(|(row, to)| *to = row);
    let mut random = stream(seed, 0);
    for place in 0..size {
        let other = random.random_range(place..rows);
        all.swap(place, other);
    }
    all.truncate(size);
    all.sort_unstable();
    Ok(all)
}

/// Silhouettes by row number; of rows that are not in the partition 0.
fn silhouettes(x: Samples<'_>, partition: &Partition, held: usize) -> Result<Vec<f64>> {
    let points = sorted_points(x, partition)?;
    let rows = points.count();
    let mut found = room(rows, 1, 0.0, "the silhouettes")?;
    if rows.saturating_mul(partition.count()) <= held {
        let sums = tournament(&points, partition)?;
        for ((sums, &own), found) in sums.chunks_exact(partition.count()).zip(&partition.clusters).zip(&mut found) {
            let mut all = Means::new(own, &partition.sizes);
            sums.iter().enumerate().for_each(|(cluster, &sum)| all.add(cluster, sum));
            *found = all.silhouette();
        }
    } else {
        one_by_one(&points, partition, &mut found)?;
    }
    let mut all = room(x.rows(), 1, 0.0, "the silhouettes")?;
    partition.order.iter().zip(found).for_each(|(&row, found)| all[row] = found);
    Ok(all)
}

/// What a row's mean distances come to.
struct Means<'a> {
    own: usize,
    sizes: &'a [usize],
    within: f64,
    between: f64,
}

impl<'a> Means<'a> {
    fn new(own: usize, sizes: &'a [usize]) -> Self {
        Self {
            own,
            sizes,
            within: 0.0,
            between: f64::INFINITY,
        }
    }

    fn add(&mut self, cluster: usize, sum: f64) {
        if cluster == self.own {
            self.within = sum / (self.sizes[cluster] as f64 - 1.0);
        } else {
            self.between = self.between.min(sum / self.sizes[cluster] as f64);
        }
    }

    fn silhouette(&self) -> f64 {
        let greater = self.within.max(self.between);
        if self.sizes[self.own] > 1 && greater > 0.0 {
            (self.between - self.within) / greater
        } else {
            0.0
        }
    }
}

fn cost(points: &Points) -> f64 {
    (points.count() as f64).powi(2) * (PAIR_NS + COST_NS * points.width() as f64)
}

/// Sums of distances of every point to the points of every cluster.
fn tournament(points: &Points, partition: &Partition) -> Result<Vec<f64>> {
    let (rows, clusters) = (points.count(), partition.count());
    let mut sums = room(rows, clusters, 0.0, "the sums of distances")?;
    let blocks = rows.div_ceil(BLOCK);
    // With an odd number of blocks one has nobody to meet.
    let seats = blocks.next_multiple_of(2);
    let meeting = |round: usize, table: usize| {
        if table == 0 {
            return (round, seats - 1);
        }
        let turn = seats - 1;
        let (i, j) = ((round + table) % turn, (round + turn - table) % turn);
        (i.min(j), i.max(j))
    };
    let level = Level::new();
    let cost = cost(points) / 2.0;
    for round in 0..seats {
        let mut places = sums.chunks_mut(BLOCK * clusters).map(Some).gathered("the jobs")?;
        let mut jobs = reserved(seats, "the jobs")?;
        if round == 0 {
            jobs.extend(places.into_iter().enumerate().map(|(block, sums)| (block, block, sums, None)));
        } else {
            for table in 0..seats / 2 {
                let (i, j) = meeting(round - 1, table);
                if j < blocks {
                    jobs.push((i, j, places[i].take(), places[j].take()));
                }
            }
        }
        if jobs.is_empty() {
            continue;
        }
        let scratch = || room(BLOCK, 1, Row::splat(0.0), "sums of a block");
        parallel::run(jobs, cost, scratch, |held, (i, j, left, right), stop| {
            if let Some(left) = left {
                let meeting = Meeting {
                    points,
                    clusters: &partition.clusters,
                    count: clusters,
                    blocks: (i, j),
                };
                dispatch!(level, simd => meeting.hold(simd, held, left, right, stop));
            }
        })?;
    }
    Ok(sums)
}

/// Two blocks of points and where their clusters stand.
struct Meeting<'a> {
    points: &'a Points,
    clusters: &'a [usize],
    count: usize,
    blocks: (usize, usize),
}

impl Meeting<'_> {
    /// Clusters of the points of a group that are there.
    #[inline(always)]
    fn clusters(&self, group: usize) -> &[usize] {
        let first = group * LANES;
        &self.clusters[first..(first + LANES).min(self.clusters.len())]
    }

    fn groups(&self, block: usize) -> std::ops::Range<usize> {
        block * GROUPS..((block + 1) * GROUPS).min(self.points.groups())
    }

    /// Adds the distances of the left points from the right ones to the sums `left` of the left points by the right points'
    /// clusters, and with `right` the other way round, too.
    #[inline(always)]
    fn hold<S: Simd>(&self, simd: S, held: &mut [Row], left: &mut [f64], mut right: Option<&mut [f64]>, stop: &Stop) {
        let (rows, lanes) = (self.groups(self.blocks.0), self.groups(self.blocks.1));
        let first = self.blocks.0 * BLOCK;
        let mut square = NOTHING;
        let mut last: Option<usize> = None;
        for group in lanes.clone() {
            if stop.requested() {
                return;
            }
            let there = self.clusters(group);
            let same = one_cluster(there);
            // Distances of lanes of one cluster add up lane by lane as far as it goes.
            if let Some(cluster) = last
                && same != last
            {
                settle(held, &[cluster; LANES], left, self.count);
                last = None;
            }
            let mut sums = LaneSums::new(simd);
            for other in rows.clone() {
                squares(simd, self.points.group(other), self.points.group(group), &mut square);
                for row in &mut square {
                    row.store(row.load(simd).sqrt());
                }
                let place = (other * LANES) - first;
                for lane in 0..LANES {
                    let sum = held[place + lane].load(simd) + square[lane].load(simd);
                    held[place + lane].store(sum);
                }
                if let Some(right) = right.as_deref_mut() {
                    let offset = (group - lanes.start) * LANES * self.count;
                    sums.add(simd, &square, self.clusters(other), &mut right[offset..], there.len(), self.count);
                }
            }
            if let Some(right) = right.as_deref_mut() {
                let offset = (group - lanes.start) * LANES * self.count;
                sums.settle(&mut right[offset..], there.len(), self.count);
            }
            if same.is_some() {
                last = same;
            } else {
                settle(held, there, left, self.count);
            }
        }
        if let Some(cluster) = last {
            settle(held, &[cluster; LANES], left, self.count);
        }
    }
}

/// The cluster that all of eight points are of.
#[inline(always)]
fn one_cluster(clusters: &[usize]) -> Option<usize> {
    match clusters {
        [first, .., last] if clusters.len() == LANES && first == last => Some(*first),
        _ => None,
    }
}

/// Adds what each row holds, lane by lane, to its sum for the lane's cluster.
#[inline(always)]
fn settle(held: &mut [Row], lanes: &[usize], sums: &mut [f64], count: usize) {
    for (held, sums) in held.iter_mut().zip(sums.chunks_exact_mut(count)) {
        for (&cluster, &value) in lanes.iter().zip(&held.0) {
            sums[cluster] += value;
        }
    }
    held.fill(Row::splat(0.0));
}

/// Sums of eight lanes over points of one cluster after the other.
struct LaneSums<S: Simd> {
    held: V<S>,
    cluster: usize,
}

impl<S: Simd> LaneSums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self {
            held: f64x8::splat(simd, 0.0),
            cluster: 0,
        }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, square: &Square, clusters: &[usize], sums: &mut [f64], lanes: usize, count: usize) {
        if let Some(cluster) = one_cluster(clusters) {
            self.turn(simd, cluster, sums, lanes, count);
            let of = |row: usize| square[row].load(simd);
            let (low, high) = ((of(0) + of(1)) + (of(2) + of(3)), (of(4) + of(5)) + (of(6) + of(7)));
            self.held += low + high;
        } else {
            for (row, &cluster) in clusters.iter().enumerate() {
                self.turn(simd, cluster, sums, lanes, count);
                self.held += square[row].load(simd);
            }
        }
    }

    #[inline(always)]
    fn turn(&mut self, simd: S, cluster: usize, sums: &mut [f64], lanes: usize, count: usize) {
        if cluster != self.cluster {
            self.settle(sums, lanes, count);
            self.held = f64x8::splat(simd, 0.0);
            self.cluster = cluster;
        }
    }

    #[inline(always)]
    fn settle(&self, sums: &mut [f64], lanes: usize, count: usize) {
        let held: [f64; LANES] = self.held.into();
        for lane in 0..lanes {
            sums[lane * count + self.cluster] += held[lane];
        }
    }
}

/// Silhouettes of the points by all distances of eight at a time, one cluster after the other.
fn one_by_one(points: &Points, partition: &Partition, found: &mut [f64]) -> Result<()> {
    let row_ns = cost(points) / points.count().max(1) as f64;
    let level = Level::new();
    by_rows(
        points.count(),
        1,
        found,
        row_ns,
        || Ok(()),
        |(), rows, found, stop| {
            for (group, found) in (rows.start / LANES..).zip(found.chunks_mut(LANES)) {
                let own = &partition.clusters[group * LANES..group * LANES + found.len()];
                dispatch!(level, simd => against_all(simd, points, partition, group, own, found, stop));
            }
        },
    )
}

#[inline(always)]
fn against_all<S: Simd>(
    simd: S,
    points: &Points,
    partition: &Partition,
    group: usize,
    own: &[usize],
    found: &mut [f64],
    stop: &Stop,
) {
    let mut means = [0; LANES].map(|_: usize| Means::new(0, &partition.sizes));
    means.iter_mut().zip(own).for_each(|(means, &own)| means.own = own);
    let mut square = NOTHING;
    let mut held: V<S> = f64x8::splat(simd, 0.0);
    let mut place = 0;
    for other in 0..points.groups() {
        if stop.requested() {
            return;
        }
        squares(simd, points.group(other), points.group(group), &mut square);
        for row in 0..LANES.min(points.count() - other * LANES) {
            held += square[row].load(simd).sqrt();
            place += 1;
            let cluster = partition.clusters[place - 1];
            if partition.clusters.get(place) != Some(&cluster) {
                let sums: [f64; LANES] = held.into();
                means.iter_mut().zip(sums).for_each(|(means, sum)| means.add(cluster, sum));
                held = f64x8::splat(simd, 0.0);
            }
        }
    }
    means.iter().zip(found).for_each(|(means, found)| *found = means.silhouette());
}
