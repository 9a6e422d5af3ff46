//! The kinds of covariance.

/// What the components know of the relations between the sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covariance {
    /// Nothing: a variance for each sensor.
    Diag,
    /// A covariance for each pair of sensors.
    Full,
}
