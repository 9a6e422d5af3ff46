//! k-means: rows parted into `k` clusters, each around the mean of its rows.
//!
//! Greedy k-means++ starts, exact Lloyd iterations, the best of several starts; mini-batches for histories that never
//! end.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::kmeans::KMeans;
//! use ndarray::array;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = array![[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [10.0, 2.0]];
//! let model = KMeans::new(2, 3, 100, 1e-4, 7)?.fit(x.view().into(), None)?;
//! let mut centers = model.centers()?;
//! centers.sort_by(f64::total_cmp);
//! assert_eq!(centers, [0.0, 1.0, 1.0, 10.0]);
//! assert_eq!(model.inertia(), 4.0);
//! let mut distances = [0.0];
//! model.score(array![[10.0, 5.0]].view().into(), &mut distances)?;
//! assert_eq!(distances, [4.0]);
//! # Ok(())
//! # }
//! ```

mod block;
mod centers;
mod fitted;
mod lloyd;
mod pass;
mod points;
mod start;
#[cfg(test)]
mod tests;

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, copied, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::scaling::Manner;
use acm_linalg::{Error, Result, Samples, Scaling, seed};

pub use fitted::FittedKMeans;
use lloyd::{Outcome, Until};
use points::Points;

/// The `tol` of [`labels_for`] and [`certain_labels`].
const TOL: f64 = 1e-4;

/// Most iterations of [`certain_labels`].
const MAX_ITER: usize = 300;

/// Most times that centres of the best start are exchanged.
const ROUNDS: usize = 10;

/// Part of the inertia that an exchange must save to be followed by another.
const GAIN: f64 = 1e-3;

/// Parameters of k-means.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    clusters: usize,
    starts: usize,
    max_iter: usize,
    tol: f64,
    seed: u64,
}

/// Rows with the clusters they fell into.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// For each row the number of its cluster.
    pub labels: Vec<u32>,
    /// (k, d), one centre after the other, in the scale that was given.
    pub centers: Vec<f64>,
    /// The sum of the rows' squared distances to their centres.
    pub inertia: f64,
}

/// Parts the rows of `samples` into `clusters`, on data filled and scaled by `scaling`: the start of a mixture, the
/// core of a regime. Without a scaling the columns keep their scale and missing values take their medians.
///
/// The best of `starts` greedy k-means++ starts, at most `max_iter` iterations each. Where there are fewer different
/// rows than `clusters`, some clusters are empty and their centres are those of others.
///
/// Cost: O(n k d) an iteration and start; a packed copy of the data, 16 n bytes for each start, and 8 (3 + ln k) n
/// while one is drawn. Any number of threads and any memory layout give the same bytes.
///
/// # Errors
/// [`Error::TooFew`] with fewer rows than clusters; [`Error::Parameter`] for a count of 0; [`Error::Unfit`]
/// where no value is known; [`Error::Memory`]; [`Error::Interrupted`].
pub fn labels_for(
    samples: Samples<'_>,
    scaling: Option<&Scaling>,
    clusters: usize,
    starts: usize,
    max_iter: usize,
    seed: u64,
) -> Result<Labelled> {
    let parameters = KMeans::new(clusters, starts, max_iter, TOL, seed)?;
    let Some(scaling) = scaling else {
        let (outcome, scaling) = parameters.run(samples, None, None)?;
        return Ok(Labelled {
            labels: outcome.labels,
            centers: shifted(&outcome.centers, &scaling.center, 1.0)?,
            inertia: outcome.inertia,
        });
    };
    samples.require(clusters)?;
    samples.require_columns(scaling.columns())?;
    let outcome = parameters.best(&Points::new(samples, scaling, None)?, None)?;
    Ok(Labelled {
        labels: outcome.labels,
        centers: outcome.centers,
        inertia: outcome.inertia,
    })
}

/// The labels of Lloyd's iterations from given centres, (k, d), one after the other; nothing where a row lies so near to
/// the middle between two centres on the way that rounding decides, or a cluster loses its last row: there another
/// k-means may part the rows otherwise, from the same start.
///
/// # Errors
/// Those of [`KMeans::fit_from`].
pub fn certain_labels(x: Samples<'_>, clusters: usize, centers: &[f64]) -> Result<Option<Vec<u32>>> {
    let parameters = KMeans::new(clusters, 1, MAX_ITER, TOL, 0)?;
    let (outcome, _) = parameters.run(x, None, Some(parameters.starts_of(x, centers)?))?;
    Ok((!outcome.tied).then_some(outcome.labels))
}

impl KMeans {
    /// `clusters` clusters, the best of `starts` starts of at most `max_iter` iterations each; a start is over when the
    /// sum of the centres' squared shifts is at most `tol` times the mean variance of the columns.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a count of 0 or a `tol` below 0 or not finite.
    pub fn new(clusters: usize, starts: usize, max_iter: usize, tol: f64, seed: u64) -> Result<Self> {
        require(clusters >= 1, "n_clusters", "at least 1", clusters)?;
        require(u32::try_from(clusters).is_ok(), "n_clusters", "below 2^32", clusters)?;
        require(starts >= 1, "n_init", "at least 1", starts)?;
        require(max_iter >= 1, "max_iter", "at least 1", max_iter)?;
        require(tol >= 0.0 && tol.is_finite(), "tol", "finite and at least 0", tol)?;
        Ok(Self {
            clusters,
            starts,
            max_iter,
            tol,
            seed,
        })
    }

    /// Clusters.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// Starts of a round.
    #[must_use]
    pub fn starts(&self) -> usize {
        self.starts
    }

    /// Most iterations of a start.
    #[must_use]
    pub fn max_iter(&self) -> usize {
        self.max_iter
    }

    /// Shift that is as good as none, relative to the mean variance of the columns.
    #[must_use]
    pub fn tol(&self) -> f64 {
        self.tol
    }

    /// What starts are drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The clusters of the rows of `x`, each counted with its weight.
    ///
    /// As many starts again follow from the best centres, each with one of them drawn anew, while that saves a
    /// thousandth of the inertia.
    ///
    /// Shapes: x (n, d), weights (n).
    /// Missing: NaN and infinity take the median of the column. Values further than 1e150 from it count as that
    /// far.
    /// Cost: O(n k d) an iteration and start; a packed copy of the data, 16 n bytes for each start, and 8 (3 + ln k) n
    /// while one is drawn. Threads: pieces of rows.
    /// Oracle: scikit-learn `KMeans(algorithm="lloyd")` from the same start, rtol 1e-10.
    /// Source: Lloyd (1982), doi 10.1109/TIT.1982.1056489; Arthur and Vassilvitskii (2007), "k-means++: the advantages
    /// of careful seeding", SODA.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer rows than clusters; [`Error::Length`], [`Error::Parameter`] and
    /// [`Error::Unfit`] for weights of another number, below 0 or not finite, or all 0; [`Error::Unfit`] where no value
    /// is known; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>, weights: Option<&[f64]>) -> Result<FittedKMeans> {
        let (outcome, scaling) = self.run(x, weights, None)?;
        Ok(FittedKMeans::new(self, scaling, outcome))
    }

    /// The same from given centres, (k, d), one after the other: one start, and nothing is drawn.
    ///
    /// # Errors
    /// Those of [`KMeans::fit`]; [`Error::Length`] and [`Error::Parameter`] for centres of another number or
    /// not finite.
    pub fn fit_from(&self, x: Samples<'_>, weights: Option<&[f64]>, centers: &[f64]) -> Result<FittedKMeans> {
        let (outcome, scaling) = self.run(x, weights, Some(self.starts_of(x, centers)?))?;
        Ok(FittedKMeans::new(self, scaling, outcome))
    }

    /// The given centres, where they are as many numbers as they must be, and finite.
    fn starts_of<'c>(&self, x: Samples<'_>, centers: &'c [f64]) -> Result<&'c [f64]> {
        let expected = self.clusters * x.columns();
        if centers.len() != expected {
            return Err(Error::Length {
                name: "centers",
                expected,
                got: centers.len(),
            });
        }
        if let Some(&wrong) = centers.iter().find(|value| !value.is_finite()) {
            require(false, "centers", "finite", wrong)?;
        }
        Ok(centers)
    }

    /// A model that starts from a mini-batch, to go on with [`FittedKMeans::updated`]: one greedy k-means++ start from
    /// its rows, moved by them once.
    ///
    /// # Errors
    /// Those of [`KMeans::fit`].
    pub fn begin(&self, x: Samples<'_>, weights: Option<&[f64]>) -> Result<FittedKMeans> {
        let (points, scaling) = self.points(x, weights)?;
        let centers = start::greedy(&points, self.clusters, &[], &mut seed::stream(self.seed, 0))?;
        let outcome = Outcome {
            centers,
            counts: room(self.clusters, 1, 0.0, "the clusters' weights")?,
            labels: Vec::new(),
            inertia: 0.0,
            iterations: 0,
            tied: false,
        };
        let mut fitted = FittedKMeans::new(self, scaling, outcome);
        fitted.take(&points)?;
        Ok(fitted)
    }

    fn run(&self, x: Samples<'_>, weights: Option<&[f64]>, centers: Option<&[f64]>) -> Result<(Outcome, Scaling)> {
        let (points, scaling) = self.points(x, weights)?;
        let start = centers.map(|centers| shifted(centers, &scaling.center, -1.0)).transpose()?;
        Ok((self.best(&points, start)?, scaling))
    }

    /// Columns about their medians, where offsets cost no digits, nor do outliers.
    fn points(&self, x: Samples<'_>, weights: Option<&[f64]>) -> Result<(Points, Scaling)> {
        x.require(self.clusters)?;
        let mut scaling = Scaling::fit(x, Manner::Standard, 1.0)?;
        if scaling.known.iter().all(|&known| known == 0) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a known value",
            });
        }
        scaling.center.clone_from(&scaling.fill);
        scaling.scale.fill(1.0);
        Ok((Points::new(x, &scaling, weights)?, scaling))
    }

    fn best(&self, points: &Points, start: Option<Vec<f64>>) -> Result<Outcome> {
        let until = Until {
            iterations: self.max_iter,
            shift: self.tol * points.variance()?,
        };
        if let Some(centers) = start {
            return lloyd::best(points, vec![centers], self.clusters, until);
        }
        let mut best = lloyd::best(points, self.draw(points, 0, None)?, self.clusters, until)?;
        for round in 1..=ROUNDS {
            if self.clusters == 1 || best.inertia == 0.0 {
                break;
            }
            let next = lloyd::best(points, self.draw(points, round, Some(&best))?, self.clusters, until)?;
            let enough = next.inertia < (1.0 - GAIN) * best.inertia;
            if next.inertia < best.inertia {
                best = next;
            }
            if !enough {
                break;
            }
        }
        Ok(best)
    }

    /// Starts from nothing, or each from the best centres so far but for one, which is drawn anew.
    fn draw(&self, points: &Points, round: usize, best: Option<&Outcome>) -> Result<Vec<Vec<f64>>> {
        let columns = points.columns;
        let order = best.map_or_else(|| Ok(Vec::new()), |best| by_use(best, columns))?;
        let mut starts = room(self.starts, 1, Vec::new(), "the starts")?;
        for (number, start) in starts.iter_mut().enumerate() {
            let mut given = Vec::new();
            if let Some(best) = best {
                given = copied(&best.centers, "the starts")?;
                let place = order[number % order.len()] * columns;
                given.drain(place..place + columns);
            }
            let stream = &mut seed::stream(self.seed, (round * self.starts + number) as u64);
            *start = start::greedy(points, self.clusters, &given, stream)?;
        }
        Ok(starts)
    }
}

/// Centres by what the inertia would gain, at most, were their rows to go to another centre; the least useful first.
/// Source: Ward (1963), "Hierarchical grouping to optimize an objective function", doi 10.1080/01621459.1963.10500845.
fn by_use(found: &Outcome, columns: usize) -> Result<Vec<usize>> {
    let center = |cluster: usize| &found.centers[cluster * columns..(cluster + 1) * columns];
    let square = |a: usize, b: usize| center(a).iter().zip(center(b)).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let counts = &found.counts;
    let loss = |cluster: usize, other: usize| {
        let both = counts[cluster] + counts[other];
        if both > 0.0 {
            counts[cluster] * counts[other] / both * square(cluster, other)
        } else {
            0.0
        }
    };
    let clusters = counts.len();
    let mut order = room(clusters, 1, (0.0, 0), "the clusters by their use")?;
    let mut watch = Watch::start();
    for (cluster, place) in order.iter_mut().enumerate() {
        watch.look()?;
        let losses = (0..clusters).filter(|&other| other != cluster).map(|other| loss(cluster, other));
        *place = (losses.fold(f64::INFINITY, f64::min), cluster);
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, cluster)| cluster).gathered("the clusters by their use")
}

/// `centers`, one after the other, plus `sign` times `origin`.
fn shifted(centers: &[f64], origin: &[f64], sign: f64) -> Result<Vec<f64>> {
    let mut shifted = reserved(centers.len(), "the centres")?;
    for row in centers.chunks_exact(origin.len().max(1)) {
        shifted.extend(row.iter().zip(origin).map(|(center, origin)| center + sign * origin));
    }
    Ok(shifted)
}
