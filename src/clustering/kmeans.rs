//! k-means.

use acm_clustering::kmeans::{self, FittedKMeans};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{Given, count, number, seed_of};
use crate::held::Held;
use crate::interop::{Input, compute, exception, input};
use crate::models::{Model, attribute, filled, matrix, model, samples_of, table};
use crate::naming::{agreed, names_of};

#[pyclass(module = "acm_rs._native", frozen)]
pub(crate) struct KMeans {
    parameters: kmeans::KMeans,
    held: Held<FittedKMeans>,
}

impl Model for KMeans {
    type Fitted = FittedKMeans;
    type Live = ();

    const PARAMETERS: &'static [&'static str] = &["n_clusters", "n_init", "max_iter", "tol", "seed"];

    fn held(&self) -> &Held<FittedKMeans> {
        &self.held
    }

    fn around(held: Held<FittedKMeans>) -> PyResult<Self> {
        Ok(Self {
            parameters: held.get()?.parameters().clone(),
            held,
        })
    }
}

/// A weight for each row.
fn weights_of(value: Option<&Bound<'_, PyAny>>, rows: usize) -> PyResult<Option<Vec<f64>>> {
    let Some(value) = value else { return Ok(None) };
    let weights = input(value, "sample_weight")?;
    if !weights.is_line() {
        return Err(PyValueError::new_err("`sample_weight` must have 1 dimension, a weight for each row, got 2"));
    }
    let got = weights.samples().rows();
    if got != rows {
        return Err(exception(acm_linalg::Error::Length {
            name: "sample_weight",
            expected: rows,
            got,
        }));
    }
    Ok(Some(read(&weights)?))
}

/// Centres to start from, one after the other.
fn centers_of(value: Option<&Bound<'_, PyAny>>, clusters: usize, columns: usize) -> PyResult<Option<Vec<f64>>> {
    let Some(value) = value else { return Ok(None) };
    let centers = input(value, "centers")?;
    let (rows, width) = (centers.samples().rows(), centers.samples().columns());
    if (rows, width) != (clusters, columns) {
        return Err(exception(acm_linalg::Error::Shape {
            name: "centers",
            expected: (clusters, columns),
            got: (rows, width),
        }));
    }
    Ok(Some(read(&centers)?))
}

fn read(values: &Input<'_>) -> PyResult<Vec<f64>> {
    let samples = values.samples();
    let (rows, columns) = (samples.rows(), samples.columns());
    let mut copy = acm_linalg::samples::room(rows, columns, 0.0, "a copy of an argument").map_err(exception)?;
    samples.read(0..rows, &mut copy);
    Ok(copy)
}

model! { KMeans {
    #[new]
    #[pyo3(signature = (n_clusters, n_init=Given(None), max_iter=Given(None), tol=Given(None), seed=Given(None)))]
    fn new(
        n_clusters: &Bound<'_, PyAny>,
        n_init: Given<'_, '_>,
        max_iter: Given<'_, '_>,
        tol: Given<'_, '_>,
        seed: Given<'_, '_>,
    ) -> PyResult<Self> {
        let n_clusters = count(n_clusters, "n_clusters", 1)?;
        let n_init = n_init.map_or(Ok(10), |value| count(value, "n_init", 1))?;
        let max_iter = max_iter.map_or(Ok(300), |value| count(value, "max_iter", 1))?;
        let tol = tol.map_or(Ok(1e-4), |value| number(value, "tol"))?;
        let seed = seed.map_or(Ok(17), seed_of)?;
        Ok(Self {
            parameters: kmeans::KMeans::new(n_clusters, n_init, max_iter, tol, seed).map_err(exception)?,
            held: Held::default(),
        })
    }

    #[pyo3(signature = (x, sample_weight=None, *, centers=None, names=None))]
    fn fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
        centers: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let names = names_of(names, samples.columns())?;
        let parameters = &slf.get().parameters;
        let weights = weights_of(sample_weight, samples.rows())?;
        let centers = centers_of(centers, parameters.clusters(), samples.columns())?;
        let fitted = compute(py, || match &centers {
            Some(centers) => parameters.fit_from(samples, weights.as_deref(), centers),
            None => parameters.fit(samples, weights.as_deref()),
        })?;
        slf.get().held.set(py, fitted, names)?;
        Ok(slf)
    }

    #[pyo3(signature = (x, sample_weight=None, *, names=None))]
    fn partial_fit<'py>(
        slf: Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
        names: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = slf.py();
        let input = samples_of(x)?;
        let samples = input.samples();
        let given = names_of(names, samples.columns())?;
        let weights = weights_of(sample_weight, samples.rows())?;
        let parameters = &slf.get().parameters;
        // Batches of other threads may come in between: each moves the centres that the one before has left.
        loop {
            let known = slf.get().held.known();
            let before = known.as_ref().and_then(|known| known.names());
            let names = agreed(before, given.as_ref(), "the batches before")?;
            let fitted = compute(py, || match &known {
                Some(known) => known.updated(samples, weights.as_deref()),
                None => parameters.begin(samples, weights.as_deref()),
            })?;
            if slf.get().held.replace(py, known.as_ref(), fitted, names)? {
                return Ok(slf);
            }
        }
    }

    fn predict<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out: &mut [i64]| fitted.predict(samples, out))
    }

    fn transform<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        table(py, (samples.rows(), fitted.clusters()), false, |out| fitted.transform(samples, out))
    }

    fn score<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        filled(py, samples.rows(), |out| fitted.score(samples, out))
    }

    fn update<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.score(py, x)
    }

    fn contributions<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        let input = samples_of(x)?;
        let samples = input.samples();
        let shape = (samples.rows(), samples.columns());
        table(py, shape, input.is_line(), |out| fitted.contributions(samples, out))
    }

    #[getter]
    fn n_clusters(&self) -> usize {
        self.parameters.clusters()
    }

    #[getter]
    fn n_init(&self) -> usize {
        self.parameters.starts()
    }

    #[getter]
    fn max_iter(&self) -> usize {
        self.parameters.max_iter()
    }

    #[getter]
    fn tol(&self) -> f64 {
        self.parameters.tol()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.parameters.seed()
    }

    #[getter]
    fn cluster_centers_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray2<f64>>> {
        let fitted = self.held.get()?;
        matrix(py, &fitted.centers().map_err(exception)?, fitted.columns())
    }

    #[getter]
    fn labels_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let fitted = self.held.get()?;
        filled(py, fitted.labels().len(), |out: &mut [i64]| {
            out.iter_mut().zip(fitted.labels()).for_each(|(to, &label)| *to = i64::from(label));
            Ok(())
        })
    }

    #[getter]
    fn counts_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, numpy::PyArray1<f64>>> {
        attribute(py, self.held.get()?.counts())
    }

    #[getter]
    fn inertia_(&self) -> PyResult<f64> {
        Ok(self.held.get()?.inertia())
    }

    #[getter]
    fn n_iter_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.iterations())
    }

    #[getter]
    fn n_features_in_(&self) -> PyResult<usize> {
        Ok(self.held.get()?.columns())
    }
} }
