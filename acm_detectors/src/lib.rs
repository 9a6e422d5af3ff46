//! Anomaly detectors for sensor histories: fitted on healthy data, they score anything; higher is more abnormal.

pub mod ar1;
