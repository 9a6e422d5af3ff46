//! How many clusters there are, and whether there are any.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::choose::Search;
//! use ndarray::Array2;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = Array2::from_shape_fn((90, 2), |(row, sensor)| {
//!     let noise = ((3 + sensor) * row % 7) as f64 / 10.0;
//!     (row / 30 * 10) as f64 + noise
//! });
//! let search = Search { least: 1, most: 5, sample: 1000, starts: 2, gap_references: 0, seed: 7 };
//! let found = search.run(x.view().into())?;
//! assert!(!found.one);
//! assert_eq!(found.by_silhouette(), 3);
//! # Ok(())
//! # }
//! ```

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, copied, push, reserve, reserved};
use acm_linalg::samples::room;
use acm_linalg::scaling::Manner;
use acm_linalg::seed::stream;
use acm_linalg::{Error, Result, Samples, Scaling, dense};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;

use crate::kmeans::labels_for;
use crate::silhouette_score;
use crate::unimodal::departure;

const WHAT: &str = "the numbers of clusters";

/// Reference samples that the test for one cluster draws: more departure than all of them has a chance of about 1 in 25.
const REFERENCES: usize = 24;

/// What the departure must be above the references' by: where the axis of the split is not determined, as in a cube, it varies
/// more than theirs.
const MARGIN: f64 = 1.15;

/// Rows that the references are compared on, at most.
const REFERENCE_ROWS: usize = 1000;

/// Starts of k-means on a reference.
const REFERENCE_STARTS: usize = 2;

/// Iterations of k-means, at most.
const MOST_ITERATIONS: usize = 300;

/// Values beyond this from the centre of their column count as that far: their squares stay finite.
const LARGEST: f64 = 1e150;

/// Half the width of the uniform noise that makes quantised numbers continuous, in their standard deviations. Noise of one
/// mode, log-concave, never makes two modes of one.
const NOISE: f64 = 0.1;

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Fewest clusters, at least 1.
    pub least: usize,
    /// Most clusters.
    pub most: usize,
    /// Rows that are drawn where there are more.
    pub sample: usize,
    /// Starts of k-means.
    pub starts: usize,
    /// Reference samples for the gap statistic; none leaves it out.
    pub gap_references: usize,
    /// What rows, starts and references are drawn from.
    pub seed: u64,
}

/// What was found for each number of clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The numbers of clusters, rising.
    pub ks: Vec<usize>,
    /// Mean silhouette; NaN where it is not defined.
    pub silhouette: Vec<f64>,
    /// Sum of the squared distances to the centres.
    pub inertia: Vec<f64>,
    /// The gap statistic; NaN where rows do not differ enough, or without references.
    pub gap: Vec<f64>,
    /// Its standard error.
    pub gap_error: Vec<f64>,
    /// Whether the rows have no clusters.
    pub one: bool,
    /// The rows that were looked at.
    pub sample: Array2<f64>,
    /// The clusters of those rows, for each number.
    pub labels: Vec<Vec<u32>>,
    /// Inertia of each number of clusters from 1 on.
    curve: Vec<f64>,
}

impl Search {
    /// k-means for each number of clusters, its silhouette and gap, and the test for one cluster.
    ///
    /// The gap statistic (Tibshirani, Walther and Hastie 2001, doi 10.1111/1467-9868.00293) of k clusters is the mean of
    /// log W over samples that are uniform in the box of the data's principal axes, less log W of the data.
    ///
    /// The test: k-means parts the rows in two; their projections on the line through the two centres depart from one mode by
    /// more than 1.15 times those of all 24 reference samples, parted likewise, or the rows have no clusters. Uniform numbers depart
    /// most of all that have one mode, so that heavy tails and long clouds pass as one cluster.
    ///
    /// Missing: NaN and infinity count as the median of their column.
    /// Cost: that of k-means on `sample` rows and of 24 more on 1000 rows. Any number of threads and any layout give the same
    /// bytes.
    ///
    /// # Errors
    /// [`Error::Parameter`] for counts of 0 or `most` below `least`; [`Error::TooFew`] with fewer rows than `least`;
    /// [`Error::Unfit`] where no value is known; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn run(&self, x: Samples<'_>) -> Result<Found> {
        require(self.least >= 1, "k_min", "at least 1", self.least)?;
        require(self.most >= self.least, "k_max", "at least `k_min`", self.most)?;
        require(self.most <= 1000, "k_max", "at most 1000", self.most)?;
        require(self.sample > self.most, "sample_size", "above `k_max`", self.sample)?;
        require(self.starts >= 1, "n_init", "at least 1", self.starts)?;
        x.require(self.least)?;
        let sample = drawn(x, self.sample, self.seed)?;
        let most = self.most.min(sample.nrows());
        let (mut curve, mut silhouette, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for k in 1..=most {
            let found = labels_for(sample.view().into(), None, k, self.starts, MOST_ITERATIONS, self.seed)?;
            push(&mut curve, found.inertia, WHAT)?;
            push(&mut silhouette, silhouette_of(sample.view(), &found.labels)?, WHAT)?;
            if k >= self.least {
                push(&mut labels, found.labels, WHAT)?;
            }
        }
        let ks = (self.least..=most).gathered(WHAT)?;
        let (one, gaps) = self.references(sample.view(), most)?;
        let cut = |all: &[f64]| copied(&all[self.least - 1..], WHAT);
        let of_gaps = |part: usize| gaps[self.least - 1..].iter().map(|gap| gap[part]).gathered(WHAT);
        Ok(Found {
            silhouette: cut(&silhouette)?,
            inertia: cut(&curve)?,
            gap: of_gaps(0)?,
            gap_error: of_gaps(1)?,
            ks,
            one,
            sample,
            labels,
            curve,
        })
    }

    /// Whether there is one cluster, and gap and standard error for 1 to `most` clusters.
    fn references(&self, sample: ArrayView2<'_, f64>, most: usize) -> Result<(bool, Vec<[f64; 2]>)> {
        let rows = drawn(sample.into(), REFERENCE_ROWS, self.seed ^ 1)?;
        let most = most.min(rows.nrows());
        let mut own = Vec::new();
        let mut parted = 0.0;
        for k in 1..=most.max(2).min(rows.nrows()) {
            let found = labels_for(rows.view().into(), None, k, self.starts, MOST_ITERATIONS, self.seed)?;
            if k == 2 {
                parted = across(rows.view(), &found.centers, self.seed)?;
            }
            push(&mut own, found.inertia.ln(), WHAT)?;
        }
        let spans = principal_spans(rows.view())?;
        let count = REFERENCES.max(self.gap_references);
        let mut logs: Vec<Vec<f64>> = reserve(most, Vec::new(), WHAT)?;
        let mut one = parted <= 0.0;
        for number in 0..count {
            let gaps = number < self.gap_references;
            if !gaps && (one || number >= REFERENCES) {
                break;
            }
            let mut random = stream(self.seed, number as u64 + 1);
            let mut reference = room(rows.nrows(), spans.len(), 0.0, "a reference sample")?;
            for row in reference.chunks_exact_mut(spans.len().max(1)) {
                row.iter_mut().zip(&spans).for_each(|(to, span)| *to = span * random.random::<f64>());
            }
            let shape = (rows.nrows(), spans.len());
            let Ok(reference) = ArrayView2::from_shape(shape, &reference) else {
                break;
            };
            if spans.is_empty() {
                break;
            }
            for k in if gaps { 1..=own.len() } else { 2..=own.len().min(2) } {
                let starts = REFERENCE_STARTS.min(self.starts);
                let found = labels_for(reference.into(), None, k, starts, MOST_ITERATIONS, self.seed)?;
                if let Some(logs) = logs.get_mut(k - 1).filter(|_| gaps) {
                    push(logs, found.inertia.ln(), WHAT)?;
                }
                if k == 2 && number < REFERENCES {
                    one |= MARGIN * across(reference, &found.centers, self.seed)? >= parted;
                }
            }
        }
        let gap = |(logs, own): (&Vec<f64>, &f64)| {
            let count = logs.len() as f64;
            let mean = logs.iter().sum::<f64>() / count;
            let spread = (logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / count).sqrt();
            let both = [mean - own, spread * (1.0 + 1.0 / count).sqrt()];
            if both.iter().all(|value| value.is_finite()) { both } else { [f64::NAN; 2] }
        };
        let mut gaps = reserve(most.max(self.most.min(sample.nrows())), [f64::NAN; 2], WHAT)?;
        gaps.iter_mut().zip(logs.iter().zip(&own).map(gap)).for_each(|(to, gap)| *to = gap);
        Ok((one, gaps))
    }
}

impl Found {
    /// The number of the highest silhouette, the lowest of equal ones; 1 where there are no clusters.
    #[must_use]
    pub fn by_silhouette(&self) -> usize {
        self.best(self.silhouette.iter().copied())
    }

    /// The number at the elbow of the inertia, 1 where there are no clusters: where the curve from one cluster to the most is
    /// farthest below its chord, both scaled to 0 to 1 (Satopää, Albrecht, Irwin and Raghavan 2011, doi
    /// 10.1109/ICDCSW.2011.20).
    #[must_use]
    pub fn by_elbow(&self) -> usize {
        let (Some(first), Some(last)) = (self.curve.first(), self.curve.last()) else {
            return 1;
        };
        let most = (self.curve.len() - 1).max(1) as f64;
        let both = self.ks.iter().zip(&self.inertia);
        self.best(both.map(|(&k, inertia)| (first - inertia) / (first - last) - (k - 1) as f64 / most))
    }

    /// The number of the greatest of `values`, one for each of the numbers; NaN is none.
    #[must_use]
    pub fn best(&self, values: impl IntoIterator<Item = f64>) -> usize {
        let mut best = (f64::NEG_INFINITY, 1);
        for (&k, value) in self.ks.iter().zip(values) {
            if value > best.0 {
                best = (value, k);
            }
        }
        if self.one { 1 } else { best.1 }
    }
}

/// At most `most` rows, drawn without replacement and in their order, filled and about the means of the columns.
fn drawn(x: Samples<'_>, most: usize, seed: u64) -> Result<Array2<f64>> {
    let scaling = Scaling::fit(x, Manner::Standard, 1.0)?;
    if scaling.known.iter().all(|&known| known == 0) {
        return Err(Error::Unfit {
            name: "x",
            requirement: "a known value",
        });
    }
    let (rows, columns) = (x.rows(), x.columns());
    let count = rows.min(most);
    let mut values = room(count, columns, 0.0, "a sample of rows")?;
    let mut random = stream(seed, 0);
    let mut places = values.chunks_exact_mut(columns);
    let mut wanted = count;
    // Each row is taken with the share of the places that are left among the rows that are left.
    for row in 0..rows {
        if random.random::<f64>() * ((rows - row) as f64) < wanted as f64
            && let Some(place) = places.next()
        {
            x.read(row..row + 1, place);
            for (column, value) in place.iter_mut().enumerate() {
                *value = (scaling.filled(*value, column) - scaling.center[column]).clamp(-LARGEST, LARGEST);
            }
            wanted -= 1;
        }
    }
    Array2::from_shape_vec((count, columns), values).map_err(|_| Error::Memory {
        what: "a sample of rows",
        rows: count,
        columns,
    })
}

fn silhouette_of(rows: ArrayView2<'_, f64>, labels: &[u32]) -> Result<f64> {
    let labels = labels.iter().map(|&label| i64::from(label)).gathered("the labels")?;
    let mut different = copied(&labels, "the labels")?;
    different.sort_unstable();
    different.dedup();
    if different.len() < 2 || different.len() >= labels.len() {
        return Ok(f64::NAN);
    }
    silhouette_score(rows.into(), &labels, None)
}

/// The departure from one mode along the line through two centres.
fn across(rows: ArrayView2<'_, f64>, centers: &[f64], seed: u64) -> Result<f64> {
    let columns = rows.ncols();
    let (one, other) = centers.split_at(columns);
    let line = one.iter().zip(other).map(|(one, other)| other - one).gathered("a projection")?;
    // Scaled down first: the squares of huge values stay finite.
    let unit = line.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if unit == 0.0 {
        return Ok(0.0);
    }
    let project = |row: ndarray::ArrayView1<'_, f64>| -> f64 {
        row.iter().zip(&line).map(|(value, along)| (value / unit) * (along / unit)).sum()
    };
    let mut along = rows.rows().into_iter().map(project).gathered("a projection")?;
    made_continuous(&mut along, seed);
    along.retain(|value| value.is_finite());
    departure(&mut along)
}

/// Moves each number by noise of [`NOISE`] standard deviations at most, either way.
fn made_continuous(along: &mut [f64], seed: u64) {
    let (_, deviation) = acm_linalg::scaling::mean_and_deviation(along);
    let mut random = stream(seed, u64::MAX);
    for value in along {
        *value += NOISE * deviation * (2.0 * random.random::<f64>() - 1.0);
    }
}

/// The lengths of the box around the rows whose edges are their principal axes.
fn principal_spans(rows: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
    let columns = rows.ncols();
    let mut scaling = Scaling::fit(rows.into(), Manner::Standard, 0.0)?;
    let unit = scaling.scale.iter().fold(0.0_f64, |most, &scale| most.max(scale));
    if unit == 0.0 || !unit.is_finite() {
        return Ok(Vec::new());
    }
    scaling.scale.fill(unit);
    let products = dense::gram(rows.into(), &scaling)?;
    let (_, axes) = dense::symmetric_eigen(&products, columns, "x")?;
    let mut spans = reserved(columns, "the principal axes")?;
    for axis in axes.chunks_exact(columns) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in rows.rows() {
            let place: f64 = row
                .iter()
                .zip(axis)
                .enumerate()
                .map(|(column, (&value, along))| scaling.scaled(value, column) * along)
                .sum();
            low = low.min(place);
            high = high.max(place);
        }
        spans.push((high - low) * unit);
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> Search {
        Search {
            least: 1,
            most: 5,
            sample: 6,
            starts: 1,
            gap_references: 0,
            seed: 3,
        }
    }

    /// Two clouds of 30 rows.
    fn clouds() -> Array2<f64> {
        let mut random = stream(5, 0);
        Array2::from_shape_fn((60, 3), |(row, _)| f64::from(u8::from(row < 30)) * 8.0 + random.random::<f64>())
    }

    #[test]
    fn what_cannot_be_searched_is_told() {
        let x = clouds();
        let said = |search: Search| search.run(x.view().into()).map(|_| ()).unwrap_err().to_string();
        assert_eq!(said(Search { least: 0, ..search() }), "`k_min` must be at least 1, got 0");
        assert_eq!(said(Search { least: 6, ..search() }), "`k_max` must be at least `k_min`, got 5");
        let many = Search {
            most: 1001,
            sample: 2000,
            ..search()
        };
        assert_eq!(said(many), "`k_max` must be at most 1000, got 1001");
        assert_eq!(said(Search { sample: 5, ..search() }), "`sample_size` must be above `k_max`, got 5");
        assert_eq!(said(Search { starts: 0, ..search() }), "`n_init` must be at least 1, got 0");
        assert_eq!(search().run(x.view().into()).unwrap().sample.nrows(), 6);
        let single = Search { least: 5, ..search() };
        assert_eq!(single.run(x.view().into()).unwrap().ks, [5]);
    }

    #[test]
    fn the_departure_between_two_centres_does_not_depend_on_the_unit() {
        let x = clouds();
        let centers = [8.5, 8.5, 8.5, 0.5, 0.5, 0.5];
        let found = across(x.view(), &centers, 1).unwrap();
        assert!(found > 0.2, "{found}");
        // Products of such differences are neither 0 nor infinite.
        for unit in [2.0_f64.powi(-600), 2.0_f64.powi(500)] {
            let other = across((&x * unit).view(), &centers.map(|center| center * unit), 1).unwrap();
            assert_eq!(other, found, "{unit}");
        }
        // Between the same places there is no line, and along another one there is one cloud.
        assert_eq!(across(x.view(), &[2.0; 6], 1), Ok(0.0));
        let beside = across(x.view(), &[0.0, 0.0, 0.0, 1.0, -1.0, 0.0], 1).unwrap();
        assert!(beside < 0.1, "{beside}");
    }

    #[test]
    fn the_noise_is_a_tenth_of_the_deviation_either_way() {
        for unit in [1e-3, 1.0, 40.0] {
            let levels: Vec<f64> = (0..4000).map(|row| if row % 2 == 0 { unit } else { -unit }).collect();
            let mut moved = levels.clone();
            made_continuous(&mut moved, 5);
            // In tenths of the deviation, which is the unit.
            let off = moved.iter().zip(&levels).map(|(moved, level)| (moved - level) / (0.1 * unit));
            let off: Vec<f64> = off.collect();
            assert!(off.iter().all(|off| off.abs() <= 1.0 + 1e-9), "{unit}");
            let moment = |power: i32| off.iter().map(|off| off.powi(power)).sum::<f64>() / 4000.0;
            // Uniform between -1 and 1: six standard errors.
            assert!(moment(1).abs() < 0.055 && (moment(2) - 1.0 / 3.0).abs() < 0.029, "{unit}: {off:?}");
        }
    }

    #[test]
    fn every_row_is_drawn_as_often_as_any_other() {
        let x = Array2::from_shape_fn((200, 2), |(row, column)| (row * (1 + column)) as f64);
        let mut tenths = [0; 10];
        for seed in 0..300 {
            let found = drawn(x.view().into(), 20, seed).unwrap();
            assert_eq!(found.nrows(), 20);
            // About the means, and in their order.
            let rows: Vec<f64> = found.column(0).iter().map(|value| value + 99.5).collect();
            assert!(rows.is_sorted_by(|one, other| one < other));
            for row in rows {
                tenths[(1..10).filter(|&tenth| row + 0.5 > 20.0 * f64::from(tenth)).count()] += 1;
            }
        }
        // 600 of each, give or take 23.
        assert!(tenths.iter().all(|count| (500..700).contains(count)), "{tenths:?}");
        assert_eq!(drawn(x.view().into(), 300, 1).unwrap().nrows(), 200);
    }

    #[test]
    fn the_elbow_is_farthest_from_the_chord() {
        let mut random = stream(6, 0);
        for case in 0..100_usize {
            let most = 3 + case % 9;
            let mut curve = vec![100.0 + 900.0 * random.random::<f64>()];
            for _ in 1..most {
                let last = curve[curve.len() - 1];
                curve.push(last * random.random_range(0.3..0.99));
            }
            let least = 1 + case % 3;
            let found = Found {
                ks: (least..=most).collect(),
                silhouette: Vec::new(),
                inertia: curve[least - 1..].to_vec(),
                gap: Vec::new(),
                gap_error: Vec::new(),
                one: false,
                sample: Array2::zeros((0, 1)),
                labels: Vec::new(),
                curve: curve.clone(),
            };
            // Twice the triangle that a point makes with both ends of the chord, positive below it.
            let area = |k: usize| {
                let (width, fall) = ((most - 1) as f64, curve[0] - curve[most - 1]);
                width * (curve[0] - curve[k - 1]) - (k - 1) as f64 * fall
            };
            let expected = (least..=most)
                .max_by(|&one, &other| area(one).total_cmp(&area(other)).then(other.cmp(&one)))
                .unwrap();
            assert_eq!(found.by_elbow(), expected, "{case}");
            assert_eq!(Found { one: true, ..found }.by_elbow(), 1);
        }
    }

    #[test]
    fn what_was_found_belongs_to_its_number() {
        let x = clouds();
        let all = Search {
            sample: 60,
            gap_references: 3,
            starts: 2,
            ..search()
        };
        let whole = all.run(x.view().into()).unwrap();
        assert_eq!(whole.ks, [1, 2, 3, 4, 5]);
        assert_eq!((whole.gap.len(), whole.gap_error.len()), (5, 5));
        assert!(!whole.one && whole.by_silhouette() == 2 && whole.by_elbow() == 2);
        for (place, labels) in whole.labels.iter().enumerate() {
            let mut kinds = labels.clone();
            kinds.sort_unstable();
            kinds.dedup();
            assert_eq!(kinds.len(), place + 1);
        }
        // From a larger number on, the same is found for each.
        for least in 2..=5 {
            let part = Search { least, ..all }.run(x.view().into()).unwrap();
            assert_eq!(part.ks, whole.ks[least - 1..]);
            assert_eq!(part.inertia, whole.inertia[least - 1..]);
            assert_eq!(part.gap, whole.gap[least - 1..]);
            assert_eq!(part.gap_error, whole.gap_error[least - 1..]);
            assert_eq!(part.labels, whole.labels[least - 1..]);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&part.silhouette), bits(&whole.silhouette[least - 1..]));
            assert_eq!(part.by_elbow(), (least..=5).find(|&k| k >= 2).unwrap());
        }
    }

    /// References for the gap decide nothing about one cluster, however near the clouds are to each other.
    #[test]
    fn one_cluster_is_one_with_any_references_for_the_gap() {
        for seed in 7..15 {
            let mut random = stream(seed, 0);
            let noise = Array2::from_shape_fn((60, 2), |_| random.random::<f64>() + random.random::<f64>());
            let one = |apart: f64, gap_references| {
                let mut x = noise.clone();
                x.slice_mut(ndarray::s![..30, 0]).mapv_inplace(|value| value + apart);
                let search = Search {
                    most: 3,
                    sample: 60,
                    gap_references,
                    ..search()
                };
                search.run(x.view().into()).unwrap().one
            };
            // Where two clouds are as far apart as makes them two.
            let (mut near, mut far) = (0.0, 5.0);
            assert!(one(near, 0) && !one(far, 0));
            for _ in 0..12 {
                let middle = f64::midpoint(near, far);
                if one(middle, 0) {
                    near = middle;
                } else {
                    far = middle;
                }
            }
            assert!(one(near, 60) && !one(far, 60), "{seed}: {near}, {far}");
        }
    }
}
