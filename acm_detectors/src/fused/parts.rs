//! The parts of the score: which there are, and the scale and limit of each.

use acm_linalg::Result;
use acm_linalg::memory::{Gather, push};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;

use super::Fused;
use crate::limits::f_upper;

/// Least spread of a part: one that never changed gives large scores, not infinite ones.
const LEAST_SPREAD: f64 = 1e-12;

/// What a part watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// How large the residuals are: the mean of their squared lengths.
    Power,
    /// Where they point to: the squared length of their mean.
    Shift,
}

const WHAT: &str = "the parts of the score";

/// A statistic of the residuals with its memory: the weight of the latest row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) memory: f64,
}

/// Where the cube root of a part lies on healthy rows, and what it exceeds rarely.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Norms {
    pub(super) mean: Vec<f64>,
    pub(super) spread: Vec<f64>,
    /// In spreads above the mean.
    pub(super) limit: Vec<f64>,
}

impl Norms {
    /// Adds the part whose statistic on the healthy rows is `values`; `chance` is that of a false alarm of this part in a row.
    pub(super) fn push(&mut self, part: Part, values: &[f64], chance: f64) -> Result<()> {
        let rows = values.len();
        let forgotten = warm_up(part.memory, rows);
        let roots = || values[forgotten..].iter().map(|value| value.cbrt());
        let count = (rows - forgotten).max(1) as f64;
        let mean = roots().sum::<f64>() / count;
        let variance = roots().map(|root| (root - mean) * (root - mean)).sum::<f64>() / count;
        self.add(mean, variance.sqrt(), limit(part.memory, rows, chance))
    }

    /// Adds a part with its mean, standard deviation and limit.
    pub(super) fn add(&mut self, mean: f64, spread: f64, limit: f64) -> Result<()> {
        push(&mut self.mean, mean, WHAT)?;
        push(&mut self.spread, spread.max(LEAST_SPREAD), WHAT)?;
        push(&mut self.limit, limit, WHAT)
    }

    /// The standard deviations that the statistic `value` of part `number` lies above the mean, over its limit.
    #[inline(always)]
    pub(super) fn score(&self, number: usize, value: f64) -> f64 {
        self.of_root(number, value.cbrt())
    }

    /// The same from the cube root.
    #[inline(always)]
    pub(super) fn of_root(&self, number: usize, root: f64) -> f64 {
        (root - self.mean[number]) / self.spread[number] / self.limit[number]
    }
}

/// The first rows tell of the memory's start, not of the part.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn warm_up(memory: f64, rows: usize) -> usize {
    if memory < 1.0 { ((1.0 / memory) as usize).min(rows / 4) } else { 0 }
}

/// The upper limit of a prediction interval for a new value, from the mean and the standard deviation of `rows` values with a
/// memory: those of an autoregression of coefficient 1 - `memory` count as fewer independent ones.
pub(super) fn limit(memory: f64, rows: usize, chance: f64) -> f64 {
    let (means, freedom) = independent(memory, rows);
    student_upper(freedom.max(2.0), chance) * (1.0 + 1.0 / means.max(2.0)).sqrt()
}

/// As how many independent values `rows` of them count for their mean, and for their standard deviation.
pub(super) fn independent(memory: f64, rows: usize) -> (f64, f64) {
    let (n, phi) = (rows as f64, 1.0 - memory);
    (n * (1.0 - phi) / (1.0 + phi), n * (1.0 - phi * phi) / (1.0 + phi * phi) - 1.0)
}

/// The value that a number of Student's distribution exceeds with probability `chance` < 0.5: its square is an F number.
pub(super) fn student_upper(freedom: f64, chance: f64) -> f64 {
    f_upper(1.0, freedom, 2.0 * chance).sqrt()
}

/// The power of all `sensors` that is as likely as the power `own` of the `present` ones, of which there are fewer, by their
/// cube roots (Wilson and Hilferty 1931); `usual` is the mean power of all.
pub(super) fn full_scale(own: f64, present: usize, sensors: usize, usual: f64) -> f64 {
    if usual <= 0.0 {
        return own;
    }
    let (here, all) = (2.0 / (9.0 * present as f64), 2.0 / (9.0 * sensors as f64));
    let ratio = own * sensors as f64 / (usual * present as f64);
    let normal = (ratio.cbrt() - 1.0 + here) / here.sqrt();
    usual * (1.0 - all + normal * all.sqrt()).max(0.0).powi(3)
}

/// y_t = y_{t-1} + memory (x_t - y_{t-1}) from `start` on.
pub(super) fn averaged(values: &[f64], memory: f64, start: f64) -> Result<Vec<f64>> {
    let mut out = room(values.len(), 1, 0.0, "averages of the training rows")?;
    let mut level = start;
    for (out, value) in out.iter_mut().zip(values) {
        level = if memory < 1.0 { level + memory * (value - level) } else { *value };
        *out = level;
    }
    Ok(out)
}

impl Fused {
    /// Power at each memory, then shift at each memory that is one. Of readings there is no power at the fastest of several
    /// memories: it tells little more than their shift there, and loads with inertia make it alarm.
    pub(super) fn parts(&self) -> Result<Vec<Part>> {
        let readings = self.components == Components::Count(0) && self.memories.len() > 1;
        let fastest = self.memories.iter().copied().fold(0.0, f64::max);
        let powers = self.memories.iter().filter(|&&memory| !readings || memory < fastest).map(|&memory| Part {
            kind: Kind::Power,
            memory,
        });
        let shifts = self.slow().map(|memory| Part {
            kind: Kind::Shift,
            memory,
        });
        powers.chain(shifts).gathered(WHAT)
    }

    /// The memories of more than one row.
    pub(super) fn slow(&self) -> impl Iterator<Item = f64> {
        self.memories.iter().copied().filter(|&memory| memory < 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_students_distribution() {
        // SciPy: stats.t.isf(0.002, nu) * sqrt(1 + 1 / m) for 500 rows.
        for (memory, exact) in [(1.0, 2.894), (0.2, 2.967), (0.03, 3.646)] {
            assert!((limit(memory, 500, 0.002) - exact).abs() < 6e-4, "{memory}");
        }
        // Cauchy's: cot(pi chance).
        assert!((student_upper(1.0, 0.1) - 1.0 / (std::f64::consts::PI * 0.1).tan()).abs() < 1e-12);
        assert!(limit(1e-9, 80, 0.4).is_finite());
    }

    #[test]
    fn the_power_of_some_sensors_is_as_likely_as_that_of_all() {
        for own in [0.3, 4.0, 60.0] {
            assert!((full_scale(own, 7, 7, 5.0) - own).abs() < 1e-12 * own);
            assert_eq!(full_scale(own, 3, 7, 0.0), own);
        }
        // SciPy: chi2.isf(chi2.sf(x, 20), 40), which the cube roots meet to some thousandths.
        for (own, exact) in [(10.850_8, 26.509_3), (19.337_4, 39.335_3), (37.566_2, 63.690_7)] {
            assert!((full_scale(own, 20, 40, 40.0) / exact - 1.0).abs() < 5e-3, "{own}");
        }
    }

    #[test]
    fn averages_begin_where_they_are_told() {
        assert_eq!(averaged(&[4.0, 2.0], 0.5, 2.0).unwrap(), [3.0, 2.5]);
        assert_eq!(averaged(&[4.0, 2.0], 1.0, 9.0).unwrap(), [4.0, 2.0]);
    }
}
