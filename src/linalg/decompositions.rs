//! Decompositions, shrunk covariance and linear equations.

use acm_linalg::pca::Components;
use acm_linalg::{covariance, pca as principal, solve, svd as singular};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat};

use crate::arguments::{count, number};
use crate::interop::{compute, input};
use crate::models::{samples_of, table};

/// A number of components, or a share of the variance.
pub(crate) fn components_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Components> {
    let real = value.is_instance_of::<PyFloat>();
    if !real && !value.is_instance_of::<PyBool>() && !value.hasattr("__index__")? {
        return number(value, name).map(Components::Share);
    }
    if real {
        number(value, name).map(Components::Share)
    } else {
        count(value, name, 1).map(Components::Count)
    }
}

fn copied<'py>(py: Python<'py>, values: &[f64], shape: (usize, usize), line: bool) -> PyResult<Bound<'py, PyAny>> {
    table(py, shape, line, |out| {
        out.copy_from_slice(values);
        Ok(())
    })
}

/// Principal components of the rows of an array.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d)
///     Rows = samples, columns = sensors; at least two rows. Any memory layout.
/// k : int or float
///     How many components; or, between 0 and 1, as many as explain more than this share of the variance.
///
/// Returns
/// -------
/// components : ndarray of float64, shape (k, d)
///     Rows of length 1, the direction of greatest variance first. The entry of greatest magnitude of each row is positive.
/// explained_variance : ndarray of float64, shape (k,)
///     Variance along each component, divisor n - 1, in squared units of ``x``.
/// mean : ndarray of float64, shape (d,)
///     What is subtracted from a row before it is projected.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, or ``k`` no number.
/// ValueError
///     ``x`` has a missing value (NaN or infinite) or less than two rows; ``k`` is below 1 or above min(n, d), or no share
///     between 0 and 1.
/// numpy.linalg.LinAlgError
///     Values are too large to be squared.
///
/// Notes
/// -----
/// Found from the covariance of the columns (of the rows, where they are fewer) while the variances asked for are above 1e-4
/// of the greatest, and from an orthogonal reduction of the centred rows themselves where they are not: squaring would cost
/// them their digits [1]_. The variances agree with scikit-learn's ``PCA(svd_solver="full")`` to 1e-10.
///
/// .. [1] G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition, 2013, sections 5.2 and 8.6.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
/// >>> components, variance, mean = acm_rs.pca(x, 1)
/// >>> components.round(3), variance.round(3), mean
/// (array([[0.447, 0.894]]), array([5.]), array([2., 4.]))
#[pyfunction]
pub(crate) fn pca<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let keep = components_of(k, "k")?;
    let input = samples_of(x)?;
    let samples = input.samples();
    let columns = samples.columns();
    let found = compute(py, || principal::pca(samples, keep))?;
    Ok((
        copied(py, &found.components, (found.kept, columns), false)?,
        copied(py, &found.variances[..found.kept], (found.kept, 1), true)?,
        copied(py, &found.mean, (columns, 1), true)?,
    ))
}

/// Thin singular value decomposition, ``x = u @ numpy.diag(s) @ vt``.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d)
///     Any memory layout.
/// k : int, optional
///     How many singular values; all min(n, d) if left out.
///
/// Returns
/// -------
/// u : ndarray of float64, shape (n, k)
///     Columns of length 1.
/// s : ndarray of float64, shape (k,)
///     Singular values, largest first, in the unit of ``x``.
/// vt : ndarray of float64, shape (k, d)
///     Rows of length 1. The entry of greatest magnitude of each row is positive.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     ``x`` is empty or has a missing value (NaN or infinite); ``k`` is below 1 or above min(n, d).
/// numpy.linalg.LinAlgError
///     A singular value is too large to be a float64.
///
/// Notes
/// -----
/// By Householder reduction and divide and conquer [1]_, on one thread, with a copy of ``x``.
///
/// .. [1] M. Gu and S. C. Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", SIAM Journal on Matrix Analysis
///        and Applications 16, 1995, doi 10.1137/S0895479892242232.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> u, s, vt = acm_rs.svd(np.array([[3.0, 0.0], [0.0, -4.0]]))
/// >>> s.round(12)
/// array([4., 3.])
#[pyfunction]
#[pyo3(signature = (x, k=None))]
pub(crate) fn svd<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    k: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let k = k.map(|k| count(k, "k", 1)).transpose()?;
    let input = samples_of(x)?;
    let samples = input.samples();
    let found = compute(py, || singular::svd(samples, k))?;
    let k = found.s.len();
    Ok((
        copied(py, &found.u, (samples.rows(), k), false)?,
        copied(py, &found.s, (k, 1), true)?,
        copied(py, &found.vt, (k, samples.columns()), false)?,
    ))
}

/// Solves ``a @ y = b`` for a symmetric positive definite ``a``.
///
/// Parameters
/// ----------
/// a : ndarray of float64 or float32, shape (n, n)
///     Only the lower triangle is read.
/// b : ndarray of float64 or float32, shape (n,) or (n, m)
///     One or several right-hand sides.
///
/// Returns
/// -------
/// ndarray of float64, shape of ``b``
///     The solution.
///
/// Raises
/// ------
/// TypeError
///     ``a`` or ``b`` is no float array.
/// ValueError
///     Shapes do not fit, or a value is missing (NaN or infinite).
/// numpy.linalg.LinAlgError
///     ``a`` is not positive definite.
///
/// Notes
/// -----
/// By the Cholesky factor of ``a`` [1]_, on one thread.
///
/// .. [1] G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition, 2013, section 4.2.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.cholesky_solve(np.array([[4.0, 2.0], [2.0, 5.0]]), np.array([10.0, 13.0]))
/// array([1.5, 2. ])
#[pyfunction]
pub(crate) fn cholesky_solve<'py>(
    py: Python<'py>,
    a: &Bound<'py, PyAny>,
    b: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (a, b) = (input(a, "a")?, input(b, "b")?);
    let (matrix, right) = (a.samples(), b.samples());
    let found = compute(py, || solve::cholesky_solve(matrix, right))?;
    copied(py, &found, (right.rows(), right.columns()), b.is_line())
}

/// Covariance of the columns, drawn towards a multiple of the identity as far as lowers its expected error most.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d)
///     Rows = samples, columns = sensors. Any memory layout.
///
/// Returns
/// -------
/// covariance : ndarray of float64, shape (d, d)
///     (1 - s) S + s m I with S the covariance (divisor n) and m the mean of its diagonal; symmetric to the bit.
/// shrinkage : float
///     s, between 0 and 1.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     ``x`` is empty or has a missing value (NaN or infinite).
/// numpy.linalg.LinAlgError
///     Values are too large to be squared.
///
/// Notes
/// -----
/// The estimator of Ledoit and Wolf [1]_; scikit-learn's numbers. Columns should be of comparable scale: the identity counts
/// all of them alike.
///
/// .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
///        Multivariate Analysis 88, 2004, doi 10.1016/S0047-259X(03)00096-4.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]])
/// >>> covariance, shrinkage = acm_rs.ledoit_wolf(x)
/// >>> round(shrinkage, 4)
/// 0.4444
/// >>> covariance.round(4)
/// array([[1.6667, 0.    ],
///        [0.    , 3.3333]])
#[pyfunction]
pub(crate) fn ledoit_wolf<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, f64)> {
    let input = samples_of(x)?;
    let samples = input.samples();
    let found = compute(py, || covariance::ledoit_wolf(samples))?;
    let shape = (samples.columns(), samples.columns());
    Ok((copied(py, &found.covariance, shape, false)?, found.shrinkage))
}
