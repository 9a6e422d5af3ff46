//! Predictions through a few components; principal components.

use acm_linalg::memory::{copied, room};
use acm_linalg::parallel::aside;
use acm_linalg::{Error, Result, workspace};
use faer::MatRef;

use super::root::Root;

/// Components below this share of the whole, as lengths, are rounding.
pub(super) const NOISE: f64 = 1000.0 * f64::EPSILON;

/// Estimated time of a decomposition for each of n d min(n, d), in nanoseconds.
const SVD_NS: f64 = 1.5;

/// A row z of d values is predicted as (z `into`) `back`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subspace {
    pub(super) rank: usize,
    /// (d, rank), row after row.
    pub(super) into: Vec<f64>,
    /// (rank, d), row after row.
    pub(super) back: Vec<f64>,
}

impl Subspace {
    pub(super) fn empty(sensors: usize, rank: usize) -> Result<Self> {
        Ok(Self {
            rank,
            into: room(sensors, rank, 0.0, "components")?,
            back: room(rank, sensors, 0.0, "components")?,
        })
    }
}

/// Reconstruction from the first `components` principal components (Pearson 1901, doi 10.1080/14786440109462720).
pub(super) fn principal(root: &Root, components: usize) -> Result<Subspace> {
    let (rows, columns) = (root.rows, root.columns);
    let values = copied(&root.values, "a copy of a matrix")?;
    let cost = SVD_NS * (rows * columns) as f64 * rows.min(columns) as f64;
    let failed = |_| Error::Singular {
        name: "x",
        requirement: "free of numbers too large to be squared",
    };
    let found = aside(cost, None, move || -> Result<_> {
        let _room = workspace::for_svd(rows, columns)?;
        Ok(MatRef::from_row_major_slice(&values, rows, columns).thin_svd())
    })??;
    let found = found.map_err(failed)?;
    let lengths = found.S().column_vector();
    let whole = lengths.iter().map(|length| length * length).sum::<f64>().sqrt();
    let counted = lengths.iter().take_while(|&&length| length > NOISE * whole).count();
    let rank = components.min(counted);
    let mut space = Subspace::empty(root.columns, rank)?;
    for number in 0..rank {
        let line = &mut space.back[number * root.columns..(number + 1) * root.columns];
        for (place, value) in line.iter_mut().enumerate() {
            *value = found.V()[(place, number)];
        }
        acm_linalg::dense::fix_sign(line);
        for (place, value) in line.iter().enumerate() {
            space.into[place * rank + number] = *value;
        }
    }
    Ok(space)
}
