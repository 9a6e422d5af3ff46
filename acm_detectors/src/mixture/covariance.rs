//! The kinds of covariance.

/// What the components know of the relations between the sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covariance {
    /// Nothing: a variance for each sensor.
    Diag,
    /// A covariance for each pair of sensors.
    Full,
}

/// Whether the components have covariances of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Each has its own.
    None,
    /// All have the mean of the covariances, weighted by their rows.
    Components,
    /// Each has one variance, the mean of those of its sensors.
    Sensors,
}
