//! How a score comes onto a scale that it shares with other scores.

use acm_linalg::Result;
use acm_linalg::samples::room;
use acm_linalg::scaling::{mean_and_deviation, median_mad, quantile};

use super::tail::{self, Excesses};

/// The MAD of a normal distribution with standard deviation 1 is 1 / this.
const NORMAL_MAD: f64 = 1.482_602_218_505_602;

/// Numbers beyond this are as good as this: sums of them stay finite.
const FAR: f64 = 1e150;

/// The largest scores that each have a knot; below, knots stand at ranks that grow by [`SPREAD`].
const SINGLE: usize = 64;
const SPREAD: f64 = 1.05;

/// The common scale. Each maps a score without ever turning two around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// (s - median) / (1.4826 MAD) of the training scores.
    Robust,
    /// -log10 of the share of training scores at or above s, as of n + 1; beyond the largest, linear in s as for an
    /// exponential tail with the mean excess of the top tenth.
    Tail,
    /// (cbrt(s) - mean) / standard deviation of the training scores' cube roots.
    ///
    /// For sums of squares (SPE, T2, squared distances) and averages of them: the cube root of a multiple of a chi-squared
    /// variable is close to normal.
    /// Source: Wilson and Hilferty 1931, doi 10.1073/pnas.17.12.684.
    CubeRoot,
}

/// One score's map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    /// What a missing score counts as.
    pub(super) fill: f64,
    pub(super) form: Form,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// (s - center) / scale
    Line { center: f64, scale: f64 },
    /// (cbrt(s) - center) / scale
    Cube { center: f64, scale: f64 },
    /// Through knots (score, mark), both ascending, and on by a slope.
    Knots {
        scores: Vec<f64>,
        marks: Vec<f64>,
        slope: f64,
    },
}

impl Map {
    /// From known training scores, at least one; changes them.
    pub(super) fn fit(scores: &mut [f64], mapping: Mapping) -> Result<Self> {
        let (_, deviation) = mean_and_deviation(scores);
        let fill = quantile(scores, 0.5);
        let rounding = 1e-12 * fill.abs();
        let usable = |scale: &f64| scale.is_finite() && *scale > rounding;
        let floor = still(fill);
        let form = match mapping {
            Mapping::Robust => {
                let mut copy = room(scores.len(), 1, 0.0, "a score's training values")?;
                copy.copy_from_slice(scores);
                let (center, mad) = median_mad(&mut copy);
                let scale = [NORMAL_MAD * mad, deviation].into_iter().find(usable).unwrap_or(floor);
                Form::Line { center, scale }
            }
            Mapping::CubeRoot => {
                scores.iter_mut().for_each(|score| *score = score.cbrt());
                let (center, deviation) = mean_and_deviation(scores);
                let rounding = 1e-12 * center.abs();
                let scale = if deviation > rounding { deviation } else { still(center) };
                Form::Cube { center, scale }
            }
            Mapping::Tail => {
                scores.sort_unstable_by(|a, b| b.total_cmp(a));
                let above = tail::share(scores.len());
                let excess = Excesses::of(&scores[..=above], scores.len()).map(|tail| tail.mean());
                let excess = [excess.unwrap_or(0.0), deviation].into_iter().find(usable).unwrap_or(floor);
                let (values, marks) = knots(scores);
                Form::Knots {
                    scores: values,
                    marks,
                    slope: (1.0 / (excess * std::f64::consts::LN_10)).min(FAR),
                }
            }
        };
        Ok(Self { fill, form })
    }

    /// The score on the common scale; an infinite one becomes the greatest or the least of it.
    pub(super) fn of(&self, score: f64) -> f64 {
        if score == f64::INFINITY {
            return FAR;
        }
        let score = if score.is_nan() { self.fill } else { score };
        let mapped = match &self.form {
            Form::Line { center, scale } => (score - center) / scale,
            Form::Cube { center, scale } => (score.cbrt() - center) / scale,
            Form::Knots { scores, marks, slope } => along(scores, marks, *slope, score),
        };
        mapped.clamp(-FAR, FAR)
    }
}

/// The scale of scores that never moved from `level`.
fn still(level: f64) -> f64 {
    if level == 0.0 { 1e-6 } else { (1e-6 * level.abs()).max(f64::MIN_POSITIVE) }
}

fn along(scores: &[f64], marks: &[f64], slope: f64, score: f64) -> f64 {
    let next = scores.partition_point(|&knot| knot <= score);
    let Some(below) = next.checked_sub(1) else {
        return marks.first().copied().unwrap_or(0.0);
    };
    let (start, mark) = (scores[below], marks[below]);
    match (scores.get(next), marks.get(next)) {
        (Some(end), Some(above)) => {
            let part = (score / 2.0 - start / 2.0) / (end / 2.0 - start / 2.0);
            mark + (above - mark) * part
        }
        _ => mark + slope * (score - start),
    }
}

/// Scores and their marks, ascending, from scores in descending order.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ranks")]
fn knots(descending: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let count = descending.len();
    let (mut values, mut marks) = (Vec::new(), Vec::new());
    let mut rank = 1;
    while rank <= count {
        let value = descending[rank - 1];
        // Of the same scores the lowest rank counts: that many are at or above.
        rank += descending[rank..].partition_point(|&other| other >= value);
        values.push(value);
        marks.push(((count as f64 + 1.0) / rank as f64).log10());
        let next = rank + 1;
        rank = if next <= SINGLE || rank == count {
            next
        } else {
            next.max((rank as f64 * SPREAD) as usize).min(count)
        };
    }
    values.reverse();
    marks.reverse();
    (values, marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(scores: &[f64], mapping: Mapping) -> Map {
        Map::fit(&mut scores.to_vec(), mapping).unwrap()
    }

    #[test]
    fn by_hand() {
        let scores = [1.0, 2.0, 3.0, 4.0, 10.0];
        let robust = fitted(&scores, Mapping::Robust);
        assert_eq!(robust.of(3.0 + NORMAL_MAD), 1.0);
        assert_eq!(robust.of(f64::NAN), 0.0);
        let tail = fitted(&scores, Mapping::Tail);
        assert_eq!(tail.of(10.0), 6.0_f64.log10());
        assert_eq!(tail.of(3.0), 2.0_f64.log10());
        assert_eq!(tail.of(3.5), f64::midpoint(2.0_f64.log10(), 3.0_f64.log10()));
        assert_eq!(tail.of(-5.0), tail.of(1.0));
        // The top half: 10 and 4 above 3, so a mean excess of 4.
        assert!((tail.of(14.0) - (6.0_f64.log10() + 1.0 / 10.0_f64.ln())).abs() < 1e-15);
        let cubes = fitted(&[1.0, 8.0, 27.0, 64.0, 125.0], Mapping::CubeRoot);
        assert!((cubes.of(1000.0) - 7.0 / f64::sqrt(2.0)).abs() < 1e-14);
        assert!((cubes.of(f64::NAN) - cubes.of(27.0)).abs() < 1e-15);
        for map in [robust, tail, cubes] {
            assert_eq!(map.of(f64::INFINITY), FAR);
            assert!(map.of(f64::NEG_INFINITY) <= map.of(-f64::MAX));
        }
    }

    #[test]
    fn order_is_kept_and_nothing_overflows() {
        let scores: Vec<f64> = (0..5000).map(|i| (f64::from(i) * 0.37).sin().powi(5) + 2.0).collect();
        let far = [
            -1.7e308, -1e9, 0.0, 0.5, 1.0, 1.5, 2.0, 2.9, 3.0, 3.1, 50.0, 1e9, 1.7e308,
        ];
        for mapping in [Mapping::Robust, Mapping::Tail, Mapping::CubeRoot] {
            let map = fitted(&scores, mapping);
            let mapped: Vec<f64> = far.iter().map(|&score| map.of(score)).collect();
            assert!(mapped.windows(2).all(|pair| pair[0] <= pair[1]), "{mapping:?} {mapped:?}");
            assert!(mapped.iter().all(|value| value.is_finite()));
            assert!(map.of(3.1) < map.of(50.0));
        }
        let huge = [1.7e308, -1.7e308, 1.6e308, 0.0];
        for mapping in [Mapping::Robust, Mapping::Tail, Mapping::CubeRoot] {
            let map = fitted(&huge, mapping);
            assert!(huge.iter().all(|&score| map.of(score).is_finite()), "{mapping:?} {map:?}");
        }
    }

    #[test]
    fn few_knots_follow_many_scores() {
        let scores: Vec<f64> = (0..200_000).map(|i| -(1.0 - f64::from(i + 1) / 200_001.0).ln()).collect();
        let map = fitted(&scores, Mapping::Tail);
        let Form::Knots { scores: knots, .. } = &map.form else {
            panic!()
        };
        assert!(knots.len() < 300);
        // -log10 p of an exponential variable is s / ln 10, beyond the data too.
        for score in [0.0, 0.01, 0.1, 1.0, 3.0, 7.0, 11.0, 12.0] {
            assert!((map.of(score) - score / 10.0_f64.ln()).abs() < 0.01, "{score} {}", map.of(score));
        }
        // As far beyond as the mean excess of the top 500 carries.
        assert!((map.of(30.0) / (30.0 / 10.0_f64.ln()) - 1.0).abs() < 0.01);
    }

    #[test]
    fn scores_that_never_move() {
        for level in [0.0_f64, 5.0, -1e9, 1e-12, -3e-100] {
            let scores = [level; 40];
            let step = if level == 0.0 { 1.0 } else { level.abs() };
            for mapping in [Mapping::Robust, Mapping::Tail] {
                let map = fitted(&scores, mapping);
                assert!(map.of(level).abs() < 0.1);
                assert!(map.of(level + step) > 1e5, "{mapping:?}");
            }
            let cubes = fitted(&scores, Mapping::CubeRoot);
            assert!(cubes.of(level).abs() < 1e-3 && cubes.of(level + step) > 1e5);
        }
        // Half of the scores are the same: the MAD is 0, the deviation is not.
        let map = fitted(&[0.0, 0.0, 0.0, 0.0, 4.0], Mapping::Robust);
        assert_eq!(map.of(1.6), 1.0);
    }
}
