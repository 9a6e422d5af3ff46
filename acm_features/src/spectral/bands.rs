//! Frequency bands, valid by construction.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::error::require;

/// The upper ends of the standard bands, in units of the Nyquist frequency.
const STANDARD: [f64; 3] = [0.1, 0.3, 1.0];

/// Frequency bands `low <= f < high` and the sampling rate that gives a bin its frequency. Bands may overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Bands {
    edges: Vec<(f64, f64)>,
    fs: f64,
}

impl Bands {
    /// Bands `(low, high)` in the unit of the sampling rate `fs`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] where `fs` is not positive and finite, where there is no band, or where a band is not
    /// `0 <= low < high` with finite ends.
    pub fn new(edges: impl Into<Vec<(f64, f64)>>, fs: f64) -> Result<Self> {
        let edges = edges.into();
        require(fs > 0.0 && fs < f64::INFINITY, "fs", "positive and finite", fs)?;
        require(!edges.is_empty(), "bands", "at least one pair of frequencies", edges.len())?;
        for &(low, high) in &edges {
            let start = "pairs of finite frequencies low < high that start at 0 or above";
            require((0.0..f64::INFINITY).contains(&low), "bands", start, low)?;
            require(high < f64::INFINITY && low < high, "bands", "pairs of finite frequencies low < high", high)?;
        }
        Ok(Self { edges, fs })
    }

    /// The bands (0, 0.1), (0.1, 0.3) and (0.3, 1.0) of the Nyquist frequency `fs / 2`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] where `fs` is not positive and finite, or so small that the bands are empty.
    pub fn standard(fs: f64) -> Result<Self> {
        let nyquist = 0.5 * fs;
        let mut low = 0.0;
        let edges = STANDARD.map(|high| (std::mem::replace(&mut low, high * nyquist), high * nyquist));
        Self::new(edges, fs)
    }

    /// The bands, `(low, high)`.
    #[must_use]
    pub fn edges(&self) -> &[(f64, f64)] {
        &self.edges
    }

    /// The sampling rate.
    #[must_use]
    pub fn fs(&self) -> f64 {
        self.fs
    }

    /// Number of bands.
    #[expect(clippy::len_without_is_empty, reason = "there is always a band")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// The bins of a window of `rows` rows that lie in each band, bin 0 left out: after removal of the mean it is 0.
    pub(crate) fn bins(&self, rows: usize) -> impl Iterator<Item = Range<usize>> {
        // The very expression of NumPy's rfftfreq(rows, 1 / fs): a bin at an edge must fall on the same side.
        let step = 1.0 / (rows as f64 * (1.0 / self.fs));
        let first_from = move |edge: f64| {
            let (mut low, mut high) = (1, rows / 2 + 1);
            while low < high {
                let middle = low.midpoint(high);
                if middle as f64 * step < edge {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        self.edges.iter().map(move |&(low, high)| first_from(low)..first_from(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(edges: &[(f64, f64)], fs: f64) -> String {
        Bands::new(edges, fs).unwrap_err().to_string()
    }

    #[test]
    fn only_valid_bands_exist() {
        assert_eq!(message(&[(0.0, 1.0)], 0.0), "`fs` must be positive and finite, got 0");
        assert_eq!(message(&[(0.0, 1.0)], f64::NAN), "`fs` must be positive and finite, got NaN");
        assert_eq!(message(&[], 1.0), "`bands` must be at least one pair of frequencies, got 0");
        for (low, high) in [(-0.1, 0.2), (f64::NAN, 0.2), (f64::INFINITY, f64::INFINITY)] {
            assert!(
                message(&[(low, high)], 1.0).starts_with("`bands` must be pairs of finite frequencies low < high that")
            );
        }
        for (low, high) in [(0.2, 0.2), (0.3, 0.2), (0.1, f64::NAN), (0.1, f64::INFINITY)] {
            assert!(message(&[(0.0, 0.5), (low, high)], 1.0).starts_with("`bands` must be pairs of finite"));
        }
        assert!(Bands::standard(f64::INFINITY).is_err());
        assert!(Bands::standard(-1.0).is_err());
    }

    #[test]
    fn standard_bands_of_short_windows() {
        let bins = |rows| Bands::standard(1.0).unwrap().bins(rows).collect::<Vec<_>>();
        assert_eq!(bins(1), [1..1, 1..1, 1..1]);
        assert_eq!(bins(2), [1..1, 1..1, 1..1]);
        assert_eq!(bins(16), [1..1, 1..3, 3..8]);
        // Bin 1 of 20 stands at 0.05, where the second band starts.
        assert_eq!(bins(20), [1..1, 1..3, 3..10]);
        assert_eq!(bins(64), [1..4, 4..10, 10..32]);
    }

    #[test]
    fn bands_may_overlap_and_reach_beyond_the_last_bin() {
        let bands = Bands::new([(0.0, 100.0), (2.0, 4.0)], 8.0).unwrap();
        assert_eq!(bands.bins(8).collect::<Vec<_>>(), [1..5, 2..4]);
        assert_eq!(bands.bins(7).collect::<Vec<_>>(), [1..4, 2..4]);
        assert_eq!(bands.len(), 2);
    }
}
