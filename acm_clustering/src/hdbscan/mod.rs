//! HDBSCAN: clusters of any shape and density, as many as there are, and noise.
//!
//! Exact: a minimum spanning tree by mutual reachability, its hierarchy, the clusters of it that last.
//!
//! # Examples
//!
//! ```
//! use acm_clustering::hdbscan::{Hdbscan, Selection};
//! use ndarray::array;
//!
//! # fn main() -> acm_linalg::Result<()> {
//! let x = array![[0.0], [0.1], [0.2], [50.0], [9.0], [9.1], [9.3]];
//! let fitted = Hdbscan::new(3, Some(2), Selection::ExcessOfMass)?.fit(x.view().into())?;
//! assert_eq!(fitted.labels(), [0, 0, 0, -1, 1, 1, 1]);
//! assert!(fitted.outlier_scores()[3] > 0.9);
//! # Ok(())
//! # }
//! ```

mod condensed;
mod core;
mod fitted;
mod predict;
mod select;
mod spanning;
#[cfg(test)]
mod tests;
mod tree;

use acm_linalg::error::require;
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

pub use fitted::FittedHdbscan;

use condensed::Condensed;
use fitted::Parts;
use tree::Tree;

/// Which clusters of the hierarchy are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those with the greatest excess of mass: the most rows over the widest range of densities.
    ExcessOfMass,
    /// Those that do not fall apart into others.
    Leaf,
}

/// Parameters of HDBSCAN.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdbscan {
    min_cluster_size: usize,
    min_samples: Option<usize>,
    selection: Selection,
    epsilon: f64,
    allow_single_cluster: bool,
    max_cluster_size: Option<usize>,
}

impl Hdbscan {
    /// Clusters have at least `min_cluster_size` rows; a row's core distance is that to its `min_samples`-th nearest row, itself
    /// the first (`min_cluster_size` where it is none).
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] for a `min_cluster_size` below 2 or a `min_samples` below 1.
    pub fn new(min_cluster_size: usize, min_samples: Option<usize>, selection: Selection) -> Result<Self> {
        require(min_cluster_size >= 2, "min_cluster_size", "at least 2", min_cluster_size)?;
        if let Some(count) = min_samples {
            require(count >= 1, "min_samples", "at least 1", count)?;
        }
        Ok(Self {
            min_cluster_size,
            min_samples,
            selection,
            epsilon: 0.0,
            allow_single_cluster: false,
            max_cluster_size: None,
        })
    }

    /// Clusters that part at a smaller distance than `epsilon` are one.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless it is finite and at least 0.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        let name = "cluster_selection_epsilon";
        require(epsilon >= 0.0 && epsilon.is_finite(), name, "finite and at least 0", epsilon)?;
        self.epsilon = epsilon;
        Ok(self)
    }

    /// All rows may be one cluster.
    #[must_use]
    pub fn with_single_cluster(mut self, allow: bool) -> Self {
        self.allow_single_cluster = allow;
        self
    }

    /// By excess of mass, clusters of more rows are not taken, but their parts.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] for 0.
    pub fn with_max_cluster_size(mut self, most: Option<usize>) -> Result<Self> {
        if let Some(most) = most {
            require(most >= 1, "max_cluster_size", "at least 1", most)?;
        }
        self.max_cluster_size = most;
        Ok(self)
    }

    /// Fewest rows of a cluster.
    #[must_use]
    pub fn min_cluster_size(&self) -> usize {
        self.min_cluster_size
    }

    /// Rows within a core distance, as it was given.
    #[must_use]
    pub fn min_samples(&self) -> Option<usize> {
        self.min_samples
    }

    /// Rows within a core distance, the row itself counted.
    #[must_use]
    pub fn neighbours(&self) -> usize {
        self.min_samples.unwrap_or(self.min_cluster_size)
    }

    /// Which clusters are taken.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// Least distance at which clusters part.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// Whether all rows may be one cluster.
    #[must_use]
    pub fn allow_single_cluster(&self) -> bool {
        self.allow_single_cluster
    }

    /// Most rows of a cluster.
    #[must_use]
    pub fn max_cluster_size(&self) -> Option<usize> {
        self.max_cluster_size
    }

    /// The clusters of the rows of `x`. With fewer rows than a cluster or a core distance has, all are noise.
    ///
    /// Shapes: x (n, d).
    /// Missing: refused.
    /// Cost: O(n log n) searches of a k-d tree in few columns, up to O(n² log n d) in many; 24 (d + 4) n bytes about.
    /// Threads: rows; any number gives the same bytes.
    /// Oracle: scikit-learn `HDBSCAN`, where no two lengths of the spanning tree are equal.
    /// Source: Campello, Moulavi and Sander (2013), doi 10.1007/978-3-642-37456-2_14; McInnes and Healy (2017), doi
    /// 10.1109/ICDMW.2017.12.
    ///
    /// # Errors
    /// [`acm_linalg::Error::TooFew`] without a row or column; [`acm_linalg::Error::Gap`]; [`acm_linalg::Error::Parameter`] for 2^31 rows or more;
    /// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedHdbscan> {
        x.require(1)?;
        let rows = x.rows();
        require(u32::try_from(2 * rows as u64).is_ok(), "x", "of fewer than 2^31 rows", rows)?;
        let tree = Tree::new(x)?;
        if rows < self.min_cluster_size.max(self.neighbours()) || rows < 2 {
            return FittedHdbscan::nothing(self, tree);
        }
        let cores = core::squared(&tree, self.neighbours())?;
        let edges = spanning::minimum(&tree, &cores, &core::least_within(&tree, &cores)?)?;
        let links = condensed::links(&tree, &edges)?;
        drop(edges);
        let condensed = Condensed::new(&links, self.min_cluster_size)?;
        let mut heights = room(links.len(), 1, 0.0, "the spanning tree")?;
        heights.iter_mut().zip(&links).for_each(|(to, link)| *to = link.height);
        drop(links);
        FittedHdbscan::new(
            self,
            Parts {
                tree,
                cores,
                heights,
                condensed,
            },
        )
    }
}
