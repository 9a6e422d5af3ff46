//! Operating regimes of sensor histories: the room for k-means, silhouette and regime assignment.
//!
//! It holds nothing yet; the migration plan in `docs/` says what comes when.
