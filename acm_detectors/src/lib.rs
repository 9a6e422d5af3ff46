//! Anomaly detectors for sensor histories: the room for models that are fitted on healthy data and score the rest.
//!
//! It holds nothing yet; the migration plan in `docs/` says what comes when.
