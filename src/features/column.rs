//! Whole columns: order statistics, moments, scaling, imputation, lags.

use acm_features::column::{self, Method, Moments};
use acm_linalg::columns::reserve;
use ndarray::ArrayViewMut2;
use numpy::PyArrayMethods;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::columnwise;
use crate::arguments::{Given, choice, count, is_several, number, numbers, numbers_by_column, sequence, shown};
use crate::interop::{Borrowed, Input, Output, attribute, compute, exception, input};
use crate::lists::Float;

/// One number for every column, or a number for each.
pub(super) fn by_column(value: &Bound<'_, PyAny>, name: &'static str, columns: usize) -> PyResult<Vec<f64>> {
    if is_several(value) {
        return numbers_by_column(value, name, columns);
    }
    let one = match numbers(value, name)?[..] {
        [one] => one,
        _ => f64::NAN,
    };
    reserve(columns, one, "a number a column").map_err(exception)
}

/// Median and median absolute deviation of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time; columns = sensors. Any memory layout; never copied, never changed.
/// scale : float, default 1.0
///     Factor of the deviations; 1.4826 makes them estimate the standard deviation of normal data.
///
/// Returns
/// -------
/// median : ndarray, shape (d,)
///     In the dtype of ``x``; length 1 where ``x`` is 1-D.
/// mad : ndarray, shape (d,)
///     The median of ``abs(x - median)`` of each column, times ``scale``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     Wrong shape, or a ``scale`` that is not finite.
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped; a column of nothing else is NaN. Exact: the deviations are taken from the
/// median of an even count before its rounding. The statistic is Hampel's [1]_.
///
/// .. [1] Hampel, The influence curve and its role in robust estimation, Journal of the American Statistical Association 69,
///    1974, doi:10.1080/01621459.1974.10482962.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.column_median_mad(np.array([[1.0, 5.0], [2.0, np.nan], [9.0, 7.0]]))
/// (array([2., 6.]), array([1., 1.]))
#[pyfunction]
#[pyo3(signature = (x, scale=Given(None)), text_signature = "(x, scale=1.0)")]
pub(crate) fn column_median_mad<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    scale: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, scale: f64) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let (median, mad) = compute(py, || column::column_median_mad(x, scale))?;
        (attribute(py, &median)?, attribute(py, &mad)?).into_pyobject(py)
    }
    let scale = scale.map_or(Ok(1.0), |value| number(value, "scale"))?;
    match input(x, "x")? {
        Input::F64(x) => of(py, &x, scale),
        Input::F32(x) => of(py, &x, scale),
    }
}

/// Quantiles of each column, linearly interpolated.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time; columns = sensors. Any memory layout; never copied, never changed.
/// q : float or sequence of float
///     Quantiles in [0, 1].
///
/// Returns
/// -------
/// ndarray
///     Shape (k, d) for k quantiles, (d,) for one number; in the dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array, ``q`` no number or sequence of numbers.
/// ValueError
///     Wrong shape, or a quantile outside [0, 1].
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped; a column of nothing else is NaN. The linear method of NumPy and pandas, which is
/// definition 7 of [1]_, rounded once. All quantiles come from the same passes over the data.
///
/// .. [1] Hyndman & Fan, Sample quantiles in statistical packages, The American Statistician 50, 1996,
///    doi:10.1080/00031305.1996.10473566.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.column_quantiles(np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]), [0.5, 0.75])
/// array([[ 2., 20.],
///        [ 3., 30.]])
#[pyfunction]
#[pyo3(text_signature = "(x, q)")]
pub(crate) fn column_quantiles<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    q: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>, q: &[f64], one: bool) -> PyResult<Bound<'py, PyAny>> {
        let x = x.table();
        let shape = (q.len(), x.ncols());
        let found = compute(py, || {
            let mut found = reserve(shape.0.saturating_mul(shape.1), T::narrow(f64::NAN), "the result")?;
            if let Ok(out) = ArrayViewMut2::from_shape(shape, &mut found) {
                column::column_quantiles(x, q, out)?;
            }
            Ok(found)
        })?;
        let found = attribute(py, &found)?;
        Ok(if one { found.into_any() } else { found.reshape(shape)?.into_any() })
    }
    let one = !is_several(q);
    let q = numbers(q, "q")?;
    match input(x, "x")? {
        Input::F64(x) => of(py, &x, &q, one),
        Input::F32(x) => of(py, &x, &q, one),
    }
}

/// Count, mean, standard deviation, skewness and kurtosis of each column.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time; columns = sensors. Any memory layout; never copied, never changed.
///
/// Returns
/// -------
/// count : ndarray of int64, shape (d,)
///     Values that are not missing.
/// mean, std, skew, kurt : ndarray, shape (d,)
///     In the dtype of ``x``: mean, standard deviation (``ddof=1``), skewness and excess kurtosis, both bias-corrected.
///
/// Raises
/// ------
/// TypeError
///     ``x`` is no float array.
/// ValueError
///     Wrong shape.
///
/// Notes
/// -----
/// NaN and infinity are missing and skipped. NaN for the mean of nothing, the deviation of fewer than 2 values, the skewness of
/// fewer than 3, the kurtosis of fewer than 4, and for both of a constant, whose deviation is exactly 0. Blocks of rows are
/// summarised about a value of their own and merged [1]_, so a level of 1e9 takes no digits from deviations of 1e-3.
/// Deviations from the mean beyond about 1e154, whose squares exceed the largest float64, make the standard deviation
/// infinite.
///
/// .. [1] Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments,
///    Sandia SAND2008-6212, 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> count, mean, std, skew, kurt = acm_rs.column_moments(np.array([1.0, 2.0, np.nan, 3.0, 6.0]))
/// >>> count, mean, std.round(6), skew.round(6), kurt.round(6)
/// (array([4]), array([3.]), array([2.160247]), array([1.19034]), array([1.5]))
#[pyfunction]
#[pyo3(text_signature = "(x)")]
pub(crate) fn column_moments<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    fn of<'py, T: Float>(py: Python<'py>, x: &Borrowed<'py, T>) -> PyResult<Bound<'py, PyTuple>> {
        let x = x.table();
        let Moments {
            count,
            mean,
            std,
            skew,
            kurt,
        } = compute(py, || column::column_moments(x))?;
        let count = attribute(py, &count)?;
        let [mean, std] = [attribute(py, &mean)?, attribute(py, &std)?];
        let [skew, kurt] = [attribute(py, &skew)?, attribute(py, &kurt)?];
        (count, mean, std, skew, kurt).into_pyobject(py)
    }
    match input(x, "x")? {
        Input::F64(x) => of(py, &x),
        Input::F32(x) => of(py, &x),
    }
}

/// Each column less its centre, over its scale; robust by default.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time; columns = sensors. Any memory layout; never copied, never changed.
/// center : float or ndarray of float, shape (d,), optional
///     What is subtracted, used as it is; by default the median of each column.
/// scale : float or ndarray of float, shape (d,), optional
///     What is divided by, used as it is; by default 1.4826 times the median absolute deviation of each column, at least 1e-9.
/// out : ndarray, optional
///     Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     An argument is not of its type.
/// ValueError
///     An array has the wrong shape.
///
/// Notes
/// -----
/// ``(x - center) / scale``. NaN and infinity are missing: NaN in the result, and skipped where medians are found. The median of
/// an even count is used before its rounding. Median and median absolute deviation stand for mean and deviation as in [1]_.
///
/// .. [1] Hampel, The influence curve and its role in robust estimation, Journal of the American Statistical Association 69,
///    1974, doi:10.1080/01621459.1974.10482962.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.zscore(np.array([1.0, 2.0, 3.0, np.nan, 100.0]), scale=0.5)
/// array([ -3.,  -1.,   1.,  nan, 195.])
#[pyfunction]
#[pyo3(signature = (x, center=None, scale=None, *, out=None))]
pub(crate) fn zscore<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    center: Option<&Bound<'py, PyAny>>,
    scale: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let columns = x.columns();
    let center = center.map(|value| by_column(value, "center", columns)).transpose()?;
    let scale = scale.map(|value| by_column(value, "scale", columns)).transpose()?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| column::zscore(x, center.as_deref(), scale.as_deref(), out))
}

/// A copy with its missing values filled.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
/// method : {"median", "ffill", "bfill", "interpolate", "zero"}, default "median"
///     The column's median; the last value before the gap; the next value after it; the line between the two, by rows, and
///     after the last value that value; or 0.
/// fill : float or ndarray of float, shape (d,), optional
///     With "median": takes the place of the median of each column for which it is a number, not NaN or infinity.
/// limit : int, optional
///     Most rows of a gap that are filled: its first ones, with "bfill" its last ones. By default all.
/// out : ndarray, optional
///     Where to put the result: shape and dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape and dtype of ``x``.
///
/// Raises
/// ------
/// TypeError
///     An argument is not of its type.
/// ValueError
///     An unknown method, a limit below 1, a ``fill`` without "median", or an array of the wrong shape.
///
/// Notes
/// -----
/// NaN and infinity are missing, and both are filled. What cannot be filled is NaN: before the first value with "ffill" and
/// "interpolate", after the last with "bfill", and beyond the limit. A column of nothing stays NaN but with "zero" or ``fill``.
/// The numbers are those of `DataFrame.ffill`, `bfill` and `interpolate` in pandas; there ``fillna(value, limit)`` counts over
/// the whole column, here every gap by itself.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> x = np.array([1.0, np.nan, np.nan, np.inf, 5.0, 9.0])
/// >>> acm_rs.impute(x)
/// array([1., 5., 5., 5., 5., 9.])
/// >>> acm_rs.impute(x, "interpolate", limit=2)
/// array([ 1.,  2.,  3., nan,  5.,  9.])
#[pyfunction]
#[pyo3(
    signature = (x, method=Given(None), fill=None, limit=None, *, out=None),
    text_signature = "(x, method=\"median\", fill=None, limit=None, *, out=None)"
)]
pub(crate) fn impute<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    method: Given<'_, 'py>,
    fill: Option<&Bound<'py, PyAny>>,
    limit: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let method = method.map_or(Ok(Method::Median), |value| choice(value, "method", &METHODS))?;
    let limit = limit.map(|value| count(value, "limit", 1)).transpose()?;
    if fill.is_some() && method != Method::Median {
        return Err(PyValueError::new_err("`fill` must be None unless `method` is \"median\""));
    }
    let columns = x.columns();
    let fill = fill.map(|value| by_column(value, "fill", columns)).transpose()?;
    columnwise!(py, x, |rows| rows, 1, out, |x, out| column::impute(x, method, fill.as_deref(), limit, out))
}

const METHODS: [(&str, Method); 5] = [
    ("median", Method::Median),
    ("ffill", Method::Forward),
    ("bfill", Method::Backward),
    ("interpolate", Method::Interpolate),
    ("zero", Method::Zero),
];

/// Every column shifted down by every lag.
///
/// Parameters
/// ----------
/// x : ndarray of float64 or float32, shape (n, d) or (n,)
///     Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
/// lags : int or sequence of int
///     The lags, in rows, at least 0; one whole number L stands for 1, 2, ... L.
/// out : ndarray, optional
///     Where to put the result: right shape, dtype of ``x``, no memory shared with ``x``.
///
/// Returns
/// -------
/// ndarray
///     Shape (n, d * k) for k lags, those of a column adjacent: ``x[t - lag, j]``, NaN above the first row. 1-D where ``x`` is
///     and there is one lag.
///
/// Raises
/// ------
/// TypeError
///     ``x`` or ``out`` is no float array.
/// ValueError
///     A lag is no whole number in its range, there is none, or an array has the wrong shape.
///
/// Notes
/// -----
/// Values are copied as they are, NaN and infinity too.
///
/// Examples
/// --------
/// >>> import numpy as np, acm_rs
/// >>> acm_rs.lag_matrix(np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]), [0, 2])
/// array([[ 1., nan,  4., nan],
///        [ 2., nan,  5., nan],
///        [ 3.,  1.,  6.,  4.]])
#[pyfunction]
#[pyo3(signature = (x, lags, *, out=None))]
pub(crate) fn lag_matrix<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    lags: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let x = input(x, "x")?;
    let lags = lags_of(lags)?;
    columnwise!(py, x, |rows| rows, lags.len(), out, |x, out| column::lag_matrix(x, &lags, out))
}

fn lags_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    if !is_several(value) {
        let most = count(value, "lags", 1)?;
        let mut lags = reserve(most, 0, "lags").map_err(exception)?;
        for (number, lag) in lags.iter_mut().enumerate() {
            *lag = number + 1;
        }
        return Ok(lags);
    }
    let must = "a whole number, at least 1, or a sequence of whole numbers, at least 0";
    let lags = sequence(value, "lags", must, None, |lag| count(lag, "lags", 0))?;
    if lags.is_empty() {
        return Err(PyValueError::new_err(format!("`lags` must be {must}, got {}", shown(value))));
    }
    Ok(lags)
}
