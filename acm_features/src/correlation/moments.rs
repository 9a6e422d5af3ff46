//! The moments of a pair of columns, and what is asked of them.

use super::scan::power_of_two;

/// Least share of its squares that a variance must keep to be taken from them: what cancels costs four bits at most.
const KEPT: f64 = 1.0 / 16.0;

/// Sums of squares below may have lost some to underflow.
pub(super) const TINY: f64 = 1e-200;

/// What is asked of the moments of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    Correlation,
    Covariance { ddof: usize },
}

/// A column of the left side and one of the right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) left: usize,
    pub(super) right: usize,
}

/// What a pair of columns sums up to over the rows where both have a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PairSums {
    pub(super) count: f64,
    pub(super) product: f64,
    pub(super) left: f64,
    pub(super) left_squares: f64,
    pub(super) right: f64,
    pub(super) right_squares: f64,
}

/// Sums of squares and products about the means.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) product: f64,
    /// What the columns were multiplied by, powers of two.
    pub(super) left_scale: f64,
    pub(super) right_scale: f64,
    /// Whether the sums left enough of themselves.
    pub(super) sound: bool,
}

impl Moments {
    /// About the means, from sums about any centres.
    pub(super) fn of(sums: &PairSums, left_scale: f64, right_scale: f64) -> Self {
        let inverse = 1.0 / sums.count.max(1.0);
        let left = sums.left_squares - sums.left * sums.left * inverse;
        let right = sums.right_squares - sums.right * sums.right * inverse;
        let sound = |moment: f64, squares: f64| moment >= KEPT * squares && squares > TINY;
        Self {
            count: sums.count,
            left,
            right,
            product: sums.product - sums.left * sums.right * inverse,
            left_scale,
            right_scale,
            sound: sound(left, sums.left_squares) && sound(right, sums.right_squares),
        }
    }

    /// The correlation, NaN where a column stands still.
    fn correlation(&self) -> f64 {
        if self.left > 0.0 && self.right > 0.0 {
            // One root rounds less than two; two do not leave the numbers where the product would.
            let product = self.left * self.right;
            let scale = if product.is_normal() {
                product.sqrt()
            } else {
                self.left.sqrt() * self.right.sqrt()
            };
            (self.product / scale).clamp(-1.0, 1.0)
        } else {
            f64::NAN
        }
    }

    fn covariance(&self, ddof: usize) -> f64 {
        let unscale = exponent(self.left_scale) + exponent(self.right_scale);
        // In two steps: the whole may be beyond what a power of two can be though the covariance is not.
        let half = unscale / 2;
        self.product / (self.count - ddof as f64) * power_of_two(-half) * power_of_two(half - unscale)
    }

    pub(super) fn get(&self, wanted: Wanted) -> f64 {
        match wanted {
            Wanted::Correlation => self.correlation(),
            Wanted::Covariance { ddof } => self.covariance(ddof),
        }
    }
}

/// The exponent of a power of two.
fn exponent(scale: f64) -> i64 {
    (scale.to_bits() >> 52).cast_signed() - 1023
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_still_has_no_correlation() {
        let correlation = |left, right, product| {
            let moments = Moments {
                count: 3.0,
                left,
                right,
                product,
                ..Moments::default()
            };
            moments.get(Wanted::Correlation)
        };
        // Rounding may have left something of the products.
        for product in [0.0, 1e-20, -1e-20] {
            assert!(correlation(0.0, 2.0, product).is_nan() && correlation(2.0, 0.0, product).is_nan());
        }
        assert_eq!(correlation(8.0, 2.0, -2.0), -0.5);
        // Squares whose product is no number.
        let tiny = 2.0_f64.powi(-700);
        assert_eq!(correlation(tiny, tiny, 0.25 * tiny), 0.25);
    }
}
