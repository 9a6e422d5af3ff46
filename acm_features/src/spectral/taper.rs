//! Tapers: the weights that fade a stretch of rows in and out before its Fourier transform.

use acm_linalg::Result;
use acm_linalg::columns::reserve;

use super::circle::{self, Point};

/// A taper of the cosine family, periodic: the weights of `n` rows are the first `n` of the symmetric form of `n + 1`.
///
/// `w[i] = a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n)`, 1 for a single row.
///
/// Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", Proc. IEEE
/// 66, 1978, doi:10.1109/PROC.1978.10837. Oracle: SciPy `signal.get_window(name, n)`, 1e-15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taper {
    /// Every row counts in full.
    Boxcar,
    /// Hann's raised cosine: (0.5, 0.5).
    Hann,
    /// Hamming's: (0.54, 0.46).
    Hamming,
    /// Blackman's: (0.42, 0.5, 0.08).
    Blackman,
}

impl Taper {
    /// The weights of `rows` rows.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn weights(self, rows: usize) -> Result<Vec<f64>> {
        let mut weights = reserve(rows, 1.0, "a taper")?;
        let [a0, a1, a2] = match self {
            Self::Boxcar => return Ok(weights),
            Self::Hann => [0.5, 0.5, 0.0],
            Self::Hamming => [0.54, 0.46, 0.0],
            Self::Blackman => [0.42, 0.5, 0.08],
        };
        if rows > 1 {
            let mut points: Vec<Point> = reserve(rows, [0.0; 2], "a taper")?;
            circle::fill(&mut points);
            let mut twice = 0;
            for (weight, point) in weights.iter_mut().zip(&points) {
                *weight = (a0 - a1 * point[0]) + a2 * points[twice][0];
                twice += 2;
                if twice >= rows {
                    twice -= rows;
                }
            }
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_four_rows() {
        let close = |taper: Taper, expected: [f64; 4]| {
            for (weight, expected) in taper.weights(4).unwrap().into_iter().zip(expected) {
                assert!((weight - expected).abs() < 1e-15, "{taper:?}: {weight} for {expected}");
            }
        };
        close(Taper::Boxcar, [1.0; 4]);
        close(Taper::Hann, [0.0, 0.5, 1.0, 0.5]);
        close(Taper::Hamming, [0.08, 0.54, 1.0, 0.54]);
        close(Taper::Blackman, [0.0, 0.34, 1.0, 0.34]);
    }

    #[test]
    fn no_rows_and_one_row() {
        for taper in [Taper::Boxcar, Taper::Hann, Taper::Hamming, Taper::Blackman] {
            assert!(taper.weights(0).unwrap().is_empty());
            assert_eq!(taper.weights(1).unwrap(), [1.0]);
        }
    }

    #[test]
    fn weights_are_symmetric_about_the_middle() {
        for taper in [Taper::Hann, Taper::Hamming, Taper::Blackman] {
            for rows in [2, 3, 7, 48, 255] {
                let weights = taper.weights(rows).unwrap();
                assert!((1..rows).all(|row| (weights[row] - weights[rows - row]).abs() < 1e-15));
            }
        }
    }
}
