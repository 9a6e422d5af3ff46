//! What a fit leaves behind: centres, and what they say about rows.

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, copied, reserve};
use acm_linalg::samples::{by_rows, room, share_missing};
use acm_linalg::{Persist, Reader, Result, Samples, Scaling, Writer};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::block::index;
use super::centers::Centers;
use super::lloyd::{self, Outcome};
use super::points::{Points, bound};
use super::{KMeans, shifted};

/// Fitted clusters.
///
/// What is said of a row depends on that row alone: batches, chunks and single rows give the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedKMeans {
    parameters: KMeans,
    /// The medians: what the centres are relative to, so that 1e9 ± 1e-3 keeps its digits, and what missing values
    /// count as.
    origin: Vec<f64>,
    centers: Vec<f64>,
    /// Weight of the rows that each centre is the mean of.
    counts: Vec<f64>,
    labels: Vec<u32>,
    inertia: f64,
    iterations: usize,
}

/// What a score path asks of the rows of a tile.
trait Question<R>: Sync {
    fn answer<S: Simd>(&self, simd: S, centers: &Centers, tile: &[Row], rows: usize, out: &mut [R]);
}

struct Label;
struct Distance;
struct Distances;
struct Contributions<'a>(&'a [f64]);

impl<L: From<u32>> Question<L> for Label {
    #[inline(always)]
    fn answer<S: Simd>(&self, simd: S, centers: &Centers, tile: &[Row], _: usize, out: &mut [L]) {
        let mut found = Row::splat(0.0);
        found.store(centers.nearest(simd, tile).1);
        out.iter_mut().zip(found.0).for_each(|(to, label)| *to = L::from(index(label)));
    }
}

impl Question<f64> for Distance {
    #[inline(always)]
    fn answer<S: Simd>(&self, simd: S, centers: &Centers, tile: &[Row], _: usize, out: &mut [f64]) {
        let mut found = Row::splat(0.0);
        found.store(centers.nearest(simd, tile).0.sqrt());
        out.copy_from_slice(&found.0[..out.len()]);
    }
}

impl Question<f64> for Distances {
    #[inline(always)]
    fn answer<S: Simd>(&self, simd: S, centers: &Centers, tile: &[Row], rows: usize, out: &mut [f64]) {
        let mut found = [Row::splat(0.0); 4];
        for group in 0..centers.groups() {
            let count = centers.squares(simd, tile, group, &mut found);
            for place in 0..count {
                let square: V<S> = found[place].load(simd);
                found[place].store(square.sqrt());
                for lane in 0..rows {
                    out[lane * centers.count + 4 * group + place] = found[place].0[lane];
                }
            }
        }
    }
}

impl Question<f64> for Contributions<'_> {
    #[inline(always)]
    fn answer<S: Simd>(&self, simd: S, centers: &Centers, tile: &[Row], rows: usize, out: &mut [f64]) {
        let mut found = Row::splat(0.0);
        found.store(centers.nearest(simd, tile).1);
        for lane in 0..rows {
            let center = &self.0[index(found.0[lane]) as usize * tile.len()..][..tile.len()];
            let out = &mut out[lane * tile.len()..][..tile.len()];
            for column in 0..tile.len() {
                let difference = tile[column].0[lane] - center[column];
                out[column] = difference * difference;
            }
        }
    }
}

impl FittedKMeans {
    pub(super) fn new(parameters: &KMeans, scaling: Scaling, outcome: Outcome) -> Self {
        Self {
            parameters: parameters.clone(),
            origin: scaling.fill,
            centers: outcome.centers,
            counts: outcome.counts,
            labels: outcome.labels,
            inertia: outcome.inertia,
            iterations: outcome.iterations,
        }
    }

    /// What the model was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &KMeans {
        &self.parameters
    }

    /// Clusters.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.counts.len()
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.origin.len()
    }

    /// (k, d), one centre after the other.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn centers(&self) -> Result<Vec<f64>> {
        shifted(&self.centers, &self.origin, 1.0)
    }

    /// Weight of the rows of each cluster: all rows of the fit and of the mini-batches after it.
    #[must_use]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The cluster of each row of the fit, or of the latest mini-batch.
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Weighted sum of the squared distances of those rows to their centres.
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Iterations of the best start (0 without one), plus the mini-batches taken since.
    #[must_use]
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// The number of each row's nearest centre, the lowest of equally near ones.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] unless `labels` has a place for each row;
    /// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`]. So for all below.
    pub fn predict<L: From<u32> + Send>(&self, x: Samples<'_>, labels: &mut [L]) -> Result<()> {
        self.ask(x, 1, labels, &Label)
    }

    /// Each row's distance to the nearest centre.
    ///
    /// # Errors
    /// As [`FittedKMeans::predict`].
    pub fn score(&self, x: Samples<'_>, scores: &mut [f64]) -> Result<()> {
        self.ask(x, 1, scores, &Distance)
    }

    /// (n, k): each row's distance to each centre.
    ///
    /// # Errors
    /// As [`FittedKMeans::predict`].
    pub fn transform(&self, x: Samples<'_>, distances: &mut [f64]) -> Result<()> {
        self.ask(x, self.clusters(), distances, &Distances)
    }

    /// (n, d): the squared difference of each value to that of the row's nearest centre. A row's contributions sum to
    /// the square of its score.
    ///
    /// # Errors
    /// As [`FittedKMeans::predict`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.ask(x, self.columns(), out, &Contributions(&self.centers))
    }

    /// The share of the columns that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As [`FittedKMeans::predict`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &room(self.columns(), 1, true, "a mark for each column")?, out)
    }

    fn ask<R: Send, Q: Question<R>>(&self, x: Samples<'_>, width: usize, out: &mut [R], question: &Q) -> Result<()> {
        x.require_columns(self.columns())?;
        let columns = self.columns();
        let centers = Centers::new(&self.centers, columns)?;
        let cost = columns as f64 * (0.15 * centers.count as f64 + 1.0);
        let scratch = || room(columns, 1, Row::splat(0.0), "a tile of rows");
        by_rows(x.rows(), width, out, cost, scratch, |tile, rows, out, stop| {
            if stop.requested() {
                return;
            }
            dispatch!(Level::new(), simd => self.answer(simd, &x, &centers, tile, rows.start, width, out, question));
        })
    }

    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "apart, so that the instructions of this processor reach all of it"
    )]
    fn answer<S: Simd, R, Q: Question<R>>(
        &self,
        simd: S,
        x: &Samples<'_>,
        centers: &Centers,
        tile: &mut [Row],
        first: usize,
        width: usize,
        out: &mut [R],
        question: &Q,
    ) {
        for (number, out) in out.chunks_mut(LANES * width).enumerate() {
            x.pack(first + number * LANES, tile);
            for column in 0..tile.len() {
                let value: V<S> = tile[column].load(simd);
                let known = value.abs().simd_lt(f64::INFINITY);
                let value = known.select(value - self.origin[column], f64x8::splat(simd, 0.0));
                tile[column].store(bound(simd, value));
            }
            question.answer(simd, centers, tile, out.len() / width, out);
        }
    }

    /// The medians as a scaling.
    fn scaling(&self) -> Result<Scaling> {
        let what = "a scale for each column";
        Ok(Scaling {
            fill: copied(&self.origin, what)?,
            center: copied(&self.origin, what)?,
            scale: reserve(self.columns(), 1.0, what)?,
            known: reserve(self.columns(), 0, what)?,
        })
    }

    /// The model after a mini-batch: each centre is the mean of all rows that were ever its own.
    ///
    /// The labels are those by the centres before the batch. Missing values take the medians of the first batch, or
    /// fit.
    /// Source: Sculley (2010), "Web-scale k-means clustering", doi 10.1145/1772690.1772862, algorithm 1, its steps for
    /// the rows of a batch taken at once.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::TooFew`] without a row; those of [`KMeans::fit`]
    /// for weights.
    pub fn updated(&self, x: Samples<'_>, weights: Option<&[f64]>) -> Result<Self> {
        x.require_columns(self.columns())?;
        x.require(1)?;
        let what = "the centres";
        let mut moved = Self {
            parameters: self.parameters.clone(),
            origin: copied(&self.origin, what)?,
            centers: copied(&self.centers, what)?,
            counts: copied(&self.counts, what)?,
            labels: Vec::new(),
            ..*self
        };
        moved.take(&Points::new(x, &self.scaling()?, weights)?)?;
        Ok(moved)
    }

    /// Moves the centres by packed rows.
    pub(super) fn take(&mut self, points: &Points) -> Result<()> {
        let batch = lloyd::sums(points, &self.centers, self.clusters())?;
        let columns = self.columns();
        for (cluster, (count, more)) in self.counts.iter_mut().zip(&batch.counts).enumerate() {
            if *more > 0.0 {
                *count += more;
                let place = cluster * columns..(cluster + 1) * columns;
                for (center, sum) in self.centers[place.clone()].iter_mut().zip(&batch.sums[place]) {
                    *center += (sum - more * *center) / *count;
                }
            }
        }
        self.labels = batch.labels;
        self.inertia = batch.inertia;
        self.iterations = self.iterations.saturating_add(1);
        Ok(())
    }
}

impl Persist for FittedKMeans {
    const KIND: &'static str = "KMeans";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        self.labels.len()
    }

    fn write(&self, to: &mut Writer) {
        to.count("n_init", self.parameters.starts as u64);
        to.count("max_iter", self.parameters.max_iter as u64);
        to.real("tol", self.parameters.tol);
        to.count("seed", self.parameters.seed);
        to.reals("origin", &self.origin);
        to.matrix("centers", self.clusters(), self.columns(), &self.centers);
        to.reals("counts", &self.counts);
        to.counted("labels", self.labels.iter().map(|&label| u64::from(label)));
        to.real("inertia", self.inertia);
        to.count("n_iter", self.iterations as u64);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let (columns, clusters) = (from.length("origin")?, from.length("counts")?);
        from.require(columns >= 1, "origin")?;
        from.require(clusters >= 1, "counts")?;
        let sizes = ["n_init", "max_iter"].map(|name| from.size(name));
        let [starts, max_iter] = sizes;
        let parameters = KMeans::new(clusters, starts?, max_iter?, from.real("tol")?, from.count("seed")?);
        let labels = from.counts("labels", from.length("labels")?)?;
        let read = Self {
            parameters: parameters.map_err(|_| from.wrong("n_init"))?,
            origin: from.reals("origin", columns)?,
            centers: from.matrix("centers", clusters, columns)?,
            counts: from.reals("counts", clusters)?,
            labels: labels.iter().filter_map(|&label| u32::try_from(label).ok()).gathered("the labels")?,
            inertia: from.real("inertia")?,
            iterations: from.size("n_iter")?,
        };
        for (name, values) in [("origin", &read.origin), ("centers", &read.centers)] {
            from.require(values.iter().all(|value| value.is_finite()), name)?;
        }
        from.require(read.counts.iter().all(|&count| count >= 0.0 && count.is_finite()), "counts")?;
        from.require(labels.iter().all(|&label| label < clusters as u64), "labels")?;
        from.require(read.inertia >= 0.0, "inertia")?;
        Ok(read)
    }
}
