//! Distances between rows.

use acm_linalg::distances::{self, Metric};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{choice, optional};
use crate::interop::{Input, Value, empty, filled, input, shaped};

const METRICS: [(&str, Metric); 4] = [
    ("euclidean", Metric::Euclidean),
    ("sqeuclidean", Metric::SquaredEuclidean),
    ("manhattan", Metric::Manhattan),
    ("cosine", Metric::Cosine),
];

#[pyfunction]
pub(crate) fn pairwise_distances<'py>(
    x: &Value<'py>,
    y: Option<&Value<'py>>,
    metric: &Value<'py>,
) -> PyResult<Value<'py>> {
    let metric = choice(metric, "metric", &METRICS)?;
    let (py, x) = (x.py(), input(x, "x")?);
    let y = optional(y, |y| input(y, "y"))?;
    let narrow = matches!((&x, &y), (Input::F32(_), None | Some(Input::F32(_))));
    let (x, y) = (x.samples(), y.as_ref().map(Input::samples));
    let shape = [x.rows(), y.map_or(x.rows(), |y| y.rows())];
    if narrow {
        shaped::<f32, 2>(py, shape, false, |out| distances::pairwise(x, y, metric, out.into()))
    } else {
        shaped::<f64, 2>(py, shape, false, |out| distances::pairwise(x, y, metric, out.into()))
    }
}

#[pyfunction]
pub(crate) fn nearest<'py>(x: &Value<'py>, centers: &Value<'py>) -> PyResult<(Value<'py>, Value<'py>)> {
    let (py, x, centers) = (x.py(), input(x, "x")?, input(centers, "centers")?);
    let (x, centers) = (x.samples(), centers.samples());
    let index = empty::<i64>(py, &[x.rows()], false)?;
    let distance = {
        let mut places = index.cast::<PyArray1<i64>>()?.readwrite();
        let places = places.as_slice_mut()?;
        filled(py, &[x.rows()], |out| distances::nearest(x, centers, places, out))?
    };
    Ok((index, distance))
}
