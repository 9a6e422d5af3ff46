//! The upper tail of a sample: what lies beyond the largest values.

/// How many of the largest of `count` values stand for the tail: a tenth, but enough to fit and not more than needed.
pub(super) fn share(count: usize) -> usize {
    (count / 10).clamp(30.min(count / 2), 500)
}

/// From this shape on a mean of squares does not exist, and the moments tell little.
const MOST_SHAPE: f64 = 0.5;

/// Values at the top of a sample, as a level that they exceed and their excesses over it in units of the greatest.
pub(super) struct Excesses {
    level: f64,
    unit: f64,
    /// Mean excess, and the excesses' mean weighted by the share of excesses above each.
    moments: (f64, f64),
    /// Share of the sample that exceeds the level.
    share: f64,
}

impl Excesses {
    /// Of a sample of `count` values whose largest ones are `descending`: all but the last exceed, the last is the level.
    pub(super) fn of(descending: &[f64], count: usize) -> Option<Self> {
        let (&level, above) = descending.split_last()?;
        let unit = (above.first()? - level).min(f64::MAX);
        let exceeding = above.len() as f64;
        let mut moments = (0.0, 0.0);
        for (place, value) in above.iter().enumerate() {
            let excess = if unit > 0.0 { ((value - level) / unit).min(1.0) } else { 0.0 };
            moments.0 += excess / exceeding;
            moments.1 += excess * (place as f64 / (exceeding - 1.0).max(1.0)) / exceeding;
        }
        Some(Self {
            level,
            unit,
            moments,
            share: exceeding / count as f64,
        })
    }

    /// Mean excess over the level.
    pub(super) fn mean(&self) -> f64 {
        self.moments.0 * self.unit
    }

    /// Whether the moments cease to estimate the tail's shape.
    pub(super) fn is_heavy(&self) -> bool {
        let (b0, a1) = self.moments;
        let ratio = b0 - 2.0 * a1;
        ratio > 1e-12 * b0 && 2.0 - b0 / ratio >= MOST_SHAPE
    }

    /// The value that is exceeded at `rate`, by a generalised Pareto distribution with these probability-weighted moments.
    ///
    /// xi = 2 - b0 / (b0 - 2 a1), sigma = b0 (1 - xi); level + sigma / xi ((rate / share)^-xi - 1)
    ///
    /// The shape is held at 1/2 at most, where the moments cease to estimate it.
    /// Source: Hosking and Wallis 1987, doi 10.1080/00401706.1987.10488243 (their k is -xi, their alpha_1 is a1).
    pub(super) fn exceeded_at(&self, rate: f64) -> f64 {
        let (b0, a1) = self.moments;
        let ratio = b0 - 2.0 * a1;
        if ratio <= 1e-12 * b0 {
            // All excesses are the same: nothing lies beyond.
            return self.level + self.unit;
        }
        let shape = (2.0 - b0 / ratio).min(MOST_SHAPE);
        let scale = b0 * (1.0 - shape);
        let depth = -(rate / self.share).ln();
        let steps = if shape.abs() < 1e-9 { depth } else { (shape * depth).exp_m1() / shape };
        (self.level + self.unit * (scale * steps)).min(f64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of the generalised Pareto distribution at evenly spread probabilities, largest first, down to 0.
    fn sample(shape: f64, count: usize) -> Vec<f64> {
        let places = (0..count).map(|place| (place as f64 + 0.5) / count as f64);
        places.map(|p| 5.0 + 2.0 * (p.powf(-shape) - 1.0) / shape).chain([5.0]).collect()
    }

    #[test]
    fn a_generalised_pareto_tail_is_found_again() {
        for shape in [-0.4, -0.1, 0.1, 0.3] {
            let values = sample(shape, 5000);
            let tail = Excesses::of(&values, 50_000).unwrap();
            assert!((tail.mean() - 2.0 / (1.0 - shape)).abs() < 0.02, "{shape}");
            for rate in [1e-2, 1e-3, 1e-4] {
                let exact = 5.0 + 2.0 * ((rate / 0.1_f64).powf(-shape) - 1.0) / shape;
                let found = tail.exceeded_at(rate);
                assert!((found / exact - 1.0).abs() < 0.02, "{shape} {rate}: {found} {exact}");
            }
        }
    }

    #[test]
    fn ties_and_huge_values_stay_finite() {
        let tail = Excesses::of(&[3.0, 3.0, 3.0, 1.0], 40).unwrap();
        assert_eq!(tail.exceeded_at(1e-3), 3.0);
        let tail = Excesses::of(&[1.0, 1.0, 1.0], 40).unwrap();
        assert_eq!((tail.exceeded_at(1e-3), tail.mean()), (1.0, 0.0));
        let tail = Excesses::of(&[1.7e308, 1e300, 1.0, -1.7e308], 40).unwrap();
        assert!(tail.exceeded_at(1e-6).is_finite());
        assert!(Excesses::of(&[1.0], 5).is_none());
    }
}
