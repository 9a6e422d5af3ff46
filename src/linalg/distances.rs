//! Distances between rows.

use acm_linalg::distances::{self, Metric};
use ndarray::{ArrayViewMut2, Ix2};
use numpy::{Element, PyArray, PyArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{Given, choice};
use crate::interop::{Input, compute, empty, input};
use crate::models::{filled, samples_of};

const METRICS: [(&str, Metric); 4] = [
    ("euclidean", Metric::Euclidean),
    ("sqeuclidean", Metric::SquaredEuclidean),
    ("manhattan", Metric::Manhattan),
    ("cosine", Metric::Cosine),
];

#[pyfunction]
#[pyo3(signature = (x, y=None, metric=Given(None)))]
pub(crate) fn pairwise_distances<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    y: Option<&Bound<'py, PyAny>>,
    metric: Given<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let metric = metric.map_or(Ok(Metric::Euclidean), |metric| choice(metric, "metric", &METRICS))?;
    let x = samples_of(x)?;
    let y = y.map(|y| input(y, "y")).transpose()?;
    let narrow = matches!((&x, &y), (Input::F32(_), None | Some(Input::F32(_))));
    let (x, y) = (x.samples(), y.as_ref().map(Input::samples));
    let shape = (x.rows(), y.map_or(x.rows(), |y| y.rows()));
    if narrow {
        square(py, shape, |out: ArrayViewMut2<'_, f32>| distances::pairwise(x, y, metric, out.into()))
    } else {
        square(py, shape, |out: ArrayViewMut2<'_, f64>| distances::pairwise(x, y, metric, out.into()))
    }
}

/// A fresh array in C order that `work` fills.
fn square<'py, T: Element>(
    py: Python<'py>,
    (rows, columns): (usize, usize),
    work: impl FnOnce(ArrayViewMut2<'_, T>) -> acm_linalg::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let object = empty::<T>(py, rows, columns, false, false)?;
    {
        let mut array = object.cast::<PyArray<T, Ix2>>()?.readwrite();
        let out = array.as_array_mut();
        compute(py, || work(out))?;
    }
    Ok(object)
}

#[pyfunction]
pub(crate) fn nearest<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    centers: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (x, centers) = (samples_of(x)?, input(centers, "centers")?);
    let (x, centers) = (x.samples(), centers.samples());
    let index = empty::<i64>(py, x.rows(), 1, true, false)?;
    let distance = {
        let mut places = index.cast::<PyArray<i64, ndarray::Ix1>>()?.readwrite();
        let places = places.as_slice_mut()?;
        filled(py, x.rows(), |distance| distances::nearest(x, centers, places, distance))?
    };
    Ok((index, distance))
}
