//! Scores among healthy ones that may be none: a group far above the others, or a tail that reaches further than most do.

/// Fewest scores that are a group of their own.
const GROUP: usize = 8;

/// At most one in so many scores lies in such a group.
const SHARE: usize = 10;

/// How much wider the upper of two equal steps in the logarithm of the rate is in a heavy tail. In one of exponential kind both
/// are as wide, and with a tail index of 1/ξ the upper is wider by 4^ξ.
const WIDER: f64 = 3.0;

/// Fewest scores above the upper step.
const LEAST: usize = 5;

/// How many of the scores, largest first, lie above a clear gap: one wider than all that is left below it down to the median,
/// and than the lower half of what lies above it.
///
/// Of independent scores with a tail as x^-1.5, that of the square of Student's t with three degrees of freedom, one sample in
/// 2,500 has such a gap.
pub(super) fn apart(descending: &[f64]) -> usize {
    let count = descending.len();
    if count < GROUP * SHARE || descending.first() == Some(&f64::INFINITY) {
        return 0;
    }
    let median = descending[count / 2];
    let (mut found, mut widest) = (0, 1.0);
    for place in GROUP..=count / SHARE {
        let below = descending[place] - median;
        // Halves: the difference of huge scores is a number.
        let gap = descending[place - 1] / 2.0 - descending[place] / 2.0;
        let wide = 2.0 * (gap / below);
        let above = descending[place / 2] / 2.0 - descending[place - 1] / 2.0;
        if below > 0.0 && wide > widest && gap > above {
            (found, widest) = (place, wide);
        }
    }
    found
}

/// Whether scores, largest first, reach further and further out: after Pickands (1975, doi 10.1214/aos/1176343003), from the
/// steps between the places k, 4 k and 16 k, k = 5, 10, 20, ...
///
/// In trials of 200 to 5,000 scores no normal, exponential or χ² sample of 300 did; of squared sensors with memory 0.95 1-2 %,
/// of Student's t with three degrees of freedom squared 40-70 %, and all of 1,000 χ² scores of which 2 % were ten times larger.
pub(super) fn reach_far(descending: &[f64]) -> bool {
    let Some(median) = descending.get(descending.len() / 2).map(|median| median / 2.0) else {
        return false;
    };
    let mut place = LEAST;
    while 16 * place < descending.len() {
        let [high, middle, low] = [place, 4 * place, 16 * place].map(|place| descending[place - 1] / 2.0);
        // Many scores are their least one, as those of charts.
        if low > median && middle > low && (high - middle) / (middle - low) > WIDER {
            return true;
        }
        place *= 2;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles at evenly spread probabilities, largest first.
    fn sample(count: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..count).map(|place| of((place as f64 + 0.5) / count as f64)).collect()
    }

    #[test]
    fn a_group_above_a_gap_is_apart() {
        let body = sample(980, |p| -p.ln());
        for size in [8, 20, 90] {
            let far: Vec<f64> = (0..size).map(|place| 40.0 - 0.1 * f64::from(place)).collect();
            let all = [&far[..], &body].concat();
            assert_eq!(apart(&all), far.len());
        }
        // Too few, too many, too near, and none.
        for far in [vec![40.0; 7], vec![40.0; 200], vec![10.0; 20], vec![]] {
            assert_eq!(apart(&[&far[..], &body].concat()), 0, "{}", far.len());
        }
        assert_eq!(apart(&[&[1.7e308; 20][..], &[1.0; 100], &[-1.7e308; 380]].concat()), 0);
        assert_eq!(apart(&[&[1.7e308; 20][..], &body].concat()), 20);
        assert_eq!(apart(&sample(1000, |p| if p < 0.05 { 1.0 - p } else { 0.0 })), 0);
        assert_eq!(apart(&sample(1000, |p| if p < 0.095 { -(p / 0.095).ln() } else { 0.0 })), 0);
    }

    #[test]
    fn heavy_tails_reach_far() {
        assert!(!reach_far(&sample(1000, |p| -p.ln())));
        assert!(!reach_far(&sample(1000, |p| 1.0 - p)) && !reach_far(&[1.0; 500]) && !reach_far(&[1.0]));
        assert!(!reach_far(&sample(1000, |p| if p < 0.1 { -(10.0 * p).ln() } else { 0.0 })) && !reach_far(&[]));
        assert!(reach_far(&sample(1000, |p| 1.0 / p)));
        let body = sample(980, |p| -p.ln());
        assert!(reach_far(&[&sample(20, |p| -50.0 * p.ln())[..], &body].concat()));
    }
}
