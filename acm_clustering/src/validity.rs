//! Density-based validity of a partition: how sparse clusters are inside, how sparse what is between them.

use std::ops::Range;

use acm_linalg::distances::{Points, Square, squares};
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, push, reserve, reserved};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::by_rows;
use acm_linalg::{Error, Result, Samples};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use crate::partition::{Partition, sorted_points};

/// Estimated time for a value's difference, in nanoseconds, and for a pair.
const COST_NS: f64 = 0.2;
const PAIR_NS: f64 = 3.0;

/// What lacks where memory does.
const WHAT: &str = "the clusters' trees";

/// Label of rows that are in no cluster.
const NOISE: i64 = -1;

const NOTHING: Square = [Row::splat(0.0); LANES];

/// Density-based cluster validation (DBCV), within -1 and 1; higher is better parted.
///
/// s = Σ_c (n_c / n) (b_c - a_c) / max(a_c, b_c), n all rows, a_c the longest edge between inner rows of the spanning tree of
/// the cluster, b_c the least distance of its inner rows from those of another cluster, both by mutual reachability with the
/// core distance (Σ (1 / distance)^d / (n_c - 1))^(-1/d) over the other rows of the cluster. Inner rows have more than one
/// edge; where there are none, or no edge between any, all count.
///
/// Shapes: x (n, d), labels (n,). Labels are any numbers; -1 is noise: no cluster, but counted in n.
/// Missing: an error; fill before.
/// Cost: n² d. Memory: a copy of `x`. Threads: rows and clusters; any number gives the same bytes.
/// Source: Moulavi, Jaskowiak, Campello, Zimek and Sander (2014), "Density-based clustering validation", doi
/// 10.1137/1.9781611973440.96.
///
/// # Examples
///
/// ```
/// use acm_clustering::validity_index;
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[0.0], [1.0], [2.0], [100.0], [101.0], [102.0]];
/// assert!(validity_index(x.view().into(), &[0, 0, 0, 1, 1, 1])? > 0.95);
/// assert!(validity_index(x.view().into(), &[0, 1, 0, 1, 0, 1])? < 0.0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`] without columns; [`Error::Length`]; [`Error::Parameter`] naming `labels` unless they are, noise left out,
/// of at least 2 kinds with at least 2 rows each; [`Error::Unfit`] naming `x` where a value is missing; [`Error::Memory`];
/// [`Error::Interrupted`].
pub fn validity_index(x: Samples<'_>, labels: &[i64]) -> Result<f64> {
    x.require(0)?;
    if labels.len() != x.rows() {
        return Err(Error::Length {
            name: "labels",
            expected: x.rows(),
            got: labels.len(),
        });
    }
    let mut chosen: Vec<usize> = Vec::new();
    let mut theirs: Vec<i64> = Vec::new();
    for (row, &label) in labels.iter().enumerate().filter(|(_, label)| **label != NOISE) {
        push(&mut chosen, row, WHAT)?;
        push(&mut theirs, label, WHAT)?;
    }
    let mut partition = Partition::new(&theirs, chosen.len())?;
    if let Some(&size) = partition.sizes.iter().find(|&&size| size < 2) {
        return Err(Error::Parameter {
            name: "labels",
            requirement: "of kinds with at least 2 rows each, -1 left out",
            value: size.into(),
        });
    }
    partition.order.iter_mut().for_each(|row| *row = chosen[*row]);
    let field = Field::new(sorted_points(x, &partition)?, &partition)?;
    let cores = field.cores()?;
    let (inner, sparse) = field.trees(&cores)?;
    let apart = field.separations(&cores, &inner)?;
    let validity = |(&apart, &sparse): (&f64, &f64)| {
        let (apart, sparse) = (apart.sqrt(), sparse.sqrt());
        let greater = apart.max(sparse);
        if greater > 0.0 { (apart - sparse) / greater } else { 0.0 }
    };
    let parts = apart.iter().zip(&sparse).map(validity).zip(&partition.sizes);
    Ok(parts.map(|(validity, &size)| validity * (size as f64 / x.rows() as f64)).sum())
}

/// Rows sorted by their cluster.
struct Field {
    points: Points,
    /// By group, the cluster of each row; -1 for lanes without one.
    clusters: Vec<Row>,
    /// Where the clusters' rows are.
    ranges: Vec<Range<usize>>,
}

impl Field {
    fn new(points: Points, partition: &Partition) -> Result<Self> {
        let mut clusters = reserve(points.groups(), Row::splat(-1.0), WHAT)?;
        for (place, &cluster) in partition.clusters.iter().enumerate() {
            clusters[place / LANES].0[place % LANES] = cluster as f64;
        }
        let mut start = 0;
        let ranges = partition.sizes.iter().map(|&size| {
            start += size;
            start - size..start
        });
        let ranges = ranges.gathered(WHAT)?;
        Ok(Self {
            points,
            clusters,
            ranges,
        })
    }

    fn rows(&self) -> usize {
        self.points.count()
    }

    fn pair_ns(&self) -> f64 {
        PAIR_NS + COST_NS * self.points.width() as f64
    }

    /// The groups that hold a row of the clusters of the rows of `group`.
    fn around(&self, group: usize, of: &Partitioned) -> Range<usize> {
        let last = (group * LANES + LANES - 1).min(self.rows() - 1);
        let (first, last) = (of.cluster(group * LANES), of.cluster(last));
        self.ranges[first].start / LANES..self.ranges[last].end.div_ceil(LANES)
    }

    /// Squared core distance of each row within its cluster.
    fn cores(&self) -> Result<Vec<Row>> {
        let mut cores = reserve(self.points.groups(), Row::splat(0.0), WHAT)?;
        let of = Partitioned(&self.clusters);
        let widest = self.ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let cost = self.pair_ns() * (2 * LANES * widest) as f64;
        let level = Level::new();
        by_rows(
            cores.len(),
            1,
            &mut cores,
            cost,
            || Ok(()),
            |(), groups, cores, stop| {
                for (group, core) in groups.zip(cores) {
                    if stop.requested() {
                        return;
                    }
                    *core = dispatch!(level, simd => self.core(simd, group, self.around(group, &of)));
                }
            },
        )?;
        Ok(cores)
    }

    /// Powers are of the nearest distance over each one, which neither overflow nor vanish all together.
    #[inline(always)]
    fn core<S: Simd>(&self, simd: S, group: usize, around: Range<usize>) -> Row {
        let tile = self.points.group(group);
        let mut nearest = Row::splat(f64::INFINITY);
        self.within(simd, group, tile, around.clone(), |lane, square| nearest.0[lane] = nearest.0[lane].min(square));
        let width = self.points.width();
        let mut sums = Row::splat(0.0);
        self.within(simd, group, tile, around, |lane, square| {
            let ratio = if square > 0.0 { nearest.0[lane] / square } else { 1.0 };
            sums.0[lane] += half_power(ratio, width);
        });
        let mut cores = Row::splat(0.0);
        for lane in 0..LANES.min(self.rows() - group * LANES) {
            let others = self.ranges[Partitioned(&self.clusters).cluster(group * LANES + lane)].len() as f64 - 1.0;
            cores.0[lane] = nearest.0[lane] * (sums.0[lane] / others).powf(-2.0 / width as f64);
        }
        cores
    }

    /// Calls `with` for each row of a group and each other row of its cluster: the row's lane and the squared distance.
    #[inline(always)]
    fn within<S: Simd>(
        &self,
        simd: S,
        group: usize,
        tile: &[Row],
        around: Range<usize>,
        mut with: impl FnMut(usize, f64),
    ) {
        let own = &self.clusters[group].0;
        let mut found = NOTHING;
        for other in around {
            squares(simd, self.points.group(other), tile, &mut found);
            let theirs = &self.clusters[other].0;
            for row in 0..LANES {
                for lane in 0..LANES {
                    if theirs[row] >= 0.0 && theirs[row] == own[lane] && (other != group || row != lane) {
                        with(lane, found[row].0[lane]);
                    }
                }
            }
        }
    }

    /// Which rows are inner ones of their cluster's spanning tree, 1 or 0, and the square of each cluster's sparseness.
    fn trees(&self, cores: &[Row]) -> Result<(Vec<Row>, Vec<f64>)> {
        let mut inner = reserve(self.points.groups(), Row::splat(0.0), WHAT)?;
        let mut trees = reserved(self.ranges.len(), WHAT)?;
        for range in &self.ranges {
            trees.push(Tree::new(range.clone())?);
        }
        let pairs: f64 = self.ranges.iter().map(|range| (range.len() as f64).powi(2)).sum();
        let level = Level::new();
        parallel::run(
            &mut trees,
            self.pair_ns() * pairs,
            || Ok(()),
            |(), tree, stop| {
                dispatch!(level, simd => tree.grow(simd, &self.points, cores, stop));
            },
        )?;
        let mut sparse = reserved(trees.len(), WHAT)?;
        for tree in &trees {
            sparse.push(tree.mark(&mut inner)?);
        }
        Ok((inner, sparse))
    }

    /// Of each cluster the least squared mutual reachability of its inner rows and those of another one.
    fn separations(&self, cores: &[Row], inner: &[Row]) -> Result<Vec<f64>> {
        let mut nearest = reserve(self.points.groups(), Row::splat(f64::INFINITY), WHAT)?;
        let cost = self.pair_ns() * (LANES * self.rows()) as f64 / 4.0;
        let level = Level::new();
        by_rows(
            nearest.len(),
            1,
            &mut nearest,
            cost,
            || Ok(()),
            |(), groups, nearest, stop| {
                for (group, nearest) in groups.zip(nearest) {
                    if stop.requested() {
                        return;
                    }
                    dispatch!(level, simd => self.apart(simd, group, cores, inner, nearest));
                }
            },
        )?;
        let mut least = reserve(self.ranges.len(), f64::INFINITY, WHAT)?;
        for (least, range) in least.iter_mut().zip(&self.ranges) {
            for row in range.clone().filter(|row| inner[row / LANES].0[row % LANES] > 0.0) {
                *least = least.min(nearest[row / LANES].0[row % LANES]);
            }
        }
        Ok(least)
    }

    #[inline(always)]
    fn apart<S: Simd>(&self, simd: S, group: usize, cores: &[Row], inner: &[Row], nearest: &mut Row) {
        let tile = self.points.group(group);
        let (own, mine): (V<S>, V<S>) = (self.clusters[group].load(simd), cores[group].load(simd));
        let mut least: V<S> = nearest.load(simd);
        let mut found = NOTHING;
        for other in 0..self.points.groups() {
            squares(simd, self.points.group(other), tile, &mut found);
            for row in (0..LANES).filter(|&row| inner[other].0[row] > 0.0) {
                let reach = found[row].load(simd).max(mine).max(f64x8::splat(simd, cores[other].0[row]));
                let theirs = own.simd_ne(f64x8::splat(simd, self.clusters[other].0[row]));
                least = (theirs & reach.simd_lt(least)).select(reach, least);
            }
        }
        nearest.store(least);
    }
}

/// The cluster of each row, as lanes carry it.
struct Partitioned<'a>(&'a [Row]);

impl Partitioned<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number below 2^53"
    )]
    fn cluster(&self, row: usize) -> usize {
        self.0[row / LANES].0[row % LANES] as usize
    }
}

/// `base` to the power of half of `exponent`.
#[inline(always)]
fn half_power(base: f64, exponent: usize) -> f64 {
    let whole = base.powi(i32::try_from(exponent / 2).unwrap_or(i32::MAX));
    if exponent.is_multiple_of(2) { whole } else { whole * base.sqrt() }
}

/// A cluster's minimum spanning tree by mutual reachability, from its first row on (Prim 1957, doi
/// 10.1002/j.1538-7305.1957.tb01515.x).
struct Tree {
    range: Range<usize>,
    /// By group: the squared reach of each row from the tree, and whose it is.
    reach: Vec<Row>,
    whose: Vec<Row>,
    /// By group: infinite for rows that are in the tree, or of another cluster.
    taken: Vec<Row>,
    /// Squared length, and the two rows.
    edges: Vec<(f64, u32, u32)>,
}

impl Tree {
    fn new(range: Range<usize>) -> Result<Self> {
        let first = range.start / LANES;
        let groups = range.end.div_ceil(LANES) - first;
        let mut taken = reserve(groups, Row::splat(f64::INFINITY), WHAT)?;
        for row in range.start + 1..range.end {
            taken[row / LANES - first].0[row % LANES] = 0.0;
        }
        Ok(Self {
            taken,
            reach: reserve(groups, Row::splat(f64::INFINITY), WHAT)?,
            whose: reserve(groups, Row::splat(0.0), WHAT)?,
            edges: reserved(range.len(), WHAT)?,
            range,
        })
    }

    #[inline(always)]
    fn grow<S: Simd>(&mut self, simd: S, points: &Points, cores: &[Row], stop: &Stop) {
        let first = self.range.start / LANES;
        let mut newest = self.range.start;
        for _ in 1..self.range.len() {
            if stop.requested() {
                return;
            }
            let (group, lane) = (newest / LANES, newest % LANES);
            let point = points.group(group);
            let core: V<S> = f64x8::splat(simd, cores[group].0[lane]);
            let number: V<S> = f64x8::splat(simd, newest as f64);
            let mut least: V<S> = f64x8::splat(simd, f64::INFINITY);
            let mut place: V<S> = f64x8::splat(simd, 0.0);
            for other in 0..self.reach.len() {
                let tile = points.group(first + other);
                let mut sum: V<S> = f64x8::splat(simd, 0.0);
                for column in 0..tile.len() {
                    let apart = tile[column].load(simd) - f64x8::splat(simd, point[column].0[lane]);
                    sum += apart * apart;
                }
                let reach = sum.max(core).max(cores[first + other].load(simd));
                let before: V<S> = self.reach[other].load(simd);
                let closer = reach.simd_lt(before);
                let now = closer.select(reach, before);
                self.reach[other].store(now);
                let whose: V<S> = self.whose[other].load(simd);
                self.whose[other].store(closer.select(number, whose));
                let open = now + self.taken[other].load(simd);
                let better = open.simd_lt(least);
                least = better.select(open, least);
                place = better.select(f64x8::splat(simd, other as f64), place);
            }
            let (mut best, mut places) = (Row::splat(0.0), Row::splat(0.0));
            best.store(least);
            places.store(place);
            let mut next = (f64::INFINITY, usize::MAX);
            for lane in 0..LANES {
                let candidate = (best.0[lane], (first + number_of(places.0[lane])) * LANES + lane);
                if candidate.0 < next.0 || (candidate.0 == next.0 && candidate.1 < next.1) {
                    next = candidate;
                }
            }
            newest = next.1;
            let (group, lane) = (newest / LANES - first, newest % LANES);
            self.taken[group].0[lane] = f64::INFINITY;
            let from = number_of(self.whose[group].0[lane]);
            self.edges.push((next.0, narrow(from), narrow(newest)));
        }
    }

    /// Marks the inner rows; the square of the sparseness.
    fn mark(&self, inner: &mut [Row]) -> Result<f64> {
        let mut degrees = reserve(self.range.len(), 0_u32, WHAT)?;
        let place = |row: u32| row as usize - self.range.start;
        for &(_, from, to) in &self.edges {
            degrees[place(from)] += 1;
            degrees[place(to)] += 1;
        }
        let none = degrees.iter().all(|&degree| degree <= 1);
        for (row, &degree) in self.range.clone().zip(&degrees) {
            inner[row / LANES].0[row % LANES] = if none || degree > 1 { 1.0 } else { 0.0 };
        }
        let between = |edge: &&(f64, u32, u32)| degrees[place(edge.1)] > 1 && degrees[place(edge.2)] > 1;
        let longest = |edges: &mut dyn Iterator<Item = &(f64, u32, u32)>| {
            edges
                .map(|edge| edge.0)
                .fold(None, |most: Option<f64>, length| Some(most.map_or(length, |most| most.max(length))))
        };
        let sparse = longest(&mut self.edges.iter().filter(between));
        Ok(sparse.or_else(|| longest(&mut self.edges.iter())).unwrap_or(0.0))
    }
}

/// A whole number that a lane carries.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number below 2^53"
)]
#[inline(always)]
fn number_of(lane: f64) -> usize {
    lane as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "of rows, of which n² pairs are met: far fewer than 2^32"
)]
fn narrow(row: usize) -> u32 {
    row as u32
}

#[cfg(test)]
mod tests {
    use acm_linalg::{parallel, seed};
    use ndarray::{Array2, array};
    use rand::RngExt;

    use super::*;

    fn distance(x: &Array2<f64>, a: usize, b: usize) -> f64 {
        x.row(a).iter().zip(x.row(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// The definition written out.
    fn naive(x: &Array2<f64>, labels: &[i64]) -> f64 {
        let mut kinds: Vec<i64> = labels.iter().copied().filter(|&label| label >= 0).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let of = |kind: i64| (0..labels.len()).filter(|&row| labels[row] == kind).collect::<Vec<_>>();
        let core = |row: usize| {
            let others: Vec<_> = of(labels[row]).into_iter().filter(|&other| other != row).collect();
            let powers = others.iter().map(|&other| distance(x, row, other).recip().powi(x.ncols() as i32));
            (powers.sum::<f64>() / others.len() as f64).powf(-1.0 / x.ncols() as f64)
        };
        let cores: Vec<f64> = (0..labels.len()).map(|row| if labels[row] < 0 { 0.0 } else { core(row) }).collect();
        let reach = |a: usize, b: usize| distance(x, a, b).max(cores[a]).max(cores[b]);
        let trees: Vec<(Vec<usize>, f64)> = kinds
            .iter()
            .map(|&kind| {
                let mut outside = of(kind);
                let mut inside = vec![outside.remove(0)];
                let mut edges = Vec::new();
                while !outside.is_empty() {
                    let pairs = inside.iter().flat_map(|&a| outside.iter().map(move |&b| (a, b)));
                    let (a, b) = pairs.min_by(|p, q| reach(p.0, p.1).total_cmp(&reach(q.0, q.1))).unwrap();
                    outside.retain(|&row| row != b);
                    inside.push(b);
                    edges.push((a, b));
                }
                let degree = |row: usize| edges.iter().filter(|edge| edge.0 == row || edge.1 == row).count();
                let all = inside.iter().all(|&row| degree(row) < 2);
                let inner: Vec<_> = inside.iter().copied().filter(|&row| all || degree(row) > 1).collect();
                let lengths = |inner: &[usize]| {
                    let kept = edges.iter().filter(|edge| inner.contains(&edge.0) && inner.contains(&edge.1));
                    kept.map(|&(a, b)| reach(a, b)).fold(f64::NEG_INFINITY, f64::max)
                };
                let sparse = lengths(&inner);
                let sparse = if sparse.is_finite() { sparse } else { lengths(&inside) };
                (inner, sparse)
            })
            .collect();
        let mut sum = 0.0;
        for (number, (inner, sparse)) in trees.iter().enumerate() {
            let others = trees
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != number)
                .flat_map(|(_, tree)| &tree.0);
            let apart = others.flat_map(|&b| inner.iter().map(move |&a| (a, b)));
            let apart = apart.map(|(a, b)| reach(a, b)).fold(f64::INFINITY, f64::min);
            sum += of(kinds[number]).len() as f64 * (apart - sparse) / apart.max(*sparse);
        }
        sum / labels.len() as f64
    }

    #[test]
    fn it_is_what_the_definition_says() {
        for number in 0..60 {
            let mut random = seed::stream(number, 0);
            let (rows, columns) = (12 + random.random_range(0..80), 1 + number as usize % 9);
            let kinds = 2 + number as i64 % 3;
            let labels: Vec<i64> = (0..rows as i64).map(|row| if row % 11 == 10 { -1 } else { row % kinds }).collect();
            let x = Array2::from_shape_fn((rows, columns), |(row, _)| {
                (3 * labels[row]) as f64 * (number % 4) as f64 / 2.0 + random.random::<f64>() * 4.0
            });
            let (found, wanted) = (validity_index(x.view().into(), &labels).unwrap(), naive(&x, &labels));
            assert!((found - wanted).abs() < 1e-12, "{number}: {found} {wanted}");
        }
    }

    #[test]
    fn neither_unit_nor_threads_nor_offset_matter() {
        let mut random = seed::stream(1, 0);
        let x = Array2::from_shape_fn((700, 60), |(row, _)| (row % 3) as f64 + random.random::<f64>());
        let labels: Vec<i64> = (0..700).map(|row| row % 3).collect();
        let found = validity_index(x.view().into(), &labels).unwrap();
        assert!(found > 0.3 && found < 1.0, "{found}");
        let before = parallel::num_threads();
        parallel::set_num_threads(5).unwrap();
        assert_eq!(validity_index(x.view().into(), &labels).unwrap(), found);
        parallel::set_num_threads(before).unwrap();
        let tiny = 2.0_f64.powi(-900);
        assert_eq!(validity_index(x.mapv(|value| value * tiny).view().into(), &labels).unwrap(), found);
        let (rounded, far) = (x.mapv(|value| (value * 1024.0).round() / 1024.0), 1e9);
        let near = validity_index(rounded.view().into(), &labels).unwrap();
        assert_eq!(validity_index((rounded + far).view().into(), &labels).unwrap(), near);
    }

    #[test]
    fn rows_that_are_alike_and_labels_that_are_not() {
        let x = array![[0.0], [0.0], [0.0], [5.0], [5.0]];
        assert_eq!(validity_index(x.view().into(), &[7, 7, 7, 9, 9]).unwrap(), 1.0);
        let same = Array2::<f64>::zeros((6, 2));
        assert_eq!(validity_index(same.view().into(), &[0, 0, 1, 1, 1, 0]).unwrap(), 0.0);
        let message = validity_index(x.view().into(), &[0, 0, 0, 0, 1]).unwrap_err().to_string();
        assert_eq!(message, "`labels` must be of kinds with at least 2 rows each, -1 left out, got 1");
        assert!(validity_index(x.view().into(), &[0, 0, 0, -1, -1]).is_err());
        assert!(validity_index(x.view().into(), &[0, 0]).is_err());
    }
}
