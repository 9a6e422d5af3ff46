//! Indices of how well rows are parted: Calinski–Harabasz and Davies–Bouldin.
//!
//! Centres are kept as a row of the cluster and the mean deviation from it: far from zero, their differences still have all
//! their digits.

use acm_linalg::distances::Points;
use acm_linalg::lanes::LANES;
use acm_linalg::parallel;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Result, Samples};

use crate::partition::{Partition, sorted_points};

/// Estimated time for a value, in nanoseconds.
const COST_NS: f64 = 3.0;

/// Ratio of the scatter between clusters to the scatter within, each by its degrees of freedom; higher is better parted.
///
/// s = (B / (k - 1)) / (W / (n - k)), B = Σ_c n_c |m_c - m|², W = Σ_c Σ_i |x_i - m_c|²; 1 where W = 0.
///
/// Shapes: x (n, d), labels (n,). Labels are any numbers; none stands for noise.
/// Missing: an error; fill before.
/// Cost: n d. Memory: a copy of `x`. Threads: columns; any number gives the same bytes.
/// Oracle: scikit-learn `calinski_harabasz_score`, rtol 1e-12.
/// Source: Caliński and Harabasz 1974, doi 10.1080/03610927408827101.
///
/// # Examples
///
/// ```
/// use acm_clustering::{calinski_harabasz, davies_bouldin};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[0.0], [1.0], [10.0], [11.0]];
/// assert_eq!(calinski_harabasz(x.view().into(), &[0, 0, 1, 1])?, 200.0);
/// assert_eq!(davies_bouldin(x.view().into(), &[0, 0, 1, 1])?, 0.1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`acm_linalg::Error::TooFew`] without columns; [`acm_linalg::Error::Length`], [`acm_linalg::Error::Parameter`] naming
/// `labels` unless they are of 2 to n - 1 kinds; [`acm_linalg::Error::Unfit`] naming `x` where a value is missing;
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub fn calinski_harabasz(x: Samples<'_>, labels: &[i64]) -> Result<f64> {
    let (points, partition, centers) = parted(x, labels)?;
    let (rows, clusters) = (points.count() as f64, partition.count());
    let (mut between, mut within) = (0.0, 0.0);
    for column in centers.chunks_exact(clusters) {
        let offset = |center: &Center| center.from(&column[0]);
        let weighed = column
            .iter()
            .zip(&partition.sizes)
            .map(|(center, &size)| offset(center) * (size as f64 / rows));
        let mean: f64 = weighed.sum();
        for (center, &size) in column.iter().zip(&partition.sizes) {
            let deviation = offset(center) - mean;
            between += deviation * deviation * size as f64;
            within += center.scatter;
        }
    }
    if within == 0.0 {
        return Ok(1.0);
    }
    let clusters = clusters as f64;
    Ok((between / (clusters - 1.0)) / (within / (rows - clusters)))
}

/// Mean over the clusters of the worst ratio of two clusters' widths to the distance of their centres; lower is better
/// parted.
///
/// s = (1/k) Σ_a max_{b≠a} (w_a + w_b) / |m_a - m_b|, w the mean distance of a cluster's rows from its centre m. Clusters of
/// the same centre are left out of account; 0 where all widths or all distances are 0.
///
/// Shapes: x (n, d), labels (n,). Labels are any numbers; none stands for noise.
/// Missing: an error; fill before.
/// Cost: n d + k² d. Memory: a copy of `x`. Threads: columns, rows, clusters; any number gives the same bytes.
/// Oracle: scikit-learn `davies_bouldin_score`, rtol 1e-12.
/// Source: Davies and Bouldin 1979, doi 10.1109/TPAMI.1979.4766909.
///
/// # Errors
/// As [`calinski_harabasz`].
pub fn davies_bouldin(x: Samples<'_>, labels: &[i64]) -> Result<f64> {
    let (points, partition, centers) = parted(x, labels)?;
    let (rows, width, clusters) = (points.count(), points.width(), partition.count());
    let mut distances = room(rows, 1, 0.0, "the distances from the centres")?;
    by_rows(
        rows,
        1,
        &mut distances,
        COST_NS * width as f64,
        || Ok(()),
        |(), rows, distances, stop| {
            for (place, distance) in rows.zip(distances) {
                if stop.requested() {
                    return;
                }
                let own = centers[partition.clusters[place]..].iter().step_by(clusters);
                let values = points.group(place / LANES).iter().map(|row| row.0[place % LANES]);
                let squares = values.zip(own).map(|(value, center)| center.residual(value).powi(2));
                *distance = squares.sum::<f64>().sqrt();
            }
        },
    )?;
    let mut widths = room(clusters, 1, 0.0, "the clusters' widths")?;
    for (&cluster, distance) in partition.clusters.iter().zip(distances) {
        widths[cluster] += distance;
    }
    widths.iter_mut().zip(&partition.sizes).for_each(|(width, &size)| *width /= size as f64);
    let mut worst = room(clusters, 1, 0.0, "the clusters' ratios")?;
    by_rows(
        clusters,
        1,
        &mut worst,
        COST_NS * (width * clusters) as f64,
        || Ok(()),
        |(), own, worst, stop| {
            for (a, worst) in own.zip(worst) {
                for b in 0..clusters {
                    if stop.requested() {
                        return;
                    }
                    let squares = centers.chunks_exact(clusters).map(|column| column[a].from(&column[b]).powi(2));
                    let distance = squares.sum::<f64>().sqrt();
                    if distance > 0.0 {
                        *worst = f64::max(*worst, (widths[a] + widths[b]) / distance);
                    }
                }
            }
        },
    )?;
    Ok(worst.iter().sum::<f64>() / clusters as f64)
}

/// A cluster's mean in one column.
#[derive(Debug, Clone, Copy, Default)]
struct Center {
    /// Its first row's value.
    anchor: f64,
    /// Mean of the deviations from it.
    offset: f64,
    /// Sum of the squared deviations from the mean.
    scatter: f64,
}

impl Center {
    fn residual(&self, value: f64) -> f64 {
        (value - self.anchor) - self.offset
    }

    /// How far it lies above another.
    fn from(&self, other: &Self) -> f64 {
        (self.anchor - other.anchor) + (self.offset - other.offset)
    }
}

/// The rows by cluster, and the centres: those of a column adjacent.
fn parted(x: Samples<'_>, labels: &[i64]) -> Result<(Points, Partition, Vec<Center>)> {
    x.require(0)?;
    let partition = Partition::new(labels, x.rows())?;
    let points = sorted_points(x, &partition)?;
    let (width, clusters) = (points.width(), partition.count());
    let mut centers = room(width, clusters, Center::default(), "the centres")?;
    let jobs = centers.chunks_mut(clusters).enumerate();
    let cost = COST_NS * points.count() as f64 * width as f64;
    parallel::run(
        jobs,
        cost,
        || Ok(()),
        |(), (column, centers), stop| {
            let value = |place: usize| points.group(place / LANES)[column].0[place % LANES];
            let mut first = 0;
            for (center, &size) in centers.iter_mut().zip(&partition.sizes) {
                if stop.requested() {
                    return;
                }
                let (own, count) = (first..first + size, size as f64);
                center.anchor = value(first);
                center.offset = own.clone().map(|place| value(place) - center.anchor).sum::<f64>() / count;
                // What the mean's rounding leaves (Chan, Golub and LeVeque 1983, doi 10.2307/2683386).
                let (mut squares, mut rest) = (0.0, 0.0);
                for place in own {
                    let residual = center.residual(value(place));
                    squares += residual * residual;
                    rest += residual;
                }
                center.offset += rest / count;
                center.scatter = (squares - rest * rest / count).max(0.0);
                first += size;
            }
        },
    )?;
    Ok((points, partition, centers))
}

#[cfg(test)]
mod tests {
    use acm_linalg::parallel::set_num_threads;
    use acm_linalg::seed::stream;
    use ndarray::{Array2, Axis};
    use rand::RngExt;

    use super::*;

    fn clouds(rows: usize, columns: usize, kinds: i64) -> (Array2<f64>, Vec<i64>) {
        let mut from = stream(9, rows as u64);
        let labels: Vec<i64> = (0..rows).map(|row| row as i64 % kinds - 1).collect();
        let x = Array2::from_shape_fn((rows, columns), |(row, _)| from.random::<f64>() * 3.0 + labels[row] as f64);
        (x, labels)
    }

    fn plain(x: &Array2<f64>, labels: &[i64]) -> (f64, f64) {
        let mut kinds = labels.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let (n, k) = (labels.len() as f64, kinds.len() as f64);
        let mean = x.mean_axis(Axis(0)).unwrap();
        let (mut between, mut within, mut widths, mut centers) = (0.0, 0.0, vec![], vec![]);
        for kind in kinds {
            let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == kind).collect();
            let own = x.select(Axis(0), &rows);
            let center = own.mean_axis(Axis(0)).unwrap();
            between += rows.len() as f64 * (&center - &mean).mapv(|value| value * value).sum();
            let squares = (&own - &center).mapv(|value| value * value);
            within += squares.sum();
            widths.push(squares.sum_axis(Axis(1)).mapv(f64::sqrt).mean().unwrap());
            centers.push(center);
        }
        let mut total = 0.0;
        for a in 0..centers.len() {
            let ratio = |b: usize| {
                let distance = (&centers[a] - &centers[b]).mapv(|value| value * value).sum().sqrt();
                if distance > 0.0 { (widths[a] + widths[b]) / distance } else { 0.0 }
            };
            total += (0..centers.len()).map(ratio).fold(0.0, f64::max);
        }
        (between * (n - k) / (within * (k - 1.0)), total / k)
    }

    #[test]
    fn both_are_the_plain_form() {
        for (rows, columns, kinds) in [(3, 1, 2), (20, 3, 5), (501, 4, 3), (90, 2, 80)] {
            let (x, labels) = clouds(rows, columns, kinds);
            let (calinski, davies) = plain(&x, &labels);
            let ours = calinski_harabasz(x.view().into(), &labels).unwrap();
            assert!((ours / calinski - 1.0).abs() < 1e-12, "{rows} {ours} {calinski}");
            let ours = davies_bouldin(x.view().into(), &labels).unwrap();
            assert!((ours / davies - 1.0).abs() < 1e-12, "{rows} {ours} {davies}");
        }
    }

    #[test]
    fn neither_offset_nor_unit_nor_threads_matter() {
        // Whole numbers times a power of two: the moved data are the same to the last bit.
        let (x, labels) = clouds(300, 3, 4);
        let x = x.mapv(|value| (value * 100.0).round());
        let both = |x: &Array2<f64>| {
            let x = || Samples::from(x.view());
            (calinski_harabasz(x(), &labels).unwrap(), davies_bouldin(x(), &labels).unwrap())
        };
        let found = both(&x);
        for (unit, offset) in [
            (2.0_f64.powi(-18), 1e9),
            (2.0_f64.powi(1000), 0.0),
            (2.0_f64.powi(-1000), 0.0),
        ] {
            let other = both(&x.mapv(|value| value * unit + offset));
            assert!((other.0 / found.0 - 1.0).abs() < 1e-13, "{unit} {other:?} {found:?}");
            assert!((other.1 / found.1 - 1.0).abs() < 1e-13, "{unit} {other:?} {found:?}");
        }
        for threads in [1, 3] {
            set_num_threads(threads).unwrap();
            assert_eq!(both(&x), found);
        }
    }

    #[test]
    fn degenerate_partitions() {
        let same = Array2::from_elem((6, 2), 0.1);
        let labels = [1, 1, 1, 2, 2, 2];
        assert_eq!(calinski_harabasz(same.view().into(), &labels).unwrap(), 1.0);
        assert_eq!(davies_bouldin(same.view().into(), &labels).unwrap(), 0.0);
        let tight = Array2::from_shape_fn((6, 1), |(row, _)| labels[row] as f64 * 0.1);
        assert_eq!(calinski_harabasz(tight.view().into(), &labels).unwrap(), 1.0);
        assert_eq!(davies_bouldin(tight.view().into(), &labels).unwrap(), 0.0);
        // One centre for both.
        let crossed = Array2::from_shape_vec((4, 1), vec![-1.0, 1.0, -2.0, 2.0]).unwrap();
        assert_eq!(davies_bouldin(crossed.view().into(), &[0, 0, 1, 1]).unwrap(), 0.0);
        assert_eq!(calinski_harabasz(crossed.view().into(), &[0, 0, 1, 1]).unwrap(), 0.0);
        let mut missing = crossed;
        missing[[1, 0]] = f64::NAN;
        let message = davies_bouldin(missing.view().into(), &[0, 0, 1, 1]).unwrap_err().to_string();
        assert_eq!(message, "`x` must have no missing values (NaN or infinity)");
        assert!(calinski_harabasz(missing.view().into(), &[0, 0, 0, 0]).is_err());
    }

    /// Against whole numbers: the values are multiples of 2^-53.
    #[test]
    fn centres_are_exact_but_for_the_last_digits() {
        let mut draw = stream(12, 0);
        let x = Array2::from_shape_fn((4001, 5), |(row, column)| {
            draw.random::<f64>() + if column < 3 { 0.0 } else { (row % 2 * column) as f64 }
        });
        let labels: Vec<i64> = (0..4001).map(|row| i64::from(row < 1500)).collect();
        let (_, _, centers) = parted(x.view().into(), &labels).unwrap();
        let unit = 2.0_f64.powi(53);
        for (place, center) in centers.iter().enumerate() {
            let (column, label) = (place / 2, (place % 2) as i64);
            let own = (0..4001).filter(|&row| labels[row] == label);
            let own: Vec<i128> = own.map(|row| (x[[row, column]] * unit) as i128).collect();
            let anchor = (center.anchor * unit) as i128;
            let rest = own.iter().map(|value| value - anchor).sum::<i128>() as f64 / own.len() as f64 / unit;
            assert!((center.offset - rest).abs() <= 2.0 * f64::EPSILON * rest.abs(), "{} {rest}", center.offset);
        }
    }
}
