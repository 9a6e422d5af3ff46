//! `acm_rs._native`: what the compute crates offer to Python.

mod arguments;
mod clustering;
mod detectors;
mod features;
mod files;
mod held;
mod interop;
mod linalg;
mod lists;
mod models;
mod naming;
mod saved;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::clustering::{
        ClusterChoice, KMeans, RegimeModel, align_labels, calinski_harabasz_score, choose_k, davies_bouldin_score,
        minimum_dwell, silhouette_samples, silhouette_score, smooth_labels, transients,
    };
    #[pymodule_export]
    use super::detectors::{
        AR1Detector, Cusum, EpisodeTracker, Episodes, EwmaChart, FusedDetector, GaussianMixture, IsolationForest,
        MahalanobisDetector, OMRDetector, PCADetector, PageHinkley, RegimeDetector, ScoreFusion, Threshold,
        ar1_residuals, calibrate, cusum, episodes, ewma_chart, page_hinkley,
    };
    #[pymodule_export]
    use super::features::{
        band_energy, column_median_mad, column_moments, column_quantiles, compute_correlations_f64, correlation,
        covariance, ewm_mean, ewm_std, feature_matrix, impute, lag_matrix, lagged_correlation, power_spectrum,
        rolling_band_energy, rolling_corr, rolling_cov, rolling_kurt, rolling_lag_corr, rolling_mad, rolling_mad_f64,
        rolling_max, rolling_mean, rolling_mean_std, rolling_mean_std_f64, rolling_median, rolling_median_f64,
        rolling_min, rolling_quantile, rolling_range, rolling_skew, rolling_slope, rolling_std, rolling_sum,
        rolling_var, seasonality, zscore,
    };
    #[pymodule_export]
    use super::interop::{InternalError, cpu_features, get_num_threads, set_num_threads};
    #[pymodule_export]
    use super::linalg::{cholesky_solve, ledoit_wolf, nearest, pairwise_distances, pca, svd};

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::interop::watch_for_interrupts();
        // Kept from now on: a child forked amid the first look would wait for it for ever.
        let _ = acm_linalg::lanes::instructions();
        super::interop::warn_of_setting(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
