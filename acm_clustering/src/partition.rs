//! Rows sorted by their cluster.

use acm_linalg::distances::Points;
use acm_linalg::memory::push;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};

/// What labels say: clusters numbered from 0 in the order of their labels, rows in the order of their clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Row numbers by cluster, within one in their own order.
    pub(crate) order: Vec<usize>,
    /// Cluster of each of these rows.
    pub(crate) clusters: Vec<usize>,
    /// Rows of each cluster.
    pub(crate) sizes: Vec<usize>,
}

impl Partition {
    /// Of `rows` rows with any whole numbers as labels, at least two kinds of them and fewer than rows.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Parameter`] naming `labels`; [`Error::Memory`].
    pub(crate) fn new(labels: &[i64], rows: usize) -> Result<Self> {
        if labels.len() != rows {
            return Err(Error::Length {
                name: "labels",
                expected: rows,
                got: labels.len(),
            });
        }
        // Labels are read once: the array may be written to meanwhile.
        let mut pairs = room(rows, 1, (0, 0), "the labels")?;
        for (row, (pair, &label)) in pairs.iter_mut().zip(labels).enumerate() {
            *pair = (label, row);
        }
        pairs.sort_unstable();
        let mut order = room(rows, 1, 0, "the labels")?;
        let mut clusters = room(rows, 1, 0, "the labels")?;
        let mut sizes = Vec::new();
        let mut last = None;
        for (place, &(label, row)) in pairs.iter().enumerate() {
            if last != Some(label) {
                push(&mut sizes, 0, "the labels")?;
                last = Some(label);
            }
            let cluster = sizes.len() - 1;
            sizes[cluster] += 1;
            (order[place], clusters[place]) = (row, cluster);
        }
        if sizes.len() < 2 || sizes.len() >= rows {
            return Err(Error::Parameter {
                name: "labels",
                requirement: "of at least 2 kinds and of fewer kinds than rows",
                value: sizes.len().into(),
            });
        }
        Ok(Self { order, clusters, sizes })
    }

    /// Clusters.
    pub(crate) fn count(&self) -> usize {
        self.sizes.len()
    }
}

/// The rows in the partition's order, in a unit in which their squares neither overflow nor underflow: for what has no unit.
///
/// # Errors
/// [`Error::Unfit`] naming `x` where a value is missing; [`Error::Memory`]; [`Error::Interrupted`].
pub(crate) fn sorted_points(x: Samples<'_>, partition: &Partition) -> Result<Points> {
    let mut points = Points::gather(x, &partition.order)?;
    if points.any_missing() {
        return Err(Error::Unfit {
            name: "x",
            requirement: "no missing values (NaN or infinity)",
        });
    }
    points.rescale();
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_numbers_are_labels() {
        let partition = Partition::new(&[7, -1, i64::MAX, 7, -1, i64::MIN], 6).unwrap();
        assert_eq!(partition.order, [5, 1, 4, 0, 3, 2]);
        assert_eq!(partition.clusters, [0, 1, 1, 2, 2, 3]);
        assert_eq!(partition.sizes, [1, 2, 2, 1]);
    }

    #[test]
    fn too_few_and_too_many_kinds_are_refused() {
        for (labels, kinds) in [(&[][..], 0), (&[3], 1), (&[3, 3, 3], 1), (&[1, 2, 3], 3)] {
            let message = Partition::new(labels, labels.len()).unwrap_err().to_string();
            let requirement = "of at least 2 kinds and of fewer kinds than rows";
            assert_eq!(message, format!("`labels` must be {requirement}, got {kinds}"));
        }
        let message = Partition::new(&[1, 2], 3).unwrap_err().to_string();
        assert_eq!(message, "`labels` must have length 3, got 2");
    }
}
