//! Singular values.

use faer::MatRef;

use crate::covariance::require_complete;
use crate::error::{Error, Result, require};
use crate::memory::{Gather, room};
use crate::parallel::{Watch, aside};
use crate::samples::{Samples, read_all};
use crate::scaling::unit;
use crate::workspace;

/// A thin singular value decomposition x = u diag(s) vt, matrices row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// (n, k), columns of length 1.
    pub u: Vec<f64>,
    /// (k,), largest first.
    pub s: Vec<f64>,
    /// (k, d), rows of length 1; the entry of greatest magnitude of each (the first of equal ones) is positive.
    pub vt: Vec<f64>,
}

/// The first `k` singular values and vectors of samples without missing values; all min(n, d) for `None`.
///
/// Cost: O(n d min(n, d)), on the calling thread, with a copy of `x`.
/// Oracle: NumPy `linalg.svd(x, full_matrices=False)`.
///
/// # Examples
///
/// ```
/// use acm_linalg::svd::svd;
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let found = svd(array![[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]].view().into(), Some(1))?;
/// assert!((found.s[0] - 3.0).abs() < 1e-12);
/// assert!((found.vt[0] - 1.0).abs() < 1e-12 && found.vt[1].abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`] without a row or a column; [`Error::Parameter`] unless 1 <= k <= min(n, d); [`Error::Missing`];
/// [`Error::Singular`] where no decomposition is found; [`Error::Memory`]; [`Error::Interrupted`].
pub fn svd(samples: Samples<'_>, k: Option<usize>) -> Result<Svd> {
    samples.require(1)?;
    let (rows, columns) = (samples.rows(), samples.columns());
    let k = k.unwrap_or(rows.min(columns));
    require(k >= 1 && k <= rows.min(columns), "k", "between 1 and the lesser of rows and columns", k)?;
    require_complete(samples, "x")?;
    let mut values = room(rows, columns, 0.0, "a copy of the samples")?;
    read_all(samples, &mut values)?;
    // A power of two keeps squares within range and changes no digit.
    let mut watch = Watch::start();
    let mut most = 0.0_f64;
    for part in values.chunks(PART) {
        watch.after(PART)?;
        most = part.iter().fold(most, |most, value| value.abs().max(most));
    }
    let unit = unit(most);
    for part in values.chunks_mut(PART) {
        watch.after(PART)?;
        part.iter_mut().for_each(|value| *value *= unit);
    }
    let found = thin(values, rows, columns, k)?;
    let s = found.s.iter().map(|value| value / unit).gathered("singular values")?;
    if s.iter().all(|value| value.is_finite()) {
        Ok(Svd { s, ..found })
    } else {
        Err(TOO_LARGE)
    }
}

/// Values between two looks at interrupts.
const PART: usize = 1 << 16;

/// Estimated time of a decomposition for each of n d min(n, d), in nanoseconds.
const SVD_NS: f64 = 1.5;

const TOO_LARGE: Error = Error::Singular {
    name: "x",
    requirement: "free of numbers too large to be squared",
};

/// The decomposition of a row-major matrix, its first `k` values.
pub(crate) fn thin(values: Vec<f64>, rows: usize, columns: usize, k: usize) -> Result<Svd> {
    let cost = SVD_NS * (rows * columns) as f64 * rows.min(columns) as f64;
    let found = aside(cost, None, move || -> Result<_> {
        let _room = workspace::for_svd(rows, columns)?;
        Ok(MatRef::from_row_major_slice(&values, rows, columns).thin_svd())
    })??;
    let found = found.map_err(|_| TOO_LARGE)?;
    let (left, singular, right) = (found.U(), found.S().column_vector(), found.V());
    let mut u = room(rows, k, 0.0, "left singular vectors")?;
    let mut vt = room(k, columns, 0.0, "right singular vectors")?;
    let mut watch = Watch::start();
    for number in 0..k {
        let row = &mut vt[number * columns..(number + 1) * columns];
        row.iter_mut().enumerate().for_each(|(place, to)| *to = right[(place, number)]);
        let flipped = greatest(row) < 0.0;
        if flipped {
            row.iter_mut().for_each(|value| *value = -*value);
        }
        let sign = if flipped { -1.0 } else { 1.0 };
        for (place, row) in u.chunks_exact_mut(k).enumerate() {
            watch.after(1)?;
            row[number] = sign * left[(place, number)];
        }
    }
    let s = (0..k).map(|number| singular[number].max(0.0)).gathered("singular values")?;
    Ok(Svd { u, s, vt })
}

/// The entry of greatest magnitude, the first of equal ones.
fn greatest(vector: &[f64]) -> f64 {
    vector
        .iter()
        .fold(0.0_f64, |most, &value| if value.abs() > most.abs() { value } else { most })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn products_give_the_matrix_back() {
        for (rows, columns) in [(7, 4), (4, 7), (1, 3), (3, 1)] {
            let x = Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) % 23) as f64 - 11.0);
            let Svd { u, s, vt } = svd(x.view().into(), None).unwrap();
            let k = rows.min(columns);
            for row in 0..rows {
                for column in 0..columns {
                    let value: f64 = (0..k).map(|at| u[row * k + at] * s[at] * vt[at * columns + column]).sum();
                    assert!((value - x[[row, column]]).abs() < 1e-12);
                }
            }
            assert!(s.windows(2).all(|pair| pair[0] >= pair[1]));
            assert!(vt.chunks(columns).all(|row| greatest(row) > 0.0));
        }
    }

    #[test]
    fn any_size_of_numbers_will_do() {
        let x = array![[3.0, 0.0], [0.0, -4.0], [0.0, 0.0]];
        for unit in [1.0, 2.0_f64.powi(1000), 2.0_f64.powi(-1000)] {
            let Svd { s, vt, .. } = svd((&x * unit).view().into(), None).unwrap();
            assert!((s[0] / unit - 4.0).abs() < 1e-14 && (s[1] / unit - 3.0).abs() < 1e-14);
            assert!((vt[1] - 1.0).abs() < 1e-15);
        }
        let found = svd(Array2::<f64>::zeros((3, 2)).view().into(), Some(1)).unwrap();
        assert_eq!(found.s, [0.0]);
    }

    #[test]
    fn bad_calls_are_told() {
        let x = Array2::<f64>::ones((3, 2));
        let text = |k| svd(x.view().into(), Some(k)).unwrap_err().to_string();
        assert_eq!(text(3), "`k` must be between 1 and the lesser of rows and columns, got 3");
        assert_eq!(text(0), "`k` must be between 1 and the lesser of rows and columns, got 0");
    }
}
