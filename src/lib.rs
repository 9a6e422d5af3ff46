//! `acm_rs._native`: what the compute crates offer to Python.

mod arguments;
mod classes;
mod clustering;
mod detectors;
mod features;
mod files;
mod held;
mod interop;
mod left_out;
mod linalg;
mod models;
mod naming;
mod saved;
mod times;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::clustering::{
        HDBSCAN, KMeans, align_labels, calinski_harabasz_score, certain_labels, davies_bouldin_score, minimum_dwell,
        silhouette_samples, silhouette_score, smooth_labels, transients, validity_index,
    };
    #[pymodule_export]
    use super::detectors::{
        AR1Detector, ClusterChoice, Cusum, EpisodeTracker, Episodes, EwmaChart, FusedDetector, GaussianMixture,
        IsolationForest, MahalanobisDetector, OMRDetector, PCADetector, PageHinkley, RegimeDetector, RegimeModel,
        ScoreFusion, SimilarityDetector, Threshold, ar1_residuals, choose_k, ewma_chart, filled_rows, followed,
        mixture_from_shares, product, released, row_precisions,
    };
    // Of modules that are called as their function is.
    #[pymodule_export]
    use super::detectors::decisions::{
        calibrate::calibrate, cusum::cusum, episodes::episodes, page_hinkley::page_hinkley,
    };
    #[pymodule_export]
    use super::features::{
        RollingState, assess, band_energy, column_median_mad, column_moments, column_quantiles,
        compute_correlations_f64, correlation::correlation, covariance, ewm_mean, ewm_std, feature_matrix, impute,
        lag_matrix, lagged_correlation, power_spectrum, rolling_band_energy, rolling_corr, rolling_cov, rolling_kurt,
        rolling_lag_corr, rolling_mad, rolling_mad_f64, rolling_max, rolling_mean, rolling_mean_std,
        rolling_mean_std_f64, rolling_median, rolling_median_f64, rolling_min, rolling_quantile, rolling_range,
        rolling_skew, rolling_slope, rolling_std, rolling_sum, rolling_time_mean, rolling_var, seasonality, zscore,
    };
    #[pymodule_export]
    use super::interop::InternalError;
    #[pymodule_export]
    use super::linalg::{
        RunningMoments, cholesky_solve, cpu_features, get_num_threads, gram, ledoit_wolf, nearest, pairwise_distances,
        pca::pca, set_num_threads, svd::svd, symmetric_eigen,
    };

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
