//! What a fit leaves behind: the rows, their core distances and the condensed tree, and what they say about other rows.

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, push, reserve, room};
use acm_linalg::parallel::Watch;
use acm_linalg::{Persist, Reader, Result, Writer};
use ndarray::ArrayView2;

use super::condensed::{Cluster, Condensed};
use super::select::{self, NOISE, Selected};
use super::tree::{Tree, index};
use super::{Hdbscan, Selection, core};

/// What lacks where memory does.
const WHAT: &str = "the clusters";

/// One in so many rows of a cluster that stands out is dense: the middle of a cloud, whose edge is as thin as what parts it.
const DENSE: f64 = 4.0;

/// What a fit finds.
pub(super) struct Parts {
    pub(super) tree: Tree,
    /// Squared, in the tree's order and unit.
    pub(super) cores: Vec<Row>,
    /// Lengths of the spanning tree's edges, the shortest first.
    pub(super) heights: Vec<f64>,
    pub(super) condensed: Condensed,
}

/// Fitted clusters.
#[derive(Debug, Clone)]
pub struct FittedHdbscan {
    parameters: Hdbscan,
    pub(super) tree: Tree,
    pub(super) cores: Vec<Row>,
    /// Squared, how far what leaves its cluster with a row is from the rest of it; in the tree's order and unit.
    pub(super) reaches: Vec<Row>,
    /// By node of the tree.
    pub(super) least_reaches: Vec<f64>,
    heights: Vec<f64>,
    pub(super) condensed: Condensed,
    pub(super) selected: Selected,
    labels: Vec<i64>,
    probabilities: Vec<f64>,
    outlier_scores: Vec<f64>,
}

impl FittedHdbscan {
    pub(super) fn new(parameters: &Hdbscan, parts: Parts) -> Result<Self> {
        let Parts {
            tree,
            cores,
            heights,
            condensed,
        } = parts;
        let selected = Selected::new(&condensed, parameters)?;
        let (labels, probabilities) = selected.of_rows(&condensed)?;
        let mut reaches = reserve(cores.len(), Row::splat(0.0), WHAT)?;
        for (place, &row) in tree.order.iter().enumerate() {
            reaches[place / LANES].0[place % LANES] = tree.reach(condensed.leaves[row]);
        }
        Ok(Self {
            parameters: parameters.clone(),
            outlier_scores: select::outlier_scores(&condensed)?,
            least_reaches: core::least_within(&tree, &reaches)?,
            reaches,
            tree,
            cores,
            heights,
            condensed,
            selected,
            labels,
            probabilities,
        })
    }

    /// Of too few rows: no cluster, no hierarchy, all noise.
    pub(super) fn nothing(parameters: &Hdbscan, tree: Tree) -> Result<Self> {
        let rows = tree.rows();
        let condensed = Condensed {
            clusters: reserve(
                1,
                Cluster {
                    parent: 0,
                    birth: 0.0,
                    size: index(rows),
                },
                WHAT,
            )?,
            last: reserve(rows, 0, WHAT)?,
            leaves: reserve(rows, 0.0, WHAT)?,
        };
        Ok(Self {
            parameters: parameters.clone(),
            cores: reserve(tree.points.groups(), Row::splat(0.0), WHAT)?,
            reaches: Vec::new(),
            least_reaches: Vec::new(),
            heights: Vec::new(),
            selected: Selected {
                clusters: Vec::new(),
                labels: reserve(1, NOISE, WHAT)?,
                thresholds: Vec::new(),
                ends: Vec::new(),
            },
            condensed,
            labels: reserve(rows, NOISE, WHAT)?,
            probabilities: reserve(rows, 0.0, WHAT)?,
            outlier_scores: reserve(rows, 0.0, WHAT)?,
            tree,
        })
    }

    /// The clusters that stand out: of each a quarter of the rows or more have, as far around them as it is to where the cluster
    /// parts from its neighbours, `times` as many rows as are that near there. Others are no clusters of the hierarchy either;
    /// what they part from goes on.
    ///
    /// The k-th nearest row of the place at which two clusters part is about as far as they part at: with k = `neighbours` and a
    /// row's K-th nearest at most as far, K = `times` k, the density of the same ball is `times` as great there. That says the
    /// same in any number of columns, where a ratio of lengths does not.
    ///
    /// Source: after Kpotufe and von Luxburg (2011), "Pruning nearest neighbor cluster trees", ICML, arXiv 1105.0540.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
    pub fn standing_out(self, times: usize) -> Result<Self> {
        let clusters = &self.condensed.clusters;
        if clusters.len() == 1 {
            return Ok(self);
        }
        let mut dense = reserve(clusters.len(), 0_u32, WHAT)?;
        let count = times.saturating_mul(self.parameters.neighbours());
        if count <= self.rows() {
            let reaches = core::squared(&self.tree, count)?;
            let mut watch = Watch::start();
            for (place, &row) in self.tree.order.iter().enumerate() {
                let reach = reaches[place / LANES].0[place % LANES].sqrt() / self.tree.factor;
                let mut cluster = self.condensed.last[row] as usize;
                let mut around = 0;
                while cluster > 0 {
                    dense[cluster] += u32::from(reach <= 1.0 / clusters[cluster].birth);
                    cluster = clusters[cluster].parent as usize;
                    around += 1;
                }
                watch.after(around)?;
            }
        }
        let marked =
            |(dense, cluster): (&u32, &Cluster)| *dense > 0 && DENSE * f64::from(*dense) >= f64::from(cluster.size);
        let marks = dense.iter().zip(clusters).map(marked).gathered(WHAT)?;
        let parts = Parts {
            condensed: self.condensed.only(&marks)?,
            tree: self.tree,
            cores: self.cores,
            heights: self.heights,
        };
        Self::new(&self.parameters, parts)
    }

    /// What the model was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &Hdbscan {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.tree.points.width()
    }

    /// Rows at fit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tree.rows()
    }

    /// Clusters.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.selected.clusters.len()
    }

    /// Whether there were too few rows for a cluster, or for a core distance.
    #[must_use]
    pub fn is_too_few(&self) -> bool {
        self.heights.is_empty()
    }

    /// The cluster of each row, numbered by their first rows; -1 is noise.
    #[must_use]
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// How firmly each row belongs to its cluster: the density at which it leaves it over that of the cluster's end, 0 for noise.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// How much less dense each row's place is than the densest of the cluster around it (GLOSH), between 0 and 1.
    #[must_use]
    pub fn outlier_scores(&self) -> &[f64] {
        &self.outlier_scores
    }

    /// Lengths of the spanning tree's edges, the shortest first; none with too few rows.
    #[must_use]
    pub fn heights(&self) -> &[f64] {
        &self.heights
    }

    /// Rows of each cluster.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn counts(&self) -> Result<Vec<i64>> {
        let mut counts = reserve(self.clusters(), 0, WHAT)?;
        for label in &self.labels {
            if let Ok(label) = usize::try_from(*label) {
                counts[label] += 1;
            }
        }
        Ok(counts)
    }

    /// Of each cluster how long its rows stay in it, over what is possible: stability / (rows (end - birth)), within 0 and 1.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn persistences(&self) -> Result<Vec<f64>> {
        let stabilities = self.condensed.stabilities()?;
        let persistence = |(&cluster, &end): (&u32, &f64)| {
            let Cluster { birth, size, .. } = self.condensed.clusters[cluster as usize];
            let most = f64::from(size) * (end - birth);
            if most.is_finite() && most > 0.0 {
                (stabilities[cluster as usize] / most).min(1.0)
            } else {
                1.0
            }
        };
        self.selected.clusters.iter().zip(&self.selected.ends).map(persistence).gathered(WHAT)
    }

    /// The distance of each row to its `min_samples`-th nearest one, itself the first.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn core_distances(&self) -> Result<Vec<f64>> {
        let mut cores = self.by_rows()?;
        cores.iter_mut().for_each(|core| *core = core.sqrt() / self.tree.factor);
        Ok(cores)
    }

    /// Squared core distances in the order of the rows, in the tree's unit.
    fn by_rows(&self) -> Result<Vec<f64>> {
        let mut cores = reserve(self.rows(), 0.0, WHAT)?;
        for (place, &row) in self.tree.order.iter().enumerate() {
            cores[row] = self.cores[place / LANES].0[place % LANES];
        }
        Ok(cores)
    }

    /// The condensed tree as (parent, child, density, size): rows have the numbers below n, clusters those from n on, n being
    /// all rows. Rows first, then clusters.
    pub fn condensed(&self) -> impl ExactSizeIterator<Item = (usize, usize, f64, usize)> {
        let rows = self.rows();
        let children = if self.is_too_few() { 0 } else { rows + self.condensed.clusters.len() - 1 };
        (0..children).map(move |child| {
            if child < rows {
                let last = self.condensed.last[child] as usize;
                (rows + last, child, self.condensed.leaves[child], 1)
            } else {
                let cluster = self.condensed.clusters[child - rows + 1];
                (rows + cluster.parent as usize, child + 1, cluster.birth, cluster.size as usize)
            }
        })
    }

    /// The rows themselves, in their order.
    fn values(&self) -> Result<Vec<f64>> {
        let columns = self.columns();
        let mut values = room(self.rows(), columns, 0.0, WHAT)?;
        for (place, &row) in self.tree.order.iter().enumerate() {
            let group = self.tree.points.group(place / LANES);
            let to = &mut values[row * columns..][..columns];
            to.iter_mut()
                .zip(group)
                .for_each(|(to, from)| *to = from.0[place % LANES] / self.tree.factor);
        }
        Ok(values)
    }
}

impl Persist for FittedHdbscan {
    const KIND: &'static str = "HDBSCAN";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        self.rows() * (self.columns() + 5)
    }

    fn write(&self, to: &mut Writer) {
        let how = &self.parameters;
        to.count("min_cluster_size", how.min_cluster_size() as u64);
        to.count("min_samples", how.min_samples().unwrap_or(0) as u64);
        to.count("leaf", u64::from(how.selection() == Selection::Leaf));
        to.real("epsilon", how.epsilon());
        to.count("allow_single_cluster", u64::from(how.allow_single_cluster()));
        to.count("max_cluster_size", how.max_cluster_size().unwrap_or(0) as u64);
        to.count("columns", self.columns() as u64);
        match self.values() {
            Ok(values) => to.matrix("rows", self.rows(), self.columns(), &values),
            Err(error) => to.fail(error),
        }
        match self.by_rows() {
            Ok(cores) => to.reals("cores", &cores),
            Err(error) => to.fail(error),
        }
        to.reals("heights", &self.heights);
        to.counted("parents", self.condensed.clusters.iter().map(|cluster| u64::from(cluster.parent)));
        to.measured("births", self.condensed.clusters.iter().map(|cluster| cluster.birth));
        to.counted("sizes", self.condensed.clusters.iter().map(|cluster| u64::from(cluster.size)));
        to.counted("last", self.condensed.last.iter().map(|&last| u64::from(last)));
        to.reals("leaves", &self.condensed.leaves);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let parameters = parameters(from)?;
        let rows = from.length("leaves")?;
        from.require(rows >= 1 && u32::try_from(2 * rows as u64).is_ok(), "leaves")?;
        let columns = from.size("columns")?;
        from.require(columns >= 1, "columns")?;
        let values = from.matrix("rows", rows, columns)?;
        let view = ArrayView2::from_shape((rows, columns), &values).map_err(|_| from.wrong("rows"))?;
        let tree = Tree::new(view.into()).map_err(|error| from.blamed("rows", error))?;
        drop(values);
        let heights = from.reals("heights", from.length("heights")?)?;
        let cores = cores(from, &tree)?;
        let condensed = condensed(from, rows)?;
        let few = rows < 2 || rows < parameters.min_cluster_size().max(parameters.neighbours());
        from.require(heights.len() == if few { 0 } else { rows - 1 }, "heights")?;
        let sound = heights.iter().all(|height| *height >= 0.0 && height.is_finite());
        from.require(sound && heights.is_sorted(), "heights")?;
        if few {
            return Self::nothing(&parameters, tree);
        }
        Self::new(
            &parameters,
            Parts {
                tree,
                cores,
                heights,
                condensed,
            },
        )
    }
}

fn parameters(from: &Reader<'_>) -> Result<Hdbscan> {
    let flag = |name| {
        let flag = from.count(name)?;
        from.require(flag <= 1, name)?;
        Ok(flag == 1)
    };
    let some = |name| from.size(name).map(|count| Some(count).filter(|&count| count > 0));
    let selection = if flag("leaf")? { Selection::Leaf } else { Selection::ExcessOfMass };
    let (size, samples) = (from.size("min_cluster_size")?, some("min_samples")?);
    let (epsilon, most) = (from.real("epsilon")?, some("max_cluster_size")?);
    let single = flag("allow_single_cluster")?;
    let how = Hdbscan::new(size, samples, selection).map_err(|_| from.wrong("min_cluster_size"))?;
    let how = how.with_epsilon(epsilon).map_err(|_| from.wrong("epsilon"))?;
    how.with_single_cluster(single).with_max_cluster_size(most)
}

fn cores(from: &Reader<'_>, tree: &Tree) -> Result<Vec<Row>> {
    let squares = from.reals("cores", tree.rows())?;
    from.require(squares.iter().all(|square| *square >= 0.0 && square.is_finite()), "cores")?;
    let mut cores = reserve(tree.points.groups(), Row::splat(0.0), WHAT)?;
    for (place, &row) in tree.order.iter().enumerate() {
        cores[place / LANES].0[place % LANES] = squares[row];
    }
    Ok(cores)
}

fn condensed(from: &Reader<'_>, rows: usize) -> Result<Condensed> {
    let count = from.length("parents")?;
    from.require(count >= 1 && count <= rows, "parents")?;
    let (parents, sizes) = (from.counts("parents", count)?, from.counts("sizes", count)?);
    let births = from.reals("births", count)?;
    let mut clusters = Vec::new();
    for (number, ((&parent, &size), &birth)) in parents.iter().zip(&sizes).zip(&births).enumerate() {
        from.require(parent < number.max(1) as u64, "parents")?;
        from.require(size >= 1 && size <= rows as u64, "sizes")?;
        from.require(if number == 0 { birth == 0.0 } else { birth > 0.0 }, "births")?;
        let (parent, size) = (narrow(parent), narrow(size));
        push(&mut clusters, Cluster { parent, birth, size }, WHAT)?;
    }
    let (last, leaves) = (from.counts("last", rows)?, from.reals("leaves", rows)?);
    from.require(last.iter().all(|&cluster| cluster < count as u64), "last")?;
    from.require(leaves.iter().all(|&density| density >= 0.0), "leaves")?;
    let last = last.into_iter().map(narrow).gathered(WHAT)?;
    Ok(Condensed { clusters, last, leaves })
}

/// Of a number that was checked against the rows.
#[expect(clippy::cast_possible_truncation, reason = "at most the number of rows, below 2^32")]
fn narrow(number: u64) -> u32 {
    number as u32
}
