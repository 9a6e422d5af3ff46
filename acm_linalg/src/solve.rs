//! Linear equations with a symmetric positive definite matrix.

use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{MatMut, MatRef, Par};

use crate::covariance::require_complete;
use crate::dense::cholesky;
use crate::error::{Error, Result};
use crate::memory::room;
use crate::parallel::aside;
use crate::samples::{Samples, read_all};
use crate::workspace;

/// Estimated time of the substitutions for n² m, in nanoseconds.
const SOLVE_NS: f64 = 0.3;

/// Solves a y = b for a symmetric positive definite `a`, of which the lower triangle is read.
///
/// Shapes: a (n, n), b (n, m) -> (n, m), row-major.
/// Missing: refused.
/// Cost: n³ / 3 + 2 n² m operations, on the calling thread.
/// Oracle: SciPy `cho_solve(cho_factor(a, lower=True), b)`.
///
/// # Errors
/// [`Error::Shape`] where `a` is not square; [`Error::Length`] where `b` has another number of rows; [`Error::Missing`];
/// [`Error::Singular`] where `a` is not positive definite; [`Error::Memory`]; [`Error::Interrupted`].
pub fn cholesky_solve(a: Samples<'_>, b: Samples<'_>) -> Result<Vec<f64>> {
    let (size, width) = (a.rows(), b.columns());
    if a.columns() != size {
        return Err(Error::Shape {
            name: "a",
            expected: (size, size),
            got: (size, a.columns()),
        });
    }
    if b.rows() != size {
        return Err(Error::Length {
            name: "b",
            expected: size,
            got: b.rows(),
        });
    }
    require_complete(a, "a")?;
    require_complete(b, "b")?;
    let mut solution = room(size, width, 0.0, "the solution")?;
    read_all(b, &mut solution)?;
    if size == 0 {
        return Ok(solution);
    }
    let mut matrix = room(size, size, 0.0, "a copy of the matrix")?;
    read_all(a, &mut matrix)?;
    let lower = cholesky(&matrix, size, "a")?;
    aside(SOLVE_NS * (size * size) as f64 * width as f64, None, move || -> Result<_> {
        workspace::ready()?;
        let lower = MatRef::from_row_major_slice(&lower, size, size);
        let mut right = MatMut::from_row_major_slice_mut(&mut solution, size, width);
        solve_lower_triangular_in_place(lower, right.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(lower.transpose(), right, Par::Seq);
        Ok(solution)
    })?
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn solutions_multiply_back() {
        // Hilbert's matrix of order 4 has a whole-numbered inverse.
        let a = Array2::from_shape_fn((4, 4), |(i, j)| 1.0 / (i + j + 1) as f64);
        let b = Array2::<f64>::eye(4);
        let found = cholesky_solve(a.view().into(), b.view().into()).unwrap();
        let exact = [16.0, -120.0, 240.0, -140.0, -120.0, 1200.0, -2700.0, 1680.0];
        for (found, exact) in found.iter().zip(exact) {
            assert!((found - exact).abs() < 1e-8, "{found} {exact}");
        }
    }

    #[test]
    fn bad_systems_are_told() {
        let text = |a: &Array2<f64>, b: &Array2<f64>| {
            cholesky_solve(a.view().into(), b.view().into()).unwrap_err().to_string()
        };
        let (a, b) = (array![[1.0, 2.0], [2.0, 1.0]], array![[1.0], [1.0]]);
        assert_eq!(text(&a, &b), "`a` must be positive definite");
        assert_eq!(text(&b, &b), "`a` must have shape (2, 2), got (2, 1)");
        assert_eq!(text(&a, &array![[1.0]]), "`b` must have length 2, got 1");
        assert!(text(&array![[f64::NAN]], &array![[1.0]]).contains("row 0, column 0"));
        let none = Array2::<f64>::zeros((0, 0));
        assert_eq!(cholesky_solve(none.view().into(), none.view().into()), Ok(vec![]));
    }
}
