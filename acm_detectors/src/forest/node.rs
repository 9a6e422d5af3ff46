//! What trees are made of: nodes, and the sensors of their splits.

/// A sensor's part in an oblique split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    pub(super) feature: u32,
    pub(super) weight: f64,
    /// The node's mean of the sensor: a missing value stands there and so adds nothing.
    pub(super) centre: f64,
}

impl Term {
    /// Fills up a split that has fewer sensors than others.
    pub(super) const NONE: Self = Self {
        feature: 0,
        weight: 0.0,
        centre: 0.0,
    };

    /// What a value adds to the row's place along the split's direction.
    #[inline(always)]
    pub(super) fn part(&self, value: f64) -> f64 {
        if value.is_finite() { self.weight * (value - self.centre) } else { 0.0 }
    }
}

/// A node as it grows and as it is saved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bud {
    /// Rows with a value (or place along the direction) of at least the threshold go right.
    pub(super) threshold: f64,
    /// The sensor that is looked at; with oblique splits the number of the split within its tree.
    pub(super) feature: u32,
    /// Left child, the right one comes after it; 0 for a leaf.
    pub(super) child: u32,
    /// Training rows that came here.
    pub(super) size: u32,
}

impl Bud {
    pub(super) fn leaf(size: u32) -> Self {
        Self {
            threshold: 0.0,
            feature: 0,
            child: 0,
            size,
        }
    }
}

/// A node as it is walked through. A leaf is its own left child and nothing reaches its threshold: a walk of a fixed number
/// of steps stays there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) threshold: f64,
    pub(super) feature: u32,
    pub(super) child: u32,
}
