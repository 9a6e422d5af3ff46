//! k-means.

use acm_clustering::kmeans::{FittedKMeans, KMeans as Parameters, certain_labels as labels_from};
use acm_linalg::Samples;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{count, number, optional, seed_of};
use crate::classes::{Array, Matrix, class, learned, parameters, shared};
use crate::interop::{Input, Value, compute, exception, filled, input};
use crate::models::{Asked, Lesson};
use crate::naming::agreed;

class!(KMeans, Parameters, FittedKMeans, ());
shared!(KMeans, score, update_is_score, contributions, missing);
parameters!(
    KMeans,
    of,
    n_clusters = of.clusters(),
    n_init = of.starts(),
    max_iter = of.max_iter(),
    tol = of.tol(),
    seed = of.seed()
);
learned!(
    KMeans,
    fit,
    cluster_centers_ = Matrix(&fit.centers().map_err(exception)?, fit.columns()),
    counts_ = Array(fit.counts()),
    inertia_ = fit.inertia(),
    n_iter_ = fit.iterations(),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl KMeans {
    #[new]
    fn new(
        n_clusters: &Value<'_>,
        n_init: &Value<'_>,
        max_iter: &Value<'_>,
        tol: &Value<'_>,
        seed: &Value<'_>,
    ) -> PyResult<Self> {
        let n_clusters = count(n_clusters, "n_clusters", 1)?;
        let n_init = count(n_init, "n_init", 1)?;
        let max_iter = count(max_iter, "max_iter", 1)?;
        Self::of(Parameters::new(n_clusters, n_init, max_iter, number(tol, "tol")?, seed_of(seed)?))
    }

    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        sample_weight: Option<&Value<'py>>,
        centers: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let lesson = Lesson::of(x, names)?;
        let (rows, columns) = (lesson.samples().rows(), lesson.samples().columns());
        let parameters = &slf.get().parameters;
        let weights = optional(sample_weight, |value| weights_of(value, rows))?;
        let centers = optional(centers, |value| centers_of(value, (parameters.clusters(), columns)))?;
        let fit = |x: Samples<'_>| match &centers {
            Some(centers) => parameters.fit_from(x, weights.as_deref(), centers),
            None => parameters.fit(x, weights.as_deref()),
        };
        lesson.learn(slf.get(), fit, |_, _, _| Ok(Vec::new()))?;
        Ok(slf)
    }

    fn partial_fit<'py>(
        slf: Bound<'py, Self>,
        x: &Value<'py>,
        sample_weight: Option<&Value<'py>>,
        names: Option<&Value<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, lesson) = (slf.py(), Lesson::of(x, names)?);
        let x = lesson.samples();
        let weights = optional(sample_weight, |value| weights_of(value, x.rows()))?;
        let model = slf.get();
        // Batches of other threads may come in between: each moves the centres that the one before has left.
        loop {
            let known = model.held.known();
            let before = known.as_ref().and_then(|known| known.names());
            let names = agreed(before, lesson.names.as_ref(), "the batches before")?;
            let fitted = compute(py, || match &known {
                Some(known) => known.updated(x, weights.as_deref()),
                None => model.parameters.begin(x, weights.as_deref()),
            })?;
            if model.held.replace(py, known.as_ref(), fitted, names)? {
                return Ok(slf);
            }
        }
    }

    fn predict<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        Asked::of(self, x)?.line(|fit, x, out: &mut [i64]| fit.predict(x, out))
    }

    fn transform<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        asked.wide(asked.fit().clusters(), |fit, x, out| fit.transform(x, out))
    }

    #[getter]
    fn labels_<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        numbers(py, self.held.get()?.labels())
    }
}

fn numbers<'py>(py: Python<'py>, labels: &[u32]) -> PyResult<Value<'py>> {
    filled(py, &[labels.len()], |out: &mut [i64]| {
        out.iter_mut().zip(labels).for_each(|(to, &label)| *to = i64::from(label));
        Ok(())
    })
}

/// Labels from given centres, None where rounding would decide: the drop-ins' k-means.
#[pyfunction]
pub(crate) fn certain_labels<'py>(x: &Value<'py>, centers: &Value<'py>) -> PyResult<Option<Value<'py>>> {
    let py = x.py();
    let (x, given) = (input(x, "x")?, input(centers, "centers")?);
    let (x, clusters) = (x.samples(), given.samples().rows());
    let centers = centers_of(centers, (clusters, x.columns()))?;
    let labels = compute(py, || labels_from(x, clusters, &centers))?;
    labels.map(|labels| numbers(py, &labels)).transpose()
}

/// A weight for each row: the one reader of them.
fn weights_of(value: &Value<'_>, rows: usize) -> PyResult<Vec<f64>> {
    let weights = input(value, "sample_weight")?;
    if !weights.is_line() {
        return Err(PyValueError::new_err("`sample_weight` must have 1 dimension, a weight for each row, got 2"));
    }
    let (name, expected, got) = ("sample_weight", rows, weights.samples().rows());
    if got != rows {
        return Err(exception(acm_linalg::Error::Length { name, expected, got }));
    }
    read(&weights)
}

/// Centres to start from, one after the other.
fn centers_of(value: &Value<'_>, expected: (usize, usize)) -> PyResult<Vec<f64>> {
    let centers = input(value, "centers")?;
    let (name, got) = ("centers", (centers.samples().rows(), centers.samples().columns()));
    if got != expected {
        return Err(exception(acm_linalg::Error::Shape { name, expected, got }));
    }
    read(&centers)
}

fn read(values: &Input<'_>) -> PyResult<Vec<f64>> {
    let samples = values.samples();
    let (rows, columns) = (samples.rows(), samples.columns());
    let mut copy = acm_linalg::samples::room(rows, columns, 0.0, "a copy of an argument").map_err(exception)?;
    samples.read(0..rows, &mut copy);
    Ok(copy)
}
