//! HDBSCAN.

#![expect(clippy::upper_case_acronyms, reason = "its public name")]

use acm_clustering::hdbscan::{FittedHdbscan, Hdbscan, Selection};
use acm_linalg::Samples;
use acm_linalg::memory::Gather;
use acm_linalg::samples::room;
use acm_linalg::state::Names;
use pyo3::prelude::*;

use crate::arguments::{choice, count, number, optional, truth};
use crate::classes::{Array, class, learned, name_of, parameters, shared};
use crate::interop::{Value, array, exception};
use crate::models::Asked;

/// Which clusters of the hierarchy are taken.
const SELECTIONS: [(&str, Selection); 2] = [("eom", Selection::ExcessOfMass), ("leaf", Selection::Leaf)];

class!(HDBSCAN, Hdbscan, FittedHdbscan, ());
shared!(HDBSCAN, fit, score);
parameters!(
    HDBSCAN,
    of,
    min_cluster_size = of.min_cluster_size(),
    min_samples = of.min_samples(),
    cluster_selection_method = name_of(&of.selection(), &SELECTIONS),
    cluster_selection_epsilon = of.epsilon(),
    allow_single_cluster = of.allow_single_cluster(),
    max_cluster_size = of.max_cluster_size()
);
learned!(
    HDBSCAN,
    fit,
    labels_ = Array(fit.labels()),
    probabilities_ = Array(fit.probabilities()),
    outlier_scores_ = Array(fit.outlier_scores()),
    counts_ = Array(&fit.counts().map_err(exception)?),
    cluster_persistence_ = Array(&fit.persistences().map_err(exception)?),
    core_distances_ = Array(&fit.core_distances().map_err(exception)?),
    tree_lengths_ = Array(fit.heights()),
    n_clusters_ = fit.clusters(),
    n_features_in_ = fit.columns()
);

#[pymethods]
impl HDBSCAN {
    #[new]
    fn new(
        min_cluster_size: &Value<'_>,
        min_samples: Option<&Value<'_>>,
        cluster_selection_method: &Value<'_>,
        cluster_selection_epsilon: &Value<'_>,
        allow_single_cluster: &Value<'_>,
        max_cluster_size: Option<&Value<'_>>,
    ) -> PyResult<Self> {
        let size = count(min_cluster_size, "min_cluster_size", 2)?;
        let samples = optional(min_samples, |value| count(value, "min_samples", 1))?;
        let selection = choice(cluster_selection_method, "cluster_selection_method", &SELECTIONS)?;
        let epsilon = number(cluster_selection_epsilon, "cluster_selection_epsilon")?;
        let single = truth(allow_single_cluster, "allow_single_cluster")?;
        let most = optional(max_cluster_size, |value| count(value, "max_cluster_size", 1))?;
        let with = |how: Hdbscan| how.with_single_cluster(single).with_epsilon(epsilon)?.with_max_cluster_size(most);
        Self::of(Hdbscan::new(size, samples, selection).and_then(with))
    }

    fn approximate_predict<'py>(&self, x: &Value<'py>) -> PyResult<(Value<'py>, Value<'py>)> {
        let py = x.py();
        let (labels, firm) = Asked::of(self, x)?.one(|fit, x| {
            let mut labels = room(x.rows(), 1, 0, "the labels")?;
            let mut firm = room(x.rows(), 1, 0.0, "the probabilities")?;
            fit.approximate_predict(x, &mut labels, &mut firm)?;
            Ok((labels, firm))
        })?;
        Ok((array(py, &labels)?.into_any(), array(py, &firm)?.into_any()))
    }

    fn membership<'py>(&self, x: &Value<'py>) -> PyResult<Value<'py>> {
        let asked = Asked::of(self, x)?;
        asked.wide(asked.fit().clusters(), |fit, x, out| fit.membership(x, out))
    }

    /// The condensed tree: parents, children, densities and sizes.
    #[getter]
    fn condensed_tree_<'py>(&self, py: Python<'py>) -> PyResult<[Value<'py>; 4]> {
        let fit = self.held.get()?;
        let whole = |of: fn((usize, usize, f64, usize)) -> usize| -> PyResult<Value<'py>> {
            let numbers = fit.condensed().map(|entry| of(entry).cast_signed() as i64).gathered("the condensed tree");
            Ok(array(py, &numbers.map_err(exception)?)?.into_any())
        };
        let densities = fit.condensed().map(|entry| entry.2).gathered("the condensed tree").map_err(exception)?;
        let densities = array(py, &densities)?.into_any();
        Ok([
            whole(|entry| entry.0)?,
            whole(|entry| entry.1)?,
            densities,
            whole(|entry| entry.3)?,
        ])
    }
}

impl HDBSCAN {
    fn remarks(fit: &FittedHdbscan, _: Option<&Names>, _: Option<Samples<'_>>) -> PyResult<Vec<String>> {
        if !fit.is_too_few() {
            return Ok(Vec::new());
        }
        let (rows, how) = (fit.rows(), fit.parameters());
        let (name, least) = if how.min_cluster_size() >= how.neighbours() {
            ("min_cluster_size", how.min_cluster_size())
        } else {
            ("min_samples", how.neighbours())
        };
        Ok(vec![format!(
            "`x` has {rows} rows, fewer than `{name}` = {least}: all of them are noise, -1"
        )])
    }
}
